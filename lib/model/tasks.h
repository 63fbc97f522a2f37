/* rtdtools - MIT licence
 *
 * The one table of tasks and their heads: names, what a head puts out, how it is laid out and run
 * (its form, heads.h), its loss, and what Hugging Face calls class and tensors in a model of each
 * type.  A new task is an entry of it; one whose head has a shape of its own brings a form. */
#ifndef RTD_MODEL_TASKS_H
#define RTD_MODEL_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/config.h"
#include "nn/real.h"

enum rtd_task {
    RTD_TASK_CLASSIFY,   /* one of several labels */
    RTD_TASK_REGRESS,    /* a number */
    RTD_TASK_MULTILABEL, /* any number of labels */
    RTD_TASK_TAG,        /* a label a token */
    RTD_TASK_ANSWER,     /* a span: start and end logits a token */
    RTD_TASK_RANK,       /* a score, compared among the candidates of a query */
    RTD_TASK_GENERATE,   /* text, by a language-model head */
    RTD_TASK_DETECT,     /* replaced or not, a logit a token */
    RTD_TASK_FILL,       /* masked words, by a language-model head */
    RTD_TASKS,
};

/* What a head shall say of a batch; the arrays that its task does not use are NULL. */
struct rtd_target {
    int head;
    const int32_t *label;     /* [nseq] classify: label; rank: 1 on the right candidate, else 0 */
    const float *value;       /* [nseq, outputs] regress, multilabel */
    const int32_t *token;     /* [tokens] tag: label; generate: the id to predict; -1: none */
    const int32_t (*span)[2]; /* [nseq] answer: first and last token, counted in the sequence */
    const float *weight;      /* [outputs] of the labels of classify and tag; NULL: all 1 */
    double count;             /* what the mean is over: examples, tokens, queries, or weights */
};

/* Some sequences of a batch, for a loss. */
struct rtd_loss_rows {
    const struct rtd_target *target; /* of the whole batch */
    size_t n;
    const uint32_t *seq;   /* [n] their numbers in the batch */
    const uint32_t *first; /* first token of every sequence of the batch */
    const uint32_t *start; /* [n + 1] first token of these, laid end to end */
    size_t units;
    const uint32_t *unit; /* [units + 1] first of these sequences in each, counted from unit[0] */
    size_t outputs;
    double smoothing; /* of labels */
    real gscale;      /* factor of the loss in the total; 0: no gradient */
    real *logits;     /* (rows, outputs) of these sequences or their tokens */
    real *scratch;    /* a number a token */
};
/* The loss, summed; with gscale logits become their gradient. */
typedef double rtd_head_loss(const struct rtd_loss_rows *r);
rtd_head_loss rtd_loss_of_labels, rtd_loss_of_numbers, rtd_loss_of_flags, rtd_loss_of_tags,
    rtd_loss_of_spans, rtd_loss_of_ranking;

struct rtd_task_entry {
    const char *name;                 /* in config.json and on command lines */
    const struct rtd_head_form *form; /* layout, forward, backward */
    rtd_head_loss *loss;              /* NULL: its form has one of its own, or it is not trained */
    int outputs;                      /* of a row; 0: as many as labels, or none at all */
    bool labels;                      /* the outputs have names */
    bool dropout;                     /* of what goes into the head, in training */
    const char *problem;              /* config.json's problem_type, or NULL */
    struct {
        const char *class;   /* what follows Electra or Bert in its name; NULL: there is none */
        const char *tensors; /* the beginning of their names, in a model that has no other head */
        const char *bias;    /* the last one of a language model */
    } of[RTD_MODEL_TYPES];
};
const struct rtd_task_entry *rtd_task_entry(enum rtd_task task);
/* The task of that name; -1: none. */
int rtd_task_number(const char *name);

#endif
