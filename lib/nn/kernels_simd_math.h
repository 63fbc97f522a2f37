/* rtdtools - MIT licence
 *
 * Vectors of functions: exp, the activations and their slopes; Philox blocks side by side, dropout
 * factors. */
#ifndef RTD_NN_KERNELS_SIMD_MATH_H
#define RTD_NN_KERNELS_SIMD_MATH_H
#ifdef RTD_LANES

#include "nn/kernels_simd_vec.h"

#include "nn/kernels.h"

/* exp(x) to about 1e-7 relative, for x <= 88; 0 below -88; NaN stays NaN.  2^n is made from the
 * low bits of the sum with a large number that rounds x / ln 2 to n. */
RTD_INLINE vf v_exp(vf x)
{
    const float big = 12582912 + 127;
    x = v_max(v_all(-88), x);
    vf t = x * 1.44269504f + big;
    vf n = t - big;
    vf r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1;
    return p * (vf)((vu)t << 23);
}

RTD_INLINE vf v_pow8(vf p)
{
    p *= p;
    p *= p;
    return p * p;
}

/* GELU(u) = max(u, 0) - a Q(a), a = |u|, Q the upper tail of the normal distribution.  Q^(1/8) is
 * so smooth that nine coefficients give a Q(a) to 4e-9; rounding makes 1e-7 of it.  The factor a is
 * not bounded: an infinite u stays visible. */
RTD_INLINE vf v_gelu(vf u)
{
    vf a = v_abs(u), s = v_min(v_all(6.5f), a);
    vf p = s * -2.971717757e-7f + 7.49658093e-6f;
    p = p * s + -6.034839098e-5f;
    p = p * s + 3.454687731e-5f;
    p = p * s + 1.503971061e-3f;
    p = p * s + -6.716153595e-4f;
    p = p * s + -3.192823302e-2f;
    p = p * s + -9.145738244e-2f;
    p = p * s + 9.170040063e-1f;
    return v_max((vf){0}, u) - a * v_pow8(p);
}

/* Its slope: h = Q(a) - a phi(a) for u <= 0, 1 - h for u > 0.  h / (zero - a) is positive, and its
 * eighth root smooth. */
RTD_INLINE vf v_gelu_slope(vf u)
{
    vf a = v_abs(u), s = v_min(v_all(6.5f), a);
    vf p = s * -2.760513091e-8f + 3.507574324e-7f;
    p = p * s + 1.464620196e-6f;
    p = p * s + -2.971359836e-5f;
    p = p * s + -1.208086442e-4f;
    p = p * s + 2.494011982e-3f;
    p = p * s + -3.011196205e-3f;
    p = p * s + -4.563275482e-2f;
    p = p * s + -3.155154537e-2f;
    p = p * s + 9.502963761e-1f;
    vf h = (0.75179152f - a) * v_pow8(p);
    return v_positive(u, 1 - h, h);
}

/* The tanh form, by 0.5 (1 + tanh z) = 1 / (1 + exp(-2 z)).  exp(-2 z): */
#define RTD_TANH_K 1.5957691216f /* 2 sqrt(2 / pi) */
RTD_INLINE vf v_tanh_exp(vf u)
{
    return v_exp(v_min(v_all(88), u * (u * u * (0.044715f * -RTD_TANH_K) - RTD_TANH_K)));
}

RTD_INLINE vf v_act(vf u, enum rtd_activation act)
{
    if (act == RTD_GELU)
        return v_gelu(u);
    if (act == RTD_GELU_TANH)
        return u / (1 + v_tanh_exp(u));
    if (act == RTD_TANH)
        return 1 - 2 / (1 + v_exp(v_min(v_all(88), u + u)));
    return v_max((vf){0}, u);
}

RTD_INLINE vf v_act_slope(vf u, enum rtd_activation act)
{
    if (act == RTD_GELU)
        return v_gelu_slope(u);
    if (act == RTD_GELU_TANH) {
        vf e = v_tanh_exp(u), s = 1 / (1 + e); /* e s is 1 - s without cancellation */
        return s + u * s * (e * s) * (u * u * (3 * 0.044715f * RTD_TANH_K) + RTD_TANH_K);
    }
    if (act == RTD_TANH) {
        vf e = v_exp(-2 * v_abs(u)), s = 1 / (1 + e);
        return 4 * e * s * s;
    }
    return v_positive(u, v_all(1), (vf){0});
}

/* 16 Philox blocks (base/rng.h) at a time.  Counters are held one to a 64-bit lane, even and odd
 * blocks apart, so that a product's halves are where the next round wants them; what is left in
 * the high halves never matters.  Only the first counter differs from block to block: of the first
 * two rounds half is the same for all, and stands in first. */
