/* rtdtools - MIT licence
 *
 * What nn/choice.c knows and kernels.c and gemm.c compute with. */
#ifndef RTD_NN_CHOICE_INTERNAL_H
#define RTD_NN_CHOICE_INTERNAL_H

#include <stdbool.h>

#include <blis.h>

#include "nn/kernels.h"

#define RTD_OWN BLIS_NUM_ARCHS

struct rtd_choice {
    const struct rtd_kernels *kernels;
    arch_t blis; /* BLIS's kernels that make the products, or RTD_OWN */
};

/* BLIS's kernels of this name; initialises BLIS.  Only those that this CPU can run. */
cntx_t *rtd_blis_kernels(arch_t a);

/* Whether products with AVX-512 are faster than with AVX2 on this CPU, which has both; why is in
 * words.  With `measured` the table is not asked. */
bool rtd_avx512_pays(bool measured, char *why, size_t size);

/* What is chosen; chooses where nothing is. */
const struct rtd_choice *rtd_choice_now(void);

#endif
