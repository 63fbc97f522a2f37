/* rtdtools - MIT licence
 *
 * Reading what a reference implementation left, and comparing with it: for programs that end at the
 * first file they cannot read, and count everything else. */
#ifndef RTD_TESTS_REFERENCE_H
#define RTD_TESTS_REFERENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/safetensors.h"
#include "nn/real.h"

extern struct rtd_err err;
extern json_t *read_names; /* path -> the tensors of that file that were read */
extern int compared, failed;
extern double worst_forward;

_Noreturn void die(void); /* print err, exit 1 */
void *need(void *p);      /* p, or the end */
/* Count a comparison; where it is not ok, print it. */
void verdict(bool ok, const char *what, const char *name, double got, double limit);

/* Tensors by name (freed by the caller); noted in read_names. */
float *floats(struct rtd_st *st, const char *name, size_t *count);
int32_t *ints(struct rtd_st *st, const char *prefix, const char *name, size_t dims[2]);
void note_read(struct rtd_st *st, const char *name);
struct rtd_st *open_st(const char *dir, const char *name); /* NULL: not there */

/* A padded batch of the reference laid end to end, and where each token came from. */
struct ragged {
    size_t N, L, K, tokens, slots;
    uint32_t *start, *mstart;
    int32_t *ids, *masked, *positions, *originals, *sampled, *fake;
    uint8_t *types;
    uint64_t *index;
    size_t *cell; /* [tokens] place in the (N,L) arrays */
    size_t *slot; /* [slots] place in the (N,K) arrays */
};

struct ragged read_batch(struct rtd_st *st, const char *prefix, bool pretrain);
void free_batch(struct ragged *r);

/* ours (rows, width) against rows `cell` of the reference's (N*L, width): at most 2e-5 of its
 * largest absolute value. */
void compare_rows(const char *what, const char *name, struct rtd_st *st, const real *ours,
                  size_t rows, size_t width, const size_t *cell);

#endif
