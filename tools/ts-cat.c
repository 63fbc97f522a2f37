/* rtdtools - MIT licence
 *
 * ts-cat: join, repeat, skip and shard tensor streams. */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "stream/stream.h"

struct opts {
    const char *out;
    bool force;
    int64_t repeat, skip;
    const char *shard; /* "R/N" */
    uint64_t shard_r, shard_n;
    char **files; /* never empty: "-" */
    int nfiles;
};

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-o FILE] [--repeat N] [--skip N] [--shard R/N] [FILE...]",
    .purpose = "Join tensor streams; repeat, skip and shard their records.",
    .notes =
        "The order is repeat, then skip, then shard.  Several files are numbered anew from 0;\n"
        "the records of one file keep their indices, which run on through --repeat.",
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    static char dash[] = "-", *none[] = {dash};
    int first;
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE; write to a terminal",
         0},
        {RTD_OPT_INT, 0, "repeat", "N", &o->repeat, 1, 1e15, "read the input N times (default 1)",
         0},
        {RTD_OPT_INT, 0, "skip", "N", &o->skip, 0, 1e18, "leave out the first N records", 0},
        {RTD_OPT_STR, 0, "shard", "R/N", &o->shard, 0, 0, "only records whose index mod N is R", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (st)
        return st;
    o->files = first < argc ? argv + first : none;
    o->nfiles = first < argc ? argc - first : 1;
    if (first == argc && (st = rtd_refuse_tty_stdin(err)))
        return st;
    o->shard_n = 1;
    if (o->shard) {
        char *end = NULL;
        if (o->shard[0] >= '0' && o->shard[0] <= '9')
            o->shard_r = strtoull(o->shard, &end, 10);
        if (!end || *end != '/' || end[1] < '0' || end[1] > '9')
            return rtd_fail(err, RTD_EUSAGE, "--shard: %s is not R/N", o->shard);
        o->shard_n = strtoull(end + 1, &end, 10);
        if (*end || o->shard_r >= o->shard_n || o->shard_n > UINT32_MAX)
            return rtd_fail(err, RTD_EUSAGE, "--shard: %s: wants R/N with R from 0 to N - 1",
                            o->shard);
    }
    return RTD_OK;
}

struct cat {
    const struct opts *o;
    struct rtd_header header; /* of the first file */
    struct rtd_writer *w;
    uint64_t seen; /* records so far, all passes */
    uint64_t base; /* added to the indices of a single file in this pass */
};

static int start(struct cat *c, const struct rtd_reader *r, struct rtd_err *err)
{
    const struct opts *o = c->o;
    int st = rtd_header_copy(&c->header, rtd_reader_header(r), err);
    if (st)
        return st;
    /* What is left out shows in the indices; only joining and repeating are not to be seen. */
    struct rtd_header out = c->header;
    json_t *options = json_object();
    if (o->nfiles > 1)
        json_object_set_new(options, "files", json_integer(o->nfiles));
    if (o->repeat > 1)
        json_object_set_new(options, "repeat", json_integer(o->repeat));
    if (json_object_size(options))
        st = rtd_header_provenance(&out, "ts-cat", json_incref(options), err);
    json_decref(options);
    if (!st)
        st = rtd_writer_open(&c->w, o->out, o->force ? RTD_OUT_FORCE : 0, &out,
                             (uint32_t)o->shard_n, err);
    return st;
}

static int copy_records(struct cat *c, struct rtd_reader *r, uint64_t *next, struct rtd_err *err)
{
    const struct opts *o = c->o;
    struct rtd_record rec;
    for (;;) {
        int st = rtd_reader_next(r, &rec, err);
        if (st || rec.end)
            return st;
        uint64_t index = o->nfiles > 1 ? c->seen : c->base + rec.index;
        *next = index + 1;
        if (c->seen++ < (uint64_t)o->skip || index % o->shard_n != o->shard_r)
            continue;
        if ((st = rtd_writer_append(c->w, index, rec.data, rec.lengths, err)))
            return st;
    }
}

static int copy_file(struct cat *c, const char *path, uint64_t *next, struct rtd_err *err)
{
    struct rtd_reader *r;
    int st = rtd_reader_open(&r, path, err);
    if (st)
        return st;
    if (c->o->repeat > 1 && !rtd_reader_seekable(r))
        st = rtd_fail(err, RTD_EUSAGE, "%s: --repeat wants a file's name, not a pipe",
                      rtd_reader_name(r));
    else if (!c->w)
        st = start(c, r, err);
    else
        st = rtd_header_same(&c->header, c->o->files[0], rtd_reader_header(r), rtd_reader_name(r),
                             err);
    if (!st)
        st = copy_records(c, r, next, err);
    rtd_reader_close(r);
    return st;
}

static int run(struct cat *c, struct rtd_err *err)
{
    const struct opts *o = c->o;
    int st = RTD_OK;
    for (int64_t pass = 0; !st && pass < o->repeat; pass++) {
        uint64_t next = c->base, before = c->seen, step;
        for (int i = 0; !st && i < o->nfiles; i++)
            st = copy_file(c, o->files[i], &next, err);
        step = next - c->base;
        c->base = next;
        uint64_t records = c->seen - before;
        if (!st && records == 0)
            break;
        /* Passes that are skipped as a whole need not be read. */
        if (!st && c->seen < (uint64_t)o->skip) {
            uint64_t whole = ((uint64_t)o->skip - c->seen) / records;
            uint64_t left = (uint64_t)(o->repeat - 1 - pass);
            if (whole > left)
                whole = left;
            c->seen += whole * records;
            c->base += whole * step;
            pass += (int64_t)whole;
        }
    }
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.out = "-", .repeat = 1};
    struct cat c = {.o = &o};
    struct rtd_err err = {0};
    rtd_tool_begin("ts-cat", argc, argv);
    int st = parse(&o, argc, argv, &err);
    if (!st)
        st = run(&c, &err);
    if (st == RTD_OK)
        st = rtd_writer_end(c.w, &err);
    else
        rtd_writer_abort(c.w, &err);
    rtd_header_free(&c.header);
    return rtd_tool_end(&err, st);
}
