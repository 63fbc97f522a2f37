/* rtdtools - MIT licence
 *
 * mask.h: how many positions, which, and what is shown there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "corpus/mask.h"
#include "support/stats.h"

enum { PAD, UNK, CLS, SEP, MASK, FIRST, VOCAB = 50 };

static char vocab[] = "a vocabulary";

static struct rtd_header header(uint32_t max_length)
{
    struct rtd_header h = {.max_length = max_length};
    h.tok.vocab = vocab;
    h.tok.vocab_size = VOCAB;
    h.tok.unk_id = UNK;
    h.tok.cls_id = CLS;
    h.tok.sep_id = SEP;
    h.tok.mask_id = MASK;
    return h;
}

static struct rtd_masker *masker(const struct rtd_mask_options *o, uint32_t max_length)
{
    struct rtd_masker *m;
    struct rtd_err err = {0};
    struct rtd_header h = header(max_length);
    assert_int_equal(rtd_masker_new(&m, o, &h, "-", &err), RTD_OK);
    return m;
}

static struct rtd_masked apply(struct rtd_masker *m, uint64_t index, const int32_t *ids, uint32_t n)
{
    struct rtd_masked got;
    struct rtd_err err = {0};
    assert_int_equal(rtd_masker_apply(m, index, ids, n, &got, &err), RTD_OK);
    return got;
}

/* [CLS], n - 3 ordinary ids with a [SEP] in the middle, [SEP]. */
static void sequence(int32_t *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ids[i] = (int32_t)(FIRST + i % (VOCAB - FIRST));
    ids[0] = CLS;
    ids[n / 2] = SEP;
    ids[n - 1] = SEP;
}

static void limits(void **state)
{
    (void)state;
    static const struct {
        double prob;
        uint32_t max_length, given, want;
    } t[] = {
        {0.15, 128, 0, 19}, {0.15, 512, 0, 79}, {0.25, 512, 0, 130},
        {0.15, 128, 7, 7},  {0.15, 0, 7, 7},    {0.001, 8, 0, 0},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct rtd_mask_options o = {.prob = t[i].prob, .max_predictions = t[i].given};
        struct rtd_masker *m = masker(&o, t[i].max_length);
        assert_int_equal(rtd_masker_limit(m), t[i].want);
        rtd_masker_free(m);
    }
}

/* max(1, min(N, round-half-even(p n))), never more than there are candidates. */
static void counts(void **state)
{
    (void)state;
    static const uint32_t want[][2] = {
        {3, 1},  {4, 1},   {9, 1},    {10, 2},   {16, 2},   {17, 3},   {30, 4},
        {50, 8}, {70, 10}, {126, 19}, {127, 19}, {128, 19}, {120, 18},
    };
    struct rtd_mask_options o = {.prob = 0.15, .seed = 3};
    struct rtd_masker *m = masker(&o, 128);
    int32_t ids[128];
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        for (uint32_t k = 0; k < want[i][0]; k++)
            ids[k] = FIRST;
        assert_int_equal(apply(m, i, ids, want[i][0]).count, want[i][1]);
    }
    /* three candidates for 19 */
    for (int i = 0; i < 128; i++)
        ids[i] = i % 2 ? CLS : i % 4 ? SEP : MASK;
    assert_int_equal(apply(m, 0, ids, 128).count, 0);
    ids[5] = ids[77] = ids[127] = UNK;
    struct rtd_masked got = apply(m, 0, ids, 128);
    assert_int_equal(got.count, 3);
    assert_int_equal(got.positions[0], 5);
    assert_int_equal(got.positions[1], 77);
    assert_int_equal(got.positions[2], 127);
    assert_int_equal(got.ids[1], UNK);
    assert_int_equal(apply(m, 0, ids, 0).count, 0);
    rtd_masker_free(m);
}

/* A share that changes: its mean and the limit at an index, a function of nothing else. */
static void ramp(void **state)
{
    (void)state;
    enum { N = 128, OVER = 1000 };
    struct rtd_mask_options o = {.prob = 0.3, .prob_end = 0.15, .over = OVER, .seed = 5};
    struct rtd_masker *m = masker(&o, N);
    assert_int_equal(rtd_masker_limit(m), 39);
    int32_t ids[N];
    sequence(ids, N);
    for (uint64_t r = 0; r < OVER + 100; r++) {
        double u = r < OVER ? (double)r / OVER : 1, prob = 0.3 - 0.15 * u;
        double want = rint(prob * N), most = floor((prob + 0.005) * N + 1e-9);
        assert_int_equal(apply(m, r, ids, N).count, want < most ? want : most);
    }
    rtd_masker_free(m);
    o.prob = 0.15;
    o.prob_end = 0.3;
    m = masker(&o, N);
    assert_int_equal(rtd_masker_limit(m), 39);
    assert_int_equal(apply(m, 0, ids, N).count, 19);
    assert_int_equal(apply(m, OVER / 2, ids, N).count, 29);
    assert_int_equal(apply(m, UINT64_MAX, ids, N).count, 38);
    rtd_masker_free(m);
    o.max_predictions = 25;
    m = masker(&o, 0);
    assert_int_equal(rtd_masker_limit(m), 25);
    assert_int_equal(apply(m, 0, ids, N).count, 19);
    assert_int_equal(apply(m, OVER, ids, N).count, 25);
    rtd_masker_free(m);
}

