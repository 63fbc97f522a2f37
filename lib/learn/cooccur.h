/* rtdtools - MIT licence
 *
 * How often pieces stand near one another in a text, and what that says beyond how frequent they
 * are: a sparse symmetric matrix.  Counts are whole numbers, and each row belongs to one worker at
 * a time, so that the result depends on the text alone, not on threads. */
#ifndef RTD_LEARN_COOCCUR_H
#define RTD_LEARN_COOCCUR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"

/* A sparse square matrix: a row's numbers other than 0, in any order that the text alone decides.
 */
struct rtd_sparse_entry {
    uint32_t column;
    float value;
};
struct rtd_sparse_row {
    struct rtd_sparse_entry *entry; /* [n] */
    size_t n;
};

struct rtd_cooccur_options {
    size_t pieces;   /* ids are below */
    int window;      /* places to either side; a neighbour d places away counts window + 1 - d */
    double sample;   /* of a piece whose share f of the text is above this, occurrences are left
                        out by chance before windows are laid: sqrt(sample / f) + sample / f stay
                        (fastText's subsampling), f as far as it is known; 0: none are */
    uint64_t seed;   /* of that chance */
    uint64_t memory; /* bytes of counts; beyond, the rarest pairs are forgotten */
};

struct rtd_cooccur;
/* The pool is borrowed. */
int rtd_cooccur_new(struct rtd_cooccur **c, const struct rtd_cooccur_options *o,
                    struct rtd_pool *pool, struct rtd_err *err);
void rtd_cooccur_free(struct rtd_cooccur *c);

/* Count a part of the text; no window reaches over its ends, nor over an id below 0 (nor, since
 * text is counted in blocks, over every 2^20th piece). */
int rtd_cooccur_add(struct rtd_cooccur *c, const int32_t *ids, size_t n, struct rtd_err *err);

/* What was counted: pieces of the text and those of them that were not left out, different pairs,
 * and the count up to which pairs may have been forgotten (0: none). */
struct rtd_cooccur_report {
    uint64_t tokens, kept, pairs;
    uint32_t forgotten;
};
/* The end of the text: *row (borrowed) [pieces] is the positive pointwise mutual information, the
 * logarithm of how much more often two pieces stand near one another than chance has it, less that
 * of `shift`; 0 where it is not positive.  Nothing is counted afterwards. */
int rtd_cooccur_finish(struct rtd_cooccur *c, double shift, const struct rtd_sparse_row **row,
                       struct rtd_cooccur_report *report, struct rtd_err *err);

#endif
