/* rtdtools - MIT licence */
#include "gold/tags.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool outside(const char *tag)
{
    return !tag || tag[0] == 'O';
}

/* Is an entity of b's type open behind a? */
static bool opens(const char *a, const char *b)
{
    return !outside(a) && strchr("BI", a[0]) && strcmp(a + 1, b + 1) == 0;
}

bool rtd_tag_follows(const char *a, const char *b, bool bioes)
{
    bool goes_on = b && strchr("IE", b[0]);
    if (goes_on)
        return opens(a, b);
    return !(bioes && !outside(a) && strchr("BI", a[0]));
}

bool rtd_tags_are_bioes(char *const *label, int n)
{
    for (int i = 0; i < n; i++)
        if (strchr("ES", label[i][0]) && label[i][1] == '-')
            return true;
    return false;
}

int rtd_viterbi_new(struct rtd_viterbi *v, char *const *label, int n, struct rtd_err *err)
{
    size_t k = (size_t)n;
    bool bioes = rtd_tags_are_bioes(label, n);
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
        v->begin[j] = rtd_tag_follows(NULL, label[j], bioes);
        v->end[j] = rtd_tag_follows(label[j], NULL, bioes);
        for (int i = 0; i < n; i++)
            if (rtd_tag_follows(label[i], label[j], bioes))
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

/* Does an entity begin with tag `now`, behind `before`? */
static bool begins(const char *before, const char *now)
{
    bool closed = outside(before) || strchr("ES", before[0]);
    return !outside(now) && (strchr("BS", now[0]) || closed || strcmp(before + 1, now + 1) != 0);
}

size_t rtd_entities(struct rtd_entity *entity, const char *const *tag, size_t n)
{
    size_t count = 0;
    const char *before = "O";
    for (size_t i = 0; i < n; i++) {
        const char *now = tag[i];
        if (begins(before, now))
            entity[count++] = (struct rtd_entity){now + 2, i, i};
        else if (!outside(now))
            entity[count - 1].last = i;
        before = now;
    }
    return count;
}

char rtd_iob2_prefix(const char *const *tag, size_t i)
{
    return tag[i][0] == 'I' && begins(i ? tag[i - 1] : "O", tag[i]) ? 'B' : tag[i][0];
}

char rtd_bioes_prefix(const char *const *tag, size_t n, size_t i)
{
    const char *next = i + 1 < n ? tag[i + 1] : NULL, *now = tag[i];
    if (outside(now) || strchr("ES", now[0]))
        return now[0];
    bool last = outside(next) || !strchr("IE", next[0]) || strcmp(now + 1, next + 1) != 0;
    const char *before = i ? tag[i - 1] : NULL;
    bool first = now[0] == 'B' || outside(before) || strcmp(before + 1, now + 1) != 0;
    return first ? (last ? 'S' : 'B') : (last ? 'E' : 'I');
}
