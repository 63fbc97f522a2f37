/* rtdtools - MIT licence */
#include "objective/masked_lm.h"

#include <string.h>

#include "base/rng.h"

/* The logits of the slots to where the batch has them. */
static void keep_logits(real *keep, const struct rtd_lm_rows *rows, const struct rtd_micro *m,
                        size_t vocab)
{
    for (size_t k = 0; rows->logits && k < m->M; k++)
        memcpy(keep + m->place[k] * vocab, rows->logits + k * vocab, vocab * sizeof *keep);
}

struct rtd_mlm_result rtd_masked_lm(const struct rtd_pretrain *p, struct rtd_lane *lane,
                                    const struct rtd_micro *m, const struct rtd_encoder *enc,
                                    const struct rtd_lm_head *head, uint32_t number,
                                    int32_t *sampled, real *const *hidden)
{
    bool keep = hidden && p->keep.gen_logits;
    struct rtd_body body;
    rtd_body_forward(&body, p, lane, m, enc, &m->t, number, hidden);
    struct rtd_lm_rows rows = {
        .M = m->M,
        .row = m->row,
        .target = m->original,
        .index = m->record,
        .slot = m->slot,
        .sampled = sampled,
        .seed = p->o.seed,
        .site = (uint32_t)(m->train ? RTD_RNG_GUMBEL : RTD_RNG_EVAL_GUMBEL) << 16 |
                (uint32_t)enc->net << 8,
        .temperature = (real)p->o.temperature,
        .disallow_correct = p->o.disallow_correct,
        .logits = keep ? rtd_arena_take(lane->arena, m->M * head->vocab, sizeof(real)) : NULL,
    };
    real gscale = m->train ? (real)(p->o.gen_weight / (m->batch->slots + 1e-6)) : 0;
    rtd_lm_head_run(head, p->params.w, lane->g, &rows, body.acts.out, body.d, m->T, gscale,
                    lane->arena);
    if (keep)
        keep_logits(p->keep.gen_logits, &rows, m, head->vocab);
    rtd_body_backward(&body, p, lane, m, gscale != 0 && m->M);
    return (struct rtd_mlm_result){.loss = rows.loss, .correct = (double)rows.correct};
}

void rtd_corrupt(const struct rtd_micro *m, const int32_t *sampled, int32_t *ids, uint8_t *replaced)
{
    memcpy(ids, m->t.ids, m->T * sizeof *ids);
    if (replaced)
        memset(replaced, 0, m->T);
    for (size_t k = 0; k < m->M; k++) {
        ids[m->row[k]] = sampled[k];
        if (replaced)
            replaced[m->row[k]] = sampled[k] != m->original[k];
    }
}

void rtd_generator_run(const struct rtd_pretrain *p, struct rtd_lane *lane,
                       const struct rtd_micro *m, int32_t *sampled, struct rtd_sums *sums)
{
    struct rtd_mlm_result r =
        rtd_masked_lm(p, lane, m, &p->gen, &p->lm, 0, sampled, p->keep.hidden[0]);
    sums->of[RTD_SUM_MLM_LOSS] += r.loss;
    sums->of[RTD_SUM_MLM_CORRECT] += r.correct;
    for (size_t k = 0; sampled && k < m->M; k++) {
        if (m->batch->sampled)
            sampled[k] = m->batch->sampled[m->place[k]];
        sums->of[RTD_SUM_SAMPLED_CORRECT] += sampled[k] == m->original[k];
    }
}
