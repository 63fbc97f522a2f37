/* rtdtools - MIT licence
 *
 * The mean of a run's weights over its last part: they are taken into it after each step in which
 * the clock (base/clock.h) passes a thousandth of the run, so that steps of any size weigh alike.
 */
#ifndef RTD_LEARN_AVERAGE_H
#define RTD_LEARN_AVERAGE_H

#include <stdint.h>

#include "model/params.h"

struct rtd_average {
    double share; /* the last part of the run; 0: no mean is wanted */
    real *w;      /* [total of the parameters], owned; NULL where none is wanted */
    uint64_t n;   /* how often weights were taken; 0: w says nothing */
};

/* Memory, where share is over 0. */
int rtd_average_init(struct rtd_average *a, const struct rtd_params *p, struct rtd_err *err);
void rtd_average_free(struct rtd_average *a);
/* After a step that took the clock from share u of the run to share v. */
void rtd_average_step(struct rtd_average *a, const struct rtd_params *p, double u, double v);
/* Exchange the mean, where there is one, and the weights; the same again puts them back. */
void rtd_average_swap(struct rtd_average *a, struct rtd_params *p);

#endif
