/* rtdtools - MIT licence
 *
 * A fine-tuning job from files to a model directory: data sets, network, trials, the report, what
 * is written. */
#ifndef RTD_FINETUNE_JOB_H
#define RTD_FINETUNE_JOB_H

#include "finetune/dataset.h"
#include "finetune/loop.h"

/* One data set to learn: --task [NAME=]TASK, and its files. */
struct rtd_finetune_task {
    const char *name; /* "": unnamed, the only one */
    const char *task;
    const char *train, *dev, *slots, *dev_slots; /* dev ...: may be NULL */
};

struct rtd_finetune_job {
    const char *model, *out, *generator; /* generator: a directory, or NULL */
    struct rtd_finetune_task task[RTD_MAX_HEADS];
    int tasks;
    struct rtd_dataset_options data; /* all but the task, name, files, heads, length, tokenizer */
    int64_t length;                  /* most tokens of a sequence; 0: the task's default */
    double smoothing;
    double dropout; /* all rates; < 0: the model's */
    bool scratch, force, resume;
    bool plain_text; /* special pieces in a text are text, for the new model, too */
    int64_t lanes, threads, trials;
    struct rtd_finetune_loop_options fit; /* epochs 0: the task's default */
};

/* RTD_EUSAGE, RTD_EDATA, ...: nothing is written; RTD_ESIGNAL: with resume the state is kept in
 * OUT.state. */
int rtd_finetune_run(const struct rtd_finetune_job *o, struct rtd_err *err);

/* What a job will cost. */
struct rtd_finetune_plan {
    uint64_t parameters;
    uint64_t examples, sequences, tokens; /* of an epoch, all tasks */
    uint64_t epochs, epoch_steps, steps, warmup;
    uint64_t training_tokens; /* of all steps */
    uint64_t dev_sequences, dev_tokens;
    int threads, lanes;
    double seconds; /* about; of all trials, measuring included */
};
/* Open everything as rtd_finetune_run would, but train and write nothing. */
int rtd_finetune_plan(const struct rtd_finetune_job *o, struct rtd_finetune_plan *plan,
                      struct rtd_err *err);

#endif
