/* rtdtools - MIT licence
 *
 * The vectorised softmax of attention, and the loss of and a draw from a row of logits. */
#ifndef RTD_NN_KERNELS_SIMD_SOFTMAX_H
#define RTD_NN_KERNELS_SIMD_SOFTMAX_H
#ifdef RTD_LANES

#include <math.h>

#include "base/rng.h"
#include "nn/kernels_simd_math.h"

/* `number` rows, a constant, from row t on. */
RTD_INLINE void softmax_fwd_rows(float *p, float *pd, size_t t, int number, size_t C, float scale,
                                 struct v_drop *drop)
{
    vf max[RTD_ABREAST][2], sum[RTD_ABREAST][2] = {{{0}}};
    RTD_EACH(r, number, max[r][0] = max[r][1] = v_all(p[(t + r) * C]););
    RTD_ROW(c, n, k, C, {
        RTD_EACH(r, number, {
            vf x = v_load_fill(p + (t + r) * C + c, n, max[r][k]);
            max[r][k] = v_max(x, max[r][k]);
        });
    });
    RTD_EACH(r, number, max[r][0] = v_largest(v_max(max[r][0], max[r][1])););
    RTD_ROW(c, n, k, C, {
        RTD_EACH(r, number, {
            size_t i = (t + r) * C + c;
            vf e = v_exp((v_load(p + i, n) - max[r][0]) * scale);
            v_store(p + i, n, e);
            sum[r][k] += v_clear(e, n);
        });
    });
    RTD_EACH(r, number, sum[r][0] = 1 / v_sum(sum[r][0] + sum[r][1]););
    RTD_GROUPS(g, m, C)
    {
        if (drop)
            v_drop_group(drop, t, number, g);
        RTD_ROW(c, n, k, m, {
            RTD_EACH(r, number, {
                size_t i = (t + r) * C + g + c;
                vf v = v_load(p + i, n) * sum[r][0];
                v_store(p + i, n, v);
                if (drop)
                    v_store(pd + i, n, v * v_load(drop->keep[r] + c, n));
            });
        });
    }
}

static void softmax_fwd(real *p, real *pd, size_t T, size_t C, real scale, const struct rtd_drop *d)
{
    size_t t = 0;
    if (!d) {
        for (; t + RTD_ABREAST <= T; t += RTD_ABREAST)
            softmax_fwd_rows(p, pd, t, RTD_ABREAST, C, scale, NULL);
        for (; t < T; t++)
            softmax_fwd_rows(p, pd, t, 1, C, scale, NULL);
        return;
    }
    struct v_drop drop;
    v_drop_begin(&drop, d, C);
    for (; t + RTD_ABREAST <= T; t += RTD_ABREAST)
        softmax_fwd_rows(p, pd, t, RTD_ABREAST, C, scale, &drop);
    for (; t < T; t++)
        softmax_fwd_rows(p, pd, t, 1, C, scale, &drop);
}

RTD_INLINE void softmax_bwd_rows(float *dp, float *pd, const float *p, size_t t, int number,
                                 size_t C, float scale, struct v_drop *drop)
{
    vf dot[RTD_ABREAST][2] = {{{0}}};
    RTD_GROUPS(g, m, C)
    {
        if (drop)
            v_drop_group(drop, t, number, g);
        RTD_ROW(c, n, k, m, {
            RTD_EACH(r, number, {
                size_t i = (t + r) * C + g + c;
                vf v = v_load(p + i, n), dv = v_load(dp + i, n);
                if (drop) {
                    vf keep = v_load(drop->keep[r] + c, n);
                    dv *= keep;
                    v_store(pd + i, n, v * keep);
                    v_store(dp + i, n, dv);
                }
                dot[r][k] += v * dv;
            });
        });
    }
    RTD_EACH(r, number, dot[r][0] = v_sum(dot[r][0] + dot[r][1]););
    RTD_ROW(c, n, k, C, {
        RTD_EACH(r, number, {
            size_t i = (t + r) * C + c;
            v_store(dp + i, n, v_load(p + i, n) * scale * (v_load(dp + i, n) - dot[r][0]));
        });
    });
}

static void softmax_bwd(real *dp, real *pd, const real *p, size_t T, size_t C, real scale,
                        const struct rtd_drop *d)
{
    size_t t = 0;
    if (!d) {
        for (; t + RTD_ABREAST <= T; t += RTD_ABREAST)
            softmax_bwd_rows(dp, pd, p, t, RTD_ABREAST, C, scale, NULL);
        for (; t < T; t++)
            softmax_bwd_rows(dp, pd, p, t, 1, C, scale, NULL);
        return;
    }
    struct v_drop drop;
    v_drop_begin(&drop, d, C);
    for (; t + RTD_ABREAST <= T; t += RTD_ABREAST)
        softmax_bwd_rows(dp, pd, p, t, RTD_ABREAST, C, scale, &drop);
    for (; t < T; t++)
        softmax_bwd_rows(dp, pd, p, t, 1, C, scale, &drop);
}

/* The largest of x (n >= 1), and in *at, unless NULL, the first place that has it.  A NaN in front
 * is kept and found at 0, others are passed over, as `>` does. */
