/* rtdtools - MIT licence
 *
 * Data sets of queries with candidates: a unit is a query, its sequences the candidates, the right
 * one first. */
#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "finetune/dataset.h"
#include "score/metrics_rank.h"
#include "gold/rank_data.h"

static int build(struct rtd_examples *e, const struct rtd_rank_data *data,
                 const struct rtd_dataset_options *o, const char *path, struct rtd_err *err)
{
    struct rtd_example_targets *a = &e->target[0];
    size_t pairs = 0;
    for (size_t i = 0; i < data->n; i++)
        pairs += data->query[i].n;
    *e = (struct rtd_examples){.name = strdup(path), .targets = 1, .units = data->n};
    *a = (struct rtd_example_targets){.head = o->first_head, .task = RTD_TASK_RANK, .outputs = 1};
    a->label = malloc((pairs + 1) * sizeof *a->label);
    e->unit = malloc((data->n + 1) * sizeof *e->unit);
    if (!e->name || !a->label || !e->unit)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_sequences_init(&e->seq, o->tok, o->length, o->type_vocab_size, err);
    for (size_t i = 0; i < data->n && !st; i++) {
        const struct rtd_query *q = &data->query[i];
        const char *text = rtd_last_turns(q->text, (size_t)o->context);
        e->unit[i] = (uint32_t)e->seq.n;
        for (size_t k = 0; k < q->n && !st; k++) {
            a->label[e->seq.n] = q->right[k];
            st = rtd_sequences_add(&e->seq, text, q->candidate[k], err);
        }
    }
    if (!st)
        e->unit[data->n] = (uint32_t)e->seq.n;
    return st;
}

/* What there is nothing to learn from. */
static void tell_left_out(const char *path, const struct rtd_rank_data *all,
                          const struct rtd_rank_data *pairs)
{
    size_t none = 0;
    for (size_t i = 0; i < all->n; i++) {
        bool any = false;
        for (size_t k = 0; k < all->query[i].n; k++)
            any |= all->query[i].right[k];
        none += !any;
    }
    rtd_say_loss(none, all->n, "queries of %s left out: none of their candidates is right", path);
    rtd_say_loss(pairs->alone, pairs->n + pairs->alone,
                 "right candidates of %s left out: their queries have no wrong one", path);
}

static int score(const struct rtd_dev_set *d, const struct rtd_network *net,
                 const real *const *logits, double *value, struct rtd_err *err)
{
    struct rtd_ranking r = {0};
    (void)net;
    for (size_t u = 0; u < d->e.units; u++) {
        size_t from, to;
        rtd_examples_unit(&d->e, u, &from, &to);
        double *x = malloc((to - from + 1) * sizeof *x);
        if (!x)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        for (size_t i = from; i < to; i++)
            x[i - from] = (double)logits[0][i];
        rtd_ranking_add(&r, rtd_rank_of(x, d->e.target[0].label + from, to - from));
        free(x);
    }
    value[0] = rtd_ranking_recall(&r, 1);
    value[1] = rtd_ranking_mrr(&r);
    value[2] = rtd_ranking_recall(&r, 5);
    return RTD_OK;
}

int rtd_dataset_load_rank(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                          struct rtd_err *err)
{
    static const char *const names[] = {"accuracy", "mrr", "recall_at_5"};
    struct rtd_rank_data data, pairs;
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    int st = rtd_rank_data_load(&data, o->train, o->text, o->label, &bad, err);
    rtd_bad_rows_free(&bad);
    if (st)
        return st;
    st = rtd_rank_data_pair(&pairs, &data, (size_t)o->negatives, o->seed, err);
    if (!st) {
        tell_left_out(o->train, &data, &pairs);
        st = build(&d->train, &pairs, o, o->train, err);
        rtd_rank_data_free(&pairs);
    }
    rtd_rank_data_free(&data);
    d->specs = 1;
    if (!st)
        st = rtd_dataset_spec(&d->spec[0], RTD_TASK_RANK, o->name, NULL, 2, err);
    if (st || !o->dev)
        return st;
    st = rtd_rank_data_load(&data, o->dev, o->text, o->label, &bad, err);
    rtd_bad_rows_free(&bad);
    if (!st)
        st = build(&d->dev.e, &data, o, o->dev, err);
    rtd_rank_data_free(&data);
    for (int i = 0; i < 3; i++)
        d->dev.column[i] = names[i];
    d->dev.columns = 3;
    d->dev.score = score;
    return st;
}
