/* rtdtools - MIT licence
 *
 * What writing and reading checkpoints have in common. */
#ifndef RTD_PRETRAIN_CHECKPOINT_INTERNAL_H
#define RTD_PRETRAIN_CHECKPOINT_INTERNAL_H

#include <limits.h>

#include "pretrain/checkpoint.h"

#define RTD_CHECKPOINT_STATE "training.safetensors"

/* DIR/A or, with B, DIR/A/B. */
int rtd_checkpoint_path(char out[PATH_MAX], const char *dir, const char *a, const char *b,
                        struct rtd_err *err);
/* Numbers of the step-N directories of RUN, newest first: *step, to be freed, and *n of them. */
int rtd_checkpoint_steps(const char *dir, uint64_t **step, int *n, struct rtd_err *err);
/* RUN/checkpoint/step-N */
int rtd_checkpoint_name(char out[PATH_MAX], const char *dir, uint64_t step, struct rtd_err *err);
/* What a run must have in common with one that it takes up: options, vocabulary, stream. */
json_t *rtd_checkpoint_identity(const struct rtd_checkpoint *c);
/* What a file of weights says of its own content; NULL: nothing. */
const char *rtd_checkpoint_digest(const struct rtd_st *weights);

/* Number i of the parts that moments are stored in: a network and the beginning of its tensors'
 * names; false after the last, the tensors of no network. */
bool rtd_checkpoint_part(const struct rtd_checkpoint *c, int i, int *net, char prefix[64]);

#endif
