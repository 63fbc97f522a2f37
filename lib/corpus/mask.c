/* rtdtools - MIT licence
 *
 * Dynamic masking (mask.h). */
#include "corpus/mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"

enum { SPECIALS = 5 };

struct rtd_masker {
    struct rtd_mask_options o;
    uint32_t max_length; /* of the stream's sequences; 0: not known */
    int32_t cls, sep, mask;
    int32_t special[SPECIALS];                   /* increasing */
    uint32_t ordinary;                           /* ids that are not special */
    struct rtd_buf candidates, shown, originals; /* of int32_t */
    struct rtd_buf clocks;                       /* of struct clock; with weights */
};

/* When a candidate is drawn, and its position. */
struct clock {
    double at;
    int32_t position;
};

/* A sequence of 32-bit words of one purpose and record, one Philox block for four. */
struct words {
    uint64_t seed, index;
    uint32_t purpose, layer, next;
    uint32_t block[4];
};

static uint32_t draw(struct words *w)
{
    if (w->next % 4 == 0)
        rtd_philox(w->block, w->seed, w->purpose, 0, w->layer, w->index, w->next / 4);
    return w->block[w->next++ % 4];
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Share of the tokens to choose in the record of that index. */
static double prob_at(const struct rtd_masker *m, uint64_t index)
{
    struct rtd_ramp r = {m->o.prob, m->o.prob_end};
    return m->o.over ? rtd_ramp_at(&r, rtd_share(index, m->o.over)) : m->o.prob;
}

static uint32_t limit(const struct rtd_masker *m, double prob)
{
    return m->o.max_predictions ? m->o.max_predictions : (uint32_t)((prob + 0.005) * m->max_length);
}

int rtd_masker_new(struct rtd_masker **out, const struct rtd_mask_options *o,
                   const struct rtd_header *h, const char *name, struct rtd_err *err)
{
    *out = NULL;
    const struct rtd_tokeniser *tok = &h->tok;
    if (!tok->vocab || tok->vocab_size <= SPECIALS)
        return rtd_fail(err, RTD_EDATA, "%s: the stream carries no vocabulary", name);
    if (!o->max_predictions && !h->max_length)
        return rtd_fail(err, RTD_EDATA, "%s: the stream has no max_length (give --max-predictions)",
                        name);
    struct rtd_masker *m = calloc(1, sizeof *m);
    if (!m)
        return rtd_fail(err, RTD_ESYS, "no memory for masking");
    m->o = *o;
    m->max_length = h->max_length;
    m->cls = tok->cls_id;
    m->sep = tok->sep_id;
    m->mask = tok->mask_id;
    m->ordinary = tok->vocab_size - SPECIALS;
    int32_t special[SPECIALS] = {tok->pad_id, tok->unk_id, tok->cls_id, tok->sep_id, tok->mask_id};
    memcpy(m->special, special, sizeof special);
    qsort(m->special, SPECIALS, sizeof *m->special, by_value);
    *out = m;
    return RTD_OK;
}

void rtd_masker_free(struct rtd_masker *m)
{
    if (!m)
        return;
    rtd_buf_free(&m->candidates);
    rtd_buf_free(&m->shown);
    rtd_buf_free(&m->originals);
    rtd_buf_free(&m->clocks);
    free(m);
}

uint32_t rtd_masker_limit(const struct rtd_masker *m)
{
    double most = m->o.over && m->o.prob_end > m->o.prob ? m->o.prob_end : m->o.prob;
    return limit(m, most);
}

/* How many positions a sequence of n tokens gets, before the candidates are counted. */
static uint32_t wanted(const struct rtd_masker *m, uint64_t index, uint32_t n)
{
    double prob = prob_at(m, index), w = rint(prob * n);
    if (w > limit(m, prob))
        w = limit(m, prob);
    return w < 1 ? 1 : (uint32_t)w;
}

static bool is_candidate(const struct rtd_masker *m, int32_t id)
{
    return id != m->cls && id != m->sep && id != m->mask && (!m->o.weight || m->o.weight[id] > 0);
}

/* Swap `count` of c[total], each as likely as the others, to the front. */
static void draw_alike(const struct rtd_masker *m, uint64_t index, int32_t *c, uint32_t total,
                       uint32_t count)
{
    struct words w = {.seed = m->o.seed, .index = index, .purpose = RTD_RNG_MASK};
    for (uint32_t k = 0; k < count; k++) {
        uint32_t j = k + rtd_below(draw(&w), total - k);
        int32_t chosen = c[j];
        c[j] = c[k];
        c[k] = chosen;
    }
}

static int by_clock(const void *a, const void *b)
{
    const struct clock *x = a, *y = b;
    return x->at != y->at ? (x->at > y->at) - (x->at < y->at)
                          : (x->position > y->position) - (x->position < y->position);
}

/* The same by the weights of their pieces. */
static int draw_by_weight(struct rtd_masker *m, uint64_t index, const int32_t *ids, int32_t *c,
                          uint32_t total, uint32_t count, struct rtd_err *err)
{
    m->clocks.len = 0;
    if (rtd_buf_reserve(&m->clocks, total * sizeof(struct clock), err))
        return err->status;
    struct clock *clock = m->clocks.data;
    struct words w = {.seed = m->o.seed, .index = index, .purpose = RTD_RNG_MASK, .layer = 1};
    for (uint32_t i = 0; i < total; i++) {
        double u = (draw(&w) + 0.5) * 0x1p-32;
        clock[i] = (struct clock){-log(u) / m->o.weight[ids[c[i]]], c[i]};
    }
    qsort(clock, total, sizeof *clock, by_clock);
    for (uint32_t k = 0; k < count; k++)
        c[k] = clock[k].position;
    return RTD_OK;
}

/* Choose positions: the first *count of m->candidates, increasing. */
static int choose(struct rtd_masker *m, uint64_t index, const int32_t *ids, uint32_t n,
                  uint32_t *count, struct rtd_err *err)
{
    m->candidates.len = 0;
    if (rtd_buf_reserve(&m->candidates, n * sizeof(int32_t), err))
        return err->status;
    int32_t *c = m->candidates.data;
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++)
        if (is_candidate(m, ids[i]))
            c[total++] = (int32_t)i;

    uint32_t want = wanted(m, index, n);
    *count = want < total ? want : total;
    if (!m->o.weight)
        draw_alike(m, index, c, total, *count);
    else if (draw_by_weight(m, index, ids, c, total, *count, err))
        return err->status;
    qsort(c, *count, sizeof *c, by_value);
    return RTD_OK;
}

