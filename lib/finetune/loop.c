/* rtdtools - MIT licence
 *
 * The fine-tuning loop. */
#include "finetune/loop.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/process.h"
#include "base/say.h"
#include "base/stop.h"
#include "finetune/batch.h"
#include "finetune/state.h"
#include "learn/optimizer.h"

enum { METRIC_ROWS = 200 };

bool rtd_finetune_recipe(struct rtd_finetune_loop_options *o, const char *recipe)
{
    bool electra = strcmp(recipe, "electra") == 0;
    if (!electra && strcmp(recipe, "hf") != 0)
        return false;
    *o = (struct rtd_finetune_loop_options){
        .lr = 1e-4,
        .warmup = 0.1,
        .warmup_multiplies = electra,
        .weight_decay = 0.01,
        .clip = 1,
        .eps = electra ? 1e-6 : 1e-8,
        .layer_decay = electra ? 0.8 : 1,
        .loss_mean = !electra,
        .bias_correction = !electra,
        .batch = 32,
        .epochs = 0,
        .seed = 1,
    };
    return true;
}

static uint64_t batches_of(const struct rtd_finetune_loop_options *o, const struct rtd_examples *e)
{
    uint64_t batch = (uint64_t)o->batch, n = e->units;
    return (n + batch - 1) / batch;
}

static uint64_t steps_an_epoch(const struct rtd_finetune_loop_options *o,
                               const struct rtd_finetune_set *set, int sets)
{
    uint64_t n = 0;
    for (int i = 0; i < sets; i++)
        n += batches_of(o, set[i].train);
    return n;
}

uint64_t rtd_finetune_steps(const struct rtd_finetune_loop_options *o,
                            const struct rtd_finetune_set *set, int sets, uint64_t *warmup,
                            uint64_t *epoch)
{
    *epoch = steps_an_epoch(o, set, sets);
    uint64_t steps = *epoch * (uint64_t)o->epochs;
    if (o->max_steps && (uint64_t)o->max_steps < steps)
        steps = (uint64_t)o->max_steps;
    *warmup = steps > 1 ? (uint64_t)ceil((double)steps * o->warmup - 1e-9) : 0;
    return steps;
}

/* All that a run holds. */
struct run {
    struct rtd_finetune_net *f;
    struct rtd_pool *pool;
    const struct rtd_finetune_set *set;
    int sets;
    bool dev; /* something is held out */
    const struct rtd_finetune_loop_options *o;
    struct rtd_finetune_result *result;
    struct rtd_buf *metrics;
    struct rtd_schedule schedule;
    uint64_t epoch_steps;
    struct rtd_optimizer optimizer;
    struct rtd_finetune_batch batch;
    uint32_t **order; /* [sets][units] */
    uint32_t *turn;   /* [steps an epoch] the set of each step, when there are several */
    real *best;       /* [total] weights of the best epoch, with dev */
    struct rtd_finetune_state at;
    double loss; /* summed over what the mean goes over, since the last row of metrics */
    double count;
    double norm;
};

static int append(struct rtd_buf *b, struct rtd_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int append(struct rtd_buf *b, struct rtd_err *err, const char *fmt, ...)
{
    char line[400];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return rtd_buf_append(b, line, (size_t)n, err);
}

/* "dev_loss", "dev_accuracy", ...; with several sets "dev_NAME_accuracy" after their head. */
static int metric_names(struct run *r, struct rtd_err *err)
{
    int st = append(r->metrics, err, "step\tepoch\tlr\tloss\tgrad_norm\tdev_loss");
    for (int i = 0; i < r->sets; i++) {
        const struct rtd_dev_set *d = r->set[i].dev;
        const char *name = r->f->net->head[r->set[i].train->target[0].head].spec.name;
        for (int k = 0; d && k < d->columns && !st; k++)
            st = append(r->metrics, err, "\tdev_%s%s%s", r->sets > 1 ? name : "",
                        r->sets > 1 ? "_" : "", d->column[k]);
    }
    return st ? st : append(r->metrics, err, "\n");
}

/* A row of metrics.tsv; the training loss is the mean since the row before. */
static int log_row(struct run *r, uint64_t epoch, double lr, const double *dev_loss,
                   double value[][RTD_DEV_COLUMNS], struct rtd_err *err)
{
    double loss = r->count > 0 ? r->loss / r->count : 0;
    r->loss = r->count = 0;
    int st = append(r->metrics, err, "%llu\t%llu\t%.8g\t%.8g\t%.8g\t",
                    (unsigned long long)r->at.step, (unsigned long long)epoch, lr, loss, r->norm);
    if (!st && dev_loss)
        st = append(r->metrics, err, "%.8g", *dev_loss);
    for (int i = 0; i < r->sets; i++)
        for (int k = 0; r->set[i].dev && k < r->set[i].dev->columns && !st; k++)
            st = dev_loss ? append(r->metrics, err, "\t%.8g", value[i][k])
                          : append(r->metrics, err, "\t");
    return st ? st : append(r->metrics, err, "\n");
}

bool rtd_finetune_is_error(const char *metric)
{
    return metric && (strcmp(metric, "loss") == 0 || strcmp(metric, "mse") == 0);
}

/* What the epoch is best in, of one set. */
static double score_of(const struct run *r, int i, double loss, const double *value)
{
    const struct rtd_dev_set *d = r->set[i].dev;
    if (r->o->metric && strcmp(r->o->metric, "loss") == 0)
        return -loss;
    for (int k = 0; k < d->columns && r->o->metric; k++)
        if (strcmp(d->column[k], r->o->metric) == 0)
            return rtd_finetune_is_error(r->o->metric) ? -value[k] : value[k];
    return value[0];
}

static int measure(struct run *r, double *loss, double *score, double value[][RTD_DEV_COLUMNS],
                   struct rtd_err *err)
{
    int st = RTD_OK, n = 0;
    *loss = *score = 0;
    for (int i = 0; i < r->sets && !st; i++) {
        double one;
        if (!r->set[i].dev)
            continue;
        st = rtd_dev_set_measure(r->set[i].dev, r->f, &one, value[i], err);
        if (!st && !isfinite(one))
            st = rtd_fail(err, RTD_ENUMERIC, "%s: the loss on held-out data is not finite",
                          r->set[i].dev->e.name);
        if (st)
            break;
        *loss += one;
        *score += score_of(r, i, one, value[i]);
        n++;
    }
    *loss /= n ? n : 1;
    *score /= n ? n : 1;
    return st;
}

/* "accuracy 0.9123, f1_macro 0.9012" of all sets. */
static void describe(const struct run *r, double value[][RTD_DEV_COLUMNS], char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < r->sets; i++)
        for (int k = 0; r->set[i].dev && k < r->set[i].dev->columns && used < size; k++)
            used += (size_t)snprintf(out + used, size - used, ", %s %.4f", r->set[i].dev->column[k],
                                     value[i][k]);
}

