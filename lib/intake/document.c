/* rtdtools - MIT licence
 *
 * Lines of clean text, put together to documents. */
#include "intake/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "intake/clean.h"

enum { JSON_LINE_MAX = 256 << 20 };

struct rtd_doc_builder {
    struct rtd_doc_opts opts;
    rtd_doc_sink *sink;
    void *arg;
    const char *where, *source;
    struct rtd_clean clean;
    struct rtd_buf in;    /* clean bytes, from the beginning of the unfinished line */
    size_t scanned;       /* no line end in the first `scanned` of them */
    bool in_line;         /* a part of the present line is in the document already */
    struct rtd_buf doc;   /* the document so far */
    bool continued;       /* parts of it have been given away */
    struct rtd_buf value; /* JSON: the string, cleaned */
    struct rtd_json_doc json;
    uint64_t line; /* JSON: number of the line */
    bool dropping; /* JSON: the present line is too long */
    struct rtd_doc_counts counts;
};

int rtd_doc_builder_new(struct rtd_doc_builder **out, const struct rtd_doc_opts *opts,
                        rtd_doc_sink *sink, void *arg, struct rtd_err *err)
{
    struct rtd_doc_builder *d = *out = calloc(1, sizeof *d);
    if (!d)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    d->opts = *opts;
    d->sink = sink;
    d->arg = arg;
    return RTD_OK;
}

static int give(struct rtd_doc_builder *d, struct rtd_err *err)
{
    struct rtd_document doc = {d->doc.data, d->doc.len, d->source, d->continued};
    if (doc.len == 0)
        return RTD_OK;
    d->counts.documents++;
    d->doc.len = 0;
    return d->sink(d->arg, &doc, err);
}

static int end_document(struct rtd_doc_builder *d, struct rtd_err *err)
{
    int st = give(d, err);
    d->continued = false;
    return st;
}

/* The document is full: what comes next goes to a further part of it. */
static int split(struct rtd_doc_builder *d, struct rtd_err *err)
{
    if (d->doc.len == 0)
        return RTD_OK;
    d->counts.split += !d->continued;
    int st = give(d, err);
    d->continued = true;
    return st;
}

/* A trimmed line of 1 to max_bytes bytes. */
static int add_line(struct rtd_doc_builder *d, const char *s, size_t len, struct rtd_err *err)
{
    int st;
    if (d->doc.len && d->doc.len + 1 + len > d->opts.max_bytes && (st = split(d, err)))
        return st;
    if (d->doc.len && (st = rtd_buf_append(&d->doc, "\n", 1, err)))
        return st;
    return rtd_buf_append(&d->doc, s, len, err);
}

/* Where to cut a line of more than max bytes: at the last blank in their second half, else before
 * the character that does not fit. */
static size_t cut_at(const char *s, size_t max)
{
    for (size_t i = max; i > max / 2; i--)
        if (s[i] == ' ')
            return i;
    while (((unsigned char)s[max] & 0xc0) == 0x80)
        max--;
    return max;
}

/* Take lines from s.  `last`: the end of s ends a line.  A line over max_bytes is taken in parts,
 * each once max_bytes of it are there, so that parts depend on nothing but the text.
 * Returns the bytes used in *used. */
static int take_lines(struct rtd_doc_builder *d, const char *s, size_t len, bool last,
                      size_t *scanned, size_t *used, struct rtd_err *err)
{
    size_t pos = 0, max = d->opts.max_bytes;
    int st = RTD_OK;
    while (!st && pos < len) {
        const char *nl = memchr(s + *scanned, '\n', len - *scanned);
        size_t end = nl ? (size_t)(nl - s) : len;
        *scanned = end;
        pos += rtd_leading_blanks(s + pos, end - pos);
        if (end - pos > max) {
            size_t cut = cut_at(s + pos, max);
            size_t n = rtd_trim_end(s + pos, cut);
            st = add_line(d, s + pos, n, err);
            if (!st)
                st = split(d, err);
            pos += cut;
            d->in_line = true;
            continue;
        }
        if (!nl && !last)
            break;
        size_t n = rtd_trim_end(s + pos, end - pos);
        if (n)
            st = add_line(d, s + pos, n, err);
        bool blank = n == 0 && !d->in_line;
        if (!st && ((d->opts.unit == RTD_UNIT_BLANK && blank && !d->opts.json_key) ||
                    (d->opts.unit == RTD_UNIT_LINE && !d->opts.json_key)))
            st = end_document(d, err);
        d->in_line = false;
        pos = nl ? end + 1 : end;
        *scanned = pos;
    }
    *used = pos;
    return st;
}

