/* rtdtools - MIT licence
 *
 * Every backward kernel against central differences of its forward kernel, element by element, in
 * double, dropout on and off.  (The tuned kernels are float, and are tested against these.) */
#ifndef RTD_DOUBLE
#define RTD_DOUBLE /* the build gives it, other readers of this file may not */
#endif
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

enum { ROWS = 5, COLUMNS = 131, MOST = ROWS * COLUMNS };

static uint32_t state = 1;

static void noise(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 4 * rtd_unit(rtd_rand32(3, 0, 0, 0, 0, state++)) - 2;
}

/* One problem: the inputs, and the weights r of the outputs in the number that is differentiated.
 */
struct problem {
    size_t T, C;
    const struct rtd_drop *drop;
    enum rtd_activation act;
    double x[MOST], res[MOST], r[MOST], bias[COLUMNS], w[COLUMNS], b[COLUMNS];
    int32_t target;
};

static const struct rtd_kernels *k;

static double weighted(const struct problem *p, const double *y)
{
    double sum = 0;
    for (size_t i = 0; i < p->T * p->C; i++)
        sum += p->r[i] * y[i];
    return sum;
}

typedef double (*forward)(const struct problem *p);

/* gradient (n) is that of f with respect to x, a part of p. */
static void check(const char *what, struct problem *p, forward f, double *x, size_t n,
                  const double *gradient)
{
    const double h = 1e-5;
    double largest = 1e-3;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(gradient[i]));
    for (size_t i = 0; i < n; i++) {
        double kept = x[i];
        x[i] = kept + h;
        double up = f(p);
        x[i] = kept - h;
        double down = f(p);
        x[i] = kept;
        double slope = (up - down) / (2 * h);
        /* h h / 6 of third derivatives, and 1e-16 / h of rounding */
        if (!(fabs(slope - gradient[i]) <= 3e-7 * largest))
            fail_msg("%s, %zu x %zu, dropout %s: element %zu is %.12g, by differences %.12g", what,
                     p->T, p->C, p->drop ? "on" : "off", i, gradient[i], slope);
    }
}

static double act_forward(const struct problem *p)
{
    static double u[MOST], y[MOST];
    memcpy(u, p->x, sizeof u);
    k->bias_act_fwd(y, u, p->bias, p->T, p->C, p->act);
    return weighted(p, y);
}

static void check_act(struct problem *p)
{
    static double u[MOST], y[MOST], d[MOST], db[COLUMNS];
    for (int act = RTD_GELU; act <= RTD_TANH; act++) {
        p->act = (enum rtd_activation)act;
        for (size_t i = 0; i < p->T * p->C; i++) /* away from the kink of relu */
            if (fabs(p->x[i] + p->bias[i % p->C]) < 1e-3)
                p->x[i] += 0.01;
        memcpy(u, p->x, sizeof u);
        memcpy(d, p->r, sizeof d);
        memset(db, 0, sizeof db);
        k->bias_act_fwd(y, u, p->bias, p->T, p->C, p->act);
        k->bias_act_bwd(d, db, u, p->T, p->C, p->act);
        check("bias_act u", p, act_forward, p->x, p->T * p->C, d);
        check("bias_act b", p, act_forward, p->bias, p->C, db);
    }
}

static double bias_forward(const struct problem *p)
{
    static double x[MOST];
    memcpy(x, p->x, sizeof x);
    k->add_bias(x, p->bias, p->T, p->C);
    return weighted(p, x);
}

static double norm_forward(const struct problem *p)
{
    static double y[MOST], mean[ROWS], rstd[ROWS];
    k->layernorm_fwd(y, mean, rstd, p->x, p->w, p->b, p->T, p->C, 1e-3);
    return weighted(p, y);
}

static void check_norm(struct problem *p)
{
    static double y[MOST], mean[ROWS], rstd[ROWS], dx[MOST], dw[COLUMNS], db[COLUMNS];
    memset(dw, 0, sizeof dw);
    memset(db, 0, sizeof db);
    k->layernorm_fwd(y, mean, rstd, p->x, p->w, p->b, p->T, p->C, 1e-3);
    k->layernorm_bwd(dx, dw, db, p->r, p->x, p->w, mean, rstd, p->T, p->C);
    check("layernorm x", p, norm_forward, p->x, p->T * p->C, dx);
    check("layernorm w", p, norm_forward, p->w, p->C, dw);
    check("layernorm b", p, norm_forward, p->b, p->C, db);

    memset(db, 0, sizeof db);
    k->bias_bwd(db, p->r, p->T, p->C);
    check("add_bias", p, bias_forward, p->bias, p->C, db);
}

