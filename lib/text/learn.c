/* rtdtools - MIT licence */
#include "text/learn.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "stream/special.h"
#include "text/merge.h"
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

static int by_text(const void *a, const void *b, void *arg)
{
    const struct rtd_wordcount *c = arg;
    const struct rtd_counted *x = a, *y = b;
    uint32_t n = x->len < y->len ? x->len : y->len;
    int d = memcmp(rtd_wordcount_text(c, x), rtd_wordcount_text(c, y), n);
    return d ? d : (x->len > y->len) - (x->len < y->len);
}

/* The counted words in characters; characters outside the alphabet are left out, and words that
 * have one counted in *unspelt. */
static int spell(struct rtd_wordcount *c, const struct rtd_pieces *p, struct rtd_spelling *s,
                 uint64_t *unspelt, struct rtd_err *err)
{
    size_t n = 0, at = 0;
    /* The table is no longer needed as a table: sorted, what follows does not depend on hashes. */
    for (size_t i = 0; i < c->cap; i++)
        if (c->word[i].count)
            c->word[n++] = c->word[i];
    qsort_r(c->word, n, sizeof *c->word, by_text, c);
    if (n >= UINT32_MAX)
        return rtd_fail(err, RTD_EDATA, "%zu different words are too many", n);
    s->piece = malloc((c->bytes.len + 1) * sizeof *s->piece);
    s->start = malloc((n + 1) * sizeof *s->start);
    s->len = malloc((n + 1) * sizeof *s->len);
    s->count = malloc((n + 1) * sizeof *s->count);
    if (!s->piece || !s->start || !s->len || !s->count)
        return rtd_fail_sys(err, "words");
    for (size_t i = 0; i < n; i++) {
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
    s->start[n] = at;
    s->n = n;
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
    free(s.piece);
    free(s.start);
    free(s.len);
    free(s.count);
    rtd_pieces_free(&p);
    return err->status;
}
