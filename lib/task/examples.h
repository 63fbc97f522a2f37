/* rtdtools - MIT licence
 *
 * Labelled token sequences: what a classifier is trained on and measured with. */
#ifndef RTD_TASK_EXAMPLES_H
#define RTD_TASK_EXAMPLES_H

#include <stdbool.h>

#include "task/labels.h"
#include "task/sequences.h"
#include "task/table.h"

struct rtd_examples {
    struct rtd_sequences seq;
    int32_t *label; /* [seq.n]; -1: not among the labels */
    size_t unknown; /* examples of such a label */
    size_t empty;   /* rows with an empty text */
};

/* length and type_vocab_size as in rtd_sequences_init.  swap: every pair also the other way round.
 * RTD_EDATA: none of the rows has one of the labels. */
int rtd_examples_build(struct rtd_examples *e, const struct rtd_table *t,
                       const struct rtd_labels *labels, const struct rtd_tokenizer *tok,
                       size_t length, int type_vocab_size, bool swap, struct rtd_err *err);
void rtd_examples_free(struct rtd_examples *e);

#endif
