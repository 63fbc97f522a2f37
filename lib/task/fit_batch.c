/* rtdtools - MIT licence
 *
 * Orders and batches. */
#include "task/fit_batch.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Fisher and Yates: every order equally likely. */
void rtd_epoch_order(uint32_t *order, size_t n, uint64_t seed, uint64_t epoch)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        uint32_t draw = rtd_rand32(seed, RTD_RNG_ORDER, 0, 0, epoch, (uint32_t)i);
        uint32_t k = rtd_below(draw, (uint32_t)i), keep = order[i - 1];
        order[i - 1] = order[k];
        order[k] = keep;
    }
}

void rtd_fit_batch_free(struct rtd_fit_batch *b)
{
    free(b->start);
    free(b->ids);
    free(b->types);
    free(b->index);
    free(b->labels);
    *b = (struct rtd_fit_batch){0};
}

static int reserve(struct rtd_fit_batch *b, size_t n, size_t tokens, struct rtd_err *err)
{
    if (n > b->seq_cap || !b->start) {
        free(b->start);
        free(b->index);
        free(b->labels);
        b->start = malloc((n + 1) * sizeof *b->start);
        b->index = malloc(n * sizeof *b->index);
        b->labels = malloc(n * sizeof *b->labels);
        b->seq_cap = n;
    }
    if (tokens > b->token_cap) {
        free(b->ids);
        free(b->types);
        b->ids = malloc(tokens * sizeof *b->ids);
        b->types = malloc(tokens * sizeof *b->types);
        b->token_cap = tokens;
    }
    if (!b->start || !b->index || !b->labels || !b->ids || !b->types)
        return rtd_fail(err, RTD_ESYS, "not enough memory for a batch of %zu tokens", tokens);
    return RTD_OK;
}

static size_t row_length(const struct rtd_examples *e, uint32_t row)
{
    return e->seq.start[row + 1] - e->seq.start[row];
}

/* rows in the order in which they are laid out: placed (n), lane after lane. */
static int place(uint32_t *placed, const struct rtd_examples *e, const uint32_t *rows, size_t n,
                 int lanes, struct rtd_err *err)
{
    uint64_t *key = malloc(n * sizeof *key);
    size_t *state = calloc(3 * (size_t)lanes, sizeof *state);
    if (!key || !state) {
        free(key);
        free(state);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    size_t *at = state, *end = state + lanes, *tokens = state + 2 * lanes;
    for (size_t i = 0; i < n; i++) /* longest first, then as they came */
        key[i] = (uint64_t)(UINT32_MAX - row_length(e, rows[i])) << 32 | i;
    qsort(key, n, sizeof *key, by_value);
    for (int l = 0; l < lanes; l++)
        rtd_part(n, lanes, l, &at[l], &end[l]);
    for (size_t i = 0; i < n; i++) {
        uint32_t row = rows[key[i] & UINT32_MAX];
        int best = -1;
        for (int l = 0; l < lanes; l++)
            if (at[l] < end[l] && (best < 0 || tokens[l] < tokens[best]))
                best = l;
        placed[at[best]++] = row;
        tokens[best] += row_length(e, row);
    }
    free(key);
    free(state);
    return RTD_OK;
}

int rtd_fit_batch_fill(struct rtd_fit_batch *b, const struct rtd_examples *e, const uint32_t *rows,
                       size_t n, int lanes, uint64_t epoch, struct rtd_err *err)
{
    size_t tokens = 0, used = 0;
    for (size_t i = 0; i < n; i++)
        tokens += row_length(e, rows[i]);
    uint32_t *placed = malloc(n * sizeof *placed);
    int st = placed ? reserve(b, n, tokens, err) : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = place(placed, e, rows, n, lanes, err);
    for (size_t i = 0; i < n && !st; i++) {
        uint32_t row = placed[i], from = e->seq.start[row];
        size_t len = row_length(e, row);
        b->start[i] = (uint32_t)used;
        memcpy(b->ids + used, e->seq.ids + from, len * sizeof *b->ids);
        memcpy(b->types + used, e->seq.types + from, len);
        b->index[i] = epoch << 40 | row;
        b->labels[i] = e->label[row];
        used += len;
    }
    free(placed);
    if (st)
        return st;
    b->start[n] = (uint32_t)used;
    b->view = (struct rtd_labelled_batch){.nseq = n,
                                          .start = b->start,
                                          .ids = b->ids,
                                          .types = b->types,
                                          .index = b->index,
                                          .labels = b->labels};
    return RTD_OK;
}
