/* rtdtools - MIT licence
 *
 * Reading the files of a tokeniser, and the tokenizer that they make. */
#include "text/tokenizer_files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/say.h"
#include "stream/special.h"
#include "text/tokenizer_files_internal.h"
#include "text/vocab.h"

enum { FILE_MAX = 64 << 20, ADDED_MAX = 10000 };

void rtd_tok_files_free(struct rtd_tok_files *f)
{
    for (size_t i = 0; i < f->nadded; i++)
        free((char *)f->added[i].text);
    free(f->added);
    free(f->vocab);
    free(f->name);
    *f = (struct rtd_tok_files){0};
}

int rtd_tok_files_add(struct rtd_tok_files *f, const struct rtd_added *a, struct rtd_err *err)
{
    size_t i = 0;
    while (i < f->nadded && strcmp(f->added[i].text, a->text) != 0)
        i++;
    if (i == ADDED_MAX)
        return rtd_fail(err, RTD_EDATA, "over %d added tokens", ADDED_MAX);
    if (i == f->nadded) {
        struct rtd_added *more = realloc(f->added, (i + 1) * sizeof *more);
        char *text = strdup(a->text);
        f->added = more ? more : f->added;
        if (!more || !text) {
            free(text);
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        }
        f->added[f->nadded++] = (struct rtd_added){.text = text, .id = -1};
    }
    const char *text = f->added[i].text;
    int32_t id = f->added[i].id;
    f->added[i] = *a;
    f->added[i].text = text;
    f->added[i].id = a->id < 0 ? id : a->id;
    return RTD_OK;
}

/* --- members --- */

int rtd_tok_flag(const struct rtd_json *o, const char *key, bool *out, const char *name,
                 struct rtd_err *err)
{
    const struct rtd_json *v;
    switch (rtd_json_member(o, key, RTD_JSON_BOOL, &v)) {
    case RTD_JSON_WRONG:
        return rtd_fail(err, RTD_EDATA, "%s: %s: want true or false", name, key);
    case RTD_JSON_PRESENT:
        *out = v->kind == RTD_JSON_TRUE;
        return RTD_OK;
    default:
        return RTD_OK;
    }
}

const char *rtd_tok_text(const struct rtd_json *o, const char *key)
{
    const struct rtd_json *v;
    rtd_json_member(o, key, RTD_JSON_TEXT, &v);
    return v ? v->text : NULL;
}

int rtd_tok_added_read(struct rtd_added *a, const struct rtd_json *o, const char *name,
                       struct rtd_err *err)
{
    const char *text = rtd_tok_text(o, "content");
    *a = (struct rtd_added){.text = text, .id = -1};
    if (!text)
        return rtd_fail(err, RTD_EDATA, "%s: an added token without its content", name);
    if (rtd_tok_flag(o, "special", &a->special, name, err))
        return err->status;
    a->normalised = !a->special;
    rtd_tok_flag(o, "normalized", &a->normalised, name, err);
    rtd_tok_flag(o, "single_word", &a->single_word, name, err);
    rtd_tok_flag(o, "lstrip", &a->strip_left, name, err);
    rtd_tok_flag(o, "rstrip", &a->strip_right, name, err);
    return err->status;
}

/* --- special pieces, as several files name them --- */

/* "[SEP]", or an object with its flags. */
static int add_special(struct rtd_tok_files *f, const struct rtd_json *v, const char *name,
                       struct rtd_err *err)
{
    struct rtd_added a = {.id = -1};
    const struct rtd_json *said;
    if (v->kind == RTD_JSON_TEXT)
        a.text = v->text;
    else if (v->kind != RTD_JSON_OBJECT)
        return RTD_OK;
    else if (rtd_tok_added_read(&a, v, name, err))
        return err->status;
    if (!rtd_json_member(v, "normalized", RTD_JSON_BOOL, &said))
        a.normalised = false;
    for (size_t i = 0; i < f->nadded && v->kind == RTD_JSON_TEXT; i++)
        if (strcmp(f->added[i].text, a.text) == 0) { /* known with its flags */
            f->added[i].special = true;
            return RTD_OK;
        }
    a.special = true;
    return rtd_tok_files_add(f, &a, err);
}

