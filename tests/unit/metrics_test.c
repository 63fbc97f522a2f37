/* rtdtools - MIT licence
 *
 * Odd corners of the metrics, worked out by hand: nothing said, nothing to find, ties, classes
 * without rows.  A quotient 0/0 is 0 throughout. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "score/metrics.h"
#include "score/metrics_labels.h"
#include "score/metrics_rank.h"
#include "score/metrics_regression.h"
#include "score/metrics_squad.h"
#include "score/metrics_tags.h"
#include "score/text_units.h"
#include "score/score.h"

static struct rtd_err err;

#define near(got, want) is_near(got, want, #got, __LINE__)
static void is_near(double got, double want, const char *what, int line)
{
    if (!(fabs(got - want) <= 1e-12))
        fail_msg("line %d: %s is %.15g, want %.15g", line, what, got, want);
}

/* gold and predicted: a class a character. */
static void classify(struct rtd_confusion *c, struct rtd_classification *s, int classes,
                     const char *gold, const char *predicted)
{
    assert_int_equal(rtd_confusion_new(c, classes, false, &err), RTD_OK);
    for (size_t i = 0; gold[i]; i++)
        rtd_confusion_add(c, gold[i] - 'a', predicted[i] - 'a');
    rtd_classification_scores(c, s);
}

static void classes_without_rows(void **state)
{
    (void)state;
    struct rtd_confusion c;
    struct rtd_classification s;
    struct rtd_class_scores one;

    /* a class that never occurs (d) is not in the macro mean */
    classify(&c, &s, 4, "ab", "ab");
    near(s.f1_macro, 1);
    near(s.mcc, 1);
    rtd_confusion_free(&c);

    /* one that is only predicted (c) is: F1 of a 1, of b 2 * 1 / (2 + 1), of c 0 */
    classify(&c, &s, 4, "abb", "abc");
    near(s.f1_macro, (1 + 2.0 / 3 + 0) / 3);
    /* but weighs nothing: (1 * 1 + 2 * 2/3) / 3 */
    near(s.f1_weighted, 7.0 / 9);
    rtd_confusion_class(&c, 2, &one);
    assert_true(one.precision == 0 && one.recall == 0 && one.f1 == 0 && one.support == 0);
    /* right * rows - sum of gold * predicted = 2 * 3 - (1 * 1 + 2 * 1) = 3, over the root of
     * (9 - (1 + 4)) (9 - (1 + 1 + 1)) = 24 */
    near(s.mcc, 3 / sqrt(24));
    rtd_confusion_free(&c);

    /* b is never predicted: F1 of a 2 * 2 / (2 + 4); MCC (2 * 4 - 2 * 4) / 0 */
    classify(&c, &s, 2, "aabb", "aaaa");
    near(s.accuracy, 0.5);
    near(s.f1_macro, 1.0 / 3);
    near(s.f1_weighted, 1.0 / 3);
    near(s.mcc, 0);
    rtd_confusion_class(&c, 1, &one);
    assert_true(one.precision == 0 && one.recall == 0 && one.f1 == 0 && one.support == 2);
    rtd_confusion_free(&c);

    /* all in one class: right, but nothing to correlate */
    classify(&c, &s, 2, "a", "a");
    assert_true(s.accuracy == 1 && s.f1_macro == 1 && s.mcc == 0);
    rtd_confusion_free(&c);

    classify(&c, &s, 2, "", "");
    assert_true(s.accuracy == 0 && s.f1_macro == 0 && s.f1_weighted == 0 && s.mcc == 0);
    rtd_confusion_free(&c);
}

static void equal_probabilities(void **state)
{
    (void)state;
    double auc, precision;
    /* 0.9 is wrong; at 0.5 one of three is right, at 0.1 two of four, each half of the recall:
     * (1/3 + 2/4) / 2.  Of the 4 pairs half of one (0.5 and 0.5) is in order. */
    const double p[] = {0.9, 0.5, 0.5, 0.1}, same[] = {0.5, 0.5, 0.5, 0.5};
    const float gold[] = {0, 1, 0, 1}, turned[] = {0, 0, 1, 1}, none[4] = {0}, all[] = {1, 1, 1, 1};
    assert_int_equal(rtd_ranking_quality(gold, p, 4, &auc, &precision, &err), RTD_OK);
    near(precision, 5.0 / 12);
    near(auc, 1.0 / 8);
    /* the order of equal ones does not matter */
    assert_int_equal(rtd_ranking_quality(turned, p, 4, &auc, &precision, &err), RTD_OK);
    near(precision, 5.0 / 12);
    near(auc, 1.0 / 8);
    /* one threshold for all: two of four */
    assert_int_equal(rtd_ranking_quality(gold, same, 4, &auc, &precision, &err), RTD_OK);
    near(precision, 0.5);
    near(auc, 0.5);
    /* nothing to find; nothing wrong to find */
    assert_int_equal(rtd_ranking_quality(none, p, 4, &auc, &precision, &err), RTD_OK);
    assert_true(precision == 0 && auc == 0);
    assert_int_equal(rtd_ranking_quality(all, p, 4, &auc, &precision, &err), RTD_OK);
    near(precision, 1);
    near(auc, 0);
}

