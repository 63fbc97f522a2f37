/* rtdtools - MIT licence
 *
 * Metrics of rankings: candidates of a query in the order of their scores; of equal scores the
 * earlier candidate stands first. */
#ifndef RTD_SCORE_METRICS_RANK_H
#define RTD_SCORE_METRICS_RANK_H

#include <stddef.h>
#include <stdint.h>

enum { RTD_RANK_TOP = 10 };

struct rtd_ranking { /* zero-initialise */
    uint64_t queries;
    double reciprocal;                /* summed 1 / rank of the first right candidate */
    uint64_t found[RTD_RANK_TOP + 1]; /* [k]: queries with a right candidate among the first k */
};
/* rank: of the first right candidate, from 1; 0: none of them is right. */
void rtd_ranking_add(struct rtd_ranking *r, size_t rank);
/* The rank of the best right candidate (right[i] != 0) among n scores. */
size_t rtd_rank_of(const double *score, const int *right, size_t n);
double rtd_ranking_mrr(const struct rtd_ranking *r);
double rtd_ranking_recall(const struct rtd_ranking *r, int k);

#endif