/* A random id that is not special: number `x` of the ordinary ones. */
static int32_t ordinary_id(const struct rtd_masker *m, uint32_t x)
{
    int32_t id = (int32_t)x;
    for (int i = 0; i < SPECIALS; i++)
        if (id >= m->special[i])
            id++;
    return id;
}

int rtd_masker_apply(struct rtd_masker *m, uint64_t index, const int32_t *ids, uint32_t n,
                     struct rtd_masked *out, struct rtd_err *err)
{
    uint32_t count = 0;
    m->shown.len = m->originals.len = 0;
    if (choose(m, index, ids, n, &count, err) ||
        rtd_buf_append(&m->shown, ids, n * sizeof *ids, err) ||
        rtd_buf_reserve(&m->originals, count * sizeof *ids, err))
        return err->status;

    const int32_t *position = m->candidates.data;
    int32_t *shown = m->shown.data, *original = m->originals.data;
    struct words w = {.seed = m->o.seed, .index = index, .purpose = RTD_RNG_COIN};
    for (uint32_t k = 0; k < count; k++) {
        original[k] = ids[position[k]];
        double u = rtd_unit(draw(&w));
        if (u < RTD_MASK_COVER)
            shown[position[k]] = m->mask;
        else if (u < RTD_MASK_COVER + m->o.random_replace)
            shown[position[k]] = ordinary_id(
                m, rtd_below(rtd_rand32(m->o.seed, RTD_RNG_COIN, 0, 1, index, k), m->ordinary));
    }
    *out = (struct rtd_masked){shown, position, original, count};
    return RTD_OK;
}
