/* rtdtools - MIT licence
 *
 * piece-vectors: tokens (or examples) -> a vector for each piece of the vocabulary, from what
 * stands near it; and a look at such vectors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "corpus/shuffle.h"
#include "learn/factor.h"
#include "nn/choice.h"
#include "nn/gemm.h"
#include "start/piece_vectors.h"
#include "stream/stream.h"
#include "text/vocab.h"

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-j N] [-o FILE] [--width N] [--window N] [--sample F] [-S MEM] [--seed N] "
                "[FILE]\n"
                "--nearest PIECE [-n N] FILE",
    .purpose = "Learn a vector for each piece of a vocabulary from its neighbours in a text.",
    .notes =
        "Input is a stream of tokens or of examples; rtd-train --embeddings takes the result.\n",
};

struct opts {
    const char *in, *out, *memory, *nearest;
    bool force;
    int64_t threads, width, window, seed, limit;
    double sample;
    uint64_t budget;
};

enum { LEARN = 1, LOOK = 2 };

/* What does best on similarities of sentences: the fourth root of an eigenvalue, and a logarithm
 * that begins at twice what chance has. */
static const double power = 0.25, shift = 2;
enum { ITERATIONS = 4 };

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE; write to a terminal",
         0},
        {RTD_OPT_INT, 'j', "threads", "N", &o->threads, 1, 1024, "threads (default: all CPUs)", 0},
        {RTD_OPT_INT, 0, "width", "N", &o->width, 1, 4096, "numbers of a vector (default: 128)", 0},
        {RTD_OPT_INT, 0, "window", "N", &o->window, 1, 100,
         "places to either side that are near (default: 5)", 0},
        {RTD_OPT_REAL, 0, "sample", "F", &o->sample, 0, 1,
         "thin out pieces above this share of the text, 0: none (default: 1e-4)", 0},
        {RTD_OPT_STR, 'S', "memory", "MEM", &o->memory, 0, 0,
         "forget rare pairs rather than take more: K, M, G, or a share (default: 1G)", 0},
        {RTD_OPT_INT, 0, "seed", "N", &o->seed, 0, 0, "seed of all chance (default: 1)", 0},
        {RTD_OPT_STR, 0, "nearest", "PIECE", &o->nearest, 0, 0,
         "of the vectors in FILE print those nearest to PIECE's", 0},
        {RTD_OPT_INT, 'n', "limit", "N", &o->limit, 1, 1 << 24, "that many (default: 10)", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    static const struct rtd_opt_use uses[] = {
        {"output", LEARN, "learning"},  {"force", LEARN, "learning"},
        {"threads", LEARN, "learning"}, {"width", LEARN, "learning"},
        {"window", LEARN, "learning"},  {"sample", LEARN, "learning"},
        {"memory", LEARN, "learning"},  {"seed", LEARN, "learning"},
        {"limit", LOOK, "--nearest"},
    };
    int first;
    struct rtd_err e = {0};
    if (rtd_parse(argc, argv, table, &usage, &first, err) ||
        rtd_opt_check_uses(table, uses, sizeof uses / sizeof *uses, o->nearest ? LOOK : LEARN, err))
        return err->status;
    if (argc - first > 1)
        return rtd_fail(err, RTD_EUSAGE, "more than one input: join streams with ts-cat");
    if (o->nearest && first == argc)
        return rtd_fail(err, RTD_EUSAGE, "--nearest: wants a file of vectors");
    if (rtd_memory_budget(o->memory, &o->budget, &e))
        return rtd_fail(err, e.status, "--memory %s", e.text);
    if (o->budget < 32 << 20)
        return rtd_fail(err, RTD_EUSAGE, "--memory %s: at least 32M", o->memory);
    o->in = argv[first];
    return o->in ? RTD_OK : rtd_refuse_tty_stdin(err);
}

/* --- learning --- */

static bool special(const struct rtd_tokeniser *k, int32_t id)
{
    return id == k->pad_id || id == k->unk_id || id == k->cls_id || id == k->sep_id ||
           id == k->mask_id;
}

