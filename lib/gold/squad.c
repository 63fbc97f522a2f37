/* rtdtools - MIT licence */
#include "gold/squad.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

enum { SQUAD_MAX = 1 << 30 };

void rtd_squad_free(struct rtd_squad *s)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->q[i].answers; k++)
            free(s->q[i].answer[k].text);
        free(s->q[i].answer);
        free(s->q[i].id);
        free(s->q[i].question);
    }
    for (size_t i = 0; i < s->contexts; i++)
        free(s->context[i]);
    free(s->q);
    free(s->context);
    *s = (struct rtd_squad){0};
}

/* Bytes of the first n code points. */
static size_t bytes_of(const char *s, json_int_t n)
{
    size_t at = 0;
    while (s[at] && (n > 0 || ((unsigned char)s[at] & 0xc0) == 0x80))
        n -= ((unsigned char)s[at++] & 0xc0) != 0x80;
    return at;
}

/* Where the text stands: at `start`, else the place nearest to it. */
static size_t locate(struct rtd_squad *s, const char *context, const char *text, json_int_t start)
{
    size_t at = bytes_of(context, start), best = SIZE_MAX, least = SIZE_MAX;
    if (strncmp(context + at, text, strlen(text)) == 0)
        return at;
    for (const char *p = text[0] ? strstr(context, text) : NULL; p; p = strstr(p + 1, text)) {
        size_t here = (size_t)(p - context), far = here > at ? here - at : at - here;
        if (far < least) {
            least = far;
            best = here;
        }
    }
    s->moved += best != SIZE_MAX;
    s->missing += best == SIZE_MAX;
    return best;
}

static int bad(const char *path, size_t article, size_t paragraph, const char *what,
               struct rtd_err *err)
{
    return rtd_fail(err, RTD_EDATA, "%s: data[%zu].paragraphs[%zu]: %s", path, article, paragraph,
                    what);
}

static int take_question(struct rtd_squad *s, const json_t *qa, const char *context, bool *ok)
{
    const char *id = json_string_value(json_object_get(qa, "id"));
    const char *text = json_string_value(json_object_get(qa, "question"));
    const json_t *answers = json_object_get(qa, "answers"), *a;
    bool impossible = json_is_true(json_object_get(qa, "is_impossible"));
    struct rtd_squad_question *q = &s->q[s->n];
    size_t i, n = impossible ? 0 : json_array_size(answers);
    *ok = id && text;
    if (!*ok)
        return 0;
    *q = (struct rtd_squad_question){.context = context};
    s->n++;
    s->v2 |= impossible || n == 0;
    q->id = strdup(id);
    q->question = strdup(text);
    q->answer = calloc(n + 1, sizeof *q->answer);
    if (!q->id || !q->question || !q->answer)
        return -1;
    for (i = 0; i < n; i++) {
        a = json_array_get(answers, i);
        const char *said = json_string_value(json_object_get(a, "text"));
        *ok &= said != NULL;
        if (!said)
            return 0;
        q->answer[i].text = strdup(said);
        q->answers++;
        s->answers++;
        s->blank += !said[0];
        if (!q->answer[i].text)
            return -1;
        q->answer[i].start =
            locate(s, context, said, json_integer_value(json_object_get(a, "answer_start")));
    }
    return 0;
}

static int take_paragraph(struct rtd_squad *s, const json_t *p, const char *path, size_t article,
                          size_t number, struct rtd_err *err)
{
    const char *context = json_string_value(json_object_get(p, "context"));
    const json_t *qas = json_object_get(p, "qas");
    size_t n = json_array_size(qas);
    bool ok;
    if (!context || !json_is_array(qas))
        return bad(path, article, number, "no context, or no qas", err);
    char **contexts = realloc(s->context, (s->contexts + 1) * sizeof *contexts);
    if (contexts)
        s->context = contexts;
    struct rtd_squad_question *q = realloc(s->q, (s->n + n + 1) * sizeof *q);
    if (q)
        s->q = q;
    char *copy = contexts && q ? strdup(context) : NULL;
    if (!copy)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
    s->context[s->contexts++] = copy;
    for (size_t i = 0; i < n; i++) {
        if (take_question(s, json_array_get(qas, i), copy, &ok))
            return rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
        if (!ok)
            return bad(path, article, number, "a question without id, question or answer text",
                       err);
    }
    return RTD_OK;
}

static int take_root(struct rtd_squad *s, const json_t *root, const char *path, struct rtd_err *err)
{
    const json_t *data = json_object_get(root, "data");
    if (!json_is_array(data))
        return rtd_fail(err, RTD_EDATA, "%s: no list \"data\": not SQuAD's form", path);
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *list = json_object_get(json_array_get(data, i), "paragraphs");
        if (!json_is_array(list))
            return rtd_fail(err, RTD_EDATA, "%s: data[%zu]: no list \"paragraphs\"", path, i);
        for (size_t k = 0; k < json_array_size(list); k++)
            if (take_paragraph(s, json_array_get(list, k), path, i, k, err))
                return err->status;
    }
    return s->n ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no questions", path);
}

static int count_repeated(struct rtd_squad *s, const char *path, struct rtd_err *err)
{
    json_t *seen = json_object();
    bool ok = seen != NULL;
    for (size_t i = 0; i < s->n && ok; i++) {
        if (json_object_get(seen, s->q[i].id)) {
            if (!s->repeated++)
                s->repeated_id = s->q[i].id;
        } else {
            ok = !json_object_set_new(seen, s->q[i].id, json_true());
        }
    }
    json_decref(seen);
    return ok ? RTD_OK : rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
}

int rtd_squad_load(struct rtd_squad *s, const char *path, struct rtd_err *err)
{
    char *text;
    size_t len;
    json_error_t e;
    *s = (struct rtd_squad){0};
    if (rtd_read_file(path, SQUAD_MAX, &text, &len, err))
        return err->status;
    json_t *root = json_loadb(text, len, 0, &e);
    free(text);
    char shown[JSON_ERROR_TEXT_LENGTH];
    int st = root ? take_root(s, root, path, err)
                  : rtd_fail(err, RTD_EDATA, "%s: line %d: not JSON: %s", path, e.line,
                             rtd_mask_text(shown, sizeof shown, e.text, strlen(e.text)));
    json_decref(root);
    if (!st)
        st = count_repeated(s, path, err);
    if (st)
        rtd_squad_free(s);
    return st;
}
