/* rtdtools - MIT licence
 *
 * classify: a label for every line of text. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "task/answer.h"

struct opts {
    struct rtd_answer_options answer;
    bool all;
    double *p; /* [labels] probabilities of one line */
};

static const struct rtd_usage usage = {
    "-m DIR [options] [FILE...]", "name the class of every line of text, or of every pair",
    "Prints LABEL TAB PROBABILITY for each line.  Input is TSV without quoting; the text is column "
    "1\n"
    "(of models of pairs: 1 and 2) unless --text says otherwise."};

static int softmax(double *p, const float *x, int n)
{
    int best = 0;
    double sum = 0;
    for (int i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    for (int i = 0; i < n; i++)
        sum += p[i] = exp((double)x[i] - x[best]);
    for (int i = 0; i < n; i++)
        p[i] /= sum;
    return best;
}

static int print_json(struct rtd_out *out, const struct opts *o, char *const *label, int n,
                      int best, struct rtd_err *err)
{
    json_t *all = json_object();
    json_t *root = json_pack("{s:s, s:f}", "label", label[best], "probability", o->p[best]);
    for (int i = 0; o->all && i < n; i++)
        json_object_set_new(all, label[i], json_real(o->p[i]));
    if (o->all)
        json_object_set(root, "probabilities", all);
    json_decref(all);
    char *line = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(8));
    json_decref(root);
    int st = line ? rtd_out_printf(out, err, "%s\n", line)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(line);
    return st;
}

static int print(struct rtd_answer *a, const struct rtd_chunk *c, void *arg, struct rtd_err *err)
{
    struct opts *o = arg;
    char *const *label = a->dir.config.id2label;
    int n = a->dir.config.num_labels, st = RTD_OK;
    for (size_t r = 0; r < c->rows && !st; r++) {
        int best = softmax(o->p, c->logits + r * (size_t)n, n);
        if (o->answer.json) {
            st = print_json(a->out, o, label, n, best, err);
            continue;
        }
        st = rtd_out_printf(a->out, err, "%s", label[best]);
        if (!o->all && !st)
            st = rtd_out_printf(a->out, err, "\t%.8g", o->p[best]);
        for (int i = 0; o->all && !st && i < n; i++)
            st = rtd_out_printf(a->out, err, "\t%.8g", o->p[i]);
        if (!st)
            st = rtd_out_printf(a->out, err, "\n");
    }
    return st;
}

/* "label TAB probability", or with --all "label" and the labels. */
static char *header_line(const struct opts *o, const struct rtd_config *c)
{
    size_t size = 32;
    for (int i = 0; i < c->num_labels; i++)
        size += strlen(c->id2label[i]) + 1;
    char *line = malloc(size), *at = line;
    if (!line)
        return NULL;
    at = stpcpy(at, "label");
    if (!o->all)
        at = stpcpy(at, "\tprobability");
    for (int i = 0; o->all && i < c->num_labels; i++) {
        *at++ = '\t';
        at = stpcpy(at, c->id2label[i]);
    }
    return line;
}

static int run(struct opts *o, char **files, int n, struct rtd_err *err)
{
    struct rtd_answer a;
    if (o->all && o->answer.tensor)
        return rtd_fail(err, RTD_EUSAGE, "--tensor and --all exclude each other");
    int st = rtd_answer_open(&a, &o->answer, RTD_INFER_CLASS, err);
    if (st)
        return st;
    a.print = print;
    a.arg = o;
    char *header = header_line(o, &a.dir.config);
    o->p = calloc((size_t)a.dir.config.num_labels + 1, sizeof *o->p);
    if (!header || !o->p)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    else if (a.dir.config.num_labels < 2)
        st = rtd_fail(err, RTD_EDATA, "%s: one label only: not a classifier", a.dir.path);
    else
        st = rtd_answer_run(&a, files, n, header, err);
    free(header);
    free(o->p);
    rtd_answer_close(&a);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.answer = {.out = "-"}};
    struct rtd_opt table[] = {
        RTD_OPT_ANSWER(&o.answer),
        {RTD_OPT_FLAG, 0, "all", NULL, &o.all, 0, 0,
         "after the label every label's probability, in the model's order", 0},
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
