/* rtdtools - MIT licence
 *
 * AdamW (arXiv 1711.05101) as ELECTRA uses it: one global-norm clip over all parameters, no bias
 * correction by default, eps outside the root, decoupled decay; and its schedules. */
#ifndef RTD_LEARN_OPTIMIZER_H
#define RTD_LEARN_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "model/params.h"
#include "learn/lanes.h"

/* The rate by a run's clock (base/clock.h), whose unit is an update, or a record. */
struct rtd_schedule {
    double lr;
    uint64_t steps, warmup; /* in the clock's unit; warmup 0: none */
    bool multiply;          /* true: warm-up multiplies the fall (google-research/electra);
                               false: linear up, then linear from lr to 0 (Hugging Face) */
    double hold;            /* with multiply: the share after which the linear fall to 0 begins;
                               0: from the start; 1: the rate never falls */
};
/* Rate of the update that t updates, or records, lie before. */
double rtd_schedule_lr(const struct rtd_schedule *s, uint64_t t);

struct rtd_optimizer {
    double beta1, beta2, eps, weight_decay;
    double clip; /* global norm; 0: no clipping */
    bool bias_correction;
    double layer_decay;        /* 1: none; else rate times layer_decay^(layers + 1 - depth) */
    int layers;                /* of the encoder; only for layer_decay */
    bool official_layer_decay; /* google-research's extra gap between head and top layer */
    real *m, *v;               /* [total] moments, owned */
    struct rtd_chunk *chunk;   /* equal pieces of work, owned */
    int chunks;
    double *partial; /* [chunks] */
    bool *ever; /* [rows of the table] touched so far: moments of the others are zero; or NULL */
};

/* Set ELECTRA's defaults and take memory for the moments (zeroed). */
int rtd_optimizer_init(struct rtd_optimizer *o, const struct rtd_params *p, struct rtd_err *err);
void rtd_optimizer_free(struct rtd_optimizer *o);

/* One update with gradient g.  touched: rows of a table outside which its gradient is zero, the
 * same table in every call; NULL: none (the result is the same, only slower).  t: number of this
 * update from 0 (for bias correction).  *norm: the global norm before clipping.  RTD_ENUMERIC when
 * it is not finite; nothing is changed then. */
int rtd_optimizer_step(struct rtd_optimizer *o, struct rtd_params *p, const real *g,
                       const struct rtd_touched *touched, double lr, uint64_t t,
                       struct rtd_pool *pool, double *norm, struct rtd_err *err);

#endif
