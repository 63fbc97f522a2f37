/* rtdtools - MIT licence
 *
 * Text to pieces. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/say.h"
#include "text/tokenizer_internal.h"
#include "text/words.h"

enum {
    CACHE_BITS = 13,  /* 8192 words of 64 bytes: about what a second-level cache holds */
    CACHE_KEY = 32,   /* bytes of a word that can be cached */
    CACHE_PIECES = 6, /* and its pieces */
};

/* A cached word; len = 0: free. */
struct slot {
    uint64_t key[CACHE_KEY / 8];       /* its bytes, zeros after them */
    uint8_t len, n, end[CACHE_PIECES]; /* end[i]: where piece i ends in the word */
    int32_t id[CACHE_PIECES];
};

struct scratch {
    struct slot slot[1 << CACHE_BITS];
    uint64_t identity;
    struct rtd_words words, whole; /* whole: a normalised text */
};

static int reserve(struct rtd_encoding *e, size_t more, struct rtd_err *err)
{
    size_t cap = e->cap ? e->cap : 256;
    uint32_t **column[] = {&e->begin, &e->end, &e->word};
    void *p;

    while (cap < e->n + more)
        cap *= 2;
    if (!(p = realloc(e->ids, cap * sizeof *e->ids)))
        return rtd_fail_sys(err, "tokens");
    e->ids = p;
    for (int i = 0; i < 3; i++) {
        if (!(p = realloc(*column[i], cap * sizeof **column[i])))
            return rtd_fail_sys(err, "tokens");
        *column[i] = p;
    }
    e->cap = cap;
    return RTD_OK;
}

/* Greedy longest match of a word from a node of the trie: ids, and (NULL: nothing) where each piece
 * ends.  The number of pieces, at most len; 0 where the word cannot be spelt. */
static size_t match(const struct rtd_tokenizer *t, uint32_t node, const char *s, uint32_t len,
                    int32_t *id, uint32_t *end)
{
    const struct rtd_trie *trie = &t->vocab.trie;
    size_t n = 0;

    for (uint32_t pos = 0; pos < len; node = t->inner) {
        int32_t best = -1;
        uint32_t best_end = 0;
        if (node == RTD_TRIE_NONE)
            return 0;
        for (uint32_t i = pos; i < len; i++) {
            node = rtd_trie_step(trie, node, (unsigned char)s[i]);
            if (node == RTD_TRIE_NONE)
                break;
            if (trie->node[node].id >= 0) {
                best = trie->node[node].id;
                best_end = i + 1;
            }
        }
        if (best < 0)
            return 0;
        pos = best_end;
        if (end)
            end[n] = pos;
        id[n++] = best;
    }
    return n;
}

size_t rtd_tokenizer_spell(const struct rtd_tokenizer *t, const char *word, uint32_t len,
                           bool inside, int32_t *ids)
{
    return match(t, inside ? t->inner : RTD_TRIE_ROOT, word, len, ids, NULL);
}

/* Byte ends of a word's pieces, already in e->end[n..], to offsets into the text. */
static void place(struct rtd_encoding *e, size_t pieces, const struct rtd_words *w,
                  const struct rtd_word *word)
{
    uint32_t *begin = e->begin + e->n, *end = e->end + e->n, start = 0;

    if (word->linear) {
        for (size_t i = 0; i < pieces; i++) {
            begin[i] = word->begin + start;
            start = end[i];
            end[i] = word->begin + start;
        }
        return;
    }
    for (size_t i = 0; i < pieces; i++) {
        uint32_t stop = end[i];
        /* Marks put into canonical order may come from before their neighbours: never go back. */
        begin[i] = i ? begin[i - 1] : word->begin;
        end[i] = i ? end[i - 1] : 0;
        if (w->from[word->off + start] > begin[i])
            begin[i] = w->from[word->off + start];
        for (; start < stop; start++)
            if (w->to[word->off + start] > end[i])
                end[i] = w->to[word->off + start];
    }
}

