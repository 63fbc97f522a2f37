/* rtdtools - MIT licence
 *
 * Data sets of questions about contexts: SQuAD's JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "finetune/dataset.h"
#include "score/metrics_squad.h"
#include "gold/squad.h"
#include "predict/windows.h"

enum { LONGEST_ANSWER = 30 };

/* What the metrics compare with. */
struct gold {
    struct rtd_squad squad;
    struct rtd_windows *windows; /* [questions] */
    size_t *first;               /* [questions] first sequence of each */
};

static void free_gold(void *p)
{
    struct gold *g = p;
    if (!g)
        return;
    for (size_t i = 0; g->windows && i < g->squad.n; i++)
        rtd_windows_free(&g->windows[i]);
    free(g->windows);
    free(g->first);
    rtd_squad_free(&g->squad);
    free(g);
}

/* The target of window i: the answer's tokens if it holds them all, else [CLS]. */
static void set_span(int32_t span[2], const struct rtd_windows *w, size_t i,
                     const struct rtd_squad_question *q)
{
    const struct rtd_window *win = &w->window[i];
    uint32_t first, last;
    span[0] = span[1] = 0;
    if (q->answers == 0)
        return;
    const struct rtd_squad_answer *a = &q->answer[0];
    if (!rtd_windows_pieces(w, a->start, a->start + strlen(a->text), &first, &last))
        return;
    if (first >= win->from && last < win->from + win->n) {
        span[0] = (int32_t)(win->offset + first - win->from);
        span[1] = (int32_t)(win->offset + last - win->from);
    }
}

static int add_spans(struct rtd_example_targets *a, size_t *cap, size_t from,
                     const struct rtd_windows *w, const struct rtd_squad_question *q,
                     struct rtd_err *err)
{
    if (from + w->n > *cap) {
        size_t more = 2 * (from + w->n) + 256;
        int32_t(*list)[2] = realloc(a->span, more * sizeof *list);
        if (!list)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        a->span = list;
        *cap = more;
    }
    for (size_t i = 0; i < w->n; i++)
        set_span(a->span[from + i], w, i, q);
    return RTD_OK;
}

/* What was left out or cut, once. */
static void report(const char *path, const struct rtd_squad *s, size_t lost, const char *first_lost,
                   size_t cut, size_t longest, size_t creeping)
{
    char id[80] = "";
    if (lost)
        rtd_mask_text(id, sizeof id, first_lost, strlen(first_lost));
    rtd_say_loss(lost, s->n,
                 "question%s of %s left out: the answer is not in the context; the first: %s",
                 rtd_s(s->n), path, id);
    rtd_say_loss(cut, s->n, "question%s of %s longer than %zu token%s, cut", rtd_s(s->n), path,
                 longest, rtd_s(longest));
    if (creeping)
        rtd_warn("%s: %zu of %zu question%s in windows that move by one piece each: a smaller "
                 "--stride costs less",
                 path, creeping, s->n, rtd_s(s->n));
}

/* Training leaves out questions whose answer is nowhere; measuring keeps every question, and the
 * windows to decode them. */
static int build(struct rtd_examples *e, struct gold *g, const struct rtd_dataset_options *o,
                 const char *path, bool measure, struct rtd_err *err)
{
    struct rtd_example_targets *a = &e->target[0];
    struct rtd_window_options wo = {.question = o->question, .shared = o->stride};
    struct rtd_windows reused = {0};
    const char *first_lost = NULL;
    size_t cap = 0, lost = 0, cut = 0, creeping = 0;
    *e = (struct rtd_examples){.name = strdup(path), .targets = 1};
    *a = (struct rtd_example_targets){.head = o->first_head, .task = RTD_TASK_ANSWER, .outputs = 2};
    g->windows = measure ? calloc(g->squad.n, sizeof *g->windows) : NULL;
    g->first = measure ? calloc(g->squad.n, sizeof *g->first) : NULL;
    if (!e->name || (measure && (!g->windows || !g->first)))
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_sequences_init(&e->seq, o->tok, o->length, o->type_vocab_size, err);
    for (size_t i = 0; i < g->squad.n && !st; i++) {
        const struct rtd_squad_question *q = &g->squad.q[i];
        struct rtd_windows *w = measure ? &g->windows[i] : &reused;
        size_t from = e->seq.n;
        if (!measure && q->answers && q->answer[0].start == SIZE_MAX) {
            if (!lost++)
                first_lost = q->id;
            continue;
        }
        st = rtd_windows_make(w, &e->seq, q->question, q->context, &wo, err);
        cut += w->cut;
        creeping += w->creeps;
        if (!st)
            st = add_spans(a, &cap, from, w, q, err);
        if (measure) {
            g->first[i] = from;
            rtd_encoding_free(&w->question);
            rtd_encoding_free(&w->context);
        }
    }
    e->units = e->seq.n;
    rtd_windows_free(&reused);
    if (!st)
        report(path, &g->squad, lost, first_lost, cut, rtd_windows_question(&wo, e->seq.length),
               creeping);
    return st;
}

