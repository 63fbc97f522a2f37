/* rtdtools - MIT licence
 *
 * The state of a fine-tuning run between two epochs, in a file, so that an interrupted run can
 * go on: the resumed run gives the same bytes as one that was never interrupted. */
#ifndef RTD_FINETUNE_STATE_H
#define RTD_FINETUNE_STATE_H

#include "base/mem.h"
#include "finetune/loop.h"
#include "learn/optimizer.h"

struct rtd_finetune_state {
    uint64_t epoch, step; /* that are done */
    int since_best;       /* epochs */
    double best_score;
};

/* Replace the file by the state; best: the weights to keep, or NULL. */
int rtd_finetune_state_save(const char *path, const char *identity,
                            const struct rtd_finetune_state *s, const struct rtd_params *p,
                            const struct rtd_optimizer *o, const real *best,
                            const struct rtd_finetune_result *result, const struct rtd_buf *metrics,
                            struct rtd_err *err);
enum { RTD_STATE_KERNELS = 64 };
/* The name of the kernels (nn/choice.h) that the file was made with; "": it does not say. */
int rtd_finetune_state_kernels(const char *path, char name[RTD_STATE_KERNELS], struct rtd_err *err);
/* RTD_EDATA: damage; RTD_EUSAGE: it was made with another identity. */
int rtd_finetune_state_load(const char *path, const char *identity, struct rtd_finetune_state *s,
                            struct rtd_params *p, struct rtd_optimizer *o, real *best,
                            struct rtd_finetune_result *result, struct rtd_buf *metrics,
                            struct rtd_err *err);

#endif
