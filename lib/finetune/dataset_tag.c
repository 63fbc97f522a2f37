/* rtdtools - MIT licence
 *
 * Data sets of tagged sentences, with an intent each for joint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "gold/conll.h"
#include "finetune/dataset.h"
#include "score/metrics_tags.h"
#include "gold/tags.h"
#include "predict/viterbi.h"
#include "predict/word_pieces.h"

/* What the metrics compare with. */
struct gold {
    struct rtd_sentences all;
    const char *scheme; /* of the labels that are learnt, as rtd_tag_set_new takes it */
    size_t *first;      /* [sentences + 1] first word of each */
    uint32_t *token;    /* [words] the token that speaks for it */
};

static void free_gold(void *p)
{
    struct gold *g = p;
    if (!g)
        return;
    rtd_sentences_free(&g->all);
    free(g->first);
    free(g->token);
    free(g);
}

/* Tags as they shall be learnt.  raw: the scheme of the training file's tags, found here where
 * `find` is set. */
static int convert(struct rtd_sentences *all, const struct rtd_dataset_options *o, const char *path,
                   struct rtd_tag_scheme *raw, bool find, struct rtd_err *err)
{
    size_t begun = 0, n;
    int st = RTD_OK;
    if (find) {
        char **tag = rtd_sentences_tags(all, &n);
        st = tag ? rtd_tag_scheme_of(raw, tag, n, o->scheme, err)
                 : rtd_fail(err, RTD_ESYS, "not enough memory");
        free(tag);
    }
    for (size_t i = 0; i < all->n && !st; i++)
        st = rtd_tags_convert(all->s[i].tag, all->s[i].n, raw, o->bioes, &begun, err);
    if (!st && find && all->columns > 2 && !o->text && !o->label)
        rtd_say(
            "%s: of %d columns the first and the last are read (--text and --label choose others)",
            path, all->columns);
    if (!st && begun)
        rtd_warn("%s: %zu entities begin with I- (as in IOB1): taken as B-", path, begun);
    return st;
}

static size_t count_words(const struct rtd_sentences *all)
{
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++)
        n += all->s[i].n;
    return n;
}

static int tag_spec(struct rtd_head_spec *spec, const char *name, const struct rtd_sentences *all,
                    struct rtd_err *err)
{
    struct rtd_labels labels = {0};
    size_t n;
    char **tag = rtd_sentences_tags(all, &n);
    int st = tag ? rtd_labels_collect(&labels, tag, n, err)
                 : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_dataset_spec(spec, RTD_TASK_TAG, name, &labels, 1, err);
    rtd_labels_free(&labels);
    free(tag);
    return st;
}

/* Labels on the tokens that speak for words; -1 everywhere else. */
static int label_tokens(struct rtd_examples *e, struct rtd_example_targets *a, const struct gold *g,
                        const struct rtd_head_spec *spec, struct rtd_err *err)
{
    struct rtd_labels labels = {0};
    size_t tokens = e->seq.start[e->seq.n], w = 0;
    *a = (struct rtd_example_targets){
        .head = a->head, .task = RTD_TASK_TAG, .outputs = spec->outputs};
    a->token = malloc(tokens * sizeof *a->token);
    if (!a->token)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    memset(a->token, 0xff, tokens * sizeof *a->token);
    int st = rtd_labels_set(&labels, spec->label, spec->outputs, err);
    for (size_t i = 0; i < g->all.n && !st; i++)
        for (size_t k = 0; k < g->all.s[i].n; k++, w++) {
            int label = rtd_labels_find(&labels, g->all.s[i].tag[k]);
            a->token[g->token[w]] = label;
            rtd_count_row(&a->unknown, &a->unknown_line, label < 0, g->all.s[i].line + k);
        }
    rtd_labels_free(&labels);
    return st;
}

