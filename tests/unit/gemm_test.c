/* rtdtools - MIT licence
 *
 * Matrix products against three loops in double: odd sizes, transposes, leading dimensions, and
 * what the header promises at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "nn/choice.h"
#include "nn/gemm.h"
#include "nn/kernels.h"

enum { ROOM = 3300 * 530 };
static float *A, *B, *C, *want;

static int setup(void **unused)
{
    (void)unused;
    A = malloc(ROOM * sizeof *A);
    B = malloc(ROOM * sizeof *B);
    C = malloc(ROOM * sizeof *C);
    want = malloc(ROOM * sizeof *want);
    for (uint32_t i = 0; A && B && i < ROOM; i++) {
        A[i] = (float)rtd_unit(rtd_rand32(1, 0, 0, 0, 0, i)) - 0.5f;
        B[i] = (float)rtd_unit(rtd_rand32(1, 0, 0, 0, 1, i)) - 0.5f;
    }
    return A && B && C && want ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    free(A);
    free(B);
    free(C);
    free(want);
    return 0;
}

/* One product; C's padding, and everything around it, must stay as it was. */
static void one(bool ta, bool tb, size_t M, size_t N, size_t K, size_t pad, float alpha, float beta)
{
    size_t lda = (ta ? M : K) + pad, ldb = (tb ? K : N) + pad, ldc = N + pad;
    size_t room = (M + 2) * ldc + 64; /* some beyond the end, too */
    assert_true((ta ? K : M) * lda <= ROOM && (tb ? N : K) * ldb <= ROOM && room <= ROOM);
    for (size_t i = 0; i < room; i++)
        C[i] = want[i] = beta == 0 ? NAN : (float)(i % 17) - 8;
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0;
            for (size_t k = 0; k < K; k++)
                sum += (double)A[ta ? k * lda + i : i * lda + k] *
                       (double)B[tb ? j * ldb + k : k * ldb + j];
            float *c = want + i * ldc + j;
            *c = (float)((double)alpha * sum + (beta == 0 ? 0 : (double)beta * (double)*c));
        }
    rtd_gemm(ta, tb, M, N, K, alpha, A, lda, B, ldb, beta, C, ldc);
    for (size_t i = 0; i < room; i++) {
        bool inside = ldc && i / ldc < M && i % ldc < N;
        /* K products of at most 1/4, rounded once each, and 8 times beta */
        double allowed = inside ? 1e-6 + 3e-8 * (double)K : 0;
        if (isnan(want[i]) ? !isnan(C[i]) : !(fabs((double)C[i] - (double)want[i]) <= allowed))
            fail_msg("%zux%zux%zu ta %d tb %d pad %zu beta %g: element %zu is %.9g, not %.9g", M, N,
                     K, ta, tb, pad, (double)beta, i, (double)C[i], (double)want[i]);
    }
}

static void test_sizes(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {1, 2, 3, 7, 16, 31, 64, 129};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    for (size_t m = 0; m < SIZES; m++)
        for (size_t n = 0; n < SIZES; n++)
            for (size_t k = 0; k < SIZES; k++) {
                size_t way = m + 3 * n + 5 * k;
                static const float betas[] = {0, 1, 0.5f};
                one(way & 1, way & 2, sizes[m], sizes[n], sizes[k], way % 5, way % 3 ? 1 : -0.25f,
                    betas[way % 3]);
            }
}

static void test_ways(void **unused)
{
    (void)unused;
    for (int way = 0; way < 24; way++)
        one(way & 1, way & 2, 13, 37, 101, way & 4 ? 3 : 0, way & 1 ? 1 : 2,
            way / 8 == 0   ? 0
            : way / 8 == 1 ? 1
                           : -0.5f);
}

/* Larger than a block of the library's in each direction. */
static void test_blocks(void **unused)
{
    (void)unused;
    for (int way = 0; way < 4; way++) {
        one(way & 1, way & 2, 497, 29, 519, 0, 1, way == 1 ? 1 : 0);
        one(way & 1, way & 2, 3101, 5, 259, 1, 1, way == 2 ? 0.5f : 0);
        one(way & 1, way & 2, 5, 3101, 259, 3, 0.5f, way == 3 ? 1 : 0);
        one(way & 1, way & 2, 131, 257, 385, 0, 1, 1);
    }
}

