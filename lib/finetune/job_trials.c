/* rtdtools - MIT licence
 *
 * Training a job's network, once or with several seeds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "finetune/job_internal.h"
#include "finetune/task_model.h"

enum {
    WORTH_AN_ESTIMATE = 200000, /* tokens in all; less is done before it is estimated */
    LONG_RUN = 600,             /* seconds */
};

/* ", the head as it was", or of several ", a as it was, b new"; nothing where all are new. */
static void describe_heads(const struct rtd_network *net, const bool *kept, char *out, size_t size)
{
    size_t used = 0;
    bool any = false;
    out[0] = '\0';
    for (int i = 0; i < net->heads; i++)
        any |= kept[i];
    for (int i = 0; i < net->heads && any && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, ", %s %s",
                                 net->heads == 1 ? "the head" : net->head[i].spec.name,
                                 kept[i] ? "as it was" : "new");
}

static void report_run(const struct rtd_job *j, const bool *kept)
{
    const struct rtd_finetune_plan *p = &j->plan;
    char heads[RTD_MAX_HEADS * (RTD_HEAD_NAME + 16)];
    describe_heads(j->f->net, kept, heads, sizeof heads);
    rtd_note("%llu parameters%s%s; %llu step%s of up to %lld example%s, lr %g after %llu step%s of "
             "warm-up",
             (unsigned long long)p->parameters, j->o->scratch ? ", all drawn anew" : "", heads,
             (unsigned long long)p->steps, rtd_s(p->steps), (long long)j->fit.batch,
             rtd_s((uint64_t)j->fit.batch), j->fit.lr, (unsigned long long)p->warmup,
             rtd_s(p->warmup));
}

const char *rtd_job_score_name(const struct rtd_job *j, char *out, size_t size)
{
    size_t used = 0;
    int n = 0;
    for (int i = 0; i < j->sets; i++)
        n += j->set[i].has_dev;
    snprintf(out, size, "%s", j->fit.metric ? j->fit.metric : "");
    for (int i = 0; i < j->sets && !j->fit.metric && used < size; i++)
        if (j->set[i].has_dev)
            used += (size_t)snprintf(out + used, size - used, "%s%s",
                                     used    ? ", "
                                     : n > 1 ? "mean of "
                                             : "",
                                     j->set[i].dev.column[0]);
    return out;
}

double rtd_job_shown_score(const struct rtd_job *j, double score)
{
    return rtd_finetune_is_error(j->fit.metric) ? -score : score;
}

int rtd_job_start_network(struct rtd_job *j, struct rtd_err *err)
{
    struct rtd_finetune_net_options fo;
    struct rtd_network *net;
    bool kept[RTD_MAX_HEADS];
    int parts, of;
    rtd_finetune_net_defaults(&fo);
    fo.loss_mean = j->fit.loss_mean;
    fo.smoothing = j->o->smoothing;
    fo.seed = j->fit.seed;
    fo.lanes = (int)j->o->lanes;
    if (rtd_network_new(&net, &j->config, false, err) ||
        rtd_finetune_net_new(&j->f, net, &fo, j->pool, err))
        return err->status;
    int st = rtd_task_model_start(net, &j->from, j->o->scratch, j->fit.seed, kept, err);
    if (!st && j->o->generator) {
        st = rtd_task_model_take_generator(net, j->o->generator, &parts, &of, err);
        if (!st && parts < of)
            rtd_say("%s: %d of %d tensors of the head taken; the others, of another shape, are new",
                    j->o->generator, parts, of);
        else if (!st)
            rtd_note("%s: all %d tensors of the head taken", j->o->generator, of);
    }
    if (st)
        return st;
    rtd_job_count(j);
    report_run(j, kept);
    return RTD_OK;
}

/* "35 s", "12 min", "3.4 h" */
static const char *duration(double seconds, char out[32])
{
    if (seconds < 90)
        snprintf(out, 32, "%.0f s", ceil(seconds));
    else if (seconds < 5400)
        snprintf(out, 32, "%.0f min", seconds / 60);
    else
        snprintf(out, 32, "%.1f h", seconds / 3600);
    return out;
}

