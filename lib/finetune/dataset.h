/* rtdtools - MIT licence
 *
 * Data sets of finetune: files to heads and examples.  Labels come from the training file alone. */
#ifndef RTD_FINETUNE_DATASET_H
#define RTD_FINETUNE_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "finetune/dev_set.h"
#include "finetune/examples.h"

struct rtd_dataset_options {
    const char *task;        /* classify, regress, multilabel, tag, joint, answer, rank, generate */
    const char *name;        /* of the head; "" for the only one (joint: intent and slots) */
    const char *train, *dev; /* files; dev may be NULL */
    const char *slots, *dev_slots; /* joint: the CoNLL files beside them */
    const char *text, *label;      /* columns, see columns.h (tag: conll.h) */
    bool header, swap;
    bool bioes;                 /* tag: learn BIOES tags */
    const char *scheme;         /* tag: of the tags, see gold/tags.h; NULL: as found */
    bool skip_bad;              /* leave out records that cannot be used */
    bool balanced;              /* classify, tag: weight of a label inverse to its count */
    int first_head;             /* number of the data set's first head */
    size_t length;              /* most tokens of a sequence */
    size_t stride, question;    /* answer: see struct rtd_window_options */
    size_t target;              /* generate: most tokens of a target */
    int64_t negatives, context; /* rank: drawn for each positive; turns kept of a query */
    uint64_t seed;
    uint64_t max_tokens; /* take no more than so many tokens of training examples, in hash order; 0:
                            all */
    const struct rtd_tokenizer *tok;
    int type_vocab_size;
};

struct rtd_dataset {
    struct rtd_head_spec spec[RTD_MAX_TARGETS]; /* its heads; owned */
    int specs;
    struct rtd_examples train;
    struct rtd_dev_set dev;
    bool has_dev;
    size_t available; /* training units before max_tokens */
};

enum { RTD_TASK_JOINT = RTD_TASKS }; /* the data set of two heads: classify and tag */
struct rtd_dataset_kind {
    int task; /* enum rtd_task, or RTD_TASK_JOINT */
    int heads;
    int epochs, length; /* of a run, where none is given; length: at most */
    int (*load)(struct rtd_dataset *d, const struct rtd_dataset_options *o, struct rtd_err *err);
};
/* By the task's name; NULL: no such task, or none that is learnt from data sets. */
const struct rtd_dataset_kind *rtd_dataset_kind(const char *task);
/* RTD_EDATA: ..., or no example is left. */
int rtd_dataset_load(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                     struct rtd_err *err);
void rtd_dataset_free(struct rtd_dataset *d);
/* What a user wants to see before waiting: sizes, labels, lengths, what was cut. */
void rtd_dataset_report(const struct rtd_dataset *d, const struct rtd_dataset_options *o);

/* --- for the loaders of single tasks --- */
int rtd_dataset_load_table(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                           struct rtd_err *err);
int rtd_dataset_load_tag(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                         struct rtd_err *err);
int rtd_dataset_load_joint(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                           struct rtd_err *err);
int rtd_dataset_load_answer(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                            struct rtd_err *err);
int rtd_dataset_load_rank(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                          struct rtd_err *err);
int rtd_dataset_load_generate(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                              struct rtd_err *err);
/* A specification of this task, with labels where there are any (copied). */
int rtd_dataset_spec(struct rtd_head_spec *s, enum rtd_task task, const char *name,
                     const struct rtd_labels *labels, int texts, struct rtd_err *err);

#endif
