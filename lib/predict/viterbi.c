/* rtdtools - MIT licence
 *
 * The best sequence of tags. */
#include "predict/viterbi.h"

#include <math.h>
#include <stdlib.h>

int rtd_viterbi_new(struct rtd_viterbi *v, const struct rtd_tag_set *set, struct rtd_err *err)
{
    int n = set->n;
    size_t k = (size_t)n;
    bool closed = set->scheme.closed;
    *v = (struct rtd_viterbi){.n = n};
    v->begin = calloc(k, sizeof *v->begin);
    v->end = calloc(k, sizeof *v->end);
    v->before = calloc(k * k, sizeof *v->before);
    v->nbefore = calloc(k, sizeof *v->nbefore);
    v->score = calloc(2 * k, sizeof *v->score);
    if (!v->begin || !v->end || !v->before || !v->nbefore || !v->score) {
        rtd_viterbi_free(v);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    for (int j = 0; j < n; j++) {
        v->begin[j] = rtd_tag_follows(NULL, &set->tag[j], closed);
        v->end[j] = rtd_tag_follows(&set->tag[j], NULL, closed);
        for (int i = 0; i < n; i++)
            if (rtd_tag_follows(&set->tag[i], &set->tag[j], closed))
                v->before[j * n + v->nbefore[j]++] = i;
    }
    return RTD_OK;
}

void rtd_viterbi_free(struct rtd_viterbi *v)
{
    free(v->begin);
    free(v->end);
    free(v->before);
    free(v->nbefore);
    free(v->score);
    free(v->back);
    *v = (struct rtd_viterbi){0};
}

static double log_sum(const float *x, int n)
{
    double most = (double)x[0], sum = 0;
    for (int i = 1; i < n; i++)
        most = fmax(most, (double)x[i]);
    for (int i = 0; i < n; i++)
        sum += exp((double)x[i] - most);
    return most + log(sum);
}

static int best_of(const double *x, int n, const bool *allowed)
{
    int best = -1;
    for (int i = 0; i < n; i++)
        if ((!allowed || allowed[i]) && x[i] > -INFINITY && (best < 0 || x[i] > x[best]))
            best = i;
    return best;
}

/* One more word: now from before; back says which tag stood before. */
static void step(const struct rtd_viterbi *v, double *now, const double *old, int *back,
                 const float *row, double norm)
{
    for (int j = 0; j < v->n; j++) {
        double best = -INFINITY;
        back[j] = -1;
        for (int k = 0; k < v->nbefore[j]; k++) {
            int i = v->before[j * v->n + k];
            if (old[i] > best) {
                best = old[i];
                back[j] = i;
            }
        }
        now[j] = best + (double)row[j] - norm;
    }
}

int rtd_viterbi_run(struct rtd_viterbi *v, const float *const *row, size_t words, int *tag,
                    struct rtd_err *err)
{
    int n = v->n;
    if (words > v->cap) {
        int *back = realloc(v->back, words * (size_t)n * sizeof *back);
        if (!back)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        v->back = back;
        v->cap = words;
    }
    for (size_t w = 0; w < words; w++) {
        double *now = v->score + (w % 2) * (size_t)n, *old = v->score + (1 - w % 2) * (size_t)n;
        double norm = log_sum(row[w], n);
        if (w)
            step(v, now, old, v->back + w * (size_t)n, row[w], norm);
        for (int j = 0; w == 0 && j < n; j++)
            now[j] = v->begin[j] ? (double)row[0][j] - norm : -INFINITY;
    }
    if (words == 0)
        return RTD_OK;
    int at = best_of(v->score + ((words - 1) % 2) * (size_t)n, n, v->end);
    for (size_t w = words; w-- > 0 && at >= 0;) {
        tag[w] = at;
        at = w ? v->back[w * (size_t)n + (size_t)at] : at;
    }
    for (size_t w = 0; w < words && at < 0; w++) {
        tag[w] = 0;
        for (int j = 1; j < n; j++)
            if (row[w][j] > row[w][tag[w]])
                tag[w] = j;
    }
    return RTD_OK;
}
