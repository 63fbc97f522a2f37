/* rtdtools - MIT licence */
#include "plot/curves.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

enum { MOST_BYTES = 1 << 30 };

/* --- reading --- */

struct text {
    const char *path;
    unsigned long long line;
    char *at, *end; /* the rest of the whole lines */
};

/* The next line, without its end and NUL-terminated; NULL: there is none. */
static char *next_line(struct text *t, char **end)
{
    char *line = t->at;
    if (line == t->end)
        return NULL;
    *end = memchr(line, '\n', (size_t)(t->end - line));
    **end = '\0';
    t->at = *end + 1;
    t->line++;
    return line;
}

static int read_header(struct rtd_curves *c, struct text *t, struct rtd_err *err)
{
    char *end, *line = next_line(t, &end), *field;
    if (!line)
        return rtd_fail(err, RTD_EDATA, "%s: no line that names the columns", t->path);
    while ((field = strsep(&line, "\t"))) {
        size_t number;
        bool known;
        int st = rtd_names_add(&c->column, field, &number, &known, err);
        if (!st && (known || !*field))
            st =
                rtd_fail(err, RTD_EDATA, "%s: line 1: a column without a name of its own", t->path);
        if (st)
            return st;
    }
    if (strcmp(c->column.name[0], "step"))
        return rtd_fail(err, RTD_EDATA, "%s: its first column is not \"step\"", t->path);
    return RTD_OK;
}

static int read_row(double *value, const struct rtd_curves *c, const struct text *t, char *line,
                    const char *line_end, struct rtd_err *err)
{
    size_t n = 0, columns = c->column.n;
    char *field, shown[40];
    while ((field = strsep(&line, "\t"))) {
        const char *field_end = line ? line - 1 : line_end;
        char *end;
        if (n == columns)
            break;
        double x = strtod(field, &end);
        value[n++] = end > field && isfinite(x) ? x : (double)NAN;
        if (end != field_end)
            return rtd_fail(err, RTD_EDATA, "%s: line %llu: column %s: \"%s\" is no number",
                            t->path, t->line, c->column.name[n - 1],
                            rtd_mask_text(shown, sizeof shown, field, strlen(field)));
    }
    if (n < columns || field)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: %s fields than columns", t->path, t->line,
                        field ? "more" : "fewer");
    if (isnan(value[0]) || (c->rows && value[0] <= value[-(ptrdiff_t)columns]))
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: its step does not follow the one before",
                        t->path, t->line);
    return RTD_OK;
}

static int read_table(struct rtd_curves *c, const char *path, struct rtd_err *err)
{
    char *data, *line, *end;
    size_t len, lines = 0;
    int st = rtd_read_file(path, MOST_BYTES, &data, &len, err);
    if (st)
        return st;
    while (len && data[len - 1] != '\n') /* a line that is still being written */
        len--;
    for (size_t i = 0; i < len; i++)
        lines += data[i] == '\n';
    struct text t = {.path = path, .at = data, .end = data + len};
    st = read_header(c, &t, err);
    if (!st) {
        c->value = calloc(lines * c->column.n, sizeof *c->value);
        c->x = calloc(lines, sizeof *c->x);
        if (!c->value || !c->x)
            st = rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
    }
    while (!st && (line = next_line(&t, &end))) {
        st = read_row(c->value + c->rows * c->column.n, c, &t, line, end, err);
        c->rows += !st;
    }
    free(data);
    return st;
}

int rtd_run_read(struct rtd_run *run, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    *run = (struct rtd_run){.dir = dir};
    snprintf(path, sizeof path, "%s/metrics.tsv", dir);
    int st = read_table(&run->metrics, path, err);
    if (!st && run->metrics.rows == 0)
        st = rtd_fail(err, RTD_EDATA, "%s: no step has been logged yet", path);
    snprintf(path, sizeof path, "%s/eval.tsv", dir);
    if (!st && rtd_exists(path))
        st = read_table(&run->eval, path, err);
    if (st)
        rtd_run_free(run);
    return st;
}

static void free_table(struct rtd_curves *c)
{
    rtd_names_free(&c->column);
    free(c->value);
    free(c->x);
    *c = (struct rtd_curves){0};
}

void rtd_run_free(struct rtd_run *run)
{
    free_table(&run->metrics);
    free_table(&run->eval);
}

const double *rtd_curves_find(const struct rtd_curves *c, const char *name)
{
    size_t k;
    if (!rtd_names_find(&c->column, name, &k))
        return NULL;
    for (size_t i = 0; i < c->rows; i++)
        if (!isnan(c->value[i * c->column.n + k]))
            return c->value + k;
    return NULL;
}

/* --- the horizontal axis --- */

/* Between two logged steps as many tokens a step as in the mean of both. */
static void add_up(struct rtd_curves *c, const double *tokens)
{
    double sum = 0, step = 0, before = tokens[0];
    for (size_t i = 0; i < c->rows; i++) {
        double now = tokens[i * c->column.n];
        sum += (c->value[i * c->column.n] - step) * (before + now) / 2;
        c->x[i] = sum;
        step = c->value[i * c->column.n];
        before = now;
    }
}

/* x of a step: on the line between those that were logged. */
static double at_step(const struct rtd_curves *c, double step)
{
    double s0 = 0, x0 = 0, s1 = 0, x1 = 0;
    for (size_t i = 0; i < c->rows && s1 < step; i++) {
        s0 = s1;
        x0 = x1;
        s1 = c->value[i * c->column.n];
        x1 = c->x[i];
    }
    return s1 < step ? x1 * step / s1 : x0 + (x1 - x0) * (step - s0) / (s1 - s0);
}

int rtd_run_axis(struct rtd_run *run, enum rtd_axis by, struct rtd_err *err)
{
    static const char *const column[] = {"tokens_so_far", "flops", "core_seconds", "step"};
    struct rtd_curves *m = &run->metrics;
    const double *x = rtd_curves_find(m, column[by]), *tokens = rtd_curves_find(m, "tokens");
    if (!x && (by != RTD_BY_TOKENS || !tokens))
        return rtd_fail(err, RTD_EDATA,
                        "%s/metrics.tsv: no column %s: written by an older version: --by tokens "
                        "and --by steps are possible",
                        run->dir, column[by]);
    for (size_t i = 0; x && i < m->rows; i++)
        m->x[i] = x[i * m->column.n] / (by == RTD_BY_HOURS ? 3600 : 1);
    if (!x)
        add_up(m, tokens);
    for (size_t i = 0; i < run->eval.rows; i++)
        run->eval.x[i] = at_step(m, run->eval.value[i * run->eval.column.n]);
    return RTD_OK;
}
