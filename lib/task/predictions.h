/* rtdtools - MIT licence
 *
 * What the answering tools print, read back for evaluation. */
#ifndef RTD_TASK_PREDICTIONS_H
#define RTD_TASK_PREDICTIONS_H

#include <stddef.h>

#include "base/err.h"

/* One predicted label a line, as classify prints it: the first field of tab-separated ones, or
 * "label" of a JSON object; a header line of classify --header is skipped. */
struct rtd_predictions {
    char **label; /* [n], owned */
    size_t n;
};
int rtd_predictions_load(struct rtd_predictions *p, const char *path, struct rtd_err *err);
void rtd_predictions_free(struct rtd_predictions *p);

#endif
