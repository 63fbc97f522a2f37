/* rtdtools - MIT licence */
#include "learn/average.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

int rtd_average_init(struct rtd_average *a, const struct rtd_params *p, struct rtd_err *err)
{
    if (a->share > 0 && !(a->w = rtd_calloc_aligned(p->total, sizeof *a->w)))
        return rtd_fail(err, RTD_ESYS, "not enough memory for the average of the weights");
    return RTD_OK;
}

void rtd_average_free(struct rtd_average *a)
{
    free(a->w);
    *a = (struct rtd_average){0};
}

void rtd_average_step(struct rtd_average *a, const struct rtd_params *p, double u, double v)
{
    if (!a->w || v <= 1 - a->share || floor(1000 * v) <= floor(1000 * u))
        return;
    real part = 1 / (real)++a->n;
    for (size_t i = 0; i < p->total; i++)
        a->w[i] += part * (p->w[i] - a->w[i]);
}

void rtd_average_swap(struct rtd_average *a, struct rtd_params *p)
{
    real *w = p->w;
    if (!a->n)
        return;
    p->w = a->w;
    a->w = w;
}
