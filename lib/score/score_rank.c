/* rtdtools - MIT licence
 *
 * Scores of rankings: a line of predictions for each query, NUMBER:SCORE fields, best first. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "gold/line_list.h"
#include "gold/predictions.h"
#include "gold/rank_data.h"
#include "score/metrics_rank.h"
#include "score/score.h"

/* Numbers of a line in order, from 1; returns how many, or -1. */
static int numbers(char *line, int *number, int max, struct rtd_json_doc *doc)
{
    int n = 0;
    if (line[0] == '{') {
        struct rtd_err none = {0};
        const struct rtd_json *list = NULL;
        if (!rtd_json_read(doc, line, strlen(line), "", 0, &none))
            rtd_json_member(doc->root, "ranking", RTD_JSON_LIST, &list);
        struct rtd_json_walk w = rtd_json_walk(list);
        while (rtd_json_step(&w)) {
            int64_t x;
            if (n == max || !rtd_json_whole(w.value, &x))
                return -1;
            number[n++] = x >= 1 && x < max ? (int)x : 0;
        }
        return list ? n : -1;
    }
    for (char *p = line; *p && n < max; p += strcspn(p, "\t"), p += *p == '\t') {
        char *end;
        number[n++] = (int)strtol(p, &end, 10);
        if (end == p || *end != ':')
            return -1;
    }
    return n;
}

/* The place of the first right candidate in a line for q; 0: it has none. */
static int find_right(size_t *rank, const struct rtd_query *q, char *line, size_t at,
                      const char *name, struct rtd_json_doc *doc, struct rtd_err *err)
{
    *rank = 0;
    if (rtd_no_prediction(line))
        return RTD_OK;
    int *number = malloc((q->n + 1) * sizeof *number);
    if (!number)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int n = numbers(line, number, (int)q->n + 1, doc);
    for (int k = 0; k < n && !*rank; k++)
        if (number[k] >= 1 && (size_t)number[k] <= q->n && q->right[number[k] - 1])
            *rank = (size_t)k + 1;
    free(number);
    if (n < 0 || (size_t)n > q->n)
        return rtd_fail(err, RTD_EDATA, "%s: line %zu: not a ranking of %zu candidates", name, at,
                        q->n);
    return RTD_OK;
}

static int judge(struct rtd_ranking *r, const struct rtd_rank_data *gold,
                 const struct rtd_line_list *said, const struct rtd_score_options *o,
                 struct rtd_bad_rows *bad, struct rtd_err *err)
{
    struct rtd_json_doc doc = {0};
    size_t header = said->n && strcmp(said->line[0], "ranking") == 0;
    int st = RTD_OK;
    if (gold->unclear)
        return rtd_fail(err, RTD_EDATA,
                        "%s: --skip-bad cannot leave out single candidates of a query", o->gold);
    if (said->n - header != gold->total)
        return rtd_fail(err, RTD_EDATA, "%s: %zu lines for %zu queries of %s", o->predictions,
                        said->n - header, gold->total, o->gold);
    for (size_t i = 0; i < gold->n && !st; i++) {
        size_t at = gold->query[i].number + header, rank;
        st = find_right(&rank, &gold->query[i], said->line[at], at + 1, o->predictions, &doc, err);
        if (!st)
            rtd_ranking_add(r, rank);
        else
            st = rtd_bad_row(bad, err);
    }
    rtd_json_free(&doc);
    return st ? st : rtd_bad_rows_end(bad, gold->total, o->predictions, "line", err);
}

int rtd_score_rankings(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_rank_data gold;
    struct rtd_line_list said = {0};
    struct rtd_ranking r = {0};
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    int st = rtd_rank_data_load(&gold, o->gold, NULL, o->label, &bad, err);
    if (!st)
        st = rtd_line_list_load(&said, o->predictions, err);
    if (!st)
        st = judge(&r, &gold, &said, o, &bad, err);
    if (!st)
        *out = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "queries", (json_int_t)r.queries, "mrr",
                         rtd_ranking_mrr(&r), "accuracy", rtd_ranking_recall(&r, 1), "recall_at_2",
                         rtd_ranking_recall(&r, 2), "recall_at_3", rtd_ranking_recall(&r, 3),
                         "recall_at_5", rtd_ranking_recall(&r, 5));
    rtd_bad_rows_free(&bad);
    rtd_line_list_free(&said);
    rtd_rank_data_free(&gold);
    return st;
}
