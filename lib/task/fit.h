/* rtdtools - MIT licence
 *
 * Training a classifier on a data set: order of the examples, batches, schedule, measuring on
 * held-out data, keeping the best.  The result depends on the options, the data and the starting
 * weights, never on the number of threads. */
#ifndef RTD_TASK_FIT_H
#define RTD_TASK_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/pool.h"
#include "task/examples.h"
#include "task/metrics.h"
#include "train/finetune.h"

enum rtd_fit_metric { RTD_FIT_ACCURACY, RTD_FIT_F1_MACRO, RTD_FIT_MCC, RTD_FIT_LOSS };

struct rtd_fit_options {
    double lr;
    double warmup;          /* share of the steps */
    bool warmup_multiplies; /* the decaying rate, else it rises to lr and then decays */
    double weight_decay, clip, eps;
    double layer_decay; /* 1: none */
    bool official_layer_decay;
    bool loss_mean, bias_correction;
    int64_t batch, epochs;
    int64_t max_steps; /* 0: no limit */
    uint64_t seed;
    enum rtd_fit_metric metric; /* what the best epoch on held-out data is best in */
};

/* Set everything to "hf" (Hugging Face's habits) or "electra" (google-research/electra); false:
 * no such recipe. */
bool rtd_fit_recipe(struct rtd_fit_options *o, const char *recipe);

/* Steps of the run, and how many of them warm up. */
uint64_t rtd_fit_steps(const struct rtd_fit_options *o, size_t examples, uint64_t *warmup);

struct rtd_fit_result {
    uint64_t steps;
    int best_epoch;  /* counts from 1; 0: nothing was held out */
    double dev_loss; /* mean, of the kept weights */
    struct rtd_classification dev;
};

/* Train f's weights; f's options must agree with o (loss_mean, seed).  dev may be NULL; with it the
 * weights of the best epoch are kept (of equals the one with the lower loss).  Progress goes to
 * stderr; metrics, a TSV text with a header line, is appended to.  RTD_ENUMERIC: loss or gradient
 * is not finite; RTD_ESIGNAL: stopped between two steps. */
int rtd_fit(struct rtd_finetune *f, struct rtd_pool *pool, const struct rtd_examples *train,
            const struct rtd_examples *dev, const struct rtd_fit_options *o,
            struct rtd_fit_result *result, struct rtd_buf *metrics, struct rtd_err *err);

/* Measure f's weights: mean loss (of known labels) and scores (an unknown label is never met). */
int rtd_fit_measure(struct rtd_finetune *f, const struct rtd_examples *e, double *loss,
                    struct rtd_classification *scores, struct rtd_err *err);

#endif
