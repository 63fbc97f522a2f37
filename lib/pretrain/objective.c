/* rtdtools - MIT licence
 *
 * The table of objectives, and what all of them share. */
#include "pretrain/objective.h"

#include <string.h>

#include "pretrain/pretrain.h"

const struct rtd_objective *const rtd_objectives[] = {&rtd_electra, &rtd_mlm, &rtd_mlm_warmup,
                                                      NULL};

double rtd_column_value(const struct rtd_column *c, const struct rtd_sums *s)
{
    if (c->over < 0)
        return s->of[c->sum];
    return s->of[c->over] > 0 ? s->of[c->sum] / s->of[c->over] : 0;
}

const struct rtd_column *rtd_column_find(const struct rtd_column *list, const char *name)
{
    for (; list->name; list++)
        if (!strcmp(list->name, name))
            return list;
    return NULL;
}

const struct rtd_objective *rtd_objective_find(const char *name)
{
    for (int i = 0; rtd_objectives[i]; i++)
        if (!strcmp(rtd_objectives[i]->name, name))
            return rtd_objectives[i];
    return NULL;
}

static const struct rtd_column *columns_of(const struct rtd_objective *o, bool evaluation)
{
    return evaluation ? o->eval_columns : o->columns;
}

/* Has an objective before number i of the table a column of that name? */
static bool seen(int i, bool evaluation, const char *name)
{
    for (int k = 0; k < i; k++)
        if (rtd_column_find(columns_of(rtd_objectives[k], evaluation), name))
            return true;
    return false;
}

void rtd_columns_print(FILE *f, bool evaluation, const struct rtd_objective *now,
                       const struct rtd_sums *s)
{
    const char *tab = "";
    for (int i = 0; rtd_objectives[i]; i++)
        for (const struct rtd_column *c = columns_of(rtd_objectives[i], evaluation); c->name; c++) {
            if (seen(i, evaluation, c->name))
                continue;
            const struct rtd_column *mine =
                now ? rtd_column_find(columns_of(now, evaluation), c->name) : NULL;
            fprintf(f, "%s%s", tab, now ? "" : c->name);
            if (mine)
                fprintf(f, "%.6g", rtd_column_value(mine, s));
            tab = "\t";
        }
}

void rtd_micro_keep(const struct rtd_micro *m, real *keep, const real *x, size_t width)
{
    for (size_t i = 0; keep && i < m->t.nseq; i++)
        memcpy(keep + m->batch->start[m->seq[i]] * width, x + m->t.start[i] * width,
               (m->t.start[i + 1] - m->t.start[i]) * width * sizeof *x);
}
