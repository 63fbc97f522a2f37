/* rtdtools - MIT licence
 *
 * Scores of generated texts: a prediction for each row of the gold file, or for each different
 * source; all targets of equal sources are references. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "gold/columns.h"
#include "gold/line_list.h"
#include "gold/predictions.h"
#include "score/score.h"

int rtd_texts_judge(json_t **out, const struct rtd_generated *row, size_t n, struct rtd_err *err)
{
    struct rtd_bleu b, lower;
    struct rtd_rouge r, s;
    double chrf, exact = 0;
    int st = rtd_bleu_score(&b, row, n, false, err);
    if (!st)
        st = rtd_bleu_score(&lower, row, n, true, err);
    if (!st)
        st = rtd_chrf_score(&chrf, row, n, err);
    if (!st)
        st = rtd_rouge_score(&r, row, n, false, err);
    if (!st)
        st = rtd_rouge_score(&s, row, n, true, err);
    for (size_t i = 0; i < n && !st; i++) {
        bool same = false;
        for (size_t k = 0; k < row[i].references; k++)
            same |= strcmp(row[i].text, row[i].reference[k]) == 0;
        exact += same;
    }
    if (!st)
        *out = json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "rows",
                         (json_int_t)n, "bleu", b.score, "bleu_lowercase", lower.score,
                         "brevity_penalty", b.brevity, "chrf2", chrf, "rouge1", r.rouge1, "rouge2",
                         r.rouge2, "rougeL", r.rougeL, "rouge1_stemmed", s.rouge1, "rouge2_stemmed",
                         s.rouge2, "rougeL_stemmed", s.rougeL, "exact", n ? exact / (double)n : 0);
    return st;
}

struct source {
    const char *text;
    size_t row; /* of the gold file */
};

static int by_text(const void *a, const void *b)
{
    const struct source *x = a, *y = b;
    int c = strcmp(x->text, y->text);
    return c ? c : x->row < y->row ? -1 : x->row > y->row;
}

/* Gold rows, cut into fields: source, target, further references. */
struct gold {
    struct rtd_line_list lines;
    struct rtd_row *row; /* [n], behind a header line */
    size_t n;
};

static void free_gold(struct gold *g)
{
    for (size_t i = 0; g->row && i < g->n; i++)
        rtd_row_free(&g->row[i]);
    free(g->row);
    rtd_line_list_free(&g->lines);
}

static int load_gold(struct gold *g, const char *path, struct rtd_err *err)
{
    *g = (struct gold){.n = 0};
    if (rtd_line_list_load(&g->lines, path, err))
        return err->status;
    g->row = calloc(g->lines.n + 1, sizeof *g->row);
    if (!g->row)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < g->lines.n; i++) {
        char *line = g->lines.line[i];
        if (i == 0 && strncmp(line, "source\ttarget", 13) == 0)
            continue;
        if (rtd_row_split(&g->row[g->n], line, strlen(line), path, i + 1, err))
            return err->status;
        if (g->row[g->n++].n < 2)
            return rtd_fail(err, RTD_EDATA, "%s: line %zu: want source and target", path, i + 1);
    }
    return g->n ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no rows", path);
}

/* The references of all rows with the source of list[from .. to - 1]. */
static size_t gather(const struct gold *g, const struct source *list, size_t from, size_t to,
                     char **reference)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        const struct rtd_row *r = &g->row[list[i].row];
        for (int k = 1; k < r->n; k++)
            if (r->field[k][0] || k == 1)
                reference[n++] = r->field[k];
    }
    return n;
}

/* A line as generate prints it; cut in place. */
static const char *text_of(char *line, json_t **keep)
{
    if (rtd_no_prediction(line))
        return "";
    json_t *root = line[0] == '{' ? json_loads(line, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(root, "text"));
    if (text)
        json_array_append(*keep, root);
    json_decref(root);
    return text ? text : line;
}

/* Rows to judge: one for each row, or each source, in order of first appearance. */
static int judge(json_t **out, const struct gold *g, char **line, size_t lines,
                 const struct rtd_score_options *o, struct rtd_err *err)
{
    size_t fields = 0, groups = 0, used = 0, n = 0;
    for (size_t i = 0; i < g->n; i++)
        fields += (size_t)g->row[i].n;
    struct source *list = malloc(g->n * sizeof *list);
    struct rtd_generated *row = calloc(g->n, sizeof *row);
    size_t *order = malloc(g->n * sizeof *order); /* row -> its group's first row */
    char **reference = malloc(fields * sizeof *reference);
    json_t *keep = json_array();
    int st = list && row && order && reference && keep
                 ? RTD_OK
                 : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < g->n && !st; i++)
        list[i] = (struct source){g->row[i].field[0], i};
    if (!st)
        qsort(list, g->n, sizeof *list, by_text);
    for (size_t i = 0, end; i < g->n && !st; i = end, groups++) {
        for (end = i + 1; end < g->n && strcmp(list[end].text, list[i].text) == 0; end++)
            ;
        size_t count = gather(g, list, i, end, reference + used);
        for (size_t k = i; k < end; k++) {
            order[list[k].row] = list[i].row;
            row[list[k].row].reference = reference + used;
            row[list[k].row].references = count;
        }
        used += count;
    }
    if (lines && strcmp(line[0], "text") == 0 && (lines - 1 == g->n || lines - 1 == groups)) {
        line++; /* the header of generate */
        lines--;
    }
    if (!st && lines != g->n && lines != groups)
        st = rtd_fail(err, RTD_EDATA, "%s: %zu texts for %zu rows (%zu sources) of %s",
                      o->predictions, lines, g->n, groups, o->gold);
    for (size_t i = 0; i < g->n && !st; i++)
        if (lines == g->n || order[i] == i) {
            row[n] = row[i];
            row[n].text = text_of(line[n], &keep);
            n++;
        }
    if (!st)
        st = rtd_texts_judge(out, row, n, err);
    json_decref(keep);
    free(list);
    free(row);
    free(order);
    free(reference);
    return st;
}

int rtd_score_texts(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct gold g;
    struct rtd_line_list said = {0};
    int st = load_gold(&g, o->gold, err);
    if (!st)
        st = rtd_line_list_load(&said, o->predictions, err);
    if (!st)
        st = judge(out, &g, said.line, said.n, o, err);
    rtd_line_list_free(&said);
    free_gold(&g);
    return st;
}
