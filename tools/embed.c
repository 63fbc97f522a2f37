/* rtdtools - MIT licence
 *
 * embed: texts to vectors, or pairs to their similarity. */
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answering.h"

struct opts {
    struct rtd_line_options answer;
    bool pair, raw;
    int64_t layer; /* -1: the last */
    const char *pooling;
    enum rtd_pooling how;
    float *vector; /* (sequences, hidden_size) of a batch */
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

/* sentence-transformers' 1_Pooling/config.json, where the directory has one. */
static int default_pooling(struct opts *o, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX], *text;
    size_t len;
    o->how = RTD_POOL_MEAN;
    snprintf(path, sizeof path, "%s/1_Pooling/config.json", dir);
    if (!rtd_exists(path))
        return RTD_OK;
    if (rtd_read_file(path, 1 << 20, &text, &len, err))
        return err->status;
    json_t *root = json_loadb(text, len, 0, NULL);
    free(text);
    if (json_is_true(json_object_get(root, "pooling_mode_cls_token")))
        o->how = RTD_POOL_CLS;
    else if (root && !json_is_true(json_object_get(root, "pooling_mode_mean_tokens")))
        rtd_fail(err, RTD_EDATA, "%s: a kind of pooling that is not known (--pooling chooses one)",
                 path);
    json_decref(root);
    return err->status;
}

static int choose_pooling(struct opts *o, const char *dir, struct rtd_err *err)
{
    if (!o->pooling)
        return default_pooling(o, dir, err);
    if (strcmp(o->pooling, "mean") != 0 && strcmp(o->pooling, "cls") != 0)
        return rtd_fail(err, RTD_EUSAGE, "--pooling %s: want mean or cls", o->pooling);
    o->how = strcmp(o->pooling, "cls") == 0 ? RTD_POOL_CLS : RTD_POOL_MEAN;
    return RTD_OK;
}

/* A text is a sequence; a pair is two. */
static int add(struct rtd_line_loop *a, char *const *field, int n, void *arg, struct rtd_err *err)
{
    int st = RTD_OK;
    (void)arg;
    for (int i = 0; i < a->tool.texts && !st; i++)
        st = rtd_sequences_add(&a->batch.seq, i < n ? field[i] : "", NULL, err);
    return st;
}

static void normalise(float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    for (size_t i = 0; i < n && sum > 0; i++)
        x[i] = (float)((double)x[i] / sqrt(sum));
}

static int run(struct rtd_line_loop *a, struct rtd_line_batch *c, void *arg, struct rtd_err *err)
{
    struct opts *o = arg;
    size_t h = a->net->enc.h, want = c->seq.n * h;
    int layers = a->net->enc.layers;
    if (want > o->cap) {
        float *more = realloc(o->vector, want * sizeof *more);
        if (!more)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        o->vector = more;
        o->cap = want;
    }
    int st = rtd_infer_embed(a->infer, &c->seq, o->layer < 0 ? layers : (int)o->layer, o->how,
                             o->vector, err);
    a->hidden = o->vector;
    for (size_t i = 0; i < c->seq.n && !st && (o->pair || !o->raw); i++)
        normalise(o->vector + i * h, h);
    return st;
}

static int print_row(struct rtd_line_loop *a, const struct opts *o, const float *x,
                     struct rtd_err *err)
{
    size_t h = a->net->enc.h;
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
            st = print_row(a, o, o->vector + c->first[r] * a->net->enc.h, err);
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
    a.width = (uint32_t)a.net->enc.h;
    st = choose_pooling(o, o->answer.model, err);
    if (!st && o->layer > a.net->enc.layers)
        st = rtd_fail(err, RTD_EUSAGE, "--layer %lld: the model has %d", (long long)o->layer,
                      a.net->enc.layers);
    if (!st)
        st = rtd_line_loop_run(&a, files, n, o->pair ? "cosine" : "embedding", err);
    free(o->vector);
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
         "mean over the tokens, or cls (the model's, mean)", 0},
        {RTD_OPT_FLAG, 0, "no-normalise", NULL, &o.raw, 0, 0, "vectors as they are", 0},
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
