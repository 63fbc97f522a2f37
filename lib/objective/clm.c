/* rtdtools - MIT licence
 *
 * Causal language modelling by the discriminator: every token but the first from those before it,
 * the masked ones put back.  Alone, or mixed: each sequence is worked on in this way or by masked
 * language modelling, through the same head (GPT-BERT, arXiv 2410.24159; AntLM, arXiv 2412.03275).
 * Which, its record decides. */
#include <string.h>

#include "base/rng.h"
#include "model/flops.h"
#include "objective/masked_lm.h"

enum {
    CAUSAL_LOSS = RTD_SUM_OWN,
    CAUSAL_CORRECT,
    CAUSAL_TOKENS,
    MASKED_LOSS,
    MASKED_CORRECT,
    MASKED_SLOTS,
};
enum { CAUSAL, MASKED, KINDS }; /* what count() counts */

#define CAUSAL_COLUMNS                                   \
    {"clm_loss", CAUSAL_LOSS, CAUSAL_TOKENS, "clm"},     \
    {                                                    \
        "clm_accuracy", CAUSAL_CORRECT, CAUSAL_TOKENS, 0 \
    }
static const struct rtd_column columns[] = {CAUSAL_COLUMNS, {0}};
static const struct rtd_column mixed_columns[] = {
    CAUSAL_COLUMNS,
    {"masked_lm_loss", MASKED_LOSS, MASKED_SLOTS, "mlm"},
    {"masked_lm_accuracy", MASKED_CORRECT, MASKED_SLOTS, NULL},
    {0},
};

static bool is_causal(const struct rtd_pretrain *p, double share, uint64_t record)
{
    return rtd_unit(rtd_rand32(p->o.seed, RTD_RNG_CAUSAL, 0, 0, record, 0)) < share;
}

static void count_shared(const struct rtd_pretrain *p, const struct rtd_masked_batch *b,
                         double share, double over[RTD_COUNTS])
{
    for (size_t s = 0; s < b->nseq; s++)
        if (is_causal(p, share, b->index[s]))
            over[CAUSAL] += b->start[s + 1] - b->start[s] - 1;
        else
            over[MASKED] += b->mstart[s + 1] - b->mstart[s];
}

/* What a micro-batch asks for: the rows of each kind, and the tokens that they are asked of. */
struct asked {
    struct rtd_tokens t;
    struct rtd_lm_rows rows[KINDS];
    uint32_t *row[KINDS];
    int32_t *target[KINDS];
    int32_t *ids;     /* [T] */
    uint32_t *prefix; /* [nseq] */
};

/* The originals in the masked places of a sequence, of which slots `first` to `end` are. */
static void put_back(struct asked *a, const struct rtd_micro *m, size_t first, size_t end)
{
    for (size_t k = first; k < end; k++)
        a->ids[m->row[k]] = m->original[k];
}

static void ask(struct asked *a, const struct rtd_pretrain *p, const struct rtd_micro *m,
                double share)
{
    size_t end = 0;
    memcpy(a->ids, m->t.ids, m->T * sizeof *a->ids);
    for (size_t s = 0; s < m->t.nseq; s++) {
        uint32_t from = m->t.start[s], to = m->t.start[s + 1];
        size_t first = end;
        bool causal = is_causal(p, share, m->t.index[s]);
        struct rtd_lm_rows *rows = &a->rows[causal ? CAUSAL : MASKED];
        while (end < m->M && m->row[end] < to)
            end++;
        a->prefix[s] = causal ? 0 : to - from;
        if (causal)
            put_back(a, m, first, end);
        for (uint32_t t = from; causal && t + 1 < to; t++) {
            a->row[CAUSAL][rows->M] = t;
            a->target[CAUSAL][rows->M++] = a->ids[t + 1];
        }
        for (size_t k = first; !causal && k < end; k++) {
            a->row[MASKED][rows->M] = m->row[k];
            a->target[MASKED][rows->M++] = m->original[k];
        }
    }
}

static void take(struct asked *a, struct rtd_arena *arena, const struct rtd_micro *m)
{
    const size_t most[KINDS] = {m->T, m->M};
    *a = (struct asked){.t = m->t};
    for (int k = 0; k < KINDS; k++) {
        a->rows[k].row = a->row[k] = rtd_arena_take(arena, most[k], sizeof *a->row[k]);
        a->rows[k].target = a->target[k] = rtd_arena_take(arena, most[k], sizeof *a->target[k]);
        if (!arena->base)
            a->rows[k].M = most[k];
    }
    a->t.ids = a->ids = rtd_arena_take(arena, m->T, sizeof *a->ids);
    a->t.prefix = a->prefix = rtd_arena_take(arena, m->t.nseq, sizeof *a->prefix);
}

