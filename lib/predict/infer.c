/* rtdtools - MIT licence
 *
 * Inference: micro-batches of whole sequences, one thread each. */
#include "predict/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/kernels.h"

enum { MICRO_TOKENS = 512 };

struct rtd_infer {
    struct rtd_network *net;
    struct rtd_pool *pool;
    struct rtd_arena *arena; /* [workers] */
    struct rtd_err *err;     /* [workers] */
};

int rtd_infer_open(struct rtd_infer **out, const struct rtd_model_dir *m, struct rtd_pool *pool,
                   bool heads, struct rtd_err *err)
{
    struct rtd_infer *f = calloc(1, sizeof *f);
    size_t workers = (size_t)rtd_pool_size(pool);
    *out = NULL;
    if (!f)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    f->pool = pool;
    f->arena = calloc(workers, sizeof *f->arena);
    f->err = calloc(workers, sizeof *f->err);
    int st = f->arena && f->err ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_network_open(&f->net, &m->config, m->weights, heads, err);
    if (st) {
        rtd_infer_close(f);
        return st;
    }
    *out = f;
    return RTD_OK;
}

void rtd_infer_close(struct rtd_infer *f)
{
    if (!f)
        return;
    for (int i = 0; f->arena && i < rtd_pool_size(f->pool); i++)
        rtd_arena_free(&f->arena[i]);
    free(f->arena);
    free(f->err);
    rtd_network_free(f->net);
    free(f);
}

const struct rtd_network *rtd_infer_network(const struct rtd_infer *f)
{
    return f->net;
}

struct job {
    struct rtd_infer *f;
    const struct rtd_encoder *enc;
    const struct rtd_sequences *s;
    size_t *first; /* [micro-batches + 1] first sequence of each */
    /* heads ... */
    const int *head;
    int heads;
    float *const *out;
    /* ... or an embedding */
    bool keep; /* the input of layer 0 is wanted */
    const struct rtd_embedding *how;
    float *embedding;
};

/* Memory of a micro-batch, in the order of use. */
struct micro {
    struct rtd_tokens t;
    uint32_t *start;
    uint64_t *index; /* keys of dropout: not looked at */
    struct rtd_acts acts;
    struct rtd_head_acts head[RTD_MAX_HEADS];
    float *vector[2]; /* (nseq, how->widest) */
};

static void micro_take(struct micro *m, struct rtd_arena *a, const struct job *j)
{
    m->start = rtd_arena_take(a, m->t.nseq + 1, sizeof *m->start);
    m->index = rtd_arena_take(a, m->t.nseq, sizeof *m->index);
    rtd_acts_take(&m->acts, a, j->enc, &m->t, j->keep);
    for (int i = 0; i < j->heads; i++) {
        const struct rtd_head_shape *head = &j->f->net->head[j->head[i]].shape;
        head->form->take(&m->head[i], a, head, &m->t, false);
    }
    for (int i = 0; i < 2 && j->how; i++)
        m->vector[i] = rtd_arena_take(a, m->t.nseq * j->how->widest, sizeof *m->vector[i]);
}

/* The arena's size for m. */
static size_t micro_size(struct micro m, const struct job *j)
{
    struct rtd_arena count = {0};
    micro_take(&m, &count, j);
    for (int i = 0; i < j->heads; i++)
        rtd_head_scratch(&count, &j->f->net->head[j->head[i]], &m.t, false);
    return count.peak;
}

/* x (n,h) to one row. */
static void pool_tokens(float *row, const real *x, size_t n, size_t h, enum rtd_pooling pooling)
{
    float by = pooling == RTD_POOL_MEAN ? (float)n : sqrtf((float)n);
    memcpy(row, x, h * sizeof *row);
    if (pooling == RTD_POOL_CLS)
        return;
    for (size_t t = 1; t < n; t++)
        if (pooling != RTD_POOL_MAX)
            rtd_kernels()->add(row, x + t * h, h);
        else
            for (size_t c = 0; c < h; c++)
                row[c] = x[t * h + c] > row[c] ? x[t * h + c] : row[c];
    for (size_t c = 0; c < h && pooling != RTD_POOL_MAX; c++)
        row[c] /= by;
}

static void normalise(float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n && sum > 0; i++)
        x[i] = (float)((double)x[i] / sqrt(sum));
}

/* y (n,out) of x (n,in) */
static void run_dense(const struct rtd_embedding_stage *d, float *y, const float *x, size_t n)
{
    rtd_linear(y, x, d->w, n, d->out, d->in, 0);
    if (d->act >= 0)
        rtd_kernels()->bias_act_fwd(y, y, d->b, n, d->out, (enum rtd_activation)d->act);
    else
        rtd_kernels()->add_bias(y, d->b, n, d->out);
}