static double residual_forward(const struct problem *p)
{
    static double z[MOST], y[MOST], mean[ROWS], rstd[ROWS];
    memcpy(z, p->x, sizeof z);
    k->residual_layernorm_fwd(y, z, mean, rstd, p->res, p->bias, p->w, p->b, p->T, p->C, 1e-3,
                              p->drop);
    return weighted(p, y);
}

static void check_residual(struct problem *p)
{
    static double z[MOST], y[MOST], mean[ROWS], rstd[ROWS], dx[MOST], dres[MOST];
    static double dbias[COLUMNS], dw[COLUMNS], db[COLUMNS];
    memcpy(z, p->x, sizeof z);
    memset(dbias, 0, sizeof dbias);
    memset(dw, 0, sizeof dw);
    memset(db, 0, sizeof db);
    k->residual_layernorm_fwd(y, z, mean, rstd, p->res, p->bias, p->w, p->b, p->T, p->C, 1e-3,
                              p->drop);
    k->residual_layernorm_bwd(dx, dres, dbias, dw, db, p->r, z, p->w, mean, rstd, p->T, p->C,
                              p->drop);
    check("residual_layernorm x", p, residual_forward, p->x, p->T * p->C, dx);
    check("residual_layernorm res", p, residual_forward, p->res, p->T * p->C, dres);
    check("residual_layernorm bias", p, residual_forward, p->bias, p->C, dbias);
    check("residual_layernorm w", p, residual_forward, p->w, p->C, dw);
    check("residual_layernorm b", p, residual_forward, p->b, p->C, db);
}

static double softmax_forward(const struct problem *p)
{
    static double s[MOST], pd[MOST];
    memcpy(s, p->x, sizeof s);
    k->softmax_fwd(s, pd, p->T, p->C, 0.7, p->drop);
    return weighted(p, p->drop ? pd : s);
}

static double dropout_forward(const struct problem *p)
{
    static double x[MOST];
    memcpy(x, p->x, sizeof x);
    k->dropout(x, p->T, p->C, p->drop);
    return weighted(p, x);
}

static void check_softmax(struct problem *p)
{
    static double s[MOST], pd[MOST], again[MOST], dp[MOST];
    memcpy(s, p->x, sizeof s);
    memcpy(dp, p->r, sizeof dp);
    k->softmax_fwd(s, pd, p->T, p->C, 0.7, p->drop);
    k->softmax_bwd(dp, again, s, p->T, p->C, 0.7, p->drop);
    if (p->drop)
        assert_memory_equal(pd, again, p->T * p->C * sizeof *pd);
    check("softmax", p, softmax_forward, p->x, p->T * p->C, dp);
    if (p->drop) {
        memcpy(dp, p->r, sizeof dp);
        k->dropout(dp, p->T, p->C, p->drop);
        check("dropout", p, dropout_forward, p->x, p->T * p->C, dp);
    }
}

static double xent_forward(const struct problem *p)
{
    static double x[MOST];
    memcpy(x, p->x, sizeof x);
    return 0.3 * k->xent(x, p->T * p->C, p->target, 0);
}

static void check_xent(struct problem *p)
{
    static double x[MOST];
    size_t V = p->T * p->C;
    for (int i = 0; i < 3; i++) {
        p->target = (int32_t)(i == 0 ? 0 : i == 1 ? V / 2 : V - 1);
        memcpy(x, p->x, sizeof x);
        double loss = k->xent(x, V, p->target, 0.3);
        assert_true(fabs(0.3 * loss - xent_forward(p)) < 1e-12);
        check("xent", p, xent_forward, p->x, V, x);
    }
}

static void test_all(void **unused)
{
    (void)unused;
    static const size_t columns[] = {1, 2, 3, 7, 13, 31, 131};
    static const size_t rows[] = {1, 3, 5};
    static struct problem p;
    k = rtd_kernels();
    assert_string_equal(k->name, "plain");
    assert_null(rtd_kernels_at(1));
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            for (int on = 0; on < 3; on++) {
                struct rtd_drop d = {.seed = 9, .index = 4, .site = RTD_RNG_DROP_ATTN << 16};
                rtd_drop_rate(&d, on == 1 ? 0.1 : 0.5);
                p.T = rows[r];
                p.C = columns[c];
                p.drop = on ? &d : NULL;
                noise(p.x, MOST);
                noise(p.res, MOST);
                noise(p.r, MOST);
                noise(p.bias, COLUMNS);
                noise(p.w, COLUMNS);
                noise(p.b, COLUMNS);
                if (!on) {
                    check_act(&p);
                    check_norm(&p);
                    check_xent(&p);
                }
                check_residual(&p);
                check_softmax(&p);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
