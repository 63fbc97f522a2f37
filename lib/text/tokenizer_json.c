/* rtdtools - MIT licence
 *
 * Reading a tokenizer.json. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "text/tokenizer_files_internal.h"
#include "text/vocab.h"

enum { FILE_MAX = 256 << 20 };

static int refuse(const char *path, const char *part, const struct rtd_json *o, struct rtd_err *err)
{
    char shown[48];
    const char *type = rtd_tok_text(o, "type");
    type = type ? type : o ? "unknown" : "null";
    return rtd_fail(err, RTD_EDATA, "%s: %s: %s is not supported", path, part,
                    rtd_mask_text(shown, sizeof shown, type, strlen(type)));
}

static int refuse_list(const char *path, const char *part, const struct rtd_json *parts,
                       struct rtd_err *err)
{
    char types[150] = "", shown[200];
    size_t n = 0;
    for (struct rtd_json_walk w = rtd_json_walk(parts); rtd_json_step(&w) && n < sizeof types;) {
        const char *type = rtd_tok_text(w.value, "type");
        n += (size_t)snprintf(types + n, sizeof types - n, "%s%s", n ? ", " : "",
                              type ? type : "unknown");
    }
    return rtd_fail(err, RTD_EDATA, "%s: %s: Sequence of %s is not supported", path, part,
                    rtd_mask_text(shown, sizeof shown, types, strlen(types)));
}

static bool is_type(const struct rtd_json *o, const char *type)
{
    const char *is = rtd_tok_text(o, "type");
    return is && strcmp(is, type) == 0;
}

/* An object's member that is an object; NULL: absent, null or something else. */
static const struct rtd_json *object(const struct rtd_json *o, const char *key)
{
    const struct rtd_json *v;
    rtd_json_member(o, key, RTD_JSON_OBJECT, &v);
    return v;
}

static const struct rtd_json *list(const struct rtd_json *o, const char *key)
{
    const struct rtd_json *v;
    rtd_json_member(o, key, RTD_JSON_LIST, &v);
    return v;
}

/* --- pieces --- */

/* Can a line hold it?  One that ends with a carriage return is read without. */
static bool is_line(const struct rtd_json *piece)
{
    return strlen(piece->text) == piece->n && !strchr(piece->text, '\n') &&
           (piece->n == 0 || piece->text[piece->n - 1] != '\r');
}

/* {piece: id} to the lines of a vocab.txt.  An id without a piece, and a piece that no line can
 * hold (and no word of a text can be), is an empty line. */
static int read_vocabulary(struct rtd_tok_files *f, const struct rtd_json *vocab, const char *path,
                           struct rtd_err *err)
{
    size_t n = 0, size = 0;
    int64_t id;
    struct rtd_json_walk w = rtd_json_walk(vocab);
    while (rtd_json_step(&w)) {
        if (!rtd_json_whole(w.value, &id) || id < 0 || id >= RTD_VOCAB_MAX)
            return rtd_fail(err, RTD_EDATA, "%s: model.vocab: an id that is none", path);
        n = (size_t)id >= n ? (size_t)id + 1 : n;
        size += w.key->n;
    }
    const struct rtd_json **piece = calloc(n + 1, sizeof *piece);
    f->vocab = malloc(size + n + 1);
    if (!piece || !f->vocab) {
        free(piece);
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
    }
    for (w = rtd_json_walk(vocab); rtd_json_step(&w) && !err->status;) {
        rtd_json_whole(w.value, &id);
        if (piece[id] &&
            (piece[id]->n != w.key->n || memcmp(piece[id]->text, w.key->text, w.key->n) != 0))
            rtd_fail(err, RTD_EDATA, "%s: model.vocab: two pieces with id %d", path, (int)id);
        piece[id] = w.key;
    }
    char *at = f->vocab;
    for (size_t i = 0; i < n; i++) {
        if (piece[i] && is_line(piece[i]))
            at = stpcpy(at, piece[i]->text);
        *at++ = '\n';
    }
    f->len = (size_t)(at - f->vocab);
    free(piece);
    return err->status;
}

