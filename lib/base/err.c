/* rtdtools - MIT licence */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static int record(struct rtd_err *err, int status, int sys, const char *fmt, va_list ap)
{
    if (err->status)
        return err->status;
    err->status = status;
    int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    if (sys && n >= 0 && (size_t)n < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", strerror(sys));
    for (char *p = err->text; *p; p++) /* one line, whatever a name or an upstream text holds */
        if ((unsigned char)*p < 32 || *p == 127)
            *p = '?';
    return status;
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
