/* rtdtools - MIT licence
 *
 * A model put to use: logits and embeddings of sequences, without gradients.  What a sequence gets
 * is the same bytes whatever else is in the batch and however many threads there are. */
#ifndef RTD_PREDICT_INFER_H
#define RTD_PREDICT_INFER_H

#include "base/err.h"
#include "base/pool.h"
#include "model/directory.h"
#include "model/network.h"
#include "model/embedding.h"
#include "predict/sequences.h"

struct rtd_infer;
/* Load the weights; heads: else only the encoder's.  pool is borrowed. */
int rtd_infer_open(struct rtd_infer **f, const struct rtd_model_dir *m, struct rtd_pool *pool,
                   bool heads, struct rtd_err *err);
void rtd_infer_close(struct rtd_infer *f);
const struct rtd_network *rtd_infer_network(const struct rtd_infer *f);

/* One pass for n heads: out[i] overwritten by the logits of head[i] (not a language model's):
 * (sequences, outputs), or (tokens, outputs) for tag, answer and detect. */
int rtd_infer_run(struct rtd_infer *f, const struct rtd_sequences *s, const int *head, int n,
                  float *const *out, struct rtd_err *err);

/* out (sequences, how->width): the vectors that `how` makes of the hidden states after `layer`
 * layers (0: the embeddings). */
int rtd_infer_embed(struct rtd_infer *f, const struct rtd_sequences *s, int layer,
                    const struct rtd_embedding *how, float *out, struct rtd_err *err);

#endif
