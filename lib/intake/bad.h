/* rtdtools - MIT licence
 *
 * Bad records among the JSON lines that users bring, where what is made of the others is worth
 * having: left out, the first ten named, all counted, and judged when the input has ended.
 *
 *     b.records++;
 *     if (read_record(..., err) && rtd_bad_pass(&b, err))
 *         return err->status;
 *     ...
 *     st = rtd_bad_judge(&b, name, err); */
#ifndef RTD_INTAKE_BAD_H
#define RTD_INTAKE_BAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct rtd_bad {
    double share;          /* as many may be bad: this share of the records, */
    uint64_t least;        /* and in any case so many */
    bool strict;           /* none may, and the first ends the run */
    uint64_t records, bad; /* counted up: all, those that are bad */
};
/* A thousandth, at least 10. */
extern const struct rtd_bad rtd_bad_default;

/* --max-bad: a whole number, or a share: 0.01, 1%.  RTD_EUSAGE. */
int rtd_bad_parse(struct rtd_bad *b, const char *text, struct rtd_err *err);
/* err says why a record cannot be taken.  RTD_EDATA is counted, said of the first ten, and taken
 * back: RTD_OK.  With strict, and for every other status, err stays as it is. */
int rtd_bad_pass(struct rtd_bad *b, struct rtd_err *err);
/* RTD_EDATA where more are bad than may be, or all; else one line that says how many were left out.
 */
int rtd_bad_judge(const struct rtd_bad *b, const char *name, struct rtd_err *err);

#endif
