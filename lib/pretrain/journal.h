/* rtdtools - MIT licence
 *
 * RUN/metrics.tsv and RUN/eval.tsv: a header line, then one line per logged step, step first.  A
 * resumed run drops the lines after its checkpoint, so that the file is the same as that of an
 * uninterrupted run. */
#ifndef RTD_PRETRAIN_JOURNAL_H
#define RTD_PRETRAIN_JOURNAL_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* Open for appending after keeping the lines with step <= `step` (0: a new file).  header: the
 * column names, tab-separated, without line end; lines of a version with other columns keep those
 * that have a name in it, the others are empty. */
int rtd_journal_open(FILE **f, const char *dir, const char *name, const char *header, uint64_t step,
                     struct rtd_err *err);
/* The number in that column of the last line; 0: there is none. */
int rtd_journal_last(const char *dir, const char *name, const char *column, double *x,
                     struct rtd_err *err);
/* Flush; RTD_ESYS when the line did not reach the file. */
int rtd_journal_flush(FILE *f, const char *dir, const char *name, struct rtd_err *err);

#endif
