/* rtdtools - MIT licence */
#include "predict/line_input.h"

#include <string.h>

int rtd_line_input_open(struct rtd_line_input *in, const char *path, struct rtd_err *err)
{
    const struct rtd_line_format *f = &in->format;
    const struct rtd_columns_spec blind = {.text = f->text,
                                           .want_text = !f->all_fields || f->text,
                                           .header = RTD_HEADER_NO,
                                           .texts = f->texts};
    in->path = path;
    in->number = 0;
    if (!f->header && !f->json && rtd_columns_resolve(&in->cols, &blind, NULL, path, err))
        return err->status;
    int st = rtd_lines_open(&in->lines, path, RTD_LINE_MAX, err);
    /* in a plain text the tokeniser drops it, and offsets count it */
    in->lines.skip_mark = f->json || f->header;
    return st;
}

void rtd_line_input_close(struct rtd_line_input *in)
{
    rtd_lines_close(&in->lines);
}

void rtd_line_input_free(struct rtd_line_input *in)
{
    rtd_row_free(&in->row);
    rtd_json_row_free(&in->object);
}

static int take_header(struct rtd_line_input *in, struct rtd_err *err)
{
    const struct rtd_line_format *f = &in->format;
    const struct rtd_columns_spec spec = {.text = f->text,
                                          .want_text = !f->all_fields || f->text,
                                          .header = RTD_HEADER_YES,
                                          .texts = f->texts};
    return rtd_columns_resolve(&in->cols, &spec, &in->row, in->path, err);
}

static enum rtd_line_event give(struct rtd_line_input *in, char *const *field, int n)
{
    in->field = field;
    in->n = n;
    in->rows++;
    return RTD_LINE_ROW;
}

static enum rtd_line_event give_empty(struct rtd_line_input *in, int n)
{
    static char nothing[] = "";
    in->text[0] = in->text[1] = nothing;
    return give(in, in->text, n);
}

/* The columns that are wanted; all of them where a line may have any number. */
static enum rtd_line_event take_columns(struct rtd_line_input *in, struct rtd_err *err)
{
    const struct rtd_columns *cols = &in->cols;
    const struct rtd_row *row = &in->row;
    if (row->n == 1 && !row->field[0][0])
        return give_empty(in, cols->ntext ? cols->ntext : 1);
    if (!cols->ntext)
        return give(in, row->field, row->n);
    for (int i = 0; i < cols->ntext; i++) {
        if (cols->text[i] >= row->n) {
            rtd_fail(err, RTD_EDATA, "%s: line %llu: no column %d, only %d", in->path,
                     (unsigned long long)in->number, cols->text[i] + 1, row->n);
            return RTD_LINE_BAD;
        }
        in->text[i] = row->field[cols->text[i]];
    }
    in->unread += !in->format.text && !cols->by_name && row->n > cols->ntext;
    return give(in, in->text, cols->ntext);
}

static int take_object(struct rtd_line_input *in, enum rtd_line_event *event, const char *line,
                       size_t len, struct rtd_err *err)
{
    const struct rtd_line_format *f = &in->format;
    if (!line[strspn(line, " \r")]) {
        *event = give_empty(in, f->list ? 1 : f->texts);
        return RTD_OK;
    }
    int st = rtd_json_row_read(&in->object, line, len, f->text ? f->text : f->keys, f->list,
                               in->path, in->number, err);
    *event = st ? RTD_LINE_BAD : give(in, in->object.field, in->object.n);
    return st == RTD_EDATA ? RTD_OK : st;
}

int rtd_line_input_next(struct rtd_line_input *in, enum rtd_line_event *event, struct rtd_err *err)
{
    char *line;
    size_t len;
    int st = rtd_lines_next(&in->lines, &line, &len, err);
    *event = line || in->lines.too_long ? RTD_LINE_BAD : RTD_LINE_END;
    if (*event == RTD_LINE_END)
        return st;
    in->number = in->lines.number;
    bool header = in->format.header && in->number == 1;
    if (!st && in->format.json)
        return take_object(in, event, line, len, err);
    if (!st)
        st = rtd_row_split(&in->row, line, len, in->path, in->number, err);
    if (st)
        return header ? st : RTD_OK;
    *event = header ? RTD_LINE_HEADER : take_columns(in, err);
    return header ? take_header(in, err) : RTD_OK;
}
