/* rtdtools - MIT licence
 *
 * Metrics of classification, as scikit-learn defines them: a quotient 0/0 is 0. */
#ifndef RTD_SCORE_METRICS_H
#define RTD_SCORE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { RTD_MAX_MATRIX = 1000 }; /* classes of a confusion matrix */

struct rtd_confusion {
    int n; /* classes */
    struct rtd_class_counts {
        uint64_t gold, predicted, right;
    } * of;          /* [n], owned */
    uint64_t *count; /* [n, n]: row = gold, column = predicted; owned; NULL: not counted */
};
/* matrix: with count, which more than RTD_MAX_MATRIX classes cannot have: RTD_EDATA. */
int rtd_confusion_new(struct rtd_confusion *c, int n, bool matrix, struct rtd_err *err);
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
