/* rtdtools - MIT licence
 *
 * metrics DIR: our metrics on the predictions in DIR, compared with those that the standard scripts
 * computed, DIR/expected.json, to 1e-6.  Every number there is compared.  A key that is not known,
 * whatever its value, a list or table of another size, and predictions without expected metrics are
 * failures. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gold/columns.h"
#include "gold/conll.h"
#include "gold/labels.h"
#include "gold/line_list.h"
#include "score/metrics.h"
#include "score/metrics_labels.h"
#include "score/metrics_rank.h"
#include "score/metrics_regression.h"
#include "score/metrics_tags.h"
#include "score/score.h"

static struct rtd_err err;
static const char *dir;
static int compared, failed;
static double worst;

static void die(void)
{
    fprintf(stderr, "metrics: %s\n", err.text);
    exit(1);
}

static void *need(void *p)
{
    if (p)
        return p;
    fprintf(stderr, "metrics: not enough memory\n");
    exit(1);
}

static char *path_of(const char *name)
{
    char *path = need(malloc(strlen(dir) + strlen(name) + 2));
    sprintf(path, "%s/%s", dir, name);
    return path;
}

static void wrong(const char *where, const char *what)
{
    printf("FAIL %s: %s\n", where, what);
    failed++;
}

static void compare_numbers(const char *where, double want, double ours)
{
    double d = fabs(want - ours);
    bool ok = d <= 1e-6;
    compared++;
    worst = ok && d > worst ? d : worst;
    if (!ok) {
        printf("FAIL %s: %.10g, want %.10g\n", where, ours, want);
        failed++;
    }
}

/* What the data name (classes), not we, has to be there whole. */
static bool is_table(const char *where)
{
    const char *name = strrchr(where, '.');
    return name && strcmp(name, ".per_class") == 0;
}

/* Everything in `want` against ours at the same place.  Text only says what the numbers mean: its
 * key has to be known, its wording is free. */
static void compare(const char *where, json_t *want, const json_t *ours)
{
    const char *key;
    json_t *v;
    size_t i;
    char deeper[256];
    if (!ours)
        wrong(where, "an unknown key, or nothing that we compute");
    else if (json_is_number(want) && json_is_number(ours))
        compare_numbers(where, json_number_value(want), json_number_value(ours));
    else if (json_is_array(want) && json_is_array(ours) &&
             json_array_size(want) == json_array_size(ours))
        json_array_foreach(want, i, v)
        {
            snprintf(deeper, sizeof deeper, "%s[%zu]", where, i);
            compare(deeper, v, json_array_get(ours, i));
        }
    else if (json_object_size(want) && json_is_object(ours)) {
        if (is_table(where) && json_object_size(want) != json_object_size(ours))
            wrong(where, "not all classes");
        json_object_foreach(want, key, v)
        {
            snprintf(deeper, sizeof deeper, "%s.%s", where, key);
            compare(deeper, v, json_object_get(ours, key));
        }
    } else if (!json_is_string(want) || !json_is_string(ours))
        wrong(where, "another type, or another number of values");
}

/* --- tables --- */

struct table {
    struct rtd_line_list lines;
    struct rtd_row *row; /* [n], behind the header */
    size_t n;
};

static struct table load_table(const char *name, int columns)
{
    struct table t = {.n = 0};
    char *path = path_of(name);
    if (rtd_line_list_load(&t.lines, path, &err))
        die();
    t.row = need(calloc(t.lines.n, sizeof *t.row));
    for (size_t i = 1; i < t.lines.n; i++) {
        if (rtd_row_split(&t.row[t.n], t.lines.line[i], strlen(t.lines.line[i]), path, i + 1, &err))
            die();
        if (t.row[t.n++].n != columns) {
            rtd_fail(&err, RTD_EDATA, "%s: line %zu: want %d columns", path, i + 1, columns);
            die();
        }
    }
    free(path);
    return t;
}

static void free_table(struct table *t)
{
    for (size_t i = 0; i < t->n; i++)
        rtd_row_free(&t->row[i]);
    free(t->row);
    rtd_line_list_free(&t->lines);
}

