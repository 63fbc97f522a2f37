/* rtdtools - MIT licence
 *
 * Which documents to keep: by length, by the part of a held-out split, the first of equals.
 *
 * Split and de-duplication look at nothing but the document's text, so equal documents are always
 * on the same side of a split, whatever file they come from; the further parts of a document that
 * was split go where its first part goes. */
#ifndef RTD_REFINE_DOCUMENT_FILTER_H
#define RTD_REFINE_DOCUMENT_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "intake/document.h"

struct rtd_filter_opts {
    uint64_t min_chars; /* characters; not asked of further parts */
    double holdout;     /* share of documents held out, 0 to 1 */
    int part;           /* 0: all documents; 1: those not held out; 2: those held out */
    uint64_t seed;      /* of the split */
    bool dedup;         /* drop a document equal to one kept before */
};

struct rtd_filter_counts {
    uint64_t kept, shorter, other_part, repeated; /* documents */
};

struct rtd_filter;
/* Memory of dedup: a table of 64-bit hashes, 11 to 22 bytes a document kept, half as much again
 * while it grows.  Among n documents one is wrongly taken for a repeat with a probability below
 * n * n / 2^65. */
int rtd_filter_new(struct rtd_filter **f, const struct rtd_filter_opts *opts, struct rtd_err *err);
int rtd_filter_ask(struct rtd_filter *f, const struct rtd_document *doc, bool *keep,
                   struct rtd_err *err);
const struct rtd_filter_counts *rtd_filter_counts(const struct rtd_filter *f);
void rtd_filter_free(struct rtd_filter *f); /* NULL is fine */

#endif
