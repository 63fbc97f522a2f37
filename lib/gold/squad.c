/* rtdtools - MIT licence */
#include "gold/squad.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"

enum { SQUAD_MAX = 1 << 30 };

static void free_question(struct rtd_squad_question *q)
{
    for (size_t k = 0; k < q->answers; k++)
        free(q->answer[k].text);
    free(q->answer);
    free(q->id);
    free(q->question);
}

void rtd_squad_free(struct rtd_squad *s)
{
    for (size_t i = 0; i < s->n; i++)
        free_question(&s->q[i]);
    for (size_t i = 0; i < s->contexts; i++)
        free(s->context[i]);
    free(s->q);
    free(s->context);
    *s = (struct rtd_squad){0};
}

/* --- where an answer stands --- */

/* A context, and the byte at which every STEP-th of its code points begins. */
enum { STEP = 256 };
struct context {
    const char *text;
    size_t len;
    size_t *step; /* [len / STEP + 1] */
    size_t steps;
};

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static int index_context(struct context *c, const char *text, struct rtd_err *err)
{
    size_t n = 0;
    *c = (struct context){.text = text, .len = strlen(text)};
    c->step = malloc((c->len / STEP + 1) * sizeof *c->step);
    if (!c->step)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < c->len; i++)
        if (!continues(text[i]) && n++ % STEP == 0)
            c->step[c->steps++] = i;
    return RTD_OK;
}

/* Bytes of the first n code points. */
static size_t bytes_of(const struct context *c, int64_t n)
{
    if (n <= 0)
        return 0;
    if ((uint64_t)n / STEP >= c->steps)
        return c->len;
    size_t at = c->step[n / STEP];
    for (n %= STEP; c->text[at] && (n > 0 || continues(c->text[at])); at++)
        n -= n > 0 && !continues(c->text[at + 1]);
    return at;
}

/* Where the text stands: at code point `start`, else the place nearest to it. */
static size_t locate(struct rtd_squad *s, const struct context *c, const char *text, int64_t start)
{
    size_t at = bytes_of(c, start), n = strlen(text);
    if (c->len - at >= n && memcmp(c->text + at, text, n) == 0)
        return at;
    size_t from = at > RTD_SQUAD_SEARCH ? at - RTD_SQUAD_SEARCH : 0, best = SIZE_MAX;
    size_t room = c->len - at;
    room = room > RTD_SQUAD_SEARCH + n ? RTD_SQUAD_SEARCH + n : room;
    const char *behind = n ? memmem(c->text + at, room, text, n) : NULL;
    if (behind)
        best = (size_t)(behind - c->text);
    size_t far = behind ? best - at : SIZE_MAX;
    for (size_t p = at; n && p-- > from && at - p <= far;)
        if (c->text[p] == text[0] && c->len - p >= n && memcmp(c->text + p, text, n) == 0) {
            best = p;
            break;
        }
    s->moved += best != SIZE_MAX;
    s->missing += best == SIZE_MAX;
    return best;
}

/* --- reading --- */

/* Where in the file, and how it goes. */
struct place {
    const char *path;
    size_t article, paragraph, question; /* SIZE_MAX: none */
    bool answers;
    struct rtd_bad_rows *bad;
};

static int wrong(const struct place *at, const char *what, struct rtd_err *err)
{
    char where[120];
    int n = snprintf(where, sizeof where, "data[%zu]", at->article);
    if (at->paragraph != SIZE_MAX)
        n += snprintf(where + n, sizeof where - (size_t)n, ".paragraphs[%zu]", at->paragraph);
    if (at->question != SIZE_MAX)
        snprintf(where + n, sizeof where - (size_t)n, ".qas[%zu]", at->question);
    return rtd_fail(err, RTD_EDATA, "%s: %s: %s", at->path, where, what);
}

static int no_memory(const struct place *at, struct rtd_err *err)
{
    return rtd_fail(err, RTD_ESYS, "%s: not enough memory", at->path);
}

/* Append an answer.  start: NULL: not said. */
static int add_answer(struct rtd_squad *s, struct rtd_squad_question *q, const struct context *c,
                      const struct rtd_json *text, const struct rtd_json *start,
                      const struct place *at, struct rtd_err *err)
{
    int64_t from = 0;
    if (!text || text->kind != RTD_JSON_TEXT)
        return wrong(at, "an answer without text", err);
    if (start && start->kind != RTD_JSON_NULL && !rtd_json_whole(start, &from))
        return wrong(at, "an answer_start that is no whole number", err);
    struct rtd_squad_answer *a = &q->answer[q->answers];
    a->text = rtd_json_copy(text);
    if (!a->text)
        return no_memory(at, err);
    q->answers++;
    a->start = locate(s, c, a->text, from);
    return RTD_OK;
}

