/* rtdtools - MIT licence
 *
 * Metrics of probabilities and of several labels a row, as scikit-learn defines them. */
#ifndef RTD_SCORE_METRICS_LABELS_H
#define RTD_SCORE_METRICS_LABELS_H

#include <stddef.h>

#include "base/err.h"

/* Area under the ROC curve (ties count half), and average precision: the sum over the distinct
 * thresholds of precision times the step of recall.  gold (n): 1 or 0. */
int rtd_ranking_quality(const float *gold, const double *probability, size_t n, double *auc,
                        double *average_precision, struct rtd_err *err);

struct rtd_multilabel {
    double f1_micro, f1_macro;
    double exact_match; /* rows whose labels are all right */
    double average_precision_macro, average_precision_micro;
};
/* gold, predicted (n, k) 1 or 0; probability (n, k). */
int rtd_multilabel_scores(struct rtd_multilabel *m, const float *gold, const float *predicted,
                          const double *probability, size_t n, size_t k, struct rtd_err *err);

#endif
