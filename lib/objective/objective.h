/* rtdtools - MIT licence
 *
 * Objectives of pre-training.  Each is one entry of a table, in a file of its own: the parts of the
 * networks that it trains, the loss and gradient of one micro-batch, and the columns of its
 * metrics.  A new one is a file like mlm.c and its line in objective.c. */
#ifndef RTD_OBJECTIVE_OBJECTIVE_H
#define RTD_OBJECTIVE_OBJECTIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "learn/lanes.h"
#include "model/encoder.h"

struct rtd_pretrain;
struct rtd_masked_batch;
struct rtd_lm_head;
struct rtd_disc_head;

/* What is counted over micro-batches, lanes, machines and evaluations: it only ever adds up. */
enum {
    RTD_SUM_TOKENS, /* the first three for every objective */
    RTD_SUM_SLOTS,
    RTD_SUM_SEQUENCES,
    RTD_SUM_AUC, /* no sum: the area under the ROC curve of an evaluation, see evaluation.h */
    RTD_SUM_OWN, /* here an objective's own begin */
    RTD_SUMS = 24,
};
struct rtd_sums {
    double of[RTD_SUMS];
};

/* A column of metrics.tsv or eval.tsv: one sum over another (over nothing: 0). */
struct rtd_column {
    const char *name;
    int sum, over;     /* RTD_SUM_* or an objective's own; over -1: the number itself */
    const char *brief; /* its name while training goes on; NULL: not shown there */
};
double rtd_column_value(const struct rtd_column *c, const struct rtd_sums *s);
/* The column of that name in a list; NULL: none. */
const struct rtd_column *rtd_column_find(const struct rtd_column *list, const char *name);

/* Sequences of a batch end to end, as the stream has them: masked. */
struct rtd_micro {
    const struct rtd_masked_batch *batch;
    bool train;          /* a gradient is wanted; else it is an evaluation */
    const uint32_t *seq; /* [t.nseq] their numbers in the batch */
    size_t T, M;         /* tokens, masked slots */
    struct rtd_tokens t;
    const uint32_t *row;     /* [M] token of each slot */
    const uint32_t *slot;    /* [M] its number in its record */
    const uint32_t *place;   /* [M] its number in the batch */
    const uint64_t *record;  /* [M] its record */
    const int32_t *original; /* [M] */
};

/* One micro-batch: adds to its sums and, where it trains, the gradient of the loss to lane->g.
 * Each pass over a network has a number of its own (struct rtd_pass).  Memory comes from the
 * lane's arena and is given back; on one that only counts (mem.h) it is taken and nothing
 * computed: m has then T, M, t.nseq and t.start alone. */
typedef void rtd_micro_run(const struct rtd_pretrain *p, const void *own, struct rtd_lane *lane,
                           const struct rtd_micro *m, struct rtd_sums *sums);

/* The heads through which an objective trains the discriminator's encoder (copy_meter.h). */
struct rtd_trained_heads {
    const struct rtd_lm_head *lm;     /* masked language modelling, or NULL */
    bool lm_replaced;                 /* its words are not masked but replaced by others */
    bool lm_causal;                   /* nor that: each is asked for at the one before it */
    const struct rtd_disc_head *disc; /* replaced-token detection, or NULL */
};

/* What there may be beside the discriminator's encoder. */
enum {
    RTD_PART_DETECTOR = 1,  /* its head that says which tokens were replaced */
    RTD_PART_LM = 2,        /* its language-model head */
    RTD_PART_GENERATOR = 4, /* the generator, with its language-model head */
    RTD_PART_GATE = 8,      /* the gate of its copy mechanism */
};