/* Of tokenizer_config.json or special_tokens_map.json. */
static int read_specials(struct rtd_tok_files *f, const struct rtd_json *root, const char *name,
                         struct rtd_err *err)
{
    static const char *const more[] = {"additional_special_tokens", "extra_special_tokens"};
    const unsigned kinds = RTD_JSON_TEXT | RTD_JSON_OBJECT | RTD_JSON_LIST;
    const struct rtd_json *v;
    char shown[48];
    for (int i = 0; i < RTD_SPECIALS; i++) {
        const char *key = rtd_special_piece[i].key, *text = NULL;
        if (rtd_json_member(root, key, kinds, &v) != RTD_JSON_PRESENT)
            continue;
        text = v->kind == RTD_JSON_TEXT ? v->text : rtd_tok_text(v, "content");
        if (text && i != RTD_PAD && i != RTD_MASK && strcmp(text, rtd_special_piece[i].text) != 0)
            return rtd_fail(err, RTD_EDATA, "%s: %s %s is not supported, %s is", name, key,
                            rtd_mask_text(shown, sizeof shown, text, strlen(text)),
                            rtd_special_piece[i].text);
        if (add_special(f, v, name, err))
            return err->status;
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        rtd_json_member(root, more[i], kinds, &v);
        struct rtd_json_walk w = rtd_json_walk(v);
        while (rtd_json_step(&w))
            if (add_special(f, w.value, name, err))
                return err->status;
    }
    return RTD_OK;
}

/* {"281": {"content": ...}} */
static int read_decoder(struct rtd_tok_files *f, const struct rtd_json *decoder, const char *name,
                        struct rtd_err *err)
{
    struct rtd_json_walk w = rtd_json_walk(decoder);
    while (rtd_json_step(&w)) {
        struct rtd_added a;
        char *end;
        long id = strtol(w.key->text, &end, 10);
        if (end == w.key->text || *end || id < 0 || id > INT32_MAX)
            return rtd_fail(err, RTD_EDATA, "%s: added_tokens_decoder: an id that is none", name);
        if (rtd_tok_added_read(&a, w.value, name, err))
            return err->status;
        a.id = (int32_t)id;
        if (rtd_tok_files_add(f, &a, err))
            return err->status;
    }
    return RTD_OK;
}

/* added_tokens.json: {"<ent>": 281} */
static int read_added(struct rtd_tok_files *f, const struct rtd_json *root, const char *name,
                      struct rtd_err *err)
{
    struct rtd_json_walk w = rtd_json_walk(root);
    while (rtd_json_step(&w)) {
        struct rtd_added a = {.text = w.key->text, .normalised = true};
        int64_t id;
        bool known = false;
        if (!rtd_json_whole(w.value, &id) || id < 0 || id > INT32_MAX)
            return rtd_fail(err, RTD_EDATA, "%s: an id that is none", name);
        for (size_t i = 0; i < f->nadded; i++)
            known = known || strcmp(f->added[i].text, a.text) == 0;
        a.id = (int32_t)id;
        if (!known && rtd_tok_files_add(f, &a, err))
            return err->status;
    }
    return RTD_OK;
}

/* --- tokenizer_config.json --- */

static bool is_class(const char *name, const char *const *list)
{
    size_t n = name ? strlen(name) : 0;
    if (n > 4 && strcmp(name + n - 4, "Fast") == 0)
        n -= 4;
    for (; name && *list; list++)
        if (strlen(*list) == n && strncmp(name, *list, n) == 0)
            return true;
    return false;
}

static bool is_bert(const char *name)
{
    static const char *const list[] = {"BertTokenizer", "ElectraTokenizer", NULL};
    return !name || is_class(name, list);
}

