/* rtdtools - MIT licence
 *
 * Input: files and pipes, zstd recognised by its magic. */
#include "base/io.h"
#include "base/lfs.h"
#include "base/process.h"
#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { RAW_SIZE = 1 << 18, WINDOW_LOG = 27 };

__attribute__((constructor)) static void name_zstd(void)
{
    rtd_add_part("zstd", ZSTD_versionString);
}

struct rtd_in {
    int fd;
    char *name;
    bool seekable, eof; /* eof: of the descriptor */
    unsigned char *raw; /* [RAW_SIZE]: bytes of the file */
    size_t pos, len;    /* unread part of raw */
    ZSTD_DCtx *zstd;    /* NULL: plain */
    bool in_frame;      /* inside a zstd frame */
    unsigned char peeked[64];
    size_t peek_pos, peek_len;
};

/* Fill raw with at least one byte unless the descriptor is at its end. */
static int refill(struct rtd_in *in, struct rtd_err *err)
{
    while (!in->eof && in->pos == in->len) {
        if (rtd_stop_signal())
            return rtd_fail(err, RTD_ESIGNAL, "%s: stopped by a signal", in->name);
        ssize_t n = read(in->fd, in->raw, RAW_SIZE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return rtd_fail_sys(err, "%s: cannot read", in->name);
        in->pos = 0;
        in->len = (size_t)n;
        in->eof = n == 0;
    }
    return RTD_OK;
}

bool rtd_is_zstd(const void *bytes, size_t n)
{
    uint32_t head[2] = {0};
    memcpy(head, bytes, n < sizeof head ? n : sizeof head);
    if (n >= 4 && head[0] == ZSTD_MAGICNUMBER)
        return true;
    /* The magic of a frame to skip is ASCII; its length, under 16 MiB here, has a zero byte. */
    return n >= 8 && (head[0] & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START &&
           head[1] < 1 << 24;
}

/* Could more bytes behind these say that it is one?  Nobody is made to wait for more than that. */
static bool may_be_zstd(const unsigned char *p, size_t n)
{
    static const unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd},
                               skip[] = {0x50, 0x2a, 0x4d, 0x18};
    bool is_frame = n < 4, is_skip = n < 8;
    for (size_t i = 0; i < n && i < 4; i++) {
        is_frame = is_frame && p[i] == frame[i];
        is_skip = is_skip && (i ? p[i] : p[i] & 0xf0) == skip[i];
    }
    return is_frame || is_skip;
}

/* The first bytes decide, and all of a file that may be a Git LFS pointer; one shorter than
 * that is plain. */
static int sniff(struct rtd_in *in, struct rtd_err *err)
{
    while (!in->eof && (may_be_zstd(in->raw, in->len) || rtd_may_be_lfs(in->raw, in->len))) {
        ssize_t n = read(in->fd, in->raw + in->len, RAW_SIZE - in->len);
        if (n < 0 && errno == EINTR) {
            if (rtd_stop_signal())
                return rtd_fail(err, RTD_ESIGNAL, "%s: stopped by a signal", in->name);
            continue;
        }
        if (n < 0)
            return rtd_fail_sys(err, "%s: cannot read", in->name);
        in->len += (size_t)n;
        in->eof = n == 0;
    }
    if (in->eof && rtd_is_lfs(in->raw, in->len))
        return rtd_fail_lfs(err, in->name);
    if (rtd_is_zstd(in->raw, in->len)) {
        in->zstd = ZSTD_createDCtx();
        if (!in->zstd)
            return rtd_fail(err, RTD_ESYS, "%s: not enough memory", in->name);
        ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
    }
    return RTD_OK;
}

int rtd_open(const char *path, int flags, int *fd, struct rtd_err *err)
{
    while ((*fd = open(path, flags | O_CLOEXEC)) < 0 && errno == EINTR)
        if (rtd_stop_signal())
            return rtd_fail(err, RTD_ESIGNAL, "%s: stopped by a signal", path);
    return *fd < 0 ? rtd_fail_sys(err, "%s: cannot open", path) : RTD_OK;
}

int rtd_refuse_tty_stdin(struct rtd_err *err)
{
    if (isatty(STDIN_FILENO))
        return rtd_fail(err, RTD_EUSAGE, "no input: name a file or use a pipe");
    return RTD_OK;
}

int rtd_in_open(struct rtd_in **out, const char *path, struct rtd_err *err)
{
    *out = NULL;
    struct rtd_in *in = calloc(1, sizeof *in);
    bool std = !path || !strcmp(path, "-");
    if (!in || !(in->raw = malloc(RAW_SIZE)) || !(in->name = strdup(std ? "-" : path))) {
        if (in)
            free(in->raw);
        free(in);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    struct stat sb;
    int st = std ? RTD_OK : rtd_open(path, O_RDONLY, &in->fd, err);
    if (!st && fstat(in->fd, &sb) < 0)
        st = rtd_fail_sys(err, "%s: cannot open", in->name);
    if (st)
        ;
    else if (S_ISDIR(sb.st_mode))
        st = rtd_fail(err, RTD_ESYS, "%s: cannot read: Is a directory", in->name);
    else {
        in->seekable = S_ISREG(sb.st_mode) && !std;
        st = sniff(in, err);
    }
    if (st) {
        rtd_in_close(in);
        return st;
    }
    *out = in;
    return RTD_OK;
}

/* Sound data may want more memory than a stranger's file may have. */
static int zstd_failed(const struct rtd_in *in, size_t code, struct rtd_err *err)
{
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", in->name);
    if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
        return rtd_fail(err, RTD_EDATA,
                        "%s: zstd data with a window over %d MiB: zstd -d --long=31 -c FILE | %s",
                        in->name, 1 << (WINDOW_LOG - 20), rtd_tool_name());
    return rtd_fail(err, RTD_EDATA, "%s: damaged zstd data: %s", in->name, ZSTD_getErrorName(code));
}

static int read_zstd(struct rtd_in *in, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    ZSTD_outBuffer o = {buf, n, 0};
    while (o.pos == 0) {
        int st = refill(in, err);
        if (st)
            return st;
        if (in->pos == in->len) {
            if (in->in_frame)
                return rtd_fail(err, RTD_EDATA, "%s: truncated zstd data", in->name);
            break;
        }
        ZSTD_inBuffer i = {in->raw, in->len, in->pos};
        size_t r = ZSTD_decompressStream(in->zstd, &o, &i);
        if (ZSTD_isError(r))
            return zstd_failed(in, r, err);
        in->pos = i.pos;
        in->in_frame = r != 0;
    }
    *got = o.pos;
    return RTD_OK;
}

int rtd_in_read_some(struct rtd_in *in, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    *got = 0;
    if (n == 0)
        return RTD_OK;
    if (in->peek_pos < in->peek_len) {
        size_t k = in->peek_len - in->peek_pos;
        *got = k < n ? k : n;
        memcpy(buf, in->peeked + in->peek_pos, *got);
        in->peek_pos += *got;
        return RTD_OK;
    }
    if (in->zstd)
        return read_zstd(in, buf, n, got, err);
    if (in->pos == in->len && n >= RAW_SIZE && !in->eof) { /* large reads skip the buffer */
        for (;;) {
            if (rtd_stop_signal())
                return rtd_fail(err, RTD_ESIGNAL, "%s: stopped by a signal", in->name);
            ssize_t r = read(in->fd, buf, n);
            if (r < 0 && errno == EINTR)
                continue;
            if (r < 0)
                return rtd_fail_sys(err, "%s: cannot read", in->name);
            in->eof = r == 0;
            *got = (size_t)r;
            return RTD_OK;
        }
    }
    int st = refill(in, err);
    if (st)
        return st;
    size_t k = in->len - in->pos;
    *got = k < n ? k : n;
    if (*got)
        memcpy(buf, in->raw + in->pos, *got);
    in->pos += *got;
    return RTD_OK;
}

int rtd_in_read(struct rtd_in *in, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    *got = 0;
    while (*got < n) {
        size_t k;
        int st = rtd_in_read_some(in, (char *)buf + *got, n - *got, &k, err);
        if (st)
            return st;
        if (k == 0)
            break;
        *got += k;
    }
    return RTD_OK;
}

int rtd_in_peek(struct rtd_in *in, void *buf, size_t n, size_t *got, struct rtd_err *err)
{
    *got = 0;
    if (in->peek_pos == in->peek_len) {
        size_t k = 0;
        in->peek_pos = in->peek_len = 0;
        int st = rtd_in_read(in, in->peeked, sizeof in->peeked, &k, err);
        if (st)
            return st;
        in->peek_len = k;
    }
    size_t k = in->peek_len - in->peek_pos;
    *got = k < n ? k : n;
    memcpy(buf, in->peeked + in->peek_pos, *got);
    return RTD_OK;
}

const char *rtd_in_name(const struct rtd_in *in)
{
    return in->name;
}

bool rtd_in_seekable(const struct rtd_in *in)
{
    return in->seekable;
}

bool rtd_in_zstd(const struct rtd_in *in)
{
    return in->zstd != NULL;
}

void rtd_in_close(struct rtd_in *in)
{
    if (!in)
        return;
    if (in->fd > STDERR_FILENO)
        close(in->fd);
    ZSTD_freeDCtx(in->zstd);
    free(in->raw);
    free(in->name);
    free(in);
}

int rtd_lines_open(struct rtd_lines *l, const char *path, size_t max, struct rtd_err *err)
{
    *l = (struct rtd_lines){.max = max};
    return rtd_in_open(&l->in, path, err);
}

/* More bytes behind those that are left, which move to the front. */
static int read_more(struct rtd_lines *l, struct rtd_err *err)
{
    if (l->pos) {
        memmove(l->buf.data, (char *)l->buf.data + l->pos, l->buf.len - l->pos);
        l->buf.len -= l->pos;
        l->pos = 0;
    }
    int st = rtd_buf_reserve(&l->buf, 65536 + 1, err); /* + 1: room for the NUL */
    if (st)
        return st;
    size_t got;
    st = rtd_in_read_some(l->in, (char *)l->buf.data + l->buf.len, l->buf.cap - l->buf.len - 1,
                          &got, err);
    if (st)
        return st;
    l->buf.len += got;
    l->eof = got == 0;
    return RTD_OK;
}

/* Up to the next line, without keeping what is read. */
static int drop_line(struct rtd_lines *l, struct rtd_err *err)
{
    l->number++;
    for (;;) {
        char *data = l->buf.data;
        char *nl = memchr(data + l->pos, '\n', l->buf.len - l->pos);
        l->pos = nl ? (size_t)(nl - data) + 1 : l->buf.len;
        if (nl || l->eof)
            break;
        int st = read_more(l, err);
        if (st)
            return st;
    }
    l->too_long = true;
    return rtd_fail(err, RTD_EDATA, "%s: line %llu: longer than %zu bytes", rtd_in_name(l->in),
                    (unsigned long long)l->number, l->max);
}

int rtd_lines_next(struct rtd_lines *l, char **line, size_t *len, struct rtd_err *err)
{
    *line = NULL;
    *len = 0;
    l->too_long = false;
    size_t scanned = 0; /* behind pos */
    for (;;) {
        char *data = l->buf.data;
        size_t left = l->buf.len - l->pos;
        char *nl = data ? memchr(data + l->pos + scanned, '\n', left - scanned) : NULL;
        size_t n = nl ? (size_t)(nl - data) - l->pos : left;
        if (n > l->max)
            return drop_line(l, err);
        if (nl || (l->eof && n)) {
            char *s = data + l->pos;
            l->pos += n + (nl ? 1 : 0);
            if (n && s[n - 1] == '\r')
                n--;
            s[n] = 0;
            bool mark = l->skip_mark && l->number == 0 && n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3);
            *line = mark ? s + 3 : s;
            *len = mark ? n - 3 : n;
            l->number++;
            return RTD_OK;
        }
        if (l->eof)
            return RTD_OK;
        scanned = left;
        int st = read_more(l, err);
        if (st)
            return st;
    }
}

void rtd_lines_close(struct rtd_lines *l)
{
    rtd_in_close(l->in);
    rtd_buf_free(&l->buf);
    l->in = NULL;
}

int rtd_read_file(const char *path, size_t max, char **data, size_t *len, struct rtd_err *err)
{
    struct rtd_in *in;
    struct rtd_buf b = {0};
    *data = NULL;
    *len = 0;
    int st = rtd_in_open(&in, path, err);
    if (st)
        return st;
    for (;;) {
        size_t got = 0;
        st = rtd_buf_reserve(&b, 65536, err);
        if (!st)
            st = rtd_in_read_some(in, (char *)b.data + b.len, b.cap - b.len - 1, &got, err);
        if (st || got == 0)
            break;
        b.len += got;
        if (b.len > max) {
            st = rtd_fail(err, RTD_EDATA, "%s: larger than %zu bytes", rtd_in_name(in), max);
            break;
        }
    }
    rtd_in_close(in);
    if (st) {
        rtd_buf_free(&b);
        return st;
    }
    ((char *)b.data)[b.len] = 0;
    *data = b.data;
    *len = b.len;
    return RTD_OK;
}
