/* rtdtools - MIT licence
 *
 * The vectorised kernels, one source for every instruction set: kernels_avx2.c and kernels_avx512.c
 * define RTD_LANES (floats in a vector), RTD_TABLE and RTD_SET_NAME and include this.  What each
 * function computes is in kernels.h; kernels_ref.c says it in plain C. */
#ifdef RTD_LANES

#include "nn/kernels_internal.h"
#include "nn/kernels_simd_math.h"
#include "nn/kernels_simd_norm.h"
#include "nn/kernels_simd_softmax.h"

static void add_bias(real *x, const real *b, size_t T, size_t C)
{
    for (size_t t = 0; t < T; t++) {
        float *xt = x + t * C;
        RTD_ROW(c, n, k, C, v_store(xt + c, n, v_load(xt + c, n) + v_load(b + c, n)););
    }
}

static void bias_bwd(real *db, const real *dy, size_t T, size_t C)
{
    size_t t = 0;
    for (; t + 4 <= T; t += 4) { /* four rows for one reading of db */
        const float *r0 = dy + t * C, *r1 = r0 + C, *r2 = r1 + C, *r3 = r2 + C;
        RTD_ROW(c, n, k, C, {
            vf s =
                (v_load(r0 + c, n) + v_load(r1 + c, n)) + (v_load(r2 + c, n) + v_load(r3 + c, n));
            v_store(db + c, n, v_load(db + c, n) + s);
        });
    }
    for (; t < T; t++)
        RTD_ROW(c, n, k, C, v_store(db + c, n, v_load(db + c, n) + v_load(dy + t * C + c, n)););
}

RTD_INLINE void act_fwd_rows(float *y, float *u, const float *b, size_t T, size_t C,
                             enum rtd_activation act)
{
    for (size_t t = 0; t < T; t++) {
        float *ut = u + t * C, *yt = y + t * C;
        RTD_ROW(c, n, k, C, {
            vf v = v_load(ut + c, n) + v_load(b + c, n);
            v_store(ut + c, n, v);
            v_store(yt + c, n, v_act(v, act));
        });
    }
}

static void bias_act_fwd(real *y, real *u, const real *b, size_t T, size_t C,
                         enum rtd_activation act)
{
    if (act == RTD_GELU)
        act_fwd_rows(y, u, b, T, C, RTD_GELU);
    else if (act == RTD_GELU_TANH)
        act_fwd_rows(y, u, b, T, C, RTD_GELU_TANH);
    else if (act == RTD_TANH)
        act_fwd_rows(y, u, b, T, C, RTD_TANH);
    else
        act_fwd_rows(y, u, b, T, C, RTD_RELU);
}

RTD_INLINE void act_bwd_rows(float *d, float *db, const float *u, size_t T, size_t C,
                             enum rtd_activation act)
{
    for (size_t t = 0; t < T; t++) {
        float *dt = d + t * C;
        const float *ut = u + t * C;
        RTD_ROW(c, n, k, C, {
            vf v = v_load(dt + c, n) * v_act_slope(v_load(ut + c, n), act);
            v_store(dt + c, n, v);
            v_store(db + c, n, v_load(db + c, n) + v);
        });
    }
}

static void bias_act_bwd(real *d, real *db, const real *u, size_t T, size_t C,
                         enum rtd_activation act)
{
    if (act == RTD_GELU)
        act_bwd_rows(d, db, u, T, C, RTD_GELU);
    else if (act == RTD_GELU_TANH)
        act_bwd_rows(d, db, u, T, C, RTD_GELU_TANH);
    else if (act == RTD_TANH)
        act_bwd_rows(d, db, u, T, C, RTD_TANH);
    else
        act_bwd_rows(d, db, u, T, C, RTD_RELU);
}

static void dropout(real *x, size_t T, size_t C, const struct rtd_drop *d)
{
    struct v_drop drop;
    v_drop_begin(&drop, d, C);
    for (size_t t = 0; drop.on && t < T; t++)
        RTD_GROUPS(g, m, C)
        {
            v_drop_group(&drop, t, 1, g);
            float *xg = x + t * C + g, *keep = drop.keep[0];
            RTD_ROW(c, n, k, m, v_store(xg + c, n, v_load(xg + c, n) * v_load(keep + c, n)););
        }
}

static void add(real *y, const real *x, size_t n)
{
    RTD_ROW(c, m, k, n, v_store(y + c, m, v_load(y + c, m) + v_load(x + c, m)););
}

static double sumsq(const real *x, size_t n)
{
    enum { HALF = RTD_LANES / 2 };
    typedef float half __attribute__((vector_size(HALF * 4), aligned(4), may_alias));
    typedef double wide __attribute__((vector_size(HALF * 8)));
    wide s[4] = {{0}};
    size_t i = 0;
    for (; i + 4 * HALF <= n; i += 4 * HALF)
        for (int k = 0; k < 4; k++) {
            wide v = __builtin_convertvector(*(const half *)(x + i + k * HALF), wide);
            s[k] += v * v;
        }
    wide all = (s[0] + s[1]) + (s[2] + s[3]);
    double sum = 0;
    for (int k = 0; k < HALF; k++)
        sum += all[k];
    for (; i < n; i++)
        sum += (double)x[i] * x[i];
    return sum;
}

static void adamw(real *p, real *m, real *v, const real *g, size_t n, const struct rtd_adamw *o)
{
    float b1 = o->beta1, b2 = o->beta2, c1 = o->correct1, c2 = o->correct2, eps = o->eps;
    float clip = o->clip, lr = o->lr, decay = o->weight_decay, g1 = o->gain1, g2 = o->gain2;
    RTD_ROW(c, l, k, n, {
        vf gc = v_load(g + c, l) * clip;
        vf pc = v_load(p + c, l);
        vf mc = v_load(m + c, l) * b1 + gc * g1;
        vf vc = v_load(v + c, l) * b2 + gc * g2 * gc;
        v_store(m + c, l, mc);
        v_store(v + c, l, vc);
        v_store(p + c, l, pc - lr * (mc * c1 / (v_sqrt(vc * c2) + eps) + decay * pc));
    });
}

static void decay(real *p, size_t n, const struct rtd_adamw *o)
{
    float lr = o->lr, rate = o->weight_decay;
    RTD_ROW(c, l, k, n, {
        vf pc = v_load(p + c, l);
        v_store(p + c, l, pc - lr * (rate * pc));
    });
}

const struct rtd_kernels RTD_TABLE = {
    .name = RTD_SET_NAME,
    .add_bias = add_bias,
    .bias_bwd = bias_bwd,
    .bias_act_fwd = bias_act_fwd,
    .bias_act_bwd = bias_act_bwd,
    .layernorm_fwd = layernorm_fwd,
    .layernorm_bwd = layernorm_bwd,
    .dropout = dropout,
    .residual_layernorm_fwd = residual_layernorm_fwd,
    .residual_layernorm_bwd = residual_layernorm_bwd,
    .softmax_fwd = softmax_fwd,
    .softmax_bwd = softmax_bwd,
    .xent = xent,
    .gumbel = gumbel,
    .add = add,
    .sumsq = sumsq,
    .adamw = adamw,
    .decay = decay,
};

#endif
