/* rtdtools - MIT licence
 *
 * shuffle.h: every permutation equally likely, the same one for any budget, nothing changed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "corpus/shuffle.h"
#include "support/stats.h"

/* Records of a number, a ragged field and a text that may be empty. */
static void schema(struct rtd_header *h)
{
    rtd_header_init(h, "outputs");
    rtd_header_add_field(h, "number", RTD_I64, NULL, 0, NULL);
    rtd_header_add_field(h, "values", RTD_I32, "values", 1, (const uint32_t[]){2});
    rtd_header_add_field(h, "text", RTD_U8, "bytes", 0, NULL);
}

static struct rtd_shuffle *shuffle(uint64_t seed, uint64_t memory, uint32_t passes)
{
    struct rtd_header h;
    struct rtd_shuffle *s;
    struct rtd_err err = {0};
    struct rtd_shuffle_options o = {.seed = seed, .memory = memory, .passes = passes, .name = "-"};
    schema(&h);
    assert_int_equal(rtd_shuffle_new(&s, &h, &o, &err), RTD_OK);
    rtd_header_free(&h);
    return s;
}

static int add(struct rtd_shuffle *s, uint64_t index, uint32_t values, uint32_t bytes,
               struct rtd_err *err)
{
    static int32_t v[2 * (1 << 19)];
    static char text[100];
    int64_t number = (int64_t)index * 3;
    for (uint32_t i = 0; i < 2 * values; i++)
        v[i] = (int32_t)(index + i);
    memset(text, (int)('a' + index % 26), bytes);
    struct rtd_record rec = {
        .index = index, .data = {&number, v, text}, .lengths = {values, bytes}};
    return rtd_shuffle_add(s, &rec, err);
}

/* The next record's original index, its contents checked; -1 at the end. */
static int64_t take(struct rtd_shuffle *s, uint64_t place)
{
    struct rtd_record rec;
    struct rtd_err err = {0};
    assert_int_equal(rtd_shuffle_next(s, &rec, &err), RTD_OK);
    if (rec.end)
        return -1;
    assert_int_equal(rec.index, place);
    int64_t index = *(const int64_t *)rec.data[0] / 3;
    const int32_t *v = rec.data[1];
    const char *text = rec.data[2];
    for (uint32_t i = 0; i < 2 * rec.lengths[0]; i++)
        if (v[i] != (int32_t)(index + i))
            fail_msg("record %d: value %u", (int)index, i);
    for (uint32_t i = 0; i < rec.lengths[1]; i++)
        assert_int_equal(text[i], 'a' + index % 26);
    return index;
}

static size_t permutation_number(const int64_t *p, size_t n)
{
    size_t number = 0;
    for (size_t i = 0; i < n; i++) {
        size_t smaller = 0;
        for (size_t j = i + 1; j < n; j++)
            smaller += p[j] < p[i];
        number = number * (n - i) + smaller;
    }
    return number;
}

/* All 120 permutations of five, in both passes, and all pairs of places of one record. */
static void uniform_small(void **state)
{
    (void)state;
    enum { N = 5, ALL = 120, TRIALS = 36000 };
    uint64_t count[2][ALL] = {{0}}, pair[N * N] = {0};
    struct rtd_err err = {0};
    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        struct rtd_shuffle *s = shuffle(seed, 16 << 20, 2);
        int64_t p[2][N];
        for (uint64_t i = 0; i < N; i++)
            assert_int_equal(add(s, i, 0, 0, &err), RTD_OK);
        uint64_t place[2] = {0};
        for (uint64_t i = 0; i < 2 * N; i++) {
            int64_t got = take(s, i);
            assert_in_range(got, 0, N - 1);
            p[i / N][i % N] = got;
            if (got == 2)
                place[i / N] = i % N;
        }
        assert_int_equal(take(s, 0), -1);
        for (int pass = 0; pass < 2; pass++)
            count[pass][permutation_number(p[pass], N)]++;
        pair[place[0] * N + place[1]]++;
        rtd_shuffle_free(s);
    }
    assert_true(fabs(stats_uniform_z(count[0], ALL)) < 4);
    assert_true(fabs(stats_uniform_z(count[1], ALL)) < 4);
    assert_true(fabs(stats_uniform_z(pair, N * N)) < 4);
}

/* Through buckets: where a record lands is uniform, and a permutation it is. */
static void uniform_large(void **state)
{
    (void)state;
    enum { N = 20000, CELLS = 20 };
    uint64_t cell[CELLS][CELLS] = {{0}};
    struct rtd_err err = {0};
    static uint8_t seen[N];
    struct rtd_shuffle *s = shuffle(4, RTD_SHUFFLE_MIN_MEMORY, 1);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(add(s, i, 3, 60, &err), RTD_OK);
    for (uint64_t i = 0; i < N; i++) {
        int64_t got = take(s, i);
        assert_in_range(got, 0, N - 1);
        assert_int_equal(seen[got]++, 0);
        cell[i / (N / CELLS)][got / (N / CELLS)]++;
    }
    assert_int_equal(take(s, 0), -1);
    assert_true(rtd_shuffle_spilled(s) > 1 << 20);
    assert_true(fabs(stats_uniform_z(cell[0], CELLS * CELLS)) < 4);
    rtd_shuffle_free(s);
}

