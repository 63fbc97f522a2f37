/* rtdtools - MIT licence
 *
 * Writing the files of a tokeniser, in the forms that Hugging Face reads. */
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "stream/special.h"
#include "text/tokenizer_files.h"

static int write_file(const char *dir, const char *file, const char *text, size_t len,
                      struct rtd_err *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    return rtd_write_file(path, text, len, err);
}

/* Takes the reference to root; NULL: there was no memory for it. */
static int write_json(const char *dir, const char *file, json_t *root, size_t flags,
                      struct rtd_err *err)
{
    char *text = root ? json_dumps(root, JSON_INDENT(2) | flags) : NULL;
    json_decref(root);
    if (!text)
        return rtd_fail(err, RTD_ESYS, "%s/%s: no memory", dir, file);
    size_t len = strlen(text);
    text[len] = '\n';
    int st = write_file(dir, file, text, len + 1, err);
    free(text);
    return st;
}

/* null: as lower_case, which is what it means. */
static json_t *strip_accents(const struct rtd_tok_settings *s)
{
    return s->strip_accents == s->lower_case ? json_null() : json_boolean(s->strip_accents);
}

/* Would Hugging Face's BertTokenizer and ElectraTokenizer, which make their rules themselves, do
 * the same? */
static bool is_bert(const struct rtd_tokenizer *t)
{
    const struct rtd_tok_settings *s = rtd_tokenizer_settings(t);
    size_t added;
    const struct rtd_added *a = rtd_tokenizer_added(t, &added);
    bool plain = added == RTD_SPECIALS;
    for (size_t i = 0; i < added; i++)
        plain = plain && a[i].special && !a[i].normalised && !a[i].single_word &&
                !a[i].strip_left && !a[i].strip_right;
    return plain && s->split == RTD_SPLIT_BERT && s->max_word == 100 && !s->keep_controls &&
           strcmp(s->prefix, "##") == 0;
}

/* --- tokenizer.json --- */

static json_t *vocabulary(const struct rtd_tokenizer *t)
{
    json_t *map = json_object();
    size_t len, at = 0;
    const char *text = rtd_tokenizer_vocab(t, &len), *nl;
    for (json_int_t id = 0; at < len && (nl = memchr(text + at, '\n', len - at)); id++) {
        if (json_object_setn_new(map, text + at, (size_t)(nl - text) - at, json_integer(id))) {
            json_decref(map);
            return NULL;
        }
        at = (size_t)(nl - text) + 1;
    }
    return map;
}

static json_t *added(const struct rtd_tokenizer *t)
{
    size_t n;
    const struct rtd_added *a = rtd_tokenizer_added(t, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id",
                                                  (int)a[i].id, "content", a[i].text, "single_word",
                                                  a[i].single_word, "lstrip", a[i].strip_left,
                                                  "rstrip", a[i].strip_right, "normalized",
                                                  a[i].normalised, "special", a[i].special))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *processor(const struct rtd_tokenizer *t)
{
    const struct rtd_special_ids *id = rtd_tokenizer_special(t);
    int second = !rtd_tokenizer_settings(t)->one_segment;
#define PART(kind, id, type) "{s:{s:s, s:i}}", kind, "id", id, "type_id", type
    json_t *cls = json_pack(PART("SpecialToken", "[CLS]", 0));
    json_t *a = json_pack(PART("Sequence", "A", 0)), *b = json_pack(PART("Sequence", "B", second));
    json_t *sep = json_pack(PART("SpecialToken", "[SEP]", 0));
    json_t *end = json_pack(PART("SpecialToken", "[SEP]", second));
#undef PART
    json_t *single = json_pack("[OOO]", cls, a, sep);
    json_t *pair = json_pack("[ooooo]", cls, a, sep, b, end);
    return json_pack("{s:s, s:o, s:o, s:{s:{s:s, s:[i], s:[s]}, s:{s:s, s:[i], s:[s]}}}", "type",
                     "TemplateProcessing", "single", single, "pair", pair, "special_tokens",
                     "[CLS]", "id", "[CLS]", "ids", (int)id->cls, "tokens", "[CLS]", "[SEP]", "id",
                     "[SEP]", "ids", (int)id->sep, "tokens", "[SEP]");
}

