/* rtdtools - MIT licence
 *
 * Counter-based randomness: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011).  There is no generator state anywhere: a draw is a function of
 * (seed, purpose, network, layer, index, element) alone, so lanes, threads, frames and restarts
 * cannot change it. */
#ifndef RTD_BASE_RNG_H
#define RTD_BASE_RNG_H

#include <stdint.h>

/* What a draw is for.  Never renumber: streams and checkpoints depend on the values. */
enum rtd_purpose {
    RTD_RNG_PACK = 1,        /* seq-pack coins; index = document, block = its example, see pack.h */
    RTD_RNG_MASK = 2,        /* mask-gen positions; index = record */
    RTD_RNG_COIN = 3,        /* mask-gen 85/15 coin; index = record */
    RTD_RNG_SHUFFLE = 4,     /* ts-shuf keys; index = record, block = pass */
    RTD_RNG_GUMBEL = 5,      /* generator sampling in training; index = record */
    RTD_RNG_EVAL_GUMBEL = 6, /* generator sampling in evaluation */
    RTD_RNG_DROP_EMBED = 7,  /* dropout after the embedding LayerNorm */
    RTD_RNG_DROP_ATTN = 8,   /* dropout on attention probabilities */
    RTD_RNG_DROP_ATTNOUT = 9, /* dropout on the attention sub-layer's output */
    RTD_RNG_DROP_FFN = 10,    /* dropout on the feed-forward sub-layer's output */
    RTD_RNG_DROP_HEAD = 11,   /* dropout in a task head; layer = site */
    RTD_RNG_INIT = 12,        /* initial weights; index = hash of the tensor's name */
    RTD_RNG_ORDER = 13,       /* fine-tuning: order of examples; index = epoch */
    RTD_RNG_SPLIT = 14,       /* splits by hash */
    RTD_RNG_NEGATIVE = 15,    /* wrong candidates of a ranking; index = query */
    RTD_RNG_GENERATE = 16,    /* sampled text; index = input line, element = token */
    RTD_RNG_COPY = 17,        /* the copy meter's questions; index = record */
    RTD_RNG_CAUSAL = 18,      /* mixed objective: is a sequence causal; index = record */
    RTD_RNG_RELATED = 19,     /* seq-pack --related; as RTD_RNG_PACK */
    RTD_RNG_SUBSAMPLE = 20,   /* frequent pieces left out; index = block of text, element = place */
    RTD_RNG_FACTOR = 21,      /* where a factorisation starts; index = row, element = column */
    RTD_RNG_CROP = 22,        /* objective contrast: where a crop begins; index = record */
};

/* Network numbers used in counters. */
enum { RTD_NET_NONE = 0, RTD_NET_GENERATOR = 1, RTD_NET_DISCRIMINATOR = 2 };

/* One Philox block: 4 words for the counter {block, purpose << 16 | net << 8 | layer,
 * index low, index high} under the key {seed low, seed high}.  Block b serves elements 4b..4b+3. */
void rtd_philox(uint32_t out[4], uint64_t seed, uint32_t purpose, uint32_t net, uint32_t layer,
                uint64_t index, uint32_t block);

/* Word number `element` of that sequence: rtd_philox(..., element / 4)[element % 4]. */
uint32_t rtd_rand32(uint64_t seed, uint32_t purpose, uint32_t net, uint32_t layer, uint64_t index,
                    uint32_t element);

/* [0, 1) with 24 bits: never 1.0, also after conversion to float. */
static inline double rtd_unit(uint32_t x)
{
    return (x >> 8) * 0x1p-24;
}

/* A draw in [0, n), n > 0, from one 32-bit word (bias below n / 2^32). */
static inline uint32_t rtd_below(uint32_t x, uint32_t n)
{
    return (uint32_t)((uint64_t)x * n >> 32);
}

#endif
