/* rtdtools - MIT licence
 *
 * The order of an epoch, and batches. */
#include "finetune/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Fisher and Yates: every order equally likely. */
void rtd_epoch_order(uint32_t *order, size_t n, uint64_t seed, uint32_t key, uint64_t epoch)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        uint32_t draw = rtd_rand32(seed, RTD_RNG_ORDER, 0, key, epoch, (uint32_t)i);
        uint32_t k = rtd_below(draw, (uint32_t)i), keep = order[i - 1];
        order[i - 1] = order[k];
        order[k] = keep;
    }
}

static void free_targets(struct rtd_example_targets *a)
{
    free(a->label);
    free(a->value);
    free(a->token);
    free(a->span);
    *a = (struct rtd_example_targets){0};
}

void rtd_finetune_batch_free(struct rtd_finetune_batch *b)
{
    free(b->start);
    free(b->unit);
    free(b->prefix);
    free(b->ids);
    free(b->types);
    free(b->index);
    for (int i = 0; i < RTD_MAX_TARGETS; i++)
        free_targets(&b->copy[i]);
    *b = (struct rtd_finetune_batch){0};
}

/* Room for a target's data of n sequences of so many tokens. */
static bool reserve_targets(struct rtd_example_targets *b, const struct rtd_example_targets *e,
                            size_t n, size_t tokens)
{
    free_targets(b);
    *b = (struct rtd_example_targets){.head = e->head, .task = e->task, .outputs = e->outputs};
    if (e->label)
        b->label = malloc(n * sizeof *b->label);
    if (e->value)
        b->value = malloc(n * (size_t)e->outputs * sizeof *b->value);
    if (e->token)
        b->token = malloc(tokens * sizeof *b->token);
    if (e->span)
        b->span = malloc(n * sizeof *b->span);
    return !e->label == !b->label && !e->value == !b->value && !e->token == !b->token &&
           !e->span == !b->span;
}

static int reserve(struct rtd_finetune_batch *b, const struct rtd_examples *e, size_t n,
                   size_t tokens, struct rtd_err *err)
{
    bool ok = true, grown = n > b->seq_cap || tokens > b->token_cap || !b->start;
    if (n > b->seq_cap || !b->start) {
        free(b->start);
        free(b->unit);
        free(b->prefix);
        free(b->index);
        b->start = malloc((n + 1) * sizeof *b->start);
        b->unit = malloc((n + 1) * sizeof *b->unit);
        b->prefix = malloc(n * sizeof *b->prefix);
        b->index = malloc(n * sizeof *b->index);
        b->seq_cap = n;
    }
    if (tokens > b->token_cap) {
        free(b->ids);
        free(b->types);
        b->token_cap = tokens + tokens / 4;
        b->ids = malloc(b->token_cap * sizeof *b->ids);
        b->types = malloc(b->token_cap * sizeof *b->types);
    }
    for (int i = 0; i < e->targets && ok; i++) /* a batch of another data set may have others */
        if (grown || b->copy[i].head != e->target[i].head || b->view.ntarget != e->targets)
            ok = reserve_targets(&b->copy[i], &e->target[i], b->seq_cap, b->token_cap);
    if (!ok || !b->start || !b->unit || !b->prefix || !b->index || !b->ids || !b->types)
        return rtd_fail(err, RTD_ESYS, "not enough memory for a batch of %zu tokens", tokens);
    return RTD_OK;
}

