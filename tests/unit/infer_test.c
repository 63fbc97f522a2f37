/* rtdtools - MIT licence
 *
 * Models put to use: the reference's logits, and the same bytes in any company. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "predict/infer.h"
#include "support/integers.h"

#define GOLDEN "tests/golden/tiny/"

static int32_t *ints(const struct rtd_st *st, const char *name, size_t *count)
{
    const struct rtd_st_tensor *t = rtd_st_find(st, name);
    assert_non_null(t);
    int32_t *x = malloc(t->count * sizeof *x);
    assert_true(integers_of(t, x));
    *count = t->count;
    return x;
}

static float *floats(const struct rtd_st *st, const char *name, size_t *count)
{
    struct rtd_err err = {0};
    const struct rtd_st_tensor *t = rtd_st_find(st, name);
    assert_non_null(t);
    float *x = malloc(t->count * sizeof *x);
    assert_int_equal(rtd_st_get_f32(st, t, x, t->count, &err), RTD_OK);
    *count = t->count;
    return x;
}

static size_t rows, width; /* of the padded golden inputs */
static int32_t *mask;      /* [rows, width] */

/* Golden inputs without their padding; `ids` names them. */
static void load_inputs(struct rtd_sequences *s, const struct rtd_st *st, const char *ids_name)
{
    size_t n;
    int32_t *ids = ints(st, ids_name, &n), *types = ints(st, "token_type_ids", &n);
    mask = ints(st, "attention_mask", &n);
    rows = rtd_st_find(st, ids_name)->dims[0];
    width = n / rows;
    *s = (struct rtd_sequences){.n = rows};
    s->start = calloc(rows + 1, sizeof *s->start);
    s->ids = calloc(n, sizeof *s->ids);
    s->types = calloc(n, 1);
    size_t used = 0;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < width; i++)
            if (mask[r * width + i]) {
                s->ids[used] = ids[r * width + i];
                s->types[used++] = (uint8_t)types[r * width + i];
            }
        s->start[r + 1] = (uint32_t)used;
    }
    free(ids);
    free(types);
}

static void open_all(struct rtd_model_dir *m, struct rtd_pool **pool, struct rtd_infer **f,
                     const char *dir, int threads)
{
    struct rtd_err err = {0};
    assert_int_equal(rtd_model_dir_open(m, dir, 0, &err), RTD_OK);
    assert_int_equal(rtd_pool_new(pool, threads, &err), RTD_OK);
    if (rtd_infer_open(f, m, *pool, true, &err))
        fail_msg("%s", err.text);
}

static int run_only(struct rtd_infer *f, const struct rtd_sequences *s, float *out)
{
    struct rtd_err err = {0};
    const int head = 0;
    return rtd_infer_run(f, s, &head, 1, &out, &err);
}

static void close_all(struct rtd_model_dir *m, struct rtd_pool *pool, struct rtd_infer *f)
{
    rtd_infer_close(f);
    rtd_pool_free(pool);
    rtd_model_dir_close(m);
}

static void check(float got, float want, float scale)
{
    if (!(fabsf(got - want) <= 2e-5f * scale))
        fail_msg("%.8g, want %.8g", (double)got, (double)want);
}

static float largest(const float *x, size_t n)
{
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(x[i]));
    return most;
}

static void logits_are_the_references(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_st *inputs, *outputs;
    struct rtd_sequences s;
    struct rtd_model_dir m;
    struct rtd_pool *pool;
    struct rtd_infer *f;
    size_t n;
    assert_int_equal(rtd_st_open(&inputs, GOLDEN "pretrain.safetensors", &err), RTD_OK);
    assert_int_equal(rtd_st_open(&outputs, GOLDEN "classify.safetensors", &err), RTD_OK);
    float *want = floats(outputs, rtd_st_at(outputs, 0)->name, &n), *got = calloc(n, sizeof *got);
    load_inputs(&s, inputs, "input_ids");
    assert_int_equal(n, 3 * s.n);
    open_all(&m, &pool, &f, GOLDEN "classify", 2);
    assert_int_equal(run_only(f, &s, got), RTD_OK);
    for (size_t i = 0; i < n; i++)
        check(got[i], want[i], largest(want, n));
    close_all(&m, pool, f);
    rtd_sequences_free(&s);
    free(mask);
    free(got);
    free(want);

    want = floats(inputs, "discriminator_logits", &n);
    load_inputs(&s, inputs, "fake_input_ids");
    got = calloc(s.start[s.n], sizeof *got);
    open_all(&m, &pool, &f, GOLDEN "discriminator", 2);
    assert_int_equal(run_only(f, &s, got), RTD_OK);
    size_t at = 0;
    for (size_t i = 0; i < rows * width; i++)
        if (mask[i])
            check(got[at++], want[i], largest(want, n));
    assert_int_equal(at, s.start[s.n]);
    close_all(&m, pool, f);
    rtd_sequences_free(&s);
    free(mask);
    free(got);
    free(want);
    rtd_st_close(inputs);
    rtd_st_close(outputs);
}

