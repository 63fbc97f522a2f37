/* rtdtools - MIT licence */
#include "pretrain/speed.h"

#include <math.h>
#include <string.h>

#include "base/process.h"
#include "base/stop.h"

#define USED 0.95     /* of the time: the rest is for measuring, checkpoints, and luck */
#define MEASURED 0.01 /* of the time may go into measuring, ... */
#define MOST 20.0     /* ... but no more seconds, and at least a batch of each kind */

/* One update with rate 0: it costs what any other does, and changes moments alone. */
static int work(struct rtd_session *s, const struct rtd_objective *o,
                const struct rtd_masked_batch *b, struct rtd_err *err)
{
    struct rtd_sums u;
    real *grad;
    double norm;
    int st = rtd_pretrain_batch(s->now.p, o, b, &grad, &u, err);
    if (!st)
        st = rtd_optimizer_step(&s->opt, &s->now.p->params, grad, NULL, 0, 0, s->pool, &norm, err);
    if (!st && rtd_stop_signal())
        st = rtd_fail(err, RTD_ESIGNAL, "stopped by a signal");
    return st;
}

/* Seconds of a step with the first n records.  The first is left out, which makes memory ready,
 * unless it takes too long. */
static int time_step(struct rtd_session *s, const struct rtd_objective *o, size_t n, double most,
                     double *seconds, struct rtd_err *err)
{
    int st = RTD_OK, steps = 0;
    double began = rtd_now(), spent;
    rtd_batch_clear(&s->store);
    for (size_t k = 0; k < n && !st; k++)
        st = rtd_batch_copy(&s->store, &s->batcher.ahead.b, s->batcher.taken + k, err);
    if (!st)
        st = work(s, o, &s->store.b, err);
    if (rtd_now() - began < most / 2) {
        began = rtd_now();
        for (; !st && (steps == 0 || rtd_now() - began < most / 2); steps++)
            st = work(s, o, &s->store.b, err);
    }
    spent = rtd_now() - began;
    *seconds = spent / (steps ? steps : 1);
    return st;
}

/* Seconds of an evaluation. */
static int time_evaluation(struct rtd_session *s, double *seconds, struct rtd_err *err)
{
    struct rtd_copy_result copy;
    struct rtd_sums u;
    const struct rtd_objective *o = rtd_phases_last(&s->t->o.phases);
    double began = rtd_now();
    *seconds = 0;
    if (!s->eval.n)
        return RTD_OK;
    int st = rtd_evaluation_run(&s->eval, s->now.p, o, &u, err);
    if (!st)
        st = rtd_copy_meter_run(&s->eval.copy, s->now.p, o, &copy, err);
    *seconds = rtd_now() - began;
    return st;
}

/* The share of a run in which both stage i of the batch and phase k last. */
static double both_last(const struct rtd_stages *batch, int i, const struct rtd_phases *phases,
                        int k)
{
    double from = fmax(batch->at[i].from, phases->at[k].from);
    double to = fmin(i + 1 < batch->n ? batch->at[i + 1].from : 1,
                     k + 1 < phases->n ? phases->at[k + 1].from : 1);
    return to > from ? to - from : 0;
}

/* Seconds of a record, on the whole. */
static int time_record(struct rtd_session *s, double most, double *seconds, struct rtd_err *err)
{
    const struct rtd_trainer *t = s->t;
    const struct rtd_phases *phases = &t->o.phases;
    double evaluation, step;
    int st = time_evaluation(s, &evaluation, err);
    *seconds = 0;
    for (int i = 0; i < t->plan.batch.n; i++)
        for (int k = 0; k < phases->n && !st; k++) {
            double share = both_last(&t->plan.batch, i, phases, k);
            if (share == 0)
                continue;
            st = time_step(s, phases->at[k].objective, t->plan.sequences[i],
                           most / t->plan.batch.n / phases->n, &step, err);
            if (t->eval_every)
                step += evaluation / (double)t->eval_every;
            *seconds += share * step / (double)t->plan.sequences[i];
        }
    return st;
}

/* Records that the stages of the batch need. */
static double needed(const struct rtd_plan *p)
{
    double need = 2 * (double)p->sequences[0]; /* of which the first may have rate 0 */
    for (int i = 0; i < p->batch.n; i++)
        need = fmax(need, (double)p->sequences[i] / rtd_stages_lasts(&p->batch, i));
    return ceil(need);
}

int rtd_speed_records(struct rtd_session *s, double seconds, uint64_t *records, double *tokens,
                      struct rtd_err *err)
{
    const struct rtd_plan *p = &s->t->plan;
    double record, need = needed(p);
    size_t most = 0, total = s->now.p->params.total;
    bool end;
    for (int i = 0; i < p->batch.n; i++)
        most = p->sequences[i] > most ? p->sequences[i] : most;
    int st = rtd_batcher_ahead(&s->batcher, most, &end, err);
    const struct rtd_masked_batch *b = &s->batcher.ahead.b;
    if (!st && end)
        return rtd_fail(err, RTD_EDATA, "%s: has %zu records: less than a batch of %zu",
                        rtd_reader_name(s->batcher.in), b->nseq, most);
    if (!st)
        st = time_record(s, fmin(MEASURED * seconds, MOST), &record, err);
    memset(s->opt.m, 0, total * sizeof *s->opt.m);
    memset(s->opt.v, 0, total * sizeof *s->opt.v);
    if (st)
        return st;
    double n = floor(USED * seconds / record);
    if (n < need)
        return rtd_fail(err, RTD_EUSAGE,
                        "--time: enough for %.0f records, but --batch wants %.0f: %.0f seconds "
                        "would do",
                        n, need, ceil(need * record / USED) + 1);
    *records = (uint64_t)n;
    if (p->batch.n == 1) /* no incomplete step at the end */
        *records -= *records % p->sequences[0];
    double rounded = (double)*records;
    /* the clock counts all that the stream was cut from */
    *records *= b->nseq > 1 ? b->index[1] - b->index[0] : rtd_reader_stride(s->batcher.in);
    *records += b->index[0];
    *tokens = rounded * b->tokens / (double)b->nseq;
    return RTD_OK;
}
