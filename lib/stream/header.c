/* rtdtools - MIT licence
 *
 * The stream's header in memory: fields and axes, vocabulary, provenance, comparison. */
#include "base/process.h"
#include "stream/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "stream/format.h"
#include "stream/special.h"

static const char *format_version(void)
{
    static char text[24];
    snprintf(text, sizeof text, "%d.%d", RTD_TS_MAJOR, RTD_TS_MINOR);
    return text;
}

__attribute__((constructor)) static void name_format(void)
{
    rtd_add_part("stream format", format_version);
}

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [RTD_U8] = {"u8", 1},   [RTD_I32] = {"i32", 4}, [RTD_U32] = {"u32", 4},
    [RTD_I64] = {"i64", 8}, [RTD_F32] = {"f32", 4},
};

size_t rtd_dtype_size(enum rtd_dtype t)
{
    return dtypes[t].size;
}

const char *rtd_dtype_name(enum rtd_dtype t)
{
    return dtypes[t].name;
}

int rtd_dtype_parse(const char *name)
{
    for (int t = RTD_U8; t <= RTD_F32; t++)
        if (!strcmp(name, dtypes[t].name))
            return t;
    return -1;
}

void rtd_header_init(struct rtd_header *h, const char *kind)
{
    memset(h, 0, sizeof *h);
    assert(strlen(kind) < sizeof h->kind);
    strcpy(h->kind, kind);
    h->provenance = json_array();
}

void rtd_header_add_field(struct rtd_header *h, const char *name, enum rtd_dtype t,
                          const char *axis, int ndim, const uint32_t *dims)
{
    assert(h->nfields < RTD_MAX_FIELDS && ndim >= 0 && ndim <= RTD_MAX_DIMS);
    struct rtd_field *f = &h->fields[h->nfields++];
    memset(f, 0, sizeof *f);
    assert(strlen(name) < sizeof f->name);
    strcpy(f->name, name);
    f->dtype = t;
    f->axis = -1;
    if (axis && *axis) {
        f->axis = rtd_header_axis(h, axis);
        if (f->axis < 0) {
            assert(h->naxes < RTD_MAX_AXES && strlen(axis) < RTD_NAME);
            strcpy(h->axes[h->naxes], axis);
            f->axis = h->naxes++;
        }
    }
    f->ndim = ndim;
    f->width = 1;
    for (int i = 0; i < ndim; i++) {
        f->dims[i] = dims[i];
        f->width *= dims[i];
    }
}

int rtd_header_copy(struct rtd_header *dst, const struct rtd_header *src, struct rtd_err *err)
{
    *dst = *src;
    dst->tok.vocab = NULL;
    dst->provenance = src->provenance ? json_deep_copy(src->provenance) : json_array();
    if (!dst->provenance)
        goto nomem;
    if (src->tok.vocab) {
        dst->tok.vocab = malloc(src->tok.vocab_len + 1);
        if (!dst->tok.vocab)
            goto nomem;
        memcpy(dst->tok.vocab, src->tok.vocab, src->tok.vocab_len + 1);
    }
    return RTD_OK;
nomem:
    rtd_header_free(dst);
    return rtd_fail(err, RTD_ESYS, "no memory for a stream header");
}

void rtd_header_free(struct rtd_header *h)
{
    free(h->tok.vocab);
    h->tok.vocab = NULL;
    json_decref(h->provenance);
    h->provenance = NULL;
}

static bool same_field(const struct rtd_header *a, const struct rtd_field *f,
                       const struct rtd_header *b, const struct rtd_field *g)
{
    const char *fa = f->axis < 0 ? "" : a->axes[f->axis];
    const char *ga = g->axis < 0 ? "" : b->axes[g->axis];
    return !strcmp(f->name, g->name) && f->dtype == g->dtype && !strcmp(fa, ga) &&
           f->axis == g->axis && f->ndim == g->ndim &&
           !memcmp(f->dims, g->dims, sizeof f->dims[0] * (size_t)f->ndim);
}

static bool same_fields(const struct rtd_header *a, const struct rtd_header *b)
{
    if (a->nfields != b->nfields || a->naxes != b->naxes)
        return false;
    for (int i = 0; i < a->nfields; i++)
        if (!same_field(a, &a->fields[i], b, &b->fields[i]))
            return false;
    return true;
}

