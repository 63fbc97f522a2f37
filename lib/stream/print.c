/* rtdtools - MIT licence
 *
 * Records as JSON objects. */
#include "stream/print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* An error stays in p->err: the caller looks once a record. */
static void add(struct rtd_printer *p, const char *s, size_t n)
{
    rtd_buf_append(p->line, s, n, p->err);
}

/* Text may be any bytes; what is not UTF-8 becomes U+FFFD, since JSON is. */
static void add_string(struct rtd_printer *p, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0, i = 0;
    add(p, "\"", 1);
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x80) {
            uint32_t cp;
            int k = rtd_utf8_step((const unsigned char *)s + i, n - i, &cp);
            if (k > 0) {
                i += (size_t)k;
                continue;
            }
        } else if (c >= 0x20 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        char esc[] = "\\u0000";
        size_t len = 2;
        add(p, s + from, i - from);
        if (c == '"' || c == '\\')
            esc[1] = (char)c;
        else if (c == '\n')
            esc[1] = 'n';
        else if (c == '\t')
            esc[1] = 't';
        else if (c < 0x20) {
            esc[4] = hex[c >> 4];
            esc[5] = hex[c & 15];
            len = 6;
        } else {
            memcpy(esc + 2, "fffd", 4);
            len = 6;
        }
        add(p, esc, len);
        from = ++i;
    }
    add(p, s + from, n - from);
    add(p, "\"", 1);
}

static void add_int(struct rtd_printer *p, int64_t v)
{
    char text[24], *end = text + sizeof text, *s = end;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        *--s = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        *--s = '-';
    add(p, s, (size_t)(end - s));
}

static void add_value(struct rtd_printer *p, int field, const void *data, size_t i)
{
    const struct rtd_field *f = &p->h->fields[field];
    int64_t v = 0;
    if (f->dtype == RTD_F32) {
        float x = ((const float *)data)[i];
        char text[32];
        int n = isfinite(x) ? snprintf(text, sizeof text, "%.9g", (double)x)
                            : snprintf(text, sizeof text, "null");
        add(p, text, (size_t)n);
        return;
    }
    if (f->dtype == RTD_U8)
        v = ((const uint8_t *)data)[i];
    else if (f->dtype == RTD_I32)
        v = ((const int32_t *)data)[i];
    else if (f->dtype == RTD_U32)
        v = ((const uint32_t *)data)[i];
    else
        v = ((const int64_t *)data)[i];
    if (p->form[field] == RTD_PRINT_PIECES) /* the reader has checked the range */
        add_string(p, p->piece[v], p->piece_len[v]);
    else
        add_int(p, v);
}

/* Nested lists for the dimensions from `dim` on; *i runs over the elements. */
static void add_block(struct rtd_printer *p, int field, const void *data, size_t *i, int dim)
{
    const struct rtd_field *f = &p->h->fields[field];
    if (dim == f->ndim) {
        add_value(p, field, data, (*i)++);
        return;
    }
    for (uint32_t k = 0; k < f->dims[dim]; k++) {
        add(p, k ? "," : "[", 1);
        add_block(p, field, data, i, dim + 1);
    }
    add(p, "]", 1);
}

static void add_field(struct rtd_printer *p, int field, const struct rtd_record *rec)
{
    const struct rtd_field *f = &p->h->fields[field];
    size_t i = 0;
    if (f->axis < 0) {
        add_block(p, field, rec->data[field], &i, 0);
        return;
    }
    uint32_t n = rec->lengths[f->axis];
    if (p->form[field] == RTD_PRINT_TEXT) {
        add_string(p, rec->data[field], n);
        return;
    }
    add(p, "[", 1);
    for (uint32_t k = 0; k < n; k++) {
        if (k)
            add(p, ",", 1);
        add_block(p, field, rec->data[field], &i, 0);
    }
    add(p, "]", 1);
}

int rtd_printer_record(struct rtd_printer *p, const struct rtd_record *rec, struct rtd_buf *line,
                       struct rtd_err *err)
{
    const char *sep = "{\"";
    p->line = line;
    p->err = err;
    line->len = 0;
    if (p->index) {
        add(p, "{\"index\":", 9);
        add_int(p, (int64_t)rec->index);
        sep = ",\"";
    }
    for (int i = 0; i < p->h->nfields; i++) {
        if (!p->wanted[i])
            continue;
        add(p, sep, 2);
        add(p, p->h->fields[i].name, strlen(p->h->fields[i].name));
        add(p, "\":", 2);
        add_field(p, i, rec);
        sep = ",\"";
    }
    add(p, "}\n", 2);
    return err->status;
}

static bool is_text(const char *axis)
{
    return !strcmp(axis, "bytes") || !strcmp(axis, "name") || !strcmp(axis, "title") ||
           !strcmp(axis, "reason");
}

/* The fields whose ids the reader has checked. */
static bool is_ids(const char *field, const char *axis)
{
    return (!strcmp(field, "input_ids") && !strcmp(axis, "tokens")) ||
           (!strcmp(field, "masked_lm_ids") && !strcmp(axis, "masked")) ||
           (!strcmp(field, "sampled_ids") && !strcmp(axis, "masked"));
}

static int load_pieces(struct rtd_printer *p, const char *name, struct rtd_err *err)
{
    const struct rtd_tokeniser *k = &p->h->tok;
    if (!k->vocab)
        return rtd_fail(err, RTD_EDATA, "%s: no pieces: the stream has no vocabulary", name);
    p->piece = calloc(k->vocab_size, sizeof *p->piece);
    p->piece_len = calloc(k->vocab_size, sizeof *p->piece_len);
    if (!p->piece || !p->piece_len)
        return rtd_fail(err, RTD_ESYS, "no memory for the vocabulary");
    const char *s = k->vocab;
    for (uint32_t i = 0; i < k->vocab_size; i++) {
        size_t n = strcspn(s, "\n");
        p->piece[i] = s;
        p->piece_len[i] = n && s[n - 1] == '\r' ? n - 1 : n;
        s += n + (s[n] == '\n');
    }
    return RTD_OK;
}

int rtd_printer_init(struct rtd_printer *p, const struct rtd_header *h, bool pieces,
                     const char *name, struct rtd_err *err)
{
    memset(p, 0, sizeof *p);
    p->h = h;
    for (int i = 0; i < h->nfields; i++) {
        const struct rtd_field *f = &h->fields[i];
        const char *axis = f->axis < 0 ? "" : h->axes[f->axis];
        p->wanted[i] = true;
        if (f->dtype == RTD_U8 && f->ndim == 0 && is_text(axis))
            p->form[i] = RTD_PRINT_TEXT;
        else if (pieces && f->dtype == RTD_I32 && f->ndim == 0 && is_ids(f->name, axis))
            p->form[i] = RTD_PRINT_PIECES;
    }
    return pieces ? load_pieces(p, name, err) : RTD_OK;
}

void rtd_printer_free(struct rtd_printer *p)
{
    free(p->piece);
    free(p->piece_len);
    p->piece = NULL;
    p->piece_len = NULL;
}
