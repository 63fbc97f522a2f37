/* rtdtools - MIT licence
 *
 * ts-load: JSON lines to a tensor stream. */
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "stream/stream.h"
#include "text/tokenizer.h"

enum { MAX_LINE = 1 << 28 }; /* bytes */

struct opts {
    const char *in, *out, *kind, *vocab;
    bool force, cased, index;
    int64_t max_length;
};

static const struct rtd_usage usage = {
    .synopsis = "[-fqv] [-o FILE] --kind KIND [--vocab FILE] [--cased] [--max-length N] "
                "[--index] [FILE]",
    .purpose = "Turn JSON lines, one object a record, into a tensor stream.",
    .notes = "KIND is documents, tokens, examples or masked; tensor-stream(5) lists their fields.",
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
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
        const char *text = rtd_tokenizer_vocab(t, &len);
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
    struct rtd_lines lines;
    struct rtd_header header;
    struct rtd_writer *w; /* opened by the first line, which says whether there are sources */
    struct rtd_buf data[RTD_MAX_FIELDS];
    uint64_t next; /* smallest index allowed */
};

static int bad(struct loader *l, struct rtd_err *err, const char *field, const char *why)
{
    return rtd_fail(err, RTD_EDATA, "%s: line %llu: %s%s%s", rtd_in_name(l->lines.in),
                    (unsigned long long)l->lines.number, field ? field : "", field ? ": " : "",
                    why);
}

static int load_numbers(struct loader *l, int i, const json_t *list, struct rtd_err *err)
{
    const struct rtd_field *f = &l->header.fields[i];
    int64_t max = f->dtype == RTD_U8 ? UINT8_MAX : INT32_MAX;
    int64_t min = f->dtype == RTD_U8 ? 0 : INT32_MIN;
    size_t k;
    json_t *v;
    int st = RTD_OK;
    if (!json_is_array(list))
        return bad(l, err, f->name, list ? "not a list of numbers" : "absent");
    json_array_foreach(list, k, v)
    {
        int64_t x = json_integer_value(v);
        int32_t x32 = (int32_t)x;
        uint8_t x8 = (uint8_t)x;
        if (!json_is_integer(v) || x < min || x > max)
            return bad(l, err, f->name, "holds something that is not a whole number in range");
        st = f->dtype == RTD_U8 ? rtd_buf_append(&l->data[i], &x8, sizeof x8, err)
                                : rtd_buf_append(&l->data[i], &x32, sizeof x32, err);
        if (st)
            return st;
    }
    return st;
}

static int load_object(struct loader *l, const json_t *o, struct rtd_err *err)
{
    const struct rtd_header *h = &l->header;
    const void *data[RTD_MAX_FIELDS];
    uint32_t lengths[RTD_MAX_AXES] = {0};
    bool known[RTD_MAX_AXES] = {false};
    size_t keys = (size_t)h->nfields;
    uint64_t index = l->next;
    for (int i = 0; i < h->nfields; i++) {
        const struct rtd_field *f = &h->fields[i];
        const json_t *v = json_object_get(o, f->name);
        struct rtd_buf *b = &l->data[i];
        int st;
        b->len = 0;
        if (strcmp(h->kind, "documents"))
            st = load_numbers(l, i, v, err);
        else if (json_is_string(v))
            st = rtd_buf_append(b, json_string_value(v), json_string_length(v), err);
        else
            st = bad(l, err, f->name, v ? "not a string" : "absent");
        if (st)
            return st;
        uint32_t n = (uint32_t)(b->len / rtd_dtype_size(f->dtype)); /* lines are below 4 GiB */
        if (known[f->axis] && lengths[f->axis] != n)
            return bad(l, err, f->name, "not as long as the field before it");
        known[f->axis] = true;
        lengths[f->axis] = n;
        data[i] = b->data;
    }
    const json_t *given = json_object_get(o, "index");
    keys += given != NULL;
    if (json_object_size(o) != keys)
        return bad(l, err, NULL, "a key that is not a field of this kind of stream");
    if (l->o->index) {
        if (!json_is_integer(given) || json_integer_value(given) < 0 ||
            (uint64_t)json_integer_value(given) < l->next)
            return bad(l, err, "index", "absent, or not above the one before it");
        index = (uint64_t)json_integer_value(given);
    }
    struct rtd_err e = {0};
    int st = rtd_writer_append(l->w, index, data, lengths, &e);
    l->next = index + 1;
    if (st == RTD_EDATA) /* the line is the place, not the output */
        return bad(l, err, NULL, e.text + strlen(l->o->out) + strlen(": "));
    return st ? rtd_fail(err, st, "%s", e.text) : RTD_OK;
}

static int open_output(struct loader *l, struct rtd_err *err)
{
    return rtd_writer_open(&l->w, l->o->out, l->o->force ? RTD_OUT_FORCE : 0, &l->header, 1, err);
}

static int load_line(struct loader *l, const char *line, size_t len, struct rtd_err *err)
{
    json_error_t je;
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
    int st = RTD_OK;
    if (!o)
        return bad(l, err, NULL, je.text);
    if (!json_is_object(o))
        st = bad(l, err, NULL, "not a JSON object");
    else if (!l->w && json_object_get(o, "source") && !strcmp(l->o->kind, "documents"))
        rtd_header_documents(&l->header, true);
    if (!st && !l->w)
        st = open_output(l, err);
    if (!st)
        st = load_object(l, o, err);
    json_decref(o);
    return st;
}

static int run(struct loader *l, struct rtd_err *err)
{
    char *line;
    size_t len;
    int st = make_header(&l->header, l->o, err);
    if (st || (st = rtd_lines_open(&l->lines, l->o->in, MAX_LINE, err)))
        return st;
    while (!st && !(st = rtd_lines_next(&l->lines, &line, &len, err)) && line)
        st = load_line(l, line, len, err);
    if (!l->w && !st) /* no line at all */
        st = open_output(l, err);
    else if (!l->w && st == RTD_EDATA) { /* a bad first line: the stream says so, if it can */
        struct rtd_err e = {0};
        open_output(l, &e);
    }
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.in = "-", .out = "-"};
    struct loader l = {.o = &o};
    struct rtd_err err = {0};
    rtd_tool_begin("ts-load", argc, argv);
    int st = parse(&o, argc, argv, &err);
    if (!st)
        st = run(&l, &err);
    if (st == RTD_OK)
        st = rtd_writer_end(l.w, &err);
    else
        rtd_writer_abort(l.w, &err);
    rtd_lines_close(&l.lines);
    for (int i = 0; i < RTD_MAX_FIELDS; i++)
        rtd_buf_free(&l.data[i]);
    rtd_header_free(&l.header);
    return rtd_tool_end(&err, st);
}
