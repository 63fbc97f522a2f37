/* rtdtools - MIT licence
 *
 * What a head is trained on and measured with: token sequences and what it shall say of them.  Here
 * are those that come from a table; tagging, answering, ranking and generating have builders of
 * their own. */
#ifndef RTD_FINETUNE_EXAMPLES_H
#define RTD_FINETUNE_EXAMPLES_H

#include <stdbool.h>

#include "gold/labels.h"
#include "predict/sequences.h"
#include "gold/table.h"
#include "finetune/loss.h"

/* What one head shall say: the arrays that its task uses, as in struct rtd_target. */
struct rtd_example_targets {
    int head;
    enum rtd_task task;
    int outputs;
    int32_t *label;        /* [sequences]; -1: not among the labels */
    float *value;          /* [sequences, outputs] */
    int32_t *token;        /* [tokens]; -1: none */
    int32_t (*span)[2];    /* [sequences] */
    float *weight;         /* [outputs], or NULL */
    size_t unknown;        /* rows (tokens, of tags) of a label that training does not know */
    uint64_t unknown_line; /* of the first of them in its file */
};

enum { RTD_MAX_TARGETS = 2 }; /* joint: intent and slots */

struct rtd_examples {
    char *name; /* of the file, for messages */
    struct rtd_sequences seq;
    size_t units;
    uint32_t *unit;   /* [units + 1] first sequence of each; NULL: one sequence each */
    uint32_t *prefix; /* [sequences] generate: tokens of the source; else NULL */
    struct rtd_example_targets target[RTD_MAX_TARGETS];
    int targets;
    size_t empty;        /* rows with an empty text */
    uint64_t empty_line; /* of the first of them in the file */
};

/* length and type_vocab_size as in rtd_sequences_init.  swap: every pair also the other way round.
 * Labels are those of spec (classify, multilabel: joined by ','), numbers are brought to 0..1 by
 * its low and range (t was loaded with spec.number).  RTD_EDATA: none of the rows has one of the
 * labels. */
int rtd_examples_from_table(struct rtd_examples *e, const struct rtd_table *t,
                            const struct rtd_head_spec *spec, int head,
                            const struct rtd_tokenizer *tok, size_t length, int type_vocab_size,
                            bool swap, struct rtd_err *err);
void rtd_examples_free(struct rtd_examples *e);

/* Count a row where `is`, and keep the line of the first. */
void rtd_count_row(size_t *n, uint64_t *first, bool is, uint64_t line);
/* Tokens of unit u, and of all. */
size_t rtd_examples_tokens(const struct rtd_examples *e, size_t u);
/* First and one past the last sequence of unit u. */
void rtd_examples_unit(const struct rtd_examples *e, size_t u, size_t *from, size_t *to);

#endif
