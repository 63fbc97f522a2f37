/* rtdtools - MIT licence */
#include "predict/decoding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void rtd_decoder_free(struct rtd_decoder *d)
{
    for (int i = 0; i < RTD_DECODER_ROWS; i++)
        rtd_cache_free(&d->cache[i]);
    rtd_arena_free(&d->work);
    free(d->hidden);
    free(d->logits);
    *d = (struct rtd_decoder){0};
}

/* One of the texts being written. */
struct beam {
    int32_t *ids; /* [most + 1] */
    size_t n;
    double sum; /* of log-probabilities */
};

struct candidate {
    double sum;
    int beam;
    int32_t id;
};

/* One text's. */
struct search {
    const struct rtd_lm_head *lm;
    const struct rtd_tokenizer *tok;
    const struct rtd_decoding *o;
    struct rtd_cache *cache;
    const struct rtd_source *source; /* NULL: free for another one */
    size_t most, written;            /* pieces: at most, so far */
    float *logits;                   /* (live, vocab), borrowed */
    int beams, live;
    struct beam *now, *next, *done; /* [beams], [beams], [beams] */
    int *from;                      /* [beams] which beam each comes from */
    int finished;
    struct candidate *best; /* [2 beams] */
    struct rtd_next_piece choice;
};

static double score_of(const struct search *s, double sum, size_t n)
{
    return sum / pow((double)n, s->o->length_penalty);
}

int rtd_decoder_logits(struct rtd_decoder *d, const struct rtd_network *net,
                       const struct rtd_lm_head *lm, const struct rtd_tokenizer *tok, size_t rows,
                       struct rtd_err *err)
{
    uint32_t row[RTD_DECODER_ROWS];
    int32_t target[RTD_DECODER_ROWS] = {0};
    struct rtd_arena count = {0};
    struct rtd_lm_rows r = {.M = rows, .row = row, .target = target, .logits = d->logits};
    for (size_t i = 0; i < rows; i++)
        row[i] = (uint32_t)i;
    rtd_lm_head_run(lm, NULL, NULL, &r, NULL, NULL, rows, 0, &count);
    if (rtd_arena_need(&d->work, count.peak, err))
        return err->status;
    rtd_lm_head_run(lm, net->params.w, NULL, &r, d->hidden, NULL, rows, 0, &d->work);
    for (size_t i = 0; i < rows; i++)
        for (size_t v = rtd_tokenizer_size(tok); v < lm->vocab; v++)
            d->logits[i * lm->vocab + v] = -INFINITY;
    return RTD_OK;
}

/* --- beam search --- */

/* Keep the best 2 * beams of all; of equals the earlier. */
static void offer(struct search *s, int *n, double sum, int beam, int32_t id)
{
    int most = 2 * s->beams, at = *n < most ? *n : most - 1;
    if (*n == most && !(sum > s->best[most - 1].sum))
        return;
    for (; at > 0 && sum > s->best[at - 1].sum; at--)
        s->best[at] = s->best[at - 1];
    s->best[at] = (struct candidate){sum, beam, id};
    *n += *n < most;
}

static void finish(struct search *s, const struct beam *b, double sum, size_t length)
{
    double score = score_of(s, sum, length);
    bool full = s->finished == s->beams;
    if (full && score <= s->done[s->beams - 1].sum)
        return;
    int at = full ? s->beams - 1 : s->finished++;
    memcpy(s->done[at].ids, b->ids, b->n * sizeof *b->ids);
    s->done[at].n = b->n;
    s->done[at].sum = score;
    for (; at > 0 && s->done[at].sum > s->done[at - 1].sum; at--) {
        struct beam t = s->done[at];
        s->done[at] = s->done[at - 1];
        s->done[at - 1] = t;
    }
}

/* Choose the next beams. */
static void choose(struct search *s)
{
    int32_t sep = rtd_tokenizer_special(s->tok)->sep;
    size_t vocab = s->lm->vocab;
    int n = 0, live = 0;
    for (int b = 0; b < s->live; b++) {
        float *x = s->logits + (size_t)b * vocab;
        double norm = rtd_next_piece_allow(&s->choice, s->now[b].ids, s->now[b].n, x);
        for (size_t v = 0; v < vocab; v++)
            if (x[v] > -INFINITY)
                offer(s, &n, s->now[b].sum + (double)x[v] - norm, b, (int32_t)v);
    }
    for (int i = 0; i < n && live < s->beams; i++) {
        const struct candidate *c = &s->best[i];
        const struct beam *old = &s->now[c->beam];
        if (c->id == sep) {
            if (i < s->beams)
                finish(s, old, c->sum, old->n + 1);
            continue;
        }
        struct beam *b = &s->next[live];
        memcpy(b->ids, old->ids, old->n * sizeof *b->ids);
        b->ids[old->n] = c->id;
        b->n = old->n + 1;
        b->sum = c->sum;
        s->from[live++] = c->beam;
    }
    s->live = live;
    struct beam *t = s->now;
    s->now = s->next;
    s->next = t;
}

