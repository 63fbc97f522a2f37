/* rtdtools - MIT licence */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/say.h"
#include "stream/special.h"
#include "text/tokenizer_internal.h"
#include "text/words.h"

void rtd_tok_settings_default(struct rtd_tok_settings *s, bool cased)
{
    *s = (struct rtd_tok_settings){.lower_case = !cased,
                                   .strip_accents = !cased,
                                   .chinese = true,
                                   .max_word = 100,
                                   .prefix = "##"};
}

static int find_special(struct rtd_tokenizer *t, const char *name, struct rtd_err *err)
{
    int32_t *id[RTD_SPECIALS] = {&t->special.pad, &t->special.unk, &t->special.cls, &t->special.sep,
                                 &t->special.mask};
    struct rtd_added added[RTD_SPECIALS];
    for (int i = 0; i < RTD_SPECIALS; i++) {
        const char *piece = rtd_special_piece[i].text;
        if ((*id[i] = rtd_tokenizer_id(t, piece)) < 0)
            return rtd_fail(err, RTD_EDATA, "%s: not a vocabulary: no piece %s", name, piece);
        added[i] = (struct rtd_added){.text = piece, .id = *id[i], .special = true};
    }
    return rtd_tokenizer_add(t, added, RTD_SPECIALS, err);
}

int rtd_tokenizer_new(struct rtd_tokenizer **out, const char *vocab, size_t len, const char *name,
                      const struct rtd_tok_settings *s, struct rtd_err *err)
{
    struct rtd_tokenizer *t = calloc(1, sizeof *t);

    *out = NULL;
    if (!t)
        return rtd_fail_sys(err, "%s", name);
    t->set = *s;
    if (!rtd_vocab_init(&t->vocab, vocab, len, name, err))
        t->ids = (int32_t)t->vocab.n;
    if (t->vocab.twice)
        rtd_warn("%s: pieces that stand there more than once: %u; the last id of each counts", name,
                 t->vocab.twice);
    if (err->status || find_special(t, name, err) || rtd_charmap_new(&t->map, s, err)) {
        rtd_tokenizer_free(t);
        return err->status;
    }
    t->inner = RTD_TRIE_ROOT;
    for (const char *p = s->prefix; *p && t->inner != RTD_TRIE_NONE; p++)
        t->inner = rtd_trie_step(&t->vocab.trie, t->inner, (unsigned char)*p);
    t->identity =
        (rtd_hash64(t->vocab.text, t->vocab.len) * 31 + rtd_hash64(s->prefix, strlen(s->prefix))) *
            31 +
        s->max_word + 1;
    *out = t;
    return RTD_OK;
}

int rtd_tokenizer_load(struct rtd_tokenizer **t, const char *path, const struct rtd_tok_settings *s,
                       struct rtd_err *err)
{
    char *text = NULL;
    size_t len;

    *t = NULL;
    if (rtd_read_file(path, RTD_VOCAB_MAX, &text, &len, err))
        return err->status;
    rtd_tokenizer_new(t, text, len, path, s, err);
    free(text);
    return err->status;
}

void rtd_tokenizer_free(struct rtd_tokenizer *t)
{
    if (!t)
        return;
    rtd_vocab_fini(&t->vocab);
    rtd_charmap_free(t->map);
    rtd_charmap_free(t->normalise);
    rtd_charmap_free(t->split);
    rtd_added_set_fini(&t->in_text);
    rtd_added_set_fini(&t->in_normalised);
    for (size_t i = 0; i < t->nadded; i++)
        free((char *)t->added[i].text);
    free(t->added);
    free(t);
}

const struct rtd_special_ids *rtd_tokenizer_special(const struct rtd_tokenizer *t)
{
    return &t->special;
}

uint32_t rtd_tokenizer_size(const struct rtd_tokenizer *t)
{
    return (uint32_t)t->ids;
}

const struct rtd_tok_settings *rtd_tokenizer_settings(const struct rtd_tokenizer *t)
{
    return &t->set;
}

const char *rtd_tokenizer_piece(const struct rtd_tokenizer *t, int32_t id)
{
    const char *piece = rtd_vocab_piece(&t->vocab, id);
    if (id < 0 || id >= t->ids || (piece && *piece))
        return piece;
    for (size_t i = 0; i < t->nadded; i++)
        if (t->added[i].id == id)
            return t->added[i].text;
    return rtd_special_piece[RTD_UNK].text;
}