static int end_epoch(struct run *r, uint64_t epoch, double lr, struct rtd_err *err)
{
    double loss, score, value[RTD_MAX_HEADS][RTD_DEV_COLUMNS];
    char text[400];
    if (!r->dev) {
        rtd_info(1, "epoch %llu: loss %.4f", (unsigned long long)epoch,
                 r->loss / (r->count > 0 ? r->count : 1));
        return log_row(r, epoch, lr, NULL, NULL, err);
    }
    int st = measure(r, &loss, &score, value, err);
    if (st)
        return st;
    bool better = r->result->best_epoch == 0 || score > r->at.best_score ||
                  (score == r->at.best_score && loss < r->result->dev_loss);
    describe(r, value, text, sizeof text);
    rtd_note("epoch %llu: dev loss %.4f%s%s", (unsigned long long)epoch, loss, text,
             better ? " (best)" : "");
    r->at.since_best++;
    if (better) {
        memcpy(r->best, r->f->net->params.w, r->f->net->params.total * sizeof *r->best);
        r->at.best_score = score;
        r->at.since_best = 0;
        r->result->best_epoch = (int)epoch;
        r->result->dev_score = score;
        r->result->dev_loss = loss;
        memcpy(r->result->value, value, sizeof value);
    }
    return log_row(r, epoch, lr, &loss, value, err);
}

static int one_step(struct run *r, int set, uint64_t epoch, size_t from, double *lr,
                    struct rtd_err *err)
{
    const struct rtd_examples *e = r->set[set].train;
    size_t left = e->units - from;
    size_t n = left < (size_t)r->o->batch ? left : (size_t)r->o->batch;
    double loss, count = 0, begin = rtd_now();
    real *grad;
    *lr = rtd_schedule_lr(&r->schedule, r->at.step);
    int st = rtd_finetune_batch_fill(&r->batch, e, r->order[set] + from, n,
                                     rtd_lanes_count(r->f->lanes), epoch, err);
    if (!st)
        st = rtd_finetune_net_gradient(r->f, &r->batch.view, &grad, &loss, err);
    if (st)
        return st;
    if (!isfinite(loss))
        return rtd_fail(err, RTD_ENUMERIC, "step %llu: the loss is not finite (a lower --lr?)",
                        (unsigned long long)r->at.step + 1);
    st = rtd_optimizer_step(&r->optimizer, &r->f->net->params, grad, rtd_lanes_touched(r->f->lanes),
                            *lr, r->at.step, r->pool, &r->norm, err);
    for (int i = 0; i < r->batch.view.ntarget; i++)
        count += r->batch.view.target[i].count / r->batch.view.ntarget;
    r->loss += loss;
    r->count += count;
    r->at.step++;
    r->result->tokens += r->batch.view.start[r->batch.view.nseq];
    r->result->seconds += rtd_now() - begin;
    rtd_progress(r->at.step, r->schedule.steps, "steps", " epoch %llu  loss %.4f",
                 (unsigned long long)epoch, count > 0 ? loss / count : 0);
    return st;
}

