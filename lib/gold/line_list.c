/* rtdtools - MIT licence */
#include "gold/line_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "gold/columns.h"

void rtd_line_list_free(struct rtd_line_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->line[i]);
    free(l->line);
    *l = (struct rtd_line_list){0};
}

static int read_all(struct rtd_line_list *l, struct rtd_lines *lines, struct rtd_err *err)
{
    size_t cap = 0, len;
    for (;;) {
        char *line;
        if (rtd_lines_next(lines, &line, &len, err) || !line)
            return err->status;
        if (l->n == cap) {
            size_t more = 2 * cap + 1024;
            char **list = realloc(l->line, more * sizeof *list);
            if (!list)
                return rtd_fail(err, RTD_ESYS, "not enough memory");
            l->line = list;
            cap = more;
        }
        l->line[l->n] = strdup(line);
        if (!l->line[l->n])
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        l->n++;
    }
}

int rtd_line_list_read(struct rtd_line_list *l, struct rtd_lines *lines, struct rtd_err *err)
{
    *l = (struct rtd_line_list){0};
    int st = read_all(l, lines, err);
    if (st)
        rtd_line_list_free(l);
    return st;
}

int rtd_line_list_load(struct rtd_line_list *l, const char *path, struct rtd_err *err)
{
    struct rtd_lines lines;
    *l = (struct rtd_line_list){0};
    int st = rtd_lines_open(&lines, path, RTD_LINE_MAX, err);
    if (st)
        return st;
    lines.skip_mark = true;
    st = rtd_line_list_read(l, &lines, err);
    rtd_lines_close(&lines);
    return st;
}
