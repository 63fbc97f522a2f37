/* rtdtools - MIT licence
 *
 * The random numbers of the networks: Philox against its published answers, the same choices in
 * every set of kernels, and the distributions that they must have, each with a fixed seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "nn/kernels.h"

static const struct rtd_kernels *plain(void)
{
    return rtd_kernels_at(0);
}

/* Logits with a spread like a generator's, from numbers that have nothing to do with the draw. */
static void logits(float *x, size_t V, uint32_t row, double spread)
{
    for (size_t v = 0; v < V; v++) {
        uint32_t w[4];
        rtd_philox(w, 99, 0, 0, 0, row, (uint32_t)v);
        double sum = rtd_unit(w[0]) + rtd_unit(w[1]) + rtd_unit(w[2]) - 1.5;
        x[v] = (float)(sum * 2 * spread);
    }
}

/* --- Philox -------------------------------------------------------------------------------------
 */

/* The known answers that come with Random123. */
static void test_philox_known(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t counter[4];
        uint64_t key;
        uint32_t want[4];
    } known[] = {
        {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         0xffffffffffffffff,
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         0x299f31d0a4093822,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t *c = known[i].counter;
        uint32_t got[4];
        rtd_philox(got, known[i].key, c[1] >> 16, c[1] >> 8 & 255, c[1] & 255,
                   (uint64_t)c[3] << 32 | c[2], c[0]);
        assert_memory_equal(got, known[i].want, sizeof got);
    }
}

/* --- dropout ------------------------------------------------------------------------------------
 */

enum { ROWS = 1000, COLUMNS = 300 };

static float *ones(void)
{
    float *x = malloc(ROWS * COLUMNS * sizeof *x);
    assert_non_null(x);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        x[i] = 1;
    return x;
}

/* Each element is kept with probability 1 - p, whatever the fate of others near it; the kept are
 * scaled so that the mean stays. */
static void test_dropout_rate(void **unused)
{
    (void)unused;
    static const double rates[] = {0.1, 0.5};
    for (int i = 0; rtd_kernels_at(i); i++)
        for (int r = 0; r < 2; r++) {
            double p = rates[r], n = ROWS * COLUMNS;
            struct rtd_drop d = {.seed = 5, .index = 77, .site = RTD_RNG_DROP_ATTN << 16};
            rtd_drop_rate(&d, p);
            assert_true(fabs(d.threshold / 65536.0 - p) < 1e-5);
            float *x = ones();
            rtd_kernels_at(i)->dropout(x, ROWS, COLUMNS, &d);
            double sum = 0, column[COLUMNS] = {0};
            size_t kept = 0;
            for (int k = 0; k < ROWS * COLUMNS; k++) {
                assert_true(x[k] == 0 || x[k] == d.scale);
                kept += x[k] != 0;
                sum += x[k];
                column[k % COLUMNS] += x[k] != 0;
            }
            double sd = sqrt(p * (1 - p) / n);
            assert_true(fabs((double)kept / n - (1 - p)) < 4 * sd + 1e-5);
            assert_true(fabs(sum / n - 1) < 4 * sd / (1 - p) + 1e-5);
            for (int c = 0; c < COLUMNS; c++)
                assert_true(fabs(column[c] / ROWS - (1 - p)) < 4.5 * sqrt(p * (1 - p) / ROWS));
            /* pairs: neighbours, the halves of a word, words, blocks of 128, rows */
            static const int lags[] = {1, 2, 15, 16, 32, 64, 128, COLUMNS};
            for (size_t l = 0; l < sizeof lags / sizeof *lags; l++) {
                double both = 0, pairs = ROWS * COLUMNS - lags[l];
                for (int k = 0; k < ROWS * COLUMNS - lags[l]; k++)
                    both += x[k] == 0 && x[k + lags[l]] == 0;
                assert_true(fabs(both / pairs - p * p) < 5 * p / sqrt(pairs));
            }
            free(x);
        }
}

static double kept_by_both(const struct rtd_drop *a, const struct rtd_drop *b)
{
    float *x = ones();
    double kept = 0;
    rtd_kernels()->dropout(x, ROWS, COLUMNS, a);
    rtd_kernels()->dropout(x, ROWS, COLUMNS, b);
    for (int k = 0; k < ROWS * COLUMNS; k++)
        kept += x[k] != 0;
    free(x);
    return kept / (ROWS * COLUMNS);
}

