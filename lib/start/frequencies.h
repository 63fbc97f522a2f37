/* rtdtools - MIT licence
 *
 * The output biases of language-model heads from counts of pieces: a head begins by knowing how
 * frequent each piece is, which it would else learn first, into the embeddings, too. */
#ifndef RTD_START_FREQUENCIES_H
#define RTD_START_FREQUENCIES_H

#include "nn/real.h"
#include "stream/stream.h"

/* bias [h->tok.vocab_size]: the logarithm of each piece's share, with one more of every piece than
 * counted; counts from a file as piece_numbers.h reads it.  RTD_EDATA: nothing is counted there. */
int rtd_frequency_bias(real *bias, const char *path, const struct rtd_header *h,
                       struct rtd_err *err);

#endif
