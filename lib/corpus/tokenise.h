/* rtdtools - MIT licence
 *
 * Documents to a stream of tokens: one record a document, each line that has tokens a sentence.
 * Lines are encoded in parallel while the next are read and the last are written; records are put
 * together in order, so the output is the same for any number of workers.  Memory is bounded by
 * the batches and the longest line, not by the longest document. */
#ifndef RTD_CORPUS_TOKENISE_H
#define RTD_CORPUS_TOKENISE_H

#include "base/pool.h"
#include "stream/stream.h"
#include "text/doc_lines.h"
#include "text/tokenizer.h"

enum { RTD_MAX_DOCUMENT = 1 << 20 }; /* tokens in a record; longer documents are split */

struct rtd_tokenise_counts {
    uint64_t lines;
    uint64_t documents, records; /* records: more than documents by what splitting added */
    uint64_t sentences, tokens;  /* of the records so far */
    uint64_t empty_lines;        /* lines without tokens: dropped */
    uint64_t split;              /* documents that were split */
    struct rtd_read_counts read; /* at the end */
};

/* out: a stream of tokens with t's vocabulary.  max_document: tokens (RTD_MAX_DOCUMENT, less in
 * tests).  counts is valid also when it fails.  watch (may be NULL) is called between batches. */
int rtd_tokenise(struct rtd_doc_lines *in, struct rtd_writer *out, const struct rtd_tokenizer *t,
                 struct rtd_pool *pool, size_t max_document,
                 void (*watch)(const struct rtd_tokenise_counts *counts),
                 struct rtd_tokenise_counts *counts, struct rtd_err *err);

#endif
