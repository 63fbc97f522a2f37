/* rtdtools - MIT licence
 *
 * generate: a text for every line of text, or the masked words of every line. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "answering.h"
#include "gold/json_row.h"
#include "predict/decoding.h"
#include "predict/detokenise.h"
#include "predict/infill.h"
#include "stream/special.h"

struct opts {
    struct rtd_line_options answer;
    struct rtd_decoding how;
    int64_t beams, no_repeat, most, least, top_k, seed;
    bool infill;
    struct rtd_decoder *decoder; /* [workers] */
    struct rtd_decoded *text;    /* [rows] of the batch */
    struct rtd_source *source;   /* [rows], those of lines with something in them */
    struct rtd_err *err;         /* [workers] */
    size_t cap;
};

static const struct rtd_usage usage = {
    "-m DIR [options] [FILE...]", "write a text for every line of text, or fill in masked words",
    "DIR is a model that finetune --task generate made; with --infill one that fills in masks, as\n"
    "rtd-train's generator, and every [MASK] in a line becomes a word.  Prints a text for each "
    "line."};

/* --- texts --- */

struct job {
    struct rtd_line_loop *a;
    struct opts *o;
    struct rtd_sources list;
};

static void work_off(void *arg, int task, int worker)
{
    struct job *j = arg;
    (void)task;
    rtd_decode_texts(&j->o->decoder[worker], &j->list, j->a->net, j->a->head[0], j->a->dir.tok,
                     &j->o->how, &j->o->err[worker]);
}

static int take_texts(struct opts *o, size_t rows, struct rtd_err *err)
{
    if (rows <= o->cap)
        return RTD_OK;
    struct rtd_decoded *text = realloc(o->text, rows * sizeof *text);
    if (text)
        o->text = text;
    struct rtd_source *source = realloc(o->source, rows * sizeof *source);
    if (source)
        o->source = source;
    if (!text || !source)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    o->cap = rows;
    return RTD_OK;
}

static int write_texts(struct rtd_line_loop *a, struct rtd_line_batch *c, void *arg,
                       struct rtd_err *err)
{
    struct opts *o = arg;
    const struct rtd_sequences *s = &c->seq;
    struct job j = {.a = a, .o = o};
    int st = take_texts(o, c->rows, err), workers = rtd_pool_size(a->pool);
    if (st)
        return st;
    for (size_t r = 0; r < c->rows; r++) {
        size_t q = c->first[r], from = s->start[q];
        o->text[r] = (struct rtd_decoded){0};
        if (q < c->first[r + 1] && c->text[r][0])
            o->source[j.list.n++] = (struct rtd_source){.ids = s->ids + from,
                                                        .types = s->types + from,
                                                        .n = s->start[q + 1] - from,
                                                        .index = a->rows + r,
                                                        .out = &o->text[r]};
    }
    j.list.source = o->source;
    j.list.threads = (size_t)workers;
    rtd_pool_run(a->pool, work_off, &j, workers);
    for (int w = 0; w < workers && !st; w++)
        if (o->err[w].status)
            st = rtd_fail(err, o->err[w].status, "%s", o->err[w].text);
    return st;
}

static int print_text(struct rtd_line_loop *a, const char *text, double score, struct rtd_err *err)
{
    if (!a->o->json)
        return rtd_out_field(a->out, text, "", err) ? err->status
                                                    : rtd_out_write(a->out, "\n", 1, err);
    json_t *root =
        json_pack("{s:o, s:f}", "text", rtd_json_text(text, strlen(text)), "score", score);
    char *line = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(8)) : NULL;
    json_decref(root);
    int st = line ? rtd_out_printf(a->out, err, "%s\n", line)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(line);
    return st;
}

static int print_texts(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                       struct rtd_err *err)
{
    struct opts *o = arg;
    int st = RTD_OK;
    for (size_t r = 0; r < c->rows && !st; r++) {
        char *text = rtd_text_of_pieces(a->dir.tok, o->text[r].ids, o->text[r].n);
        st = text ? print_text(a, text, o->text[r].score, err)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
        free(text);
        free(o->text[r].ids);
        o->text[r] = (struct rtd_decoded){0};
    }
    return st;
}

/* --- masks --- */

