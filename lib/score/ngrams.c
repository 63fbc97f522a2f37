/* rtdtools - MIT licence */
#include "score/ngrams.h"

#include <stdlib.h>

#include "base/hash.h"

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int rtd_ngrams_new(struct rtd_ngrams *g, const uint64_t *unit, size_t units, size_t order,
                   struct rtd_err *err)
{
    g->n = units < order ? 0 : units - order + 1;
    g->hash = malloc((g->n + 1) * sizeof *g->hash);
    if (!g->hash)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < g->n; i++)
        g->hash[i] = rtd_hash64(unit + i, order * sizeof *unit);
    qsort(g->hash, g->n, sizeof *g->hash, by_size);
    return RTD_OK;
}

void rtd_ngrams_free(struct rtd_ngrams *g)
{
    free(g->hash);
    *g = (struct rtd_ngrams){0};
}

size_t rtd_ngrams_common(const struct rtd_ngrams *a, const struct rtd_ngrams *b)
{
    size_t n = 0;
    for (size_t i = 0, k = 0; i < a->n && k < b->n;)
        if (a->hash[i] == b->hash[k]) {
            n++;
            i++;
            k++;
        } else if (a->hash[i] < b->hash[k]) {
            i++;
        } else {
            k++;
        }
    return n;
}

int rtd_ngrams_unite(struct rtd_ngrams *a, const struct rtd_ngrams *b, struct rtd_err *err)
{
    uint64_t *both = malloc((a->n + b->n + 1) * sizeof *both);
    size_t n = 0, i = 0, k = 0;
    if (!both)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    while (i < a->n || k < b->n) {
        if (i < a->n && k < b->n && a->hash[i] == b->hash[k]) {
            both[n++] = a->hash[i++];
            k++;
        } else if (k == b->n || (i < a->n && a->hash[i] < b->hash[k])) {
            both[n++] = a->hash[i++];
        } else {
            both[n++] = b->hash[k++];
        }
    }
    free(a->hash);
    *a = (struct rtd_ngrams){.hash = both, .n = n};
    return RTD_OK;
}
