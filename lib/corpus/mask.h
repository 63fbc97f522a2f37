/* rtdtools - MIT licence
 *
 * Dynamic masking: which positions of a training sequence the generator has to fill, and what it
 * sees there.
 *
 *   number    max(1, min(N, round(prob * length))), half to even, where the length counts
 *             [CLS] and [SEP] and N = int((prob + 0.005) * max_length) unless given; never
 *             more than there are candidates, so a sequence without candidates has none
 *             where prob changes over the records both follow its value at the record's index
 *   positions uniform without replacement over the candidates: every position whose id is not
 *             [CLS], [SEP] or [MASK]; in increasing order
 *             with weights one after the other, each with probability proportional to the weight
 *             of its piece among those that are left; a weight of 0 makes no candidate
 *   shown     with probability 0.85 [MASK]; else the original, or a random id (random_replace)
 *
 * Everything is a function of (seed, index of the record) alone:
 *   positions  RTD_RNG_MASK, element k for the k-th draw
 *              with weights layer 1, element k for the k-th candidate: the least -log(u) / weight
 *              are chosen, which is the same as drawing in turn (exponential clocks)
 *   shown      RTD_RNG_COIN, element k for the k-th position in increasing order;
 *              layer 1, the same element: which random id
 *
 * A masker works in two steps, choosing positions and covering them; another way to choose (words,
 * spans) would replace the first only. */
#ifndef RTD_CORPUS_MASK_H
#define RTD_CORPUS_MASK_H

#include <stdint.h>

#include "base/err.h"
#include "stream/stream.h"

#define RTD_MASK_COVER 0.85 /* share of the chosen positions that get [MASK] */

struct rtd_mask_options {
    double prob;     /* (0, 1) of record 0 ... */
    double prob_end; /* ... and, where `over` is not 0, from record `over` on; linear between */
    uint64_t over;
    uint64_t seed;
    uint32_t max_predictions; /* 0: from prob and max_length */
    double random_replace;    /* share of the chosen positions that get a random id; at most
                                 1 - RTD_MASK_COVER: taken from those shown as they are */
    const double *weight;     /* [vocab_size] of each piece, borrowed; NULL: all alike */
};

struct rtd_masked {
    const int32_t *input_ids; /* [n] */
    const int32_t *positions; /* [count], increasing */
    const int32_t *ids;       /* [count], the originals */
    uint32_t count;
};

struct rtd_masker;

/* h: of the stream of examples; name: the stream's, for messages.  RTD_EDATA without a vocabulary,
 * or without a max_length where max_predictions is not given. */
int rtd_masker_new(struct rtd_masker **m, const struct rtd_mask_options *o,
                   const struct rtd_header *h, const char *name, struct rtd_err *err);
/* The effective N; where prob changes the largest. */
uint32_t rtd_masker_limit(const struct rtd_masker *m);
/* Mask one sequence of n ids.  The result is borrowed until the next call. */
int rtd_masker_apply(struct rtd_masker *m, uint64_t index, const int32_t *ids, uint32_t n,
                     struct rtd_masked *out, struct rtd_err *err);
void rtd_masker_free(struct rtd_masker *m); /* NULL is fine */

#endif
