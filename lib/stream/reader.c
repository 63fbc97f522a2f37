/* rtdtools - MIT licence
 *
 * The stream's reader: one frame in memory at a time, every check made before its first record
 * is handed out. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/io.h"
#include "stream/format.h"

enum { CHUNK = 1 << 20 }; /* bytes read, and checksummed while in the cache, at a time */

struct rtd_reader {
    struct rtd_in *in;
    struct rtd_header header;
    struct rtd_checks checks;
    uint64_t offset;      /* bytes of the stream consumed */
    uint64_t frame_start; /* where the present frame (or the header) starts */
    uint64_t next_seq;
    bool in_header, ended;
    int failed; /* status of the first error: there is no reading on */
    char where[64];

    unsigned char *body; /* aligned, grows as bytes arrive */
    size_t cap;
    uint64_t first_index;
    uint32_t stride, records, at;          /* of the frame; at: next record */
    const uint32_t *lengths[RTD_MAX_AXES]; /* [records] */
    const unsigned char *pos[RTD_MAX_FIELDS];
    size_t step[RTD_MAX_FIELDS]; /* bytes per step of the field's axis */

    bool any;
    uint64_t last_index;
    struct rtd_totals totals;
    uint32_t crc_of_crcs;
    struct rtd_digest *digest;
    char digest_hex[33];
};

/* "frame 812 (byte 5341184)": where the last record came from. */
static const char *where(struct rtd_reader *r)
{
    if (r->in_header)
        snprintf(r->where, sizeof r->where, "header");
    else
        snprintf(r->where, sizeof r->where, "frame %llu (byte %llu)",
                 (unsigned long long)(r->next_seq ? r->next_seq - 1 : 0),
                 (unsigned long long)r->frame_start);
    return r->where;
}