static void positions(void **state)
{
    (void)state;
    enum { N = 40, RECORDS = 60000 };
    struct rtd_mask_options o = {.prob = 0.15, .seed = 7};
    struct rtd_masker *m = masker(&o, 128);
    int32_t ids[N];
    sequence(ids, N);
    uint64_t hit[N] = {0}, pair[N][N] = {{0}};
    for (uint64_t r = 0; r < RECORDS; r++) {
        struct rtd_masked got = apply(m, r, ids, N);
        assert_int_equal(got.count, 6);
        for (uint32_t k = 0; k < got.count; k++) {
            int32_t p = got.positions[k];
            assert_in_range(p, 1, N - 2);
            assert_true(k == 0 || p > got.positions[k - 1]);
            assert_true(ids[p] != SEP && got.ids[k] == ids[p]);
            hit[p]++;
            for (uint32_t j = 0; j < k; j++)
                pair[got.positions[j]][p]++;
        }
        for (uint32_t i = 0, k = 0; i < N; i++) { /* nothing else is touched */
            if (k < got.count && got.positions[k] == (int32_t)i)
                k++;
            else
                assert_int_equal(got.input_ids[i], ids[i]);
        }
    }
    /* every candidate equally likely, and every pair of candidates */
    uint64_t one[N], two[N * N];
    size_t n1 = 0, n2 = 0;
    for (int i = 0; i < N; i++)
        if (ids[i] >= FIRST) {
            one[n1++] = hit[i];
            for (int j = i + 1; j < N; j++)
                if (ids[j] >= FIRST)
                    two[n2++] = pair[i][j];
        }
    assert_int_equal(n1, N - 3);
    assert_int_equal(n2, (N - 3) * (N - 4) / 2);
    /* Hits of one record exclude each other: their variance is below a multinomial's, by
     * (n - k) / (n - 1), which pulls z down but not below -4 were it any lower than that. */
    assert_true(stats_uniform_z(one, n1) < 4);
    assert_true(stats_uniform_z(two, n2) < 4);
    rtd_masker_free(m);
}

static void coin(void **state)
{
    (void)state;
    enum { N = 128, RECORDS = 5000 };
    int32_t ids[N];
    sequence(ids, N);
    struct rtd_mask_options o = {.prob = 0.15, .seed = 7}, random = o;
    random.random_replace = 0.1;
    struct rtd_masker *m = masker(&o, N), *rm = masker(&random, N);
    uint64_t masks = 0, slots = 0, changed = 0, kept = 0, first = 0, id[VOCAB] = {0};
    for (uint64_t r = 0; r < RECORDS; r++) {
        struct rtd_masked a = apply(m, r, ids, N), b = apply(rm, r, ids, N);
        assert_int_equal(a.count, b.count);
        for (uint32_t k = 0; k < a.count; k++) {
            int32_t p = a.positions[k], x = a.input_ids[p], y = b.input_ids[p];
            assert_int_equal(p, b.positions[k]);
            assert_true(x == MASK || x == ids[p]);
            assert_int_equal(x == MASK, y == MASK); /* random tokens come from the others */
            slots++;
            masks += x == MASK;
            first += k == 0 && x == MASK;
            if (y != MASK && y != ids[p]) {
                changed++;
                id[y]++;
            } else if (y != MASK) {
                kept++;
            }
        }
    }
    assert_true(fabs(stats_binomial_z(masks, slots, 0.85)) < 4);
    assert_true(fabs(stats_binomial_z(first, RECORDS, 0.85)) < 4);
    for (int i = 0; i < FIRST; i++)
        assert_int_equal(id[i], 0);
    /* a random id may be the original by chance */
    assert_true(fabs(stats_binomial_z(changed, slots, 0.1 * (1 - 1.0 / (VOCAB - FIRST)))) < 4);
    assert_int_equal(slots, masks + changed + kept);
    assert_true(stats_uniform_z(id + FIRST, VOCAB - FIRST) < 4);
    rtd_masker_free(m);
    rtd_masker_free(rm);
}

/* The random id is uniform over the ordinary ones wherever the special ones stand. */
static void random_ids(void **state)
{
    (void)state;
    struct rtd_header h = header(128);
    h.tok.pad_id = 0;
    h.tok.unk_id = 10;
    h.tok.cls_id = 49;
    h.tok.sep_id = 11;
    h.tok.mask_id = 30;
    struct rtd_mask_options o = {.prob = 1, .seed = 2, .random_replace = 0.15};
    struct rtd_masker *m;
    struct rtd_err err = {0};
    assert_int_equal(rtd_masker_new(&m, &o, &h, "-", &err), RTD_OK);
    int32_t ids[128];
    for (int i = 0; i < 128; i++)
        ids[i] = 5;
    uint64_t id[VOCAB] = {0}, ordinary[VOCAB];
    for (uint64_t r = 0; r < 3000; r++) {
        struct rtd_masked got = apply(m, r, ids, 128);
        assert_int_equal(got.count, 128);
        for (int i = 0; i < 128; i++)
            id[got.input_ids[i]]++;
    }
    size_t n = 0;
    for (int i = 0; i < VOCAB; i++) {
        if (i == 0 || i == 10 || i == 11 || i == 49)
            assert_int_equal(id[i], 0);
        else if (i != 30)
            ordinary[n++] = id[i];
    }
    assert_int_equal(n, VOCAB - 5);
    assert_true(stats_uniform_z(ordinary, n) < 4);
    rtd_masker_free(m);
}

