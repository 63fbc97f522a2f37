/* rtdtools - MIT licence
 *
 * Which set of kernels runs: decided once, at the first call. */
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nn/kernels_internal.h"

static const struct rtd_kernels *available[4];
static const struct rtd_kernels *chosen;
static const char *refused; /* a RTD_KERNELS that cannot be had */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
    int n = 0;
    available[n++] = &rtd_kernels_plain;
#ifdef RTD_HAVE_X86_KERNELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        available[n++] = &rtd_kernels_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        available[n++] = &rtd_kernels_avx512;
#endif
    chosen = available[n - 1];
    const char *want = getenv("RTD_KERNELS");
    if (!want || !*want)
        return;
    refused = want;
    for (int i = 0; i < n; i++)
        if (!strcmp(available[i]->name, want)) {
            chosen = available[i];
            refused = NULL;
        }
}

const struct rtd_kernels *rtd_kernels(void)
{
    pthread_once(&once, choose);
    return chosen;
}

int rtd_kernels_check(struct rtd_err *err)
{
    pthread_once(&once, choose);
    if (refused)
        return rtd_fail(err, RTD_EUSAGE, "RTD_KERNELS=%s: no such kernel set on this CPU", refused);
    return RTD_OK;
}

const struct rtd_kernels *rtd_kernels_at(int i)
{
    pthread_once(&once, choose);
    return i >= 0 && i < 4 ? available[i] : NULL;
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
