/* rtdtools - MIT licence
 *
 * The two heads of pre-training, which are tasks' heads, too.  The others are in task_heads.c. */
#include "model/heads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/gemm.h"

/* Rows whose logits are in memory at once: enough for the products to be efficient. */
enum { LM_BLOCK = 96 };

void rtd_lm_head_layout(struct rtd_lm_head *head, struct rtd_params *p,
                        const struct rtd_encoder *enc, int net, const char *prefix,
                        const char *bias)
{
    int depth = enc->layers + 1;
    *head = (struct rtd_lm_head){.h = enc->h, .e = enc->e, .vocab = enc->vocab, .word = enc->word};
    head->eps = enc->eps;
    head->act = RTD_GELU;
    head->ln_w =
        rtd_params_add(p, net, 0, RTD_INIT_ONE, depth, enc->e, 0, "%s.LayerNorm.weight", prefix);
    head->ln_b =
        rtd_params_add(p, net, 0, RTD_INIT_ZERO, depth, enc->e, 0, "%s.LayerNorm.bias", prefix);
    head->dense_w = rtd_params_add(p, net, 0, RTD_INIT_NORMAL, depth, enc->e, enc->h,
                                   "%s.dense.weight", prefix);
    head->dense_b =
        rtd_params_add(p, net, 0, RTD_INIT_ZERO, depth, enc->e, 0, "%s.dense.bias", prefix);
    head->bias = rtd_params_add(p, net, 0, RTD_INIT_ZERO, depth, enc->vocab, 0, "%s", bias);
}

/* Is none of the logits above the target's? */
static bool is_most_probable(const real *logits, size_t V, int32_t target)
{
    for (size_t v = 0; v < V; v++)
        if (logits[v] > logits[target])
            return false;
    return true;
}

/* log(1 + exp(x)) */
static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

/* Row m of a copy mechanism: returns its loss; logits as rtd_xent does. */
static double copy_row(struct rtd_lm_rows *rows, size_t m, real *logits, size_t V, real gscale)
{
    int32_t target = rows->target[m], input = rows->input[m];
    double c = (double)rows->gate[m], x = (double)logits[target], best = x;
    double stays = -softplus(-c), changes = -softplus(c); /* logs of the two probabilities */
    for (size_t v = 0; v < V; v++)
        best = (double)logits[v] > best ? (double)logits[v] : best;
    double shown = (double)logits[input];
    double log_p = -rtd_xent(logits, V, target, 0, gscale), said = changes + log_p;
    if (input != target) {
        double other = exp(stays) + exp(said + shown - x);
        rows->correct += exp(said) >= other && best <= x;
        if (gscale != 0)
            rows->dgate[m] = gscale * (real)exp(stays);
        return -said;
    }
    double log_both = fmax(stays, said) + log1p(exp(-fabs(stays - said)));
    rows->correct += log_both >= said + best - x;
    if (gscale != 0) {
        real share =
            (real)exp(said - log_both); /* of the target's probability that is the head's */
        for (size_t v = 0; v < V; v++)
            logits[v] *= share;
        rows->dgate[m] = gscale * (real)(exp(stays - log_both + changes) * expm1(log_p));
    }
    return -log_both;
}

/* Logits, samples, loss and gradients of R rows of y (R,e); dy overwritten when training. */
static void lm_block(const struct rtd_lm_head *head, const real *w, real *g,
                     struct rtd_lm_rows *rows, size_t first, size_t R, const real *y, real *dy,
                     real *logits, real gscale)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t V = head->vocab, e = head->e;
    rtd_linear(logits, y, w + head->word, R, V, e, 0);
    k->add_bias(logits, w + head->bias, R, V);
    if (rows->logits)
        memcpy(rows->logits + first * V, logits, R * V * sizeof(real));
    for (size_t r = 0; r < R; r++) {
        size_t m = first + r;
        int32_t best;
        if (rows->input) {
            rows->loss += copy_row(rows, m, logits + r * V, V, gscale);
            continue;
        }
        if (rows->sampled) {
            int32_t forbid = rows->disallow_correct ? rows->target[m] : -1;
            rows->sampled[m] = k->gumbel(logits + r * V, V, rows->temperature, forbid, rows->seed,
                                         rows->site, rows->index[m], rows->slot[m], &best);
            rows->correct += best == rows->target[m];
        } else {
            rows->correct += is_most_probable(logits + r * V, V, rows->target[m]);
        }
        rows->loss += rtd_xent(logits + r * V, V, rows->target[m], rows->smoothing, gscale);
    }
    if (gscale == 0)
        return;
    k->bias_bwd(g + head->bias, logits, R, V);
    rtd_linear_bwd(dy, g + head->word, logits, y, w + head->word, R, V, e, 0);
}

