/* rtdtools - MIT licence
 *
 * Scores of numbers and of several labels a row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "gold/labels.h"
#include "gold/line_list.h"
#include "gold/predictions.h"
#include "gold/table.h"
#include "score/metrics_labels.h"
#include "score/metrics_regression.h"
#include "score/score.h"

/* Gold labels and as many lines of predictions (a header line is left out). */
struct pair {
    struct rtd_table gold;
    struct rtd_line_list said;
    char **line; /* into said, behind its header */
    struct rtd_json_doc doc;
    struct rtd_bad_rows bad;
};

static void close_pair(struct pair *p)
{
    rtd_table_free(&p->gold);
    rtd_line_list_free(&p->said);
    rtd_json_free(&p->doc);
    rtd_bad_rows_free(&p->bad);
}

static int open_pair(struct pair *p, const struct rtd_score_options *o,
                     const struct rtd_columns_spec *spec, struct rtd_err *err)
{
    *p = (struct pair){.bad.skip = o->skip_bad};
    int st = rtd_table_load(&p->gold, o->gold, spec, &p->bad, err);
    if (!st)
        st = rtd_line_list_load(&p->said, o->predictions, err);
    p->line = p->said.line;
    if (!st && p->said.n == p->gold.total + 1)
        p->line++; /* a header */
    else if (!st && p->said.n != p->gold.total)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu predictions for %zu rows of %s", o->predictions,
                      p->said.n, p->gold.total, o->gold);
    if (st)
        close_pair(p);
    return st;
}

/* What was said of gold row r. */
static char *line_of(const struct pair *p, size_t r)
{
    return p->line[p->gold.number[r]];
}

/* The prediction for gold row r is bad. */
static int bad_line(struct pair *p, const struct rtd_score_options *o, size_t r, const char *what,
                    struct rtd_err *err)
{
    rtd_fail(err, RTD_EDATA, "%s: line %zu: %s", o->predictions,
             p->gold.number[r] + 1 + (size_t)(p->line - p->said.line), what);
    return rtd_bad_row(&p->bad, err);
}

/* After the last one; n are left. */
static int close_lines(struct pair *p, const struct rtd_score_options *o, size_t n,
                       struct rtd_err *err)
{
    if (rtd_bad_rows_end(&p->bad, p->gold.rows, o->predictions, "line", err))
        return err->status;
    return n ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no line is left to compare", o->predictions);
}

static bool parse_json(struct pair *p, const char *line)
{
    struct rtd_err none = {0};
    return !rtd_json_read(&p->doc, line, strlen(line), "", 0, &none) &&
           p->doc.root->kind == RTD_JSON_OBJECT;
}

static bool predicted_number(struct pair *p, char *line, double *x)
{
    const struct rtd_json *v;
    if (line[0] != '{') {
        line[strcspn(line, "\t")] = '\0';
        return rtd_parse_number(line, x);
    }
    if (!parse_json(p, line))
        return false;
    if (rtd_json_member(p->doc.root, "score", RTD_JSON_NUMBER, &v) == RTD_JSON_ABSENT)
        rtd_json_member(p->doc.root, "cosine", RTD_JSON_NUMBER, &v);
    return rtd_json_real(v, x);
}

int rtd_score_numbers(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_columns_spec spec = {.label = o->label, .want_label = true, .number = true};
    struct pair p;
    struct rtd_regression s;
    int st = open_pair(&p, o, &spec, err);
    if (st)
        return st;
    size_t rows = p.gold.rows, n = 0;
    double *x = malloc(2 * rows * sizeof *x);
    if (!x)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t r = 0; r < rows && !st; r++) {
        rtd_parse_number(p.gold.label[r], &x[n]);
        if (rtd_no_prediction(line_of(&p, r)))
            st = bad_line(&p, o, r, "no prediction", err);
        else if (!predicted_number(&p, line_of(&p, r), &x[rows + n]))
            st = bad_line(&p, o, r, "not a number", err);
        else
            n++;
    }
    if (!st)
        st = close_lines(&p, o, n, err);
    if (!st)
        st = rtd_regression_scores(&s, x, x + rows, n, err);
    if (!st)
        *out = json_pack("{s:I, s:f, s:f, s:f, s:f}", "rows", (json_int_t)n, "pearson", s.pearson,
                         "spearman", s.spearman, "mse", s.mse, "mae", s.mae);
    free(x);
    close_pair(&p);
    return st;
}