static void rows_without_labels(void **state)
{
    (void)state;
    struct rtd_multilabel m;
    /* Labels a and b; no row has b, and none is given it.  a: right in row 4, missed in row 2,
     * wrong in row 3, rightly not said in row 1. */
    const float gold[] = {0, 0, 1, 0, 0, 0, 1, 0}, said[] = {0, 0, 0, 0, 1, 0, 1, 0}, none[8] = {0};
    const double p[] = {0.1, 0.2, 0.4, 0.2, 0.6, 0.2, 0.9, 0.2};
    assert_int_equal(rtd_multilabel_scores(&m, gold, said, p, 4, 2, &err), RTD_OK);
    near(m.f1_micro, 0.5);  /* 2 * 1 / (2 + 2) */
    near(m.f1_macro, 0.25); /* (0.5 + 0) / 2 */
    near(m.exact_match, 0.5);
    /* a: 0.9 is right (1 of 1), 0.6 is not, 0.4 is (2 of 3); b: nothing to find */
    near(m.average_precision_macro, ((1 + 2.0 / 3) / 2 + 0) / 2);
    near(m.average_precision_micro, (1 + 2.0 / 3) / 2);
    /* no row has a label and none is given one: all of them are right */
    assert_int_equal(rtd_multilabel_scores(&m, none, none, p, 4, 2, &err), RTD_OK);
    assert_true(m.f1_micro == 0 && m.f1_macro == 0);
    near(m.exact_match, 1);
    assert_true(m.average_precision_macro == 0 && m.average_precision_micro == 0);
}

static void equal_numbers(void **state)
{
    (void)state;
    struct rtd_regression r;
    /* ranks 1.5 1.5 3 4 and 2.5 1 2.5 4; less the mean 2.5: -1 -1 0.5 1.5 and 0 -1.5 0 1.5;
     * products 1.5 + 2.25, squares 4.5 and 4.5 */
    const double gold[] = {1, 1, 2, 3}, said[] = {7, 5, 7, 9}, constant[] = {2, 2, 2, 2};
    assert_int_equal(rtd_regression_scores(&r, gold, said, 4, &err), RTD_OK);
    near(r.spearman, 3.75 / 4.5);
    near(r.mse, (36 + 16 + 25 + 36) / 4.0);
    near(r.mae, (6 + 4 + 5 + 6) / 4.0);
    /* ties at the same places on both sides */
    assert_int_equal(rtd_regression_scores(&r, gold, gold, 4, &err), RTD_OK);
    near(r.spearman, 1);
    assert_int_equal(rtd_regression_scores(&r, gold, constant, 4, &err), RTD_OK);
    assert_true(r.pearson == 0 && r.spearman == 0);
    assert_int_equal(rtd_regression_scores(&r, gold, said, 1, &err), RTD_OK);
    assert_true(r.pearson == 0 && r.spearman == 0 && r.mae == 6);
}

static void equal_scores(void **state)
{
    (void)state;
    struct rtd_ranking r = {0};
    const double same[] = {0.5, 0.5, 0.5}, tied[] = {0.5, 0.7, 0.5};
    const int first[] = {1, 0, 0}, last[] = {0, 0, 1}, two[] = {0, 1, 1}, none[3] = {0};
    assert_int_equal(rtd_rank_of(same, first, 3), 1);
    assert_int_equal(rtd_rank_of(same, last, 3), 3);
    assert_int_equal(rtd_rank_of(same, two, 3), 2);
    assert_int_equal(rtd_rank_of(tied, first, 3), 2);
    assert_int_equal(rtd_rank_of(tied, last, 3), 3);
    assert_int_equal(rtd_rank_of(same, none, 3), 0);
    near(rtd_ranking_mrr(&r), 0);
    near(rtd_ranking_recall(&r, 1), 0);
    /* ranks 2, none, beyond the last that is counted, 1 */
    rtd_ranking_add(&r, 2);
    rtd_ranking_add(&r, 0);
    rtd_ranking_add(&r, RTD_RANK_TOP + 1);
    rtd_ranking_add(&r, 1);
    near(rtd_ranking_mrr(&r), (0.5 + 0 + 1.0 / 11 + 1) / 4);
    near(rtd_ranking_recall(&r, 1), 0.25);
    near(rtd_ranking_recall(&r, 2), 0.5);
    near(rtd_ranking_recall(&r, RTD_RANK_TOP), 0.5);
}

