/* rtdtools - MIT licence
 *
 * Checkpoints of pre-training: RUN/checkpoint/step-N/ holds complete model directories of both
 * networks and training.safetensors (moments, and where the run stands, as metadata).  Each is
 * written beside its final name, synced and renamed; each is verified on load; the newest that
 * verifies wins.  man/checkpoint.5 describes the files. */
#ifndef RTD_PRETRAIN_CHECKPOINT_H
#define RTD_PRETRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "stream/stream.h"
#include "pretrain/batch.h"
#include "learn/optimizer.h"
#include "pretrain/pretrain.h"

struct rtd_run {
    const char *dir; /* RUN */
    struct rtd_pretrain *p;
    struct rtd_optimizer *opt;
    const struct rtd_header *h; /* of the training stream: vocabulary and tokeniser settings */
    json_t *options; /* what a resumed run must have in common, and its values; borrowed */
    uint64_t step;   /* updates done */
    struct rtd_position at;
    uint64_t longest;   /* longest sequence trained on */
    bool other_kernels; /* out of load: the checkpoint was made with other kernels */
};

/* Write RUN/checkpoint/step-N and remove all but the newest `keep`. */
int rtd_checkpoint_save(const struct rtd_run *r, int keep, struct rtd_err *err);

/* Load the newest checkpoint that verifies into r (step, at, longest, weights, moments).  RTD_EDATA
 * when options differ (naming the first), or the vocabulary; when none verifies; *skipped names the
 * damaged newer ones (their number). */
int rtd_checkpoint_load(struct rtd_run *r, int *skipped, struct rtd_err *err);

/* Is r (dir, h, options) the run whose checkpoints are there?  The status that rtd_checkpoint_load
 * would give for its options; RTD_OK where no state can be read. */
int rtd_checkpoint_same(const struct rtd_run *r, struct rtd_err *err);

/* Remove what a killed run left half-written in RUN; only with RUN's lock held. */
int rtd_checkpoint_clean(const char *dir, struct rtd_err *err);

/* Write RUN/generator, then RUN/discriminator: the latter's presence says that the run reached its
 * last step. */
int rtd_checkpoint_finish(const struct rtd_run *r, struct rtd_err *err);

#endif
