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

static int differing(size_t N, size_t K)
{
    real *a = noise(ROWS * K, 1), *b = noise(N * K, 2);
    real *all = calloc(ROWS * N, sizeof *all), *some = calloc(ROWS * N, sizeof *some);
    int bad = 0;
    rtd_gemm(false, true, ROWS, N, K, 1, a, K, b, K, 0, all, N);
    for (size_t m = 1; m < ROWS; m += m < 20 ? 1 : 37) {
        size_t at = m % 7;
        rtd_gemm(false, true, m, N, K, 1, a + at * K, K, b, K, 0, some, N);
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
    static const size_t shapes[][2] = {{1, 16},    {3, 16},    {3, 256},
                                       {128, 128}, {256, 256}, {768, 512}};
    int bad = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        bad += differing(shapes[i][0], shapes[i][1]);
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
    if (WIFEXITED(status) && WEXITSTATUS(status) == RTD_EUSAGE)
        skip(); /* not on this CPU */
    assert_int_equal(status, 0);
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
