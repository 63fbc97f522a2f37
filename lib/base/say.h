/* rtdtools - MIT licence
 *
 * Messages and progress.  The library prints nothing: what it has to say goes to a sink that the
 * tool sets (cli/log.c prints it on stderr); without one it is dropped. */
#ifndef RTD_BASE_SAY_H
#define RTD_BASE_SAY_H

#include <stdint.h>

enum rtd_say_kind {
    RTD_SAY_ERROR = -1, /* always: one of several errors, of which the tool's status is the sum */
    RTD_SAY_WARNING,    /* not with -q */
    RTD_SAY_NEWS,       /* the same, no warning */
    RTD_SAY_NOTE,       /* on a terminal, or with -v */
    RTD_SAY_INFO,       /* with -v; INFO + 1: with -vv, and so on */
};

struct rtd_sink {
    /* One line, without the tool's name and line end. */
    void (*message)(int kind, const char *text);
    /* total = 0: unknown.  A sink may drop all but a few a second. */
    void (*progress)(uint64_t done, uint64_t total, const char *unit, const char *text);
    void (*progress_end)(void);
};
void rtd_set_sink(const struct rtd_sink *sink); /* borrowed; NULL: none */

void rtd_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void rtd_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void rtd_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void rtd_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void rtd_info(int level, const char *fmt, ...) /* with -v >= level, from 1 */
    __attribute__((format(printf, 2, 3)));

/* n of so many of the user's things were left out or changed: one line, "12 of 300 tokens are [UNK]
 * (4%)", where n is not 0; beginning with "warning:" where it is over a tenth. */
void rtd_say_loss(uint64_t n, uint64_t of, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Call as often as you like. */
void rtd_progress(uint64_t done, uint64_t total, const char *unit, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void rtd_progress_end(void);

/* "s", but nothing after the number 1. */
const char *rtd_s(uint64_t n);

#endif
