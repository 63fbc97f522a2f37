/* rtdtools - MIT licence
 *
 * The pieces of a vocab.txt (man/vocab.5). */
#ifndef RTD_TEXT_VOCAB_H
#define RTD_TEXT_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "text/trie.h"

struct rtd_vocab {
    char *text; /* [len], NUL after it: one piece a line, every line ended by '\n' alone */
    size_t len;
    char *pieces; /* the same with NULs for line ends */
    uint32_t *at; /* [n] where piece i begins in pieces */
    uint32_t n;
    uint32_t twice;       /* pieces that stand there again: the later id counts */
    struct rtd_trie trie; /* piece -> id */
};

enum { RTD_VOCAB_MAX = 32 << 20 }; /* bytes of a vocab.txt: what a stream header holds */

/* Reads text[0..len-1]: carriage returns before line ends are removed, a missing last line end is
 * added, empty lines at the end are no pieces (others are ids that no text yields).  RTD_EDATA for
 * what is not UTF-8 text, and no pieces at all; `name` is for messages. */
int rtd_vocab_init(struct rtd_vocab *v, const char *text, size_t len, const char *name,
                   struct rtd_err *err);
void rtd_vocab_fini(struct rtd_vocab *v);
/* The id of piece[0..len-1], or -1. */
int32_t rtd_vocab_id(const struct rtd_vocab *v, const char *piece, size_t len);
static inline const char *rtd_vocab_piece(const struct rtd_vocab *v, int32_t id)
{
    return id < 0 || (uint32_t)id >= v->n ? NULL : v->pieces + v->at[id];
}
/* Is the piece an entry that is there to be given a piece: [unused7]? */
bool rtd_vocab_unused(const char *piece);
/* Append the pieces of ids[0..n-1]: blanks between words, "##" taken off where a piece continues
 * one.  Tokenising the result gives the ids again, except for [UNK] and its like.  RTD_EDATA for an
 * id outside the vocabulary. */
int rtd_decode(const struct rtd_vocab *v, const int32_t *ids, size_t n, struct rtd_buf *out,
               struct rtd_err *err);

#endif
