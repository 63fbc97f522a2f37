/* rtdtools - MIT licence
 *
 * Curves of runs as one picture: a panel for each kind of number, a colour for each run. */
#ifndef RTD_PLOT_FIGURE_H
#define RTD_PLOT_FIGURE_H

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "plot/curves.h"

enum rtd_picture { RTD_PICTURE_SVG, RTD_PICTURE_PNG, RTD_PICTURE_TEXT };

struct rtd_figure {
    const struct rtd_run *run; /* [runs], their x filled in */
    int runs;
    enum rtd_axis by;
    const char *const *column; /* [columns] a panel each; none: what a run is judged by */
    int columns;
    enum rtd_picture picture;
};

/* Append to script what gnuplot draws it from.  RTD_EDATA: none of the runs has such a column. */
int rtd_figure_script(const struct rtd_figure *f, struct rtd_buf *script, struct rtd_err *err);

#endif
