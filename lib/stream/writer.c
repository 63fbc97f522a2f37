/* rtdtools - MIT licence
 *
 * The stream's writer: collects records column by column and writes whole frames. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/process.h"
#include "stream/format.h"

struct rtd_writer {
    struct rtd_out *out;
    struct rtd_header header;
    struct rtd_checks checks;
    bool broken; /* a write failed: nothing more goes out */
    uint64_t seq, max_frame;
    uint32_t wanted_stride;

    uint64_t first_index, last_index; /* of the frame being filled */
    uint32_t stride, records;
    bool any;                             /* last_index is valid */
    struct rtd_buf lengths[RTD_MAX_AXES]; /* u32 [records] */
    uint64_t sums[RTD_MAX_AXES];
    struct rtd_buf data[RTD_MAX_FIELDS];
    size_t step[RTD_MAX_FIELDS]; /* bytes per step of the field's axis */

    struct rtd_totals totals;
    uint32_t crc_of_crcs;
};

static const unsigned char zero[RTD_TS_ALIGN];

static void writer_free(struct rtd_writer *w)
{
    for (int i = 0; i < RTD_MAX_AXES; i++)
        rtd_buf_free(&w->lengths[i]);
    for (int i = 0; i < RTD_MAX_FIELDS; i++)
        rtd_buf_free(&w->data[i]);
    rtd_header_free(&w->header);
    free(w);
}

static int put(struct rtd_writer *w, const void *data, size_t len, struct rtd_err *err)
{
    int st = rtd_out_write(w->out, data, len, err);
    if (st)
        w->broken = true;
    return st;
}

int rtd_writer_open(struct rtd_writer **out, const char *path, int flags,
                    const struct rtd_header *h, uint32_t index_stride, struct rtd_err *err)
{
    *out = NULL;
    struct rtd_writer *w = calloc(1, sizeof *w);
    if (!w)
        return rtd_fail(err, RTD_ESYS, "no memory for a stream writer");
    struct rtd_buf head = {0};
    int st = rtd_header_copy(&w->header, h, err);
    if (!st && !(st = rtd_out_open(&w->out, path, flags | RTD_OUT_BINARY, err)) &&
        !(st = rtd_header_encode(h, &head, rtd_out_name(w->out), err)))
        st = put(w, head.data, head.len, err);
    rtd_buf_free(&head);
    if (st) {
        rtd_out_abort(w->out);
        writer_free(w);
        return st;
    }
    w->max_frame = h->max_frame ? h->max_frame : RTD_TS_DEFAULT_FRAME;
    w->wanted_stride = index_stride ? index_stride : 1;
    rtd_checks_init(&w->checks, &w->header);
    for (int i = 0; i < h->nfields; i++)
        w->step[i] = h->fields[i].width * rtd_dtype_size(h->fields[i].dtype);
    *out = w;
    return RTD_OK;
}

/* A frame's prelude; the body's CRC is given. */
static int put_prelude(struct rtd_writer *w, uint32_t type, uint64_t body, uint32_t crc,
                       struct rtd_err *err)
{
    unsigned char pre[RTD_TS_PRELUDE] = {0};
    rtd_put32(pre + RTD_F_TYPE, type);
    rtd_put64(pre + RTD_F_BODY, body);
    rtd_put64(pre + RTD_F_SEQ, w->seq++);
    if (type == RTD_T_DATA) {
        rtd_put64(pre + RTD_F_INDEX, w->first_index);
        rtd_put32(pre + RTD_F_RECORDS, w->records);
        rtd_put32(pre + RTD_F_STRIDE, w->stride);
    }
    rtd_put32(pre + RTD_PRE_CRC_BODY, crc);
    rtd_put32(pre + RTD_PRE_CRC, rtd_crc32c(0, pre, RTD_PRE_CRC));
    return put(w, pre, sizeof pre, err);
}

static uint32_t crc_padded(uint32_t crc, const struct rtd_buf *b)
{
    crc = rtd_crc32c(crc, b->data, b->len);
    return rtd_crc32c(crc, zero, rtd_align64(b->len) - b->len);
}

static int put_padded(struct rtd_writer *w, struct rtd_buf *b, struct rtd_err *err)
{
    int st = put(w, b->data, b->len, err);
    if (!st)
        st = put(w, zero, rtd_align64(b->len) - b->len, err);
    b->len = 0;
    return st;
}

