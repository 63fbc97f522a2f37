/* rtdtools - MIT licence
 *
 * Scores of numbers and of several labels a row. */
#include <stdlib.h>
#include <string.h>

#include "finetune/examples.h"
#include "gold/line_list.h"
#include "score/metrics_labels.h"
#include "score/metrics_regression.h"
#include "gold/predictions.h"
#include "score/score.h"

/* Gold labels and as many lines of predictions (a header line is left out). */
struct pair {
    struct rtd_table gold;
    struct rtd_line_list said;
    char **line; /* into said, behind its header */
};

static void close_pair(struct pair *p)
{
    rtd_table_free(&p->gold);
    rtd_line_list_free(&p->said);
}

static int open_pair(struct pair *p, const struct rtd_score_options *o, bool empty,
                     struct rtd_err *err)
{
    struct rtd_columns_spec spec = {.label = o->label, .want_label = true, .empty_label = empty};
    *p = (struct pair){.line = NULL};
    int st = rtd_table_load(&p->gold, o->gold, &spec, err);
    if (!st)
        st = rtd_line_list_load(&p->said, o->predictions, err);
    if (st) {
        close_pair(p);
        return st;
    }
    p->line = p->said.line;
    if (p->said.n == p->gold.rows + 1)
        p->line++; /* a header */
    else if (p->said.n != p->gold.rows)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu predictions for %zu rows of %s", o->predictions,
                      p->said.n, p->gold.rows, o->gold);
    if (st)
        close_pair(p);
    return st;
}

static int bad_line(const struct pair *p, const struct rtd_score_options *o, size_t i,
                    const char *what, struct rtd_err *err)
{
    return rtd_fail(err, RTD_EDATA, "%s: line %zu: %s", o->predictions,
                    i + 1 + (size_t)(p->line - p->said.line), what);
}

static bool predicted_number(char *line, double *x)
{
    if (line[0] != '{') {
        line[strcspn(line, "\t")] = '\0';
        return rtd_parse_number(line, x);
    }
    json_t *root = json_loads(line, 0, NULL), *v = json_object_get(root, "score");
    v = v ? v : json_object_get(root, "cosine");
    *x = json_number_value(v);
    bool ok = json_is_number(v);
    json_decref(root);
    return ok;
}

int rtd_score_numbers(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct pair p;
    struct rtd_regression r;
    int st = open_pair(&p, o, false, err);
    if (st)
        return st;
    size_t n = p.gold.rows;
    double *x = malloc(2 * n * sizeof *x);
    if (!x)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < n && !st; i++) {
        if (!rtd_parse_number(p.gold.label[i], &x[i]))
            st = rtd_fail(err, RTD_EDATA, "%s: line %llu: the label is not a number", o->gold,
                          (unsigned long long)(p.gold.first_line + i));
        else if (rtd_no_prediction(p.line[i]))
            st = bad_line(&p, o, i, "no prediction", err);
        else if (!predicted_number(p.line[i], &x[n + i]))
            st = bad_line(&p, o, i, "not a number", err);
    }
    if (!st)
        st = rtd_regression_scores(&r, x, x + n, n, err);
    if (!st)
        *out = json_pack("{s:I, s:f, s:f, s:f, s:f}", "rows", (json_int_t)n, "pearson", r.pearson,
                         "spearman", r.spearman, "mse", r.mse, "mae", r.mae);
    free(x);
    close_pair(&p);
    return st;
}

/* --- several labels --- */

/* The labels of the gold rows and of the first line's JSON, sorted, which is the order of the
 * models that finetune makes. */
static int sorted_labels(struct rtd_labels *l, const struct pair *p, struct rtd_err *err)
{
    size_t n = 0, k = 0;
    char *save;
    const char *key;
    json_t *v;
    for (size_t r = 0; r < p->gold.rows; r++) {
        n++;
        for (const char *c = p->gold.label[r]; *c; c++)
            n += *c == ',';
    }
    json_t *first = p->line[0][0] == '{' ? json_loads(p->line[0], 0, NULL) : NULL;
    json_t *all = json_object_get(first, "probabilities"); /* the model's, that gold may lack */
    n += json_object_size(all);
    char **copy = calloc(p->gold.rows + 1, sizeof *copy), **name = malloc((n + 1) * sizeof *name);
    int st = copy && name ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t r = 0; r < p->gold.rows && !st; r++) {
        copy[r] = strdup(p->gold.label[r]);
        for (char *q = copy[r] ? strtok_r(copy[r], ",", &save) : NULL; q;
             q = strtok_r(NULL, ",", &save))
            name[k++] = q;
    }
    if (!st && k)
        json_object_foreach(all, key, v) name[k++] = (char *)key;
    if (!st)
        st = k ? rtd_labels_collect(l, name, k, err)
               : rtd_fail(err, RTD_EDATA, "%s: no row has a label", p->gold.name);
    for (size_t r = 0; copy && r < p->gold.rows; r++)
        free(copy[r]);
    free(copy);
    free(name);
    json_decref(first);
    return st;
}

