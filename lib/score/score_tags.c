/* rtdtools - MIT licence
 *
 * Scores of tagged sentences, and of intents with slots. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "gold/conll.h"
#include "gold/labels.h"
#include "gold/line_list.h"
#include "gold/table.h"
#include "score/metrics_tags.h"
#include "score/score.h"

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
        rtd_tag_scores(c, c->type[i], &s);
        json_object_set_new(all, c->type[i]->name, scores_json(&s, c->type[i]->gold));
    }
    if (types)
        json_object_set(root, "per_class", all);
    json_decref(all);
    return root;
}

/* --- what was said: CoNLL, or a JSON object a sentence --- */

struct said {
    const char *name;
    bool json;
    struct rtd_conll in;
    struct rtd_sentences all;   /* of CoNLL, or ... */
    struct rtd_line_list lines; /* ... of JSON */
    struct rtd_json_doc doc;    /* the present line of JSON */
    struct rtd_bad_rows bad;
    size_t total, next; /* sentences; the first of all.s that was not looked at */
};

static void close_said(struct said *s)
{
    rtd_conll_close(&s->in);
    rtd_sentences_free(&s->all);
    rtd_line_list_free(&s->lines);
    rtd_json_free(&s->doc);
    rtd_bad_rows_free(&s->bad);
}

/* A line of CoNLL may begin with the token "{". */
static bool looks_like_json(const char *head, size_t n)
{
    size_t i = 1;
    while (i < n && head[i] == ' ')
        i++;
    return n > 1 && head[0] == '{' && i < n && (head[i] == '"' || head[i] == '}');
}

static int open_said(struct said *s, const struct rtd_score_options *o, struct rtd_err *err)
{
    char head[64];
    size_t got;
    *s = (struct said){.name = o->predictions, .bad.skip = o->skip_bad};
    int st = rtd_conll_open(&s->in, o->predictions, true, err);
    if (!st)
        st = rtd_in_peek(s->in.lines.in, head, sizeof head, &got, err);
    s->json = !st && looks_like_json(head, got);
    if (!st)
        st = s->json ? rtd_line_list_read(&s->lines, &s->in.lines, err)
                     : rtd_sentences_read(&s->all, &s->in, &s->bad, err);
    s->total = s->json ? s->lines.n : s->all.total;
    if (st)
        close_said(s);
    return st;
}

/* The sentence of that number, of CoNLL; NULL: it was left out. */
static const struct rtd_sentence *sentence_of(struct said *s, size_t number)
{
    while (s->next < s->all.n && s->all.s[s->next].number < number)
        s->next++;
    return s->next < s->all.n && s->all.s[s->next].number == number ? &s->all.s[s->next] : NULL;
}

static int other_sentence(const struct said *s, const struct rtd_sentence *gold, uint64_t line,
                          const struct rtd_score_options *o, struct rtd_err *err)
{
    return rtd_fail(err, RTD_EDATA, "%s: line %llu: not the sentence at line %llu of %s", s->name,
                    (unsigned long long)line, (unsigned long long)gold->line,
                    o->slots ? o->slots : o->gold);
}

/* --- a sentence --- */

/* What one comparison needs. */
struct judge {
    const struct rtd_score_options *o;
    struct rtd_tag_scheme scheme;
    struct rtd_tag_counts counts;
    struct rtd_tag *gold, *said; /* [cap] the present sentence's */
    size_t *edge;                /* [2 cap] where its words begin, and where they end */
    size_t cap;
};

