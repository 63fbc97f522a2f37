/* rtdtools - MIT licence
 *
 * ts-shuf: an exact uniform permutation of a stream's records, of any kind, in bounded memory. */
#include "base/io.h"
#include "cli/tool.h"
#include "corpus/shuffle.h"
#include "stream/stream.h"

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-S MEM] [-T DIR] [-o FILE] [--seed N] [--repeat N] [FILE]",
    .purpose = "Shuffle the records of a tensor stream.",
};

struct opts {
    const char *in, *out, *memory, *dir;
    uint64_t budget;
    bool force;
    int64_t seed, repeat;
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 'S', "memory", "MEM", &o->memory, 0, 0,
         "memory for records: bytes with K, M, G, or a share (default: 25%)", 0},
        {RTD_OPT_STR, 'T', "temporary", "DIR", &o->dir, 0, 0,
         "directory of the temporary file (default: $TMPDIR or /tmp)", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE; write to a terminal",
         0},
        {RTD_OPT_INT, 0, "repeat", "N", &o->repeat, 1, UINT32_MAX,
         "N passes, each a new permutation (default: 1)", 0},
        {RTD_OPT_INT, 0, "seed", "N", &o->seed, 0, 0, "seed of all choices (default: 1)", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int first;
    if (rtd_parse(argc, argv, table, &usage, &first, err))
        return err->status;
    struct rtd_err e = {0};
    if (rtd_memory_budget(o->memory, &o->budget, &e))
        return rtd_fail(err, e.status, "--memory %s", e.text);
    if (argc - first > 1)
        return rtd_fail(err, RTD_EUSAGE, "more than one input: join them with ts-cat");
    if (first == argc)
        return rtd_refuse_tty_stdin(err);
    o->in = argv[first];
    return RTD_OK;
}

static int open_output(struct rtd_writer **w, const struct opts *o, const struct rtd_header *in,
                       struct rtd_err *err)
{
    struct rtd_header h;
    if (rtd_header_copy(&h, in, err))
        return err->status;
    json_t *options =
        json_pack("{s:I, s:I}", "seed", (json_int_t)o->seed, "repeat", (json_int_t)o->repeat);
    if (!rtd_header_provenance(&h, "ts-shuf", options, err))
        rtd_writer_open(w, o->out, o->force ? RTD_OUT_FORCE : 0, &h, 1, err);
    rtd_header_free(&h);
    return err->status;
}

static int run(struct rtd_reader *in, struct rtd_writer *out, struct rtd_shuffle *s,
               struct rtd_err *err)
{
    struct rtd_record rec;
    while (!rtd_reader_next(in, &rec, err) && !rec.end) {
        if (rtd_shuffle_add(s, &rec, err))
            return err->status;
        if (rtd_take_usr1())
            rtd_warn("%llu records read", (unsigned long long)rtd_reader_totals(in)->records);
    }
    while (!err->status && !rtd_shuffle_next(s, &rec, err) && !rec.end) {
        rtd_writer_append(out, rec.index, rec.data, rec.lengths, err);
        if (rtd_take_usr1())
            rtd_warn("%llu records written", (unsigned long long)rec.index + 1);
    }
    if (!err->status)
        rtd_info(1, "%llu records in, %llu out, %llu MiB through the temporary file",
                 (unsigned long long)rtd_reader_totals(in)->records,
                 (unsigned long long)rtd_writer_totals(out)->records,
                 (unsigned long long)(rtd_shuffle_spilled(s) >> 20));
    return err->status;
}

int main(int argc, char **argv)
{
    struct opts o = {.out = "-", .memory = "25%", .seed = 1, .repeat = 1};
    struct rtd_err err = {0};
    struct rtd_reader *in = NULL;
    struct rtd_writer *out = NULL;
    struct rtd_shuffle *s = NULL;
    rtd_tool_begin("ts-shuf", argc, argv);
    if (parse(&o, argc, argv, &err))
        return rtd_tool_end(&err, err.status);
    int st = rtd_reader_open(&in, o.in, &err);
    if (!st)
        st = open_output(&out, &o, rtd_reader_header(in), &err);
    if (!st) {
        struct rtd_shuffle_options so = {
            .seed = (uint64_t)o.seed,
            .memory = o.budget,
            .dir = o.dir,
            .passes = (uint32_t)o.repeat,
            .name = rtd_reader_name(in),
        };
        st = rtd_shuffle_new(&s, rtd_reader_header(in), &so, &err);
    }
    if (!st)
        st = run(in, out, s, &err);
    if (!st)
        st = rtd_writer_end(out, &err);
    else
        rtd_writer_abort(out, &err);
    rtd_shuffle_free(s);
    rtd_reader_close(in);
    return rtd_tool_end(&err, st);
}
