/* rtdtools - MIT licence
 *
 * What a label means: schemes found in whole sets, places and types, entities, other labels for the
 * same entities. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gold/tags.h"

enum { MOST = 16 };

/* The words of a text, each in a block of its own size, so that a sanitizer sees a byte too many.
 */
static int cut(char **word, const char *text)
{
    int n = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        word[n++] = strndup(text, len);
        text += len + (text[len] == ' ');
    }
    return n;
}

static void drop(char **word, int n)
{
    for (int i = 0; i < n; i++)
        free(word[i]);
}

/* "PREFIXED", "PLAIN iob1" ... */
static const char *scheme_name(char *buf, const struct rtd_tag_scheme *s)
{
    static const char *const forms[] = {"plain", "prefixed", "letters"};
    sprintf(buf, "%s%s%s", forms[s->form], s->iob1 ? " iob1" : "", s->closed ? " closed" : "");
    return buf;
}

static void schemes_are_found_in_the_set(void **state)
{
    (void)state;
    static const struct {
        const char *labels, *stated, *want;
    } cases[] = {
        {"O B-PER I-PER B-LOC I-LOC", NULL, "prefixed"},
        {"O B-PER B-LOC", NULL, "prefixed"},
        {"O I-PER I-LOC B-LOC", NULL, "prefixed iob1"},
        {"O I-PER I-LOC", NULL, "prefixed iob1"},
        {"O B-PER I-PER E-PER S-PER", NULL, "prefixed closed"},
        {"O B-PER I-PER L-PER U-PER", NULL, "prefixed closed"},
        {"O B-PER M-PER E-PER S-PER", NULL, "prefixed closed"},
        {"O S-PER U-LOC", NULL, "prefixed"},
        {"B-PER I-PER O X [CLS] [SEP]", NULL, "prefixed"}, /* labels of BERT-NER */
        {"O", NULL, "plain"},
        {"O PER LOC ORG MISC", NULL, "plain"},
        {"ADJ ADP ADV AUX INTJ NOUN PRON PROPN PUNCT SYM VERB X", NULL, "plain"},
        {"-LRB- . NN NNP PRP$ `` :", NULL, "plain"},
        {"LABEL_0 LABEL_1 LABEL_2", NULL, "plain"},
        {"O COMMA PERIOD", NULL, "plain"},
        {"0 . , ? -", NULL, "plain"},
        {"X", NULL, "plain"},
        {"O E-MAIL PHONE", NULL, "plain"}, /* an end that has no beginning */
        {"O E-MAIL S-BAHN", NULL, "plain"},
        {"PER E-MAIL I-94 O", NULL, "plain"}, /* most have no prefix, and no type has two */
        {"B-PER I-PER E-MAIL O", NULL, "prefixed"},
        {"B I O", NULL, "letters"},
        {"B O", NULL, "letters"},
        {"I O", NULL, "letters iob1"},
        {"B- I- O", NULL, "letters"},
        {"B M E S", NULL, "letters closed"},
        {"B I L U O", NULL, "letters closed"},
        {"S M L", NULL, "plain"}, /* sizes */
        {"A B I O", NULL, "plain"},
        {"B I PER", NULL, "plain"},
        {"O B-PER I-PER", "iob1", "prefixed iob1"},
        {"O B-PER I-PER", "plain", "plain"},
        {"O I-PER", "iob2", "prefixed"},
        {"O B-PER I-PER", "bioes", "prefixed closed"},
        {"B I O", "bilou", "letters closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *label[MOST], got[40];
        int n = cut(label, cases[i].labels);
        struct rtd_tag_scheme s;
        struct rtd_err err = {0};
        assert_int_equal(rtd_tag_scheme_of(&s, label, (size_t)n, cases[i].stated, &err), RTD_OK);
        if (strcmp(scheme_name(got, &s), cases[i].want) != 0)
            fail_msg("%s: %s, not %s", cases[i].labels, got, cases[i].want);
        drop(label, n);
    }
    struct rtd_tag_scheme s;
    struct rtd_err err = {0};
    assert_int_equal(rtd_tag_scheme_of(&s, NULL, 0, "iob", &err), RTD_EUSAGE);
    assert_non_null(strstr(err.text, "iob1, iob2, bioes, bilou or plain"));
}

/* Labels of one byte, of none, and others: no byte behind them is read. */
static void labels_are_parsed_to_place_and_type(void **state)
{
    (void)state;
    static const char places[] = "OBIESR";
    static const struct {
        struct rtd_tag_scheme s;
        const char *label, *want;
    } cases[] = {
        {{RTD_TAGS_PREFIXED, false, false}, "O", "O:"},
        {{RTD_TAGS_PREFIXED, false, false}, "B-PER", "B:PER"},
        {{RTD_TAGS_PREFIXED, false, false}, "I-A-B", "I:A-B"},
        {{RTD_TAGS_PREFIXED, false, false}, "M-PER", "I:PER"},
        {{RTD_TAGS_PREFIXED, false, true}, "L-PER", "E:PER"},
        {{RTD_TAGS_PREFIXED, false, true}, "U-PER", "S:PER"},
        {{RTD_TAGS_PREFIXED, true, false}, "I-PER", "R:PER"},
        {{RTD_TAGS_PREFIXED, true, false}, "B-PER", "B:PER"},
        {{RTD_TAGS_PREFIXED, false, false}, "ORG", "R:ORG"},
        {{RTD_TAGS_PREFIXED, false, false}, "X", "R:X"},
        {{RTD_TAGS_PREFIXED, false, false}, "B", "R:B"},
        {{RTD_TAGS_PREFIXED, false, false}, "B-", "R:B-"},
        {{RTD_TAGS_PLAIN, false, false}, "B-PER", "R:B-PER"},
        {{RTD_TAGS_PLAIN, false, false}, "ORG", "R:ORG"},
        {{RTD_TAGS_PLAIN, false, false}, "", "R:"},
        {{RTD_TAGS_PLAIN, false, false}, "0", "R:0"},
        {{RTD_TAGS_LETTERS, false, false}, "B", "B:"},
        {{RTD_TAGS_LETTERS, false, false}, "I-", "I:"},
        {{RTD_TAGS_LETTERS, true, false}, "I", "R:"},
        {{RTD_TAGS_LETTERS, false, false}, "", "R:"},
        {{RTD_TAGS_LETTERS, false, false}, "O", "O:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *label = strdup(cases[i].label), got[40];
        struct rtd_tag t = rtd_tag_parse(&cases[i].s, label);
        sprintf(got, "%c:%s", places[t.place], t.type);
        assert_string_equal(got, cases[i].want);
        free(label);
    }
}

static void entities_are_conllevals(void **state)
{
    (void)state;
    static const struct {
        const char *set, *tags, *want, *iob2, *bioes;
    } cases[] = {
        {"B-a I-a B-b O", "B-a I-a O B-b", "a0-1 b3-3 ", "B-a I-a O B-b", "B-a E-a O S-b"},
        {"B-a I-a O", "B-a B-a I-a", "a0-0 a1-2 ", "B-a B-a I-a", "S-a B-a E-a"},
        {"B-a I-a B-b I-b", "I-a I-a I-b", "a0-1 b2-2 ", "B-a I-a B-b", "B-a E-a S-b"},
        {"I-a B-a I-b", "I-a I-a B-a I-b", "a0-1 a2-2 b3-3 ", "B-a I-a B-a B-b", "B-a E-a S-a S-b"},
        {"B-a I-a O", "O I-a O", "a1-1 ", "O B-a O", "O S-a O"},
        {"B-a I-a B-b I-b", "B-a I-b", "a0-0 b1-1 ", "B-a B-b", "S-a S-b"},
        {"B-a I-a E-a S-a O", "S-a B-a I-a E-a S-a O", "a0-0 a1-3 a4-4 ", "S-a B-a I-a E-a S-a O",
         "S-a B-a I-a E-a S-a O"},
        {"B-a I-a L-a U-a O", "U-a B-a I-a L-a O", "a0-0 a1-3 ", "U-a B-a I-a L-a O",
         "S-a B-a I-a E-a O"},
        {"B-a M-a E-a", "B-a M-a E-a", "a0-2 ", "B-a M-a E-a", "B-a I-a E-a"},
        {"PER ORG LOC O", "PER PER O ORG LOC LOC", "PER0-1 ORG3-3 LOC4-5 ", "PER PER O ORG LOC LOC",
         "B-PER E-PER O S-ORG B-LOC E-LOC"},
        {"NOUN X INTJ", "NOUN NOUN X INTJ", "NOUN0-1 X2-2 INTJ3-3 ", "NOUN NOUN X INTJ",
         "B-NOUN E-NOUN S-X S-INTJ"},
        {"B I O", "B I O B B I", "0-1 3-3 4-5 ", "B I O B B I", "B E O S B E"},
        {"I O", "I I O I", "0-1 3-3 ", "B I O B", "B E O S"},
        {"B-a I-a O [SEP]", "B-a I-a [SEP] O", "a0-1 [SEP]2-2 ", "B-a I-a [SEP] O",
         "B-a E-a S-[SEP] O"},
        {"O", "O O", "", "O O", "O O"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *set[MOST], *label[MOST], got[120] = "";
        int k = cut(set, cases[i].set), n = cut(label, cases[i].tags);
        struct rtd_tag_scheme s;
        struct rtd_tag tag[MOST];
        struct rtd_entity e[MOST];
        struct rtd_err err = {0};
        assert_int_equal(rtd_tag_scheme_of(&s, set, (size_t)k, NULL, &err), RTD_OK);
        for (int w = 0; w < n; w++)
            tag[w] = rtd_tag_parse(&s, label[w]);
        size_t found = rtd_entities(e, tag, (size_t)n);
        for (size_t w = 0; w < found; w++)
            sprintf(got + strlen(got), "%s%zu-%zu ", e[w].type, e[w].first, e[w].last);
        assert_string_equal(got, cases[i].want);
        for (int bioes = 0; bioes < 2; bioes++) {
            size_t begun = 0;
            drop(label, n);
            cut(label, cases[i].tags);
            assert_int_equal(rtd_tags_convert(label, (size_t)n, &s, bioes, &begun, &err), RTD_OK);
            got[0] = '\0';
            for (int w = 0; w < n; w++)
                sprintf(got + strlen(got), "%s%s", w ? " " : "", label[w]);
            assert_string_equal(got, bioes ? cases[i].bioes : cases[i].iob2);
        }
        drop(label, n);
        drop(set, k);
    }
}

/* Every pair of labels: which may stand one behind the other. */
static void rules_are_those_of_the_scheme(void **state)
{
    (void)state;
    static const struct {
        const char *set, *may; /* pairs "ab": a may stand before b; ^ begins, $ ends */
    } cases[] = {
        /* 0 B-x  1 I-x  2 B-y  3 O: I behind its own type alone */
        {"B-x I-x B-y O I-y",
         "^0 ^2 ^3 0$ 1$ 2$ 3$ 4$ 00 01 02 03 10 11 12 13 20 22 23 24 30 32 33 "
         "40 42 43 44"},
        /* IOB1, plain labels: no rule at all */
        {"I-x I-y O", "^0 ^1 ^2 0$ 1$ 2$ 00 01 02 10 11 12 20 21 22"},
        {"INTJ NOUN", "^0 ^1 0$ 1$ 00 01 10 11"},
        {"B I O", "^0 ^2 0$ 1$ 2$ 00 01 02 10 11 12 20 22"},
        /* 0 B-x  1 E-x  2 S-x  3 O: what was begun is ended */
        {"B-x E-x S-x O", "^0 ^2 ^3 1$ 2$ 3$ 01 10 12 13 20 22 23 30 32 33"},
        {"B-x L-x U-x O", "^0 ^2 ^3 1$ 2$ 3$ 01 10 12 13 20 22 23 30 32 33"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *label[MOST], got[400] = "", pair[8];
        int n = cut(label, cases[i].set), wanted = 0;
        struct rtd_tag_set s;
        struct rtd_err err = {0};
        assert_int_equal(rtd_tag_set_new(&s, label, n, NULL, &err), RTD_OK);
        for (int a = -1; a < n; a++)
            for (int b = 0; b <= n; b++) {
                if ((a < 0 && b == n) ||
                    !rtd_tag_follows(a < 0 ? NULL : &s.tag[a], b == n ? NULL : &s.tag[b],
                                     s.scheme.closed))
                    continue;
                sprintf(pair, "%c%c", a < 0 ? '^' : '0' + a, b == n ? '$' : '0' + b);
                if (!strstr(cases[i].may, pair))
                    fail_msg("%s: %s may be", cases[i].set, pair);
                strcat(got, pair);
            }
        for (const char *p = cases[i].may; *p; p += 2 + (p[2] == ' '))
            wanted++;
        if ((int)strlen(got) != 2 * wanted)
            fail_msg("%s: %s, want %s", cases[i].set, got, cases[i].may);
        rtd_tag_set_free(&s);
        drop(label, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemes_are_found_in_the_set),
        cmocka_unit_test(labels_are_parsed_to_place_and_type),
        cmocka_unit_test(entities_are_conllevals),
        cmocka_unit_test(rules_are_those_of_the_scheme),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
