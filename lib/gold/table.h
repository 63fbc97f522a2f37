/* rtdtools - MIT licence
 *
 * A labelled data set: texts and labels of a TSV file, whole in memory. */
#ifndef RTD_GOLD_TABLE_H
#define RTD_GOLD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "gold/bad_rows.h"
#include "base/err.h"
#include "gold/columns.h"

struct rtd_table {
    char *name; /* of the file, for messages */
    size_t rows;
    int ntext;           /* 0, 1 or 2 */
    char **text[2];      /* [rows] */
    char **label;        /* [rows], or NULL */
    size_t *number;      /* [rows] of the row in its file, from 0; no gaps but for bad rows */
    size_t total;        /* with those that were left out, see bad_rows.h */
    uint64_t first_line; /* line of row number 0: 1, or 2 after a header */
};

/* Read path ("-": standard input; may be zstd).  A row is bad that has not as many fields as the
 * first, or a label that is empty (unless spec allows it), cannot be one (labels.h), or is no
 * number where spec wants one.  A file without good rows is RTD_EDATA. */
int rtd_table_load(struct rtd_table *t, const char *path, const struct rtd_columns_spec *spec,
                   struct rtd_bad_rows *bad, struct rtd_err *err);
/* The line of row r. */
unsigned long long rtd_table_line(const struct rtd_table *t, size_t r);
void rtd_table_free(struct rtd_table *t);

#endif