static int read_model(struct rtd_tok_files *f, const struct rtd_json *model, const char *path,
                      struct rtd_err *err)
{
    const struct rtd_json *vocab = object(model, "vocab"), *v;
    const char *prefix = rtd_tok_text(model, "continuing_subword_prefix");
    const char *unknown = rtd_tok_text(model, "unk_token");
    int64_t most = f->settings.max_word;
    char shown[48];
    if (!model)
        return rtd_fail(err, RTD_EDATA, "%s: not a tokenizer.json: no model", path);
    if (rtd_tok_text(model, "type") ? !is_type(model, "WordPiece") : list(model, "merges") != NULL)
        return refuse(path, "a tokenizer other than WordPiece", model, err);
    if (!vocab)
        return rtd_fail(err, RTD_EDATA, "%s: model.vocab: no pieces", path);
    if (unknown && strcmp(unknown, "[UNK]") != 0)
        return rtd_fail(err, RTD_EDATA, "%s: unk_token %s is not supported, [UNK] is", path,
                        rtd_mask_text(shown, sizeof shown, unknown, strlen(unknown)));
    if (prefix && strlen(prefix) >= sizeof f->settings.prefix)
        return rtd_fail(err, RTD_EDATA, "%s: continuing_subword_prefix %s is too long", path,
                        rtd_mask_text(shown, sizeof shown, prefix, strlen(prefix)));
    if (prefix)
        strcpy(f->settings.prefix, prefix);
    if (rtd_json_member(model, "max_input_chars_per_word", RTD_JSON_NUMBER, &v) &&
        (!rtd_json_whole(v, &most) || most < 0))
        return rtd_fail(err, RTD_EDATA, "%s: max_input_chars_per_word: no number of characters",
                        path);
    f->settings.max_word = most > UINT32_MAX ? UINT32_MAX : (uint32_t)most;
    return read_vocabulary(f, vocab, path, err);
}

static int read_added(struct rtd_tok_files *f, const struct rtd_json *added, const char *path,
                      struct rtd_err *err)
{
    struct rtd_json_walk w = rtd_json_walk(added);
    while (rtd_json_step(&w)) {
        struct rtd_added a;
        const struct rtd_json *v;
        int64_t id;
        if (rtd_json_want(w.value, "id", RTD_JSON_NUMBER, &v, path, 0, err) ||
            rtd_tok_added_read(&a, w.value, path, err))
            return err->status;
        if (!rtd_json_whole(v, &id) || id < 0 || id > INT32_MAX)
            return rtd_fail(err, RTD_EDATA, "%s: added_tokens: an id that is none", path);
        a.id = (int32_t)id;
        if (rtd_tok_files_add(f, &a, err))
            return err->status;
    }
    return RTD_OK;
}

/* --- rules --- */

/* BertNormalizer, Lowercase, and sequences of them; *bert: BertNormalizer was there. */
static int read_normaliser(struct rtd_tok_files *f, struct rtd_tok_case *c,
                           const struct rtd_json *n, bool *bert, const char *path,
                           struct rtd_err *err)
{
    bool clean = true, strip;
    const struct rtd_json *v;
    if (is_type(n, "Sequence")) {
        struct rtd_json_walk w = rtd_json_walk(list(n, "normalizers"));
        while (rtd_json_step(&w))
            if (read_normaliser(f, c, w.value, bert, path, err))
                return err->status;
        return RTD_OK;
    }
    if (is_type(n, "Lowercase") && *bert) { /* behind it: case alone */
        c->strip = c->strip < 0 ? c->lower : c->strip;
        c->lower = true;
        return RTD_OK;
    }
    if (is_type(n, "Lowercase")) {
        c->lower_first = true;
        return RTD_OK;
    }
    if (!is_type(n, "BertNormalizer") || *bert)
        return refuse(path, "normalizer", n, err);
    *bert = true;
    c->lower = true;
    f->settings.chinese = true;
    if (rtd_tok_flag(n, "clean_text", &clean, path, err) ||
        rtd_tok_flag(n, "lowercase", &c->lower, path, err) ||
        rtd_tok_flag(n, "handle_chinese_chars", &f->settings.chinese, path, err) ||
        rtd_tok_flag(n, "strip_accents", &strip, path, err))
        return err->status;
    f->settings.keep_controls = !clean;
    if (rtd_json_member(n, "strip_accents", RTD_JSON_BOOL, &v))
        c->strip = strip;
    return RTD_OK;
}

