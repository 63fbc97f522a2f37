/* rtdtools - MIT licence
 *
 * Every set of kernels that this CPU can run against the plain reference: all shapes of tails,
 * outputs that must be overwritten full of NaN, arrays that end where the memory does, the
 * aliasing that kernels.h allows, and non-finite values, which must stay visible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rng.h"
#include "nn/kernels.h"

/* --- arrays ----------------------------------------------------------------------------------- */

/* An array whose end is the end of its last page, before one that cannot be touched; in front of it
 * stand floats of a known value. */
enum { FRONT = 32, ARRAYS = 64 };
#define MARK 12345.678f

static struct array {
    char *map;
    size_t length;
    float *x;
} arrays[ARRAYS];
static int taken;

static float *take(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = ((n + FRONT) * sizeof(float) + page - 1) / page * page;
    assert_true(taken < ARRAYS);
    struct array *a = &arrays[taken++];
    a->length = bytes + page;
    a->map = mmap(NULL, a->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(a->map != MAP_FAILED);
    assert_int_equal(mprotect(a->map + bytes, page, PROT_NONE), 0);
    a->x = (float *)(a->map + bytes) - n;
    for (int i = 1; i <= FRONT; i++)
        a->x[-i] = MARK;
    return a->x;
}

static void drop_all(void)
{
    while (taken) {
        struct array *a = &arrays[--taken];
        for (int i = 1; i <= FRONT; i++)
            assert_true(a->x[-i] == MARK);
        munmap(a->map, a->length);
    }
}

static uint32_t state = 1;

static double uniform(void)
{
    uint32_t w[4];
    rtd_philox(w, 7, 0, 0, 0, 0, state++);
    return rtd_unit(w[0]);
}

/* Roughly normal numbers. */
static float *noise(size_t n, double scale)
{
    float *x = take(n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * 2 * (uniform() + uniform() + uniform() - 1.5));
    return x;
}

static float *copy(const float *x, size_t n)
{
    return memcpy(take(n), x, n * sizeof *x);
}

static float *nothing(size_t n)
{
    float *x = take(n);
    for (size_t i = 0; i < n; i++)
        x[i] = NAN;
    return x;
}

static const char *current; /* the set, for messages */

/* |got - want| <= tolerance times the largest |want|, or times scale where that is larger. */
static void close_by(const char *what, const float *got, const float *want, size_t n, size_t C,
                     double tolerance, double scale)
{
    double largest = scale, worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++) {
        double e = fabs((double)got[i] - (double)want[i]);
        if (!(e <= worst)) {
            worst = e;
            at = i;
        }
    }
    if (!(worst <= tolerance * largest))
        fail_msg("%s %s, %zu columns: element %zu is %.9g, not %.9g (largest %.3g)", current, what,
                 C, at, (double)got[at], (double)want[at], largest);
}

static void close_to(const char *what, const float *got, const float *want, size_t n, size_t C,
                     double tolerance)
{
    close_by(what, got, want, n, C, tolerance, 1e-30);
}

static void same_bytes(const char *what, const float *got, const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(got + i, want + i, sizeof *got) != 0)
            fail_msg("%s %s: element %zu is %.9g, not %.9g", current, what, i, (double)got[i],
                     (double)want[i]);
}

/* Run a test of one set for all sets and shapes. */
static const size_t columns[] = {1,  2,  3,  7,   8,   9,   13,  15,  16,  17,  31,  33,  48,
                                 63, 64, 65, 100, 112, 127, 128, 129, 131, 192, 256, 257, 300};
static const size_t rows[] = {1, 2, 3, 4, 5, 9};

typedef void (*one_test)(const struct rtd_kernels *k, size_t T, size_t C);

static void for_all(one_test run)
{
    for (int i = 1; rtd_kernels_at(i); i++) {
        current = rtd_kernels_at(i)->name;
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
                run(rtd_kernels_at(i), rows[r], columns[c]);
                drop_all();
            }
    }
}

static const struct rtd_kernels *plain(void)
{
    return rtd_kernels_at(0);
}