/* What a class does beside what its files say. */
static int read_class(struct rtd_tok_files *f, struct rtd_tok_case *c, const struct rtd_json *root,
                      bool json, const char *name, struct rtd_err *err)
{
    static const char *const alike[] = {
        "ConvBertTokenizer",    "DistilBertTokenizer", "MobileBertTokenizer", "RetriBertTokenizer",
        "SqueezeBertTokenizer", "PreTrainedTokenizer", "TokenizersBackend",   NULL};
    static const char *const japanese[] = {"BertJapaneseTokenizer", NULL};
    const char *class = rtd_tok_text(root, "tokenizer_class");
    const char *word = rtd_tok_text(root, "word_tokenizer_type");
    const char *piece = rtd_tok_text(root, "subword_tokenizer_type");
    char shown[48];
    if (word && strcmp(word, "basic") != 0)
        return rtd_fail(err, RTD_EDATA, "%s: word_tokenizer_type: %s%s is not supported", name,
                        rtd_mask_text(shown, sizeof shown, word, strlen(word)),
                        strcmp(word, "mecab") == 0 ? " (MeCab)" : "");
    if (piece && strcmp(piece, "wordpiece") != 0)
        return rtd_fail(err, RTD_EDATA, "%s: subword_tokenizer_type: %s is not supported", name,
                        rtd_mask_text(shown, sizeof shown, piece, strlen(piece)));
    if (is_class(class, japanese)) {
        c->lower = f->settings.chinese = false;
        return RTD_OK;
    }
    if (json || is_bert(class) || is_class(class, alike))
        return RTD_OK;
    return rtd_fail(err, RTD_EDATA, "%s: tokenizer_class: %s is not supported", name,
                    rtd_mask_text(shown, sizeof shown, class, strlen(class)));
}

static int read_case(struct rtd_tok_files *f, struct rtd_tok_case *c, const struct rtd_json *root,
                     const char *name, struct rtd_err *err)
{
    const struct rtd_json *v;
    bool strip = false;
    if (rtd_tok_flag(root, "do_lower_case", &c->lower, name, err) ||
        rtd_tok_flag(root, "strip_accents", &strip, name, err))
        return err->status;
    if (rtd_json_member(root, "strip_accents", RTD_JSON_BOOL | RTD_JSON_NULL, &v))
        c->strip = v->kind == RTD_JSON_NULL ? -1 : strip;
    return rtd_tok_flag(root, "tokenize_chinese_chars", &f->settings.chinese, name, err);
}

/* Without tokenizer.json the keys of its rules are read here. */
static int read_rules(struct rtd_tok_files *f, const struct rtd_json *root, const char *name,
                      struct rtd_err *err)
{
    const struct rtd_json *v;
    bool basic = true;
    int64_t most;
    if (rtd_tok_flag(root, "do_basic_tokenize", &basic, name, err))
        return err->status;
    if (!basic)
        return rtd_fail(err, RTD_EDATA, "%s: do_basic_tokenize false is not supported", name);
    if (rtd_json_member(root, "max_input_chars_per_word", RTD_JSON_NUMBER, &v) &&
        rtd_json_whole(v, &most) && most >= 1 && most <= 1 << 20)
        f->settings.max_word = (uint32_t)most;
    return RTD_OK;
}

