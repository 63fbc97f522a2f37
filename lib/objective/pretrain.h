/* rtdtools - MIT licence
 *
 * A batch of pre-training: the networks that the run's objectives train, and the loss and gradient
 * of one of them over the lanes of a batch.  What is learnt is in objective.h; streams, schedules
 * and checkpoints are elsewhere (batch.h, optimizer.h, checkpoint.h). */
#ifndef RTD_OBJECTIVE_PRETRAIN_H
#define RTD_OBJECTIVE_PRETRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "learn/lanes.h"
#include "model/config.h"
#include "model/encoder.h"
#include "model/heads.h"
#include "objective/generator.h"
#include "objective/objective.h"

struct rtd_pretrain_options {
    struct rtd_phases phases;        /* rtd_electra alone */
    double gen_weight, disc_weight;  /* 1 and 50 */
    struct rtd_ramp temperature;     /* of sampling, by the clock; 1 */
    bool unigram;                    /* words from frequencies alone, not from a generator */
    const struct rtd_frozen *frozen; /* the generator, where it does not learn; borrowed */
    double clm_share;                /* of the sequences of rtd_mixed; 0.5 */
    double contrast_temperature;     /* of rtd_contrast; 0.1 */
    bool disallow_correct;
    bool drop; /* dropout, by the rates of the configurations */
    uint64_t seed;
    int lanes;              /* 8 */
    size_t micro_tokens;    /* a micro-batch ends at or after this many tokens; 512 */
    size_t micro_sequences; /* and at this many sequences; 0: no limit */
};
void rtd_pretrain_defaults(struct rtd_pretrain_options *o);

/* A batch of masked examples, end to end, or the part of one that is this process's. */
struct rtd_masked_batch {
    size_t nseq;
    double done;            /* share of the run before it */
    double tokens, slots;   /* of the whole batch: what the means of the losses go over */
    uint32_t *start;        /* [nseq + 1] tokens */
    uint32_t *mstart;       /* [nseq + 1] masked slots */
    int32_t *ids;           /* [tokens] the masked sequences */
    uint8_t *types;         /* [tokens] */
    int32_t *positions;     /* [slots] inside the sequence */
    int32_t *originals;     /* [slots] */
    uint64_t *index;        /* [nseq] record numbers */
    const int32_t *sampled; /* [slots] given samples instead of the generator's (tests), or NULL */
};

enum { RTD_NOT_JUDGED = 2 }; /* a label of the caller's, for tokens that have none */
/* Where set, filled with what a batch computed, in the batch's order; sized by the caller. */
struct rtd_pretrain_keep {
    real *gen_logits;                    /* (slots, vocab) */
    real *disc_logits;                   /* (tokens) */
    uint8_t *replaced;                   /* [tokens] the discriminator's labels, where it judges */
    real *hidden[2][RTD_MAX_LAYERS + 1]; /* [0 generator, 1 discriminator][i] (tokens, h) */
};

struct rtd_pretrain {
    struct rtd_config disc_config, gen_config; /* owned copies */
    struct rtd_pretrain_options o;
    struct rtd_params params;
    /* laid out as far as the objectives need them */
    struct rtd_encoder disc, gen;
    struct rtd_disc_head head;
    struct rtd_lm_head lm, disc_lm; /* the generator's; the discriminator's */
    size_t gate_w, gate_b;          /* of its copy mechanism */
    struct rtd_lanes *lanes;
    struct rtd_pretrain_keep keep;
};

/* The generator's configuration for a discriminator's: same layers and vocabulary, heads hidden/64,
 * FFN 4 x hidden (ELECTRA-FACTS: get_generator_config).  gen_hidden is its width. */
int rtd_generator_config(struct rtd_config *gen, const struct rtd_config *disc, int gen_hidden,
                         struct rtd_err *err);

/* Lay out and allocate (weights are zero: call rtd_params_init or rtd_params_load).  Heads that
 * the last phase trains stand in their network's model directory, which disc_config describes; the
 * others, dropped at the end, belong to no network. */
int rtd_pretrain_new(struct rtd_pretrain **p, const struct rtd_config *disc,
                     const struct rtd_config *gen, const struct rtd_pretrain_options *o,
                     struct rtd_pool *pool, struct rtd_err *err);
void rtd_pretrain_free(struct rtd_pretrain *p);

/* One batch of an objective, one of the run's: sums are overwritten; *grad (borrowed until the next
 * call) is the gradient of its loss.  grad NULL: an evaluation, without dropout, with sampling keys
 * of its own. */
int rtd_pretrain_batch(struct rtd_pretrain *p, const struct rtd_objective *objective,
                       const struct rtd_masked_batch *b, real **grad, struct rtd_sums *sums,
                       struct rtd_err *err);

/* The same of what is no objective but is worked on like one. */
int rtd_pretrain_run(struct rtd_pretrain *p, rtd_micro_run *run, const void *own,
                     const struct rtd_masked_batch *b, real **grad, struct rtd_sums *sums,
                     struct rtd_err *err);

/* Memory of a run in bytes, before it starts: parameters, gradients, moments, arenas; for sequences
 * of up to max_length tokens and max_masked masked slots. */
size_t rtd_pretrain_memory(const struct rtd_pretrain *p, int workers, size_t max_length,
                           size_t max_masked);

#endif
