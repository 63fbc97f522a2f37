/* rtdtools - MIT licence */
#include "model/incremental.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void rtd_cache_free(struct rtd_cache *c)
{
    free(c->source);
    free(c->target);
    free(c->spare);
    *c = (struct rtd_cache){0};
}

/* Keys and values of layer i, target b. */
static real *target_at(const struct rtd_cache *c, real *block, size_t b, int i)
{
    size_t row = 2 * c->enc->h;
    return block + ((b * (size_t)c->enc->layers + (size_t)i) * c->most) * row;
}

static int take_memory(struct rtd_cache *c, const struct rtd_encoder *enc, size_t n, size_t beams,
                       size_t most, struct rtd_err *err)
{
    size_t row = (size_t)enc->layers * 2 * enc->h, source = n * row, target = beams * most * row;
    if (source > c->rooms[0]) {
        free(c->source);
        c->source = rtd_alloc_aligned(source, sizeof(real));
        c->rooms[0] = c->source ? source : 0;
    }
    if (target > c->rooms[1]) {
        free(c->target);
        free(c->spare);
        c->target = rtd_alloc_aligned(target, sizeof(real));
        c->spare = rtd_alloc_aligned(target, sizeof(real));
        c->rooms[1] = c->target && c->spare ? target : 0;
    }
    c->enc = enc;
    c->prefix = n;
    c->beams = beams;
    c->most = most;
    c->steps = 0;
    return c->source && c->target && c->spare ? RTD_OK
                                              : rtd_fail(err, RTD_ESYS, "not enough memory");
}

int rtd_cache_start(struct rtd_cache *c, const struct rtd_encoder *enc, const real *w,
                    const int32_t *ids, const uint8_t *types, size_t n, size_t beams, size_t most,
                    real *hidden, struct rtd_arena *work, struct rtd_err *err)
{
    const uint32_t start[2] = {0, (uint32_t)n};
    const uint64_t index = 0;
    struct rtd_tokens t = {.nseq = 1, .start = start, .ids = ids, .types = types, .index = &index};
    struct rtd_arena count = {0};
    size_t h = enc->h;
    struct rtd_acts *acts = malloc(sizeof *acts); /* large */
    int st = acts ? take_memory(c, enc, n, beams, most, err)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st) {
        rtd_acts_take(acts, &count, enc, &t, true);
        st = rtd_arena_need(work, count.peak, err);
    }
    if (!st) {
        rtd_acts_take(acts, work, enc, &t, true);
        rtd_encoder_forward(enc, w, &t, acts, false, 0);
        for (int i = 0; i < enc->layers; i++)
            for (size_t k = 0; k < n; k++)
                memcpy(c->source + ((size_t)i * n + k) * 2 * h, acts->layer[i].qkv + k * 3 * h + h,
                       2 * h * sizeof(real));
        memcpy(hidden, acts->out + (n - 1) * h, h * sizeof *hidden);
    }
    free(acts);
    return st;
}

/* --- one step --- */

struct step {
    real *e, *x, *qkv, *ctx, *z, *y, *u, *g, *p, *mean, *rstd;
};

/* n tokens; at most `keys` keys. */
static void take_step(struct step *s, struct rtd_arena *a, const struct rtd_encoder *enc, size_t n,
                      size_t keys)
{
    size_t h = enc->h, f = enc->f, size = sizeof(real);
    s->e = rtd_arena_take(a, n * enc->e, size);
    s->x = rtd_arena_take(a, n * h, size);
    s->qkv = rtd_arena_take(a, n * 3 * h, size);
    s->ctx = rtd_arena_take(a, n * h, size);
    s->z = rtd_arena_take(a, n * h, size);
    s->y = rtd_arena_take(a, n * h, size);
    s->u = rtd_arena_take(a, n * f, size);
    s->g = rtd_arena_take(a, n * f, size);
    s->p = rtd_arena_take(a, keys, size);
    s->mean = rtd_arena_take(a, n, size);
    s->rstd = rtd_arena_take(a, n, size);
}

/* Sums of the three embeddings of n tokens at one position. */
static void add_embeddings(const struct rtd_encoder *enc, const real *w, real *sum,
                           const int32_t *ids, uint8_t type, size_t position, size_t n)
{
    size_t e = enc->e;
    for (size_t b = 0; b < n; b++)
        for (size_t i = 0; i < e; i++)
            sum[b * e + i] = w[enc->word + (size_t)ids[b] * e + i] + w[enc->type + type * e + i] +
                             w[enc->position + position * e + i];
}

static void finish_embeddings(const struct rtd_encoder *enc, const real *w, struct step *s,
                              size_t n)
{
    const struct rtd_kernels *k = rtd_kernels();
    size_t e = enc->e;
    k->layernorm_fwd(s->e, s->mean, s->rstd, s->e, w + enc->ln_w, w + enc->ln_b, n, e, enc->eps);
    if (enc->project) {
        rtd_linear(s->x, s->e, w + enc->proj_w, n, enc->h, e, 0);
        k->add_bias(s->x, w + enc->proj_b, n, enc->h);
    } else {
        memcpy(s->x, s->e, n * e * sizeof *s->x);
    }
}

