/* rtdtools - MIT licence
 *
 * Metrics from a confusion matrix. */
#include "score/metrics.h"

#include <math.h>
#include <stdlib.h>

int rtd_confusion_new(struct rtd_confusion *c, int n, struct rtd_err *err)
{
    c->n = n;
    c->count = calloc((size_t)n * (size_t)n + 1, sizeof *c->count);
    return c->count ? RTD_OK : rtd_fail(err, RTD_ESYS, "confusion matrix: no memory");
}

void rtd_confusion_free(struct rtd_confusion *c)
{
    free(c->count);
    *c = (struct rtd_confusion){0};
}

void rtd_confusion_add(struct rtd_confusion *c, int gold, int predicted)
{
    c->count[(size_t)gold * (size_t)c->n + (size_t)predicted]++;
}

static double ratio(double a, double b)
{
    return b == 0 ? 0 : a / b;
}

/* Row and column sums of class k, and its diagonal. */
static void sums(const struct rtd_confusion *c, int k, uint64_t *gold, uint64_t *predicted,
                 uint64_t *right)
{
    size_t n = (size_t)c->n, at = (size_t)k;
    *gold = *predicted = 0;
    for (size_t i = 0; i < n; i++) {
        *gold += c->count[at * n + i];
        *predicted += c->count[i * n + at];
    }
    *right = c->count[at * n + at];
}

void rtd_confusion_class(const struct rtd_confusion *c, int k, struct rtd_class_scores *s)
{
    uint64_t gold, predicted, right;
    sums(c, k, &gold, &predicted, &right);
    s->precision = ratio((double)right, (double)predicted);
    s->recall = ratio((double)right, (double)gold);
    s->f1 = ratio(2 * (double)right, (double)(gold + predicted));
    s->support = gold;
}

void rtd_classification_scores(const struct rtd_confusion *c, struct rtd_classification *s)
{
    uint64_t rows = 0, right = 0;
    double seen = 0, f1 = 0, weighted = 0, gold2 = 0, pred2 = 0, cross = 0;
    for (int k = 0; k < c->n; k++) {
        uint64_t gold, predicted, hits;
        struct rtd_class_scores one;
        sums(c, k, &gold, &predicted, &hits);
        rtd_confusion_class(c, k, &one);
        rows += gold;
        right += hits;
        seen += gold + predicted > 0;
        f1 += one.f1;
        weighted += one.f1 * (double)gold;
        gold2 += (double)gold * (double)gold;
        pred2 += (double)predicted * (double)predicted;
        cross += (double)gold * (double)predicted;
    }
    double all = (double)rows;
    s->rows = rows;
    s->accuracy = ratio((double)right, all);
    s->f1_micro = s->accuracy;
    s->f1_macro = ratio(f1, seen);
    s->f1_weighted = ratio(weighted, all);
    s->mcc = ratio((double)right * all - cross, sqrt((all * all - gold2) * (all * all - pred2)));
}
