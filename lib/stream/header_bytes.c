/* rtdtools - MIT licence
 *
 * The stream's header as bytes: JSON text and compressed vocabulary, and back. */
#include "stream/format.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/hash.h"

/* "\x89RTD\r\n\x1a\n": not valid UTF-8, and spoilt by any change of line ends. */
static const unsigned char magic[RTD_STREAM_MAGIC] = {0x89, 'R', 'T', 'D', '\r', '\n', 0x1a, '\n'};

enum { VOCAB_LEVEL = 9 }; /* 0.2 MB once a stream: smaller is worth a few milliseconds */

bool rtd_stream_magic(const void *bytes, size_t n)
{
    return n >= sizeof magic && !memcmp(bytes, magic, sizeof magic);
}

/* ---- writing ---- */

static json_t *fields_json(const struct rtd_header *h)
{
    json_t *fields = json_array();
    for (int i = 0; i < h->nfields; i++) {
        const struct rtd_field *f = &h->fields[i];
        json_t *dims = json_array();
        for (int d = 0; d < f->ndim; d++)
            json_array_append_new(dims, json_integer(f->dims[d]));
        json_array_append_new(fields,
                              json_pack("{s:s, s:s, s:s?, s:o}", "name", f->name, "dtype",
                                        rtd_dtype_name(f->dtype), "axis",
                                        f->axis < 0 ? NULL : h->axes[f->axis], "dims", dims));
    }
    return fields;
}

static json_t *header_json(const struct rtd_header *h)
{
    const struct rtd_tokeniser *k = &h->tok;
    uint64_t max_frame = h->max_frame ? h->max_frame : RTD_TS_DEFAULT_FRAME;
    json_t *axes = json_array();
    for (int i = 0; i < h->naxes; i++)
        json_array_append_new(axes, json_string(h->axes[i]));
    json_t *o =
        json_pack("{s:s, s:o, s:o, s:I, s:O}", "kind", h->kind, "axes", axes, "fields",
                  fields_json(h), "max_frame", (json_int_t)max_frame, "provenance", h->provenance);
    if (o && h->max_length)
        json_object_set_new(o, "max_length", json_integer(h->max_length));
    if (o && k->vocab)
        json_object_set_new(
            o, "vocabulary",
            json_pack("{s:I, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:b, s:b, s:I}", "bytes",
                      (json_int_t)k->vocab_len, "digest", k->digest, "size", (int)k->vocab_size,
                      "pad", (int)k->pad_id, "unk", (int)k->unk_id, "cls", (int)k->cls_id, "sep",
                      (int)k->sep_id, "mask", (int)k->mask_id, "lower_case", k->lower_case,
                      "strip_accents", k->strip_accents, "chinese", k->chinese, "max_word",
                      (json_int_t)k->max_word));
    return o;
}

static int compress_vocab(const struct rtd_tokeniser *k, struct rtd_buf *out, struct rtd_err *err)
{
    size_t bound = ZSTD_compressBound(k->vocab_len);
    int st = rtd_buf_reserve(out, bound, err);
    if (st)
        return st;
    ZSTD_CCtx *c = ZSTD_createCCtx();
    size_t n = 0;
    bool bad = !c ||
               ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, VOCAB_LEVEL)) ||
               ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1));
    if (!bad) {
        n = ZSTD_compress2(c, (char *)out->data + out->len, bound, k->vocab, k->vocab_len);
        bad = ZSTD_isError(n);
    }
    ZSTD_freeCCtx(c);
    if (bad)
        return rtd_fail(err, RTD_ESYS, "cannot compress the vocabulary");
    out->len += n;
    return RTD_OK;
}

int rtd_header_encode(const struct rtd_header *h, struct rtd_buf *out, const char *name,
                      struct rtd_err *err)
{
    static const unsigned char zero[RTD_TS_ALIGN];
    unsigned char pre[RTD_TS_PRELUDE] = {0};
    struct rtd_buf vocab = {0};
    json_t *o = header_json(h);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(o);
    int st = text ? RTD_OK : rtd_fail(err, RTD_ESYS, "%s: cannot make the header's text", name);
    if (!st && h->tok.vocab)
        st = compress_vocab(&h->tok, &vocab, err);
    if (st)
        goto out;
    size_t text_len = strlen(text), len = text_len + vocab.len;
    size_t pad = (size_t)rtd_align64(len) - len;
    if (len > RTD_TS_MAX_HEADER) {
        st = rtd_fail(err, RTD_EDATA, "%s: header of %zu bytes, the limit is %zu", name, len,
                      RTD_TS_MAX_HEADER);
        goto out;
    }
    uint32_t crc = rtd_crc32c(0, text, text_len);
    crc = rtd_crc32c(crc, vocab.data, vocab.len);
    crc = rtd_crc32c(crc, zero, pad);
    memcpy(pre, magic, sizeof magic);
    rtd_put16(pre + RTD_PRE_MAJOR, RTD_TS_MAJOR);
    rtd_put16(pre + RTD_PRE_MINOR, (uint16_t)rtd_header_minor(h));
    rtd_put32(pre + RTD_PRE_TEXT, (uint32_t)text_len);
    rtd_put32(pre + RTD_PRE_VOCAB, (uint32_t)vocab.len);
    rtd_put32(pre + RTD_PRE_CRC_BODY, crc);
    rtd_put32(pre + RTD_PRE_CRC, rtd_crc32c(0, pre, RTD_PRE_CRC));
    if ((st = rtd_buf_append(out, pre, sizeof pre, err)) ||
        (st = rtd_buf_append(out, text, text_len, err)) ||
        (vocab.len && (st = rtd_buf_append(out, vocab.data, vocab.len, err))))
        goto out;
    st = rtd_buf_append(out, zero, pad, err);
out:
    free(text);
    rtd_buf_free(&vocab);
    return st;
}

