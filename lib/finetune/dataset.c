/* rtdtools - MIT licence */
#include "finetune/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/say.h"

/* The tasks that have data sets, and what a run of each has unless it is said otherwise. */
static const struct rtd_dataset_kind kinds[] = {
    {RTD_TASK_CLASSIFY, 1, 3, 128, rtd_dataset_load_table},
    {RTD_TASK_REGRESS, 1, 10, 128, rtd_dataset_load_table},
    {RTD_TASK_MULTILABEL, 1, 3, 128, rtd_dataset_load_table},
    {RTD_TASK_TAG, 1, 3, 256, rtd_dataset_load_tag},
    {RTD_TASK_JOINT, 2, 3, 128, rtd_dataset_load_joint},
    {RTD_TASK_ANSWER, 1, 2, 384, rtd_dataset_load_answer},
    {RTD_TASK_RANK, 1, 3, 128, rtd_dataset_load_rank},
    {RTD_TASK_GENERATE, 1, 5, 256, rtd_dataset_load_generate},
};

const struct rtd_dataset_kind *rtd_dataset_kind(const char *task)
{
    int number = strcmp(task, "joint") == 0 ? RTD_TASK_JOINT : rtd_task_number(task);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].task == number)
            return &kinds[i];
    return NULL;
}

void rtd_dataset_free(struct rtd_dataset *d)
{
    rtd_head_specs_free(d->spec, d->specs);
    rtd_examples_free(&d->train);
    rtd_dev_set_free(&d->dev);
    *d = (struct rtd_dataset){0};
}

/* --- fewer examples --- */

struct keyed {
    uint64_t key;
    uint32_t unit;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key || x->unit > y->unit;
}

static int by_unit(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* Move the targets of sequence s (tokens from `from`) to place i (tokens from t). */
static void move_targets(struct rtd_example_targets *a, size_t i, size_t t, size_t s, size_t from,
                         size_t len)
{
    size_t k = (size_t)a->outputs;
    if (a->label)
        a->label[i] = a->label[s];
    if (a->value)
        memmove(a->value + i * k, a->value + s * k, k * sizeof *a->value);
    if (a->token)
        memmove(a->token + t, a->token + from, len * sizeof *a->token);
    if (a->span)
        memmove(a->span[i], a->span[s], sizeof a->span[i]);
}

/* Keep only these units, in their order: everything moves to the front, and what is counted of the
 * sequences is counted again. */
static void keep_units(struct rtd_examples *e, const struct keyed *kept, size_t n)
{
    struct rtd_sequences *q = &e->seq;
    size_t i = 0, t = 0, from, to, cut = 0;
    q->longest = 0;
    for (size_t u = 0; u < n; u++) {
        rtd_examples_unit(e, kept[u].unit, &from, &to);
        for (size_t s = from; s < to; s++, i++) {
            size_t at = q->start[s], len = q->start[s + 1] - at;
            cut += q->cut_yet[s] - (s ? q->cut_yet[s - 1] : 0);
            q->longest = len > q->longest ? len : q->longest;
            memmove(q->ids + t, q->ids + at, len * sizeof *q->ids);
            memmove(q->types + t, q->types + at, len);
            for (int k = 0; k < e->targets; k++)
                move_targets(&e->target[k], i, t, s, at, len);
            if (e->prefix)
                e->prefix[i] = e->prefix[s];
            q->start[i] = (uint32_t)t;
            q->cut_yet[i] = cut; /* what the next one compares with stands at or behind s */
            t += len;
        }
        if (e->unit) /* the next unit's end is read before it is overwritten: it lies behind */
            e->unit[u] = (uint32_t)(i - (to - from));
    }
    q->start[i] = (uint32_t)t;
    q->n = i;
    q->cut = cut;
    if (e->unit)
        e->unit[n] = (uint32_t)i;
    e->units = n;
}

/* The units of smallest hash of their ids that together have at most `max` tokens. */
static int cap_tokens(struct rtd_examples *e, uint64_t max, struct rtd_err *err)
{
    size_t n = 0, from, to;
    uint64_t tokens = 0;
    if (e->seq.start[e->seq.n] <= max)
        return RTD_OK;
    struct keyed *key = malloc(e->units * sizeof *key);
    if (!key)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t u = 0; u < e->units; u++) {
        rtd_examples_unit(e, u, &from, &to);
        key[u].unit = (uint32_t)u;
        key[u].key = rtd_hash64(e->seq.ids + e->seq.start[from],
                                rtd_examples_tokens(e, u) * sizeof *e->seq.ids);
    }
    qsort(key, e->units, sizeof *key, by_key);
    while (n < e->units && tokens + rtd_examples_tokens(e, key[n].unit) <= max)
        tokens += rtd_examples_tokens(e, key[n++].unit);
    qsort(key, n, sizeof *key, by_unit);
    int st = n ? RTD_OK : rtd_fail(err, RTD_EUSAGE, "--max-tokens: no example is that short");
    if (n)
        keep_units(e, key, n);
    free(key);
    return st;
}

