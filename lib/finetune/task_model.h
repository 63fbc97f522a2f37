/* rtdtools - MIT licence
 *
 * Task models: made from a pre-trained directory, written as a directory of their own. */
#ifndef RTD_FINETUNE_TASK_MODEL_H
#define RTD_FINETUNE_TASK_MODEL_H

#include <stdbool.h>

#include "base/mem.h"
#include "model/directory.h"
#include "model/network.h"

/* The configuration of a model with these heads on m's encoder; length: the longest sequence it
 * will see. */
int rtd_task_model_config(struct rtd_config *c, const struct rtd_model_dir *m,
                          const struct rtd_head_spec *spec, int n, int length, struct rtd_err *err);

/* Starting weights: m's encoder, and those of its heads that are of the very same name, task and
 * labels (kept[i]: head i is one of them; RTD_EDATA: a part of it is missing); everything else, or
 * everything with reinit, drawn anew from seed. */
int rtd_task_model_start(struct rtd_network *net, const struct rtd_model_dir *m, bool reinit,
                         uint64_t seed, bool kept[RTD_MAX_HEADS], struct rtd_err *err);

/* The language-model head of a generator, as far as the shapes agree; *parts counts the tensors
 * taken, *of those that there are to take. */
int rtd_task_model_take_generator(struct rtd_network *net, const char *dir, int *parts, int *of,
                                  struct rtd_err *err);

/* Another small file of a model directory. */
struct rtd_task_model_file {
    const char *name;
    const struct rtd_buf *text;
};
/* Write net as directory `out`, with m's vocabulary and these files; it appears whole or not at
 * all. An existing one is RTD_EUSAGE unless replace is set. */
int rtd_task_model_save(const struct rtd_network *net, const struct rtd_model_dir *m,
                        const char *out, const struct rtd_task_model_file *file, int files,
                        bool replace, struct rtd_err *err);

#endif
