/* rtdtools - MIT licence
 *
 * The clock of a run.  What changes while a run goes on (rate, batch, objective, share of masked
 * tokens) is a function of u = i / N, where N is all there is to do and i what lies before the work
 * at hand: records, or steps.  So it is the same however often a run is stopped and taken up.
 *
 * Two forms of such a function are written by users:
 *   "8,32@0.1,128@0.4"  stages: 8 from the start, 32 from u = 0.1 on, 128 from 0.4 on
 *   "0.3:0.15"          a ramp: 0.3 at u = 0, linearly to 0.15 at u = 1
 * A single value is both.  Nothing here needs to be freed. */
#ifndef RTD_BASE_CLOCK_H
#define RTD_BASE_CLOCK_H

#include <stdint.h>

#include "base/err.h"

enum { RTD_MOST_STAGES = 8, RTD_STAGE_VALUE = 32 };

/* i / N, 1 from N on.  Rounded once: the same whether records or batches of records are counted. */
double rtd_share(uint64_t i, uint64_t n);

struct rtd_stages {
    int n; /* at least 1 */
    struct rtd_stage {
        char value[RTD_STAGE_VALUE]; /* not empty; without ',' and '@' */
        double from;                 /* share at which it begins: 0 of the first, then increasing */
    } at[RTD_MOST_STAGES];
};

/* RTD_EUSAGE with the reason; option: its name in messages, "--batch". */
int rtd_stages_parse(struct rtd_stages *s, const char *option, const char *text,
                     struct rtd_err *err);
/* The values as whole numbers, to number[0 .. s->n - 1]; RTD_EUSAGE. */
int rtd_stages_whole(const struct rtd_stages *s, const char *option, int64_t least, int64_t most,
                     int64_t number[RTD_MOST_STAGES], struct rtd_err *err);
/* Number of the stage that u is in. */
int rtd_stages_at(const struct rtd_stages *s, double u);
/* The share of a run that stage k lasts. */
double rtd_stages_lasts(const struct rtd_stages *s, int k);

/* A part of a run from its start: so many steps, or a share of it. */
struct rtd_stretch {
    uint64_t steps;
    double share; /* in (0, 1); 0: steps count */
};
/* "100" or "0.1"; RTD_EUSAGE. */
int rtd_stretch_parse(struct rtd_stretch *s, const char *option, const char *text,
                      struct rtd_err *err);

struct rtd_ramp {
    double from, to;
};
/* "FROM:TO" or a single number, both in [least, most]; RTD_EUSAGE. */
int rtd_ramp_parse(struct rtd_ramp *r, const char *option, const char *text, double least,
                   double most, struct rtd_err *err);
double rtd_ramp_at(const struct rtd_ramp *r, double u);

#endif
