/* rtdtools - MIT licence
 *
 * Records of a stream as JSON objects, and fields as NumPy arrays (NPY version 1.0). */
#ifndef RTD_STREAM_PRINT_H
#define RTD_STREAM_PRINT_H

#include "base/io.h"
#include "base/mem.h"
#include "stream/stream.h"

enum rtd_print_form { RTD_PRINT_NUMBERS, RTD_PRINT_TEXT, RTD_PRINT_PIECES };

struct rtd_printer {
    bool index;                  /* print the record's index first; default false */
    bool wanted[RTD_MAX_FIELDS]; /* default: all */
    enum rtd_print_form form[RTD_MAX_FIELDS];
    /* private */
    const struct rtd_header *h;
    const char **piece; /* [vocab_size], into the header's vocabulary */
    size_t *piece_len;
    struct rtd_buf *line;
    struct rtd_err *err;
};

/* The header must outlive the printer.  u8 fields on the axes bytes, name, title and reason
 * print as text; with pieces, input_ids, masked_lm_ids and sampled_ids as pieces of the vocabulary
 * (RTD_EDATA without one). Free it also when this fails. */
int rtd_printer_init(struct rtd_printer *p, const struct rtd_header *h, bool pieces,
                     const char *name, struct rtd_err *err);
/* Replace line's contents by the record and a line end. */
int rtd_printer_record(struct rtd_printer *p, const struct rtd_record *rec, struct rtd_buf *line,
                       struct rtd_err *err);
void rtd_printer_free(struct rtd_printer *p);

/* A field's data, collected because an array's shape comes first in its file. */
struct rtd_npy {
    const struct rtd_field *f;
    struct rtd_buf data, rows; /* rows: u32 lengths, one a record */
    uint64_t steps;            /* summed lengths */
    uint32_t longest;
};
void rtd_npy_init(struct rtd_npy *a, const struct rtd_field *f);
/* data, len: of this field in a record; len is 1 for a field without axis. */
int rtd_npy_add(struct rtd_npy *a, const void *data, uint32_t len, struct rtd_err *err);
/* The rows one after another: shape [steps, dims...]. */
int rtd_npy_write(const struct rtd_npy *a, struct rtd_out *out, struct rtd_err *err);
/* One row a record: shape [records, longest, dims...], filled up with `fill`. */
int rtd_npy_write_padded(const struct rtd_npy *a, int32_t fill, struct rtd_out *out,
                         struct rtd_err *err);
void rtd_npy_free(struct rtd_npy *a);

#endif
