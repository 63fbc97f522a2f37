/* rtdtools - MIT licence
 *
 * tag: the entities of every line of text, or a tag for every token of CoNLL files. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answering.h"
#include "gold/conll.h"
#include "gold/json_row.h"
#include "gold/tags.h"
#include "predict/viterbi.h"
#include "predict/word_pieces.h"

/* A line's words. */
struct row {
    size_t n;
    uint32_t *token, *begin, *end; /* [n] in one block; NULL: none */
    struct rtd_sentence sentence;  /* with --conll */
};

struct opts {
    struct rtd_line_options answer;
    bool conll;
    int slots, intent; /* places among the heads that are run; intent -1: none */
    const char *scheme;
    struct rtd_tag_set set;
    struct rtd_viterbi viterbi;
    struct rtd_word_pieces words;
    struct row *row; /* [cap] of the batch, without its bad lines */
    size_t rows, cap;
};

static const struct rtd_usage usage = {
    "-m DIR [options] [FILE...]", "find the entities in every line of text",
    "Prints a JSON object for each line: its text, and its entities with type, start and end "
    "(bytes),\n"
    "text and score; models of intents and slots add the intent.  With --conll the input is one "
    "token a\n"
    "line, an empty line after each sentence, and the output TOKEN TAB TAG."};

static const struct rtd_head_spec *spec_of(const struct rtd_line_loop *a, int place)
{
    return &a->net->head[a->head[place]].spec;
}

/* Note where the words of o->words stand, as the batch's next row. */
static int keep_row(struct opts *o, struct rtd_err *err)
{
    const struct rtd_word_pieces *w = &o->words;
    if (o->rows == o->cap) {
        size_t cap = 2 * o->cap + 64;
        struct row *list = realloc(o->row, cap * sizeof *list);
        if (!list)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        o->row = list;
        o->cap = cap;
    }
    uint32_t *block = malloc((3 * w->n + 1) * sizeof *block);
    if (!block)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    struct row *r = &o->row[o->rows++];
    *r = (struct row){.n = w->n, .token = block, .begin = block + w->n, .end = block + 2 * w->n};
    if (w->n == 0)
        return RTD_OK;
    memcpy(r->token, w->token, w->n * sizeof *block);
    memcpy(r->begin, w->begin, w->n * sizeof *block);
    memcpy(r->end, w->end, w->n * sizeof *block);
    return RTD_OK;
}

static int add(struct rtd_line_loop *a, char *const *field, int n, void *arg, struct rtd_err *err)
{
    struct opts *o = arg;
    (void)n;
    int st = rtd_word_pieces_line(&o->words, a->dir.tok, field[0], err);
    if (!st)
        st = rtd_word_pieces_add_sequences(&o->words, &a->batch.seq, err);
    return st ? st : keep_row(o, err);
}

static void drop(void *arg)
{
    struct opts *o = arg;
    for (size_t i = 0; i < o->rows; i++) {
        free(o->row[i].token);
        rtd_sentence_free(&o->row[i].sentence);
    }
    o->rows = 0;
}

/* --- answers --- */

/* The best valid tags of a row, as numbers of labels; probability[w] of the tag of word w. */
static int decode(struct rtd_line_loop *a, struct opts *o, const struct row *r, const float *logits,
                  int *best, double *probability, struct rtd_err *err)
{
    size_t outputs = (size_t)spec_of(a, o->slots)->outputs;
    const float **x = malloc((r->n + 1) * sizeof *x);
    int st = x ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t w = 0; w < r->n && !st; w++)
        x[w] = logits + r->token[w] * outputs;
    if (!st)
        st = rtd_viterbi_run(&o->viterbi, x, r->n, best, err);
    for (size_t w = 0; w < r->n && !st; w++) {
        double sum = 0;
        for (size_t k = 0; k < outputs; k++)
            sum += exp((double)x[w][k] - (double)x[w][best[w]]);
        probability[w] = 1 / sum;
    }
    free(x);
    return st;
}

static const char *intent_of(struct rtd_line_loop *a, const struct opts *o,
                             const struct rtd_line_batch *c, size_t row, double *probability)
{
    const struct rtd_head_spec *s = spec_of(a, o->intent);
    const float *x = c->logits[o->intent] + c->first[row] * (size_t)s->outputs;
    int best = 0;
    double sum = 0;
    for (int k = 1; k < s->outputs; k++)
        best = x[k] > x[best] ? k : best;
    for (int k = 0; k < s->outputs; k++)
        sum += exp((double)x[k] - (double)x[best]);
    *probability = 1 / sum;
    return s->label[best];
}

