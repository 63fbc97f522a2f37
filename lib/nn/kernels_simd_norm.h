/* rtdtools - MIT licence
 *
 * The vectorised LayerNorm, alone and at the end of a sub-layer. */
#ifndef RTD_NN_KERNELS_SIMD_NORM_H
#define RTD_NN_KERNELS_SIMD_NORM_H
#ifdef RTD_LANES

#include <math.h>

#include "nn/kernels_simd_math.h"

/* Every function takes `number` rows, a constant (RTD_ABREAST), of C columns one after the other.
 */

/* The rest of rows x whose sums are known: variance around the mean, then y. */
RTD_INLINE void norm_rows(float *y, float *mean, float *rstd, const float *x, vf sum[][2],
                          const float *w, const float *b, int number, size_t C, float eps)
{
    vf m[RTD_ABREAST], rs[RTD_ABREAST], v[RTD_ABREAST][2] = {{{0}}};
    RTD_EACH(r, number, m[r] = v_sum(sum[r][0] + sum[r][1]) * v_all(1 / (float)C););
    RTD_ROW(c, n, k, C, {
        RTD_EACH(r, number, {
            vf e = v_clear(v_load(x + r * C + c, n) - m[r], n);
            v[r][k] += e * e;
        });
    });
    RTD_EACH(r, number, {
        mean[r] = m[r][0];
        rstd[r] = 1 / sqrtf(v_sum(v[r][0] + v[r][1])[0] / (float)C + eps);
        rs[r] = v_all(rstd[r]);
    });
    RTD_ROW(c, n, k, C, {
        vf wc = v_load(w + c, n), bc = v_load(b + c, n);
        RTD_EACH(r, number, {
            vf xhat = (v_load(x + r * C + c, n) - m[r]) * rs[r];
            v_store(y + r * C + c, n, xhat * wc + bc);
        });
    });
}

RTD_INLINE void layernorm_fwd_rows(float *y, float *mean, float *rstd, const float *x,
                                   const float *w, const float *b, int number, size_t C, float eps)
{
    vf sum[RTD_ABREAST][2] = {{{0}}};
    RTD_ROW(c, n, k, C, { RTD_EACH(r, number, sum[r][k] += v_load(x + r * C + c, n);); });
    norm_rows(y, mean, rstd, x, sum, w, b, number, C, eps);
}

static void layernorm_fwd(real *y, real *mean, real *rstd, const real *x, const real *w,
                          const real *b, size_t T, size_t C, real eps)
{
    size_t t = 0;
    for (; t + RTD_ABREAST <= T; t += RTD_ABREAST)
        layernorm_fwd_rows(y + t * C, mean + t, rstd + t, x + t * C, w, b, RTD_ABREAST, C, eps);
    for (; t < T; t++)
        layernorm_fwd_rows(y + t * C, mean + t, rstd + t, x + t * C, w, b, 1, C, eps);
}

/* What the backward pass of a row needs of it: its mean and 1 / sd, the means of g = w dy and of g
 * xhat, in every lane. */
struct norm_row {
    vf mean, rstd, g, gx;
};

/* Fills the rows' r; adds into dw and db. */
RTD_INLINE void norm_bwd_sums(struct norm_row *at, float *dw, float *db, const float *dy,
                              const float *x, const float *w, const float *mean, const float *rstd,
                              int number, size_t C)
{
    vf s1[RTD_ABREAST][2] = {{{0}}}, s2[RTD_ABREAST][2] = {{{0}}};
    RTD_EACH(r, number, {
        at[r].mean = v_all(mean[r]);
        at[r].rstd = v_all(rstd[r]);
    });
    RTD_ROW(c, n, k, C, {
        vf wc = v_load(w + c, n), dwc = v_load(dw + c, n), dbc = v_load(db + c, n);
        RTD_EACH(r, number, {
            vf d = v_load(dy + r * C + c, n);
            vf dx = d * ((v_load(x + r * C + c, n) - at[r].mean) * at[r].rstd);
            s1[r][k] += wc * d;
            s2[r][k] += wc * dx;
            dwc += dx;
            dbc += d;
        });
        v_store(dw + c, n, dwc);
        v_store(db + c, n, dbc);
    });
    RTD_EACH(r, number, {
        at[r].g = v_sum(s1[r][0] + s1[r][1]) * v_all(1 / (float)C);
        at[r].gx = v_sum(s2[r][0] + s2[r][1]) * v_all(1 / (float)C);
    });
}

RTD_INLINE vf norm_dx(const struct norm_row *r, vf dy, vf x, vf w)
{
    vf xhat = (x - r->mean) * r->rstd;
    return r->rstd * (w * dy - r->g - xhat * r->gx);
}

