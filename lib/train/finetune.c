/* rtdtools - MIT licence */
#include "train/finetune.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

void rtd_finetune_defaults(struct rtd_finetune_options *o)
{
    *o = (struct rtd_finetune_options){
        .drop = true, .loss_mean = true, .seed = 1, .lanes = 2, .micro_tokens = 512};
}

int rtd_finetune_new(struct rtd_finetune **out, const struct rtd_config *config,
                     const struct rtd_finetune_options *o, struct rtd_pool *pool,
                     struct rtd_err *err)
{
    struct rtd_finetune *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    f->o = *o;
    int st = rtd_config_copy(&f->config, config, err);
    if (!st) {
        rtd_encoder_layout(&f->enc, &f->params, config, RTD_NET_DISCRIMINATOR, "electra.", NULL);
        rtd_class_head_layout(&f->head, &f->params, &f->enc, config);
        st = rtd_params_alloc(&f->params, err);
    }
    if (!st)
        st = rtd_lanes_new(&f->lanes, pool, f->params.total, o->lanes, err);
    if (st) {
        rtd_finetune_free(f);
        return st;
    }
    *out = f;
    return RTD_OK;
}

void rtd_finetune_free(struct rtd_finetune *f)
{
    if (!f)
        return;
    rtd_lanes_free(f->lanes);
    rtd_params_free(&f->params);
    rtd_config_free(&f->config);
    free(f);
}

struct job {
    struct rtd_finetune *f;
    const struct rtd_labelled_batch *b;
    bool train;
    double *loss; /* [lanes] */
    real *logits; /* (nseq, labels) or NULL */
};

/* Memory of a micro-batch, in the order of use. */
struct micro {
    struct rtd_tokens t;
    uint32_t *start;
    real *logits, *d;
    struct rtd_acts acts;
    struct rtd_class_acts head;
};

static void micro_take(struct micro *m, struct rtd_arena *a, const struct job *j)
{
    size_t T = m->t.start[m->t.nseq] - m->t.start[0];
    m->start = rtd_arena_take(a, m->t.nseq + 1, sizeof *m->start);
    m->logits = rtd_arena_take(a, m->t.nseq * j->f->head.labels, sizeof *m->logits);
    rtd_acts_take(&m->acts, a, &j->f->enc, &m->t, j->train);
    rtd_class_acts_take(&m->head, a, &j->f->head, m->t.nseq);
    m->d = j->train ? rtd_arena_take(a, T * j->f->enc.h, sizeof *m->d) : NULL;
}

static size_t micro_size(const struct job *j, struct micro m)
{
    struct rtd_arena count = {0};
    micro_take(&m, &count, j);
    if (j->train) {
        size_t mark = count.used;
        rtd_class_head_bwd(&j->f->head, NULL, NULL, NULL, NULL, &m.head, &m.t, &count, false, 0);
        count.used = mark;
        rtd_encoder_backward_scratch(&count, &j->f->enc, &m.t);
    }
    return count.peak;
}

static void run_micro(const struct job *j, struct rtd_lane *lane, struct micro *m, size_t from)
{
    struct rtd_finetune *f = j->f;
    const real *w = f->params.w;
    size_t labels = f->head.labels, base = j->b->start[from];
    bool drop = j->train && f->o.drop;
    for (size_t s = 0; s <= m->t.nseq; s++)
        m->start[s] = (uint32_t)(j->b->start[from + s] - base);
    m->t.start = m->start;
    rtd_encoder_forward(&f->enc, w, &m->t, &m->acts, drop, f->o.seed);
    rtd_class_head_fwd(&f->head, w, m->logits, &m->head, &m->t, m->acts.out, drop, f->o.seed);
    if (j->logits)
        memcpy(j->logits + from * labels, m->logits, m->t.nseq * labels * sizeof(real));
    if (!j->b->labels)
        return;
    real gscale = !j->train ? 0 : f->o.loss_mean ? 1 / (real)j->b->nseq : 1;
    for (size_t s = 0; s < m->t.nseq; s++)
        j->loss[lane->lane] +=
            rtd_kernels()->xent(m->logits + s * labels, labels, j->b->labels[from + s], gscale);
    if (!j->train)
        return;
    rtd_class_head_bwd(&f->head, w, lane->g, m->d, m->logits, &m->head, &m->t, lane->arena, drop,
                       f->o.seed);
    rtd_encoder_backward(&f->enc, w, lane->g, &m->t, &m->acts, m->d, lane->arena, drop, f->o.seed);
}

static int run_lane(void *arg, struct rtd_lane *lane, struct rtd_err *err)
{
    struct job *j = arg;
    const struct rtd_labelled_batch *b = j->b;
    const struct rtd_finetune_options *o = &j->f->o;
    size_t from, to, end, limit = o->micro_sequences ? o->micro_sequences : SIZE_MAX;
    rtd_part(b->nseq, rtd_lanes_count(j->f->lanes), lane->lane, &from, &end);
    for (; from < end; from = to) {
        for (to = from + 1; to < end && to - from < limit; to++)
            if (b->start[to] - b->start[from] >= o->micro_tokens)
                break;
        struct micro m = {.t = {.nseq = to - from,
                                .start = b->start + from,
                                .ids = b->ids + b->start[from],
                                .types = b->types + b->start[from],
                                .index = b->index + from}};
        int st = rtd_lane_arena(lane, micro_size(j, m), err);
        if (st)
            return st;
        micro_take(&m, lane->arena, j);
        run_micro(j, lane, &m, from);
    }
    return RTD_OK;
}

int rtd_finetune_batch(struct rtd_finetune *f, const struct rtd_labelled_batch *b, real **grad,
                       double *loss, real *logits, struct rtd_err *err)
{
    int lanes = rtd_lanes_count(f->lanes);
    struct job j = {.f = f, .b = b, .train = grad != NULL, .logits = logits};
    j.loss = calloc((size_t)lanes, sizeof *j.loss);
    *loss = 0;
    if (!j.loss)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_lanes_run(f->lanes, run_lane, &j, grad, err);
    for (int i = 0; i < lanes; i++) /* in lane order */
        *loss += j.loss[i];
    free(j.loss);
    return st;
}
