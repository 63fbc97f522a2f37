/* rtdtools - MIT licence
 *
 * Lanes: the tree in which they are added, whatever the number of threads; and machines, each with
 * lanes of its own, that exchange sums of sub-trees: the same bytes as one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "learn/lanes.h"
#include "learn/optimizer.h"
#include "nn/kernels.h"
#include "objective/pretrain.h"

static struct rtd_err err;

static void *need(size_t n)
{
    void *p = calloc(n, 8);
    assert_non_null(p);
    return p;
}

/* --- the tree --- */

enum { MOST = 32, TOTAL = 3 * (1 << 16) + 7, ROWS = 40, WIDTH = 3, TABLE = 70000 };

/* What lane l has at place i: of many sizes, so that another order of adding shows. */
static float part(int lane, size_t i)
{
    uint32_t x = rtd_rand32(9, RTD_RNG_SPLIT, 0, 0, (uint64_t)lane, (uint32_t)i);
    return (float)((rtd_unit(x) - 0.5) * pow(10, x % 7));
}

static const struct rtd_rows table = {.offset = TABLE, .rows = ROWS, .width = WIDTH};

static bool touches(int lane, size_t row)
{
    return (row * 7 + (size_t)lane) % 5 == 0;
}

static float value(int lane, size_t i, bool rows)
{
    bool in = rows && i >= TABLE && i < TABLE + ROWS * WIDTH;
    return in && !touches(lane, (i - TABLE) / WIDTH) ? 0 : part(lane, i);
}

struct run {
    bool rows;
    int fails; /* this lane and those after it; -1: none */
    float *x;  /* [MOST][TOTAL] */
};

static int add_lane(void *arg, struct rtd_lane *lane, struct rtd_err *e)
{
    const struct run *r = arg;
    int32_t rows[ROWS];
    size_t n = 0;
    for (size_t i = 0; lane->g && i < TOTAL; i++)
        lane->g[i] += r->x[(size_t)lane->lane * TOTAL + i];
    for (int32_t row = 0; row < ROWS; row++)
        if (touches(lane->lane, (size_t)row))
            rows[n++] = row;
    if (lane->g)
        rtd_lane_touch(lane, rows, n);
    if (r->fails >= 0 && lane->lane >= r->fails)
        return rtd_fail(e, RTD_EDATA, "lane %d", lane->lane);
    return RTD_OK;
}

/* Of the lanes l modulo d of L: their sum at place i. */
static float tree(const float *x, int L, int l, int d, size_t i)
{
    return d == L ? x[(size_t)l * TOTAL + i]
                  : tree(x, L, l, 2 * d, i) + tree(x, L, l + d, 2 * d, i);
}

static void check_tree(int L, bool rows, const float *x)
{
    static const int threads[] = {1, 2, 3, 5, 8};
    struct run r = {.rows = rows, .fails = -1, .x = (float *)x};
    real *sum;
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        struct rtd_pool *pool;
        struct rtd_lanes *l;
        int log = 0;
        while (1 << log < L)
            log++;
        assert_int_equal(rtd_pool_new(&pool, threads[t], &err), RTD_OK);
        assert_int_equal(rtd_lanes_new(&l, pool, TOTAL, L, rows ? &table : NULL, &err), RTD_OK);
        assert_true(rtd_lanes_blocks(l) <= threads[t] + log + 1);
        for (int again = 0; again < 3; again++) {
            assert_int_equal(rtd_lanes_run(l, add_lane, &r, &sum, &err), RTD_OK);
            for (size_t i = 0; i < TOTAL; i++)
                if (sum[i] != tree(x, L, 0, 1, i))
                    fail_msg("%d lanes, %d threads: place %zu", L, threads[t], i);
        }
        const struct rtd_touched *touched = rtd_lanes_touched(l);
        assert_int_equal(touched != NULL, rows);
        for (size_t row = 0, wanted; rows && row < ROWS; row++) {
            size_t seen = 0;
            wanted = 0;
            for (size_t k = 0; k < touched->n; k++)
                seen += touched->row[k] == row;
            for (int lane = 0; lane < L; lane++)
                wanted |= touches(lane, row);
            assert_int_equal(seen, wanted);
        }
        r.fails = L / 2;
        assert_int_equal(rtd_lanes_run(l, add_lane, &r, &sum, &err), RTD_EDATA);
        char want[24];
        snprintf(want, sizeof want, "lane %d", L / 2);
        assert_string_equal(err.text, want);
        err = (struct rtd_err){0};
        r.fails = -1;
        assert_int_equal(rtd_lanes_run(l, add_lane, &r, NULL, &err), RTD_OK);
        rtd_lanes_free(l);
        rtd_pool_free(pool);
    }
}

