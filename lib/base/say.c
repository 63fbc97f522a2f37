/* rtdtools - MIT licence
 *
 * Text is put together here and given to the sink. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/say.h"

static const struct rtd_sink *sink;

void rtd_set_sink(const struct rtd_sink *s)
{
    sink = s;
}

static void give(int kind, const char *fmt, va_list ap)
{
    char text[16384]; /* two paths and what is said of them */
    if (!sink)
        return;
    vsnprintf(text, sizeof text, fmt, ap);
    sink->message(kind, text);
}

void rtd_complain(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    give(RTD_SAY_ERROR, fmt, ap);
    va_end(ap);
}

void rtd_warn(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    give(RTD_SAY_WARNING, fmt, ap);
    va_end(ap);
}

void rtd_say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    give(RTD_SAY_NEWS, fmt, ap);
    va_end(ap);
}

void rtd_note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    give(RTD_SAY_NOTE, fmt, ap);
    va_end(ap);
}

void rtd_info(int level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    give(RTD_SAY_INFO + level - 1, fmt, ap);
    va_end(ap);
}

void rtd_say_loss(uint64_t n, uint64_t of, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (!n)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    bool warning = (double)n > 0.1 * (double)of;
    (warning ? rtd_warn : rtd_say)("%s%llu of %llu %s (%.3g%%)", warning ? "warning: " : "",
                                   (unsigned long long)n, (unsigned long long)of, text,
                                   of ? 100.0 * (double)n / (double)of : 100.0);
}

void rtd_progress(uint64_t done, uint64_t total, const char *unit, const char *fmt, ...)
{
    char text[256];
    if (!sink)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sink->progress(done, total, unit, text);
}

void rtd_progress_end(void)
{
    if (sink)
        sink->progress_end();
}

const char *rtd_s(uint64_t n)
{
    return n == 1 ? "" : "s";
}
