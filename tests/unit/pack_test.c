/* rtdtools - MIT licence
 *
 * pack.h: nothing is lost, every example is well formed, the coins have their rates.  That the
 * examples are exactly the right ones is tests/scripts/seq-pack-reference.sh's to say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "corpus/pack.h"
#include "support/stats.h"

enum { CLS = 2, SEP = 3, FIRST = 10, MAX_TOKENS = 1 << 18 };

struct doc {
    int32_t *ids, *lengths;
    uint32_t tokens, sentences;
};

/* Tokens FIRST, FIRST + 1, ...: each of its own. */
static struct doc document(const int32_t *lengths, uint32_t sentences)
{
    struct doc d = {.sentences = sentences};
    d.lengths = malloc((sentences + 1) * sizeof *d.lengths);
    for (uint32_t i = 0; i < sentences; i++) {
        d.lengths[i] = lengths[i];
        d.tokens += (uint32_t)lengths[i];
    }
    d.ids = malloc((d.tokens + 1) * sizeof *d.ids);
    for (uint32_t i = 0; i < d.tokens; i++)
        d.ids[i] = FIRST + (int32_t)i;
    return d;
}

static struct doc even_document(int32_t length, uint32_t sentences)
{
    int32_t lengths[1024];
    for (uint32_t i = 0; i < sentences; i++)
        lengths[i] = length;
    return document(lengths, sentences);
}

static void doc_free(struct doc *d)
{
    free(d->ids);
    free(d->lengths);
}

static struct rtd_packer *packer(uint32_t max_length, uint64_t seed)
{
    struct rtd_packer *p;
    struct rtd_err err = {0};
    struct rtd_pack_options o = {.max_length = max_length, .seed = seed};
    assert_int_equal(rtd_packer_new(&p, &o, CLS, SEP, &err), RTD_OK);
    return p;
}

static bool next(struct rtd_packer *p, struct rtd_example *ex)
{
    struct rtd_err err = {0};
    assert_int_equal(rtd_packer_next(p, ex, &err), RTD_OK);
    return !ex->end;
}

/* [CLS] a.. [SEP] (b.. [SEP]) with types 0 0.. 0 (1.. 1); returns the length of segment a. */
static uint32_t check_form(const struct rtd_example *ex, uint32_t max_length)
{
    uint32_t one = 0;
    assert_in_range(ex->n, 3, max_length);
    assert_int_equal(ex->input_ids[0], CLS);
    assert_int_equal(ex->input_ids[ex->n - 1], SEP);
    for (uint32_t i = 1; i + 1 < ex->n; i++)
        if (ex->input_ids[i] == SEP) {
            assert_int_equal(one, 0); /* at most one in the middle */
            one = i - 1;
        }
    assert_int_equal(ex->segments, one ? 2 : 1);
    if (!one)
        one = ex->n - 2;
    for (uint32_t i = 0; i < ex->n; i++)
        assert_int_equal(ex->token_type_ids[i], i > one + 1);
    return one;
}

static uint32_t draw(uint32_t *state, uint32_t n)
{
    return rtd_below(rtd_rand32(99, RTD_RNG_SPLIT, 0, 0, 0, (*state)++), n);
}

/* Each token of a document stands in exactly one of its examples. */
static void multiset(void **state)
{
    (void)state;
    static const uint32_t max_lengths[] = {8, 9, 16, 128, 512};
    static uint8_t seen[MAX_TOKENS];
    uint32_t r = 0;
    for (size_t m = 0; m < sizeof max_lengths / sizeof *max_lengths; m++) {
        struct rtd_packer *p = packer(max_lengths[m], 5);
        for (uint64_t number = 0; number < 400; number++) {
            int32_t lengths[64];
            uint32_t sentences = draw(&r, 64), longest = number % 3 ? 40 : 4 * max_lengths[m];
            for (uint32_t i = 0; i < sentences; i++)
                lengths[i] = (int32_t)draw(&r, longest);
            struct doc d = document(lengths, sentences);
            memset(seen, 0, d.tokens);
            rtd_packer_begin(p, number, d.ids, d.lengths, d.sentences);
            struct rtd_example ex;
            uint32_t carried = 0;
            while (next(p, &ex)) {
                check_form(&ex, max_lengths[m]);
                for (uint32_t i = 0; i < ex.n; i++)
                    if (ex.input_ids[i] >= FIRST)
                        assert_int_equal(seen[ex.input_ids[i] - FIRST]++, 0);
                carried = ex.carried;
            }
            assert_int_equal(carried, 0);
            for (uint32_t i = 0; i < d.tokens; i++)
                assert_int_equal(seen[i], 1);
            doc_free(&d);
        }
        rtd_packer_free(p);
    }
}

