/* rtdtools - MIT licence
 *
 * ts-dump: print a tensor stream as JSON lines, or one of its fields as a NumPy array. */
#include <string.h>

#include "cli/tool.h"
#include "stream/print.h"

struct opts {
    const char *in, *out, *fields, *npy;
    bool force, index, pieces, pad;
    int64_t limit;
};

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-n N] [-o FILE] [--field NAME[,...]] [--index] [--pieces] [FILE]\n"
                "[-fqv] [-n N] [-o FILE] --npy NAME [--pad] [FILE]",
    .purpose = "Print a tensor stream: one JSON object a record, or one field as a NumPy array.",
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    int first;
    struct rtd_opt table[] = {
        {RTD_OPT_INT, 'n', "limit", "N", &o->limit, 0, 1e18, "the first N records only", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0,
         "overwrite FILE; write NPY to a terminal", 0},
        {RTD_OPT_STR, 0, "field", "NAME", &o->fields, 0, 0,
         "only these fields, separated by commas", 0},
        {RTD_OPT_FLAG, 0, "index", NULL, &o->index, 0, 0, "add the record's index", 0},
        {RTD_OPT_FLAG, 0, "pieces", NULL, &o->pieces, 0, 0,
         "print ids as pieces of the stream's vocabulary", 0},
        {RTD_OPT_STR, 0, "npy", "NAME", &o->npy, 0, 0,
         "write this field as NPY: the records' rows one after another", 0},
        {RTD_OPT_FLAG, 0, "pad", NULL, &o->pad, 0, 0,
         "with --npy: one row a record, padded to the longest", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (st)
        return st;
    if (o->pad && !o->npy)
        return rtd_fail(err, RTD_EUSAGE, "--pad is for --npy");
    if (o->npy && (o->fields || o->index || o->pieces))
        return rtd_fail(err, RTD_EUSAGE, "--npy goes without --field, --index and --pieces");
    if (argc - first > 1)
        return rtd_fail(err, RTD_EUSAGE, "%s: one input at most", argv[first + 1]);
    if (first < argc)
        o->in = argv[first];
    return first < argc ? RTD_OK : rtd_refuse_tty_stdin(err);
}

/* --field: a comma-separated list; NULL: all. */
static int choose_fields(struct rtd_printer *p, const struct rtd_header *h, const char *list,
                         const char *name, struct rtd_err *err)
{
    if (!list)
        return RTD_OK;
    memset(p->wanted, 0, sizeof p->wanted);
    do {
        char one[RTD_NAME] = "";
        size_t n = strcspn(list, ",");
        if (n < sizeof one)
            memcpy(one, list, n);
        int i = rtd_header_field(h, one);
        if (i < 0)
            return rtd_fail(err, RTD_EDATA, "%s: no field \"%.*s\" in the stream", name, (int)n,
                            list);
        p->wanted[i] = true;
        list += n + (list[n] == ',');
    } while (*list);
    return RTD_OK;
}

static int dump_json(struct rtd_reader *r, const struct opts *o, struct rtd_out *out,
                     struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(r);
    const char *name = rtd_reader_name(r);
    struct rtd_record rec;
    struct rtd_printer p;
    struct rtd_buf line = {0};
    int st = rtd_printer_init(&p, h, o->pieces, name, err);
    p.index = o->index;
    if (!st)
        st = choose_fields(&p, h, o->fields, name, err);
    for (int64_t n = 0; !st && n < o->limit; n++) {
        st = rtd_reader_next(r, &rec, err);
        if (st || rec.end)
            break;
        st = rtd_printer_record(&p, &rec, &line, err);
        if (!st)
            st = rtd_out_write(out, line.data, line.len, err);
    }
    rtd_buf_free(&line);
    rtd_printer_free(&p);
    return st;
}

static int dump_npy(struct rtd_reader *r, const struct opts *o, struct rtd_out *out,
                    struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(r);
    int f = rtd_header_field(h, o->npy), st = RTD_OK;
    struct rtd_record rec;
    struct rtd_npy a;
    if (f < 0)
        return rtd_fail(err, RTD_EDATA, "%s: no field \"%s\" in the stream", rtd_reader_name(r),
                        o->npy);
    int axis = h->fields[f].axis;
    rtd_npy_init(&a, &h->fields[f]);
    for (int64_t n = 0; !st && n < o->limit; n++) {
        st = rtd_reader_next(r, &rec, err);
        if (st || rec.end)
            break;
        st = rtd_npy_add(&a, rec.data[f], axis < 0 ? 1 : rec.lengths[axis], err);
    }
    if (!st && o->pad)
        st = rtd_npy_write_padded(&a, strcmp(o->npy, "input_ids") ? 0 : h->tok.pad_id, out, err);
    else if (!st)
        st = rtd_npy_write(&a, out, err);
    rtd_npy_free(&a);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.in = "-", .out = "-", .limit = INT64_MAX};
    struct rtd_err err = {0};
    struct rtd_reader *in = NULL;
    struct rtd_out *out = NULL;
    rtd_tool_begin("ts-dump", argc, argv);
    int st = parse(&o, argc, argv, &err);
    int flags = (o.force ? RTD_OUT_FORCE : 0) | (o.npy ? RTD_OUT_BINARY : 0);
    if (!st && !(st = rtd_reader_open(&in, o.in, &err)) &&
        !(st = rtd_out_open(&out, o.out, flags, &err)))
        st = o.npy ? dump_npy(in, &o, out, &err) : dump_json(in, &o, out, &err);
    if (st == RTD_OK)
        st = rtd_out_commit(out, &err);
    else
        rtd_out_abort(out);
    rtd_reader_close(in);
    return rtd_tool_end(&err, st);
}