const char *rtd_tokenizer_inside(const struct rtd_tokenizer *t, const char *piece)
{
    size_t n = strlen(t->set.prefix);
    return n && !strncmp(piece, t->set.prefix, n) && piece[n] ? piece + n : NULL;
}

int32_t rtd_tokenizer_id(const struct rtd_tokenizer *t, const char *piece)
{
    return rtd_vocab_id(&t->vocab, piece, strlen(piece));
}

const char *rtd_tokenizer_vocab(const struct rtd_tokenizer *t, size_t *len)
{
    if (len)
        *len = t->vocab.len;
    return t->vocab.text;
}

/* --- added pieces --------------------------------------------------------------------------- */

/* What stands for each in the text as it is, or else in normalised text; "": nothing. */
static int look_for(struct rtd_tokenizer *t, char **in_text, char **in_normalised,
                    struct rtd_err *err)
{
    struct rtd_words w = {0};
    for (size_t i = 0; i < t->nadded && !err->status; i++) {
        const struct rtd_added *a = &t->added[i];
        size_t pos = 0;
        if (a->normalised && rtd_words_next(t->normalise, &w, a->text, strlen(a->text), &pos, err))
            break;
        in_text[i] = strdup(a->normalised ? "" : a->text);
        in_normalised[i] = a->normalised && w.n ? strndup(w.bytes, w.word[0].len) : strdup("");
        if (!in_text[i] || !in_normalised[i])
            rtd_fail_sys(err, "added pieces");
    }
    rtd_words_free(&w);
    return err->status;
}

static int make_sets(struct rtd_tokenizer *t, struct rtd_err *err)
{
    char **look = calloc(2 * t->nadded + 1, sizeof *look);
    bool normalised = false;

    rtd_added_set_fini(&t->in_text);
    rtd_added_set_fini(&t->in_normalised);
    for (size_t i = 0; i < t->nadded; i++)
        normalised = normalised || t->added[i].normalised;
    if (!look)
        rtd_fail_sys(err, "added pieces");
    if (normalised && !t->normalise && !err->status) {
        struct rtd_tok_settings whole = t->set,
                                split = {.keep_controls = true, .split = t->set.split};
        whole.split = RTD_SPLIT_NEVER;
        if (!rtd_charmap_new(&t->normalise, &whole, err))
            rtd_charmap_new(&t->split, &split, err);
    }
    if (!err->status && !look_for(t, look, look + t->nadded, err) &&
        !rtd_added_set_init(&t->in_text, t->added, look, t->nadded, err))
        rtd_added_set_init(&t->in_normalised, t->added, look + t->nadded, t->nadded, err);
    for (size_t i = 0; look && i < 2 * t->nadded; i++)
        free(look[i]);
    free(look);
    return err->status;
}

static int add(struct rtd_tokenizer *t, const struct rtd_added *a, struct rtd_err *err)
{
    int32_t known = rtd_tokenizer_id(t, a->text);
    size_t i = 0;
    while (i < t->nadded && strcmp(t->added[i].text, a->text))
        i++;
    if (i == t->nadded) {
        char *text = strdup(a->text);
        struct rtd_added *more = realloc(t->added, (i + 1) * sizeof *more);
        t->added = more ? more : t->added;
        if (!text || !more) {
            free(text);
            return rtd_fail_sys(err, "added pieces");
        }
        t->added[t->nadded++].text = text;
    }
    const char *own = t->added[i].text;
    t->added[i] = *a;
    t->added[i].text = own;
    t->added[i].id = known < 0 ? a->id : known;
    t->ids = t->added[i].id >= t->ids ? t->added[i].id + 1 : t->ids;
    return RTD_OK;
}

int rtd_tokenizer_add(struct rtd_tokenizer *t, const struct rtd_added *list, size_t n,
                      struct rtd_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].text[0] && add(t, &list[i], err))
            return err->status;
    return make_sets(t, err);
}

const struct rtd_added *rtd_tokenizer_added(const struct rtd_tokenizer *t, size_t *n)
{
    *n = t->nadded;
    return t->added;
}
