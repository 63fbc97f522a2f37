/* rtdtools - MIT licence
 *
 * BLIS's own micro-kernels under our own packing.
 *
 * For some micro-kernels (AVX-512's 32 x 12) BLIS 0.9 copies the operands into panels with generic
 * C code, which takes a third of the time of products as small as a transformer's.  Here the panels
 * are made with 4 x 4 transposes; blocking, micro-kernel and order of summation stay BLIS's. */
#ifndef RTD_NN_GEMM_PACKED_H
#define RTD_NN_GEMM_PACKED_H

#include <stdbool.h>
#include <stddef.h>

/* Whether this CPU's micro-kernel is one for which this pays.  BLIS must be initialised. */
bool rtd_gemm_packed_available(void);

/* As rtd_gemm.  false: no memory for the panels, nothing was done. */
bool rtd_gemm_packed(bool ta, bool tb, size_t M, size_t N, size_t K, float alpha, const float *A,
                     size_t lda, const float *B, size_t ldb, float beta, float *C, size_t ldc);

#endif