/* ---- reading ---- */

static int want(struct rtd_err *err, const char *what)
{
    return rtd_fail(err, RTD_EDATA, "header: %s", what);
}

static bool get_int(const json_t *o, const char *key, int64_t min, int64_t max, int64_t *v)
{
    const json_t *j = json_object_get(o, key);
    if (!json_is_integer(j))
        return false;
    *v = json_integer_value(j);
    return *v >= min && *v <= max;
}

static bool get_bool(const json_t *o, const char *key, bool *v)
{
    const json_t *j = json_object_get(o, key);
    *v = json_is_true(j);
    return json_is_boolean(j);
}

/* A name of 1 to RTD_NAME - 1 letters, digits, '_', '-', '.'. */
static bool get_name(char *dst, const json_t *j)
{
    const char *s = json_string_value(j);
    if (!s || !*s || strlen(s) >= RTD_NAME)
        return false;
    if (s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")])
        return false;
    strcpy(dst, s);
    return true;
}

static int decode_field(struct rtd_header *h, const json_t *o, struct rtd_err *err)
{
    struct rtd_field *f = &h->fields[h->nfields];
    const json_t *axis = json_object_get(o, "axis"), *dims = json_object_get(o, "dims");
    const char *dtype = json_string_value(json_object_get(o, "dtype"));
    memset(f, 0, sizeof *f);
    if (!get_name(f->name, json_object_get(o, "name")) || rtd_header_field(h, f->name) >= 0)
        return want(err, "a field's name is absent, not a name or given twice");
    int t = dtype ? rtd_dtype_parse(dtype) : -1;
    if (t < 0)
        return rtd_fail(err, RTD_EDATA, "header: field %s: unknown dtype", f->name);
    f->dtype = (enum rtd_dtype)t;
    f->axis = json_is_string(axis) ? rtd_header_axis(h, json_string_value(axis)) : -1;
    if (f->axis < 0 && !json_is_null(axis))
        return rtd_fail(err, RTD_EDATA, "header: field %s: no such axis", f->name);
    if (!json_is_array(dims) || json_array_size(dims) > RTD_MAX_DIMS)
        return rtd_fail(err, RTD_EDATA, "header: field %s: dims are not a list of at most %d",
                        f->name, RTD_MAX_DIMS);
    f->ndim = (int)json_array_size(dims);
    uint64_t width = 1;
    for (int i = 0; i < f->ndim; i++) {
        int64_t d = json_integer_value(json_array_get(dims, (size_t)i));
        if (d < 1 || d > UINT32_MAX || (uint64_t)d > RTD_TS_MAX_FRAME / width)
            return rtd_fail(err, RTD_EDATA, "header: field %s: impossible dims", f->name);
        f->dims[i] = (uint32_t)d;
        width *= (uint64_t)d;
    }
    f->width = width;
    h->nfields++;
    return RTD_OK;
}

static int decode_vocab(struct rtd_tokeniser *k, const json_t *o, const void *z, size_t zlen,
                        struct rtd_err *err)
{
    int64_t bytes, size, word, pad, unk, cls, sep, mask;
    const char *digest = json_string_value(json_object_get(o, "digest"));
    if (!o && !zlen)
        return RTD_OK;
    if (!json_is_object(o) || !zlen)
        return want(err, "vocabulary described and not there, or there and not described");
    if (!get_int(o, "size", 1, INT32_MAX, &size) ||
        !get_int(o, "bytes", 1, (int64_t)RTD_TS_MAX_HEADER, &bytes) || !digest ||
        strlen(digest) != 32)
        return want(err, "impossible vocabulary size or digest");
    if (!get_int(o, "pad", 0, size - 1, &pad) || !get_int(o, "unk", 0, size - 1, &unk) ||
        !get_int(o, "cls", 0, size - 1, &cls) || !get_int(o, "sep", 0, size - 1, &sep) ||
        !get_int(o, "mask", 0, size - 1, &mask))
        return want(err, "an id of a special piece is absent or outside the vocabulary");
    if (!get_bool(o, "lower_case", &k->lower_case) || !get_bool(o, "chinese", &k->chinese) ||
        !get_bool(o, "strip_accents", &k->strip_accents) ||
        !get_int(o, "max_word", 0, UINT32_MAX, &word))
        return want(err, "a tokeniser setting is absent or of the wrong type");
    if (ZSTD_findFrameCompressedSize(z, zlen) != zlen ||
        ZSTD_getFrameContentSize(z, zlen) != (unsigned long long)bytes)
        return want(err, "vocabulary is not one zstd frame of the given size");
    k->vocab = malloc((size_t)bytes + 1);
    if (!k->vocab)
        return rtd_fail(err, RTD_ESYS, "no memory for the vocabulary");
    k->vocab_len = (size_t)bytes;
    size_t got = ZSTD_decompress(k->vocab, k->vocab_len, z, zlen);
    if (ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
        return rtd_fail(err, RTD_ESYS, "no memory for the vocabulary");
    if (got != k->vocab_len)
        return want(err, "damaged vocabulary");
    k->vocab[bytes] = '\0';
    k->vocab_size = (uint32_t)size;
    rtd_digest_hex(k->digest, k->vocab, k->vocab_len);
    size_t lines = k->vocab[bytes - 1] != '\n';
    for (const char *p = k->vocab; (p = memchr(p, '\n', (size_t)(k->vocab + bytes - p))); p++)
        lines++;
    if (strcmp(k->digest, digest) || lines != (size_t)size || memchr(k->vocab, 0, k->vocab_len))
        return want(err, "vocabulary is not the one described");
    k->pad_id = (int32_t)pad;
    k->unk_id = (int32_t)unk;
    k->cls_id = (int32_t)cls;
    k->sep_id = (int32_t)sep;
    k->mask_id = (int32_t)mask;
    k->max_word = (uint32_t)word;
    return RTD_OK;
}

static int decode_object(struct rtd_header *h, const json_t *o, struct rtd_err *err)
{
    const json_t *axes = json_object_get(o, "axes"), *fields = json_object_get(o, "fields");
    json_t *prov = json_object_get(o, "provenance");
    int64_t v;
    if (!json_is_object(o) || !get_name(h->kind, json_object_get(o, "kind")))
        return want(err, "not an object, or its kind is not a name");
    if (!json_is_array(axes) || json_array_size(axes) > RTD_MAX_AXES)
        return rtd_fail(err, RTD_EDATA, "header: axes are not a list of at most %d", RTD_MAX_AXES);
    for (size_t i = 0; i < json_array_size(axes); i++) {
        const json_t *axis = json_array_get(axes, i);
        if (!get_name(h->axes[i], axis) || rtd_header_axis(h, h->axes[i]) >= 0)
            return want(err, "an axis is not a name or given twice");
        h->naxes++;
    }
    size_t n = json_array_size(fields);
    if (!n || n > RTD_MAX_FIELDS)
        return rtd_fail(err, RTD_EDATA, "header: fields are not a list of 1 to %d", RTD_MAX_FIELDS);
    for (size_t i = 0; i < n; i++) {
        int st = decode_field(h, json_array_get(fields, i), err);
        if (st)
            return st;
    }
    if (!get_int(o, "max_frame", RTD_TS_ALIGN, (int64_t)RTD_TS_MAX_FRAME, &v))
        return want(err, "no max_frame, or it is impossible");
    h->max_frame = (uint64_t)v;
    if (json_object_get(o, "max_length")) {
        if (!get_int(o, "max_length", 1, UINT32_MAX, &v))
            return want(err, "impossible max_length");
        h->max_length = (uint32_t)v;
    }
    if (!json_is_array(prov))
        return want(err, "no provenance");
    for (size_t i = 0; i < json_array_size(prov); i++)
        if (!json_is_object(json_array_get(prov, i)))
            return want(err, "provenance is not a list of objects");
    h->provenance = json_incref(prov);
    return RTD_OK;
}

int rtd_header_decode(struct rtd_header *h, const char *text, size_t text_len, const void *vocab,
                      size_t vocab_len, struct rtd_err *err)
{
    json_error_t je;
    memset(h, 0, sizeof *h);
    json_t *o = json_loadb(text, text_len, JSON_REJECT_DUPLICATES, &je);
    if (!o) {
        char why[sizeof je.text];
        rtd_mask_text(why, sizeof why, je.text, strlen(je.text));
        return rtd_fail(err, RTD_EDATA, "header: %s", why);
    }
    int st = decode_object(h, o, err);
    if (!st)
        st = decode_vocab(&h->tok, json_object_get(o, "vocabulary"), vocab, vocab_len, err);
    json_decref(o);
    return st;
}
