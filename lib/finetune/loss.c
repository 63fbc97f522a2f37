/* rtdtools - MIT licence */
#include "finetune/loss.h"

#include <stdlib.h>
#include <string.h>

void rtd_finetune_net_defaults(struct rtd_finetune_net_options *o)
{
    *o = (struct rtd_finetune_net_options){
        .drop = true, .loss_mean = true, .seed = 1, .lanes = 2, .micro_tokens = 512};
}

int rtd_finetune_net_new(struct rtd_finetune_net **out, struct rtd_network *net,
                         const struct rtd_finetune_net_options *o, struct rtd_pool *pool,
                         struct rtd_err *err)
{
    struct rtd_finetune_net *f = calloc(1, sizeof *f);
    struct rtd_rows word = {.offset = net->enc.word, .rows = net->enc.vocab, .width = net->enc.e};
    bool dense = false; /* a tied output layer has a gradient for every row */
    *out = NULL;
    for (int i = 0; i < net->heads; i++)
        dense |= rtd_head_is_language(&net->head[i]);
    if (!f) {
        rtd_network_free(net);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    f->o = *o;
    f->net = net;
    int st = rtd_lanes_new(&f->lanes, pool, net->params.total, o->lanes, dense ? NULL : &word, err);
    if (st) {
        rtd_finetune_net_free(f);
        return st;
    }
    *out = f;
    return RTD_OK;
}

void rtd_finetune_net_free(struct rtd_finetune_net *f)
{
    if (!f)
        return;
    rtd_lanes_free(f->lanes);
    rtd_network_free(f->net);
    free(f);
}

struct job {
    struct rtd_finetune_net *f;
    const struct rtd_batch_view *b;
    bool train;
    double *loss;  /* [lanes]; NULL: not wanted */
    real **logits; /* [ntarget] */
};

/* Memory of a micro-batch, in the order of use. */
struct micro {
    struct rtd_tokens t;
    size_t first_unit, units;
    uint32_t *start;
    struct rtd_acts acts;
    struct {
        real *logits;
        struct rtd_head_acts acts;
        uint32_t *row;   /* language model: the tokens with a target ... */
        int32_t *target; /* ... and the targets */
        size_t rows;
    } part[RTD_MAX_HEADS];
    real *scratch; /* a number a token, or a unit's candidates */
    real *d;
};

static const struct rtd_head *head_of(const struct job *j, int target)
{
    return &j->f->net->head[j->b->target[target].head];
}

static size_t count_targets(const int32_t *token, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++)
        n += token[i] >= 0;
    return n;
}

static void micro_take(struct micro *m, struct rtd_arena *a, const struct job *j)
{
    size_t T = m->t.start[m->t.nseq] - m->t.start[0];
    m->start = rtd_arena_take(a, m->t.nseq + 1, sizeof *m->start);
    rtd_acts_take(&m->acts, a, &j->f->net->enc, &m->t, j->train);
    for (int i = 0; i < j->b->ntarget; i++) {
        const struct rtd_head *head = head_of(j, i);
        size_t rows = rtd_head_rows(head, &m->t);
        if (rtd_head_is_language(head)) {
            m->part[i].row = rtd_arena_take(a, m->part[i].rows, sizeof *m->part[i].row);
            m->part[i].target = rtd_arena_take(a, m->part[i].rows, sizeof *m->part[i].target);
            continue;
        }
        m->part[i].logits =
            rtd_arena_take(a, rows * (size_t)head->spec.outputs, sizeof *m->part[i].logits);
        head->shape.form->take(&m->part[i].acts, a, &head->shape, &m->t, j->train);
    }
    m->scratch = rtd_arena_take(a, T, sizeof *m->scratch);
    m->d = j->train ? rtd_arena_take(a, T * j->f->net->enc.h, sizeof *m->d) : NULL;
}

static size_t micro_size(const struct job *j, struct micro m)
{
    struct rtd_arena count = {0};
    micro_take(&m, &count, j);
    size_t mark = count.used, T = m.t.start[m.t.nseq] - m.t.start[0];
    for (int i = 0; i < j->b->ntarget; i++) {
        const struct rtd_head *head = head_of(j, i);
        if (rtd_head_is_language(head)) {
            struct rtd_lm_rows rows = {.M = m.part[i].rows};
            rtd_lm_head_run(&head->shape.as.lm, NULL, NULL, &rows, NULL, NULL, T, 1, &count);
        } else {
            rtd_head_scratch(&count, head, &m.t, j->train);
        }
        count.used = mark;
    }
    if (j->train)
        rtd_encoder_backward_scratch(&count, &j->f->net->enc, &m.t);
    return count.peak;
}

/* Loss of target i on micro-batch m; its logits become their gradient. */
static double head_loss(const struct job *j, struct micro *m, int i, size_t from, real gscale)
{
    const struct rtd_head *head = head_of(j, i);
    const struct rtd_loss_rows rows = {.target = &j->b->target[i],
                                       .start = j->b->start,
                                       .unit = j->b->unit,
                                       .first = from,
                                       .n = m->t.nseq,
                                       .first_unit = m->first_unit,
                                       .units = m->units,
                                       .outputs = (size_t)head->spec.outputs,
                                       .smoothing = j->f->o.smoothing,
                                       .gscale = gscale,
                                       .logits = m->part[i].logits,
                                       .scratch = m->scratch};
    return head->task->loss(&rows);
}

/* Forward, loss and backward of a language model on the tokens that have a target; overwrites
 * m->d. */
