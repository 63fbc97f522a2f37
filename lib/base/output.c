/* rtdtools - MIT licence
 *
 * Output: standard output, or a file that appears under its name only when complete. */
#include "base/io.h"
#include "base/stop.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { OUT_SIZE = 1 << 18 };

struct rtd_out {
    int fd;
    char *name;         /* for messages */
    char *tmp, *target; /* NULL: standard output, or a special file written directly */
    unsigned char *buf;
    size_t len;
    ZSTD_CCtx *zstd; /* NULL: plain */
    unsigned char *zbuf;
    size_t zcap;
};

static void out_free(struct rtd_out *o)
{
    if (o->fd > STDERR_FILENO)
        close(o->fd);
    ZSTD_freeCCtx(o->zstd);
    free(o->zbuf);
    free(o->buf);
    free(o->name);
    free(o->tmp);
    free(o->target);
    free(o);
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n > k && !strcmp(s + n - k, suffix);
}

static int open_target(struct rtd_out *o, const char *path, int flags, struct rtd_err *err)
{
    struct stat sb;
    char target[RTD_PATH_MAX];
    if (!path || !strcmp(path, "-")) {
        o->fd = STDOUT_FILENO;
        if ((flags & RTD_OUT_BINARY) && !(flags & RTD_OUT_FORCE) && isatty(o->fd))
            return rtd_fail(err, RTD_EUSAGE,
                            "-: binary data is not written to a terminal: use -o FILE, a pipe, "
                            "or -f");
        return RTD_OK;
    }
    bool exists = stat(path, &sb) == 0;
    if (exists && !S_ISREG(sb.st_mode)) /* a device or a named pipe: no renaming */
        return rtd_open(path, O_WRONLY, &o->fd, err);
    if (exists && !(flags & RTD_OUT_FORCE))
        return rtd_fail(err, RTD_EUSAGE, "%s: exists already: use -f to overwrite", path);
    int st = rtd_follow(path, target, err);
    if (st)
        return st;
    if (!(o->target = strdup(target)) || asprintf(&o->tmp, "%s.tmp-XXXXXX", target) < 0) {
        o->tmp = NULL;
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    o->fd = mkostemp(o->tmp, O_CLOEXEC);
    if (o->fd < 0) {
        free(o->tmp);
        o->tmp = NULL;
        return rtd_fail_sys(err, "%s: cannot create", path);
    }
    mode_t mask = umask(0);
    umask(mask);
    if (exists)
        (void)!fchown(o->fd, sb.st_uid, sb.st_gid); /* only root can give files away */
    fchmod(o->fd, exists ? sb.st_mode & 0777 : 0666 & ~mask);
    return RTD_OK;
}

int rtd_out_open(struct rtd_out **out, const char *path, int flags, struct rtd_err *err)
{
    *out = NULL;
    struct rtd_out *o = calloc(1, sizeof *o);
    bool std = !path || !strcmp(path, "-");
    if (!o || !(o->buf = malloc(OUT_SIZE)) || !(o->name = strdup(std ? "-" : path))) {
        if (o)
            free(o->buf);
        free(o);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    int st = open_target(o, path, flags, err);
    if (!st && ((flags & RTD_OUT_ZSTD) || (!std && has_suffix(path, ".zst")))) {
        o->zstd = ZSTD_createCCtx();
        o->zcap = ZSTD_CStreamOutSize();
        o->zbuf = malloc(o->zcap);
        if (!o->zstd || !o->zbuf)
            st = rtd_fail(err, RTD_ESYS, "not enough memory");
        else
            ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1);
    }
    if (st) {
        rtd_out_abort(o);
        return st;
    }
    *out = o;
    return RTD_OK;
}

static int write_all(struct rtd_out *o, const void *data, size_t len, struct rtd_err *err)
{
    const char *p = data;
    if (rtd_noted_failure()) /* the data may lack a part */
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", o->name);
    while (len) {
        if (rtd_stop_signal())
            return rtd_fail(err, RTD_ESIGNAL, "%s: stopped by a signal", o->name);
        ssize_t n = write(o->fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE)
            raise(SIGPIPE); /* where SIGPIPE is blocked the write below reports it */
        if (n < 0)
            return rtd_fail_sys(err, "%s: cannot write", o->name);
        p += n;
        len -= (size_t)n;
    }
    return RTD_OK;
}

static int drain(struct rtd_out *o, ZSTD_EndDirective how, struct rtd_err *err)
{
    if (!o->zstd) {
        int st = write_all(o, o->buf, o->len, err);
        o->len = 0;
        return st;
    }
    ZSTD_inBuffer i = {o->buf, o->len, 0};
    for (;;) {
        ZSTD_outBuffer z = {o->zbuf, o->zcap, 0};
        size_t left = ZSTD_compressStream2(o->zstd, &z, &i, how);
        if (ZSTD_isError(left))
            return rtd_fail(err, RTD_ESYS, "%s: cannot compress: %s", o->name,
                            ZSTD_getErrorName(left));
        int st = write_all(o, o->zbuf, z.pos, err);
        if (st)
            return st;
        if (how == ZSTD_e_continue ? i.pos == i.size : left == 0)
            break;
    }
    o->len = 0;
    return RTD_OK;
}

int rtd_out_write(struct rtd_out *o, const void *data, size_t len, struct rtd_err *err)
{
    const char *p = data;
    if (!o->zstd && o->len == 0 && len >= OUT_SIZE) /* large writes skip the buffer */
        return write_all(o, data, len, err);
    while (len) {
        size_t k = OUT_SIZE - o->len;
        if (k > len)
            k = len;
        memcpy(o->buf + o->len, p, k);
        o->len += k;
        p += k;
        len -= k;
        if (o->len == OUT_SIZE) {
            int st = drain(o, ZSTD_e_continue, err);
            if (st)
                return st;
        }
    }
    return RTD_OK;
}

int rtd_out_printf(struct rtd_out *o, struct rtd_err *err, const char *fmt, ...)
{
    char small[512], *text = small;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof small) {
        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
    }
    if (n < 0)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_out_write(o, text, (size_t)n, err);
    if (text != small)
        free(text);
    return st;
}

