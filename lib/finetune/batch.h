/* rtdtools - MIT licence
 *
 * Batches out of examples: the order of an epoch, and sequences laid out so that the lanes of a
 * step have equal work. */
#ifndef RTD_FINETUNE_BATCH_H
#define RTD_FINETUNE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "finetune/examples.h"
#include "finetune/loss.h"

/* A permutation of n numbers: a function of seed, key and epoch. */
void rtd_epoch_order(uint32_t *order, size_t n, uint64_t seed, uint32_t key, uint64_t epoch);

/* Memory of one batch, reused. */
struct rtd_finetune_batch {
    struct rtd_batch_view view;
    uint32_t *start, *unit, *prefix;
    int32_t *ids;
    uint8_t *types;
    uint64_t *index;
    struct rtd_example_targets copy[RTD_MAX_TARGETS];
    struct rtd_target target[RTD_MAX_TARGETS];
    size_t seq_cap, token_cap;
};

/* Fill b with units[0..n-1] of e: the longest first, each to the lane with the fewest tokens so far
 * that still has a place.  index: epoch << 40 | sequence. */
int rtd_finetune_batch_fill(struct rtd_finetune_batch *b, const struct rtd_examples *e,
                            const uint32_t *units, size_t n, int lanes, uint64_t epoch,
                            struct rtd_err *err);
void rtd_finetune_batch_free(struct rtd_finetune_batch *b);

#endif
