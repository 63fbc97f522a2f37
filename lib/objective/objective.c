/* rtdtools - MIT licence
 *
 * The table of objectives, and what all of them share. */
#include "objective/objective.h"

#include <string.h>

#include "objective/pretrain.h"

const struct rtd_objective *const rtd_objectives[] = {&rtd_electra,     &rtd_electra_15,
                                                      &rtd_mlm,         &rtd_mlm_warmup,
                                                      &rtd_clm,         &rtd_mixed,
                                                      &rtd_replace_mlm, &rtd_all_tokens_mlm,
                                                      &rtd_contrast,    NULL};

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

/* The objective of that name; NULL: none. */
static const struct rtd_objective *find(const char *name)
{
    for (int i = 0; rtd_objectives[i]; i++)
        if (!strcmp(rtd_objectives[i]->name, name))
            return rtd_objectives[i];
    return NULL;
}

const char *rtd_objective_names(char *out, size_t size)
{
    size_t n = 0;
    for (int i = 0; rtd_objectives[i] && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", rtd_objectives[i]->name);
    return out;
}

int rtd_phases_parse(struct rtd_phases *phases, const char *option, const char *text,
                     struct rtd_err *err)
{
    struct rtd_stages stages;
    char names[200];
    int st = rtd_stages_parse(&stages, option, text, err);
    phases->n = stages.n;
    for (int i = 0; i < stages.n && !st; i++) {
        phases->at[i] = (struct rtd_phase){find(stages.at[i].value), stages.at[i].from};
        if (!phases->at[i].objective)
            st = rtd_fail(err, RTD_EUSAGE, "%s %s: wants one of %s", option, stages.at[i].value,
                          rtd_objective_names(names, sizeof names));
    }
    return st;
}

const struct rtd_objective *rtd_phases_at(const struct rtd_phases *phases, double u)
{
    int i = phases->n - 1;
    while (i > 0 && u < phases->at[i].from)
        i--;
    return phases->at[i].objective;
}

const struct rtd_objective *rtd_phases_last(const struct rtd_phases *phases)
{
    return phases->at[phases->n - 1].objective;
}

unsigned rtd_phases_parts(const struct rtd_phases *phases)
{
    unsigned parts = 0;
    for (int i = 0; i < phases->n; i++)
        parts |= phases->at[i].objective->parts;
    return parts;
}

const char *rtd_phases_say(const struct rtd_phases *phases, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s", phases->at[0].objective->name);
    for (int i = 1; i < phases->n && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, ", from %.4g%% on %s", 100 * phases->at[i].from,
                              phases->at[i].objective->name);
    return out;
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

static bool drops(const struct rtd_pretrain *p, const struct rtd_micro *m)
{
    return m->train && p->o.drop;
}

/* The input of every layer and the last one's output to where the batch has them. */
static void keep_hidden(const struct rtd_body *b, const struct rtd_micro *m, real *const *hidden)
{
    for (int i = 0; i <= b->enc->layers; i++)
        rtd_micro_keep(m, hidden[i], i < b->enc->layers ? b->acts.layer[i].x : b->acts.out,
                       b->enc->h);
}

void rtd_body_forward(struct rtd_body *b, const struct rtd_pretrain *p, struct rtd_lane *lane,
                      const struct rtd_micro *m, const struct rtd_encoder *enc,
                      const struct rtd_tokens *t, uint32_t number, real *const *hidden)
{
    b->enc = enc;
    b->t = *t;
    b->mark = lane->arena->used;
    b->pass = (struct rtd_pass){.seed = p->o.seed, .number = number};
    b->d = rtd_arena_take(lane->arena, m->T * enc->h, sizeof *b->d);
    rtd_acts_take(&b->acts, lane->arena, enc, &b->t, true);
    if (!lane->arena->base)
        return;
    rtd_encoder_forward(enc, p->params.w, &b->t, &b->acts, drops(p, m) ? &b->pass : NULL);
    if (hidden)
        keep_hidden(b, m, hidden);
}

void rtd_body_backward(const struct rtd_body *b, const struct rtd_pretrain *p,
                       struct rtd_lane *lane, const struct rtd_micro *m, bool learns)
{
    if (!lane->arena->base)
        rtd_encoder_backward_scratch(lane->arena, b->enc, &b->t);
    else if (learns)
        rtd_encoder_backward(b->enc, p->params.w, lane->g, &b->t, &b->acts, b->d, lane->arena,
                             drops(p, m) ? &b->pass : NULL);
    lane->arena->used = b->mark;
}

void rtd_micro_keep(const struct rtd_micro *m, real *keep, const real *x, size_t width)
{
    for (size_t i = 0; keep && i < m->t.nseq; i++)
        memcpy(keep + m->batch->start[m->seq[i]] * width, x + m->t.start[i] * width,
               (m->t.start[i + 1] - m->t.start[i]) * width * sizeof *x);
}
