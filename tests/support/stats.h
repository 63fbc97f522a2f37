/* rtdtools - MIT licence
 *
 * How far counts are from what they should be, as a standard normal z: with fixed seeds |z| < 4
 * either always holds or never. */
#ifndef RTD_TESTS_STATS_H
#define RTD_TESTS_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Pearson's chi-square of n counts against equal expectations (Wilson and Hilferty's cube root). */
double stats_uniform_z(const uint64_t *counts, size_t n);
/* k successes of n with probability p. */
double stats_binomial_z(uint64_t k, uint64_t n, double p);

#endif
