/* rtdtools - MIT licence
 *
 * What a job will cost.  Time is that of two small batches, scaled by floating-point operations. */
#include <stdlib.h>

#include "base/process.h"
#include "finetune/batch.h"
#include "finetune/job_internal.h"
#include "model/flops.h"

enum { SAMPLE = 512 }; /* tokens a lane */

void rtd_job_count(struct rtd_job *j)
{
    struct rtd_finetune_plan *p = &j->plan;
    const struct rtd_params *params = &j->f->net->params;
    struct rtd_finetune_set set[RTD_MAX_HEADS];
    *p = (struct rtd_finetune_plan){.epochs = (uint64_t)j->fit.epochs,
                                    .threads = rtd_pool_size(j->pool),
                                    .lanes = (int)j->o->lanes};
    for (int i = 0; i < params->n; i++)
        p->parameters += params->item[i].count;
    for (int i = 0; i < j->sets; i++) {
        const struct rtd_examples *e = &j->set[i].train, *dev = &j->set[i].dev.e;
        set[i].train = e;
        p->examples += e->units;
        p->sequences += e->seq.n;
        p->tokens += e->seq.start[e->seq.n];
        if (j->set[i].has_dev) {
            p->dev_sequences += dev->seq.n;
            p->dev_tokens += dev->seq.start[dev->seq.n];
        }
    }
    p->steps = rtd_finetune_steps(&j->fit, set, j->sets, &p->warmup, &p->epoch_steps);
    p->training_tokens =
        (uint64_t)((double)p->tokens / (double)p->epoch_steps * (double)p->steps + 0.5);
}

static double flops_of(const struct rtd_config *c, const uint32_t *start, size_t n)
{
    double sum = 0;
    for (size_t s = 0; s < n; s++)
        sum += rtd_flops_encoder(c, start[s + 1] - start[s]);
    return sum;
}

/* Seconds of a training step for each operation of its forward pass; the second of two, so that no
 * memory is touched for the first time. */
static int measure(struct rtd_job *j, double *per_flop, struct rtd_err *err)
{
    const struct rtd_examples *e = &j->set[0].train;
    size_t n = 0, want = SAMPLE * (size_t)j->o->lanes, tokens = 0;
    struct rtd_finetune_batch b = {0};
    double loss, begin = 0;
    real *grad;
    for (int i = 1; i < j->sets; i++) /* of several tasks the largest */
        if (j->set[i].train.seq.start[j->set[i].train.seq.n] > e->seq.start[e->seq.n])
            e = &j->set[i].train;
    while (n < e->units && n < (size_t)j->fit.batch && tokens < want)
        tokens += rtd_examples_tokens(e, n++);
    uint32_t *unit = malloc((n + 1) * sizeof *unit);
    if (!unit)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t u = 0; u < n; u++)
        unit[u] = (uint32_t)u;
    int st = rtd_finetune_batch_fill(&b, e, unit, n, rtd_lanes_count(j->f->lanes), 1, err);
    for (int k = 0; k < 2 && !st; k++) {
        begin = rtd_now();
        st = rtd_finetune_net_gradient(j->f, &b.view, &grad, &loss, err);
    }
    if (!st)
        *per_flop = (rtd_now() - begin) / flops_of(&j->config, b.start, b.view.nseq);
    rtd_finetune_batch_free(&b);
    free(unit);
    return st;
}

int rtd_job_estimate(struct rtd_job *j, struct rtd_err *err)
{
    struct rtd_finetune_plan *p = &j->plan;
    double per_flop, train = 0, dev = 0, passes = (double)p->steps / (double)p->epoch_steps;
    int used = p->threads < p->lanes ? p->threads : p->lanes;
    if (measure(j, &per_flop, err))
        return err->status;
    for (int i = 0; i < j->sets; i++) {
        const struct rtd_sequences *q = &j->set[i].train.seq, *d = &j->set[i].dev.e.seq;
        train += flops_of(&j->config, q->start, q->n);
        dev += j->set[i].has_dev ? flops_of(&j->config, d->start, d->n) : 0;
    }
    /* a forward pass is a third of a step, and is for all threads */
    p->seconds = (double)j->o->trials * passes * per_flop * (train + dev * used / p->threads / 3);
    return RTD_OK;
}
