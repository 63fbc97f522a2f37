/* rtdtools - MIT licence
 *
 * What every tool's main() shares: start and end, options and their help, and where messages and
 * progress go (stderr).  For tools alone: nothing in lib/ includes it. */
#ifndef RTD_CLI_TOOL_H
#define RTD_CLI_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/say.h"
#include "base/stop.h"

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
    RTD_OPT_SECS,    /* double*: seconds, or with suffix s, m, h or d */
    RTD_OPT_LIST,    /* struct rtd_strlist*: may be repeated */
    RTD_OPT_GROUP,   /* no option: a heading in --help (text in `help`) */
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
 * signals caught (base/stop.h), messages to stderr. */
void rtd_tool_begin(const char *name, int argc, char **argv);
/* Print "tool: text" on stderr for a failure (and the usage line for RTD_EUSAGE), re-raise a caught
 * signal (silently), return the exit status.  With -v also version, time and peak memory.  Call as
 * `return rtd_tool_end(&err, status)`. */
int rtd_tool_end(const struct rtd_err *err, int status);

#endif
