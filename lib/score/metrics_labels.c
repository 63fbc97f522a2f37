/* rtdtools - MIT licence */
#include "score/metrics_labels.h"

#include <stdbool.h>
#include <stdlib.h>

struct item {
    double probability;
    bool gold;
};

static int downwards(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->probability > y->probability ? -1 : x->probability < y->probability;
}

int rtd_ranking_quality(const float *gold, const double *probability, size_t n, double *auc,
                        double *average_precision, struct rtd_err *err)
{
    struct item *item = malloc((n + 1) * sizeof *item);
    double right = 0, wrong = 0, pairs = 0, all = 0;
    if (!item)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < n; i++) {
        item[i] = (struct item){probability[i], gold[i] > 0.5f};
        all += item[i].gold;
    }
    qsort(item, n, sizeof *item, downwards);
    *average_precision = 0;
    for (size_t i = 0, end; i < n; i = end) {
        double r = 0, w = 0;
        for (end = i; end < n && item[end].probability == item[i].probability; end++)
            *(item[end].gold ? &r : &w) += 1;
        pairs += w * right + w * r / 2;
        right += r;
        wrong += w;
        *average_precision += all > 0 ? r / all * right / (right + wrong) : 0;
    }
    *auc = right > 0 && wrong > 0 ? pairs / (right * wrong) : 0;
    free(item);
    return RTD_OK;
}

static double f1(double right, double said, double gold)
{
    return said + gold > 0 ? 2 * right / (said + gold) : 0;
}

static int label_precision(struct rtd_multilabel *m, const float *gold, const double *probability,
                           size_t n, size_t k, struct rtd_err *err)
{
    float *g = malloc((n + 1) * sizeof *g);
    double *p = malloc((n + 1) * sizeof *p), one, unused;
    int st = g && p ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t c = 0; c < k && !st; c++) {
        for (size_t i = 0; i < n; i++) {
            g[i] = gold[i * k + c];
            p[i] = probability[i * k + c];
        }
        st = rtd_ranking_quality(g, p, n, &unused, &one, err);
        m->average_precision_macro += st ? 0 : one / (double)k;
    }
    free(g);
    free(p);
    return st;
}

int rtd_multilabel_scores(struct rtd_multilabel *m, const float *gold, const float *predicted,
                          const double *probability, size_t n, size_t k, struct rtd_err *err)
{
    double right = 0, said = 0, is = 0, unused;
    *m = (struct rtd_multilabel){0};
    for (size_t c = 0; c < k; c++) {
        double r = 0, s = 0, g = 0;
        for (size_t i = 0; i < n; i++) {
            r += gold[i * k + c] > 0.5f && predicted[i * k + c] > 0.5f;
            s += predicted[i * k + c] > 0.5f;
            g += gold[i * k + c] > 0.5f;
        }
        m->f1_macro += f1(r, s, g) / (double)k;
        right += r;
        said += s;
        is += g;
    }
    m->f1_micro = f1(right, said, is);
    for (size_t i = 0; i < n; i++) {
        bool same = true;
        for (size_t c = i * k; c < (i + 1) * k; c++)
            same &= (gold[c] > 0.5f) == (predicted[c] > 0.5f);
        m->exact_match += n ? same / (double)n : 0;
    }
    int st = label_precision(m, gold, probability, n, k, err);
    return st ? st
              : rtd_ranking_quality(gold, probability, n * k, &unused, &m->average_precision_micro,
                                    err);
}
