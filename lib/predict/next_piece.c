/* rtdtools - MIT licence */
#include "predict/next_piece.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

int rtd_next_piece_init(struct rtd_next_piece *c, const struct rtd_tokenizer *tok,
                        const struct rtd_decoding *o, size_t vocab, struct rtd_err *err)
{
    *c = (struct rtd_next_piece){.tok = tok, .o = o, .vocab = vocab};
    if (o->sample)
        c->order = malloc(vocab * sizeof *c->order);
    return c->order || !o->sample ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

void rtd_next_piece_free(struct rtd_next_piece *c)
{
    free(c->order);
    *c = (struct rtd_next_piece){0};
}

bool rtd_piece_continues(const struct rtd_tokenizer *tok, int32_t id)
{
    const char *piece = rtd_tokenizer_piece(tok, id);
    return piece && rtd_tokenizer_inside(tok, piece);
}

/* Would id complete an n-gram that stands in the text already? */
static bool repeats(const int32_t *ids, size_t len, int32_t id, size_t n)
{
    for (size_t i = 0; n && i + n <= len; i++)
        if (ids[i + n - 1] == id && memcmp(ids + i, ids + len + 1 - n, (n - 1) * sizeof *ids) == 0)
            return true;
    return false;
}

double rtd_next_piece_allow(const struct rtd_next_piece *c, const int32_t *ids, size_t n, float *x)
{
    const struct rtd_special_ids *sp = rtd_tokenizer_special(c->tok);
    const int32_t never[] = {sp->pad, sp->unk, sp->cls, sp->mask};
    size_t vocab = c->vocab;
    double sum = 0;
    float most = -INFINITY;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        x[never[i]] = -INFINITY;
    if (n < (size_t)c->o->least)
        x[sp->sep] = -INFINITY;
    for (size_t v = 0; n == 0 && v < vocab; v++)
        if (rtd_piece_continues(c->tok, (int32_t)v))
            x[v] = -INFINITY;
    for (size_t i = 0; c->o->no_repeat && ids && i < n; i++)
        if (repeats(ids, n, ids[i], (size_t)c->o->no_repeat))
            x[ids[i]] = -INFINITY;
    for (size_t v = 0; v < vocab; v++)
        most = x[v] > most ? x[v] : most;
    for (size_t v = 0; v < vocab; v++)
        sum += exp((double)x[v] - (double)most);
    return (double)most + log(sum);
}

struct by_logit {
    const float *x;
};

static int downwards(const void *a, const void *b, void *arg)
{
    const struct by_logit *k = arg;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    return k->x[i] > k->x[j] ? -1 : k->x[i] < k->x[j] ? 1 : i < j ? -1 : i > j;
}

int32_t rtd_next_piece_draw(struct rtd_next_piece *c, uint64_t index, const int32_t *ids, size_t n,
                            float *x, double *log_p)
{
    size_t vocab = c->vocab, among = 0;
    double norm = rtd_next_piece_allow(c, ids, n, x), sum = 0, kept = 0;
    struct by_logit key = {x};
    for (size_t v = 0; v < vocab; v++)
        if (x[v] > -INFINITY)
            c->order[among++] = (uint32_t)v;
    qsort_r(c->order, among, sizeof *c->order, downwards, &key);
    if (c->o->top_k && (size_t)c->o->top_k < among)
        among = (size_t)c->o->top_k;
    double best = (double)x[c->order[0]];
    for (size_t i = 0; i < among; i++)
        sum += exp(((double)x[c->order[i]] - best) / c->o->temperature);
    for (size_t i = 0; i < among; i++) {
        kept += exp(((double)x[c->order[i]] - best) / c->o->temperature) / sum;
        if (kept >= c->o->top_p)
            among = i + 1;
    }
    double u = kept * rtd_unit(rtd_rand32(c->o->seed, RTD_RNG_GENERATE, 0, 0, index, (uint32_t)n));
    size_t i = 0;
    for (double up = 0; i + 1 < among; i++) {
        up += exp(((double)x[c->order[i]] - best) / c->o->temperature) / sum;
        if (u < up)
            break;
    }
    *log_p = (double)x[c->order[i]] - norm;
    return (int32_t)c->order[i];
}

int32_t rtd_next_piece_best(const struct rtd_next_piece *c, const int32_t *ids, size_t n, float *x)
{
    size_t best = 0;
    rtd_next_piece_allow(c, ids, n, x);
    for (size_t v = 1; v < c->vocab; v++)
        best = x[v] > x[best] ? v : best;
    return (int32_t)best;
}