static json_t *class_scores(const struct rtd_confusion *c, const struct rtd_labels *l)
{
    struct rtd_classification s;
    rtd_classification_scores(c, &s);
    json_t *root = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "rows", (json_int_t)s.rows,
                             "accuracy", s.accuracy, "f1_micro", s.f1_micro, "f1_macro", s.f1_macro,
                             "f1_weighted", s.f1_weighted, "mcc", s.mcc);
    json_t *rows = json_array(), *classes = json_object();
    for (int i = 0; i < l->n; i++) {
        struct rtd_class_scores one;
        json_t *row = json_array();
        for (int k = 0; k < l->n; k++)
            json_array_append_new(row, json_integer((json_int_t)c->count[i * l->n + k]));
        json_array_append_new(rows, row);
        rtd_confusion_class(c, i, &one);
        json_object_set_new(classes, l->name[i],
                            json_pack("{s:f, s:f, s:f, s:f}", "precision", one.precision, "recall",
                                      one.recall, "f1", one.f1, "support", (double)one.support));
    }
    json_object_set_new(root, "confusion", rows);
    json_object_set_new(root, "per_class", classes);
    return root;
}

static json_t *classes(const char *name)
{
    struct table t = load_table(name, 2);
    struct rtd_labels l;
    struct rtd_confusion c;
    char **all = need(malloc(2 * t.n * sizeof *all));
    for (size_t i = 0; i < t.n; i++) {
        all[i] = t.row[i].field[0];
        all[t.n + i] = t.row[i].field[1];
    }
    if (rtd_labels_collect(&l, all, 2 * t.n, &err) || rtd_confusion_new(&c, l.n, true, &err))
        die();
    for (size_t i = 0; i < t.n; i++)
        rtd_confusion_add(&c, rtd_labels_find(&l, all[i]), rtd_labels_find(&l, all[t.n + i]));
    json_t *root = class_scores(&c, &l);
    rtd_confusion_free(&c);
    rtd_labels_free(&l);
    free(all);
    free_table(&t);
    return root;
}

static json_t *binary(const char *name)
{
    struct table t = load_table(name, 2);
    struct rtd_confusion c;
    struct rtd_classification s;
    struct rtd_class_scores one;
    double auc, precision, *p = need(malloc(t.n * sizeof *p));
    float *gold = need(malloc(t.n * sizeof *gold));
    if (rtd_confusion_new(&c, 2, false, &err))
        die();
    for (size_t i = 0; i < t.n; i++) {
        gold[i] = strtof(t.row[i].field[0], NULL);
        p[i] = strtod(t.row[i].field[1], NULL);
        rtd_confusion_add(&c, (int)gold[i], p[i] > 0.5);
    }
    if (rtd_ranking_quality(gold, p, t.n, &auc, &precision, &err))
        die();
    rtd_classification_scores(&c, &s);
    rtd_confusion_class(&c, 1, &one);
    rtd_confusion_free(&c);
    free(gold);
    free(p);
    free_table(&t);
    return json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "threshold", "over 0.5",
                     "rows", (json_int_t)s.rows, "accuracy", s.accuracy, "f1_positive", one.f1,
                     "precision", one.precision, "recall", one.recall, "mcc", s.mcc, "auc", auc,
                     "average_precision", precision);
}

static json_t *regression(const char *name)
{
    struct table t = load_table(name, 2);
    struct rtd_regression r;
    double *x = need(malloc(2 * t.n * sizeof *x));
    for (size_t i = 0; i < t.n; i++)
        for (size_t k = 0; k < 2; k++)
            x[k * t.n + i] = strtod(t.row[i].field[k], NULL);
    if (rtd_regression_scores(&r, x, x + t.n, t.n, &err))
        die();
    free(x);
    free_table(&t);
    return json_pack("{s:f, s:f, s:f, s:f}", "pearson", r.pearson, "spearman", r.spearman, "mse",
                     r.mse, "mae", r.mae);
}

static json_t *ranking(const char *name)
{
    struct table t = load_table(name, 4);
    struct rtd_ranking r = {0};
    double *score = need(malloc(t.n * sizeof *score));
    int *right = need(malloc(t.n * sizeof *right));
    for (size_t i = 0, end; i < t.n; i = end) {
        for (end = i; end < t.n && !strcmp(t.row[end].field[0], t.row[i].field[0]); end++) {
            right[end] = atoi(t.row[end].field[2]);
            score[end] = strtod(t.row[end].field[3], NULL);
        }
        rtd_ranking_add(&r, rtd_rank_of(score + i, right + i, end - i));
    }
    free(score);
    free(right);
    free_table(&t);
    json_t *out =
        json_pack("{s:s, s:f, s:f, s:I}", "ties", "the earlier first", "mrr", rtd_ranking_mrr(&r),
                  "accuracy", rtd_ranking_recall(&r, 1), "queries", (json_int_t)r.queries);
    for (int k = 1; k <= RTD_RANK_TOP; k++) {
        char key[32];
        snprintf(key, sizeof key, "recall_at_%d", k);
        json_object_set_new(out, key, json_real(rtd_ranking_recall(&r, k)));
    }
    return out;
}

/* --- labels.jsonl: the labels are those of the first row's probabilities --- */

