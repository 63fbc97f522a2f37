/* rtdtools - MIT licence
 *
 * What the parts of a job share: opening and saving it (job.c), what a state must agree in
 * (job_identity.c), what it will cost (job_plan.c), training it, once or several times
 * (job_trials.c). */
#ifndef RTD_FINETUNE_JOB_INTERNAL_H
#define RTD_FINETUNE_JOB_INTERNAL_H

#include <limits.h>

#include "finetune/job.h"
#include "model/directory.h"

struct rtd_job {
    const struct rtd_finetune_job *o;
    struct rtd_finetune_loop_options fit;
    struct rtd_model_dir from;
    struct rtd_dataset set[RTD_MAX_HEADS];
    struct rtd_dataset_options data[RTD_MAX_HEADS];
    int sets;
    struct rtd_config config;
    struct rtd_pool *pool;
    char state[PATH_MAX];
    char identity[33];
    struct rtd_finetune_plan plan;
    /* the trial at hand, and the best so far */
    struct rtd_finetune_net *f;
    struct rtd_buf metrics, best_metrics, trials;
    struct rtd_finetune_result result, best;
    real *best_weights;
    double *score; /* [trials] */
};

/* A digest of the examples, the starting weights, if a state is kept, and the options. */
int rtd_job_identify(struct rtd_job *j, struct rtd_err *err);

/* What can be counted; and, with the network in j->f, how long it will take. */
void rtd_job_count(struct rtd_job *j);
int rtd_job_estimate(struct rtd_job *j, struct rtd_err *err);

/* A new network in j->f, with its starting weights for j->fit.seed. */
int rtd_job_start_network(struct rtd_job *j, struct rtd_err *err);
/* Train, as often as asked for; j->f holds the best weights, j->best its result. */
int rtd_job_train(struct rtd_job *j, struct rtd_err *err);
/* What the score of an epoch is: "accuracy", "loss", "mean of accuracy, f1". */
const char *rtd_job_score_name(const struct rtd_job *j, char *out, size_t size);
/* A score as a user reads it: an error is scored by its negative. */
double rtd_job_shown_score(const struct rtd_job *j, double score);

#endif
