/* rtdtools - MIT licence
 *
 * Loading a TSV file. */
#include "gold/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/say.h"
#include "gold/labels.h"

void rtd_table_free(struct rtd_table *t)
{
    for (size_t r = 0; r < t->rows; r++) {
        for (int i = 0; i < t->ntext; i++)
            free(t->text[i][r]);
        if (t->label)
            free(t->label[r]);
    }
    free(t->text[0]);
    free(t->text[1]);
    free(t->label);
    free(t->number);
    free(t->name);
    *t = (struct rtd_table){0};
}

static int grow(struct rtd_table *t, size_t *cap, bool label, struct rtd_err *err)
{
    char ***lists[3] = {&t->text[0], &t->text[1], &t->label};
    bool used[3] = {t->ntext > 0, t->ntext > 1, label};
    size_t more = *cap ? 2 * *cap : 1024;
    for (int i = 0; i < 3; i++) {
        char **list = used[i] ? realloc(*lists[i], more * sizeof *list) : NULL;
        if (used[i] && !list)
            return rtd_fail(err, RTD_ESYS, "%s: no memory", t->name);
        *lists[i] = list;
    }
    size_t *number = realloc(t->number, more * sizeof *number);
    if (!number)
        return rtd_fail(err, RTD_ESYS, "%s: no memory", t->name);
    t->number = number;
    *cap = more;
    return RTD_OK;
}

unsigned long long rtd_table_line(const struct rtd_table *t, size_t r)
{
    return t->first_line + t->number[r];
}

/* What is wrong with a row; NULL: nothing. */
static const char *label_fault(const char *label, const struct rtd_columns_spec *spec)
{
    double x;
    if (!label[0])
        return spec->empty_label ? NULL : "is empty";
    if (spec->number && !rtd_parse_number(label, &x))
        return "is not a number";
    return rtd_label_fault(label);
}

static int check_row(const struct rtd_table *t, const struct rtd_columns *c,
                     const struct rtd_columns_spec *spec, const struct rtd_row *row,
                     unsigned long long line, struct rtd_err *err)
{
    char shown[64];
    if (row->n != c->width)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: %d column%s, line 1 has %d", t->name, line,
                        row->n, rtd_s((uint64_t)row->n), c->width);
    const char *label = c->label >= 0 ? row->field[c->label] : NULL;
    const char *fault = label ? label_fault(label, spec) : NULL;
    if (fault && label[0])
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: the label '%s' %s", t->name, line,
                        rtd_mask_text(shown, sizeof shown, label, strlen(label)), fault);
    return fault ? rtd_fail(err, RTD_EDATA, "%s: line %llu: the label %s", t->name, line, fault)
                 : RTD_OK;
}

/* The row's copies; a partly copied row is released here, since t->rows does not count it. */
static int add_row(struct rtd_table *t, const struct rtd_columns *c, const struct rtd_row *row,
                   struct rtd_err *err)
{
    char *copy[3] = {NULL, NULL, NULL};
    bool ok = true;
    for (int i = 0; i < c->ntext; i++)
        ok &= (copy[i] = strdup(row->field[c->text[i]])) != NULL;
    if (c->label >= 0)
        ok &= (copy[2] = strdup(row->field[c->label])) != NULL;
    if (!ok) {
        for (int i = 0; i < 3; i++)
            free(copy[i]);
        return rtd_fail(err, RTD_ESYS, "%s: no memory", t->name);
    }
    for (int i = 0; i < c->ntext; i++)
        t->text[i][t->rows] = copy[i];
    if (c->label >= 0)
        t->label[t->rows] = copy[2];
    t->number[t->rows++] = t->total;
    return RTD_OK;
}

static bool holds(const struct rtd_row *row, int column, const char *text)
{
    return column >= 0 && column < row->n && strcmp(row->field[column], text) == 0;
}

/* Columns by number, and yet row 1 holds the names of such columns. */
static void warn_of_header(const struct rtd_columns *c, const struct rtd_row *row, const char *name)
{
    int text = c->ntext ? c->text[0] : -1;
    if (holds(row, c->label, "label") || holds(row, text, "text") || holds(row, text, "text_a") ||
        holds(row, text, "source"))
        rtd_warn("%s: line 1 is taken as an example, but looks like a header: give the columns by "
                 "name, or --header",
                 name);
}

/* Columns that nobody named and nobody reads: the second text of a pair may be one. */
static void tell_unread(const struct rtd_columns *c, const struct rtd_columns_spec *spec,
                        const struct rtd_row *row, const char *name)
{
    char list[256], one[40];
    size_t used = 0;
    int unread = 0;
    if (!spec->want_text || spec->text || !c->header)
        return;
    for (int k = 0; k < row->n; k++) {
        if (k == c->label || k == c->text[0] || (c->ntext > 1 && k == c->text[1]))
            continue;
        rtd_mask_text(one, sizeof one, row->field[k], strlen(row->field[k]));
        if (used < sizeof list - 50)
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s%s", unread ? ", " : "", one);
        unread++;
    }
    if (unread)
        rtd_say("%s: %d of %d columns are not read: %s (--text names those that are)", name, unread,
                row->n, list);
}

/* Row 1: the columns, and perhaps the first example. */
static int begin(struct rtd_table *t, struct rtd_columns *c, const struct rtd_columns_spec *spec,
                 const struct rtd_row *row, struct rtd_err *err)
{
    if (rtd_columns_resolve(c, spec, row, t->name, err))
        return err->status;
    t->ntext = c->ntext;
    t->first_line = c->header ? 2 : 1;
    if (!c->header)
        warn_of_header(c, row, t->name);
    tell_unread(c, spec, row, t->name);
    return RTD_OK;
}

static int read_rows(struct rtd_table *t, struct rtd_lines *lines,
                     const struct rtd_columns_spec *spec, struct rtd_row *row,
                     struct rtd_bad_rows *bad, struct rtd_err *err)
{
    struct rtd_columns c = {0};
    size_t cap = 0, len;
    for (;; t->total += t->first_line && lines->number >= t->first_line) {
        char *line;
        int st = rtd_lines_next(lines, &line, &len, err);
        if (st && !lines->too_long)
            return st;
        if (!st && !line)
            break;
        if (!st)
            st = rtd_row_split(row, line, len, t->name, lines->number, err);
        if (lines->number == 1) {
            if (st || begin(t, &c, spec, row, err))
                return err->status;
            if (c.header)
                continue;
        }
        if (!st)
            st = check_row(t, &c, spec, row, lines->number, err);
        if (!st && t->rows == cap)
            st = grow(t, &cap, c.label >= 0, err);
        if (!st)
            st = add_row(t, &c, row, err);
        if (st && rtd_bad_row(bad, err))
            return err->status;
    }
    if (rtd_bad_rows_end(bad, t->total, t->name, "row", err))
        return err->status;
    return t->rows ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no rows", t->name);
}

int rtd_table_load(struct rtd_table *t, const char *path, const struct rtd_columns_spec *spec,
                   struct rtd_bad_rows *bad, struct rtd_err *err)
{
    struct rtd_lines lines;
    struct rtd_row row = {0};
    *t = (struct rtd_table){.name = strdup(path)};
    if (!t->name)
        return rtd_fail(err, RTD_ESYS, "%s: no memory", path);
    int st = rtd_lines_open(&lines, path, RTD_LINE_MAX, err);
    if (!st) {
        lines.skip_mark = true;
        st = read_rows(t, &lines, spec, &row, bad, err);
        rtd_lines_close(&lines);
    }
    rtd_row_free(&row);
    if (st)
        rtd_table_free(t);
    return st;
}
