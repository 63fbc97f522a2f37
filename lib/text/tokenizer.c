/* rtdtools - MIT licence */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "text/vocab.h"
#include "text/words.h"

enum {
    CACHE_BITS = 13,  /* 8192 words of 64 bytes: about what a second-level cache holds */
    CACHE_KEY = 32,   /* bytes of a word that can be cached */
    CACHE_PIECES = 6, /* and its pieces */
    NSPECIAL = 5,
};

static const char *const special_piece[NSPECIAL] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

struct rtd_tokenizer {
    struct rtd_tok_settings set;
    struct rtd_vocab vocab;
    struct rtd_charmap *map;
    struct rtd_special_ids special;
    uint32_t inner;    /* node of "##", where the pieces inside a word start; or RTD_TRIE_NONE */
    uint64_t identity; /* of vocabulary and settings: whose words a cache holds */
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
    struct rtd_words words;
};

void rtd_tok_settings_default(struct rtd_tok_settings *s, bool cased)
{
    *s = (struct rtd_tok_settings){
        .lower_case = !cased, .strip_accents = !cased, .chinese = true, .max_word = 100};
}

static int find_special(struct rtd_tokenizer *t, const char *name, struct rtd_err *err)
{
    int32_t *id[NSPECIAL] = {&t->special.pad, &t->special.unk, &t->special.cls, &t->special.sep,
                             &t->special.mask};
    for (int i = 0; i < NSPECIAL; i++)
        if ((*id[i] = rtd_tokenizer_id(t, special_piece[i])) < 0)
            return rtd_fail(err, RTD_EDATA, "%s: not a vocabulary: no piece %s", name,
                            special_piece[i]);
    return RTD_OK;
}

int rtd_tokenizer_new(struct rtd_tokenizer **out, const char *vocab, size_t len, const char *name,
                      const struct rtd_tok_settings *s, struct rtd_err *err)
{
    struct rtd_tokenizer *t = calloc(1, sizeof *t);

    *out = NULL;
    if (!t)
        return rtd_fail_sys(err, "%s", name);
    t->set = *s;
    if (rtd_vocab_init(&t->vocab, vocab, len, name, err) || find_special(t, name, err) ||
        rtd_charmap_new(&t->map, s, err)) {
        rtd_tokenizer_free(t);
        return err->status;
    }
    t->inner = rtd_trie_step(&t->vocab.trie, RTD_TRIE_ROOT, '#');
    if (t->inner != RTD_TRIE_NONE)
        t->inner = rtd_trie_step(&t->vocab.trie, t->inner, '#');
    t->identity =
        rtd_hash64(t->vocab.text, t->vocab.len) * 31 +
        (s->lower_case | s->strip_accents << 1 | s->chinese << 2 | (uint64_t)s->max_word << 8) + 1;
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
    free(t);
}

const struct rtd_special_ids *rtd_tokenizer_special(const struct rtd_tokenizer *t)
{
    return &t->special;
}

uint32_t rtd_tokenizer_size(const struct rtd_tokenizer *t)
{
    return t->vocab.n;
}

const struct rtd_tok_settings *rtd_tokenizer_settings(const struct rtd_tokenizer *t)
{
    return &t->set;
}

const char *rtd_tokenizer_piece(const struct rtd_tokenizer *t, int32_t id)
{
    return rtd_vocab_piece(&t->vocab, id);
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

/* --- encoding ------------------------------------------------------------------------------- */

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

/* Greedy longest match of a word: ids, and where each piece ends.  The number of pieces, at most
 * len; 0 where the word cannot be spelt. */
static size_t match(const struct rtd_tokenizer *t, const char *s, uint32_t len, int32_t *id,
                    uint32_t *end)
{
    const struct rtd_trie *trie = &t->vocab.trie;
    uint32_t node = RTD_TRIE_ROOT;
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
        id[n] = best;
        end[n++] = pos = best_end;
    }
    return n;
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
    n = rtd_word_over(s, len, t->set.max_word) ? 0 : match(t, s, len, id, end);
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

/* Append the pieces of text[pos .. len-1]; *words counts on. */
static int encode_part(const struct rtd_tokenizer *t, struct rtd_encoding *e, const char *text,
                       size_t pos, size_t len, uint32_t *words, struct rtd_err *err)
{
    struct scratch *x = e->scratch;
    struct rtd_words *w = &x->words;

    for (;;) {
        if (rtd_words_next(t->map, w, text, len, &pos, err))
            return err->status;
        if (!w->n) {
            e->broken += w->broken;
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

/* The first special piece written in text[pos .. len-1]: its number, or -1. */
static int next_special(const char *text, size_t pos, size_t len, size_t *at)
{
    const char *end = text + len;
    for (const char *p = text + pos; p < end && (p = memchr(p, '[', (size_t)(end - p))); p++)
        for (int i = 0; i < NSPECIAL; i++) {
            size_t n = strlen(special_piece[i]);
            if ((size_t)(end - p) >= n && !memcmp(p, special_piece[i], n)) {
                *at = (size_t)(p - text);
                return i;
            }
        }
    return -1;
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

int rtd_tokenizer_encode(const struct rtd_tokenizer *t, struct rtd_encoding *e, const char *text,
                         size_t len, struct rtd_err *err)
{
    const int32_t id[NSPECIAL] = {t->special.pad, t->special.unk, t->special.cls, t->special.sep,
                                  t->special.mask};
    uint32_t words = 0;
    size_t pos = 0, at;
    int k;

    if (len >= UINT32_MAX)
        return rtd_fail(err, RTD_EDATA, "text of %zu bytes: longer than 4 GiB", len);
    if (prepare(t, e, err))
        return err->status;
    while (t->set.special_tokens && (k = next_special(text, pos, len, &at)) >= 0) {
        size_t n = strlen(special_piece[k]);
        if (encode_part(t, e, text, pos, at, &words, err))
            return err->status;
        if (e->n == e->cap && reserve(e, 1, err))
            return err->status;
        e->ids[e->n] = id[k];
        e->begin[e->n] = (uint32_t)at;
        e->end[e->n] = (uint32_t)(at + n);
        e->word[e->n++] = words++;
        pos = at + n;
    }
    return encode_part(t, e, text, pos, len, &words, err);
}

void rtd_encoding_free(struct rtd_encoding *e)
{
    struct scratch *x = e->scratch;
    if (x)
        rtd_words_free(&x->words);
    free(x);
    free(e->ids);
    free(e->begin);
    free(e->end);
    free(e->word);
    *e = (struct rtd_encoding){0};
}
