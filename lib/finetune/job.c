/* rtdtools - MIT licence */
#include "finetune/job.h"

#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/say.h"
#include "nn/choice.h"
#include "nn/gemm.h"
#include "finetune/task_model.h"

/* Everything of a run. */
struct job {
    const struct rtd_finetune_job *o;
    struct rtd_finetune_loop_options fit;
    struct rtd_model_dir from;
    struct rtd_dataset set[RTD_MAX_HEADS];
    struct rtd_dataset_options data[RTD_MAX_HEADS];
    int sets;
    struct rtd_config config;
    struct rtd_pool *pool;
    char state[PATH_MAX];
    char identity[33];
    /* the trial at hand, and the best so far */
    struct rtd_finetune_net *f;
    struct rtd_buf metrics, best_metrics, trials;
    struct rtd_finetune_result result, best;
    real *best_weights;
    double *score; /* [trials] */
};

/* Per task: epochs, and the most tokens of a sequence. */
static const struct {
    const char *task;
    int epochs, length;
} defaults[] = {{"classify", 3, 128}, {"regress", 10, 128}, {"multilabel", 3, 128},
                {"tag", 3, 256},      {"joint", 3, 128},    {"answer", 2, 384},
                {"rank", 3, 128},     {"generate", 5, 256}};

static int default_of(const char *task, bool epochs)
{
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (strcmp(task, defaults[i].task) == 0)
            return epochs ? defaults[i].epochs : defaults[i].length;
    return epochs ? 3 : 128;
}

/* The place to write to: what can be known to go wrong is said before hours of training. */
static int check_place(const struct rtd_finetune_job *o, struct rtd_err *err)
{
    char parent[PATH_MAX];
    if (snprintf(parent, sizeof parent, "%s", o->out) >= (int)sizeof parent)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", o->out);
    if (!o->force && rtd_exists(o->out))
        return rtd_fail(err, RTD_EUSAGE, "%s: exists (-f replaces it)", o->out);
    if (access(dirname(parent), W_OK | X_OK))
        return rtd_fail_sys(err, "%s: cannot write there", o->out);
    return RTD_OK;
}

/* --length, else the task's default, within what the model has and was trained on. */
static int choose_length(const struct job *j, const char *task, size_t *length, struct rtd_err *err)
{
    int64_t trained = rtd_config_trained_length(&j->from.config), want = j->o->length;
    if (want > j->from.config.max_position_embeddings)
        return rtd_fail(err, RTD_EUSAGE, "--length %lld: the model has %d positions",
                        (long long)want, j->from.config.max_position_embeddings);
    if (want && trained && want > trained && !j->o->scratch)
        rtd_warn("%s was trained on at most %lld tokens; --length %lld uses more", j->from.path,
                 (long long)trained, (long long)want);
    if (!want) {
        int most = default_of(task, false);
        want = j->from.max_length < most ? j->from.max_length : most;
        if (trained && trained < want)
            want = trained;
    }
    *length = (size_t)want;
    return RTD_OK;
}

static int load_sets(struct job *j, struct rtd_err *err)
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
        if (d->max_tokens)
            d->max_tokens /= (uint64_t)(j->fit.epochs * j->o->tasks);
        heads += rtd_dataset_heads(t->task);
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
static int check_metric(const struct job *j, struct rtd_err *err)
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

static int make_config(struct job *j, struct rtd_err *err)
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

/* The sequences, and what is to be learnt of them. */
static void add_examples(struct rtd_digest *d, const struct rtd_examples *e)
{
    const struct rtd_sequences *q = &e->seq;
    size_t n = q->n, tokens = q->start[n];
    rtd_digest_add(d, q->ids, tokens * sizeof *q->ids);
    rtd_digest_add(d, q->start, n * sizeof *q->start);
    for (int i = 0; i < e->targets; i++) {
        const struct rtd_example_targets *a = &e->target[i];
        size_t k = (size_t)a->outputs;
        if (a->label)
            rtd_digest_add(d, a->label, n * sizeof *a->label);
        if (a->value)
            rtd_digest_add(d, a->value, n * k * sizeof *a->value);
        if (a->token)
            rtd_digest_add(d, a->token, tokens * sizeof *a->token);
        if (a->span)
            rtd_digest_add(d, a->span, n * sizeof *a->span);
        if (a->weight)
            rtd_digest_add(d, a->weight, k * sizeof *a->weight);
    }
}

/* What a state must agree in: examples, starting model, options. */
static int identify(struct job *j, struct rtd_err *err)
{
    struct rtd_digest *d = rtd_digest_new();
    const struct rtd_finetune_loop_options *f = &j->fit;
    char text[600]; /* room for 22 numbers */
    if (!d)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < j->sets; i++) {
        add_examples(d, &j->set[i].train);
        if (j->set[i].has_dev)
            add_examples(d, &j->set[i].dev.e);
    }
    int n = snprintf(text, sizeof text,
                     "%.17g|%.17g|%d|%.17g|%.17g|%.17g|%.17g|%d|%d|%d|%lld|%lld|%lld|%lld|%llu|%d|"
                     "%lld|%.17g|%d|%.17g|%.17g",
                     f->lr, f->warmup, f->warmup_multiplies, f->weight_decay, f->clip, f->eps,
                     f->layer_decay, f->official_layer_decay, f->loss_mean, f->bias_correction,
                     (long long)f->batch, (long long)f->epochs, (long long)f->max_steps,
                     (long long)f->patience, (unsigned long long)f->seed, j->o->scratch,
                     (long long)j->o->lanes, j->o->smoothing, j->o->data.balanced,
                     j->config.hidden_dropout_prob, j->config.attention_probs_dropout_prob);
    rtd_digest_add(d, text, (size_t)n);
    const char *word[] = {j->from.path, j->config.architecture, f->metric, j->o->generator};
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        rtd_digest_add(d, word[i] ? word[i] : "", word[i] ? strlen(word[i]) + 1 : 1);
    rtd_digest_get(d, j->identity);
    rtd_digest_free(d);
    return RTD_OK;
}

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

