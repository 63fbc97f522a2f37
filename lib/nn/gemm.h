/* rtdtools - MIT licence
 *
 * Matrix products behind one header: BLIS's, or our own, as nn/choice.h says. */
#ifndef RTD_NN_GEMM_H
#define RTD_NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "nn/real.h"

/* C (M,N) = alpha * op(A) op(B) + beta * C; op(A) is (M,K), op(B) is (K,N).  Row-major with leading
 * dimensions (elements between rows of the matrix as stored): A is stored (M,K), or (K,M) with ta;
 * B (K,N), or (N,K) with tb.  beta 0 does not read C.  Sizes of 0 are fine.  Thread-safe; single
 * threaded whatever the environment says: the result does not depend on who calls, and a row of C
 * does not depend on how many rows there are or where it stands among them. */
void rtd_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, real alpha, const real *A, size_t lda,
              const real *B, size_t ldb, real beta, real *C, size_t ldc);

/* Memory for packed blocks of as many threads that multiply at once, the caller among them: for
 * tools, before the pool is made.  A thread takes its share with its first product and gives it
 * back when it ends; where none is left it takes new memory, and where there is none it waits for a
 * share that all such threads use in turn.  RTD_ESYS: not enough memory. */
int rtd_gemm_reserve(int threads, struct rtd_err *err);

#endif
