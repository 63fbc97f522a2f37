/* rtdtools - MIT licence
 *
 * Documents out of texts.  A document is one or more lines, each trimmed and none of them empty,
 * joined by '\n', without one at the end: so a blank line can stand between documents and the
 * plain form reads back as the same documents. */
#ifndef RTD_INTAKE_DOCUMENT_H
#define RTD_INTAKE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake/bad.h"
#include "base/err.h"

enum rtd_doc_unit {
    RTD_UNIT_BLANK, /* documents are separated by blank lines (and the ends of texts) */
    RTD_UNIT_LINE,  /* each line is a document */
    RTD_UNIT_FILE,  /* each text is a document */
};

struct rtd_doc_opts {
    enum rtd_doc_unit unit;
    const char *json_key; /* not NULL: JSON lines, and this string of each object is a document */
    struct rtd_bad *bad;  /* JSON lines: which lines are left out, counted up; borrowed */
    size_t max_bytes; /* >= 16: a longer document is split, at a line end or a blank if possible */
};

struct rtd_document {
    const char *text; /* clean UTF-8, not empty, borrowed */
    size_t len;
    const char *source;
    bool continued; /* a further part of a document that was split */
};

struct rtd_doc_counts {
    uint64_t bytes;     /* of all texts, as they came */
    uint64_t documents; /* given to the sink */
    uint64_t split;     /* documents that were split */
    uint64_t bad;       /* U+FFFD put for bytes that are not UTF-8, and half surrogates */
    uint64_t controls;  /* control characters dropped */
};

typedef int rtd_doc_sink(void *arg, const struct rtd_document *doc, struct rtd_err *err);

struct rtd_doc_builder;
/* Memory: about 2 * max_bytes (JSON lines: and the line, at most 256 MiB). */
int rtd_doc_builder_new(struct rtd_doc_builder **d, const struct rtd_doc_opts *opts,
                        rtd_doc_sink *sink, void *arg, struct rtd_err *err);
/* A text begins; where (for messages) and source are borrowed until its finish. */
void rtd_doc_builder_begin(struct rtd_doc_builder *d, const char *where, const char *source);
/* Its next bytes; how they are cut into pieces does not matter. */
int rtd_doc_builder_add(struct rtd_doc_builder *d, const void *data, size_t len,
                        struct rtd_err *err);
int rtd_doc_builder_finish(struct rtd_doc_builder *d, struct rtd_err *err);
const struct rtd_doc_counts *rtd_doc_builder_counts(const struct rtd_doc_builder *d);
void rtd_doc_builder_free(struct rtd_doc_builder *d); /* NULL is fine */

#endif
