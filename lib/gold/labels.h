/* rtdtools - MIT licence
 *
 * Label maps: names and their numbers. */
#ifndef RTD_GOLD_LABELS_H
#define RTD_GOLD_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct rtd_labels {
    char **name; /* [n], by number; owned */
    int n;
    int *order; /* [n], private: numbers sorted by name */
};

/* What keeps a text from being a label, to stand behind "the label "; NULL: nothing.  It has to be
 * UTF-8 and have no control characters, since labels stand in lines and columns. */
const char *rtd_label_fault(const char *text);

/* A number, whole and finite. */
bool rtd_parse_number(const char *text, double *x);

/* The distinct values in sorted order: as numbers where all are numbers, else byte by byte.
 * RTD_EDATA for a value that is not UTF-8. */
int rtd_labels_collect(struct rtd_labels *l, char *const *values, size_t n, struct rtd_err *err);
/* These names in this order. */
int rtd_labels_set(struct rtd_labels *l, char *const *names, int n, struct rtd_err *err);
int rtd_labels_find(const struct rtd_labels *l, const char *name); /* -1: absent */
/* What a row of several labels says, joined by ',': flags[i] = 1 for each label named, 0 for the
 * others.  Returns how many names are unknown. */
int rtd_labels_split(const struct rtd_labels *l, float *flags, const char *joined);
void rtd_labels_free(struct rtd_labels *l);

#endif
