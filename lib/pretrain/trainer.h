/* rtdtools - MIT licence
 *
 * Pre-training, from a masked stream to a run directory:
 *
 *   RUN/run.json             what run it is: options, vocabulary, stream
 *   RUN/checkpoint/step-N/   see checkpoint.h
 *   RUN/metrics.tsv          what training saw, every log_every steps
 *   RUN/eval.tsv             the held-out stream, every eval_every steps
 *   RUN/generator/, RUN/discriminator/   only when the last step was reached
 *
 * It says what it is going to do, its speed and its progress (base/say.h). */
#ifndef RTD_PRETRAIN_TRAINER_H
#define RTD_PRETRAIN_TRAINER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/pool.h"
#include "learn/plan.h"
#include "pretrain/initial.h"
#include "objective/pretrain.h"
#include "start/start.h"
#include "stream/stream.h"

struct rtd_trainer {
    const char *dir; /* RUN */
    bool resume, force;
    struct rtd_config disc, gen; /* shapes; vocab_size is taken from the stream */
    struct rtd_initial initial;
    struct rtd_start *start; /* what to go on from, opened; NULL: new weights; borrowed */
    struct rtd_pretrain_options o;
    struct rtd_plan plan; /* fitted, unless ... */
    double seconds;       /* ... not 0: to as many records as this time is good for */
    bool only_plan;       /* fit, fill in `memory`, and nothing else; dir is not looked at */
    size_t memory;        /* out: bytes */
    double weight_decay, clip, beta1, eps;
    double average; /* the models are the mean of the weights over this last share; 0: the last */
    uint64_t log_every, save_every, eval_every; /* steps; 0: never */
    int keep;                                   /* checkpoints */
    const char *eval;                           /* path of the held-out masked stream, or NULL */
    size_t eval_limit;                          /* records of it; 0: all */
    json_t *options; /* what decides the result, for resuming; borrowed */
};

/* Fit the plan to `total` records, or steps, and add both to the options. */
int rtd_trainer_fit(struct rtd_trainer *t, uint64_t total, struct rtd_err *err);

/* Train from `in` (a masked stream, already open).  RTD_OK: the last step was reached and the
 * models are in place.  RTD_ESIGNAL: stopped; RTD_EDATA: the stream ended or broke; RTD_ESYS: the
 * system failed: the work is saved in a checkpoint, or the message says that it could not be. */
int rtd_trainer_run(struct rtd_trainer *t, struct rtd_reader *in, struct rtd_pool *pool,
                    struct rtd_err *err);

#endif
