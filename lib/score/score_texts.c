/* rtdtools - MIT licence
 *
 * Scores of generated texts: a prediction for each row of the gold file, or for each different
 * source; all targets of equal sources are references. */
#include <stdlib.h>
#include <string.h>

#include "gold/bad_rows.h"
#include "base/json.h"
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
    struct rtd_row *row; /* [n] */
    size_t *number;      /* [n] of the row in its file, from 0; no gaps but for bad rows */
    size_t n, total;
};

static void free_gold(struct gold *g)
{
    for (size_t i = 0; g->row && i < g->n; i++)
        rtd_row_free(&g->row[i]);
    free(g->row);
    free(g->number);
    rtd_line_list_free(&g->lines);
}

static int load_gold(struct gold *g, const char *path, struct rtd_bad_rows *bad,
                     struct rtd_err *err)
{
    *g = (struct gold){.n = 0};
    if (rtd_line_list_load(&g->lines, path, err))
        return err->status;
    size_t lines = g->lines.n;
    size_t header = lines && strncmp(g->lines.line[0], "source\ttarget", 13) == 0;
    g->row = calloc(lines + 1, sizeof *g->row);
    g->number = calloc(lines + 1, sizeof *g->number);
    if (!g->row || !g->number)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = header; i < lines; i++) {
        struct rtd_row *r = &g->row[g->n];
        char *line = g->lines.line[i];
        int st = rtd_row_split(r, line, strlen(line), path, i + 1, err);
        if (!st && r->n < 2)
            st = rtd_fail(err, RTD_EDATA, "%s: line %zu: want source and target", path, i + 1);
        if (st && rtd_bad_row(bad, err))
            return err->status;
        g->number[g->n] = i - header;
        g->n += !st;
    }
    g->total = lines - header;
    if (rtd_bad_rows_end(bad, g->total, path, "row", err))
        return err->status;
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

/* A line as generate prints it; a copy where it is JSON, whose place in keep is free. */
static int text_of(const char **text, char *line, char **keep, struct rtd_json_doc *doc,
                   struct rtd_err *err)
{
    struct rtd_err none = {0};
    const struct rtd_json *v;
    *text = rtd_no_prediction(line) ? "" : line;
    if (line[0] != '{' || !(*text)[0] || rtd_json_read(doc, line, strlen(line), "", 0, &none) ||
        rtd_json_member(doc->root, "text", RTD_JSON_TEXT, &v) != RTD_JSON_PRESENT)
        return RTD_OK;
    *text = *keep = rtd_json_copy(v);
    return *keep ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

/* Which rows are judged, what their references are. */
struct groups {
    struct rtd_generated *row; /* [rows of gold] */
    size_t *first;             /* [rows of gold] the first row of the same source */
    char **reference;
    size_t n; /* different sources */
};

static void free_groups(struct groups *g)
{
    free(g->row);
    free(g->first);
    free(g->reference);
}

static int group(struct groups *to, const struct gold *g, struct rtd_err *err)
{
    size_t fields = 0, used = 0;
    for (size_t i = 0; i < g->n; i++)
        fields += (size_t)g->row[i].n;
    struct source *list = malloc(g->n * sizeof *list);
    *to = (struct groups){.row = calloc(g->n, sizeof *to->row),
                          .first = malloc(g->n * sizeof *to->first),
                          .reference = malloc(fields * sizeof *to->reference)};
    if (!list || !to->row || !to->first || !to->reference) {
        free(list);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    for (size_t i = 0; i < g->n; i++)
        list[i] = (struct source){g->row[i].field[0], i};
    qsort(list, g->n, sizeof *list, by_text);
    for (size_t i = 0, end; i < g->n; i = end, to->n++) {
        for (end = i + 1; end < g->n && strcmp(list[end].text, list[i].text) == 0; end++)
            ;
        size_t count = gather(g, list, i, end, to->reference + used);
        for (size_t k = i; k < end; k++) {
            to->first[list[k].row] = list[i].row;
            to->row[list[k].row].reference = to->reference + used;
            to->row[list[k].row].references = count;
        }
        used += count;
    }
    free(list);
    return RTD_OK;
}

/* A line for each row of the file, or for each different source, in order of first appearance. */
static int judge(json_t **out, const struct gold *g, struct groups *q, char **line, size_t lines,
                 const struct rtd_score_options *o, struct rtd_err *err)
{
    struct rtd_json_doc doc = {0};
    size_t n = 0, total = g->total;
    bool whole = total == g->n; /* else a line cannot be one for each source */
    if (lines && strcmp(line[0], "text") == 0 &&
        (lines - 1 == total || (whole && lines - 1 == q->n))) {
        line++; /* the header of generate */
        lines--;
    }
    bool every = lines == total;
    if (!every && !(whole && lines == q->n))
        return rtd_fail(err, RTD_EDATA, "%s: %zu texts for %zu rows (%zu sources) of %s",
                        o->predictions, lines, total, q->n, o->gold);
    char **keep = calloc(g->n, sizeof *keep);
    int st = keep ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < g->n && !st; i++)
        if (every || q->first[i] == i) {
            q->row[n] = q->row[i];
            st = text_of(&q->row[n].text, line[every ? g->number[i] : n], &keep[n], &doc, err);
            n++;
        }
    if (!st)
        st = rtd_texts_judge(out, q->row, n, err);
    for (size_t i = 0; keep && i < n; i++)
        free(keep[i]);
    free(keep);
    rtd_json_free(&doc);
    return st;
}

int rtd_score_texts(json_t **out, const struct rtd_score_options *o, struct rtd_err *err)
{
    struct gold g;
    struct groups groups = {0};
    struct rtd_line_list said = {0};
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    int st = load_gold(&g, o->gold, &bad, err);
    if (!st)
        st = rtd_line_list_load(&said, o->predictions, err);
    if (!st)
        st = group(&groups, &g, err);
    if (!st)
        st = judge(out, &g, &groups, said.line, said.n, o, err);
    rtd_bad_rows_free(&bad);
    rtd_line_list_free(&said);
    free_groups(&groups);
    free_gold(&g);
    return st;
}
