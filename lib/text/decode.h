/* rtdtools - MIT licence
 *
 * Pieces back to text. */
#ifndef RTD_TEXT_DECODE_H
#define RTD_TEXT_DECODE_H

#include "base/mem.h"
#include "text/vocab.h"

/* Append the pieces of ids[0..n-1]: blanks between words, "##" taken off where a piece continues
 * one.  Tokenising the result gives the ids again, except for [UNK] and its like.  RTD_EDATA for an
 * id outside the vocabulary. */
int rtd_decode(const struct rtd_vocab *v, const int32_t *ids, size_t n, struct rtd_buf *out,
               struct rtd_err *err);

#endif
