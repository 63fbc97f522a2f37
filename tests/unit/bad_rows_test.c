/* rtdtools - MIT licence
 *
 * Rows of labelled data that cannot be used: named, counted, left out; and that ten times the input
 * is not a hundred times the work. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/say.h"
#include "gold/conll.h"
#include "gold/labels.h"
#include "gold/predictions.h"
#include "gold/rank_data.h"
#include "gold/squad.h"
#include "gold/table.h"

static char path[] = "/tmp/rtd_rows_XXXXXX";
static char said[20000]; /* what the library had to say */

static void hear(int kind, const char *text)
{
    size_t n = strlen(said);
    if (n < sizeof said - 1200)
        sprintf(said + n, "%d %s\n", kind, text);
}

static void no_progress(uint64_t done, uint64_t total, const char *unit, const char *text)
{
    (void)done;
    (void)total;
    (void)unit;
    (void)text;
}

static void no_end(void) {}

static const struct rtd_sink sink = {hear, no_progress, no_end};

static int setup(void **state)
{
    (void)state;
    rtd_set_sink(&sink);
    int fd = mkstemp(path);
    return fd < 0 || close(fd);
}

static int teardown(void **state)
{
    (void)state;
    rtd_set_sink(NULL);
    return unlink(path);
}

static void write_to(const char *file, const char *text)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    said[0] = '\0';
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

/* --- bad rows --- */

enum { ROWS = 30 };

/* Row i of 30 is bad where i % 2 is 1 and i < 2 * bad. */
static void write_rows(const char *header, const char *good, const char *wrong, int bad,
                       const char *end)
{
    static char text[10000];
    strcpy(text, header);
    for (int i = 0; i < ROWS; i++)
        sprintf(text + strlen(text), i % 2 && i < 2 * bad ? wrong : good, i, i);
    write_to(path, strcat(text, end));
}

/* Load one kind of file; returns how many rows there are, and how many came. */
static int load(int kind, struct rtd_bad_rows *bad, size_t *rows, size_t *total,
                struct rtd_err *err)
{
    const struct rtd_columns_spec spec = {.want_text = true, .want_label = true, .number = true};
    union {
        struct rtd_table table;
        struct rtd_sentences sentences;
        struct rtd_squad squad;
        struct rtd_rank_data rank;
        struct rtd_predictions predictions;
    } x;
    int st;
    *rows = *total = 0;
    switch (kind) {
    case 0:
        if (!(st = rtd_table_load(&x.table, path, &spec, bad, err))) {
            *rows = x.table.rows;
            *total = x.table.total;
            for (size_t r = 0; r < *rows; r++) /* a row knows its number */
                assert_int_equal(atoi(x.table.label[r]), x.table.number[r]);
            rtd_table_free(&x.table);
        }
        return st;
    case 1:
        if (!(st = rtd_sentences_load(&x.sentences, path, NULL, bad, err))) {
            *rows = x.sentences.n;
            *total = x.sentences.total;
            for (size_t r = 0; r < *rows; r++)
                assert_int_equal(atoi(x.sentences.s[r].word[0]), x.sentences.s[r].number);
            rtd_sentences_free(&x.sentences);
        }
        return st;
    case 2:
        if (!(st = rtd_squad_load(&x.squad, path, true, bad, err))) {
            *rows = x.squad.n;
            *total = x.squad.total;
            for (size_t r = 0; r < *rows; r++)
                assert_int_equal(atoi(x.squad.q[r].id), x.squad.q[r].number);
            rtd_squad_free(&x.squad);
        }
        return st;
    case 3:
        if (!(st = rtd_rank_data_load(&x.rank, path, NULL, NULL, bad, err))) {
            *rows = x.rank.n;
            *total = x.rank.total;
            for (size_t r = 0; r < *rows; r++)
                assert_int_equal(atoi(x.rank.query[r].text), x.rank.query[r].number);
            rtd_rank_data_free(&x.rank);
        }
        return st;
    default:
        if (!(st = rtd_predictions_load(&x.predictions, path, bad, err))) {
            *total = x.predictions.n;
            for (size_t r = 0; r < *total; r++) {
                *rows += x.predictions.label[r] != NULL;
                if (x.predictions.label[r])
                    assert_int_equal(atoi(x.predictions.label[r]), r);
            }
            rtd_predictions_free(&x.predictions);
        }
        return st;
    }
}

