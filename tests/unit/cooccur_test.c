/* rtdtools - MIT licence
 *
 * Vectors of pieces: counts and what they say against a plain computation, the same for any number
 * of threads; thinning out; forgetting; eigenvectors that are some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "learn/factor.h"
#include "support/stats.h"

enum { PIECES = 40, RECORDS = 30, LENGTH = 50, WINDOW = 3 };
static int32_t text[RECORDS][LENGTH];

static int make_text(void **state)
{
    (void)state;
    for (uint32_t r = 0; r < RECORDS; r++)
        for (uint32_t i = 0; i < LENGTH; i++) {
            double u = rtd_unit(rtd_rand32(3, 0, 0, 0, r, i));
            text[r][i] = i % 17 == 16 ? -1 : (int32_t)(u * u * PIECES);
        }
    return 0;
}

struct counted {
    struct rtd_pool *pool;
    struct rtd_cooccur *c;
    const struct rtd_sparse_row *row;
    struct rtd_cooccur_report report;
};

static struct counted count(const struct rtd_cooccur_options *o, int threads, double shift)
{
    struct rtd_err err = {0};
    struct counted x;
    assert_int_equal(rtd_pool_new(&x.pool, threads, &err), RTD_OK);
    assert_int_equal(rtd_cooccur_new(&x.c, o, x.pool, &err), RTD_OK);
    for (int r = 0; r < RECORDS; r++)
        assert_int_equal(rtd_cooccur_add(x.c, text[r], LENGTH, &err), RTD_OK);
    assert_int_equal(rtd_cooccur_finish(x.c, shift, &x.row, &x.report, &err), RTD_OK);
    return x;
}

static void done(struct counted *x)
{
    rtd_cooccur_free(x->c);
    rtd_pool_free(x->pool);
}

static void as_computed_plainly(void **state)
{
    (void)state;
    static double n[PIECES][PIECES], sum[PIECES], all, want[PIECES][PIECES];
    uint64_t tokens = 0, pairs = 0;
    for (int r = 0; r < RECORDS; r++)
        for (int i = 0; i < LENGTH; i++) {
            tokens += text[r][i] >= 0;
            for (int d = 1; d <= WINDOW && i + d < LENGTH; d++) {
                if (text[r][i] < 0 || text[r][i + d] < 0)
                    break;
                n[text[r][i]][text[r][i + d]] += WINDOW + 1 - d;
                n[text[r][i + d]][text[r][i]] += WINDOW + 1 - d;
            }
        }
    for (int i = 0; i < PIECES; i++)
        for (int k = 0; k < PIECES; k++) {
            sum[i] += n[i][k];
            all += n[i][k];
            pairs += n[i][k] > 0;
        }
    for (int i = 0; i < PIECES; i++)
        for (int k = 0; k < PIECES; k++)
            want[i][k] =
                n[i][k] > 0 ? fmax(0, log(n[i][k] * all / (sum[i] * sum[k])) - log(1.25)) : 0;
    struct rtd_cooccur_options o = {.pieces = PIECES, .window = WINDOW, .memory = 1 << 30};
    for (int threads = 1; threads <= 3; threads++) {
        struct counted x = count(&o, threads, 1.25);
        assert_int_equal(x.report.tokens, tokens);
        assert_int_equal(x.report.kept, tokens);
        assert_int_equal(x.report.pairs, pairs);
        assert_int_equal(x.report.forgotten, 0);
        size_t some = 0;
        for (size_t i = 0; i < PIECES; i++) {
            double got[PIECES] = {0};
            for (size_t e = 0; e < x.row[i].n; e++)
                got[x.row[i].entry[e].column] += x.row[i].entry[e].value;
            for (size_t k = 0; k < PIECES; k++)
                assert_true(fabs(got[k] - want[i][k]) < 1e-5);
            some += x.row[i].n;
        }
        assert_true(some > PIECES);
        done(&x);
    }
}

/* Of a piece that makes up half of the text sqrt(t / f) + t / f stay; of rare ones all. */
static void thinned_out(void **state)
{
    (void)state;
    enum { N = 60000 };
    struct rtd_err err = {0};
    struct rtd_pool *pool;
    struct rtd_cooccur *c;
    const struct rtd_sparse_row *row;
    struct rtd_cooccur_report report[2];
    struct rtd_cooccur_options o = {
        .pieces = N, .window = 1, .sample = 0.005, .memory = 1 << 30, .seed = 5};
    int32_t *ids = malloc(N * sizeof *ids);
    for (int i = 0; i < N; i++)
        ids[i] = i % 2 ? i : 0;
    assert_int_equal(rtd_pool_new(&pool, 1, &err), RTD_OK);
    for (int i = 0; i < 2; i++) {
        o.seed += (uint64_t)i;
        assert_int_equal(rtd_cooccur_new(&c, &o, pool, &err), RTD_OK);
        assert_int_equal(rtd_cooccur_add(c, ids, N, &err), RTD_OK);
        assert_int_equal(rtd_cooccur_finish(c, 1, &row, &report[i], &err), RTD_OK);
        rtd_cooccur_free(c);
        assert_int_equal(report[i].tokens, N);
        double z = stats_binomial_z(report[i].kept - N / 2, N / 2, sqrt(0.01) + 0.01);
        assert_true(fabs(z) < 4);
    }
    assert_true(report[0].kept != report[1].kept); /* another seed, another choice */
    rtd_pool_free(pool);
    free(ids);
}

