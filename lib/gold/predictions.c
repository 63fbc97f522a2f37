/* rtdtools - MIT licence
 *
 * Reading predictions. */
#include "gold/predictions.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "gold/columns.h"

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

static int add(struct rtd_predictions *p, size_t *cap, const char *label, const char *name,
               struct rtd_err *err)
{
    if (p->n == *cap) {
        size_t more = *cap ? 2 * *cap : 1024;
        char **list = realloc(p->label, more * sizeof *list);
        if (!list)
            return rtd_fail(err, RTD_ESYS, "%s: no memory", name);
        p->label = list;
        *cap = more;
    }
    p->label[p->n] = strdup(label);
    if (!p->label[p->n])
        return rtd_fail(err, RTD_ESYS, "%s: no memory", name);
    p->n++;
    return RTD_OK;
}

static int read_lines(struct rtd_predictions *p, struct rtd_lines *lines, const char *name,
                      struct rtd_row *row, struct rtd_err *err)
{
    size_t cap = 0, len;
    for (;;) {
        char *line;
        if (rtd_lines_next(lines, &line, &len, err))
            return err->status;
        if (!line)
            return RTD_OK;
        json_t *o = line[0] == '{' ? json_loadb(line, len, 0, NULL) : NULL;
        const char *label = json_string_value(json_object_get(o, "label"));
        int st = RTD_OK;
        if (!json_is_object(o)) {
            st = rtd_row_split(row, line, len, name, lines->number, err);
            label = st ? NULL : row->field[0];
        }
        if (!label || !label[0]) {
            label = RTD_NO_PREDICTION;
            p->none++;
        }
        if (!st)
            st = add(p, &cap, label, name, err);
        json_decref(o);
        if (st)
            return st;
    }
}

int rtd_predictions_load(struct rtd_predictions *p, const char *path, struct rtd_err *err)
{
    struct rtd_lines lines;
    struct rtd_row row = {0};
    *p = (struct rtd_predictions){0};
    int st = rtd_lines_open(&lines, path, RTD_LINE_MAX, err);
    if (st)
        return st;
    lines.skip_mark = true;
    st = read_lines(p, &lines, path ? path : "-", &row, err);
    rtd_lines_close(&lines);
    rtd_row_free(&row);
    if (st)
        rtd_predictions_free(p);
    return st;
}
