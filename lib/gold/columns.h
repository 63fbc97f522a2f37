/* rtdtools - MIT licence
 *
 * Rows of tab-separated values, unquoted (a '"' is text), and which of their columns are wanted:
 * by name, where row 1 is a header, or by number from 1. */
#ifndef RTD_GOLD_COLUMNS_H
#define RTD_GOLD_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { RTD_LINE_MAX = 64 << 20 }; /* bytes of one line; longer ones are RTD_EDATA */

/* The fields of one line.  Zero-initialise; split reuses the memory. */
struct rtd_row {
    char **field; /* [n], into the line */
    int n, cap;
};
/* Cut the line at its tabs, in place.  RTD_EDATA for a NUL byte; the message begins with name and
 * line number. */
int rtd_row_split(struct rtd_row *row, char *line, size_t len, const char *name,
                  unsigned long long number, struct rtd_err *err);
void rtd_row_free(struct rtd_row *row);

enum rtd_header_rule {
    RTD_HEADER_GUESS, /* row 1 is a header when it holds all names asked for */
    RTD_HEADER_YES,
    RTD_HEADER_NO,
};

struct rtd_columns_spec {
    const char *text;  /* "COL" or "COL,COL"; NULL: text, or text_a,text_b */
    const char *label; /* "COL"; NULL: label */
    bool want_text, want_label;
    bool empty_label; /* a row's label may be empty */
    bool number;      /* a label is a number */
    enum rtd_header_rule header;
    int texts; /* how many texts a row has when `text` is NULL: 1, 2, or 0 for as found; where the
                  rule is not GUESS and the default names are absent: columns 1 to `texts` */
};

struct rtd_columns {
    int text[2], ntext; /* indices from 0 */
    int label;          /* -1: none */
    int width;          /* fields of row 1; 0 under RTD_HEADER_NO */
    bool header;        /* row 1 is a header */
    bool by_name;       /* the texts were not asked for, but row 1 has their default names */
};

/* first: row 1; not looked at (may be NULL) under RTD_HEADER_NO, where the caller checks that a row
 * has the columns.  RTD_EDATA: a column is not there (the message lists those that are);
 * RTD_EUSAGE: a bad list. */
int rtd_columns_resolve(struct rtd_columns *c, const struct rtd_columns_spec *s,
                        const struct rtd_row *first, const char *name, struct rtd_err *err);

#endif
