/* rtdtools - MIT licence
 *
 * evaluate: predictions and gold answers in, metrics out. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "gold/labels.h"
#include "score/metrics.h"
#include "gold/predictions.h"
#include "score/score.h"
#include "gold/table.h"

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

/* Everything known about a run of classification. */
struct outcome {
    struct rtd_labels labels;
    struct rtd_confusion confusion;
    struct rtd_classification scores;
    int positive; /* -1: F1 of a positive class makes no sense */
};

/* The header of classify --header: one line more than there are rows. */
static void drop_header(struct rtd_predictions *p, const struct rtd_table *gold)
{
    if (p->n != gold->rows + 1 || strcmp(p->label[0], "label") != 0)
        return;
    free(p->label[0]);
    memmove(p->label, p->label + 1, --p->n * sizeof *p->label);
}

static int check_match(const struct rtd_table *gold, const struct rtd_predictions *p,
                       const char *name, struct rtd_err *err)
{
    if (p->n != gold->rows)
        return rtd_fail(err, RTD_EDATA, "%s: %zu predictions for %zu rows of %s", name, p->n,
                        gold->rows, gold->name);
    struct rtd_labels known;
    if (rtd_labels_collect(&known, gold->label, gold->rows, err))
        return err->status;
    bool common = false;
    for (size_t i = 0; i < p->n && !common; i++)
        common = rtd_labels_find(&known, p->label[i]) >= 0;
    rtd_labels_free(&known);
    char a[64], b[64];
    if (!common)
        return rtd_fail(err, RTD_EDATA,
                        "%s: no predicted label occurs in %s (predicted '%s', gold '%s')", name,
                        gold->name, rtd_mask_text(a, sizeof a, p->label[0], strlen(p->label[0])),
                        rtd_mask_text(b, sizeof b, gold->label[0], strlen(gold->label[0])));
    return RTD_OK;
}

static int compare(struct outcome *o, const struct rtd_table *gold, const struct rtd_predictions *p,
                   struct rtd_err *err)
{
    size_t n = gold->rows;
    char **all = malloc(2 * n * sizeof *all);
    if (!all)
        return rtd_fail(err, RTD_ESYS, "labels: no memory");
    memcpy(all, gold->label, n * sizeof *all);
    memcpy(all + n, p->label, n * sizeof *all);
    int st = rtd_labels_collect(&o->labels, all, 2 * n, err);
    free(all);
    if (!st)
        st = rtd_confusion_new(&o->confusion, o->labels.n, err);
    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        rtd_confusion_add(&o->confusion, rtd_labels_find(&o->labels, gold->label[i]),
                          rtd_labels_find(&o->labels, p->label[i]));
    rtd_classification_scores(&o->confusion, &o->scores);
    return RTD_OK;
}

/* --positive, or of two labels the one that sorts last: 1 of 0 and 1, yes of no and yes. */
static int choose_positive(struct outcome *o, const char *positive, struct rtd_err *err)
{
    int none = rtd_labels_find(&o->labels, RTD_NO_PREDICTION), n = o->labels.n;
    o->positive = n - (none >= 0) != 2 ? -1 : none == n - 1 ? n - 2 : n - 1;
    if (positive) {
        o->positive = rtd_labels_find(&o->labels, positive);
        if (o->positive < 0)
            return rtd_fail(err, RTD_EDATA, "--positive %s: no such label", positive);
    }
    return RTD_OK;
}

static void add_tables(json_t *root, const struct outcome *o, const struct rtd_score_options *opt)
{
    json_t *classes = json_object(), *names = json_array(), *rows = json_array();
    for (int i = 0; i < o->labels.n; i++) {
        struct rtd_class_scores s;
        rtd_confusion_class(&o->confusion, i, &s);
        json_object_set_new(classes, o->labels.name[i],
                            json_pack("{s:f, s:f, s:f, s:I}", "precision", s.precision, "recall",
                                      s.recall, "f1", s.f1, "support", (json_int_t)s.support));
        json_array_append_new(names, json_string(o->labels.name[i]));
        json_t *row = json_array();
        for (int k = 0; k < o->labels.n; k++)
            json_array_append_new(
                row, json_integer((json_int_t)o->confusion.count[i * o->labels.n + k]));
        json_array_append_new(rows, row);
    }
    if (opt->per_class)
        json_object_set(root, "per_class", classes);
    if (opt->confusion) {
        json_object_set(root, "labels", names);
        json_object_set(root, "confusion", rows);
    }
    json_decref(classes);
    json_decref(names);
    json_decref(rows);
}

static json_t *as_json(const struct outcome *o, const struct rtd_score_options *opt)
{
    const struct rtd_classification *s = &o->scores;
    json_t *root = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "rows", (json_int_t)s->rows,
                             "accuracy", s->accuracy, "f1_micro", s->f1_micro, "f1_macro",
                             s->f1_macro, "f1_weighted", s->f1_weighted, "mcc", s->mcc);
    if (o->positive >= 0) {
        struct rtd_class_scores one;
        rtd_confusion_class(&o->confusion, o->positive, &one);
        json_object_set_new(root, "positive", json_string(o->labels.name[o->positive]));
        json_object_set_new(root, "f1_positive", json_real(one.f1));
        json_object_set_new(root, "precision", json_real(one.precision));
        json_object_set_new(root, "recall", json_real(one.recall));
    }
    add_tables(root, o, opt);
    return root;
}

static int score_classes(json_t **out, const struct rtd_score_options *opt, struct rtd_err *err)
{
    struct rtd_columns_spec spec = {.label = opt->label, .want_label = true};
    struct rtd_table gold;
    struct rtd_predictions p = {0};
    struct outcome o = {0};
    int st = rtd_table_load(&gold, opt->gold, &spec, err);
    if (st)
        return st;
    st = rtd_predictions_load(&p, opt->predictions, err);
    if (!st) {
        drop_header(&p, &gold);
        st = check_match(&gold, &p, opt->predictions, err);
    }
    if (!st)
        st = compare(&o, &gold, &p, err);
    if (!st)
        st = choose_positive(&o, opt->positive, err);
    if (!st && p.none)
        rtd_warn("%s: %zu of %zu rows have no prediction: they count as wrong", opt->predictions,
                 p.none, p.n);
    if (!st)
        *out = as_json(&o, opt);
    rtd_confusion_free(&o.confusion);
    rtd_labels_free(&o.labels);
    rtd_predictions_free(&p);
    rtd_table_free(&gold);
    return st;
}

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
    {"classify", score_classes},  {"regress", rtd_score_numbers}, {"multilabel", rtd_score_labels},
    {"tag", rtd_score_tags},      {"joint", rtd_score_joint},     {"answer", rtd_score_answers},
    {"rank", rtd_score_rankings}, {"generate", rtd_score_texts},
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
         "column of FILE, by name or number (default: label)", 0},
        {RTD_OPT_STR, 0, "slots", "FILE", &o->slots, 0, 0, "joint: CoNLL file with the right tags",
         0},
        {RTD_OPT_STR, 0, "no-answer", "FILE", &o->no_answer, 0, 0,
         "answer: probabilities that there is no answer, JSON", 0},
        {RTD_OPT_REAL, 0, "threshold", "P", &o->threshold, 0, 1,
         "answer: over this no-answer probability nothing was said (0.5)", 0},
        {RTD_OPT_STR, 0, "positive", "LABEL", &o->positive, 0, 0,
         "the class of f1_positive (default: of two, the last sorted)", 0},
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
