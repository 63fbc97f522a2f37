/* rtdtools - MIT licence
 *
 * ts-load: JSON lines to a tensor stream. */
#include <string.h>

#include "intake/bad.h"
#include "base/io.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli/tool.h"
#include "stream/stream.h"
#include "text/reach.h"
#include "text/tokenizer.h"

enum { MAX_LINE = 1 << 28 }; /* bytes */

struct opts {
    const char *in, *out, *kind, *vocab, *max_bad;
    bool force, cased, index;
    int64_t max_length;
};

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-o FILE] --kind KIND [--vocab FILE] [--cased] [--max-length N] "
                "[--index] [--max-bad N | --strict] [FILE]",
    .purpose = "Turn JSON lines, one object a record, into a tensor stream.",
    .notes = "KIND is documents, tokens, examples or masked; tensor-stream(5) lists their fields.",
};

static int parse(struct opts *o, struct rtd_bad *limit, int argc, char **argv, struct rtd_err *err)
{
    int first;
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 0, "kind", "KIND", &o->kind, 0, 0, "kind of stream to make; required", 0},
        {RTD_OPT_STR, 0, "vocab", "FILE", &o->vocab, 0, 0,
         "vocabulary of the ids; required but for documents", 0},
        {RTD_OPT_FLAG, 0, "cased", NULL, &o->cased, 0, 0,
         "the tokeniser kept case and accents (default: it did not)", 0},
        {RTD_OPT_INT, 0, "max-length", "N", &o->max_length, 1, UINT32_MAX,
         "longest sequence; required for examples and masked", 0},
        {RTD_OPT_FLAG, 0, "index", NULL, &o->index, 0, 0,
         "take the records' indices from the key index (default: 0, 1, ...)", 0},
        {RTD_OPT_STR, 0, "max-bad", "N", &o->max_bad, 0, 0,
         "leave out up to N bad records, or a share (default: 0.1%, at least 10)", 0},
        {RTD_OPT_FLAG, 0, "strict", NULL, &limit->strict, 0, 0, "end at the first bad record", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE; write to a terminal",
         0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (st)
        return st;
    struct rtd_header h = {0};
    if (o->max_bad && rtd_bad_parse(limit, o->max_bad, err))
        return err->status;
    if (!o->kind)
        return rtd_fail(err, RTD_EUSAGE, "--kind is required");
    if (!rtd_header_standard(&h, o->kind))
        return rtd_fail(err, RTD_EUSAGE,
                        "--kind: %s is not one of documents, tokens, examples, masked", o->kind);
    bool ids = rtd_header_field(&h, "input_ids") >= 0;
    bool sequences = rtd_header_field(&h, "token_type_ids") >= 0;
    if (ids != (o->vocab != NULL))
        return rtd_fail(err, RTD_EUSAGE,
                        ids ? "--kind %s wants --vocab FILE" : "--kind %s goes without --vocab",
                        o->kind);
    if (sequences != (o->max_length != 0))
        return rtd_fail(err, RTD_EUSAGE,
                        sequences ? "--kind %s wants --max-length N"
                                  : "--kind %s goes without --max-length",
                        o->kind);
    if (argc - first > 1)
        return rtd_fail(err, RTD_EUSAGE, "%s: one input at most", argv[first + 1]);
    if (first < argc)
        o->in = argv[first];
    return first < argc ? RTD_OK : rtd_refuse_tty_stdin(err);
}

static int make_header(struct rtd_header *h, const struct opts *o, struct rtd_err *err)
{
    rtd_header_init(h, o->kind);
    rtd_header_standard(h, o->kind);
    h->max_length = (uint32_t)o->max_length;
    if (o->vocab) {
        struct rtd_tok_settings settings;
        struct rtd_tokenizer *t;
        size_t len;
        rtd_tok_settings_default(&settings, o->cased);
        int st = rtd_tokenizer_load(&t, o->vocab, &settings, err);
        if (st)
            return st;
        struct rtd_reach reach;
        const char *text = rtd_tokenizer_vocab(t, &len);
        st = rtd_reach(t, o->vocab, &reach, err);
        if (!st)
            st = rtd_header_set_vocab(h, text, len, o->vocab, err);
        rtd_tokenizer_free(t);
        if (st)
            return st;
        h->tok.lower_case = settings.lower_case;
        h->tok.strip_accents = settings.strip_accents;
        h->tok.chinese = settings.chinese;
        h->tok.max_word = settings.max_word;
    }
    return rtd_header_provenance(h, "ts-load", NULL, err);
}

