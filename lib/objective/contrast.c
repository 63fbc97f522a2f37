/* rtdtools - MIT licence
 *
 * Masked language modelling and, beside it, telling a text by a part of it (COCO-LM's sequence
 * contrastive learning, arXiv 2102.08473): what the encoder says at [CLS] of a masked example shall
 * be nearer to what it says of the same example's crop than to those of the other examples' in the
 * micro-batch.  Nearness is the cosine over a temperature.
 *
 * A crop is [CLS] and CROP of the tokens behind it, unmasked, from a place that the record decides.
 * A micro-batch belongs to one lane and does not depend on threads, so neither do negatives. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "model/flops.h"
#include "objective/masked_lm.h"

#define CROP 0.9

enum { CONTRAST_LOSS = RTD_SUM_AFTER_GENERATOR, CONTRAST_CORRECT };

static const struct rtd_column columns[] = {
    RTD_MLM_COLUMNS,
    {"contrast_loss", CONTRAST_LOSS, RTD_SUM_SEQUENCES, "contrast"},
    {"contrast_accuracy", CONTRAST_CORRECT, RTD_SUM_SEQUENCES, NULL},
    {0},
};

/* The crops of a micro-batch. */
struct crops {
    struct rtd_tokens t;
    uint32_t *start; /* [nseq + 1] */
    int32_t *ids;    /* [T], as many of them as are used */
    uint8_t *types;  /* [T] */
    int32_t *whole;  /* [T] the micro-batch unmasked */
};

/* Tokens of a crop of a sequence of n. */
static uint32_t crop_length(uint32_t n)
{
    return n > 1 ? 1 + (uint32_t)ceil(CROP * (n - 1)) : n;
}

static void take(struct crops *c, struct rtd_arena *arena, const struct rtd_micro *m)
{
    c->start = rtd_arena_take(arena, m->t.nseq + 1, sizeof *c->start);
    c->ids = rtd_arena_take(arena, m->T, sizeof *c->ids);
    c->types = rtd_arena_take(arena, m->T, sizeof *c->types);
    c->whole = rtd_arena_take(arena, m->T, sizeof *c->whole);
    c->t = m->t;
    if (!arena->base) /* no longer than what they are cut from */
        return;
    c->t.start = c->start;
    c->t.ids = c->ids;
    c->t.types = c->types;
}

static void cut(struct crops *c, const struct rtd_pretrain *p, const struct rtd_micro *m)
{
    rtd_corrupt(m, m->original, c->whole, NULL);
    c->start[0] = 0;
    for (size_t s = 0; s < m->t.nseq; s++) {
        uint32_t from = m->t.start[s], n = m->t.start[s + 1] - from, length = crop_length(n);
        uint32_t draw = rtd_rand32(p->o.seed, RTD_RNG_CROP, 0, 0, m->t.index[s], 0);
        uint32_t at = c->start[s], skip = rtd_below(draw, n - length + 1);
        c->start[s + 1] = at + length;
        c->ids[at] = c->whole[from];
        c->types[at] = m->t.types[from];
        memcpy(c->ids + at + 1, c->whole + from + 1 + skip, (length - 1) * sizeof *c->ids);
        memcpy(c->types + at + 1, m->t.types + from + 1 + skip, length - 1);
    }
}

/* The first rows of the sequences, each of length 1: y (nseq,h), their lengths before. */
static void directions(real *y, real *length, const struct rtd_body *b, size_t h)
{
    for (size_t s = 0; s < b->t.nseq; s++) {
        const real *x = b->acts.out + b->t.start[s] * h;
        length[s] = (real)sqrt(rtd_kernels()->sumsq(x, h) + 1e-12);
        for (size_t k = 0; k < h; k++)
            y[s * h + k] = x[k] / length[s];
    }
}

/* dy (nseq,h), the gradient of directions, into the body's. */
static void turn(struct rtd_body *b, const real *dy, const real *y, const real *length, size_t h)
{
    for (size_t s = 0; s < b->t.nseq; s++) {
        real *d = b->d + b->t.start[s] * h, along = 0;
        for (size_t k = 0; k < h; k++)
            along += dy[s * h + k] * y[s * h + k];
        for (size_t k = 0; k < h; k++)
            d[k] += (dy[s * h + k] - along * y[s * h + k]) / length[s];
    }
}