int rtd_out_flush(struct rtd_out *o, struct rtd_err *err)
{
    return drain(o, ZSTD_e_flush, err);
}

const char *rtd_out_name(const struct rtd_out *o)
{
    return o->name;
}

int rtd_out_commit(struct rtd_out *o, struct rtd_err *err)
{
    int st = drain(o, ZSTD_e_end, err);
    if (!st && o->tmp && fsync(o->fd) < 0)
        st = rtd_fail_sys(err, "%s: cannot sync", o->name);
    if (!st) {
        int r = close(o->fd); /* a full disk may show only here */
        o->fd = -1;
        if (r < 0)
            st = rtd_fail_sys(err, "%s: cannot close", o->name);
    }
    if (!st && o->tmp)
        st = rtd_take_name(o->tmp, o->target, o->name, err);
    rtd_out_abort(o);
    return st;
}

void rtd_out_abort(struct rtd_out *o)
{
    if (!o)
        return;
    if (o->tmp)
        unlink(o->tmp); /* after a commit this is what was replaced, if anything */
    out_free(o);
}

int rtd_write_file(const char *path, const void *data, size_t len, struct rtd_err *err)
{
    struct rtd_out *o;
    int st = rtd_out_open(&o, path, RTD_OUT_FORCE, err);
    if (st)
        return st;
    st = rtd_out_write(o, data, len, err);
    if (st) {
        rtd_out_abort(o);
        return st;
    }
    return rtd_out_commit(o, err);
}

/* --- text of others in a line --- */

static bool is_plain(uint32_t c, const char *others)
{
    return c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x2028 && c != 0x2029 &&
           !(c < 0x80 && strchr(others, (int)c));
}

/* How c is written; returns behind it. */
static char *put_escape(char *to, uint32_t c)
{
    const char *short_form = c == '\t' ? "\\t" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : NULL;
    if (short_form)
        return stpcpy(to, short_form);
    return to + sprintf(to, c < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)c);
}

char *rtd_field(const char *text, const char *others)
{
    size_t len = strlen(text);
    char *field = malloc(4 * len + 1), *to = field; /* two bytes become six at most */
    if (!field)
        return NULL;
    for (size_t i = 0; i < len;) {
        uint32_t c;
        int n = rtd_utf8_step((const unsigned char *)text + i, len - i, &c);
        size_t taken = n > 0 ? (size_t)n : 1;
        to = n <= 0 || is_plain(c, others) ? mempcpy(to, text + i, taken) : put_escape(to, c);
        i += taken;
    }
    *to = '\0';
    return field;
}

int rtd_out_field(struct rtd_out *out, const char *text, const char *others, struct rtd_err *err)
{
    char *field = rtd_field(text, others);
    int st = field ? rtd_out_write(out, field, strlen(field), err)
                   : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(field);
    return st;
}
