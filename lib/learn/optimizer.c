/* rtdtools - MIT licence */
#include "learn/optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "nn/kernels.h"

enum { CHUNK = 1 << 16 };

struct rtd_chunk {
    const struct rtd_param *param;
    size_t offset, n;
};

double rtd_schedule_lr(const struct rtd_schedule *s, uint64_t t)
{
    double T = (double)s->steps, now = t < s->steps ? (double)t : T;
    double up = s->warmup ? rtd_share(t, s->warmup) : 1, u = rtd_share(t, s->steps);
    if (s->multiply)
        return s->lr * (u < s->hold || s->hold >= 1 ? 1 : (1 - u) / (1 - s->hold)) * up;
    if (up < 1)
        return s->lr * up;
    double rest = T - (double)s->warmup;
    return rest > 0 ? s->lr * (T - now) / rest : 0;
}

int rtd_optimizer_init(struct rtd_optimizer *o, const struct rtd_params *p, struct rtd_err *err)
{
    *o = (struct rtd_optimizer){.beta1 = 0.9,
                                .beta2 = 0.999,
                                .eps = 1e-6,
                                .weight_decay = 0.01,
                                .clip = 1,
                                .layer_decay = 1};
    size_t n = 0;
    for (int i = 0; i < p->n; i++)
        n += (p->item[i].count + CHUNK - 1) / CHUNK;
    o->m = rtd_calloc_aligned(p->total, sizeof *o->m);
    o->v = rtd_calloc_aligned(p->total, sizeof *o->v);
    o->chunk = calloc(n, sizeof *o->chunk);
    o->partial = calloc(n, sizeof *o->partial);
    if (!o->m || !o->v || !o->chunk || !o->partial) {
        rtd_optimizer_free(o);
        return rtd_fail(err, RTD_ESYS, "not enough memory for the optimiser");
    }
    for (int i = 0; i < p->n; i++)
        for (size_t at = 0; at < p->item[i].count; at += CHUNK) {
            size_t left = p->item[i].count - at;
            o->chunk[o->chunks++] = (struct rtd_chunk){.param = &p->item[i],
                                                       .offset = p->item[i].offset + at,
                                                       .n = left < CHUNK ? left : CHUNK};
        }
    return RTD_OK;
}

void rtd_optimizer_free(struct rtd_optimizer *o)
{
    free(o->m);
    free(o->v);
    free(o->chunk);
    free(o->partial);
    free(o->ever);
    *o = (struct rtd_optimizer){0};
}

/* Factor of the rate: 1 for heads, layer_decay^(n - k) for layer k of n, ^(n + 1) for embeddings.
 */
static double depth_factor(const struct rtd_optimizer *o, int depth)
{
    if (o->layer_decay == 1 || depth > o->layers)
        return 1;
    return pow(o->layer_decay, o->layers + 1 - depth + (o->official_layer_decay ? 1 : 0));
}

struct update {
    struct rtd_optimizer *o;
    struct rtd_params *p;
    const real *g;
    const struct rtd_touched *touched;
    double lr, clip, correct1, correct2;
};

/* Is the chunk a part of the table of which only some rows have a gradient? */
static bool in_table(const struct update *u, const struct rtd_chunk *c)
{
    return u->touched && c->param->offset == u->touched->table.offset;
}

static void sum_chunk(void *arg, int i, int worker)
{
    struct update *u = arg;
    const struct rtd_chunk *c = &u->o->chunk[i];
    (void)worker;
    u->o->partial[i] = in_table(u, c) ? 0 : rtd_kernels()->sumsq(u->g + c->offset, c->n);
}

/* The squares of the touched rows, in chunks of rows in the order of touching. */
static double sum_touched(const struct update *u)
{
    double sum = 0;
    for (size_t i = 0; u->touched && i < u->touched->n; i++) {
        const struct rtd_rows *t = &u->touched->table;
        sum += rtd_kernels()->sumsq(u->g + t->offset + u->touched->row[i] * t->width, t->width);
    }
    return sum;
}

/* Numbers [at, at + n): rows that were never touched have zero moments, and only decay.  Runs of
 * rows of a kind go together. */