/* A function of seed and index: not of what came before. */
static void keys(void **state)
{
    (void)state;
    enum { N = 100 };
    int32_t ids[N], saved[N];
    sequence(ids, N);
    struct rtd_mask_options o = {.prob = 0.15, .seed = 1}, other = {.prob = 0.15, .seed = 2};
    struct rtd_masker *m = masker(&o, 128), *fresh = masker(&o, 128), *seed = masker(&other, 128);
    struct rtd_masked a = apply(m, 3, ids, N);
    memcpy(saved, a.input_ids, sizeof saved);
    for (uint64_t i = 0; i < 10; i++)
        apply(m, i, ids, N);
    assert_memory_equal(apply(m, 3, ids, N).input_ids, saved, sizeof saved);
    assert_memory_equal(apply(fresh, 3, ids, N).input_ids, saved, sizeof saved);
    assert_memory_not_equal(apply(seed, 3, ids, N).input_ids, saved, sizeof saved);
    assert_memory_not_equal(apply(m, 4, ids, N).input_ids, saved, sizeof saved);
    assert_memory_not_equal(apply(m, 3 + (1ull << 32), ids, N).input_ids, saved, sizeof saved);
    rtd_masker_free(m);
    rtd_masker_free(fresh);
    rtd_masker_free(seed);
}

static void refusals(void **state)
{
    (void)state;
    struct rtd_mask_options o = {.prob = 0.15};
    struct rtd_masker *m;
    struct rtd_header h = header(0);
    struct rtd_err err = {0};
    assert_int_equal(rtd_masker_new(&m, &o, &h, "x", &err), RTD_EDATA);
    assert_string_equal(err.text, "x: the stream has no max_length (give --max-predictions)");
    h.tok.vocab = NULL;
    err.status = 0;
    assert_int_equal(rtd_masker_new(&m, &o, &h, "x", &err), RTD_EDATA);
    assert_string_equal(err.text, "x: the stream carries no vocabulary");
    rtd_masker_free(m);
}

/* Drawn in turn by weights: 1, 3, 0 and 2. */
static void weights(void **state)
{
    (void)state;
    enum { A = FIRST, B, C, D, RECORDS = 20000 };
    double weight[VOCAB], chi = 0;
    static const int32_t two[] = {CLS, A, B, SEP}, three[] = {CLS, A, B, D, SEP},
                         none[] = {CLS, C, C, SEP}, first[] = {CLS, C, D, SEP};
    /* of three two, by which is left: A, B, D; B then D or D then B is 3/6 2/3 + 2/6 3/4 */
    static const double share[] = {7 / 12.0, 3 / 20.0, 4 / 15.0};
    uint64_t b = 0, left[3] = {0};
    for (int i = 0; i < VOCAB; i++)
        weight[i] = 1;
    weight[B] = 3;
    weight[C] = 0;
    weight[D] = 2;
    struct rtd_mask_options o = {.prob = 0.25, .seed = 4, .weight = weight};
    struct rtd_masker *m = masker(&o, 128);
    o.prob = 0.4;
    struct rtd_masker *more = masker(&o, 128);
    for (uint64_t i = 0; i < RECORDS; i++) {
        struct rtd_masked got = apply(m, i, two, 4);
        assert_int_equal(got.count, 1);
        b += got.ids[0] == B;
        got = apply(more, i, three, 5);
        assert_int_equal(got.count, 2);
        assert_true(got.positions[0] < got.positions[1]);
        left[got.positions[0] == 2 ? 0 : got.positions[1] == 3 ? 1 : 2]++;
    }
    assert_true(fabs(stats_binomial_z(b, RECORDS, 0.75)) < 4);
    for (int i = 0; i < 3; i++)
        chi += pow((double)left[i] - share[i] * RECORDS, 2) / (share[i] * RECORDS);
    assert_true(chi < 20); /* two degrees of freedom */
    assert_int_equal(apply(m, 1, none, 4).count, 0);
    for (uint64_t i = 0; i < 20; i++)
        assert_int_equal(apply(m, i, first, 4).positions[0], 2);
    rtd_masker_free(m);
    rtd_masker_free(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits),     cmocka_unit_test(counts),   cmocka_unit_test(ramp),
        cmocka_unit_test(positions),  cmocka_unit_test(coin),     cmocka_unit_test(keys),
        cmocka_unit_test(random_ids), cmocka_unit_test(refusals), cmocka_unit_test(weights),
    };
    return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
