/* rtdtools - MIT licence
 *
 * answer: the part of a context that answers a question. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "answering.h"
#include "gold/json_row.h"
#include "gold/squad.h"
#include "predict/windows.h"

enum { LONGEST_ANSWER = 30 };

/* A row: its context, and its windows. */
struct row {
    char *context, *id; /* id: with --squad */
    struct rtd_windows windows;
};

struct opts {
    struct rtd_line_options answer;
    const char *squad, *no_answer;
    int64_t stride, question, n_best; /* n_best 0: not printed */
    double threshold;                 /* < 0: the model's */
    struct row *row;                  /* [cap] of the batch */
    size_t rows, cap;
    struct rtd_squad data;  /* with --squad */
    size_t next;            /* its next question */
    json_t *said, *none;    /* what is printed at the end */
    struct rtd_spans spans; /* of the row that is printed */
    size_t asked, cut;      /* questions, and those that were too long */
    size_t creeping;        /* those whose windows move by one piece each */
};

static const struct rtd_usage usage = {"-m DIR [options] [FILE...]",
                                       "find the answer to every line's question in its context",
                                       "A line is QUESTION TAB CONTEXT.  Prints ANSWER TAB SCORE "
                                       "TAB NO-ANSWER PROBABILITY TAB START TAB "
                                       "END\n"
                                       "(bytes of the context); the answer is empty where the "
                                       "probability that there is none is over the\n"
                                       "threshold.  With --squad FILE prints {id: answer} for all "
                                       "its questions, as SQuAD's scripts read "
                                       "it."};

static int keep_row(struct rtd_line_loop *a, struct opts *o, const char *question,
                    const char *context, const char *id, struct rtd_err *err)
{
    struct rtd_window_options wo = {.question = (size_t)o->question, .shared = (size_t)o->stride};
    if (o->rows == o->cap) {
        size_t cap = 2 * o->cap + 64;
        struct row *list = realloc(o->row, cap * sizeof *list);
        if (!list)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        o->row = list;
        o->cap = cap;
    }
    struct row *r = &o->row[o->rows++];
    *r = (struct row){.context = strdup(context), .id = id ? strdup(id) : NULL};
    if (!r->context || (id && !r->id))
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_windows_make(&r->windows, &a->batch.seq, question, context, &wo, err);
    rtd_encoding_free(&r->windows.question);
    rtd_encoding_free(&r->windows.context);
    o->asked++;
    o->cut += !st && r->windows.cut;
    o->creeping += !st && r->windows.creeps;
    return st;
}

static int add(struct rtd_line_loop *a, char *const *field, int n, void *arg, struct rtd_err *err)
{
    return keep_row(a, arg, field[0], n > 1 ? field[1] : "", NULL, err);
}

static void drop(void *arg)
{
    struct opts *o = arg;
    for (size_t i = 0; i < o->rows; i++) {
        rtd_windows_free(&o->row[i].windows);
        free(o->row[i].context);
        free(o->row[i].id);
    }
    o->rows = 0;
}

/* --- answers --- */

/* The spans of row r into o->spans. */
static int find_spans(struct opts *o, const struct row *r, const struct rtd_line_batch *c, size_t i,
                      struct rtd_err *err)
{
    const struct rtd_windows *w = &r->windows;
    const float **x = malloc((w->n + 1) * sizeof *x);
    if (!x)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t k = 0; k < w->n; k++)
        x[k] = c->logits[0] + 2 * c->seq.start[c->first[i] + k];
    rtd_best_spans(&o->spans, w, x, LONGEST_ANSWER);
    free(x);
    return RTD_OK;
}

/* Where it stands in the context. */
static void bytes_of(const struct row *r, const struct rtd_span *s, size_t *start, size_t *end)
{
    *start = r->windows.begin[s->first];
    *end = r->windows.end[s->last];
}

static json_t *list_spans(const struct rtd_spans *s, const struct row *r)
{
    json_t *list = json_array();
    for (size_t k = 0; k < s->n; k++) {
        size_t start, end;
        bytes_of(r, &s->best[k], &start, &end);
        json_array_append_new(list, json_pack("{s:o, s:f, s:I, s:I}", "answer",
                                              rtd_json_text(r->context + start, end - start),
                                              "score", s->best[k].score, "start", (json_int_t)start,
                                              "end", (json_int_t)end));
    }
    return list;
}

