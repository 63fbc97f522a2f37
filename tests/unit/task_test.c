/* rtdtools - MIT licence
 *
 * Data sets, label maps and metrics of the task tools. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "gold/labels.h"
#include "score/metrics.h"
#include "gold/table.h"

static const char *file_with(const char *text, size_t len)
{
    static char path[4096];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/table.tsv", dir ? dir : "/tmp");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    return path;
}

static const struct rtd_columns_spec labelled = {.want_text = true, .want_label = true};

static void rows_and_columns_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *label;
        int ntext;
        size_t rows;
        const char *first[2], *label0;
    } good[] = {
        {"text\tlabel\nhello\ta\n", NULL, NULL, 1, 1, {"hello"}, "a"},
        {"\xef\xbb\xbftext\tlabel\r\nhello\ta\r\n", NULL, NULL, 1, 1, {"hello"}, "a"},
        {"label\tid\ttext_b\ttext_a\nx\t1\tB\tA", NULL, NULL, 2, 1, {"A", "B"}, "x"},
        {"text\ttext_a\ttext_b\tlabel\nT\tA\tB\tx\n", NULL, NULL, 1, 1, {"T"}, "x"},
        {"a\t\"quoted\nb\t\"\"\n", "2", "1", 1, 2, {"\"quoted"}, "a"},
        {"q\ts\tgold\n1\t2\t3\n", "q,s", "gold", 2, 1, {"1", "2"}, "3"},
        {"q\ts\tgold\n1\t2\t3\n", "2,1", "gold", 2, 1, {"2", "1"}, "3"},
        {"q\ts\tgold\n1\t2\t3\n", "2,1", "3", 2, 2, {"s", "q"}, "gold"},
        {"text\tlabel\n\ta\n", NULL, NULL, 1, 1, {""}, "a"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct rtd_columns_spec spec = labelled;
        struct rtd_table t;
        struct rtd_err err = {0};
        spec.text = good[i].text;
        spec.label = good[i].label;
        if (rtd_table_load(&t, file_with(good[i].file, strlen(good[i].file)), &spec, NULL, &err))
            fail_msg("%s", err.text);
        assert_int_equal(t.ntext, good[i].ntext);
        assert_int_equal(t.rows, good[i].rows);
        for (int k = 0; k < t.ntext; k++)
            assert_string_equal(t.text[k][0], good[i].first[k]);
        assert_string_equal(t.label[0], good[i].label0);
        rtd_table_free(&t);
    }
}

static void bad_tables_are_refused_with_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t len;
        const char *text, *label;
        int status;
        const char *says;
    } bad[] = {
        {"", 0, NULL, NULL, RTD_EDATA, "no rows"},
        {"text\tlabel\n", 0, NULL, NULL, RTD_EDATA, "no rows"},
        {"text\tgold\nx\ty\n", 0, NULL, NULL, RTD_EDATA,
         "no column label; it holds 'text', 'gold'"},
        {"sentence\tlabel\nx\ty\n", 0, NULL, NULL, RTD_EDATA,
         "no column text (or text_a and text_b)"},
        {"text\tlabel\nx\ty\nz\n", 0, NULL, NULL, RTD_EDATA, "line 3: 1 column, line 1 has 2"},
        {"text\tlabel\nx\ty\tz\n", 0, NULL, NULL, RTD_EDATA, "line 2: 3 columns, line 1 has 2"},
        {"text\tlabel\nx\ty\n\n", 0, NULL, NULL, RTD_EDATA, "line 3: 1 column"},
        {"text\tlabel\nx\t\n", 0, NULL, NULL, RTD_EDATA, "line 2: the label is empty"},
        {"text\tlabel\nx\0\ty\n", 16, NULL, NULL, RTD_EDATA, "line 2: binary data"},
        {"text\tlabel\nx\ty\n", 0, "1", "3", RTD_EDATA, "none is number 3"},
        {"text\tlabel\nx\ty\n", 0, "0", NULL, RTD_EUSAGE, "columns count from 1"},
        {"text\tlabel\nx\ty\n", 0, "1,2,3", NULL, RTD_EUSAGE, "one column or two"},
        {"text\tlabel\nx\ty\n", 0, "text,", NULL, RTD_EUSAGE, "names or numbers"},
        {"text\tlabel\nx\ty\n", 0, NULL, "text,label", RTD_EUSAGE, "want one column"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rtd_columns_spec spec = labelled;
        struct rtd_table t;
        struct rtd_err err = {0};
        size_t len = bad[i].len ? bad[i].len : strlen(bad[i].file);
        spec.text = bad[i].text;
        spec.label = bad[i].label;
        int st = rtd_table_load(&t, file_with(bad[i].file, len), &spec, NULL, &err);
        if (st != bad[i].status || !strstr(err.text, bad[i].says))
            fail_msg("case %zu: status %d, \"%s\"", i, st, err.text);
    }
}

/* Without --header, columns are numbers or the first ones. */
static void answering_tools_take_the_first_columns(void **state)
{
    (void)state;
    char line[] = "question\tsentence\tmore";
    struct rtd_row row = {0};
    struct rtd_columns c;
    struct rtd_err err = {0};
    struct rtd_columns_spec spec = {.want_text = true, .header = RTD_HEADER_NO, .texts = 2};
    assert_int_equal(rtd_row_split(&row, line, strlen(line), "-", 1, &err), RTD_OK);
    assert_int_equal(rtd_columns_resolve(&c, &spec, &row, "-", &err), RTD_OK);
    assert_true(c.ntext == 2 && c.text[0] == 0 && c.text[1] == 1 && !c.header);
    spec.text = "3";
    assert_int_equal(rtd_columns_resolve(&c, &spec, &row, "-", &err), RTD_OK);
    assert_true(c.ntext == 1 && c.text[0] == 2);
    spec.text = "sentence";
    assert_int_equal(rtd_columns_resolve(&c, &spec, &row, "-", &err), RTD_EUSAGE);
    err = (struct rtd_err){0};
    spec.header = RTD_HEADER_YES;
    assert_int_equal(rtd_columns_resolve(&c, &spec, &row, "-", &err), RTD_OK);
    assert_true(c.ntext == 1 && c.text[0] == 1 && c.header);
    spec.text = NULL; /* a header without the default names */
    assert_int_equal(rtd_columns_resolve(&c, &spec, &row, "-", &err), RTD_OK);
    assert_true(c.ntext == 2 && c.text[0] == 0 && c.text[1] == 1 && c.header);
    rtd_row_free(&row);
}