struct loader {
    const struct opts *o;
    struct rtd_bad bad;
    struct rtd_lines lines;
    struct rtd_json_doc json;
    struct rtd_header header;
    struct rtd_writer *w; /* opened by the first good record, which says what optional fields are */
    struct rtd_buf data[RTD_MAX_FIELDS];
    uint64_t next;     /* smallest index allowed */
    uint64_t replaced; /* characters that became U+FFFD */
    uint64_t other;    /* records with keys that are no fields */
    char other_key[40];
};

static int bad(struct loader *l, struct rtd_err *err, const char *field, const char *why)
{
    return rtd_fail(err, RTD_EDATA, "%s: line %llu: %s%s%s", rtd_in_name(l->lines.in),
                    (unsigned long long)l->lines.number, field ? field : "", field ? ": " : "",
                    why);
}

/* The numbers of a list, dimension by dimension as ts-dump prints them. */
static int load_numbers(struct loader *l, int i, int dim, const struct rtd_json *v,
                        struct rtd_err *err)
{
    const struct rtd_field *f = &l->header.fields[i];
    if (dim <= f->ndim) {
        if (v->kind != RTD_JSON_LIST || (dim && v->n != f->dims[dim - 1]))
            return bad(l, err, f->name, "not a list of numbers as this field has them");
        struct rtd_json_walk w = rtd_json_walk(v);
        while (rtd_json_step(&w))
            if (load_numbers(l, i, dim + 1, w.value, err))
                return err->status;
        return RTD_OK;
    }
    int64_t x, max = f->dtype == RTD_U8 ? UINT8_MAX : INT32_MAX;
    int64_t min = f->dtype == RTD_U8 ? 0 : INT32_MIN;
    if (v->kind != RTD_JSON_NUMBER || !rtd_json_whole(v, &x) || x < min || x > max)
        return bad(l, err, f->name, "holds something that is not a whole number in range");
    int32_t x32 = (int32_t)x;
    uint8_t x8 = (uint8_t)x;
    return f->dtype == RTD_U8 ? rtd_buf_append(&l->data[i], &x8, sizeof x8, err)
                              : rtd_buf_append(&l->data[i], &x32, sizeof x32, err);
}

static int load_field(struct loader *l, int i, struct rtd_err *err)
{
    const struct rtd_field *f = &l->header.fields[i];
    unsigned kind = strcmp(l->o->kind, "documents") ? RTD_JSON_LIST : RTD_JSON_TEXT;
    const struct rtd_json *v;
    l->data[i].len = 0;
    int st = rtd_json_want(l->json.root, f->name, kind, &v, rtd_in_name(l->lines.in),
                           l->lines.number, err);
    if (st)
        return st;
    if (kind == RTD_JSON_LIST)
        return load_numbers(l, i, 0, v, err);
    l->replaced += v->replaced;
    return rtd_buf_append(&l->data[i], v->text, v->n, err);
}

static int load_fields(struct loader *l, uint32_t lengths[RTD_MAX_AXES], struct rtd_err *err)
{
    const struct rtd_header *h = &l->header;
    bool known[RTD_MAX_AXES] = {false};
    for (int i = 0; i < h->nfields; i++) {
        const struct rtd_field *f = &h->fields[i];
        int st = load_field(l, i, err);
        if (st)
            return st;
        uint32_t n = (uint32_t)(l->data[i].len / (f->width * rtd_dtype_size(f->dtype)));
        if (known[f->axis] && lengths[f->axis] != n) /* lines are below 4 GiB */
            return bad(l, err, f->name, "not as long as the field before it");
        known[f->axis] = true;
        lengths[f->axis] = n;
    }
    return RTD_OK;
}

static int load_index(const struct loader *l, uint64_t *index)
{
    const struct rtd_json *v;
    int64_t x;
    *index = l->next;
    if (!l->o->index)
        return RTD_OK;
    if (rtd_json_member(l->json.root, "index", RTD_JSON_NUMBER, &v) != RTD_JSON_PRESENT ||
        !rtd_json_whole(v, &x) || x < 0 || (uint64_t)x < l->next)
        return RTD_EDATA;
    *index = (uint64_t)x;
    return RTD_OK;
}

