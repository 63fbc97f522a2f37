/* rtdtools - MIT licence
 *
 * The operations of the networks that are not matrix products: forward and backward side by side,
 * fused where a pass over memory can be saved.  Knows no ELECTRA.
 *
 * Arrays are row-major; T rows (tokens) of C columns.  "Overwrites" means that the old contents are
 * not read, "adds" that the result is added to them.  No argument may alias another unless it
 * says so.  Every kernel is deterministic: the order in which a row is summed depends on C alone,
 * never on T, on other rows, or on threads.
 *
 * Each instruction set has a table of the same functions.  kernels_ref.c is the plain C
 * reference; kernels_simd.h holds the vectorised ones, compiled by kernels_avx2.c and
 * kernels_avx512.c.  The sets agree to rounding, and exactly in what dropout keeps and in the
 * random words of sampling. */
#ifndef RTD_NN_KERNELS_H
#define RTD_NN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "nn/real.h"

enum rtd_activation { RTD_GELU, RTD_GELU_TANH, RTD_RELU, RTD_TANH };

/* A dropout site of one sequence.  Element (row, column) of a matrix with C columns is dropped when
 * its 16-bit number is below threshold.  Elements of a row are taken in groups of 128; element r of
 * group g of row t takes half (r / 16) % 2 (0: low 16 bits) of word r / 32 of the Philox block
 * (row0 + t) * ceil(C / 128) * 16 + g * 16 + r % 16 (base/rng.h).  So 16 blocks side by side
 * yield 128 elements without a shuffle. */
struct rtd_drop {
    uint64_t seed, index; /* index of the record */
    uint32_t site;        /* purpose << 16 | network << 8 | layer */
    uint32_t row0;        /* number of the first row */
    uint32_t threshold;   /* round(p * 65536); 0: no dropout */
    real scale;           /* 65536 / (65536 - threshold) */
};

/* Set threshold and scale for a rate p in [0, 1). */
void rtd_drop_rate(struct rtd_drop *d, double p);

struct rtd_adamw {
    real lr, beta1, beta2, eps, weight_decay;
    real gain1, gain2;       /* 1 - beta1 and 1 - beta2, taken in double */
    real clip;               /* gradients are multiplied by this first */
    real correct1, correct2; /* 1 / (1 - beta^t) with bias correction, else 1 */
};

struct rtd_kernels {
    const char *name; /* "plain", "avx2", "avx512" */

    /* x (T,C) += b (C) on every row, in place. */
    void (*add_bias)(real *x, const real *b, size_t T, size_t C);
    /* db (C) adds the column sums of dy (T,C). */
    void (*bias_bwd)(real *db, const real *dy, size_t T, size_t C);

    /* u (T,C) += b, in place (kept for backward); y overwritten by act(u).  GELU is the erf form
     * 0.5 u (1 + erf(u / sqrt 2)). */
    void (*bias_act_fwd)(real *y, real *u, const real *b, size_t T, size_t C,
                         enum rtd_activation act);
    /* d (T,C): in dy, out du = dy * act'(u), in place; db (C) adds the column sums of du. */
    void (*bias_act_bwd)(real *d, real *db, const real *u, size_t T, size_t C,
                         enum rtd_activation act);

    /* LayerNorm over the last axis.  Overwrites y (T,C), mean, rstd (T); y may alias x. */
    void (*layernorm_fwd)(real *y, real *mean, real *rstd, const real *x, const real *w,
                          const real *b, size_t T, size_t C, real eps);
    /* Overwrites dx (may alias dy); adds into dw, db (C). */
    void (*layernorm_bwd)(real *dx, real *dw, real *db, const real *dy, const real *x,
                          const real *w, const real *mean, const real *rstd, size_t T, size_t C);

    /* x (T,C) multiplied by the mask of d, in place: forward and backward alike. */
    void (*dropout)(real *x, size_t T, size_t C, const struct rtd_drop *d);

    /* The end of a sub-layer.  z (T,C): in, the dense layer's product; out, z = dropout(z + bias) +
     * res, in place (kept for backward); y = LayerNorm(z) overwritten.  d NULL: no dropout. */
    void (*residual_layernorm_fwd)(real *y, real *z, real *mean, real *rstd, const real *res,
                                   const real *bias, const real *w, const real *b, size_t T,
                                   size_t C, real eps, const struct rtd_drop *d);
    /* Overwrites dres (T,C) = gradient of res (may alias dy) and dx = gradient of the product;
     * adds into dbias, dw, db (C). */
    void (*residual_layernorm_bwd)(real *dx, real *dres, real *dbias, real *dw, real *db,
                                   const real *dy, const real *z, const real *w, const real *mean,
                                   const real *rstd, size_t T, size_t C, const struct rtd_drop *d);

    /* Attention probabilities of one head of one sequence.  p (T,C): in, scores; out,
     * softmax(scale * scores) of every row, in place (kept for backward); pd overwritten by
     * dropout(p), not written when d is NULL.  C is also the row length in memory. */
    void (*softmax_fwd)(real *p, real *pd, size_t T, size_t C, real scale,
                        const struct rtd_drop *d);
    /* dp (T,C): in, the gradient of dropout(p); out, of the scores, in place; pd overwritten by
     * dropout(p) (not written when d is NULL). */
    void (*softmax_bwd)(real *dp, real *pd, const real *p, size_t T, size_t C, real scale,
                        const struct rtd_drop *d);

    /* One row of logits x (V), target id: returns -log softmax(x)[target] and overwrites x with
     * gscale * (softmax(x) - onehot(target)) (the gradient); x is left alone when gscale is 0. */
    double (*xent)(real *x, size_t V, int32_t target, real gscale);
    /* A draw from softmax(x / temperature): the arg max of x / temperature + Gumbel noise, computed
     * as the equivalent race arg max exp(x / temperature - max) / -log(u).  u of element v is
     * (word >> 8) * 2^-24, word (v % 64) / 16 of the Philox block
     * slot * ceil(V / 64) * 16 + (v / 64) * 16 + v % 16 of (seed, site, index).
     * forbid >= 0: that id is never drawn.  x is not changed.  *best: arg max of x. */
    int32_t (*gumbel)(const real *x, size_t V, real temperature, int32_t forbid, uint64_t seed,
                      uint32_t site, uint64_t index, uint32_t slot, int32_t *best);

    /* y (n) += x. */
    void (*add)(real *y, const real *x, size_t n);
    /* Sum of squares, in double. */
    double (*sumsq)(const real *x, size_t n);
    /* One update of p with moments m, v from gradient g (all n):
     * g *= clip; m = beta1 m + gain1 g; v = beta2 v + gain2 g g;
     * p -= lr * (m * correct1 / (sqrt(v * correct2) + eps) + weight_decay * p). */
    void (*adamw)(real *p, real *m, real *v, const real *g, size_t n, const struct rtd_adamw *o);
    /* The same bytes of p where m, v and g are zero. */
    void (*decay)(real *p, size_t n, const struct rtd_adamw *o);
};

/* The set that was chosen (nn/choice.h). */
const struct rtd_kernels *rtd_kernels(void);
/* xent with smoothed labels: cross-entropy with (1 - smoothing) onehot(target) + smoothing / V
 * (Szegedy et al., arXiv 1512.00567, section 7). */
double rtd_xent(real *x, size_t V, int32_t target, double smoothing, real gscale);
/* Set number i that this CPU can run (0 is plain), NULL after the last: for tests. */
const struct rtd_kernels *rtd_kernels_at(int i);

#endif
