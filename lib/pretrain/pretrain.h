/* rtdtools - MIT licence
 *
 * ELECTRA pre-training (arXiv 2003.10555): both networks, the joint loss and its gradient over one
 * batch, and the metrics of evaluation.  Streams, schedules and checkpoints are elsewhere
 * (batch.h, optimizer.h, checkpoint.h). */
#ifndef RTD_PRETRAIN_PRETRAIN_H
#define RTD_PRETRAIN_PRETRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/config.h"
#include "model/encoder.h"
#include "model/heads.h"
#include "learn/lanes.h"

struct rtd_pretrain_options {
    double gen_weight, disc_weight; /* 1 and 50 */
    double temperature;             /* of sampling; 1 */
    bool disallow_correct;
    bool drop;        /* dropout, by the rates of the configurations */
    bool warmup_head; /* a masked-LM head of the discriminator (rtd-train --mlm-warmup) */
    uint64_t seed;
    int lanes;              /* 8 */
    size_t micro_tokens;    /* a micro-batch ends at or after this many tokens; 512 */
    size_t micro_sequences; /* and at this many sequences; 0: no limit */
};
void rtd_pretrain_defaults(struct rtd_pretrain_options *o);

/* A batch of masked examples, end to end, or the part of one that is this process's. */
struct rtd_masked_batch {
    size_t nseq;
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

/* Sums over a batch or an evaluation; denominators are slots and tokens. */
struct rtd_pretrain_sums {
    double tokens, slots, sequences;
    double mlm_loss, mlm_correct;            /* of the generator */
    double warmup_loss;                      /* of the discriminator's masked-LM head */
    double sampled_correct;                  /* samples equal to the original */
    double disc_loss, disc_loss_means;       /* summed over tokens; summed means of sequences */
    double replaced, predicted, both, agree; /* tokens: truly replaced, said to be, both, right */
};

struct rtd_pretrain {
    struct rtd_config disc_config, gen_config; /* owned copies */
    struct rtd_pretrain_options o;
    struct rtd_params params;
    struct rtd_encoder disc, gen;
    struct rtd_lm_head lm, warmup_lm;
    struct rtd_disc_head head;
    struct rtd_lanes *lanes;
    /* for tests and tools: where set, filled with what a batch computed; sized by the caller */
    real *keep_gen_logits;                    /* (slots, vocab) */
    real *keep_disc_logits;                   /* (tokens) */
    real *keep_hidden[2][RTD_MAX_LAYERS + 1]; /* [0 generator, 1 discriminator][i] (tokens, h) */
};

/* The generator's configuration for a discriminator's: same layers and vocabulary, heads hidden/64,
 * FFN 4 x hidden (ELECTRA-FACTS: get_generator_config).  gen_hidden is its width. */
int rtd_generator_config(struct rtd_config *gen, const struct rtd_config *disc, int gen_hidden,
                         struct rtd_err *err);

/* Lay out and allocate (weights are zero: call rtd_params_init or rtd_params_load).  The generator
 * shares the discriminator's embeddings. */
int rtd_pretrain_new(struct rtd_pretrain **p, const struct rtd_config *disc,
                     const struct rtd_config *gen, const struct rtd_pretrain_options *o,
                     struct rtd_pool *pool, struct rtd_err *err);
void rtd_pretrain_free(struct rtd_pretrain *p);

enum rtd_phase {
    RTD_PHASE_ELECTRA, /* generator, sampling, discriminator */
    RTD_PHASE_WARMUP,  /* generator and the discriminator's masked-LM head, no replaced tokens */
    RTD_PHASE_EVAL,    /* as ELECTRA without gradient and dropout, sampling keys of its own */
};

/* One batch: sums are overwritten; *grad (borrowed until the next call) is the gradient of
 * gen_weight * mean masked-LM loss + disc_weight * mean discriminator loss, means over the whole
 * batch.  NULL grad in RTD_PHASE_EVAL, where scores (tokens, may be NULL) gets every token's logit
 * and labels (tokens, may be NULL) whether it was replaced. */
int rtd_pretrain_batch(struct rtd_pretrain *p, const struct rtd_masked_batch *b,
                       enum rtd_phase phase, real **grad, struct rtd_pretrain_sums *sums,
                       float *scores, uint8_t *labels, struct rtd_err *err);

/* Memory of a run in bytes, before it starts: parameters, gradients, moments, arenas. */
size_t rtd_pretrain_memory(const struct rtd_pretrain *p, int workers, size_t max_length);

/* Training FLOPs of a sequence of n tokens with `masked` slots: 3 x forward; recomputation,
 * softmax, dropout and the optimiser count nothing. */
double rtd_pretrain_flops(const struct rtd_config *disc, const struct rtd_config *gen, size_t n,
                          size_t masked);

#endif
