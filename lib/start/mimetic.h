/* rtdtools - MIT licence
 *
 * Mimetic initial values (after Trockman and Kolter, arXiv 2305.09828): an encoder that begins as
 * trained ones look in their first two layers, instead of having to find it out through a long
 * plateau.  What stays new weights stays as it is; this is added to it.
 *
 *   embeddings   a quarter of the width are positions, sinusoids with wave lengths from 3 to 300
 *                tokens, and words are small there; the projection to the layers is the identity,
 *                and what it leaves free is for the neighbours
 *   layer 1      a head looks at the token before, one at the token behind (two more heads: at the
 *                second ones), and writes what stands there into half of the free part each
 *   layer 2      two heads look at tokens that have the same token before, or behind, and carry the
 *                word that stands there: what was seen once can be copied
 *   head         of a language model: the identity from word to word
 *
 * Where the width of the embeddings is that of the layers, a quarter of it is the free part. */
#ifndef RTD_START_MIMETIC_H
#define RTD_START_MIMETIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/encoder.h"
#include "model/heads.h"

/* How many numbers of an embedding of width e are words, where the layers have the width h. */
size_t rtd_mimetic_words(size_t e, size_t h);

/* Into the block w, which has initial values; the word table keeps its size.  head: a language
 * model on the encoder, or NULL.  range: the standard deviation of new weights.  RTD_EUSAGE: an
 * encoder of one head. */
int rtd_mimetic_values(const struct rtd_encoder *enc, const struct rtd_lm_head *head, real *w,
                       uint64_t seed, double range, struct rtd_err *err);

#endif