static inline uint64_t load_key(uint64_t key[CACHE_KEY / 8], const char *s, uint32_t len)
{
    static const uint64_t mask[2 * CACHE_KEY / 8] = {~0ull, ~0ull, ~0ull, ~0ull};
    uint64_t m[CACHE_KEY / 8], h;
    memcpy(key, s, CACHE_KEY);
    memcpy(m, (const char *)mask + CACHE_KEY - len, CACHE_KEY);
    for (int i = 0; i < CACHE_KEY / 8; i++)
        key[i] &= m[i];
    h = key[0] * 0x9E3779B97F4A7C15u + key[1] * 0xC2B2AE3D27D4EB4Fu + key[2] * 0x165667B19E3779F9u +
        key[3] * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    return (h * 0x9E3779B97F4A7C15u) >> (64 - CACHE_BITS);
}

static inline bool same_key(const uint64_t *a, const uint64_t *b)
{
    return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

/* The pieces of one word go to e->ids[n..] and e->end[n..] (ends in the word's bytes). */
static inline size_t lookup(const struct rtd_tokenizer *t, struct rtd_encoding *e,
                            struct scratch *x, const char *s, uint32_t len)
{
    int32_t *id = e->ids + e->n;
    uint32_t *end = e->end + e->n;
    uint64_t key[CACHE_KEY / 8];
    struct slot *slot = NULL;
    size_t n;

    if (len <= CACHE_KEY) {
        slot = &x->slot[load_key(key, s, len)];
        if (slot->len == len && same_key(slot->key, key)) {
            for (n = 0; n < slot->n; n++) {
                id[n] = slot->id[n];
                end[n] = slot->end[n];
            }
            return n;
        }
    }
    n = rtd_word_over(s, len, t->set.max_word) ? 0 : match(t, RTD_TRIE_ROOT, s, len, id, end);
    if (!n) {
        n = 1;
        id[0] = t->special.unk;
        end[0] = len;
    }
    if (slot && n <= CACHE_PIECES) {
        memcpy(slot->key, key, sizeof key);
        slot->len = (uint8_t)len;
        slot->n = (uint8_t)n;
        for (size_t i = 0; i < n; i++) {
            slot->id[i] = id[i];
            slot->end[i] = (uint8_t)end[i];
        }
    }
    return n;
}

/* Append the pieces of the words in text[pos .. len-1]; *words counts on. */
static int encode_words(const struct rtd_tokenizer *t, const struct rtd_charmap *map,
                        struct rtd_encoding *e, const char *text, size_t pos, size_t len,
                        uint32_t *words, struct rtd_err *err)
{
    struct scratch *x = e->scratch;
    struct rtd_words *w = &x->words;

    for (;;) {
        if (rtd_words_next(map, w, text, len, &pos, err))
            return err->status;
        if (!w->n) {
            e->counts.broken += w->broken;
            w->broken = 0;
            return RTD_OK;
        }
        for (size_t i = 0; i < w->n; i++) {
            const struct rtd_word *word = &w->word[i];
            size_t n;
            if (e->n + word->len + CACHE_PIECES > e->cap &&
                reserve(e, word->len + CACHE_PIECES, err))
                return err->status;
            n = lookup(t, e, x, w->bytes + word->off, word->len);
            place(e, n, w, word);
            for (size_t k = 0; k < n; k++)
                e->word[e->n + k] = *words;
            e->n += n;
            ++*words;
        }
    }
}

static int prepare(const struct rtd_tokenizer *t, struct rtd_encoding *e, struct rtd_err *err)
{
    struct scratch *x = e->scratch;
    e->n = 0;
    if (!x) {
        if (!(x = rtd_calloc_aligned(1, sizeof *x)))
            return rtd_fail_sys(err, "tokenizer");
        e->scratch = x;
    } else if (x->identity != t->identity) {
        memset(x->slot, 0, sizeof x->slot);
    }
    x->identity = t->identity;
    return RTD_OK;
}

/* Append an added piece, a word by itself. */
static int put_added(struct rtd_encoding *e, const struct rtd_added_at *at, uint32_t *words,
                     struct rtd_err *err)
{
    if (e->n == e->cap && reserve(e, 1, err))
        return err->status;
    e->ids[e->n] = at->piece->id;
    e->begin[e->n] = (uint32_t)at->begin;
    e->end[e->n] = (uint32_t)at->end;
    e->word[e->n++] = (*words)++;
    return RTD_OK;
}

/* Text in which no piece is to be looked for as it is; where some are in its normalised form, that
 * is made, searched, and split in between. */
static int encode_part(const struct rtd_tokenizer *t, const struct rtd_added_read *read,
                       struct rtd_encoding *e, const char *text, size_t pos, size_t len,
                       uint32_t *words, struct rtd_err *err)
{
    struct rtd_words *w = &((struct scratch *)e->scratch)->whole;
    struct rtd_added_at at = {0};
    size_t done = 0, first = e->n;

    if (!t->normalise)
        return encode_words(t, t->map, e, text, pos, len, words, err);
    if (rtd_words_next(t->normalise, w, text, len, &pos, err))
        return err->status;
    e->counts.broken += w->broken;
    w->broken = 0;
    if (!w->n)
        return RTD_OK;
    const struct rtd_word *whole = &w->word[0];
    while (rtd_added_next(&t->in_normalised, read, w->bytes, whole->len, &at)) {
        if (encode_words(t, t->split, e, w->bytes, done, at.begin, words, err) ||
            put_added(e, &at, words, err))
            return err->status;
        done = at.end;
    }
    if (encode_words(t, t->split, e, w->bytes, done, whole->len, words, err))
        return err->status;
    for (size_t i = first; i < e->n; i++) { /* back to the text as it is */
        e->begin[i] = whole->linear ? whole->begin + e->begin[i] : w->from[e->begin[i]];
        e->end[i] = whole->linear ? whole->begin + e->end[i] : w->to[e->end[i] - 1];
    }
    return RTD_OK;
}

int rtd_tokenizer_encode(const struct rtd_tokenizer *t, struct rtd_encoding *e, const char *text,
                         size_t len, struct rtd_err *err)
{
    const struct rtd_added_read read = {.special =
                                            e->special == RTD_READ_AS_SET && t->set.special_tokens,
                                        .only = e->special == RTD_READ_MASK ? t->special.mask : -1};
    struct rtd_added_at at = {0};
    uint32_t words = 0;
    size_t done = 0;

    if (len >= UINT32_MAX)
        return rtd_fail(err, RTD_EDATA, "text of %zu bytes: longer than 4 GiB", len);
    if (prepare(t, e, err))
        return err->status;
    while (rtd_added_next(&t->in_text, &read, text, len, &at)) {
        if (encode_part(t, &read, e, text, done, at.begin, &words, err) ||
            put_added(e, &at, &words, err))
            return err->status;
        done = at.end;
    }
    if (encode_part(t, &read, e, text, done, len, &words, err))
        return err->status;
    e->counts.bytes += len;
    e->counts.tokens += e->n;
    for (size_t i = 0; i < e->n; i++)
        e->counts.unknown += e->ids[i] == t->special.unk;
    return RTD_OK;
}

void rtd_read_counts_add(struct rtd_read_counts *c, const struct rtd_read_counts *more)
{
    c->tokens += more->tokens;
    c->unknown += more->unknown;
    c->bytes += more->bytes;
    c->broken += more->broken;
}

void rtd_read_counts_say(const struct rtd_read_counts *c, const char *where, const char *why)
{
    rtd_say_loss(c->broken, c->bytes, "bytes%s are not UTF-8 and were dropped", where);
    rtd_say_loss(c->unknown, c->tokens, "tokens%s are [UNK]%s", where, why);
}

void rtd_encoding_free(struct rtd_encoding *e)
{
    struct scratch *x = e->scratch;
    if (x) {
        rtd_words_free(&x->words);
        rtd_words_free(&x->whole);
    }
    free(x);
    free(e->ids);
    free(e->begin);
    free(e->end);
    free(e->word);
    *e = (struct rtd_encoding){0};
}
