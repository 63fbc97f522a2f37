/* rtdtools - MIT licence */
#include "text/doc_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/utf8.h"

struct rtd_doc_lines {
    char *const *path;
    int npaths, current; /* current: number of the open input */
    struct rtd_header header;
    bool have_header;
    /* One of the two is open; neither between inputs. */
    struct rtd_reader *reader;
    struct rtd_lines lines;
    bool in_text;
    bool in_document;   /* lines given, or a record begun, and no end yet */
    uint64_t documents; /* of the current input */
    /* the current record's unread text */
    const char *rest;
    size_t left;
};

static char stdin_path[] = "-";
static char *const stdin_only[] = {stdin_path};

static int open_stream(struct rtd_doc_lines *d, struct rtd_in *in, struct rtd_err *err)
{
    if (rtd_reader_open_in(&d->reader, in, err))
        return err->status;
    return rtd_header_expect(rtd_reader_header(d->reader), "documents", rtd_reader_name(d->reader),
                             err);
}

/* Open input number `current`. */
static int open_input(struct rtd_doc_lines *d, struct rtd_err *err)
{
    const char *path = d->path[d->current];
    unsigned char magic[RTD_STREAM_MAGIC];
    struct rtd_in *in;
    size_t got;

    d->documents = 0;
    if (rtd_in_open(&in, path, err))
        return err->status;
    if (rtd_in_peek(in, magic, sizeof magic, &got, err)) {
        rtd_in_close(in);
        return err->status;
    }
    if (rtd_stream_magic(magic, got))
        return open_stream(d, in, err);
    d->lines = (struct rtd_lines){.in = in, .max = RTD_DOC_MAX_LINE};
    d->in_text = true;
    return RTD_OK;
}

static void close_input(struct rtd_doc_lines *d)
{
    rtd_reader_close(d->reader);
    d->reader = NULL;
    if (d->in_text)
        rtd_lines_close(&d->lines);
    d->in_text = false;
}

int rtd_doc_lines_open(struct rtd_doc_lines **out, char *const *path, int n, struct rtd_err *err)
{
    struct rtd_doc_lines *d = calloc(1, sizeof *d);

    *out = NULL;
    if (!d)
        return rtd_fail_sys(err, "documents");
    d->path = n ? path : stdin_only;
    d->npaths = n ? n : 1;
    if (open_input(d, err))
        goto fail;
    if (d->reader) {
        if (rtd_header_copy(&d->header, rtd_reader_header(d->reader), err))
            goto fail;
        d->have_header = true;
    }
    *out = d;
    return RTD_OK;
fail:
    rtd_doc_lines_close(d);
    return err->status;
}

const struct rtd_header *rtd_doc_lines_header(const struct rtd_doc_lines *d)
{
    return d->have_header ? &d->header : NULL;
}

/* The three things an event is; nothing of the one before is left over. */
static int give(enum rtd_doc_event what, const char *s, size_t n, enum rtd_doc_event *event,
                const char **line, size_t *len)
{
    *event = what;
    *line = s;
    *len = n;
    return RTD_OK;
}

/* The next event of plain text; RTD_EVENT_FINISHED: this input has ended. */
static int next_of_text(struct rtd_doc_lines *d, enum rtd_doc_event *event, const char **line,
                        size_t *len, struct rtd_err *err)
{
    char *s;
    size_t n;
    for (;;) {
        if (rtd_lines_next(&d->lines, &s, &n, err))
            return err->status;
        if (s && memchr(s, 0, n))
            return rtd_fail(
                err, RTD_EDATA,
                "%s: line %llu: NUL byte: neither text nor a stream (corpus-shard drops "
                "them)",
                rtd_in_name(d->lines.in), (unsigned long long)d->lines.number);
        if (s && !rtd_is_blank(s, n)) {
            d->in_document = true;
            return give(RTD_EVENT_LINE, s, n, event, line, len);
        }
        if (d->in_document) {
            d->in_document = false;
            d->documents++;
            return give(RTD_EVENT_END, NULL, 0, event, line, len);
        }
        if (!s && !d->documents)
            return rtd_fail(err, RTD_EDATA, "%s: empty: no text and no stream",
                            rtd_in_name(d->lines.in));
        if (!s)
            return give(RTD_EVENT_FINISHED, NULL, 0, event, line, len);
    }
}

/* The same of a stream. */
static int next_of_stream(struct rtd_doc_lines *d, enum rtd_doc_event *event, const char **line,
                          size_t *len, struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(d->reader);
    int field = rtd_header_field(h, "text");
    struct rtd_record rec;

    if (!d->in_document) {
        if (rtd_reader_next(d->reader, &rec, err))
            return err->status;
        if (rec.end)
            return give(RTD_EVENT_FINISHED, NULL, 0, event, line, len);
        d->rest = rec.data[field];
        d->left = rec.lengths[h->fields[field].axis];
        d->in_document = true;
        d->documents++;
    }
    while (d->left) {
        const char *s = d->rest, *nl = memchr(s, '\n', d->left);
        size_t n = nl ? (size_t)(nl - s) : d->left;
        d->left -= n + (nl ? 1 : 0);
        d->rest += n + (nl ? 1 : 0);
        if (n > RTD_DOC_MAX_LINE)
            return rtd_fail(err, RTD_EDATA, "%s: document %llu: a line of over %d MiB",
                            rtd_reader_name(d->reader), (unsigned long long)d->documents,
                            RTD_DOC_MAX_LINE >> 20);
        if (!rtd_is_blank(s, n))
            return give(RTD_EVENT_LINE, s, n, event, line, len);
    }
    d->in_document = false;
    return give(RTD_EVENT_END, NULL, 0, event, line, len);
}

int rtd_doc_lines_next(struct rtd_doc_lines *d, enum rtd_doc_event *event, const char **line,
                       size_t *len, struct rtd_err *err)
{
    give(RTD_EVENT_FINISHED, NULL, 0, event, line, len);
    for (;;) {
        int st = d->in_text ? next_of_text(d, event, line, len, err)
                            : next_of_stream(d, event, line, len, err);
        if (st || *event != RTD_EVENT_FINISHED || d->current + 1 == d->npaths)
            return st;
        close_input(d);
        d->current++;
        if (open_input(d, err))
            return err->status;
    }
}

void rtd_doc_lines_close(struct rtd_doc_lines *d)
{
    if (!d)
        return;
    close_input(d);
    if (d->have_header)
        rtd_header_free(&d->header);
    free(d);
}
