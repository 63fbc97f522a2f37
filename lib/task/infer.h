/* rtdtools - MIT licence
 *
 * A model put to use: logits of sequences, without gradients.  A sequence's logits are the same
 * bytes whatever else is in the batch and however many threads there are. */
#ifndef RTD_TASK_INFER_H
#define RTD_TASK_INFER_H

#include "base/err.h"
#include "base/pool.h"
#include "model/directory.h"
#include "task/sequences.h"

enum rtd_infer_head {
    RTD_INFER_CLASS, /* sequence classification: num_labels logits a sequence */
    RTD_INFER_DISC,  /* replaced-token detection: a logit a token */
};

struct rtd_infer;
/* Load the weights.  RTD_EDATA: the model lacks that head.  pool is borrowed. */
int rtd_infer_open(struct rtd_infer **f, const struct rtd_model_dir *m, enum rtd_infer_head head,
                   struct rtd_pool *pool, struct rtd_err *err);
void rtd_infer_close(struct rtd_infer *f);

/* out: (n, num_labels), or (tokens). */
int rtd_infer_run(struct rtd_infer *f, const struct rtd_sequences *s, float *out,
                  struct rtd_err *err);

#endif
