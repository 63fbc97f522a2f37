/* rtdtools - MIT licence
 *
 * Training on data sets: order of the examples, batches, schedule, measuring on held-out data,
 * keeping the best.  The result depends on the options, the data and the starting weights, never on
 * the number of threads. */
#ifndef RTD_FINETUNE_LOOP_H
#define RTD_FINETUNE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/pool.h"
#include "finetune/dev_set.h"
#include "finetune/loss.h"

/* Is less of it better ("loss", "mse")?  NULL: no. */
bool rtd_finetune_is_error(const char *metric);

struct rtd_finetune_loop_options {
    double lr;
    double warmup;          /* share of the steps */
    bool warmup_multiplies; /* the decaying rate, else it rises to lr and then decays */
    double weight_decay, clip, eps;
    double layer_decay; /* 1: none */
    bool official_layer_decay;
    bool loss_mean, bias_correction;
    int64_t batch, epochs;
    int64_t max_steps; /* 0: no limit */
    int64_t patience;  /* stop after so many epochs that were not the best; 0: never */
    uint64_t seed;
    const char *metric; /* what the best epoch is best in: a column of the dev sets, "loss", or NULL
                           for each set's first column */
    const char *state;  /* file to keep the run's state in after every epoch; NULL: none */
    bool resume;        /* go on from there, where there is one */
    const char *identity; /* of data and options: a state with another is refused */
};

/* Set everything to "hf" (Hugging Face's habits) or "electra" (google-research/electra); false:
 * no such recipe. */
bool rtd_finetune_recipe(struct rtd_finetune_loop_options *o, const char *recipe);

/* A data set: what is learnt, and what is measured (NULL: nothing). */
struct rtd_finetune_set {
    const struct rtd_examples *train;
    const struct rtd_dev_set *dev;
};

/* Steps of the run, how many of them warm up (none where there is only one: its rate would be 0),
 * and how many an epoch has. */
uint64_t rtd_finetune_steps(const struct rtd_finetune_loop_options *o,
                            const struct rtd_finetune_set *set, int sets, uint64_t *warmup,
                            uint64_t *epoch);

struct rtd_finetune_result {
    uint64_t steps;
    int best_epoch;   /* counts from 1; 0: nothing was held out */
    double dev_score; /* mean over the sets of what the epoch is best in, of errors the negative */
    double dev_loss;  /* mean over the sets */
    double value[RTD_MAX_HEADS][RTD_DEV_COLUMNS]; /* the sets' metrics */
    double seconds;                               /* of training, without measuring */
    uint64_t tokens;                              /* trained on */
};

/* Train f's weights; f's options must agree with o (loss_mean, seed).  A batch is of one set; the
 * sets' batches come in random order.  With held-out data the weights of the best epoch are kept
 * (of equals the one with the lower loss).  Progress goes to stderr; metrics, a TSV text with a
 * header line, is appended to.  RTD_ENUMERIC: loss or gradient is not finite; RTD_ESIGNAL: stopped
 * between two steps. */
int rtd_finetune_loop(struct rtd_finetune_net *f, struct rtd_pool *pool,
                      const struct rtd_finetune_set *set, int sets,
                      const struct rtd_finetune_loop_options *o, struct rtd_finetune_result *result,
                      struct rtd_buf *metrics, struct rtd_err *err);

#endif