static int fail(struct rtd_reader *r, int status, struct rtd_err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(struct rtd_reader *r, int status, struct rtd_err *err, const char *fmt, ...)
{
    char why[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    r->failed = status;
    return rtd_fail(err, status, "%s: %s: %s", rtd_in_name(r->in), where(r), why);
}

/* n bytes into buf.  What the input says about damaged compressed data gets the place put in. */
static int read_exactly(struct rtd_reader *r, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    struct rtd_err e = {0};
    int st = rtd_in_read(r->in, buf, n, got, &e);
    if (st == RTD_EDATA) {
        const char *name = rtd_in_name(r->in), *why = e.text;
        size_t k = strlen(name);
        if (!strncmp(why, name, k) && !strncmp(why + k, ": ", 2))
            why += k + 2;
        return fail(r, RTD_EDATA, err, "%s", why);
    }
    if (st) {
        r->failed = st;
        return rtd_fail(err, st, "%s", e.text);
    }
    r->offset += *got;
    return RTD_OK;
}

static int unterminated(struct rtd_reader *r, struct rtd_err *err)
{
    return fail(r, RTD_EDATA, err, "unterminated stream: input stops at byte %llu, without END",
                (unsigned long long)r->offset);
}

/* The body of n bytes (a multiple of 64) into r->body; memory grows with what has arrived. */
static int read_body(struct rtd_reader *r, uint64_t n, uint32_t *crc, struct rtd_err *err)
{
    uint64_t have = 0;
    *crc = 0;
    while (have < n) {
        if (have == r->cap) {
            size_t cap = r->cap ? r->cap * 2 : CHUNK;
            if (cap > n)
                cap = (size_t)n;
            unsigned char *p = rtd_alloc_aligned(cap, 1);
            if (!p) {
                r->failed = RTD_ESYS;
                return rtd_fail(err, RTD_ESYS, "%s: no memory for a frame of %llu bytes",
                                rtd_in_name(r->in), (unsigned long long)n);
            }
            if (have)
                memcpy(p, r->body, have);
            free(r->body);
            r->body = p;
            r->cap = cap;
        }
        uint64_t room = (r->cap < n ? r->cap : n) - have;
        size_t k = room < CHUNK ? (size_t)room : CHUNK, got;
        int st = read_exactly(r, r->body + have, k, &got, err);
        if (st)
            return st;
        *crc = rtd_crc32c(*crc, r->body + have, got);
        have += got;
        if (got < k)
            return unterminated(r, err);
    }
    return RTD_OK;
}

static bool all_zero(const unsigned char *p, const unsigned char *end)
{
    unsigned char any = 0;
    while (p < end)
        any |= *p++;
    return !any;
}

/* ---- header ---- */

static int read_header(struct rtd_reader *r, struct rtd_err *err)
{
    unsigned char pre[RTD_TS_PRELUDE];
    size_t got;
    int st = read_exactly(r, pre, sizeof pre, &got, err);
    if (st)
        return st;
    if (!rtd_stream_magic(pre, got)) {
        r->failed = RTD_EDATA;
        return rtd_fail(err, RTD_EDATA, "%s: %snot a tensor stream", rtd_in_name(r->in),
                        got ? "" : "empty input, ");
    }
    if (got < sizeof pre)
        return unterminated(r, err);
    if (rtd_get32(pre + RTD_PRE_CRC) != rtd_crc32c(0, pre, RTD_PRE_CRC))
        return fail(r, RTD_EDATA, err, "checksum mismatch");
    unsigned major = rtd_get16(pre + RTD_PRE_MAJOR), minor = rtd_get16(pre + RTD_PRE_MINOR);
    if (major != RTD_TS_MAJOR)
        return fail(r, RTD_EDATA, err, "unsupported stream format %u.%u, this reader takes %d.x",
                    major, minor, RTD_TS_MAJOR);
    uint32_t text = rtd_get32(pre + RTD_PRE_TEXT), vocab = rtd_get32(pre + RTD_PRE_VOCAB), crc;
    uint64_t len = (uint64_t)text + vocab;
    if (len > RTD_TS_MAX_HEADER)
        return fail(r, RTD_EDATA, err, "%llu bytes, the limit is %zu", (unsigned long long)len,
                    RTD_TS_MAX_HEADER);
    if ((st = read_body(r, rtd_align64(len), &crc, err)))
        return st;
    if (crc != rtd_get32(pre + RTD_PRE_CRC_BODY))
        return fail(r, RTD_EDATA, err, "checksum mismatch");
    if (!all_zero(r->body + len, r->body + rtd_align64(len)))
        return fail(r, RTD_EDATA, err, "padding is not zero");
    struct rtd_err e = {0};
    st = rtd_header_decode(&r->header, (const char *)r->body, text, r->body + text, vocab, &e);
    if (st) {
        r->failed = st;
        return rtd_fail(err, st, "%s: %s", rtd_in_name(r->in), e.text);
    }
    rtd_checks_init(&r->checks, &r->header);
    for (int i = 0; i < r->header.nfields; i++) {
        const struct rtd_field *f = &r->header.fields[i];
        r->step[i] = f->width * rtd_dtype_size(f->dtype);
    }
    r->in_header = false;
    return RTD_OK;
}

int rtd_reader_open_in(struct rtd_reader **out, struct rtd_in *in, struct rtd_err *err)
{
    *out = NULL;
    struct rtd_reader *r = calloc(1, sizeof *r);
    if (!r || !(r->digest = rtd_digest_new())) {
        free(r);
        rtd_in_close(in);
        return rtd_fail(err, RTD_ESYS, "no memory for a stream reader");
    }
    r->in = in;
    r->stride = 1;
    r->in_header = true;
    int st = read_header(r, err);
    if (st) {
        rtd_reader_close(r);
        return st;
    }
    *out = r;
    return RTD_OK;
}

int rtd_reader_open(struct rtd_reader **out, const char *path, struct rtd_err *err)
{
    struct rtd_in *in;
    *out = NULL;
    int st = rtd_in_open(&in, path, err);
    return st ? st : rtd_reader_open_in(out, in, err);
}

/* ---- frames ---- */

struct frame {
    uint32_t type, flags, records, stride, crc;
    uint64_t body, seq, first_index;
};

/* Step through the arrays of a body: axes' lengths, then fields. */
static int lay_out(struct rtd_reader *r, const struct frame *f, struct rtd_err *err)
{
    const struct rtd_header *h = &r->header;
    uint64_t sums[RTD_MAX_AXES] = {0}, at = 0;
    for (int a = 0; a < h->naxes; a++) {
        uint64_t n = 4 * (uint64_t)f->records, sum = 0;
        if (n > f->body - at)
            return fail(r, RTD_EDATA, err, "body too short for %u records", f->records);
        r->lengths[a] = (const uint32_t *)(const void *)(r->body + at);
        for (uint32_t i = 0; i < f->records; i++)
            sum += r->lengths[a][i];
        if (!all_zero(r->body + at + n, r->body + at + rtd_align64(n)))
            return fail(r, RTD_EDATA, err, "padding is not zero");
        sums[a] = sum;
        at += rtd_align64(n);
    }
    for (int i = 0; i < h->nfields; i++) {
        const struct rtd_field *fd = &h->fields[i];
        uint64_t n = fd->axis < 0 ? f->records : sums[fd->axis];
        if (n > (f->body - at) / r->step[i])
            return fail(r, RTD_EDATA, err, "body too short for field %s", fd->name);
        n *= r->step[i];
        r->pos[i] = r->body + at;
        if (!all_zero(r->body + at + n, r->body + at + rtd_align64(n)))
            return fail(r, RTD_EDATA, err, "padding is not zero");
        at += rtd_align64(n);
    }
    if (at != f->body)
        return fail(r, RTD_EDATA, err, "body of %llu bytes, its records take %llu",
                    (unsigned long long)f->body, (unsigned long long)at);
    for (int a = 0; a < h->naxes; a++)
        if (__builtin_add_overflow(r->totals.axis[a], sums[a], &r->totals.axis[a]))
            return fail(r, RTD_EDATA, err, "total length overflows");
    return RTD_OK;
}

static void view(const struct rtd_reader *r, const unsigned char **pos, uint32_t i,
                 struct rtd_record *rec)
{
    const struct rtd_header *h = &r->header;
    for (int a = 0; a < h->naxes; a++)
        rec->lengths[a] = r->lengths[a][i];
    for (int k = 0; k < h->nfields; k++) {
        int axis = h->fields[k].axis;
        rec->data[k] = pos[k];
        pos[k] += axis < 0 ? r->step[k] : r->step[k] * rec->lengths[axis];
    }
}

static int check_records(struct rtd_reader *r, struct rtd_err *err)
{
    const unsigned char *pos[RTD_MAX_FIELDS];
    struct rtd_record rec;
    memcpy(pos, r->pos, sizeof pos);
    for (uint32_t i = 0; i < r->records; i++) {
        struct rtd_err e = {0};
        view(r, pos, i, &rec);
        if (rtd_checks_record(&r->checks, rec.data, rec.lengths, &e))
            return fail(r, RTD_EDATA, err, "record %llu: %s",
                        (unsigned long long)(r->first_index + (uint64_t)i * r->stride), e.text);
    }
    return RTD_OK;
}

static int data_frame(struct rtd_reader *r, const struct frame *f, struct rtd_err *err)
{
    uint64_t last;
    if (f->records == 0 || f->stride == 0)
        return fail(r, RTD_EDATA, err, "no records or no stride");
    if (f->body > r->header.max_frame && f->records > 1)
        return fail(r, RTD_EDATA, err, "body of %llu bytes, the header allows %llu",
                    (unsigned long long)f->body, (unsigned long long)r->header.max_frame);
    if (__builtin_add_overflow(f->first_index, (uint64_t)(f->records - 1) * f->stride, &last) ||
        last > INT64_MAX)
        return fail(r, RTD_EDATA, err, "index overflows");
    if (r->any && f->first_index <= r->last_index)
        return fail(r, RTD_EDATA, err, "index %llu after %llu", (unsigned long long)f->first_index,
                    (unsigned long long)r->last_index);
    int st = lay_out(r, f, err);
    if (st)
        return st;
    r->first_index = f->first_index;
    r->stride = f->stride;
    r->records = f->records;
    if ((st = check_records(r, err))) {
        r->records = 0;
        return st;
    }
    r->at = 0;
    r->any = true;
    r->last_index = last;
    r->totals.frames++;
    r->totals.records += f->records;
    r->totals.bytes += f->body;
    unsigned char crc[4];
    rtd_put32(crc, f->crc);
    r->crc_of_crcs = rtd_crc32c(r->crc_of_crcs, crc, sizeof crc);
    rtd_digest_add(r->digest, crc, sizeof crc);
    return RTD_OK;
}

static int end_frame(struct rtd_reader *r, const struct frame *f, struct rtd_err *err)
{
    const unsigned char *b = r->body;
    uint32_t naxes = (uint32_t)r->header.naxes;
    uint64_t used = RTD_E_AXES + 8 * (uint64_t)naxes;
    if (f->body != rtd_align64(used) || rtd_get32(b + RTD_E_NAXES) != naxes ||
        !all_zero(b + used, b + f->body))
        return fail(r, RTD_EDATA, err, "malformed END");
    bool same = rtd_get64(b + RTD_E_FRAMES) == r->totals.frames &&
                rtd_get64(b + RTD_E_RECORDS) == r->totals.records &&
                rtd_get64(b + RTD_E_BYTES) == r->totals.bytes &&
                rtd_get32(b + RTD_E_CRCS) == r->crc_of_crcs;
    for (uint32_t a = 0; a < naxes; a++)
        same = same && rtd_get64(b + RTD_E_AXES + 8 * a) == r->totals.axis[a];
    if (!same)
        return fail(r, RTD_EDATA, err, "END does not agree with what came before it");
    unsigned char more;
    size_t got;
    uint64_t end = r->offset;
    int st = read_exactly(r, &more, 1, &got, err);
    if (st)
        return st;
    if (got)
        return fail(r, RTD_EDATA, err,
                    "more input after END, at byte %llu (streams are joined by ts-cat, not cat)",
                    (unsigned long long)end);
    rtd_digest_get(r->digest, r->digest_hex);
    r->ended = true;
    return RTD_OK;
}

static int abort_frame(struct rtd_reader *r, const struct frame *f, struct rtd_err *err)
{
    const unsigned char *b = r->body;
    uint64_t tool_len = 0, len = 0;
    if (f->body >= RTD_TS_ALIGN && f->body <= RTD_TS_MAX_ABORT) {
        tool_len = rtd_get32(b);
        len = rtd_get32(b + 4);
    }
    if (!tool_len || 8 + tool_len + len > f->body)
        return fail(r, RTD_EDATA, err, "malformed ABORT");
    char tool[64], why[480];
    rtd_mask_text(tool, sizeof tool, (const char *)b + 8, tool_len);
    rtd_mask_text(why, sizeof why, (const char *)b + 8 + tool_len, len);
    const char *name = rtd_in_name(r->in);
    bool std = !strcmp(name, "-");
    r->failed = RTD_EDATA;
    return rtd_fail(err, RTD_EDATA, "%s%supstream %s failed: %s", std ? "" : name, std ? "" : ": ",
                    tool, why);
}

static int read_frame(struct rtd_reader *r, struct rtd_err *err)
{
    unsigned char pre[RTD_TS_PRELUDE];
    size_t got;
    r->frame_start = r->offset;
    r->next_seq++;
    r->records = r->at = 0;
    int st = read_exactly(r, pre, sizeof pre, &got, err);
    if (st)
        return st;
    if (got < sizeof pre)
        return unterminated(r, err);
    if (rtd_stream_magic(pre, sizeof pre))
        return fail(r, RTD_EDATA, err,
                    "a second stream begins here (streams are joined by ts-cat, not cat)");
    if (rtd_get32(pre + RTD_PRE_CRC) != rtd_crc32c(0, pre, RTD_PRE_CRC))
        return fail(r, RTD_EDATA, err, "checksum mismatch");
    struct frame f = {
        .type = rtd_get32(pre + RTD_F_TYPE),
        .flags = rtd_get32(pre + RTD_F_FLAGS),
        .body = rtd_get64(pre + RTD_F_BODY),
        .seq = rtd_get64(pre + RTD_F_SEQ),
        .first_index = rtd_get64(pre + RTD_F_INDEX),
        .records = rtd_get32(pre + RTD_F_RECORDS),
        .stride = rtd_get32(pre + RTD_F_STRIDE),
        .crc = rtd_get32(pre + RTD_PRE_CRC_BODY),
    };
    bool known = f.type == RTD_T_DATA || f.type == RTD_T_END || f.type == RTD_T_ABORT;
    if (f.seq != r->next_seq - 1)
        return fail(r, RTD_EDATA, err, "has sequence number %llu", (unsigned long long)f.seq);
    if (!known && !(f.flags & RTD_FLAG_SKIPPABLE))
        return fail(r, RTD_EDATA, err, "unsupported type of frame");
    if (known && f.flags)
        return fail(r, RTD_EDATA, err, "unsupported flags");
    if (f.body > RTD_TS_MAX_FRAME || f.body % RTD_TS_ALIGN)
        return fail(r, RTD_EDATA, err, "impossible body length %llu", (unsigned long long)f.body);
    uint32_t crc;
    if ((st = read_body(r, f.body, &crc, err)))
        return st;
    if (crc != f.crc)
        return fail(r, RTD_EDATA, err, "checksum mismatch");
    if (f.type == RTD_T_DATA)
        return data_frame(r, &f, err);
    if (f.type == RTD_T_END)
        return end_frame(r, &f, err);
    if (f.type == RTD_T_ABORT)
        return abort_frame(r, &f, err);
    return RTD_OK;
}

int rtd_reader_next(struct rtd_reader *r, struct rtd_record *rec, struct rtd_err *err)
{
    static const struct rtd_record none;
    if (r->at == r->records)
        *rec = none; /* what the last call gave is gone */
    if (r->failed)
        return rtd_fail(err, r->failed, "%s: no reading on after an error", rtd_in_name(r->in));
    while (r->at == r->records) {
        if (r->ended) {
            rec->end = true;
            return RTD_OK;
        }
        int st = read_frame(r, err);
        if (st)
            return st;
    }
    rec->end = false;
    rec->index = r->first_index + (uint64_t)r->at * r->stride;
    view(r, r->pos, r->at++, rec);
    return RTD_OK;
}

const struct rtd_header *rtd_reader_header(const struct rtd_reader *r)
{
    return &r->header;
}

const char *rtd_reader_name(const struct rtd_reader *r)
{
    return rtd_in_name(r->in);
}

const struct rtd_totals *rtd_reader_totals(const struct rtd_reader *r)
{
    return &r->totals;
}

const char *rtd_reader_digest(const struct rtd_reader *r)
{
    return r->digest_hex;
}

uint32_t rtd_reader_stride(const struct rtd_reader *r)
{
    return r->stride;
}

bool rtd_reader_seekable(const struct rtd_reader *r)
{
    return rtd_in_seekable(r->in);
}

void rtd_reader_close(struct rtd_reader *r)
{
    if (!r)
        return;
    rtd_header_free(&r->header);
    rtd_in_close(r->in);
    rtd_digest_free(r->digest);
    free(r->body);
    free(r);
}