static int emit_frame(struct rtd_writer *w, struct rtd_err *err)
{
    const struct rtd_header *h = &w->header;
    uint64_t body = 0;
    uint32_t crc = 0;
    if (w->records == 0)
        return RTD_OK;
    for (int a = 0; a < h->naxes; a++) {
        body += rtd_align64(w->lengths[a].len);
        crc = crc_padded(crc, &w->lengths[a]);
    }
    for (int i = 0; i < h->nfields; i++) {
        body += rtd_align64(w->data[i].len);
        crc = crc_padded(crc, &w->data[i]);
    }
    int st = put_prelude(w, RTD_T_DATA, body, crc, err);
    for (int a = 0; !st && a < h->naxes; a++)
        st = put_padded(w, &w->lengths[a], err);
    for (int i = 0; !st && i < h->nfields; i++)
        st = put_padded(w, &w->data[i], err);
    if (st)
        return st;
    unsigned char c[4];
    rtd_put32(c, crc);
    w->crc_of_crcs = rtd_crc32c(w->crc_of_crcs, c, sizeof c);
    w->totals.frames++;
    w->totals.bytes += body;
    w->records = 0;
    return RTD_OK;
}

static size_t field_bytes(const struct rtd_writer *w, int i, const uint32_t *lengths)
{
    int axis = w->header.fields[i].axis;
    return axis < 0 ? w->step[i] : w->step[i] * lengths[axis];
}

/* Bytes of the body with one more record of these lengths; alone: in a frame of its own. */
static uint64_t body_with(const struct rtd_writer *w, const uint32_t *lengths, bool alone)
{
    const struct rtd_header *h = &w->header;
    uint64_t n = rtd_align64(4 * (alone ? 1 : (uint64_t)w->records + 1)) * (uint64_t)h->naxes;
    for (int i = 0; i < h->nfields; i++)
        n += rtd_align64((alone ? 0 : w->data[i].len) + (uint64_t)field_bytes(w, i, lengths));
    return n;
}

/* Does index continue the frame?  Its second record may still settle the stride. */
static bool continues(struct rtd_writer *w, uint64_t index)
{
    uint64_t gap = index - w->last_index;
    if (w->records == 1 && gap <= UINT32_MAX)
        w->stride = (uint32_t)gap;
    return gap == w->stride && w->records < UINT32_MAX;
}

int rtd_writer_append(struct rtd_writer *w, uint64_t index, const void *const *data,
                      const uint32_t *lengths, struct rtd_err *err)
{
    const struct rtd_header *h = &w->header;
    struct rtd_err e = {0};
    int st = RTD_OK;
    if (w->broken)
        return rtd_fail(err, RTD_ESYS, "%s: no writing on after an error", rtd_out_name(w->out));
    if (index > INT64_MAX)
        return rtd_fail(err, RTD_EDATA, "index %llu is too large", (unsigned long long)index);
    if (w->any && index <= w->last_index)
        return rtd_fail(err, RTD_EDATA, "record %llu after record %llu", (unsigned long long)index,
                        (unsigned long long)w->last_index);
    if (rtd_checks_record(&w->checks, data, lengths, &e))
        return rtd_fail(err, RTD_EDATA, "record %llu: %s", (unsigned long long)index, e.text);
    if (w->records && (body_with(w, lengths, false) > w->max_frame || !continues(w, index)))
        if ((st = emit_frame(w, err)))
            return st;
    if (w->records == 0) {
        uint64_t body = body_with(w, lengths, true);
        if (body > RTD_TS_MAX_FRAME)
            return rtd_fail(err, RTD_EDATA, "record %llu takes %llu bytes, the limit is %llu",
                            (unsigned long long)index, (unsigned long long)body,
                            (unsigned long long)RTD_TS_MAX_FRAME);
        w->first_index = index;
        w->stride = w->wanted_stride;
    }
    for (int a = 0; !st && a < h->naxes; a++)
        st = rtd_buf_append(&w->lengths[a], &lengths[a], sizeof lengths[a], err);
    for (int i = 0; !st && i < h->nfields; i++)
        st = rtd_buf_append(&w->data[i], data[i], field_bytes(w, i, lengths), err);
    if (st) {
        w->broken = true; /* the columns are of different lengths now */
        return st;
    }
    for (int a = 0; a < h->naxes; a++)
        w->totals.axis[a] += lengths[a];
    w->totals.records++;
    w->records++;
    w->last_index = index;
    w->any = true;
    return RTD_OK;
}

