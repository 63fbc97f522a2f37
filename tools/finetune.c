/* rtdtools - MIT licence
 *
 * finetune: train heads and the encoder on tasks. */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "finetune/job.h"
#include "gold/tags.h"

struct opts {
    struct rtd_finetune_job job;
    const char *recipe, *loss, *correction, *weights;
    struct rtd_strlist task, dev, slots, dev_slots;
    const char *metric;
    bool plan;
    int64_t seed, stride, question, target, max_tokens;
};

static const struct rtd_usage usage = {
    "--task [NAME=]TASK... -m DIR -o DIR [options] TRAIN...",
    "train a pre-trained model on a task, or on several",
    "TASK is classify, regress, multilabel, tag, joint, answer, rank or generate; each takes the "
    "TRAIN\n"
    "in its place.  TSV has no quoting; its row 1 is a header when it holds the names of the "
    "columns:\n"
    "text, or text_a and text_b, and label, or what --text and --label name."};

static int choose(const char *value, const char *option, const char *const *names, int n,
                  struct rtd_err *err)
{
    for (int i = 0; i < n; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    rtd_fail(err, RTD_EUSAGE, "--%s %s: no such choice (see --help)", option, value);
    return 0;
}

/* The k-th of the files given for the tasks that take one. */
static const char *file_of(const struct rtd_strlist *l, int k)
{
    return k < l->n ? l->item[k] : NULL;
}

/* "NAME=TASK" or "TASK"; the name is copied into names. */
static int take_task(struct rtd_finetune_task *t, const char *text, char *name, size_t size,
                     struct rtd_err *err)
{
    const char *eq = strchr(text, '=');
    size_t len = eq ? (size_t)(eq - text) : 0;
    t->task = eq ? eq + 1 : text;
    t->name = name;
    if (eq && (len == 0 || len >= size || strcspn(text, "./ ") < len))
        return rtd_fail(err, RTD_EUSAGE, "--task %s: want NAME=TASK, without '.', '/', ' '", text);
    memcpy(name, text, len);
    name[len] = '\0';
    if (!rtd_dataset_kind(t->task))
        return rtd_fail(err, RTD_EUSAGE, "--task %s: no such task (see --help)", t->task);
    return RTD_OK;
}

static int take_tasks(struct opts *o, char **files, int n, struct rtd_err *err)
{
    static char names[RTD_MAX_HEADS][RTD_HEAD_NAME - 8]; /* a joint task's are longer */
    struct rtd_finetune_job *t = &o->job;
    int joint = 0;
    if (o->task.n == 0 || !t->model || (!t->out && !o->plan))
        return rtd_fail(err, RTD_EUSAGE, "--task, -m and -o are needed");
    if (o->task.n > RTD_MAX_HEADS)
        return rtd_fail(err, RTD_EUSAGE, "more than %d tasks", RTD_MAX_HEADS);
    if (n != o->task.n)
        return rtd_fail(err, RTD_EUSAGE, "want one file of training data for each task: %d, not %d",
                        o->task.n, n);
    if (o->dev.n && o->dev.n != n)
        return rtd_fail(err, RTD_EUSAGE, "want no --dev, or one for each task");
    t->tasks = n;
    for (int i = 0; i < n; i++) {
        struct rtd_finetune_task *one = &t->task[i];
        if (take_task(one, o->task.item[i], names[i], sizeof names[i], err))
            return err->status;
        if (n > 1 && !names[i][0])
            return rtd_fail(err, RTD_EUSAGE, "--task %s: one of several needs a name: NAME=TASK",
                            o->task.item[i]);
        for (int k = 0; k < i; k++)
            if (strcmp(names[k], names[i]) == 0)
                return rtd_fail(err, RTD_EUSAGE, "--task %s: the name stands twice", names[i]);
        one->train = files[i];
        one->dev = file_of(&o->dev, i);
        if (strcmp(one->task, "joint") != 0)
            continue;
        one->slots = file_of(&o->slots, joint);
        one->dev_slots = file_of(&o->dev_slots, joint++);
        if (!one->slots || (one->dev && !one->dev_slots))
            return rtd_fail(err, RTD_EUSAGE, "joint needs --slots, and --dev-slots beside --dev");
    }
    if (joint && o->slots.n != joint)
        return rtd_fail(err, RTD_EUSAGE, "want one --slots for each joint task");
    return RTD_OK;
}

/* Options that only some tasks heed: an error where none of the tasks is one of them. */
enum {
    CLASSIFY = 1 << RTD_TASK_CLASSIFY,
    REGRESS = 1 << RTD_TASK_REGRESS,
    MULTILABEL = 1 << RTD_TASK_MULTILABEL,
    TAG = 1 << RTD_TASK_TAG,
    ANSWER = 1 << RTD_TASK_ANSWER,
    RANK = 1 << RTD_TASK_RANK,
    GENERATE = 1 << RTD_TASK_GENERATE,
    JOINT = 1 << RTD_TASK_JOINT,
    ROWS = CLASSIFY | REGRESS | MULTILABEL,
};
static const struct rtd_opt_use uses[] = {
    {"text", ~ANSWER, "tasks other than answer"},
    {"label", ~(ANSWER | GENERATE), "tasks other than answer and generate"},
    {"header", ROWS | JOINT | GENERATE, "classify, regress, multilabel, joint and generate"},
    {"swap", ROWS, "pairs of texts, which are for classify, regress and multilabel"},
    {"slots", JOINT, "joint"},
    {"dev-slots", JOINT, "joint"},
    {"bioes", TAG | JOINT, "tag and joint"},
    {"scheme", TAG | JOINT, "tag and joint"},
    {"stride", ANSWER, "answer"},
    {"question-length", ANSWER, "answer"},
    {"negatives", RANK, "rank"},
    {"context", RANK, "rank"},
    {"target-length", GENERATE, "generate"},
    {"generator", GENERATE, "generate"},
    {"class-weights", CLASSIFY | TAG | JOINT, "classify, tag and joint"},
    {"label-smoothing", ~(REGRESS | ANSWER), "tasks other than regress and answer"},
};

static int check_uses(const struct rtd_opt *table, const struct rtd_finetune_job *t,
                      struct rtd_err *err)
{
    unsigned modes = 0;
    for (int i = 0; i < t->tasks; i++)
        modes |= 1u << rtd_dataset_kind(t->task[i].task)->task;
    return rtd_opt_check_uses(table, uses, (int)(sizeof uses / sizeof uses[0]), modes, err);
}

/* Options that are words, and those that need each other. */
static int check_options(struct opts *o, struct rtd_err *err)
{
    static const char *const losses[] = {"mean", "sum"}, *const switches[] = {"on", "off"};
    static const char *const weights[] = {"none", "balanced"};
    struct rtd_finetune_job *t = &o->job;
    struct rtd_finetune_loop_options *f = &t->fit;
    if (o->loss)
        f->loss_mean = choose(o->loss, "loss", losses, 2, err) == 0;
    if (o->correction)
        f->bias_correction = choose(o->correction, "bias-correction", switches, 2, err) == 0;
    if (o->weights)
        t->data.balanced = choose(o->weights, "class-weights", weights, 2, err) == 1;
    if ((f->patience || t->trials > 1 || o->metric) && !o->dev.n)
        rtd_fail(err, RTD_EUSAGE, "--patience, --trials and --metric need --dev");
    if (t->trials > 1 && t->resume)
        rtd_fail(err, RTD_EUSAGE, "--trials and --resume exclude each other");
    f->metric = o->metric;
    f->seed = (uint64_t)o->seed;
    t->data.stride = (size_t)o->stride;
    t->data.question = (size_t)o->question;
    t->data.target = (size_t)o->target;
    t->data.max_tokens = (uint64_t)o->max_tokens;
    return err->status;
}

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    struct rtd_finetune_job *t = &o->job;
    struct rtd_finetune_loop_options *f = &t->fit;
    struct rtd_opt table[] = {
        {RTD_OPT_LIST, 0, "task", "[NAME=]TASK", &o->task, 0, 0,
         "what to learn; repeat for several, each with a name and a TRAIN", 0},
        {RTD_OPT_STR, 'm', "model", "DIR", &t->model, 0, 0, "pre-trained model to start from", 0},
        {RTD_OPT_STR, 'o', "output", "DIR", &t->out, 0, 0, "model directory to write", 0},
        {RTD_OPT_LIST, 0, "dev", "FILE", &o->dev, 0, 0,
         "held-out data: measure every epoch, keep the best; one for each task", 0},
        {RTD_OPT_STR, 0, "metric", "NAME", &o->metric, 0, 0,
         "what the best epoch is best in (by task: accuracy, spearman, f1 ...)", 0},
        {RTD_OPT_STR, 0, "text", "COL[,COL]", &t->data.text, 0, 0,
         "columns of the text or the pair", 0},
        {RTD_OPT_STR, 0, "label", "COL", &t->data.label, 0, 0, "column of the label", 0},
        {RTD_OPT_FLAG, 0, "header", NULL, &t->data.header, 0, 0,
         "row 1 is a header though columns go by number", 0},
        {RTD_OPT_FLAG, 0, "plain-text", NULL, &t->plain_text, 0, 0,
         "[SEP] and its like in a text are text, then and later", 0},
        {RTD_OPT_FLAG, 0, "swap", NULL, &t->data.swap, 0, 0,
         "train on every pair the other way round, too", 0},
        {RTD_OPT_LIST, 0, "slots", "FILE", &o->slots, 0, 0,
         "joint: the tags of TRAIN's texts, CoNLL", 0},
        {RTD_OPT_LIST, 0, "dev-slots", "FILE", &o->dev_slots, 0, 0,
         "joint: the tags of the texts of --dev", 0},
        {RTD_OPT_FLAG, 0, "bioes", NULL, &t->data.bioes, 0, 0, "tag, joint: learn BIOES tags", 0},
        {RTD_OPT_STR, 0, "scheme", "NAME", &t->data.scheme, 0, 0,
         "tag, joint: what the tags are: " RTD_TAG_SCHEMES " (as found)", 0},
        {RTD_OPT_FLAG, 0, "skip-bad", NULL, &t->data.skip_bad, 0, 0,
         "leave out records that cannot be used", 0},
        {RTD_OPT_INT, 0, "stride", "N", &o->stride, 1, 1 << 16,
         "answer: tokens that two windows share (a third of the length, at most 128)", 0},
        {RTD_OPT_INT, 0, "question-length", "N", &o->question, 1, 1 << 16,
         "answer: most tokens of a question (half of the length, at most 64)", 0},
        {RTD_OPT_INT, 0, "negatives", "N", &t->data.negatives, 0, 1000,
         "rank: wrong candidates drawn from other rows for each right one", 0},
        {RTD_OPT_INT, 0, "context", "N", &t->data.context, 0, 1000,
         "rank: earlier turns kept of a query (all)", 0},
        {RTD_OPT_INT, 0, "target-length", "N", &o->target, 2, 1 << 16,
         "generate: most tokens of a target (64)", 0},
        {RTD_OPT_STR, 0, "generator", "DIR", &t->generator, 0, 0,
         "generate: start the head from this generator's", 0},
        {RTD_OPT_STR, 0, "class-weights", "HOW", &o->weights, 0, 0,
         "balanced: labels weigh as if equally frequent; none (default)", 0},
        {RTD_OPT_REAL, 0, "label-smoothing", "F", &t->smoothing, 0, 0.999,
         "share of the target spread over all labels (0)", 0},
        {RTD_OPT_REAL, 0, "dropout", "F", &t->dropout, 0, 0.999, "all rates (the model's)", 0},
        {RTD_OPT_COUNTED, 0, "max-tokens", "N", &o->max_tokens, 1, 1e15,
         "train on at most N tokens in all: fewer examples, by hash", 0},
        {RTD_OPT_INT, 0, "patience", "N", &f->patience, 1, 1 << 20,
         "stop after N epochs that were not the best", 0},
        {RTD_OPT_INT, 0, "trials", "N", &t->trials, 1, 1000,
         "train with N seeds, say median and spread, keep the best on --dev", 0},
        {RTD_OPT_FLAG, 0, "plan", NULL, &o->plan, 0, 0,
         "print what it would cost, NAME TAB VALUE; train and write nothing", 0},
        {RTD_OPT_FLAG, 0, "resume", NULL, &t->resume, 0, 0,
         "keep the state of every epoch in OUT.state; go on from there", 0},
        {RTD_OPT_FLAG, 0, "from-scratch", NULL, &t->scratch, 0, 0,
         "take only the model's shape; draw all weights anew", 0},
        {RTD_OPT_STR, 0, "recipe", "NAME", &o->recipe, 0, 0,
         "hf (default) or electra: defaults of what follows", 0},
        {RTD_OPT_REAL, 0, "lr", "X", &f->lr, 0, 10, "learning rate (1e-4)", 0},
        {RTD_OPT_INT, 0, "batch", "N", &f->batch, 1, 1 << 20, "examples a step (32)", 0},
        {RTD_OPT_INT, 0, "epochs", "N", &f->epochs, 1, 1 << 20,
         "passes over TRAIN (by task: 2 to 10)", 0},
        {RTD_OPT_INT, 0, "max-steps", "N", &f->max_steps, 1, 1e15, "at most N steps", 0},
        {RTD_OPT_INT, 0, "length", "N", &t->length, 3, 1 << 20,
         "most tokens of an example (by task 128 to 384, or what the model can)", 0},
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
        {RTD_OPT_INT, 0, "lanes", "N", &t->lanes, 1, 4096,
         "parts of a batch worked on at once, a power of two (2); changes rounding", 0},
        {RTD_OPT_INT, 0, "seed", "N", &o->seed, 0, 0, "of weights, order, dropout (1)", 0},
        {RTD_OPT_INT, 'j', "threads", "N", &t->threads, 1, 1024, "threads (default: all CPUs)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &t->force, 0, 0, "replace an existing directory", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int first;
    int st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (!st && !rtd_finetune_recipe(f, o->recipe))
        st = rtd_fail(err, RTD_EUSAGE, "--recipe %s: no such recipe (hf, electra)", o->recipe);
    if (!st && (t->lanes & (t->lanes - 1)))
        st = rtd_fail(err, RTD_EUSAGE, "--lanes %lld: wants a power of two", (long long)t->lanes);
    rtd_tool_verbose = 0;
    if (!st) /* again, over the recipe's values */
        st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (!st)
        st = take_tasks(o, argv + first, argc - first, err);
    if (!st)
        st = check_uses(table, t, err);
    return st ? st : check_options(o, err);
}

static int print_plan(const struct rtd_finetune_job *job, struct rtd_err *err)
{
    struct rtd_finetune_plan p;
    struct rtd_out *out;
    if (rtd_finetune_plan(job, &p, err) || rtd_out_open(&out, "-", 0, err))
        return err->status;
    const struct {
        const char *name;
        uint64_t value;
    } row[] = {
        {"parameters", p.parameters},
        {"examples", p.examples},
        {"sequences", p.sequences},
        {"tokens", p.tokens},
        {"epochs", p.epochs},
        {"steps", p.steps},
        {"warmup_steps", p.warmup},
        {"training_tokens", p.training_tokens},
        {"dev_sequences", p.dev_sequences},
        {"dev_tokens", p.dev_tokens},
        {"threads", (uint64_t)p.threads},
        {"lanes", (uint64_t)p.lanes},
    };
    int st = RTD_OK;
    for (size_t i = 0; i < sizeof row / sizeof row[0] && !st; i++)
        st = rtd_out_printf(out, err, "%s\t%llu\n", row[i].name, (unsigned long long)row[i].value);
    if (!st)
        st = rtd_out_printf(out, err, "seconds\t%.3g\n", p.seconds);
    if (!st)
        return rtd_out_commit(out, err);
    rtd_out_abort(out);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {
        .recipe = "hf", .job = {.lanes = 2, .trials = 1, .dropout = -1}, .seed = 1, .target = 64};
    struct rtd_err err = {0};
    rtd_tool_begin("finetune", argc, argv);
    int st = parse(&o, argc, argv, &err);
    if (!st)
        st = o.plan ? print_plan(&o.job, &err) : rtd_finetune_run(&o.job, &err);
    return rtd_tool_end(&err, st);
}
