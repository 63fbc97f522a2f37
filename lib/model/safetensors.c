/* rtdtools - MIT licence
 *
 * Reading and verifying files of named tensors. */
#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/lfs.h"
#include "base/mem.h"
#include "model/safetensors_internal.h"

enum { MAX_TENSORS = 1 << 20 };

const struct rtd_st_kind rtd_st_kinds[RTD_ST_KINDS] = {
    [RTD_ST_F64] = {"F64", 8},         [RTD_ST_F32] = {"F32", 4},
    [RTD_ST_F16] = {"F16", 2},         [RTD_ST_BF16] = {"BF16", 2},
    [RTD_ST_I64] = {"I64", 8},         [RTD_ST_I32] = {"I32", 4},
    [RTD_ST_I16] = {"I16", 2},         [RTD_ST_I8] = {"I8", 1},
    [RTD_ST_U8] = {"U8", 1},           [RTD_ST_BOOL] = {"BOOL", 1},
    [RTD_ST_U16] = {"U16", 2},         [RTD_ST_U32] = {"U32", 4},
    [RTD_ST_U64] = {"U64", 8},         [RTD_ST_F8_E4M3] = {"F8_E4M3", 1},
    [RTD_ST_F8_E5M2] = {"F8_E5M2", 1},
};

struct rtd_st {
    char *path;
    unsigned char *map; /* the whole file */
    size_t size;
    const unsigned char *data; /* after the header */
    size_t data_size;
    json_t *root;                  /* owns the names */
    json_t *metadata;              /* borrowed from root, or NULL */
    struct rtd_st_tensor *tensors; /* in file order */
    const struct rtd_st_tensor **by_name;
    int n;
};

const char *rtd_st_dtype_name(enum rtd_st_dtype t)
{
    return rtd_st_kinds[t].name;
}

void rtd_st_close(struct rtd_st *st)
{
    if (!st)
        return;
    if (st->map)
        munmap(st->map, st->size);
    json_decref(st->root);
    free(st->tensors);
    free(st->by_name);
    free(st->path);
    free(st);
}

