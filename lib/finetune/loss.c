/* rtdtools - MIT licence */
#include "finetune/loss.h"

#include <stdlib.h>
#include <string.h>

#include "base/stop.h"

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
    f->pool = pool;
    f->arena = calloc((size_t)rtd_pool_size(pool), sizeof *f->arena);
    f->err = calloc((size_t)rtd_pool_size(pool), sizeof *f->err);
    int st = f->arena && f->err ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_lanes_new(&f->lanes, pool, net->params.total, o->lanes, dense ? NULL : &word, err);
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
    for (int w = 0; f->arena && w < rtd_pool_size(f->pool); w++)
        rtd_arena_free(&f->arena[w]);
    free(f->arena);
    free(f->err);
    rtd_lanes_free(f->lanes);
    rtd_network_free(f->net);
    free(f);
}

struct job {
    struct rtd_finetune_net *f;
    const struct rtd_batch_view *b;
    bool train;
    double *loss;  /* [lanes], or of measuring [micro-batches]; NULL: not wanted */
    real **logits; /* [ntarget] measuring; NULL: none wanted */
    size_t *first; /* [micro-batches + 1] measuring: first unit of each */
    /* the batch lane after lane: */
    uint32_t *unit;  /* [units + 1] first place of each unit in seq */
    uint32_t *seq;   /* [nseq] sequences of the batch */
    uint32_t *start; /* [nseq + 1] their tokens */
};