/* Dropout variants: none, rate 0, 0.1, 0.5; with large counters that wrap. */
enum { DROPS = 4 };
static struct rtd_drop drop_at;
static const struct rtd_drop *drop_number(int i)
{
    drop_at = (struct rtd_drop){.seed = 0x123456789abcdef0,
                                .index = 0xfedcba9876543210,
                                .site = RTD_RNG_DROP_FFN << 16 | 0x203,
                                .row0 = 3};
    rtd_drop_rate(&drop_at, i == 1 ? 0 : i == 2 ? 0.1 : 0.5);
    if (i == 3)
        drop_at.row0 = 0xfffffffe;
    return i == 0 ? NULL : &drop_at;
}

/* --- kernels ---------------------------------------------------------------------------------- */

/* One addition, rounded once: exact. */
static void one_add(const struct rtd_kernels *k, size_t T, size_t C)
{
    float *x = noise(T * C, 1), *b = noise(C, 1), *want = copy(x, T * C), *got = copy(x, T * C);
    plain()->add_bias(want, b, T, C);
    k->add_bias(got, b, T, C);
    same_bytes("add_bias", got, want, T * C);
    plain()->add(want, x, T * C);
    k->add(got, x, T * C);
    same_bytes("add", got, want, T * C);
}

/* Sums of up to nine floats in another order: a few roundings. */
static void one_bias_bwd(const struct rtd_kernels *k, size_t T, size_t C)
{
    float *dy = noise(T * C, 1), *db = noise(C, 1), *want = copy(db, C), *got = copy(db, C);
    plain()->bias_bwd(want, dy, T, C);
    k->bias_bwd(got, dy, T, C);
    close_to("bias_bwd", got, want, C, C, 5e-7);
}

/* Polynomials good to 2e-7 of 1, and roundings. */
static void one_act(const struct rtd_kernels *k, size_t T, size_t C)
{
    for (int act = RTD_GELU; act <= RTD_TANH; act++) {
        float *u = noise(T * C, 2), *b = noise(C, 1), *ru = copy(u, T * C), *gu = copy(u, T * C);
        float *ry = nothing(T * C), *gy = nothing(T * C);
        plain()->bias_act_fwd(ry, ru, b, T, C, (enum rtd_activation)act);
        k->bias_act_fwd(gy, gu, b, T, C, (enum rtd_activation)act);
        same_bytes("bias_act_fwd u", gu, ru, T * C);
        for (size_t i = 0; i < T * C; i++)
            if (!(fabs((double)gy[i] - (double)ry[i]) <= 2e-7 + 1.2e-7 * fabs((double)ry[i])))
                fail_msg("%s activation %d of %.9g is %.9g, not %.9g", current, act, (double)ru[i],
                         (double)gy[i], (double)ry[i]);
        float *dy = noise(T * C, 1), *rd = copy(dy, T * C), *gd = copy(dy, T * C);
        float *rdb = noise(C, 1), *gdb = copy(rdb, C);
        plain()->bias_act_bwd(rd, rdb, ru, T, C, (enum rtd_activation)act);
        k->bias_act_bwd(gd, gdb, ru, T, C, (enum rtd_activation)act);
        for (size_t i = 0; i < T * C; i++) /* slopes good to 5e-7, as over the whole range below */
            if (!(fabs((double)gd[i] - (double)rd[i]) <=
                  5e-7 * fabs((double)dy[i]) + 1.2e-7 * fabs((double)rd[i])))
                fail_msg("%s slope %d at %.9g: %.9g, not %.9g", current, act, (double)ru[i],
                         (double)gd[i], (double)rd[i]);
        close_to("bias_act_bwd db", gdb, rdb, C, C, 3e-6);
        drop_all();
    }
}

