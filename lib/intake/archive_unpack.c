/* rtdtools - MIT licence
 *
 * Unpackers: a byte source on top of a packed one.  Each is strict about the end: a cut stream
 * fails, and so does anything but zero bytes (tape padding) after a complete one. */
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "intake/archive_internal.h"

/* Nothing but zeros may follow.  Reading on to the end also lets the sources below verify theirs.
 */
static int only_zeros(struct rtd_bytes *below, const char *packing, struct rtd_err *err)
{
    for (;;) {
        const unsigned char *p;
        size_t n;
        int st = rtd_bytes_take(below, &p, &n, err);
        if (st || n == 0)
            return st;
        for (size_t i = 0; i < n; i++)
            if (p[i])
                return rtd_fail(err, RTD_EDATA, "%s: more bytes after the end of the %s data",
                                below->name, packing);
    }
}

/* --- gzip --- */
struct gunzip {
    struct rtd_bytes base;
    struct rtd_bytes *below;
    z_stream z;
    bool done;
};

/* Between members: 0 more, else the end or a failure.  *more tells. */
static int gzip_next_member(struct gunzip *g, bool *more, struct rtd_err *err)
{
    const unsigned char *p;
    size_t n;
    g->below->pos -= g->z.avail_in; /* give back what inflate did not want */
    g->z.avail_in = 0;
    int st = rtd_bytes_peek(g->below, 2, &p, &n, err);
    if (st)
        return st;
    *more = n && p[0] == 0x1f;
    return *more ? RTD_OK : only_zeros(g->below, "gzip", err);
}

static int gunzip_read(struct rtd_bytes *b, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    struct gunzip *g = (struct gunzip *)b;
    g->z.next_out = buf;
    g->z.avail_out = (uInt)n;
    while (g->z.avail_out == n && !g->done) {
        if (g->z.avail_in == 0) {
            const unsigned char *p;
            size_t k;
            int st = rtd_bytes_take(g->below, &p, &k, err);
            if (st)
                return st;
            if (k == 0)
                return rtd_fail(err, RTD_EDATA, "%s: truncated gzip data", b->name);
            g->z.next_in = (unsigned char *)(uintptr_t)p;
            g->z.avail_in = (uInt)k;
        }
        int r = inflate(&g->z, Z_NO_FLUSH);
        if (r == Z_STREAM_END) {
            bool more;
            int st = gzip_next_member(g, &more, err);
            if (st)
                return st;
            g->done = !more;
            inflateReset(&g->z);
        } else if (r == Z_MEM_ERROR) {
            return rtd_fail(err, RTD_ESYS, "%s: not enough memory", b->name);
        } else if (r != Z_OK && r != Z_BUF_ERROR) {
            return rtd_fail(err, RTD_EDATA, "%s: damaged gzip data: %s", b->name,
                            g->z.msg ? g->z.msg : "cannot be unpacked");
        }
    }
    *got = n - g->z.avail_out;
    return RTD_OK;
}

static void gunzip_close(struct rtd_bytes *b)
{
    struct gunzip *g = (struct gunzip *)b;
    inflateEnd(&g->z);
    rtd_bytes_close(g->below);
    free(g);
}

static struct rtd_bytes *gunzip_new(struct rtd_bytes *below, struct rtd_err *err)
{
    struct gunzip *g = calloc(1, sizeof *g);
    if (!g || inflateInit2(&g->z, 15 + 16) != Z_OK) {
        free(g);
        rtd_fail(err, RTD_ESYS, "%s: not enough memory", below->name);
        return NULL;
    }
    if (rtd_bytes_init(&g->base, below->name, err)) {
        inflateEnd(&g->z);
        free(g);
        return NULL;
    }
    g->base.read = gunzip_read;
    g->base.close = gunzip_close;
    g->below = below;
    return &g->base;
}

/* --- the others, by libarchive --- */
struct filter {
    struct rtd_bytes base;
    struct rtd_bytes *below;
    const struct rtd_packing *packing;
    struct archive *ar;
    bool opened, done;
    const unsigned char *last; /* the bytes that libarchive got last, in the window below */
    size_t last_len;
    uint64_t given; /* bytes that it got in all */
    struct rtd_err *err;
};

static la_ssize_t filter_feed(struct archive *ar, void *arg, const void **data)
{
    struct filter *f = arg;
    const unsigned char *p;
    size_t n;
    if (rtd_bytes_take(f->below, &p, &n, f->err)) {
        archive_set_error(ar, EIO, "cannot read");
        return ARCHIVE_FATAL;
    }
    if (n) {
        f->last = p;
        f->last_len = n;
    }
    *data = p;
    f->given += n;
    return (la_ssize_t)n;
}

