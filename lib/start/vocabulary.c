/* rtdtools - MIT licence
 *
 * The stream's vocabulary beside the one that a run goes on from. */
#include <stdlib.h>
#include <string.h>

#include "start/start.h"
#include "stream/special.h"
#include "text/vocab.h"

static const char *yes_no(bool on)
{
    return on ? "true" : "false";
}

/* A stream is made with BERT's rules; what it says of them must be the directory's. */
static int check_settings(const struct rtd_start *s, const struct rtd_tokeniser *k,
                          const char *name, struct rtd_err *err)
{
    const struct rtd_tok_settings *t = rtd_tokenizer_settings(s->from.tok);
    const struct {
        const char *key;
        bool stream, dir;
    } flags[] = {
        {"lower_case", k->lower_case, t->lower_case},
        {"strip_accents", k->strip_accents, t->strip_accents},
        {"chinese", k->chinese, t->chinese},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (flags[i].stream != flags[i].dir)
            return rtd_fail(err, RTD_EDATA, "%s: tokeniser setting %s is %s, but %s in %s", name,
                            flags[i].key, yes_no(flags[i].stream), yes_no(flags[i].dir),
                            s->from.path);
    if (k->max_word != t->max_word)
        return rtd_fail(err, RTD_EDATA, "%s: tokeniser setting max_word is %u, but %u in %s", name,
                        k->max_word, t->max_word, s->from.path);
    const char *other = t->split != RTD_SPLIT_BERT     ? "where words end"
                        : t->keep_controls             ? "that text is not cleaned"
                        : strcmp(t->prefix, "##") != 0 ? "the prefix of pieces inside a word"
                                                       : NULL;
    return other ? rtd_fail(err, RTD_EDATA,
                            "%s: %s: no stream is made with this rule of its tokenizer",
                            s->from.path, other)
                 : RTD_OK;
}

/* The piece of an id; NULL where there is none, behind the last or on an empty line. */
static const char *piece_of(const struct rtd_tokenizer *t, int32_t id)
{
    const char *piece = rtd_tokenizer_piece(t, id);
    bool unknown = piece && strcmp(piece, rtd_special_piece[RTD_UNK].text) == 0;
    return unknown && rtd_tokenizer_special(t)->unk != id ? NULL : piece;
}

static int add_fresh(struct rtd_start *s, int32_t id, const char *piece, size_t *used,
                     struct rtd_err *err)
{
    const struct rtd_tokenizer *old = s->from.tok;
    const char *inside = rtd_tokenizer_inside(old, piece), *word = inside ? inside : piece;
    size_t len = strlen(word);
    struct rtd_new_piece *fresh = realloc(s->fresh, (s->nfresh + 1) * sizeof *fresh);
    if (!fresh)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    s->fresh = fresh;
    int32_t *spelt = realloc(s->spelt, (*used + len + 1) * sizeof *spelt);
    if (!spelt)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    s->spelt = spelt;
    size_t n = rtd_tokenizer_spell(old, word, (uint32_t)len, inside != NULL, spelt + *used);
    if (!n)
        spelt[*used + n++] = rtd_tokenizer_special(old)->unk;
    fresh[s->nfresh++] =
        (struct rtd_new_piece){.id = id, .from = (uint32_t)*used, .n = (uint32_t)n};
    *used += n;
    return RTD_OK;
}

static const char *show(char *buf, size_t size, const char *piece)
{
    return piece ? rtd_mask_text(buf, size, piece, strlen(piece)) : "no piece";
}

/* Every old piece in its place, but for unused ones; the others are new. */
static int compare(struct rtd_start *s, const char *name, struct rtd_err *err)
{
    const struct rtd_tokenizer *old = s->from.tok, *now = s->tok;
    int32_t before = (int32_t)rtd_tokenizer_size(old), n = (int32_t)rtd_tokenizer_size(now);
    size_t used = 0;
    for (int32_t id = 0; id < n || id < before; id++) {
        const char *was = piece_of(old, id), *is = piece_of(now, id);
        int32_t then = was ? rtd_tokenizer_id(old, was) : -1; /* -1: added, in no stream */
        int32_t today = was ? rtd_tokenizer_id(now, was) : -1;
        bool same = was && is && strcmp(was, is) == 0;
        bool kept = then < 0 ? today == id || (today < 0 && !is) : today == then;
        if (was && !kept && !(is && !same && rtd_vocab_unused(was))) {
            char a[64], b[64];
            int32_t at = today < 0 ? id : today;
            return rtd_fail(err, RTD_EDATA,
                            "%s: its vocabulary does not continue the one of %s: id %d is %s, "
                            "there %s",
                            name, s->from.path, at, show(a, sizeof a, piece_of(now, at)),
                            show(b, sizeof b, piece_of(old, at)));
        }
        if (is && !same && add_fresh(s, id, is, &used, err))
            return err->status;
    }
    return RTD_OK;
}

int rtd_start_meet(struct rtd_start *s, const struct rtd_header *h, const char *name,
                   struct rtd_err *err)
{
    const struct rtd_tokeniser *k = &h->tok;
    size_t n;
    const struct rtd_added *added = rtd_tokenizer_added(s->from.tok, &n);
    if (check_settings(s, k, name, err) ||
        rtd_tokenizer_new(&s->tok, k->vocab, k->vocab_len, name,
                          rtd_tokenizer_settings(s->from.tok), err) ||
        compare(s, name, err) || rtd_tokenizer_add(s->tok, added, n, err))
        return err->status;
    int rows = (int)rtd_tokenizer_size(s->tok);
    s->rows = rows > s->from.config.vocab_size ? rows : s->from.config.vocab_size;
    return RTD_OK;
}