static json_t *tokenizer_json(const struct rtd_tokenizer *t)
{
    static const char *const splits[] = {[RTD_SPLIT_BERT] = "BertPreTokenizer",
                                         [RTD_SPLIT_RUNS] = "Whitespace",
                                         [RTD_SPLIT_BLANKS] = "WhitespaceSplit"};
    const struct rtd_tok_settings *s = rtd_tokenizer_settings(t);
    json_t *normaliser =
        json_pack("{s:s, s:b, s:b, s:o, s:b}", "type", "BertNormalizer", "clean_text",
                  !s->keep_controls, "handle_chinese_chars", s->chinese, "strip_accents",
                  strip_accents(s), "lowercase", s->lower_case);
    json_t *split =
        s->split == RTD_SPLIT_NEVER ? json_null() : json_pack("{s:s}", "type", splits[s->split]);
    json_t *model =
        json_pack("{s:s, s:s, s:s, s:I, s:o}", "type", "WordPiece", "unk_token", "[UNK]",
                  "continuing_subword_prefix", s->prefix, "max_input_chars_per_word",
                  (json_int_t)s->max_word, "vocab", vocabulary(t));
    return json_pack("{s:s, s:n, s:n, s:o, s:o, s:o, s:o, s:{s:s, s:s, s:b}, s:o}", "version",
                     "1.0", "truncation", "padding", "added_tokens", added(t), "normalizer",
                     normaliser, "pre_tokenizer", split, "post_processor", processor(t), "decoder",
                     "type", "WordPiece", "prefix", s->prefix, "cleanup", 1, "model", model);
}

/* --- the others --- */

static int set_specials(json_t *root)
{
    int bad = 0;
    for (int i = 0; i < RTD_SPECIALS; i++)
        bad |= json_object_set_new(root, rtd_special_piece[i].key,
                                   json_string(rtd_special_piece[i].text));
    return bad;
}

static json_t *config(const struct rtd_tokenizer *t, const char *model_type, int max_length)
{
    const struct rtd_tok_settings *s = rtd_tokenizer_settings(t);
    bool bert = is_bert(t);
    const char *class = !bert                             ? "PreTrainedTokenizerFast"
                        : strcmp(model_type, "bert") == 0 ? "BertTokenizer"
                                                          : "ElectraTokenizer";
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:s}", "tokenizer_class", class, "model_max_length", max_length,
                  "padding_side", "right", "truncation_side", s->cut_left ? "left" : "right");
    int bad = set_specials(root);
    if (bert) { /* of any other class tokenizer.json alone decides */
        bad |= json_object_set_new(root, "do_lower_case", json_boolean(s->lower_case));
        bad |= json_object_set_new(root, "tokenize_chinese_chars", json_boolean(s->chinese));
        bad |= json_object_set_new(root, "strip_accents", strip_accents(s));
    }
    if (!s->special_tokens)
        bad |= json_object_set_new(root, "split_special_tokens", json_true());
    if (s->one_segment)
        bad |= json_object_set_new(root, "model_input_names",
                                   json_pack("[s, s]", "input_ids", "attention_mask"));
    if (!bad)
        return root;
    json_decref(root);
    return NULL;
}

int rtd_tok_files_write(const char *dir, const struct rtd_tokenizer *t, const char *model_type,
                        int max_length, struct rtd_err *err)
{
    size_t len;
    const char *vocab = rtd_tokenizer_vocab(t, &len);
    json_t *specials = json_object();
    if (set_specials(specials)) {
        json_decref(specials);
        specials = NULL;
    }
    int st = write_json(dir, "special_tokens_map.json", specials, JSON_SORT_KEYS, err);
    if (!st)
        st = write_file(dir, "vocab.txt", vocab, len, err);
    if (!st)
        st = write_json(dir, "tokenizer.json", tokenizer_json(t), 0, err);
    if (!st)
        st = write_json(dir, "tokenizer_config.json", config(t, model_type, max_length),
                        JSON_SORT_KEYS, err);
    return st;
}
