/* rtdtools - MIT licence
 *
 * Scores of one label a row. */
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "gold/labels.h"
#include "gold/predictions.h"
#include "gold/table.h"
#include "score/metrics.h"
#include "score/score.h"

/* Everything known about a run of classification. */
struct outcome {
    struct rtd_labels labels;
    struct rtd_confusion confusion;
    struct rtd_classification scores;
    int positive; /* -1: F1 of a positive class makes no sense */
};

/* Rows that both files have: gold, and what was said. */
struct rows {
    char **gold, **said; /* [n], borrowed */
    size_t n;
};

/* The predictions may have a header line: one line more than there are rows. */
static int pair(struct rows *r, const struct rtd_table *gold, const struct rtd_predictions *p,
                const char *name, struct rtd_err *err)
{
    size_t header = p->n == gold->total + 1 && p->label[0] && strcmp(p->label[0], "label") == 0;
    r->n = 0;
    if (p->n - header != gold->total)
        return rtd_fail(err, RTD_EDATA, "%s: %zu predictions for %zu rows of %s", name,
                        p->n - header, gold->total, gold->name);
    for (size_t i = 0; i < gold->rows; i++) {
        char *said = p->label[gold->number[i] + header];
        if (!said)
            continue;
        r->gold[r->n] = gold->label[i];
        r->said[r->n++] = said;
    }
    return r->n ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no line is left to compare", name);
}

static int check_match(const struct rows *r, const char *name, const char *gold,
                       struct rtd_err *err)
{
    struct rtd_labels known;
    if (rtd_labels_collect(&known, r->gold, r->n, err))
        return err->status;
    bool common = false;
    for (size_t i = 0; i < r->n && !common; i++)
        common = rtd_labels_find(&known, r->said[i]) >= 0;
    rtd_labels_free(&known);
    char a[64], b[64];
    if (!common)
        return rtd_fail(err, RTD_EDATA,
                        "%s: no predicted label occurs in %s (predicted '%s', gold '%s')", name,
                        gold, rtd_mask_text(a, sizeof a, r->said[0], strlen(r->said[0])),
                        rtd_mask_text(b, sizeof b, r->gold[0], strlen(r->gold[0])));
    return RTD_OK;
}

static int compare(struct outcome *o, const struct rows *r, bool matrix, struct rtd_err *err)
{
    char **all = malloc(2 * r->n * sizeof *all);
    if (!all)
        return rtd_fail(err, RTD_ESYS, "labels: no memory");
    memcpy(all, r->gold, r->n * sizeof *all);
    memcpy(all + r->n, r->said, r->n * sizeof *all);
    int st = rtd_labels_collect(&o->labels, all, 2 * r->n, err);
    free(all);
    if (!st)
        st = rtd_confusion_new(&o->confusion, o->labels.n, matrix, err);
    if (st)
        return st;
    for (size_t i = 0; i < r->n; i++)
        rtd_confusion_add(&o->confusion, rtd_labels_find(&o->labels, r->gold[i]),
                          rtd_labels_find(&o->labels, r->said[i]));
    rtd_classification_scores(&o->confusion, &o->scores);
    return RTD_OK;
}

/* --positive, or of two labels the one that sorts last: 1 of 0 and 1, yes of no and yes. */
static int choose_positive(struct outcome *o, const char *positive, struct rtd_err *err)
{
    int none = rtd_labels_find(&o->labels, RTD_NO_PREDICTION), n = o->labels.n;
    o->positive = n - (none >= 0) != 2 ? -1 : none == n - 1 ? n - 2 : n - 1;
    if (positive) {
        o->positive = rtd_labels_find(&o->labels, positive);
        if (o->positive < 0)
            return rtd_fail(err, RTD_EDATA, "--positive %s: no such label", positive);
    }
    return RTD_OK;
}

static void add_classes(json_t *root, const struct outcome *o)
{
    json_t *classes = json_object();
    for (int i = 0; i < o->labels.n; i++) {
        struct rtd_class_scores s;
        rtd_confusion_class(&o->confusion, i, &s);
        json_object_set_new(classes, o->labels.name[i],
                            json_pack("{s:f, s:f, s:f, s:I}", "precision", s.precision, "recall",
                                      s.recall, "f1", s.f1, "support", (json_int_t)s.support));
    }
    json_object_set_new(root, "per_class", classes);
}

static void add_matrix(json_t *root, const struct outcome *o)
{
    json_t *names = json_array(), *rows = json_array();
    for (int i = 0; i < o->labels.n; i++) {
        json_array_append_new(names, json_string(o->labels.name[i]));
        json_t *row = json_array();
        for (int k = 0; k < o->labels.n; k++)
            json_array_append_new(
                row, json_integer((json_int_t)o->confusion.count[i * o->labels.n + k]));
        json_array_append_new(rows, row);
    }
    json_object_set_new(root, "labels", names);
    json_object_set_new(root, "confusion", rows);
}

static json_t *as_json(const struct outcome *o, const struct rtd_score_options *opt)
{
    const struct rtd_classification *s = &o->scores;
    json_t *root = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "rows", (json_int_t)s->rows,
                             "accuracy", s->accuracy, "f1_micro", s->f1_micro, "f1_macro",
                             s->f1_macro, "f1_weighted", s->f1_weighted, "mcc", s->mcc);
    if (o->positive >= 0) {
        struct rtd_class_scores one;
        rtd_confusion_class(&o->confusion, o->positive, &one);
        json_object_set_new(root, "positive", json_string(o->labels.name[o->positive]));
        json_object_set_new(root, "f1_positive", json_real(one.f1));
        json_object_set_new(root, "precision", json_real(one.precision));
        json_object_set_new(root, "recall", json_real(one.recall));
    }
    if (opt->per_class)
        add_classes(root, o);
    if (opt->confusion)
        add_matrix(root, o);
    return root;
}

static int judge(struct outcome *out, const struct rtd_table *gold, const struct rtd_predictions *p,
                 const struct rtd_score_options *opt, struct rtd_err *err)
{
    struct rows r = {malloc(gold->rows * sizeof *r.gold), malloc(gold->rows * sizeof *r.said), 0};
    int st = r.gold && r.said ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = pair(&r, gold, p, opt->predictions, err);
    if (!st)
        st = check_match(&r, opt->predictions, gold->name, err);
    if (!st)
        st = compare(out, &r, opt->confusion, err);
    free(r.gold);
    free(r.said);
    return st;
}

int rtd_score_classes(json_t **out, const struct rtd_score_options *opt, struct rtd_err *err)
{
    struct rtd_columns_spec spec = {.label = opt->label, .want_label = true};
    struct rtd_table gold;
    struct rtd_predictions p = {0};
    struct outcome o = {0};
    struct rtd_bad_rows bad = {.skip = opt->skip_bad};
    int st = rtd_table_load(&gold, opt->gold, &spec, &bad, err);
    if (!st)
        st = rtd_predictions_load(&p, opt->predictions, &bad, err);
    if (!st)
        st = judge(&o, &gold, &p, opt, err);
    if (!st)
        st = choose_positive(&o, opt->positive, err);
    if (!st && p.none)
        rtd_warn("%s: %zu of %zu rows have no prediction: they count as wrong", opt->predictions,
                 p.none, p.n);
    if (!st)
        *out = as_json(&o, opt);
    rtd_bad_rows_free(&bad);
    rtd_confusion_free(&o.confusion);
    rtd_labels_free(&o.labels);
    rtd_predictions_free(&p);
    rtd_table_free(&gold);
    return st;
}
