/* rtdtools - MIT licence
 *
 * What the sets of kernels share. */
#include <math.h>

#include "nn/choice_internal.h"

const struct rtd_kernels *rtd_kernels(void)
{
    return rtd_choice_now()->kernels;
}

void rtd_drop_rate(struct rtd_drop *d, double p)
{
    d->threshold = (uint32_t)lrint(p * 65536);
    d->scale = (real)(65536.0 / (65536 - d->threshold));
}

double rtd_xent(real *x, size_t V, int32_t target, double smoothing, real gscale)
{
    if (smoothing == 0)
        return rtd_kernels()->xent(x, V, target, gscale);
    double sum = 0, logit = (double)x[target];
    for (size_t v = 0; v < V; v++)
        sum += (double)x[v];
    double loss = rtd_kernels()->xent(x, V, target, gscale);
    real share = (real)(smoothing / (double)V);
    for (size_t v = 0; v < V && gscale != 0; v++)
        x[v] -= gscale * share;
    if (gscale != 0)
        x[target] += gscale * (real)smoothing;
    /* (1 - e) (-log p(target)) + e mean(-log p), by log p(v) = x(v) - x(target) + log p(target) */
    return loss + smoothing * (logit - sum / (double)V);
}