enum { RTD_SUBS = 16 / RTD_LANES, RTD_PHILOX_A = 0xD2511F53, RTD_PHILOX_B = 0xCD9E8D57 };

struct v_philox {
    vq key[8][2]; /* of the rounds after the first two */
    vq first[4];
};

RTD_INLINE vq v_all64(uint64_t x)
{
    return x + (vq){0};
}

RTD_INLINE void v_philox_key(struct v_philox *g, uint64_t seed, uint32_t site, uint64_t index)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint64_t p1 = (index & 0xffffffff) * RTD_PHILOX_B;
    uint64_t p0 = (uint64_t)((uint32_t)(p1 >> 32) ^ site ^ k0) * RTD_PHILOX_A;
    g->first[0] = v_all64((uint32_t)(index >> 32) ^ k1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
    g->first[1] = v_all64((uint32_t)p1 ^ k0);
    g->first[2] = v_all64((uint32_t)(p0 >> 32) ^ k1);
    g->first[3] = v_all64((uint32_t)p0);
    for (int r = 0; r < 8; r++) {
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
        g->key[r][0] = v_all64(k0);
        g->key[r][1] = v_all64(k1);
    }
}

/* w[word][lanes]: words of the blocks block .. block + 15. */
RTD_INLINE void v_philox_16(vu w[4][RTD_SUBS], const struct v_philox *g, uint32_t block)
{
    const vq A = v_all64(RTD_PHILOX_A), B = v_all64(RTD_PHILOX_B);
    for (int s = 0; s < RTD_SUBS; s++) {
        vq counter = (vq)((vu)v_lanes + (block + (uint32_t)s * RTD_LANES));
        vq c[2][4];
#pragma GCC unroll 2
        for (int odd = 0; odd < 2; odd++) {
            vq p0 = v_mul_even(A, odd ? counter >> 32 : counter);
            c[odd][1] = v_mul_even(B, p0 >> 32 ^ g->first[0]);
            c[odd][0] = c[odd][1] >> 32 ^ g->first[1];
            c[odd][2] = p0 ^ g->first[2];
            c[odd][3] = g->first[3];
        }
#pragma GCC unroll 8
        for (int r = 0; r < 8; r++)
#pragma GCC unroll 2
            for (int odd = 0; odd < 2; odd++) {
                vq *at = c[odd], p0 = v_mul_even(A, at[0]), p1 = v_mul_even(B, at[2]);
                at[0] = v_xor3(p1 >> 32, at[1], g->key[r][0]);
                at[1] = p1;
                at[2] = v_xor3(p0 >> 32, at[3], g->key[r][1]);
                at[3] = p0;
            }
        for (int i = 0; i < 4; i++)
            w[i][s] = v_interleave(c[0][i], c[1][i]);
    }
}

/* What the factors of one matrix of C columns are made from: all 1 without dropout. */
struct v_drop {
    struct v_philox key;
    float keep[RTD_ABREAST][128];
    uint32_t limit; /* 16-bit numbers << 16 up to this one are dropped */
    uint32_t block, row_blocks;
    bool on;
    float scale;
} __attribute__((aligned(64)));

RTD_INLINE void v_drop_begin(struct v_drop *s, const struct rtd_drop *d, size_t C)
{
    s->on = d && d->threshold;
    if (s->on) {
        v_philox_key(&s->key, d->seed, d->site, d->index);
        s->limit = (d->threshold << 16) - 1;
        s->scale = d->scale;
        s->row_blocks = (uint32_t)((C + 127) / 128 * 16);
        s->block = d->row0 * s->row_blocks;
    } else {
        for (int i = 0; i < RTD_ABREAST * 128; i++)
            (&s->keep[0][0])[i] = 1;
    }
}

/* Put the factors, 0 or scale, of columns g .. g + 127 of the rows from t on into s->keep. */
RTD_INLINE void v_drop_group(struct v_drop *s, size_t t, int number, size_t g)
{
    if (!s->on)
        return;
    vu limit = s->limit + (vu){0};
    vf scale = v_all(s->scale);
    RTD_EACH(r, number, {
        vu w[4][RTD_SUBS];
        v_philox_16(w, &s->key, s->block + (uint32_t)(t + r) * s->row_blocks + (uint32_t)(g / 8));
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < RTD_SUBS; k++) {
                float *at = s->keep[r] + 32 * i + RTD_LANES * k;
                *(vf *)at = v_above(w[i][k] << 16, limit, scale);
                *(vf *)(at + 16) = v_above(w[i][k], limit, scale);
            }
    });
}

/* The columns of a row in groups of 128: runs the statements for each with g, its first column, and
 * m, how many it has. */
#define RTD_GROUPS(g, m, C) \
    for (size_t g = 0, m; g < (C) && (m = (C)-g < 128 ? (C)-g : 128); g += 128)

#endif
#endif
