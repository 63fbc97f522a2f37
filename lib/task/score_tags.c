/* rtdtools - MIT licence
 *
 * Scores of tagged sentences, and of intents with slots. */
#include <stdlib.h>
#include <string.h>

#include "task/conll.h"
#include "task/metrics_tags.h"
#include "task/score.h"
#include "task/table.h"

static json_t *scores_json(const struct rtd_tag_scores *s, uint64_t gold)
{
    return json_pack("{s:f, s:f, s:f, s:I}", "precision", s->precision, "recall", s->recall, "f1",
                     s->f1, "support", (json_int_t)gold);
}

static json_t *counts_json(const struct rtd_tag_counts *c, bool types)
{
    struct rtd_tag_scores s;
    rtd_tag_scores(c, NULL, &s);
    json_t *root =
        json_pack("{s:I, s:f, s:f, s:f, s:f}", "entities", (json_int_t)c->gold, "precision",
                  s.precision, "recall", s.recall, "f1", s.f1, "token_accuracy", s.token_accuracy);
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

/* Sentence i of both must have the same words. */
static int compare(struct rtd_tag_counts *c, const struct rtd_sentence *gold,
                   const struct rtd_sentence *said, const struct rtd_score_options *o,
                   struct rtd_err *err)
{
    for (size_t k = 0; k < gold->n || k < said->n; k++)
        if (k >= gold->n || k >= said->n || strcmp(gold->word[k], said->word[k]) != 0)
            return rtd_fail(err, RTD_EDATA, "%s: line %llu: not the sentence at line %llu of %s",
                            o->predictions, (unsigned long long)said->line,
                            (unsigned long long)gold->line, o->slots ? o->slots : o->gold);
    return rtd_tag_counts_add(c, (const char *const *)gold->tag, (const char *const *)said->tag,
                              gold->n, err);
}

static int load_both(struct rtd_sentences *gold, struct rtd_sentences *said, const char *path,
                     const struct rtd_score_options *o, struct rtd_err *err)
{
    *said = (struct rtd_sentences){0};
    int st = rtd_sentences_load(gold, path, true, err);
    if (!st)
        st = rtd_sentences_load(said, o->predictions, true, err);
    if (!st && gold->n != said->n)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu sentences for %zu of %s", o->predictions, said->n,
                      gold->n, path);
    return st;
}

int rtd_score_tags(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_sentences gold, said;
    struct rtd_tag_counts c = {0};
    int st = load_both(&gold, &said, o->gold, o, err);
    for (size_t i = 0; i < gold.n && !st; i++)
        st = compare(&c, &gold.s[i], &said.s[i], o, err);
    if (!st)
        *out = counts_json(&c, o->per_class);
    rtd_tag_counts_free(&c);
    rtd_sentences_free(&gold);
    rtd_sentences_free(&said);
    return st;
}

int rtd_score_joint(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_columns_spec spec = {.label = o->label, .want_label = true};
    struct rtd_table intents = {0};
    struct rtd_sentences gold, said;
    struct rtd_tag_counts c = {0};
    size_t right = 0, whole = 0;
    int st = load_both(&gold, &said, o->slots, o, err);
    if (!st)
        st = rtd_table_load(&intents, o->gold, &spec, err);
    if (!st && intents.rows != gold.n)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu rows, but %s has %zu sentences", o->gold,
                      intents.rows, o->slots, gold.n);
    for (size_t i = 0; i < gold.n && !st; i++) {
        uint64_t same = c.same;
        if (!said.s[i].intent)
            st = rtd_fail(err, RTD_EDATA, "%s: line %llu: no '# intent = ...' before it",
                          o->predictions, (unsigned long long)said.s[i].line);
        else
            st = compare(&c, &gold.s[i], &said.s[i], o, err);
        bool intent = !st && strcmp(said.s[i].intent, intents.label[i]) == 0;
        right += intent;
        whole += intent && c.same - same == gold.s[i].n;
    }
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
    rtd_sentences_free(&said);
    return st;
}
