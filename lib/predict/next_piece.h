/* rtdtools - MIT licence
 *
 * Which piece comes next in a text that a language model writes: what may, and the choice. */
#ifndef RTD_PREDICT_NEXT_PIECE_H
#define RTD_PREDICT_NEXT_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/tokenizer.h"

struct rtd_decoding {
    int beams;             /* 1: greedy */
    double length_penalty; /* a text's score is its summed log-probability / length^penalty, length
                              counting its pieces and the final [SEP] */
    int no_repeat;         /* no n-gram of this many pieces stands twice; 0: any may */
    int most, least;       /* pieces of a text */
    bool sample;
    int top_k;    /* of the k most probable pieces; 0: all */
    double top_p; /* of the fewest most probable pieces that together have p */
    double temperature;
    uint64_t seed;
};

/* For one text at a time.  Zero-initialise; release with rtd_next_piece_free. */
struct rtd_next_piece {
    const struct rtd_tokenizer *tok;
    const struct rtd_decoding *o;
    size_t vocab;
    uint32_t *order; /* [vocab] private */
};
int rtd_next_piece_init(struct rtd_next_piece *c, const struct rtd_tokenizer *tok,
                        const struct rtd_decoding *o, size_t vocab, struct rtd_err *err);
void rtd_next_piece_free(struct rtd_next_piece *c);

/* Does the piece go on with the word before it ("##...")? */
bool rtd_piece_continues(const struct rtd_tokenizer *tok, int32_t id);
/* The text so far is ids[0 .. n - 1]; ids may be NULL where it is not known, then n is only a
 * place. In x (vocab), logits, what may not come next gets -INFINITY.  Returns log of the sum of
 * exp of the rest, so that x - it are log-probabilities among what may. */
double rtd_next_piece_allow(const struct rtd_next_piece *c, const int32_t *ids, size_t n, float *x);
/* A draw, a function of seed, index and n; *log_p: its log-probability among what may come. */
int32_t rtd_next_piece_draw(struct rtd_next_piece *c, uint64_t index, const int32_t *ids, size_t n,
                            float *x, double *log_p);
int32_t rtd_next_piece_best(const struct rtd_next_piece *c, const int32_t *ids, size_t n, float *x);

#endif
