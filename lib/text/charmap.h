/* rtdtools - MIT licence
 *
 * What the normaliser does with each code point under given settings, worked out once from
 * utf8proc's tables: a two-stage table, one load or two a character.  Immutable after new. */
#ifndef RTD_TEXT_CHARMAP_H
#define RTD_TEXT_CHARMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "text/tokenizer.h"

/* The low three bits of an entry. */
enum rtd_char_kind {
    RTD_CH_KEEP,   /* part of a word, as it is */
    RTD_CH_MAP,    /* part of a word, as the code point in entry >> RTD_CH_SHIFT */
    RTD_CH_SPACE,  /* ends a word */
    RTD_CH_PUNCT,  /* a word by itself; as it is, or as entry >> RTD_CH_SHIFT where that is not 0 */
    RTD_CH_DROP,   /* vanishes before anything else looks at the text: controls, U+0000, U+FFFD */
    RTD_CH_MARK,   /* an accent taken away from the character before it */
    RTD_CH_SEQ,    /* becomes the sequence seq[entry >> RTD_CH_SHIFT ...] */
    RTD_CH_HANGUL, /* a syllable that falls apart by arithmetic */
};
enum {
    RTD_CH_KIND = 7,
    RTD_CH_CJK = 8, /* flag: an ideograph, set off by blanks */
    RTD_CH_SHIFT = 5,
};

/* An element of a sequence. */
struct rtd_char_part {
    uint32_t cp;  /* after lower-casing */
    uint8_t kind; /* KEEP, SPACE, PUNCT, MARK */
    uint8_t ccc;  /* canonical combining class; parts of one run are sorted by it */
    uint8_t left; /* parts of the sequence after this one */
};

struct rtd_charmap {
    struct rtd_tok_settings set;
    uint8_t ascii[128]; /* enum rtd_char_kind; MAP means lower[] differs */
    char lower[128];
    uint16_t index[0x1100]; /* block of code points cp >> 8 */
    uint32_t (*block)[256]; /* [nblocks] entries */
    uint32_t nblocks, nseq, seq_cap;
    struct rtd_char_part *seq; /* [nseq] */
};

int rtd_charmap_new(struct rtd_charmap **m, const struct rtd_tok_settings *s, struct rtd_err *err);
void rtd_charmap_free(struct rtd_charmap *m);

static inline uint32_t rtd_charmap_entry(const struct rtd_charmap *m, uint32_t cp)
{
    return m->block[m->index[cp >> 8]][cp & 255];
}

/* Decode one character of UTF-8 at p (p < end) into *cp; its length, or 0 where the bytes are not
 * UTF-8 (overlong forms, surrogates and values over U+10FFFF included). */
static inline unsigned rtd_utf8_decode(const char *p, const char *end, uint32_t *cp)
{
    const unsigned char *s = (const unsigned char *)p;
    uint32_t c = s[0];
    if (c < 0x80) {
        *cp = c;
        return 1;
    }
    if (c < 0xE0) {
        if (c < 0xC2 || end - p < 2 || (s[1] & 0xC0) != 0x80)
            return 0;
        *cp = (c & 31) << 6 | (s[1] & 63u);
        return 2;
    }
    if (c < 0xF0) {
        if (end - p < 3 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80)
            return 0;
        c = (c & 15) << 12 | (s[1] & 63u) << 6 | (s[2] & 63u);
        *cp = c;
        return c < 0x800 || (c >= 0xD800 && c < 0xE000) ? 0 : 3;
    }
    if (c > 0xF4 || end - p < 4 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80 ||
        (s[3] & 0xC0) != 0x80)
        return 0;
    c = (c & 7) << 18 | (s[1] & 63u) << 12 | (s[2] & 63u) << 6 | (s[3] & 63u);
    *cp = c;
    return c < 0x10000 || c > 0x10FFFF ? 0 : 4;
}

/* Encode a valid code point into p (room for 4 bytes); its length. */
static inline unsigned rtd_utf8_encode(char *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (char)(0xC0 | c >> 6);
        p[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        p[0] = (char)(0xE0 | c >> 12);
        p[1] = (char)(0x80 | (c >> 6 & 63));
        p[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    p[0] = (char)(0xF0 | c >> 18);
    p[1] = (char)(0x80 | (c >> 12 & 63));
    p[2] = (char)(0x80 | (c >> 6 & 63));
    p[3] = (char)(0x80 | (c & 63));
    return 4;
}

#endif
