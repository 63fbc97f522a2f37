/* rtdtools - MIT licence
 *
 * Scores of tagged sentences, and of intents with slots. */
#include <stdlib.h>
#include <string.h>

#include "gold/conll.h"
#include "score/metrics_tags.h"
#include "score/score.h"
#include "gold/table.h"

static json_t *scores_json(const struct rtd_tag_scores *s, uint64_t gold)
{
    return json_pack("{s:f, s:f, s:f, s:I}", "precision", s->precision, "recall", s->recall, "f1",
                     s->f1, "support", (json_int_t)gold);
}

static json_t *counts_json(const struct rtd_tag_counts *c, bool types)
{
    struct rtd_tag_scores s;
    rtd_tag_scores(c, NULL, &s);
    json_t *root = json_pack("{s:I, s:f, s:f, s:f}", "entities", (json_int_t)c->gold, "precision",
                             s.precision, "recall", s.recall, "f1", s.f1);
    if (c->tokens)
        json_object_set_new(root, "token_accuracy", json_real(s.token_accuracy));
    json_t *all = json_object();
    for (int i = 0; i < c->n; i++) {
        rtd_tag_scores(c, &c->type[i], &s);
        json_object_set_new(all, c->type[i].name, scores_json(&s, c->type[i].gold));
    }
    if (types)
        json_object_set(root, "per_class", all);
    json_decref(all);
    return root;
}

/* --- what was said: CoNLL, or a JSON object a sentence --- */

struct said {
    struct rtd_conll in; /* of JSON, only its lines */
    bool json;
    struct rtd_sentence sentence; /* the current one of CoNLL, or ... */
    json_t *object;               /* ... of JSON */
    uint64_t line;
};

static int open_said(struct said *s, const char *path, struct rtd_err *err)
{
    char c = 0;
    size_t got;
    *s = (struct said){.json = false};
    int st = rtd_conll_open(&s->in, path, true, err);
    if (!st)
        st = rtd_in_peek(s->in.lines.in, &c, 1, &got, err);
    s->json = c == '{';
    return st;
}

static void close_said(struct said *s)
{
    rtd_sentence_free(&s->sentence);
    json_decref(s->object);
    rtd_conll_close(&s->in);
}

static int next_said(struct said *s, bool *more, struct rtd_err *err)
{
    char *line;
    size_t len;
    if (!s->json) {
        int st = rtd_conll_next(&s->in, &s->sentence, err);
        *more = s->sentence.n > 0;
        s->line = s->sentence.line;
        return st;
    }
    if (rtd_lines_next(&s->in.lines, &line, &len, err))
        return err->status;
    *more = line != NULL;
    s->line = s->in.lines.number;
    json_decref(s->object);
    s->object = line ? json_loadb(line, len, 0, NULL) : NULL;
    if (line && !json_is_object(s->object))
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: not a JSON object", s->in.name,
                        (unsigned long long)s->line);
    return RTD_OK;
}

static const char *said_intent(const struct said *s)
{
    return s->json ? json_string_value(json_object_get(s->object, "intent")) : s->sentence.intent;
}

static int other_sentence(const struct said *s, const struct rtd_sentence *gold,
                          const struct rtd_score_options *o, struct rtd_err *err)
{
    return rtd_fail(err, RTD_EDATA, "%s: line %llu: not the sentence at line %llu of %s",
                    o->predictions, (unsigned long long)s->line, (unsigned long long)gold->line,
                    o->slots ? o->slots : o->gold);
}

/* Where the words stand in the text, which holds them in order and nothing else but blanks. */
static bool find_words(size_t *begin, size_t *end, const struct rtd_sentence *gold,
                       const char *text)
{
    const char *at = text;
    for (size_t w = 0; w < gold->n; w++) {
        size_t len = strlen(gold->word[w]);
        at += strspn(at, " \t");
        if (strncmp(at, gold->word[w], len) != 0)
            return false;
        begin[w] = (size_t)(at - text);
        at += len;
        end[w] = (size_t)(at - text);
    }
    return at[strspn(at, " \t")] == '\0';
}

/* The word that a given byte is the edge of; SIZE_MAX: it is inside a word. */
static size_t word_at(const size_t *edge, size_t n, const json_t *byte)
{
    for (size_t w = 0; w < n; w++)
        if (json_is_integer(byte) && edge[w] == (size_t)json_integer_value(byte))
            return w;
    return SIZE_MAX;
}

