/* rtdtools - MIT licence */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/say.h"
#include "nn/choice.h"
#include "nn/gemm.h"
#include "finetune/job_internal.h"
#include "finetune/state.h"
#include "finetune/task_model.h"

/* The place to write to: what can be known to go wrong is said before hours of training. */
static int check_place(struct rtd_job *j, struct rtd_err *err)
{
    const struct rtd_finetune_job *o = j->o;
    char parent[PATH_MAX];
    struct rtd_out *state;
    size_t len = strlen(o->out);
    if (len == 0)
        return rtd_fail(err, RTD_EUSAGE, "-o: an empty name");
    while (len > 1 && o->out[len - 1] == '/')
        len--;
    snprintf(j->state, sizeof j->state, "%.*s.state", (int)len, o->out);
    if (snprintf(parent, sizeof parent, "%s", o->out) >= (int)sizeof parent)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", o->out);
    if (!o->force && rtd_exists(o->out))
        return rtd_fail(err, RTD_EUSAGE, "%s: exists (-f replaces it)", o->out);
    if (access(dirname(parent), W_OK | X_OK))
        return rtd_fail_sys(err, "%s: cannot write there", o->out);
    if (rtd_tmpdir(o->out, parent, sizeof parent, err))
        return err->status;
    rmdir(parent);
    if (o->resume && !rtd_out_open(&state, j->state, RTD_OUT_FORCE, err))
        rtd_out_abort(state);
    return err->status;
}

/* --length, else the task's default, within what the model has and was trained on. */
static int choose_length(const struct rtd_job *j, const char *task, size_t *length,
                         struct rtd_err *err)
{
    int64_t trained = rtd_config_trained_length(&j->from.config), want = j->o->length;
    if (want > j->from.config.max_position_embeddings)
        return rtd_fail(err, RTD_EUSAGE, "--length %lld: the model has %d positions",
                        (long long)want, j->from.config.max_position_embeddings);
    if (want && trained && want > trained && !j->o->scratch)
        rtd_warn("%s was trained on at most %lld tokens; --length %lld uses more", j->from.path,
                 (long long)trained, (long long)want);
    if (!want) {
        int most = rtd_dataset_kind(task)->length;
        want = j->from.max_length < most ? j->from.max_length : most;
        if (trained && trained < want)
            want = trained;
    }
    *length = (size_t)want;
    return RTD_OK;
}

static int load_sets(struct rtd_job *j, struct rtd_err *err)
{
    int heads = 0, st = RTD_OK;
    for (int i = 0; i < j->o->tasks && !st; i++) {
        const struct rtd_finetune_task *t = &j->o->task[i];
        struct rtd_dataset_options *d = &j->data[i];
        *d = j->o->data;
        d->task = t->task;
        d->name = t->name;
        d->train = t->train;
        d->dev = t->dev;
        d->slots = t->slots;
        d->dev_slots = t->dev_slots;
        d->first_head = heads;
        d->seed = j->fit.seed;
        d->tok = j->from.tok;
        d->type_vocab_size = j->from.config.type_vocab_size;
        if (d->max_tokens) {
            d->max_tokens /= (uint64_t)(j->fit.epochs * j->o->tasks);
            d->max_tokens += d->max_tokens == 0; /* too few for any, not all */
        }
        heads += rtd_dataset_kind(t->task)->heads;
        if (heads > RTD_MAX_HEADS)
            return rtd_fail(err, RTD_EUSAGE, "more than %d heads", RTD_MAX_HEADS);
        st = choose_length(j, t->task, &d->length, err);
        if (!st)
            st = rtd_dataset_load(&j->set[i], d, err);
        j->sets += !st;
    }
    return st;
}