static void labels_are_sorted_as_users_expect(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_labels l;
    char *words[] = {"b", "a", "b", "10", "9"}, *numbers[] = {"10", "9", "-1", "9", "2.5"};
    char *foreign[] = {"neutral", "entailment", "contradiction"}, *broken[] = {"a", "\xff"};
    assert_int_equal(rtd_labels_collect(&l, words, 5, &err), RTD_OK);
    assert_int_equal(l.n, 4);
    assert_string_equal(l.name[0], "10");
    assert_string_equal(l.name[1], "9");
    assert_string_equal(l.name[3], "b");
    rtd_labels_free(&l);
    assert_int_equal(rtd_labels_collect(&l, numbers, 5, &err), RTD_OK);
    assert_int_equal(l.n, 4);
    assert_string_equal(l.name[0], "-1");
    assert_string_equal(l.name[1], "2.5");
    assert_string_equal(l.name[3], "10");
    assert_int_equal(rtd_labels_find(&l, "9"), 2);
    assert_int_equal(rtd_labels_find(&l, "9.0"), -1);
    rtd_labels_free(&l);
    assert_int_equal(rtd_labels_set(&l, foreign, 3, &err), RTD_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rtd_labels_find(&l, foreign[i]), i);
    rtd_labels_free(&l);
    assert_int_equal(rtd_labels_collect(&l, broken, 2, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "not UTF-8"));
}

