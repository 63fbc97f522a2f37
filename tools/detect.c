/* rtdtools - MIT licence
 *
 * detect: for every piece of a text the probability that it was replaced. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/io.h"
#include "answering.h"

static const struct rtd_usage usage = {
    "-m DIR [options] [FILE...]", "tell for every piece of a text how probably it was replaced",
    "DIR is a pre-trained discriminator.  Prints PIECE:PROBABILITY pairs, separated by blanks, a "
    "line\n"
    "for each line of text.  Input is TSV without quoting; the text is column 1 unless --text "
    "says\n"
    "otherwise."};

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* The pieces of sequence r are the tokens between its [CLS] and its last [SEP]. */
static int print_text(struct rtd_line_loop *a, const struct rtd_line_batch *c, size_t r,
                      struct rtd_err *err)
{
    int st = RTD_OK;
    for (size_t t = c->seq.start[r] + 1; t + 1 < c->seq.start[r + 1] && !st; t++) {
        const char *piece = rtd_tokenizer_piece(a->dir.tok, c->seq.ids[t]);
        if (t > c->seq.start[r] + 1)
            st = rtd_out_write(a->out, " ", 1, err);
        if (!st)
            st = rtd_out_field(a->out, piece, " ", err);
        if (!st)
            st = rtd_out_printf(a->out, err, ":%.6g", sigmoid((double)c->logits[0][t]));
    }
    return st ? st : rtd_out_printf(a->out, err, "\n");
}

static int print_json(struct rtd_line_loop *a, const struct rtd_line_batch *c, size_t r,
                      struct rtd_err *err)
{
    json_t *pieces = json_array();
    for (size_t t = c->seq.start[r] + 1; t + 1 < c->seq.start[r + 1]; t++)
        json_array_append_new(pieces, json_pack("{s:s, s:I, s:I, s:f}", "piece",
                                                rtd_tokenizer_piece(a->dir.tok, c->seq.ids[t]),
                                                "start", (json_int_t)c->seq.begin[t], "end",
                                                (json_int_t)c->seq.end[t], "probability",
                                                sigmoid((double)c->logits[0][t])));
    json_t *root = json_pack("{s:o}", "pieces", pieces);
    char *line = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(8)) : NULL;
    json_decref(root);
    int st = line ? rtd_out_printf(a->out, err, "%s\n", line)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(line);
    return st;
}

static int print(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                 struct rtd_err *err)
{
    int st = RTD_OK;
    (void)arg;
    for (size_t r = 0; r < c->rows && !st; r++)
        if (c->first[r] == c->first[r + 1]) /* a bad line */
            st = rtd_out_printf(a->out, err, a->o->json ? "{}\n" : "\n");
        else
            st = a->o->json ? print_json(a, c, c->first[r], err)
                            : print_text(a, c, c->first[r], err);
    return st;
}

static int run(const struct rtd_line_options *o, char **files, int n, struct rtd_err *err)
{
    struct rtd_line_loop a;
    const struct rtd_line_tool tool = {.tasks = 1u << RTD_TASK_DETECT, .texts = 1, .print = print};
    int st = rtd_line_loop_open(&a, o, &tool, err);
    if (st)
        return st;
    st = rtd_line_loop_run(&a, files, n, "piece:probability", err);
    rtd_line_loop_close(&a);
    return st;
}

int main(int argc, char **argv)
{
    struct rtd_line_options o = {.out = "-"};
    struct rtd_opt table[] = {
        RTD_OPT_ANSWER(&o),
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("detect", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st)
        st = run(&o, argv + first, argc - first, &err);
    return rtd_tool_end(&err, st);
}
