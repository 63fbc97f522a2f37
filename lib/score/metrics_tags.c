/* rtdtools - MIT licence */
#include "score/metrics_tags.h"

#include <stdlib.h>
#include <string.h>

void rtd_tag_counts_free(struct rtd_tag_counts *c)
{
    for (int i = 0; i < c->n; i++)
        free(c->type[i].name);
    free(c->type);
    *c = (struct rtd_tag_counts){0};
}

static struct rtd_tag_type *type_of(struct rtd_tag_counts *c, const char *name, struct rtd_err *err)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->type[i].name, name) == 0)
            return &c->type[i];
    struct rtd_tag_type *list = realloc(c->type, ((size_t)c->n + 1) * sizeof *list);
    char *copy = strdup(name);
    if (list)
        c->type = list;
    if (!list || !copy) {
        free(copy);
        rtd_fail(err, RTD_ESYS, "not enough memory");
        return NULL;
    }
    list[c->n] = (struct rtd_tag_type){.name = copy};
    return &list[c->n++];
}

static int count(struct rtd_tag_counts *c, const struct rtd_entity *gold, size_t ngold,
                 const struct rtd_entity *found, size_t nfound, struct rtd_err *err)
{
    for (size_t i = 0; i < ngold; i++) {
        struct rtd_tag_type *t = type_of(c, gold[i].type, err);
        if (!t)
            return err->status;
        t->gold++;
    }
    for (size_t i = 0; i < nfound; i++) {
        struct rtd_tag_type *t = type_of(c, found[i].type, err);
        if (!t)
            return err->status;
        t->found++;
        for (size_t k = 0; k < ngold; k++)
            if (gold[k].first == found[i].first && gold[k].last == found[i].last &&
                strcmp(gold[k].type, found[i].type) == 0) {
                t->right++;
                c->right++;
                break;
            }
    }
    c->gold += ngold;
    c->found += nfound;
    return RTD_OK;
}

int rtd_tag_counts_add(struct rtd_tag_counts *c, const char *const *gold,
                       const char *const *predicted, size_t n, struct rtd_err *err)
{
    struct rtd_entity *e = malloc((2 * n + 1) * sizeof *e);
    if (!e)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    size_t ngold = rtd_entities(e, gold, n), nfound = rtd_entities(e + n, predicted, n);
    int st = count(c, e, ngold, e + n, nfound, err);
    for (size_t i = 0; i < n; i++)
        c->same += strcmp(gold[i], predicted[i]) == 0;
    c->tokens += n;
    free(e);
    return st;
}

int rtd_tag_counts_add_entities(struct rtd_tag_counts *c, const char *const *gold, size_t n,
                                const struct rtd_entity *found, size_t nfound, struct rtd_err *err)
{
    struct rtd_entity *e = malloc((n + 1) * sizeof *e);
    if (!e)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
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
