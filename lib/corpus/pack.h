/* rtdtools - MIT licence
 *
 * Packing: the sentences of a document become ELECTRA training sequences.
 *
 * Sentences are gathered until they hold at least the target length in tokens, or the document
 * ends, and are then spread over one or two segments and cut to max_length:
 *     [CLS] segment 1 [SEP]      or      [CLS] segment 1 [SEP] segment 2 [SEP]
 * What is cut off (of segment 1, then of segment 2) is the first sentence of the next example of
 * the same document, so every token of a document stands in exactly one of its examples.  With
 * drop_overflow it is dropped, as google-research/electra does.
 *
 * Coins.  An example has at most one draw of each kind below, so the four words of one Philox
 * block serve it: rtd_philox(seed, RTD_RNG_PACK, 0, 0, index = document, block = example number
 * within the document).  Nothing depends on other documents.
 *     word 0  unit < 0.05: the target length is random, else max_length
 *     word 1  that random target, uniform in [5, max_length]
 *     word 2  unit < 0.1: a single segment, else segment 1 aims at (target - 3) / 2 tokens
 *     word 3  unit < 0.5: the first sentence that does not fit into segment 1 goes there all the
 *             same (asked once: either answer ends the question)
 *
 * Related segments.  In a share of the examples, options.related, segment 1 alone is gathered, for
 * half of the target, (target - 3) / 2, and cut to half of max_length; segment 2 has tokens of
 * segment 1, of a (n tokens), once more:
 *     repeat  all of them
 *     crop    a part of them: at least half, not all; anywhere
 *     near    n tokens from a place in the second half of a on, so that some stand in a and some
 *             behind it; fewer where the document ends
 * Tokens behind a are only looked at: they are the next example's, too.  What is asked for is drawn
 * by the four words of rtd_philox(seed, RTD_RNG_RELATED, 0, 0, document, example):
 *     word 0  unit < related: such an example
 *     word 1  which of the kinds
 *     word 2  how long a crop is, where near begins;  word 3  where a crop begins
 *
 * Use: rtd_packer_new; for each document rtd_packer_begin, then rtd_packer_next until ex->end. */
#ifndef RTD_CORPUS_PACK_H
#define RTD_CORPUS_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    RTD_PACK_MIN_LENGTH = 8,
    RTD_PACK_MAX_LENGTH = 1 << 20,
    RTD_PACK_MIN_TARGET = 5, /* shortest random target */
};

struct rtd_packer;

enum rtd_related { RTD_RELATED_NONE, RTD_RELATED_REPEAT, RTD_RELATED_CROP, RTD_RELATED_NEAR };

struct rtd_pack_options {
    uint32_t max_length; /* in [RTD_PACK_MIN_LENGTH, RTD_PACK_MAX_LENGTH] */
    bool drop_overflow;
    uint64_t seed;
    double related;           /* [0, 1] share of examples whose segments have tokens in common */
    enum rtd_related kind[3]; /* which, equally often; */
    uint32_t kinds;           /* so many, at least 1 where related > 0 */
};

struct rtd_example {
    bool end;                      /* no example: the document is used up */
    const int32_t *input_ids;      /* [n], with [CLS] and [SEP]; borrowed until the next call */
    const uint8_t *token_type_ids; /* [n]: 0 for [CLS] segment 1 [SEP], 1 for segment 2 [SEP] */
    uint32_t n;                    /* <= max_length */
    uint32_t segments;             /* 1 or 2 */
    uint32_t target;               /* the target length that was drawn */
    uint32_t carried;              /* tokens that begin the next example */
    enum rtd_related related;      /* what segment 2 has of segment 1 */
};

/* RTD_EUSAGE: a max_length out of its range. */
int rtd_packer_new(struct rtd_packer **p, const struct rtd_pack_options *o, int32_t cls_id,
                   int32_t sep_id, struct rtd_err *err);

/* Begin document number `document` (its index in the stream).  ids [sum of lengths] and lengths
 * [sentences] are borrowed until the document is used up; empty sentences are passed over. */
void rtd_packer_begin(struct rtd_packer *p, uint64_t document, const int32_t *ids,
                      const int32_t *lengths, uint32_t sentences);
int rtd_packer_next(struct rtd_packer *p, struct rtd_example *ex, struct rtd_err *err);
void rtd_packer_free(struct rtd_packer *p); /* NULL is fine */

#endif
