/* rtdtools - MIT licence */
#include "nn/gemm.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <blis.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* BLIS 0.9 knows CPUs by family: a newer one gets its generic C kernels, five times slower.  Name
 * the kernels that such a CPU can run, unless the user has. */
static void init(void)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (!getenv("BLIS_ARCH_TYPE") && bli_cpuid_query_id() == BLIS_ARCH_GENERIC) {
        int arch = -1;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            arch = BLIS_ARCH_SKX;
        else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            arch = BLIS_ARCH_HASWELL;
        char text[16];
        snprintf(text, sizeof text, "%d", arch);
        if (arch >= 0)
            setenv("BLIS_ARCH_TYPE", text, 0);
    }
#endif
    bli_init();
    bli_thread_set_num_threads(1);
}

void rtd_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, real alpha, const real *A, size_t lda,
              const real *B, size_t ldb, real beta, real *C, size_t ldc)
{
    pthread_once(&once, init);
    if (M == 0 || N == 0)
        return;
    trans_t a = ta ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
    trans_t b = tb ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
    /* BLIS's kernels for small matrices choose the order of summation by M: a row would depend on
     * how many there are.  (They are no faster where B is transposed.) */
    rntm_t rt = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads_only(1, &rt);
    bli_rntm_disable_l3_sup(&rt);
#ifdef RTD_DOUBLE
    bli_dgemm_ex(a, b, (dim_t)M, (dim_t)N, (dim_t)K, &alpha, (real *)A, (inc_t)lda, 1, (real *)B,
                 (inc_t)ldb, 1, &beta, C, (inc_t)ldc, 1, NULL, &rt);
#else
    bli_sgemm_ex(a, b, (dim_t)M, (dim_t)N, (dim_t)K, &alpha, (real *)A, (inc_t)lda, 1, (real *)B,
                 (inc_t)ldb, 1, &beta, C, (inc_t)ldc, 1, NULL, &rt);
#endif
}

const char *rtd_gemm_arch(void)
{
    pthread_once(&once, init);
    return bli_arch_string(bli_arch_query_id());
}
