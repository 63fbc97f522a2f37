/* rtdtools - MIT licence
 *
 * Held-out data of one data set: examples, their targets, and the metrics of its task, for choosing
 * the best weights while training. */
#ifndef RTD_FINETUNE_DEV_SET_H
#define RTD_FINETUNE_DEV_SET_H

#include "finetune/examples.h"

enum { RTD_DEV_COLUMNS = 4 };

struct rtd_dev_set {
    struct rtd_examples e;
    const char *column[RTD_DEV_COLUMNS]; /* names; the first is the one to be best in */
    int columns;
    int threshold; /* the column that is the head's best threshold; 0: none */
    /* logits[i]: of target i: (sequences or tokens, outputs).  Fills value[columns].  NULL, for a
     * language model: its only column is exp(-loss), the (geometric) mean probability of a token,
     * which is between 0 and 1 as the other tasks' metrics are. */
    int (*score)(const struct rtd_dev_set *d, const struct rtd_network *net,
                 const real *const *logits, double *value, struct rtd_err *err);
    void *gold; /* what score compares with beside e; owned */
    void (*free_gold)(void *gold);
};

/* Columns and score for a task whose targets are all in e: classify, regress, multilabel. */
void rtd_dev_set_table(struct rtd_dev_set *d, enum rtd_task task);
void rtd_dev_set_free(struct rtd_dev_set *d);

/* Logits, mean loss and metrics of all of d. */
int rtd_dev_set_measure(const struct rtd_dev_set *d, struct rtd_finetune_net *f, double *loss,
                        double *value, struct rtd_err *err);

#endif