static void run_shared(const struct rtd_pretrain *p, const double *over, double share,
                       struct rtd_lane *lane, const struct rtd_micro *m, struct rtd_sums *sums)
{
    static const int loss[KINDS] = {CAUSAL_LOSS, MASKED_LOSS};
    static const int correct[KINDS] = {CAUSAL_CORRECT, MASKED_CORRECT};
    static const int number[KINDS] = {CAUSAL_TOKENS, MASKED_SLOTS};
    const double weight[KINDS] = {share, 1 - share};
    struct rtd_arena *arena = lane->arena;
    size_t mark = arena->used;
    struct asked a;
    struct rtd_body body;
    take(&a, arena, m);
    if (arena->base)
        ask(&a, p, m, share);
    rtd_body_forward(&body, p, lane, m, &p->disc, &a.t, 0, p->keep.hidden[1]);
    real *d = rtd_arena_take(arena, m->T * p->disc.h, sizeof *d);
    if (arena->base)
        memset(body.d, 0, m->T * p->disc.h * sizeof *d);
    for (int k = 0; k < KINDS; k++) {
        struct rtd_lm_rows *rows = &a.rows[k];
        double mean = p->o.gen_weight * weight[k] / (over[k] + 1e-6);
        real gscale = m->train ? (real)mean : 0;
        if (rows->M == 0)
            continue;
        rtd_lm_head_run(&p->disc_lm, p->params.w, lane->g, rows, body.acts.out, d, m->T, gscale,
                        arena);
        if (arena->base && gscale != 0)
            rtd_kernels()->add(body.d, d, m->T * p->disc.h);
        sums->of[loss[k]] += rows->loss;
        sums->of[correct[k]] += (double)rows->correct;
        sums->of[number[k]] += (double)rows->M;
    }
    rtd_body_backward(&body, p, lane, m, m->train);
    arena->used = mark;
}

static double loss_shared(const struct rtd_pretrain *p, double share, const struct rtd_sums *s)
{
    return p->o.gen_weight * (share * s->of[CAUSAL_LOSS] / (s->of[CAUSAL_TOKENS] + 1e-6) +
                              (1 - share) * s->of[MASKED_LOSS] / (s->of[MASKED_SLOTS] + 1e-6));
}

static double flops_shared(const struct rtd_pretrain *p, double share, size_t n, size_t masked)
{
    double asked = share * ((double)n - 1) + (1 - share) * (double)masked;
    return 3 * (rtd_flops_encoder(&p->disc_config, (double)n) +
                rtd_flops_generator_head(&p->disc_config, asked));
}

/* --- alone --- */

static void count(const struct rtd_pretrain *p, const struct rtd_masked_batch *b,
                  double over[RTD_COUNTS])
{
    count_shared(p, b, 1, over);
}

static void run(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                const struct rtd_micro *m, struct rtd_sums *sums)
{
    run_shared(p, own, 1, lane, m, sums);
}

static double loss(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    return loss_shared(p, 1, s);
}

static double flops(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return flops_shared(p, 1, n, masked);
}

static struct rtd_trained_heads heads(const struct rtd_pretrain *p)
{
    return (struct rtd_trained_heads){.lm = &p->disc_lm, .lm_causal = true};
}

const struct rtd_objective rtd_clm = {
    .name = "clm",
    .parts = RTD_PART_LM,
    .columns = columns,
    .eval_columns = columns,
    .count = count,
    .run = run,
    .loss = loss,
    .flops = flops,
    .heads = heads,
};

/* --- mixed --- */

static void count_mixed(const struct rtd_pretrain *p, const struct rtd_masked_batch *b,
                        double over[RTD_COUNTS])
{
    count_shared(p, b, p->o.clm_share, over);
}

static void run_mixed(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                      const struct rtd_micro *m, struct rtd_sums *sums)
{
    run_shared(p, own, p->o.clm_share, lane, m, sums);
}

static double loss_of_mixed(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    return loss_shared(p, p->o.clm_share, s);
}

static double flops_of_mixed(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return flops_shared(p, p->o.clm_share, n, masked);
}

static struct rtd_trained_heads heads_of_mixed(const struct rtd_pretrain *p)
{
    return (struct rtd_trained_heads){.lm = &p->disc_lm};
}

const struct rtd_objective rtd_mixed = {
    .name = "mixed",
    .parts = RTD_PART_LM,
    .columns = mixed_columns,
    .eval_columns = mixed_columns,
    .count = count_mixed,
    .run = run_mixed,
    .loss = loss_of_mixed,
    .flops = flops_of_mixed,
    .heads = heads_of_mixed,
};
