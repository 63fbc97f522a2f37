/* rtdtools - MIT licence
 *
 * Checkpoints of pre-training: RUN/checkpoint/step-N/ holds complete model directories of the
 * networks and training.safetensors (moments, and where the run stands, as metadata).  Each is
 * written beside its final name, synced and renamed; each is verified on load; the newest that
 * verifies wins.  RUN/run.json says what run it is.  man/checkpoint.5 describes the files. */
#ifndef RTD_PRETRAIN_CHECKPOINT_H
#define RTD_PRETRAIN_CHECKPOINT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "learn/average.h"
#include "learn/optimizer.h"
#include "pretrain/batch.h"
#include "objective/pretrain.h"
#include "start/start.h"
#include "stream/stream.h"

struct rtd_checkpoint {
    const char *dir; /* RUN */
    struct rtd_pretrain *p;
    struct rtd_optimizer *opt;
    struct rtd_average *average;
    const struct rtd_header *h;    /* of the training stream: vocabulary, settings, provenance */
    const struct rtd_start *start; /* what the run goes on from; NULL: new weights */
    json_t *options; /* what a resumed run must have in common, and its values; borrowed */
    uint64_t step;   /* updates done */
    struct rtd_position at;
    uint64_t longest;   /* longest sequence trained on */
    double tokens;      /* trained on, in whole numbers */
    double flops;       /* that this took, as objectives count them */
    bool other_kernels; /* out of load: it was made with kernels that cannot be taken up */
    bool other_version; /* out of load: by a version whose lanes were others */
};

/* Write RUN/checkpoint/step-N and remove all but the newest `keep`. */
int rtd_checkpoint_save(const struct rtd_checkpoint *c, int keep, struct rtd_err *err);

/* Is there any, whole or damaged? */
int rtd_checkpoint_any(const char *dir, bool *any, struct rtd_err *err);

/* Load the newest checkpoint that verifies into c (step, at, longest, weights, moments), and take
 * up its kernels.  RTD_EUSAGE when options differ (naming the first), RTD_EDATA when the vocabulary
 * or the stream's making does, and when none verifies; *skipped is the number of damaged newer
 * ones. */
int rtd_checkpoint_load(struct rtd_checkpoint *c, int *skipped, struct rtd_err *err);

/* Where the models of RUN's newest checkpoint lie that can be opened, or those of a run that is
 * complete; "": nowhere. */
int rtd_checkpoint_models(char folder[PATH_MAX], const char *run, struct rtd_err *err);

/* How many records the run in RUN has by its run.json; 0: there is none.  RTD_EUSAGE where it goes
 * by steps. */
int rtd_checkpoint_records(const char *dir, uint64_t *records, struct rtd_err *err);
/* Write RUN/run.json: what run c (dir, h, options) is. */
int rtd_checkpoint_name_run(const struct rtd_checkpoint *c, struct rtd_err *err);
/* Is c that run?  The status that rtd_checkpoint_load would give for it; RTD_OK without such a
 * file.
 */
int rtd_checkpoint_same(const struct rtd_checkpoint *c, struct rtd_err *err);

/* Remove what a killed run left half-written in RUN; only with RUN's lock held. */
int rtd_checkpoint_clean(const char *dir, struct rtd_err *err);

#endif
