/* rtdtools - MIT licence
 *
 * Text to normalised words: cleaning, blanks around ideographs, accents, lower case, splitting at
 * white space and punctuation.  What the WordPiece matcher and the vocabulary learner both read.
 *
 *     struct rtd_words w = {0};
 *     for (size_t pos = 0; !(st = rtd_words_next(map, &w, text, len, &pos, err)) && w.n;)
 *         use w.word[0 .. w.n-1];
 *     rtd_words_free(&w);
 *
 * Words come in batches that stay in the first-level cache; nothing is allocated once the buffers
 * are as large as the longest word needs. */
#ifndef RTD_TEXT_WORDS_H
#define RTD_TEXT_WORDS_H

#include "text/charmap.h"

enum {
    RTD_WORDS_BATCH = 256, /* words at most in a batch */
    RTD_WORDS_SLACK = 64,  /* bytes that may be read after the last word (their values: any) */
};

struct rtd_word {
    uint32_t off, len;   /* normalised bytes: bytes[off .. off+len-1], never empty */
    uint32_t begin, end; /* its source in the text, bytes */
    bool linear;         /* byte i comes from source byte begin + i; else see from, to */
};

struct rtd_words {
    struct rtd_word word[RTD_WORDS_BATCH];
    size_t n;
    char *bytes;    /* UTF-8 */
    uint32_t *from; /* of the words that are not linear: source of the character byte i is in */
    uint32_t *to;
    size_t cap;      /* of the three */
    uint64_t broken; /* bytes that were not UTF-8, counted up */
};

/* The next batch of text[*pos .. len-1] (len < 4 GiB); advances *pos; w->n = 0 at the end. */
int rtd_words_next(const struct rtd_charmap *m, struct rtd_words *w, const char *text, size_t len,
                   size_t *pos, struct rtd_err *err);
void rtd_words_free(struct rtd_words *w);

/* Has a word of len bytes more than max characters? */
static inline bool rtd_word_over(const char *s, uint32_t len, uint32_t max)
{
    uint32_t chars = 0;
    for (uint32_t i = 0; len > max && i < len; i++)
        chars += ((unsigned char)s[i] & 0xC0) != 0x80;
    return chars > max;
}

#endif
