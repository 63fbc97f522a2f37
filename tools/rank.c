/* rtdtools - MIT licence
 *
 * rank: the candidates of every line's query, best first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answering.h"
#include "gold/line_list.h"
#include "gold/rank_data.h"

struct opts {
    struct rtd_line_options answer;
    const char *candidates;
    int64_t context;
    struct rtd_line_list list; /* --candidates */
};

static const struct rtd_usage usage = {
    "-m DIR [options] [FILE...]", "put the candidates for every line's query into order",
    "A line is QUERY TAB CANDIDATE TAB CANDIDATE ..., or with --candidates only the query.  "
    "Prints\n"
    "NUMBER:PROBABILITY for each candidate, the best first, apart by tabs; numbers count from 1."};

static int add(struct rtd_line_loop *a, char *const *field, int n, void *arg, struct rtd_err *err)
{
    const struct opts *o = arg;
    char *const *candidate = o->candidates ? o->list.line : field + 1;
    size_t count = o->candidates ? o->list.n : (size_t)n - 1;
    const char *query = rtd_last_turns(field[0], (size_t)o->context);
    int st = RTD_OK;
    if (count == 0 && field[0][0]) /* an empty line is no query */
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: a query without candidates", a->file,
                        a->line);
    for (size_t i = 0; i < count && !st; i++)
        st = rtd_sequences_add(&a->batch.seq, query, candidate[i], err);
    return st;
}

struct scored {
    double score;
    size_t number;
};

static int downwards(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return x->score > y->score     ? -1
           : x->score < y->score   ? 1
           : x->number < y->number ? -1
                                   : x->number > y->number;
}

static int print_row(struct rtd_line_loop *a, const struct scored *s, size_t n, struct rtd_err *err)
{
    bool json = a->o->json;
    int st = json ? rtd_out_printf(a->out, err, "{\"ranking\":[") : RTD_OK;
    for (size_t i = 0; i < n && !st; i++)
        st = json ? rtd_out_printf(a->out, err, "%s%zu", i ? "," : "", s[i].number)
                  : rtd_out_printf(a->out, err, "%s%zu:%.8g", i ? "\t" : "", s[i].number,
                                   s[i].score);
    if (json && !st)
        st = rtd_out_printf(a->out, err, "],\"scores\":[");
    for (size_t i = 0; i < n && !st && json; i++)
        st = rtd_out_printf(a->out, err, "%s%.8g", i ? "," : "", s[i].score);
    return st ? st : rtd_out_printf(a->out, err, json ? "]}\n" : "\n");
}

static int print(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                 struct rtd_err *err)
{
    int st = RTD_OK;
    (void)arg;
    for (size_t r = 0; r < c->rows && !st; r++) {
        size_t from = c->first[r], n = c->first[r + 1] - from;
        struct scored *s = malloc((n + 1) * sizeof *s);
        double sum = 0, most = -INFINITY;
        if (!s)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        for (size_t i = 0; i < n; i++)
            most = fmax(most, (double)c->logits[0][from + i]);
        for (size_t i = 0; i < n; i++) {
            s[i] = (struct scored){exp((double)c->logits[0][from + i] - most), i + 1};
            sum += s[i].score;
        }
        for (size_t i = 0; i < n; i++)
            s[i].score /= sum;
        qsort(s, n, sizeof *s, downwards);
        st = print_row(a, s, n, err);
        free(s);
    }
    return st;
}

static int run(struct opts *o, char **files, int n, struct rtd_err *err)
{
    struct rtd_line_loop a;
    const struct rtd_line_tool tool = {.tasks = 1u << RTD_TASK_RANK,
                                       .texts = 1,
                                       .keys = "query",
                                       .list_key = o->candidates ? NULL : "candidates",
                                       .add = add,
                                       .print = print,
                                       .arg = o,
                                       .all_fields = !o->candidates};
    int st = o->candidates ? rtd_line_list_load(&o->list, o->candidates, err) : RTD_OK;
    if (!st && o->candidates && o->list.n == 0)
        st = rtd_fail(err, RTD_EDATA, "%s: no candidates", o->candidates);
    if (!st)
        st = rtd_line_loop_open(&a, &o->answer, &tool, err);
    if (!st) {
        st = rtd_line_loop_run(&a, files, n, "ranking", err);
        rtd_line_loop_close(&a);
    }
    rtd_line_list_free(&o->list);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.answer = {.out = "-"}};
    struct rtd_opt table[] = {
        RTD_OPT_ANSWER(&o.answer),
        {RTD_OPT_STR, 0, "candidates", "FILE", &o.candidates, 0, 0,
         "a candidate a line, the same for every query", 0},
        {RTD_OPT_INT, 0, "context", "N", &o.context, 0, 1000,
         "only the last N turns of a query (all)", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("rank", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st)
        st = run(&o, argv + first, argc - first, &err);
    return rtd_tool_end(&err, st);
}
