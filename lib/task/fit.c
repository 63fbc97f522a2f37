/* rtdtools - MIT licence
 *
 * The fine-tuning loop. */
#include "task/fit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tool.h"
#include "task/fit_batch.h"
#include "train/optimizer.h"

enum { MEASURE_ROWS = 256, METRIC_ROWS = 200 };

bool rtd_fit_recipe(struct rtd_fit_options *o, const char *recipe)
{
    bool electra = strcmp(recipe, "electra") == 0;
    if (!electra && strcmp(recipe, "hf") != 0)
        return false;
    *o = (struct rtd_fit_options){
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
        .epochs = 3,
        .seed = 1,
        .metric = RTD_FIT_ACCURACY,
    };
    return true;
}

static uint64_t steps_an_epoch(const struct rtd_fit_options *o, size_t examples)
{
    return (examples + (uint64_t)o->batch - 1) / (uint64_t)o->batch;
}

uint64_t rtd_fit_steps(const struct rtd_fit_options *o, size_t examples, uint64_t *warmup)
{
    uint64_t steps = steps_an_epoch(o, examples) * (uint64_t)o->epochs;
    if (o->max_steps && (uint64_t)o->max_steps < steps)
        steps = (uint64_t)o->max_steps;
    *warmup = (uint64_t)ceil((double)steps * o->warmup - 1e-9);
    return steps;
}

/* --- measuring --- */