/* What is no text's affair but a sequence's. */
static int read_sequence(struct rtd_tok_files *f, const struct rtd_json *root, const char *name,
                         struct rtd_err *err)
{
    const char *side = rtd_tok_text(root, "truncation_side");
    const struct rtd_json *inputs, *most;
    double n;
    bool as_text = !f->settings.special_tokens;
    if (rtd_tok_flag(root, "split_special_tokens", &as_text, name, err))
        return err->status;
    f->settings.special_tokens = !as_text;
    f->settings.cut_left = side && strcmp(side, "left") == 0;
    if (rtd_json_member(root, "model_input_names", RTD_JSON_LIST, &inputs) == RTD_JSON_PRESENT) {
        struct rtd_json_walk w = rtd_json_walk(inputs);
        bool types = false;
        while (rtd_json_step(&w))
            types = types || (w.value->kind == RTD_JSON_TEXT &&
                              strcmp(w.value->text, "token_type_ids") == 0);
        f->settings.one_segment = f->settings.one_segment || !types;
    }
    rtd_json_member(root, "model_max_length", RTD_JSON_NUMBER, &most);
    if (rtd_json_real(most, &n) && n >= 1)
        f->max_length = n < INT_MAX ? (int)n : INT_MAX; /* 1e30 is "no limit" */
    return RTD_OK;
}

static int read_config(struct rtd_tok_files *f, struct rtd_tok_case *c, const struct rtd_json *root,
                       bool json, const char *name, struct rtd_err *err)
{
    const struct rtd_json *decoder;
    if (read_class(f, c, root, json, name, err))
        return err->status;
    if ((!json || is_bert(rtd_tok_text(root, "tokenizer_class"))) &&
        read_case(f, c, root, name, err))
        return err->status;
    if (!json && read_rules(f, root, name, err))
        return err->status;
    rtd_json_member(root, "added_tokens_decoder", RTD_JSON_OBJECT, &decoder);
    if (read_sequence(f, root, name, err) || read_decoder(f, decoder, name, err))
        return err->status;
    return read_specials(f, root, name, err);
}

/* --- a directory's files --- */

static int join(char path[PATH_MAX], const char *dir, const char *file, struct rtd_err *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    return RTD_OK;
}

static bool holds(const char *dir, const char *file)
{
    char path[PATH_MAX];
    struct rtd_err none = {0};
    return !join(path, dir, file, &none) && rtd_exists(path);
}

/* d->root is NULL where there is no such file. */
static int read_object(struct rtd_json_doc *d, char path[PATH_MAX], const char *dir,
                       const char *file, struct rtd_err *err)
{
    char *text;
    size_t len;
    d->root = NULL;
    if (join(path, dir, file, err) || !rtd_exists(path) ||
        rtd_read_file(path, FILE_MAX, &text, &len, err))
        return err->status;
    int st = rtd_json_read(d, text, len, path, 0, err);
    free(text);
    if (!st && d->root->kind != RTD_JSON_OBJECT)
        st = rtd_fail(err, RTD_EDATA, "%s: not a JSON object", path);
    return st;
}

/* The files that only others write. */
static int read_others(struct rtd_tok_files *f, struct rtd_tok_case *c, const char *dir,
                       struct rtd_err *err)
{
    struct rtd_json_doc d = {0};
    char path[PATH_MAX];
    if (!read_object(&d, path, dir, "special_tokens_map.json", err) && d.root)
        read_specials(f, d.root, path, err);
    if (!err->status && !read_object(&d, path, dir, "added_tokens.json", err) && d.root)
        read_added(f, d.root, path, err);
    if (!err->status && !read_object(&d, path, dir, "sentence_bert_config.json", err) && d.root) {
        bool lower = false;
        rtd_tok_flag(d.root, "do_lower_case", &lower, path, err);
        c->lower_first = c->lower_first || lower;
    }
    rtd_json_free(&d);
    return err->status;
}