static int print_one(struct rtd_line_loop *a, const struct opts *o, const struct row *r,
                     struct rtd_err *err)
{
    const struct rtd_spans *s = &o->spans;
    double none = rtd_no_answer_probability(s), score = s->n ? s->best[0].score : 0;
    size_t start = 0, end = 0;
    if (s->n && none <= o->threshold)
        bytes_of(r, &s->best[0], &start, &end);
    if (!a->o->json)
        return rtd_out_printf(a->out, err, "%.*s\t%.8g\t%.8g\t%zu\t%zu\n", (int)(end - start),
                              r->context + start, score, none, start, end);
    json_t *root = json_pack("{s:o, s:f, s:f, s:I, s:I}", "answer",
                             rtd_json_text(r->context + start, end - start), "score", score,
                             "no_answer", none, "start", (json_int_t)start, "end", (json_int_t)end);
    if (root && o->n_best)
        json_object_set_new(root, "n_best", list_spans(s, r));
    char *line = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(8)) : NULL;
    json_decref(root);
    int st = line ? rtd_out_printf(a->out, err, "%s\n", line)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(line);
    return st;
}

/* SQuAD's scripts apply the threshold themselves: the answer is given whatever the probability. */
static void note_one(struct opts *o, const struct row *r)
{
    size_t start = 0, end = 0;
    if (o->spans.n)
        bytes_of(r, &o->spans.best[0], &start, &end);
    json_object_set_new(o->said, r->id, json_stringn(r->context + start, end - start));
    json_object_set_new(o->none, r->id, json_real(rtd_no_answer_probability(&o->spans)));
}

static int print(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                 struct rtd_err *err)
{
    struct opts *o = arg;
    int st = RTD_OK;
    for (size_t i = 0, k = 0; i < c->rows && !st; i++) {
        if (c->first[i] == c->first[i + 1]) { /* a bad line */
            st = rtd_out_printf(a->out, err, o->answer.json ? "{}\n" : "\n");
            continue;
        }
        const struct row *r = &o->row[k++];
        st = find_spans(o, r, c, i, err);
        if (!st && r->id)
            note_one(o, r);
        else if (!st)
            st = print_one(a, o, r, err);
    }
    return st;
}

/* --- SQuAD's files --- */

static int next_question(struct rtd_line_loop *a, void *source, bool *more, struct rtd_err *err)
{
    struct opts *o = source;
    *more = o->next < o->data.n;
    if (!*more || rtd_line_loop_begin_row(a, "", err))
        return err->status;
    const struct rtd_squad_question *q = &o->data.q[o->next++];
    return rtd_line_loop_end_row(a, keep_row(a, o, q->question, q->context, q->id, err), err);
}

static int write_object(struct rtd_out *out, const json_t *object, struct rtd_err *err)
{
    char *text = json_dumps(object, JSON_INDENT(0) | JSON_REAL_PRECISION(8));
    int st = text ? rtd_out_printf(out, err, "%s\n", text)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(text);
    return st;
}

/* All questions of the file; the two objects appear when both are complete. */
static int answer_questions(struct rtd_line_loop *a, struct opts *o, struct rtd_out *said,
                            struct rtd_out *none, struct rtd_err *err)
{
    struct rtd_line_options quiet = *a->o;
    quiet.out = "/dev/null"; /* what is printed is one object, at the end */
    quiet.force = true;
    a->o = &quiet;
    int st = rtd_line_loop_run_rows(a, next_question, o, "", err);
    a->o = &o->answer;
    if (!st)
        st = write_object(said, o->said, err);
    if (!st && none)
        st = write_object(none, o->none, err);
    return st;
}

