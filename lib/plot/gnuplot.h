/* rtdtools - MIT licence
 *
 * gnuplot as a child process: a script in, a picture out. */
#ifndef RTD_PLOT_GNUPLOT_H
#define RTD_PLOT_GNUPLOT_H

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/* Append to picture what the script prints.  No start-up file of the user's is read.  RTD_ESYS:
 * there is no gnuplot, or it fails, and what it said. */
int rtd_gnuplot(const void *script, size_t len, struct rtd_buf *picture, struct rtd_err *err);

#endif
