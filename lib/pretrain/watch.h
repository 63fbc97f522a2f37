/* rtdtools - MIT licence
 *
 * A run that looks wrong says so, with the reason, once: what is looked at are means over windows
 * of so many tokens, behind the warm-up of the rate, and how often each word was to be predicted.
 * Of this process alone: it decides nothing. */
#ifndef RTD_PRETRAIN_WATCH_H
#define RTD_PRETRAIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objective/objective.h"
#include "objective/pretrain.h"

enum { RTD_WATCH_LOSSES = 2 }; /* masked_lm_loss, warmup_loss */

struct rtd_watch {
    double window; /* tokens; 250,000 */
    size_t vocab;
    uint64_t *seen;                        /* [vocab] times that it was to be predicted; owned */
    const struct rtd_objective *objective; /* of the windows so far */
    uint64_t windows;                      /* of that objective */
    double tokens, steps;                  /* of the present window, and what is summed over it */
    double norm, disc_loss, replaced, loss[RTD_WATCH_LOSSES], over[RTD_WATCH_LOSSES];
    double least_norm, least[RTD_WATCH_LOSSES]; /* of that objective's windows */
    bool said_base, said_norm, said_stuck[RTD_WATCH_LOSSES], said_collapsed[RTD_WATCH_LOSSES];
};

int rtd_watch_init(struct rtd_watch *w, size_t vocab, struct rtd_err *err);
void rtd_watch_fini(struct rtd_watch *w);
/* After a step; warm: the rate has risen to its height. */
void rtd_watch_step(struct rtd_watch *w, const struct rtd_objective *o, const struct rtd_sums *u,
                    const struct rtd_masked_batch *b, double norm, bool warm);

#endif