enum { RTD_COUNTS = 2 };
struct rtd_objective {
    const char *name;
    unsigned parts;                        /* RTD_PART_*: what it trains */
    const struct rtd_column *columns;      /* of training; the last has no name */
    const struct rtd_column *eval_columns; /* of evaluation; likewise */
    /* What its means go over, where that is not tokens or slots of the whole batch; or NULL. */
    void (*count)(const struct rtd_pretrain *p, const struct rtd_masked_batch *b,
                  double over[RTD_COUNTS]);
    rtd_micro_run *run; /* its gradient is that of loss(); own: const double *, what count() says */
    /* What is minimised, from the sums over a whole batch. */
    double (*loss)(const struct rtd_pretrain *p, const struct rtd_sums *s);
    /* Training FLOPs of a sequence of n tokens with `masked` slots: 3 x forward; recomputation,
     * softmax, dropout and the optimiser count nothing. */
    double (*flops)(const struct rtd_pretrain *p, size_t n, size_t masked);
    /* What can be measured of the encoder; NULL: nothing. */
    struct rtd_trained_heads (*heads)(const struct rtd_pretrain *p);
};

extern const struct rtd_objective rtd_electra; /* electra.c: arXiv 2003.10555 */
extern const struct rtd_objective rtd_electra_15;
extern const struct rtd_objective rtd_mlm;        /* mlm.c: BERT's, arXiv 1810.04805 */
extern const struct rtd_objective rtd_mlm_warmup; /* mlm.c: the same beside the generator's */
extern const struct rtd_objective rtd_clm;        /* clm.c: from what stands before */
extern const struct rtd_objective rtd_mixed;      /* clm.c: clm or mlm, sequence by sequence */
extern const struct rtd_objective rtd_contrast;   /* contrast.c: mlm, and a text by its crop */
/* replaced.c: what was there where the generator's words are shown; for every token */
extern const struct rtd_objective rtd_replace_mlm, rtd_all_tokens_mlm;

/* All of them; NULL after the last. */
extern const struct rtd_objective *const rtd_objectives[];
/* What is learnt when: a function of the share of a run that is done (base/clock.h). */
struct rtd_phases {
    int n; /* at least 1 */
    struct rtd_phase {
        const struct rtd_objective *objective;
        double from; /* share at which it begins: 0 of the first, then increasing */
    } at[RTD_MOST_STAGES];
};
/* "NAME[,NAME@SHARE...]"; RTD_EUSAGE with the reason; option: its name in messages. */
int rtd_phases_parse(struct rtd_phases *phases, const char *option, const char *text,
                     struct rtd_err *err);
const struct rtd_objective *rtd_phases_at(const struct rtd_phases *phases, double u);
const struct rtd_objective *rtd_phases_last(const struct rtd_phases *phases);
/* What all of them train together: RTD_PART_*. */
unsigned rtd_phases_parts(const struct rtd_phases *phases);
/* In words, "mlm, from 90% on electra"; returns out. */
const char *rtd_phases_say(const struct rtd_phases *phases, char *out, size_t size);
/* The names of all objectives, "electra, mlm, ..."; returns out. */
const char *rtd_objective_names(char *out, size_t size);

/* The columns of all objectives, of training or of evaluation, each name once, tab-separated:
 * metrics.tsv and eval.tsv have the same ones in every phase of every run.  Of `now` the values of
 * s, of the others nothing; now NULL: names. */
void rtd_columns_print(FILE *f, bool evaluation, const struct rtd_objective *now,
                       const struct rtd_sums *s);

/* --- for objectives --- */

/* A pass over an encoder: forward; then heads read acts.out and leave its gradient in d; then
 * backward, which gives the memory back. */
struct rtd_body {
    const struct rtd_encoder *enc;
    struct rtd_tokens t;
    size_t mark;          /* of the arena */
    struct rtd_pass pass; /* its dropout */
    struct rtd_acts acts;
    real *d; /* (T,h) */
};
/* Pass `number` over t, as long as the micro-batch.  hidden: of p->keep, or NULL. */
void rtd_body_forward(struct rtd_body *b, const struct rtd_pretrain *p, struct rtd_lane *lane,
                      const struct rtd_micro *m, const struct rtd_encoder *enc,
                      const struct rtd_tokens *t, uint32_t number, real *const *hidden);
/* learns: a head has written d. */
void rtd_body_backward(const struct rtd_body *b, const struct rtd_pretrain *p,
                       struct rtd_lane *lane, const struct rtd_micro *m, bool learns);

/* Numbers of the micro-batch's tokens, `width` each, to where the batch has them; keep NULL: none.
 */
void rtd_micro_keep(const struct rtd_micro *m, real *keep, const real *x, size_t width);

#endif
