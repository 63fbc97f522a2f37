/* rtdtools - MIT licence */
#include "score/metrics_squad.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "score/text_units.h"

/* Without articles: a run of word characters that is a, an or the becomes a blank. */
static int drop_articles(struct rtd_buf *out, const char *s, struct rtd_err *err)
{
    while (*s) {
        size_t run = 0, len;
        while (s[run] && rtd_is_word_char(rtd_code_point(s + run, &len)))
            run += len;
        bool article = (run == 1 && *s == 'a') || (run == 2 && strncmp(s, "an", 2) == 0) ||
                       (run == 3 && strncmp(s, "the", 3) == 0);
        if (run == 0) {
            rtd_code_point(s, &len);
            run = len;
        }
        if (rtd_buf_append(out, article ? " " : s, article ? 1 : run, err))
            return err->status;
        s += run;
    }
    return rtd_buf_append(out, "", 1, err);
}

static int normalise(struct rtd_word_list *w, const char *text, struct rtd_err *err)
{
    struct rtd_buf lower = {0}, plain = {0};
    int st = rtd_lower_case(&lower, text, err);
    if (!st) {
        char *to = lower.data;
        for (const char *p = lower.data; *p; p++)
            if (!ispunct((unsigned char)*p))
                *to++ = *p;
        *to = '\0';
        st = drop_articles(&plain, lower.data, err);
    }
    if (!st)
        st = rtd_word_list_split(w, plain.data, err);
    rtd_buf_free(&lower);
    rtd_buf_free(&plain);
    return st;
}

int rtd_squad_is_empty(const char *text, bool *empty, struct rtd_err *err)
{
    struct rtd_word_list w;
    if (normalise(&w, text, err))
        return err->status;
    *empty = w.n == 0;
    rtd_word_list_free(&w);
    return RTD_OK;
}

static bool same_words(const struct rtd_word_list *a, const struct rtd_word_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->word[i], b->word[i]) != 0)
            return false;
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void rtd_squad_text_free(struct rtd_squad_text *t)
{
    rtd_word_list_free(&t->words);
    free(t->sorted);
    *t = (struct rtd_squad_text){.sorted = NULL};
}

int rtd_squad_text(struct rtd_squad_text *t, const char *text, struct rtd_err *err)
{
    *t = (struct rtd_squad_text){.sorted = NULL};
    if (normalise(&t->words, text, err))
        return err->status;
    t->sorted = malloc((t->words.n + 1) * sizeof *t->sorted);
    if (!t->sorted) {
        rtd_squad_text_free(t);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    memcpy(t->sorted, t->words.word, t->words.n * sizeof *t->sorted);
    qsort(t->sorted, t->words.n, sizeof *t->sorted, by_bytes);
    return RTD_OK;
}

/* How many of the sorted words come before this one; with it, where `through` is set. */
static size_t before(const struct rtd_squad_text *t, const char *word, bool through)
{
    size_t lo = 0, hi = t->words.n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(t->sorted[mid], word) < through)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Words in common, each as often as in both; a's words are sorted here.  The work does not grow
 * with b, which may be compared with many. */
static size_t common(struct rtd_word_list *a, const struct rtd_squad_text *b)
{
    size_t n = 0;
    qsort(a->word, a->n, sizeof *a->word, by_bytes);
    for (size_t i = 0, end; i < a->n; i = end) {
        for (end = i + 1; end < a->n && strcmp(a->word[end], a->word[i]) == 0; end++)
            ;
        size_t there = before(b, a->word[i], true) - before(b, a->word[i], false);
        n += there < end - i ? there : end - i;
    }
    return n;
}

int rtd_squad_compare(const char *gold, const struct rtd_squad_text *said, bool v2, double *exact,
                      double *f1, struct rtd_err *err)
{
    struct rtd_word_list g;
    if (normalise(&g, gold, err))
        return err->status;
    *exact = same_words(&g, &said->words);
    size_t same = common(&g, said), n = said->words.n;
    *f1 = same ? 2.0 * (double)same / (double)(g.n + n) : 0;
    if (v2 && (g.n == 0 || n == 0))
        *f1 = g.n == n;
    rtd_word_list_free(&g);
    return RTD_OK;
}

struct sorted {
    const struct rtd_squad_item *item;
    size_t place;
};

static int by_no_answer(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;
    double p = x->item->no_answer, q = y->item->no_answer;
    if (p != q)
        return p < q ? -1 : 1;
    if (x->item->place != y->item->place)
        return x->item->place < y->item->place ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* The threshold with the best total: all are silent at 0, then they answer one by one. */
static void sweep(const struct sorted *list, size_t n, bool f1, double *best, double *threshold)
{
    double now = 0;
    for (size_t i = 0; i < n; i++)
        now += !list[i].item->has_answer;
    *best = now;
    *threshold = 0;
    for (size_t i = 0; i < n; i++) {
        const struct rtd_squad_item *q = list[i].item;
        now += q->has_answer ? (f1 ? q->f1 : q->exact) : q->said_something ? -1 : 0;
        if (now > *best) {
            *best = now;
            *threshold = q->no_answer;
        }
    }
    *best *= n ? 100 / (double)n : 0;
}

int rtd_squad_scores(struct rtd_squad_scores *s, const struct rtd_squad_item *item, size_t n,
                     bool v2, double threshold, struct rtd_err *err)
{
    double sum[2][2] = {{0}}; /* [has answer][exact, f1] */
    struct sorted *list = malloc((n + 1) * sizeof *list);
    *s = (struct rtd_squad_scores){.total = n};
    if (!list)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < n; i++) {
        const struct rtd_squad_item *q = &item[i];
        bool silent = v2 && q->no_answer > threshold;
        sum[q->has_answer][0] += silent ? !q->has_answer : q->exact;
        sum[q->has_answer][1] += silent ? !q->has_answer : q->f1;
        s->has += q->has_answer;
        list[i] = (struct sorted){q, i};
    }
    s->no = n - s->has;
    s->exact = n ? 100 * (sum[0][0] + sum[1][0]) / (double)n : 0;
    s->f1 = n ? 100 * (sum[0][1] + sum[1][1]) / (double)n : 0;
    s->has_exact = s->has ? 100 * sum[1][0] / (double)s->has : 0;
    s->has_f1 = s->has ? 100 * sum[1][1] / (double)s->has : 0;
    s->no_exact = s->no ? 100 * sum[0][0] / (double)s->no : 0;
    s->no_f1 = s->no ? 100 * sum[0][1] / (double)s->no : 0;
    qsort(list, n, sizeof *list, by_no_answer);
    sweep(list, n, false, &s->best_exact, &s->best_exact_thresh);
    sweep(list, n, true, &s->best_f1, &s->best_f1_thresh);
    free(list);
    return RTD_OK;
}
