/* rtdtools - MIT licence
 *
 * Masked language modelling by one network, which is a part of several objectives. */
#ifndef RTD_OBJECTIVE_MASKED_LM_H
#define RTD_OBJECTIVE_MASKED_LM_H

#include "model/heads.h"
#include "objective/generator.h"
#include "objective/objective.h"
#include "objective/pretrain.h"

/* Sums of the generator, for objectives that train one; theirs begin behind.  Without a generator
 * the first two are the discriminator's. */
enum {
    RTD_SUM_MLM_LOSS = RTD_SUM_OWN,
    RTD_SUM_MLM_CORRECT,
    RTD_SUM_SAMPLED_CORRECT, /* samples that are the original */
    RTD_SUM_AFTER_GENERATOR,
};
/* ... and their columns. */
#define RTD_MLM_COLUMNS                                             \
    {"masked_lm_loss", RTD_SUM_MLM_LOSS, RTD_SUM_SLOTS, "mlm"},     \
    {                                                               \
        "masked_lm_accuracy", RTD_SUM_MLM_CORRECT, RTD_SUM_SLOTS, 0 \
    }
#define RTD_GENERATOR_COLUMNS                                                   \
    RTD_MLM_COLUMNS,                                                            \
    {                                                                           \
        "sampled_masked_lm_accuracy", RTD_SUM_SAMPLED_CORRECT, RTD_SUM_SLOTS, 0 \
    }

/* Pass `number` over an encoder and its head: summed loss, and how often the original is the most
 * probable.  sampled (M), or NULL, takes a draw from the head's distribution for every slot.
 * hidden: of p->keep, or NULL. */
struct rtd_mlm_result {
    double loss, correct;
};
struct rtd_mlm_result rtd_masked_lm(const struct rtd_pretrain *p, struct rtd_lane *lane,
                                    const struct rtd_micro *m, const struct rtd_encoder *enc,
                                    const struct rtd_lm_head *head, uint32_t number,
                                    int32_t *sampled, real *const *hidden);

/* ids (T): the micro-batch's, samples in the masked places.  replaced, or NULL: (T) is it another
 * than the original? */
void rtd_corrupt(const struct rtd_micro *m, const int32_t *sampled, int32_t *ids,
                 uint8_t *replaced);

/* The rows of the masked words, with draws of no network's (site) if sampled (M) is given. */
struct rtd_lm_rows rtd_masked_rows(const struct rtd_pretrain *p, const struct rtd_micro *m,
                                   int32_t *sampled);

#endif