static int judge_question(struct rtd_squad_item *item, const struct gold *g, size_t i,
                          const real *logits, const uint32_t *start, struct rtd_err *err)
{
    const struct rtd_squad_question *q = &g->squad.q[i];
    const struct rtd_windows *w = &g->windows[i];
    struct rtd_span span = {0};
    struct rtd_spans found = {.best = &span, .most = 1};
    const float **x = malloc(w->n * sizeof *x);
    if (!x)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t k = 0; k < w->n; k++)
        x[k] = logits + 2 * start[g->first[i] + k];
    rtd_best_spans(&found, w, x, LONGEST_ANSWER);
    free(x);
    size_t from = found.n ? w->begin[span.first] : 0, to = found.n ? w->end[span.last] : 0;
    char *said = strndup(q->context + from, to - from);
    if (!said)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    *item = (struct rtd_squad_item){.no_answer = rtd_no_answer_probability(&found),
                                    .has_answer = q->answers > 0,
                                    .said_something = to > from};
    struct rtd_squad_text text;
    int st = rtd_squad_text(&text, said, err);
    for (size_t k = 0; k < (q->answers ? q->answers : 1) && !st; k++) {
        double exact = 0, f1 = 0;
        st = rtd_squad_compare(q->answers ? q->answer[k].text : "", &text, g->squad.v2, &exact, &f1,
                               err);
        item->exact = exact > item->exact ? exact : item->exact;
        item->f1 = f1 > item->f1 ? f1 : item->f1;
    }
    rtd_squad_text_free(&text);
    free(said);
    return st;
}

static int judge(const struct rtd_dev_set *d, const real *logits, struct rtd_squad_scores *s,
                 struct rtd_err *err)
{
    const struct gold *g = d->gold;
    struct rtd_squad_item *item = calloc(g->squad.n, sizeof *item);
    int st = item ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < g->squad.n && !st; i++)
        st = judge_question(&item[i], g, i, logits, d->e.seq.start, err);
    if (!st)
        st = rtd_squad_scores(s, item, g->squad.n, g->squad.v2, 0.5, err);
    free(item);
    return st;
}

/* With questions that have no answer: at the best threshold. */
static int score(const struct rtd_dev_set *d, const struct rtd_network *net,
                 const real *const *logits, double *value, struct rtd_err *err)
{
    const struct gold *g = d->gold;
    struct rtd_squad_scores s;
    (void)net;
    if (judge(d, logits[0], &s, err))
        return err->status;
    value[0] = (g->squad.v2 ? s.best_f1 : s.f1) / 100;
    value[1] = (g->squad.v2 ? s.best_exact : s.exact) / 100;
    value[2] = g->squad.v2 ? s.best_f1_thresh : 1;
    return RTD_OK;
}

static int load_part(struct rtd_examples *e, struct gold **out, const struct rtd_dataset_options *o,
                     const char *path, bool measure, struct rtd_err *err)
{
    struct gold *g = calloc(1, sizeof *g);
    *out = g;
    if (!g)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    int st = rtd_squad_load(&g->squad, path, true, &bad, err);
    rtd_bad_rows_free(&bad);
    if (!st)
        rtd_say_loss(g->squad.moved, g->squad.answers,
                     "answers of %s stand elsewhere than answer_start says: taken from there",
                     path);
    return st ? st : build(e, g, o, path, measure, err);
}

int rtd_dataset_load_answer(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                            struct rtd_err *err)
{
    struct gold *g;
    int st = load_part(&d->train, &g, o, o->train, false, err);
    bool v2 = !st && g->squad.v2;
    free_gold(g);
    d->specs = 1;
    d->spec[0] = (struct rtd_head_spec){.task = RTD_TASK_ANSWER,
                                        .outputs = 2,
                                        .texts = 2,
                                        .range = 1,
                                        .threshold = v2 ? 0.5 : 1}; /* 1: always an answer */
    strcpy(d->spec[0].name, o->name);
    if (!st && o->dev) {
        static const char *const names[] = {"f1", "exact", "threshold"};
        st = load_part(&d->dev.e, &g, o, o->dev, true, err);
        for (int i = 0; i < 3; i++)
            d->dev.column[i] = names[i];
        d->dev.columns = 3;
        d->dev.threshold = 2;
        d->dev.score = score;
        d->dev.gold = g;
        d->dev.free_gold = free_gold;
    }
    return st;
}
