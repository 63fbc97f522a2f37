/* rtdtools - MIT licence
 *
 * finetune: train a head and the encoder on a task. */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/tool.h"
#include "nn/kernels.h"
#include "task/fit.h"
#include "task/task_model.h"

struct opts {
    const char *task, *model, *out, *train, *dev, *text, *label, *recipe, *loss, *correction;
    const char *metric;
    bool header, swap, scratch, force;
    int64_t length, lanes, threads, seed;
    struct rtd_fit_options fit; /* what --recipe gives, then what was said beside it */
};

static const struct rtd_usage usage = {
    "--task classify -m DIR -o DIR [options] TRAIN", "train a pre-trained model on a task",
    "TRAIN is TSV without quoting.  Row 1 is a header when it holds the names of the columns: "
    "text, or\n"
    "text_a and text_b, and label, or what --text and --label name."};

/* Everything of a run. */
struct job {
    const struct opts *o;
    struct rtd_model_dir from;
    struct rtd_table table, dev_table;
    struct rtd_labels labels;
    struct rtd_examples train, dev;
    struct rtd_config config;
    struct rtd_pool *pool;
    struct rtd_finetune *f;
    struct rtd_buf metrics;
};

static int choose(const char *value, const char *option, const char *const *names, int n,
                  struct rtd_err *err)
{
    for (int i = 0; i < n; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    rtd_fail(err, RTD_EUSAGE, "--%s %s: no such choice (see --help)", option, value);
    return 0;
}

/* The place to write to: what can be known to go wrong is said before hours of training. */
static int check_place(const struct opts *o, struct rtd_err *err)
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

/* Options that are words, and those that need each other. */
static int check_options(struct opts *o, struct rtd_err *err)
{
    static const char *const losses[] = {"mean", "sum"}, *const switches[] = {"on", "off"};
    static const char *const metrics[] = {"accuracy", "f1_macro", "mcc", "loss"};
    if (!o->task || !o->model || !o->out)
        return rtd_fail(err, RTD_EUSAGE, "--task, -m and -o are needed");
    if (strcmp(o->task, "classify") != 0)
        return rtd_fail(err, RTD_EUSAGE, "--task %s: no such task (classify)", o->task);
    if (o->loss)
        o->fit.loss_mean = choose(o->loss, "loss", losses, 2, err) == 0;
    if (o->correction)
        o->fit.bias_correction = choose(o->correction, "bias-correction", switches, 2, err) == 0;
    if (o->metric)
        o->fit.metric = (enum rtd_fit_metric)choose(o->metric, "metric", metrics, 4, err);
    o->fit.seed = (uint64_t)o->seed;
    return err->status;
}

/* --length, else 128, within what the model has and was trained on. */
static int choose_length(const struct job *j, size_t *length, struct rtd_err *err)
{
    int64_t trained = rtd_config_trained_length(&j->from.config), want = j->o->length;
    if (want > j->from.config.max_position_embeddings)
        return rtd_fail(err, RTD_EUSAGE, "--length %lld: the model has %d positions",
                        (long long)want, j->from.config.max_position_embeddings);
    if (want && trained && want > trained && !j->o->scratch)
        rtd_warn("%s was trained on at most %lld tokens; --length %lld uses more", j->from.path,
                 (long long)trained, (long long)want);
    if (!want) {
        want = j->from.max_length < 128 ? j->from.max_length : 128;
        if (trained && trained < want)
            want = trained;
    }
    *length = (size_t)want;
    return RTD_OK;
}

static int load_data(struct job *j, struct rtd_err *err)
{
    const struct opts *o = j->o;
    struct rtd_columns_spec spec = {.text = o->text,
                                    .label = o->label,
                                    .want_text = true,
                                    .want_label = true,
                                    .header = o->header ? RTD_HEADER_YES : RTD_HEADER_GUESS};
    size_t length = 0;
    int types = j->from.config.type_vocab_size;
    int st = choose_length(j, &length, err);
    if (!st)
        st = rtd_table_load(&j->table, o->train, &spec, err);
    if (!st)
        st = rtd_labels_collect(&j->labels, j->table.label, j->table.rows, err);
    if (!st && j->labels.n < 2)
        st = rtd_fail(err, RTD_EDATA, "%s: all rows have the same label '%s'", o->train,
                      j->labels.name[0]);
    if (!st)
        st = rtd_examples_build(&j->train, &j->table, &j->labels, j->from.tok, length, types,
                                o->swap, err);
    if (!st && o->dev)
        st = rtd_table_load(&j->dev_table, o->dev, &spec, err);
    if (!st && o->dev)
        st = rtd_examples_build(&j->dev, &j->dev_table, &j->labels, j->from.tok, length, types,
                                false, err);
    return st;
}

/* What a user wants to see before waiting. */
static void report_data(const struct job *j, const struct rtd_table *t,
                        const struct rtd_examples *e)
{
    size_t *count = calloc((size_t)j->labels.n, sizeof *count), least = SIZE_MAX, most = 0;
    for (size_t i = 0; count && i < e->seq.n; i++)
        if (e->label[i] >= 0)
            count[e->label[i]]++;
    for (int i = 0; count && i < j->labels.n; i++) {
        least = count[i] < least ? count[i] : least;
        most = count[i] > most ? count[i] : most;
        if (j->labels.n <= 12 || rtd_tool_verbose)
            rtd_note("%s: label %s: %zu", t->name, j->labels.name[i], count[i]);
    }
    rtd_note(
        "%s: %zu examples, %d labels with %zu to %zu each; %.1f tokens on average, at most %zu",
        t->name, e->seq.n, j->labels.n, least, most,
        (double)e->seq.start[e->seq.n] / (double)e->seq.n, e->seq.longest);
    if (e->seq.cut)
        rtd_warn("%s: %zu of %zu texts were longer than %zu tokens and cut", t->name, e->seq.cut,
                 e->seq.n, e->seq.length);
    if (e->unknown)
        rtd_warn(
            "%s: %zu examples have a label that the training data has not: they count as wrong",
            t->name, e->unknown);
    if (e->empty)
        rtd_warn("%s: %zu rows have an empty text", t->name, e->empty);
    free(count);
}

static void report_run(const struct job *j, bool kept_head)
{
    const struct rtd_fit_options *fit = &j->o->fit;
    uint64_t warmup, steps = rtd_fit_steps(fit, j->train.seq.n, &warmup);
    size_t parameters = 0;
    for (int i = 0; i < j->f->params.n; i++)
        parameters += j->f->params.item[i].count;
    rtd_note("%zu parameters%s%s; %llu steps of %lld examples, lr %g after %llu steps of warm-up",
             parameters, j->o->scratch ? ", all drawn anew" : "",
             kept_head ? ", the head as it was" : "", (unsigned long long)steps,
             (long long)fit->batch, fit->lr, (unsigned long long)warmup);
}

static int run(struct job *j, struct rtd_err *err)
{
    const struct opts *o = j->o;
    struct rtd_finetune_options fo;
    struct rtd_fit_result result;
    bool kept_head;
    int st = rtd_kernels_check(err);
    if (!st)
        st = rtd_model_dir_open(&j->from, o->model, RTD_DIR_TOKENIZER, err);
    if (!st)
        st = load_data(j, err);
    if (!st)
        st = rtd_task_config(&j->config, &j->from, &j->labels, j->table.ntext,
                             (int)j->train.seq.longest, err);
    if (!st)
        st = rtd_pool_new(&j->pool, o->threads ? (int)o->threads : rtd_cpu_count(), err);
    if (st)
        return st;
    rtd_finetune_defaults(&fo);
    fo.loss_mean = o->fit.loss_mean;
    fo.seed = o->fit.seed;
    fo.lanes = (int)o->lanes;
    st = rtd_finetune_new(&j->f, &j->config, &fo, j->pool, err);
    if (!st)
        st = rtd_task_start(j->f, &j->from, o->scratch, o->fit.seed, &kept_head, err);
    if (st)
        return st;
    report_data(j, &j->table, &j->train);
    if (o->dev)
        report_data(j, &j->dev_table, &j->dev);
    report_run(j, kept_head);
    st = rtd_fit(j->f, j->pool, &j->train, o->dev ? &j->dev : NULL, &o->fit, &result, &j->metrics,
                 err);
    if (!st)
        st = rtd_task_save(j->f, &j->from, o->out, &j->metrics, o->force, err);
    if (!st && result.best_epoch)
        rtd_note("%s: epoch %d, dev accuracy %.4f, macro F1 %.4f", o->out, result.best_epoch,
                 result.dev.accuracy, result.dev.f1_macro);
    return st;
}

static void clean(struct job *j)
{
    rtd_finetune_free(j->f);
    rtd_pool_free(j->pool);
    rtd_config_free(&j->config);
    rtd_examples_free(&j->train);
    rtd_examples_free(&j->dev);
    rtd_labels_free(&j->labels);
    rtd_table_free(&j->table);
    rtd_table_free(&j->dev_table);
    rtd_model_dir_close(&j->from);
    rtd_buf_free(&j->metrics);
}

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    struct rtd_fit_options *f = &o->fit;
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 0, "task", "TASK", &o->task, 0, 0, "what to learn: classify", 0},
        {RTD_OPT_STR, 'm', "model", "DIR", &o->model, 0, 0, "pre-trained model to start from", 0},
        {RTD_OPT_STR, 'o', "output", "DIR", &o->out, 0, 0, "model directory to write", 0},
        {RTD_OPT_STR, 0, "dev", "FILE", &o->dev, 0, 0,
         "held-out data: measure every epoch, keep the best", 0},
        {RTD_OPT_STR, 0, "metric", "NAME", &o->metric, 0, 0,
         "best in accuracy (default), f1_macro, mcc or loss", 0},
        {RTD_OPT_STR, 0, "text", "COL[,COL]", &o->text, 0, 0, "columns of the text or the pair", 0},
        {RTD_OPT_STR, 0, "label", "COL", &o->label, 0, 0, "column of the label", 0},
        {RTD_OPT_FLAG, 0, "header", NULL, &o->header, 0, 0,
         "row 1 is a header though columns go by number", 0},
        {RTD_OPT_FLAG, 0, "swap", NULL, &o->swap, 0, 0,
         "train on every pair the other way round, too", 0},
        {RTD_OPT_FLAG, 0, "from-scratch", NULL, &o->scratch, 0, 0,
         "take only the model's shape; draw all weights anew", 0},
        {RTD_OPT_STR, 0, "recipe", "NAME", &o->recipe, 0, 0,
         "hf (default) or electra: defaults of what follows", 0},
        {RTD_OPT_REAL, 0, "lr", "X", &f->lr, 0, 10, "learning rate (1e-4)", 0},
        {RTD_OPT_INT, 0, "batch", "N", &f->batch, 1, 1 << 20, "examples a step (32)", 0},
        {RTD_OPT_INT, 0, "epochs", "N", &f->epochs, 1, 1 << 20, "passes over TRAIN (3)", 0},
        {RTD_OPT_INT, 0, "max-steps", "N", &f->max_steps, 1, 1e15, "at most N steps", 0},
        {RTD_OPT_INT, 0, "length", "N", &o->length, 3, 1 << 20,
         "most tokens of an example (128, or what the model can)", 0},
        {RTD_OPT_STR, 0, "loss", "HOW", &o->loss, 0, 0,
         "over the batch: mean (hf) or sum (electra)", 0},
        {RTD_OPT_STR, 0, "bias-correction", "HOW", &o->correction, 0, 0,
         "of Adam: on (hf) or off (electra)", 0},
        {RTD_OPT_REAL, 0, "warmup", "F", &f->warmup, 0, 1, "share of the steps (0.1)", 0},
        {RTD_OPT_REAL, 0, "layer-decay", "F", &f->layer_decay, 0.01, 1,
         "learning rate factor a layer (hf 1, electra 0.8)", 0},
        {RTD_OPT_FLAG, 0, "official-layer-decay", NULL, &f->official_layer_decay, 0, 0,
         "one factor more below the head, as google-research", 0},
        {RTD_OPT_REAL, 0, "clip", "F", &f->clip, 0, 1e30, "gradient norm; 0: no limit (1)", 0},
        {RTD_OPT_REAL, 0, "weight-decay", "F", &f->weight_decay, 0, 10, "AdamW's (0.01)", 0},
        {RTD_OPT_INT, 0, "lanes", "N", &o->lanes, 1, 4096,
         "parts of a batch worked on at once (2); changes rounding", 0},
        {RTD_OPT_INT, 0, "seed", "N", &o->seed, 0, 0, "of weights, order, dropout (1)", 0},
        {RTD_OPT_INT, 'j', "threads", "N", &o->threads, 1, 1024, "threads (default: all CPUs)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "replace an existing directory", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int first;
    int st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (!st && !rtd_fit_recipe(f, o->recipe))
        st = rtd_fail(err, RTD_EUSAGE, "--recipe %s: no such recipe (hf, electra)", o->recipe);
    rtd_tool_verbose = 0;
    if (!st) /* again, over the recipe's values */
        st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (!st && argc - first != 1)
        st = rtd_fail(err, RTD_EUSAGE, "want one file of training data");
    if (!st)
        o->train = argv[first];
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.recipe = "hf", .lanes = 2, .seed = 1};
    struct rtd_err err = {0};
    rtd_tool_begin("finetune", argc, argv);
    int st = parse(&o, argc, argv, &err);
    if (!st)
        st = check_options(&o, &err);
    if (!st)
        st = check_place(&o, &err);
    if (!st) {
        struct job j = {.o = &o};
        st = run(&j, &err);
        clean(&j);
    }
    return rtd_tool_end(&err, st);
}
