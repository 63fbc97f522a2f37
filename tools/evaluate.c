/* rtdtools - MIT licence
 *
 * evaluate: predictions and gold answers in, metrics out. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "gold/tags.h"
#include "score/score.h"

struct opts {
    struct rtd_score_options score;
    const char *task, *out;
    bool json, force;
};

static const struct rtd_usage usage = {
    "--task TASK --gold FILE [--label COL] [options] [PREDICTIONS]",
    "compare predictions with gold answers",
    "TASK is classify, regress, multilabel, tag, joint, answer, rank or generate.  PREDICTIONS "
    "(default:\n"
    "standard input) is what the tools print: classify, embed --pair, tag, answer, "
    "rank,\n"
    "generate.  FILE holds the right answers in the same order: TSV, CoNLL or SQuAD's JSON.  "
    "Prints\n"
    "NAME TAB VALUE lines."};

/* --- printing --- */

static int print_classes(struct rtd_out *out, json_t *classes, struct rtd_err *err)
{
    const char *name;
    json_t *s;
    int st = rtd_out_printf(out, err, "\nclass\tprecision\trecall\tf1\tsupport\n");
    json_object_foreach(classes, name, s)
    {
        if (!st)
            st = rtd_out_printf(out, err, "%s\t%.8g\t%.8g\t%.8g\t%lld\n", name,
                                json_real_value(json_object_get(s, "precision")),
                                json_real_value(json_object_get(s, "recall")),
                                json_real_value(json_object_get(s, "f1")),
                                (long long)json_integer_value(json_object_get(s, "support")));
    }
    return st;
}

static int print_confusion(struct rtd_out *out, const json_t *labels, const json_t *rows,
                           struct rtd_err *err)
{
    size_t n = json_array_size(labels);
    int st = rtd_out_printf(out, err, "\ngold \\ predicted");
    for (size_t i = 0; i <= n && !st; i++) { /* row 0: the names */
        if (i)
            st = rtd_out_printf(out, err, "%s", json_string_value(json_array_get(labels, i - 1)));
        for (size_t k = 0; k < n && !st; k++) {
            const json_t *cell = json_array_get(json_array_get(rows, i - 1), k);
            st = i ? rtd_out_printf(out, err, "\t%lld", (long long)json_integer_value(cell))
                   : rtd_out_printf(out, err, "\t%s", json_string_value(json_array_get(labels, k)));
        }
        if (!st)
            st = rtd_out_printf(out, err, "\n");
    }
    return st;
}

static int print_lines(struct rtd_out *out, json_t *root, struct rtd_err *err)
{
    const char *key;
    json_t *v, *classes = json_object_get(root, "per_class");
    int st = RTD_OK;
    json_object_foreach(root, key, v)
    {
        if (!st && json_is_real(v))
            st = rtd_out_printf(out, err, "%s\t%.8g\n", key, json_real_value(v));
        else if (!st && json_is_integer(v))
            st = rtd_out_printf(out, err, "%s\t%lld\n", key, (long long)json_integer_value(v));
        else if (!st && json_is_string(v))
            st = rtd_out_printf(out, err, "%s\t%s\n", key, json_string_value(v));
    }
    if (!st && classes)
        st = print_classes(out, classes, err);
    if (!st && json_object_get(root, "confusion"))
        st = print_confusion(out, json_object_get(root, "labels"),
                             json_object_get(root, "confusion"), err);
    return st;
}

static int print(struct rtd_out *out, json_t *root, bool json, struct rtd_err *err)
{
    if (!json)
        return print_lines(out, root, err);
    char *line = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(12));
    int st = line ? rtd_out_printf(out, err, "%s\n", line)
                  : rtd_fail(err, RTD_ESYS, "metrics: no memory");
    free(line);
    return st;
}

static const struct task {
    const char *name;
    int (*score)(json_t **out, const struct rtd_score_options *o, struct rtd_err *err);
} tasks[] = {
    {"classify", rtd_score_classes},  {"regress", rtd_score_numbers},
    {"multilabel", rtd_score_labels}, {"tag", rtd_score_tags},
    {"joint", rtd_score_joint},       {"answer", rtd_score_answers},
    {"rank", rtd_score_rankings},     {"generate", rtd_score_texts},
};

