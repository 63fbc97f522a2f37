/* rtdtools - MIT licence
 *
 * Labelled data as people write it: comments and columns of CoNLL, forms of SQuAD and of answers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gold/conll.h"
#include "gold/squad.h"
#include "gold/squad_answers.h"

static char path[] = "/tmp/rtd_gold_XXXXXX", other[] = "/tmp/rtd_said_XXXXXX";
static int setup(void **state)
{
    (void)state;
    int a = mkstemp(path), b = mkstemp(other);
    return a < 0 || b < 0 || close(a) || close(b);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path) | unlink(other);
}

static void write_to(const char *file, const char *text)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* --- CoNLL --- */

/* Sentences as "word/tag word/tag | ...", what stood before each in {}, its intent in <>. */
static const char *sentences_of(const char *text, bool tags, int word, int tag)
{
    static char got[2000];
    struct rtd_conll c;
    struct rtd_sentence s = {0};
    struct rtd_err err = {0};
    write_to(path, text);
    got[0] = '\0';
    assert_int_equal(rtd_conll_open(&c, path, tags, &err), RTD_OK);
    c.wanted.word = word;
    c.wanted.tag = tag;
    for (;;) {
        if (rtd_conll_next(&c, &s, &err)) {
            sprintf(got + strlen(got), "! %s |", strstr(err.text, "line"));
            if (!c.damaged)
                break;
            err = (struct rtd_err){0};
            continue;
        }
        if (s.n == 0)
            break;
        if (s.before.len)
            sprintf(got + strlen(got), "{%.*s}", (int)s.before.len, (char *)s.before.data);
        if (s.intent)
            sprintf(got + strlen(got), "<%s>", s.intent);
        for (size_t i = 0; i < s.n; i++)
            sprintf(got + strlen(got), "%s%s%s%s", i ? " " : "", s.word[i], tags ? "/" : "",
                    tags ? s.tag[i] : "");
        sprintf(got + strlen(got), " |");
    }
    if (c.doubtful)
        sprintf(got + strlen(got), " doubt %d", (int)c.doubtful);
    rtd_sentence_free(&s);
    rtd_conll_close(&c);
    return got;
}

