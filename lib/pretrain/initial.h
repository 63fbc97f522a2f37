/* rtdtools - MIT licence
 *
 * Where the weights of a run start: as the paper has it (rtd_params_init) but for what is asked for
 * here.  Every value is a function of the seed, the tensor's name, the element, and what the run's
 * options name: never of threads or lanes.  A new kind of initial values is a field of struct
 * rtd_initial, a function in initial.c that sets its tensors, called in rtd_initial_values, and its
 * line in rtd_initial_describe. */
#ifndef RTD_PRETRAIN_INITIAL_H
#define RTD_PRETRAIN_INITIAL_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "objective/pretrain.h"
#include "stream/stream.h"

struct rtd_initial {
    const char *embeddings; /* the word table: a file of vectors (start/piece_vectors.h), or NULL */
    double embeddings_scale;  /* their standard deviation there */
    const char *piece_counts; /* output biases: a file of counts (start/frequencies.h), or NULL */
    bool sinusoid;            /* the position table: sinusoids of the words' size */
    bool mimetic; /* positions and the first two layers of the discriminator: start/mimetic.h */
};

/* The options of a run that say so, nothing where all is as the paper has it; free it.  Of a file
 * its digest; null where it is gone and `resume` set, since only a new run reads it. */
int rtd_initial_describe(json_t **options, const struct rtd_initial *in, bool resume,
                         struct rtd_err *err);

/* Set all of p's weights.  h: of the training stream, whose vocabulary they are for.  RTD_EDATA: a
 * file that is damaged, or made for another vocabulary; RTD_EUSAGE: for another width. */
int rtd_initial_values(struct rtd_pretrain *p, const struct rtd_initial *in,
                       const struct rtd_header *h, struct rtd_err *err);

#endif
