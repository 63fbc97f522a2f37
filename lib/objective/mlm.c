/* rtdtools - MIT licence
 *
 * Masked language modelling of the discriminator (BERT, arXiv 1810.04805), which does not learn to
 * find replaced tokens: alone, or beside the generator's, so that ELECTRA can follow. */
#include "model/flops.h"
#include "objective/masked_lm.h"

/* --- alone --- */

static const struct rtd_column columns[] = {RTD_MLM_COLUMNS, {0}};

static void run(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                const struct rtd_micro *m, struct rtd_sums *sums)
{
    (void)own;
    struct rtd_mlm_result r =
        rtd_masked_lm(p, lane, m, &p->disc, &p->disc_lm, 0, NULL, p->keep.hidden[1]);
    sums->of[RTD_SUM_MLM_LOSS] += r.loss;
    sums->of[RTD_SUM_MLM_CORRECT] += r.correct;
}

static double loss(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    return p->o.gen_weight * s->of[RTD_SUM_MLM_LOSS] / (s->of[RTD_SUM_SLOTS] + 1e-6);
}

static double flops(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return 3 * (rtd_flops_encoder(&p->disc_config, (double)n) +
                rtd_flops_generator_head(&p->disc_config, (double)masked));
}

static struct rtd_trained_heads heads(const struct rtd_pretrain *p)
{
    return (struct rtd_trained_heads){.lm = &p->disc_lm};
}

const struct rtd_objective rtd_mlm = {
    .name = "mlm",
    .parts = RTD_PART_LM,
    .columns = columns,
    .eval_columns = columns,
    .run = run,
    .loss = loss,
    .flops = flops,
    .heads = heads,
};

/* --- beside the generator's --- */

enum { WARMUP_LOSS = RTD_SUM_AFTER_GENERATOR, WARMUP_CORRECT };

static const struct rtd_column both_columns[] = {
    RTD_GENERATOR_COLUMNS,
    {"warmup_loss", WARMUP_LOSS, RTD_SUM_SLOTS, "warm-up"},
    {"warmup_accuracy", WARMUP_CORRECT, RTD_SUM_SLOTS, NULL},
    {0},
};

static void run_both(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                     const struct rtd_micro *m, struct rtd_sums *sums)
{
    (void)own;
    struct rtd_arena *arena = lane->arena;
    size_t mark = arena->used;
    int32_t *sampled = rtd_arena_take(arena, m->M, sizeof *sampled);
    rtd_generator_run(p, lane, m, sampled, sums);
    struct rtd_mlm_result r = rtd_masked_lm(p, lane, m, &p->disc, &p->disc_lm, 0, NULL, NULL);
    sums->of[WARMUP_LOSS] += r.loss;
    sums->of[WARMUP_CORRECT] += r.correct;
    arena->used = mark;
}

static double loss_of_both(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    return p->o.gen_weight * (s->of[RTD_SUM_MLM_LOSS] + s->of[WARMUP_LOSS]) /
           (s->of[RTD_SUM_SLOTS] + 1e-6);
}

static double flops_of_both(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return flops(p, n, masked) + rtd_generator_flops(p, n, masked);
}

const struct rtd_objective rtd_mlm_warmup = {
    .name = "mlm-warmup",
    .parts = RTD_PART_LM | RTD_PART_GENERATOR,
    .columns = both_columns,
    .eval_columns = both_columns,
    .run = run_both,
    .loss = loss_of_both,
    .flops = flops_of_both,
    .heads = heads,
};
