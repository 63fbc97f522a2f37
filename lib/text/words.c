/* rtdtools - MIT licence */
#include "text/words.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

/* No character becomes more bytes than this (a musical symbol of 4 bytes becomes 12), with room
 * for the next one. */
enum { MOST = 64 };

/* The word being put together: bytes[start .. o-1]. */
struct state {
    struct rtd_words *w;
    size_t start, o;
    size_t barrier;      /* combining marks before this offset are not reordered */
    uint32_t begin, end; /* source */
    bool linear;
    bool other; /* the word is a run of other characters than letters */
    bool runs;  /* RTD_SPLIT_RUNS: such runs are words */
};

static int grow(struct rtd_words *w, size_t need, struct rtd_err *err)
{
    size_t cap = w->cap ? w->cap * 2 : 16384;
    void *p;
    while (cap < need)
        cap *= 2;
    if (!(p = realloc(w->bytes, cap + RTD_WORDS_SLACK)))
        return rtd_fail_sys(err, "words");
    w->bytes = p;
    memset(w->bytes + w->cap, 0, cap - w->cap + RTD_WORDS_SLACK);
    if (!(p = realloc(w->from, cap * sizeof *w->from)))
        return rtd_fail_sys(err, "words");
    w->from = p;
    if (!(p = realloc(w->to, cap * sizeof *w->to)))
        return rtd_fail_sys(err, "words");
    w->to = p;
    w->cap = cap;
    return RTD_OK;
}

static inline void end_word(struct state *s)
{
    if (s->o > s->start) {
        s->w->word[s->w->n++] = (struct rtd_word){(uint32_t)s->start, (uint32_t)(s->o - s->start),
                                                  s->begin, s->end, s->linear};
        s->start = s->o;
    }
    s->barrier = s->o;
    s->linear = true;
    s->other = false;
}

/* From here on the word keeps the source of every byte. */
static void unbend(struct state *s)
{
    if (!s->linear)
        return;
    s->linear = false;
    /* Linear so far, so characters are as long as in the source. */
    for (size_t i = s->start, k; i < s->o; i = k) {
        uint32_t at = s->begin + (uint32_t)(i - s->start);
        for (k = i + 1; k < s->o && ((unsigned char)s->w->bytes[k] & 0xC0) == 0x80;)
            k++;
        for (size_t j = i; j < k; j++) {
            s->w->from[j] = at;
            s->w->to[j] = at + (uint32_t)(k - i);
        }
    }
}

/* Append a character whose source is text[at .. at+size-1]. */
static void put(struct state *s, uint32_t cp, uint32_t at, uint32_t size)
{
    if (s->o == s->start)
        s->begin = s->end = at;
    unsigned k = rtd_utf8_encode(s->w->bytes + s->o, cp);
    if (k != size || at != s->end)
        unbend(s);
    if (!s->linear)
        for (unsigned i = 0; i < k; i++) {
            s->w->from[s->o + i] = at;
            s->w->to[s->o + i] = at + size;
        }
    s->o += k;
    s->end = at + size;
}

static inline void letter(struct state *s, uint32_t cp, uint32_t at, uint32_t size)
{
    if (s->other)
        end_word(s);
    put(s, cp, at, size);
}

/* A word by itself, or in a run of its like. */
static inline void punct(struct state *s, uint32_t cp, uint32_t at, uint32_t size)
{
    if (!s->other)
        end_word(s);
    put(s, cp, at, size);
    if (s->runs)
        s->other = true;
    else
        end_word(s);
}

/* Move the last character (of k bytes, class ccc) before those of greater class: canonical order.
 */
static void reorder(struct state *s, unsigned k, uint8_t ccc)
{
    char *b = s->w->bytes, moved[4];
    size_t last = s->o - k, to = last;
    uint32_t from = s->w->from[last], until = s->w->to[last];
    while (to > s->barrier) {
        size_t before = to - 1;
        uint32_t cp = 0;
        while (before > s->barrier && ((unsigned char)b[before] & 0xC0) == 0x80)
            before--;
        rtd_utf8_step((const unsigned char *)b + before, to - before, &cp);
        if (utf8proc_get_property((utf8proc_int32_t)cp)->combining_class <= ccc)
            break;
        to = before;
    }
    if (to == last)
        return;
    memcpy(moved, b + last, k);
    memmove(b + to + k, b + to, last - to);
    memcpy(b + to, moved, k);
    memmove(s->w->from + to + k, s->w->from + to, (last - to) * sizeof *s->w->from);
    memmove(s->w->to + to + k, s->w->to + to, (last - to) * sizeof *s->w->to);
    for (unsigned i = 0; i < k; i++) {
        s->w->from[to + i] = from;
        s->w->to[to + i] = until;
    }
}

/* An accent that goes belongs to the character before it. */
static void mark(struct state *s, uint32_t at, uint32_t size)
{
    if (s->o == s->start || s->end != at)
        return;
    unbend(s);
    s->end = at + size;
    for (size_t i = s->o; i-- > s->start;) {
        s->w->to[i] = s->end;
        if (((unsigned char)s->w->bytes[i] & 0xC0) != 0x80)
            break;
    }
}