static int check(const struct opts *opt, const struct task **task, struct rtd_err *err)
{
    const struct rtd_score_options *o = &opt->score;
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
        if (opt->task && strcmp(opt->task, tasks[i].name) == 0)
            *task = &tasks[i];
    if (!opt->task || !o->gold)
        return rtd_fail(err, RTD_EUSAGE, "--task and --gold are needed");
    if (!*task)
        return rtd_fail(err, RTD_EUSAGE, "--task %s: no such task (see --help)", opt->task);
    if ((strcmp(opt->task, "joint") == 0) != (o->slots != NULL))
        return rtd_fail(err, RTD_EUSAGE, "--slots belongs to --task joint");
    if (strcmp(o->gold, "-") == 0 && strcmp(o->predictions, "-") == 0)
        return rtd_fail(err, RTD_EUSAGE, "gold and predictions cannot both be standard input");
    return strcmp(o->predictions, "-") == 0 ? rtd_refuse_tty_stdin(err) : RTD_OK;
}

static int run(const struct opts *opt, struct rtd_err *err)
{
    struct rtd_out *out;
    const struct task *task = NULL;
    json_t *root = NULL;
    int st = check(opt, &task, err);
    if (!st)
        st = rtd_out_open(&out, opt->out, opt->force ? RTD_OUT_FORCE : 0, err);
    if (st)
        return st;
    st = task->score(&root, &opt->score, err);
    if (!st)
        st = print(out, root, opt->json, err);
    json_decref(root);
    if (!st)
        return rtd_out_commit(out, err);
    rtd_out_abort(out);
    return st;
}

int main(int argc, char **argv)
{
    struct opts opt = {.out = "-", .score = {.predictions = "-", .threshold = 0.5}};
    struct rtd_score_options *o = &opt.score;
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 0, "task", "TASK", &opt.task, 0, 0, "what was predicted", 0},
        {RTD_OPT_STR, 0, "gold", "FILE", &o->gold, 0, 0, "file with the right answers", 0},
        {RTD_OPT_STR, 0, "label", "COL", &o->label, 0, 0,
         "column of FILE, by name or number (default: label; tag: the last)", 0},
        {RTD_OPT_STR, 0, "text", "COL", &o->text, 0, 0,
         "tag: column of FILE's words, by number (default: 1)", 0},
        {RTD_OPT_STR, 0, "slots", "FILE", &o->slots, 0, 0, "joint: CoNLL file with the right tags",
         0},
        {RTD_OPT_STR, 0, "no-answer", "FILE", &o->no_answer, 0, 0,
         "answer: probabilities that there is no answer, JSON", 0},
        {RTD_OPT_REAL, 0, "threshold", "P", &o->threshold, 0, 1,
         "answer: over this no-answer probability nothing was said (0.5)", 0},
        {RTD_OPT_STR, 0, "positive", "LABEL", &o->positive, 0, 0,
         "the class of f1_positive (default: of two, the last sorted)", 0},
        {RTD_OPT_STR, 0, "scheme", "NAME", &o->scheme, 0, 0,
         "tag, joint: what the tags are: " RTD_TAG_SCHEMES " (as found)", 0},
        {RTD_OPT_FLAG, 0, "skip-bad", NULL, &o->skip_bad, 0, 0,
         "leave out records that cannot be used", 0},
        {RTD_OPT_FLAG, 0, "per-class", NULL, &o->per_class, 0, 0,
         "also precision, recall and F1 of every class", 0},
        {RTD_OPT_FLAG, 0, "confusion", NULL, &o->confusion, 0, 0, "also the confusion matrix", 0},
        {RTD_OPT_FLAG, 0, "json", NULL, &opt.json, 0, 0, "print one JSON object", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &opt.out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &opt.force, 0, 0, "overwrite the output file", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("evaluate", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st && argc - first > 1)
        st = rtd_fail(&err, RTD_EUSAGE, "want one file of predictions");
    if (!st && first < argc)
        opt.score.predictions = argv[first];
    if (!st)
        st = run(&opt, &err);
    return rtd_tool_end(&err, st);
}