static void comments_are_no_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *file, *want;
    } cases[] = {
        /* CoNLL-U and Universal NER */
        {"# sent_id = 1\n# text = Ada met\nAda\tB-PER\nmet\tO\n\n",
         "{# sent_id = 1\n# text = Ada met\n}Ada/B-PER met/O |"},
        {"# x\ny\n\n# nothing more\n", "! line 2: no tag |"},
        /* GermEval: two columns where the tokens have four */
        {"#\thttp://a.de [2009]\n1\tAda\tB-PER\tO\n\n", "{#\thttp://a.de [2009]\n}1/O |"},
        /* tokens */
        {"#\tO\n1\tO\n\n", "#/O 1/O |"},
        {"#\tO\n\n", "#/O |"},
        {"a\tO\n# b\tB-X\n\n", "a/O # b/B-X |"},
        {"# O\n1 O\n\n", "#/O 1/O |"},
        {"# # I-NP\n5 CD I-NP\n\n", "#/I-NP 5/I-NP |"},
        {"#\n\n", "! line 1: no tag |"},
        /* columns apart by blanks: as many columns, and yet no token */
        {"# id = 5\na b c O\n\n", "{# id = 5\n}a/O |"},
        {"# a longer comment here\na O\n\n", "{# a longer comment here\n}a/O |"},
        /* a comment that looks like a token, and a token that looks like a comment */
        {"# x y z\na\tO\n\n#\tO\nb\tO\n\n", "{# x y z\n}a/O |#/O b/O | doubt 4"},
        /* intents go their own way */
        {"# intent = fly to\na\tO\n\n# intent = X\n#\tO\nb\tO\n\n", "<fly to>a/O |<X>#/O b/O |"},
        {"-DOCSTART- -X- O O\n\n# c\na b c O\n\n", "{-DOCSTART-\tO\n\n# c\n}a/O |"},
        /* columns */
        {"a\t\tx\tO\n\n", "a/O |"},
        {"a\tO\t\n b  B-X \n\n", "a/O b/B-X |"},
        {"\tO\n\nb\tO\n\n", "! line 1: no token |b/O |"},
        {"a\tB-\xff\n\n", "! line 1: the tag is not UTF-8 |"},
        {"a\tB\rC\n\n", "! line 1: the tag holds a control character |"},
        {"a\nb\nc\tO\n\nd\tO\n\n", "! line 1: no tag |d/O |"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(sentences_of(cases[i].file, true, 0, 0), cases[i].want);
    assert_string_equal(sentences_of("1\tAda\tB-PER\tO\n\n", true, 2, 3), "Ada/B-PER |");
    struct rtd_conll_columns c;
    struct rtd_err err = {0};
    assert_int_equal(rtd_conll_columns(&c, "2", NULL, &err), RTD_OK);
    assert_true(c.word == 2 && c.tag == 0);
    assert_int_equal(rtd_conll_columns(&c, "form", NULL, &err), RTD_EUSAGE);
    assert_string_equal(sentences_of("# c\nAda\nmet\n\n", false, 0, 0), "{# c\n}Ada met |");
    assert_string_equal(sentences_of("#\n\n", false, 0, 0), "# |");
}

/* A file whose first column counts is refused unless the words' column is stated. */
static void counting_columns_are_no_words(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int word;
        const char *first; /* NULL: refused */
    } cases[] = {
        {"1\tAda\tO\n2\tmet\tO\n\n1\tBob\tO\n\n", 0, NULL},
        {"1\tAda\tO\n2\tmet\tO\n\n1\tBob\tO\n\n", 2, "Ada"},
        {"1\tAda\tO\n2\tmet\tO\n\n1\tBob\tO\n\n", 1, "1"},
        {"1\tCD\tO\n2\tCD\tO\n\n3\tCD\tO\n\n", 0, "1"},
        {"1\tO\n2\tO\n\n", 0, "1"}, /* two columns */
        {"1\tCD\tO\n\n", 0, "1"},   /* one word */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rtd_sentences all;
        struct rtd_err err = {0};
        const struct rtd_conll_columns columns = {.word = cases[i].word};
        write_to(path, cases[i].file);
        int st = rtd_sentences_load(&all, path, &columns, NULL, &err);
        assert_int_equal(st, cases[i].first ? RTD_OK : RTD_EDATA);
        if (st)
            assert_non_null(strstr(err.text, "the first column counts"));
        else
            assert_string_equal(all.s[0].word[0], cases[i].first);
        rtd_sentences_free(&all);
    }
}

/* --- SQuAD --- */

#define SQUAD(context, qas) \
    "{\"data\": [{\"paragraphs\": [{\"context\": \"" context "\", \"qas\": [" qas "]}]}]}"