static int answer_squad(struct rtd_line_loop *a, struct opts *o, struct rtd_err *err)
{
    struct rtd_out *said = NULL, *none = NULL;
    int flags = o->answer.force ? RTD_OUT_FORCE : 0;
    struct rtd_bad_rows bad = {.skip = true};
    int st = rtd_squad_load(&o->data, o->squad, false, &bad, err);
    rtd_bad_rows_free(&bad);
    if (st)
        return st;
    if (o->data.repeated) {
        rtd_fail(err, RTD_EDATA,
                 "%s: question '%s' has the id of an earlier one, the first of %zu such: "
                 "{id: answer} cannot hold both",
                 o->squad, o->data.repeated_id, o->data.repeated);
        rtd_squad_free(&o->data);
        return err->status;
    }
    o->said = json_object();
    o->none = json_object();
    if (!o->said || !o->none)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st) /* both, before any work */
        st = rtd_out_open(&said, o->answer.out, flags, err);
    if (!st && o->no_answer)
        st = rtd_out_open(&none, o->no_answer, flags, err);
    if (!st)
        st = answer_questions(a, o, said, none, err);
    if (!st)
        st = rtd_out_commit(said, err);
    else if (said)
        rtd_out_abort(said);
    if (!st && none)
        st = rtd_out_commit(none, err);
    else if (none)
        rtd_out_abort(none);
    if (!st && o->data.n < o->data.total)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu of %zu questions could not be answered", o->squad,
                      o->data.total - o->data.n, o->data.total);
    json_decref(o->said);
    json_decref(o->none);
    rtd_squad_free(&o->data);
    return st;
}

static int run(struct opts *o, char **files, int n, struct rtd_err *err)
{
    struct rtd_line_loop a;
    const struct rtd_line_tool tool = {.tasks = 1u << RTD_TASK_ANSWER,
                                       .texts = 2,
                                       .keys = "question,context",
                                       .add = add,
                                       .print = print,
                                       .drop = drop,
                                       .arg = o};
    if (o->squad && (n || o->answer.tensor || o->answer.jsonl || o->answer.text))
        return rtd_fail(err, RTD_EUSAGE,
                        "--squad takes neither other files nor --jsonl, --text or --tensor");
    if (o->n_best && !o->answer.json)
        return rtd_fail(err, RTD_EUSAGE, "--n-best needs --json");
    if (o->no_answer && !o->squad)
        return rtd_fail(err, RTD_EUSAGE, "--no-answer belongs to --squad");
    int st = rtd_line_loop_open(&a, &o->answer, &tool, err);
    if (st)
        return st;
    if (o->threshold < 0)
        o->threshold = a.net->head[a.head[0]].spec.threshold;
    o->spans.most = o->n_best ? (size_t)o->n_best : 1;
    o->spans.best = malloc(o->spans.most * sizeof *o->spans.best);
    st = !o->spans.best ? rtd_fail(err, RTD_ESYS, "not enough memory")
         : o->squad     ? answer_squad(&a, o, err)
                    : rtd_line_loop_run(&a, files, n, "answer\tscore\tno_answer\tstart\tend", err);
    if (!st) {
        struct rtd_window_options wo = {.question = (size_t)o->question};
        size_t most = rtd_windows_question(&wo, a.length);
        rtd_say_loss(o->cut, o->asked, "question%s longer than %zu token%s, cut", rtd_s(o->asked),
                     most, rtd_s(most));
    }
    if (!st && o->creeping)
        rtd_warn("%zu of %zu question%s in windows that move by one piece each: a smaller --stride "
                 "costs less",
                 o->creeping, o->asked, rtd_s(o->asked));
    rtd_line_loop_close(&a);
    free(o->row);
    free(o->spans.best);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.answer = {.out = "-"}, .threshold = -1};
    struct rtd_opt table[] = {
        RTD_OPT_ANSWER(&o.answer),
        {RTD_OPT_STR, 0, "squad", "FILE", &o.squad, 0, 0, "answer the questions of SQuAD's JSON",
         0},
        {RTD_OPT_STR, 0, "no-answer", "FILE", &o.no_answer, 0, 0,
         "with --squad: write {id: no-answer probability}", 0},
        {RTD_OPT_REAL, 0, "threshold", "P", &o.threshold, 0, 1,
         "over this no-answer probability say nothing (the model's)", 0},
        {RTD_OPT_INT, 0, "stride", "N", &o.stride, 1, 1 << 16,
         "tokens that two windows of a context share (a third of the length, at most 128)", 0},
        {RTD_OPT_INT, 0, "n-best", "N", &o.n_best, 1, 1000,
         "with --json: print the N best answers, too", 0},
        {RTD_OPT_INT, 0, "question-length", "N", &o.question, 1, 1 << 16,
         "most tokens of a question (half of the length, at most 64)", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("answer", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st)
        st = run(&o, argv + first, argc - first, &err);
    return rtd_tool_end(&err, st);
}