/* x (T,h) to one vector a sequence. */
static void make_vectors(const struct job *j, struct micro *m, const real *x, size_t from)
{
    const struct rtd_embedding *how = j->how;
    size_t h = j->enc->h, n = m->t.nseq, width = (size_t)how->poolings * h;
    float *v = m->vector[0], *other = m->vector[1];
    for (size_t s = 0; s < n; s++)
        for (int k = 0; k < how->poolings; k++)
            pool_tokens(v + s * width + (size_t)k * h, x + m->t.start[s] * h,
                        m->t.start[s + 1] - m->t.start[s], h, how->pooling[k]);
    for (int i = 0; i < how->stages; i++) {
        const struct rtd_embedding_stage *d = &how->stage[i];
        if (d->kind == RTD_STAGE_NORMALISE) {
            for (size_t s = 0; s < n; s++)
                normalise(v + s * width, width);
            continue;
        }
        float *y = other;
        run_dense(d, y, v, n);
        other = v;
        v = y;
        width = d->out;
    }
    memcpy(j->embedding + from * width, v, n * width * sizeof *v);
}

static void run_heads(const struct job *j, struct micro *m, size_t from, struct rtd_arena *a)
{
    const struct rtd_network *net = j->f->net;
    for (int i = 0; i < j->heads; i++) {
        const struct rtd_head *head = &net->head[j->head[i]];
        size_t row = head->shape.form->per_sequence ? from : j->s->start[from];
        head->shape.form->forward(&head->shape, net->params.w,
                                  j->out[i] + row * (size_t)head->spec.outputs, &m->head[i], &m->t,
                                  m->acts.out, a, false, 0);
    }
}

static void run_micro(void *arg, int task, int worker)
{
    struct job *j = arg;
    struct rtd_infer *f = j->f;
    struct rtd_arena *a = &f->arena[worker];
    struct rtd_err *err = &f->err[worker];
    size_t from = j->first[task], n = j->first[task + 1] - from;
    uint32_t base = j->s->start[from];
    struct micro m = {.t = {.nseq = n,
                            .start = j->s->start + from,
                            .ids = j->s->ids + base,
                            .types = j->s->types + base}};
    if (err->status)
        return;
    if (rtd_arena_need(a, micro_size(m, j), err))
        return;
    micro_take(&m, a, j);
    for (size_t i = 0; i <= n; i++)
        m.start[i] = j->s->start[from + i] - base;
    memset(m.index, 0, n * sizeof *m.index);
    m.t.start = m.start;
    m.t.index = m.index;
    rtd_encoder_forward(j->enc, f->net->params.w, &m.t, &m.acts, NULL);
    if (j->embedding)
        make_vectors(j, &m, j->keep ? m.acts.layer[0].x : m.acts.out, from);
    run_heads(j, &m, from, a);
}

static int run(struct job *j, struct rtd_err *err)
{
    const struct rtd_sequences *s = j->s;
    struct rtd_infer *f = j->f;
    int tasks = 0;
    j->first = malloc((s->n + 1) * sizeof *j->first);
    if (!j->first)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < s->n; i++)
        if (i == 0 || s->start[i] - s->start[j->first[tasks - 1]] >= MICRO_TOKENS)
            j->first[tasks++] = i;
    j->first[tasks] = s->n;
    rtd_pool_run(f->pool, run_micro, j, tasks);
    free(j->first);
    for (int i = 0; i < rtd_pool_size(f->pool); i++)
        if (f->err[i].status)
            return rtd_fail(err, f->err[i].status, "%s", f->err[i].text);
    return RTD_OK;
}

int rtd_infer_run(struct rtd_infer *f, const struct rtd_sequences *s, const int *head, int n,
                  float *const *out, struct rtd_err *err)
{
    struct job j = {.f = f, .enc = &f->net->enc, .s = s, .head = head, .heads = n, .out = out};
    return run(&j, err);
}

int rtd_infer_embed(struct rtd_infer *f, const struct rtd_sequences *s, int layer,
                    const struct rtd_embedding *how, float *out, struct rtd_err *err)
{
    struct rtd_encoder *enc = malloc(sizeof *enc); /* large */
    if (!enc)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    *enc = f->net->enc;
    enc->layers = layer > 0 ? layer : 1; /* what is above is not computed */
    struct job j = {.f = f, .enc = enc, .s = s, .keep = layer == 0, .how = how, .embedding = out};
    int st = run(&j, err);
    free(enc);
    return st;
}