/* 300 sequences of 2 to 31 tokens; each alone, and all at once, with 1 and 3 threads. */
static void company_and_threads_change_nothing(void **state)
{
    (void)state;
    enum { N = 300 };
    struct rtd_sequences s = {.n = N}, one = {.n = 1};
    uint32_t start[N + 1] = {0}, alone[2] = {0};
    static int32_t ids[N * 32];
    static uint8_t types[N * 32];
    static float all[2][N * 32], single[32];
    for (uint32_t r = 0; r < N; r++) {
        start[r + 1] = start[r] + 2 + rtd_below(rtd_rand32(1, 99, 0, 0, r, 0), 30);
        for (uint32_t i = start[r]; i < start[r + 1]; i++)
            ids[i] = (int32_t)rtd_below(rtd_rand32(1, 99, 0, 0, r, i + 1), 97);
    }
    s.start = start;
    s.ids = ids;
    s.types = types;
    for (int head = 0; head < 2; head++) {
        struct rtd_model_dir m;
        struct rtd_pool *pool;
        struct rtd_infer *f;
        const char *dir = head ? GOLDEN "discriminator" : GOLDEN "classify";
        size_t n = head ? start[N] : 3 * N;
        for (int k = 0; k < 2; k++) {
            open_all(&m, &pool, &f, dir, k ? 3 : 1);
            assert_int_equal(run_only(f, &s, all[k]), RTD_OK);
            if (k == 0)
                close_all(&m, pool, f);
        }
        assert_memory_equal(all[0], all[1], n * sizeof(float));
        for (size_t r = 0; r < N; r++) {
            alone[1] = start[r + 1] - start[r];
            one.start = alone;
            one.ids = ids + start[r];
            one.types = types + start[r];
            assert_int_equal(run_only(f, &one, single), RTD_OK);
            assert_memory_equal(single, all[0] + (head ? start[r] : 3 * r),
                                (head ? alone[1] : 3) * sizeof(float));
        }
        close_all(&m, pool, f);
    }
}

/* What PyTorch makes of a sequence's hidden states hidden (n,h), in doubles. */
static void pool_by_hand(double *row, const float *hidden, size_t n, size_t h, enum rtd_pooling how)
{
    for (size_t c = 0; c < h; c++) {
        double sum = 0, most = -INFINITY;
        for (size_t t = 0; t < n; t++) {
            sum += (double)hidden[t * h + c];
            most = fmax(most, (double)hidden[t * h + c]);
        }
        row[c] = how == RTD_POOL_CLS    ? (double)hidden[c]
                 : how == RTD_POOL_MAX  ? most
                 : how == RTD_POOL_MEAN ? sum / (double)n
                                        : sum / sqrt((double)n);
    }
}

/* Four poolings side by side, a dense layer with tanh, length 1, a dense layer with neither bias
 * nor activation: on the reference's hidden states, by hand. */