static int read_all(struct rtd_reader *in, struct rtd_cooccur *c, struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(in);
    int field = rtd_header_field(h, "input_ids"), axis = rtd_header_axis(h, "tokens");
    struct rtd_buf ids = {0};
    struct rtd_record rec;
    while (!rtd_reader_next(in, &rec, err) && !rec.end) {
        uint32_t n = rec.lengths[axis];
        const int32_t *from = rec.data[field];
        ids.len = 0;
        if (rtd_buf_reserve(&ids, n * sizeof *from, err))
            break;
        int32_t *to = ids.data;
        for (uint32_t i = 0; i < n; i++)
            to[i] = special(&h->tok, from[i]) ? -1 : from[i];
        if (rtd_cooccur_add(c, to, n, err))
            break;
        const struct rtd_totals *sofar = rtd_reader_totals(in);
        rtd_progress(sofar->axis[axis], 0, "tokens", "(%llu records)",
                     (unsigned long long)sofar->records);
        if (rtd_take_usr1())
            rtd_warn("%llu tokens", (unsigned long long)sofar->axis[axis]);
    }
    rtd_progress_end();
    rtd_buf_free(&ids);
    return err->status;
}

static int write_vectors(const struct opts *o, struct rtd_out *out, const float *v,
                         const struct rtd_header *in, struct rtd_err *err)
{
    struct rtd_header h;
    if (rtd_header_copy(&h, in, err))
        return err->status;
    json_t *options = json_pack("{s:I, s:I, s:f, s:s, s:I}", "width", (json_int_t)o->width,
                                "window", (json_int_t)o->window, "sample", o->sample, "memory",
                                o->memory, "seed", (json_int_t)o->seed);
    char *made = NULL;
    if (!rtd_header_provenance(&h, "piece-vectors", options, err) &&
        !(made = json_dumps(h.provenance, JSON_COMPACT)))
        rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!err->status)
        rtd_piece_vectors_write(out, v, h.tok.vocab_size, (size_t)o->width, h.tok.vocab,
                                h.tok.vocab_len, made, err);
    free(made);
    rtd_header_free(&h);
    return err->status;
}

/* The vectors of what was counted, to v. */
static int factor(const struct opts *o, struct rtd_cooccur *c, float *v, size_t pieces,
                  struct rtd_pool *pool, struct rtd_err *err)
{
    const struct rtd_sparse_row *row;
    struct rtd_cooccur_report r;
    struct rtd_factor_options how = {.width = (size_t)o->width,
                                     .iterations = ITERATIONS,
                                     .power = power,
                                     .seed = (uint64_t)o->seed};
    if (rtd_cooccur_finish(c, shift, &row, &r, err))
        return err->status;
    size_t some = 0;
    for (size_t i = 0; i < pieces; i++)
        some += row[i].n > 0;
    if (!some)
        return rtd_fail(err, RTD_EDATA, "%llu tokens: too little text to learn from",
                        (unsigned long long)r.tokens);
    if (r.forgotten)
        rtd_warn("out of memory for pairs: those counted %u times or less may be forgotten (more "
                 "--memory keeps them)",
                 r.forgotten);
    rtd_info(1, "%llu tokens, %llu of them counted, %llu pairs; %zu of %zu pieces have a vector",
             (unsigned long long)r.tokens, (unsigned long long)r.kept, (unsigned long long)r.pairs,
             some, pieces);
    int st = rtd_factor(v, row, pieces, &how, pool, err);
    rtd_progress_end();
    return st;
}

static int learn_from(const struct opts *o, struct rtd_reader *in, struct rtd_pool *pool,
                      struct rtd_out *out, struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(in);
    struct rtd_err e = {0};
    struct rtd_cooccur *c = NULL;
    struct rtd_cooccur_options how = {.pieces = h->tok.vocab_size,
                                      .window = (int)o->window,
                                      .sample = o->sample,
                                      .seed = (uint64_t)o->seed,
                                      .memory = o->budget};
    size_t n = (size_t)h->tok.vocab_size * (size_t)o->width;
    float *v = rtd_alloc_aligned(n, sizeof *v);
    if (!v)
        rtd_fail(err, RTD_ESYS, "not enough memory for %u vectors", h->tok.vocab_size);
    if (!err->status && !rtd_cooccur_new(&c, &how, pool, err) && !read_all(in, c, err) &&
        factor(o, c, v, h->tok.vocab_size, pool, &e))
        rtd_fail(err, e.status, "%s: %s", rtd_reader_name(in), e.text);
    if (!err->status)
        write_vectors(o, out, v, h, err);
    rtd_cooccur_free(c);
    free(v);
    return err->status;
}

