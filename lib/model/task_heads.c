/* rtdtools - MIT licence
 *
 * The heads of tasks, in the shapes of Hugging Face's Electra classes. */
#include <string.h>

#include "base/rng.h"
#include "model/heads.h"
#include "nn/gemm.h"

/* Dropout of a head's input, site `number`: whole sequences, or one row a sequence. */
static void head_dropout(real *x, size_t h, double rate, const struct rtd_tokens *t,
                         bool all_tokens, uint32_t number, uint64_t seed)
{
    for (size_t s = 0; s < t->nseq; s++) {
        size_t row = all_tokens ? t->start[s] : s;
        struct rtd_drop d = {.seed = seed, .index = t->index[s]};
        d.site = RTD_RNG_DROP_HEAD << 16 | RTD_NET_DISCRIMINATOR << 8 | number;
        rtd_drop_rate(&d, rate);
        rtd_kernels()->dropout(x + row * h, all_tokens ? t->start[s + 1] - row : 1, h, &d);
    }
}

static size_t tokens_of(const struct rtd_tokens *t)
{
    return t->start[t->nseq] - t->start[0];
}

/* --- a dense layer on every token --- */

static void layout_token(struct rtd_head_shape *shape, const struct rtd_head_place *at)
{
    struct rtd_token_head *head = &shape->as.token;
    const struct rtd_encoder *enc = at->enc;
    int depth = enc->layers + 1;
    *head = (struct rtd_token_head){.h = enc->h, .labels = (size_t)at->outputs, .drop = at->drop};
    head->w = rtd_params_add(at->params, enc->net, 0, RTD_INIT_GLOROT, depth, head->labels, enc->h,
                             "%s.weight", at->name);
    head->b = rtd_params_add(at->params, enc->net, 0, RTD_INIT_ZERO, depth, head->labels, 0,
                             "%s.bias", at->name);
}

static void take_token(struct rtd_head_acts *a, struct rtd_arena *arena,
                       const struct rtd_head_shape *shape, const struct rtd_tokens *t, bool train)
{
    const struct rtd_token_head *head = &shape->as.token;
    *a = (struct rtd_head_acts){0};
    if (train && head->drop > 0)
        a->x = rtd_arena_take(arena, tokens_of(t) * head->h, sizeof *a->x);
}

static void token_forward(const struct rtd_head_shape *shape, const real *w, real *logits,
                          struct rtd_head_acts *a, const struct rtd_tokens *t, const real *hidden,
                          struct rtd_arena *arena, bool drop, uint64_t seed)
{
    const struct rtd_token_head *head = &shape->as.token;
    size_t T = tokens_of(t);
    if (!arena->base)
        return;
    if (drop && head->drop > 0) {
        memcpy(a->x, hidden, T * head->h * sizeof *a->x);
        head_dropout(a->x, head->h, head->drop, t, true, 0, seed);
        hidden = a->x;
    }
    rtd_linear(logits, hidden, w + head->w, T, head->labels, head->h, 0);
    rtd_kernels()->add_bias(logits, w + head->b, T, head->labels);
}

static void token_backward(const struct rtd_head_shape *shape, const real *w, real *g, real *d,
                           const real *dlogits, const struct rtd_head_acts *a,
                           const struct rtd_tokens *t, const real *hidden, struct rtd_arena *arena,
                           bool drop, uint64_t seed)
{
    const struct rtd_token_head *head = &shape->as.token;
    size_t T = tokens_of(t), h = head->h, mark = arena->used;
    real *dx = rtd_arena_take(arena, T * h, sizeof *dx);
    if (arena->base) {
        drop = drop && head->drop > 0;
        rtd_kernels()->bias_bwd(g + head->b, dlogits, T, head->labels);
        rtd_linear_bwd(dx, g + head->w, dlogits, drop ? a->x : hidden, w + head->w, T, head->labels,
                       h, 0);
        if (drop)
            head_dropout(dx, h, head->drop, t, true, 0, seed);
        rtd_kernels()->add(d, dx, T * h);
    }
    arena->used = mark;
}

const struct rtd_head_form rtd_token_form = {.layout = layout_token,
                                             .take = take_token,
                                             .forward = token_forward,
                                             .backward = token_backward};

/* --- a sequence by its first token --- */

void rtd_pooler_layout(struct rtd_pooler *pooler, struct rtd_params *p,
                       const struct rtd_encoder *enc, const char *prefix)
{
    int depth = enc->layers + 1;
    pooler->dense_w = rtd_params_add(p, enc->net, 0, RTD_INIT_NORMAL, depth, enc->h, enc->h,
                                     "%spooler.dense.weight", prefix);
    pooler->dense_b = rtd_params_add(p, enc->net, 0, RTD_INIT_ZERO, depth, enc->h, 0,
                                     "%spooler.dense.bias", prefix);
}