static int filter_failed(struct filter *f, struct rtd_err *err)
{
    const char *why = archive_error_string(f->ar);
    char text[200];
    if (archive_errno(f->ar) == ENOMEM)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", f->base.name);
    if (!why)
        why = "cannot be unpacked";
    if (strstr(why, ZSTD_getErrorString(ZSTD_error_frameParameter_windowTooLarge)))
        return rtd_fail(err, RTD_EDATA,
                        "%s: zstd data with a window over 128 MiB: zstd -d --long=31 -c FILE | "
                        "corpus-shard",
                        f->base.name);
    return rtd_fail(err, RTD_EDATA, "%s: damaged or truncated %s data: %s", f->base.name,
                    f->packing->name, rtd_mask_text(text, sizeof text, why, strlen(why)));
}

static int filter_start(struct filter *f, struct rtd_err *err)
{
    struct archive_entry *entry;
    f->opened = true;
    archive_read_support_format_raw(f->ar);
    archive_read_support_format_empty(f->ar);
    if (f->packing->filter(f->ar) != ARCHIVE_OK ||
        archive_read_open(f->ar, f, NULL, filter_feed, NULL) != ARCHIVE_OK)
        return filter_failed(f, err);
    int r = archive_read_next_header(f->ar, &entry);
    if (r != ARCHIVE_OK && r != ARCHIVE_EOF)
        return filter_failed(f, err);
    if (archive_filter_code(f->ar, 0) == ARCHIVE_FILTER_NONE)
        return rtd_fail(err, RTD_EDATA, "%s: damaged or truncated %s data", f->base.name,
                        f->packing->name);
    return RTD_OK;
}

/* libarchive stops without a word at the first byte that continues no stream. */
static int filter_end(struct filter *f, struct rtd_err *err)
{
    uint64_t used = (uint64_t)archive_filter_bytes(f->ar, -1);
    uint64_t left = used < f->given ? f->given - used : 0;
    bool zeros = left <= f->last_len;
    for (size_t i = zeros ? f->last_len - left : 0; zeros && i < f->last_len; i++)
        zeros = f->last[i] == 0;
    if (!zeros)
        return rtd_fail(err, RTD_EDATA, "%s: more bytes after the end of the %s data", f->base.name,
                        f->packing->name);
    return only_zeros(f->below, f->packing->name, err);
}

static int filter_read(struct rtd_bytes *b, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    struct filter *f = (struct filter *)b;
    f->err = err;
    if (!f->opened) {
        int st = filter_start(f, err);
        if (st)
            return st;
    }
    *got = 0;
    if (f->done)
        return RTD_OK;
    la_ssize_t k = archive_read_data(f->ar, buf, n);
    if (k < 0)
        return filter_failed(f, err);
    *got = (size_t)k;
    f->done = k == 0;
    return f->done ? filter_end(f, err) : RTD_OK;
}

static void filter_close(struct rtd_bytes *b)
{
    struct filter *f = (struct filter *)b;
    archive_read_free(f->ar);
    rtd_bytes_close(f->below);
    free(f);
}

static struct rtd_bytes *filter_new(struct rtd_bytes *below, const struct rtd_packing *packing,
                                    struct rtd_err *err)
{
    struct filter *f = calloc(1, sizeof *f);
    if (!f || !(f->ar = archive_read_new())) {
        free(f);
        rtd_fail(err, RTD_ESYS, "%s: not enough memory", below->name);
        return NULL;
    }
    if (rtd_bytes_init(&f->base, below->name, err)) {
        archive_read_free(f->ar);
        free(f);
        return NULL;
    }
    f->base.read = filter_read;
    f->base.close = filter_close;
    f->below = below;
    f->packing = packing;
    return &f->base;
}

int rtd_bytes_unpack(struct rtd_bytes **b, const char *packed[4], struct rtd_err *err)
{
    memset(packed, 0, 4 * sizeof *packed);
    for (int layer = 0;; layer++) {
        const unsigned char *p;
        size_t n;
        int st = rtd_bytes_peek(*b, 64, &p, &n, err);
        if (st)
            return st;
        const struct rtd_packing *packing = rtd_packing_of(p, n);
        if (!packing)
            return RTD_OK;
        if (layer == 4)
            return rtd_fail(err, RTD_EDATA, "%s: packed more than four times", (*b)->name);
        struct rtd_bytes *up = packing->filter ? filter_new(*b, packing, err) : gunzip_new(*b, err);
        if (!up)
            return err->status;
        packed[layer] = packing->name;
        *b = up;
    }
}
