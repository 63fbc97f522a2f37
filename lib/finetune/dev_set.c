/* rtdtools - MIT licence */
#include "finetune/dev_set.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "score/metrics.h"
#include "score/metrics_regression.h"

void rtd_dev_set_free(struct rtd_dev_set *d)
{
    rtd_examples_free(&d->e);
    if (d->free_gold)
        d->free_gold(d->gold);
    *d = (struct rtd_dev_set){0};
}

/* What the mean loss of target i goes over. */
static double total_count(const struct rtd_examples *e, int i)
{
    const struct rtd_example_targets *a = &e->target[i];
    const int32_t *list = a->token ? a->token : a->label;
    size_t n = a->token ? e->seq.start[e->seq.n] : e->seq.n, known = 0;
    if (!list || a->task == RTD_TASK_RANK)
        return (double)e->units;
    for (size_t k = 0; k < n; k++)
        known += list[k] >= 0;
    return (double)known;
}

/* The network's logits on all of e, without dropout.  logits[i], for target i: (rows, outputs),
 * rows being sequences or tokens of e in its order; NULL: not wanted.  *loss: the mean over what
 * the targets count (labels that are known). */
static int examples_logits(struct rtd_finetune_net *f, const struct rtd_examples *e, real **logits,
                           double *loss, struct rtd_err *err)
{
    struct rtd_target target[RTD_MAX_TARGETS];
    struct rtd_batch_view all = {.nseq = e->seq.n,
                                 .start = e->seq.start,
                                 .ids = e->seq.ids,
                                 .types = e->seq.types,
                                 .prefix = e->prefix,
                                 .units = e->units,
                                 .unit = e->unit,
                                 .ntarget = e->targets,
                                 .target = target};
    uint64_t *index = calloc(e->seq.n + 1, sizeof *index); /* keys of dropout: not looked at */
    double count = 0;
    if (!index)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < e->targets; i++) {
        const struct rtd_example_targets *a = &e->target[i];
        target[i] = (struct rtd_target){.head = a->head,
                                        .label = a->label,
                                        .value = a->value,
                                        .token = a->token,
                                        .span = (const int32_t(*)[2])a->span};
        count += total_count(e, i);
    }
    all.index = index;
    int st = rtd_finetune_net_logits(f, &all, logits, loss, err);
    *loss = count > 0 ? *loss * e->targets / count : 0;
    free(index);
    return st;
}

int rtd_dev_set_measure(const struct rtd_dev_set *d, struct rtd_finetune_net *f, double *loss,
                        double *value, struct rtd_err *err)
{
    real *logits[RTD_MAX_TARGETS] = {NULL};
    int st = RTD_OK;
    for (int i = 0; i < d->e.targets && !st; i++) {
        const struct rtd_head *head = &f->net->head[d->e.target[i].head];
        size_t rows = head->shape.form->per_sequence ? d->e.seq.n : d->e.seq.start[d->e.seq.n];
        if (rtd_head_is_language(head))
            continue;
        logits[i] = rtd_alloc_aligned(rows * (size_t)head->spec.outputs, sizeof(real));
        if (!logits[i])
            st = rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    if (!st)
        st = examples_logits(f, &d->e, logits, loss, err);
    if (!st && d->score)
        st = d->score(d, f->net, (const real *const *)logits, value, err);
    else if (!st)
        value[0] = exp(-*loss);
    for (int i = 0; i < RTD_MAX_TARGETS; i++)
        free(logits[i]);
    return st;
}

static int best_of(const real *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static int score_classes(const struct rtd_dev_set *d, const struct rtd_network *net,
                         const real *const *logits, double *value, struct rtd_err *err)
{
    const struct rtd_example_targets *a = &d->e.target[0];
    struct rtd_confusion c; /* the last class: unknown labels */
    struct rtd_classification s;
    (void)net;
    if (rtd_confusion_new(&c, a->outputs + 1, false, err))
        return err->status;
    for (size_t i = 0; i < d->e.seq.n; i++)
        rtd_confusion_add(&c, a->label[i] < 0 ? a->outputs : a->label[i],
                          best_of(logits[0] + i * (size_t)a->outputs, a->outputs));
    rtd_classification_scores(&c, &s);
    rtd_confusion_free(&c);
    value[0] = s.accuracy;
    value[1] = s.f1_macro;
    value[2] = s.mcc;
    return RTD_OK;
}

static int score_numbers(const struct rtd_dev_set *d, const struct rtd_network *net,
                         const real *const *logits, double *value, struct rtd_err *err)
{
    const struct rtd_example_targets *a = &d->e.target[0];
    size_t n = d->e.seq.n;
    double range = net->head[a->head].spec.range, *x = malloc(2 * n * sizeof *x);
    if (!x)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    double *y = x + n;
    for (size_t i = 0; i < n; i++) {
        x[i] = range * (double)logits[0][i];
        y[i] = range * a->value[i];
    }
    struct rtd_regression r;
    int st = rtd_regression_scores(&r, y, x, n, err);
    free(x);
    if (st)
        return st;
    value[0] = r.spearman;
    value[1] = r.pearson;
    value[2] = r.mse;
    return RTD_OK;
}

static int score_flags(const struct rtd_dev_set *d, const struct rtd_network *net,
                       const real *const *logits, double *value, struct rtd_err *err)
{
    const struct rtd_example_targets *a = &d->e.target[0];
    size_t hit = 0, said = 0, gold = 0, k = (size_t)a->outputs;
    double macro = 0;
    (void)net;
    (void)err;
    for (size_t c = 0; c < k; c++) {
        size_t h = 0, s = 0, g = 0;
        for (size_t i = 0; i < d->e.seq.n; i++) {
            bool is = a->value[i * k + c] > 0.5f, named = logits[0][i * k + c] > 0;
            h += is && named;
            s += named;
            g += is;
        }
        macro += s + g ? 2.0 * (double)h / (double)(s + g) : 0;
        hit += h;
        said += s;
        gold += g;
    }
    value[0] = said + gold ? 2.0 * (double)hit / (double)(said + gold) : 0;
    value[1] = macro / (double)k;
    return RTD_OK;
}

void rtd_dev_set_table(struct rtd_dev_set *d, enum rtd_task task)
{
    static const struct {
        const char *name[RTD_DEV_COLUMNS];
        int n;
    } columns[] = {
        [RTD_TASK_CLASSIFY] = {{"accuracy", "f1_macro", "mcc"}, 3},
        [RTD_TASK_REGRESS] = {{"spearman", "pearson", "mse"}, 3},
        [RTD_TASK_MULTILABEL] = {{"f1_micro", "f1_macro"}, 2},
    };
    d->columns = columns[task].n;
    for (int i = 0; i < d->columns; i++)
        d->column[i] = columns[task].name[i];
    d->score = task == RTD_TASK_CLASSIFY  ? score_classes
               : task == RTD_TASK_REGRESS ? score_numbers
                                          : score_flags;
}
