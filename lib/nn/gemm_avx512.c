/* rtdtools - MIT licence
 *
 * Matrix products around BLIS's AVX-512 micro-kernel.  For its tile, 32 by 12, BLIS 0.9 packs in
 * plain C, a quarter of the time of training; here both operands are packed with AVX-512, around
 * the loops of Goto and van de Geijn (Anatomy of high-performance matrix multiplication, 2008).
 *
 * The micro-kernel wants its 32 in a row of memory: these are columns of C, and its 12 are rows of
 * C.  Panels of B ("wide", 32 columns) of one block stay in the L2 cache while the panels of A
 * ("tall", 12 rows) pass by in the L1 cache. */
#include "nn/gemm_internal.h"

#ifdef RTD_HAVE_GEMM_AVX512
#include <immintrin.h>
#include <pthread.h>
#include <stdlib.h>

#include <blis.h>

enum { WIDE = 32, TALL = 12, COLUMNS = 480, ROWS = 1536, DEPTH = 384 };

/* A thread's memory for packed blocks, until it ends. */
struct panels {
    float wide[COLUMNS * DEPTH], tall[ROWS * DEPTH];
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_key(void)
{
    pthread_key_create(&key, free);
}

static struct panels *own_panels(void)
{
    pthread_once(&once, make_key);
    struct panels *p = pthread_getspecific(key);
    if (!p && (p = aligned_alloc(64, sizeof *p)))
        pthread_setspecific(key, p);
    return p;
}

static inline __mmask16 first(size_t n)
{
    return n < 16 ? (__mmask16)((1U << n) - 1) : 0xffff;
}

/* to[c][r] = r-th row's c-th element. */
static inline void transpose(__m512 r[16])
{
    __m512 t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            __m512d a = _mm512_castps_pd(t[i + j]), b = _mm512_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    /* now r[4 g + c] holds, of rows 4 g to 4 g + 3, the columns c, 4 + c, 8 + c and 12 + c */
    for (int c = 0; c < 4; c++) {
        t[c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
        t[4 + c] = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
        t[8 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
        t[12 + c] = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
    }
    for (int c = 0; c < 4; c++) {
        r[c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0x88);
        r[8 + c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0xdd);
        r[4 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0x88);
        r[12 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0xdd);
    }
}

/* Panels [depth][width] of n lines, the last one filled up with zeros: line i's element k is
 * from[i * ld + k]. */
static inline __attribute__((always_inline)) void pack_across(float *restrict to,
                                                              const float *restrict from, size_t ld,
                                                              size_t n, size_t depth,
                                                              const size_t width)
{
    for (size_t at = 0; at < n; at += width, to += width * depth)
        for (size_t k = 0; k < depth; k += 16)
            for (size_t part = 0; part < width; part += 16) {
                __m512 r[16];
                for (size_t i = 0; i < 16; i++)
                    r[i] = part + i < width && at + part + i < n
                               ? _mm512_maskz_loadu_ps(first(depth - k),
                                                       from + (at + part + i) * ld + k)
                               : _mm512_setzero_ps();
                transpose(r);
                for (size_t c = 0; c < 16 && k + c < depth; c++)
                    _mm512_mask_storeu_ps(to + (k + c) * width + part, first(width - part), r[c]);
            }
}

/* The same where line i's element k is from[k * ld + i]; a few k at once, so that memory is read in
 * as many streams, which processors foresee. */
static inline __attribute__((always_inline)) void pack_along(float *restrict to,
                                                             const float *restrict from, size_t ld,
                                                             size_t n, size_t depth,
                                                             const size_t width)
{
    enum { STREAMS = 8 };
    for (size_t from_k = 0; from_k < depth; from_k += STREAMS)
        for (size_t at = 0; at < n; at += width)
            for (size_t k = from_k; k < depth && k < from_k + STREAMS; k++)
                for (size_t part = 0; part < width; part += 16) {
                    __mmask16 there = at + part < n ? first(n - at - part) : 0;
                    _mm512_mask_storeu_ps(to + at * depth + k * width + part, first(width - part),
                                          _mm512_maskz_loadu_ps(there, from + k * ld + at + part));
                }
}

static inline __attribute__((always_inline)) void pack(float *to, const float *from, size_t ld,
                                                       bool across, size_t at, size_t n, size_t k,
                                                       size_t depth, const size_t width)
{
    if (across)
        pack_across(to, from + at * ld + k, ld, n, depth, width);
    else
        pack_along(to, from + k * ld + at, ld, n, depth, width);
}

/* Length of a block: as many as are needed, all alike. */
static size_t share(size_t all, size_t most, size_t multiple)
{
    size_t blocks = (all + most - 1) / most, each = (all + blocks - 1) / blocks;
    return (each + multiple - 1) / multiple * multiple;
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool rtd_gemm_avx512(bool ta, bool tb, size_t M, size_t N, size_t K, float alpha, const float *A,
                     size_t lda, const float *B, size_t ldb, float beta, float *C, size_t ldc)
{
    struct panels *p = own_panels();
    if (!p || K == 0)
        return false;
    cntx_t *context = bli_gks_lookup_nat_cntx(BLIS_ARCH_SKX);
    sgemm_ukr_ft kernel =
        (sgemm_ukr_ft)bli_cntx_get_l3_nat_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context);
    auxinfo_t next = {0};
    float one = 1;
    size_t depth = share(K, DEPTH, 4), columns = share(N, COLUMNS, WIDE);
    for (size_t i = 0; i < M; i += ROWS)
        for (size_t k = 0; k < K; k += depth) {
            size_t m = min(M - i, ROWS), d = min(K - k, depth);
            pack(p->tall, A, lda, !ta, i, m, k, d, TALL);
            for (size_t j = 0; j < N; j += columns) {
                size_t n = min(N - j, columns);
                pack(p->wide, B, ldb, tb, j, n, k, d, WIDE);
                for (size_t r = 0; r < m; r += TALL)
                    for (size_t c = 0; c < n; c += WIDE) {
                        float *tall = p->tall + r * d, *wide = p->wide + c * d;
                        bli_auxinfo_set_next_a(wide + WIDE * d, &next);
                        bli_auxinfo_set_next_b(tall, &next);
                        kernel((dim_t)min(n - c, WIDE), (dim_t)min(m - r, TALL), (dim_t)d, &alpha,
                               wide, tall, k ? &one : &beta, C + (i + r) * ldc + j + c, 1,
                               (inc_t)ldc, &next, context);
                    }
            }
        }
    return true;
}
#endif
