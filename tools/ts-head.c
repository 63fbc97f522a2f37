/* rtdtools - MIT licence
 *
 * ts-head: the first records of a tensor stream. */
#include "base/io.h"
#include "cli/tool.h"
#include "stream/stream.h"

struct opts {
    const char *in, *out;
    bool force;
    int64_t limit;
};

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-n N] [-o FILE] [FILE]",
    .purpose = "Copy the first records of a tensor stream and end it properly.",
    .notes = "Records keep their indices.  The rest of the input is not read.",
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    int first;
    struct rtd_opt table[] = {
        {RTD_OPT_INT, 'n', "limit", "N", &o->limit, 0, 1e18, "copy N records (default 10)", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE; write to a terminal",
         0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (st)
        return st;
    if (argc - first > 1)
        return rtd_fail(err, RTD_EUSAGE, "%s: one input at most", argv[first + 1]);
    if (first < argc)
        o->in = argv[first];
    return first < argc ? RTD_OK : rtd_refuse_tty_stdin(err);
}

static int open_output(struct rtd_writer **w, const struct opts *o, const struct rtd_header *in,
                       struct rtd_err *err)
{
    struct rtd_header h;
    int st = rtd_header_copy(&h, in, err);
    if (st)
        return st;
    st = rtd_header_provenance(&h, "ts-head", json_pack("{s:I}", "limit", (json_int_t)o->limit),
                               err);
    if (!st)
        st = rtd_writer_open(w, o->out, o->force ? RTD_OUT_FORCE : 0, &h, 1, err);
    rtd_header_free(&h);
    return st;
}

static int run(struct rtd_reader *in, struct rtd_writer *out, const struct opts *o,
               struct rtd_err *err)
{
    struct rtd_record rec;
    int st = RTD_OK;
    for (int64_t i = 0; !st && i < o->limit; i++) {
        st = rtd_reader_next(in, &rec, err);
        if (st || rec.end)
            break;
        st = rtd_writer_append(out, rec.index, rec.data, rec.lengths, err);
    }
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.in = "-", .out = "-", .limit = 10};
    struct rtd_err err = {0};
    struct rtd_reader *in = NULL;
    struct rtd_writer *out = NULL;
    rtd_tool_begin("ts-head", argc, argv);
    int st = parse(&o, argc, argv, &err);
    if (!st && !(st = rtd_reader_open(&in, o.in, &err)) &&
        !(st = open_output(&out, &o, rtd_reader_header(in), &err)))
        st = run(in, out, &o, &err);
    if (st == RTD_OK)
        st = rtd_writer_end(out, &err);
    else
        rtd_writer_abort(out, &err);
    rtd_reader_close(in);
    return rtd_tool_end(&err, st);
}