static void tags_are(struct rtd_tag_counts *c, const char *const gold[3], const char *const said[3],
                     double precision, double recall, double f1, double tokens)
{
    struct rtd_tag_scores s;
    struct rtd_tag a[3], b[3];
    for (int i = 0; i < 3; i++) {
        a[i] = rtd_tag_parse(&(struct rtd_tag_scheme){.form = RTD_TAGS_PREFIXED}, gold[i]);
        b[i] = rtd_tag_parse(&(struct rtd_tag_scheme){.form = RTD_TAGS_PREFIXED}, said[i]);
    }
    assert_int_equal(rtd_tag_counts_add(c, a, b, 3, &err), RTD_OK);
    rtd_tag_scores(c, NULL, &s);
    near(s.precision, precision);
    near(s.recall, recall);
    near(s.f1, f1);
    near(s.token_accuracy, tokens);
}

static void no_entity(void **state)
{
    (void)state;
    static const char *const none[] = {"O", "O", "O"}, *const name[] = {"B-X", "I-X", "O"};
    struct rtd_tag_counts c = {0}, only_gold = {0}, only_found = {0};
    struct rtd_tag_scores s;
    rtd_tag_scores(&c, NULL, &s);
    assert_true(s.precision == 0 && s.recall == 0 && s.f1 == 0 && s.token_accuracy == 0);
    tags_are(&c, none, none, 0, 0, 0, 1);
    tags_are(&only_gold, name, none, 0, 0, 0, 1.0 / 3);
    tags_are(&only_found, none, name, 0, 0, 0, 1.0 / 3);
    rtd_tag_scores(&only_found, only_found.type[0], &s);
    assert_true(s.precision == 0 && s.recall == 0 && s.f1 == 0);
    /* with one found besides: 1 of 1 and 1 of 2; the other way round */
    tags_are(&only_gold, name, name, 1, 0.5, 2.0 / 3, 4.0 / 6);
    tags_are(&only_found, name, name, 0.5, 1, 2.0 / 3, 4.0 / 6);
    rtd_tag_counts_free(&c);
    rtd_tag_counts_free(&only_gold);
    rtd_tag_counts_free(&only_found);
}

static void squad_is(const char *gold, const char *said, bool v2, double exact, double f1)
{
    double e, f;
    struct rtd_squad_text text;
    assert_int_equal(rtd_squad_text(&text, said, &err), RTD_OK);
    assert_int_equal(rtd_squad_compare(gold, &text, v2, &e, &f, &err), RTD_OK);
    rtd_squad_text_free(&text);
    if (e != exact || fabs(f - f1) > 1e-12)
        fail_msg("'%s' for '%s': %g %g, want %g %g", said, gold, e, f, exact, f1);
}

static void empty_answers(void **state)
{
    (void)state;
    /* Two empty texts are the same; version 1.1's F1 has no word in common all the same. */
    squad_is("", "", false, 1, 0);
    squad_is("", "", true, 1, 1);
    squad_is("the cat", "", false, 0, 0);
    squad_is("the cat", "", true, 0, 0);
    squad_is("", "the cat", true, 0, 0);
    /* articles and punctuation are nothing */
    squad_is("The.", "an", true, 1, 1);
    squad_is("The.", "cat", true, 0, 0);
    squad_is("a cat sat", "cat", true, 0, 2.0 / 3); /* precision 1, recall 1/2 */
}

static void equal_no_answers(void **state)
{
    (void)state;
    struct rtd_squad_scores s;
    struct rtd_squad_item right = {
        .exact = 1, .f1 = 1, .no_answer = 0.5, .has_answer = true, .said_something = true};
    struct rtd_squad_item wrong = {.no_answer = 0.5, .said_something = true};
    struct rtd_squad_item list[] = {right, wrong}, turned[] = {wrong, right};
    /* 0.5 is not over 0.5: both answer */
    assert_int_equal(rtd_squad_scores(&s, list, 2, true, 0.5, &err), RTD_OK);
    near(s.exact, 50);
    near(s.has_exact, 100);
    near(s.no_exact, 0);
    /* The official sweep answers one by one, also between equal probabilities: 1 (all silent), 2,
     * 1; in the other order 1, 0, 1. */
    near(s.best_exact, 100);
    near(s.best_exact_thresh, 0.5);
    assert_int_equal(rtd_squad_scores(&s, turned, 2, true, 0.49, &err), RTD_OK);
    near(s.exact, 50); /* both silent */
    near(s.has_exact, 0);
    near(s.no_f1, 100);
    near(s.best_exact, 50);
    near(s.best_exact_thresh, 0);
    /* only questions with answers, and no questions at all */
    assert_int_equal(rtd_squad_scores(&s, list, 1, true, 0.5, &err), RTD_OK);
    assert_true(s.exact == 100 && s.no == 0 && s.no_exact == 0 && s.no_f1 == 0);
    assert_int_equal(rtd_squad_scores(&s, list, 0, true, 0.5, &err), RTD_OK);
    assert_true(s.exact == 0 && s.f1 == 0 && s.best_f1 == 0 && s.best_f1_thresh == 0);
}