static int need_room(struct judge *j, size_t n, struct rtd_err *err)
{
    if (n <= j->cap)
        return RTD_OK;
    free(j->gold);
    free(j->said);
    free(j->edge);
    j->cap = 2 * n;
    j->gold = malloc(j->cap * sizeof *j->gold);
    j->said = malloc(j->cap * sizeof *j->said);
    j->edge = malloc(2 * j->cap * sizeof *j->edge);
    return j->gold && j->said && j->edge ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

static void parse_tags(struct rtd_tag *tag, const struct judge *j, const struct rtd_sentence *s)
{
    for (size_t k = 0; k < s->n; k++)
        tag[k] = rtd_tag_parse(&j->scheme, s->tag[k]);
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

/* The word of which a byte is the edge; SIZE_MAX: it is inside a word. */
static size_t word_at(const size_t *edge, size_t n, int64_t byte)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (byte > 0 && edge[mid] < (uint64_t)byte)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && byte >= 0 && edge[lo] == (uint64_t)byte ? lo : SIZE_MAX;
}

static int read_entity(struct rtd_entity *e, const struct rtd_json *v, const struct judge *j,
                       size_t n, const char *name, uint64_t line, struct rtd_err *err)
{
    const struct rtd_json *type, *start, *end;
    int64_t from, to;
    unsigned long long at = line;
    if (rtd_json_member(v, "type", RTD_JSON_TEXT, &type) != RTD_JSON_PRESENT)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: an entity without a type", name, at);
    const char *fault =
        memchr(type->text, 0, type->n) ? "holds a control character" : rtd_label_fault(type->text);
    if (fault)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: an entity's type %s", name, at, fault);
    rtd_json_member(v, "start", RTD_JSON_NUMBER, &start);
    rtd_json_member(v, "end", RTD_JSON_NUMBER, &end);
    if (!rtd_json_whole(start, &from) || !rtd_json_whole(end, &to))
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: an entity without start or end", name, at);
    *e = (struct rtd_entity){type->text, word_at(j->edge, n, from),
                             word_at(j->edge + j->cap, n, to)};
    return RTD_OK;
}

/* A line of JSON; {} is the answer to a line that could not be answered. */
static int judge_object(struct judge *j, const struct rtd_sentence *gold, struct said *s,
                        uint64_t line, struct rtd_err *err)
{
    const struct rtd_json *text, *list, *root = s->doc.root;
    struct rtd_entity *found = NULL;
    size_t n = 0;
    bool nothing = root->kind == RTD_JSON_OBJECT && root->n == 0;
    if (!nothing && (rtd_json_want(root, "text", RTD_JSON_TEXT, &text, s->name, line, err) ||
                     rtd_json_want(root, "entities", RTD_JSON_LIST, &list, s->name, line, err)))
        return rtd_bad_row(&s->bad, err);
    if (!nothing && !find_words(j->edge, j->edge + j->cap, gold, text->text))
        return other_sentence(s, gold, line, j->o, err);
    struct rtd_json_walk w = rtd_json_walk(nothing ? NULL : list);
    found = malloc((w.left + 1) * sizeof *found);
    int st = found ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    while (!st && rtd_json_step(&w))
        st = read_entity(&found[n++], w.value, j, gold->n, s->name, line, err);
    if (!st)
        st = rtd_tag_counts_add_entities(&j->counts, j->gold, gold->n, found, n, err);
    else
        st = rtd_bad_row(&s->bad, err);
    free(found);
    return st;
}

static int judge_sentence(struct judge *j, const struct rtd_sentence *gold, const struct said *s,
                          const struct rtd_sentence *said, struct rtd_err *err)
{
    for (size_t k = 0; k < gold->n || k < said->n; k++)
        if (k >= gold->n || k >= said->n || strcmp(gold->word[k], said->word[k]) != 0)
            return other_sentence(s, gold, said->line, j->o, err);
    parse_tags(j->said, j, said);
    return rtd_tag_counts_add(&j->counts, j->gold, j->said, gold->n, err);
}

/* --- all of them --- */

struct queries { /* of a joint task */
    const struct rtd_table *intents;
    size_t n, right, whole;
};

/* The intent that was said; *nothing: none could be. */
static const char *said_intent(const struct said *s, const struct rtd_sentence *said, bool *nothing)
{
    const struct rtd_json *v;
    *nothing = s->json && s->doc.root->kind == RTD_JSON_OBJECT && s->doc.root->n == 0;
    if (!s->json)
        return said->intent;
    rtd_json_member(s->doc.root, "intent", RTD_JSON_TEXT, &v);
    return v ? v->text : NULL;
}

/* One sentence of gold, whose intent is NULL where there is none to judge. */
static int judge_one(struct judge *j, const struct rtd_sentence *gold, const char *intent,
                     struct said *s, struct queries *q, struct rtd_err *err)
{
    const uint64_t before[] = {j->counts.right, j->counts.gold, j->counts.found}, bad = s->bad.n;
    const struct rtd_sentence *said = s->json ? NULL : sentence_of(s, gold->number);
    uint64_t line = s->json ? gold->number + 1 : said ? said->line : 0;
    const char *text = s->json ? s->lines.line[gold->number] : NULL;
    bool nothing;
    if (!s->json && !said)
        return RTD_OK;
    if (s->json && rtd_json_read(&s->doc, text, strlen(text), s->name, line, err))
        return rtd_bad_row(&s->bad, err);
    const char *heard = said_intent(s, said, &nothing);
    if (intent && !heard && !nothing) {
        rtd_fail(err, RTD_EDATA, "%s: line %llu: no %s", s->name, (unsigned long long)line,
                 s->json ? "\"intent\"" : "'# intent = ...' before it");
        return rtd_bad_row(&s->bad, err);
    }
    if (need_room(j, gold->n, err))
        return err->status;
    parse_tags(j->gold, j, gold);
    int st = s->json ? judge_object(j, gold, s, line, err) : judge_sentence(j, gold, s, said, err);
    if (st || s->bad.n > bad)
        return st;
    uint64_t same = j->counts.right - before[0];
    bool right = heard && intent && strcmp(heard, intent) == 0;
    q->n++;
    q->right += right; /* whole: no entity differs, be it in BIO or BIOES */
    q->whole += right && same == j->counts.gold - before[1] && same == j->counts.found - before[2];
    return RTD_OK;
}

/* The scheme of all tags that stand in the two files. */
static int find_scheme(struct judge *j, const struct rtd_sentences *gold,
                       const struct rtd_sentences *said, struct rtd_err *err)
{
    size_t n, k;
    char **a = rtd_sentences_tags(gold, &n), **b = rtd_sentences_tags(said, &k);
    char **all = a && b ? realloc(a, (n + k + 1) * sizeof *all) : NULL;
    int st = all ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st) {
        memcpy(all + n, b, k * sizeof *all);
        st = rtd_tag_scheme_of(&j->scheme, all, n + k, j->o->scheme, err);
    }
    free(all ? all : a);
    free(b);
    return st;
}