static json_t *labels(const char *name)
{
    struct rtd_line_list l;
    struct rtd_multilabel m;
    char *path = path_of(name);
    if (rtd_line_list_load(&l, path, &err))
        die();
    json_t *first = need(json_loads(l.line[0], 0, NULL)), *v, *g;
    const json_t *names = json_object_get(first, "probabilities");
    size_t k = json_object_size(names), i;
    float *gold = need(calloc(l.n * k, sizeof *gold)), *said = need(calloc(l.n * k, sizeof *said));
    double *p = need(calloc(l.n * k, sizeof *p));
    for (size_t r = 0; r < l.n; r++) {
        json_t *root = need(json_loads(l.line[r], 0, NULL));
        size_t c = r * k;
        const char *label;
        json_object_foreach((json_t *)names, label, v)
        {
            p[c] =
                json_number_value(json_object_get(json_object_get(root, "probabilities"), label));
            said[c] = p[c] > 0.5;
            json_array_foreach(json_object_get(root, "gold"), i, g)
            {
                if (!strcmp(json_string_value(g), label))
                    gold[c] = 1;
            }
            c++;
        }
        json_decref(root);
    }
    if (rtd_multilabel_scores(&m, gold, said, p, l.n, k, &err))
        die();
    free(gold);
    free(said);
    free(p);
    free(path);
    json_decref(first);
    rtd_line_list_free(&l);
    return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f}", "threshold", "over 0.5", "f1_micro",
                     m.f1_micro, "f1_macro", m.f1_macro, "exact_match", m.exact_match,
                     "average_precision_macro", m.average_precision_macro,
                     "average_precision_micro", m.average_precision_micro);
}

/* --- tags.conll: token, gold, predicted --- */

static json_t *tags(const char *name)
{
    struct rtd_conll gold, said;
    struct rtd_sentence a = {0}, b = {0};
    struct rtd_tag_counts c = {0};
    struct rtd_tag_scores s;
    const struct rtd_tag_scheme scheme = {.form = RTD_TAGS_PREFIXED};
    char *path = path_of(name);
    if (rtd_conll_open(&gold, path, true, &err) || rtd_conll_open(&said, path, true, &err))
        die();
    gold.wanted.tag = 2;
    for (;;) {
        if (rtd_conll_next(&gold, &a, &err) || rtd_conll_next(&said, &b, &err))
            die();
        if (a.n == 0)
            break;
        struct rtd_tag *tag = need(malloc(2 * a.n * sizeof *tag));
        for (size_t i = 0; i < a.n; i++) {
            tag[i] = rtd_tag_parse(&scheme, a.tag[i]);
            tag[a.n + i] = rtd_tag_parse(&scheme, b.tag[i]);
        }
        if (rtd_tag_counts_add(&c, tag, tag + a.n, a.n, &err))
            die();
        free(tag);
    }
    rtd_tag_scores(&c, NULL, &s);
    rtd_tag_counts_free(&c);
    rtd_conll_close(&gold);
    rtd_conll_close(&said);
    free(path);
    return json_pack("{s:s, s:{s:f, s:f, s:f, s:f}, s:{s:f, s:f, s:f, s:f}}", "columns",
                     "token, gold, predicted", "seqeval", "precision", s.precision, "recall",
                     s.recall, "f1", s.f1, "token_accuracy", s.token_accuracy, "conlleval",
                     "precision", s.precision, "recall", s.recall, "f1", s.f1, "token_accuracy",
                     s.token_accuracy);
}

/* --- squad --- */

static json_t *squad(const char *name)
{
    char file[64];
    struct rtd_squad gold;
    json_t *out = NULL;
    size_t unanswered;
    snprintf(file, sizeof file, "%s.json", name);
    char *path = path_of(file);
    struct rtd_squad_answers said;
    if (rtd_squad_load(&gold, path, true, NULL, &err))
        die();
    snprintf(file, sizeof file, "%s.predictions.json", name);
    char *predictions = path_of(file);
    snprintf(file, sizeof file, "%s.no_answer.json", name);
    char *no_answer = path_of(file);
    if (rtd_squad_answers_load(&said, &gold, predictions,
                               access(no_answer, F_OK) == 0 ? no_answer : NULL, NULL, &err) ||
        rtd_squad_judge(&out, &gold, &said, 0.5, &unanswered, &err))
        die();
    json_object_set_new(out, "no_answer_threshold", json_real(0.5));
    rtd_squad_answers_free(&said);
    free(predictions);
    free(no_answer);
    rtd_squad_free(&gold);
    free(path);
    return out;
}

/* --- generation.jsonl --- */