static void one_tree_for_any_threads(void **state)
{
    (void)state;
    float *x = need((size_t)MOST * TOTAL);
    for (int rows = 0; rows < 2; rows++) {
        for (int l = 0; l < MOST; l++)
            for (size_t i = 0; i < TOTAL; i++)
                x[(size_t)l * TOTAL + i] = value(l, i, rows);
        for (int L = 1; L <= MOST; L *= rows ? 4 : 2)
            check_tree(L, rows, x);
    }
    free(x);
}

static void lanes_are_a_power_of_two(void **state)
{
    (void)state;
    static const int wrong[] = {-1, 0, 3, 6, 12};
    struct rtd_pool *pool;
    struct rtd_lanes *l;
    assert_int_equal(rtd_pool_new(&pool, 1, &err), RTD_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(rtd_lanes_new(&l, pool, 16, wrong[i], NULL, &err), RTD_EUSAGE);
        err = (struct rtd_err){0};
    }
    rtd_pool_free(pool);
}

static void a_lane_has_every_lth_place(void **state)
{
    (void)state;
    for (int L = 1; L <= 8; L *= 2)
        for (size_t n = 0; n < 20; n++) {
            uint32_t order[20];
            size_t end = 0;
            rtd_lane_order(order, n, L);
            for (int l = 0; l < L; l++) {
                size_t from, to;
                rtd_lane_range(n, L, l, &from, &to);
                assert_int_equal(from, end);
                for (size_t k = from; k < to; k++)
                    assert_int_equal(order[k], (size_t)l + (k - from) * (size_t)L);
                end = to;
            }
            assert_int_equal(end, n);
        }
}

/* --- machines --- */

enum { BATCH = 32, LENGTH = 11, VOCAB = 43, LANES = 8, STEPS = 3 };

/* Records 0 .. BATCH - 1 of step t that are R modulo N; what they are depends on nothing else. */
static struct rtd_masked_batch make_batch(uint64_t t, size_t N, size_t R)
{
    struct rtd_masked_batch b = {.start = need(BATCH + 1),
                                 .mstart = need(BATCH + 1),
                                 .ids = need(BATCH * LENGTH),
                                 .types = need(BATCH * LENGTH),
                                 .positions = need(BATCH * LENGTH),
                                 .originals = need(BATCH * LENGTH),
                                 .index = need(BATCH)};
    for (uint64_t s = 0; s < BATCH; s++) {
        uint64_t index = t * BATCH + s;
        uint32_t draw = 0;
#define DRAW(n) rtd_below(rtd_rand32(4, RTD_RNG_SPLIT, 0, 0, index, draw++), n)
        uint32_t length = 1 + DRAW(LENGTH), at = b.start[b.nseq], slots = b.mstart[b.nseq];
        bool mine = s % N == R;
        for (uint32_t i = 0; i < length; i++) {
            int32_t id = (int32_t)DRAW(VOCAB), original = (int32_t)DRAW(VOCAB);
            bool masked = DRAW(4) == 0;
            b.slots += masked;
            if (!mine)
                continue;
            b.ids[at + i] = id;
            b.types[at + i] = i > 5;
            if (masked) {
                b.positions[slots] = (int32_t)i;
                b.originals[slots++] = original;
            }
        }
        b.tokens += length;
        if (!mine)
            continue;
        b.start[b.nseq + 1] = at + length;
        b.mstart[b.nseq + 1] = slots;
        b.index[b.nseq++] = index;
    }
    return b;
}

