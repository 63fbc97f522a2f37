/* rtdtools - MIT licence
 *
 * What a training run has written down, as curves: its metrics.tsv and eval.tsv (rtd-train), by the
 * names of their columns, so that files of older and newer versions are read alike. */
#ifndef RTD_PLOT_CURVES_H
#define RTD_PLOT_CURVES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/names.h"

/* A table of numbers, the first of each row being its step. */
struct rtd_curves {
    struct rtd_names column;
    size_t rows;
    double *value; /* (rows, columns), owned; NaN: empty, or not finite */
    double *x;     /* [rows], owned; NaN: not known */
};

struct rtd_run {
    const char *dir;                 /* borrowed */
    struct rtd_curves metrics, eval; /* eval may have no rows */
};

/* Read RUN/metrics.tsv and, where it is there, RUN/eval.tsv.  A last line that is still being
 * written is left out.  RTD_EDATA: a line is damaged, or no step has been logged. */
int rtd_run_read(struct rtd_run *run, const char *dir, struct rtd_err *err);
void rtd_run_free(struct rtd_run *run);

enum rtd_axis { RTD_BY_TOKENS, RTD_BY_FLOPS, RTD_BY_HOURS, RTD_BY_STEPS };

/* Fill in x: the tokens, floating-point operations or core hours until then, or the step.  Tokens
 * that an older version did not add up are estimated from those of the logged steps; the others it
 * cannot say: RTD_EDATA. */
int rtd_run_axis(struct rtd_run *run, enum rtd_axis by, struct rtd_err *err);

/* The values of column `name` are value[i * column.n], i < rows; NULL: none is a number. */
const double *rtd_curves_find(const struct rtd_curves *c, const char *name);

#endif