static void sequence(struct state *s, const struct rtd_char_part *part, uint32_t at, uint32_t size)
{
    for (;; part++) {
        switch (part->kind) {
        case RTD_CH_SPACE:
            end_word(s);
            break;
        case RTD_CH_PUNCT:
            punct(s, part->cp, at, size);
            break;
        case RTD_CH_MARK:
            mark(s, at, size);
            if (!part->ccc)
                s->barrier = s->o;
            break;
        default:
            letter(s, part->cp, at, size);
            if (part->ccc) {
                size_t k = 1;
                unbend(s);
                while (((unsigned char)s->w->bytes[s->o - k] & 0xC0) == 0x80)
                    k++;
                reorder(s, (unsigned)k, part->ccc);
            }
        }
        if (!part->left)
            break;
    }
}

static void hangul(struct state *s, uint32_t cp, uint32_t at, uint32_t size)
{
    uint32_t i = cp - 0xAC00;
    letter(s, 0x1100 + i / 588, at, size);
    put(s, 0x1161 + i / 28 % 21, at, size);
    if (i % 28)
        put(s, 0x11A7 + i % 28, at, size);
}

/* One character outside ASCII, or any. */
static void other(struct state *s, const struct rtd_charmap *m, uint32_t cp, uint32_t at,
                  uint32_t size)
{
    uint32_t e = rtd_charmap_entry(m, cp);
    if (e & RTD_CH_CJK)
        end_word(s);
    switch (e & RTD_CH_KIND) {
    case RTD_CH_KEEP:
        letter(s, cp, at, size);
        break;
    case RTD_CH_MAP:
        letter(s, e >> RTD_CH_SHIFT, at, size);
        break;
    case RTD_CH_SPACE:
        end_word(s);
        break;
    case RTD_CH_PUNCT:
        punct(s, e >> RTD_CH_SHIFT ? e >> RTD_CH_SHIFT : cp, at, size);
        break;
    case RTD_CH_MARK:
        mark(s, at, size);
        break;
    case RTD_CH_SEQ:
        sequence(s, m->seq + (e >> RTD_CH_SHIFT), at, size);
        break;
    case RTD_CH_HANGUL:
        hangul(s, cp, at, size);
        break;
    default:
        break;
    }
    if (e & RTD_CH_CJK)
        end_word(s);
}

int rtd_words_next(const struct rtd_charmap *m, struct rtd_words *w, const char *text, size_t len,
                   size_t *pos, struct rtd_err *err)
{
    struct state s = {.w = w, .linear = true, .runs = m->set.split == RTD_SPLIT_RUNS};
    const char *p = text + *pos, *const end = text + len;

    w->n = 0;
    /* A batch ends between words.  One character ends two at most. */
    while (p < end &&
           (w->n <= RTD_WORDS_BATCH - 8 || (s.o > s.start && w->n <= RTD_WORDS_BATCH - 4))) {
        unsigned char c = (unsigned char)*p;
        if (s.o + MOST > w->cap && grow(w, s.o + MOST, err))
            return err->status;
        if (c < 0x80) {
            switch (m->ascii[c]) {
            case RTD_CH_KEEP:
            case RTD_CH_MAP: {
                /* A run of letters and digits: the path that most text takes. */
                size_t room = w->cap - s.o;
                const char *run = p, *stop = (size_t)(end - p) < room ? end : p + room;
                char *o = w->bytes + s.o;
                do {
                    *o++ = m->lower[c];
                    p++;
                } while (p < stop && (c = (unsigned char)*p) < 0x80 && m->ascii[c] <= RTD_CH_MAP);
                uint32_t at = (uint32_t)(run - text);
                if (s.o == s.start)
                    s.begin = s.end = at;
                else if (at != s.end)
                    unbend(&s);
                if (!s.linear)
                    for (size_t i = 0; i < (size_t)(p - run); i++) {
                        w->from[s.o + i] = at + (uint32_t)i;
                        w->to[s.o + i] = at + (uint32_t)i + 1;
                    }
                s.o += (size_t)(p - run);
                s.end = (uint32_t)(p - text);
                continue;
            }
            case RTD_CH_SPACE:
                end_word(&s);
                break;
            case RTD_CH_PUNCT:
                end_word(&s);
                put(&s, c, (uint32_t)(p - text), 1);
                end_word(&s);
                break;
            case RTD_CH_DROP:
                break;
            default:
                other(&s, m, c, (uint32_t)(p - text), 1);
            }
            p++;
            continue;
        }
        uint32_t cp;
        int k = rtd_utf8_step((const unsigned char *)p, (size_t)(end - p), &cp);
        uint32_t size = k > 0 ? (uint32_t)k : k < 0 ? (uint32_t)-k : (uint32_t)(end - p);
        w->broken += k > 0 ? 0 : size;
        other(&s, m, k > 0 ? cp : 0xFFFD, (uint32_t)(p - text), size);
        p += size;
    }
    end_word(&s);
    *pos = (size_t)(p - text);
    return RTD_OK;
}

void rtd_words_free(struct rtd_words *w)
{
    free(w->bytes);
    free(w->from);
    free(w->to);
    *w = (struct rtd_words){0};
}