/* What is to come; nobody shall learn by waiting that a run takes more than ten minutes. */
static int report_plan(struct rtd_job *j, struct rtd_err *err)
{
    const struct rtd_finetune_plan *p = &j->plan;
    char text[300], time[32];
    int n = snprintf(
        text, sizeof text, "%llu token%s in %llu sequence%s an epoch, %llu in %lld epoch%s",
        (unsigned long long)p->tokens, rtd_s(p->tokens), (unsigned long long)p->sequences,
        rtd_s(p->sequences), (unsigned long long)p->training_tokens, (long long)j->fit.epochs,
        rtd_s((uint64_t)j->fit.epochs));
    if (p->training_tokens < WORTH_AN_ESTIMATE) {
        rtd_note("%s", text);
        return RTD_OK;
    }
    if (rtd_job_estimate(j, err))
        return err->status;
    snprintf(text + n, sizeof text - (size_t)n, ": about %s%s", duration(p->seconds, time),
             j->o->trials > 1 ? " for all trials" : "");
    if (p->seconds > LONG_RUN)
        rtd_say("%s", text);
    else
        rtd_note("%s", text);
    return RTD_OK;
}

static int one_trial(struct rtd_job *j, int number, struct rtd_err *err)
{
    struct rtd_finetune_set set[RTD_MAX_HEADS];
    char name[200];
    size_t total;
    j->fit.seed = j->o->fit.seed + (uint64_t)number;
    j->metrics.len = 0;
    for (int i = 0; i < j->sets; i++)
        set[i] = (struct rtd_finetune_set){.train = &j->set[i].train,
                                           .dev = j->set[i].has_dev ? &j->set[i].dev : NULL};
    int st = rtd_job_start_network(j, err);
    if (!st && number == 0)
        st = report_plan(j, err);
    if (!st)
        st = rtd_finetune_loop(j->f, j->pool, set, j->sets, &j->fit, &j->result, &j->metrics, err);
    if (st)
        return st;
    rtd_note("trained on %llu tokens in %.1f s: %.0f tokens/s",
             (unsigned long long)j->result.tokens, j->result.seconds,
             j->result.seconds > 0 ? (double)j->result.tokens / j->result.seconds : 0);
    total = j->f->net->params.total;
    j->score[number] = j->result.dev_score;
    if (j->o->trials == 1) {
        j->best = j->result;
        return RTD_OK;
    }
    rtd_say("trial %d, seed %llu: dev %s %.6g", number + 1, (unsigned long long)j->fit.seed,
            rtd_job_score_name(j, name, sizeof name), rtd_job_shown_score(j, j->score[number]));
    if (number == 0 || j->result.dev_score > j->best.dev_score) {
        j->best = j->result;
        if (!j->best_weights)
            j->best_weights = rtd_alloc_aligned(total, sizeof(real));
        if (!j->best_weights)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        memcpy(j->best_weights, j->f->net->params.w, total * sizeof(real));
        j->best_metrics.len = 0;
        st = rtd_buf_append(&j->best_metrics, j->metrics.data, j->metrics.len, err);
    }
    if (number + 1 < j->o->trials) {
        rtd_finetune_net_free(j->f);
        j->f = NULL;
    }
    return st;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* trials.tsv, and a line that says median and spread. */
static int report_trials(struct rtd_job *j, struct rtd_err *err)
{
    int n = (int)j->o->trials;
    double sum = 0, squares = 0;
    char line[80];
    int st = rtd_buf_append(&j->trials, "seed\tscore\n", 11, err);
    for (int i = 0; i < n && !st; i++) {
        int len = snprintf(line, sizeof line, "%llu\t%.8g\n",
                           (unsigned long long)(j->o->fit.seed + (uint64_t)i),
                           rtd_job_shown_score(j, j->score[i]));
        st = rtd_buf_append(&j->trials, line, (size_t)len, err);
        sum += j->score[i] / n;
    }
    for (int i = 0; i < n; i++)
        squares += (j->score[i] - sum) * (j->score[i] - sum);
    qsort(j->score, (size_t)n, sizeof *j->score, by_size);
    double median = (j->score[(n - 1) / 2] + j->score[n / 2]) / 2;
    double low = rtd_job_shown_score(j, j->score[0]),
           high = rtd_job_shown_score(j, j->score[n - 1]);
    rtd_say("%d trials: median %.6g, mean %.6g, standard deviation %.3g, from %.6g to %.6g", n,
            rtd_job_shown_score(j, median), rtd_job_shown_score(j, sum), sqrt(squares / (n - 1)),
            fmin(low, high), fmax(low, high));
    return st;
}

int rtd_job_train(struct rtd_job *j, struct rtd_err *err)
{
    int st = RTD_OK;
    j->score = calloc((size_t)j->o->trials, sizeof *j->score);
    if (!j->score)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < j->o->trials && !st; i++)
        st = one_trial(j, i, err);
    if (st || j->o->trials == 1)
        return st;
    memcpy(j->f->net->params.w, j->best_weights, j->f->net->params.total * sizeof(real));
    return report_trials(j, err);
}