/* --- sampling --- */

static void sample(struct search *s)
{
    struct beam *b = &s->now[0];
    double log_p;
    int32_t id = rtd_next_piece_draw(&s->choice, s->source->index, b->ids, b->n, s->logits, &log_p);
    b->sum += log_p;
    if (id == rtd_tokenizer_special(s->tok)->sep) {
        finish(s, b, b->sum, b->n + 1);
        s->live = 0;
        return;
    }
    b->ids[b->n++] = id;
}

/* --- the whole text --- */

/* At the limit: the last word goes where the model would go on with it. */
static void cut_word(struct search *s, struct beam *b, const float *x)
{
    size_t vocab = s->lm->vocab, best = 0;
    for (size_t v = 1; v < vocab; v++)
        best = x[v] > x[best] ? v : best;
    if (!rtd_piece_continues(s->tok, (int32_t)best))
        return;
    while (b->n && rtd_piece_continues(s->tok, b->ids[b->n - 1]))
        b->n--;
    b->n -= b->n > 0;
}

static int begin(struct search *s, const struct rtd_network *net, const struct rtd_source *source,
                 float *hidden, struct rtd_arena *work, struct rtd_err *err)
{
    size_t room = net->enc.positions - source->n;
    s->source = source;
    s->most = (size_t)s->o->most < room ? (size_t)s->o->most : room;
    s->written = 0;
    s->finished = 0;
    s->live = 1;
    s->now[0].n = 0;
    s->now[0].sum = 0;
    return rtd_cache_start(s->cache, &net->enc, net->params.w, source->ids, source->types,
                           source->n, (size_t)s->beams, s->most + 1, hidden, work, err);
}

static int end(struct search *s, struct rtd_err *err)
{
    for (int b = 0; b < s->live && s->finished < s->beams; b++) {
        size_t length = s->now[b].n;
        cut_word(s, &s->now[b], s->logits + (size_t)b * s->lm->vocab);
        finish(s, &s->now[b], s->now[b].sum, length ? length : 1);
    }
    struct rtd_decoded *out = s->source->out;
    s->source = NULL;
    if (!s->finished)
        return RTD_OK;
    const struct beam *best = &s->done[0];
    *out = (struct rtd_decoded){malloc((best->n + 1) * sizeof *out->ids), best->n, best->sum};
    if (!out->ids)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    memcpy(out->ids, best->ids, best->n * sizeof *out->ids);
    return RTD_OK;
}

/* A piece more, or the end. */
static int advance(struct search *s, struct rtd_err *err)
{
    if (s->written == s->most)
        return end(s, err);
    if (s->o->sample)
        sample(s);
    else
        choose(s);
    s->written++;
    if (!s->live || s->finished == s->beams) {
        s->live = 0;
        return end(s, err);
    }
    if (!s->o->sample)
        rtd_cache_reorder(s->cache, s->from, (size_t)s->live);
    return RTD_OK;
}

static bool take_beams(struct beam **list, int beams, size_t most)
{
    *list = calloc((size_t)beams, sizeof **list);
    bool ok = *list != NULL;
    for (int b = 0; b < beams && ok; b++)
        ok = ((*list)[b].ids = malloc((most + 1) * sizeof(int32_t))) != NULL;
    return ok;
}

static void free_beams(struct beam *list, int beams)
{
    for (int b = 0; list && b < beams; b++)
        free(list[b].ids);
    free(list);
}