/* As Python's str.lower, which SQuAD's script uses. */
static void lower_case_is_pythons(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ABC \xc3\x89\xd0\x96", "abc \xc3\xa9\xd0\xb6"},
        {"\xc4\xb0zmir", "i\xcc\x87zmir"},                            /* I with a dot */
        {"\xce\x91\xce\xa3", "\xce\xb1\xcf\x82"},                     /* final sigma */
        {"\xce\xa3", "\xcf\x83"},                                     /* alone */
        {"\xce\x91\xce\xa3\xce\x91", "\xce\xb1\xcf\x83\xce\xb1"},     /* inside */
        {"\xce\x91\xce\xa3. \xce\x91", "\xce\xb1\xcf\x82. \xce\xb1"}, /* at a word's end */
        {"\xce\x91\xce\xa3.\xce\x91", "\xce\xb1\xcf\x83.\xce\xb1"},   /* a dot inside */
        {"\xce\x91\xcc\x81\xce\xa3'", "\xce\xb1\xcc\x81\xcf\x82'"},   /* a mark before */
        {"1\xce\xa3", "1\xcf\x83"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rtd_buf b = {0};
        assert_int_equal(rtd_lower_case(&b, cases[i][0], &err), RTD_OK);
        assert_string_equal(b.data, cases[i][1]);
        rtd_buf_free(&b);
    }
    /* \u0130an: the dot parts the i from an article */
    squad_is("i",
             "\xc4\xb0"
             "an",
             false, 0, 0);
    squad_is("\xc4\xb0",
             "\xc4\xb0"
             "an",
             false, 1, 1);
}