int rtd_writer_flush(struct rtd_writer *w, struct rtd_err *err)
{
    if (w->broken)
        return rtd_fail(err, RTD_ESYS, "%s: no writing on after an error", rtd_out_name(w->out));
    int st = emit_frame(w, err);
    if (!st && (st = rtd_out_flush(w->out, err)))
        w->broken = true;
    return st;
}

static int put_end(struct rtd_writer *w, struct rtd_err *err)
{
    unsigned char body[RTD_E_AXES + 8 * RTD_MAX_AXES + RTD_TS_ALIGN] = {0};
    const struct rtd_totals *t = &w->totals;
    int naxes = w->header.naxes;
    size_t len = (size_t)rtd_align64((uint64_t)RTD_E_AXES + 8 * (uint64_t)naxes);
    rtd_put64(body + RTD_E_FRAMES, t->frames);
    rtd_put64(body + RTD_E_RECORDS, t->records);
    rtd_put64(body + RTD_E_BYTES, t->bytes);
    rtd_put32(body + RTD_E_CRCS, w->crc_of_crcs);
    rtd_put32(body + RTD_E_NAXES, (uint32_t)naxes);
    for (int a = 0; a < naxes; a++)
        rtd_put64(body + RTD_E_AXES + 8 * a, t->axis[a]);
    int st = put_prelude(w, RTD_T_END, len, rtd_crc32c(0, body, len), err);
    return st ? st : put(w, body, len, err);
}

int rtd_writer_end(struct rtd_writer *w, struct rtd_err *err)
{
    int st = RTD_OK;
    if (w->broken)
        st = rtd_fail(err, RTD_ESYS, "%s: no writing on after an error", rtd_out_name(w->out));
    if (!st)
        st = emit_frame(w, err);
    if (!st)
        st = put_end(w, err);
    if (!st)
        st = rtd_out_commit(w->out, err);
    else
        rtd_out_abort(w->out);
    writer_free(w);
    return st;
}

/* An upstream's failure is passed on under its own name, so that the end of a long pipeline
 * shows where it began. */
static void put_abort(struct rtd_writer *w, const struct rtd_err *cause)
{
    static const char up[] = "upstream ", failed[] = " failed: ";
    const char *tool = rtd_tool_name();
    const char *why = cause && cause->text[0] ? cause->text : "stopped without a reason";
    size_t tool_len = strlen(tool);
    const char *sep = strncmp(why, up, strlen(up)) ? NULL : strstr(why, failed);
    if (sep) {
        tool = why + strlen(up);
        tool_len = (size_t)(sep - tool);
        why = sep + strlen(failed);
    }
    unsigned char body[RTD_TS_MAX_ABORT] = {0};
    size_t why_len = strlen(why);
    if (tool_len > RTD_NAME)
        tool_len = RTD_NAME;
    if (why_len > sizeof body - 8 - RTD_NAME)
        why_len = sizeof body - 8 - RTD_NAME;
    rtd_put32(body, (uint32_t)tool_len);
    rtd_put32(body + 4, (uint32_t)why_len);
    memcpy(body + 8, tool, tool_len);
    memcpy(body + 8 + tool_len, why, why_len);
    size_t len = (size_t)rtd_align64(8 + tool_len + why_len);
    struct rtd_err e = {0};
    if (!put_prelude(w, RTD_T_ABORT, len, rtd_crc32c(0, body, len), &e) && !put(w, body, len, &e))
        rtd_out_flush(w->out, &e);
}

void rtd_writer_abort(struct rtd_writer *w, const struct rtd_err *err)
{
    if (!w)
        return;
    if (!w->broken) {
        /* The reader may be gone: this tool has a failure of its own to report and must not die
         * of SIGPIPE before it has. */
        sigset_t pipe_only, old;
        struct timespec now = {0, 0};
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
        put_abort(w, err);
        while (sigtimedwait(&pipe_only, NULL, &now) > 0)
            continue;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    rtd_out_abort(w->out);
    writer_free(w);
}

const struct rtd_totals *rtd_writer_totals(const struct rtd_writer *w)
{
    return &w->totals;
}