/* --- several labels --- */

enum { FEW_PLACES = 4 << 20 };

/* Names of labels, gathered from several places. */
struct names {
    char **name; /* [n], owned */
    size_t n, cap;
};

static void free_names(struct names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
}

static int add_name(struct names *l, const char *name, size_t len, struct rtd_err *err)
{
    if (l->n == l->cap) {
        size_t cap = 2 * l->cap + 64;
        char **list = realloc(l->name, cap * sizeof *list);
        if (!list)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        l->name = list;
        l->cap = cap;
    }
    l->name[l->n] = strndup(name, len);
    return l->name[l->n] ? (l->n++, RTD_OK) : rtd_fail(err, RTD_ESYS, "not enough memory");
}

/* The parts of a text between separators. */
static int add_parts(struct names *l, const char *text, const char *separator, struct rtd_err *err)
{
    int st = RTD_OK;
    while (*text && !st) {
        size_t len = strcspn(text, separator);
        if (len)
            st = add_name(l, text, len, err);
        text += len + (text[len] != '\0');
    }
    return st;
}

/* The labels of the gold rows and of the first line's JSON (the model's, that gold may lack),
 * sorted, which is the order of the models that finetune makes. */
static int sorted_labels(struct rtd_labels *l, struct pair *p, struct rtd_err *err)
{
    struct names names = {0};
    const struct rtd_json *all = NULL;
    int st = RTD_OK;
    *l = (struct rtd_labels){0};
    for (size_t r = 0; r < p->gold.rows && !st; r++)
        st = add_parts(&names, p->gold.label[r], ",", err);
    if (p->line[0][0] == '{' && parse_json(p, p->line[0]))
        rtd_json_member(p->doc.root, "probabilities", RTD_JSON_OBJECT, &all);
    struct rtd_json_walk w = rtd_json_walk(all);
    while (!st && rtd_json_step(&w))
        st = add_name(&names, w.key->text, w.key->n, err);
    if (!st)
        st = rtd_labels_collect(l, names.name, names.n, err);
    free_names(&names);
    return st;
}

/* All labels: those of the header, in its order, and others of the gold rows, or without a header
 * sorted_labels.  *said: the first so many have a probability in a line of TSV. */
static int collect_labels(struct rtd_labels *l, int *said, struct pair *p, struct rtd_err *err)
{
    struct rtd_labels sorted, header = {0};
    struct names names = {0};
    *l = (struct rtd_labels){0};
    int st = sorted_labels(&sorted, p, err);
    if (st || p->line == p->said.line) {
        *l = sorted;
        *said = l->n;
        return st || l->n
                   ? st
                   : rtd_fail(err, RTD_EDATA, "%s: no row has a label, and no header names any",
                              p->gold.name);
    }
    st = add_parts(&names, strchrnul(p->said.line[0], '\t'), "\t", err);
    *said = (int)names.n;
    if (!st)
        st = names.n ? rtd_labels_set(&header, names.name, *said, err)
                     : rtd_fail(err, RTD_EDATA, "the header names no labels");
    for (int i = 0; i < sorted.n && !st; i++)
        if (rtd_labels_find(&header, sorted.name[i]) < 0)
            st = add_name(&names, sorted.name[i], strlen(sorted.name[i]), err);
    if (!st)
        st = rtd_labels_set(l, names.name, (int)names.n, err);
    free_names(&names);
    rtd_labels_free(&header);
    rtd_labels_free(&sorted);
    return st;
}

/* A line of classify: the labels over the threshold, then every label's probability. */
static bool take_text(float *flags, double *probability, const struct rtd_labels *l, int said,
                      char *line)
{
    char *tab = strchr(line, '\t');
    if (!tab)
        return false;
    *tab = '\0';
    if (rtd_labels_split(l, flags, line) > 0)
        return false;
    for (int k = 0; k < said; k++) {
        char *end;
        probability[k] = strtod(tab + 1, &end);
        if (end == tab + 1 || *end != (k + 1 < said ? '\t' : '\0') || !isfinite(probability[k]))
            return false;
        tab = end;
    }
    return true;
}

