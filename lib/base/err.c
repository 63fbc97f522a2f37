/* rtdtools - MIT licence */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Length of the valid UTF-8 sequence at s (n bytes left), 0 when it is broken. */
static unsigned long utf8_sequence(const unsigned char *s, unsigned long n)
{
    if (s[0] < 0x80)
        return 1;
    unsigned long len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
        return 0;
    for (unsigned long i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

char *rtd_mask_text(char *dst, unsigned long size, const char *src, unsigned long len)
{
    const unsigned char *s = (const unsigned char *)src;
    unsigned long o = 0;
    for (unsigned long i = 0; i < len && size;) {
        unsigned long n = utf8_sequence(s + i, len - i);
        if (o + (n ? n : 1) >= size)
            break;
        if (n == 0 || (n == 1 && (s[i] < 32 || s[i] == 127)) ||
            (n == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0)) {
            dst[o++] = '?';
            i += n ? n : 1;
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