/* units in the order in which they are laid out: placed (n); place p is lane p modulo lanes'. */
static int place(uint32_t *placed, const struct rtd_examples *e, const uint32_t *units, size_t n,
                 int lanes, struct rtd_err *err)
{
    uint64_t *key = malloc(n * sizeof *key);
    size_t *state = calloc(2 * (size_t)lanes, sizeof *state);
    if (!key || !state) {
        free(key);
        free(state);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    size_t *at = state, *tokens = state + lanes; /* its next place; what it has */
    for (size_t i = 0; i < n; i++)               /* longest first, then as they came */
        key[i] = (uint64_t)(UINT32_MAX - rtd_examples_tokens(e, units[i])) << 32 | i;
    qsort(key, n, sizeof *key, by_value);
    for (int l = 0; l < lanes; l++)
        at[l] = (size_t)l;
    for (size_t i = 0; i < n; i++) {
        uint32_t u = units[key[i] & UINT32_MAX];
        int best = -1;
        for (int l = 0; l < lanes; l++)
            if (at[l] < n && (best < 0 || tokens[l] < tokens[best]))
                best = l;
        placed[at[best]] = u;
        at[best] += (size_t)lanes;
        tokens[best] += rtd_examples_tokens(e, u);
    }
    free(key);
    free(state);
    return RTD_OK;
}

/* The targets of sequence s of e, which stands at sequence i, token t of the batch. */
static void copy_targets(struct rtd_example_targets *b, const struct rtd_example_targets *e,
                         size_t i, size_t t, size_t s, size_t from, size_t len)
{
    size_t k = (size_t)e->outputs;
    if (e->label)
        b->label[i] = e->label[s];
    if (e->value)
        memcpy(b->value + i * k, e->value + s * k, k * sizeof *b->value);
    if (e->token)
        memcpy(b->token + t, e->token + from, len * sizeof *b->token);
    if (e->span)
        memcpy(b->span[i], e->span[s], sizeof b->span[i]);
}

/* What the mean of target i goes over. */
static double count_of(const struct rtd_finetune_batch *b, int i, const float *weight)
{
    const struct rtd_example_targets *a = &b->copy[i];
    const int32_t *list = a->token ? a->token : a->label;
    size_t n = a->token ? b->view.start[b->view.nseq] : b->view.nseq;
    double sum = 0;
    if (a->task == RTD_TASK_RANK)
        return (double)b->view.units;
    if (!list)
        return (double)b->view.nseq;
    for (size_t k = 0; k < n; k++)
        if (list[k] >= 0)
            sum += weight ? (double)weight[list[k]] : 1;
    return sum;
}

static void view_batch(struct rtd_finetune_batch *b, const struct rtd_examples *e, size_t nseq,
                       size_t units)
{
    b->view = (struct rtd_batch_view){.nseq = nseq,
                                      .start = b->start,
                                      .ids = b->ids,
                                      .types = b->types,
                                      .index = b->index,
                                      .prefix = e->prefix ? b->prefix : NULL,
                                      .units = units,
                                      .unit = e->unit ? b->unit : NULL,
                                      .ntarget = e->targets,
                                      .target = b->target};
    for (int i = 0; i < e->targets; i++) {
        const struct rtd_example_targets *a = &b->copy[i];
        b->target[i] = (struct rtd_target){.head = a->head,
                                           .label = a->label,
                                           .value = a->value,
                                           .token = a->token,
                                           .span = (const int32_t(*)[2])a->span,
                                           .weight = e->target[i].weight,
                                           .count = count_of(b, i, e->target[i].weight)};
    }
}

int rtd_finetune_batch_fill(struct rtd_finetune_batch *b, const struct rtd_examples *e,
                            const uint32_t *units, size_t n, int lanes, uint64_t epoch,
                            struct rtd_err *err)
{
    size_t tokens = 0, nseq = 0, used = 0, i = 0, from, to;
    for (size_t u = 0; u < n; u++) {
        rtd_examples_unit(e, units[u], &from, &to);
        tokens += rtd_examples_tokens(e, units[u]);
        nseq += to - from;
    }
    uint32_t *placed = malloc(n * sizeof *placed);
    int st =
        placed ? reserve(b, e, nseq, tokens, err) : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = place(placed, e, units, n, lanes, err);
    for (size_t u = 0; u < n && !st; u++) {
        b->unit[u] = (uint32_t)i;
        rtd_examples_unit(e, placed[u], &from, &to);
        for (size_t s = from; s < to; s++, i++) {
            size_t at = e->seq.start[s], len = e->seq.start[s + 1] - at;
            b->start[i] = (uint32_t)used;
            memcpy(b->ids + used, e->seq.ids + at, len * sizeof *b->ids);
            memcpy(b->types + used, e->seq.types + at, len);
            b->index[i] = epoch << 40 | s;
            if (e->prefix)
                b->prefix[i] = e->prefix[s];
            for (int k = 0; k < e->targets; k++)
                copy_targets(&b->copy[k], &e->target[k], i, used, s, at, len);
            used += len;
        }
    }
    free(placed);
    if (st)
        return st;
    b->start[nseq] = (uint32_t)used;
    b->unit[n] = (uint32_t)nseq;
    view_batch(b, e, nseq, n);
    return RTD_OK;
}