static void ten_bad_rows_are_named_and_all_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *header, *good, *wrong, *end, *first, *second, *what;
    } kinds[] = {
        {"text\tlabel\n", "t\t%d\n", "t\n", "", "line 3: 1 column, line 1 has 2",
         "line 5: ", "rows"},
        {"", "%d\tO\n\n", "%d\n\n", "", "line 3: no tag", "line 7: ", "sentences"},
        {"{\"data\": [{\"paragraphs\": [{\"context\": \"a\", \"qas\": [",
         "{\"id\": %d, \"question\": \"?\", \"answers\": []},", "{\"id\": %d},",
         "{\"id\": 30, \"question\": \"?\", \"answers\": []}]}]}]}",
         "data[0].paragraphs[0].qas[1]: no text under question", "qas[3]: ", "questions"},
        {"query\tlabel\ta\tb\n", "%d\t1\tx\ty\n", "%d\t3\tx\ty\n", "",
         "line 3: the label is no number of one of 2 candidates", "line 5: ", "rows"},
        {"", "%d\t0.5\n", "{\"x\": %d}\n", "", "line 2: \"label\" is not there",
         "line 4: ", "lines"},
    };
    for (int k = 0; k < 5; k++)
        for (int bad = 0; bad <= 12; bad += bad < 2 ? 1 : 5) {
            struct rtd_bad_rows b = {0};
            struct rtd_err err = {0};
            char want[80];
            size_t rows, total, all = k == 2 ? ROWS + 1 : ROWS;
            write_rows(kinds[k].header, kinds[k].good, kinds[k].wrong, bad, kinds[k].end);
            int st = load(k, &b, &rows, &total, &err);
            assert_int_equal(st, bad ? RTD_EDATA : RTD_OK);
            /* one is the error itself; of several the first ten come before it */
            assert_int_equal(count(said, "-1 "), bad < 2 ? 0 : bad < 10 ? bad : 10);
            sprintf(want, "%d of %zu %s cannot be used", bad, all, kinds[k].what);
            if (bad)
                assert_non_null(strstr(bad < 2 ? err.text : said, kinds[k].first));
            if (bad > 1) {
                assert_non_null(strstr(said, kinds[k].second));
                if (!strstr(err.text, want))
                    fail_msg("kind %d: %s", k, err.text);
            }
            rtd_bad_rows_free(&b);
            /* the others are taken where the user says so, and the loss has its line */
            b.skip = true;
            err = (struct rtd_err){0};
            said[0] = '\0';
            assert_int_equal(load(k, &b, &rows, &total, &err), RTD_OK);
            assert_int_equal(rows, all - (size_t)bad);
            assert_int_equal(total, all);
            sprintf(want, "%d of %zu %s of ", bad, all, kinds[k].what);
            if (bad && (!strstr(said, want) || !strstr(said, kinds[k].first)))
                fail_msg("kind %d: %s", k, said);
            if (!bad)
                assert_string_equal(said, "");
            rtd_bad_rows_free(&b);
            /* without a list the first one is the end */
            err = (struct rtd_err){0};
            assert_int_equal(load(k, NULL, &rows, &total, &err), bad ? RTD_EDATA : RTD_OK);
            if (bad)
                assert_non_null(strstr(err.text, kinds[k].first));
        }
}

static void labels_are_text_of_one_line(void **state)
{
    (void)state;
    assert_null(rtd_label_fault("B-PER \xe4\xb8\xad"));
    assert_null(rtd_label_fault(""));
    assert_string_equal(rtd_label_fault("a\tb"), "holds a control character");
    assert_string_equal(rtd_label_fault("a\nb"), "holds a control character");
    assert_string_equal(rtd_label_fault("a\xe2\x80\xa8"), "holds a control character");
    assert_string_equal(rtd_label_fault("a\xc3"), "is not UTF-8");
    struct rtd_labels l;
    struct rtd_err err = {0};
    char *names[] = {"a", "ab", "b"};
    float flags[3];
    assert_int_equal(rtd_labels_set(&l, names, 3, &err), RTD_OK);
    assert_int_equal(rtd_labels_split(&l, flags, "ab,,b"), 0);
    assert_true(flags[0] == 0 && flags[1] == 1 && flags[2] == 1);
    assert_int_equal(rtd_labels_split(&l, flags, "a,c,abc,"), 2);
    assert_true(flags[0] == 1 && flags[1] == 0 && flags[2] == 0);
    rtd_labels_free(&l);
}

