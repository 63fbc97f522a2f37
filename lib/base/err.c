/* rtdtools - MIT licence */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* text into the error; of one that is too long the middle is left out: its end says why. */
static void keep(struct rtd_err *err, const char *text, size_t len)
{
    enum { ROOM = sizeof err->text - 1, HEAD = ROOM / 3 };
    static const char gap[] = "...";
    size_t head = len, tail = 0;
    if (len > ROOM) {
        for (head = HEAD; head > 0 && (text[head] & 0xc0) == 0x80; head--)
            continue; /* not inside a character */
        tail = ROOM - head - strlen(gap);
        while ((text[len - tail] & 0xc0) == 0x80)
            tail--;
    }
    memcpy(err->text, text, head);
    if (tail) {
        memcpy(err->text + head, gap, strlen(gap));
        memcpy(err->text + head + strlen(gap), text + len - tail, tail);
        head += strlen(gap) + tail;
    }
    err->text[head] = 0;
}

static int record(struct rtd_err *err, int status, int sys, const char *fmt, va_list ap)
{
    char text[16384]; /* two paths and what is said of them */
    const char *why = sys ? strerror(sys) : NULL;
    if (err->status)
        return err->status;
    int n = vsnprintf(text, sizeof text, fmt, ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    if (!why && status != RTD_ESIGNAL && rtd_noted_failure()) { /* what was looked at has a gap */
        status = RTD_ESYS;
        why = strstr(text, "memory") ? NULL : "not enough memory";
    }
    err->status = status;
    err->sys = sys;
    if (why && len < sizeof text - 200)
        len += (size_t)snprintf(text + len, 200, ": %s", why);
    for (char *p = text; p < text + len; p++) /* one line, whatever a name or a text holds */
        if ((unsigned char)*p < 32 || *p == 127)
            *p = '?';
    keep(err, text, len);
    return err->status;
}

int rtd_fail(struct rtd_err *err, int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    status = record(err, status, 0, fmt, ap);
    va_end(ap);
    return status;
}

int rtd_fail_sys(struct rtd_err *err, const char *fmt, ...)
{
    int sys = errno;
    va_list ap;
    va_start(ap, fmt);
    int status = record(err, RTD_ESYS, sys, fmt, ap);
    va_end(ap);
    return status;
}

char *rtd_mask_text(char *dst, unsigned long size, const char *src, unsigned long len)
{
    const unsigned char *s = (const unsigned char *)src;
    unsigned long o = 0;
    for (unsigned long i = 0; i < len && size;) {
        uint32_t c;
        int k = rtd_utf8_step(s + i, len - i, &c);
        unsigned long n = k > 0 ? (unsigned long)k : 1;
        if (o + n >= size)
            break;
        if (k <= 0 || c < 32 || (c >= 127 && c < 0xa0)) {
            dst[o++] = '?';
            i += n;
        } else {
            memcpy(dst + o, s + i, n);
            o += n;
            i += n;
        }
    }
    if (size)
        dst[o] = 0;
    return dst;
}