/* Scores of one head's query with `rows` keys, which stand 2h apart. */
static void scores(real *p, const real *q, const real *keys, size_t rows, size_t h, size_t width)
{
    for (size_t r = 0; r < rows; r++) {
        real sum = 0;
        for (size_t i = 0; i < width; i++)
            sum += q[i] * keys[r * 2 * h + i];
        p[r] = sum;
    }
}

static void add_values(real *ctx, const real *p, const real *values, size_t rows, size_t h,
                       size_t width)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            ctx[i] += p[r] * values[r * 2 * h + i];
}

/* The n targets of c, whose rows of s begin at `row`. */
static void attend(const struct rtd_cache *c, const struct step *s, int layer, size_t row, size_t n)
{
    const struct rtd_encoder *enc = c->enc;
    size_t h = enc->h, width = h / enc->heads, own = c->steps + 1;
    real scale = 1 / (real)sqrt((double)width);
    const real *source = c->source + (size_t)layer * c->prefix * 2 * h;
    for (size_t b = 0; b < n; b++) {
        real *mine = target_at(c, c->target, b, layer);
        const real *qkv = s->qkv + (row + b) * 3 * h;
        memcpy(mine + c->steps * 2 * h, qkv + h, 2 * h * sizeof *mine);
        for (size_t head = 0; head < enc->heads; head++) {
            size_t at = head * width;
            real *ctx = s->ctx + (row + b) * h + at;
            const real *q = qkv + at;
            scores(s->p, q, source + at, c->prefix, h, width);
            scores(s->p + c->prefix, q, mine + at, own, h, width);
            rtd_kernels()->softmax_fwd(s->p, NULL, 1, c->prefix + own, scale, NULL);
            memset(ctx, 0, width * sizeof *ctx);
            add_values(ctx, s->p, source + h + at, c->prefix, h, width);
            add_values(ctx, s->p + c->prefix, mine + h + at, own, h, width);
        }
    }
}

int rtd_cache_step(struct rtd_cache *const *c, const size_t *targets, size_t n, const real *w,
                   const int32_t *ids, uint8_t type, real *hidden, struct rtd_arena *work,
                   struct rtd_err *err)
{
    const struct rtd_encoder *enc = c[0]->enc;
    const struct rtd_kernels *k = rtd_kernels();
    size_t h = enc->h, f = enc->f, rows = 0, keys = 0;
    struct rtd_arena count = {0};
    struct step s;
    for (size_t i = 0; i < n; i++) {
        size_t most = c[i]->prefix + c[i]->most;
        keys = most > keys ? most : keys;
        rows += targets[i];
    }
    take_step(&s, &count, enc, rows, keys);
    if (rtd_arena_need(work, count.peak, err))
        return err->status;
    take_step(&s, work, enc, rows, keys);
    for (size_t i = 0, row = 0; i < n; row += targets[i++])
        add_embeddings(enc, w, s.e + row * enc->e, ids + row, type, c[i]->prefix + c[i]->steps,
                       targets[i]);
    finish_embeddings(enc, w, &s, rows);
    for (int i = 0; i < enc->layers; i++) {
        const struct rtd_layer *o = &enc->layer[i];
        rtd_linear(s.qkv, s.x, w + o->qkv_w, rows, 3 * h, h, 0);
        k->add_bias(s.qkv, w + o->qkv_b, rows, 3 * h);
        for (size_t j = 0, row = 0; j < n; row += targets[j++])
            attend(c[j], &s, i, row, targets[j]);
        rtd_linear(s.z, s.ctx, w + o->attn_w, rows, h, h, 0);
        k->residual_layernorm_fwd(s.y, s.z, s.mean, s.rstd, s.x, w + o->attn_b, w + o->ln1_w,
                                  w + o->ln1_b, rows, h, enc->eps, NULL);
        rtd_linear(s.u, s.y, w + o->ffn1_w, rows, f, h, 0);
        k->bias_act_fwd(s.g, s.u, w + o->ffn1_b, rows, f, enc->act);
        rtd_linear(s.z, s.g, w + o->ffn2_w, rows, h, f, 0);
        k->residual_layernorm_fwd(s.x, s.z, s.mean, s.rstd, s.y, w + o->ffn2_b, w + o->ln2_w,
                                  w + o->ln2_b, rows, h, enc->eps, NULL);
    }
    memcpy(hidden, s.x, rows * h * sizeof *hidden);
    for (size_t i = 0; i < n; i++)
        c[i]->steps++;
    return RTD_OK;
}

void rtd_cache_reorder(struct rtd_cache *c, const int *from, size_t n)
{
    size_t row = 2 * c->enc->h, used = c->steps * row * sizeof(real);
    for (size_t b = 0; b < n; b++)
        for (int i = 0; i < c->enc->layers; i++)
            memcpy(target_at(c, c->spare, b, i), target_at(c, c->target, (size_t)from[b], i), used);
    real *old = c->target;
    c->target = c->spare;
    c->spare = old;
}
