/* rtdtools - MIT licence
 *
 * The steps of a run that trainer.c has made ready. */
#ifndef RTD_PRETRAIN_LOOP_H
#define RTD_PRETRAIN_LOOP_H

#include <stdio.h>

#include "pretrain/batch.h"
#include "pretrain/checkpoint.h"
#include "pretrain/evaluation.h"
#include "pretrain/trainer.h"
#include "pretrain/watch.h"

struct rtd_session {
    struct rtd_trainer *t;
    struct rtd_pool *pool;
    struct rtd_checkpoint now;
    struct rtd_optimizer opt;
    struct rtd_batcher batcher;
    struct rtd_batch_store store;
    struct rtd_evaluation eval;
    FILE *metrics, *evals;         /* eval.tsv only with an evaluation */
    uint64_t saved;                /* step of the newest checkpoint; UINT64_MAX: none */
    uint64_t first_step, first_at; /* of this process: steps done, and the clock then */
    double began, tokens;          /* of this process; sequence tokens trained on */
    bool slow;                     /* it was said that the time will not do */
    double cores_before;           /* core-seconds of the processes before this one */
    double logged, logged_tokens;  /* when metrics.tsv got its last line; s->tokens then */
    struct rtd_average average;
    struct rtd_watch watch;
};

/* The files of metrics, continued behind the session's step. */
int rtd_session_open_journals(struct rtd_session *s, struct rtd_err *err);
/* All steps that are left, then the models.  When that fails a checkpoint is tried first. */
int rtd_session_run(struct rtd_session *s, struct rtd_err *err);

#endif
