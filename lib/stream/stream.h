/* rtdtools - MIT licence
 *
 * The tensor stream: a header that names the fields once, then frames of records, then END.
 * Format: man/tensor-stream.5.  A stream that stops is not a stream that ended: only
 * rtd_writer_end writes END, and a reader that meets end of file without it fails.
 *
 * Reading:   rtd_reader_open, rtd_reader_header, rtd_reader_next until rec->end, rtd_reader_close
 * Writing:   fill a struct rtd_header (or copy the input's: rtd_header_copy), rtd_writer_open,
 *            rtd_writer_append..., then rtd_writer_end or rtd_writer_abort
 *
 * Not thread-safe; different readers and writers may be used by different threads. */
#ifndef RTD_STREAM_STREAM_H
#define RTD_STREAM_STREAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum rtd_dtype { RTD_U8, RTD_I32, RTD_U32, RTD_I64, RTD_F32 };
size_t rtd_dtype_size(enum rtd_dtype t);
const char *rtd_dtype_name(enum rtd_dtype t); /* "u8", "i32", ... */
int rtd_dtype_parse(const char *name);        /* -1: no such type */

/* Do a file's first n bytes look like a tensor stream?  RTD_STREAM_MAGIC of them decide (for
 * tools that take text as well; use with rtd_in_peek). */
enum { RTD_STREAM_MAGIC = 8 };
bool rtd_stream_magic(const void *bytes, size_t n);

enum { RTD_MAX_FIELDS = 64, RTD_MAX_AXES = 16, RTD_MAX_DIMS = 8, RTD_NAME = 32 };

/* One field of a record: a ragged axis (or none: axis < 0) followed by fixed dimensions. */
struct rtd_field {
    char name[RTD_NAME];
    enum rtd_dtype dtype;
    int axis; /* index into header.axes; -1: exactly one element block a record */
    int ndim; /* trailing fixed dimensions */
    uint32_t dims[RTD_MAX_DIMS];
    size_t width; /* elements per step of the axis: product of dims; set by
                     rtd_header_add_field and the reader */
};

/* The tokeniser that made the ids; all zero in streams of documents. */
struct rtd_tokeniser {
    char *vocab;      /* the text of vocab.txt, NUL-terminated, owned by the header; NULL: none */
    size_t vocab_len; /* bytes */
    char digest[33];  /* rtd_digest_hex of it */
    uint32_t vocab_size;
    int32_t pad_id, unk_id, cls_id, sep_id, mask_id;
    bool lower_case, strip_accents, chinese;
    uint32_t max_word; /* characters; longer words are [UNK] */
};

struct rtd_header {
    char kind[RTD_NAME]; /* "documents", "tokens", "examples", "masked", "outputs" */
    int nfields, naxes;
    struct rtd_field fields[RTD_MAX_FIELDS];
    char axes[RTD_MAX_AXES][RTD_NAME];
    uint64_t max_frame; /* bytes of a frame's body; 0: the default of 16 MiB.  A record that
                           does not fit has a frame to itself, up to 1 GiB */
    struct rtd_tokeniser tok;
    uint32_t max_length; /* longest sequence, from seq-pack on; 0: not set */
    json_t *provenance;  /* array of objects, oldest first; owned */
};

/* header functions */
void rtd_header_init(struct rtd_header *h, const char *kind); /* also provenance = [] */
/* axis NULL or "": none.  The same axis name is shared.  Our own tables only: overflow asserts. */
void rtd_header_add_field(struct rtd_header *h, const char *name, enum rtd_dtype t,
                          const char *axis, int ndim, const uint32_t *dims);
int rtd_header_copy(struct rtd_header *dst, const struct rtd_header *src, struct rtd_err *err);
void rtd_header_free(struct rtd_header *h);
/* The fields that each record of a kind has (man page, "KINDS"); false for a kind without standard
 * fields. */
bool rtd_header_standard(struct rtd_header *h, const char *kind);
/* Those that it may have beside them: name n of the kind, NULL after the last; and adding one to h,
 * in this order. */
const char *rtd_kind_optional(const char *kind, int n);
void rtd_header_add_optional(struct rtd_header *h, const char *name);
/* Drop all fields and axes and take the standard ones of another kind, keeping vocabulary,
 * settings, max_length and provenance: what a filter's output header is made from. */
void rtd_header_become(struct rtd_header *h, const char *kind);
/* RTD_EDATA unless h is of this kind and has its fields, and beside them none but optional ones:
 * "FILE: stream holds tokens, wants examples".  Go by their names from there on. */
int rtd_header_expect(const struct rtd_header *h, const char *kind, const char *name,
                      struct rtd_err *err);
