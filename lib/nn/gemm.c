/* rtdtools - MIT licence */
#include "nn/gemm.h"
#include "nn/gemm_internal.h"

#include <pthread.h>

#include <blis.h>

#include "base/process.h"
#include "nn/choice_internal.h"

static const char *blis_version(void)
{
    return bli_info_get_version_str();
}

__attribute__((constructor)) static void name_blis(void)
{
    rtd_add_part("BLIS", blis_version);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
    bli_init();
    bli_thread_set_num_threads(1);
}

cntx_t *rtd_blis_kernels(arch_t a)
{
    pthread_once(&once, init);
    return bli_gks_lookup_nat_cntx(a);
}

int rtd_gemm_reserve(int threads, struct rtd_err *err)
{
#ifdef RTD_HAVE_GEMM_AVX512
    if (rtd_kernels_at(2) && !rtd_gemm_avx512_reserve(threads)) /* AVX-512 may be taken up later */
        return rtd_fail(err, RTD_ESYS, "not enough memory for the products of %d threads", threads);
#endif
    (void)threads;
    (void)err;
    return RTD_OK;
}

void rtd_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, real alpha, const real *A, size_t lda,
              const real *B, size_t ldb, real beta, real *C, size_t ldc)
{
    if (M == 0 || N == 0)
        return;
    if (K == 0) {
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j < N; j++)
                C[i * ldc + j] = beta == 0 ? 0 : beta * C[i * ldc + j];
        return;
    }
    arch_t blis = rtd_choice_now()->blis;
#ifdef RTD_HAVE_GEMM_AVX512
    if (blis == RTD_OWN) {
        rtd_gemm_avx512(ta, tb, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc);
        return;
    }
#endif
    cntx_t *kernels = rtd_blis_kernels(blis);
    trans_t a = ta ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
    trans_t b = tb ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
    /* BLIS's kernels for small matrices choose the order of summation by M: a row would depend on
     * how many there are.  (They are no faster where B is transposed.) */
    rntm_t rt = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads_only(1, &rt);
    bli_rntm_disable_l3_sup(&rt);
#ifdef RTD_DOUBLE
    bli_dgemm_ex(a, b, (dim_t)M, (dim_t)N, (dim_t)K, &alpha, (real *)A, (inc_t)lda, 1, (real *)B,
                 (inc_t)ldb, 1, &beta, C, (inc_t)ldc, 1, kernels, &rt);
#else
    bli_sgemm_ex(a, b, (dim_t)M, (dim_t)N, (dim_t)K, &alpha, (real *)A, (inc_t)lda, 1, (real *)B,
                 (inc_t)ldb, 1, &beta, C, (inc_t)ldc, 1, kernels, &rt);
#endif
}
