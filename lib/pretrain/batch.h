/* rtdtools - MIT licence
 *
 * Batches of masked examples out of a tensor stream. */
#ifndef RTD_PRETRAIN_BATCH_H
#define RTD_PRETRAIN_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "stream/stream.h"
#include "objective/pretrain.h"

/* A batch that owns its arrays and keeps them from one filling to the next.  Zero-initialise. */
struct rtd_batch_store {
    struct rtd_masked_batch b;
    size_t seq_cap, token_cap, slot_cap;
};
void rtd_batch_clear(struct rtd_batch_store *s);
/* Append sequence k of another batch. */
int rtd_batch_copy(struct rtd_batch_store *s, const struct rtd_masked_batch *from, size_t k,
                   struct rtd_err *err);
/* Append one record of the masked stream `in` for networks of that shape: RTD_EDATA when it is
 * empty, longer than they have positions, or of segments they have no types for. */
int rtd_batch_add(struct rtd_batch_store *s, const struct rtd_reader *in,
                  const struct rtd_record *rec, const struct rtd_config *config,
                  struct rtd_err *err);
void rtd_batch_free(struct rtd_batch_store *s);

/* Where a run stands in its stream. */
struct rtd_position {
    uint64_t consumed; /* records trained on */
    uint64_t last;     /* index of the last of them */
    uint64_t stride;   /* between the last two; of one alone, the stream's */
    uint64_t record;   /* hash of the last of them, see batch.c; 0: not known */
};

struct rtd_batcher {
    struct rtd_reader *in;
    const struct rtd_config *config; /* the networks' positions and types */
    size_t lanes;                    /* a batch is a multiple of this many sequences, */
    size_t sequences;                /* has so many */
    size_t tokens;                   /* or, when not 0, ends at or after this many tokens */
    struct rtd_position at;
    bool resumed;     /* records up to at.last are skipped, and at.last + at.stride must come */
    bool ended;       /* the stream has ended, verified */
    uint64_t dropped; /* records of the incomplete last batch */
    size_t longest;   /* longest sequence so far */
    struct rtd_batch_store ahead; /* records that were read before their time, owned ... */
    size_t taken;                 /* ... of which so many are in batches already */
};

/* Read until `n` records are at hand that are in no batch yet: number k of them is sequence
 * r->taken + k of r->ahead.b.  *end: the stream ended before. */
int rtd_batcher_ahead(struct rtd_batcher *r, size_t n, bool *end, struct rtd_err *err);
/* Index of the next batch's first record.  *end: there is none. */
int rtd_batcher_index(struct rtd_batcher *r, uint64_t *index, bool *end, struct rtd_err *err);
/* The next full batch.  *end: the stream ended (verified) before it was full.  The position moves
 * only when a batch is taken. */
int rtd_batcher_next(struct rtd_batcher *r, struct rtd_batch_store *s, bool *end,
                     struct rtd_err *err);

#endif
