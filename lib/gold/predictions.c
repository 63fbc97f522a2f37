/* rtdtools - MIT licence
 *
 * Reading predictions. */
#include "gold/predictions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "gold/columns.h"
#include "gold/labels.h"

bool rtd_no_prediction(const char *line)
{
    return !line[0] || strcmp(line, "{}") == 0;
}

void rtd_predictions_free(struct rtd_predictions *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->label[i]);
    free(p->label);
    *p = (struct rtd_predictions){0};
}

static int add(struct rtd_predictions *p, size_t *cap, const char *label, struct rtd_err *err)
{
    if (p->n == *cap) {
        size_t more = *cap ? 2 * *cap : 1024;
        char **list = realloc(p->label, more * sizeof *list);
        if (!list)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        p->label = list;
        *cap = more;
    }
    p->label[p->n] = label ? strdup(label) : NULL;
    if (label && !p->label[p->n])
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    p->n++;
    return RTD_OK;
}

/* A file that is read. */
struct reading {
    const char *name;
    struct rtd_lines lines;
    struct rtd_row row;
    struct rtd_json_doc doc;
};

/* The label of an object; {} has none. */
static int read_object(struct reading *f, const char *line, size_t len, const char **label,
                       struct rtd_err *err)
{
    const struct rtd_json *v;
    uint64_t at = f->lines.number;
    if (rtd_json_read(&f->doc, line, len, f->name, at, err))
        return err->status;
    if (f->doc.root->n > 0 &&
        rtd_json_want(f->doc.root, "label", RTD_JSON_TEXT | RTD_JSON_NUMBER, &v, f->name, at, err))
        return err->status;
    *label = f->doc.root->n > 0 ? v->text : "";
    return RTD_OK;
}

/* The label of the line; RTD_NO_PREDICTION where it is empty. */
static int read_label(struct reading *f, char *line, size_t len, const char **label,
                      struct rtd_err *err)
{
    int st = RTD_OK;
    *label = NULL;
    if (line[0] == '{' && (line[1] == '"' || line[1] == '}'))
        st = read_object(f, line, len, label, err);
    else if (!(st = rtd_row_split(&f->row, line, len, f->name, f->lines.number, err)))
        *label = f->row.field[0];
    const char *fault = st ? NULL : rtd_label_fault(*label);
    if (fault)
        st = rtd_fail(err, RTD_EDATA, "%s: line %llu: the label %s", f->name,
                      (unsigned long long)f->lines.number, fault);
    if (!st && !(*label)[0])
        *label = RTD_NO_PREDICTION;
    return st;
}

static int read_lines(struct rtd_predictions *p, struct reading *f, struct rtd_bad_rows *bad,
                      struct rtd_err *err)
{
    size_t cap = 0, len;
    for (;;) {
        char *line;
        const char *label;
        if (rtd_lines_next(&f->lines, &line, &len, err))
            return err->status;
        if (!line)
            return rtd_bad_rows_end(bad, p->n, f->name, "line", err);
        int st = read_label(f, line, len, &label, err);
        if (st && rtd_bad_row(bad, err))
            return err->status;
        if (add(p, &cap, st ? NULL : label, err))
            return err->status;
        p->none += !st && strcmp(label, RTD_NO_PREDICTION) == 0;
    }
}

int rtd_predictions_load(struct rtd_predictions *p, const char *path, struct rtd_bad_rows *bad,
                         struct rtd_err *err)
{
    struct reading f = {.name = path ? path : "-"};
    *p = (struct rtd_predictions){0};
    int st = rtd_lines_open(&f.lines, path, RTD_LINE_MAX, err);
    if (st)
        return st;
    f.lines.skip_mark = true;
    st = read_lines(p, &f, bad, err);
    rtd_lines_close(&f.lines);
    rtd_row_free(&f.row);
    rtd_json_free(&f.doc);
    if (st)
        rtd_predictions_free(p);
    return st;
}
