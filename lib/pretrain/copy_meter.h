/* rtdtools - MIT licence
 *
 * The copy meter: can an encoder find a token in the other segment?  The first segments A of
 * held-out examples are set twice, [CLS] A [SEP] A [SEP], and in one of the copies 15% of the
 * tokens are masked, or replaced by tokens drawn from all those segments: the other copy tells what
 * was there.  The same with A alone says what is known without looking.  A causal language model is
 * asked for all tokens of the last copy, each at the token before it.  Beside it, whether the
 * encoder looks anywhere at all: the entropy of its attention.
 *
 * Nothing is learnt and nothing of the run decides what is asked: a file and a length make the same
 * test in every run.  At most 128 segments and 32 examples are used, forward only. */
#ifndef RTD_PRETRAIN_COPY_METER_H
#define RTD_PRETRAIN_COPY_METER_H

#include <stdio.h>

#include "pretrain/batch.h"
#include "objective/pretrain.h"
#include "stream/stream.h"

enum rtd_copies { RTD_COPY_ALONE, RTD_COPY_TWICE, RTD_COPIES };

struct rtd_copy_meter {
    struct rtd_batch_store masked[RTD_COPIES], replaced[RTD_COPIES], causal[RTD_COPIES];
    struct rtd_batch_store plain; /* whole examples, nothing masked: for the entropy */
};

/* From the first of these examples, for networks of that shape and sequences of up to max_length
 * tokens (0: as many as there are positions); a longer pair of segments is cut.  Examples that do
 * not begin with [CLS] and a token have no segment. */
int rtd_copy_meter_init(struct rtd_copy_meter *m, const struct rtd_masked_batch *examples,
                        const struct rtd_tokeniser *tok, size_t max_length,
                        const struct rtd_config *config, struct rtd_err *err);
void rtd_copy_meter_fini(struct rtd_copy_meter *m);

/* What is not defined is NaN: where an objective does not train such a head, or there are no
 * segments. */
struct rtd_copy_result {
    double accuracy[RTD_COPIES]; /* of the tokens asked for, the language model's head finds */
    double auc[RTD_COPIES]; /* of the discriminator's logits in the copy with replaced tokens */
    double entropy[RTD_MAX_LAYERS]; /* of attention in each layer, as a share of log n: the mean
                                       over heads, rows and examples */
};
int rtd_copy_meter_run(const struct rtd_copy_meter *m, struct rtd_pretrain *p,
                       const struct rtd_objective *objective, struct rtd_copy_result *r,
                       struct rtd_err *err);

/* Columns of eval.tsv, a tab before each: copy_accuracy, copy_accuracy_alone, copy_auc,
 * copy_auc_alone, attention_entropy_1 and so on.  r NULL: their names; NaN: nothing. */
void rtd_copy_meter_print(FILE *f, int layers, const struct rtd_copy_result *r);

#endif