/* Which set each step of the epoch takes its batch from. */
static void draw_turns(struct run *r, uint64_t epoch, uint64_t steps)
{
    rtd_epoch_order(r->turn, steps, r->o->seed, RTD_MAX_HEADS, epoch);
    for (uint64_t s = 0; s < steps; s++) { /* batches are numbered through all sets */
        uint64_t end = 0;
        int i = -1;
        do
            end += batches_of(r->o, r->set[++i].train);
        while (r->turn[s] >= end);
        r->turn[s] = (uint32_t)i;
    }
}

static int one_epoch(struct run *r, uint64_t epoch, uint64_t every, struct rtd_err *err)
{
    uint64_t steps = r->epoch_steps;
    size_t next[RTD_MAX_HEADS] = {0};
    double lr = 0;
    int st = RTD_OK;
    for (int i = 0; i < r->sets; i++)
        rtd_epoch_order(r->order[i], r->set[i].train->units, r->o->seed, (uint32_t)i, epoch);
    draw_turns(r, epoch, steps);
    for (uint64_t s = 0; s < steps && r->at.step < r->schedule.steps && !st; s++) {
        int i = (int)r->turn[s];
        bool last = s + 1 == steps || r->at.step + 1 == r->schedule.steps;
        st = rtd_stop_signal() ? RTD_ESIGNAL : one_step(r, i, epoch, next[i], &lr, err);
        next[i] += (size_t)r->o->batch;
        if (!st && !last && r->at.step % every == 0)
            st = log_row(r, epoch, lr, NULL, NULL, err);
    }
    return st ? st : end_epoch(r, epoch, lr, err);
}

static int train(struct run *r, struct rtd_err *err)
{
    uint64_t every = r->schedule.steps / METRIC_ROWS + 1;
    struct rtd_params *p = &r->f->net->params;
    int st = metric_names(r, err);
    if (!st && r->o->resume && rtd_exists(r->o->state)) {
        st = rtd_finetune_state_load(r->o->state, r->o->identity, &r->at, p, &r->optimizer, r->best,
                                     r->result, r->metrics, err);
        if (!st)
            rtd_note("%s: going on after epoch %llu", r->o->state, (unsigned long long)r->at.epoch);
    }
    while (!st && r->at.step < r->schedule.steps &&
           !(r->o->patience && r->at.since_best >= r->o->patience)) {
        st = one_epoch(r, r->at.epoch + 1, every, err);
        r->at.epoch++;
        if (!st && r->o->state)
            st = rtd_finetune_state_save(r->o->state, r->o->identity, &r->at, p, &r->optimizer,
                                         r->best, r->result, r->metrics, err);
    }
    if (!st && r->dev && r->result->best_epoch)
        memcpy(p->w, r->best, p->total * sizeof *r->best);
    return st;
}

static int prepare(struct run *r, struct rtd_err *err)
{
    const struct rtd_finetune_loop_options *o = r->o;
    int st = rtd_optimizer_init(&r->optimizer, &r->f->net->params, err);
    if (st)
        return st;
    r->optimizer.eps = o->eps;
    r->optimizer.weight_decay = o->weight_decay;
    r->optimizer.clip = o->clip;
    r->optimizer.bias_correction = o->bias_correction;
    r->optimizer.layer_decay = o->layer_decay;
    r->optimizer.official_layer_decay = o->official_layer_decay;
    r->optimizer.layers = r->f->net->enc.layers;
    bool ok = (r->order = calloc((size_t)r->sets, sizeof *r->order)) != NULL;
    for (int i = 0; i < r->sets && ok; i++) {
        ok = (r->order[i] = malloc(r->set[i].train->units * sizeof **r->order)) != NULL;
        r->dev |= r->set[i].dev != NULL;
    }
    if (ok)
        r->turn = malloc(r->epoch_steps * sizeof *r->turn);
    if (r->dev)
        r->best = rtd_alloc_aligned(r->f->net->params.total, sizeof *r->best);
    return ok && r->turn && (r->best || !r->dev) ? RTD_OK
                                                 : rtd_fail(err, RTD_ESYS, "not enough memory");
}

int rtd_finetune_loop(struct rtd_finetune_net *f, struct rtd_pool *pool,
                      const struct rtd_finetune_set *set, int sets,
                      const struct rtd_finetune_loop_options *o, struct rtd_finetune_result *result,
                      struct rtd_buf *metrics, struct rtd_err *err)
{
    struct run r = {.f = f,
                    .pool = pool,
                    .set = set,
                    .sets = sets,
                    .o = o,
                    .result = result,
                    .metrics = metrics,
                    .at = {.best_score = -INFINITY}};
    *result = (struct rtd_finetune_result){0};
    r.schedule = (struct rtd_schedule){.lr = o->lr, .multiply = o->warmup_multiplies};
    r.schedule.steps = rtd_finetune_steps(o, set, sets, &r.schedule.warmup, &r.epoch_steps);
    int st = prepare(&r, err);
    if (!st)
        st = train(&r, err);
    rtd_progress_end();
    result->steps = r.at.step;
    rtd_optimizer_free(&r.optimizer);
    rtd_finetune_batch_free(&r.batch);
    for (int i = 0; r.order && i < sets; i++)
        free(r.order[i]);
    free(r.order);
    free(r.turn);
    free(r.best);
    return st;
}