/* A line's pieces, [MASK] being one whatever becomes of the other special ones. */
static int add_masked(struct rtd_line_loop *a, char *const *field, int n, void *arg,
                      struct rtd_err *err)
{
    bool special = rtd_tokenizer_settings(a->dir.tok)->special_tokens;
    struct rtd_encoding enc = {.special = special ? RTD_READ_AS_SET : RTD_READ_MASK};
    (void)n;
    (void)arg;
    int st = rtd_tokenizer_encode(a->dir.tok, &enc, field[0], strlen(field[0]), err);
    rtd_sequences_count(&a->batch.seq, &enc);
    size_t room = a->length - 2;
    a->batch.seq.cut += !st && enc.n > room;
    if (!st)
        st = rtd_sequences_add_ids(&a->batch.seq, enc.ids, enc.n < room ? enc.n : room, NULL, 0,
                                   err);
    rtd_encoding_free(&enc);
    return st;
}

/* The pieces for the masks of row r, in order. */
static int fill_row(struct rtd_line_loop *a, struct opts *o, struct rtd_line_batch *c, size_t r,
                    struct rtd_err *err)
{
    const struct rtd_sequences *s = &c->seq;
    size_t from = s->start[c->first[r]], n = s->start[c->first[r + 1]] - from, m = 0;
    int32_t mask = rtd_tokenizer_special(a->dir.tok)->mask;
    struct rtd_decoded *out = &o->text[r];
    *out = (struct rtd_decoded){.ids = calloc(n + 1, sizeof *out->ids)};
    uint32_t *at = malloc((n + 1) * sizeof *at);
    if (!out->ids || !at) {
        free(at);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    for (size_t i = 0; i < n; i++)
        if (s->ids[from + i] == mask)
            at[m++] = (uint32_t)i;
    out->n = m;
    int st = m ? rtd_fill_masks(&o->decoder[0], out->ids, a->net, a->head[0], a->dir.tok,
                                s->ids + from, s->types + from, n, at, m, a->rows + r, &o->how, err)
               : RTD_OK;
    free(at);
    return st;
}

static int fill_rows(struct rtd_line_loop *a, struct rtd_line_batch *c, void *arg,
                     struct rtd_err *err)
{
    struct opts *o = arg;
    int st = take_texts(o, c->rows, err);
    for (size_t r = 0; r < c->rows && !st; r++)
        st = fill_row(a, o, c, r, err);
    return st;
}

/* The line with its masks replaced, every other byte as it was; a piece that continues a word joins
 * what stands before it. */
static int print_filled(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                        struct rtd_err *err)
{
    struct opts *o = arg;
    const char *mask = rtd_special_piece[RTD_MASK].text;
    int st = RTD_OK;
    for (size_t r = 0; r < c->rows && !st; r++) {
        struct rtd_buf b = {0};
        const char *p = c->text[r], *next;
        for (size_t m = 0; m < o->text[r].n && (next = strstr(p, mask)) && !st; m++) {
            const char *piece = rtd_tokenizer_piece(a->dir.tok, o->text[r].ids[m]);
            const char *inside = rtd_tokenizer_inside(a->dir.tok, piece);
            st = rtd_buf_append(&b, p, (size_t)(next - p), err);
            while (inside && b.len && ((char *)b.data)[b.len - 1] == ' ')
                b.len--;
            piece = inside ? inside : piece;
            if (!st)
                st = rtd_buf_append(&b, piece, strlen(piece), err);
            p = next + strlen(mask);
        }
        if (!st)
            st = rtd_buf_append(&b, p, strlen(p) + 1, err);
        if (!st)
            st = print_text(a, b.data, 0, err);
        rtd_buf_free(&b);
        free(o->text[r].ids);
        o->text[r] = (struct rtd_decoded){0};
    }
    return st;
}

/* What has no effect without --sample, or with --infill. */
static int check_uses(const struct opts *o, const struct rtd_opt *table, struct rtd_err *err)
{
    enum { WRITE = 1, SAMPLE = 2 };
    static const struct rtd_opt_use uses[] = {
        {"sample", WRITE, "writing texts, not --infill"},
        {"beam", WRITE, "writing texts, not --infill"},
        {"length-penalty", WRITE, "writing texts, not --infill"},
        {"no-repeat-ngram", WRITE, "writing texts, not --infill"},
        {"max-length", WRITE, "writing texts, not --infill"},
        {"min-length", WRITE, "writing texts, not --infill"},
        {"top-k", SAMPLE, "--sample"},
        {"top-p", SAMPLE, "--sample"},
        {"temperature", SAMPLE, "--sample"},
        {"seed", SAMPLE, "--sample"},
    };
    unsigned modes = (o->infill ? 0 : WRITE) | (o->how.sample ? SAMPLE : 0);
    return rtd_opt_check_uses(table, uses, (int)(sizeof uses / sizeof uses[0]), modes, err);
}

static int run(struct opts *o, char **files, int n, struct rtd_err *err)
{
    struct rtd_line_loop a;
    const struct rtd_line_tool write = {.tasks = 1u << RTD_TASK_GENERATE,
                                        .texts = 1,
                                        .keys = "source",
                                        .run = write_texts,
                                        .print = print_texts,
                                        .arg = o};
    const struct rtd_line_tool fill = {.tasks = 1u << RTD_TASK_FILL | 1u << RTD_TASK_GENERATE,
                                       .texts = 1,
                                       .add = add_masked,
                                       .run = fill_rows,
                                       .print = print_filled,
                                       .arg = o};
    int st = rtd_line_loop_open(&a, &o->answer, o->infill ? &fill : &write, err);
    if (st)
        return st;
    size_t workers = (size_t)rtd_pool_size(a.pool);
    o->decoder = calloc(workers, sizeof *o->decoder);
    o->err = calloc(workers, sizeof *o->err);
    st = o->decoder && o->err ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st) /* room for the text behind the source */
        a.batch.seq.length -=
            !o->infill && a.length > (size_t)o->how.most + 8 ? (size_t)o->how.most + 1 : 0;
    if (!st)
        st = rtd_line_loop_run(&a, files, n, "text", err);
    for (size_t w = 0; o->decoder && w < workers; w++)
        rtd_decoder_free(&o->decoder[w]);
    free(o->decoder);
    free(o->err);
    free(o->text);
    free(o->source);
    rtd_line_loop_close(&a);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.answer = {.out = "-"},
                     .how = {.length_penalty = 1, .top_p = 1, .temperature = 1},
                     .beams = 1,
                     .most = 64,
                     .seed = 1};
    struct rtd_opt table[] = {
        RTD_OPT_ANSWER_PLAIN(&o.answer),
        RTD_OPT_ANSWER_HEAD(&o.answer),
        {RTD_OPT_INT, 0, "beam", "N", &o.beams, 1, 64, "texts tried at once (1: greedy)", 0},
        {RTD_OPT_REAL, 0, "length-penalty", "X", &o.how.length_penalty, 0, 10,
         "score = log-probability / length^X (1); over 0 longer texts gain", 0},
        {RTD_OPT_INT, 0, "no-repeat-ngram", "N", &o.no_repeat, 1, 64,
         "no N pieces stand twice in a text", 0},
        {RTD_OPT_INT, 0, "max-length", "N", &o.most, 1, 1 << 16, "most pieces of a text (64)", 0},
        {RTD_OPT_INT, 0, "min-length", "N", &o.least, 0, 1 << 16, "fewest pieces of a text (0)", 0},
        {RTD_OPT_FLAG, 0, "sample", NULL, &o.how.sample, 0, 0, "draw the text at random", 0},
        {RTD_OPT_INT, 0, "top-k", "N", &o.top_k, 1, 1 << 24, "draw among the N most probable", 0},
        {RTD_OPT_REAL, 0, "top-p", "P", &o.how.top_p, 1e-6, 1,
         "draw among the fewest that together have P", 0},
        {RTD_OPT_REAL, 0, "temperature", "T", &o.how.temperature, 1e-3, 100, "of sampling (1)", 0},
        {RTD_OPT_INT, 0, "seed", "N", &o.seed, 0, 0, "of sampling (1)", 0},
        {RTD_OPT_FLAG, 0, "infill", NULL, &o.infill, 0, 0, "replace every [MASK] of a line", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("generate", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st)
        st = check_uses(&o, table, &err);
    if (!st && o.how.sample && o.beams > 1)
        st = rtd_fail(&err, RTD_EUSAGE, "--sample and --beam exclude each other");
    o.how.beams = (int)o.beams;
    o.how.no_repeat = (int)o.no_repeat;
    o.how.most = (int)o.most;
    o.how.least = (int)o.least;
    o.how.top_k = (int)o.top_k;
    o.how.seed = (uint64_t)o.seed;
    if (!st)
        st = run(&o, argv + first, argc - first, &err);
    return rtd_tool_end(&err, st);
}
