/* rtdtools - MIT licence
 *
 * A number for each piece of a vocabulary, from lines PIECE TAB NUMBER: counts as ts-info --pieces
 * prints them, or weights. */
#ifndef RTD_START_PIECE_NUMBERS_H
#define RTD_START_PIECE_NUMBERS_H

#include "base/err.h"
#include "stream/stream.h"

/* *x [h->tok.vocab_size] is the caller's: the file's numbers, not negative, and `otherwise` for
 * pieces that it does not name.  RTD_EDATA: a piece that h's vocabulary lacks, or that is there
 * twice, or no such line. */
int rtd_piece_numbers_read(double **x, const char *path, const struct rtd_header *h,
                           double otherwise, struct rtd_err *err);

#endif