static int learn(const struct opts *o, struct rtd_err *err)
{
    struct rtd_reader *in = NULL;
    struct rtd_pool *pool = NULL;
    struct rtd_out *out = NULL;
    int threads = o->threads ? (int)o->threads : rtd_cpu_count(), st = rtd_choose(err);
    if (!st)
        st = rtd_reader_open(&in, o->in, err);
    if (!st && strcmp(rtd_reader_header(in)->kind, "examples"))
        st = rtd_header_expect(rtd_reader_header(in), "tokens", rtd_reader_name(in), err);
    if (!st && !rtd_reader_header(in)->tok.vocab)
        st = rtd_fail(err, RTD_EDATA, "%s: the stream carries no vocabulary", rtd_reader_name(in));
    if (!st)
        st = rtd_out_open(&out, o->out, RTD_OUT_BINARY | (o->force ? RTD_OUT_FORCE : 0), err);
    if (!st)
        st = rtd_gemm_reserve(threads, err);
    if (!st)
        st = rtd_pool_new(&pool, threads, err);
    if (!st)
        st = learn_from(o, in, pool, out, err);
    if (!st)
        st = rtd_out_commit(out, err);
    else
        rtd_out_abort(out);
    rtd_pool_free(pool);
    rtd_reader_close(in);
    return st;
}

/* --- looking --- */

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

/* Print the pieces nearest to one, nearest first; of those as near the one with the lower id. */
static int print_nearest(const struct opts *o, const struct rtd_piece_vectors *x,
                         const struct rtd_vocab *vocab, size_t piece, struct rtd_out *out,
                         struct rtd_err *err)
{
    double *near = malloc(x->pieces * sizeof *near);
    if (!near)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < x->pieces; i++)
        near[i] = i != piece && i < vocab->n && rtd_piece_vector(x, i)
                      ? cosine(x->v + i * x->width, x->v + piece * x->width, x->width)
                      : -INFINITY;
    for (int64_t n = 0; n < o->limit && !err->status; n++) {
        size_t best = 0;
        for (size_t i = 1; i < x->pieces; i++)
            if (near[i] > near[best])
                best = i;
        if (near[best] < -1.5)
            break;
        if (!rtd_out_field(out, rtd_vocab_piece(vocab, (int32_t)best), "", err))
            rtd_out_printf(out, err, "\t%.6f\n", near[best]);
        near[best] = -INFINITY;
    }
    free(near);
    return err->status;
}

static int look(const struct opts *o, struct rtd_err *err)
{
    struct rtd_piece_vectors x;
    struct rtd_vocab vocab = {0};
    struct rtd_out *out = NULL;
    int st = rtd_piece_vectors_read(&x, o->in, err);
    if (!st)
        st = rtd_vocab_init(&vocab, x.vocabulary, x.vocabulary_len, o->in, err);
    if (!st)
        st = rtd_piece_vectors_centre(&x, err);
    int32_t id = st ? -1 : rtd_vocab_id(&vocab, o->nearest, strlen(o->nearest));
    if (!st && id < 0)
        st = rtd_fail(err, RTD_EUSAGE, "--nearest %s: no piece of %s", o->nearest, o->in);
    if (!st && !rtd_piece_vector(&x, (size_t)id))
        st = rtd_fail(err, RTD_EDATA, "%s: %s has no vector", o->in, o->nearest);
    if (!st)
        st = rtd_out_open(&out, NULL, 0, err);
    if (!st)
        st = print_nearest(o, &x, &vocab, (size_t)id, out, err);
    if (!st)
        st = rtd_out_commit(out, err);
    else
        rtd_out_abort(out);
    rtd_vocab_fini(&vocab);
    rtd_piece_vectors_free(&x);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.out = "-",
                     .memory = "1G",
                     .width = 128,
                     .window = 5,
                     .sample = 1e-4,
                     .seed = 1,
                     .limit = 10};
    struct rtd_err err = {0};
    rtd_tool_begin("piece-vectors", argc, argv);
    if (!parse(&o, argc, argv, &err) && o.nearest)
        look(&o, &err);
    else if (!err.status)
        learn(&o, &err);
    return rtd_tool_end(&err, err.status);
}
