/* rtdtools - MIT licence
 *
 * seq-pack: tokens -> examples.  Builds the training sequences of each document. */
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "corpus/pack.h"
#include "stream/stream.h"

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-l N] [-o FILE] [--drop-overflow] [--related F [--related-kinds LIST]] "
                "[--seed N] [FILE]",
    .purpose = "Pack the sentences of documents into training examples.",
};

struct opts {
    const char *in, *out, *kinds;
    bool force;
    int64_t length, seed;
    struct rtd_pack_options pack;
};

static const char *const kind_names[] = {
    [RTD_RELATED_REPEAT] = "repeat", [RTD_RELATED_CROP] = "crop", [RTD_RELATED_NEAR] = "near"};

/* "repeat,crop,near": each at most once. */
static int parse_kinds(struct rtd_pack_options *p, const char *list, struct rtd_err *err)
{
    const char *s = list;
    do {
        size_t n = strcspn(s, ",");
        int k = RTD_RELATED_NEAR;
        while (k && (strlen(kind_names[k]) != n || strncmp(s, kind_names[k], n) != 0))
            k--;
        for (uint32_t i = 0; i < p->kinds; i++)
            k = p->kind[i] == (enum rtd_related)k ? 0 : k;
        if (!k)
            return rtd_fail(err, RTD_EUSAGE, "--related-kinds %s: not some of repeat, crop, near",
                            list);
        p->kind[p->kinds++] = (enum rtd_related)k;
        s += n;
    } while (*s++);
    return RTD_OK;
}

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    struct rtd_opt table[] = {
        {RTD_OPT_INT, 'l', "max-length", "N", &o->length, RTD_PACK_MIN_LENGTH, RTD_PACK_MAX_LENGTH,
         "longest example, with [CLS] and [SEP] (default: 128)", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE; write to a terminal",
         0},
        {RTD_OPT_FLAG, 0, "drop-overflow", NULL, &o->pack.drop_overflow, 0, 0,
         "drop what does not fit, as the official code does", 0},
        {RTD_OPT_REAL, 0, "related", "F", &o->pack.related, 0, 1,
         "share of examples whose second segment has tokens of the first (default: 0)", 0},
        {RTD_OPT_STR, 0, "related-kinds", "LIST", &o->kinds, 0, 0,
         "which tokens, drawn from (default: repeat,crop,near)", 0},
        {RTD_OPT_INT, 0, "seed", "N", &o->seed, 0, 0, "seed of all choices (default: 1)", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int first;
    if (rtd_parse(argc, argv, table, &usage, &first, err))
        return err->status;
    if (argc - first > 1)
        return rtd_fail(err, RTD_EUSAGE, "more than one input: join them with ts-cat");
    if (rtd_opt_seen(table, "related-kinds") && o->pack.related == 0)
        return rtd_fail(err, RTD_EUSAGE, "--related-kinds belongs to --related");
    if (parse_kinds(&o->pack, o->kinds, err))
        return err->status;
    o->pack.max_length = (uint32_t)o->length;
    o->pack.seed = (uint64_t)o->seed;
    if (first == argc)
        return rtd_refuse_tty_stdin(err);
    o->in = argv[first];
    return RTD_OK;
}

static int open_input(struct rtd_reader **in, struct rtd_packer **p, const struct opts *o,
                      struct rtd_err *err)
{
    if (rtd_reader_open(in, o->in, err))
        return err->status;
    const struct rtd_header *h = rtd_reader_header(*in);
    const char *name = rtd_reader_name(*in);
    if (rtd_header_expect(h, "tokens", name, err))
        return err->status;
    if (!h->tok.vocab)
        return rtd_fail(err, RTD_EDATA, "%s: the stream carries no vocabulary", name);
    return rtd_packer_new(p, &o->pack, h->tok.cls_id, h->tok.sep_id, err);
}

static int open_output(struct rtd_writer **w, const struct opts *o, const struct rtd_header *in,
                       struct rtd_err *err)
{
    struct rtd_header h;
    if (rtd_header_copy(&h, in, err))
        return err->status;
    rtd_header_become(&h, "examples");
    h.max_length = (uint32_t)o->length;
    json_t *options = json_pack("{s:I, s:I, s:b}", "max_length", (json_int_t)o->length, "seed",
                                (json_int_t)o->seed, "drop_overflow", o->pack.drop_overflow);
    if (options && o->pack.related > 0) {
        json_object_set_new(options, "related", json_real(o->pack.related));
        json_object_set_new(options, "related_kinds", json_string(o->kinds));
    }
    if (!rtd_header_provenance(&h, "seq-pack", options, err))
        rtd_writer_open(w, o->out, o->force ? RTD_OUT_FORCE : 0, &h, 1, err);
    rtd_header_free(&h);
    return err->status;
}

struct counts {
    uint64_t documents, examples, tokens, pairs, related;
};

static int pack_document(struct rtd_packer *p, struct rtd_writer *out, struct counts *c,
                         struct rtd_err *err)
{
    struct rtd_example ex;
    while (!rtd_packer_next(p, &ex, err) && !ex.end) {
        const void *data[] = {ex.input_ids, ex.token_type_ids};
        if (rtd_writer_append(out, c->examples, data, &ex.n, err))
            return err->status;
        c->examples++;
        c->tokens += ex.n;
        c->pairs += ex.segments == 2;
        c->related += ex.related != RTD_RELATED_NONE;
    }
    return err->status;
}

static int run(struct rtd_reader *in, struct rtd_writer *out, struct rtd_packer *p,
               const struct opts *o, struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(in);
    int ids = rtd_header_field(h, "input_ids"), lengths = rtd_header_field(h, "sentence_lengths");
    int sentences = rtd_header_axis(h, "sentences");
    struct counts c = {0};
    struct rtd_record rec;
    while (!rtd_reader_next(in, &rec, err) && !rec.end) {
        rtd_packer_begin(p, rec.index, rec.data[ids], rec.data[lengths], rec.lengths[sentences]);
        if (pack_document(p, out, &c, err))
            return err->status;
        c.documents++;
        if (rtd_take_usr1())
            rtd_warn("%llu documents, %llu examples", (unsigned long long)c.documents,
                     (unsigned long long)c.examples);
    }
    if (!err->status)
        rtd_info(1,
                 "%llu documents, %llu examples (%llu with two segments, %llu with related ones), "
                 "mean length %.1f of %lld",
                 (unsigned long long)c.documents, (unsigned long long)c.examples,
                 (unsigned long long)c.pairs, (unsigned long long)c.related,
                 c.examples ? (double)c.tokens / (double)c.examples : 0.0, (long long)o->length);
    return err->status;
}

int main(int argc, char **argv)
{
    struct opts o = {.out = "-", .kinds = "repeat,crop,near", .length = 128, .seed = 1};
    struct rtd_err err = {0};
    struct rtd_reader *in = NULL;
    struct rtd_writer *out = NULL;
    struct rtd_packer *p = NULL;
    rtd_tool_begin("seq-pack", argc, argv);
    if (parse(&o, argc, argv, &err))
        return rtd_tool_end(&err, err.status);
    int st = open_input(&in, &p, &o, &err);
    if (!st)
        st = open_output(&out, &o, rtd_reader_header(in), &err);
    if (!st)
        st = run(in, out, p, &o, &err);
    if (!st)
        st = rtd_writer_end(out, &err);
    else
        rtd_writer_abort(out, &err);
    rtd_packer_free(p);
    rtd_reader_close(in);
    return rtd_tool_end(&err, st);
}
