/* rtdtools - MIT licence */
#include "import/vocabulary.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "model/directory.h"

enum { FILE_MAX = 256 << 20, PIECES_MAX = 1 << 24 };

void rtd_vocabulary_free(struct rtd_vocabulary *v)
{
    free(v->text);
    free(v->name);
    *v = (struct rtd_vocabulary){0};
}

/* {piece: id} to lines in the order of the ids, which must be 0, 1, 2, ... */
static int pieces_to_text(struct rtd_vocabulary *v, const json_t *map, const char *path,
                          struct rtd_err *err)
{
    size_t n = json_object_size(map), size = 0;
    const char *key, **piece = calloc(n + 1, sizeof *piece);
    json_t *id;
    bool ok = piece && n && n <= PIECES_MAX;
    json_object_foreach((json_t *)map, key, id)
    {
        json_int_t i = json_integer_value(id);
        ok =
            ok && json_is_integer(id) && i >= 0 && (size_t)i < n && !piece[i] && !strchr(key, '\n');
        if (ok)
            piece[i] = key;
        size += strlen(key) + 1;
    }
    v->text = ok ? malloc(size + 1) : NULL;
    char *at = v->text;
    for (size_t i = 0; at && i < n; i++) {
        at = stpcpy(at, piece[i]);
        *at++ = '\n';
    }
    v->len = size;
    free(piece);
    return v->text ? RTD_OK
                   : rtd_fail(err, RTD_EDATA, "%s: model.vocab: no ids 0, 1, 2, ...", path);
}

/* tokenizer.json's normaliser and pre-tokeniser, as far as BERT's have settings. */
static void read_normaliser(struct rtd_tok_settings *s, const json_t *n)
{
    const json_t *accents = json_object_get(n, "strip_accents");
    const json_t *lower = json_object_get(n, "lowercase");
    const json_t *chinese = json_object_get(n, "handle_chinese_chars");
    if (json_is_boolean(lower))
        s->lower_case = json_is_true(lower);
    s->strip_accents = json_is_boolean(accents) ? json_is_true(accents) : s->lower_case;
    if (json_is_boolean(chinese))
        s->chinese = json_is_true(chinese);
}

static int read_tokenizer_json(struct rtd_vocabulary *v, const char *path, bool settings,
                               struct rtd_err *err)
{
    char *text, shown[40];
    size_t len;
    if (rtd_read_file(path, FILE_MAX, &text, &len, err))
        return err->status;
    json_t *root = json_loadb(text, len, 0, NULL);
    free(text);
    const json_t *model = json_object_get(root, "model");
    const json_t *normaliser = json_object_get(root, "normalizer");
    const char *type = json_string_value(json_object_get(model, "type"));
    const char *kind = json_string_value(json_object_get(normaliser, "type"));
    int st = RTD_OK;
    if (!root || !model)
        st = rtd_fail(err, RTD_EDATA, "%s: not a tokenizer.json", path);
    else if (!type || strcmp(type, "WordPiece") != 0)
        st = rtd_fail(err, RTD_EDATA, "%s: a tokenizer of type %s, not WordPiece", path,
                      type ? rtd_mask_text(shown, sizeof shown, type, strlen(type)) : "unknown");
    else if (kind && strcmp(kind, "BertNormalizer") != 0)
        st = rtd_fail(err, RTD_EDATA, "%s: a normalizer of type %s, not BertNormalizer", path,
                      rtd_mask_text(shown, sizeof shown, kind, strlen(kind)));
    else
        st = pieces_to_text(v, json_object_get(model, "vocab"), path, err);
    if (!st && settings)
        read_normaliser(&v->settings, normaliser);
    json_decref(root);
    return st;
}

static int join(char path[PATH_MAX], const char *dir, const char *name, struct rtd_err *err)
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX
               ? RTD_OK
               : rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
}

int rtd_vocabulary_find(struct rtd_vocabulary *v, const char *dir, const char *file,
                        struct rtd_err *err)
{
    char path[PATH_MAX];
    int unused;
    *v = (struct rtd_vocabulary){0};
    if (join(path, dir, "tokenizer_config.json", err))
        return err->status;
    bool config = rtd_exists(path);
    int st = rtd_tok_settings_load(&v->settings, &unused, dir, err);
    if (!st)
        st = join(path, dir, "vocab.txt", err);
    bool plain = !st && (file || rtd_exists(path));
    if (!st && !plain)
        st = join(path, dir, "tokenizer.json", err);
    if (st || (!plain && !rtd_exists(path)))
        return st;
    v->name = strdup(file ? file : path);
    if (!v->name)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    return plain ? rtd_read_file(v->name, FILE_MAX, &v->text, &v->len, err)
                 : read_tokenizer_json(v, v->name, !config, err);
}

int rtd_vocabulary_check(const struct rtd_vocabulary *v, int size, struct rtd_err *err)
{
    struct rtd_tokenizer *tok;
    if (!v->text)
        return RTD_OK;
    int st = rtd_tokenizer_new(&tok, v->text, v->len, v->name, &v->settings, err);
    if (st)
        return st;
    if (rtd_tokenizer_size(tok) > (uint32_t)size)
        st = rtd_fail(err, RTD_EDATA, "%s: holds %u pieces, the model has %d", v->name,
                      rtd_tokenizer_size(tok), size);
    rtd_tokenizer_free(tok);
    return st;
}
