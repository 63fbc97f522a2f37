/* rtdtools - MIT licence
 *
 * The merging half of vocabulary learning: pieces, and words spelt in them. */
#ifndef RTD_TEXT_MERGE_H
#define RTD_TEXT_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* Pieces by number, each once.  Zero-initialise. */
struct rtd_pieces {
    struct rtd_buf text; /* the pieces, each with a NUL after it */
    struct rtd_buf at;   /* size_t [n]: where they begin */
    uint32_t n;
    uint32_t *slot; /* [slots] open addressing: number + 1, or 0 */
    size_t slots;
};
/* The number of piece[0..len-1], a new one where it is new. */
int rtd_pieces_add(struct rtd_pieces *p, const char *piece, size_t len, uint32_t *number,
                   struct rtd_err *err);
/* The number of a piece, or UINT32_MAX. */
uint32_t rtd_pieces_find(const struct rtd_pieces *p, const char *piece, size_t len);
static inline const char *rtd_pieces_get(const struct rtd_pieces *p, uint32_t number)
{
    return (const char *)p->text.data + ((const size_t *)p->at.data)[number];
}
void rtd_pieces_free(struct rtd_pieces *p);

/* Words spelt in pieces. */
struct rtd_spelling {
    uint32_t *piece; /* word w: piece[start[w] .. start[w] + len[w] - 1] */
    size_t *start;   /* [n + 1] */
    uint32_t *len;   /* [n]; shrinks as pieces are merged */
    uint64_t *count; /* [n] how often the word occurs */
    size_t n;        /* < 2^32 */
};

/* Merge the most frequent pair (of equals: the smaller left, then the smaller right number) until
 * there are `size` pieces or no pair is left that occurs, and at least min_frequency times. */
int rtd_merge(struct rtd_pieces *p, struct rtd_spelling *s, uint32_t size, uint64_t min_frequency,
              struct rtd_err *err);

#endif
