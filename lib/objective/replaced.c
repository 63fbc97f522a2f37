/* rtdtools - MIT licence
 *
 * Masked language modelling where the generator's words are shown instead of [MASK] (the ELECTRA
 * paper's section 3.4): of the masked words alone, or of all tokens, with a copy mechanism, whose
 * gate says for each with what probability it stays. */
#include <math.h>

#include "model/flops.h"
#include "objective/masked_lm.h"

enum {
    ASKED = RTD_SUM_AFTER_GENERATOR, /* words that the discriminator is asked for */
    LOSS,
    CORRECT,
    STAY, /* sum of the gate's probabilities */
};

static const struct rtd_column columns[] = {
    RTD_GENERATOR_COLUMNS,
    {"replaced_lm_loss", LOSS, ASKED, "replaced"},
    {"replaced_lm_accuracy", CORRECT, ASKED, NULL},
    {0},
};
static const struct rtd_column all_columns[] = {
    RTD_GENERATOR_COLUMNS,
    {"all_tokens_loss", LOSS, ASKED, "all"},
    {"all_tokens_accuracy", CORRECT, ASKED, NULL},
    {"copy_gate", STAY, ASKED, NULL},
    {0},
};

/* The rows of all tokens, which the originals are asked of. */
static void ask_all(struct rtd_lm_rows *rows, const struct rtd_micro *m, const int32_t *ids,
                    struct rtd_arena *arena)
{
    uint32_t *row = rtd_arena_take(arena, m->T, sizeof *row);
    int32_t *target = rtd_arena_take(arena, m->T, sizeof *target);
    *rows = (struct rtd_lm_rows){.M = m->T, .row = row, .target = target, .input = ids};
    if (!arena->base)
        return;
    for (size_t t = 0; t < m->T; t++) {
        row[t] = (uint32_t)t;
        target[t] = ids[t];
    }
    for (size_t k = 0; k < m->M; k++)
        target[m->row[k]] = m->original[k];
}

/* The gate of every token, and their sum of probabilities. */
static void open_gate(const struct rtd_pretrain *p, real *gate, const real *hidden, size_t T,
                      struct rtd_sums *sums)
{
    rtd_linear(gate, hidden, p->params.w + p->gate_w, T, 1, p->disc.h, 0);
    rtd_kernels()->add_bias(gate, p->params.w + p->gate_b, T, 1);
    for (size_t t = 0; t < T; t++)
        sums->of[STAY] += 1 / (1 + exp(-(double)gate[t]));
}

static void run_discriminator(const struct rtd_pretrain *p, struct rtd_lane *lane,
                              const struct rtd_micro *m, const int32_t *ids, bool all,
                              struct rtd_sums *sums)
{
    struct rtd_arena *arena = lane->arena;
    struct rtd_lm_rows rows = {.M = m->M, .row = m->row, .target = m->original};
    struct rtd_tokens t = m->t;
    struct rtd_body body;
    size_t h = p->disc.h, T = m->T;
    t.ids = ids;
    rtd_body_forward(&body, p, lane, m, &p->disc, &t, 0, p->keep.hidden[1]);
    real *gate = rtd_arena_take(arena, T, sizeof *gate);
    real *dgate = rtd_arena_take(arena, T, sizeof *dgate);
    if (all) {
        ask_all(&rows, m, ids, arena);
        rows.gate = gate;
        rows.dgate = dgate;
        if (arena->base)
            open_gate(p, gate, body.acts.out, T, sums);
    }
    double over = all ? m->batch->tokens : m->batch->slots;
    real gscale = m->train ? (real)(p->o.gen_weight / (over + 1e-6)) : 0;
    rtd_lm_head_run(&p->disc_lm, p->params.w, lane->g, &rows, body.acts.out, body.d, T, gscale,
                    arena);
    if (all && arena->base && gscale != 0) {
        rtd_kernels()->bias_bwd(lane->g + p->gate_b, dgate, T, 1);
        rtd_linear_bwd(body.d, lane->g + p->gate_w, dgate, body.acts.out, p->params.w + p->gate_w,
                       T, 1, h, 1);
    }
    rtd_body_backward(&body, p, lane, m, gscale != 0 && rows.M);
    sums->of[ASKED] += (double)rows.M;
    sums->of[LOSS] += rows.loss;
    sums->of[CORRECT] += (double)rows.correct;
}

static void run_both(const struct rtd_pretrain *p, struct rtd_lane *lane, const struct rtd_micro *m,
                     bool all, struct rtd_sums *sums)
{
    struct rtd_arena *arena = lane->arena;
    size_t mark = arena->used;
    int32_t *sampled = rtd_arena_take(arena, m->M, sizeof *sampled);
    int32_t *ids = rtd_arena_take(arena, m->T, sizeof *ids);
    rtd_generator_run(p, lane, m, sampled, sums);
    if (arena->base)
        rtd_corrupt(m, sampled, ids, NULL);
    run_discriminator(p, lane, m, ids, all, sums);
    arena->used = mark;
}

static double loss(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    double generator = rtd_generator_learns(&p->o) ? p->o.gen_weight : 0;
    return generator * s->of[RTD_SUM_MLM_LOSS] / (s->of[RTD_SUM_SLOTS] + 1e-6) +
           p->o.gen_weight * s->of[LOSS] / (s->of[ASKED] + 1e-6);
}

static double flops_of_both(const struct rtd_pretrain *p, size_t n, size_t masked, size_t asked)
{
    return 3 * (rtd_flops_encoder(&p->disc_config, (double)n) +
                rtd_flops_generator_head(&p->disc_config, (double)asked)) +
           rtd_generator_flops(p, n, masked);
}

static struct rtd_trained_heads heads(const struct rtd_pretrain *p)
{
    return (struct rtd_trained_heads){.lm = &p->disc_lm, .lm_replaced = true};
}

/* --- of the masked words --- */

static void run(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                const struct rtd_micro *m, struct rtd_sums *sums)
{
    (void)own;
    run_both(p, lane, m, false, sums);
}

static double flops(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return flops_of_both(p, n, masked, masked);
}

const struct rtd_objective rtd_replace_mlm = {
    .name = "replace-mlm",
    .parts = RTD_PART_LM | RTD_PART_GENERATOR,
    .columns = columns,
    .eval_columns = columns,
    .run = run,
    .loss = loss,
    .flops = flops,
    .heads = heads,
};

/* --- of all tokens --- */

static void run_all(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                    const struct rtd_micro *m, struct rtd_sums *sums)
{
    (void)own;
    run_both(p, lane, m, true, sums);
}

static double flops_of_all(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return flops_of_both(p, n, masked, n) + 3 * 2 * (double)p->disc.h * (double)n;
}

const struct rtd_objective rtd_all_tokens_mlm = {
    .name = "all-tokens-mlm",
    .parts = RTD_PART_LM | RTD_PART_GENERATOR | RTD_PART_GATE,
    .columns = all_columns,
    .eval_columns = all_columns,
    .run = run_all,
    .loss = loss,
    .flops = flops_of_all,
    .heads = heads,
};
