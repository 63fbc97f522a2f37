/* rtdtools - MIT licence
 *
 * Metrics of one label a row. */
#include "score/metrics.h"

#include <math.h>
#include <stdlib.h>

int rtd_confusion_new(struct rtd_confusion *c, int n, bool matrix, struct rtd_err *err)
{
    *c = (struct rtd_confusion){.n = n};
    if (matrix && n > RTD_MAX_MATRIX)
        return rtd_fail(err, RTD_EDATA, "%d labels: a confusion matrix has at most %d", n,
                        RTD_MAX_MATRIX);
    c->of = calloc((size_t)n + 1, sizeof *c->of);
    c->count = matrix ? calloc((size_t)n * (size_t)n + 1, sizeof *c->count) : NULL;
    if (c->of && (c->count || !matrix))
        return RTD_OK;
    rtd_confusion_free(c);
    return rtd_fail(err, RTD_ESYS, "confusion matrix: no memory");
}

void rtd_confusion_free(struct rtd_confusion *c)
{
    free(c->of);
    free(c->count);
    *c = (struct rtd_confusion){0};
}

void rtd_confusion_add(struct rtd_confusion *c, int gold, int predicted)
{
    c->of[gold].gold++;
    c->of[predicted].predicted++;
    c->of[gold].right += gold == predicted;
    if (c->count)
        c->count[(size_t)gold * (size_t)c->n + (size_t)predicted]++;
}

static double ratio(double a, double b)
{
    return b == 0 ? 0 : a / b;
}

void rtd_confusion_class(const struct rtd_confusion *c, int k, struct rtd_class_scores *s)
{
    const struct rtd_class_counts *n = &c->of[k];
    s->precision = ratio((double)n->right, (double)n->predicted);
    s->recall = ratio((double)n->right, (double)n->gold);
    s->f1 = ratio(2 * (double)n->right, (double)(n->gold + n->predicted));
    s->support = n->gold;
}

void rtd_classification_scores(const struct rtd_confusion *c, struct rtd_classification *s)
{
    uint64_t rows = 0, right = 0;
    double seen = 0, f1 = 0, weighted = 0, gold2 = 0, pred2 = 0, cross = 0;
    for (int k = 0; k < c->n; k++) {
        double gold = (double)c->of[k].gold, predicted = (double)c->of[k].predicted;
        struct rtd_class_scores one;
        rtd_confusion_class(c, k, &one);
        rows += c->of[k].gold;
        right += c->of[k].right;
        seen += gold + predicted > 0;
        f1 += one.f1;
        weighted += one.f1 * gold;
        gold2 += gold * gold;
        pred2 += predicted * predicted;
        cross += gold * predicted;
    }
    double all = (double)rows;
    s->rows = rows;
    s->accuracy = ratio((double)right, all);
    s->f1_micro = s->accuracy;
    s->f1_macro = ratio(f1, seen);
    s->f1_weighted = ratio(weighted, all);
    s->mcc = ratio((double)right * all - cross, sqrt((all * all - gold2) * (all * all - pred2)));
}
