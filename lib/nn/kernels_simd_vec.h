/* rtdtools - MIT licence
 *
 * Vectors of RTD_LANES floats: the vector extensions of GCC and Clang, and the few instructions
 * that they cannot express behind v_ names.  A file of one instruction set defines RTD_LANES first;
 * without it this header and its companions are empty. */
#ifndef RTD_NN_KERNELS_SIMD_VEC_H
#define RTD_NN_KERNELS_SIMD_VEC_H
#ifdef RTD_LANES

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTD_VECTOR __attribute__((vector_size(RTD_LANES * 4), may_alias))
#define RTD_INLINE static inline __attribute__((always_inline))

typedef float vf RTD_VECTOR;
typedef int32_t vi RTD_VECTOR;
typedef uint32_t vu RTD_VECTOR;
typedef uint64_t vq RTD_VECTOR;
typedef float vf_unaligned __attribute__((vector_size(RTD_LANES * 4), aligned(4), may_alias));

/* v_max and v_min return b when one of the two is NaN; callers put what may be NaN there.
 * v_part_*: the first n lanes, 0 < n < RTD_LANES; the others are read as zero, or as fill.
 * v_mul_even: the 64-bit products of the low halves of 64-bit lanes.
 * v_interleave: 32-bit lanes from the low halves of even's and odd's 64-bit lanes, alternating.
 * v_above: value in the lanes where w > limit, else 0.
 * v_positive: yes in the lanes where u > 0, else no.
 * v_swap: lane i gets lane i ^ k, k a power of two. */
#if RTD_LANES == 16
#define RTD_MASK(n) ((__mmask16)((1u << (n)) - 1))
RTD_INLINE vf v_part_fill(const float *p, size_t n, vf fill)
{
    return _mm512_mask_loadu_ps(fill, RTD_MASK(n), p);
}
RTD_INLINE void v_part_store(float *p, size_t n, vf x)
{
    _mm512_mask_storeu_ps(p, RTD_MASK(n), x);
}
RTD_INLINE vf v_part(vf x, size_t n)
{
    return _mm512_maskz_mov_ps(RTD_MASK(n), x);
}
RTD_INLINE vf v_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
RTD_INLINE vf v_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}
RTD_INLINE vf v_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}
RTD_INLINE vq v_mul_even(vq a, vq b)
{
    return (vq)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}
RTD_INLINE vq v_xor3(vq a, vq b, vq c)
{
    return (vq)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
}
RTD_INLINE vu v_interleave(vq even, vq odd)
{
    return (vu)_mm512_mask_shuffle_epi32((__m512i)even, 0xaaaa, (__m512i)odd, 0xa0);
}
RTD_INLINE vf v_above(vu w, vu limit, vf value)
{
    return _mm512_maskz_mov_ps(_mm512_cmpgt_epu32_mask((__m512i)w, (__m512i)limit), value);
}
RTD_INLINE vf v_positive(vf u, vf yes, vf no)
{
    return _mm512_mask_mov_ps(no, _mm512_cmp_ps_mask(u, _mm512_setzero_ps(), _CMP_GT_OQ), yes);
}
RTD_INLINE bool v_any_greater(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) != 0;
}
RTD_INLINE vf v_swap(vf x, int k)
{
    return k == 8   ? (vf)_mm512_shuffle_f32x4(x, x, 0x4e)
           : k == 4 ? (vf)_mm512_shuffle_f32x4(x, x, 0xb1)
           : k == 2 ? (vf)_mm512_permute_ps(x, 0x4e)
                    : (vf)_mm512_permute_ps(x, 0xb1);
}
static const vi v_lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#else
static const int32_t v_first[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
RTD_INLINE __m256i v_mask(size_t n)
{
    return _mm256_loadu_si256((const __m256i_u *)(v_first + 8 - n));
}
RTD_INLINE vf v_part_fill(const float *p, size_t n, vf fill)
{
    return _mm256_blendv_ps(fill, _mm256_maskload_ps(p, v_mask(n)), (__m256)v_mask(n));
}
RTD_INLINE void v_part_store(float *p, size_t n, vf x)
{
    _mm256_maskstore_ps(p, v_mask(n), x);
}
RTD_INLINE vf v_part(vf x, size_t n)
{
    return _mm256_and_ps(x, (__m256)v_mask(n));
}
RTD_INLINE vf v_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}
RTD_INLINE vf v_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}
RTD_INLINE vf v_sqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}
RTD_INLINE vq v_mul_even(vq a, vq b)
{
    return (vq)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
RTD_INLINE vq v_xor3(vq a, vq b, vq c)
{
    return a ^ b ^ c;
}
RTD_INLINE vu v_interleave(vq even, vq odd)
{
    return (vu)_mm256_blend_epi32((__m256i)even, (__m256i)(odd << 32), 0xaa);
}
RTD_INLINE vf v_above(vu w, vu limit, vf value)
{
    __m256i l = (__m256i)limit;
    __m256i not_above = _mm256_cmpeq_epi32(_mm256_max_epu32((__m256i)w, l), l);
    return _mm256_andnot_ps((__m256)not_above, value);
}
RTD_INLINE vf v_positive(vf u, vf yes, vf no)
{
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(u, _mm256_setzero_ps(), _CMP_GT_OQ));
}
RTD_INLINE bool v_any_greater(vf a, vf b)
{
    return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)) != 0;
}
RTD_INLINE vf v_swap(vf x, int k)
{
    return k == 4   ? (vf)_mm256_permute2f128_ps(x, x, 1)
           : k == 2 ? (vf)_mm256_permute_ps(x, 0x4e)
                    : (vf)_mm256_permute_ps(x, 0xb1);
}
static const vi v_lanes = {0, 1, 2, 3, 4, 5, 6, 7};
#endif