static json_t *bleu_json(const struct rtd_generated *row, size_t n)
{
    struct rtd_bleu b;
    if (rtd_bleu_score(&b, row, n, false, &err))
        die();
    return json_pack("{s:s, s:s, s:f, s:[f,f,f,f], s:f, s:I, s:I}", "tokenizer", "13a", "smoothing",
                     "exp", "score", b.score, "precisions", b.precision[0], b.precision[1],
                     b.precision[2], b.precision[3], "bp", b.brevity, "sys_len",
                     (json_int_t)b.length, "ref_len", (json_int_t)b.reference_length);
}

static json_t *rouge_json(const struct rtd_generated *row, size_t n, bool stem)
{
    struct rtd_rouge r;
    if (rtd_rouge_score(&r, row, n, stem, &err))
        die();
    return json_pack("{s:f, s:f, s:f}", "rouge1", r.rouge1, "rouge2", r.rouge2, "rougeL", r.rougeL);
}

static json_t *generation(const char *name)
{
    struct rtd_line_list l;
    char *path = path_of(name);
    if (rtd_line_list_load(&l, path, &err))
        die();
    struct rtd_generated *row = need(calloc(l.n, sizeof *row));
    json_t **root = need(calloc(l.n, sizeof *root)), *v;
    size_t i;
    for (size_t r = 0; r < l.n; r++) {
        root[r] = need(json_loads(l.line[r], 0, NULL));
        const json_t *refs = json_object_get(root[r], "references");
        char **list = need(calloc(json_array_size(refs) + 1, sizeof *list));
        row[r].text = json_string_value(json_object_get(root[r], "predicted"));
        json_array_foreach(refs, i, v)
        {
            if (json_is_string(v))
                list[row[r].references++] = (char *)json_string_value(v);
        }
        row[r].reference = list;
    }
    json_t *out = NULL; /* what evaluate prints, and the same under other names */
    if (rtd_texts_judge(&out, row, l.n, &err))
        die();
    json_object_set_new(out, "bleu", bleu_json(row, l.n));
    json_object_set_new(out, "rouge_f", rouge_json(row, l.n, false));
    json_object_set_new(out, "rouge_f_stemmed", rouge_json(row, l.n, true));
    for (size_t r = 0; r < l.n; r++)
        row[r].references = 1;
    json_t *first = bleu_json(row, l.n);
    json_object_set(out, "bleu_first_reference", json_object_get(first, "score"));
    json_decref(first);
    for (size_t r = 0; r < l.n; r++) {
        free((void *)row[r].reference);
        json_decref(root[r]);
    }
    free(row);
    free(root);
    free(path);
    rtd_line_list_free(&l);
    return out;
}

static const struct {
    const char *name, *file;
    json_t *(*compute)(const char *name);
} cases[] = {
    {"classes.tsv", "classes.tsv", classes},
    {"binary.tsv", "binary.tsv", binary},
    {"labels.jsonl", "labels.jsonl", labels},
    {"regression.tsv", "regression.tsv", regression},
    {"ranking.tsv", "ranking.tsv", ranking},
    {"tags.conll", "tags.conll", tags},
    {"squad1", "squad1.json", squad},
    {"squad2", "squad2.json", squad},
    {"generation.jsonl", "generation.jsonl", generation},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static int find_case(const char *name)
{
    for (int i = 0; i < CASES; i++)
        if (strcmp(cases[i].name, name) == 0)
            return i;
    return -1;
}

int main(int argc, char **argv)
{
    const char *key;
    json_t *want, *v;
    if (argc != 2) {
        fprintf(stderr, "usage: metrics DIR\n");
        return 2;
    }
    dir = argv[1];
    char *expected = path_of("expected.json");
    want = json_load_file(expected, JSON_REJECT_DUPLICATES, NULL);
    free(expected);
    if (!json_is_object(want)) {
        fprintf(stderr, "metrics: %s/expected.json: not there, or not a JSON object\n", dir);
        json_decref(want);
        return 1;
    }
    json_object_foreach(want, key, v)
    {
        int i = find_case(key);
        if (i < 0) {
            wrong(key, "an unknown case");
            continue;
        }
        json_t *ours = cases[i].compute(key);
        compare(key, v, ours);
        json_decref(ours);
    }
    for (int i = 0; i < CASES; i++) {
        char *path = path_of(cases[i].file);
        if (!json_object_get(want, cases[i].name) && access(path, F_OK) == 0)
            wrong(cases[i].name, "predictions, but no expected metrics");
        free(path);
    }
    json_decref(want);
    printf("%s: %d numbers, %d failed; worst difference %.2g\n", dir, compared, failed, worst);
    return compared == 0 || failed ? 1 : 0;
}
