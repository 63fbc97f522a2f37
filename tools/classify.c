/* rtdtools - MIT licence
 *
 * classify: a label for every line of text. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answering.h"

struct opts {
    struct rtd_line_options answer;
    bool all;
    double threshold; /* < 0: the model's */
    const struct rtd_head_spec *spec;
    double *p; /* [outputs] probabilities of one line */
};

static const struct rtd_usage usage = {
    "-m DIR [options] [FILE...]", "name the class of every line of text, or of every pair",
    "Prints LABEL TAB PROBABILITY for each line; for a model of numbers the number, for one of "
    "several\n"
    "labels those over the threshold, joined by ',', and every label's probability.  Input is TSV\n"
    "without quoting; the text is column 1 (of models of pairs: 1 and 2) unless --text says "
    "otherwise."};

/* Fill p; returns the best. */
static int probabilities(double *p, const float *x, const struct rtd_head_spec *s)
{
    int best = 0, n = s->outputs;
    double sum = 0;
    for (int i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    for (int i = 0; i < n; i++)
        if (s->task == RTD_TASK_MULTILABEL)
            p[i] = 1 / (1 + exp(-(double)x[i]));
        else
            sum += p[i] = exp((double)x[i] - (double)x[best]);
    for (int i = 0; i < n && sum > 0; i++)
        p[i] /= sum;
    return best;
}

static double score_of(const struct rtd_head_spec *s, float x)
{
    return s->low + s->range * (double)x;
}

static int print_json(struct rtd_out *out, const struct opts *o, const float *x,
                      struct rtd_err *err)
{
    const struct rtd_head_spec *s = o->spec;
    json_t *root = json_object(), *all = json_object(), *over = json_array();
    if (s->task == RTD_TASK_REGRESS) {
        json_object_set_new(root, "score", json_real(score_of(s, x[0])));
    } else {
        int best = probabilities(o->p, x, s);
        for (int i = 0; i < s->outputs; i++) {
            json_object_set_new(all, s->label[i], json_real(o->p[i]));
            if (o->p[i] > o->threshold)
                json_array_append_new(over, json_string(s->label[i]));
        }
        bool multi = s->task == RTD_TASK_MULTILABEL;
        if (multi) {
            json_object_set(root, "labels", over);
        } else {
            json_object_set_new(root, "label", json_string(s->label[best]));
            json_object_set_new(root, "probability", json_real(o->p[best]));
        }
        if (o->all || multi)
            json_object_set(root, "probabilities", all);
    }
    json_decref(all);
    json_decref(over);
    char *line = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(8));
    json_decref(root);
    int st = line ? rtd_out_printf(out, err, "%s\n", line)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(line);
    return st;
}

/* The labels over the threshold, or the best. */
static int print_labels(struct rtd_out *out, const struct opts *o, int best, struct rtd_err *err)
{
    const struct rtd_head_spec *s = o->spec;
    bool any = false;
    int st = RTD_OK;
    if (s->task == RTD_TASK_CLASSIFY)
        return rtd_out_printf(out, err, "%s", s->label[best]);
    for (int i = 0; i < s->outputs && !st; i++)
        if (o->p[i] > o->threshold) {
            st = rtd_out_printf(out, err, "%s%s", any ? "," : "", s->label[i]);
            any = true;
        }
    return st;
}

static int print_text(struct rtd_out *out, const struct opts *o, const float *x,
                      struct rtd_err *err)
{
    const struct rtd_head_spec *s = o->spec;
    if (s->task == RTD_TASK_REGRESS)
        return rtd_out_printf(out, err, "%.8g\n", score_of(s, x[0]));
    bool all = o->all || s->task == RTD_TASK_MULTILABEL;
    int best = probabilities(o->p, x, s);
    int st = print_labels(out, o, best, err);
    if (!all && !st)
        st = rtd_out_printf(out, err, "\t%.8g", o->p[best]);
    for (int i = 0; all && !st && i < s->outputs; i++)
        st = rtd_out_printf(out, err, "\t%.8g", o->p[i]);
    return st ? st : rtd_out_printf(out, err, "\n");
}

static int print(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                 struct rtd_err *err)
{
    struct opts *o = arg;
    int st = RTD_OK;
    for (size_t r = 0; r < c->rows && !st; r++) {
        const float *x = c->logits[0] + c->first[r] * (size_t)o->spec->outputs;
        if (c->first[r] == c->first[r + 1]) /* a bad line */
            st = rtd_out_printf(a->out, err, o->answer.json ? "{}\n" : "\n");
        else
            st = o->answer.json ? print_json(a->out, o, x, err) : print_text(a->out, o, x, err);
    }
    return st;
}

/* "label TAB probability", or with all of them "label" and the labels, or "score". */
static char *header_line(const struct opts *o)
{
    const struct rtd_head_spec *s = o->spec;
    bool all = o->all || s->task == RTD_TASK_MULTILABEL;
    size_t size = 32;
    for (int i = 0; s->label && i < s->outputs; i++)
        size += strlen(s->label[i]) + 1;
    char *line = malloc(size), *at = line;
    if (!line)
        return NULL;
    if (s->task == RTD_TASK_REGRESS)
        return strcpy(line, "score");
    at = stpcpy(at, s->task == RTD_TASK_CLASSIFY ? "label" : "labels");
    if (!all)
        at = stpcpy(at, "\tprobability");
    for (int i = 0; all && i < s->outputs; i++) {
        *at++ = '\t';
        at = stpcpy(at, s->label[i]);
    }
    return line;
}

static int run(struct opts *o, char **files, int n, struct rtd_err *err)
{
    struct rtd_line_loop a;
    const struct rtd_line_tool tool = {.tasks = 1u << RTD_TASK_CLASSIFY | 1u << RTD_TASK_REGRESS |
                                                1u << RTD_TASK_MULTILABEL,
                                       .pairs = "--text 1,2",
                                       .print = print,
                                       .arg = o};
    if (o->all && o->answer.tensor)
        return rtd_fail(err, RTD_EUSAGE, "--tensor and --all exclude each other");
    int st = rtd_line_loop_open(&a, &o->answer, &tool, err);
    if (st)
        return st;
    o->spec = &a.net->head[a.head[0]].spec;
    if (o->threshold < 0)
        o->threshold = o->spec->threshold;
    char *header = header_line(o);
    o->p = calloc((size_t)o->spec->outputs + 1, sizeof *o->p);
    if (!header || !o->p)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    else
        st = rtd_line_loop_run(&a, files, n, header, err);
    free(header);
    free(o->p);
    rtd_line_loop_close(&a);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.answer = {.out = "-"}, .threshold = -1};
    struct rtd_opt table[] = {
        RTD_OPT_ANSWER(&o.answer),
        {RTD_OPT_FLAG, 0, "all", NULL, &o.all, 0, 0,
         "after the label every label's probability, in the model's order", 0},
        {RTD_OPT_REAL, 0, "threshold", "P", &o.threshold, 0, 1,
         "of several labels those over P are named (the model's, 0.5)", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("classify", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st)
        st = run(&o, argv + first, argc - first, &err);
    return rtd_tool_end(&err, st);
}
