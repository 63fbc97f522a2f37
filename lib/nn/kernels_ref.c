/* rtdtools - MIT licence
 *
 * The plain C reference of every kernel: what the tuned sets are tested against, and, in double,
 * what finite differences are taken of. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "nn/kernels_internal.h"

static void add_bias(real *x, const real *b, size_t T, size_t C)
{
    for (size_t t = 0; t < T; t++)
        for (size_t c = 0; c < C; c++)
            x[t * C + c] += b[c];
}

static void bias_bwd(real *db, const real *dy, size_t T, size_t C)
{
    for (size_t t = 0; t < T; t++)
        for (size_t c = 0; c < C; c++)
            db[c] += dy[t * C + c];
}

static double act_value(double u, enum rtd_activation act)
{
    switch (act) {
    case RTD_GELU:
        return 0.5 * u * (1 + erf(u * M_SQRT1_2));
    case RTD_GELU_TANH:
        return 0.5 * u * (1 + tanh(M_2_SQRTPI * M_SQRT1_2 * (u + 0.044715 * u * u * u)));
    case RTD_TANH:
        return tanh(u);
    default:
        return u < 0 ? 0 : u; /* NaN stays NaN */
    }
}

static double act_slope(double u, enum rtd_activation act)
{
    switch (act) {
    case RTD_GELU:
        return 0.5 * (1 + erf(u * M_SQRT1_2)) +
               u * exp(-0.5 * u * u) * 0.5 * M_2_SQRTPI * M_SQRT1_2;
    case RTD_GELU_TANH: {
        double k = M_2_SQRTPI * M_SQRT1_2, t = tanh(k * (u + 0.044715 * u * u * u));
        return 0.5 * (1 + t) + 0.5 * u * (1 - t * t) * k * (1 + 3 * 0.044715 * u * u);
    }
    case RTD_TANH:
        return 1 - tanh(u) * tanh(u);
    default:
        return u > 0;
    }
}

static void bias_act_fwd(real *y, real *u, const real *b, size_t T, size_t C,
                         enum rtd_activation act)
{
    for (size_t t = 0; t < T; t++)
        for (size_t c = 0; c < C; c++) {
            u[t * C + c] += b[c];
            y[t * C + c] = (real)act_value(u[t * C + c], act);
        }
}

static void bias_act_bwd(real *d, real *db, const real *u, size_t T, size_t C,
                         enum rtd_activation act)
{
    for (size_t t = 0; t < T; t++)
        for (size_t c = 0; c < C; c++) {
            d[t * C + c] *= (real)act_slope(u[t * C + c], act);
            db[c] += d[t * C + c];
        }
}

static void layernorm_fwd(real *y, real *mean, real *rstd, const real *x, const real *w,
                          const real *b, size_t T, size_t C, real eps)
{
    for (size_t t = 0; t < T; t++) {
        const real *xt = x + t * C;
        double m = 0, v = 0;
        for (size_t c = 0; c < C; c++)
            m += xt[c];
        m /= (double)C;
        for (size_t c = 0; c < C; c++)
            v += (xt[c] - m) * (xt[c] - m);
        double r = 1 / sqrt(v / (double)C + eps);
        for (size_t c = 0; c < C; c++)
            y[t * C + c] = (real)((xt[c] - m) * r) * w[c] + b[c];
        mean[t] = (real)m;
        rstd[t] = (real)r;
    }
}

static void layernorm_bwd(real *dx, real *dw, real *db, const real *dy, const real *x,
                          const real *w, const real *mean, const real *rstd, size_t T, size_t C)
{
    for (size_t t = 0; t < T; t++) {
        const real *dyt = dy + t * C, *xt = x + t * C;
        double s1 = 0, s2 = 0; /* means of w dy, and of w dy xhat */
        for (size_t c = 0; c < C; c++) {
            double xhat = (double)(xt[c] - mean[t]) * rstd[t], g = (double)w[c] * dyt[c];
            s1 += g;
            s2 += g * xhat;
            dw[c] += (real)(dyt[c] * xhat);
            db[c] += dyt[c];
        }
        s1 /= (double)C;
        s2 /= (double)C;
        for (size_t c = 0; c < C; c++) {
            double xhat = (double)(xt[c] - mean[t]) * rstd[t];
            dx[t * C + c] = (real)(rstd[t] * ((double)w[c] * dyt[c] - s1 - xhat * s2));
        }
    }
}

/* 0 or scale: the factor of element (t, c). */
static real drop_factor(const struct rtd_drop *d, size_t t, size_t c, size_t C)
{
    uint32_t r = c % 128, word[4];
    uint32_t block = (uint32_t)(((d->row0 + t) * ((C + 127) / 128) + c / 128) * 16 + r % 16);
    rtd_philox(word, d->seed, d->site >> 16, d->site >> 8 & 255, d->site & 255, d->index, block);
    uint32_t x = word[r / 32] >> (r / 16 % 2 ? 16 : 0) & 0xffff;
    return x < d->threshold ? 0 : d->scale;
}

static void dropout(real *x, size_t T, size_t C, const struct rtd_drop *d)
{
    for (size_t t = 0; d && d->threshold && t < T; t++)
        for (size_t c = 0; c < C; c++)
            x[t * C + c] *= drop_factor(d, t, c, C);
}

