/* rtdtools - MIT licence
 *
 * Floating-point operations of a network, counted as multiply and add of the matrix products
 * alone: softmax, LayerNorm, dropout, GELU, the optimiser and anything recomputed count zero.
 * Training a step costs three forward passes. */
#ifndef RTD_MODEL_FLOPS_H
#define RTD_MODEL_FLOPS_H

#include "model/config.h"

/* Forward, for one sequence of n tokens. */
double rtd_flops_encoder(const struct rtd_config *c, double n); /* with embeddings_project */
double rtd_flops_discriminator_head(const struct rtd_config *c, double n);
double rtd_flops_generator_head(const struct rtd_config *c, double masked);
/* The head that the architecture names (none: 0); a generator's at round(0.15 n) positions. */
double rtd_flops_head(const struct rtd_config *c, double n);

#endif
