/* rtdtools - MIT licence
 *
 * Rows, sentences, questions of labelled data that cannot be used.  Reading goes on behind them, so
 * that one run names what is wrong with the first ten and counts them all; nothing is made of the
 * others unless the user says so (--skip-bad). */
#ifndef RTD_GOLD_BAD_ROWS_H
#define RTD_GOLD_BAD_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { RTD_BAD_NAMED = 10 };

struct rtd_bad_rows { /* zero-initialise, but for skip */
    bool skip;        /* the others are taken (--skip-bad) */
    uint64_t n;
    struct rtd_err *named; /* [n, at most RTD_BAD_NAMED]; owned */
};

/* In both functions b may be NULL: then the first bad record is the end.
 *
 * err is what is wrong with a record.  RTD_EDATA is noted and taken out of err: RTD_OK, go on;
 * any other status is returned as it is. */
int rtd_bad_row(struct rtd_bad_rows *b, struct rtd_err *err);
/* After the last record of a file, of `total` with the bad ones: RTD_OK where all were good, or,
 * with a warning that counts those left out, where the others are taken; else RTD_EDATA, the first
 * ten named before it.  what: "row", "sentence", ...  Ready for another file afterwards. */
int rtd_bad_rows_end(struct rtd_bad_rows *b, uint64_t total, const char *name, const char *what,
                     struct rtd_err *err);
void rtd_bad_rows_free(struct rtd_bad_rows *b);

#endif