static float largest(const float *x, size_t n, size_t *at)
{
    enum { CHUNK = 256 };
    vf best = v_all(x[0]);
    size_t chunk = 0;
    for (size_t g = 0; g < n; g += CHUNK) {
        size_t size = n - g < CHUNK ? n - g : CHUNK;
        vf max[2] = {best, best};
        RTD_ROW(c, m, k, size, max[k] = v_max(v_load_fill(x + g + c, m, best), max[k]););
        max[0] = v_max(max[0], max[1]);
        if (v_any_greater(max[0], best)) {
            best = v_largest(max[0]);
            chunk = g;
        }
    }
    if (at)
        for (*at = chunk; *at < n && x[*at] != best[0];)
            ++*at;
    if (at && *at == n)
        *at = 0;
    return best[0];
}

static double xent(real *x, size_t V, int32_t target, real gscale)
{
    enum { CHUNK = 1024 };
    float max = largest(x, V, NULL), at_target = x[target];
    vf top = v_all(max);
    double sum = 0;
    for (size_t g = 0; g < V; g += CHUNK) {
        size_t size = V - g < CHUNK ? V - g : CHUNK;
        float *xg = x + g;
        vf s[2] = {{0}};
        RTD_ROW(c, n, k, size, {
            vf e = v_exp(v_load(xg + c, n) - top);
            if (gscale != 0)
                v_store(xg + c, n, e);
            s[k] += v_clear(e, n);
        });
        sum += (double)v_sum(s[0] + s[1])[0];
    }
    if (gscale != 0) {
        vf factor = v_all((float)((double)gscale / sum));
        RTD_ROW(c, n, k, V, v_store(x + c, n, v_load(x + c, n) * factor););
        x[target] -= gscale;
    }
    return log(sum) - (double)(at_target - max);
}

/* The draw of one row.  In double, as the reference does it, only the few races that can win are
 * run: exp(s) <= bound and -log(u) >= 1 - u, so bound / (1 - u) says which.  bound is 2^t, t = s /
 * ln 2, with 1 + fraction for 2^fraction: the bits of a float made from t as a fixed-point number.
 */
struct race {
    const float *x;
    double base, temperature, top;
    size_t V;
    int32_t forbid, drawn;
};

static void race_run(struct race *r, size_t v, uint32_t word)
{
    double result = exp(((double)r->x[v] - r->base) / r->temperature) / -log(rtd_unit(word));
    if (result > r->top && (int32_t)v != r->forbid) {
        r->top = result;
        r->drawn = (int32_t)v;
    }
}

enum { RTD_RACE_VECTORS = 64 / RTD_LANES };

static __attribute__((noinline)) void race_group(struct race *r, size_t g, const vf *bound,
                                                 const vu w[4][RTD_SUBS])
{
    for (int i = 0; i < RTD_RACE_VECTORS; i++)
        for (int lane = 0; lane < RTD_LANES; lane++) {
            size_t v = g + (size_t)(i * RTD_LANES + lane);
            uint32_t word = w[i / RTD_SUBS][i % RTD_SUBS][lane];
            if (v < r->V && (double)bound[i][lane] > r->top * (0.9999 - rtd_unit(word)))
                race_run(r, v, word);
        }
}

static int32_t gumbel(const real *x, size_t V, real temperature, int32_t forbid, uint64_t seed,
                      uint32_t site, uint64_t index, uint32_t slot, int32_t *best)
{
    size_t arg;
    float base = largest(x, V, &arg);
    *best = (int32_t)arg;
    struct race r = {x, base, temperature, -1, V, forbid, 0};
    if ((int32_t)arg == forbid && V > 1) {
        size_t before = arg, after = V - arg - 1, other = 0;
        base = before ? largest(x, before, &other) : x[1];
        arg = before ? other : 1;
        if (after && (largest(x + V - after, after, &other) > base || !before)) {
            arg = V - after + other;
            base = x[arg];
        }
        r.base = base;
    }
    uint32_t first = slot * (uint32_t)((V + 63) / 64 * 16), word[4];
    rtd_philox(word, seed, site >> 16, site >> 8 & 255, site & 255, index,
               first + (uint32_t)(arg / 64 * 16 + arg % 16));
    race_run(&r, arg, word[arg % 64 / 16]);

    struct v_philox key;
    v_philox_key(&key, seed, site, index);
    const float lowest = -126.0f * 8388608;
    float to_t = 8388608 * 1.44269504f / temperature;
    for (size_t g = 0; g < V; g += 64) {
        /* The margin covers the rounding of bound, and what rounding makes of the rest. */
        vf top = v_all((float)(r.top * 0.999 * 0x1p-24)), bound[RTD_RACE_VECTORS], any = {0};
        for (int i = 0; i < RTD_RACE_VECTORS; i++) {
            size_t v = g + (size_t)i * RTD_LANES, n = V > v ? V - v : 0;
            vf xv = n >= RTD_LANES ? v_load(x + v, RTD_LANES) : n ? v_load(x + v, n) : v_all(base);
            vf t = v_max(v_all(lowest), (xv - base) * to_t);
            bound[i] = (vf)((vu) __builtin_convertvector(t, vi) + (127u << 23));
            any = v_max(bound[i], any);
        }
        if (!v_any_greater(any, top))
            continue;
        vu w[4][RTD_SUBS];
        v_philox_16(w, &key, first + (uint32_t)(g / 4));
        bool hit = false;
        for (int i = 0; i < RTD_RACE_VECTORS; i++) {
            vi steps = (vi)((1u << 24) - (w[i / RTD_SUBS][i % RTD_SUBS] >> 8));
            hit |= v_any_greater(bound[i], __builtin_convertvector(steps, vf) * top);
        }
        if (hit)
            race_group(&r, g, bound, w);
    }
    return r.drawn;
}

#endif
#endif
