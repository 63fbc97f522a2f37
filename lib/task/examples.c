/* rtdtools - MIT licence
 *
 * From tables to labelled sequences. */
#include "task/examples.h"

#include <stdlib.h>
#include <string.h>

void rtd_examples_free(struct rtd_examples *e)
{
    rtd_sequences_free(&e->seq);
    free(e->label);
    *e = (struct rtd_examples){0};
}

static int add_row(struct rtd_examples *e, const struct rtd_table *t, size_t row, int label,
                   bool swap, struct rtd_err *err)
{
    const char *a = t->text[0][row], *b = t->ntext > 1 ? t->text[1][row] : NULL;
    e->empty += !a[0] || (b && !b[0]);
    e->label[e->seq.n] = label;
    if (rtd_sequences_add(&e->seq, a, b, err))
        return err->status;
    if (!swap)
        return RTD_OK;
    e->label[e->seq.n] = label;
    return rtd_sequences_add(&e->seq, b, a, err);
}

int rtd_examples_build(struct rtd_examples *e, const struct rtd_table *t,
                       const struct rtd_labels *labels, const struct rtd_tokenizer *tok,
                       size_t length, int type_vocab_size, bool swap, struct rtd_err *err)
{
    *e = (struct rtd_examples){0};
    int st = swap && t->ntext < 2 ? rtd_fail(err, RTD_EUSAGE, "--swap needs pairs of texts") : 0;
    if (!st)
        st = rtd_sequences_init(&e->seq, tok, length, type_vocab_size, err);
    if (!st) {
        e->label = calloc(2 * t->rows, sizeof *e->label);
        if (!e->label)
            st = rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    for (size_t r = 0; r < t->rows && !st; r++) {
        int label = rtd_labels_find(labels, t->label[r]);
        e->unknown += label >= 0 ? 0 : swap ? 2 : 1;
        st = add_row(e, t, r, label, swap, err);
    }
    char shown[64];
    if (!st && e->unknown == e->seq.n)
        st =
            rtd_fail(err, RTD_EDATA, "%s: no label of it ('%s', ...) is in the training data",
                     t->name, rtd_mask_text(shown, sizeof shown, t->label[0], strlen(t->label[0])));
    if (st)
        rtd_examples_free(e);
    return st;
}