/* The best label of a row of logits; *loss += its cross-entropy with gold (none where gold < 0). */
static int judge(const real *logits, int n, int gold, double *loss)
{
    int best = 0;
    double sum = 0;
    for (int i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    for (int i = 0; i < n; i++)
        sum += exp((double)(logits[i] - logits[best]));
    if (gold >= 0)
        *loss += log(sum) - (double)(logits[gold] - logits[best]);
    return best;
}

static int measure_rows(struct rtd_finetune *f, const struct rtd_examples *e,
                        struct rtd_fit_batch *b, size_t from, real *logits, struct rtd_confusion *c,
                        double *loss, struct rtd_err *err)
{
    uint32_t rows[MEASURE_ROWS];
    size_t n = e->seq.n - from < MEASURE_ROWS ? e->seq.n - from : MEASURE_ROWS;
    int labels = f->config.num_labels;
    double unused;
    for (size_t i = 0; i < n; i++)
        rows[i] = (uint32_t)(from + i);
    int st = rtd_fit_batch_fill(b, e, rows, n, rtd_lanes_count(f->lanes), 0, err);
    b->view.labels = NULL; /* some may be unknown */
    if (!st)
        st = rtd_finetune_batch(f, &b->view, NULL, &unused, logits, err);
    for (size_t i = 0; i < n && !st; i++) {
        int gold = b->labels[i], said = judge(logits + i * (size_t)labels, labels, gold, loss);
        rtd_confusion_add(c, gold < 0 ? labels : gold, said);
    }
    return st;
}

int rtd_fit_measure(struct rtd_finetune *f, const struct rtd_examples *e, double *loss,
                    struct rtd_classification *scores, struct rtd_err *err)
{
    size_t labels = (size_t)f->config.num_labels;
    struct rtd_confusion confusion; /* the last class: unknown labels */
    struct rtd_fit_batch b = {0};
    real *logits = malloc(MEASURE_ROWS * labels * sizeof *logits);
    if (!logits)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_confusion_new(&confusion, (int)labels + 1, err);
    *loss = 0;
    for (size_t from = 0; from < e->seq.n && !st; from += MEASURE_ROWS)
        st = measure_rows(f, e, &b, from, logits, &confusion, loss, err);
    *loss /= (double)(e->seq.n - e->unknown);
    if (!st)
        rtd_classification_scores(&confusion, scores);
    rtd_confusion_free(&confusion);
    rtd_fit_batch_free(&b);
    free(logits);
    return st;
}

/* --- training --- */

/* All that a run holds. */
struct run {
    struct rtd_finetune *f;
    struct rtd_pool *pool;
    const struct rtd_examples *train, *dev;
    const struct rtd_fit_options *o;
    struct rtd_fit_result *result;
    struct rtd_buf *metrics;
    struct rtd_schedule schedule;
    struct rtd_optimizer optimizer;
    struct rtd_fit_batch batch;
    uint32_t *order;
    real *best; /* [total] weights of the best epoch, with dev */
    double best_score;
    uint64_t step;
    double loss; /* summed over the examples since the last row of metrics */
    size_t examples;
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

/* A row of metrics.tsv; the training loss is the mean since the row before. */
static int log_row(struct run *r, uint64_t epoch, double lr, const double *dev_loss,
                   const struct rtd_classification *s, struct rtd_err *err)
{
    double loss = r->examples ? r->loss / (double)r->examples : 0;
    r->loss = 0;
    r->examples = 0;
    int st = append(r->metrics, err, "%llu\t%llu\t%.8g\t%.8g\t%.8g", (unsigned long long)r->step,
                    (unsigned long long)epoch, lr, loss, r->norm);
    if (!st && s)
        return append(r->metrics, err, "\t%.8g\t%.8g\t%.8g\t%.8g\n", *dev_loss, s->accuracy,
                      s->f1_macro, s->mcc);
    return st ? st : append(r->metrics, err, "\t\t\t\t\n");
}

static double score_of(const struct run *r, double loss, const struct rtd_classification *s)
{
    switch (r->o->metric) {
    case RTD_FIT_F1_MACRO:
        return s->f1_macro;
    case RTD_FIT_MCC:
        return s->mcc;
    case RTD_FIT_LOSS:
        return -loss;
    default:
        return s->accuracy;
    }
}

static int end_epoch(struct run *r, uint64_t epoch, double lr, struct rtd_err *err)
{
    struct rtd_classification s;
    double loss;
    if (!r->dev) {
        rtd_info(1, "epoch %llu: loss %.4f", (unsigned long long)epoch,
                 r->loss / (double)(r->examples ? r->examples : 1));
        return log_row(r, epoch, lr, NULL, NULL, err);
    }
    int st = rtd_fit_measure(r->f, r->dev, &loss, &s, err);
    if (st)
        return st;
    if (!isfinite(loss))
        return rtd_fail(err, RTD_ENUMERIC, "epoch %llu: the loss on held-out data is not finite",
                        (unsigned long long)epoch);
    double score = score_of(r, loss, &s);
    bool better = score > r->best_score || (score == r->best_score && loss < r->result->dev_loss);
    rtd_note("epoch %llu: dev accuracy %.4f, macro F1 %.4f, loss %.4f%s", (unsigned long long)epoch,
             s.accuracy, s.f1_macro, loss, better ? " (best)" : "");
    if (better) {
        memcpy(r->best, r->f->params.w, r->f->params.total * sizeof *r->best);
        r->best_score = score;
        r->result->best_epoch = (int)epoch;
        r->result->dev_loss = loss;
        r->result->dev = s;
    }
    return log_row(r, epoch, lr, &loss, &s, err);
}

static int one_step(struct run *r, uint64_t epoch, size_t from, double *lr, struct rtd_err *err)
{
    size_t left = r->train->seq.n - from;
    size_t n = left < (size_t)r->o->batch ? left : (size_t)r->o->batch;
    real *grad;
    double loss;
    *lr = rtd_schedule_lr(&r->schedule, r->step);
    int st = rtd_fit_batch_fill(&r->batch, r->train, r->order + from, n,
                                rtd_lanes_count(r->f->lanes), epoch, err);
    if (!st)
        st = rtd_finetune_batch(r->f, &r->batch.view, &grad, &loss, NULL, err);
    if (st)
        return st;
    if (!isfinite(loss))
        return rtd_fail(err, RTD_ENUMERIC, "step %llu: the loss is not finite (a lower --lr?)",
                        (unsigned long long)r->step + 1);
    st = rtd_optimizer_step(&r->optimizer, &r->f->params, grad, *lr, r->step, r->pool, &r->norm,
                            err);
    r->loss += loss;
    r->examples += n;
    r->step++;
    rtd_progress(r->step, r->schedule.steps, "steps", " epoch %llu  loss %.4f",
                 (unsigned long long)epoch, loss / (double)n);
    return st;
}

static int train(struct run *r, struct rtd_err *err)
{
    size_t n = r->train->seq.n, batch = (size_t)r->o->batch;
    uint64_t every = r->schedule.steps / METRIC_ROWS + 1;
    int st = append(r->metrics, err,
                    "step\tepoch\tlr\tloss\tgrad_norm\tdev_loss\tdev_accuracy\tdev_f1_macro\t"
                    "dev_mcc\n");
    for (uint64_t epoch = 1; r->step < r->schedule.steps && !st; epoch++) {
        double lr = 0;
        rtd_epoch_order(r->order, n, r->o->seed, epoch);
        for (size_t from = 0; from < n && r->step < r->schedule.steps && !st; from += batch) {
            bool last = from + batch >= n || r->step + 1 == r->schedule.steps;
            st = rtd_stop_signal() ? RTD_ESIGNAL : one_step(r, epoch, from, &lr, err);
            if (!st && !last && r->step % every == 0)
                st = log_row(r, epoch, lr, NULL, NULL, err);
        }
        if (!st)
            st = end_epoch(r, epoch, lr, err);
    }
    if (!st && r->dev)
        memcpy(r->f->params.w, r->best, r->f->params.total * sizeof *r->best);
    return st;
}

int rtd_fit(struct rtd_finetune *f, struct rtd_pool *pool, const struct rtd_examples *train_set,
            const struct rtd_examples *dev, const struct rtd_fit_options *o,
            struct rtd_fit_result *result, struct rtd_buf *metrics, struct rtd_err *err)
{
    struct run r = {.f = f,
                    .pool = pool,
                    .train = train_set,
                    .dev = dev,
                    .o = o,
                    .result = result,
                    .metrics = metrics,
                    .best_score = -INFINITY};
    *result = (struct rtd_fit_result){0};
    r.schedule = (struct rtd_schedule){.lr = o->lr, .multiply = o->warmup_multiplies};
    r.schedule.steps = rtd_fit_steps(o, train_set->seq.n, &r.schedule.warmup);
    int st = rtd_optimizer_init(&r.optimizer, &f->params, err);
    if (st)
        return st;
    r.optimizer.eps = o->eps;
    r.optimizer.weight_decay = o->weight_decay;
    r.optimizer.clip = o->clip;
    r.optimizer.bias_correction = o->bias_correction;
    r.optimizer.layer_decay = o->layer_decay;
    r.optimizer.official_layer_decay = o->official_layer_decay;
    r.optimizer.layers = f->enc.layers;
    r.order = malloc(train_set->seq.n * sizeof *r.order);
    if (dev)
        r.best = rtd_alloc_aligned(f->params.total, sizeof *r.best);
    if (!r.order || (dev && !r.best))
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = train(&r, err);
    rtd_progress_end();
    result->steps = r.step;
    rtd_optimizer_free(&r.optimizer);
    rtd_fit_batch_free(&r.batch);
    free(r.order);
    free(r.best);
    return st;
}