/* A long text and as many gold answers for it: the work is not their product. */
static double seconds_of(size_t n)
{
    char *said = malloc(8 * n + 1), *to = said;
    struct rtd_squad_text text;
    double e, f;
    assert_non_null(said);
    for (size_t i = 0; i < n; i++)
        to = stpcpy(to, i % 2 ? "cat " : "dog ");
    clock_t from = clock();
    assert_int_equal(rtd_squad_text(&text, said, &err), RTD_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(rtd_squad_compare("a cat", &text, false, &e, &f, &err), RTD_OK);
    assert_true(e == 0 && f > 0);
    rtd_squad_text_free(&text);
    free(said);
    return (double)(clock() - from) / CLOCKS_PER_SEC;
}

static void many_answers_to_a_long_text(void **state)
{
    (void)state;
    double one = 1, ten = 100;
    for (int round = 0; round < 3 && !(ten < 30 * one); round++) { /* others use the CPU, too */
        one = seconds_of(2000);
        ten = seconds_of(20000);
        one = one > 2e-3 ? one : 2e-3;
    }
    if (!(ten < 30 * one))
        fail_msg("%.3f s, ten times as much %.3f s", one, ten);
}

/* Classes as many as rows: the work is not their product; only a matrix has it, and a limit. */
static double seconds_of_classes(int n)
{
    struct rtd_confusion c;
    struct rtd_classification s;
    clock_t from = clock();
    assert_int_equal(rtd_confusion_new(&c, n, false, &err), RTD_OK);
    for (int i = 0; i < n; i++)
        rtd_confusion_add(&c, i, i % 2 ? i : 0);
    rtd_classification_scores(&c, &s);
    near(s.accuracy, 0.5 + 1.0 / n);
    rtd_confusion_free(&c);
    return (double)(clock() - from) / CLOCKS_PER_SEC;
}

static void many_classes(void **state)
{
    (void)state;
    struct rtd_confusion c;
    struct rtd_err e = {0};
    double one = 1, ten = 100;
    for (int round = 0; round < 3 && !(ten < 30 * one); round++) { /* others use the CPU, too */
        one = seconds_of_classes(10000);
        ten = seconds_of_classes(100000);
        one = one > 2e-3 ? one : 2e-3;
    }
    if (!(ten < 30 * one))
        fail_msg("%.3f s, ten times as much %.3f s", one, ten);
    assert_int_equal(rtd_confusion_new(&c, RTD_MAX_MATRIX, true, &e), RTD_OK);
    rtd_confusion_free(&c);
    assert_int_equal(rtd_confusion_new(&c, RTD_MAX_MATRIX + 1, true, &e), RTD_EDATA);
    assert_null(c.of);
}

/* What evaluate prints of texts. */
static void texts_are(const struct rtd_generated *row, size_t n, const char *name, double want)
{
    json_t *out = NULL;
    assert_int_equal(rtd_texts_judge(&out, row, n, &err), RTD_OK);
    double got = json_number_value(json_object_get(out, name));
    if (!json_object_get(out, name) || !(fabs(got - want) <= 1e-9))
        fail_msg("%s is %.12g, want %.12g", name, got, want);
    json_decref(out);
}

static void empty_texts(void **state)
{
    (void)state;
    static const char *const none_of[] = {"bleu",   "bleu_lowercase", "brevity_penalty", "chrf2",
                                          "rouge1", "rouge2",         "rougeL",          "exact"};
    char *cat[] = {"the cat sat on"}, *two[] = {"a b c", "a b"}, *nothing[] = {""}, *x[] = {"x"};
    const struct rtd_generated silent[] = {{"", cat, 1}, {"", two, 2}};
    for (size_t i = 0; i < sizeof none_of / sizeof none_of[0]; i++)
        texts_are(silent, 2, none_of[i], 0);

    /* Where no word is right, nothing is smoothed. */
    const struct rtd_generated other[] = {{"one dog lay down", cat, 1}};
    texts_are(other, 1, "bleu", 0);

    /* Nothing for nothing is exact, and has no word or character in common. */
    const struct rtd_generated same[] = {{"", nothing, 1}};
    texts_are(same, 1, "exact", 1);
    texts_are(same, 1, "bleu", 0);
    texts_are(same, 1, "chrf2", 0);
    texts_are(same, 1, "rougeL", 0);

    /* One silent row of two: all 4 words and n-grams said are right, but the references (of the
     * second row the closest to no word: 2) have 6 words. */
    const struct rtd_generated half[] = {{"the cat sat on", cat, 1}, {"", two, 2}};
    texts_are(half, 2, "brevity_penalty", exp(1 - 6.0 / 4));
    texts_are(half, 2, "bleu", 100 * exp(1 - 6.0 / 4));
    texts_are(half, 2, "rouge1", 0.5);
    texts_are(half, 2, "rouge2", 0.5);
    texts_are(half, 2, "exact", 0.5);

    /* Characters said 2, 1 (n-grams of 1, 2), right 2, 1, in the references 2 + 1, 1: precision 1,
     * recall (2/3 + 1) / 2 = 5/6; F of beta 2: 5 * 1 * 5/6 / (4 * 1 + 5/6) = 25/29. */
    char *ab[] = {"ab"};
    const struct rtd_generated characters[] = {{"ab", ab, 1}, {"", x, 1}};
    texts_are(characters, 2, "chrf2", 100 * 25.0 / 29);

    /* Too short for n-grams: BLEU has no 3-grams, ROUGE-2 no pair; marks alone are no word. */
    char *the_cat[] = {"the cat"}, *marks[] = {"?!"};
    const struct rtd_generated two_words[] = {{"the cat", the_cat, 1}};
    texts_are(two_words, 1, "bleu", 0);
    texts_are(two_words, 1, "brevity_penalty", 1);
    const struct rtd_generated one_word[] = {{"x", x, 1}};
    texts_are(one_word, 1, "rouge1", 1);
    texts_are(one_word, 1, "rouge2", 0);
    const struct rtd_generated only_marks[] = {{"?!", marks, 1}};
    texts_are(only_marks, 1, "rouge1", 0);
    texts_are(only_marks, 1, "exact", 1);
    texts_are(only_marks, 1, "chrf2", 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_without_rows),  cmocka_unit_test(equal_probabilities),
        cmocka_unit_test(rows_without_labels),   cmocka_unit_test(equal_numbers),
        cmocka_unit_test(equal_scores),          cmocka_unit_test(no_entity),
        cmocka_unit_test(empty_answers),         cmocka_unit_test(equal_no_answers),
        cmocka_unit_test(lower_case_is_pythons), cmocka_unit_test(many_answers_to_a_long_text),
        cmocka_unit_test(many_classes),          cmocka_unit_test(empty_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
