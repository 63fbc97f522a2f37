/* rtdtools - MIT licence
 *
 * Fine-tuning: loss and gradient of one batch, for the heads of a network (model/network.h).
 * Reading tasks, schedules and files are elsewhere. */
#ifndef RTD_FINETUNE_LOSS_H
#define RTD_FINETUNE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/network.h"
#include "learn/lanes.h"

struct rtd_finetune_net_options {
    bool drop;        /* dropout in training */
    bool loss_mean;   /* gradient of the mean over the batch (target.count), else of the sum */
    double smoothing; /* of labels (classify, multilabel, tag, rank, generate) */
    uint64_t seed;
    int lanes;              /* 2 */
    size_t micro_tokens;    /* a micro-batch ends at or after this many tokens; 512 */
    size_t micro_sequences; /* and at this many units; 0: no limit */
};
void rtd_finetune_net_defaults(struct rtd_finetune_net_options *o);

/* Sequences end to end.  index: the keys of dropout, so different for every example of every
 * epoch.  A unit is what a lane or micro-batch never cuts: one sequence, or all candidates of a
 * query. */
struct rtd_batch_view {
    size_t nseq;
    const uint32_t *start;  /* [nseq + 1] */
    const int32_t *ids;     /* [tokens] */
    const uint8_t *types;   /* [tokens] */
    const uint64_t *index;  /* [nseq] */
    const uint32_t *prefix; /* [nseq] generate: tokens of the source; else NULL */
    size_t units;
    const uint32_t *unit; /* [units + 1] first sequence of each; NULL: one sequence each */
    int ntarget;
    const struct rtd_target *target; /* [ntarget] */
};

struct rtd_finetune_net {
    struct rtd_finetune_net_options o;
    struct rtd_network *net; /* owned */
    struct rtd_lanes *lanes;
    struct rtd_pool *pool; /* borrowed */
    /* private: of each worker, for measuring */
    struct rtd_arena *arena;
    struct rtd_err *err;
};

/* Takes over net, also when it fails; the pool is borrowed. */
int rtd_finetune_net_new(struct rtd_finetune_net **f, struct rtd_network *net,
                         const struct rtd_finetune_net_options *o, struct rtd_pool *pool,
                         struct rtd_err *err);
void rtd_finetune_net_free(struct rtd_finetune_net *f);

/* One training step's loss and gradient.  *grad: borrowed until the next call.  *loss: summed over
 * the batch and its targets. */
int rtd_finetune_net_gradient(struct rtd_finetune_net *f, const struct rtd_batch_view *b,
                              real **grad, double *loss, struct rtd_err *err);
/* The same network without dropout and gradients, on all of the pool's threads.  logits[i]: (rows,
 * outputs) of target i, for its rows (sequences or tokens) in the batch's order; NULL: not wanted
 * (always for language models). loss NULL: targets only name their heads.  RTD_ESIGNAL: stopped. */
int rtd_finetune_net_logits(struct rtd_finetune_net *f, const struct rtd_batch_view *b,
                            real **logits, double *loss, struct rtd_err *err);

#endif
