/* rtdtools - MIT licence
 *
 * Documents, line by line, from streams of documents or plain text, told apart by the first bytes
 * (the stream's magic is not UTF-8); either may be compressed with zstd.
 *
 * In plain text blank lines stand between documents.  Plain text has no terminator: where what
 * writes it dies, the text is merely shorter. */
#ifndef RTD_TEXT_DOC_LINES_H
#define RTD_TEXT_DOC_LINES_H

#include <stddef.h>

#include "base/err.h"
#include "stream/stream.h"

enum rtd_doc_event {
    RTD_EVENT_LINE,     /* a line of the current document that is not blank */
    RTD_EVENT_END,      /* the document's last line has been given (there may have been none) */
    RTD_EVENT_FINISHED, /* no more documents: all inputs ended as they should */
};

enum { RTD_DOC_MAX_LINE = 16 << 20 }; /* bytes */

struct rtd_doc_lines;
/* Reads the n inputs of path in turn ("-": standard input; n = 0: that alone).  Opens the first
 * one. The strings are borrowed. */
int rtd_doc_lines_open(struct rtd_doc_lines **d, char *const *path, int n, struct rtd_err *err);
/* The header of the first input, or NULL where it is plain text. */
const struct rtd_header *rtd_doc_lines_header(const struct rtd_doc_lines *d);
/* *line[0 .. *len-1] is borrowed until the next call, without its line end.  RTD_EDATA for plain
 * text that holds a NUL byte or no document at all, and for lines over RTD_DOC_MAX_LINE. */
int rtd_doc_lines_next(struct rtd_doc_lines *d, enum rtd_doc_event *event, const char **line,
                       size_t *len, struct rtd_err *err);
void rtd_doc_lines_close(struct rtd_doc_lines *d); /* NULL is fine */

#endif