/* Sums in float of up to 300 numbers, and one square root: 1e-6 of the largest. */
static void one_layernorm(const struct rtd_kernels *k, size_t T, size_t C)
{
    float *x = noise(T * C, 1), *w = noise(C, 1), *b = noise(C, 1);
    for (size_t i = 0; i < T * C; i++)
        x[i] += 0.5f;
    float *ry = nothing(T * C), *rm = nothing(T), *rr = nothing(T);
    float *gy = nothing(T * C), *gm = nothing(T), *gr = nothing(T);
    plain()->layernorm_fwd(ry, rm, rr, x, w, b, T, C, 1e-12f);
    k->layernorm_fwd(gy, gm, gr, x, w, b, T, C, 1e-12f);
    if (C > 1) { /* one column has variance 0: y is b, and rstd a million */
        close_to("layernorm_fwd y", gy, ry, T * C, C, C < 4 ? 1e-4 : 2e-6);
        close_by("layernorm_fwd mean", gm, rm, T, C, 5e-7, 1);
        close_to("layernorm_fwd rstd", gr, rr, T, C, C < 4 ? 1e-4 : 2e-6);
    } else {
        close_to("layernorm_fwd y", gy, b, 1, C, 1e-6);
    }
    float *same = copy(x, T * C);
    k->layernorm_fwd(same, gm, gr, same, w, b, T, C, 1e-12f);
    same_bytes("layernorm_fwd y = x", same, gy, T * C);
    for (size_t t = 0; t < T; t++) { /* a row does not depend on its neighbours */
        k->layernorm_fwd(same, gm, gr, x + t * C, w, b, 1, C, 1e-12f);
        same_bytes("layernorm_fwd of one row", same, gy + t * C, C);
    }

    float *dy = noise(T * C, 1), *rdx = nothing(T * C), *gdx = nothing(T * C);
    float *rdw = noise(C, 1), *rdb = noise(C, 1), *gdw = copy(rdw, C), *gdb = copy(rdb, C);
    if (C == 1)
        for (size_t t = 0; t < T; t++)
            rr[t] = 1;
    plain()->layernorm_bwd(rdx, rdw, rdb, dy, x, w, rm, rr, T, C);
    k->layernorm_bwd(gdx, gdw, gdb, dy, x, w, rm, rr, T, C);
    close_to("layernorm_bwd dw", gdw, rdw, C, C, 2e-6);
    close_to("layernorm_bwd db", gdb, rdb, C, C, 2e-6);
    if (C > 2) /* with two columns it is zero but for rounding */
        close_to("layernorm_bwd dx", gdx, rdx, T * C, C, 2e-5);
    same = copy(dy, T * C);
    k->layernorm_bwd(same, gdw, gdb, same, x, w, rm, rr, T, C);
    same_bytes("layernorm_bwd dx = dy", same, gdx, T * C);
}

/* The same numbers are dropped, and the scale is one multiplication: exact. */
static void one_dropout(const struct rtd_kernels *k, size_t T, size_t C)
{
    for (int i = 1; i < DROPS; i++) {
        const struct rtd_drop *d = drop_number(i);
        float *x = noise(T * C, 1), *want = copy(x, T * C), *got = copy(x, T * C);
        plain()->dropout(want, T, C, d);
        k->dropout(got, T, C, d);
        same_bytes("dropout", got, want, T * C);
    }
}

/* As LayerNorm, after one more addition or two. */
static void one_residual(const struct rtd_kernels *k, size_t T, size_t C)
{
    for (int i = 0; i < DROPS; i++) {
        const struct rtd_drop *d = drop_number(i);
        float *z = noise(T * C, 1), *res = noise(T * C, 1), *bias = noise(C, 1);
        float *w = noise(C, 1), *b = noise(C, 1), *rz = copy(z, T * C), *gz = copy(z, T * C);
        float *ry = nothing(T * C), *rm = nothing(T), *rr = nothing(T);
        float *gy = nothing(T * C), *gm = nothing(T), *gr = nothing(T);
        plain()->residual_layernorm_fwd(ry, rz, rm, rr, res, bias, w, b, T, C, 1e-12f, d);
        k->residual_layernorm_fwd(gy, gz, gm, gr, res, bias, w, b, T, C, 1e-12f, d);
        close_to("residual_layernorm_fwd z", gz, rz, T * C, C, 3e-7);
        if (C > 3) {
            close_to("residual_layernorm_fwd y", gy, ry, T * C, C, 4e-6);
            close_by("residual_layernorm_fwd mean", gm, rm, T, C, 5e-7, 1);
            close_to("residual_layernorm_fwd rstd", gr, rr, T, C, 4e-6);
        }
        float *dy = noise(T * C, 1), *rdx = nothing(T * C), *gdx = nothing(T * C);
        float *rres = nothing(T * C), *gres = nothing(T * C), *same = copy(dy, T * C);
        float *radd = noise(3 * C, 1), *gadd = copy(radd, 3 * C), *sadd = copy(radd, 3 * C);
        for (size_t t = 0; t < T; t++)
            rr[t] = fminf(rr[t], 1);
        plain()->residual_layernorm_bwd(rdx, rres, radd, radd + C, radd + 2 * C, dy, rz, w, rm, rr,
                                        T, C, d);
        k->residual_layernorm_bwd(gdx, gres, gadd, gadd + C, gadd + 2 * C, dy, rz, w, rm, rr, T, C,
                                  d);
        close_to("residual_layernorm_bwd sums", gadd, radd, 3 * C, C, 4e-6);
        if (C > 2) {
            close_to("residual_layernorm_bwd dx", gdx, rdx, T * C, C, 2e-5);
            close_to("residual_layernorm_bwd dres", gres, rres, T * C, C, 2e-5);
        }
        k->residual_layernorm_bwd(gdx, same, sadd, sadd + C, sadd + 2 * C, same, rz, w, rm, rr, T,
                                  C, d);
        same_bytes("residual_layernorm_bwd dres = dy", same, gres, T * C);
        drop_all();
    }
}

