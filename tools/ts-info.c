/* rtdtools - MIT licence
 *
 * ts-info: verify tensor streams, describe and count them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "stream/stream.h"
#include "text/vocab.h"

struct opts {
    bool check, count, counts, header, pieces, json;
    char **files; /* never empty: "-" */
    int nfiles;
};

static const struct rtd_usage usage = {
    .synopsis = "[-qv] [--check | --count | --counts | --header | --pieces] [--json] [FILE...]",
    .purpose = "Verify whole tensor streams and print what they hold.",
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    static char dash[] = "-", *none[] = {dash};
    int first;
    struct rtd_opt table[] = {
        {RTD_OPT_FLAG, 0, "check", NULL, &o->check, 0, 0, "print nothing", 0},
        {RTD_OPT_FLAG, 0, "count", NULL, &o->count, 0, 0, "print the number of records only", 0},
        {RTD_OPT_FLAG, 0, "counts", NULL, &o->counts, 0, 0,
         "print records, and total and mean of each axis", 0},
        {RTD_OPT_FLAG, 0, "header", NULL, &o->header, 0, 0,
         "print the header only, without reading on", 0},
        {RTD_OPT_FLAG, 0, "pieces", NULL, &o->pieces, 0, 0,
         "print each piece of the vocabulary and how often it stands in the records", 0},
        {RTD_OPT_FLAG, 0, "json", NULL, &o->json, 0, 0, "print one JSON object a stream", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (st)
        return st;
    if (o->check + o->count + o->counts + o->header + o->pieces > 1)
        return rtd_fail(err, RTD_EUSAGE,
                        "only one of --check, --count, --counts, --header and --pieces at a time");
    if (o->pieces && o->json)
        return rtd_fail(err, RTD_EUSAGE, "--pieces has no --json");
    if (o->pieces && argc - first > 1)
        return rtd_fail(err, RTD_EUSAGE, "--pieces of one stream: join them with ts-cat");
    o->files = first < argc ? argv + first : none;
    o->nfiles = first < argc ? argc - first : 1;
    return first < argc ? RTD_OK : rtd_refuse_tty_stdin(err);
}

static double mean(uint64_t sum, uint64_t n)
{
    return n ? (double)sum / (double)n : 0;
}

/* ---- JSON ---- */

static json_t *header_json(const struct rtd_header *h)
{
    const struct rtd_tokeniser *k = &h->tok;
    json_t *fields = json_array();
    for (int i = 0; i < h->nfields; i++) {
        const struct rtd_field *f = &h->fields[i];
        json_t *dims = json_array();
        for (int d = 0; d < f->ndim; d++)
            json_array_append_new(dims, json_integer(f->dims[d]));
        json_array_append_new(fields,
                              json_pack("{s:s, s:s, s:s?, s:o}", "name", f->name, "dtype",
                                        rtd_dtype_name(f->dtype), "axis",
                                        f->axis < 0 ? NULL : h->axes[f->axis], "dims", dims));
    }
    json_t *o = json_pack("{s:s, s:o, s:I, s:O}", "kind", h->kind, "fields", fields, "max_frame",
                          (json_int_t)h->max_frame, "provenance", h->provenance);
    if (h->max_length)
        json_object_set_new(o, "max_length", json_integer(h->max_length));
    if (k->vocab)
        json_object_set_new(o, "vocabulary",
                            json_pack("{s:I, s:s, s:b, s:b, s:b, s:I}", "size",
                                      (json_int_t)k->vocab_size, "digest", k->digest, "lower_case",
                                      k->lower_case, "strip_accents", k->strip_accents, "chinese",
                                      k->chinese, "max_word", (json_int_t)k->max_word));
    return o;
}

static void add_counts(json_t *o, const struct rtd_header *h, const struct rtd_totals *t)
{
    json_t *axes = json_object();
    for (int a = 0; a < h->naxes; a++)
        json_object_set_new(axes, h->axes[a],
                            json_pack("{s:I, s:f}", "total", (json_int_t)t->axis[a], "mean",
                                      mean(t->axis[a], t->records)));
    json_object_set_new(o, "records", json_integer((json_int_t)t->records));
    json_object_set_new(o, "axes", axes);
}

static void print_json(FILE *f, const struct opts *o, struct rtd_reader *r)
{
    const struct rtd_header *h = rtd_reader_header(r);
    const struct rtd_totals *t = rtd_reader_totals(r);
    json_t *j = o->count || o->counts ? json_object() : header_json(h);
    json_object_set_new(j, "file", json_string(rtd_reader_name(r)));
    if (o->count)
        json_object_set_new(j, "records", json_integer((json_int_t)t->records));
    else if (!o->header)
        add_counts(j, h, t);
    if (!o->count && !o->counts && !o->header) {
        json_object_set_new(j, "frames", json_integer((json_int_t)t->frames));
        json_object_set_new(j, "bytes", json_integer((json_int_t)t->bytes));
        json_object_set_new(j, "digest", json_string(rtd_reader_digest(r)));
    }
    char *s = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    json_decref(j);
    if (s)
        fprintf(f, "%s\n", s);
    free(s);
}

/* ---- text ---- */

static void print_masked(FILE *f, const char *s)
{
    char text[1024];
    fputs(rtd_mask_text(text, sizeof text, s, strlen(s)), f);
}

static void print_header(FILE *f, const struct rtd_header *h)
{
    const struct rtd_tokeniser *k = &h->tok;
    size_t n;
    json_t *entry, *value;
    const char *key;
    fprintf(f, "kind        %s\n", h->kind);
    for (int i = 0; i < h->nfields; i++) {
        const struct rtd_field *fd = &h->fields[i];
        fprintf(f, "field       %s %s [%s", fd->name, rtd_dtype_name(fd->dtype),
                fd->axis < 0 ? "" : h->axes[fd->axis]);
        for (int d = 0; d < fd->ndim; d++)
            fprintf(f, "%s%u", d || fd->axis >= 0 ? ", " : "", fd->dims[d]);
        fputs("]\n", f);
    }
    if (k->vocab)
        fprintf(f,
                "vocabulary  %u pieces, digest %s\n"
                "tokeniser   lower_case %s, strip_accents %s, chinese %s, max_word %u\n",
                k->vocab_size, k->digest, k->lower_case ? "yes" : "no",
                k->strip_accents ? "yes" : "no", k->chinese ? "yes" : "no", k->max_word);
    if (h->max_length)
        fprintf(f, "max_length  %u\n", h->max_length);
    json_array_foreach(h->provenance, n, entry)
    {
        const char *tool = json_string_value(json_object_get(entry, "tool"));
        const char *version = json_string_value(json_object_get(entry, "version"));
        fprintf(f, "provenance  ");
        print_masked(f, tool ? tool : "?");
        putc(' ', f);
        print_masked(f, version ? version : "?");
        json_object_foreach(entry, key, value)
        {
            if (!strcmp(key, "tool") || !strcmp(key, "version"))
                continue;
            char *s = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS |
                                            JSON_REAL_PRECISION(15));
            putc(' ', f);
            print_masked(f, key);
            putc('=', f);
            print_masked(f, s ? s : "?");
            free(s);
        }
        putc('\n', f);
    }
}

static void print_axes(FILE *f, const struct rtd_header *h, const struct rtd_totals *t, bool table)
{
    for (int a = 0; a < h->naxes; a++)
        fprintf(f, table ? "%s\t%llu\t%.9g\n" : "%-11s %llu, mean %.6g\n", h->axes[a],
                (unsigned long long)t->axis[a], mean(t->axis[a], t->records));
}

static void print_text(FILE *f, const struct opts *o, struct rtd_reader *r)
{
    const struct rtd_header *h = rtd_reader_header(r);
    const struct rtd_totals *t = rtd_reader_totals(r);
    if (o->count) {
        fprintf(f, "%llu\n", (unsigned long long)t->records);
        return;
    }
    if (o->nfiles > 1)
        fprintf(f, "==> %s <==\n", rtd_reader_name(r));
    if (o->counts) {
        fprintf(f, "records\t%llu\n", (unsigned long long)t->records);
        print_axes(f, h, t, true);
        return;
    }
    print_header(f, h);
    if (o->header)
        return;
    fprintf(f, "records     %llu\nframes      %llu, %llu bytes\n", (unsigned long long)t->records,
            (unsigned long long)t->frames, (unsigned long long)t->bytes);
    print_axes(f, h, t, false);
    fprintf(f, "digest      %s\n", rtd_reader_digest(r));
}

/* Into memory first, so that one look at the end tells whether it is all there. */
static int print(const struct opts *o, struct rtd_reader *r, struct rtd_out *out,
                 struct rtd_err *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    if (f && o->json)
        print_json(f, o, r);
    else if (f)
        print_text(f, o, r);
    bool lost = !f || ferror(f);
    if ((f && fclose(f)) || !text)
        lost = true;
    int st =
        lost ? rtd_fail(err, RTD_ESYS, "not enough memory") : rtd_out_write(out, text, len, err);
    if (!st)
        st = rtd_out_flush(out, err); /* before the next stream, which may be a bad one */
    free(text);
    return st;
}

/* ---- pieces ---- */

/* The records' input_ids, counted; then a line a piece. */
static int count_pieces(struct rtd_reader *r, struct rtd_out *out, struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(r);
    int field = rtd_header_field(h, "input_ids"), axis = rtd_header_axis(h, "tokens");
    struct rtd_record rec = {0};
    struct rtd_vocab v;
    if (field < 0 || axis < 0 || !h->tok.vocab)
        return rtd_fail(err, RTD_EDATA, "%s: a stream of %s has no pieces", rtd_reader_name(r),
                        h->kind);
    if (rtd_vocab_init(&v, h->tok.vocab, h->tok.vocab_len, rtd_reader_name(r), err))
        return err->status;
    uint64_t *count = calloc(h->tok.vocab_size, sizeof *count); /* at least v.n */
    int st = count ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    while (!st && !(st = rtd_reader_next(r, &rec, err)) && !rec.end) {
        const int32_t *ids = rec.data[field];
        for (uint32_t i = 0; i < rec.lengths[axis]; i++)
            count[ids[i]]++;
    }
    for (uint32_t i = 0; !st && i < v.n; i++) {
        const char *piece = rtd_vocab_piece(&v, (int32_t)i);
        if (rtd_vocab_id(&v, piece, strlen(piece)) == (int32_t)i) /* else no text yields it */
            st = rtd_out_printf(out, err, "%s\t%llu\n", piece, (unsigned long long)count[i]);
    }
    free(count);
    rtd_vocab_fini(&v);
    return st;
}

static int describe(const struct opts *o, const char *path, struct rtd_out *out,
                    struct rtd_err *err)
{
    struct rtd_reader *r;
    struct rtd_record rec = {0};
    int st = rtd_reader_open(&r, path, err);
    if (st)
        return st;
    if (o->pieces)
        st = count_pieces(r, out, err);
    while (!st && !rec.end && !o->header && !o->pieces)
        st = rtd_reader_next(r, &rec, err);
    if (!st && !o->check && !o->pieces)
        st = print(o, r, out, err);
    rtd_reader_close(r);
    return st;
}

static int run(const struct opts *o, struct rtd_err *err)
{
    struct rtd_out *out;
    int st = rtd_out_open(&out, "-", 0, err);
    if (st)
        return st;
    for (int i = 0; !st && i < o->nfiles; i++)
        st = describe(o, o->files[i], out, err);
    if (!st)
        return rtd_out_commit(out, err);
    rtd_out_abort(out);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {0};
    struct rtd_err err = {0};
    rtd_tool_begin("ts-info", argc, argv);
    int st = parse(&o, argc, argv, &err);
    if (!st)
        st = run(&o, &err);
    return rtd_tool_end(&err, st);
}