static int build(struct rtd_examples *e, struct gold *g, const struct rtd_dataset_options *o,
                 const char *name, struct rtd_err *err)
{
    struct rtd_word_pieces w = {0};
    size_t at = 0;
    *e = (struct rtd_examples){.name = strdup(name)};
    g->first = calloc(g->all.n + 1, sizeof *g->first);
    g->token = malloc(count_words(&g->all) * sizeof *g->token);
    e->unit = calloc(g->all.n + 1, sizeof *e->unit);
    if (!e->name || !g->first || !g->token || !e->unit)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_sequences_init(&e->seq, o->tok, o->length, o->type_vocab_size, err);
    for (size_t i = 0; i < g->all.n && !st; i++) {
        const struct rtd_sentence *s = &g->all.s[i];
        rtd_word_pieces_clear(&w);
        for (size_t k = 0; k < s->n && !st; k++)
            st = rtd_word_pieces_add(&w, o->tok, s->word[k], err);
        e->unit[i] = (uint32_t)e->seq.n;
        if (!st)
            st = rtd_word_pieces_add_sequences(&w, &e->seq, err);
        if (!st)
            memcpy(g->token + at, w.token, s->n * sizeof *w.token);
        g->first[i] = at;
        at += s->n;
    }
    if (!st) {
        e->unit[g->all.n] = (uint32_t)e->seq.n;
        e->units = g->all.n;
        g->first[g->all.n] = at;
    }
    rtd_word_pieces_free(&w);
    return st;
}

/* --- metrics --- */

/* The best valid tags of sentence i: numbers of labels. */
static int decode(struct rtd_viterbi *v, const struct gold *g, size_t i, const real *logits,
                  int outputs, int *best, struct rtd_err *err)
{
    size_t n = g->all.s[i].n;
    const float **row = malloc(n * sizeof *row);
    if (!row)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t k = 0; k < n; k++)
        row[k] = logits + g->token[g->first[i] + k] * (size_t)outputs;
    int st = rtd_viterbi_run(v, row, n, best, err);
    free(row);
    return st;
}

/* Entity F1 of target `slots`; right[i] (may be NULL) becomes false where a tag is wrong. */
static int score_tags(const struct rtd_dev_set *d, const struct rtd_head_spec *spec,
                      const real *logits, bool *right, double *value, struct rtd_err *err)
{
    const struct gold *g = d->gold;
    struct rtd_tag_set set;
    struct rtd_viterbi v = {0};
    struct rtd_tag_counts counts = {0};
    size_t words = count_words(&g->all) + 1;
    struct rtd_tag *tag = malloc(2 * words * sizeof *tag);
    int *best = malloc(words * sizeof *best);
    int st = rtd_tag_set_new(&set, spec->label, spec->outputs, g->scheme, err);
    if (!st)
        st = tag && best ? rtd_viterbi_new(&v, &set, err)
                         : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < g->all.n && !st; i++) {
        const struct rtd_sentence *s = &g->all.s[i];
        st = decode(&v, g, i, logits, spec->outputs, best, err);
        for (size_t k = 0; k < s->n && !st; k++) {
            tag[k] = rtd_tag_parse(&set.scheme, s->tag[k]);
            tag[words + k] = set.tag[best[k]];
            if (right)
                right[i] &= strcmp(s->tag[k], spec->label[best[k]]) == 0;
        }
        if (!st)
            st = rtd_tag_counts_add(&counts, tag, tag + words, s->n, err);
    }
    struct rtd_tag_scores scores;
    rtd_tag_scores(&counts, NULL, &scores);
    value[0] = scores.f1;
    value[1] = scores.precision;
    value[2] = scores.recall;
    rtd_tag_counts_free(&counts);
    rtd_viterbi_free(&v);
    rtd_tag_set_free(&set);
    free(tag);
    free(best);
    return st;
}

static int score_tag(const struct rtd_dev_set *d, const struct rtd_network *net,
                     const real *const *logits, double *value, struct rtd_err *err)
{
    return score_tags(d, &net->head[d->e.target[0].head].spec, logits[0], NULL, value, err);
}

