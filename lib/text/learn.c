/* rtdtools - MIT licence */
#include "text/learn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "stream/special.h"
#include "text/merge.h"
#include "text/vocab.h"
#include "text/wordcount.h"
#include "text/words.h"

enum { CODE_POINTS = 0x110000 };

struct rtd_learner {
    struct rtd_learn_options o;
    struct rtd_charmap *map;
    struct rtd_words words;
    struct rtd_wordcount seen;
    uint64_t bytes, counted, long_words;
};

void rtd_learn_default(struct rtd_learn_options *o, bool cased)
{
    *o = (struct rtd_learn_options){
        .size = 30522, .limit_alphabet = 1000, .max_memory = (size_t)1 << 30};
    rtd_tok_settings_default(&o->set, cased);
}

int rtd_learner_new(struct rtd_learner **out, const struct rtd_learn_options *o,
                    struct rtd_err *err)
{
    struct rtd_learner *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return rtd_fail_sys(err, "vocabulary");
    l->o = *o;
    /* Spelling and pairs take up to twice what counting takes. */
    l->seen.max_bytes = o->max_memory / 2;
    if (rtd_charmap_new(&l->map, &o->set, err)) {
        free(l);
        return err->status;
    }
    *out = l;
    return RTD_OK;
}

void rtd_learner_free(struct rtd_learner *l)
{
    if (!l)
        return;
    rtd_charmap_free(l->map);
    rtd_words_free(&l->words);
    rtd_wordcount_free(&l->seen);
    free(l);
}

uint64_t rtd_learner_words(const struct rtd_learner *l)
{
    return l->counted;
}

int rtd_learner_add(struct rtd_learner *l, const char *text, size_t len, struct rtd_err *err)
{
    struct rtd_words *w = &l->words;
    size_t pos = 0;
    if (len >= UINT32_MAX)
        return rtd_fail(err, RTD_EDATA, "text of %zu bytes: longer than 4 GiB", len);
    l->bytes += len;
    for (;;) {
        if (rtd_words_next(l->map, w, text, len, &pos, err))
            return err->status;
        if (!w->n)
            return RTD_OK;
        for (size_t i = 0; i < w->n; i++) {
            const char *s = w->bytes + w->word[i].off;
            if (rtd_word_over(s, w->word[i].len, l->o.set.max_word)) {
                l->long_words++;
                continue;
            }
            if (rtd_wordcount_add(&l->seen, s, w->word[i].len, err))
                return err->status;
            l->counted++;
        }
    }
}

/* --- the alphabet --------------------------------------------------------------------------- */

struct letter {
    uint32_t cp;
    bool inside; /* occurs after the first character of a word */
    uint64_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->cp > y->cp) - (x->cp < y->cp);
}

static int by_code_point(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;
    return (x->cp > y->cp) - (x->cp < y->cp);
}

/* Call fn for the characters of the counted words. */
static void count_letters(const struct rtd_wordcount *c, struct letter *letter)
{
    for (size_t i = 0; i < c->cap; i++) {
        const struct rtd_counted *w = &c->word[i];
        if (!w->count)
            continue;
        const char *s = rtd_wordcount_text(c, w), *end = s + w->len;
        for (const char *p = s; p < end;) {
            uint32_t cp = 0;
            int k = rtd_utf8_step((const unsigned char *)p, (size_t)(end - p), &cp);
            letter[cp].count += w->count;
            letter[cp].inside = letter[cp].inside || p > s;
            p += k;
        }
    }
}

static int add_letter(struct rtd_pieces *p, uint32_t cp, bool inside, struct rtd_err *err)
{
    char text[8] = "##";
    size_t at = inside ? 2 : 0;
    uint32_t number;
    return rtd_pieces_add(p, text, at + rtd_utf8_encode(text + at, cp), &number, err);
}

/* The characters that make pieces: the most frequent ones, in order of code points. */
static int add_alphabet(const struct rtd_learner *l, struct rtd_pieces *p,
                        struct rtd_learn_report *r, struct rtd_err *err)
{
    struct letter *letter = calloc(CODE_POINTS, sizeof *letter);
    uint32_t n = 0;
    if (!letter)
        return rtd_fail_sys(err, "alphabet");
    count_letters(&l->seen, letter);
    for (uint32_t cp = 0; cp < CODE_POINTS; cp++)
        if (letter[cp].count) {
            letter[n] = letter[cp];
            letter[n++].cp = cp;
        }
    qsort(letter, n, sizeof *letter, by_count);
    r->alphabet = n < l->o.limit_alphabet ? n : l->o.limit_alphabet;
    r->dropped = n - r->alphabet;
    qsort(letter, r->alphabet, sizeof *letter, by_code_point);
    for (int inside = 0; inside < 2; inside++)
        for (uint32_t i = 0; i < r->alphabet; i++)
            if ((!inside || letter[i].inside) && add_letter(p, letter[i].cp, inside, err))
                goto out;
    if (p->n > l->o.size)
        rtd_fail(err, RTD_EDATA,
                 "a vocabulary of %u pieces is too small: %u characters and the special pieces "
                 "take %u",
                 l->o.size, r->alphabet, p->n);
out:
    free(letter);
    return err->status;
}