/* beta 0 does not read C, even where nothing is added to it; sizes of 0 are fine. */
static void test_nothing(void **unused)
{
    (void)unused;
    for (int way = 0; way < 4; way++) {
        one(way & 1, way & 2, 5, 9, 0, 2, 1, 0);
        one(way & 1, way & 2, 5, 9, 0, 2, 1, 1);
        one(way & 1, way & 2, 5, 9, 0, 0, 1, 0.5f);
        one(way & 1, way & 2, 0, 9, 3, 2, 1, 0);
        one(way & 1, way & 2, 5, 0, 3, 2, 1, 0);
        one(way & 1, way & 2, 0, 0, 0, 2, 1, 1);
    }
}

/* What is not finite goes on. */
static void test_not_finite(void **unused)
{
    (void)unused;
    float a[4] = {1, NAN, 0, 1}, b[4] = {1, 2, 3, 4}, c[4];
    rtd_gemm(false, false, 2, 2, 2, 1, a, 2, b, 2, 0, c, 2);
    assert_true(isnan(c[0]) && isnan(c[1]) && c[2] == 3 && c[3] == 4);
}

/* Memory that threads will need is there before they start, or the error says so. */
static void test_reserve(void **unused)
{
    (void)unused;
    struct rtd_err err = {0};
    assert_int_equal(rtd_gemm_reserve(2, &err), RTD_OK);
#ifndef __SANITIZE_ADDRESS__ /* which has no use for such a limit */
    struct rlimit was, little;
    if (!rtd_kernels_at(2)) /* only AVX-512's products need any */
        return;
    assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
    little = (struct rlimit){.rlim_cur = 1 << 28, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    int status = rtd_gemm_reserve(1000, &err);
    assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
    assert_int_equal(status, RTD_ESYS);
    assert_non_null(strstr(err.text, "memory"));
#endif
}

#ifndef __SANITIZE_ADDRESS__ /* which has no use for such a limit */
/* Threads for which no memory is left multiply all the same, each its own, to the same bytes. */
enum { THREADS = 6, SIDE = 70 };
static pthread_barrier_t limited;
static float product[2 * THREADS][SIDE * SIDE]; /* with and without memory */

static void *multiply(void *to)
{
    const float *own = A + ((float(*)[SIDE * SIDE]) to - product) % THREADS;
    rtd_gemm(true, false, SIDE, SIDE, SIDE, 1, own, SIDE, own, SIDE, 0, to, SIDE);
    return NULL;
}

static void *multiply_often(void *to)
{
    pthread_barrier_wait(&limited);
    for (int i = 0; i < 2000; i++)
        multiply(to);
    return NULL;
}

static void test_no_memory(void **unused)
{
    (void)unused;
    pthread_t thread[THREADS];
    struct rlimit was, none;
    if (strcmp(rtd_choice(), "avx512-6x64") != 0) /* BLIS ends the process then */
        return;
    assert_int_equal(pthread_barrier_init(&limited, NULL, THREADS + 1), 0);
    for (int i = 0; i < THREADS; i++) {
        multiply(product[i]);
        assert_int_equal(pthread_create(&thread[i], NULL, multiply_often, product[THREADS + i]), 0);
    }
    assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
    none = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    pthread_barrier_wait(&limited);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
    pthread_barrier_destroy(&limited);
    assert_memory_equal(product, product + THREADS, sizeof product / 2);
}
#endif

/* Kernels are chosen once: the same tests in a process of its own for each kind that this CPU can
 * run. */
static void test_all_kernels(void **unused)
{
    (void)unused;
    static const char *const kinds[] = {"plain-blis-generic", "avx2-blis-haswell", "avx512-6x64",
                                        "avx512-blis-skx"};
    for (int i = 0; i < 4 && !getenv("RTD_KERNELS"); i++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            setenv("RTD_KERNELS", kinds[i], 1);
            if (!freopen("/dev/null", "w", stdout))
                _exit(1);
            execl("/proc/self/exe", "gemm_test", (char *)NULL);
            _exit(1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) != RTD_EUSAGE) /* this CPU has them */
            assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int main(void)
{
    struct rtd_err err = {0};
    if (rtd_choose(&err))
        return err.status;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_ways),
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_all_kernels),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_no_memory),
#endif
        cmocka_unit_test(test_reserve),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
