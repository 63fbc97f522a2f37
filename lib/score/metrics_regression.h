/* rtdtools - MIT licence
 *
 * Metrics of predicted numbers, as SciPy and scikit-learn define them. */
#ifndef RTD_SCORE_METRICS_REGRESSION_H
#define RTD_SCORE_METRICS_REGRESSION_H

#include <stddef.h>

#include "base/err.h"

struct rtd_regression {
    double pearson,
        spearman; /* 0 where one side is constant; Spearman gives ties their mean rank */
    double mse, mae;
};
/* gold and predicted (n), all finite. */
int rtd_regression_scores(struct rtd_regression *r, const double *gold, const double *predicted,
                          size_t n, struct rtd_err *err);

#endif
