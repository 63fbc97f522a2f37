/* rtdtools - MIT licence
 *
 * What the answering tools print, read back for evaluation. */
#ifndef RTD_GOLD_PREDICTIONS_H
#define RTD_GOLD_PREDICTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "gold/bad_rows.h"
#include "base/err.h"

/* Is the line what the answering tools print for one that they could not answer? */
bool rtd_no_prediction(const char *line);

/* What stands for its label. */
#define RTD_NO_PREDICTION "(none)"

/* One predicted label a line, as classify prints it: the first field of tab-separated ones, or
 * "label" of a JSON object; a header line counts as one. */
struct rtd_predictions {
    char **label;   /* [n], owned; NULL: a bad line, see bad_rows.h */
    size_t n, none; /* none: how many of them are RTD_NO_PREDICTION */
};
int rtd_predictions_load(struct rtd_predictions *p, const char *path, struct rtd_bad_rows *bad,
                         struct rtd_err *err);
void rtd_predictions_free(struct rtd_predictions *p);

#endif