/* All labels: those of the header, in its order, and others of the gold rows, or without a header
 * sorted_labels.  *said: the first so many have a probability in a line of TSV. */
static int collect_labels(struct rtd_labels *l, int *said, const struct pair *p,
                          struct rtd_err *err)
{
    struct rtd_labels sorted;
    char *save;
    int st = sorted_labels(&sorted, p, err), n = 0;
    if (st || p->line == p->said.line) {
        *l = sorted;
        *said = l->n;
        return st;
    }
    char *copy = strdup(p->said.line[0]), **name;
    name = malloc((strlen(p->said.line[0]) + 1 + (size_t)sorted.n) * sizeof *name);
    if (!copy || !name)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    for (char *q = st ? NULL : strtok_r(copy, "\t", &save); q; q = strtok_r(NULL, "\t", &save))
        name[n++] = q;
    *said = n - 1;
    for (int i = 0; i < sorted.n && !st; i++) {
        bool known = false;
        for (int k = 1; k <= *said && !known; k++)
            known = strcmp(name[k], sorted.name[i]) == 0;
        if (!known)
            name[n++] = sorted.name[i];
    }
    if (!st)
        st = *said > 0 ? rtd_labels_set(l, name + 1, n - 1, err)
                       : rtd_fail(err, RTD_EDATA, "the header names no labels");
    free(copy);
    free(name);
    rtd_labels_free(&sorted);
    return st;
}

/* A line of classify: the labels over the threshold, then every label's probability. */
static bool parse_text(float *flags, double *probability, const struct rtd_head_spec *spec,
                       int said, char *line)
{
    char *tab = strchr(line, '\t');
    if (!tab)
        return false;
    *tab = '\0';
    if (rtd_split_labels(flags, spec, line) > 0)
        return false;
    for (int k = 0; k < said; k++) {
        char *end;
        probability[k] = strtod(tab + 1, &end);
        if (end == tab + 1 || *end != (k + 1 < said ? '\t' : '\0'))
            return false;
        tab = end;
    }
    return true;
}

static bool parse_json(float *flags, double *probability, const struct rtd_head_spec *spec,
                       const char *line)
{
    json_t *root = json_loads(line, 0, NULL), *v;
    const json_t *all = json_object_get(root, "probabilities");
    bool ok = json_is_object(all);
    size_t i;
    for (int k = 0; k < spec->outputs; k++) { /* a gold label may be none of the model's */
        v = json_object_get(all, spec->label[k]);
        ok &= !v || json_is_number(v);
        probability[k] = json_number_value(v);
        flags[k] = 0;
    }
    json_array_foreach(json_object_get(root, "labels"), i, v)
    {
        for (int k = 0; k < spec->outputs; k++)
            if (json_is_string(v) && strcmp(json_string_value(v), spec->label[k]) == 0)
                flags[k] = 1;
    }
    json_decref(root);
    return ok;
}

int rtd_score_labels(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct pair p;
    struct rtd_labels labels = {0};
    struct rtd_multilabel m;
    int known;
    int st = open_pair(&p, o, true, err);
    if (st)
        return st;
    st = collect_labels(&labels, &known, &p, err);
    size_t n = p.gold.rows, k = (size_t)labels.n, none = 0;
    struct rtd_head_spec spec = {.label = labels.name, .outputs = labels.n};
    float *gold = calloc(n * k + 1, sizeof *gold), *said = calloc(n * k + 1, sizeof *said);
    double *probability = calloc(n * k + 1, sizeof *probability);
    if (!st && (!gold || !said || !probability))
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < n && !st; i++) {
        rtd_split_labels(gold + i * k, &spec, p.gold.label[i]);
        if (rtd_no_prediction(p.line[i])) { /* no label, all improbable */
            none++;
            continue;
        }
        bool ok = p.line[i][0] == '{'
                      ? parse_json(said + i * k, probability + i * k, &spec, p.line[i])
                      : parse_text(said + i * k, probability + i * k, &spec, known, p.line[i]);
        if (!ok)
            st = bad_line(&p, o, i, "not labels and a probability for each label", err);
    }
    if (!st)
        st = rtd_multilabel_scores(&m, gold, said, probability, n, k, err);
    if (!st)
        *out = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "rows", (json_int_t)n, "f1_micro",
                         m.f1_micro, "f1_macro", m.f1_macro, "exact_match", m.exact_match,
                         "average_precision_macro", m.average_precision_macro,
                         "average_precision_micro", m.average_precision_micro);
    free(gold);
    free(said);
    free(probability);
    rtd_labels_free(&labels);
    close_pair(&p);
    return st;
}