/* One object of JSON lines: its string, cleaned, is in d->value. */
static int read_object(struct rtd_doc_builder *d, const char *s, size_t len, struct rtd_err *err)
{
    const struct rtd_json *v = NULL;
    struct rtd_clean clean = {0};
    int st = rtd_json_read(&d->json, s, len, d->where, d->line, err);
    if (!st && d->json.root->kind != RTD_JSON_OBJECT)
        st = rtd_fail(err, RTD_EDATA, "%s: line %llu: not a JSON object", d->where,
                      (unsigned long long)d->line);
    if (!st)
        st = rtd_json_want(d->json.root, d->opts.json_key, RTD_JSON_TEXT, &v, d->where, d->line,
                           err);
    d->value.len = 0;
    if (!st)
        st = rtd_clean_add(&clean, v->text, v->n, true, &d->value, err);
    if (!st) {
        d->counts.controls += clean.controls;
        d->counts.bad += v->replaced;
    }
    return st;
}

static int take_object(struct rtd_doc_builder *d, const char *s, size_t len, struct rtd_err *err)
{
    size_t used, scanned = 0;
    d->line++;
    if (rtd_is_blank(s, len))
        return RTD_OK;
    d->opts.bad->records++;
    if (read_object(d, s, len, err))
        return rtd_bad_pass(d->opts.bad, err);
    int st = take_lines(d, d->value.data, d->value.len, true, &scanned, &used, err);
    d->in_line = false;
    return st ? st : end_document(d, err);
}

/* A line that is too long is dropped as it comes. */
static int drop_line(struct rtd_doc_builder *d, bool whole, struct rtd_err *err)
{
    bool first = !d->dropping;
    d->dropping = !whole;
    if (!first)
        return RTD_OK;
    d->line++;
    d->opts.bad->records++;
    rtd_fail(err, RTD_EDATA, "%s: line %llu: longer than %d bytes", d->where,
             (unsigned long long)d->line, JSON_LINE_MAX);
    return rtd_bad_pass(d->opts.bad, err);
}

static int take_objects(struct rtd_doc_builder *d, bool last, size_t *used, struct rtd_err *err)
{
    const char *s = d->in.data;
    size_t pos = 0, len = d->in.len;
    int st = RTD_OK;
    while (!st && pos < len) {
        const char *nl = memchr(s + d->scanned, '\n', len - d->scanned);
        size_t end = nl ? (size_t)(nl - s) : len;
        bool whole = nl || last;
        d->scanned = end;
        if (d->dropping || end - pos > JSON_LINE_MAX)
            st = drop_line(d, whole, err);
        else if (whole)
            st = take_object(d, s + pos, end - pos, err);
        else
            break;
        pos = nl ? end + 1 : end;
        d->scanned = pos;
    }
    *used = pos;
    return st;
}

static int take(struct rtd_doc_builder *d, bool last, struct rtd_err *err)
{
    size_t used = 0;
    int st = d->opts.json_key ? take_objects(d, last, &used, err)
                              : take_lines(d, d->in.data, d->in.len, last, &d->scanned, &used, err);
    if (used) {
        memmove(d->in.data, (char *)d->in.data + used, d->in.len - used);
        d->in.len -= used;
        d->scanned = d->scanned > used ? d->scanned - used : 0;
    }
    return st;
}

void rtd_doc_builder_begin(struct rtd_doc_builder *d, const char *where, const char *source)
{
    d->where = where;
    d->source = source;
    d->clean = (struct rtd_clean){.repair_only = d->opts.json_key != NULL};
    d->in.len = d->scanned = d->doc.len = 0;
    d->in_line = d->continued = d->dropping = false;
    d->line = 0;
}

int rtd_doc_builder_add(struct rtd_doc_builder *d, const void *data, size_t len,
                        struct rtd_err *err)
{
    int st = rtd_clean_add(&d->clean, data, len, false, &d->in, err);
    d->counts.bytes += len;
    return st ? st : take(d, false, err);
}

int rtd_doc_builder_finish(struct rtd_doc_builder *d, struct rtd_err *err)
{
    int st = rtd_clean_add(&d->clean, "", 0, true, &d->in, err);
    if (!st)
        st = take(d, true, err);
    if (!st)
        st = end_document(d, err);
    d->counts.bad += d->clean.bad;
    d->counts.controls += d->clean.controls;
    return st;
}

const struct rtd_doc_counts *rtd_doc_builder_counts(const struct rtd_doc_builder *d)
{
    return &d->counts;
}

void rtd_doc_builder_free(struct rtd_doc_builder *d)
{
    if (!d)
        return;
    rtd_buf_free(&d->in);
    rtd_buf_free(&d->doc);
    rtd_buf_free(&d->value);
    rtd_json_free(&d->json);
    free(d);
}
