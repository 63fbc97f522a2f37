/* rtdtools - MIT licence
 *
 * Sequence classification on an encoder: loss and gradient of a batch, and answers.  Reading tasks,
 * schedules and files are elsewhere. */
#ifndef RTD_TRAIN_FINETUNE_H
#define RTD_TRAIN_FINETUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/config.h"
#include "model/encoder.h"
#include "model/heads.h"
#include "train/lanes.h"

struct rtd_finetune_options {
    bool drop;      /* dropout in training */
    bool loss_mean; /* gradient of the mean over the batch, else of the sum */
    uint64_t seed;
    int lanes;              /* 2 */
    size_t micro_tokens;    /* a micro-batch ends at or after this many tokens; 512 */
    size_t micro_sequences; /* and at this many sequences; 0: no limit */
};
void rtd_finetune_defaults(struct rtd_finetune_options *o);

/* Sequences end to end.  index: the keys of dropout, so different for every example of every
 * epoch. */
struct rtd_labelled_batch {
    size_t nseq;
    const uint32_t *start; /* [nseq + 1] */
    const int32_t *ids;    /* [tokens] */
    const uint8_t *types;  /* [tokens] */
    const uint64_t *index; /* [nseq] */
    const int32_t *labels; /* [nseq]; NULL: answers only */
};

struct rtd_finetune {
    struct rtd_config config; /* an owned copy, with num_labels */
    struct rtd_finetune_options o;
    struct rtd_params params;
    struct rtd_encoder enc;
    struct rtd_class_head head;
    struct rtd_lanes *lanes;
};

/* Lay out and allocate for config (num_labels > 0); weights are zero: rtd_params_init, then
 * rtd_params_load. */
int rtd_finetune_new(struct rtd_finetune **f, const struct rtd_config *config,
                     const struct rtd_finetune_options *o, struct rtd_pool *pool,
                     struct rtd_err *err);
void rtd_finetune_free(struct rtd_finetune *f);

/* One batch.  grad != NULL: train (dropout as in the options), *grad borrowed until the next call;
 * NULL: no gradient, no dropout.  *loss: summed cross-entropy (labels only).  logits (nseq, labels)
 * may be NULL.  Logits of a sequence do not depend on what else is in the batch. */
int rtd_finetune_batch(struct rtd_finetune *f, const struct rtd_labelled_batch *b, real **grad,
                       double *loss, real *logits, struct rtd_err *err);

#endif
