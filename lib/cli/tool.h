/* rtdtools - MIT licence
 *
 * What every tool's main() shares: start and end, options and their help, messages, progress,
 * signals.  Only tools (and the training loops for progress) use this room's printing functions. */
#ifndef RTD_CLI_TOOL_H
#define RTD_CLI_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define RTD_VERSION "0.1.0"

/* --- options --- */
enum rtd_opt_type {
    RTD_OPT_END = 0,
    RTD_OPT_FLAG,    /* bool*: set to true */
    RTD_OPT_NOFLAG,  /* bool*: set to false */
    RTD_OPT_COUNT,   /* int*: incremented */
    RTD_OPT_INT,     /* int64_t*: whole number in [min, max] */
    RTD_OPT_BYTES,   /* int64_t*: whole number, K M G (or k m g) = powers of 1024 */
    RTD_OPT_COUNTED, /* int64_t*: whole number, K M G (or k m g) = powers of 1000 */
    RTD_OPT_REAL,    /* double*: in [min, max] */
    RTD_OPT_STR,     /* const char**: borrowed from argv */
    RTD_OPT_SECS,    /* double*: seconds, or with suffix m or h */
    RTD_OPT_LIST,    /* struct rtd_strlist*: may be repeated */
    RTD_OPT_GROUP,   /* no option: a heading in --help (text in `help`) */
};

struct rtd_strlist {
    const char *item[64];
    int n;
};

struct rtd_opt {
    int type;
    char letter;      /* 0: none */
    const char *name; /* long name without -- ; required */
    const char *arg;  /* metavariable in help, NULL for flags */
    void *dest;
    double min, max;  /* range of INT, BYTES, REAL, SECS; min == max == 0: any non-negative value */
    const char *help; /* one line; the default in words where it matters */
    bool seen;        /* out: given on the command line */
};

/* Common options, to be listed in a tool's table. */
#define RTD_OPT_COMMON_VERBOSE                                                               \
    {                                                                                        \
        RTD_OPT_COUNT,                                                                       \
        'v',                                                                                 \
        "verbose",                                                                           \
        NULL,                                                                                \
        &rtd_tool_verbose,                                                                   \
        0,                                                                                   \
        0,                                                                                   \
        "say more; repeat for more",                                                         \
        0},                                                                                  \
    {                                                                                        \
        RTD_OPT_FLAG, 'q', "quiet", NULL, &rtd_tool_quiet, 0, 0, "say nothing but errors", 0 \
    }

extern int rtd_tool_verbose; /* -v count */
extern bool rtd_tool_quiet;  /* -q */

struct rtd_usage {
    const char *synopsis; /* "[-o FILE] [--seed N] [FILE...]": after the tool's name; may hold
                             several lines */
    const char *purpose;  /* one line */
    const char *notes;    /* more lines for --help, or NULL */
};

/* Parse argv strictly: --name VALUE, --name=VALUE, -nVALUE, -n VALUE, bundled flags, "--", operands
 * anywhere (argv is permuted: operands end up in argv[*first..argc-1]; counts and lists start
 * anew).  Unknown options, missing or bad values are RTD_EUSAGE with the offending text.  --help/-h
 * (stdout) and --version/-V print and exit 0.  A preset option can be applied before explicit ones
 * by calling this twice: the table's values are simply assigned again. */
int rtd_parse(int argc, char **argv, struct rtd_opt *opts, const struct rtd_usage *usage,
              int *first, struct rtd_err *err);
bool rtd_opt_seen(const struct rtd_opt *opts, const char *name);

/* An option that has an effect only in some of a tool's modes. */
struct rtd_opt_use {
    const char *name;
    unsigned modes;   /* a bit for each; the tool's own numbering */
    const char *what; /* what it is for, as in "--name: only for WHAT" */
};
/* RTD_EUSAGE for an option that was given and has no effect in any of these modes. */
int rtd_opt_check_uses(const struct rtd_opt *opts, const struct rtd_opt_use *use, int n,
                       unsigned modes, struct rtd_err *err);

/* --- start and end --- */
/* SIGPIPE to default (even if inherited ignored), fds 0-2 open, C locale for numbers, UTF-8 ctype,
 * signal handlers for INT TERM HUP (one ignored by the parent stays ignored) USR1 USR2. */
void rtd_tool_begin(const char *name, int argc, char **argv);
const char *rtd_tool_name(void);
/* Print "tool: text" on stderr for a failure (and the usage line for RTD_EUSAGE), re-raise a caught
 * signal (silently), return the exit status.  With -v also version, time and peak memory.  Call as
 * `return rtd_tool_end(&err, status)`. */
int rtd_tool_end(const struct rtd_err *err, int status);
/* No operand and standard input a terminal: RTD_EUSAGE. */
int rtd_refuse_tty_stdin(struct rtd_err *err);

/* --- messages on stderr; one line each, "tool: ..." --- */
void rtd_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* not with -q */
void rtd_say(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* the same, no warning */
/* "s", but nothing after the number 1. */
const char *rtd_s(uint64_t n);
void rtd_info(int level, const char *fmt, ...) /* with -v >= level */
    __attribute__((format(printf, 2, 3)));
void rtd_note(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* terminal, or -v */

/* --- progress --- */
/* Redrawn a few times a second when stderr is a terminal (and the process in its foreground), else
 * one plain line a minute (none with -q).  Call as often as you like. total = 0: unknown. */
void rtd_progress(uint64_t done, uint64_t total, const char *unit, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void rtd_progress_end(void); /* clear the line */

/* --- signals --- */
/* Non-zero (the signal) after INT, TERM or HUP: stop between frames, no END, exit through
 * rtd_tool_end with RTD_ESIGNAL.  A second signal kills at once. */
int rtd_stop_signal(void);
/* While held, rtd_stop_signal says 0, so that reading and writing go on: for what has to be saved
 * before the end.  A second signal still kills at once. */
void rtd_hold_signals(bool hold);
bool rtd_take_usr1(void); /* true once after each SIGUSR1: print a status line */
bool rtd_take_usr2(void); /* the same for SIGUSR2: checkpoint now */

double rtd_now(void);        /* monotonic seconds */
uint64_t rtd_peak_rss(void); /* bytes */

#endif