/* --- spelling ------------------------------------------------------------------------------- */

/* Room for the counted words, sorted, so that what follows does not depend on hashes. */
static int begin_spelling(struct rtd_spelling *s, struct rtd_wordcount *c, struct rtd_err *err)
{
    size_t n = s->n = c->n;
    rtd_wordcount_sort(c);
    if (n >= UINT32_MAX)
        return rtd_fail(err, RTD_EDATA, "%zu different words are too many", n);
    s->piece = malloc((c->bytes.len + 1) * sizeof *s->piece);
    s->start = malloc((n + 1) * sizeof *s->start);
    s->len = malloc((n + 1) * sizeof *s->len);
    s->count = malloc((n + 1) * sizeof *s->count);
    if (!s->piece || !s->start || !s->len || !s->count)
        return rtd_fail_sys(err, "words");
    return RTD_OK;
}

static void free_spelling(struct rtd_spelling *s)
{
    free(s->piece);
    free(s->start);
    free(s->len);
    free(s->count);
}

/* The counted words in characters; characters outside the alphabet are left out, and words that
 * have one counted in *unspelt. */
static int spell(struct rtd_wordcount *c, const struct rtd_pieces *p, struct rtd_spelling *s,
                 uint64_t *unspelt, struct rtd_err *err)
{
    size_t at = 0;
    if (begin_spelling(s, c, err))
        return err->status;
    for (size_t i = 0; i < s->n; i++) {
        const char *b = rtd_wordcount_text(c, &c->word[i]), *end = b + c->word[i].len;
        s->start[i] = at;
        s->count[i] = c->word[i].count;
        bool whole = true;
        for (const char *q = b; q < end;) {
            char text[8] = "##";
            uint32_t cp, lead = q > b ? 2 : 0;
            size_t k = (size_t)rtd_utf8_step((const unsigned char *)q, (size_t)(end - q), &cp);
            memcpy(text + lead, q, k);
            s->piece[at] = rtd_pieces_find(p, text, lead + k);
            bool found = s->piece[at] != UINT32_MAX;
            whole = whole && found;
            at += found;
            q += k;
        }
        *unspelt += whole ? 0 : c->word[i].count;
        s->len[i] = (uint32_t)(at - s->start[i]);
    }
    s->start[s->n] = at;
    return RTD_OK;
}

static int print(const struct rtd_pieces *p, struct rtd_buf *out, struct rtd_err *err)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const char *piece = rtd_pieces_get(p, i);
        if (rtd_buf_append(out, piece, strlen(piece), err) || rtd_buf_append(out, "\n", 1, err))
            return err->status;
    }
    return RTD_OK;
}

/* --- going on from a vocabulary --------------------------------------------------------------- */

/* Its pieces, each once; number[id] of those that words are spelt with. */
static int add_old(struct rtd_pieces *p, const struct rtd_tokenizer *from, uint32_t **number,
                   struct rtd_err *err)
{
    uint32_t n = rtd_tokenizer_size(from);
    *number = malloc((n + 1) * sizeof **number);
    if (!*number)
        return rtd_fail_sys(err, "pieces");
    for (uint32_t id = 0; id < n && !err->status; id++) {
        const char *piece = rtd_tokenizer_piece(from, (int32_t)id);
        rtd_pieces_add(p, piece, strlen(piece), &(*number)[id], err);
    }
    return err->status;
}

/* The counted words as `from` spells them, in all *pieces; those that it cannot have none and are
 * counted in *unspelt.  s NULL: only the counts.  number NULL: ids. */
static int spell_from(const struct rtd_wordcount *c, const struct rtd_tokenizer *from,
                      const uint32_t *number, struct rtd_spelling *s, uint64_t *pieces,
                      uint64_t *unspelt, struct rtd_err *err)
{
    int32_t *ids = malloc((c->bytes.len + 1) * sizeof *ids);
    size_t at = 0;
    if (!ids)
        return rtd_fail_sys(err, "words");
    *pieces = *unspelt = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct rtd_counted *w = &c->word[i];
        size_t n = rtd_tokenizer_spell(from, rtd_wordcount_text(c, w), w->len, false, ids);
        *pieces += (n ? n : 1) * w->count;
        *unspelt += n ? 0 : w->count;
        if (!s)
            continue;
        s->start[i] = at;
        s->len[i] = (uint32_t)n;
        s->count[i] = w->count;
        for (size_t k = 0; k < n; k++)
            s->piece[at++] = number[ids[k]];
    }
    if (s)
        s->start[s->n] = at;
    free(ids);
    return RTD_OK;
}

/* The pieces from number `old` on that some word is spelt with, into fresh: how many. */
static uint32_t in_use(const struct rtd_spelling *s, const struct rtd_pieces *p, uint32_t old,
                       uint32_t *fresh)
{
    uint32_t n = 0;
    memset(fresh, 0, (p->n - old) * sizeof *fresh);
    for (size_t i = 0; i < s->n; i++)
        for (uint32_t k = 0; k < s->len[i]; k++)
            if (s->piece[s->start[i] + k] >= old)
                fresh[s->piece[s->start[i] + k] - old] = 1;
    for (uint32_t i = 0; i < p->n - old; i++)
        if (fresh[i])
            fresh[n++] = old + i;
    return n;
}

