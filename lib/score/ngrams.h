/* rtdtools - MIT licence
 *
 * N-grams of a text as sorted 64-bit hashes: how many two texts have in common. */
#ifndef RTD_SCORE_NGRAMS_H
#define RTD_SCORE_NGRAMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rtd_ngrams {
    uint64_t *hash; /* [n], sorted; owned */
    size_t n;
};
/* Of units i .. i + order - 1; unit[i] is any number that stands for the unit. */
int rtd_ngrams_new(struct rtd_ngrams *g, const uint64_t *unit, size_t units, size_t order,
                   struct rtd_err *err);
void rtd_ngrams_free(struct rtd_ngrams *g);
/* Summed minimum of both counts. */
size_t rtd_ngrams_common(const struct rtd_ngrams *a, const struct rtd_ngrams *b);
/* a becomes the union of both, each n-gram as often as where it is more frequent. */
int rtd_ngrams_unite(struct rtd_ngrams *a, const struct rtd_ngrams *b, struct rtd_err *err);

#endif
