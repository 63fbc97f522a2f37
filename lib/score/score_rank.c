/* rtdtools - MIT licence
 *
 * Scores of rankings: a line of predictions for each query, NUMBER:SCORE fields, best first. */
#include <stdlib.h>
#include <string.h>

#include "gold/line_list.h"
#include "score/metrics_rank.h"
#include "gold/rank_data.h"
#include "score/score.h"

/* Numbers of a line in order, from 1; returns how many, or -1. */
static int numbers(char *line, int *number, int max)
{
    int n = 0;
    if (line[0] == '{') {
        json_t *root = json_loads(line, 0, NULL), *v;
        const json_t *list = json_object_get(root, "ranking");
        size_t i;
        bool ok = json_is_array(list) && json_array_size(list) <= (size_t)max;
        json_array_foreach(list, i, v)
        {
            if (ok)
                number[n++] = (int)json_integer_value(v);
        }
        json_decref(root);
        return ok ? n : -1;
    }
    for (char *p = line; *p && n < max; p += strcspn(p, "\t"), p += *p == '\t') {
        char *end;
        number[n++] = (int)strtol(p, &end, 10);
        if (end == p || *end != ':')
            return -1;
    }
    return n;
}

int rtd_score_rankings(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_rank_data gold;
    struct rtd_line_list said = {0};
    struct rtd_ranking r = {0};
    int st = rtd_rank_data_load(&gold, o->gold, NULL, o->label, err);
    if (st)
        return st;
    st = rtd_line_list_load(&said, o->predictions, err);
    size_t header = said.n && strcmp(said.line[0], "ranking") == 0;
    if (!st && said.n - header != gold.n)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu lines for %zu queries of %s", o->predictions,
                      said.n - header, gold.n, o->gold);
    for (size_t i = 0; i < gold.n && !st; i++) {
        const struct rtd_query *q = &gold.query[i];
        int *number = malloc((q->n + 1) * sizeof *number), n;
        if (!number) {
            st = rtd_fail(err, RTD_ESYS, "not enough memory");
            break;
        }
        n = numbers(said.line[i + header], number, (int)q->n + 1);
        size_t rank = 0;
        for (int k = 0; k < n && !rank; k++)
            if (number[k] >= 1 && (size_t)number[k] <= q->n && q->right[number[k] - 1])
                rank = (size_t)k + 1;
        if (n < 0 || (size_t)n > q->n)
            st = rtd_fail(err, RTD_EDATA, "%s: line %zu: not a ranking of %zu candidates",
                          o->predictions, i + 1 + header, q->n);
        rtd_ranking_add(&r, rank);
        free(number);
    }
    if (!st)
        *out = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "queries", (json_int_t)r.queries, "mrr",
                         rtd_ranking_mrr(&r), "accuracy", rtd_ranking_recall(&r, 1), "recall_at_2",
                         rtd_ranking_recall(&r, 2), "recall_at_3", rtd_ranking_recall(&r, 3),
                         "recall_at_5", rtd_ranking_recall(&r, 5));
    rtd_line_list_free(&said);
    rtd_rank_data_free(&gold);
    return st;
}
