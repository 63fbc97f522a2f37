/* rtdtools - MIT licence
 *
 * Data sets of texts, or pairs, with a label, a number or several labels a row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "finetune/dataset.h"

int rtd_dataset_spec(struct rtd_head_spec *s, enum rtd_task task, const char *name,
                     const struct rtd_labels *labels, int texts, struct rtd_err *err)
{
    *s = (struct rtd_head_spec){
        .task = task, .outputs = 1, .texts = texts, .range = 1, .threshold = 0.5};
    if (strlen(name) >= sizeof s->name)
        return rtd_fail(err, RTD_EUSAGE, "%s: name too long", name);
    strcpy(s->name, name);
    if (!labels)
        return RTD_OK;
    s->outputs = labels->n;
    s->label = calloc((size_t)labels->n + 1, sizeof *s->label);
    bool ok = s->label != NULL;
    for (int i = 0; i < labels->n && ok; i++)
        ok = (s->label[i] = strdup(labels->name[i])) != NULL;
    return ok ? RTD_OK : rtd_fail(err, RTD_ESYS, "labels: not enough memory");
}

/* All names that stand in the rows, joined by ','. */
static int collect_joined(struct rtd_labels *l, const struct rtd_table *t, struct rtd_err *err)
{
    size_t n = 0, k = 0;
    for (size_t r = 0; r < t->rows; r++) {
        n++;
        for (const char *c = t->label[r]; *c; c++)
            n += *c == ',';
    }
    char **copy = calloc(t->rows + 1, sizeof *copy), **name = malloc((n + 1) * sizeof *name), *save;
    bool ok = copy && name;
    for (size_t r = 0; r < t->rows && ok; r++) {
        ok = (copy[r] = strdup(t->label[r])) != NULL;
        for (char *p = ok ? strtok_r(copy[r], ",", &save) : NULL; p; p = strtok_r(NULL, ",", &save))
            name[k++] = p;
    }
    int st = !ok  ? rtd_fail(err, RTD_ESYS, "labels: not enough memory")
             : !k ? rtd_fail(err, RTD_EDATA, "%s: no row has a label", t->name)
                  : rtd_labels_collect(l, name, k, err);
    for (size_t r = 0; copy && r < t->rows; r++)
        free(copy[r]);
    free(copy);
    free(name);
    return st;
}

static int find_range(struct rtd_head_spec *s, const struct rtd_table *t, struct rtd_err *err)
{
    double low = INFINITY, high = -INFINITY, x;
    for (size_t r = 0; r < t->rows; r++)
        if (rtd_parse_number(t->label[r], &x)) {
            low = fmin(low, x);
            high = fmax(high, x);
        }
    if (!(high > low))
        return rtd_fail(err, RTD_EDATA, "%s: the labels are not at least two different numbers",
                        t->name);
    s->low = low;
    s->range = high - low;
    return RTD_OK;
}

static int make_spec(struct rtd_head_spec *s, const struct rtd_dataset_options *o,
                     const struct rtd_table *t, struct rtd_err *err)
{
    struct rtd_labels labels = {0};
    enum rtd_task task = (enum rtd_task)rtd_task_number(o->task);
    int st = RTD_OK;
    if (task == RTD_TASK_REGRESS) {
        st = rtd_dataset_spec(s, task, o->name, NULL, t->ntext, err);
        return st ? st : find_range(s, t, err);
    }
    if (task == RTD_TASK_MULTILABEL)
        st = collect_joined(&labels, t, err);
    else
        st = rtd_labels_collect(&labels, t->label, t->rows, err);
    if (!st && task == RTD_TASK_CLASSIFY && labels.n < 2)
        st = rtd_fail(err, RTD_EDATA, "%s: all rows have the same label '%s'", t->name,
                      labels.name[0]);
    if (!st)
        st = rtd_dataset_spec(s, task, o->name, &labels, t->ntext, err);
    rtd_labels_free(&labels);
    return st;
}

int rtd_dataset_load_table(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                           struct rtd_err *err)
{
    struct rtd_columns_spec columns = {.text = o->text,
                                       .label = o->label,
                                       .want_text = true,
                                       .want_label = true,
                                       .empty_label = strcmp(o->task, "multilabel") == 0,
                                       .number = strcmp(o->task, "regress") == 0,
                                       .header = o->header ? RTD_HEADER_YES : RTD_HEADER_GUESS};
    struct rtd_table train = {0}, dev = {0};
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    int st = rtd_table_load(&train, o->train, &columns, &bad, err);
    if (!st) {
        d->specs = 1;
        st = make_spec(&d->spec[0], o, &train, err);
    }
    if (!st)
        st = rtd_examples_from_table(&d->train, &train, &d->spec[0], o->first_head, o->tok,
                                     o->length, o->type_vocab_size, o->swap, err);
    if (!st && o->dev) {
        st = rtd_table_load(&dev, o->dev, &columns, &bad, err);
        if (!st)
            st = rtd_examples_from_table(&d->dev.e, &dev, &d->spec[0], o->first_head, o->tok,
                                         o->length, o->type_vocab_size, false, err);
        if (!st)
            rtd_dev_set_table(&d->dev, d->spec[0].task);
    }
    rtd_bad_rows_free(&bad);
    rtd_table_free(&train);
    rtd_table_free(&dev);
    return st;
}