static void residual_layernorm_fwd(real *y, real *z, real *mean, real *rstd, const real *res,
                                   const real *bias, const real *w, const real *b, size_t T,
                                   size_t C, real eps, const struct rtd_drop *d)
{
    add_bias(z, bias, T, C);
    dropout(z, T, C, d);
    for (size_t i = 0; i < T * C; i++)
        z[i] += res[i];
    layernorm_fwd(y, mean, rstd, z, w, b, T, C, eps);
}

static void residual_layernorm_bwd(real *dx, real *dres, real *dbias, real *dw, real *db,
                                   const real *dy, const real *z, const real *w, const real *mean,
                                   const real *rstd, size_t T, size_t C, const struct rtd_drop *d)
{
    layernorm_bwd(dres, dw, db, dy, z, w, mean, rstd, T, C);
    memcpy(dx, dres, T * C * sizeof *dx);
    dropout(dx, T, C, d);
    bias_bwd(dbias, dx, T, C);
}

static void softmax_fwd(real *p, real *pd, size_t T, size_t C, real scale, const struct rtd_drop *d)
{
    for (size_t t = 0; t < T; t++) {
        real *pt = p + t * C, max = pt[0];
        double sum = 0;
        for (size_t c = 1; c < C; c++)
            max = pt[c] > max ? pt[c] : max;
        for (size_t c = 0; c < C; c++) {
            pt[c] = (real)exp((double)scale * (double)(pt[c] - max));
            sum += pt[c];
        }
        for (size_t c = 0; c < C; c++)
            pt[c] = (real)(pt[c] / sum);
    }
    if (d) {
        memcpy(pd, p, T * C * sizeof *p);
        dropout(pd, T, C, d);
    }
}

static void softmax_bwd(real *dp, real *pd, const real *p, size_t T, size_t C, real scale,
                        const struct rtd_drop *d)
{
    if (d) {
        memcpy(pd, p, T * C * sizeof *p);
        dropout(pd, T, C, d);
        dropout(dp, T, C, d);
    }
    for (size_t t = 0; t < T; t++) {
        const real *pt = p + t * C;
        real *dt = dp + t * C;
        double dot = 0;
        for (size_t c = 0; c < C; c++)
            dot += (double)dt[c] * pt[c];
        for (size_t c = 0; c < C; c++)
            dt[c] = (real)(scale * pt[c] * (dt[c] - dot));
    }
}

static double xent(real *x, size_t V, int32_t target, real gscale)
{
    real max = x[0];
    for (size_t v = 1; v < V; v++)
        max = x[v] > max ? x[v] : max;
    double sum = exp((double)(x[0] - max));
    for (size_t v = 1; v < V; v++)
        sum += exp((double)(x[v] - max));
    double loss = log(sum) - (double)(x[target] - max);
    if (gscale != 0) {
        for (size_t v = 0; v < V; v++)
            x[v] = (real)(gscale * (exp((double)(x[v] - max)) / sum));
        x[target] -= gscale;
    }
    return loss;
}

static int32_t gumbel(const real *x, size_t V, real temperature, int32_t forbid, uint64_t seed,
                      uint32_t site, uint64_t index, uint32_t slot, int32_t *best)
{
    size_t arg = 0;
    for (size_t v = 1; v < V; v++)
        if (x[v] > x[arg])
            arg = v;
    *best = (int32_t)arg;
    if ((int32_t)arg == forbid && V > 1) { /* no base: far above, it would make all others 0 */
        arg = arg == 0;
        for (size_t v = 0; v < V; v++)
            if (x[v] > x[arg] && (int32_t)v != forbid)
                arg = v;
    }
    double top = -1;
    int32_t drawn = 0;
    uint32_t per_slot = (uint32_t)((V + 63) / 64 * 16), word[4];
    for (size_t v = 0; v < V; v++) {
        uint32_t block = slot * per_slot + (uint32_t)(v / 64 * 16 + v % 16);
        rtd_philox(word, seed, site >> 16, site >> 8 & 255, site & 255, index, block);
        double u = rtd_unit(word[v % 64 / 16]);
        double race = exp((double)(x[v] - x[arg]) / temperature) / -log(u);
        if (race > top && (int32_t)v != forbid) {
            top = race;
            drawn = (int32_t)v;
        }
    }
    return drawn;
}

static void add(real *y, const real *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static double sumsq(const real *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += (double)x[i] * x[i];
    return s;
}

static void adamw(real *p, real *m, real *v, const real *g, size_t n, const struct rtd_adamw *o)
{
    for (size_t i = 0; i < n; i++) {
        real gi = g[i] * o->clip;
        m[i] = o->beta1 * m[i] + o->gain1 * gi;
        v[i] = o->beta2 * v[i] + o->gain2 * gi * gi;
        real step = m[i] * o->correct1 / ((real)sqrt((double)(v[i] * o->correct2)) + o->eps);
        p[i] -= o->lr * (step + o->weight_decay * p[i]);
    }
}

static void decay(real *p, size_t n, const struct rtd_adamw *o)
{
    for (size_t i = 0; i < n; i++)
        p[i] -= o->lr * (o->weight_decay * p[i]);
}

const struct rtd_kernels rtd_kernels_plain = {
    .name = "plain",
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
