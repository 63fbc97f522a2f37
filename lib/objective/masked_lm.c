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

struct rtd_lm_rows rtd_masked_rows(const struct rtd_pretrain *p, const struct rtd_micro *m,
                                   int32_t *sampled)
{
    uint32_t purpose = m->train ? RTD_RNG_GUMBEL : RTD_RNG_EVAL_GUMBEL;
    double u = m->train ? m->batch->done : 1;
    return (struct rtd_lm_rows){.M = m->M,
                                .row = m->row,
                                .target = m->original,
                                .index = m->record,
                                .slot = m->slot,
                                .sampled = sampled,
                                .seed = p->o.seed,
                                .site = purpose << 16,
                                .temperature = (real)rtd_ramp_at(&p->o.temperature, u),
                                .disallow_correct = p->o.disallow_correct};
}

struct rtd_mlm_result rtd_masked_lm(const struct rtd_pretrain *p, struct rtd_lane *lane,
                                    const struct rtd_micro *m, const struct rtd_encoder *enc,
                                    const struct rtd_lm_head *head, uint32_t number,
                                    int32_t *sampled, real *const *hidden)
{
    bool keep = hidden && p->keep.gen_logits;
    struct rtd_body body;
    rtd_body_forward(&body, p, lane, m, enc, &m->t, number, hidden);
    struct rtd_lm_rows rows = rtd_masked_rows(p, m, sampled);
    rows.site |= (uint32_t)enc->net << 8;
    if (keep)
        rows.logits = rtd_arena_take(lane->arena, m->M * head->vocab, sizeof(real));
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
