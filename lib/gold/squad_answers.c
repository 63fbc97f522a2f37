/* rtdtools - MIT licence */
#include "gold/squad_answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"

enum { PREDICTIONS_MAX = 1 << 30 };

void rtd_squad_answers_free(struct rtd_squad_answers *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->a[i].text);
    free(s->a);
    *s = (struct rtd_squad_answers){0};
}

/* --- by id --- */

/* The members of an object, to be found by key. */
struct member {
    const struct rtd_json *key, *value;
    size_t place;
};
struct index {
    struct member *m; /* [n], sorted */
    size_t n;
};

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int c = strcmp(x->key->text, y->key->text);
    return c ? c : x->place < y->place ? -1 : x->place > y->place;
}

static int index_object(struct index *x, const struct rtd_json *object, struct rtd_err *err)
{
    struct rtd_json_walk w = rtd_json_walk(object);
    *x = (struct index){.m = malloc((object->n + 1) * sizeof *x->m)};
    if (!x->m)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (; rtd_json_step(&w); x->n++)
        x->m[x->n] = (struct member){w.key, w.value, x->n};
    qsort(x->m, x->n, sizeof *x->m, by_key);
    return RTD_OK;
}

/* The last one with that key, as Python reads it; NULL: there is none. */
static const struct member *find(const struct index *x, const char *key)
{
    size_t lo = 0, hi = x->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(x->m[mid].key->text, key) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo && strcmp(x->m[lo - 1].key->text, key) == 0 ? &x->m[lo - 1] : NULL;
}

static int bad_value(const char *path, const char *what, const char *id, const char *shall,
                     struct rtd_bad_rows *bad, struct rtd_err *err)
{
    char shown[80];
    rtd_fail(err, RTD_EDATA, "%s: %s for '%s' is %s", path, what,
             rtd_mask_text(shown, sizeof shown, id, strlen(id)), shall);
    return rtd_bad_row(bad, err);
}

static int take_object(struct rtd_squad_answers *s, const struct rtd_squad *gold,
                       const struct rtd_json *root, const char *path, struct rtd_bad_rows *bad,
                       struct rtd_err *err)
{
    struct index x;
    if (root->kind != RTD_JSON_OBJECT)
        return rtd_fail(err, RTD_EDATA, "%s: not a JSON object", path);
    int st = index_object(&x, root, err);
    for (size_t i = 0; i < gold->n && !st; i++) {
        const struct member *m = find(&x, gold->q[i].id);
        if (!m || m->value->kind == RTD_JSON_NULL)
            continue;
        if (m->value->kind == RTD_JSON_TEXT) {
            s->a[i].text = rtd_json_copy(m->value);
            st = s->a[i].text ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
        } else {
            s->a[i].left_out = true;
            st = bad_value(path, "the prediction", gold->q[i].id, "not a text", bad, err);
        }
    }
    free(x.m);
    s->by_id = true;
    return st ? st : rtd_bad_rows_end(bad, gold->n, path, "prediction", err);
}

static int take_probabilities(struct rtd_squad_answers *s, const struct rtd_squad *gold,
                              const struct rtd_json *root, const char *path,
                              struct rtd_bad_rows *bad, struct rtd_err *err)
{
    struct index x;
    if (root->kind != RTD_JSON_OBJECT)
        return rtd_fail(err, RTD_EDATA, "%s: not a JSON object", path);
    int st = index_object(&x, root, err);
    for (size_t i = 0; i < gold->n && !st; i++) {
        struct rtd_squad_said *a = &s->a[i];
        const struct member *m = find(&x, gold->q[i].id);
        if (!a->text)
            continue;
        if (m && rtd_json_real(m->value, &a->no_answer)) {
            a->place = m->place;
            continue;
        }
        a->left_out = true;
        st = bad_value(path, "the probability", gold->q[i].id, m ? "not a number" : "not there",
                       bad, err);
    }
    free(x.m);
    return st ? st : rtd_bad_rows_end(bad, gold->n, path, "probability", err);
}

/* --- by line --- */

