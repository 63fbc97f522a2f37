/* rtdtools - MIT licence
 *
 * What an answering tool reads: the lines of a file as rows of texts, which are columns of TSV or
 * keys of a JSON object a line. */
#ifndef RTD_PREDICT_LINE_INPUT_H
#define RTD_PREDICT_LINE_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/io.h"
#include "gold/columns.h"
#include "gold/json_row.h"

struct rtd_line_format {
    const char *text; /* the columns or keys that were asked for; NULL: the first ones, or keys */
    const char *keys; /* of JSON: "KEY" or "KEY,KEY" */
    const char *list; /* of JSON: the key of a list of further texts; NULL: none */
    int texts;        /* of a row: 1 or 2 */
    bool all_fields;  /* every column is a text, unless `text` chooses */
    bool header, json;
};

enum rtd_line_event {
    RTD_LINE_END,
    RTD_LINE_ROW,    /* field and n */
    RTD_LINE_HEADER, /* was read; no row */
    RTD_LINE_BAD,    /* no row can be made of it: err says why */
};

struct rtd_line_input {
    struct rtd_line_format format;
    const char *path;
    uint64_t number;    /* of the line read last, from 1 */
    char *const *field; /* [n] of its row, until the next call */
    int n;
    uint64_t rows, unread; /* so far; of them, those with columns that were not read unasked */
    /* private */
    struct rtd_lines lines;
    struct rtd_columns cols;
    struct rtd_row row;
    struct rtd_json_row object;
    char *text[2];
};

/* Read on in another file; rows and unread go on.  Zero-initialise but for format. */
int rtd_line_input_open(struct rtd_line_input *in, const char *path, struct rtd_err *err);
/* RTD_EDATA: a header that lacks what was asked for.  An empty line is a row of empty texts. */
int rtd_line_input_next(struct rtd_line_input *in, enum rtd_line_event *event, struct rtd_err *err);
void rtd_line_input_close(struct rtd_line_input *in); /* of one file */
void rtd_line_input_free(struct rtd_line_input *in);

#endif
