/* rtdtools - MIT licence
 *
 * A phase before ELECTRA, whose networks it trains: the discriminator, too, learns masked language
 * modelling, beside the generator and through a head of its own that is dropped afterwards; it does
 * not learn to find replaced tokens yet. */
#include <stdlib.h>

#include "base/rng.h"
#include "model/flops.h"
#include "pretrain/masked_lm.h"

enum { WARMUP_LOSS = RTD_SUM_AFTER_GENERATOR };

static const struct rtd_column columns[] = {
    RTD_GENERATOR_COLUMNS,
    {"warmup_loss", WARMUP_LOSS, RTD_SUM_SLOTS, "warm-up"},
    {0},
};

/* The head belongs to no network: it is in no model directory. */
static int layout(struct rtd_pretrain *p, void **own, struct rtd_err *err)
{
    struct rtd_lm_head *head = *own = malloc(sizeof *head);
    if (!head)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    rtd_lm_head_layout(head, &p->params, &p->disc, RTD_NET_NONE, "warmup", "warmup.bias");
    return RTD_OK;
}

static void run(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                const struct rtd_micro *m, struct rtd_sums *sums)
{
    struct rtd_arena *arena = lane->arena;
    size_t mark = arena->used;
    int32_t *sampled = rtd_arena_take(arena, m->M, sizeof *sampled);
    rtd_generator_run(p, lane, m, sampled, sums);
    sums->of[WARMUP_LOSS] += rtd_masked_lm(p, lane, m, &p->disc, own, 0, NULL, NULL).loss;
    arena->used = mark;
}

static double loss(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    return p->o.gen_weight * (s->of[RTD_SUM_MLM_LOSS] + s->of[WARMUP_LOSS]) /
           (s->of[RTD_SUM_SLOTS] + 1e-6);
}

static double flops(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return 3 * (rtd_flops_encoder(&p->disc_config, (double)n) +
                rtd_flops_generator_head(&p->disc_config, (double)masked) +
                rtd_flops_encoder(&p->gen_config, (double)n) +
                rtd_flops_generator_head(&p->gen_config, (double)masked));
}

static struct rtd_trained_heads heads(const struct rtd_pretrain *p, const void *own)
{
    (void)p;
    return (struct rtd_trained_heads){.lm = own};
}

const struct rtd_objective rtd_mlm_warmup = {
    .name = "mlm-warmup",
    .columns = columns,
    .layout = layout,
    .run = run,
    .loss = loss,
    .flops = flops,
    .heads = heads,
};