static void edges(void **state)
{
    (void)state;
    struct rtd_packer *p = packer(128, 1);
    struct rtd_example ex;
    int32_t none[] = {0, 0, 0}, gap[] = {0, 3, 0, 4, 0};
    struct doc empty = document(none, 3), little = document(gap, 5);
    rtd_packer_begin(p, 0, NULL, NULL, 0);
    assert_false(next(p, &ex));
    rtd_packer_begin(p, 1, empty.ids, empty.lengths, 3);
    assert_false(next(p, &ex));
    rtd_packer_begin(p, 2, little.ids, little.lengths, 5);
    assert_true(next(p, &ex));
    assert_int_equal(ex.n, 9);
    assert_int_equal(ex.segments, 1);
    assert_false(next(p, &ex));
    doc_free(&empty);
    doc_free(&little);

    /* one sentence as long as documents get: cut into whole examples, in order */
    int32_t huge = MAX_TOKENS;
    struct doc d = document(&huge, 1);
    rtd_packer_begin(p, 3, d.ids, d.lengths, 1);
    int32_t at = FIRST;
    while (next(p, &ex)) {
        assert_int_equal(check_form(&ex, 128), ex.n - 2);
        for (uint32_t i = 1; i + 1 < ex.n; i++)
            assert_int_equal(ex.input_ids[i], at++);
        assert_true(ex.n == 128 || ex.carried == 0);
    }
    assert_int_equal(at, FIRST + MAX_TOKENS);
    doc_free(&d);
    rtd_packer_free(p);

    /* the official way: what does not fit is gone */
    struct rtd_err err = {0};
    int32_t two[] = {300, 20};
    struct doc long_one = document(two, 2);
    struct rtd_pack_options o = {.max_length = 128, .drop_overflow = true, .seed = 1};
    assert_int_equal(rtd_packer_new(&p, &o, CLS, SEP, &err), RTD_OK);
    rtd_packer_begin(p, 3, long_one.ids, long_one.lengths, 2);
    assert_true(next(p, &ex));
    assert_int_equal(ex.carried, 0);
    assert_int_equal(ex.input_ids[1], FIRST);
    assert_true(next(p, &ex));
    assert_int_equal(ex.input_ids[1], FIRST + 300);
    assert_int_equal(ex.n, 22);
    assert_false(next(p, &ex));
    doc_free(&long_one);
    rtd_packer_free(p);

    o.max_length = 7;
    assert_int_equal(rtd_packer_new(&p, &o, CLS, SEP, &err), RTD_EUSAGE);
    err.status = 0;
    o.max_length = (1 << 20) + 1;
    assert_int_equal(rtd_packer_new(&p, &o, CLS, SEP, &err), RTD_EUSAGE);
}

/* Overflow comes first in the next example, that of segment 1 before that of segment 2. */
static void carry(void **state)
{
    (void)state;
    int32_t lengths[] = {100, 10, 60};
    struct doc d = document(lengths, 3);
    uint64_t two = 0, late = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rtd_packer *p = packer(128, seed);
        struct rtd_example ex;
        rtd_packer_begin(p, 0, d.ids, d.lengths, 3);
        assert_true(next(p, &ex));
        if (ex.target > 110) { /* all three sentences, 170 tokens */
            uint32_t used = ex.n - 1 - ex.segments;
            assert_int_equal(ex.carried, 170 - used);
            assert_int_equal(ex.input_ids[ex.n - 2], FIRST + (int32_t)used - 1);
            two += ex.segments == 2;
            assert_true(next(p, &ex));
            assert_int_equal(ex.input_ids[1], FIRST + (int32_t)used);
            assert_false(next(p, &ex));
            late++;
        }
        rtd_packer_free(p);
    }
    assert_true(late > 150 && two > 100 && two < late);
    doc_free(&d);
}

/* Forty sentences of ten tokens at length 128: a target of 128 takes thirteen sentences, segment 1
 * aims at 62 tokens, so it holds 60, or 70 by the coin, or everything by the other coin. */
static void coins(void **state)
{
    (void)state;
    enum { DOCUMENTS = 40000 };
    struct doc d = even_document(10, 40);
    struct rtd_packer *p = packer(128, 11);
    uint64_t drawn[2] = {0}, brief[2] = {0}, full = 0, single = 0, pairs = 0, late = 0;
    uint64_t target[128] = {0};
    for (uint64_t number = 0; number < DOCUMENTS; number++) {
        struct rtd_example ex;
        rtd_packer_begin(p, number, d.ids, d.lengths, d.sentences);
        for (int e = 0; e < 2 && next(p, &ex); e++) {
            uint32_t one = check_form(&ex, 128);
            drawn[e]++;
            if (ex.target < 128) {
                brief[e]++;
                target[ex.target]++;
            } else if (e == 0) {
                full++;
                if (ex.segments == 1) {
                    single++;
                } else {
                    pairs++;
                    assert_true(one == 60 || one == 70);
                    late += one == 70;
                }
            }
        }
    }
    /* a random target is 128 itself once in 124 times */
    for (int e = 0; e < 2; e++)
        assert_true(fabs(stats_binomial_z(brief[e], drawn[e], 0.05 * 123 / 124)) < 4);
    assert_true(fabs(stats_binomial_z(single, full, 0.1)) < 4);
    assert_true(fabs(stats_binomial_z(late, pairs, 0.5)) < 4);
    for (int i = 0; i < RTD_PACK_MIN_TARGET; i++)
        assert_int_equal(target[i], 0);
    assert_true(fabs(stats_uniform_z(target + RTD_PACK_MIN_TARGET, 123)) < 4);
    rtd_packer_free(p);
    doc_free(&d);
}