/* Weight n / (labels * count) for every label that occurs, as scikit-learn's "balanced". */
static int balance(struct rtd_example_targets *a, const struct rtd_examples *e, struct rtd_err *err)
{
    const int32_t *list = a->token ? a->token : a->label;
    size_t n = a->token ? e->seq.start[e->seq.n] : e->seq.n, total = 0;
    if (a->task != RTD_TASK_CLASSIFY && a->task != RTD_TASK_TAG) /* another of several tasks */
        return RTD_OK;
    a->weight = calloc((size_t)a->outputs, sizeof *a->weight);
    size_t *count = calloc((size_t)a->outputs, sizeof *count);
    if (!a->weight || !count) {
        free(count);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    for (size_t i = 0; i < n; i++)
        if (list[i] >= 0) {
            count[list[i]]++;
            total++;
        }
    for (int i = 0; i < a->outputs; i++)
        if (count[i])
            a->weight[i] = (float)((double)total / a->outputs / (double)count[i]);
    free(count);
    return RTD_OK;
}

int rtd_dataset_load(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                     struct rtd_err *err)
{
    const struct rtd_dataset_kind *kind = rtd_dataset_kind(o->task);
    *d = (struct rtd_dataset){.has_dev = o->dev != NULL};
    if (!kind)
        return rtd_fail(err, RTD_EUSAGE, "--task %s: no such task (see --help)", o->task);
    int st = kind->load(d, o, err);
    d->available = d->train.units;
    if (!st && (d->train.units == 0 || (o->dev && d->dev.e.units == 0)))
        st = rtd_fail(err, RTD_EDATA, "%s: no examples", d->train.units ? o->dev : o->train);
    if (!st && o->max_tokens)
        st = cap_tokens(&d->train, o->max_tokens, err);
    for (int i = 0; i < d->train.targets && o->balanced && !st; i++)
        st = balance(&d->train.target[i], &d->train, err);
    if (st)
        rtd_dataset_free(d);
    return st;
}

/* --- the report --- */

static void report_labels(const struct rtd_examples *e, const struct rtd_example_targets *a,
                          const struct rtd_head_spec *s, const char *file)
{
    const int32_t *list = a->token ? a->token : a->label;
    size_t n = a->token ? e->seq.start[e->seq.n] : e->seq.n, least = SIZE_MAX, most = 0;
    size_t *count = calloc((size_t)s->outputs + 1, sizeof *count);
    for (size_t i = 0; count && i < n; i++)
        if (list ? list[i] >= 0 : 0)
            count[list[i]]++;
        else
            for (int k = 0; !list && k < s->outputs; k++)
                count[k] += a->value[i * (size_t)s->outputs + (size_t)k] > 0.5f;
    for (int i = 0; count && i < s->outputs; i++) {
        least = count[i] < least ? count[i] : least;
        most = count[i] > most ? count[i] : most;
        if (s->outputs <= 12)
            rtd_note("%s: label %s: %zu", file, s->label[i], count[i]);
        else
            rtd_info(1, "%s: label %s: %zu", file, s->label[i], count[i]);
    }
    if (count)
        rtd_note("%s: %d label%s with %zu to %zu each", file, s->outputs,
                 rtd_s((uint64_t)s->outputs), least, most);
    free(count);
}

/* What n rows have, the first of them at `line`. */
static void warn_rows(const char *file, size_t n, uint64_t line, const char *what)
{
    if (n > 1)
        rtd_warn("%s: line %llu: %s, the first of %zu", file, (unsigned long long)line, what, n);
    else if (n)
        rtd_warn("%s: line %llu: %s", file, (unsigned long long)line, what);
}

/* intents: the file of a joint task's other half, or of the only one. */
static void report_examples(const struct rtd_examples *e, const struct rtd_head_spec *spec,
                            const char *intents)
{
    const struct rtd_sequences *q = &e->seq;
    char units[64] = "", where[300];
    for (int i = 0; i < e->targets; i++) {
        const struct rtd_example_targets *a = &e->target[i];
        const char *file = a->task == RTD_TASK_TAG ? e->name : intents;
        if (spec[i].label)
            report_labels(e, a, &spec[i], file);
        warn_rows(file, a->unknown, a->unknown_line,
                  "a label that the training data has not, which counts as wrong");
    }
    if (e->units != q->n)
        snprintf(units, sizeof units, " of %zu sequence%s", q->n, rtd_s(q->n));
    rtd_note("%s: %zu example%s%s; %.1f tokens in a sequence on average, at most %zu", e->name,
             e->units, rtd_s(e->units), units, (double)q->start[q->n] / (double)q->n, q->longest);
    snprintf(where, sizeof where, " of %s", e->name);
    rtd_read_counts_say(&q->read, where, "");
    rtd_say_loss(q->cut, q->n, "texts of %s longer than %zu tokens, cut", e->name, q->length);
    if (q->spread)
        rtd_warn("%s: %zu text%s longer than %zu tokens, in windows", e->name, q->spread,
                 rtd_s(q->spread), q->length);
    warn_rows(e->name, e->empty, e->empty_line, "an empty text");
}

void rtd_dataset_report(const struct rtd_dataset *d, const struct rtd_dataset_options *o)
{
    report_examples(&d->train, d->spec, o->train);
    if (d->train.units < d->available)
        rtd_note("%s: %zu of %zu examples (%.1f%%) within --max-tokens", o->train, d->train.units,
                 d->available, 100.0 * (double)d->train.units / (double)d->available);
    if (d->has_dev)
        report_examples(&d->dev.e, d->spec, o->dev);
}
