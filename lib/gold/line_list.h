/* rtdtools - MIT licence
 *
 * A text file's lines, whole in memory. */
#ifndef RTD_GOLD_LINE_LIST_H
#define RTD_GOLD_LINE_LIST_H

#include <stddef.h>

#include "base/err.h"

struct rtd_line_list {
    char **line; /* [n], owned */
    size_t n;
};
int rtd_line_list_load(struct rtd_line_list *l, const char *path, struct rtd_err *err);
void rtd_line_list_free(struct rtd_line_list *l);

#endif