/* exp to 1e-7, a sum, a product or two. */
static void one_softmax(const struct rtd_kernels *k, size_t T, size_t C)
{
    for (int i = 0; i < DROPS; i++) {
        const struct rtd_drop *d = drop_number(i);
        float *p = noise(T * C, 20), *rp = copy(p, T * C), *gp = copy(p, T * C);
        float *rpd = nothing(T * C), *gpd = nothing(T * C);
        plain()->softmax_fwd(rp, rpd, T, C, 0.3f, d);
        k->softmax_fwd(gp, gpd, T, C, 0.3f, d);
        for (size_t n = 0; n < T * C; n++)
            if (!(fabsf(gp[n] - rp[n]) <= 2e-6f * rp[n] + 1e-37f))
                fail_msg("%s softmax of %.9g is %.9g, not %.9g", current, (double)p[n],
                         (double)gp[n], (double)rp[n]);
        if (d)
            close_to("softmax_fwd pd", gpd, rpd, T * C, C, 1e-6);
        else
            assert_true(isnan(gpd[0]));
        float *one = copy(p, T * C), *unused = nothing(C);
        k->softmax_fwd(one, unused, 1, C, 0.3f, d);
        same_bytes("softmax_fwd of one row", one, gp, C);

        float *rdp = noise(T * C, 1), *gdp = copy(rdp, T * C), *rq = nothing(T * C);
        float *gq = nothing(T * C);
        plain()->softmax_bwd(rdp, rq, rp, T, C, 0.3f, d);
        k->softmax_bwd(gdp, gq, rp, T, C, 0.3f, d);
        close_by("softmax_bwd dp", gdp, rdp, T * C, C, 1e-6, 1); /* differences of numbers near 1 */
        if (d)
            same_bytes("softmax_bwd pd", gq, rq, T * C);
        else
            assert_true(isnan(gq[0]));
        drop_all();
    }
}

/* Losses are sums in double of exps good to 1e-7; gradients are those times gscale. */
static void one_xent(const struct rtd_kernels *k, size_t T, size_t C)
{
    size_t V = T == 9 ? C * 97 : C * T; /* some with thousands of columns */
    float *x = noise(V, 6), *want = copy(x, V), *got = copy(x, V), *kept = copy(x, V);
    int32_t target = (int32_t)(uniform() * (double)V);
    double rl = plain()->xent(want, V, target, 0.25f), gl = k->xent(got, V, target, 0.25f);
    assert_true(fabs(rl - gl) <= 1e-6 * fmax(1, rl));
    close_by("xent gradient", got, want, V, V, 1e-6, 0.25);
    assert_true(k->xent(kept, V, target, 0) == gl);
    same_bytes("xent without gradient", kept, x, V);
}