static void update_rows(const struct update *u, const struct rtd_adamw *a, size_t at, size_t n)
{
    const struct rtd_optimizer *o = u->o;
    const struct rtd_rows *t = &u->touched->table;
    size_t end = at + n, next;
    for (; at < end; at = next) {
        size_t row = (at - t->offset) / t->width;
        bool ever = o->ever[row];
        while (++row < t->rows && o->ever[row] == ever && t->offset + row * t->width < end)
            ;
        next = t->offset + row * t->width < end ? t->offset + row * t->width : end;
        if (ever)
            rtd_kernels()->adamw(u->p->w + at, o->m + at, o->v + at, u->g + at, next - at, a);
        else if (a->weight_decay > 0)
            rtd_kernels()->decay(u->p->w + at, next - at, a);
    }
}

static void update_chunk(void *arg, int i, int worker)
{
    struct update *u = arg;
    struct rtd_optimizer *o = u->o;
    const struct rtd_chunk *c = &o->chunk[i];
    (void)worker;
    struct rtd_adamw a = {
        .lr = (real)(u->lr * depth_factor(o, c->param->depth)),
        .beta1 = (real)o->beta1,
        .beta2 = (real)o->beta2,
        .gain1 = (real)(1 - o->beta1),
        .gain2 = (real)(1 - o->beta2),
        .eps = (real)o->eps,
        .weight_decay = c->param->decay ? (real)o->weight_decay : 0,
        .clip = (real)u->clip,
        .correct1 = (real)u->correct1,
        .correct2 = (real)u->correct2,
    };
    if (in_table(u, c))
        update_rows(u, &a, c->offset, c->n);
    else
        rtd_kernels()->adamw(u->p->w + c->offset, o->m + c->offset, o->v + c->offset,
                             u->g + c->offset, c->n, &a);
}

/* A row is known by its moments when a run is resumed. */
static int note_touched(struct rtd_optimizer *o, const struct rtd_touched *touched,
                        struct rtd_err *err)
{
    const struct rtd_rows *t = &touched->table;
    if (!o->ever) {
        o->ever = calloc(t->rows, sizeof *o->ever);
        if (!o->ever)
            return rtd_fail(err, RTD_ESYS, "not enough memory for the optimiser");
        for (size_t r = 0; r < t->rows; r++)
            for (size_t c = 0; c < t->width && !o->ever[r]; c++)
                o->ever[r] = o->m[t->offset + r * t->width + c] != 0 ||
                             o->v[t->offset + r * t->width + c] != 0;
    }
    for (size_t i = 0; i < touched->n; i++)
        o->ever[touched->row[i]] = true;
    return RTD_OK;
}

int rtd_optimizer_step(struct rtd_optimizer *o, struct rtd_params *p, const real *g,
                       const struct rtd_touched *touched, double lr, uint64_t t,
                       struct rtd_pool *pool, double *norm, struct rtd_err *err)
{
    struct update u = {.o = o,
                       .p = p,
                       .g = g,
                       .touched = touched,
                       .lr = lr,
                       .clip = 1,
                       .correct1 = 1,
                       .correct2 = 1};
    if (touched && note_touched(o, touched, err))
        return err->status;
    rtd_pool_run(pool, sum_chunk, &u, o->chunks);
    double sum = sum_touched(&u);
    for (int i = 0; i < o->chunks; i++) /* in order: the same for any number of threads */
        sum += o->partial[i];
    *norm = sqrt(sum);
    if (!isfinite(*norm))
        return rtd_fail(err, RTD_ENUMERIC, "step %llu: the gradient is not finite",
                        (unsigned long long)t + 1);
    if (o->clip > 0 && *norm > o->clip)
        u.clip = o->clip / *norm;
    if (o->bias_correction) {
        u.correct1 = 1 / (1 - pow(o->beta1, (double)t + 1));
        u.correct2 = 1 / (1 - pow(o->beta2, (double)t + 1));
    }
    rtd_pool_run(pool, update_chunk, &u, o->chunks);
    return RTD_OK;
}
