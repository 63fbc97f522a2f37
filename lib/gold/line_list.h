/* rtdtools - MIT licence
 *
 * A text file's lines, whole in memory. */
#ifndef RTD_GOLD_LINE_LIST_H
#define RTD_GOLD_LINE_LIST_H

#include <stddef.h>

#include "base/err.h"
#include "base/io.h"

struct rtd_line_list {
    char **line; /* [n], owned */
    size_t n;
};
/* The lines that are left in an open file; */
int rtd_line_list_read(struct rtd_line_list *l, struct rtd_lines *lines, struct rtd_err *err);
/* and those of a file by name. */
int rtd_line_list_load(struct rtd_line_list *l, const char *path, struct rtd_err *err);
void rtd_line_list_free(struct rtd_line_list *l);

#endif