/* Score of an entity: the mean probability of its tags. */
static json_t *entity_json(const struct rtd_entity *e, const struct row *r, const char *text,
                           const double *probability)
{
    double sum = 0;
    size_t from = r->begin[e->first], to = r->end[e->last];
    for (size_t w = e->first; w <= e->last; w++)
        sum += probability[w];
    return json_pack("{s:s, s:I, s:I, s:o, s:f}", "type", e->type, "start", (json_int_t)from, "end",
                     (json_int_t)to, "text", rtd_json_text(text + from, to - from), "score",
                     sum / (double)(e->last - e->first + 1));
}

/* The entities of a row whose tags are these. */
static json_t *list_entities(const struct opts *o, const struct row *r, const char *text,
                             const int *best, const double *probability)
{
    struct rtd_tag *tag = malloc((r->n + 1) * sizeof *tag);
    struct rtd_entity *e = malloc((r->n + 1) * sizeof *e);
    json_t *list = tag && e ? json_array() : NULL;
    for (size_t w = 0; w < r->n && list; w++)
        tag[w] = o->set.tag[best[w]];
    size_t n = list ? rtd_entities(e, tag, r->n) : 0;
    for (size_t k = 0; k < n && list; k++)
        if (json_array_append_new(list, entity_json(&e[k], r, text, probability))) {
            json_decref(list);
            list = NULL;
        }
    free(tag);
    free(e);
    return list;
}

static int print_json(struct rtd_line_loop *a, struct opts *o, const struct rtd_line_batch *c,
                      size_t i, const struct row *r, const int *best, const double *probability,
                      struct rtd_err *err)
{
    const char *text = c->text[i];
    double p;
    json_t *root = json_object();
    int bad = json_object_set_new(root, "text", rtd_json_text(text, strlen(text)));
    if (o->intent >= 0) {
        bad |= json_object_set_new(root, "intent", json_string(intent_of(a, o, c, i, &p)));
        bad |= json_object_set_new(root, "intent_probability", json_real(p));
    }
    bad |= json_object_set_new(root, "entities", list_entities(o, r, text, best, probability));
    char *line = bad ? NULL : json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(8));
    int st = line ? rtd_out_printf(a->out, err, "%s\n", line)
                  : rtd_fail(err, RTD_ESYS, "not enough memory");
    free(line);
    json_decref(root);
    return st;
}

/* What stood before the sentence goes with it; its intent is the model's, where that has any. */
static int print_conll(struct rtd_line_loop *a, struct opts *o, const struct rtd_line_batch *c,
                       size_t i, const struct row *r, const int *best, struct rtd_err *err)
{
    double p;
    const struct rtd_sentence *s = &r->sentence;
    const char *intent = o->intent >= 0 ? intent_of(a, o, c, i, &p) : s->intent;
    int st = rtd_out_write(a->out, s->before.data, s->before.len, err);
    if (intent && !st)
        st = rtd_out_printf(a->out, err, "# intent = %s\n", intent);
    for (size_t w = 0; w < r->n && !st; w++)
        st = rtd_out_printf(a->out, err, "%s\t%s\n", s->word[w],
                            spec_of(a, o->slots)->label[best[w]]);
    return st ? st : rtd_out_printf(a->out, err, "\n");
}

static int print(struct rtd_line_loop *a, const struct rtd_line_batch *c, void *arg,
                 struct rtd_err *err)
{
    struct opts *o = arg;
    int st = RTD_OK;
    for (size_t i = 0, k = 0; i < c->rows && !st; i++) {
        if (c->first[i] == c->first[i + 1]) { /* a bad line */
            st = rtd_out_printf(a->out, err, o->conll ? "\n" : "{}\n");
            continue;
        }
        const struct row *r = &o->row[k++];
        int *best = malloc((r->n + 1) * sizeof *best);
        double *p = malloc((r->n + 1) * sizeof *p);
        st = best && p ? decode(a, o, r, c->logits[o->slots], best, p, err)
                       : rtd_fail(err, RTD_ESYS, "not enough memory");
        if (!st)
            st = o->conll ? print_conll(a, o, c, i, r, best, err)
                          : print_json(a, o, c, i, r, best, p, err);
        free(best);
        free(p);
    }
    return st;
}

/* --- CoNLL in: a sentence is a row --- */

static int add_sentence(struct rtd_line_loop *a, struct opts *o, struct rtd_sentence *s,
                        struct rtd_err *err)
{
    int st = RTD_OK;
    rtd_word_pieces_clear(&o->words);
    for (size_t w = 0; w < s->n && !st; w++)
        st = rtd_word_pieces_add(&o->words, a->dir.tok, s->word[w], err);
    if (!st)
        st = rtd_word_pieces_add_sequences(&o->words, &a->batch.seq, err);
    if (!st)
        st = keep_row(o, err);
    if (!st) {
        o->row[o->rows - 1].sentence = *s;
        *s = (struct rtd_sentence){0};
    }
    return st;
}

