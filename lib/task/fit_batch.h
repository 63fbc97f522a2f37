/* rtdtools - MIT licence
 *
 * Batches out of examples: the order of an epoch, and sequences laid out so that the lanes of a
 * step have equal work. */
#ifndef RTD_TASK_FIT_BATCH_H
#define RTD_TASK_FIT_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "task/examples.h"
#include "train/finetune.h"

/* A permutation of n rows: a function of seed and epoch. */
void rtd_epoch_order(uint32_t *order, size_t n, uint64_t seed, uint64_t epoch);

/* Memory of one batch, reused. */
struct rtd_fit_batch {
    struct rtd_labelled_batch view;
    uint32_t *start;
    int32_t *ids;
    uint8_t *types;
    uint64_t *index;
    int32_t *labels;
    size_t seq_cap, token_cap;
};

/* Fill b with rows[0..n-1] of e: the longest sequence first, each to the lane with the fewest
 * tokens so far that still has a place.  index: epoch << 40 | row. */
int rtd_fit_batch_fill(struct rtd_fit_batch *b, const struct rtd_examples *e, const uint32_t *rows,
                       size_t n, int lanes, uint64_t epoch, struct rtd_err *err);
void rtd_fit_batch_free(struct rtd_fit_batch *b);

#endif