static void one_optimiser(const struct rtd_kernels *k, size_t T, size_t C)
{
    size_t n = T * C;
    float *p = noise(n, 1), *m = noise(n, 1), *v = noise(n, 1), *g = noise(n, 1);
    for (size_t i = 0; i < n; i++)
        v[i] = fabsf(v[i]) + 0.01f; /* a v near 0 makes the roundings of m large */
    float *rp = copy(p, n), *rm = copy(m, n), *rv = copy(v, n);
    for (int correction = 0; correction < 2; correction++) {
        struct rtd_adamw o = {.lr = 0.01f,
                              .beta1 = 0.9f,
                              .beta2 = 0.999f,
                              .gain1 = 0.1f,
                              .gain2 = 0.001f,
                              .eps = 1e-6f,
                              .weight_decay = 0.01f,
                              .clip = 0.7f,
                              .correct1 = 1,
                              .correct2 = 1};
        if (correction) {
            o.correct1 = 1 / (1 - 0.9f);
            o.correct2 = 1 / (1 - 0.999f);
        }
        plain()->adamw(rp, rm, rv, g, n, &o);
        k->adamw(p, m, v, g, n, &o);
        close_to("adamw p", p, rp, n, C, 3e-7); /* a handful of roundings */
        close_to("adamw m", m, rm, n, C, 3e-7);
        close_to("adamw v", v, rv, n, C, 3e-7);
        memset(rm, 0, n * sizeof *rm);
        memset(rv, 0, n * sizeof *rv);
        float *nought = copy(rm, n), *q = copy(p, n);
        k->adamw(p, rm, rv, nought, n, &o);
        k->decay(q, n, &o);
        same_bytes("decay", q, p, n);
        memcpy(rp, p, n * sizeof *rp);
        memcpy(rm, m, n * sizeof *rm);
        memcpy(rv, v, n * sizeof *rv);
    }
    double want = plain()->sumsq(g, n), got = k->sumsq(g, n);
    assert_true(fabs(got - want) <= 1e-14 * want); /* both in double */
}

/* --- whole ranges and values that are not finite ------------------------------------------------
 */

/* The activations over their whole range against double arithmetic. */
static void test_activation_range(void **unused)
{
    (void)unused;
    enum { N = 200001 };
    for (int i = 1; rtd_kernels_at(i); i++) {
        const struct rtd_kernels *k = rtd_kernels_at(i);
        for (int act = RTD_GELU; act <= RTD_TANH; act++) {
            float *u = take(N), *zero = take(N), *y = nothing(N), *d = take(N), *db = take(N);
            float *ry = nothing(N), *rd = take(N), *rdb = take(N);
            for (size_t n = 0; n < N; n++) {
                u[n] = ((float)n - N / 2) * 1e-4f;
                d[n] = rd[n] = 1;
                zero[n] = db[n] = rdb[n] = 0;
            }
            plain()->bias_act_fwd(ry, u, zero, 1, N, (enum rtd_activation)act);
            k->bias_act_fwd(y, u, zero, 1, N, (enum rtd_activation)act);
            plain()->bias_act_bwd(rd, rdb, u, 1, N, (enum rtd_activation)act);
            k->bias_act_bwd(d, db, u, 1, N, (enum rtd_activation)act);
            for (size_t n = 0; n < N; n++) {
                double scale = 1.2e-7 * fabs((double)ry[n]);
                if (!(fabs((double)y[n] - (double)ry[n]) <= 2e-7 + scale))
                    fail_msg("%s: activation %d at %.9g: %.9g, not %.9g", k->name, act,
                             (double)u[n], (double)y[n], (double)ry[n]);
                if (!(fabs((double)d[n] - (double)rd[n]) <= 5e-7))
                    fail_msg("%s: slope %d at %.9g: %.9g, not %.9g", k->name, act, (double)u[n],
                             (double)d[n], (double)rd[n]);
            }
            drop_all();
        }
        float u[5] = {-1000, -90, 0, 90, 1000}, b[5] = {0}, y[5];
        for (int act = RTD_GELU; act <= RTD_RELU; act++) {
            k->bias_act_fwd(y, u, b, 1, 5, (enum rtd_activation)act);
            for (int n = 0; n < 5; n++)
                assert_true(fabsf(y[n] - (u[n] > 0 ? u[n] : 0)) < 1e-6f);
        }
    }
}