static int read_split(struct rtd_tok_settings *s, const struct rtd_json *p, const char *path,
                      struct rtd_err *err)
{
    static const struct {
        const char *type;
        enum rtd_split split;
    } known[] = {{"BertPreTokenizer", RTD_SPLIT_BERT},
                 {"Whitespace", RTD_SPLIT_RUNS},
                 {"WhitespaceSplit", RTD_SPLIT_BLANKS}};
    const struct rtd_json *parts = is_type(p, "Sequence") ? list(p, "pretokenizers") : NULL;
    if (parts && parts->n == 1)
        p = parts + 1;
    s->split = RTD_SPLIT_NEVER;
    if (!p)
        return RTD_OK;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (is_type(p, known[i].type)) {
            s->split = known[i].split;
            return RTD_OK;
        }
    return parts ? refuse_list(path, "pre_tokenizer", parts, err)
                 : refuse(path, "pre_tokenizer", p, err);
}

/* Is element i of a template this special piece, or ("A", "B") this text?  *type: its type. */
static bool is_part(const struct rtd_json *template, size_t i, const char *kind, const char *id,
                    int64_t *type)
{
    struct rtd_json_walk w = rtd_json_walk(template);
    for (size_t k = 0; k <= i; k++)
        if (!rtd_json_step(&w))
            return false;
    const struct rtd_json *o = object(w.value, kind), *v;
    const char *is = rtd_tok_text(o, "id");
    return is && strcmp(is, id) == 0 &&
           rtd_json_member(o, "type_id", RTD_JSON_NUMBER, &v) == RTD_JSON_PRESENT &&
           rtd_json_whole(v, type);
}

/* [CLS] A [SEP], or with a second text [CLS] A [SEP] B [SEP]: its type, -1: another template. */
static int64_t template_type(const struct rtd_json *t, bool pair)
{
    static const char *const part[][2] = {{"SpecialToken", "[CLS]"},
                                          {"Sequence", "A"},
                                          {"SpecialToken", "[SEP]"},
                                          {"Sequence", "B"},
                                          {"SpecialToken", "[SEP]"}};
    int64_t type[5] = {0};
    size_t n = pair ? 5 : 3;
    if (!t || t->n != n)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!is_part(t, i, part[i][0], part[i][1], &type[i]))
            return -1;
    bool first = !type[0] && !type[1] && !type[2];
    return first && type[3] == type[4] && (type[3] == 0 || type[3] == 1) ? type[3] : -1;
}

/* The one id of a special piece in a template's table; -1: none, or several. */
static int32_t template_id(const struct rtd_json *specials, const char *piece)
{
    const struct rtd_json *ids = list(object(specials, piece), "ids");
    int64_t id;
    return ids && ids->n == 1 && rtd_json_whole(ids + 1, &id) && id >= 0 && id <= INT32_MAX
               ? (int32_t)id
               : -1;
}

