/* rtdtools - MIT licence
 *
 * A labelled data set: texts and labels of a TSV file, whole in memory. */
#ifndef RTD_GOLD_TABLE_H
#define RTD_GOLD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "gold/columns.h"

struct rtd_table {
    char *name; /* of the file, for messages */
    size_t rows;
    int ntext;           /* 0, 1 or 2 */
    char **text[2];      /* [rows] */
    char **label;        /* [rows], or NULL */
    uint64_t first_line; /* line number of row 0: 1, or 2 after a header */
};

/* Read path ("-": standard input; may be zstd).  Every row must have as many fields as the first
 * and no empty label (unless spec allows it): RTD_EDATA with the line's number.  A file without
 * rows is RTD_EDATA. */
int rtd_table_load(struct rtd_table *t, const char *path, const struct rtd_columns_spec *spec,
                   struct rtd_err *err);
void rtd_table_free(struct rtd_table *t);

#endif
