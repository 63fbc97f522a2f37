/* rtdtools - MIT licence */
#include "support/stats.h"

#include <math.h>

double stats_uniform_z(const uint64_t *counts, size_t n)
{
    double sum = 0, chi2 = 0, df = (double)n - 1;
    for (size_t i = 0; i < n; i++)
        sum += (double)counts[i];
    double want = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        chi2 += ((double)counts[i] - want) * ((double)counts[i] - want) / want;
    return (cbrt(chi2 / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
}

double stats_binomial_z(uint64_t k, uint64_t n, double p)
{
    return ((double)k - (double)n * p) / sqrt((double)n * p * (1 - p));
}
