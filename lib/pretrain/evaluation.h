/* rtdtools - MIT licence
 *
 * Evaluation in pre-training: a stored masked stream, dropout off, sampled with keys of its own, so
 * that it neither disturbs training nor depends on where training stands. */
#ifndef RTD_PRETRAIN_EVALUATION_H
#define RTD_PRETRAIN_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/stream.h"
#include "pretrain/batch.h"
#include "pretrain/copy_meter.h"
#include "objective/pretrain.h"

struct rtd_evaluation {
    struct rtd_batch_store *batch; /* [n], owned */
    size_t n;
    size_t records, tokens;
    struct rtd_copy_meter copy; /* of the first batch */
};

/* Read a masked stream (all of it, or the first `limit` records when not 0) for networks of that
 * shape; its header must match `train`'s vocabulary. */
int rtd_evaluation_load(struct rtd_evaluation *e, const char *path, size_t limit,
                        const struct rtd_header *train, const struct rtd_config *config,
                        struct rtd_err *err);
/* The objective's sums over all of it, and the area under the ROC curve of the discriminator's
 * logits: what its eval_columns are made of. */
int rtd_evaluation_run(const struct rtd_evaluation *e, struct rtd_pretrain *p,
                       const struct rtd_objective *objective, struct rtd_sums *sums,
                       struct rtd_err *err);
void rtd_evaluation_free(struct rtd_evaluation *e);

/* Do a and b, each a stream's first batch, begin with the same examples, however these were masked?
 * As many are compared as both hold. */
bool rtd_same_start(const struct rtd_masked_batch *a, const struct rtd_masked_batch *b);

/* Area under the ROC curve of n scores (ties count half); NaN with one class only.  Sorts in
 * place.  Memory: none. */
struct rtd_scored {
    float score;
    uint8_t label;
};
double rtd_auc(struct rtd_scored *s, size_t n);

#endif
