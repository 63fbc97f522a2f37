/* rtdtools - MIT licence
 *
 * mask-gen: examples -> masked.  Chooses the positions that the generator has to fill and keeps the
 * originals.  Indices are kept: a record's masks depend on seed and index alone. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "cli/tool.h"
#include "corpus/mask.h"
#include "stream/stream.h"
#include "start/piece_numbers.h"

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-o FILE] [--mask-prob F[:F --over N]] [--max-predictions N] "
                "[--random-replace F] [--weights FILE] [--seed N] [FILE]",
    .purpose = "Choose the masked positions of training examples.",
};

struct opts {
    const char *in, *out, *prob, *weights;
    bool force;
    double random_replace;
    int64_t seed, max_predictions, over;
    struct rtd_ramp share; /* prob, parsed */
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE; write to a terminal",
         0},
        {RTD_OPT_STR, 0, "mask-prob", "F[:F]", &o->prob, 0, 0,
         "share of the tokens to mask, or from which to which (default: 0.15)", 0},
        {RTD_OPT_INT, 0, "over", "N", &o->over, 1, 1e15,
         "records over which the share changes, by their index", 0},
        {RTD_OPT_INT, 0, "max-predictions", "N", &o->max_predictions, 1, 1 << 20,
         "at most N in a sequence (default: (F + 0.005) x max_length)", 0},
        {RTD_OPT_REAL, 0, "random-replace", "F", &o->random_replace, 0, 1 - RTD_MASK_COVER,
         "share of the masked positions that show a random token (default: 0)", 0},
        {RTD_OPT_STR, 0, "weights", "FILE", &o->weights, 0, 0,
         "lines PIECE TAB WEIGHT: how readily a piece is masked (default: 1)", 0},
        {RTD_OPT_INT, 0, "seed", "N", &o->seed, 0, 0, "seed of all choices (default: 1)", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int first;
    if (rtd_parse(argc, argv, table, &usage, &first, err))
        return err->status;
    if (argc - first > 1)
        return rtd_fail(err, RTD_EUSAGE, "more than one input: join them with ts-cat");
    if (rtd_ramp_parse(&o->share, "--mask-prob", o->prob, 0.001, 1, err))
        return err->status;
    if (o->share.from != o->share.to && !o->over)
        return rtd_fail(err, RTD_EUSAGE, "--mask-prob %s: wants --over N, the records of the run",
                        o->prob);
    if (o->share.from == o->share.to && o->over)
        return rtd_fail(err, RTD_EUSAGE, "--over: wants a --mask-prob that changes, 0.3:0.15");
    if (first == argc)
        return rtd_refuse_tty_stdin(err);
    o->in = argv[first];
    return RTD_OK;
}

static int open_output(struct rtd_writer **w, const struct opts *o, const struct rtd_masker *m,
                       const double *weight, const struct rtd_header *in, struct rtd_err *err)
{
    struct rtd_header h;
    char digest[33];
    if (rtd_header_copy(&h, in, err))
        return err->status;
    rtd_header_become(&h, "masked");
    json_t *options = json_pack("{s:f, s:i, s:I}", "mask_prob", o->share.from, "max_predictions",
                                (int)rtd_masker_limit(m), "seed", (json_int_t)o->seed);
    if (options && o->over) {
        json_object_set_new(options, "mask_prob_end", json_real(o->share.to));
        json_object_set_new(options, "over", json_integer((json_int_t)o->over));
    }
    if (options && o->random_replace > 0)
        json_object_set_new(options, "random_replace", json_real(o->random_replace));
    if (options && weight) {
        rtd_digest_hex(digest, weight, in->tok.vocab_size * sizeof *weight);
        json_object_set_new(options, "weights", json_string(digest));
    }
    if (!rtd_header_provenance(&h, "mask-gen", options, err))
        rtd_writer_open(w, o->out, o->force ? RTD_OUT_FORCE : 0, &h, 1, err);
    rtd_header_free(&h);
    return err->status;
}

static int run(struct rtd_reader *in, struct rtd_writer *out, struct rtd_masker *m,
               struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(in);
    int ids = rtd_header_field(h, "input_ids"), types = rtd_header_field(h, "token_type_ids");
    int axis = rtd_header_axis(h, "tokens");
    uint64_t tokens = 0, masked = 0;
    struct rtd_record rec;
    while (!rtd_reader_next(in, &rec, err) && !rec.end) {
        struct rtd_masked got;
        uint32_t n = rec.lengths[axis];
        if (h->max_length && n > h->max_length)
            return rtd_fail(err, RTD_EDATA,
                            "%s: record %llu: %u tokens, the header says at most %u",
                            rtd_reader_name(in), (unsigned long long)rec.index, n, h->max_length);
        if (rtd_masker_apply(m, rec.index, rec.data[ids], n, &got, err))
            return err->status;
        const void *data[] = {got.input_ids, rec.data[types], got.positions, got.ids};
        const uint32_t lengths[] = {n, got.count};
        if (rtd_writer_append(out, rec.index, data, lengths, err))
            return err->status;
        tokens += n;
        masked += got.count;
        if (rtd_take_usr1())
            rtd_warn("%llu records", (unsigned long long)rtd_reader_totals(in)->records);
    }
    if (!err->status)
        rtd_info(1, "%llu records, %llu tokens, %llu masked (%.1f%%)",
                 (unsigned long long)rtd_reader_totals(in)->records, (unsigned long long)tokens,
                 (unsigned long long)masked,
                 tokens ? 100.0 * (double)masked / (double)tokens : 0.0);
    return err->status;
}

int main(int argc, char **argv)
{
    struct opts o = {.out = "-", .prob = "0.15", .seed = 1};
    struct rtd_err err = {0};
    struct rtd_reader *in = NULL;
    struct rtd_writer *out = NULL;
    struct rtd_masker *m = NULL;
    double *weight = NULL;
    rtd_tool_begin("mask-gen", argc, argv);
    if (parse(&o, argc, argv, &err))
        return rtd_tool_end(&err, err.status);
    struct rtd_mask_options mo = {
        .prob = o.share.from,
        .prob_end = o.share.to,
        .over = (uint64_t)o.over,
        .seed = (uint64_t)o.seed,
        .max_predictions = (uint32_t)o.max_predictions,
        .random_replace = o.random_replace,
    };
    int st = rtd_reader_open(&in, o.in, &err);
    if (!st)
        st = rtd_header_expect(rtd_reader_header(in), "examples", rtd_reader_name(in), &err);
    if (!st && o.weights)
        st = rtd_piece_numbers_read(&weight, o.weights, rtd_reader_header(in), 1, &err);
    mo.weight = weight;
    if (!st)
        st = rtd_masker_new(&m, &mo, rtd_reader_header(in), rtd_reader_name(in), &err);
    if (!st)
        st = open_output(&out, &o, m, weight, rtd_reader_header(in), &err);
    if (!st)
        st = run(in, out, m, &err);
    if (!st)
        st = rtd_writer_end(out, &err);
    else
        rtd_writer_abort(out, &err);
    rtd_masker_free(m);
    free(weight);
    rtd_reader_close(in);
    return rtd_tool_end(&err, st);
}