static double language_loss(const struct job *j, struct rtd_lane *lane, struct micro *m, int i,
                            size_t from, real gscale)
{
    const int32_t *token = j->b->target[i].token;
    size_t base = j->b->start[from], T = m->start[m->t.nseq], n = 0;
    for (size_t t = 0; t < T; t++)
        if (token[base + t] >= 0) {
            m->part[i].row[n] = (uint32_t)t;
            m->part[i].target[n++] = token[base + t];
        }
    struct rtd_lm_rows rows = {
        .M = n, .row = m->part[i].row, .target = m->part[i].target, .smoothing = j->f->o.smoothing};
    if (n == 0)
        return 0;
    rtd_lm_head_run(&head_of(j, i)->shape.as.lm, j->f->net->params.w, lane->g, &rows, m->acts.out,
                    m->d, T, gscale, lane->arena);
    return rows.loss;
}

static void run_micro(const struct job *j, struct rtd_lane *lane, struct micro *m, size_t from)
{
    struct rtd_finetune_net *f = j->f;
    const struct rtd_network *net = f->net;
    const real *w = net->params.w;
    size_t base = j->b->start[from];
    bool drop = j->train && f->o.drop;
    for (size_t s = 0; s <= m->t.nseq; s++)
        m->start[s] = (uint32_t)(j->b->start[from + s] - base);
    m->t.start = m->start;
    size_t T = m->start[m->t.nseq];
    rtd_encoder_forward(&net->enc, w, &m->t, &m->acts, drop, f->o.seed);
    if (j->train)
        memset(m->d, 0, T * net->enc.h * sizeof *m->d);
    for (int i = 0; i < j->b->ntarget; i++) {
        const struct rtd_head *head = head_of(j, i);
        double count = j->b->target[i].count;
        real gscale = !j->train ? 0 : f->o.loss_mean && count > 0 ? (real)(1 / count) : 1;
        if (rtd_head_is_language(head)) {
            if (j->loss)
                j->loss[lane->lane] += language_loss(j, lane, m, i, from, gscale);
            continue;
        }
        const struct rtd_head_form *form = head->shape.form;
        form->forward(&head->shape, w, m->part[i].logits, &m->part[i].acts, &m->t, m->acts.out,
                      lane->arena, drop, f->o.seed);
        size_t outputs = (size_t)head->spec.outputs;
        if (j->logits && j->logits[i])
            memcpy(j->logits[i] + (form->per_sequence ? from : base) * outputs, m->part[i].logits,
                   rtd_head_rows(head, &m->t) * outputs * sizeof(real));
        if (j->loss)
            j->loss[lane->lane] += head_loss(j, m, i, from, gscale);
        if (j->train)
            form->backward(&head->shape, w, lane->g, m->d, m->part[i].logits, &m->part[i].acts,
                           &m->t, m->acts.out, lane->arena, drop, f->o.seed);
    }
    if (j->train) {
        rtd_encoder_backward(&net->enc, w, lane->g, &m->t, &m->acts, m->d, lane->arena, drop,
                             f->o.seed);
        rtd_lane_touch(lane, m->t.ids, T);
    }
}

static int run_lane(void *arg, struct rtd_lane *lane, struct rtd_err *err)
{
    struct job *j = arg;
    const struct rtd_batch_view *b = j->b;
    const struct rtd_finetune_net_options *o = &j->f->o;
    size_t u, next, end, limit = o->micro_sequences ? o->micro_sequences : SIZE_MAX;
    rtd_part(b->units, rtd_lanes_count(j->f->lanes), lane->lane, &u, &end);
    for (; u < end; u = next) {
        size_t from = b->unit ? b->unit[u] : u, to;
        for (next = u + 1; next < end && next - u < limit; next++)
            if (b->start[b->unit ? b->unit[next] : next] - b->start[from] >= o->micro_tokens)
                break;
        to = b->unit ? b->unit[next] : next;
        struct micro m = {.t = {.nseq = to - from,
                                .start = b->start + from,
                                .ids = b->ids + b->start[from],
                                .types = b->types + b->start[from],
                                .index = b->index + from,
                                .prefix = b->prefix ? b->prefix + from : NULL},
                          .first_unit = u,
                          .units = next - u};
        for (int i = 0; i < b->ntarget; i++)
            if (rtd_head_is_language(head_of(j, i)) && j->loss)
                m.part[i].rows = count_targets(b->target[i].token, b->start[from], b->start[to]);
        int st = rtd_arena_need(lane->arena, micro_size(j, m), err);
        if (st)
            return st;
        micro_take(&m, lane->arena, j);
        run_micro(j, lane, &m, from);
    }
    return RTD_OK;
}

static int run(struct job *j, real **grad, double *loss, struct rtd_err *err)
{
    int lanes = rtd_lanes_count(j->f->lanes);
    if (loss) {
        j->loss = calloc((size_t)lanes, sizeof *j->loss);
        if (!j->loss)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        *loss = 0;
    }
    int st = rtd_lanes_run(j->f->lanes, run_lane, j, grad, err);
    for (int i = 0; loss && i < lanes; i++) /* in lane order */
        *loss += j->loss[i];
    free(j->loss);
    return st;
}

int rtd_finetune_net_gradient(struct rtd_finetune_net *f, const struct rtd_batch_view *b,
                              real **grad, double *loss, struct rtd_err *err)
{
    struct job j = {.f = f, .b = b, .train = true};
    return run(&j, grad, loss, err);
}

int rtd_finetune_net_logits(struct rtd_finetune_net *f, const struct rtd_batch_view *b,
                            real **logits, double *loss, struct rtd_err *err)
{
    struct job j = {.f = f, .b = b, .logits = logits};
    return run(&j, NULL, loss, err);
}
