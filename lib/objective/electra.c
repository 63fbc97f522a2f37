/* rtdtools - MIT licence
 *
 * ELECTRA (arXiv 2003.10555): a generator learns masked language modelling; its samples replace the
 * masked words, and the discriminator learns for every token whether it was replaced; in electra-15
 * (section 3.4) only for the masked ones.  No gradient goes through the samples.  The generator
 * uses the discriminator's embeddings. */
#include <math.h>
#include <string.h>

#include "model/flops.h"
#include "objective/masked_lm.h"

enum {
    JUDGED = RTD_SUM_AFTER_GENERATOR, /* tokens that the discriminator judges */
    DISC_LOSS,                        /* of them */
    DISC_MEANS,                       /* means of sequences, as the official code reports it */
    REPLACED,                         /* tokens that were replaced ... */
    PREDICTED,                        /* ... that are said to be ... */
    BOTH,
    AGREE, /* ... of which truth and prediction are the same */
};

static const struct rtd_column columns[] = {
    RTD_GENERATOR_COLUMNS,
    {"disc_loss", DISC_LOSS, JUDGED, "disc"},
    {"disc_accuracy", AGREE, JUDGED, NULL},
    {"replaced_rate", REPLACED, JUDGED, NULL},
    {0},
};

/* The metrics of google-research/electra (run_pretraining.py), means over everything evaluated; the
 * area under the curve over what is judged. */
static const struct rtd_column eval_columns[] = {
    RTD_GENERATOR_COLUMNS,
    {"disc_loss", DISC_LOSS, JUDGED, "disc"},
    {"disc_loss_mean", DISC_MEANS, RTD_SUM_SEQUENCES, NULL},
    {"disc_auc", RTD_SUM_AUC, -1, "AUC"},
    {"disc_accuracy", AGREE, JUDGED, NULL},
    {"disc_precision", BOTH, PREDICTED, NULL},
    {"disc_recall", BOTH, REPLACED, NULL},
    {"replaced_rate", REPLACED, JUDGED, NULL},
    {0},
};

/* What the discriminator judges of a micro-batch: every token, or the masked ones. */
struct judged {
    size_t n;
    bool masked;
    const uint32_t *row; /* [n] numbers of the masked ones */
    uint8_t *replaced;   /* [n] is it another than the original? */
    real *logits;        /* [n] */
    int32_t *ids;        /* [T] what it reads */
};

static void corrupt(const struct rtd_micro *m, const int32_t *sampled, struct judged *j)
{
    rtd_corrupt(m, sampled, j->ids, j->masked ? NULL : j->replaced);
    for (size_t k = 0; j->masked && k < m->M; k++)
        j->replaced[k] = sampled[k] != m->original[k];
}

/* Number i as it stands in sequence s, to the place of token t in the batch. */
static void keep(const struct rtd_pretrain *p, const struct rtd_micro *m, const struct judged *j,
                 size_t s, size_t i, uint32_t t)
{
    size_t at = m->batch->start[m->seq[s]] + t - m->t.start[s];
    if (p->keep.disc_logits)
        p->keep.disc_logits[at] = j->logits[i];
    if (p->keep.replaced)
        p->keep.replaced[at] = j->replaced[i];
}

static void count(const struct rtd_pretrain *p, const struct rtd_micro *m, const struct judged *j,
                  struct rtd_sums *sums)
{
    double *of = sums->of;
    size_t i = 0;
    for (size_t s = 0; s < m->t.nseq; s++) {
        size_t first = i;
        double loss = 0;
        for (; i < j->n && (j->masked ? j->row[i] : i) < m->t.start[s + 1]; i++) {
            double x = (double)j->logits[i];
            bool said = x > 0, truth = j->replaced[i];
            loss += (x > 0 ? x : 0) - x * truth + log1p(exp(-fabs(x)));
            of[REPLACED] += truth;
            of[PREDICTED] += said;
            of[BOTH] += said && truth;
            of[AGREE] += said == truth;
            keep(p, m, j, s, i, j->masked ? j->row[i] : (uint32_t)i);
        }
        of[DISC_MEANS] += loss / (1e-6 + (double)(i - first));
    }
    of[JUDGED] += (double)j->n;
}

/* The rows of x (T,h) that are judged, to y (n,h). */
static void gather(real *y, const real *x, const struct judged *j, size_t h)
{
    for (size_t i = 0; i < j->n; i++)
        memcpy(y + i * h, x + j->row[i] * h, h * sizeof *y);
}