static void vectors_are_what_the_modules_say(void **state)
{
    (void)state;
    enum { H = 16, P = 4 * H, D = 5, E = 3 };
    static const enum rtd_pooling four[] = {RTD_POOL_MEAN_SQRT, RTD_POOL_MAX, RTD_POOL_CLS,
                                            RTD_POOL_MEAN};
    struct rtd_err err = {0};
    struct rtd_st *inputs;
    struct rtd_sequences s;
    struct rtd_model_dir m;
    struct rtd_pool *threads;
    struct rtd_infer *f;
    struct rtd_embedding how = {.poolings = 4, .width = P, .widest = P};
    float w[2][D * P], b[2][D] = {{0.1f, -0.2f, 0.3f, -0.4f, 0.5f}};
    size_t n;
    memcpy(how.pooling, four, sizeof four);
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < D * P; i++)
            w[k][i] = (float)(rtd_unit(rtd_rand32(3, 99, 0, 0, (uint64_t)k, i)) - 0.5);
    assert_int_equal(rtd_st_open(&inputs, GOLDEN "pretrain.safetensors", &err), RTD_OK);
    load_inputs(&s, inputs, "fake_input_ids");
    open_all(&m, &threads, &f, GOLDEN "discriminator", 2);
    int layers = rtd_infer_network(f)->enc.layers;
    char name[32];
    snprintf(name, sizeof name, "disc_hidden_%d", layers);
    float *hidden = floats(inputs, name, &n), *states = malloc(s.start[s.n] * H * sizeof *states);
    assert_int_equal(n, rows * width * H);
    for (size_t i = 0, at = 0; i < rows * width; i++)
        if (mask[i])
            memcpy(states + H * at++, hidden + H * i, H * sizeof *states);
    float *got = calloc(s.n, P * sizeof *got);
    for (int stages = 0; stages <= 3; stages++) {
        how.stages = stages;
        how.stage[0] = (struct rtd_embedding_stage){
            .kind = RTD_STAGE_DENSE, .in = P, .out = D, .w = w[0], .b = b[0], .act = RTD_TANH};
        how.stage[1] = (struct rtd_embedding_stage){.kind = RTD_STAGE_NORMALISE};
        how.stage[2] = (struct rtd_embedding_stage){
            .kind = RTD_STAGE_DENSE, .in = D, .out = E, .w = w[1], .b = b[1], .act = -1};
        how.width = stages == 0 ? P : stages < 3 ? D : E;
        assert_int_equal(rtd_infer_embed(f, &s, layers, &how, got, &err), RTD_OK);
        for (size_t r = 0; r < s.n; r++) {
            double v[P], y[D], z[E], norm = 0;
            for (size_t k = 0; k < 4; k++)
                pool_by_hand(v + k * H, states + s.start[r] * H, s.start[r + 1] - s.start[r], H,
                             four[k]);
            for (size_t o = 0; o < D; o++) {
                y[o] = (double)b[0][o];
                for (size_t i = 0; i < P; i++)
                    y[o] += (double)w[0][o * P + i] * v[i];
                y[o] = tanh(y[o]);
                norm += y[o] * y[o];
            }
            for (size_t o = 0; o < D && stages > 1; o++)
                y[o] /= sqrt(norm);
            for (size_t o = 0; o < E; o++) {
                z[o] = 0;
                for (size_t i = 0; i < D; i++)
                    z[o] += (double)w[1][o * D + i] * y[i];
            }
            const double *want = stages == 0 ? v : stages < 3 ? y : z;
            for (size_t i = 0; i < how.width; i++)
                check(got[r * how.width + i], (float)want[i], 4);
        }
    }
    close_all(&m, threads, f);
    rtd_sequences_free(&s);
    rtd_st_close(inputs);
    free(mask);
    free(hidden);
    free(states);
    free(got);
}

static void a_missing_head_is_named(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_model_dir m;
    struct rtd_pool *pool;
    struct rtd_infer *f;
    open_all(&m, &pool, &f, GOLDEN "discriminator", 1);
    assert_int_equal(
        rtd_network_head(rtd_infer_network(f), 1u << RTD_TASK_CLASSIFY, NULL, "x", &err), -1);
    assert_int_equal(err.status, RTD_EDATA);
    assert_string_equal(err.text, "x: ElectraForPreTraining: no head for classify");
    close_all(&m, pool, f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_the_references),
        cmocka_unit_test(company_and_threads_change_nothing),
        cmocka_unit_test(vectors_are_what_the_modules_say),
        cmocka_unit_test(a_missing_head_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