RTD_INLINE void layernorm_bwd_rows(float *dx, float *dw, float *db, const float *dy, const float *x,
                                   const float *w, const float *mean, const float *rstd, int number,
                                   size_t C)
{
    struct norm_row row[RTD_ABREAST];
    norm_bwd_sums(row, dw, db, dy, x, w, mean, rstd, number, C);
    RTD_ROW(c, n, k, C, {
        vf wc = v_load(w + c, n);
        RTD_EACH(r, number, {
            size_t i = r * C + c;
            v_store(dx + i, n, norm_dx(row + r, v_load(dy + i, n), v_load(x + i, n), wc));
        });
    });
}

static void layernorm_bwd(real *dx, real *dw, real *db, const real *dy, const real *x,
                          const real *w, const real *mean, const real *rstd, size_t T, size_t C)
{
    size_t t = 0;
    for (; t + RTD_ABREAST <= T; t += RTD_ABREAST)
        layernorm_bwd_rows(dx + t * C, dw, db, dy + t * C, x + t * C, w, mean + t, rstd + t,
                           RTD_ABREAST, C);
    for (; t < T; t++)
        layernorm_bwd_rows(dx + t * C, dw, db, dy + t * C, x + t * C, w, mean + t, rstd + t, 1, C);
}

RTD_INLINE void residual_fwd_rows(float *y, float *z, float *mean, float *rstd, const float *res,
                                  const float *bias, const float *w, const float *b, size_t t,
                                  int number, size_t C, float eps, struct v_drop *drop)
{
    vf sum[RTD_ABREAST][2] = {{{0}}};
    RTD_GROUPS(g, m, C)
    {
        v_drop_group(drop, t, number, g);
        RTD_ROW(c, n, k, m, {
            vf bc = v_load(bias + g + c, n);
            RTD_EACH(r, number, {
                size_t i = (t + r) * C + g + c;
                vf v = (v_load(z + i, n) + bc) * v_load(drop->keep[r] + c, n) + v_load(res + i, n);
                v_store(z + i, n, v);
                sum[r][k] += v;
            });
        });
    }
    norm_rows(y + t * C, mean + t, rstd + t, z + t * C, sum, w, b, number, C, eps);
}

static void residual_layernorm_fwd(real *y, real *z, real *mean, real *rstd, const real *res,
                                   const real *bias, const real *w, const real *b, size_t T,
                                   size_t C, real eps, const struct rtd_drop *d)
{
    struct v_drop drop;
    v_drop_begin(&drop, d, C);
    size_t t = 0;
    for (; t + RTD_ABREAST <= T; t += RTD_ABREAST)
        residual_fwd_rows(y, z, mean, rstd, res, bias, w, b, t, RTD_ABREAST, C, eps, &drop);
    for (; t < T; t++)
        residual_fwd_rows(y, z, mean, rstd, res, bias, w, b, t, 1, C, eps, &drop);
}

RTD_INLINE void residual_bwd_rows(float *dx, float *dres, float *dbias, float *dw, float *db,
                                  const float *dy, const float *z, const float *w,
                                  const float *mean, const float *rstd, size_t t, int number,
                                  size_t C, struct v_drop *drop)
{
    struct norm_row row[RTD_ABREAST];
    norm_bwd_sums(row, dw, db, dy + t * C, z + t * C, w, mean + t, rstd + t, number, C);
    RTD_GROUPS(g, m, C)
    {
        v_drop_group(drop, t, number, g);
        RTD_ROW(c, n, k, m, {
            vf wc = v_load(w + g + c, n), sum = v_load(dbias + g + c, n);
            RTD_EACH(r, number, {
                size_t i = (t + r) * C + g + c;
                vf v = norm_dx(row + r, v_load(dy + i, n), v_load(z + i, n), wc);
                vf dropped = v * v_load(drop->keep[r] + c, n);
                v_store(dres + i, n, v);
                v_store(dx + i, n, dropped);
                sum += dropped;
            });
            v_store(dbias + g + c, n, sum);
        });
    }
}

static void residual_layernorm_bwd(real *dx, real *dres, real *dbias, real *dw, real *db,
                                   const real *dy, const real *z, const real *w, const real *mean,
                                   const real *rstd, size_t T, size_t C, const struct rtd_drop *d)
{
    struct v_drop drop;
    v_drop_begin(&drop, d, C);
    size_t t = 0;
    for (; t + RTD_ABREAST <= T; t += RTD_ABREAST)
        residual_bwd_rows(dx, dres, dbias, dw, db, dy, z, w, mean, rstd, t, RTD_ABREAST, C, &drop);
    for (; t < T; t++)
        residual_bwd_rows(dx, dres, dbias, dw, db, dy, z, w, mean, rstd, t, 1, C, &drop);
}

#endif
#endif