static void free_batch(struct rtd_masked_batch *b)
{
    void *all[] = {b->start, b->mstart, b->ids, b->types, b->positions, b->originals, b->index};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

struct machine {
    struct rtd_pool *pool;
    struct rtd_pretrain *p;
    struct rtd_optimizer opt;
    real *sum; /* of the lanes that it knows */
    struct rtd_sums u;
};

static struct machine start(int lanes, int threads)
{
    struct machine m = {0};
    struct rtd_config d, g;
    struct rtd_pretrain_options o;
    rtd_config_init(&d);
    strcpy(d.model_type, "electra");
    d.vocab_size = VOCAB;
    d.embedding_size = 12;
    d.hidden_size = 16;
    d.num_hidden_layers = 2;
    d.num_attention_heads = 2;
    d.intermediate_size = 20;
    d.max_position_embeddings = LENGTH;
    rtd_pretrain_defaults(&o);
    o.lanes = lanes;
    o.micro_tokens = 20;
    assert_int_equal(rtd_generator_config(&g, &d, 8, &err), RTD_OK);
    assert_int_equal(rtd_pool_new(&m.pool, threads, &err), RTD_OK);
    assert_int_equal(rtd_pretrain_new(&m.p, &d, &g, &o, m.pool, &err), RTD_OK);
    assert_int_equal(rtd_optimizer_init(&m.opt, &m.p->params, &err), RTD_OK);
    rtd_params_init(&m.p->params, 3, 0.1);
    rtd_config_free(&d);
    rtd_config_free(&g);
    return m;
}

static void stop(struct machine *m)
{
    rtd_optimizer_free(&m->opt);
    rtd_pretrain_free(m->p);
    rtd_pool_free(m->pool);
}

/* Every machine adds what its partner has to what it has itself. */
static void exchange(struct machine *m, size_t N, size_t distance)
{
    size_t total = m->p->params.total;
    real *theirs = need(N * total);
    struct rtd_sums u[8];
    for (size_t r = 0; r < N; r++) {
        memcpy(theirs + r * total, m[r ^ distance].sum, total * sizeof *theirs);
        u[r] = m[r ^ distance].u;
    }
    for (size_t r = 0; r < N; r++) {
        rtd_kernels()->add(m[r].sum, theirs + r * total, total);
        for (int i = 0; i < RTD_SUMS; i++)
            m[r].u.of[i] += u[r].of[i];
    }
    free(theirs);
}

/* STEPS updates by N machines; weights (of all of them the same) and the last gradient. */
static void train(size_t N, int threads, real **w, real **g, struct rtd_sums *u)
{
    struct machine m[8];
    for (size_t r = 0; r < N; r++)
        m[r] = start(LANES / (int)N, threads);
    size_t size = m[0].p->params.total * sizeof(real);
    for (uint64_t t = 0; t < STEPS; t++) {
        for (size_t r = 0; r < N; r++) {
            struct rtd_masked_batch b = make_batch(t, N, r);
            assert_int_equal(rtd_pretrain_batch(m[r].p, &rtd_electra, &b, &m[r].sum, &m[r].u, &err),
                             RTD_OK);
            free_batch(&b);
        }
        for (size_t d = N / 2; d >= 1; d /= 2)
            exchange(m, N, d);
        for (size_t r = 0; r < N; r++) {
            double norm;
            assert_int_equal(rtd_optimizer_step(&m[r].opt, &m[r].p->params, m[r].sum, NULL, 1e-3, t,
                                                m[r].pool, &norm, &err),
                             RTD_OK);
        }
    }
    *w = need(size / 4);
    *g = need(size / 4);
    memcpy(*w, m[0].p->params.w, size);
    memcpy(*g, m[0].sum, size);
    *u = m[0].u;
    for (size_t r = 0; r < N; r++) {
        assert_memory_equal(m[r].p->params.w, *w, size);
        assert_memory_equal(m[r].sum, *g, size);
        assert_memory_equal(&m[r].u, u, sizeof *u);
        stop(&m[r]);
    }
}

static void machines_give_one_process_s_bytes(void **state)
{
    (void)state;
    static const struct {
        size_t machines;
        int threads;
    } how[] = {{1, 1}, {1, 2}, {1, 3}, {1, 8}, {2, 1}, {2, 3}, {4, 1}, {4, 2}, {8, 1}};
    struct machine one = start(LANES, 1);
    size_t size = one.p->params.total * sizeof(real);
    stop(&one);
    real *w, *g, *first_w = NULL, *first_g = NULL;
    struct rtd_sums u, first_u = {0};
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        train(how[i].machines, how[i].threads, &w, &g, &u);
        if (i == 0) {
            first_w = w;
            first_g = g;
            first_u = u;
            continue;
        }
        assert_memory_equal(g, first_g, size);
        assert_memory_equal(w, first_w, size);
        assert_memory_equal(&u, &first_u, sizeof u);
        free(w);
        free(g);
    }
    free(first_w);
    free(first_g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_tree_for_any_threads),
        cmocka_unit_test(lanes_are_a_power_of_two),
        cmocka_unit_test(a_lane_has_every_lth_place),
        cmocka_unit_test(machines_give_one_process_s_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