/* Whole queries right, intents right, slot F1.  The intent is read from a sentence's first window.
 */
static int score_joint(const struct rtd_dev_set *d, const struct rtd_network *net,
                       const real *const *logits, double *value, struct rtd_err *err)
{
    const struct gold *g = d->gold;
    const struct rtd_example_targets *a = &d->e.target[0];
    size_t whole = 0, intents = 0;
    double tags[3];
    bool *right = malloc(g->all.n);
    if (!right)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    memset(right, true, g->all.n);
    int st = score_tags(d, &net->head[d->e.target[1].head].spec, logits[1], right, tags, err);
    for (size_t i = 0; i < g->all.n && !st; i++) {
        size_t s = d->e.unit[i];
        const real *x = logits[0] + s * (size_t)a->outputs;
        int best = 0;
        for (int k = 1; k < a->outputs; k++)
            best = x[k] > x[best] ? k : best;
        intents += best == a->label[s];
        whole += best == a->label[s] && right[i];
    }
    free(right);
    value[0] = (double)whole / (double)g->all.n;
    value[1] = (double)intents / (double)g->all.n;
    value[2] = tags[0];
    return st;
}

/* --- loading --- */

/* Leave out the sentences whose row of intents was left out. */
static int match_rows(struct rtd_sentences *all, const struct rtd_table *intents, const char *path,
                      struct rtd_err *err)
{
    size_t kept = 0, r = 0;
    if (intents->total != all->total)
        return rtd_fail(err, RTD_EDATA, "%s: %zu rows, but %s has %zu sentences", intents->name,
                        intents->total, path, all->total);
    for (size_t i = 0; i < all->n; i++) {
        while (r < intents->rows && intents->number[r] < all->s[i].number)
            r++;
        if (r < intents->rows && intents->number[r] == all->s[i].number)
            all->s[kept++] = all->s[i];
        else
            rtd_sentence_free(&all->s[i]);
    }
    all->n = kept;
    return kept ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no sentences", path);
}

/* intents: the rows of a joint task, or NULL.  raw: see convert. */
static int load_part(struct rtd_dataset *d, struct rtd_examples *e, struct gold **out,
                     const struct rtd_dataset_options *o, const char *path, int slot,
                     const struct rtd_table *intents, struct rtd_tag_scheme *raw,
                     struct rtd_err *err)
{
    struct gold *g = calloc(1, sizeof *g);
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    bool train = d->specs == slot; /* the training file's labels are the labels */
    *out = g;
    if (!g)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    if (o->bioes || (o->scheme && strcmp(o->scheme, "plain") == 0))
        g->scheme = o->bioes ? "bioes" : "plain";
    struct rtd_conll_columns columns = {0};
    int st = slot ? RTD_OK : rtd_conll_columns(&columns, o->text, o->label, err);
    if (!st)
        st = rtd_sentences_load(&g->all, path, &columns, &bad, err);
    rtd_bad_rows_free(&bad);
    if (!st && intents)
        st = match_rows(&g->all, intents, path, err);
    if (!st)
        st = convert(&g->all, o, path, raw, train, err);
    if (!st && train) {
        d->specs++;
        st = tag_spec(&d->spec[slot], slot ? "slots" : o->name, &g->all, err);
    }
    if (!st)
        st = build(e, g, o, path, err);
    e->target[slot].head = o->first_head + slot;
    e->targets = slot + 1;
    return st ? st : label_tokens(e, &e->target[slot], g, &d->spec[slot], err);
}

static void set_columns(struct rtd_dev_set *dev, struct gold *g, bool joint)
{
    static const char *const names[2][3] = {{"f1", "precision", "recall"},
                                            {"exact_match", "intent_accuracy", "slot_f1"}};
    for (int i = 0; i < 3; i++)
        dev->column[i] = names[joint][i];
    dev->columns = 3;
    dev->score = joint ? score_joint : score_tag;
    dev->gold = g;
    dev->free_gold = free_gold;
}

