/* rtdtools - MIT licence
 *
 * embed: texts to vectors, or pairs to their similarity. */
#include <stdlib.h>
#include <string.h>

#include "answering.h"

struct opts {
    struct rtd_line_options answer;
    bool pair, raw;
    int64_t layer; /* -1: the last */
    const char *pooling, *prompt;
    struct rtd_embedding how;
    const char *before;  /* of every text: the prompt, borrowed from how */
    struct rtd_buf text; /* both */
    float *vector;       /* (sequences, how.width) of a batch */
    size_t cap;
};

static const struct rtd_usage usage = {
    "-m DIR [options] [FILE...]",
    "turn every line of text into a vector, or a pair into a similarity",
    "Prints the numbers of a vector of length 1, apart by tabs, a line for each line of text; "
    "with\n"
    "--pair the cosine of the two texts' vectors.  Input is TSV without quoting; the text is "
    "column 1\n"
    "(with --pair: 1 and 2) unless --text says otherwise."};

/* What the model says, and what the options say instead. */
static int choose(struct opts *o, const struct rtd_line_loop *a, struct rtd_err *err)
{
    size_t h = a->net->enc.h;
    if (rtd_embedding_load(&o->how, o->answer.model, h, err) ||
        (o->pooling && rtd_embedding_pool(&o->how, o->pooling, h, err)) ||
        rtd_embedding_prompt(&o->how, o->prompt, o->answer.model, &o->before, err))
        return err->status;
    if (o->pair || !o->raw)
        rtd_embedding_normalise(&o->how);
    return RTD_OK;
}

/* A text is a sequence; a pair is two. */
static int add(struct rtd_line_loop *a, char *const *field, int n, void *arg, struct rtd_err *err)
{
    struct opts *o = arg;
    int st = RTD_OK;
    for (int i = 0; i < a->tool.texts && !st; i++) {
        const char *text = i < n ? field[i] : "";
        o->text.len = 0;
        st = rtd_buf_append(&o->text, o->before, strlen(o->before), err);
        if (!st)
            st = rtd_buf_append(&o->text, text, strlen(text) + 1, err);
        if (!st)
            st = rtd_sequences_add(&a->batch.seq, o->text.data, NULL, err);
    }
    return st;
}

static int run(struct rtd_line_loop *a, struct rtd_line_batch *c, void *arg, struct rtd_err *err)
{
    struct opts *o = arg;
    size_t want = c->seq.n * o->how.width;
    int layers = a->net->enc.layers;
    if (want > o->cap) {
        float *more = realloc(o->vector, want * sizeof *more);
        if (!more)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        o->vector = more;
        o->cap = want;
    }
    int st = rtd_infer_embed(a->infer, &c->seq, o->layer < 0 ? layers : (int)o->layer, &o->how,
                             o->vector, err);
    a->hidden = o->vector;
    return st;
}

static int print_row(struct rtd_line_loop *a, const struct opts *o, const float *x,
                     struct rtd_err *err)
{
    size_t h = o->how.width;
    bool json = o->answer.json;
    double cosine = 0;
    if (o->pair) {
        for (size_t i = 0; i < h; i++)
            cosine += (double)x[i] * (double)x[h + i];
        return rtd_out_printf(a->out, err, json ? "{\"cosine\":%.8g}\n" : "%.8g\n", cosine);
    }
    int st = json ? rtd_out_printf(a->out, err, "{\"embedding\":[") : RTD_OK;
    for (size_t i = 0; i < h && !st; i++)
        st = rtd_out_printf(a->out, err, "%s%.8g", i ? (json ? "," : "\t") : "", (double)x[i]);
    return st ? st : rtd_out_printf(a->out, err, json ? "]}\n" : "\n");
}

static int print(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                 struct rtd_err *err)
{
    struct opts *o = arg;
    int st = RTD_OK;
    for (size_t r = 0; r < c->rows && !st; r++)
        if (c->first[r] == c->first[r + 1]) /* a bad line */
            st = rtd_out_printf(a->out, err, o->answer.json ? "{}\n" : "\n");
        else
            st = print_row(a, o, o->vector + c->first[r] * o->how.width, err);
    return st;
}

static int embed(struct opts *o, char **files, int n, struct rtd_err *err)
{
    struct rtd_line_loop a;
    const struct rtd_line_tool tool = {.texts = o->pair ? 2 : 1,
                                       .pairs = "--pair",
                                       .add = add,
                                       .run = run,
                                       .print = print,
                                       .arg = o};
    if (o->answer.tensor && o->pair)
        return rtd_fail(err, RTD_EUSAGE, "--tensor and --pair exclude each other");
    int st = rtd_line_loop_open(&a, &o->answer, &tool, err);
    if (st)
        return st;
    st = choose(o, &a, err);
    a.width = (uint32_t)o->how.width;
    if (!st && o->layer > a.net->enc.layers)
        st = rtd_fail(err, RTD_EUSAGE, "--layer %lld: the model has %d", (long long)o->layer,
                      a.net->enc.layers);
    if (!st)
        st = rtd_line_loop_run(&a, files, n, o->pair ? "cosine" : "embedding", err);
    free(o->vector);
    rtd_buf_free(&o->text);
    rtd_embedding_free(&o->how);
    rtd_line_loop_close(&a);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.answer = {.out = "-"}, .layer = -1};
    struct rtd_opt table[] = {
        RTD_OPT_ANSWER_PLAIN(&o.answer),
        RTD_OPT_ANSWER_TENSOR(&o.answer),
        {RTD_OPT_FLAG, 0, "pair", NULL, &o.pair, 0, 0, "print the cosine of two texts", 0},
        {RTD_OPT_INT, 0, "layer", "K", &o.layer, 0, 128,
         "hidden states after K layers; 0: the embeddings (the last)", 0},
        {RTD_OPT_STR, 0, "pooling", "HOW", &o.pooling, 0, 0,
         "cls, max, mean or mean_sqrt_len_tokens; several, joined (the model's, mean)", 0},
        {RTD_OPT_STR, 0, "prompt", "NAME", &o.prompt, 0, 0,
         "put the model's prompt of that name before every text; '': none", 0},
        {RTD_OPT_FLAG, 0, "no-normalise", NULL, &o.raw, 0, 0, "vectors as the model makes them", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("embed", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st)
        st = embed(&o, argv + first, argc - first, &err);
    return rtd_tool_end(&err, st);
}
