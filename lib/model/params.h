/* rtdtools - MIT licence
 *
 * The one table of a model's parameters: name, shape, initial values, weight decay, depth.  It
 * drives allocation, initialisation, loading, saving, gradients and the optimiser; values,
 * gradients and moments are blocks of `total` numbers laid out alike.  A tied tensor has one entry.
 *
 * Build a table with rtd_params_add (encoder.h and heads.h do), then rtd_params_alloc. */
#ifndef RTD_MODEL_PARAMS_H
#define RTD_MODEL_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/safetensors.h"
#include "nn/real.h"

enum rtd_init {
    RTD_INIT_NORMAL, /* truncated at 2 sd, sd = initializer_range */
    RTD_INIT_GLOROT, /* uniform in +-sqrt(6 / (fan in + fan out)) */
    RTD_INIT_ZERO,
    RTD_INIT_ONE,
};

struct rtd_param {
    char name[128]; /* Hugging Face's name inside its network's file */
    int net;        /* RTD_NET_DISCRIMINATOR or RTD_NET_GENERATOR: which file it belongs to */
    int ndim;
    size_t dims[2];
    size_t count, offset; /* numbers; offset into a block */
    enum rtd_init init;
    bool decay; /* weight decay applies: not to biases and LayerNorms */
    int depth;  /* 0: embeddings and embeddings_project, k + 1: encoder layer k (from 0),
                   layers + 1: heads and pooler */
};

struct rtd_params {
    struct rtd_param *item; /* [n], owned */
    int n, cap;
    size_t total; /* numbers in a block, a multiple of 16 */
    real *w;      /* [total] values, owned; 64-byte aligned, zero between tensors */
    bool failed;  /* no memory while adding: rtd_params_alloc reports it */
};

enum { RTD_PACKED = 1 }; /* flag: follow the previous tensor without padding (query, key, value) */

/* Append a tensor; dims1 = 0 makes it one-dimensional.  Returns its offset. */
size_t rtd_params_add(struct rtd_params *p, int net, int flags, enum rtd_init init, int depth,
                      size_t dims0, size_t dims1, const char *fmt, ...)
    __attribute__((format(printf, 8, 9)));
int rtd_params_alloc(struct rtd_params *p, struct rtd_err *err); /* w, zeroed */
void rtd_params_free(struct rtd_params *p);
/* The entry of that name in that network; NULL: none. */
const struct rtd_param *rtd_params_find(const struct rtd_params *p, int net, const char *name);

/* Initial values: a function of (seed, tensor name and network, element) alone. */
void rtd_params_init(const struct rtd_params *p, uint64_t seed, double initializer_range);
/* Only the entries with depth >= min_depth (new heads on a loaded encoder). */
void rtd_params_init_from(const struct rtd_params *p, uint64_t seed, double initializer_range,
                          int min_depth);

/* Files of others may lack a name's prefix "bert." or "electra.", have PyTorch's "module." before
 * it, and have LayerNorm's tensors under their old names, gamma and beta.  rtd_params_rename makes
 * the present name of one, in place; name has room for one byte more. */
void rtd_params_rename(char *name);
/* The file's tensor of that name, or one of these names; NULL: there is none. */
const struct rtd_st_tensor *rtd_params_tensor(const struct rtd_param *t, const struct rtd_st *st);
/* Every entry of network `net` must be in the file, under any of these names and with its shape.
 * Needs no memory for values, so that a configuration can be held against the weights first. */
int rtd_params_check(const struct rtd_params *p, int net, const struct rtd_st *st,
                     struct rtd_err *err);
/* The same, and read them.  Other tensors in the file are ignored; numbers that are not finite are
 * RTD_EDATA. */
int rtd_params_load(const struct rtd_params *p, int net, const struct rtd_st *st,
                    struct rtd_err *err);
/* Add the tensors of network `net` found in block (w, or moments) to a file, names prefixed.  In
 * float builds data is borrowed until the file is written. */
int rtd_params_save(const struct rtd_params *p, int net, const real *block, const char *prefix,
                    struct rtd_st_writer *out, struct rtd_err *err);

#endif