/* ["[SEP]", 102] */
static int32_t pair_id(const struct rtd_json *pair, const char *piece)
{
    int64_t id;
    struct rtd_json_walk w = rtd_json_walk(pair);
    return pair && pair->n == 2 && rtd_json_step(&w) && w.value->kind == RTD_JSON_TEXT &&
                   strcmp(w.value->text, piece) == 0 && rtd_json_step(&w) &&
                   rtd_json_whole(w.value, &id) && id >= 0 && id <= INT32_MAX
               ? (int32_t)id
               : -1;
}

static int read_processor(struct rtd_tok_files *f, const struct rtd_json *p, const char *path,
                          struct rtd_err *err)
{
    if (!p)
        return RTD_OK;
    if (is_type(p, "TemplateProcessing")) {
        const struct rtd_json *specials = object(p, "special_tokens");
        int64_t second = template_type(list(p, "pair"), true);
        f->cls = template_id(specials, "[CLS]");
        f->sep = template_id(specials, "[SEP]");
        if (template_type(list(p, "single"), false) < 0 || second < 0 || f->cls < 0 || f->sep < 0)
            return rtd_fail(err, RTD_EDATA,
                            "%s: post_processor: a TemplateProcessing that makes something else "
                            "than [CLS] A [SEP] B [SEP] is not supported",
                            path);
        f->settings.one_segment = second == 0;
        return RTD_OK;
    }
    if (is_type(p, "BertProcessing")) {
        f->cls = pair_id(list(p, "cls"), "[CLS]");
        f->sep = pair_id(list(p, "sep"), "[SEP]");
        if (f->cls >= 0 && f->sep >= 0)
            return RTD_OK;
    }
    return refuse(path, "post_processor", p, err);
}

/* What stands in the place of a rule, and is none. */
static int check_members(const struct rtd_json *root, const char *path, struct rtd_err *err)
{
    static const struct {
        const char *key;
        unsigned kind;
        bool of_model;
    } rules[] = {
        {"added_tokens", RTD_JSON_LIST, false},
        {"normalizer", RTD_JSON_OBJECT, false},
        {"pre_tokenizer", RTD_JSON_OBJECT, false},
        {"post_processor", RTD_JSON_OBJECT, false},
        {"model", RTD_JSON_OBJECT, false},
        {"type", RTD_JSON_TEXT, true},
        {"unk_token", RTD_JSON_TEXT, true},
        {"continuing_subword_prefix", RTD_JSON_TEXT, true},
        {"max_input_chars_per_word", RTD_JSON_NUMBER, true},
    };
    const struct rtd_json *model = object(root, "model"), *v;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rtd_json_member(rules[i].of_model ? model : root, rules[i].key, rules[i].kind, &v) ==
            RTD_JSON_WRONG)
            return rtd_fail(err, RTD_EDATA, "%s: %s: there twice, or of another kind", path,
                            rules[i].key);
    return RTD_OK;
}

int rtd_tok_json_read(struct rtd_tok_files *f, struct rtd_tok_case *c, const char *path,
                      struct rtd_err *err)
{
    struct rtd_json_doc d = {0};
    char *text = NULL;
    size_t len;
    bool bert = false;
    if (rtd_read_file(path, FILE_MAX, &text, &len, err))
        return err->status;
    int st = rtd_json_read(&d, text, len, path, 0, err);
    free(text);
    const struct rtd_json *normaliser = object(d.root, "normalizer");
    *c = (struct rtd_tok_case){.strip = -1};
    f->settings.chinese = false;
    f->settings.keep_controls = true;
    if (!st)
        st = read_model(f, object(d.root, "model"), path, err);
    if (!st)
        st = check_members(d.root, path, err);
    if (!st && normaliser)
        st = read_normaliser(f, c, normaliser, &bert, path, err);
    if (!st)
        st = read_split(&f->settings, object(d.root, "pre_tokenizer"), path, err);
    if (!st)
        st = read_processor(f, object(d.root, "post_processor"), path, err);
    if (!st)
        st = read_added(f, list(d.root, "added_tokens"), path, err);
    rtd_json_free(&d);
    return st;
}