/* Other seeds, records, sites and rows have other masks, independent of this one. */
static void test_dropout_keys(void **unused)
{
    (void)unused;
    struct rtd_drop a = {.seed = 5, .index = 77, .site = RTD_RNG_DROP_ATTN << 16}, b[7];
    rtd_drop_rate(&a, 0.5);
    assert_true(fabs(kept_by_both(&a, &a) - 0.5) < 0.01);
    for (int i = 0; i < 7; i++)
        b[i] = a;
    b[0].seed = 6;
    b[1].seed = 5 | (uint64_t)1 << 32;
    b[2].index = 78;
    b[3].index = 77 | (uint64_t)1 << 32;
    b[4].site++;
    b[5].site = RTD_RNG_DROP_FFN << 16;
    b[6].row0 = 1;
    for (int i = 0; i < 7; i++)
        assert_true(fabs(kept_by_both(&a, &b[i]) - 0.25) < 0.005);
}

/* A row's mask depends on its number alone: a matrix in two parts is the matrix. */
static void test_dropout_rows(void **unused)
{
    (void)unused;
    struct rtd_drop d = {.seed = 5, .index = 77, .site = RTD_RNG_DROP_ATTN << 16, .row0 = 10};
    rtd_drop_rate(&d, 0.1);
    for (int i = 0; rtd_kernels_at(i); i++) {
        float *x = ones(), *y = ones();
        rtd_kernels_at(i)->dropout(x, 9, COLUMNS, &d);
        struct rtd_drop second = d;
        second.row0 += 4;
        rtd_kernels_at(i)->dropout(y, 4, COLUMNS, &d);
        rtd_kernels_at(i)->dropout(y + (size_t)4 * COLUMNS, 5, COLUMNS, &second);
        assert_memory_equal(x, y, ROWS * COLUMNS * sizeof *x);
        free(x);
        free(y);
    }
}

/* --- draws --------------------------------------------------------------------------------------
 */

/* Every set draws what the reference draws; rounding could only change a race that is a dead heat
 * in float, once in 1e5 at most. */
static void test_gumbel_reference(void **unused)
{
    (void)unused;
    static const struct {
        size_t V;
        uint32_t draws;
    } shapes[] = {{1, 20},     {2, 400},   {3, 400},   {7, 400},    {16, 400},
                  {63, 400},   {64, 400},  {65, 400},  {100, 1000}, {129, 1000},
                  {1000, 400}, {8000, 40}, {30522, 10}};
    enum { MOST = 30522 };
    float *x = malloc(MOST * sizeof *x);
    assert_non_null(x);
    unsigned draws = 0, different = 0;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (uint32_t n = 0; n < shapes[s].draws; n++) {
            /* the end of the array is the end of the allocation */
            size_t V = shapes[s].V;
            float *row = x + MOST - V;
            logits(row, V, n, n % 4 == 0 ? 0.1 : n % 4 == 1 ? 1 : n % 4 == 2 ? 4 : 30);
            float temperature = n % 3 == 0 ? 1 : n % 3 == 1 ? 0.7f : 0.05f;
            int32_t best = -1, ignored, forbid = -1;
            if (V > 1 && n % 5 == 0)
                forbid = (int32_t)(n % V);
            plain()->gumbel(row, V, temperature, -1, 0, 0, 0, 0, &best);
            for (size_t v = 0; v < V; v++)
                assert_true(row[v] <= row[best]);
            if (V > 1 && n % 5 == 1)
                forbid = best;
            uint32_t slot = n % 7 == 0 ? 0x7fffffff : n;
            int32_t want = plain()->gumbel(row, V, temperature, forbid, 3, RTD_RNG_GUMBEL << 16 | 1,
                                           n / 3, slot, &ignored);
            assert_true(want >= 0 && want < (int32_t)V && want != forbid);
            for (int i = 1; rtd_kernels_at(i); i++) {
                int32_t mine = -1;
                int32_t got = rtd_kernels_at(i)->gumbel(
                    row, V, temperature, forbid, 3, RTD_RNG_GUMBEL << 16 | 1, n / 3, slot, &mine);
                assert_int_equal(mine, best);
                draws++;
                different += got != want;
            }
        }
    free(x);
    assert_true(different * 1e4 <= draws);
}

/* Ties of the largest logit: the first wins, in every set, wherever they are. */
static void test_best_is_first(void **unused)
{
    (void)unused;
    enum { V = 700 };
    float x[V];
    for (int i = 0; rtd_kernels_at(i); i++)
        for (int a = 0; a < V; a += 7)
            for (int b = a; b < V; b += 89) {
                logits(x, V, 1, 1);
                x[a] = x[b] = 50;
                int32_t best = -1;
                rtd_kernels_at(i)->gumbel(x, V, 1, -1, 1, 1, 1, 1, &best);
                assert_int_equal(best, a);
                x[(a + V / 2) % V] = a == 0 ? 50 : NAN; /* passed over, but for the first place */
                if (a > 0 && (a + V / 2) % V != b && (a + V / 2) % V != 0) {
                    rtd_kernels_at(i)->gumbel(x, V, 1, -1, 1, 1, 1, 1, &best);
                    assert_int_equal(best, a);
                }
            }
}

