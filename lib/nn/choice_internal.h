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

/* What is chosen; chooses where nothing is. */
const struct rtd_choice *rtd_choice_now(void);

#endif