int rtd_header_field(const struct rtd_header *h, const char *name); /* -1: absent */
int rtd_header_axis(const struct rtd_header *h, const char *name);  /* -1: absent */
/* Same fields, vocabulary, ids, settings and max_length?  Else RTD_EDATA naming what differs. */
int rtd_header_same(const struct rtd_header *a, const char *aname, const struct rtd_header *b,
                    const char *bname, struct rtd_err *err);
/* Set the vocabulary (text copied; digest, size and special ids found in it; RTD_EDATA when [PAD]
 * [UNK] [CLS] [SEP] [MASK] are not all there). */
int rtd_header_set_vocab(struct rtd_header *h, const char *text, size_t len, const char *name,
                         struct rtd_err *err);
/* Append {"tool": ..., "version": ..., and the pairs of options}: options (may be NULL) is stolen.
 * Only what changes the output belongs there: no paths, hosts, times. */
int rtd_header_provenance(struct rtd_header *h, const char *tool, json_t *options,
                          struct rtd_err *err);

/* One record.  Pointers are borrowed until the next call on the reader. */
struct rtd_record {
    bool end; /* no record: END was read and verified, and then EOF */
    uint64_t index;
    const void *data[RTD_MAX_FIELDS]; /* per field; aligned for its dtype */
    uint32_t lengths[RTD_MAX_AXES];   /* per axis */
};

struct rtd_totals {
    uint64_t frames, records, bytes; /* body bytes */
    uint64_t axis[RTD_MAX_AXES];     /* summed lengths */
};

struct rtd_in;
struct rtd_reader;
/* path "-" or NULL: stdin.  Reads and checks the header. */
int rtd_reader_open(struct rtd_reader **r, const char *path, struct rtd_err *err);
/* The same on an opened input (after rtd_in_peek); owns it from here on, also when it fails. */
int rtd_reader_open_in(struct rtd_reader **r, struct rtd_in *in, struct rtd_err *err);
const struct rtd_header *rtd_reader_header(const struct rtd_reader *r);
const char *rtd_reader_name(const struct rtd_reader *r);
/* The next record.  All checks of the man page; also ids in fields named input_ids and
 * masked_lm_ids against vocab_size, tokens against max_length, sentence_lengths summing to tokens,
 * masked_lm_positions strictly increasing inside the sequence.  An ABORT frame is RTD_EDATA
 * "upstream TOOL failed: ..."
 */
int rtd_reader_next(struct rtd_reader *r, struct rtd_record *rec, struct rtd_err *err);
/* Totals so far; after the end they are the stream's. */
const struct rtd_totals *rtd_reader_totals(const struct rtd_reader *r);
/* Digest of all body CRCs (32 hex digits), valid after the end: names the stream's content. */
const char *rtd_reader_digest(const struct rtd_reader *r);
/* Stride of the indices of the last record's frame; before the first record 1. */
uint32_t rtd_reader_stride(const struct rtd_reader *r);
bool rtd_reader_seekable(const struct rtd_reader *r); /* a regular file: can be opened again */
void rtd_reader_close(struct rtd_reader *r);          /* NULL is fine */

struct rtd_writer;
/* path "-" or NULL: stdout; flags as rtd_out_open (RTD_OUT_BINARY is implied).  The header is
 * copied.  index_stride (>= 1) is the stride expected of the indices that will be appended; where
 * the second record of a frame shows another one, the frame takes that. */
int rtd_writer_open(struct rtd_writer **w, const char *path, int flags, const struct rtd_header *h,
                    uint32_t index_stride, struct rtd_err *err);
/* Append a record: data per field, lengths per axis, both in header order (data may be NULL where
 * the length is 0).  Indices increase.  A new frame begins where index is not the previous one
 * plus the stride, or the frame is full.  Contents are checked as the reader does: RTD_EDATA, whose
 * text names the record and not the output; the writer is as it was before. */
int rtd_writer_append(struct rtd_writer *w, uint64_t index, const void *const *data,
                      const uint32_t *lengths, struct rtd_err *err);
int rtd_writer_flush(struct rtd_writer *w, struct rtd_err *err); /* end the frame, push it out */
/* Write END and commit the file; frees w whatever the result. */
int rtd_writer_end(struct rtd_writer *w, struct rtd_err *err);
/* Write ABORT with the tool and err's text if the pipe still takes it, remove a temporary file,
 * free. NULL is fine. */
void rtd_writer_abort(struct rtd_writer *w, const struct rtd_err *err);
const struct rtd_totals *rtd_writer_totals(const struct rtd_writer *w);

#endif
