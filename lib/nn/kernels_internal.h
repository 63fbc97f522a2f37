/* rtdtools - MIT licence
 *
 * The tables of the instruction sets; callers use rtd_kernels(). */
#ifndef RTD_NN_KERNELS_INTERNAL_H
#define RTD_NN_KERNELS_INTERNAL_H

#include "nn/kernels.h"

extern const struct rtd_kernels rtd_kernels_plain;
#if defined(__x86_64__) && !defined(RTD_DOUBLE)
#define RTD_HAVE_X86_KERNELS 1
extern const struct rtd_kernels rtd_kernels_avx2;
extern const struct rtd_kernels rtd_kernels_avx512;
#endif

#endif
