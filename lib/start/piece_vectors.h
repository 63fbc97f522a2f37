/* rtdtools - MIT licence
 *
 * Vectors of pieces as a file: safetensors (safetensors.h) with one tensor, `vectors`, f32 (pieces,
 * width), and in __metadata__ the vocabulary's text (`rtd_vocabulary`) and digest
 * (`rtd_vocabulary_digest`), and how the vectors were made (`rtd_provenance`, JSON).  A row of
 * zeros is a piece without a vector. */
#ifndef RTD_START_PIECE_VECTORS_H
#define RTD_START_PIECE_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/io.h"

struct rtd_piece_vectors {
    size_t pieces, width;
    float *v;                   /* (pieces, width), finite; owned */
    char digest[33];            /* rtd_digest_hex of v as it stands in the file */
    char vocabulary_digest[33]; /* that of the stream's header which has this vocabulary */
    char *vocabulary;           /* [vocabulary_len] one piece a line, and a NUL; owned */
    size_t vocabulary_len;
};

/* RTD_EDATA: no such file, damaged, or a safetensors file of something else.  Free it also then. */
int rtd_piece_vectors_read(struct rtd_piece_vectors *x, const char *path, struct rtd_err *err);
void rtd_piece_vectors_free(struct rtd_piece_vectors *x);

/* Does this piece have a vector? */
bool rtd_piece_vector(const struct rtd_piece_vectors *x, size_t piece);
/* Take their mean off all vectors that there are. */
int rtd_piece_vectors_centre(struct rtd_piece_vectors *x, struct rtd_err *err);

/* Write v (pieces, width) to an output that the caller commits; the digests are made here. */
int rtd_piece_vectors_write(struct rtd_out *out, const float *v, size_t pieces, size_t width,
                            const char *vocabulary, size_t vocabulary_len, const char *provenance,
                            struct rtd_err *err);

#endif