/* --- work --- */

static FILE *begin(void)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    said[0] = '\0';
    return f;
}

/* Answers far from where they are said to be, in one long context; or nowhere. */
static void write_far(size_t n)
{
    FILE *f = begin();
    fputs("{\"data\": [{\"paragraphs\": [{\"context\": \"", f);
    for (size_t i = 0; i < 40 * n; i++)
        fputc('a', f);
    fputs("\", \"qas\": [{\"id\": 0, \"question\": \"?\", \"answers\": [{\"text\": \"a\"}", f);
    for (size_t i = 0; i < n; i++)
        fprintf(f, ", {\"text\": \"%s\", \"answer_start\": %zu}", i % 2 ? "a" : "ab",
                i % 3 ? 40 * n : 20 * n);
    fputs("]}]}]}]}", f);
    assert_int_equal(fclose(f), 0);
}

/* As many ids and paragraphs as that, all with a long common beginning. */
static void write_ids(size_t n)
{
    FILE *f = begin();
    fputs("{\"data\": [{\"paragraphs\": [{\"context\": \"b\", \"qas\": []}", f);
    for (size_t i = 0; i < n; i++)
        fprintf(f,
                ", {\"context\": \"a\", \"qas\": [{\"id\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaa%zu\", "
                "\"question\": \"?\", \"answers\": []}]}",
                i * 7919 % n);
    fputs("]}]}", f);
    assert_int_equal(fclose(f), 0);
}

static void write_sentence(size_t n) /* comments, then one sentence */
{
    FILE *f = begin();
    for (size_t i = 0; i < n; i++)
        fprintf(f, "# comment %zu\n", i);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "w%zu\tB-T%zu\n", i, i);
    assert_int_equal(fclose(f), 0);
}

static void write_table(size_t n)
{
    FILE *f = begin();
    fputs("text\tlabel\n", f);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "t\t%zu\n", i);
    assert_int_equal(fclose(f), 0);
}

static double seconds(void (*write)(size_t n), size_t n)
{
    struct rtd_err err = {0};
    struct rtd_squad s;
    struct rtd_sentences all;
    struct rtd_table t;
    struct rtd_columns_spec spec = {.want_text = true, .want_label = true};
    write(n);
    clock_t from = clock();
    if (write == write_sentence) {
        assert_int_equal(rtd_sentences_load(&all, path, NULL, NULL, &err), RTD_OK);
        rtd_sentences_free(&all);
    } else if (write == write_table) {
        struct rtd_labels l;
        assert_int_equal(rtd_table_load(&t, path, &spec, NULL, &err), RTD_OK);
        assert_int_equal(rtd_labels_collect(&l, t.label, t.rows, &err), RTD_OK);
        rtd_labels_free(&l);
        rtd_table_free(&t);
    } else {
        assert_int_equal(rtd_squad_load(&s, path, true, NULL, &err), RTD_OK);
        rtd_squad_free(&s);
    }
    return (double)(clock() - from) / CLOCKS_PER_SEC;
}

static void work_grows_with_the_input(void **state)
{
    (void)state;
    void (*const kinds[])(size_t) = {write_far, write_ids, write_sentence, write_table};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        double one = 1, ten = 0;
        for (int round = 0; round < 3 && !(ten < 30 * one); round++) { /* others use the CPU, too */
            one = seconds(kinds[i], 1500);
            ten = seconds(kinds[i], 15000);
            one = one > 2e-3 ? one : 2e-3;
        }
        if (!(ten < 30 * one))
            fail_msg("kind %zu: %.3f s, ten times as much %.3f s", i, one, ten);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_bad_rows_are_named_and_all_are_counted),
        cmocka_unit_test(labels_are_text_of_one_line),
        cmocka_unit_test(work_grows_with_the_input),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
