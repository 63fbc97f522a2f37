/* rtdtools - MIT licence
 *
 * Messages and progress on stderr. */
#include <string.h>
#include <unistd.h>

#include "cli/tool_internal.h"

int rtd_tool_verbose;
bool rtd_tool_quiet;

static struct {
    double begun, drawn;  /* seconds; begun is of the present progress */
    uint64_t first;       /* `done` at begun: a resumed run's rate starts there */
    bool active, on_line; /* on_line: an unfinished line stands on the terminal */
} progress;

static void clear_line(void)
{
    if (progress.on_line)
        fputs("\r\033[K", stderr);
    progress.on_line = false;
}

static void message(int kind, const char *text)
{
    if ((rtd_tool_quiet && kind != RTD_SAY_ERROR) ||
        (kind >= RTD_SAY_INFO && rtd_tool_verbose <= kind - RTD_SAY_INFO) ||
        (kind == RTD_SAY_NOTE && rtd_tool_verbose < 1 && !isatty(STDERR_FILENO)))
        return;
    clear_line();
    fprintf(stderr, "%s: %s\n", rtd_tool_name(), text);
}

static void format_seconds(char *out, size_t size, double s)
{
    long t = (long)(s + 0.5);
    if (t >= 3600)
        snprintf(out, size, "%ldh%02ldm", t / 3600, t / 60 % 60);
    else if (t >= 60)
        snprintf(out, size, "%ldm%02lds", t / 60, t % 60);
    else
        snprintf(out, size, "%lds", t);
}

/* Redrawn a few times a second when stderr is a terminal (and the process in its foreground), else
 * one plain line a minute (none with -q). */
static void show_progress(uint64_t done, uint64_t total, const char *unit, const char *extra)
{
    if (rtd_tool_quiet)
        return;
    double now = rtd_now();
    if (!progress.active) {
        progress.active = true;
        progress.begun = now;
        progress.first = done;
        progress.drawn = now;
        return;
    }
    bool tty = isatty(STDERR_FILENO) && tcgetpgrp(STDERR_FILENO) == getpgrp();
    if (now - progress.drawn < (tty ? 0.2 : 60))
        return;
    progress.drawn = now;
    char text[512], eta[32] = "";
    double rate = (double)(done - progress.first) / (now - progress.begun);
    if (total) {
        if (rate > 0)
            format_seconds(eta, sizeof eta, (double)(total - done) / rate);
        snprintf(text, sizeof text, "%llu/%llu %s %.0f%% %s%s%s", (unsigned long long)done,
                 (unsigned long long)total, unit, 100.0 * (double)done / (double)total, extra,
                 eta[0] ? "  ETA " : "", eta);
    } else {
        snprintf(text, sizeof text, "%llu %s, %.0f/s %s", (unsigned long long)done, unit, rate,
                 extra);
    }
    if (tty) {
        fprintf(stderr, "\r\033[K%s: %s", rtd_tool_name(), text);
        fflush(stderr);
        progress.on_line = true;
    } else {
        fprintf(stderr, "%s: %s\n", rtd_tool_name(), text);
    }
}

static void end_progress(void)
{
    clear_line();
    progress.active = false;
}

const struct rtd_sink rtd_stderr_sink = {message, show_progress, end_progress};