/* Differences far below the largest logit, and equal ones. */
static void test_extreme_logits(void **unused)
{
    (void)unused;
    for (int i = 1; rtd_kernels_at(i); i++) {
        const struct rtd_kernels *k = rtd_kernels_at(i);
        float x[40], pd[40];
        for (int n = 0; n < 40; n++)
            x[n] = n == 5 ? 3e4f : -3e4f;
        assert_true(k->xent(x, 40, 5, 0) == 0);
        assert_true(fabs(k->xent(x, 40, 6, 0) - 6e4) < 1);
        k->softmax_fwd(x, pd, 1, 40, 1, NULL);
        for (int n = 0; n < 40; n++)
            assert_true(x[n] == (n == 5 ? 1 : 0));
        for (int n = 0; n < 40; n++)
            x[n] = -1e30f;
        k->softmax_fwd(x, pd, 1, 40, 1, NULL);
        for (int n = 0; n < 40; n++)
            assert_true(fabsf(x[n] - 1 / 40.0f) < 1e-8f);
    }
}

/* A NaN or an infinity at any place of any kernel's input has to be seen behind it. */
static void test_not_finite(void **unused)
{
    (void)unused;
    enum { C = 53 };
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; rtd_kernels_at(i); i++) {
        const struct rtd_kernels *k = rtd_kernels_at(i);
        current = k->name;
        for (size_t at = 0; at < C; at++)
            for (int b = 0; b < 3; b++) {
                float *x = noise(C, 1), *w = noise(C, 1), *y = nothing(C), *z = noise(C, 1);
                float *u = copy(x, C), *s = copy(x, C), *r = copy(x, C), *zero = take(C);
                float *sums = noise(4 * C, 1), mean, rstd;
                float bad_at = bad[b];
                memset(zero, 0, C * sizeof *zero);
                x[at] = u[at] = s[at] = bad_at;
                k->layernorm_fwd(y, &mean, &rstd, x, w, z, 1, C, 1e-12f);
                assert_false(isfinite(y[at]));
                k->layernorm_bwd(y, sums, sums + C, x, z, w, zero, sums + 2 * C, 1, C);
                assert_false(isfinite(y[at]));
                k->residual_layernorm_fwd(y, u, &mean, &rstd, r, z, w, z, 1, C, 1e-12f, NULL);
                assert_false(isfinite(y[at]));
                if (bad_at < 0) {
                    s[at] = 0; /* exp(-inf) is 0: a mask, and no fault */
                } else {
                    assert_false(isfinite(k->xent(s, C, 0, 0)));
                    k->softmax_fwd(s, y, 1, C, 1, NULL);
                    assert_false(isfinite(s[0]));
                }
                assert_false(isfinite(k->sumsq(x, C)));
                for (int act = RTD_GELU; act <= RTD_TANH; act++) {
                    float *v = copy(x, C), *d = copy(r, C), *out = nothing(C);
                    k->bias_act_fwd(out, v, zero, 1, C, (enum rtd_activation)act);
                    if (isnan(bad_at) || (act != RTD_TANH && (bad_at > 0 || act != RTD_RELU)))
                        assert_false(isfinite(out[at]));
                    d[at] = bad_at;
                    k->bias_act_bwd(d, sums, r, 1, C, (enum rtd_activation)act);
                    if (act != RTD_RELU)
                        assert_false(isfinite(d[at]));
                }
                struct rtd_adamw o = {.lr = 1,
                                      .beta1 = 0.9f,
                                      .beta2 = 0.999f,
                                      .gain1 = 0.1f,
                                      .gain2 = 0.001f,
                                      .eps = 1e-6f,
                                      .clip = 1,
                                      .correct1 = 1,
                                      .correct2 = 1};
                for (size_t n = 0; n < C; n++)
                    z[n] = fabsf(z[n]);
                k->adamw(r, y, z, x, C, &o);
                assert_false(isfinite(r[at]));
                drop_all();
            }
    }
}

#define FOR_ALL(name)                      \
    static void test_##name(void **unused) \
    {                                      \
        (void)unused;                      \
        for_all(one_##name);               \
    }
FOR_ALL(add)
FOR_ALL(bias_bwd)
FOR_ALL(act)
FOR_ALL(layernorm)
FOR_ALL(dropout)
FOR_ALL(residual)
FOR_ALL(softmax)
FOR_ALL(xent)
FOR_ALL(optimiser)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_bias_bwd),
        cmocka_unit_test(test_act),
        cmocka_unit_test(test_layernorm),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_residual),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_xent),
        cmocka_unit_test(test_optimiser),
        cmocka_unit_test(test_activation_range),
        cmocka_unit_test(test_extreme_logits),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
