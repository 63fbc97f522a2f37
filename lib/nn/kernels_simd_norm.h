/* rtdtools - MIT licence
 *
 * The vectorised LayerNorm, alone and at the end of a sub-layer. */
#ifndef RTD_NN_KERNELS_SIMD_NORM_H
#define RTD_NN_KERNELS_SIMD_NORM_H
#ifdef RTD_LANES

#include <math.h>

#include "nn/kernels_simd_math.h"

/* The rest of a row x whose sum is known: variance around the mean, then y. */
RTD_INLINE void norm_row(float *y, float *mean, float *rstd, const float *x, float sum,
                         const float *w, const float *b, size_t C, float eps)
{
    float m = sum / (float)C;
    vf mv = v_all(m), v[4] = {{0}};
    RTD_ROW(c, n, k, C, {
        vf e = v_clear(v_load(x + c, n) - mv, n);
        v[k] += e * e;
    });
    float r = 1 / sqrtf(v_sum4(v)[0] / (float)C + eps);
    vf rv = v_all(r);
    RTD_ROW(c, n, k, C, {
        vf xhat = (v_load(x + c, n) - mv) * rv;
        v_store(y + c, n, xhat * v_load(w + c, n) + v_load(b + c, n));
    });
    *mean = m;
    *rstd = r;
}

static void layernorm_fwd(real *y, real *mean, real *rstd, const real *x, const real *w,
                          const real *b, size_t T, size_t C, real eps)
{
    for (size_t t = 0; t < T; t++) {
        vf sum[4] = {{0}};
        RTD_ROW(c, n, k, C, sum[k] += v_load(x + t * C + c, n););
        norm_row(y + t * C, mean + t, rstd + t, x + t * C, v_sum4(sum)[0], w, b, C, eps);
    }
}

/* The means over a row of g = w dy and of g xhat, in every lane; adds into dw and db. */
RTD_INLINE void norm_bwd_sums(vf *mean_g, vf *mean_gx, float *dw, float *db, const float *dy,
                              const float *x, const float *w, float mean, float rstd, size_t C)
{
    vf mv = v_all(mean), rv = v_all(rstd), s1[4] = {{0}}, s2[4] = {{0}};
    RTD_ROW(c, n, k, C, {
        vf d = v_load(dy + c, n);
        vf dx = d * ((v_load(x + c, n) - mv) * rv);
        vf wc = v_load(w + c, n);
        s1[k] += wc * d;
        s2[k] += wc * dx;
        v_store(dw + c, n, v_load(dw + c, n) + dx);
        v_store(db + c, n, v_load(db + c, n) + d);
    });
    *mean_g = v_sum4(s1) / (float)C;
    *mean_gx = v_sum4(s2) / (float)C;
}

static void layernorm_bwd(real *dx, real *dw, real *db, const real *dy, const real *x,
                          const real *w, const real *mean, const real *rstd, size_t T, size_t C)
{
    for (size_t t = 0; t < T; t++) {
        const float *dyt = dy + t * C, *xt = x + t * C;
        float *dxt = dx + t * C;
        vf s1, s2, mv = v_all(mean[t]), rv = v_all(rstd[t]);
        norm_bwd_sums(&s1, &s2, dw, db, dyt, xt, w, mean[t], rstd[t], C);
        RTD_ROW(c, n, k, C, {
            vf xhat = (v_load(xt + c, n) - mv) * rv;
            v_store(dxt + c, n, rv * (v_load(w + c, n) * v_load(dyt + c, n) - s1 - xhat * s2));
        });
    }
}

static void residual_layernorm_fwd(real *y, real *z, real *mean, real *rstd, const real *res,
                                   const real *bias, const real *w, const real *b, size_t T,
                                   size_t C, real eps, const struct rtd_drop *d)
{
    struct v_drop drop;
    v_drop_begin(&drop, d, C);
    for (size_t t = 0; t < T; t++) {
        float *zt = z + t * C;
        vf sum[4] = {{0}};
        RTD_GROUPS(g, m, C)
        {
            v_drop_group(&drop, t, g);
            float *zg = zt + g;
            const float *rg = res + t * C + g, *bg = bias + g;
            RTD_ROW(c, n, k, m, {
                vf keep = v_load(drop.keep + c, n);
                vf v = (v_load(zg + c, n) + v_load(bg + c, n)) * keep + v_load(rg + c, n);
                v_store(zg + c, n, v);
                sum[k] += v;
            });
        }
        norm_row(y + t * C, mean + t, rstd + t, zt, v_sum4(sum)[0], w, b, C, eps);
    }
}

static void residual_layernorm_bwd(real *dx, real *dres, real *dbias, real *dw, real *db,
                                   const real *dy, const real *z, const real *w, const real *mean,
                                   const real *rstd, size_t T, size_t C, const struct rtd_drop *d)
{
    struct v_drop drop;
    v_drop_begin(&drop, d, C);
    for (size_t t = 0; t < T; t++) {
        vf s1, s2, mv = v_all(mean[t]), rv = v_all(rstd[t]);
        norm_bwd_sums(&s1, &s2, dw, db, dy + t * C, z + t * C, w, mean[t], rstd[t], C);
        RTD_GROUPS(g, m, C)
        {
            v_drop_group(&drop, t, g);
            size_t at = t * C + g;
            RTD_ROW(c, n, k, m, {
                vf xhat = (v_load(z + at + c, n) - mv) * rv;
                vf v = rv * (v_load(w + g + c, n) * v_load(dy + at + c, n) - s1 - xhat * s2);
                vf dropped = v * v_load(drop.keep + c, n);
                v_store(dres + at + c, n, v);
                v_store(dx + at + c, n, dropped);
                v_store(dbias + g + c, n, v_load(dbias + g + c, n) + dropped);
            });
        }
    }
}

#endif
#endif
