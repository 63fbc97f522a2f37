/* rtdtools - MIT licence
 *
 * From tables to labelled sequences. */
#include "finetune/examples.h"

#include <stdlib.h>
#include <string.h>

void rtd_examples_free(struct rtd_examples *e)
{
    rtd_sequences_free(&e->seq);
    for (int i = 0; i < RTD_MAX_TARGETS; i++) {
        free(e->target[i].label);
        free(e->target[i].value);
        free(e->target[i].token);
        free(e->target[i].span);
        free(e->target[i].weight);
    }
    free(e->name);
    free(e->unit);
    free(e->prefix);
    *e = (struct rtd_examples){0};
}

void rtd_examples_unit(const struct rtd_examples *e, size_t u, size_t *from, size_t *to)
{
    *from = e->unit ? e->unit[u] : u;
    *to = e->unit ? e->unit[u + 1] : u + 1;
}

size_t rtd_examples_tokens(const struct rtd_examples *e, size_t u)
{
    size_t from, to;
    rtd_examples_unit(e, u, &from, &to);
    return e->seq.start[to] - e->seq.start[from];
}

void rtd_count_row(size_t *n, uint64_t *first, bool is, uint64_t line)
{
    if (is && !(*n)++)
        *first = line;
}

/* What sequence i shall be, by one row. */
static void set_target(struct rtd_examples *e, const struct rtd_table *t, size_t row, size_t i,
                       const struct rtd_head_spec *spec, const struct rtd_labels *labels)
{
    struct rtd_example_targets *a = &e->target[0];
    const char *said = t->label[row];
    uint64_t line = rtd_table_line(t, row);
    double x;
    if (spec->task == RTD_TASK_CLASSIFY) {
        a->label[i] = rtd_labels_find(labels, said);
        rtd_count_row(&a->unknown, &a->unknown_line, a->label[i] < 0, line);
    } else if (spec->task == RTD_TASK_MULTILABEL) {
        int unknown = rtd_labels_split(labels, a->value + i * (size_t)a->outputs, said);
        rtd_count_row(&a->unknown, &a->unknown_line, unknown > 0, line);
    } else {
        rtd_parse_number(said, &x); /* the table took care that it is one */
        a->value[i] = (float)((x - spec->low) / spec->range);
    }
}

static int add_row(struct rtd_examples *e, const struct rtd_table *t, size_t row,
                   const struct rtd_head_spec *spec, const struct rtd_labels *labels, bool swap,
                   struct rtd_err *err)
{
    const char *a = t->text[0][row], *b = t->ntext > 1 ? t->text[1][row] : NULL;
    rtd_count_row(&e->empty, &e->empty_line, !a[0] || (b && !b[0]), rtd_table_line(t, row));
    set_target(e, t, row, e->seq.n, spec, labels);
    int st = rtd_sequences_add(&e->seq, a, b, err);
    if (st || !swap)
        return st;
    set_target(e, t, row, e->seq.n, spec, labels);
    return rtd_sequences_add(&e->seq, b, a, err);
}

static int take_targets(struct rtd_examples *e, const struct rtd_head_spec *spec, size_t rows,
                        struct rtd_err *err)
{
    struct rtd_example_targets *a = &e->target[0];
    bool label = spec->task == RTD_TASK_CLASSIFY;
    a->task = spec->task;
    a->outputs = spec->outputs;
    e->targets = 1;
    if (label)
        a->label = calloc(rows, sizeof *a->label);
    else
        a->value = calloc(rows * (size_t)spec->outputs, sizeof *a->value);
    return a->label || a->value ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
}

int rtd_examples_from_table(struct rtd_examples *e, const struct rtd_table *t,
                            const struct rtd_head_spec *spec, int head,
                            const struct rtd_tokenizer *tok, size_t length, int type_vocab_size,
                            bool swap, struct rtd_err *err)
{
    struct rtd_labels labels = {0};
    *e = (struct rtd_examples){.name = strdup(t->name), .target = {{.head = head}}};
    int st = swap && t->ntext < 2 ? rtd_fail(err, RTD_EUSAGE, "--swap needs pairs of texts") : 0;
    if (!st && !e->name)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_sequences_init(&e->seq, tok, length, type_vocab_size, err);
    if (!st)
        st = take_targets(e, spec, 2 * t->rows, err);
    if (!st && spec->label)
        st = rtd_labels_set(&labels, spec->label, spec->outputs, err);
    for (size_t r = 0; r < t->rows && !st; r++)
        st = add_row(e, t, r, spec, &labels, swap, err);
    e->units = e->seq.n;
    rtd_labels_free(&labels);
    char shown[64];
    if (!st && e->target[0].unknown == e->seq.n)
        st =
            rtd_fail(err, RTD_EDATA, "%s: no label of it ('%s', ...) is in the training data",
                     t->name, rtd_mask_text(shown, sizeof shown, t->label[0], strlen(t->label[0])));
    if (st)
        rtd_examples_free(e);
    return st;
}