static void forgets_the_rare(void **state)
{
    (void)state;
    struct rtd_cooccur_options o = {.pieces = PIECES, .window = WINDOW, .memory = 1 << 30};
    struct counted all = count(&o, 1, 1);
    o.memory = 4096;
    struct counted less = count(&o, 1, 1), same = count(&o, 3, 1);
    assert_true(less.report.forgotten > 0 && less.report.pairs < all.report.pairs);
    assert_true(less.report.pairs > 0 && less.report.pairs * 8 <= 4096);
    assert_memory_equal(&less.report, &same.report, sizeof less.report);
    for (size_t i = 0; i < PIECES; i++) {
        assert_int_equal(less.row[i].n, same.row[i].n);
        assert_memory_equal(less.row[i].entry, same.row[i].entry,
                            less.row[i].n * sizeof *less.row[i].entry);
    }
    done(&all);
    done(&less);
    done(&same);
}

/* A matrix whose eigenvalues are known: a sum of three outer products of orthogonal vectors, one of
 * them with a factor below 0, over rows that include empty ones. */
static void eigenvectors(void **state)
{
    (void)state;
    enum { N = 100, WIDTH = 5 };
    static const double value[] = {9, 4, -6};
    static struct rtd_sparse_entry entry[N][N];
    struct rtd_sparse_row row[N] = {{0}};
    struct rtd_err err = {0};
    double basis[3][N] = {{0}};
    float v[N * WIDTH], w[N * WIDTH];
    for (int i = 0; i < N; i++)
        if (i % 4 != 3)
            basis[i % 4][i] = 0.2;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            double x = 0;
            for (int b = 0; b < 3; b++)
                x += value[b] * basis[b][i] * basis[b][k];
            if (x != 0)
                entry[i][row[i].n++] = (struct rtd_sparse_entry){(uint32_t)k, (float)x};
            row[i].entry = entry[i];
        }
    for (int threads = 1; threads <= 3; threads += 2) {
        struct rtd_pool *pool;
        struct rtd_factor_options o = {.width = WIDTH, .iterations = 4, .power = 0.5, .seed = 1};
        assert_int_equal(rtd_pool_new(&pool, threads, &err), RTD_OK);
        assert_int_equal(rtd_factor(threads == 1 ? v : w, row, N, &o, pool, &err), RTD_OK);
        rtd_pool_free(pool);
    }
    assert_memory_equal(v, w, sizeof v);
    for (int c = 0; c < WIDTH; c++) {
        double sign = c < 2 && v[c * WIDTH + c] < 0 ? -1 : 1;
        for (int i = 0; i < N; i++) {
            double want = c < 2 ? sign * sqrt(value[c]) * basis[c][i] : 0;
            assert_true(fabs(v[i * WIDTH + c] - want) < 1e-4);
        }
    }
}

/* More columns than rows. */
static void small_matrix(void **state)
{
    (void)state;
    enum { N = 3, WIDTH = 20 };
    struct rtd_sparse_entry entry[] = {{1, 2}, {0, 2}, {2, 5}};
    struct rtd_sparse_row row[N] = {{&entry[0], 1}, {&entry[1], 1}, {&entry[2], 1}};
    struct rtd_factor_options o = {.width = WIDTH, .iterations = 4, .power = 0.5, .seed = 1};
    struct rtd_err err = {0};
    struct rtd_pool *pool;
    float v[N * WIDTH];
    assert_int_equal(rtd_pool_new(&pool, 1, &err), RTD_OK);
    assert_int_equal(rtd_factor(v, row, N, &o, pool, &err), RTD_OK);
    rtd_pool_free(pool);
    /* products of rows: the part with eigenvalues 5 and 2, without -2 */
    const double want[N][N] = {{1, 1, 0}, {1, 1, 0}, {0, 0, 5}};
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            double sum = 0;
            for (int c = 0; c < WIDTH; c++)
                sum += (double)v[i * WIDTH + c] * v[k * WIDTH + c];
            assert_true(fabs(sum - want[i][k]) < 1e-4);
        }
}

/* Nothing above 0. */
static void negative_matrix(void **state)
{
    (void)state;
    enum { N = 100, WIDTH = 5 };
    struct rtd_sparse_entry entry[N];
    struct rtd_sparse_row row[N];
    struct rtd_factor_options o = {.width = WIDTH, .iterations = 4, .power = 0.5, .seed = 1};
    struct rtd_err err = {0};
    struct rtd_pool *pool;
    float v[N * WIDTH];
    for (uint32_t i = 0; i < N; i++) {
        entry[i] = (struct rtd_sparse_entry){i, -1 - (float)i};
        row[i] = (struct rtd_sparse_row){&entry[i], 1};
    }
    assert_int_equal(rtd_pool_new(&pool, 1, &err), RTD_OK);
    assert_int_equal(rtd_factor(v, row, N, &o, pool, &err), RTD_OK);
    rtd_pool_free(pool);
    for (int i = 0; i < N * WIDTH; i++)
        assert_true(v[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_computed_plainly), cmocka_unit_test(thinned_out),
        cmocka_unit_test(forgets_the_rare),    cmocka_unit_test(eigenvectors),
        cmocka_unit_test(small_matrix),        cmocka_unit_test(negative_matrix),
    };
    return cmocka_run_group_tests(tests, make_text, NULL);
}