static void forms_of_squad(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        bool answers;
        const char *want; /* id:start,start ...; or what is wrong */
    } cases[] = {
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": [{\"text\": \"cat\", "
                        "\"answer_start\": 2}]}"),
         true, "x:2"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": {\"text\": [\"cat\", "
                        "\"a\"], \"answer_start\": [2, 0]}}"),
         true, "x:2,0"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": {\"text\": [], "
                        "\"answer_start\": []}}"),
         true, "x: v2"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": []}"), true, "x: v2"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"is_impossible\": true}"), true,
         "x: v2"},
        {SQUAD("a cat", "{\"id\": 18329103420363166823, \"question\": \"?\", \"answers\": "
                        "[{\"text\": \"cat\"}], \"x\": 1e400, \"y\": NaN, \"z\": \"\\ud83d\"}"),
         true, "18329103420363166823:2 moved"},
        /* code points: e with accent, U+0000, half a surrogate pair are one each */
        {SQUAD("\\u00e9\\u0000\\ud83d cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": "
                                            "[{\"text\": \"cat\", \"answer_start\": 4}]}"),
         true, "x:9"},
        {SQUAD("cat a cat a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": [{\"text\": "
                                  "\"cat\", \"answer_start\": 9}, {\"text\": \"cat\", "
                                  "\"answer_start\": 4}, {\"text\": \"dog\", \"answer_start\": 0},"
                                  "{\"text\": \"a\", \"answer_start\": 99}]}"),
         true, "x:6,6,-,13 moved missing"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\"}"), false, "x:"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": null}"), false, "x:"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\"}"), true,
         "data[0].paragraphs[0].qas[0]: no answers (of a test set?), nor is_impossible"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": null}"), true,
         "no answers"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": \"cat\"}"), true,
         "answers that are no list"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": {\"text\": \"cat\"}}"),
         true, "nor an object of lists"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": {\"text\": [\"cat\"], "
                        "\"answer_start\": []}}"),
         true, "not as many answer_start"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": [{\"answer_start\": "
                        "2}]}"),
         true, "an answer without text"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": [{\"text\": \"cat\", "
                        "\"answer_start\": \"2\"}]}"),
         true, "no whole number"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": \"?\", \"answers\": [], \"is_impossible\": "
                        "\"no\"}"),
         true, "neither true nor false"},
        {SQUAD("a cat", "{\"id\": null, \"question\": \"?\", \"answers\": []}"), true,
         "a question without id"},
        {SQUAD("a cat", "{\"id\": true, \"question\": \"?\", \"answers\": []}"), true,
         "a question without id"},
        {SQUAD("a cat", "{\"id\": \"x\", \"question\": 5, \"answers\": []}"), true,
         "no text under question"},
        {"{\"data\": [{\"paragraphs\": [{\"context\": null, \"qas\": [{}]}]}]}", true,
         "data[0].paragraphs[0].qas[0]: no text under context"},
        {"{\"data\": [{\"paragraphs\": [{\"context\": \"a\"}]}]}", true, "no list \"qas\""},
        {"{\"data\": [{\"x\": 1}]}", true, "data[0]: no list \"paragraphs\""},
        {"{\"data\": {}}", true, "no list \"data\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rtd_squad s;
        struct rtd_err err = {0};
        char got[700] = "";
        write_to(path, cases[i].file);
        if (rtd_squad_load(&s, path, cases[i].answers, NULL, &err)) {
            if (!strstr(err.text, cases[i].want))
                fail_msg("case %zu: %s", i, err.text);
            continue;
        }
        for (size_t q = 0; q < s.n; q++) {
            sprintf(got + strlen(got), "%s%s:", q ? " " : "", s.q[q].id);
            for (size_t k = 0; k < s.q[q].answers; k++)
                if (s.q[q].answer[k].start == SIZE_MAX)
                    sprintf(got + strlen(got), "%s-", k ? "," : "");
                else
                    sprintf(got + strlen(got), "%s%zu", k ? "," : "", s.q[q].answer[k].start);
        }
        sprintf(got + strlen(got), "%s%s%s", s.v2 ? " v2" : "", s.moved ? " moved" : "",
                s.missing ? " missing" : "");
        assert_string_equal(got, cases[i].want);
        rtd_squad_free(&s);
    }
}

/* Where an answer stands, in contexts of characters of all lengths, beside a search by hand. */
static void answers_are_found_by_code_points(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    static char file[40000], context[20000];
    for (unsigned n = 0; n < 1500; n += n < 20 ? 1 : 127) {
        size_t at[1501];
        context[0] = '\0';
        for (unsigned i = 0; i <= n; i++) {
            at[i] = strlen(context);
            strcat(context, i < n ? letters[(i * 7 + n) % 4] : "");
        }
        for (unsigned start = 0; start < n; start += 1 + n / 20) {
            struct rtd_squad s;
            struct rtd_err err = {0};
            unsigned len = start + 3 <= n ? 3 : 1;
            sprintf(file,
                    SQUAD("%s", "{\"id\": 1, \"question\": \"?\", \"answers\": [{\"text\": "
                                "\"%.*s\", \"answer_start\": %u}]}"),
                    context, (int)(at[start + len] - at[start]), context + at[start], start);
            write_to(path, file);
            assert_int_equal(rtd_squad_load(&s, path, true, NULL, &err), RTD_OK);
            assert_int_equal(s.q[0].answer[0].start, at[start]);
            assert_int_equal(s.moved, 0);
            rtd_squad_free(&s);
        }
    }
}

