/* rtdtools - MIT licence */
#include "score/metrics_regression.h"

#include <math.h>
#include <stdlib.h>

static double pearson(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, sxy = 0, sxx = 0, syy = 0;
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        sxy += (x[i] - mx) * (y[i] - my);
        sxx += (x[i] - mx) * (x[i] - mx);
        syy += (y[i] - my) * (y[i] - my);
    }
    return sxx > 0 && syy > 0 ? sxy / (sqrt(sxx) * sqrt(syy)) : 0;
}

struct place {
    double value;
    size_t at;
};

static int by_value(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* rank[i] from 1; equal values share the mean of their ranks. */
static void ranks(double *rank, struct place *p, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (struct place){x[i], i};
    qsort(p, n, sizeof *p, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && p[end].value == p[i].value; end++)
            ;
        for (size_t k = i; k < end; k++)
            rank[p[k].at] = ((double)i + (double)end + 1) / 2;
    }
}

int rtd_regression_scores(struct rtd_regression *r, const double *gold, const double *predicted,
                          size_t n, struct rtd_err *err)
{
    double *rank = malloc((2 * n + 1) * sizeof *rank);
    struct place *p = malloc((n + 1) * sizeof *p);
    *r = (struct rtd_regression){0};
    if (!rank || !p) {
        free(rank);
        free(p);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    ranks(rank, p, gold, n);
    ranks(rank + n, p, predicted, n);
    r->pearson = pearson(gold, predicted, n);
    r->spearman = pearson(rank, rank + n, n);
    for (size_t i = 0; i < n; i++) {
        double d = predicted[i] - gold[i];
        r->mse += d * d / (double)n;
        r->mae += fabs(d) / (double)n;
    }
    free(rank);
    free(p);
    return RTD_OK;
}