static int map_file(struct rtd_st *st, struct rtd_err *err)
{
    int fd = open(st->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rtd_fail_sys(err, "%s: cannot open", st->path);
    struct stat sb;
    int rc = RTD_OK;
    if (fstat(fd, &sb))
        rc = rtd_fail_sys(err, "%s: cannot stat", st->path);
    else if (!S_ISREG(sb.st_mode))
        rc = rtd_fail(err, RTD_EDATA, "%s: not a regular file", st->path);
    else if (sb.st_size < RTD_ST_PRELUDE)
        rc = rtd_fail(err, RTD_EDATA, "%s: %lld bytes: too short for a safetensors file", st->path,
                      (long long)sb.st_size);
    if (!rc) {
        st->size = (size_t)sb.st_size;
        st->map = mmap(NULL, st->size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (st->map == MAP_FAILED) {
            st->map = NULL;
            rc = rtd_fail_sys(err, "%s: cannot map", st->path);
        }
    }
    close(fd);
    return rc;
}

/* A non-negative whole number. */
static bool get_size(const json_t *v, size_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = (size_t)json_integer_value(v);
    return true;
}

static int read_tensor(struct rtd_st *st, struct rtd_st_tensor *t, const char *name,
                       const json_t *v, struct rtd_err *err)
{
    char shown[128];
    rtd_mask_text(shown, sizeof shown, name, strlen(name));
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    const json_t *shape = json_object_get(v, "shape");
    const json_t *offsets = json_object_get(v, "data_offsets");
    size_t begin, end, bytes;
    if (!dtype || !json_is_array(shape) || json_array_size(offsets) != 2 ||
        json_object_size(v) != 3 || !get_size(json_array_get(offsets, 0), &begin) ||
        !get_size(json_array_get(offsets, 1), &end) || end < begin)
        return rtd_fail(err, RTD_EDATA, "%s: tensor %s: want dtype, shape and data_offsets",
                        st->path, shown);
    int kind = 0;
    while (kind < RTD_ST_KINDS && strcmp(dtype, rtd_st_kinds[kind].name) != 0)
        kind++;
    if (kind == RTD_ST_KINDS) {
        char what[32];
        return rtd_fail(err, RTD_EDATA, "%s: tensor %s: dtype %s is not supported", st->path, shown,
                        rtd_mask_text(what, sizeof what, dtype, strlen(dtype)));
    }
    if (json_array_size(shape) > RTD_ST_MAX_DIMS)
        return rtd_fail(err, RTD_EDATA, "%s: tensor %s: more than %d dimensions", st->path, shown,
                        RTD_ST_MAX_DIMS);
    *t = (struct rtd_st_tensor){.name = name, .dtype = (enum rtd_st_dtype)kind, .count = 1};
    t->ndim = (int)json_array_size(shape);
    for (int i = 0; i < t->ndim; i++)
        if (!get_size(json_array_get(shape, (size_t)i), &t->dims[i]) ||
            !rtd_mul_size(t->count, t->dims[i], &t->count))
            return rtd_fail(err, RTD_EDATA, "%s: tensor %s: impossible shape", st->path, shown);
    if (!rtd_mul_size(t->count, rtd_st_kinds[kind].size, &bytes) || bytes != end - begin)
        return rtd_fail(err, RTD_EDATA, "%s: tensor %s: shape and dtype do not give %zu bytes",
                        st->path, shown, end - begin);
    if (end > st->data_size)
        return rtd_fail(err, RTD_EDATA,
                        "%s: tensor %s ends at byte %zu of %zu: the file is cut or damaged",
                        st->path, shown, end, st->data_size);
    t->data = st->data + begin;
    t->bytes = bytes;
    return RTD_OK;
}

static int by_place(const void *pa, const void *pb)
{
    const struct rtd_st_tensor *a = pa, *b = pb;
    const char *x = a->data, *y = b->data;
    if (x != y)
        return x < y ? -1 : 1;
    if (a->bytes != b->bytes) /* empty tensors stand before the one at the same place */
        return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int by_name(const void *pa, const void *pb)
{
    const struct rtd_st_tensor *const *a = pa, *const *b = pb;
    return strcmp((*a)->name, (*b)->name);
}

/* All tensors, in the order of their data, which must follow each other without hole or overlap
 * from the header to the end of the file. */
static int read_tensors(struct rtd_st *st, struct rtd_err *err)
{
    size_t entries = json_object_size(st->root);
    if (entries > MAX_TENSORS)
        return rtd_fail(err, RTD_EDATA, "%s: more than %d tensors", st->path, MAX_TENSORS);
    st->tensors = calloc(entries + 1, sizeof *st->tensors);
    st->by_name = calloc(entries + 1, sizeof *st->by_name);
    if (!st->tensors || !st->by_name)
        return rtd_fail(err, RTD_ESYS, "%s: no memory", st->path);
    const char *name;
    json_t *v;
    json_object_foreach(st->root, name, v)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        int rc = read_tensor(st, &st->tensors[st->n], name, v, err);
        if (rc)
            return rc;
        st->n++;
    }
    qsort(st->tensors, (size_t)st->n, sizeof *st->tensors, by_place);
    size_t at = 0;
    for (int i = 0; i < st->n; i++) {
        const struct rtd_st_tensor *t = &st->tensors[i];
        if ((const unsigned char *)t->data != st->data + at) {
            char shown[128];
            return rtd_fail(err, RTD_EDATA, "%s: tensor %s begins at byte %zu, want %zu", st->path,
                            rtd_mask_text(shown, sizeof shown, t->name, strlen(t->name)),
                            (size_t)((const unsigned char *)t->data - st->data), at);
        }
        at += t->bytes;
        st->by_name[i] = t;
    }
    if (at != st->data_size)
        return rtd_fail(err, RTD_EDATA, "%s: %zu bytes after the last tensor", st->path,
                        st->data_size - at);
    qsort(st->by_name, (size_t)st->n, sizeof *st->by_name, by_name);
    return RTD_OK;
}

/* The digest of prelude and header with the digits of rtd_header_digest itself read as zeros. */
int rtd_st_header_digest(char out[33], const unsigned char *file, size_t header_end, size_t digits)
{
    static const char zeros[RTD_ST_DIGITS + 1] = "00000000000000000000000000000000";
    struct rtd_digest *d = rtd_digest_new();
    if (!d)
        return -1;
    rtd_digest_add(d, file, digits);
    rtd_digest_add(d, zeros, RTD_ST_DIGITS);
    rtd_digest_add(d, file + digits + RTD_ST_DIGITS, header_end - digits - RTD_ST_DIGITS);
    rtd_digest_get(d, out);
    rtd_digest_free(d);
    return 0;
}

static int damaged(const struct rtd_st *st, const char *what, struct rtd_err *err)
{
    return rtd_fail(err, RTD_EDATA, "%s: %s: checksum mismatch", st->path, what);
}

/* Our own files carry two digests.  One without the other, or one that is not a digest, is damage:
 * no single flipped byte can make both vanish. */
static int verify(struct rtd_st *st, struct rtd_err *err)
{
    const json_t *jd = json_object_get(st->metadata, RTD_ST_DATA_DIGEST);
    const json_t *jh = json_object_get(st->metadata, RTD_ST_HEADER_DIGEST);
    if (!jd && !jh)
        return RTD_OK;
    const char *data = json_string_value(jd), *header = json_string_value(jh);
    if (!data || !header || strlen(data) != RTD_ST_DIGITS || strlen(header) != RTD_ST_DIGITS)
        return damaged(st, "header", err);
    static const char mark[] = "\"" RTD_ST_HEADER_DIGEST "\":\"";
    size_t header_end = (size_t)(st->data - st->map);
    const unsigned char *at = memmem(st->map, header_end, mark, sizeof mark - 1);
    if (!at || (size_t)(at - st->map) + sizeof mark - 1 + RTD_ST_DIGITS > header_end)
        return damaged(st, "header", err);
    size_t digits = (size_t)(at - st->map) + sizeof mark - 1;
    char sum[33];
    if (rtd_st_header_digest(sum, st->map, header_end, digits))
        return rtd_fail(err, RTD_ESYS, "%s: no memory", st->path);
    if (memcmp(st->map + digits, sum, RTD_ST_DIGITS) != 0)
        return damaged(st, "header", err);
    rtd_digest_hex(sum, st->data, st->data_size);
    if (memcmp(data, sum, RTD_ST_DIGITS) != 0)
        return damaged(st, "data", err);
    return RTD_OK;
}

static int read_header(struct rtd_st *st, struct rtd_err *err)
{
    uint64_t len = 0;
    for (int i = RTD_ST_PRELUDE - 1; i >= 0; i--)
        len = len << 8 | st->map[i];
    if (rtd_is_lfs(st->map, st->size))
        return rtd_fail_lfs(err, st->path);
    if (len > RTD_ST_HEADER_MAX)
        return rtd_fail(err, RTD_EDATA, "%s: not a safetensors file (header of %llu bytes)",
                        st->path, (unsigned long long)len);
    if (len > st->size - RTD_ST_PRELUDE)
        return rtd_fail(err, RTD_EDATA, "%s: header of %llu bytes in a file of %zu: it is cut",
                        st->path, (unsigned long long)len, st->size);
    st->data = st->map + RTD_ST_PRELUDE + len;
    st->data_size = st->size - RTD_ST_PRELUDE - (size_t)len;
    json_error_t je;
    st->root = json_loadb((const char *)st->map + RTD_ST_PRELUDE, (size_t)len,
                          JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(st->root))
        return rtd_fail(err, RTD_EDATA, "%s: header is not a JSON object", st->path);
    st->metadata = json_object_get(st->root, "__metadata__");
    if (st->metadata) {
        const char *key;
        json_t *v;
        if (!json_is_object(st->metadata))
            return rtd_fail(err, RTD_EDATA, "%s: __metadata__ is not an object", st->path);
        json_object_foreach(st->metadata, key, v) if (!json_is_string(v)) return rtd_fail(
            err, RTD_EDATA, "%s: __metadata__ holds more than strings", st->path);
    }
    return RTD_OK;
}

int rtd_st_open(struct rtd_st **out, const char *path, struct rtd_err *err)
{
    *out = NULL;
    struct rtd_st *st = calloc(1, sizeof *st);
    if (st)
        st->path = strdup(path);
    if (!st || !st->path) {
        free(st);
        return rtd_fail(err, RTD_ESYS, "%s: no memory", path);
    }
    int rc = map_file(st, err);
    if (!rc)
        rc = read_header(st, err);
    if (!rc)
        rc = read_tensors(st, err);
    if (!rc)
        rc = verify(st, err);
    if (rc) {
        rtd_st_close(st);
        return rc;
    }
    *out = st;
    return RTD_OK;
}

const char *rtd_st_name(const struct rtd_st *st)
{
    return st->path;
}

int rtd_st_count(const struct rtd_st *st)
{
    return st->n;
}

const struct rtd_st_tensor *rtd_st_at(const struct rtd_st *st, int i)
{
    return &st->tensors[i];
}

const struct rtd_st_tensor *rtd_st_find(const struct rtd_st *st, const char *name)
{
    const struct rtd_st_tensor key = {.name = name}, *pkey = &key;
    const struct rtd_st_tensor **hit =
        bsearch(&pkey, st->by_name, (size_t)st->n, sizeof *st->by_name, by_name);
    return hit ? *hit : NULL;
}

const json_t *rtd_st_metadata(const struct rtd_st *st)
{
    return st->metadata;
}

bool rtd_st_verified(const struct rtd_st *st)
{
    return json_object_get(st->metadata, RTD_ST_DATA_DIGEST) != NULL;
}

/* --- conversion --- */

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, frac = h & 1023;
    if (exp == 0) /* zero or subnormal: frac * 2^-24 is exact */
        return (sign ? -1.0f : 1.0f) * (float)frac * 0x1p-24f;
    return from_bits(sign | (exp == 31 ? 0xffu : exp + 112) << 23 | frac << 13);
}

static int bad_use(const struct rtd_st *st, const struct rtd_st_tensor *t, size_t count,
                   const char *want, struct rtd_err *err)
{
    char shown[128];
    rtd_mask_text(shown, sizeof shown, t->name, strlen(t->name));
    if (count != t->count)
        return rtd_fail(err, RTD_EDATA, "%s: tensor %s holds %zu values, want %zu", st->path, shown,
                        t->count, count);
    return rtd_fail(err, RTD_EDATA, "%s: tensor %s is %s, want %s", st->path, shown,
                    rtd_st_dtype_name(t->dtype), want);
}

int rtd_st_get_f32(const struct rtd_st *st, const struct rtd_st_tensor *t, float *out, size_t count,
                   struct rtd_err *err)
{
    const unsigned char *p = t->data;
    uint16_t half;
    double wide;
    if (count != t->count)
        return bad_use(st, t, count, "", err);
    switch (t->dtype) {
    case RTD_ST_F32:
        if (count)
            memcpy(out, p, count * sizeof *out);
        return RTD_OK;
    case RTD_ST_F64:
        for (size_t i = 0; i < count; i++) {
            memcpy(&wide, p + 8 * i, 8);
            out[i] = (float)wide;
        }
        return RTD_OK;
    case RTD_ST_F16:
        for (size_t i = 0; i < count; i++) {
            memcpy(&half, p + 2 * i, 2);
            out[i] = from_f16(half);
        }
        return RTD_OK;
    case RTD_ST_BF16:
        for (size_t i = 0; i < count; i++) {
            memcpy(&half, p + 2 * i, 2);
            out[i] = from_bits((uint32_t)half << 16);
        }
        return RTD_OK;
    default:
        return bad_use(st, t, count, "floats of 16 bits or more", err);
    }
}

int rtd_st_digest(char out[33], const struct rtd_st *st, struct rtd_err *err)
{
    struct rtd_digest *d = rtd_digest_new();
    if (!d)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < rtd_st_count(st); i++) {
        const struct rtd_st_tensor *t = rtd_st_at(st, i);
        rtd_digest_add(d, t->name, strlen(t->name) + 1);
        rtd_digest_add(d, t->data, t->bytes);
    }
    rtd_digest_get(d, out);
    rtd_digest_free(d);
    return RTD_OK;
}