/* A micro-batch, and its memory in the order of use. */
struct micro {
    struct rtd_tokens t;
    size_t first_unit, units;
    const uint32_t *seq; /* [t.nseq] sequences of the batch */
    uint32_t *start;
    int32_t *ids;
    uint8_t *types;
    uint64_t *index;
    uint32_t *prefix;
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

static size_t count_targets(const struct job *j, const struct micro *m, const int32_t *token)
{
    size_t n = 0;
    for (size_t k = 0; k < m->t.nseq; k++)
        for (size_t t = j->b->start[m->seq[k]]; t < j->b->start[m->seq[k] + 1]; t++)
            n += token[t] >= 0;
    return n;
}

static void micro_take(struct micro *m, struct rtd_arena *a, const struct job *j)
{
    size_t T = m->t.start[m->t.nseq] - m->t.start[0];
    m->start = rtd_arena_take(a, m->t.nseq + 1, sizeof *m->start);
    m->ids = rtd_arena_take(a, T, sizeof *m->ids);
    m->types = rtd_arena_take(a, T, sizeof *m->types);
    m->index = rtd_arena_take(a, m->t.nseq, sizeof *m->index);
    m->prefix = j->b->prefix ? rtd_arena_take(a, m->t.nseq, sizeof *m->prefix) : NULL;
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
static double head_loss(const struct job *j, struct micro *m, int i, real gscale)
{
    const struct rtd_head *head = head_of(j, i);
    const struct rtd_loss_rows rows = {.target = &j->b->target[i],
                                       .n = m->t.nseq,
                                       .seq = m->seq,
                                       .first = j->b->start,
                                       .start = m->start,
                                       .units = m->units,
                                       .unit = j->unit + m->first_unit,
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
                            real gscale)
{
    size_t T = m->start[m->t.nseq], n = 0;
    for (size_t k = 0; k < m->t.nseq; k++) {
        const int32_t *token = j->b->target[i].token + j->b->start[m->seq[k]];
        for (size_t t = 0; t < m->start[k + 1] - m->start[k]; t++)
            if (token[t] >= 0) {
                m->part[i].row[n] = (uint32_t)(m->start[k] + t);
                m->part[i].target[n++] = token[t];
            }
    }
    struct rtd_lm_rows rows = {
        .M = n, .row = m->part[i].row, .target = m->part[i].target, .smoothing = j->f->o.smoothing};
    if (n == 0)
        return 0;
    rtd_lm_head_run(&head_of(j, i)->shape.as.lm, j->f->net->params.w, lane->g, &rows, m->acts.out,
                    m->d, T, gscale, lane->arena);
    return rows.loss;
}

/* The micro-batch's sequences, end to end. */
static void gather(const struct job *j, struct micro *m)
{
    const struct rtd_batch_view *b = j->b;
    m->start[0] = 0;
    for (size_t k = 0; k < m->t.nseq; k++) {
        size_t s = m->seq[k], at = m->start[k], n = b->start[s + 1] - b->start[s];
        m->start[k + 1] = (uint32_t)(at + n);
        memcpy(m->ids + at, b->ids + b->start[s], n * sizeof *m->ids);
        memcpy(m->types + at, b->types + b->start[s], n);
        m->index[k] = b->index[s];
        if (m->prefix)
            m->prefix[k] = b->prefix[s];
    }
    m->t.start = m->start;
    m->t.ids = m->ids;
    m->t.types = m->types;
    m->t.index = m->index;
    m->t.prefix = m->prefix;
}

/* Logits of head i to where the caller wants them: in the batch's order. */
static void keep_logits(const struct job *j, const struct micro *m, int i)
{
    const struct rtd_head *head = head_of(j, i);
    bool rows = head->shape.form->per_sequence;
    size_t outputs = (size_t)head->spec.outputs;
    for (size_t k = 0; j->logits && j->logits[i] && k < m->t.nseq; k++) {
        size_t n = rows ? 1 : m->start[k + 1] - m->start[k], s = m->seq[k];
        memcpy(j->logits[i] + (rows ? s : j->b->start[s]) * outputs,
               m->part[i].logits + (rows ? k : m->start[k]) * outputs, n * outputs * sizeof(real));
    }
}

static void run_micro(const struct job *j, struct rtd_lane *lane, struct micro *m, double *loss)
{
    struct rtd_finetune_net *f = j->f;
    const struct rtd_network *net = f->net;
    const real *w = net->params.w;
    bool drop = j->train && f->o.drop;
    const struct rtd_pass pass = {.seed = f->o.seed};
    gather(j, m);
    size_t T = m->start[m->t.nseq];
    rtd_encoder_forward(&net->enc, w, &m->t, &m->acts, drop ? &pass : NULL);
    if (j->train)
        memset(m->d, 0, T * net->enc.h * sizeof *m->d);
    for (int i = 0; i < j->b->ntarget; i++) {
        const struct rtd_head *head = head_of(j, i);
        double count = j->b->target[i].count;
        real gscale = !j->train ? 0 : f->o.loss_mean && count > 0 ? (real)(1 / count) : 1;
        if (rtd_head_is_language(head)) {
            if (loss)
                *loss += language_loss(j, lane, m, i, gscale);
            continue;
        }
        const struct rtd_head_form *form = head->shape.form;
        form->forward(&head->shape, w, m->part[i].logits, &m->part[i].acts, &m->t, m->acts.out,
                      lane->arena, drop, f->o.seed);
        keep_logits(j, m, i);
        if (loss)
            *loss += head_loss(j, m, i, gscale);
        if (j->train)
            form->backward(&head->shape, w, lane->g, m->d, m->part[i].logits, &m->part[i].acts,
                           &m->t, m->acts.out, lane->arena, drop, f->o.seed);
    }
    if (j->train) {
        rtd_encoder_backward(&net->enc, w, lane->g, &m->t, &m->acts, m->d, lane->arena,
                             drop ? &pass : NULL);
        rtd_lane_touch(lane, m->t.ids, T);
    }
}

/* One past the last unit of the micro-batch that begins with unit u. */
static size_t micro_end(const struct job *j, size_t u, size_t end)
{
    const struct rtd_finetune_net_options *o = &j->f->o;
    size_t next = u + 1, limit = o->micro_sequences ? o->micro_sequences : SIZE_MAX;
    for (; next < end && next - u < limit; next++)
        if (j->start[j->unit[next]] - j->start[j->unit[u]] >= o->micro_tokens)
            break;
    return next;
}

/* Units [u, next) by one worker; adds to *loss. */
static int work_micro(const struct job *j, struct rtd_lane *lane, size_t u, size_t next,
                      double *loss, struct rtd_err *err)
{
    size_t from = j->unit[u];
    struct micro m = {.t = {.nseq = j->unit[next] - from, .start = j->start + from},
                      .seq = j->seq + from,
                      .first_unit = u,
                      .units = next - u};
    for (int i = 0; i < j->b->ntarget; i++)
        if (rtd_head_is_language(head_of(j, i)) && loss)
            m.part[i].rows = count_targets(j, &m, j->b->target[i].token);
    if (rtd_arena_need(lane->arena, micro_size(j, m), err))
        return err->status;
    micro_take(&m, lane->arena, j);
    run_micro(j, lane, &m, loss);
    return RTD_OK;
}

/* Units and sequences lane after lane; free(j->unit). */
static int order_lanes(struct job *j, int lanes, struct rtd_err *err)
{
    const struct rtd_batch_view *b = j->b;
    size_t at = 0;
    uint32_t *order = malloc((b->units + 2 * b->nseq + 2) * sizeof *order);
    if (!order)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    rtd_lane_order(order, b->units, lanes);
    j->unit = order; /* each number is read before it is overwritten */
    j->seq = order + b->units + 1;
    j->start = j->seq + b->nseq;
    j->start[0] = 0;
    for (size_t u = 0; u < b->units; u++) {
        size_t n = order[u], s = b->unit ? b->unit[n] : n, end = b->unit ? b->unit[n + 1] : n + 1;
        j->unit[u] = (uint32_t)at;
        for (; s < end; s++, at++) {
            j->seq[at] = (uint32_t)s;
            j->start[at + 1] = j->start[at] + b->start[s + 1] - b->start[s];
        }
    }
    j->unit[b->units] = (uint32_t)at;
    return RTD_OK;
}

/* --- training: a lane is its units, one micro-batch after the other --- */

static int run_lane(void *arg, struct rtd_lane *lane, struct rtd_err *err)
{
    struct job *j = arg;
    size_t u, next, end;
    int st = RTD_OK;
    rtd_lane_range(j->b->units, rtd_lanes_count(j->f->lanes), lane->lane, &u, &end);
    for (; u < end && !st; u = next) {
        next = micro_end(j, u, end);
        st = work_micro(j, lane, u, next, &j->loss[lane->lane], err);
    }
    return st;
}

int rtd_finetune_net_gradient(struct rtd_finetune_net *f, const struct rtd_batch_view *b,
                              real **grad, double *loss, struct rtd_err *err)
{
    struct job j = {.f = f, .b = b, .train = true};
    int lanes = rtd_lanes_count(f->lanes), st = order_lanes(&j, lanes, err);
    j.loss = calloc((size_t)lanes, sizeof *j.loss);
    if (!j.loss)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_lanes_run(f->lanes, run_lane, &j, grad, err);
    if (!st) {
        rtd_lanes_add(j.loss, lanes, 1);
        *loss = j.loss[0];
    }
    free(j.loss);
    free(j.unit);
    return st;
}

/* --- measuring: any thread takes the next micro-batch --- */

static void measure_micro(void *arg, int task, int worker)
{
    struct job *j = arg;
    struct rtd_lane lane = {.arena = &j->f->arena[worker]};
    struct rtd_err *err = &j->f->err[worker];
    if (!err->status && !rtd_stop_signal())
        work_micro(j, &lane, j->first[task], j->first[task + 1], j->loss ? &j->loss[task] : NULL,
                   err);
}

static int measure(struct job *j, double *loss, struct rtd_err *err)
{
    struct rtd_finetune_net *f = j->f;
    int tasks = 0;
    if (loss)
        *loss = 0;
    for (size_t u = 0; u < j->b->units; u = micro_end(j, u, j->b->units))
        j->first[tasks++] = u;
    j->first[tasks] = j->b->units;
    rtd_pool_run(f->pool, measure_micro, j, tasks);
    for (int w = 0; w < rtd_pool_size(f->pool); w++)
        if (f->err[w].status)
            return rtd_fail(err, f->err[w].status, "%s", f->err[w].text);
    for (int i = 0; loss && i < tasks; i++) /* in their order, whoever worked on them */
        *loss += j->loss[i];
    return rtd_stop_signal() ? RTD_ESIGNAL : RTD_OK;
}

int rtd_finetune_net_logits(struct rtd_finetune_net *f, const struct rtd_batch_view *b,
                            real **logits, double *loss, struct rtd_err *err)
{
    struct job j = {.f = f, .b = b, .logits = logits};
    int st = order_lanes(&j, 1, err);
    j.first = malloc((b->units + 1) * sizeof *j.first);
    j.loss = loss ? calloc(b->units + 1, sizeof *j.loss) : NULL;
    if (!j.first || (loss && !j.loss))
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = measure(&j, loss, err);
    free(j.first);
    free(j.loss);
    free(j.unit);
    return st;
}