static void answers_by_id_and_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *file, *want; /* text,text; - is none; or what is wrong */
    } cases[] = {
        {"{\"1\": \"a\", \"2\": \"b\"}", "a,b"},
        {"{\"2\": \"b\", \"9\": 4}", "-,b"},
        {"{\"1\": null, \"2\": \"\\u0000\"}", "-,\xef\xbf\xbd"},
        {"{\"1\": \"x\", \"1\": \"a\", \"2\": \"b\"}", "a,b"},
        {"{\"1\": 5, \"2\": \"b\"}", "the prediction for '1' is not a text"},
        {"[]", "not a JSON object"},
        {"{\"1\": \"a\"", "not JSON: no ',' or '}' in an object, byte 10"},
        {"a\t1\t0\n\n", "a,-"},
        {"answer\tscore\tno_answer\na\t1\nb\t1\n", "a,b"},
        {"{\"answer\": \"a\", \"no_answer\": 0.5}\n{}\n", "a,-"},
        {"{\"answer\":\"a\"}\n{\"answer\":5}\n", "line 2: not an answer"},
        {"a\t1\n", "1 answers for 2 questions"},
        {"a\t1\nb\n", "line 2: not an answer"},
    };
    struct rtd_squad gold;
    struct rtd_err err = {0};
    write_to(path,
             SQUAD("a b", "{\"id\": 1, \"question\": \"?\", \"answers\": [{\"text\": \"a\"}]},"
                          "{\"id\": \"2\", \"question\": \"?\", \"answers\": [{\"text\": "
                          "\"b\"}]}"));
    assert_int_equal(rtd_squad_load(&gold, path, true, NULL, &err), RTD_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rtd_squad_answers a;
        char got[100];
        err = (struct rtd_err){0};
        write_to(other, cases[i].file);
        if (rtd_squad_answers_load(&a, &gold, other, NULL, NULL, &err)) {
            if (!strstr(err.text, cases[i].want))
                fail_msg("case %zu: %s", i, err.text);
            continue;
        }
        sprintf(got, "%s,%s", a.a[0].text ? a.a[0].text : "-", a.a[1].text ? a.a[1].text : "-");
        assert_string_equal(got, cases[i].want);
        rtd_squad_answers_free(&a);
    }
    /* probabilities: all of those that were answered */
    static const char *const none[] = {"{\"1\": 0.5, \"2\": 1}", "{\"1\": 0.5}",
                                       "{\"1\": 0.5, \"2\": NaN}", "{\"1\": 0.5, \"2\": \"1\"}"};
    write_to(other, "{\"1\": \"a\", \"2\": \"b\"}");
    for (size_t i = 0; i < 4; i++) {
        struct rtd_squad_answers a;
        err = (struct rtd_err){0};
        write_to(path, none[i]);
        int st = rtd_squad_answers_load(&a, &gold, other, path, NULL, &err);
        assert_int_equal(st, i ? RTD_EDATA : RTD_OK);
        if (st)
            assert_non_null(strstr(err.text, "the probability for '2' is not "));
        else
            assert_true(a.a[0].no_answer == 0.5 && a.a[1].no_answer == 1 && a.a[1].place == 1);
        rtd_squad_answers_free(&a);
    }
    rtd_squad_free(&gold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_are_no_tokens),
        cmocka_unit_test(counting_columns_are_no_words),
        cmocka_unit_test(forms_of_squad),
        cmocka_unit_test(answers_are_found_by_code_points),
        cmocka_unit_test(answers_by_id_and_by_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
