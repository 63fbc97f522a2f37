/* rtdtools - MIT licence
 *
 * Losses of fine-tuning on rows of logits.  Each returns its loss and, with gscale != 0, overwrites
 * the logits with gscale times its gradient; with gscale 0 the logits are left alone. */
#ifndef RTD_LEARN_LOSSES_H
#define RTD_LEARN_LOSSES_H

#include <stddef.h>
#include <stdint.h>

#include "nn/real.h"

/* Mean over the n outputs of the cross-entropy of sigmoid(x) with y in [0, 1]; smoothing pulls y
 * towards 1/2. */
double rtd_loss_sigmoid(real *x, size_t n, const float *y, double smoothing, real gscale);
/* Mean over the n outputs of (x - y)^2. */
double rtd_loss_squared(real *x, size_t n, const float *y, real gscale);
/* x (n, 2): start and end logits of n tokens; the mean of the cross-entropies of both columns.
 * scratch: n numbers. */
double rtd_loss_span(real *x, size_t n, const int32_t span[2], real *scratch, real gscale);

#endif
