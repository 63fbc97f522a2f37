/* rtdtools - MIT licence */
#include "predict/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void rtd_windows_free(struct rtd_windows *w)
{
    free(w->window);
    free(w->begin);
    free(w->end);
    rtd_encoding_free(&w->question);
    rtd_encoding_free(&w->context);
    *w = (struct rtd_windows){0};
}

static bool resize(void *list, size_t n, size_t size)
{
    void **p = list;
    void *more = realloc(*p, n * size);
    if (more)
        *p = more;
    return more != NULL;
}

static int keep_offsets(struct rtd_windows *w, struct rtd_err *err)
{
    size_t n = w->context.n;
    if (n > w->piece_cap || !w->begin) {
        if (!resize(&w->begin, n + 64, sizeof *w->begin) ||
            !resize(&w->end, n + 64, sizeof *w->end))
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        w->piece_cap = n + 64;
    }
    w->pieces = n;
    if (n == 0)
        return RTD_OK;
    memcpy(w->begin, w->context.begin, n * sizeof *w->begin);
    memcpy(w->end, w->context.end, n * sizeof *w->end);
    return RTD_OK;
}

size_t rtd_windows_question(const struct rtd_window_options *o, size_t length)
{
    size_t half = length / 2 < 64 ? length / 2 : 64, most = o->question ? o->question : half;
    return most < length - 4 ? most : length - 4;
}

/* Pieces that two windows of `room` pieces of the context share. */
static size_t shared_pieces(const struct rtd_window_options *o, size_t length, size_t room)
{
    size_t third = length / 3 < 128 ? length / 3 : 128;
    return o->shared ? o->shared : third < room / 2 ? third : room / 2;
}

int rtd_windows_make(struct rtd_windows *w, struct rtd_sequences *s, const char *question,
                     const char *context, const struct rtd_window_options *o, struct rtd_err *err)
{
    if (s->length < 4) /* [CLS], two [SEP], and one piece to go on by */
        return rtd_fail(err, RTD_EUSAGE, "%zu tokens have no room for a question and its context",
                        s->length);
    if (rtd_tokenizer_encode(s->tok, &w->question, question, strlen(question), err) ||
        rtd_tokenizer_encode(s->tok, &w->context, context, strlen(context), err) ||
        keep_offsets(w, err))
        return err->status;
    rtd_sequences_count(s, &w->question);
    rtd_sequences_count(s, &w->context);
    size_t most = rtd_windows_question(o, s->length);
    size_t nq = w->question.n < most ? w->question.n : most, room = s->length - 3 - nq, from = 0;
    size_t shared = shared_pieces(o, s->length, room), step = room > shared ? room - shared : 1;
    w->cut = nq < w->question.n;
    w->creeps = step == 1 && room > 1 && w->pieces > room + 1;
    w->n = 0;
    for (bool last = false; !last; from += step) {
        size_t n = w->pieces - from < room ? w->pieces - from : room;
        last = from + n == w->pieces;
        if (w->n == w->cap) {
            if (!resize(&w->window, 2 * w->cap + 4, sizeof *w->window))
                return rtd_fail(err, RTD_ESYS, "not enough memory");
            w->cap = 2 * w->cap + 4;
        }
        w->window[w->n++] = (struct rtd_window){
            .from = (uint32_t)from, .n = (uint32_t)n, .offset = (uint32_t)nq + 2};
        static const int32_t none;
        if (rtd_sequences_add_ids(s, w->question.ids, nq, n ? w->context.ids + from : &none, n,
                                  err))
            return err->status;
    }
    return RTD_OK;
}

/* Context on the poorer side of piece p in a window, and a little for a long window (as BERT). */
static double context_of(const struct rtd_window *w, uint32_t p)
{
    uint32_t left = p - w->from, right = w->from + w->n - 1 - p;
    return (left < right ? left : right) + 0.01 * w->n;
}

bool rtd_window_has_most(const struct rtd_windows *w, size_t i, uint32_t p)
{
    double here = context_of(&w->window[i], p);
    for (size_t k = 0; k < w->n; k++) {
        const struct rtd_window *o = &w->window[k];
        if (k == i || p < o->from || p >= o->from + o->n)
            continue;
        double there = context_of(o, p);
        if (there > here || (there == here && k < i))
            return false;
    }
    return true;
}

bool rtd_windows_pieces(const struct rtd_windows *w, size_t begin, size_t end, uint32_t *first,
                        uint32_t *last)
{
    size_t a = 0, b = w->pieces;
    while (a < w->pieces && w->end[a] <= begin)
        a++;
    while (b > 0 && w->begin[b - 1] >= end)
        b--;
    *first = (uint32_t)a;
    *last = (uint32_t)b - 1;
    return a < b;
}

/* Keep it among the best, behind those that are as good. */
static void offer(struct rtd_spans *s, struct rtd_span span)
{
    size_t at = s->n;
    if (at == s->most && span.score <= s->best[at - 1].score)
        return;
    at -= at == s->most;
    for (; at > 0 && s->best[at - 1].score < span.score; at--)
        s->best[at] = s->best[at - 1];
    s->best[at] = span;
    s->n += s->n < s->most;
}

static void search(struct rtd_spans *s, const struct rtd_windows *w, size_t i, const float *logits,
                   uint32_t longest)
{
    const struct rtd_window *win = &w->window[i];
    const float *x = logits + 2 * win->offset;
    for (uint32_t a = 0; a < win->n; a++) {
        uint32_t stop = win->n - a < longest ? win->n : a + longest;
        if (w->n > 1 && !rtd_window_has_most(w, i, win->from + a))
            continue;
        for (uint32_t b = a; b < stop; b++)
            offer(s, (struct rtd_span){win->from + a, win->from + b,
                                       (double)x[2 * a] + (double)x[2 * b + 1]});
    }
}

void rtd_best_spans(struct rtd_spans *s, const struct rtd_windows *w, const float *const *logits,
                    uint32_t longest)
{
    s->n = 0;
    s->no_answer = INFINITY;
    for (size_t i = 0; i < w->n; i++) {
        double none = (double)logits[i][0] + (double)logits[i][1];
        s->no_answer = none < s->no_answer ? none : s->no_answer;
        search(s, w, i, logits[i], longest);
    }
}

double rtd_no_answer_probability(const struct rtd_spans *s)
{
    return s->n ? 1 / (1 + exp(s->best[0].score - s->no_answer)) : 1;
}