int rtd_tok_files_read(struct rtd_tok_files *f, const char *dir, const char *vocab, bool sealed,
                       struct rtd_err *err)
{
    struct rtd_json_doc config = {0};
    struct rtd_tok_case c = {.lower = true, .strip = -1};
    char path[PATH_MAX], file[PATH_MAX];
    *f = (struct rtd_tok_files){.cls = -1, .sep = -1};
    rtd_tok_settings_default(&f->settings, false);
    f->settings.special_tokens = true;
    int st = read_object(&config, path, dir, "tokenizer_config.json", err);
    bool plain = vocab || holds(dir, "vocab.txt"), json = !vocab && holds(dir, "tokenizer.json");
    if (sealed && plain && is_bert(rtd_tok_text(config.root, "tokenizer_class")))
        json = false;
    if (!st && (json || plain)) {
        st = join(file, dir, json ? "tokenizer.json" : "vocab.txt", err);
        if (!st && !(f->name = strdup(vocab ? vocab : file)))
            st = rtd_fail(err, RTD_ESYS, "not enough memory");
        if (!st)
            st = json ? rtd_tok_json_read(f, &c, f->name, err)
                      : rtd_read_file(f->name, RTD_VOCAB_MAX, &f->vocab, &f->len, err);
    }
    if (!st && config.root)
        st = read_config(f, &c, config.root, json, path, err);
    if (!st && !sealed)
        st = read_others(f, &c, dir, err);
    f->settings.lower_case = c.lower || c.lower_first;
    f->settings.strip_accents = c.strip < 0 ? c.lower : c.strip;
    rtd_json_free(&config);
    if (st)
        rtd_tok_files_free(f);
    return st;
}

/* --- the tokenizer --- */

/* An added piece without an id has the vocabulary's, else the next one. */
static int add_all(struct rtd_tokenizer *t, const struct rtd_tok_files *f, int vocab_size,
                   struct rtd_err *err)
{
    struct rtd_added *list = malloc((f->nadded + 1) * sizeof *list);
    int next = (int)rtd_tokenizer_size(t);
    size_t n = 0;
    if (!list)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < f->nadded; i++) /* one beyond the table is refused, or does not count */
        if (f->added[i].id >= next && f->added[i].id < vocab_size)
            next = f->added[i].id + 1;
    for (size_t i = 0; i < f->nadded && !err->status; i++) {
        const struct rtd_added *a = &f->added[i];
        char shown[64];
        int32_t known = rtd_tokenizer_id(t, a->text), id = known < 0 ? a->id : known;
        rtd_mask_text(shown, sizeof shown, a->text, strlen(a->text));
        if (known >= 0 && a->id >= 0 && a->id != known)
            rtd_warn("%s: added token '%s' has id %d, the vocabulary says %d, which counts",
                     f->name, shown, a->id, known);
        if (id >= vocab_size)
            rtd_fail(err, RTD_EDATA,
                     "%s: added token '%s' has id %d, config.json says vocab_size %d", f->name,
                     shown, id, vocab_size);
        else if (id < 0 && next >= vocab_size)
            rtd_warn("%s: special token '%s' has no row in the table: it is text", f->name, shown);
        else {
            list[n] = *a;
            list[n++].id = id < 0 ? next++ : id;
        }
    }
    if (!err->status)
        rtd_tokenizer_add(t, list, n, err);
    free(list);
    return err->status;
}

int rtd_tok_files_open(struct rtd_tokenizer **t, const struct rtd_tok_files *f, int vocab_size,
                       struct rtd_err *err)
{
    *t = NULL;
    if (!f->vocab || rtd_tokenizer_new(t, f->vocab, f->len, f->name, &f->settings, err))
        return err->status;
    const struct rtd_special_ids *id = rtd_tokenizer_special(*t);
    if (rtd_tokenizer_size(*t) > (uint32_t)vocab_size)
        rtd_fail(err, RTD_EDATA, "%s: holds %u pieces, config.json says vocab_size %d", f->name,
                 rtd_tokenizer_size(*t), vocab_size);
    else if ((f->cls >= 0 && f->cls != id->cls) || (f->sep >= 0 && f->sep != id->sep))
        rtd_fail(err, RTD_EDATA, "%s: post_processor: its [CLS] and [SEP] are not the vocabulary's",
                 f->name);
    else
        add_all(*t, f, vocab_size, err);
    if (err->status) {
        rtd_tokenizer_free(*t);
        *t = NULL;
    }
    return err->status;
}
