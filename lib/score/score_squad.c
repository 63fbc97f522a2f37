/* rtdtools - MIT licence
 *
 * Scores of answers to questions. */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/say.h"
#include "gold/json_row.h"
#include "score/metrics_squad.h"
#include "score/score.h"

enum { PREDICTIONS_MAX = 1 << 30 };

/* The best over the gold answers; version 2 leaves out those that normalise to nothing, and
 * compares with nothing where none is left. */
static int judge(struct rtd_squad_item *item, const struct rtd_squad_question *q, const char *said,
                 bool v2, struct rtd_err *err)
{
    bool any = false;
    *item = (struct rtd_squad_item){.has_answer = q->answers > 0, .said_something = said[0] != 0};
    for (size_t k = 0; k <= q->answers; k++) {
        double exact, f1;
        bool last = k == q->answers, empty = false;
        if (last && any)
            break;
        const char *gold = last ? "" : q->answer[k].text;
        if (v2 && !last && rtd_squad_is_empty(gold, &empty, err))
            return err->status;
        if (empty)
            continue;
        if (rtd_squad_compare(gold, said, v2, &exact, &f1, err))
            return err->status;
        item->exact = exact > item->exact ? exact : item->exact;
        item->f1 = f1 > item->f1 ? f1 : item->f1;
        any = true;
    }
    return RTD_OK;
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

/* The script's sweep takes equal probabilities in the order of their file: {id: number}. */
static json_t *places(const json_t *no_answer)
{
    json_t *place = json_object(), *v;
    const char *id;
    json_int_t n = 0;
    json_object_foreach((json_t *)no_answer, id, v)
    {
        json_object_set_new(place, id, json_integer(n++));
    }
    return place;
}

int rtd_squad_judge(json_t **out, const struct rtd_squad *gold, const json_t *predictions,
                    const json_t *no_answer, double threshold, size_t *unanswered,
                    struct rtd_err *err)
{
    struct rtd_squad_item *item = calloc(gold->n + 1, sizeof *item);
    struct rtd_squad_scores s;
    json_t *place = places(no_answer);
    size_t n = 0;
    int st = item && place ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    *unanswered = 0;
    for (size_t i = 0; i < gold->n && !st; i++) {
        const json_t *p = json_object_get(no_answer, gold->q[i].id), *said;
        said = json_is_array(predictions) ? json_array_get(predictions, i)
                                          : json_object_get(predictions, gold->q[i].id);
        said = json_is_null(said) ? NULL : said;
        if (said && !json_is_string(said))
            st = rtd_fail(err, RTD_EDATA, "the prediction for '%s' is not a text", gold->q[i].id);
        *unanswered += !said;
        if (st || (!said && gold->v2))
            continue;
        if (said)
            st = judge(&item[n], &gold->q[i], json_string_value(said), gold->v2, err);
        item[n].place = (size_t)json_integer_value(json_object_get(place, gold->q[i].id));
        item[n++].no_answer = json_number_value(p);
    }
    if (!st)
        st = rtd_squad_scores(&s, item, n, gold->v2, threshold, err);
    if (!st)
        *out = as_json(&s, gold->v2);
    json_decref(place);
    free(item);
    return st;
}

/* Is it an object?  e: of json_loadb, where it is nothing. */
static int check_object(const json_t *root, const char *path, const json_error_t *e,
                        struct rtd_err *err)
{
    char shown[JSON_ERROR_TEXT_LENGTH];
    if (root)
        return json_is_object(root) ? RTD_OK
                                    : rtd_fail(err, RTD_EDATA, "%s: not a JSON object", path);
    return rtd_fail(err, RTD_EDATA, "%s: line %d: not JSON: %s", path, e->line,
                    rtd_mask_text(shown, sizeof shown, e->text, strlen(e->text)));
}

static int load_object(json_t **out, const char *path, struct rtd_err *err)
{
    char *text;
    size_t len;
    json_error_t e;
    if (rtd_read_file(path, PREDICTIONS_MAX, &text, &len, err))
        return err->status;
    *out = json_loadb(text, len, 0, &e);
    free(text);
    return check_object(*out, path, &e, err);
}

/* What answer printed for a line: an object, or ANSWER TAB SCORE ...; NULL: nothing (a bad line).
 */
static json_t *answer_of(char *line, bool *ok)
{
    json_t *root = line[0] == '{' ? json_loads(line, 0, NULL) : NULL;
    json_t *text = json_incref(json_object_get(root, "answer"));
    size_t len = strcspn(line, "\t");
    *ok = json_is_object(root) ? text ? json_is_string(text) : json_object_size(root) == 0
                               : line[0] != '{' && (line[len] || !len);
    if (*ok && !root && line[len])
        text = rtd_json_text(line, len);
    json_decref(root);
    return text;
}

/* An answer a line, for n questions in their order; text is cut in place. */
static int take_lines(json_t *out, char *text, const char *path, size_t n, struct rtd_err *err)
{
    size_t number = 0;
    for (char *line; (line = strsep(&text, "\n")) && (line[0] || text);) {
        bool ok;
        line[strcspn(line, "\r")] = '\0';
        if (++number == 1 && strncmp(line, "answer\tscore\t", 13) == 0)
            continue; /* a header */
        json_t *said = answer_of(line, &ok);
        if (!ok) {
            json_decref(said);
            return rtd_fail(err, RTD_EDATA, "%s: line %zu: not an answer", path, number);
        }
        json_array_append_new(out, said ? said : json_null());
    }
    return json_array_size(out) == n ? RTD_OK
                                     : rtd_fail(err, RTD_EDATA, "%s: %zu answers for %zu questions",
                                                path, json_array_size(out), n);
}

/* What answer printed: {id: answer} with --squad, else a line a question. */
static int load_answers(json_t **out, const char *path, const struct rtd_squad *gold,
                        struct rtd_err *err)
{
    char *text;
    size_t len;
    json_error_t e;
    if (rtd_read_file(path, PREDICTIONS_MAX, &text, &len, err))
        return err->status;
    *out = json_loadb(text, len, 0, &e);
    bool one = json_is_number(json_object_get(*out, "no_answer")); /* the only line */
    bool lines = one || (!*out && (text[0] != '{' || strncmp(text, "{\"answer\":", 10) == 0 ||
                                   strncmp(text, "{}\n", 3) == 0));
    if (lines) {
        json_decref(*out);
        *out = json_array();
    }
    int st = lines ? take_lines(*out, text, path, gold->n, err) : check_object(*out, path, &e, err);
    free(text);
    return st;
}

int rtd_score_answers(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_squad gold;
    json_t *said = NULL, *no_answer = NULL;
    size_t unanswered;
    int st = rtd_squad_load(&gold, o->gold, err);
    if (st)
        return st;
    if (gold.answers && gold.blank == gold.answers)
        st =
            rtd_fail(err, RTD_EDATA, "%s: all %zu answers are empty texts: nothing to compare with",
                     o->gold, gold.answers);
    else if (gold.blank)
        rtd_warn("%s: %zu of %zu answers are empty texts", o->gold, gold.blank, gold.answers);
    if (!st)
        st = load_answers(&said, o->predictions, &gold, err);
    if (!st && gold.repeated && (o->no_answer || json_is_object(said)))
        rtd_warn("%s: question '%s' has the id of an earlier one, the first of %zu such: a "
                 "prediction by id counts for both",
                 o->gold, gold.repeated_id, gold.repeated);
    if (!st && o->no_answer)
        st = load_object(&no_answer, o->no_answer, err);
    if (!st)
        st = rtd_squad_judge(out, &gold, said, no_answer, o->threshold, &unanswered, err);
    if (!st && unanswered)
        rtd_warn("%s: no prediction for %zu of %zu questions (%s)", o->predictions, unanswered,
                 gold.n, gold.v2 ? "left out" : "counted as wrong");
    json_decref(said);
    json_decref(no_answer);
    rtd_squad_free(&gold);
    return st;
}