static void report_run(const struct job *j, const bool *kept)
{
    struct rtd_finetune_set set[RTD_MAX_HEADS];
    const struct rtd_params *p = &j->f->net->params;
    uint64_t warmup;
    size_t parameters = 0;
    char heads[RTD_MAX_HEADS * (RTD_HEAD_NAME + 16)];
    for (int i = 0; i < j->sets; i++)
        set[i].train = &j->set[i].train;
    uint64_t steps = rtd_finetune_steps(&j->fit, set, j->sets, &warmup);
    for (int i = 0; i < p->n; i++)
        parameters += p->item[i].count;
    describe_heads(j->f->net, kept, heads, sizeof heads);
    rtd_note("%zu parameters%s%s; %llu step%s of up to %lld example%s, lr %g after %llu step%s of "
             "warm-up",
             parameters, j->o->scratch ? ", all drawn anew" : "", heads, (unsigned long long)steps,
             rtd_s(steps), (long long)j->fit.batch, rtd_s((uint64_t)j->fit.batch), j->fit.lr,
             (unsigned long long)warmup, rtd_s(warmup));
}

/* What the score of an epoch is: "accuracy", "loss", "mean of accuracy, f1". */
static const char *score_name(const struct job *j, char *out, size_t size)
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

/* As a user reads it: an error is scored by its negative. */
static double shown(const struct job *j, double score)
{
    return rtd_finetune_is_error(j->fit.metric) ? -score : score;
}

/* --- trials --- */

static int start_network(struct job *j, struct rtd_err *err)
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
    if (!st)
        report_run(j, kept);
    return st;
}

static int one_trial(struct job *j, int number, struct rtd_err *err)
{
    struct rtd_finetune_set set[RTD_MAX_HEADS];
    char name[200];
    size_t total;
    j->fit.seed = j->o->fit.seed + (uint64_t)number;
    j->metrics.len = 0;
    for (int i = 0; i < j->sets; i++)
        set[i] = (struct rtd_finetune_set){.train = &j->set[i].train,
                                           .dev = j->set[i].has_dev ? &j->set[i].dev : NULL};
    int st = start_network(j, err);
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
            score_name(j, name, sizeof name), shown(j, j->score[number]));
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
static int report_trials(struct job *j, struct rtd_err *err)
{
    int n = (int)j->o->trials;
    double sum = 0, squares = 0;
    char line[80];
    int st = rtd_buf_append(&j->trials, "seed\tscore\n", 11, err);
    for (int i = 0; i < n && !st; i++) {
        int len =
            snprintf(line, sizeof line, "%llu\t%.8g\n",
                     (unsigned long long)(j->o->fit.seed + (uint64_t)i), shown(j, j->score[i]));
        st = rtd_buf_append(&j->trials, line, (size_t)len, err);
        sum += j->score[i] / n;
    }
    for (int i = 0; i < n; i++)
        squares += (j->score[i] - sum) * (j->score[i] - sum);
    qsort(j->score, (size_t)n, sizeof *j->score, by_size);
    double median = (j->score[(n - 1) / 2] + j->score[n / 2]) / 2;
    double low = shown(j, j->score[0]), high = shown(j, j->score[n - 1]);
    rtd_say("%d trials: median %.6g, mean %.6g, standard deviation %.3g, from %.6g to %.6g", n,
            shown(j, median), shown(j, sum), sqrt(squares / (n - 1)), fmin(low, high),
            fmax(low, high));
    return st;
}

static int run_trials(struct job *j, struct rtd_err *err)
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

/* Thresholds that were best on held-out data become the model's. */
static int store_thresholds(struct job *j, struct rtd_err *err)
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

static int save(struct job *j, struct rtd_err *err)
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
                 score_name(j, name, sizeof name), shown(j, j->best.dev_score));
    return st;
}

static int run(struct job *j, struct rtd_err *err)
{
    const struct rtd_finetune_job *o = j->o;
    int threads = o->threads ? (int)o->threads : rtd_cpu_count(), st = rtd_choose(err);
    if (!st)
        st = rtd_model_dir_open(&j->from, o->model, RTD_DIR_TOKENIZER, err);
    if (!st)
        st = load_sets(j, err);
    if (!st)
        st = check_metric(j, err);
    if (!st)
        st = make_config(j, err);
    if (!st)
        st = identify(j, err);
    if (!st)
        st = rtd_gemm_reserve(threads, err);
    if (!st)
        st = rtd_pool_new(&j->pool, threads, err);
    if (st)
        return st;
    for (int i = 0; i < j->sets; i++)
        rtd_dataset_report(&j->set[i], &j->data[i]);
    snprintf(j->state, sizeof j->state, "%s.state", o->out);
    j->fit.state = o->resume ? j->state : NULL;
    j->fit.resume = o->resume;
    j->fit.identity = j->identity;
    st = run_trials(j, err);
    return st ? st : save(j, err);
}

int rtd_finetune_run(const struct rtd_finetune_job *o, struct rtd_err *err)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    j->o = o;
    j->fit = o->fit;
    for (int i = 0; i < o->tasks && !o->fit.epochs; i++) /* of several tasks the longest */
        if (default_of(o->task[i].task, true) > j->fit.epochs)
            j->fit.epochs = default_of(o->task[i].task, true);
    int st = check_place(o, err);
    if (!st)
        st = run(j, err);
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
    return st;
}