/* The opposite; rows that are not judged become zero. */
static void scatter(real *x, size_t T, const real *y, const struct judged *j, size_t h)
{
    memset(x, 0, T * h * sizeof *x);
    for (size_t i = 0; i < j->n; i++)
        memcpy(x + j->row[i] * h, y + i * h, h * sizeof *y);
}

/* over: what the mean of the loss goes over. */
static void run_discriminator(const struct rtd_pretrain *p, struct rtd_lane *lane,
                              const struct rtd_micro *m, struct judged *j, double over,
                              struct rtd_sums *sums)
{
    struct rtd_tokens t = m->t;
    struct rtd_body body;
    struct rtd_arena *arena = lane->arena;
    size_t h = p->disc.h;
    t.ids = j->ids;
    rtd_body_forward(&body, p, lane, m, &p->disc, &t, 0, p->keep.hidden[1]);
    real *x = j->masked ? rtd_arena_take(arena, j->n * h, sizeof *x) : body.acts.out;
    real *d = j->masked ? rtd_arena_take(arena, j->n * h, sizeof *d) : body.d;
    if (arena->base && j->masked)
        gather(x, body.acts.out, j, h);
    real gscale = m->train ? (real)(p->o.disc_weight / (over + 1e-6)) : 0;
    double loss = 0;
    rtd_disc_head_run(&p->head, p->params.w, lane->g, j->logits, j->replaced, &loss, x, d, j->n,
                      gscale, arena);
    if (arena->base && j->masked && gscale != 0)
        scatter(body.d, m->T, d, j, h);
    rtd_body_backward(&body, p, lane, m, gscale != 0 && j->n);
    if (!arena->base)
        return;
    sums->of[DISC_LOSS] += loss;
    count(p, m, j, sums);
}

static void run_judging(const struct rtd_pretrain *p, struct rtd_lane *lane,
                        const struct rtd_micro *m, bool masked, struct rtd_sums *sums)
{
    struct rtd_arena *arena = lane->arena;
    size_t mark = arena->used;
    int32_t *sampled = rtd_arena_take(arena, m->M, sizeof *sampled);
    struct judged j = {.n = masked ? m->M : m->T, .masked = masked, .row = m->row};
    j.ids = rtd_arena_take(arena, m->T, sizeof *j.ids);
    j.replaced = rtd_arena_take(arena, j.n, sizeof *j.replaced);
    j.logits = rtd_arena_take(arena, j.n, sizeof *j.logits);
    rtd_generator_run(p, lane, m, sampled, sums);
    if (arena->base)
        corrupt(m, sampled, &j);
    run_discriminator(p, lane, m, &j, masked ? m->batch->slots : m->batch->tokens, sums);
    arena->used = mark;
}

static double loss(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    double generator = rtd_generator_learns(&p->o) ? p->o.gen_weight : 0;
    return generator * s->of[RTD_SUM_MLM_LOSS] / (s->of[RTD_SUM_SLOTS] + 1e-6) +
           p->o.disc_weight * s->of[DISC_LOSS] / (s->of[JUDGED] + 1e-6);
}

static double flops_judging(const struct rtd_pretrain *p, size_t n, size_t masked, size_t judged)
{
    double N = (double)n;
    return 3 * (rtd_flops_encoder(&p->disc_config, N) +
                rtd_flops_discriminator_head(&p->disc_config, (double)judged)) +
           rtd_generator_flops(p, n, masked);
}

static struct rtd_trained_heads heads(const struct rtd_pretrain *p)
{
    return (struct rtd_trained_heads){.disc = &p->head};
}

static void run(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                const struct rtd_micro *m, struct rtd_sums *sums)
{
    (void)own;
    run_judging(p, lane, m, false, sums);
}

static double flops(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return flops_judging(p, n, masked, n);
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

/* --- electra-15 --- */

static void run_15(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                   const struct rtd_micro *m, struct rtd_sums *sums)
{
    (void)own;
    run_judging(p, lane, m, true, sums);
}

static double flops_15(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return flops_judging(p, n, masked, masked);
}

const struct rtd_objective rtd_electra_15 = {
    .name = "electra-15",
    .parts = RTD_PART_DETECTOR | RTD_PART_GENERATOR,
    .columns = columns,
    .eval_columns = eval_columns,
    .run = run_15,
    .loss = loss,
    .flops = flops_15,
    .heads = heads,
};
