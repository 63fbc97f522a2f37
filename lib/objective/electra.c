/* rtdtools - MIT licence
 *
 * ELECTRA (arXiv 2003.10555): a generator learns masked language modelling; its samples replace the
 * masked words, and the discriminator learns for every token whether it was replaced.  No gradient
 * goes through the samples.  The generator uses the discriminator's embeddings. */
#include <math.h>
#include <string.h>

#include "model/flops.h"
#include "objective/masked_lm.h"

enum {
    DISC_LOSS = RTD_SUM_AFTER_GENERATOR, /* over tokens */
    DISC_MEANS,                          /* means of sequences, as the official code reports it */
    REPLACED,                            /* tokens that were replaced ... */
    PREDICTED,                           /* ... that are said to be ... */
    BOTH,
    AGREE, /* ... of which truth and prediction are the same */
};

static const struct rtd_column columns[] = {
    RTD_GENERATOR_COLUMNS,
    {"disc_loss", DISC_LOSS, RTD_SUM_TOKENS, "disc"},
    {"disc_accuracy", AGREE, RTD_SUM_TOKENS, NULL},
    {"replaced_rate", REPLACED, RTD_SUM_TOKENS, NULL},
    {0},
};

/* The metrics of google-research/electra (run_pretraining.py), means over everything evaluated; the
 * area under the curve over real tokens. */
static const struct rtd_column eval_columns[] = {
    RTD_GENERATOR_COLUMNS,
    {"disc_loss", DISC_LOSS, RTD_SUM_TOKENS, "disc"},
    {"disc_loss_mean", DISC_MEANS, RTD_SUM_SEQUENCES, NULL},
    {"disc_auc", RTD_SUM_AUC, -1, "AUC"},
    {"disc_accuracy", AGREE, RTD_SUM_TOKENS, NULL},
    {"disc_precision", BOTH, PREDICTED, NULL},
    {"disc_recall", BOTH, REPLACED, NULL},
    {"replaced_rate", REPLACED, RTD_SUM_TOKENS, NULL},
    {0},
};

/* The discriminator's view of a micro-batch. */
struct view {
    const int32_t *sampled; /* [M] */
    int32_t *ids;           /* [T] the original tokens, samples in the masked places */
    uint8_t *replaced;      /* [T] is it another than the original? */
    real *logits;           /* [T] */
};

static void corrupt(const struct rtd_micro *m, struct view *v)
{
    memcpy(v->ids, m->t.ids, m->T * sizeof *v->ids);
    memset(v->replaced, 0, m->T);
    for (size_t k = 0; k < m->M; k++) {
        v->ids[m->row[k]] = v->sampled[k];
        v->replaced[m->row[k]] = v->sampled[k] != m->original[k];
    }
}

static void count_tokens(const struct rtd_micro *m, const struct view *v, struct rtd_sums *sums)
{
    double *of = sums->of;
    for (size_t s = 0; s < m->t.nseq; s++) {
        double loss = 0;
        for (size_t t = m->t.start[s]; t < m->t.start[s + 1]; t++) {
            double x = (double)v->logits[t];
            bool said = x > 0, truth = v->replaced[t];
            loss += (x > 0 ? x : 0) - x * truth + log1p(exp(-fabs(x)));
            of[REPLACED] += truth;
            of[PREDICTED] += said;
            of[BOTH] += said && truth;
            of[AGREE] += said == truth;
        }
        of[DISC_MEANS] += loss / (1e-6 + m->t.start[s + 1] - m->t.start[s]);
    }
}

static void keep(const struct rtd_pretrain *p, const struct rtd_micro *m, const struct view *v)
{
    rtd_micro_keep(m, p->keep.disc_logits, v->logits, 1);
    for (size_t s = 0; p->keep.replaced && s < m->t.nseq; s++)
        memcpy(p->keep.replaced + m->batch->start[m->seq[s]], v->replaced + m->t.start[s],
               m->t.start[s + 1] - m->t.start[s]);
}

static void run_discriminator(const struct rtd_pretrain *p, struct rtd_lane *lane,
                              const struct rtd_micro *m, struct view *v, struct rtd_sums *sums)
{
    struct rtd_tokens t = m->t;
    struct rtd_body body;
    t.ids = v->ids;
    rtd_body_forward(&body, p, lane, m, &p->disc, &t, 0, p->keep.hidden[1]);
    real gscale = m->train ? (real)(p->o.disc_weight / (m->batch->tokens + 1e-6)) : 0;
    double loss = 0;
    rtd_disc_head_run(&p->head, p->params.w, lane->g, v->logits, v->replaced, &loss, body.acts.out,
                      body.d, m->T, gscale, lane->arena);
    rtd_body_backward(&body, p, lane, m, gscale != 0);
    if (!lane->arena->base)
        return;
    sums->of[DISC_LOSS] += loss;
    count_tokens(m, v, sums);
    keep(p, m, v);
}

static void run(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                const struct rtd_micro *m, struct rtd_sums *sums)
{
    (void)own;
    struct rtd_arena *arena = lane->arena;
    size_t mark = arena->used;
    int32_t *sampled = rtd_arena_take(arena, m->M, sizeof *sampled);
    struct view v = {.sampled = sampled};
    v.ids = rtd_arena_take(arena, m->T, sizeof *v.ids);
    v.replaced = rtd_arena_take(arena, m->T, sizeof *v.replaced);
    v.logits = rtd_arena_take(arena, m->T, sizeof *v.logits);
    rtd_generator_run(p, lane, m, sampled, sums);
    if (arena->base)
        corrupt(m, &v);
    run_discriminator(p, lane, m, &v, sums);
    arena->used = mark;
}

static double loss(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    return p->o.gen_weight * s->of[RTD_SUM_MLM_LOSS] / (s->of[RTD_SUM_SLOTS] + 1e-6) +
           p->o.disc_weight * s->of[DISC_LOSS] / (s->of[RTD_SUM_TOKENS] + 1e-6);
}

static double flops(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    double N = (double)n;
    return 3 * (rtd_flops_encoder(&p->disc_config, N) +
                rtd_flops_discriminator_head(&p->disc_config, N) +
                rtd_flops_encoder(&p->gen_config, N) +
                rtd_flops_generator_head(&p->gen_config, (double)masked));
}

static struct rtd_trained_heads heads(const struct rtd_pretrain *p)
{
    return (struct rtd_trained_heads){.disc = &p->head};
}

const struct rtd_objective rtd_electra = {
    .name = "electra",
    .parts = RTD_PART_DETECTOR | RTD_PART_GENERATOR,
    .columns = columns,
    .eval_columns = eval_columns,
    .run = run,
    .loss = loss,
    .flops = flops,
    .heads = heads,
};
