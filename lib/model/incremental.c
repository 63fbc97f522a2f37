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
        rtd_encoder_forward(enc, w, &t, acts, NULL);
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

/* One step of several caches: their targets' tokens one after the other. */
struct step {
    struct rtd_cache *const *c;
    const size_t *targets; /* [n] of each cache */
    size_t n;
    real *e, *x, *p;
    struct rtd_layer_acts l; /* of every layer in turn */
};

/* rows tokens; at most `keys` keys. */
static void take_step(struct step *s, struct rtd_arena *a, const struct rtd_encoder *enc,
                      size_t rows, size_t keys)
{
    size_t h = enc->h, f = enc->f, size = sizeof(real);
    s->e = rtd_arena_take(a, rows * enc->e, size);
    s->x = rtd_arena_take(a, rows * h, size);
    s->p = rtd_arena_take(a, keys, size);
    s->l.qkv = rtd_arena_take(a, rows * 3 * h, size);
    s->l.ctx = rtd_arena_take(a, rows * h, size);
    s->l.z1 = s->l.z2 = rtd_arena_take(a, rows * h, size);
    s->l.x1 = rtd_arena_take(a, rows * h, size);
    s->l.u = rtd_arena_take(a, rows * f, size);
    s->l.g = rtd_arena_take(a, rows * f, size);
    s->l.mean1 = s->l.mean2 = rtd_arena_take(a, rows, size);
    s->l.rstd1 = s->l.rstd2 = rtd_arena_take(a, rows, size);
}

static void embed(const struct rtd_encoder *enc, const real *w, struct step *s, const int32_t *ids,
                  uint8_t type, size_t rows)
{
    size_t e = enc->e, row = 0;
    for (size_t i = 0; i < s->n; i++)
        for (size_t b = 0; b < s->targets[i]; b++, row++)
            rtd_embed_token(enc, w, s->e + row * e, ids[row], type,
                            s->c[i]->prefix + s->c[i]->steps);
    rtd_kernels()->layernorm_fwd(s->e, s->l.mean1, s->l.rstd1, s->e, w + enc->ln_w, w + enc->ln_b,
                                 rows, e, enc->eps);
    if (enc->project)
        rtd_embed_project(enc, w, s->x, s->e, rows);
    else
        memcpy(s->x, s->e, rows * e * sizeof *s->x);
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

/* The n targets of c, whose rows begin at qkv and out; p: room for its keys. */
static void attend(const struct rtd_cache *c, int layer, const real *qkv, real *out, real *p,
                   size_t n)
{
    const struct rtd_encoder *enc = c->enc;
    size_t h = enc->h, width = h / enc->heads, own = c->steps + 1;
    real scale = 1 / (real)sqrt((double)width);
    const real *source = c->source + (size_t)layer * c->prefix * 2 * h;
    for (size_t b = 0; b < n; b++, qkv += 3 * h, out += h) {
        real *mine = target_at(c, c->target, b, layer);
        memcpy(mine + c->steps * 2 * h, qkv + h, 2 * h * sizeof *mine);
        for (size_t head = 0; head < enc->heads; head++) {
            size_t at = head * width;
            real *ctx = out + at;
            const real *q = qkv + at;
            scores(p, q, source + at, c->prefix, h, width);
            scores(p + c->prefix, q, mine + at, own, h, width);
            rtd_kernels()->softmax_fwd(p, NULL, 1, c->prefix + own, scale, NULL);
            memset(ctx, 0, width * sizeof *ctx);
            add_values(ctx, p, source + h + at, c->prefix, h, width);
            add_values(ctx, p + c->prefix, mine + h + at, own, h, width);
        }
    }
}

static void attend_step(void *arg, int layer, const real *qkv, real *ctx)
{
    const struct step *s = arg;
    size_t h = s->c[0]->enc->h;
    for (size_t i = 0, row = 0; i < s->n; row += s->targets[i++])
        attend(s->c[i], layer, qkv + row * 3 * h, ctx + row * h, s->p, s->targets[i]);
}

int rtd_cache_step(struct rtd_cache *const *c, const size_t *targets, size_t n, const real *w,
                   const int32_t *ids, uint8_t type, real *hidden, struct rtd_arena *work,
                   struct rtd_err *err)
{
    const struct rtd_encoder *enc = c[0]->enc;
    size_t rows = 0, keys = 0;
    struct rtd_arena count = {0};
    struct step s = {.c = c, .targets = targets, .n = n};
    const struct rtd_attention attention = {.run = attend_step, .arg = &s};
    for (size_t i = 0; i < n; i++) {
        size_t most = c[i]->prefix + c[i]->most;
        keys = most > keys ? most : keys;
        rows += targets[i];
    }
    take_step(&s, &count, enc, rows, keys);
    if (rtd_arena_need(work, count.peak, err))
        return err->status;
    take_step(&s, work, enc, rows, keys);
    embed(enc, w, &s, ids, type, rows);
    for (int i = 0; i < enc->layers; i++)
        rtd_encoder_layer(enc, w, i, s.x, s.x, rows, &s.l, &attention, NULL, NULL);
    memcpy(hidden, s.x, rows * enc->h * sizeof *hidden);
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
