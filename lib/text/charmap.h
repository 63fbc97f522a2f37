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
    uint8_t ascii[128]; /* enum rtd_char_kind; MAP: lower[] differs; SEQ: see rtd_charmap_entry */
    char lower[128];
    uint16_t index[0x1100]; /* block of code points cp >> 8 */
    uint32_t (*block)[256]; /* [nblocks] entries */
    uint32_t nblocks, nseq, seq_cap;
    struct rtd_char_part *seq; /* [nseq] */
};

/* Rust's char::is_whitespace, which the reference uses: the property White_Space. */
bool rtd_is_white_space(uint32_t c);
/* Rust's \w: Alphabetic, marks, decimal digits, connecting punctuation, joiners. */
bool rtd_is_word_letter(uint32_t c);

int rtd_charmap_new(struct rtd_charmap **m, const struct rtd_tok_settings *s, struct rtd_err *err);
void rtd_charmap_free(struct rtd_charmap *m);

static inline uint32_t rtd_charmap_entry(const struct rtd_charmap *m, uint32_t cp)
{
    return m->block[m->index[cp >> 8]][cp & 255];
}

#endif