static int compare_object(struct rtd_tag_counts *c, const struct rtd_sentence *gold,
                          const struct said *s, const struct rtd_score_options *o,
                          struct rtd_err *err)
{
    const json_t *list = json_object_get(s->object, "entities"), *v;
    const char *text = json_string_value(json_object_get(s->object, "text"));
    size_t *begin = malloc((2 * gold->n + 1) * sizeof *begin), *end = begin + gold->n, i;
    struct rtd_entity *found = malloc((json_array_size(list) + 1) * sizeof *found);
    int st = begin && found ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st && (text || list) && !(text && find_words(begin, end, gold, text)))
        st = other_sentence(s, gold, o, err);
    json_array_foreach(list, i, v)
    {
        const char *type = json_string_value(json_object_get(v, "type"));
        if (st)
            break;
        found[i] = (struct rtd_entity){
            .type = type,
            .first = word_at(begin, gold->n, json_object_get(v, "start")),
            .last = word_at(end, gold->n, json_object_get(v, "end")),
        };
        if (!type)
            st = rtd_fail(err, RTD_EDATA, "%s: line %llu: an entity without a type", o->predictions,
                          (unsigned long long)s->line);
    }
    if (!st)
        st = rtd_tag_counts_add_entities(c, (const char *const *)gold->tag, gold->n, found,
                                         json_array_size(list), err);
    free(begin);
    free(found);
    return st;
}

/* Both must be of the same words.  *right: no entity differs, be it in BIO or BIOES. */
static int compare(struct rtd_tag_counts *c, const struct rtd_sentence *gold, const struct said *s,
                   const struct rtd_score_options *o, bool *right, struct rtd_err *err)
{
    const uint64_t before[] = {c->right, c->gold, c->found};
    const struct rtd_sentence *said = &s->sentence;
    for (size_t k = 0; !s->json && (k < gold->n || k < said->n); k++)
        if (k >= gold->n || k >= said->n || strcmp(gold->word[k], said->word[k]) != 0)
            return other_sentence(s, gold, o, err);
    int st = s->json ? compare_object(c, gold, s, o, err)
                     : rtd_tag_counts_add(c, (const char *const *)gold->tag,
                                          (const char *const *)said->tag, gold->n, err);
    uint64_t same = c->right - before[0];
    *right = same == c->gold - before[1] && same == c->found - before[2];
    return st;
}

/* intents NULL: tags alone. */
static int judge(struct rtd_tag_counts *c, const struct rtd_sentences *gold,
                 const struct rtd_table *intents, size_t *right, size_t *whole,
                 const struct rtd_score_options *o, struct rtd_err *err)
{
    struct said s;
    bool more = true, tags = false;
    size_t n = 0;
    int st = open_said(&s, o->predictions, err);
    while (!st && !(st = next_said(&s, &more, err)) && more) {
        if (n++ >= gold->n)
            continue;
        const char *intent = said_intent(&s);
        if (intents && !intent && !s.json)
            st = rtd_fail(err, RTD_EDATA, "%s: line %llu: no '# intent = ...' before it",
                          o->predictions, (unsigned long long)s.line);
        else
            st = compare(c, &gold->s[n - 1], &s, o, &tags, err);
        if (!st && intents && intent && strcmp(intent, intents->label[n - 1]) == 0) {
            ++*right;
            *whole += tags;
        }
    }
    if (!st && n != gold->n)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu sentences for %zu of %s", o->predictions, n, gold->n,
                      o->slots ? o->slots : o->gold);
    close_said(&s);
    return st;
}

int rtd_score_tags(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_sentences gold;
    struct rtd_tag_counts c = {0};
    int st = rtd_sentences_load(&gold, o->gold, true, err);
    if (st)
        return st;
    st = judge(&c, &gold, NULL, NULL, NULL, o, err);
    if (!st)
        *out = counts_json(&c, o->per_class);
    rtd_tag_counts_free(&c);
    rtd_sentences_free(&gold);
    return st;
}

int rtd_score_joint(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_columns_spec spec = {.label = o->label, .want_label = true};
    struct rtd_table intents = {0};
    struct rtd_sentences gold;
    struct rtd_tag_counts c = {0};
    size_t right = 0, whole = 0;
    int st = rtd_sentences_load(&gold, o->slots, true, err);
    if (st)
        return st;
    st = rtd_table_load(&intents, o->gold, &spec, err);
    if (!st && intents.rows != gold.n)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu rows, but %s has %zu sentences", o->gold,
                      intents.rows, o->slots, gold.n);
    if (!st)
        st = judge(&c, &gold, &intents, &right, &whole, o, err);
    if (!st) {
        double n = (double)gold.n;
        json_t *tags = counts_json(&c, o->per_class);
        *out = json_pack("{s:I, s:f, s:f}", "queries", (json_int_t)gold.n, "exact_match",
                         (double)whole / n, "intent_accuracy", (double)right / n);
        json_object_update(*out, tags);
        json_decref(tags);
    }
    rtd_tag_counts_free(&c);
    rtd_table_free(&intents);
    rtd_sentences_free(&gold);
    return st;
}
