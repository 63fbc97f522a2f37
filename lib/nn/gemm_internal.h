/* rtdtools - MIT licence
 *
 * Products that do not go through BLIS's own loops; callers use rtd_gemm(). */
#ifndef RTD_NN_GEMM_INTERNAL_H
#define RTD_NN_GEMM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__x86_64__) && !defined(RTD_DOUBLE)
#define RTD_HAVE_GEMM_AVX512 1
/* As rtd_gemm(), with K > 0; only where the CPU has AVX-512 (F, BW, DQ, VL). */
void rtd_gemm_avx512(bool ta, bool tb, size_t M, size_t N, size_t K, float alpha, const float *A,
                     size_t lda, const float *B, size_t ldb, float beta, float *C, size_t ldc);
/* The micro-kernel alone, to be measured: c (6,64) = a b of packed panels (depth,6), (depth,64). */
void rtd_gemm_avx512_tile(size_t depth, const float *a, const float *b, float *c);
/* As rtd_gemm_reserve(); false: not enough memory. */
bool rtd_gemm_avx512_reserve(int threads);
#endif

#endif