/* Keys that are no fields are passed over. */
static void count_others(struct loader *l)
{
    struct rtd_json_walk w = rtd_json_walk(l->json.root);
    bool any = false;
    while (rtd_json_step(&w)) {
        if (rtd_header_field(&l->header, w.key->text) >= 0 || !strcmp(w.key->text, "index") ||
            w.value->kind == RTD_JSON_NULL)
            continue;
        if (!l->other && !any)
            rtd_mask_text(l->other_key, sizeof l->other_key, w.key->text, w.key->n);
        any = true;
    }
    l->other += any;
}

static int open_output(struct loader *l, struct rtd_err *err)
{
    return rtd_writer_open(&l->w, l->o->out, l->o->force ? RTD_OUT_FORCE : 0, &l->header, 1, err);
}

static int load_record(struct loader *l, struct rtd_err *err)
{
    uint32_t lengths[RTD_MAX_AXES] = {0};
    const void *data[RTD_MAX_FIELDS];
    const char *name;
    const struct rtd_json *v;
    uint64_t index;
    if (l->json.root->kind != RTD_JSON_OBJECT)
        return bad(l, err, NULL, "not a JSON object");
    if (!l->w) { /* the optional fields of the first record are those of all */
        rtd_header_standard(&l->header, l->o->kind);
        for (int n = 0; (name = rtd_kind_optional(l->o->kind, n)); n++)
            if (rtd_json_member(l->json.root, name, ~(unsigned)RTD_JSON_NULL, &v) !=
                RTD_JSON_ABSENT)
                rtd_header_add_optional(&l->header, name);
    }
    if (load_fields(l, lengths, err))
        return err->status;
    if (load_index(l, &index))
        return bad(l, err, "index", "absent, or not above the one before it");
    if (!l->w && open_output(l, err))
        return err->status;
    for (int i = 0; i < l->header.nfields; i++)
        data[i] = l->data[i].data;
    struct rtd_err e = {0};
    int st = rtd_writer_append(l->w, index, data, lengths, &e);
    if (st)
        return st == RTD_EDATA ? bad(l, err, NULL, e.text) : rtd_fail(err, st, "%s", e.text);
    l->next = index + 1;
    count_others(l);
    return RTD_OK;
}

/* The next line; what is wrong with it is in err.  *more: it was not the end. */
static int load_line(struct loader *l, bool *more, struct rtd_err *err)
{
    char *line;
    size_t len;
    int st = rtd_lines_next(&l->lines, &line, &len, err);
    *more = st ? l->lines.too_long : line != NULL;
    if (!*more || (!st && rtd_is_blank(line, len)))
        return st;
    l->bad.records++;
    if (!st)
        st = rtd_json_read(&l->json, line, len, rtd_in_name(l->lines.in), l->lines.number, err);
    return st ? st : load_record(l, err);
}

static int run(struct loader *l, struct rtd_err *err)
{
    int st = make_header(&l->header, l->o, err);
    if (st || (st = rtd_lines_open(&l->lines, l->o->in, MAX_LINE, err)))
        return st;
    for (bool more = true; more && !st;) {
        st = load_line(l, &more, err);
        if (st && more)
            st = rtd_bad_pass(&l->bad, err);
    }
    if (!st)
        st = rtd_bad_judge(&l->bad, rtd_in_name(l->lines.in), err);
    if (!l->w && (!st || st == RTD_EDATA)) { /* no good record: a stream that says so, if it can */
        struct rtd_err e = {0};
        int opened = open_output(l, &e);
        st = st ? st : opened ? rtd_fail(err, opened, "%s", e.text) : RTD_OK;
    }
    if (!st && l->replaced)
        rtd_say("%llu wrong UTF-8 sequence%s replaced", (unsigned long long)l->replaced,
                rtd_s(l->replaced));
    if (!st)
        rtd_say_loss(l->other, l->bad.records,
                     "records have keys that are no fields, passed over: \"%s\" the first",
                     l->other_key);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.in = "-", .out = "-"};
    struct loader l = {.o = &o, .bad = rtd_bad_default};
    struct rtd_err err = {0};
    rtd_tool_begin("ts-load", argc, argv);
    int st = parse(&o, &l.bad, argc, argv, &err);
    if (!st)
        st = run(&l, &err);
    if (st == RTD_OK)
        st = rtd_writer_end(l.w, &err);
    else
        rtd_writer_abort(l.w, &err);
    rtd_lines_close(&l.lines);
    rtd_json_free(&l.json);
    for (int i = 0; i < RTD_MAX_FIELDS; i++)
        rtd_buf_free(&l.data[i]);
    rtd_header_free(&l.header);
    return rtd_tool_end(&err, st);
}
