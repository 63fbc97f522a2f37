/* rtdtools - MIT licence
 *
 * Task models: made from a pre-trained directory, written as a directory of their own. */
#ifndef RTD_TASK_TASK_MODEL_H
#define RTD_TASK_TASK_MODEL_H

#include <stdbool.h>

#include "base/mem.h"
#include "model/directory.h"
#include "task/labels.h"
#include "train/finetune.h"

/* The configuration of a classifier of these labels on m's encoder; texts: 1 or 2 a row; length:
 * the longest sequence it will see. */
int rtd_task_config(struct rtd_config *c, const struct rtd_model_dir *m,
                    const struct rtd_labels *labels, int texts, int length, struct rtd_err *err);

/* Starting weights: m's encoder, and its head where m is a classifier of the very same labels
 * (*kept_head); everything else, or everything with reinit, drawn anew from seed. */
int rtd_task_start(struct rtd_finetune *f, const struct rtd_model_dir *m, bool reinit,
                   uint64_t seed, bool *kept_head, struct rtd_err *err);

/* Write f as directory `out`, with m's vocabulary and metrics.tsv; it appears whole or not at all.
 * An existing one is RTD_EUSAGE unless replace is set. */
int rtd_task_save(const struct rtd_finetune *f, const struct rtd_model_dir *m, const char *out,
                  const struct rtd_buf *metrics, bool replace, struct rtd_err *err);

#endif
