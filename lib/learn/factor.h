/* rtdtools - MIT licence
 *
 * The leading part of a sparse symmetric matrix: its largest eigenvalues and their eigenvectors, by
 * subspace iteration from a random start (Halko et al., arXiv 0909.4061).  The same bytes for any
 * number of threads. */
#ifndef RTD_LEARN_FACTOR_H
#define RTD_LEARN_FACTOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "learn/cooccur.h"
#include "nn/real.h"

struct rtd_factor_options {
    size_t width;   /* eigenvalues */
    int iterations; /* products with the matrix beyond the first: 2 is near, 4 nearer */
    double power;   /* of its eigenvalue that an eigenvector is multiplied with */
    uint64_t seed;
};

/* v (n, width), overwritten: column k is eigenvector k times eigenvalue k to the power, zeros where
 * the matrix has not so many eigenvalues above 0. */
int rtd_factor(real *v, const struct rtd_sparse_row *row, size_t n,
               const struct rtd_factor_options *o, struct rtd_pool *pool, struct rtd_err *err);

#endif
