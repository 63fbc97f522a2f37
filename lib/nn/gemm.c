/* rtdtools - MIT licence */
#include "nn/gemm.h"
#include "nn/gemm_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <blis.h>

#include "base/process.h"

static const char *blis_version(void)
{
    return bli_info_get_version_str();
}

__attribute__((constructor)) static void name_blis(void)
{
    rtd_add_part("BLIS", blis_version);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool skx; /* BLIS took its AVX-512 kernels */

/* The kernels that BLIS 0.9 should take where it would take too slow ones; -1: its own choice.  It
 * knows CPUs by family, and gives a newer one its generic C kernels, five times slower.  Intel's
 * with AVX-512 it knows by the name that they are sold under, and one that it has not heard of (or
 * that a virtual machine leaves out) gets the AVX2 kernels: half the speed where two units do
 * AVX-512, as on all that also have its bf16 instructions. */
static int better_arch(void)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    arch_t known = bli_cpuid_query_id();
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    bool two_units = __builtin_cpu_is("intel") && __builtin_cpu_supports("avx512bf16");
    if (avx512 && (known == BLIS_ARCH_GENERIC || (known == BLIS_ARCH_HASWELL && two_units)))
        return BLIS_ARCH_SKX;
    if (known == BLIS_ARCH_GENERIC && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma"))
        return BLIS_ARCH_HASWELL;
#endif
    return -1;
}

static void init(void)
{
    int arch = better_arch();
    if (arch >= 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", arch);
        setenv("BLIS_ARCH_TYPE", text, 0); /* the user's choice stands */
    }
    bli_init();
    bli_thread_set_num_threads(1);
    skx = bli_arch_query_id() == BLIS_ARCH_SKX;
}

void rtd_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, real alpha, const real *A, size_t lda,
              const real *B, size_t ldb, real beta, real *C, size_t ldc)
{
    pthread_once(&once, init);
    if (M == 0 || N == 0)
        return;
#ifdef RTD_HAVE_GEMM_AVX512
    if (skx && rtd_gemm_avx512(ta, tb, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc))
        return;
#endif
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