/* Every set must have the metric that is asked for. */
static int check_metric(const struct rtd_job *j, struct rtd_err *err)
{
    const char *metric = j->fit.metric;
    for (int i = 0; i < j->sets && metric && strcmp(metric, "loss") != 0; i++) {
        const struct rtd_dev_set *d = &j->set[i].dev;
        char list[120] = "";
        bool found = !j->set[i].has_dev;
        for (int k = 0; k < d->columns; k++) {
            if (d->threshold && k == d->threshold) /* larger is not better */
                continue;
            found |= strcmp(metric, d->column[k]) == 0;
            strcat(strcat(list, d->column[k]), ", ");
        }
        if (!found)
            return rtd_fail(err, RTD_EUSAGE, "--metric %s: want one of %sloss", metric, list);
    }
    return RTD_OK;
}

static int make_config(struct rtd_job *j, struct rtd_err *err)
{
    struct rtd_head_spec spec[RTD_MAX_HEADS];
    int n = 0;
    size_t longest = 0;
    for (int i = 0; i < j->sets; i++) {
        for (int k = 0; k < j->set[i].specs; k++)
            spec[n++] = j->set[i].spec[k];
        longest = j->set[i].train.seq.longest > longest ? j->set[i].train.seq.longest : longest;
    }
    int st = rtd_task_model_config(&j->config, &j->from, spec, n, (int)longest, err);
    if (!st && j->o->dropout >= 0) {
        j->config.hidden_dropout_prob = j->config.attention_probs_dropout_prob = j->o->dropout;
        j->config.classifier_dropout = -1;
    }
    return st;
}

/* Thresholds that were best on held-out data become the model's. */
static int store_thresholds(struct rtd_job *j, struct rtd_err *err)
{
    struct rtd_network *net = j->f->net;
    struct rtd_head_spec spec[RTD_MAX_HEADS];
    for (int i = 0; i < j->sets; i++) {
        const struct rtd_dev_set *d = &j->set[i].dev;
        if (j->set[i].has_dev && d->threshold && j->best.best_epoch)
            net->head[j->data[i].first_head].spec.threshold = j->best.value[i][d->threshold];
    }
    for (int i = 0; i < net->heads; i++)
        spec[i] = net->head[i].spec;
    return rtd_head_specs_store(&net->config, spec, net->heads, err);
}

static int save(struct rtd_job *j, struct rtd_err *err)
{
    bool many = j->o->trials > 1;
    char name[200];
    struct rtd_task_model_file file[] = {{"metrics.tsv", many ? &j->best_metrics : &j->metrics},
                                         {"trials.tsv", &j->trials}};
    if (store_thresholds(j, err))
        return err->status;
    int st =
        rtd_task_model_save(j->f->net, &j->from, j->o->out, file, many ? 2 : 1, j->o->force, err);
    if (!st && j->o->resume)
        unlink(j->state);
    if (!st && j->best.best_epoch)
        rtd_note("%s: epoch %d, dev %s %.4f", j->o->out, j->best.best_epoch,
                 rtd_job_score_name(j, name, sizeof name),
                 rtd_job_shown_score(j, j->best.dev_score));
    return st;
}

/* A state goes on with the kernels it was made with, where this CPU has them. */
static int take_kernels(const struct rtd_job *j, struct rtd_err *err)
{
    char kernels[RTD_STATE_KERNELS];
    if (!j->o->resume || !rtd_exists(j->state))
        return RTD_OK;
    if (rtd_finetune_state_kernels(j->state, kernels, err) || rtd_choice_take(kernels))
        return err->status;
    if (rtd_choice_by_user())
        return rtd_fail(err, RTD_EUSAGE,
                        "%s: made with the kernels %s, and the environment asks for %s: --resume "
                        "would give another result",
                        j->state, kernels, rtd_choice());
    rtd_warn("%s: made with the kernels %s, which this CPU lacks: the result will differ in its "
             "last digits",
             j->state, kernels);
    return RTD_OK;
}

