/* rtdtools - MIT licence
 *
 * A row of a matrix product is the same bytes however many rows there are and wherever it stands:
 * what makes answers independent of batching.  Checked with the kernels chosen for this CPU and,
 * since the choice matters, with all others that it can run. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "nn/choice.h"
#include "nn/gemm.h"

enum { ROWS = 300 };

static real *noise(size_t n, uint32_t what)
{
    real *x = malloc(n * sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = (real)(rtd_unit(rtd_rand32(7, what, 0, 0, 0, (uint32_t)i)) - 0.5);
    return x;
}

/* The products of a layer: forward, the gradient of its input, the gradient of its weights. */
static const struct {
    bool ta, tb;
} ways[] = {{false, true}, {false, false}, {true, false}};

static int differing(bool ta, bool tb, size_t N, size_t K)
{
    real *a = noise(ROWS * K, 1), *b = noise(N * K, 2);
    real *all = calloc(ROWS * N, sizeof *all), *some = calloc(ROWS * N, sizeof *some);
    size_t lda = ta ? ROWS : K, ldb = tb ? K : N;
    int bad = 0;
    assert_true(a && b && all && some);
    rtd_gemm(ta, tb, ROWS, N, K, 1, a, lda, b, ldb, 0, all, N);
    for (size_t m = 1; m < ROWS; m += m < 26 ? 1 : 37) { /* every number of rows left over */
        size_t at = m % 7;
        rtd_gemm(ta, tb, m, N, K, 1, a + (ta ? at : at * K), lda, b, ldb, 0, some, N);
        bad += memcmp(some, all + at * N, m * N * sizeof *all) != 0;
    }
    free(a);
    free(b);
    free(all);
    free(some);
    return bad;
}

static int all_shapes(void)
{
    static const size_t shapes[][2] = {{1, 16},    {3, 16},    {3, 256},  {32, 128},
                                       {150, 384}, {256, 256}, {768, 530}};
    int bad = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++)
            bad += differing(ways[w].ta, ways[w].tb, shapes[i][0], shapes[i][1]);
    return bad;
}

/* In a process of its own: kernels are chosen once. */
static void rows_stand_alone(const char *kernels)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("RTD_KERNELS", kernels, 1);
        struct rtd_err err = {0};
        if (rtd_choose(&err))
            _exit(err.status);
        _exit(all_shapes() ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != RTD_EUSAGE) /* this CPU has them */
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void rows_with_the_chosen_kernels(void **state)
{
    (void)state;
    rows_stand_alone("");
}

static void rows_with_avx2_kernels(void **state)
{
    (void)state;
    rows_stand_alone("avx2-blis-haswell");
}

static void rows_with_avx512_kernels(void **state)
{
    (void)state;
    rows_stand_alone("avx512-6x64");
}

static void rows_with_avx512_kernels_of_blis(void **state)
{
    (void)state;
    rows_stand_alone("avx512-blis-skx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_with_the_chosen_kernels),
        cmocka_unit_test(rows_with_avx2_kernels),
        cmocka_unit_test(rows_with_avx512_kernels),
        cmocka_unit_test(rows_with_avx512_kernels_of_blis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
