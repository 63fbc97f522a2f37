/* rtdtools - MIT licence */
#include "gold/rank_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/say.h"
#include "gold/columns.h"
#include "gold/line_list.h"

static void free_query(struct rtd_query *q)
{
    for (size_t i = 0; i < q->n; i++)
        free(q->candidate[i]);
    free(q->candidate);
    free(q->right);
    free(q->text);
    *q = (struct rtd_query){0};
}

void rtd_rank_data_free(struct rtd_rank_data *d)
{
    for (size_t i = 0; i < d->n; i++)
        free_query(&d->query[i]);
    free(d->query);
    *d = (struct rtd_rank_data){0};
}

static int no_memory(struct rtd_err *err)
{
    return rtd_fail(err, RTD_ESYS, "not enough memory");
}

/* A new last query; *cap counts the places. */
static struct rtd_query *add_query(struct rtd_rank_data *d, size_t *cap, const char *text)
{
    if (d->n == *cap) {
        size_t more = 2 * *cap + 256;
        struct rtd_query *list = realloc(d->query, more * sizeof *list);
        if (!list)
            return NULL;
        d->query = list;
        *cap = more;
    }
    d->query[d->n] = (struct rtd_query){.text = strdup(text)};
    return d->query[d->n].text ? &d->query[d->n++] : NULL;
}

static int add_candidate(struct rtd_query *q, const char *text, bool right, struct rtd_err *err)
{
    if (q->n == q->cap) {
        size_t more = 2 * q->cap + 8;
        char **list = realloc(q->candidate, more * sizeof *list);
        if (list)
            q->candidate = list;
        bool *flags = realloc(q->right, more * sizeof *flags);
        if (flags)
            q->right = flags;
        if (!list || !flags)
            return no_memory(err);
        q->cap = more;
    }
    q->candidate[q->n] = strdup(text);
    q->right[q->n] = right;
    return q->candidate[q->n] ? (q->n++, RTD_OK) : no_memory(err);
}

static bool says_right(const char *label)
{
    static const char *const words[] = {"1", "true", "yes", "positive"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(label, words[i]) == 0)
            return true;
    return false;
}

static bool has(const struct rtd_row *row, const char *name)
{
    for (int i = 0; i < row->n; i++)
        if (strcmp(row->field[i], name) == 0)
            return true;
    return false;
}

/* Where things stand in a row. */
struct places {
    struct rtd_columns c;
    bool listed; /* a row for each query */
};

static int find_places(struct places *p, const struct rtd_row *first, const char *path,
                       const char *text, const char *label, struct rtd_err *err)
{
    const char *own = has(first, "query") ? "query,candidate" : "context,response";
    bool pair =
        text ? strchr(text, ',') != NULL : has(first, "candidate") || has(first, "response");
    struct rtd_columns_spec spec = {.text = text                  ? text
                                            : pair                ? own
                                            : has(first, "query") ? "query"
                                                                  : "1",
                                    .label = label,
                                    .want_text = true,
                                    .want_label = true,
                                    .header = RTD_HEADER_YES};
    p->listed = !pair;
    return rtd_columns_resolve(&p->c, &spec, first, path, err);
}

static int take_listed(struct rtd_rank_data *d, size_t *cap, const struct places *p,
                       const struct rtd_row *row, const char *path, size_t line,
                       struct rtd_err *err)
{
    char *end;
    long right = strtol(row->field[p->c.label], &end, 10), candidates = 0;
    for (int i = 0; i < row->n; i++)
        candidates += i != p->c.text[0] && i != p->c.label && row->field[i][0];
    if (*end || right < 1 || right > candidates)
        return rtd_fail(err, RTD_EDATA,
                        "%s: line %zu: the label is no number of one of %ld candidates", path, line,
                        candidates);
    struct rtd_query *q = add_query(d, cap, row->field[p->c.text[0]]);
    if (!q)
        return no_memory(err);
    for (int i = 0; i < row->n; i++)
        if (i != p->c.text[0] && i != p->c.label && row->field[i][0] &&
            add_candidate(q, row->field[i], (long)q->n + 1 == right, err))
            return err->status;
    q->number = line - 2; /* behind the header */
    return RTD_OK;
}

