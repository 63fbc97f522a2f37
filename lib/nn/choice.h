/* rtdtools - MIT licence
 *
 * Which kernels compute: one set for all that is no matrix product (nn/kernels.h) and one for the
 * products (nn/gemm.h), chosen together, once.  The choice has a name, on which the last digits of
 * every result depend:
 *     plain-blis-generic          plain C, BLIS's plain C
 *     avx2-blis-haswell           AVX2 with FMA, BLIS's kernels of that name
 *     avx512-6x64                 AVX-512, products with a micro-kernel of our own
 *     avx512-blis-zen3            AVX-512, products with BLIS's kernels of that name */
#ifndef RTD_NN_CHOICE_H
#define RTD_NN_CHOICE_H

#include <stdbool.h>

#include "base/err.h"

/* Choose, and say with -v what was chosen and why.  For a process that will multiply, before it has
 * threads; where it is not called, the first use of a kernel chooses.  In this order:
 *   RTD_KERNELS (a name above, or plain, avx2, avx512; "measured" passes over the table) and
 * BLIS_ARCH_TYPE (the number of BLIS's kernels, which then make the products), where they are set
 * and not empty; the table of CPUs that were measured; a measurement of 3 ms. RTD_EUSAGE: one of
 * the two variables names what does not exist or what this CPU lacks. */
int rtd_choose(struct rtd_err *err);

/* Name of the choice, for the state of a run. */
const char *rtd_choice(void);

/* Did the environment name it? */
bool rtd_choice_by_user(void);

/* For a run that is taken up again: compute with the kernels of this name, before the first
 * product.  False where the CPU lacks them, the name is unknown (or NULL), or the environment names
 * others: then nothing changes, and the result will differ in its last digits. */
bool rtd_choice_take(const char *name);

#endif