static int next_sentence(struct rtd_line_loop *a, void *source, bool *more, struct rtd_err *err)
{
    struct opts *o = a->tool.arg;
    struct rtd_sentence s = {0};
    struct rtd_err none = {0};
    int st = rtd_conll_next(source, &s, err);
    *more = st || s.n > 0;
    if (*more && rtd_line_loop_begin_row(a, "", &none))
        st = rtd_fail(err, none.status, "%s", none.text);
    else if (*more)
        st = rtd_line_loop_end_row(a, st ? st : add_sentence(a, o, &s, err), err);
    rtd_sentence_free(&s);
    return st;
}

static int tag_conll(struct rtd_line_loop *a, char **files, int n, struct rtd_err *err)
{
    struct rtd_conll c;
    struct rtd_conll_columns columns;
    if (rtd_conll_columns(&columns, a->o->text, NULL, err))
        return err->status;
    if (n > 1)
        return rtd_fail(err, RTD_EUSAGE, "--conll takes one file");
    if (n == 0 && rtd_refuse_tty_stdin(err))
        return err->status;
    int st = rtd_conll_open(&c, n ? files[0] : "-", false, err);
    if (st)
        return st;
    c.wanted = columns;
    st = rtd_line_loop_run_rows(a, next_sentence, &c, "token\ttag", err);
    if (!st)
        st = rtd_conll_check_words(&c, err);
    if (!st && c.doubtful)
        st = rtd_fail(
            err, RTD_EDATA,
            "%s: line %llu: '#' begins a sentence in a file with comments: it was taken as "
            "a token",
            c.name, (unsigned long long)c.doubtful);
    rtd_conll_close(&c);
    return st;
}

/* A model of intents and slots runs both heads at once. */
static void add_intent(struct rtd_line_loop *a, struct opts *o)
{
    const struct rtd_head_spec *slots = spec_of(a, 0);
    size_t stem = strlen(slots->name) > 5 ? strlen(slots->name) - 5 : 0;
    o->slots = 0;
    o->intent = -1;
    if (strcmp(slots->name + stem, "slots") != 0)
        return;
    for (int h = 0; h < a->net->heads; h++) {
        const struct rtd_head_spec *s = &a->net->head[h].spec;
        if (s->task == RTD_TASK_CLASSIFY && strncmp(s->name, slots->name, stem) == 0 &&
            strcmp(s->name + stem, "intent") == 0) {
            a->head[1] = h;
            a->heads = 2;
            o->intent = 1;
        }
    }
}

static int run(struct opts *o, char **files, int n, struct rtd_err *err)
{
    struct rtd_line_loop a;
    const struct rtd_line_tool tool = {.tasks = 1u << RTD_TASK_TAG,
                                       .texts = 1,
                                       .add = add,
                                       .print = print,
                                       .drop = drop,
                                       .arg = o};
    if (o->conll && (o->answer.jsonl || o->answer.header))
        return rtd_fail(err, RTD_EUSAGE, "--conll takes neither --jsonl nor --header");
    int st = rtd_line_loop_open(&a, &o->answer, &tool, err);
    if (st)
        return st;
    add_intent(&a, o);
    st = rtd_tag_set_new(&o->set, spec_of(&a, 0)->label, spec_of(&a, 0)->outputs, o->scheme, err);
    if (!st)
        st = rtd_viterbi_new(&o->viterbi, &o->set, err);
    if (!st)
        st = o->conll ? tag_conll(&a, files, n, err)
                      : rtd_line_loop_run(&a, files, n, "entities", err);
    rtd_line_loop_close(&a);
    rtd_viterbi_free(&o->viterbi);
    rtd_tag_set_free(&o->set);
    rtd_word_pieces_free(&o->words);
    free(o->row);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.answer = {.out = "-", .json = true}};
    struct rtd_opt table[] = {
        RTD_OPT_ANSWER(&o.answer),
        {RTD_OPT_FLAG, 0, "conll", NULL, &o.conll, 0, 0, "read CoNLL, print TOKEN TAB TAG", 0},
        {RTD_OPT_STR, 0, "scheme", "NAME", &o.scheme, 0, 0,
         "what the labels are: " RTD_TAG_SCHEMES " (as found)", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("tag", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st && o.answer.tensor)
        o.answer.json = false;
    if (!st)
        st = run(&o, argv + first, argc - first, &err);
    return rtd_tool_end(&err, st);
}