static int take_pair(struct rtd_rank_data *d, size_t *cap, const struct places *p,
                     const struct rtd_row *row, struct rtd_err *err)
{
    const char *text = row->field[p->c.text[0]];
    struct rtd_query *q = d->n ? &d->query[d->n - 1] : NULL;
    if (!q || strcmp(q->text, text) != 0) {
        q = add_query(d, cap, text);
        if (q)
            q->number = d->n - 1;
    }
    return q ? add_candidate(q, row->field[p->c.text[1]], says_right(row->field[p->c.label]), err)
             : no_memory(err);
}

static int take_row(struct rtd_rank_data *d, size_t *cap, const struct places *p,
                    struct rtd_row *row, char *line, const char *path, size_t number,
                    struct rtd_err *err)
{
    if (rtd_row_split(row, line, strlen(line), path, number, err))
        return err->status;
    if (row->n != p->c.width)
        return rtd_fail(err, RTD_EDATA, "%s: line %zu: %d column%s, line 1 has %d", path, number,
                        row->n, rtd_s((uint64_t)row->n), p->c.width);
    return p->listed ? take_listed(d, cap, p, row, path, number, err)
                     : take_pair(d, cap, p, row, err);
}

static int take_rows(struct rtd_rank_data *d, const struct rtd_line_list *l, struct rtd_row *row,
                     const char *path, const char *text, const char *label,
                     struct rtd_bad_rows *bad, struct rtd_err *err)
{
    struct places p;
    size_t cap = 0;
    if (l->n < 2)
        return rtd_fail(err, RTD_EDATA, "%s: no rows", path);
    if (rtd_row_split(row, l->line[0], strlen(l->line[0]), path, 1, err) ||
        find_places(&p, row, path, text, label, err))
        return err->status;
    for (size_t i = 1; i < l->n; i++) {
        int st = take_row(d, &cap, &p, row, l->line[i], path, i + 1, err);
        if (st && rtd_bad_row(bad, err))
            return err->status;
        d->unclear |= st && !p.listed;
    }
    d->total = p.listed ? l->n - 1 : d->n;
    if (rtd_bad_rows_end(bad, l->n - 1, path, "row", err))
        return err->status;
    return d->n ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no rows", path);
}

int rtd_rank_data_load(struct rtd_rank_data *d, const char *path, const char *text,
                       const char *label, struct rtd_bad_rows *bad, struct rtd_err *err)
{
    struct rtd_line_list l;
    struct rtd_row row = {0};
    *d = (struct rtd_rank_data){0};
    int st = rtd_line_list_load(&l, path, err);
    if (!st)
        st = take_rows(d, &l, &row, path, text, label, bad, err);
    rtd_row_free(&row);
    rtd_line_list_free(&l);
    if (st)
        rtd_rank_data_free(d);
    return st;
}

/* --- pairs of one right and several wrong candidates --- */