int rtd_header_field(const struct rtd_header *h, const char *name)
{
    for (int i = 0; i < h->nfields; i++)
        if (!strcmp(h->fields[i].name, name))
            return i;
    return -1;
}

int rtd_header_axis(const struct rtd_header *h, const char *name)
{
    for (int i = 0; i < h->naxes; i++)
        if (!strcmp(h->axes[i], name))
            return i;
    return -1;
}

int rtd_header_same(const struct rtd_header *a, const char *aname, const struct rtd_header *b,
                    const char *bname, struct rtd_err *err)
{
    const struct rtd_tokeniser *s = &a->tok, *t = &b->tok;
    const char *what = NULL;
    if (strcmp(a->kind, b->kind))
        return rtd_fail(err, RTD_EDATA, "%s: stream holds %s, but %s holds %s", bname, b->kind,
                        aname, a->kind);
    if (!same_fields(a, b))
        what = "fields";
    else if (strcmp(s->digest, t->digest) || s->vocab_size != t->vocab_size)
        what = "vocabulary";
    else if (s->pad_id != t->pad_id || s->unk_id != t->unk_id || s->cls_id != t->cls_id ||
             s->sep_id != t->sep_id || s->mask_id != t->mask_id)
        what = "ids of special pieces";
    else if (s->lower_case != t->lower_case)
        what = "tokeniser setting lower_case";
    else if (s->strip_accents != t->strip_accents)
        what = "tokeniser setting strip_accents";
    else if (s->chinese != t->chinese)
        what = "tokeniser setting chinese";
    else if (s->max_word != t->max_word)
        what = "tokeniser setting max_word";
    else if (a->max_length != b->max_length)
        what = "max_length";
    if (what)
        return rtd_fail(err, RTD_EDATA, "%s: %s not the same as in %s", bname, what, aname);
    return RTD_OK;
}

int rtd_header_set_vocab(struct rtd_header *h, const char *text, size_t len, const char *name,
                         struct rtd_err *err)
{
    struct rtd_tokeniser *k = &h->tok;
    int32_t *const ids[] = {&k->pad_id, &k->unk_id, &k->cls_id, &k->sep_id, &k->mask_id};
    int32_t found[RTD_SPECIALS] = {-1, -1, -1, -1, -1};

    if (len > RTD_TS_MAX_HEADER)
        return rtd_fail(err, RTD_EDATA, "%s: vocabulary over %zu bytes", name, RTD_TS_MAX_HEADER);
    if (len && memchr(text, '\0', len))
        return rtd_fail(err, RTD_EDATA, "%s: NUL byte in the vocabulary", name);
    int32_t lines = 0;
    for (size_t at = 0; at < len; lines++) {
        const char *nl = memchr(text + at, '\n', len - at);
        size_t n = nl ? (size_t)(nl - (text + at)) : len - at, w = n;
        while (w && (text[at + w - 1] == '\r' || text[at + w - 1] == ' '))
            w--;
        for (int i = 0; i < RTD_SPECIALS; i++)
            if (w == strlen(rtd_special_piece[i].text) &&
                !memcmp(text + at, rtd_special_piece[i].text, w))
                found[i] = lines;
        at += n + 1;
    }
    for (int i = 0; i < RTD_SPECIALS; i++)
        if (found[i] < 0)
            return rtd_fail(err, RTD_EDATA, "%s: no piece %s in the vocabulary", name,
                            rtd_special_piece[i].text);
    char *copy = malloc(len + 1);
    if (!copy)
        return rtd_fail(err, RTD_ESYS, "%s: no memory for the vocabulary", name);
    memcpy(copy, text, len);
    copy[len] = '\0';
    free(k->vocab);
    k->vocab = copy;
    k->vocab_len = len;
    k->vocab_size = (uint32_t)lines;
    rtd_digest_hex(k->digest, copy, len);
    for (int i = 0; i < RTD_SPECIALS; i++)
        *ids[i] = found[i];
    return RTD_OK;
}

int rtd_header_provenance(struct rtd_header *h, const char *tool, json_t *options,
                          struct rtd_err *err)
{
    json_t *entry = json_pack("{s:s, s:s}", "tool", tool, "version", RTD_VERSION);
    int bad = !entry || (options && json_object_update_missing(entry, options)) ||
              json_array_append(h->provenance, entry);
    json_decref(entry);
    json_decref(options);
    return bad ? rtd_fail(err, RTD_ESYS, "no memory for provenance") : RTD_OK;
}