void rtd_lm_head_run(const struct rtd_lm_head *head, const real *w, real *g,
                     struct rtd_lm_rows *rows, const real *hidden, real *d, size_t T, real gscale,
                     struct rtd_arena *arena)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t M = rows->M, h = head->h, e = head->e, mark = arena->used;
    size_t block = M < LM_BLOCK ? M : LM_BLOCK;
    real *x = rtd_arena_take(arena, M * h, sizeof *x);
    real *u = rtd_arena_take(arena, M * e, sizeof *u);
    real *act = rtd_arena_take(arena, M * e, sizeof *act);
    real *y = rtd_arena_take(arena, M * e, sizeof *y);
    real *dy = rtd_arena_take(arena, M * e, sizeof *dy);
    real *mean = rtd_arena_take(arena, M, sizeof *mean);
    real *rstd = rtd_arena_take(arena, M, sizeof *rstd);
    real *dx = rtd_arena_take(arena, M * h, sizeof *dx);
    real *logits = rtd_arena_take(arena, block * head->vocab, sizeof *logits);
    rows->loss = 0;
    rows->correct = 0;
    if (!arena->base) { /* only counting */
        arena->used = mark;
        return;
    }
    for (size_t m = 0; m < M; m++)
        memcpy(x + m * h, hidden + rows->row[m] * h, h * sizeof *x);
    rtd_linear(u, x, w + head->dense_w, M, e, h, 0);
    k->bias_act_fwd(act, u, w + head->dense_b, M, e, head->act);
    k->layernorm_fwd(y, mean, rstd, act, w + head->ln_w, w + head->ln_b, M, e, head->eps);
    for (size_t m = 0; m < M; m += block) {
        size_t R = M - m < block ? M - m : block;
        lm_block(head, w, g, rows, m, R, y + m * e, dy + m * e, logits, gscale);
    }
    if (gscale != 0) {
        k->layernorm_bwd(dy, g + head->ln_w, g + head->ln_b, dy, act, w + head->ln_w, mean, rstd, M,
                         e);
        k->bias_act_bwd(dy, g + head->dense_b, u, M, e, head->act);
        rtd_linear_bwd(dx, g + head->dense_w, dy, x, w + head->dense_w, M, e, h, 0);
        memset(d, 0, T * h * sizeof *d);
        for (size_t m = 0; m < M; m++)
            k->add(d + rows->row[m] * h, dx + m * h, h);
    }
    arena->used = mark;
}

void rtd_disc_head_layout(struct rtd_disc_head *head, struct rtd_params *p,
                          const struct rtd_encoder *enc, int net)
{
    int depth = enc->layers + 1;
    size_t h = enc->h;
    *head = (struct rtd_disc_head){.h = h, .act = enc->act};
    head->dense_w = rtd_params_add(p, net, 0, RTD_INIT_NORMAL, depth, h, h,
                                   "discriminator_predictions.dense.weight");
    head->dense_b = rtd_params_add(p, net, 0, RTD_INIT_ZERO, depth, h, 0,
                                   "discriminator_predictions.dense.bias");
    head->out_w = rtd_params_add(p, net, 0, RTD_INIT_GLOROT, depth, 1, h,
                                 "discriminator_predictions.dense_prediction.weight");
    head->out_b = rtd_params_add(p, net, 0, RTD_INIT_ZERO, depth, 1, 0,
                                 "discriminator_predictions.dense_prediction.bias");
}

void rtd_disc_head_run(const struct rtd_disc_head *head, const real *w, real *g, real *logits,
                       const uint8_t *labels, double *loss, const real *hidden, real *d, size_t T,
                       real gscale, struct rtd_arena *arena)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t h = head->h, mark = arena->used;
    real *u = rtd_arena_take(arena, T * h, sizeof *u);
    real *y = rtd_arena_take(arena, T * h, sizeof *y);
    real *dy = rtd_arena_take(arena, T * h, sizeof *dy);
    real *dlogits = rtd_arena_take(arena, T, sizeof *dlogits);
    if (!arena->base) { /* only counting */
        arena->used = mark;
        return;
    }
    rtd_linear(u, hidden, w + head->dense_w, T, h, h, 0);
    k->bias_act_fwd(y, u, w + head->dense_b, T, h, head->act);
    rtd_linear(logits, y, w + head->out_w, T, 1, h, 0);
    k->add_bias(logits, w + head->out_b, T, 1);
    if (labels) {
        double sum = 0;
        for (size_t t = 0; t < T; t++) {
            double x = (double)logits[t];
            sum += (x > 0 ? x : 0) - x * labels[t] + log1p(exp(-fabs(x)));
            dlogits[t] = gscale * (real)(1 / (1 + exp(-x)) - labels[t]);
        }
        *loss = sum;
    }
    if (labels && gscale != 0) {
        k->bias_bwd(g + head->out_b, dlogits, T, 1);
        rtd_linear_bwd(dy, g + head->out_w, dlogits, y, w + head->out_w, T, 1, h, 0);
        k->bias_act_bwd(dy, g + head->dense_b, u, T, h, head->act);
        rtd_linear_bwd(d, g + head->dense_w, dy, hidden, w + head->dense_w, T, h, h, 0);
    }
    arena->used = mark;
}

/* --- the same as forms of heads --- */

static void layout_language(struct rtd_head_shape *head, const struct rtd_head_place *at)
{
    rtd_lm_head_layout(&head->as.lm, at->params, at->enc, at->enc->net, at->name, at->bias);
}

const struct rtd_head_form rtd_language_form = {.layout = layout_language};

static void layout_detector(struct rtd_head_shape *head, const struct rtd_head_place *at)
{
    rtd_disc_head_layout(&head->as.disc, at->params, at->enc, at->enc->net);
}

static void take_nothing(struct rtd_head_acts *a, struct rtd_arena *arena,
                         const struct rtd_head_shape *head, const struct rtd_tokens *t, bool train)
{
    (void)arena, (void)head, (void)t, (void)train;
    *a = (struct rtd_head_acts){0};
}

static void detector_forward(const struct rtd_head_shape *head, const real *w, real *logits,
                             struct rtd_head_acts *a, const struct rtd_tokens *t,
                             const real *hidden, struct rtd_arena *arena, bool drop, uint64_t seed)
{
    (void)a, (void)drop, (void)seed;
    rtd_disc_head_run(&head->as.disc, w, NULL, logits, NULL, NULL, hidden, NULL,
                      t->start[t->nseq] - t->start[0], 0, arena);
}

const struct rtd_head_form rtd_detector_form = {
    .layout = layout_detector, .take = take_nothing, .forward = detector_forward};