/* Files to data sets, heads and a configuration. */
static int open_job(struct rtd_job *j, struct rtd_err *err)
{
    const struct rtd_finetune_job *o = j->o;
    int threads = o->threads ? (int)o->threads : rtd_cpu_count(), st = rtd_choose(err);
    if (!st)
        st = take_kernels(j, err);
    if (!st)
        st = rtd_model_dir_open(&j->from, o->model,
                                RTD_DIR_TOKENIZER | (o->plain_text ? RTD_DIR_PLAIN_TEXT : 0), err);
    if (!st)
        st = load_sets(j, err);
    if (!st)
        st = check_metric(j, err);
    if (!st)
        st = make_config(j, err);
    if (!st)
        st = rtd_job_identify(j, err);
    if (!st)
        st = rtd_gemm_reserve(threads, err);
    if (!st)
        st = rtd_pool_new(&j->pool, threads, err);
    return st;
}

/* Threads beyond the lanes have nothing to do while it trains. */
static void report_idle(const struct rtd_job *j)
{
    long long lanes = j->o->lanes, threads = rtd_pool_size(j->pool), most = 1;
    char text[200];
    while (2 * most <= threads)
        most *= 2;
    snprintf(text, sizeof text,
             "training uses %lld of %lld threads, for it has %lld lane%s (--lanes %lld: more, and "
             "other last digits)",
             lanes, threads, lanes, rtd_s((uint64_t)lanes), most);
    if (threads > lanes && j->o->threads)
        rtd_say("%s", text);
    else if (threads > lanes)
        rtd_note("%s", text);
}

static int run(struct rtd_job *j, struct rtd_err *err)
{
    int st = open_job(j, err);
    if (st)
        return st;
    for (int i = 0; i < j->sets; i++)
        rtd_dataset_report(&j->set[i], &j->data[i]);
    report_idle(j);
    j->fit.state = j->o->resume ? j->state : NULL;
    j->fit.resume = j->o->resume;
    j->fit.identity = j->identity;
    st = rtd_job_train(j, err);
    return st ? st : save(j, err);
}

static struct rtd_job *new_job(const struct rtd_finetune_job *o, struct rtd_err *err)
{
    struct rtd_job *j = calloc(1, sizeof *j);
    if (!j) {
        rtd_fail(err, RTD_ESYS, "not enough memory");
        return NULL;
    }
    j->o = o;
    j->fit = o->fit;
    for (int i = 0; i < o->tasks && !o->fit.epochs; i++) { /* of several tasks the longest */
        int epochs = rtd_dataset_kind(o->task[i].task)->epochs;
        j->fit.epochs = epochs > j->fit.epochs ? epochs : j->fit.epochs;
    }
    return j;
}

static void free_job(struct rtd_job *j)
{
    rtd_finetune_net_free(j->f);
    rtd_pool_free(j->pool);
    rtd_config_free(&j->config);
    for (int i = 0; i < j->sets; i++)
        rtd_dataset_free(&j->set[i]);
    rtd_model_dir_close(&j->from);
    rtd_buf_free(&j->metrics);
    rtd_buf_free(&j->best_metrics);
    rtd_buf_free(&j->trials);
    free(j->best_weights);
    free(j->score);
    free(j);
}

int rtd_finetune_run(const struct rtd_finetune_job *o, struct rtd_err *err)
{
    struct rtd_job *j = new_job(o, err);
    if (!j)
        return err->status;
    int st = check_place(j, err);
    if (!st)
        st = run(j, err);
    free_job(j);
    return st;
}

int rtd_finetune_plan(const struct rtd_finetune_job *o, struct rtd_finetune_plan *plan,
                      struct rtd_err *err)
{
    struct rtd_job *j = new_job(o, err);
    if (!j)
        return err->status;
    int st = open_job(j, err);
    if (!st)
        st = rtd_job_start_network(j, err);
    if (!st)
        st = rtd_job_estimate(j, err);
    *plan = j->plan;
    free_job(j);
    return st;
}
