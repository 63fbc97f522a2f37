/* rtdtools - MIT licence
 *
 * How fast work is beside what the CPU can do: slices of time, on all workers of a pool at once. */
#ifndef RTD_TESTS_SPEED_H
#define RTD_TESTS_SPEED_H

#include "base/pool.h"

enum { SPEED_PAIRS = 9 };

/* Calls a second of work, all workers together: each calls it for 20 ms or more, whose first 5 do
 * not count. */
double speed_of(struct rtd_pool *pool, void (*work)(void *arg, int worker), void *arg);

/* The limit: FLOP/s of independent multiplications with addition in the widest vectors of the
 * chosen kernels, on all workers at once. */
double speed_limit(struct rtd_pool *pool);

double speed_median(double *x, int n); /* sorts x */

/* Choose the kernels and make the pool; print the CPU, the kernels and why, and the limit with the
 * clock that it implies.  Exits where that fails. */
struct rtd_pool *speed_start(int threads);

#endif
