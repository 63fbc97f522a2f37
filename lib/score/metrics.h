/* rtdtools - MIT licence
 *
 * Metrics of classification, as scikit-learn defines them: a quotient 0/0 is 0. */
#ifndef RTD_SCORE_METRICS_H
#define RTD_SCORE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rtd_confusion {
    int n;           /* classes */
    uint64_t *count; /* [n, n]: row = gold, column = predicted; owned */
};
int rtd_confusion_new(struct rtd_confusion *c, int n, struct rtd_err *err);
void rtd_confusion_add(struct rtd_confusion *c, int gold, int predicted);
void rtd_confusion_free(struct rtd_confusion *c);

struct rtd_class_scores {
    double precision, recall, f1;
    uint64_t support; /* rows of this gold class */
};
void rtd_confusion_class(const struct rtd_confusion *c, int k, struct rtd_class_scores *s);

struct rtd_classification {
    uint64_t rows;
    double accuracy;
    double f1_micro;    /* equals the accuracy where every row has one label */
    double f1_macro;    /* mean over the classes that occur as gold or predicted */
    double f1_weighted; /* mean weighted by support */
    double mcc;         /* Matthews' coefficient, Gorodkin's form for any number of classes */
};
void rtd_classification_scores(const struct rtd_confusion *c, struct rtd_classification *s);

#endif
