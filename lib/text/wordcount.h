/* rtdtools - MIT licence
 *
 * Words and how often each was seen, in bounded memory. */
#ifndef RTD_TEXT_WORDCOUNT_H
#define RTD_TEXT_WORDCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct rtd_counted {
    uint64_t count; /* 0: a free place */
    size_t off;     /* bytes.data[off .. off+len-1] */
    uint32_t len, hash;
};

/* Zero-initialise, and set max_bytes. */
struct rtd_wordcount {
    struct rtd_counted *word; /* [cap], open addressing; cap is a power of two */
    size_t n, cap;
    struct rtd_buf bytes;
    size_t max_bytes;   /* of both together */
    uint64_t forgotten; /* words seen this often or less may have been forgotten; 0: none was */
};

/* Count one occurrence.  Where max_bytes is reached the rarest words are forgotten (of the words
 * seen once first all, then those seen twice, until half of the memory is free); a forgotten word
 * starts again from nothing when it comes back. */
int rtd_wordcount_add(struct rtd_wordcount *c, const char *word, uint32_t len, struct rtd_err *err);
static inline const char *rtd_wordcount_text(const struct rtd_wordcount *c,
                                             const struct rtd_counted *w)
{
    return (const char *)c->bytes.data + w->off;
}
/* The words by their bytes, word[0 .. n - 1]; no more are counted. */
void rtd_wordcount_sort(struct rtd_wordcount *c);
void rtd_wordcount_free(struct rtd_wordcount *c);

#endif