static int judge_all(struct judge *j, const struct rtd_sentences *gold, struct queries *q,
                     struct rtd_err *err)
{
    struct said s;
    const struct rtd_table *t = q->intents;
    int st = open_said(&s, j->o, err);
    if (st)
        return st;
    st = find_scheme(j, gold, &s.all, err);
    for (size_t i = 0, r = 0; i < gold->n && gold->s[i].number < s.total && !st; i++) {
        while (t && r < t->rows && t->number[r] < gold->s[i].number)
            r++;
        if (!t || (r < t->rows && t->number[r] == gold->s[i].number))
            st = judge_one(j, &gold->s[i], t ? t->label[r] : NULL, &s, q, err);
    }
    if (!st)
        st = rtd_bad_rows_end(&s.bad, s.total, s.name, "sentence", err);
    if (!st && s.total != gold->total)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu sentences for %zu of %s", s.name, s.total,
                      gold->total, j->o->slots ? j->o->slots : j->o->gold);
    if (!st && q->n == 0)
        st = rtd_fail(err, RTD_EDATA, "%s: no sentence is left to compare", s.name);
    close_said(&s);
    return st;
}

static void free_judge(struct judge *j)
{
    rtd_tag_counts_free(&j->counts);
    free(j->gold);
    free(j->said);
    free(j->edge);
}

int rtd_score_tags(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_sentences gold;
    struct judge j = {.o = o};
    struct queries q = {0};
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    struct rtd_conll_columns columns;
    int st = rtd_conll_columns(&columns, o->text, o->label, err);
    if (st)
        return st;
    st = rtd_sentences_load(&gold, o->gold, &columns, &bad, err);
    if (!st)
        st = judge_all(&j, &gold, &q, err);
    if (!st)
        *out = counts_json(&j.counts, o->per_class);
    free_judge(&j);
    rtd_bad_rows_free(&bad);
    rtd_sentences_free(&gold);
    return st;
}

int rtd_score_joint(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_columns_spec spec = {.label = o->label, .want_label = true};
    struct rtd_table intents = {0};
    struct rtd_sentences gold;
    struct judge j = {.o = o};
    struct queries q = {.intents = &intents};
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    int st = rtd_sentences_load(&gold, o->slots, NULL, &bad, err);
    if (!st)
        st = rtd_table_load(&intents, o->gold, &spec, &bad, err);
    if (!st && intents.total != gold.total)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu rows, but %s has %zu sentences", o->gold,
                      intents.total, o->slots, gold.total);
    if (!st)
        st = judge_all(&j, &gold, &q, err);
    if (!st) {
        json_t *tags = counts_json(&j.counts, o->per_class);
        *out = json_pack("{s:I, s:f, s:f}", "queries", (json_int_t)q.n, "exact_match",
                         (double)q.whole / (double)q.n, "intent_accuracy",
                         (double)q.right / (double)q.n);
        json_object_update(*out, tags);
        json_decref(tags);
    }
    free_judge(&j);
    rtd_bad_rows_free(&bad);
    rtd_table_free(&intents);
    rtd_sentences_free(&gold);
    return st;
}