int rtd_decoder_reserve(struct rtd_decoder *d, size_t rows, size_t h, size_t vocab,
                        struct rtd_err *err)
{
    if (d->room >= rows)
        return RTD_OK;
    free(d->hidden);
    free(d->logits);
    d->hidden = rtd_alloc_aligned(rows * h, sizeof *d->hidden);
    d->logits = rtd_alloc_aligned(rows * vocab, sizeof *d->logits);
    d->room = d->hidden && d->logits ? rows : 0;
    return d->room ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

static int new_search(struct search *s, const struct rtd_network *net, int head,
                      const struct rtd_tokenizer *tok, const struct rtd_decoding *o,
                      struct rtd_cache *cache, struct rtd_err *err)
{
    size_t positions = net->enc.positions, most = (size_t)o->most;
    *s = (struct search){.lm = &net->head[head].shape.as.lm,
                         .tok = tok,
                         .o = o,
                         .cache = cache,
                         .beams = o->sample ? 1 : o->beams};
    most = most < positions ? most : positions;
    bool ok = take_beams(&s->now, s->beams, most);
    ok &= take_beams(&s->next, s->beams, most);
    ok &= take_beams(&s->done, s->beams, most);
    s->from = malloc((size_t)s->beams * sizeof *s->from);
    s->best = malloc(2 * (size_t)s->beams * sizeof *s->best);
    int st = rtd_next_piece_init(&s->choice, tok, o, s->lm->vocab, err);
    ok &= s->from && s->best;
    return ok || st ? st : rtd_fail(err, RTD_ESYS, "not enough memory");
}

static void free_search(struct search *s)
{
    free_beams(s->now, s->beams);
    free_beams(s->next, s->beams);
    free_beams(s->done, s->beams);
    free(s->from);
    free(s->best);
    rtd_next_piece_free(&s->choice);
}

/* A step of all texts, to the first rows of d->hidden. */
static int step(struct rtd_decoder *d, struct search *s, size_t slots,
                const struct rtd_network *net, size_t *rows, struct rtd_err *err)
{
    struct rtd_cache *cache[RTD_DECODER_ROWS];
    size_t targets[RTD_DECODER_ROWS], n = 0;
    int32_t last[RTD_DECODER_ROWS];
    *rows = 0;
    for (size_t i = 0; i < slots; i++) {
        if (!s[i].source)
            continue;
        cache[n] = s[i].cache;
        targets[n++] = (size_t)s[i].live;
        s[i].logits = d->logits + *rows * s[i].lm->vocab;
        for (int b = 0; b < s[i].live; b++)
            last[(*rows)++] = s[i].now[b].ids[s[i].now[b].n - 1];
    }
    return n ? rtd_cache_step(cache, targets, n, net->params.w, last, net->enc.types > 1, d->hidden,
                              &d->work, err)
             : RTD_OK;
}

static const struct rtd_source *take(struct rtd_sources *list)
{
    size_t i = atomic_fetch_add(&list->taken, 1);
    return i < list->n ? &list->source[i] : NULL;
}

/* Where a text has ended another one begins. */
static int write_texts(struct rtd_decoder *d, struct search *s, size_t slots,
                       const struct rtd_network *net, struct rtd_sources *list, struct rtd_err *err)
{
    const struct rtd_source *source = take(list);
    for (;;) {
        size_t rows;
        int st = step(d, s, slots, net, &rows, err);
        for (size_t i = 0; i < slots && source && !st; i++) {
            if (s[i].source)
                continue;
            st = begin(&s[i], net, source, d->hidden + rows * net->enc.h, &d->work, err);
            s[i].logits = d->logits + rows++ * s[i].lm->vocab;
            source = take(list);
        }
        if (st || !rows)
            return st;
        st = rtd_decoder_logits(d, net, s->lm, s->tok, rows, err);
        for (size_t i = 0; i < slots && !st; i++)
            if (s[i].source)
                st = advance(&s[i], err);
        if (st)
            return st;
    }
}

int rtd_decode_texts(struct rtd_decoder *d, struct rtd_sources *list, const struct rtd_network *net,
                     int head, const struct rtd_tokenizer *tok, const struct rtd_decoding *o,
                     struct rtd_err *err)
{
    struct search s[RTD_DECODER_ROWS];
    size_t beams = o->sample ? 1 : (size_t)o->beams, slots = RTD_DECODER_ROWS / beams, have = 0;
    size_t share = (list->n + list->threads - 1) / list->threads;
    slots = share < slots ? share : slots;
    int st =
        rtd_decoder_reserve(d, slots * beams, net->enc.h, net->head[head].shape.as.lm.vocab, err);
    for (; have < slots && !st; have++)
        st = new_search(&s[have], net, head, tok, o, &d->cache[have], err);
    if (!st)
        st = write_texts(d, s, slots, net, list, err);
    for (size_t i = 0; i < have; i++)
        free_search(&s[i]);
    return st;
}
