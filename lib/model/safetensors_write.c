/* rtdtools - MIT licence
 *
 * Writing files of named tensors, with the digests that the reader verifies. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "model/safetensors_internal.h"

struct piece {
    const void *data;
    size_t bytes;
};

struct rtd_st_writer {
    json_t *metadata;
    json_t *root; /* in the order added, which jansson keeps */
    struct piece *pieces;
    size_t n, cap, bytes;
};

void rtd_st_writer_free(struct rtd_st_writer *w)
{
    if (!w)
        return;
    json_decref(w->root); /* owns metadata */
    free(w->pieces);
    free(w);
}

int rtd_st_writer_new(struct rtd_st_writer **out, struct rtd_err *err)
{
    struct rtd_st_writer *w = calloc(1, sizeof *w);
    *out = NULL;
    if (w) {
        w->root = json_object();
        w->metadata = json_object();
    }
    if (!w || json_object_set_new(w->root, "__metadata__", w->metadata) ||
        json_object_set_new(w->metadata, "format", json_string("pt"))) {
        rtd_st_writer_free(w);
        return rtd_fail(err, RTD_ESYS, "tensors: no memory");
    }
    *out = w;
    return RTD_OK;
}

int rtd_st_set_metadata(struct rtd_st_writer *w, const char *key, const char *value,
                        struct rtd_err *err)
{
    if (json_object_set_new(w->metadata, key, json_string(value)))
        return rtd_fail(err, RTD_EDATA, "tensors: metadata %s: not UTF-8, or no memory", key);
    return RTD_OK;
}

int rtd_st_add(struct rtd_st_writer *w, const char *name, enum rtd_st_dtype dtype, int ndim,
               const size_t *dims, const void *data, struct rtd_err *err)
{
    size_t bytes = rtd_st_kinds[dtype].size;
    if (ndim < 0 || ndim > RTD_ST_MAX_DIMS || json_object_get(w->root, name))
        return rtd_fail(err, RTD_EDATA, "tensor %s: added twice, or too many dimensions", name);
    json_t *shape = json_array();
    int bad = !shape;
    for (int i = 0; i < ndim; i++) {
        bad |= !rtd_mul_size(bytes, dims[i], &bytes);
        bad |= json_array_append_new(shape, json_integer((json_int_t)dims[i]));
    }
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 64;
        struct piece *p = realloc(w->pieces, cap * sizeof *p);
        bad |= !p;
        if (p) {
            w->pieces = p;
            w->cap = cap;
        }
    }
    json_t *entry =
        json_pack("{s:s, s:o, s:[I,I]}", "dtype", rtd_st_kinds[dtype].name, "shape", shape,
                  "data_offsets", (json_int_t)w->bytes, (json_int_t)(w->bytes + bytes));
    if (bad || json_object_set_new(w->root, name, entry)) {
        if (bad)
            json_decref(entry);
        return rtd_fail(err, RTD_ESYS, "tensor %s: no memory, or its name is not UTF-8", name);
    }
    w->pieces[w->n++] = (struct piece){data, bytes};
    w->bytes += bytes;
    return RTD_OK;
}

static int set_data_digest(struct rtd_st_writer *w, struct rtd_err *err)
{
    struct rtd_digest *d = rtd_digest_new();
    if (!d)
        return rtd_fail(err, RTD_ESYS, "tensors: no memory");
    char sum[33];
    for (size_t i = 0; i < w->n; i++)
        rtd_digest_add(d, w->pieces[i].data, w->pieces[i].bytes);
    rtd_digest_get(d, sum);
    rtd_digest_free(d);
    return rtd_st_set_metadata(w, RTD_ST_DATA_DIGEST, sum, err);
}

/* Prelude and header, padded with blanks to 8 bytes; free() it. */
static int make_header(struct rtd_st_writer *w, unsigned char **out, size_t *size,
                       struct rtd_err *err)
{
    static const char zeros[] = "00000000000000000000000000000000";
    static const char mark[] = "\"" RTD_ST_HEADER_DIGEST "\":\"";
    int rc = set_data_digest(w, err);
    if (!rc)
        rc = rtd_st_set_metadata(w, RTD_ST_HEADER_DIGEST, zeros, err);
    if (rc)
        return rc;
    char *json = json_dumps(w->root, JSON_COMPACT);
    size_t len = json ? strlen(json) : 0, padded = (len + 7) / 8 * 8;
    unsigned char *file = json ? malloc(RTD_ST_PRELUDE + padded) : NULL;
    unsigned char *at = json ? memmem(json, len, mark, sizeof mark - 1) : NULL;
    if (!file || !at || padded > RTD_ST_HEADER_MAX) {
        free(json);
        free(file);
        return rtd_fail(err, RTD_ESYS, "tensors: no memory for the header, or it is over 32 MiB");
    }
    size_t digits = RTD_ST_PRELUDE + (size_t)((char *)at - json) + sizeof mark - 1;
    for (int i = 0; i < RTD_ST_PRELUDE; i++)
        file[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    memset(file + RTD_ST_PRELUDE, ' ', padded);
    memcpy(file + RTD_ST_PRELUDE, json, len);
    free(json);
    *size = RTD_ST_PRELUDE + padded;
    char sum[33];
    if (rtd_st_header_digest(sum, file, *size, digits)) {
        free(file);
        return rtd_fail(err, RTD_ESYS, "tensors: no memory");
    }
    memcpy(file + digits, sum, RTD_ST_DIGITS);
    *out = file;
    return RTD_OK;
}

int rtd_st_write_to(struct rtd_st_writer *w, struct rtd_out *out, struct rtd_err *err)
{
    unsigned char *header = NULL;
    size_t size = 0;
    int rc = make_header(w, &header, &size, err);
    if (rc)
        return rc;
    rc = rtd_out_write(out, header, size, err);
    free(header);
    for (size_t i = 0; !rc && i < w->n; i++)
        if (w->pieces[i].bytes)
            rc = rtd_out_write(out, w->pieces[i].data, w->pieces[i].bytes, err);
    return rc;
}

int rtd_st_write(struct rtd_st_writer *w, const char *path, struct rtd_err *err)
{
    struct rtd_out *out;
    int rc = rtd_out_open(&out, path, RTD_OUT_FORCE, err);
    if (rc)
        return rc;
    rc = rtd_st_write_to(w, out, err);
    if (!rc)
        return rtd_out_commit(out, err);
    rtd_out_abort(out);
    return rc;
}