/* The same as an object; a gold label may be none of the model's. */
static bool take_object(float *flags, double *probability, const struct rtd_labels *l,
                        struct pair *p, const char *line)
{
    const struct rtd_json *all, *labels;
    if (!parse_json(p, line) ||
        rtd_json_member(p->doc.root, "probabilities", RTD_JSON_OBJECT, &all) != RTD_JSON_PRESENT ||
        rtd_json_member(p->doc.root, "labels", RTD_JSON_LIST, &labels) != RTD_JSON_PRESENT)
        return false;
    struct rtd_json_walk w = rtd_json_walk(all);
    while (rtd_json_step(&w)) {
        int k = rtd_labels_find(l, w.key->text);
        double x;
        if (!rtd_json_real(w.value, &x))
            return false;
        if (k >= 0)
            probability[k] = x;
    }
    w = rtd_json_walk(labels);
    while (rtd_json_step(&w)) {
        int k = w.value->kind == RTD_JSON_TEXT ? rtd_labels_find(l, w.value->text) : -1;
        if (w.value->kind != RTD_JSON_TEXT)
            return false;
        if (k >= 0)
            flags[k] = 1;
    }
    return true;
}

/* All rows (n, k): what is gold, what was said, how probable it is. */
struct flags {
    float *gold, *said;
    double *probability;
};

static int fill(struct flags *f, size_t *n, const struct rtd_labels *l, int said, struct pair *p,
                const struct rtd_score_options *o, struct rtd_err *err)
{
    size_t k = (size_t)l->n;
    int st = RTD_OK;
    *n = 0;
    for (size_t r = 0; r < p->gold.rows && !st; r++) {
        float *named = f->said + *n * k;
        double *probability = f->probability + *n * k;
        char *line = line_of(p, r);
        rtd_labels_split(l, f->gold + *n * k, p->gold.label[r]);
        bool ok = rtd_no_prediction(line) || /* no label, all improbable */
                  (line[0] == '{' ? take_object(named, probability, l, p, line)
                                  : take_text(named, probability, l, said, line));
        if (ok) {
            ++*n;
            continue;
        }
        memset(named, 0, k * sizeof *named);
        memset(probability, 0, k * sizeof *probability);
        st = bad_line(p, o, r, "not labels and a probability for each label", err);
    }
    return st ? st : close_lines(p, o, *n, err);
}

/* Places for a probability of every label of every row.  Labels that the gold rows alone name make
 * no more of them than the predictions have bytes, or than are soon worked through. */
static int count_places(size_t *n, const struct pair *p, int labels,
                        const struct rtd_score_options *o, struct rtd_err *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < p->said.n; i++)
        bytes += strlen(p->said.line[i]);
    if (!rtd_mul_size(p->gold.rows, (size_t)labels, n) || (*n > FEW_PLACES && *n > bytes))
        return rtd_fail(
            err, RTD_EDATA,
            "%s: %zu rows of %d labels: over %d probabilities, and more than %s, of %zu "
            "bytes, can say",
            o->gold, p->gold.rows, labels, FEW_PLACES, o->predictions, bytes);
    return RTD_OK;
}

int rtd_score_labels(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_columns_spec spec = {.label = o->label, .want_label = true, .empty_label = true};
    struct pair p;
    struct rtd_labels labels;
    struct rtd_multilabel m;
    struct flags f = {0};
    size_t n = 0, all;
    int said;
    if (open_pair(&p, o, &spec, err))
        return err->status;
    int st = collect_labels(&labels, &said, &p, err);
    if (!st)
        st = count_places(&all, &p, labels.n, o, err);
    if (!st) {
        f = (struct flags){calloc(all + 1, sizeof *f.gold), calloc(all + 1, sizeof *f.said),
                           calloc(all + 1, sizeof *f.probability)};
        st = f.gold && f.said && f.probability ? fill(&f, &n, &labels, said, &p, o, err)
                                               : rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    if (!st)
        st = rtd_multilabel_scores(&m, f.gold, f.said, f.probability, n, (size_t)labels.n, err);
    if (!st)
        *out = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "rows", (json_int_t)n, "f1_micro",
                         m.f1_micro, "f1_macro", m.f1_macro, "exact_match", m.exact_match,
                         "average_precision_macro", m.average_precision_macro,
                         "average_precision_micro", m.average_precision_micro);
    free(f.gold);
    free(f.said);
    free(f.probability);
    rtd_labels_free(&labels);
    close_pair(&p);
    return st;
}
