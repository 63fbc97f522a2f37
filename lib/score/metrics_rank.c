/* rtdtools - MIT licence */
#include "score/metrics_rank.h"

void rtd_ranking_add(struct rtd_ranking *r, size_t rank)
{
    r->queries++;
    r->reciprocal += rank ? 1 / (double)rank : 0;
    for (size_t k = rank; rank && k <= RTD_RANK_TOP; k++)
        r->found[k]++;
}

size_t rtd_rank_of(const double *score, const int *right, size_t n)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        size_t rank = 1;
        if (!right[i])
            continue;
        for (size_t k = 0; k < n; k++)
            rank += score[k] > score[i] || (score[k] == score[i] && k < i);
        best = best == 0 || rank < best ? rank : best;
    }
    return best;
}

double rtd_ranking_mrr(const struct rtd_ranking *r)
{
    return r->queries ? r->reciprocal / (double)r->queries : 0;
}

double rtd_ranking_recall(const struct rtd_ranking *r, int k)
{
    return r->queries ? (double)r->found[k] / (double)r->queries : 0;
}
