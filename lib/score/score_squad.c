/* rtdtools - MIT licence
 *
 * Scores of answers to questions. */
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "gold/squad_answers.h"
#include "score/metrics_squad.h"
#include "score/score.h"

/* The best over the gold answers; version 2 leaves out those that normalise to nothing, and
 * compares with nothing where none is left. */
static int judge(struct rtd_squad_item *item, const struct rtd_squad_question *q, const char *said,
                 bool v2, struct rtd_err *err)
{
    struct rtd_squad_text text;
    bool any = false;
    *item = (struct rtd_squad_item){.has_answer = q->answers > 0, .said_something = said[0] != 0};
    int st = rtd_squad_text(&text, said, err);
    for (size_t k = 0; k <= q->answers && !st; k++) {
        double exact, f1;
        bool last = k == q->answers, empty = false;
        if (last && any)
            break;
        const char *gold = last ? "" : q->answer[k].text;
        if (v2 && !last)
            st = rtd_squad_is_empty(gold, &empty, err);
        if (st || empty)
            continue;
        st = rtd_squad_compare(gold, &text, v2, &exact, &f1, err);
        if (st)
            break;
        item->exact = exact > item->exact ? exact : item->exact;
        item->f1 = f1 > item->f1 ? f1 : item->f1;
        any = true;
    }
    rtd_squad_text_free(&text);
    return st;
}

static json_t *as_json(const struct rtd_squad_scores *s, bool v2)
{
    if (!v2)
        return json_pack("{s:f, s:f, s:I}", "exact_match", s->exact, "f1", s->f1, "total",
                         (json_int_t)s->total);
    return json_pack("{s:f, s:f, s:I, s:f, s:f, s:I, s:f, s:f, s:I, s:f, s:f, s:f, s:f}", "exact",
                     s->exact, "f1", s->f1, "total", (json_int_t)s->total, "HasAns_exact",
                     s->has_exact, "HasAns_f1", s->has_f1, "HasAns_total", (json_int_t)s->has,
                     "NoAns_exact", s->no_exact, "NoAns_f1", s->no_f1, "NoAns_total",
                     (json_int_t)s->no, "best_exact", s->best_exact, "best_exact_thresh",
                     s->best_exact_thresh, "best_f1", s->best_f1, "best_f1_thresh",
                     s->best_f1_thresh);
}

int rtd_squad_judge(json_t **out, const struct rtd_squad *gold,
                    const struct rtd_squad_answers *said, double threshold, size_t *unanswered,
                    struct rtd_err *err)
{
    struct rtd_squad_item *item = calloc(gold->n + 1, sizeof *item);
    struct rtd_squad_scores s;
    size_t n = 0;
    int st = item ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    *unanswered = 0;
    for (size_t i = 0; i < gold->n && !st; i++) {
        const struct rtd_squad_said *a = &said->a[i];
        if (a->left_out)
            continue;
        *unanswered += !a->text;
        if (!a->text && gold->v2)
            continue;
        if (a->text)
            st = judge(&item[n], &gold->q[i], a->text, gold->v2, err);
        item[n].place = a->place;
        item[n++].no_answer = a->no_answer;
    }
    if (!st)
        st = rtd_squad_scores(&s, item, n, gold->v2, threshold, err);
    if (!st)
        *out = as_json(&s, gold->v2);
    free(item);
    return st;
}

static int check_gold(const struct rtd_squad *gold, const char *path, struct rtd_err *err)
{
    if (gold->answers && gold->blank == gold->answers)
        return rtd_fail(err, RTD_EDATA,
                        "%s: all %zu answers are empty texts: nothing to compare with", path,
                        gold->answers);
    if (gold->blank)
        rtd_warn("%s: %zu of %zu answers are empty texts", path, gold->blank, gold->answers);
    return RTD_OK;
}

int rtd_score_answers(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_squad gold;
    struct rtd_squad_answers said = {0};
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    size_t unanswered;
    int st = rtd_squad_load(&gold, o->gold, true, &bad, err);
    if (!st)
        st = check_gold(&gold, o->gold, err);
    if (!st)
        st = rtd_squad_answers_load(&said, &gold, o->predictions, o->no_answer, &bad, err);
    if (!st && gold.repeated && (o->no_answer || said.by_id))
        rtd_warn("%s: question '%s' has the id of an earlier one, the first of %zu such: a "
                 "prediction by id counts for both",
                 o->gold, gold.repeated_id, gold.repeated);
    if (!st)
        st = rtd_squad_judge(out, &gold, &said, o->threshold, &unanswered, err);
    if (!st && unanswered)
        rtd_warn("%s: no prediction for %zu of %zu questions (%s)", o->predictions, unanswered,
                 gold.n, gold.v2 ? "left out" : "counted as wrong");
    rtd_bad_rows_free(&bad);
    rtd_squad_answers_free(&said);
    rtd_squad_free(&gold);
    return st;
}