/* A list of {"text": ..., "answer_start": ...} */
static int take_list(struct rtd_squad *s, struct rtd_squad_question *q, const struct context *c,
                     const struct rtd_json *list, const struct place *at, struct rtd_err *err)
{
    const struct rtd_json *text, *start;
    struct rtd_json_walk w = rtd_json_walk(list);
    while (rtd_json_step(&w)) {
        rtd_json_member(w.value, "text", RTD_JSON_TEXT, &text);
        if (rtd_json_member(w.value, "answer_start", RTD_JSON_NUMBER, &start) == RTD_JSON_WRONG)
            return wrong(at, "an answer_start that is no whole number", err);
        if (add_answer(s, q, c, text, start, at, err))
            return err->status;
    }
    return RTD_OK;
}

/* {"text": [...], "answer_start": [...]}; the starts may be absent. */
static int take_lists(struct rtd_squad *s, struct rtd_squad_question *q, const struct context *c,
                      const struct rtd_json *texts, const struct rtd_json *starts,
                      const struct place *at, struct rtd_err *err)
{
    struct rtd_json_walk t = rtd_json_walk(texts), b = rtd_json_walk(starts);
    if (starts && starts->n != texts->n)
        return wrong(at, "not as many answer_start as texts of answers", err);
    while (rtd_json_step(&t)) {
        rtd_json_step(&b);
        if (add_answer(s, q, c, t.value, b.value, at, err))
            return err->status;
    }
    return RTD_OK;
}

static int take_answers(struct rtd_squad *s, struct rtd_squad_question *q, const struct context *c,
                        const struct rtd_json *qa, const struct place *at, struct rtd_err *err)
{
    const struct rtd_json *answers, *impossible, *texts = NULL, *starts = NULL;
    if (rtd_json_member(qa, "is_impossible", RTD_JSON_BOOL, &impossible) == RTD_JSON_WRONG)
        return wrong(at, "is_impossible is neither true nor false", err);
    if (impossible && impossible->kind == RTD_JSON_TRUE)
        return RTD_OK;
    enum rtd_json_found found =
        rtd_json_member(qa, "answers", RTD_JSON_LIST | RTD_JSON_OBJECT, &answers);
    if (found != RTD_JSON_PRESENT)
        return wrong(at,
                     found == RTD_JSON_ABSENT ? "no answers (of a test set?), nor is_impossible"
                                              : "answers that are no list",
                     err);
    bool lists = answers->kind == RTD_JSON_OBJECT;
    if (lists &&
        (rtd_json_member(answers, "text", RTD_JSON_LIST, &texts) != RTD_JSON_PRESENT ||
         rtd_json_member(answers, "answer_start", RTD_JSON_LIST, &starts) == RTD_JSON_WRONG))
        return wrong(at, "answers that are no list, nor an object of lists", err);
    q->answer = calloc((lists ? texts : answers)->n + 1, sizeof *q->answer);
    if (!q->answer)
        return no_memory(at, err);
    return lists ? take_lists(s, q, c, texts, starts, at, err)
                 : take_list(s, q, c, answers, at, err);
}

static int take_question(struct rtd_squad *s, const struct rtd_json *qa, const struct context *c,
                         const struct place *at, struct rtd_err *err)
{
    const struct rtd_json *id, *text;
    struct rtd_squad_question q = {.context = c->text, .number = s->total};
    size_t moved = s->moved, missing = s->missing;
    if (rtd_json_member(qa, "id", RTD_JSON_TEXT | RTD_JSON_NUMBER, &id) != RTD_JSON_PRESENT)
        return wrong(at, "a question without id", err);
    if (rtd_json_member(qa, "question", RTD_JSON_TEXT, &text) != RTD_JSON_PRESENT)
        return wrong(at, "no text under question", err);
    q.id = rtd_json_copy(id);
    q.question = rtd_json_copy(text);
    int st = q.id && q.question ? RTD_OK : no_memory(at, err);
    if (!st && at->answers)
        st = take_answers(s, &q, c, qa, at, err);
    if (st) {
        s->moved = moved;
        s->missing = missing;
        free_question(&q);
        return st;
    }
    s->q[s->n++] = q;
    s->v2 |= at->answers && q.answers == 0;
    s->answers += q.answers;
    for (size_t k = 0; k < q.answers; k++)
        s->blank += !q.answer[k].text[0];
    return RTD_OK;
}

struct caps {
    size_t questions, contexts;
};