/* Merge until so many new pieces are in use: those that were only on the way to longer ones would
 * be of no use to a matcher that takes the longest.  *fresh: the caller's to free. */
static int merge_in_use(const struct rtd_learner *l, struct rtd_pieces *p, struct rtd_spelling *s,
                        uint32_t **fresh, uint32_t *n, struct rtd_err *err)
{
    uint32_t old = p->n, size = old, grown;
    do {
        grown = p->n;
        size += l->o.size - *n;
        if (rtd_merge(p, s, size, l->o.min_frequency, err))
            return err->status;
        uint32_t *more = realloc(*fresh, (p->n - old + 1) * sizeof *more);
        if (!more)
            return rtd_fail_sys(err, "pieces");
        *fresh = more;
        *n = in_use(s, p, old, more);
    } while (*n < l->o.size && p->n == size && p->n > grown);
    return RTD_OK;
}

/* The old lines as they are, but for unused ones where these may be taken, and the new pieces. */
static int print_extended(const struct rtd_learner *l, const struct rtd_pieces *p,
                          const uint32_t *fresh, uint32_t n, struct rtd_buf *out,
                          struct rtd_err *err)
{
    size_t len, line;
    const char *at = rtd_tokenizer_vocab(l->o.from, &len), *end = at + len;
    uint32_t next = 0;
    for (; at < end && !err->status; at += line + 1) {
        char piece[32];
        line = (size_t)((const char *)memchr(at, '\n', (size_t)(end - at)) - at);
        snprintf(piece, sizeof piece, "%.*s", (int)(line < sizeof piece ? line : 0), at);
        if (l->o.take_unused && next < n && rtd_vocab_unused(piece)) {
            const char *text = rtd_pieces_get(p, fresh[next++]);
            rtd_buf_append(out, text, strlen(text), err);
        } else {
            rtd_buf_append(out, at, line, err);
        }
        if (!err->status)
            rtd_buf_append(out, "\n", 1, err);
    }
    for (; next < n && !err->status; next++) {
        const char *text = rtd_pieces_get(p, fresh[next]);
        if (!rtd_buf_append(out, text, strlen(text), err))
            rtd_buf_append(out, "\n", 1, err);
    }
    return err->status;
}

/* How the text is spelt with the vocabulary that was made. */
static int measure(struct rtd_learner *l, const struct rtd_buf *vocab, struct rtd_learn_report *r,
                   struct rtd_err *err)
{
    struct rtd_tokenizer *t;
    uint64_t unspelt;
    if (rtd_tokenizer_new(&t, vocab->data, vocab->len, "the new vocabulary", &l->o.set, err))
        return err->status;
    spell_from(&l->seen, t, NULL, NULL, &r->after, &unspelt, err);
    rtd_tokenizer_free(t);
    return err->status;
}

static int extend(struct rtd_learner *l, struct rtd_buf *out, struct rtd_learn_report *r,
                  struct rtd_err *err)
{
    struct rtd_pieces p = {0};
    struct rtd_spelling s = {0};
    uint32_t *number = NULL, *fresh = NULL;
    if (add_old(&p, l->o.from, &number, err) || begin_spelling(&s, &l->seen, err) ||
        spell_from(&l->seen, l->o.from, number, &s, &r->before, &r->unspelt, err))
        goto out;
    if (!merge_in_use(l, &p, &s, &fresh, &r->pieces, err) &&
        !print_extended(l, &p, fresh, r->pieces, out, err))
        measure(l, out, r, err);
out:
    free(number);
    free(fresh);
    free_spelling(&s);
    rtd_pieces_free(&p);
    return err->status;
}

int rtd_learner_finish(struct rtd_learner *l, struct rtd_buf *out, struct rtd_learn_report *r,
                       struct rtd_err *err)
{
    struct rtd_pieces p = {0};
    struct rtd_spelling s = {0};
    uint32_t number;

    *r = (struct rtd_learn_report){.words = l->counted,
                                   .different = l->seen.n,
                                   .long_words = l->long_words,
                                   .forgotten = l->seen.forgotten,
                                   .bytes = l->bytes,
                                   .broken = l->words.broken};
    if (l->o.from)
        return extend(l, out, r, err);
    for (int i = 0; i < RTD_SPECIALS; i++)
        if (rtd_pieces_add(&p, rtd_special_piece[i].text, strlen(rtd_special_piece[i].text),
                           &number, err))
            goto out;
    if (add_alphabet(l, &p, r, err) || spell(&l->seen, &p, &s, &r->unspelt, err))
        goto out;
    rtd_wordcount_free(&l->seen);
    if (rtd_merge(&p, &s, l->o.size, l->o.min_frequency, err))
        goto out;
    r->pieces = p.n;
    print(&p, out, err);
out:
    free_spelling(&s);
    rtd_pieces_free(&p);
    return err->status;
}