RTD_INLINE vf v_all(float x)
{
    return x - (vf){0}; /* x - 0 is x, -0.0 too */
}

RTD_INLINE vf v_abs(vf x)
{
    return (vf)((vi)x & 0x7fffffff);
}

/* Load and store n lanes, 0 < n <= RTD_LANES: nothing beyond them is touched. */
RTD_INLINE vf v_load(const float *p, size_t n)
{
    if (n == RTD_LANES)
        return *(const vf_unaligned *)p;
    return v_part_fill(p, n, (vf){0});
}

RTD_INLINE vf v_load_fill(const float *p, size_t n, vf fill)
{
    return n == RTD_LANES ? v_load(p, n) : v_part_fill(p, n, fill);
}

RTD_INLINE void v_store(float *p, size_t n, vf x)
{
    if (n == RTD_LANES)
        *(vf_unaligned *)p = x;
    else
        v_part_store(p, n, x);
}

/* x with the lanes from n on cleared. */
RTD_INLINE vf v_clear(vf x, size_t n)
{
    return n == RTD_LANES ? x : v_part(x, n);
}

/* The sum, or the largest, of all lanes, in every lane; always in the same order. */
RTD_INLINE vf v_sum(vf x)
{
    for (int k = RTD_LANES / 2; k; k /= 2)
        x += v_swap(x, k);
    return x;
}

RTD_INLINE vf v_largest(vf x)
{
    for (int k = RTD_LANES / 2; k; k /= 2)
        x = v_max(v_swap(x, k), x);
    return x;
}

/* Run the statements for the vectors of C columns: c is the first column, n how many lanes count,
 * constant but for the last, short vector; k, constant, says which of two accumulators takes it,
 * so that sums wait less for each other. */
#define RTD_ROW(c, n, k, C, ...)                  \
    do {                                          \
        size_t c = 0;                             \
        while (c + 2 * RTD_LANES <= (C)) {        \
            RTD_ROW_STEP(c, n, k, 0, __VA_ARGS__) \
            RTD_ROW_STEP(c, n, k, 1, __VA_ARGS__) \
        }                                         \
        if (c + RTD_LANES <= (C)) {               \
            RTD_ROW_STEP(c, n, k, 0, __VA_ARGS__) \
        }                                         \
        if (c < (C)) {                            \
            enum { k = 1 };                       \
            size_t n = (C)-c;                     \
            __VA_ARGS__                           \
        }                                         \
    } while (0)
#define RTD_ROW_STEP(c, n, k, k_is, ...)  \
    {                                     \
        enum { n = RTD_LANES, k = k_is }; \
        __VA_ARGS__                       \
        c += RTD_LANES;                   \
    }

/* One row's sums are a long chain of waiting: most kernels work on two rows side by side.  Their
 * functions have the number of rows as a constant, 2, or 1 for the last; this runs the statements
 * for each, r being constant as well, so that arrays over r and k are registers. */
enum { RTD_ABREAST = 2 };
#define RTD_EACH(r, number, ...) \
    do {                         \
        {                        \
            enum { r = 0 };      \
            __VA_ARGS__          \
        }                        \
        if ((number) > 1) {      \
            enum { r = 1 };      \
            __VA_ARGS__          \
        }                        \
    } while (0)

#endif
#endif
