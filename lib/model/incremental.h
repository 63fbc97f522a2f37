/* rtdtools - MIT licence
 *
 * Generating token by token with the keys and values of what went before kept, for an encoder with
 * the prefix mask (encoder.h): a source is worked through once, then each step adds one token to
 * each of its targets, for several sources together.  The same numbers as working through the whole
 * sequence again, but for rounding; the same bytes whatever else is in a step. */
#ifndef RTD_MODEL_INCREMENTAL_H
#define RTD_MODEL_INCREMENTAL_H

#include "model/encoder.h"

struct rtd_cache {
    const struct rtd_encoder *enc;
    size_t prefix, steps; /* tokens of the source; of each target so far */
    size_t most, beams;   /* tokens of a target, targets: at most */
    size_t rooms[2];      /* numbers that source and target have room for */
    real *source;         /* (layers, prefix, 2h) keys and values */
    real *target;         /* (beams, layers, most, 2h) */
    real *spare;          /* as target: for reordering */
};
/* Zero-initialise; rtd_cache_start takes the memory, which is kept for the next source. */
void rtd_cache_free(struct rtd_cache *c);

/* Begin with a source (n tokens); hidden (h): the last layer's output at its last token; work: for
 * intermediate results, here and in rtd_cache_step. */
int rtd_cache_start(struct rtd_cache *c, const struct rtd_encoder *enc, const real *w,
                    const int32_t *ids, const uint8_t *types, size_t n, size_t beams, size_t most,
                    real *hidden, struct rtd_arena *work, struct rtd_err *err);
/* Append a token with segment `type` to the first targets[i] targets of each of n caches of one
 * encoder; ids: one after the other; hidden (all targets, h): the last layer's output at them. */
int rtd_cache_step(struct rtd_cache *const *c, const size_t *targets, size_t n, const real *w,
                   const int32_t *ids, uint8_t type, real *hidden, struct rtd_arena *work,
                   struct rtd_err *err);
/* Target b < n becomes a copy of what target from[b] was. */
void rtd_cache_reorder(struct rtd_cache *c, const int *from, size_t n);

#endif