static void close_to(double got, const json_t *want, const char *name)
{
    double x = json_number_value(json_object_get(want, name));
    assert_true(json_is_number(json_object_get(want, name)));
    if (!(fabs(got - x) <= 1e-6))
        fail_msg("%s: %.9g, want %.9g", name, got, x);
}

/* classes.tsv holds labels, binary.tsv probabilities: predicted is over one half. */
static void confusion_of(struct rtd_confusion *c, struct rtd_labels *l, const char *path,
                         const char *column)
{
    struct rtd_columns_spec spec = {
        .text = column, .label = "gold", .want_text = true, .want_label = true};
    struct rtd_table t;
    struct rtd_err err = {0};
    assert_int_equal(rtd_table_load(&t, path, &spec, NULL, &err), RTD_OK);
    assert_int_equal(rtd_labels_collect(l, t.label, t.rows, &err), RTD_OK);
    assert_int_equal(rtd_confusion_new(c, l->n, true, &err), RTD_OK);
    for (size_t r = 0; r < t.rows; r++) {
        const char *said = t.text[0][r];
        int predicted = strcmp(column, "probability") == 0 ? strtod(said, NULL) > 0.5
                                                           : rtd_labels_find(l, said);
        rtd_confusion_add(c, rtd_labels_find(l, t.label[r]), predicted);
    }
    rtd_table_free(&t);
}

static void metrics_are_scikit_learns(void **state)
{
    (void)state;
    json_t *all = json_load_file("tests/golden/metrics/expected.json", 0, NULL);
    const json_t *want = json_object_get(all, "classes.tsv");
    struct rtd_labels l;
    struct rtd_confusion c;
    struct rtd_classification s;
    struct rtd_class_scores one;
    assert_non_null(want);
    confusion_of(&c, &l, "tests/golden/metrics/classes.tsv", "predicted");
    rtd_classification_scores(&c, &s);
    close_to(s.accuracy, want, "accuracy");
    close_to(s.f1_micro, want, "f1_micro");
    close_to(s.f1_macro, want, "f1_macro");
    close_to(s.f1_weighted, want, "f1_weighted");
    close_to(s.mcc, want, "mcc");
    assert_int_equal(l.n, 3);
    for (int i = 0; i < 3; i++) {
        const json_t *class = json_object_get(json_object_get(want, "per_class"), l.name[i]);
        const json_t *row = json_array_get(json_object_get(want, "confusion"), (size_t)i);
        rtd_confusion_class(&c, i, &one);
        close_to(one.precision, class, "precision");
        close_to(one.recall, class, "recall");
        close_to(one.f1, class, "f1");
        close_to((double)one.support, class, "support");
        for (int k = 0; k < 3; k++)
            assert_int_equal(c.count[3 * i + k],
                             json_integer_value(json_array_get(row, (size_t)k)));
    }
    rtd_confusion_free(&c);
    rtd_labels_free(&l);

    want = json_object_get(all, "binary.tsv");
    confusion_of(&c, &l, "tests/golden/metrics/binary.tsv", "probability");
    rtd_classification_scores(&c, &s);
    rtd_confusion_class(&c, 1, &one);
    close_to(s.accuracy, want, "accuracy");
    close_to(s.mcc, want, "mcc");
    close_to(one.f1, want, "f1_positive");
    close_to(one.precision, want, "precision");
    close_to(one.recall, want, "recall");
    rtd_confusion_free(&c);
    rtd_labels_free(&l);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_columns_are_found),
        cmocka_unit_test(bad_tables_are_refused_with_the_line),
        cmocka_unit_test(answering_tools_take_the_first_columns),
        cmocka_unit_test(labels_are_sorted_as_users_expect),
        cmocka_unit_test(metrics_are_scikit_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