/* Adds to both bodies' gradients. */
static void compare(const struct rtd_pretrain *p, struct rtd_arena *arena,
                    const struct rtd_micro *m, struct rtd_body *text, struct rtd_body *crop,
                    struct rtd_sums *sums)
{
    size_t n = m->t.nseq, h = p->disc.h;
    real *a = rtd_arena_take(arena, n * h, sizeof *a), *b = rtd_arena_take(arena, n * h, sizeof *b);
    real *da = rtd_arena_take(arena, n * h, sizeof *a);
    real *db = rtd_arena_take(arena, n * h, sizeof *b);
    real *la = rtd_arena_take(arena, n, sizeof *la), *lb = rtd_arena_take(arena, n, sizeof *lb);
    real *near = rtd_arena_take(arena, n * n, sizeof *near), heat = (real)p->o.contrast_temperature;
    real gscale = m->train ? (real)(1 / ((double)m->batch->nseq + 1e-6)) : 0;
    if (!arena->base)
        return;
    directions(a, la, text, h);
    directions(b, lb, crop, h);
    rtd_linear(near, a, b, n, n, h, 0);
    for (size_t i = 0; i < n; i++) {
        bool first = true;
        for (size_t j = 0; j < n; j++) {
            first = first && near[i * n + j] <= near[i * n + i];
            near[i * n + j] /= heat;
        }
        sums->of[CONTRAST_LOSS] += rtd_xent(near + i * n, n, (int32_t)i, 0, gscale);
        sums->of[CONTRAST_CORRECT] += first;
    }
    if (gscale == 0)
        return;
    for (size_t k = 0; k < n * n; k++)
        near[k] /= heat;
    memset(db, 0, n * h * sizeof *db);
    rtd_linear_bwd(da, db, near, a, b, n, n, h, 0);
    turn(text, da, a, la, h);
    turn(crop, db, b, lb, h);
}

static void run(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                const struct rtd_micro *m, struct rtd_sums *sums)
{
    (void)own;
    struct rtd_arena *arena = lane->arena;
    size_t mark = arena->used, h = p->disc.h;
    struct crops c;
    struct rtd_body text, crop;
    struct rtd_lm_rows rows = rtd_masked_rows(p, m, NULL);
    take(&c, arena, m);
    if (arena->base)
        cut(&c, p, m);
    rtd_body_forward(&text, p, lane, m, &p->disc, &m->t, 0, p->keep.hidden[1]);
    rtd_body_forward(&crop, p, lane, m, &p->disc, &c.t, 1, NULL);
    real gscale = m->train ? (real)(p->o.gen_weight / (m->batch->slots + 1e-6)) : 0;
    if (arena->base) {
        memset(text.d, 0, m->T * h * sizeof *text.d);
        memset(crop.d, 0, m->T * h * sizeof *crop.d);
    }
    rtd_lm_head_run(&p->disc_lm, p->params.w, lane->g, &rows, text.acts.out, text.d, m->T, gscale,
                    arena);
    compare(p, arena, m, &text, &crop, sums);
    rtd_body_backward(&crop, p, lane, m, m->train);
    rtd_body_backward(&text, p, lane, m, m->train);
    sums->of[RTD_SUM_MLM_LOSS] += rows.loss;
    sums->of[RTD_SUM_MLM_CORRECT] += (double)rows.correct;
    arena->used = mark;
}

static double loss(const struct rtd_pretrain *p, const struct rtd_sums *s)
{
    return p->o.gen_weight * s->of[RTD_SUM_MLM_LOSS] / (s->of[RTD_SUM_SLOTS] + 1e-6) +
           s->of[CONTRAST_LOSS] / (s->of[RTD_SUM_SEQUENCES] + 1e-6);
}

static double flops(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    return 3 * (rtd_flops_encoder(&p->disc_config, (double)n) +
                rtd_flops_encoder(&p->disc_config, crop_length((uint32_t)n)) +
                rtd_flops_generator_head(&p->disc_config, (double)masked));
}

static struct rtd_trained_heads heads(const struct rtd_pretrain *p)
{
    return (struct rtd_trained_heads){.lm = &p->disc_lm};
}

const struct rtd_objective rtd_contrast = {
    .name = "contrast",
    .parts = RTD_PART_LM,
    .columns = columns,
    .eval_columns = columns,
    .run = run,
    .loss = loss,
    .flops = flops,
    .heads = heads,
};
