/* rtdtools - MIT licence
 *
 * Model directories out of what other programs saved. */
#ifndef RTD_IMPORT_IMPORT_H
#define RTD_IMPORT_IMPORT_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

struct rtd_import_options {
    const char *vocab; /* a vocab.txt; NULL: the one beside the weights, or tokenizer.json's */
    int heads;         /* of a TensorFlow checkpoint; 0: width / 64, or 1 */
    bool cased;        /* TensorFlow: the vocabulary is not lower-cased */
    bool moments;      /* TensorFlow: keep Adam's, in moments.safetensors */
    bool force;        /* replace out */
};

/* What it was made of: the form, and the file of the weights. */
struct rtd_import_origin {
    const char *form; /* static */
    char weights[PATH_MAX];
};

/* source: a directory with config.json and weights (safetensors, sharded or not, or
 * pytorch_model.bin); or a checkpoint of google-research/electra: its prefix, or a directory with a
 * file "checkpoint".  The former becomes the directory out, the latter out/discriminator and
 * out/generator. */
int rtd_import(const char *source, const char *out, const struct rtd_import_options *o,
               struct rtd_import_origin *origin, struct rtd_err *err);

#endif
