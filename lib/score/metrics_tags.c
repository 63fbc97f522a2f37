/* rtdtools - MIT licence */
#include "score/metrics_tags.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct rtd_tag_type *)a)->name, ((const struct rtd_tag_type *)b)->name);
}

void rtd_tag_counts_free(struct rtd_tag_counts *c)
{
    for (int i = 0; i < c->n; i++) {
        tdelete(c->type[i], &c->by_name, by_name);
        free(c->type[i]->name);
        free(c->type[i]);
    }
    free(c->type);
    *c = (struct rtd_tag_counts){0};
}

/* A type that is not there yet; NULL: no memory. */
static struct rtd_tag_type *add_type(struct rtd_tag_counts *c, const char *name)
{
    if (c->n == c->cap) {
        int cap = 2 * c->cap + 16;
        struct rtd_tag_type **list = realloc(c->type, (size_t)cap * sizeof *list);
        if (!list)
            return NULL;
        c->type = list;
        c->cap = cap;
    }
    struct rtd_tag_type *t = calloc(1, sizeof *t);
    if (!t || !(t->name = strdup(name)) || !tsearch(t, &c->by_name, by_name)) {
        free(t ? t->name : NULL);
        free(t);
        return NULL;
    }
    return c->type[c->n++] = t;
}

static struct rtd_tag_type *type_of(struct rtd_tag_counts *c, const char *name, struct rtd_err *err)
{
    struct rtd_tag_type wanted = {.name = (char *)name};
    struct rtd_tag_type *const *known = tfind(&wanted, &c->by_name, by_name);
    struct rtd_tag_type *t = known ? *known : add_type(c, name);
    if (!t)
        rtd_fail(err, RTD_ESYS, "not enough memory");
    return t;
}

static int by_place(const void *a, const void *b)
{
    const struct rtd_entity *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->last != y->last)
        return x->last < y->last ? -1 : 1;
    return strcmp(x->type, y->type);
}

/* Both in order of place; of equal ones in found one is right. */
static int count(struct rtd_tag_counts *c, const struct rtd_entity *gold, size_t ngold,
                 const struct rtd_entity *found, size_t nfound, struct rtd_err *err)
{
    for (size_t i = 0; i < ngold; i++) {
        struct rtd_tag_type *t = type_of(c, gold[i].type, err);
        if (!t)
            return err->status;
        t->gold++;
    }
    for (size_t i = 0, k = 0; i < nfound; i++) {
        struct rtd_tag_type *t = type_of(c, found[i].type, err);
        if (!t)
            return err->status;
        t->found++;
        while (k < ngold && by_place(&gold[k], &found[i]) < 0)
            k++;
        if (k < ngold && by_place(&gold[k], &found[i]) == 0) {
            t->right++;
            c->right++;
            k++;
        }
    }
    c->gold += ngold;
    c->found += nfound;
    return RTD_OK;
}

static bool same(const struct rtd_tag *a, const struct rtd_tag *b)
{
    return a->place == b->place && strcmp(a->type, b->type) == 0;
}

int rtd_tag_counts_add(struct rtd_tag_counts *c, const struct rtd_tag *gold,
                       const struct rtd_tag *predicted, size_t n, struct rtd_err *err)
{
    struct rtd_entity *e = malloc((2 * n + 1) * sizeof *e);
    if (!e)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    size_t ngold = rtd_entities(e, gold, n), nfound = rtd_entities(e + n, predicted, n);
    int st = count(c, e, ngold, e + n, nfound, err);
    for (size_t i = 0; i < n; i++)
        c->same += same(&gold[i], &predicted[i]);
    c->tokens += n;
    free(e);
    return st;
}

int rtd_tag_counts_add_entities(struct rtd_tag_counts *c, const struct rtd_tag *gold, size_t n,
                                struct rtd_entity *found, size_t nfound, struct rtd_err *err)
{
    struct rtd_entity *e = malloc((n + 1) * sizeof *e);
    if (!e)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    qsort(found, nfound, sizeof *found, by_place);
    int st = count(c, e, rtd_entities(e, gold, n), found, nfound, err);
    free(e);
    return st;
}

void rtd_tag_scores(const struct rtd_tag_counts *c, const struct rtd_tag_type *type,
                    struct rtd_tag_scores *s)
{
    double gold = (double)(type ? type->gold : c->gold);
    double found = (double)(type ? type->found : c->found);
    double right = (double)(type ? type->right : c->right);
    s->precision = found > 0 ? right / found : 0;
    s->recall = gold > 0 ? right / gold : 0;
    s->f1 = gold + found > 0 ? 2 * right / (gold + found) : 0;
    s->token_accuracy = c->tokens ? (double)c->same / (double)c->tokens : 0;
}
