/* rtdtools - MIT licence
 *
 * Label maps: names and their numbers. */
#ifndef RTD_GOLD_LABELS_H
#define RTD_GOLD_LABELS_H

#include <stddef.h>

#include "base/err.h"

struct rtd_labels {
    char **name; /* [n], by number; owned */
    int n;
    int *order; /* [n], private: numbers sorted by name */
};

/* The distinct values in sorted order: as numbers where all are numbers, else byte by byte.
 * RTD_EDATA for a value that is not UTF-8. */
int rtd_labels_collect(struct rtd_labels *l, char *const *values, size_t n, struct rtd_err *err);
/* These names in this order. */
int rtd_labels_set(struct rtd_labels *l, char *const *names, int n, struct rtd_err *err);
int rtd_labels_find(const struct rtd_labels *l, const char *name); /* -1: absent */
void rtd_labels_free(struct rtd_labels *l);

#endif