int rtd_dataset_load_tag(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                         struct rtd_err *err)
{
    struct gold *g;
    struct rtd_tag_scheme raw;
    int st = load_part(d, &d->train, &g, o, o->train, 0, NULL, &raw, err);
    free_gold(g);
    if (!st && o->dev) {
        st = load_part(d, &d->dev.e, &g, o, o->dev, 0, NULL, &raw, err);
        set_columns(&d->dev, g, false);
    }
    return st;
}

/* The intents of the sentences, which are rows of t, in target 0 of e. */
static int add_intents(struct rtd_dataset *d, struct rtd_examples *e, const struct gold *g,
                       const struct rtd_dataset_options *o, const struct rtd_table *t,
                       struct rtd_err *err)
{
    struct rtd_labels labels = {0};
    struct rtd_example_targets *a = &e->target[0];
    int st = RTD_OK;
    if (!d->spec[0].label) {
        st = rtd_labels_collect(&labels, t->label, t->rows, err);
        if (!st)
            st = rtd_dataset_spec(&d->spec[0], RTD_TASK_CLASSIFY, "intent", &labels, 1, err);
        rtd_labels_free(&labels);
    }
    if (!st)
        st = rtd_labels_set(&labels, d->spec[0].label, d->spec[0].outputs, err);
    *a = (struct rtd_example_targets){
        .head = o->first_head, .task = RTD_TASK_CLASSIFY, .outputs = d->spec[0].outputs};
    if (!st) {
        a->label = malloc(e->seq.n * sizeof *a->label);
        if (!a->label)
            st = rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    for (size_t i = 0, r = 0; i < g->all.n && !st; i++) {
        while (t->number[r] < g->all.s[i].number)
            r++;
        int label = rtd_labels_find(&labels, t->label[r]);
        for (size_t s = e->unit[i]; s < e->unit[i + 1]; s++)
            a->label[s] = label;
        rtd_count_row(&a->unknown, &a->unknown_line, label < 0, rtd_table_line(t, r));
    }
    rtd_labels_free(&labels);
    return st;
}

/* Rows and sentences of one part of a joint task. */
static int load_joint(struct rtd_dataset *d, struct rtd_examples *e, struct gold **g,
                      const struct rtd_dataset_options *o, const char *path, const char *slots,
                      struct rtd_tag_scheme *raw, struct rtd_err *err)
{
    struct rtd_columns_spec columns = {.label = o->label,
                                       .want_label = true,
                                       .header = o->header ? RTD_HEADER_YES : RTD_HEADER_GUESS};
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    struct rtd_table t;
    *g = NULL;
    int st = rtd_table_load(&t, path, &columns, &bad, err);
    rtd_bad_rows_free(&bad);
    if (st)
        return st;
    st = load_part(d, e, g, o, slots, 1, &t, raw, err);
    if (!st)
        st = add_intents(d, e, *g, o, &t, err);
    rtd_table_free(&t);
    return st;
}

static void name_heads(struct rtd_dataset *d, const struct rtd_dataset_options *o)
{
    if (!o->name[0])
        return;
    snprintf(d->spec[0].name, sizeof d->spec[0].name, "%s_intent", o->name);
    snprintf(d->spec[1].name, sizeof d->spec[1].name, "%s_slots", o->name);
}

int rtd_dataset_load_joint(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                           struct rtd_err *err)
{
    struct gold *g;
    struct rtd_tag_scheme raw;
    d->specs = 1; /* the intent's, filled in later */
    int st = load_joint(d, &d->train, &g, o, o->train, o->slots, &raw, err);
    free_gold(g);
    if (!st && o->dev) {
        st = load_joint(d, &d->dev.e, &g, o, o->dev, o->dev_slots, &raw, err);
        set_columns(&d->dev, g, true);
    }
    if (!st)
        name_heads(d, o);
    return st;
}