/* The candidates of a query. */
struct sides {
    const char **right, **wrong; /* right: sorted */
    size_t rights, wrongs;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_sides(struct sides *s)
{
    free(s->right);
    free(s->wrong);
}

static int list_sides(struct sides *s, const struct rtd_query *q, struct rtd_err *err)
{
    *s = (struct sides){.right = malloc((q->n + 1) * sizeof *s->right),
                        .wrong = malloc((q->n + 1) * sizeof *s->wrong)};
    if (!s->right || !s->wrong)
        return no_memory(err);
    for (size_t i = 0; i < q->n; i++)
        if (q->right[i])
            s->right[s->rights++] = q->candidate[i];
        else
            s->wrong[s->wrongs++] = q->candidate[i];
    qsort(s->right, s->rights, sizeof *s->right, by_text);
    return RTD_OK;
}

static bool is_right(const struct sides *s, const char *text)
{
    return bsearch(&text, s->right, s->rights, sizeof *s->right, by_text) != NULL;
}

static bool stands_in(const struct rtd_query *q, const char *text)
{
    for (size_t i = 0; i < q->n; i++)
        if (strcmp(q->candidate[i], text) == 0)
            return true;
    return false;
}

enum { TRIES = 100 };

/* Wrong candidates from anywhere, until there are `want`. */
static int draw(struct rtd_query *to, const struct rtd_rank_data *d, const struct rtd_query *of,
                const struct sides *s, size_t want, uint64_t seed, uint64_t index,
                struct rtd_err *err)
{
    for (uint32_t t = 0; to->n < want + 1 && t < TRIES * want; t++) {
        const struct rtd_query *q = &d->query[rtd_below(
            rtd_rand32(seed, RTD_RNG_NEGATIVE, 0, 0, index, 2 * t), (uint32_t)d->n)];
        uint32_t k =
            rtd_below(rtd_rand32(seed, RTD_RNG_NEGATIVE, 0, 0, index, 2 * t + 1), (uint32_t)q->n);
        const char *text = q->candidate[k];
        if (q == of || is_right(s, text) || stands_in(to, text))
            continue;
        if (add_candidate(to, text, false, err))
            return err->status;
    }
    return RTD_OK;
}

/* One right candidate of a query, and wrong ones. */
static int pair_one(struct rtd_rank_data *out, size_t *cap, const struct rtd_rank_data *d,
                    const struct rtd_query *of, const struct sides *s, const char *right,
                    size_t negatives, uint64_t seed, struct rtd_err *err)
{
    struct rtd_query *q = add_query(out, cap, of->text);
    int st = q ? add_candidate(q, right, true, err) : no_memory(err);
    for (size_t w = 0; w < s->wrongs && !st && (!negatives || w < negatives); w++)
        st = add_candidate(q, s->wrong[w], false, err);
    if (!st)
        st = draw(q, d, of, s, negatives, seed, out->n - 1, err);
    if (!st && q->n < 2) { /* nothing to compare with */
        free_query(q);
        out->n--;
        out->alone++;
    }
    return st;
}

int rtd_rank_data_pair(struct rtd_rank_data *out, const struct rtd_rank_data *d, size_t negatives,
                       uint64_t seed, struct rtd_err *err)
{
    size_t cap = 0;
    int st = RTD_OK;
    *out = (struct rtd_rank_data){0};
    for (size_t i = 0; i < d->n && !st; i++) {
        const struct rtd_query *of = &d->query[i];
        struct sides s;
        st = list_sides(&s, of, err);
        if (!st && !negatives && s.rights * s.wrongs > RTD_RANK_PAIRS)
            st = rtd_fail(err, RTD_EDATA,
                          "query %zu: %zu right candidates with %zu wrong ones each are too many "
                          "(--negatives N takes fewer)",
                          of->number + 1, s.rights, s.wrongs);
        for (size_t k = 0; k < of->n && !st; k++)
            if (of->right[k])
                st = pair_one(out, &cap, d, of, &s, of->candidate[k], negatives, seed, err);
        free_sides(&s);
    }
    if (!st && out->n == 0)
        st =
            rtd_fail(err, RTD_EDATA,
                     "no query has a right and a wrong candidate (--negatives N draws wrong ones)");
    if (st)
        rtd_rank_data_free(out);
    return st;
}

const char *rtd_last_turns(const char *query, size_t turns)
{
    static const char mark[] = " __eou__ ";
    const size_t len = sizeof mark - 1;
    const char *p = query + strlen(query);
    for (size_t found = 0; turns && p > query; p--)
        if (strncmp(p, mark, len) == 0 && ++found == turns)
            return p + len;
    return query;
}