/* Room for one more context and n more questions. */
static int grow(struct rtd_squad *s, struct caps *cap, size_t n)
{
    if (s->contexts == cap->contexts) {
        size_t more = 2 * cap->contexts + 64;
        char **list = realloc(s->context, more * sizeof *list);
        if (!list)
            return -1;
        s->context = list;
        cap->contexts = more;
    }
    if (s->n + n > cap->questions) {
        size_t more = 2 * (s->n + n);
        struct rtd_squad_question *q = realloc(s->q, more * sizeof *q);
        if (!q)
            return -1;
        s->q = q;
        cap->questions = more;
    }
    return 0;
}

static int take_paragraph(struct rtd_squad *s, struct caps *cap, const struct rtd_json *p,
                          struct place *at, struct rtd_err *err)
{
    const struct rtd_json *text, *qas;
    struct context c = {0};
    char *copy = NULL;
    if (rtd_json_member(p, "qas", RTD_JSON_LIST, &qas) != RTD_JSON_PRESENT) {
        wrong(at, "no list \"qas\"", err);
        return rtd_bad_row(at->bad, err);
    }
    if (grow(s, cap, qas->n))
        return no_memory(at, err);
    if (rtd_json_member(p, "context", RTD_JSON_TEXT, &text) == RTD_JSON_PRESENT) {
        copy = rtd_json_copy(text);
        if (!copy)
            return no_memory(at, err);
        s->context[s->contexts++] = copy;
        if (index_context(&c, copy, err))
            return err->status;
    }
    int st = RTD_OK;
    struct rtd_json_walk w = rtd_json_walk(qas);
    for (at->question = 0; !st && rtd_json_step(&w); at->question++, s->total++)
        if (copy ? take_question(s, w.value, &c, at, err) : wrong(at, "no text under context", err))
            st = rtd_bad_row(at->bad, err);
    at->question = SIZE_MAX;
    free(c.step);
    return st;
}

static int take_root(struct rtd_squad *s, const struct rtd_json *root, struct place *at,
                     struct rtd_err *err)
{
    const struct rtd_json *data, *list;
    struct caps cap = {0};
    if (rtd_json_member(root, "data", RTD_JSON_LIST, &data) != RTD_JSON_PRESENT)
        return rtd_fail(err, RTD_EDATA, "%s: no list \"data\": not SQuAD's form", at->path);
    struct rtd_json_walk a = rtd_json_walk(data);
    for (at->article = 0; rtd_json_step(&a); at->article++) {
        at->paragraph = at->question = SIZE_MAX;
        if (rtd_json_member(a.value, "paragraphs", RTD_JSON_LIST, &list) != RTD_JSON_PRESENT) {
            wrong(at, "no list \"paragraphs\"", err);
            if (rtd_bad_row(at->bad, err))
                return err->status;
        }
        struct rtd_json_walk p = rtd_json_walk(list);
        for (at->paragraph = 0; rtd_json_step(&p); at->paragraph++)
            if (take_paragraph(s, &cap, p.value, at, err))
                return err->status;
    }
    if (rtd_bad_rows_end(at->bad, s->total, at->path, "question", err))
        return err->status;
    return s->n ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no questions", at->path);
}

/* --- ids --- */

static int by_id(const void *a, const void *b)
{
    const struct rtd_squad_question *x = *(struct rtd_squad_question *const *)a;
    const struct rtd_squad_question *y = *(struct rtd_squad_question *const *)b;
    int c = strcmp(x->id, y->id);
    return c ? c : x < y ? -1 : x > y;
}

static int count_repeated(struct rtd_squad *s, const char *path, struct rtd_err *err)
{
    const struct rtd_squad_question **list = malloc((s->n + 1) * sizeof *list), *first = NULL;
    if (!list)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
    for (size_t i = 0; i < s->n; i++)
        list[i] = &s->q[i];
    qsort(list, s->n, sizeof *list, by_id);
    for (size_t i = 1; i < s->n; i++)
        if (strcmp(list[i]->id, list[i - 1]->id) == 0) {
            s->repeated++;
            first = !first || list[i] < first ? list[i] : first;
        }
    s->repeated_id = first ? first->id : NULL;
    free(list);
    return RTD_OK;
}

int rtd_squad_load(struct rtd_squad *s, const char *path, bool answers, struct rtd_bad_rows *bad,
                   struct rtd_err *err)
{
    struct place at = {.path = path, .answers = answers, .bad = bad};
    struct rtd_json_doc doc = {0};
    char *text;
    size_t len;
    *s = (struct rtd_squad){0};
    if (rtd_read_file(path, SQUAD_MAX, &text, &len, err))
        return err->status;
    int st = rtd_json_read(&doc, text, len, path, 0, err);
    free(text);
    if (!st)
        st = take_root(s, doc.root, &at, err);
    rtd_json_free(&doc);
    if (!st)
        st = count_repeated(s, path, err);
    if (st)
        rtd_squad_free(s);
    return st;
}
