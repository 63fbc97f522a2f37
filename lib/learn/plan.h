/* rtdtools - MIT licence
 *
 * How long a run of pre-training is, and what its steps are when, by its clock (base/clock.h). */
#ifndef RTD_LEARN_PLAN_H
#define RTD_LEARN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "learn/optimizer.h"

struct rtd_plan {
    bool by_record; /* the clock is the index of a step's first record, and schedule.steps counts
                       records; else both count steps */
    struct rtd_schedule schedule;
    const struct rtd_stretch *warmup;  /* of the rate; NULL: a tenth, but at most 10,000 steps */
    struct rtd_stages batch;           /* of stage k ... */
    size_t sequences[RTD_MOST_STAGES]; /* ... a step has so many sequences */
    size_t batch_tokens;               /* or (not 0), of one stage by steps, so many tokens */
    double beta2, beta2_batch; /* Adam's of a step of n sequences is beta2^(n / beta2_batch); of any
                                  step beta2 where beta2_batch is 0 */
};

/* Set .batch and .sequences, or .batch_tokens.  text: stages, "128" or "8,32@0.1"; tokens: 0, or
 * how many a step has instead; *lanes: what the sequences of every step are a multiple of, a power
 * of two; 0 is set to as many as possible, up to 8.  RTD_EUSAGE. */
int rtd_plan_batch(struct rtd_plan *p, const char *text, int64_t tokens, int64_t *lanes,
                   struct rtd_err *err);
/* Set schedule.hold; text: "linear", "constant", "wsd" or "wsd:SHARE".  RTD_EUSAGE. */
int rtd_plan_rate(struct rtd_plan *p, const char *text, struct rtd_err *err);
/* Let the run have `total` records, or steps: sets schedule.steps and .warmup.  RTD_EUSAGE where
 * something does not fit into it. */
int rtd_plan_fit(struct rtd_plan *p, uint64_t total, struct rtd_err *err);
/* Sequences of the step that i records, or steps, lie before. */
size_t rtd_plan_sequences(const struct rtd_plan *p, uint64_t i);
double rtd_plan_beta2(const struct rtd_plan *p, size_t sequences);

#endif
