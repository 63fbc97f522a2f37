/* rtdtools - MIT licence
 *
 * Queries with candidates, of which some are right.  TSV, either a row for each candidate, rows of
 * a query one after the other (columns query or context, candidate or response, label: 1, true, yes
 * or positive is right, anything else is not); or a row for each query with all its candidates
 * (columns query, label, and every other one; label is the number of the right candidate, from 1).
 */
#ifndef RTD_GOLD_RANK_DATA_H
#define RTD_GOLD_RANK_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gold/bad_rows.h"
#include "base/err.h"

struct rtd_query {
    char *text;       /* owned */
    char **candidate; /* [n], owned */
    bool *right;      /* [n] */
    size_t n, cap;
    size_t number; /* of the query in its file, from 0; no gaps but for bad rows */
};
struct rtd_rank_data {
    struct rtd_query *query; /* [n] */
    size_t n;
    size_t total; /* with those that were left out, see bad_rows.h */
    size_t alone; /* right candidates without a wrong one, see rtd_rank_data_pair */
    bool unclear; /* rows of single candidates were left out: whose they are is not known */
};
/* text: "QUERY[,CANDIDATE]" columns by name or number; NULL: query,candidate or context,response.
 * label NULL: label. */
int rtd_rank_data_load(struct rtd_rank_data *d, const char *path, const char *text,
                       const char *label, struct rtd_bad_rows *bad, struct rtd_err *err);
void rtd_rank_data_free(struct rtd_rank_data *d);

/* The most that are made of one query: its right candidates times its wrong ones. */
enum { RTD_RANK_PAIRS = 1 << 24 };

/* Cut every right candidate out into a query of its own with `negatives` wrong ones: the query's
 * own wrong ones first, then candidates of other queries drawn by seed, never a text that is right
 * here, none twice.  0: the wrong candidates that are there.  Without any wrong one a right
 * candidate is left out, and counted in out->alone. */
int rtd_rank_data_pair(struct rtd_rank_data *out, const struct rtd_rank_data *d, size_t negatives,
                       uint64_t seed, struct rtd_err *err);
/* The last `turns` turns of a query, which are set apart by " __eou__ "; 0: all. */
const char *rtd_last_turns(const char *query, size_t turns);

#endif
