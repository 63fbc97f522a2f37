/* rtdtools - MIT licence
 *
 * Files of named tensors, in safetensors' layout: u64 header length, JSON header, data.  Files we
 * write hold in __metadata__ `format`: "pt", `rtd_digest` (rtd_digest_hex of the data) and
 * `rtd_header_digest` (of everything before the data, its own digits read as zeros); both are
 * verified when either is present, so that no cut and no flipped byte of our files goes unseen.
 * Foreign files are checked structurally: header cap, no holes, no overlap, sizes that agree with
 * dtype and shape, nothing after the data. */
#ifndef RTD_MODEL_SAFETENSORS_H
#define RTD_MODEL_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/io.h"

enum rtd_st_dtype {
    RTD_ST_F64,
    RTD_ST_F32,
    RTD_ST_F16,
    RTD_ST_BF16,
    RTD_ST_I64,
    RTD_ST_I32,
    RTD_ST_I16,
    RTD_ST_I8,
    RTD_ST_U8,
    RTD_ST_BOOL,
    RTD_ST_U16, /* from here on: known, but not converted */
    RTD_ST_U32,
    RTD_ST_U64,
    RTD_ST_F8_E4M3,
    RTD_ST_F8_E5M2
};
enum { RTD_ST_MAX_DIMS = 8 };

struct rtd_st_tensor {
    const char *name;
    enum rtd_st_dtype dtype;
    int ndim;
    size_t dims[RTD_ST_MAX_DIMS];
    size_t count;     /* product of dims */
    const void *data; /* into the mapped file; may be unaligned */
    size_t bytes;
};

struct rtd_st; /* an open file, mapped read-only */
int rtd_st_open(struct rtd_st **st, const char *path, struct rtd_err *err);
void rtd_st_close(struct rtd_st *st);
/* Of the names and values of all tensors. */
int rtd_st_digest(char out[33], const struct rtd_st *st, struct rtd_err *err);
const char *rtd_st_name(const struct rtd_st *st); /* its path */
int rtd_st_count(const struct rtd_st *st);
const struct rtd_st_tensor *rtd_st_at(const struct rtd_st *st, int i); /* in file order */
const struct rtd_st_tensor *rtd_st_find(const struct rtd_st *st, const char *name); /* or NULL */
const json_t *rtd_st_metadata(const struct rtd_st *st); /* object or NULL */
bool rtd_st_verified(const struct rtd_st *st); /* the file carried digests (and they matched) */
const char *rtd_st_dtype_name(enum rtd_st_dtype t); /* "F32", ... */
/* Convert F64, F32, F16 or BF16 to float.  RTD_EDATA for another dtype or when count is not
 * t->count. */
int rtd_st_get_f32(const struct rtd_st *st, const struct rtd_st_tensor *t, float *out, size_t count,
                   struct rtd_err *err);

/* Write: add tensors (data borrowed until the write), then write the file once.  Data is laid out
 * in the order added, each 8-byte aligned as the format allows no holes: F32/I64 sizes keep it so.
 */
struct rtd_st_writer;
int rtd_st_writer_new(struct rtd_st_writer **w, struct rtd_err *err);
int rtd_st_add(struct rtd_st_writer *w, const char *name, enum rtd_st_dtype dtype, int ndim,
               const size_t *dims, const void *data, struct rtd_err *err);
int rtd_st_set_metadata(struct rtd_st_writer *w, const char *key, const char *value,
                        struct rtd_err *err);
/* Atomic (temporary, fsync, rename).  Same tensors and metadata: same bytes. */
int rtd_st_write(struct rtd_st_writer *w, const char *path, struct rtd_err *err);
/* To an output that the caller commits. */
int rtd_st_write_to(struct rtd_st_writer *w, struct rtd_out *out, struct rtd_err *err);
void rtd_st_writer_free(struct rtd_st_writer *w);

#endif