static void layout_class(struct rtd_head_shape *shape, const struct rtd_head_place *at)
{
    struct rtd_class_head *head = &shape->as.cls;
    const struct rtd_encoder *enc = at->enc;
    int depth = enc->layers + 1;
    size_t h = enc->h;
    const char *out = at->pooler ? "" : ".out_proj";
    *head = (struct rtd_class_head){.h = h,
                                    .labels = (size_t)at->outputs,
                                    .act = at->pooler ? RTD_TANH : RTD_GELU,
                                    .drop_first = !at->pooler,
                                    .drop = at->drop};
    if (at->pooler) {
        head->dense_w = at->pooler->dense_w;
        head->dense_b = at->pooler->dense_b;
    } else {
        head->dense_w = rtd_params_add(at->params, enc->net, 0, RTD_INIT_GLOROT, depth, h, h,
                                       "%s.dense.weight", at->name);
        head->dense_b = rtd_params_add(at->params, enc->net, 0, RTD_INIT_ZERO, depth, h, 0,
                                       "%s.dense.bias", at->name);
    }
    head->out_w = rtd_params_add(at->params, enc->net, 0, RTD_INIT_GLOROT, depth, head->labels, h,
                                 "%s%s.weight", at->name, out);
    head->out_b = rtd_params_add(at->params, enc->net, 0, RTD_INIT_ZERO, depth, head->labels, 0,
                                 "%s%s.bias", at->name, out);
}

static void take_class(struct rtd_head_acts *a, struct rtd_arena *arena,
                       const struct rtd_head_shape *shape, const struct rtd_tokens *t, bool train)
{
    size_t n = t->nseq * shape->as.cls.h;
    (void)train;
    a->x = rtd_arena_take(arena, n, sizeof(real));
    a->u = rtd_arena_take(arena, n, sizeof(real));
    a->y = rtd_arena_take(arena, n, sizeof(real));
}

static void class_forward(const struct rtd_head_shape *shape, const real *w, real *logits,
                          struct rtd_head_acts *a, const struct rtd_tokens *t, const real *hidden,
                          struct rtd_arena *arena, bool drop, uint64_t seed)
{
    const struct rtd_class_head *head = &shape->as.cls;
    const struct rtd_kernels *k = rtd_kernels();
    size_t h = head->h, n = t->nseq;
    if (!arena->base)
        return;
    drop = drop && head->drop > 0;
    for (size_t s = 0; s < n; s++)
        memcpy(a->x + s * h, hidden + t->start[s] * h, h * sizeof(real));
    if (drop && head->drop_first)
        head_dropout(a->x, h, head->drop, t, false, 0, seed);
    rtd_linear(a->u, a->x, w + head->dense_w, n, h, h, 0);
    k->bias_act_fwd(a->y, a->u, w + head->dense_b, n, h, head->act);
    if (drop)
        head_dropout(a->y, h, head->drop, t, false, 1, seed);
    rtd_linear(logits, a->y, w + head->out_w, n, head->labels, h, 0);
    k->add_bias(logits, w + head->out_b, n, head->labels);
}

static void class_backward(const struct rtd_head_shape *shape, const real *w, real *g, real *d,
                           const real *dlogits, const struct rtd_head_acts *a,
                           const struct rtd_tokens *t, const real *hidden, struct rtd_arena *arena,
                           bool drop, uint64_t seed)
{
    const struct rtd_class_head *head = &shape->as.cls;
    const struct rtd_kernels *k = rtd_kernels();
    size_t h = head->h, n = t->nseq, mark = arena->used;
    real *dy = rtd_arena_take(arena, n * h, sizeof *dy);
    real *dx = rtd_arena_take(arena, n * h, sizeof *dx);
    (void)hidden;
    if (arena->base) { /* else only counting */
        drop = drop && head->drop > 0;
        k->bias_bwd(g + head->out_b, dlogits, n, head->labels);
        rtd_linear_bwd(dy, g + head->out_w, dlogits, a->y, w + head->out_w, n, head->labels, h, 0);
        if (drop)
            head_dropout(dy, h, head->drop, t, false, 1, seed);
        k->bias_act_bwd(dy, g + head->dense_b, a->u, n, h, head->act);
        rtd_linear_bwd(dx, g + head->dense_w, dy, a->x, w + head->dense_w, n, h, h, 0);
        if (drop && head->drop_first)
            head_dropout(dx, h, head->drop, t, false, 0, seed);
        for (size_t s = 0; s < n; s++)
            k->add(d + t->start[s] * h, dx + s * h, h);
    }
    arena->used = mark;
}

const struct rtd_head_form rtd_class_form = {.per_sequence = true,
                                             .layout = layout_class,
                                             .take = take_class,
                                             .forward = class_forward,
                                             .backward = class_backward};