/* The same order for any budget, in every pass; the smallest budget splits buckets again. */
static void budgets(void **state)
{
    (void)state;
    enum { N = 9000, PASSES = 3, BUDGETS = 4 };
    static const uint64_t memory[BUDGETS] = {1 << 20, 3 << 20, 40 << 20, 1 << 30};
    static int64_t order[N * PASSES], sorted[N];
    uint64_t spilled[BUDGETS];
    struct rtd_err err = {0};
    for (int b = 0; b < BUDGETS; b++) {
        struct rtd_shuffle *s = shuffle(8, memory[b], PASSES);
        for (uint64_t i = 0; i < N; i++)
            assert_int_equal(add(s, 10 + 7 * i, i % 5 ? i % 3000 : 0, i % 3 * 40, &err), RTD_OK);
        memset(sorted, 0, sizeof sorted);
        for (uint64_t i = 0; i < N * PASSES; i++) {
            int64_t got = take(s, i);
            if (b == 0) {
                order[i] = got;
                assert_int_equal(sorted[(got - 10) / 7]++, i / N); /* once in a pass */
            } else if (order[i] != got) {
                fail_msg("budget %d: another order at %d", b, (int)i);
            }
        }
        assert_int_equal(take(s, 0), -1);
        spilled[b] = rtd_shuffle_spilled(s);
        rtd_shuffle_free(s);
    }
    assert_true(spilled[0] > spilled[1] * 3 / 2); /* buckets were split */
    assert_true(spilled[1] > 0 && spilled[1] == spilled[2] && spilled[3] == 0);
    assert_memory_not_equal(order, order + N, N * sizeof *order);
    assert_memory_not_equal(order + N, order + 2 * N, N * sizeof *order);
}

static void seeds(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct rtd_err err = {0};
    static int64_t order[4][N];
    static const struct {
        uint64_t seed, memory;
    } t[4] = {{1, 16 << 20}, {2, 16 << 20}, {1, 1 << 20}, {2, 1 << 20}};
    for (int k = 0; k < 4; k++) {
        struct rtd_shuffle *s = shuffle(t[k].seed, t[k].memory, 1);
        for (uint64_t i = 0; i < N; i++)
            assert_int_equal(add(s, i, 200, 0, &err), RTD_OK);
        for (uint64_t i = 0; i < N; i++)
            order[k][i] = take(s, i);
        assert_int_equal(rtd_shuffle_spilled(s) > 0, k > 1);
        rtd_shuffle_free(s);
    }
    assert_memory_equal(order[0], order[2], sizeof order[0]);
    assert_memory_equal(order[1], order[3], sizeof order[0]);
    assert_memory_not_equal(order[0], order[1], sizeof order[0]);
}

static void edges(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_shuffle *s = shuffle(1, 1 << 20, 3);
    assert_int_equal(take(s, 0), -1);
    rtd_shuffle_free(s);

    s = shuffle(1, 1 << 20, 3);
    assert_int_equal(add(s, 7, 1, 1, &err), RTD_OK);
    for (uint64_t i = 0; i < 3; i++)
        assert_int_equal(take(s, i), 7);
    assert_int_equal(take(s, 0), -1);
    rtd_shuffle_free(s);

    s = shuffle(1, 1 << 20, 1);
    assert_int_equal(add(s, 7, 1, 1, &err), RTD_OK);
    assert_int_equal(add(s, 7, 1, 1, &err), RTD_EDATA);
    assert_string_equal(err.text, "-: record index 7 comes after 7");
    rtd_shuffle_free(s);

    memset(&err, 0, sizeof err);
    s = shuffle(1, 1 << 20, 1);
    assert_int_equal(add(s, 0, 1 << 18, 1, &err), RTD_ESYS); /* 2 MiB */
    rtd_shuffle_free(s);
}

static void budget_text(void **state)
{
    (void)state;
    uint64_t bytes, half;
    struct rtd_err err = {0};
    assert_int_equal(rtd_memory_budget("1048576", &bytes, &err), RTD_OK);
    assert_int_equal(bytes, 1 << 20);
    assert_int_equal(rtd_memory_budget("64M", &bytes, &err), RTD_OK);
    assert_int_equal(bytes, 64 << 20);
    assert_int_equal(rtd_memory_budget("3G", &bytes, &err), RTD_OK);
    assert_int_equal(bytes, 3ull << 30);
    assert_int_equal(rtd_memory_budget("100%", &bytes, &err), RTD_OK);
    assert_int_equal(rtd_memory_budget("50%", &half, &err), RTD_OK);
    assert_in_range(bytes / half, 1, 2);
    static const char *const bad[] = {
        "",    "%",   "101%", "-1", "1k",  "1000", "0%",
        "5M ", "5MB", " 5M",  "x",  "1e9", "20%%", "99999999999999999999G"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(rtd_memory_budget(bad[i], &bytes, &err), RTD_EUSAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_small), cmocka_unit_test(uniform_large),
        cmocka_unit_test(budgets),       cmocka_unit_test(seeds),
        cmocka_unit_test(edges),         cmocka_unit_test(budget_text),
    };
    return cmocka_run_group_tests_name("shuffle", tests, NULL, NULL);
}