/* A document's examples depend on its number and the seed, not on what was packed before. */
static void keys(void **state)
{
    (void)state;
    struct doc d = even_document(7, 300);
    struct rtd_packer *p = packer(64, 1), *other = packer(64, 2);
    int32_t first[4096];
    uint32_t n = 0;
    static const uint64_t number[] = {5, 5, 6, 5 + (1ull << 40), 5};
    for (int k = 0; k < 5; k++) {
        struct rtd_packer *from = k == 4 ? other : p;
        int32_t got[4096];
        uint32_t len = 0;
        struct rtd_example ex;
        rtd_packer_begin(from, number[k], d.ids, d.lengths, d.sentences);
        while (next(from, &ex)) {
            memcpy(got + len, ex.input_ids, ex.n * sizeof *got);
            len += ex.n;
        }
        if (k == 0) {
            memcpy(first, got, len * sizeof *got);
            n = len;
        }
        bool same = len == n && !memcmp(got, first, len * sizeof *got);
        assert_int_equal(same, k < 2);
    }
    rtd_packer_free(p);
    rtd_packer_free(other);
    doc_free(&d);
}

/* Is b, of segment 2, what its kind says of a, of segment 1?  (Tokens are numbered.) */
static void check_related(enum rtd_related kind, const int32_t *a, uint32_t na, const int32_t *b,
                          uint32_t nb, int32_t last)
{
    for (uint32_t i = 1; i < nb; i++)
        assert_int_equal(b[i], b[0] + (int32_t)i);
    uint32_t from = (uint32_t)(b[0] - a[0]);
    if (kind == RTD_RELATED_REPEAT || na == 1) {
        assert_int_equal(from, 0);
        assert_true(nb == na);
    } else if (kind == RTD_RELATED_CROP) {
        assert_in_range(nb, (na + 1) / 2, na - 1);
        assert_in_range(from, 0, na - nb);
    } else {
        assert_in_range(from, na - na / 2, na - 1);
        assert_true(nb == na || b[nb - 1] == last);
    }
}

/* So many examples have related segments, of each kind a third; every token stands in exactly one
 * first segment of them or in one of the others; without a share nothing changes. */
static void related(void **state)
{
    (void)state;
    static uint8_t seen[4096];
    struct rtd_pack_options o = {.max_length = 40,
                                 .seed = 3,
                                 .related = 0.3,
                                 .kind = {RTD_RELATED_REPEAT, RTD_RELATED_CROP, RTD_RELATED_NEAR},
                                 .kinds = 3};
    struct rtd_packer *p;
    struct rtd_err err = {0};
    uint64_t all = 0, kinds[4] = {0};
    assert_int_equal(rtd_packer_new(&p, &o, CLS, SEP, &err), RTD_OK);
    for (uint64_t number = 0; number < 3000; number++) {
        struct doc d = even_document(number % 2 ? 5 : 23, 20);
        struct rtd_example ex;
        memset(seen, 0, d.tokens);
        rtd_packer_begin(p, number, d.ids, d.lengths, d.sentences);
        while (next(p, &ex)) {
            uint32_t one = check_form(&ex, 40), once = ex.related ? one : ex.n;
            all++;
            kinds[ex.related]++;
            for (uint32_t i = 0; i < once; i++)
                if (ex.input_ids[i + (ex.related != 0)] >= FIRST)
                    assert_int_equal(seen[ex.input_ids[i + (ex.related != 0)] - FIRST]++, 0);
            if (!ex.related)
                continue;
            assert_int_equal(ex.segments, 2);
            assert_true(one <= 18);
            const int32_t *b = ex.input_ids + one + 2;
            check_related(ex.related, ex.input_ids + 1, one, b, ex.n - one - 3,
                          FIRST + (int32_t)d.tokens - 1);
        }
        for (uint32_t i = 0; i < d.tokens; i++)
            assert_int_equal(seen[i], 1);
        doc_free(&d);
    }
    rtd_packer_free(p);
    assert_true(fabs(stats_binomial_z(all - kinds[0], all, 0.3)) < 4);
    for (int k = 1; k < 4; k++)
        assert_true(fabs(stats_binomial_z(kinds[k], all - kinds[0], 1 / 3.0)) < 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiset), cmocka_unit_test(edges), cmocka_unit_test(carry),
        cmocka_unit_test(coins),    cmocka_unit_test(keys),  cmocka_unit_test(related),
    };
    return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