/* What answer printed for a line: an object, or ANSWER TAB SCORE ...; *text NULL: nothing. */
static int take_line(char **text, const char *line, struct rtd_json_doc *doc, const char *path,
                     size_t number, struct rtd_err *err)
{
    const struct rtd_json *v = NULL;
    size_t len = strcspn(line, "\t");
    bool object = line[0] == '{';
    *text = NULL;
    if (object && rtd_json_read(doc, line, strlen(line), path, number, err))
        return err->status;
    if (object ? doc->root->n == 0 : !line[0])
        return RTD_OK;
    if (object ? rtd_json_member(doc->root, "answer", RTD_JSON_TEXT, &v) != RTD_JSON_PRESENT
               : !line[len])
        return rtd_fail(err, RTD_EDATA, "%s: line %zu: not an answer", path, number);
    *text = object ? rtd_json_copy(v) : strndup(line, len);
    return *text ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

/* rest is cut in place. */
static int take_lines(struct rtd_squad_answers *s, const struct rtd_squad *gold, char *rest,
                      const char *path, struct rtd_bad_rows *bad, struct rtd_err *err)
{
    struct rtd_json_doc doc = {0};
    size_t number = 0, said = 0, i = 0;
    int st = RTD_OK;
    for (char *line; !st && (line = strsep(&rest, "\n")) && (line[0] || rest);) {
        char *text;
        line[strcspn(line, "\r")] = '\0';
        if (++number == 1 && strncmp(line, "answer\tscore\t", 13) == 0)
            continue; /* a header */
        size_t question = said++;
        if (i == gold->n || gold->q[i].number != question)
            continue; /* it was left out */
        st = take_line(&text, line, &doc, path, number, err);
        s->a[i].left_out = st != RTD_OK;
        s->a[i++].text = text;
        if (st)
            st = rtd_bad_row(bad, err);
    }
    rtd_json_free(&doc);
    if (!st && said != gold->total)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu answers for %zu questions", path, said, gold->total);
    return st ? st : rtd_bad_rows_end(bad, said, path, "line", err);
}

/* Lines, or one object?  doc: the whole text, where it is JSON. */
static bool are_lines(const char *text, const struct rtd_json_doc *doc)
{
    const struct rtd_json *v;
    if (doc->root) /* one object: the only line, where it says what a line says */
        return rtd_json_member(doc->root, "no_answer", RTD_JSON_NUMBER, &v) == RTD_JSON_PRESENT;
    return text[0] != '{' || strncmp(text, "{\"answer\":", 10) == 0 ||
           strncmp(text, "{}\n", 3) == 0;
}

static int load_json(struct rtd_json_doc *doc, char **text, const char *path, struct rtd_err *err,
                     struct rtd_err *not_json)
{
    size_t len;
    if (rtd_read_file(path, PREDICTIONS_MAX, text, &len, err))
        return err->status;
    rtd_json_read(doc, *text, len, path, 0, not_json);
    return not_json->status == RTD_ESYS ? rtd_fail(err, RTD_ESYS, "%s", not_json->text) : RTD_OK;
}

static int load(struct rtd_squad_answers *s, const struct rtd_squad *gold, const char *predictions,
                const char *no_answer, struct rtd_bad_rows *bad, struct rtd_err *err)
{
    struct rtd_json_doc doc = {0};
    struct rtd_err not_json = {0};
    char *text = NULL;
    int st = load_json(&doc, &text, predictions, err, &not_json);
    if (!st && are_lines(text, &doc))
        st = take_lines(s, gold, text, predictions, bad, err);
    else if (!st)
        st = doc.root ? take_object(s, gold, doc.root, predictions, bad, err)
                      : rtd_fail(err, RTD_EDATA, "%s", not_json.text);
    free(text);
    text = NULL;
    not_json = (struct rtd_err){0};
    if (!st && no_answer)
        st = load_json(&doc, &text, no_answer, err, &not_json);
    if (!st && no_answer)
        st = doc.root ? take_probabilities(s, gold, doc.root, no_answer, bad, err)
                      : rtd_fail(err, RTD_EDATA, "%s", not_json.text);
    free(text);
    rtd_json_free(&doc);
    return st;
}

int rtd_squad_answers_load(struct rtd_squad_answers *s, const struct rtd_squad *gold,
                           const char *predictions, const char *no_answer, struct rtd_bad_rows *bad,
                           struct rtd_err *err)
{
    *s = (struct rtd_squad_answers){.a = calloc(gold->n + 1, sizeof *s->a), .n = gold->n};
    if (!s->a)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = load(s, gold, predictions, no_answer, bad, err);
    if (st)
        rtd_squad_answers_free(s);
    return st;
}