/* Counts of many draws against softmax(x / temperature) without the forbidden id. */
static void draws_fit(const struct rtd_kernels *k, size_t V, float temperature, int32_t forbid,
                      int n, double spread)
{
    float *x = malloc(V * sizeof *x);
    double *p = calloc(V, sizeof *p), total = 0;
    uint64_t *count = calloc(V, sizeof *count);
    assert_true(x && p && count);
    logits(x, V, 4, spread);
    for (size_t v = 0; v < V; v++)
        if ((int32_t)v != forbid)
            total += p[v] = exp((double)x[v] / (double)temperature);
    for (int i = 0; i < n; i++) {
        int32_t best;
        int32_t v = k->gumbel(x, V, temperature, forbid, 11, RTD_RNG_GUMBEL << 16,
                              (uint64_t)(i / 20), (uint32_t)(i % 20), &best);
        assert_true(v >= 0 && v < (int32_t)V && v != forbid);
        count[v]++;
    }
    double chi = 0;
    int degrees = -1;
    double rest = 0, rest_count = 0; /* cells with too few expected are put together */
    for (size_t v = 0; v < V; v++) {
        double expected = n * p[v] / total;
        if (expected < 8) {
            rest += expected;
            rest_count += (double)count[v];
            continue;
        }
        chi += ((double)count[v] - expected) * ((double)count[v] - expected) / expected;
        degrees++;
    }
    if (rest > 1) {
        chi += (rest_count - rest) * (rest_count - rest) / rest;
        degrees++;
    }
    assert_true(degrees >= 5);
    /* Wilson and Hilferty: the cube root is normal; 3.7 sd is once in ten thousand */
    double f = 2 / (9.0 * degrees);
    double z = (cbrt(chi / degrees) - (1 - f)) / sqrt(f);
    if (fabs(z) > 3.7)
        fail_msg("%s: chi-square %.1f with %d degrees, temperature %.2g, forbid %d", k->name, chi,
                 degrees, (double)temperature, forbid);
    free(x);
    free(p);
    free(count);
}

static void test_gumbel_distribution(void **unused)
{
    (void)unused;
    for (int i = 0; rtd_kernels_at(i); i++) {
        const struct rtd_kernels *k = rtd_kernels_at(i);
        draws_fit(k, 12, 1, -1, 40000, 1);
        draws_fit(k, 12, 0.7f, -1, 40000, 1);
        draws_fit(k, 12, 1, 3, 40000, 1);
        draws_fit(k, 150, 1, -1, i ? 100000 : 4000, 1.5);
        draws_fit(k, 150, 0.7f, 70, i ? 100000 : 4000, 1.5);
        draws_fit(k, 300, 1, -1, i ? 100000 : 6000, 0.05);
    }
}

/* Other seeds, records, sites and slots draw independently: alike as often as two draws are. */
static void test_gumbel_keys(void **unused)
{
    (void)unused;
    enum { V = 100, N = 20000 };
    float x[V];
    logits(x, V, 8, 0);
    for (int i = 1; rtd_kernels_at(i); i++)
        for (int what = 0; what < 6; what++) {
            int same = 0;
            for (int n = 0; n < N; n++) {
                uint64_t seed = 1, index = (uint64_t)n;
                uint32_t site = RTD_RNG_GUMBEL << 16, slot = 3;
                int32_t best;
                int32_t a = rtd_kernels_at(i)->gumbel(x, V, 1, -1, seed, site, index, slot, &best);
                seed += what == 0 ? 1 : what == 1 ? (uint64_t)1 << 40 : 0;
                index += what == 2 ? N : what == 3 ? (uint64_t)1 << 40 : 0;
                site = what == 4 ? RTD_RNG_EVAL_GUMBEL << 16 : site;
                slot += what == 5;
                same += a == rtd_kernels_at(i)->gumbel(x, V, 1, -1, seed, site, index, slot, &best);
            }
            assert_true(abs(same - N / V) < 5 * (int)sqrt(N / V));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox_known),        cmocka_unit_test(test_dropout_rate),
        cmocka_unit_test(test_dropout_keys),        cmocka_unit_test(test_dropout_rows),
        cmocka_unit_test(test_gumbel_reference),    cmocka_unit_test(test_best_is_first),
        cmocka_unit_test(test_gumbel_distribution), cmocka_unit_test(test_gumbel_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
