/* rtdtools - MIT licence */
#include "nn/gemm_packed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <blis.h>

#include "base/mem.h"

typedef float vf4 __attribute__((vector_size(16)));
typedef int vi4 __attribute__((vector_size(16)));

/* What BLIS says of this CPU's micro-kernel: C (mr,nr) += A panel (k,mr) B panel (k,nr), C stored
 * by columns; blocks of (mc,kc) and (kc,nc). */
static struct {
    cntx_t *cntx;
    sgemm_ukr_ft kernel;
    size_t mr, nr, mc, nc, kc;
    bool usable;
} micro;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t panels; /* each thread's packing memory */

static size_t block_size(bszid_t id)
{
    return (size_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, id, micro.cntx);
}

static void init(void)
{
    micro.cntx = bli_gks_query_cntx();
    micro.kernel = (sgemm_ukr_ft)bli_cntx_get_l3_nat_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, micro.cntx);
    micro.mr = block_size(BLIS_MR);
    micro.nr = block_size(BLIS_NR);
    micro.mc = block_size(BLIS_MC);
    micro.nc = block_size(BLIS_NC);
    micro.kc = block_size(BLIS_KC);
    /* the kernels whose panels divide into 4 x 4 blocks are those that BLIS packs slowly */
    micro.usable = !bli_cntx_l3_nat_ukr_prefers_rows_dt(BLIS_FLOAT, BLIS_GEMM_UKR, micro.cntx) &&
                   micro.mr % 4 == 0 && micro.nr % 4 == 0 && bli_arch_query_id() == BLIS_ARCH_SKX &&
                   pthread_key_create(&panels, free) == 0;
}

bool rtd_gemm_packed_available(void)
{
    pthread_once(&once, init);
    return micro.usable;
}

static inline vf4 load4(const float *p)
{
    vf4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store4(float *p, vf4 v)
{
    memcpy(p, &v, sizeof v);
}

/* dst (k, width): element (p, i) = src[i * stride + p], i < rows <= width; zero beyond rows. */
static void pack_transposed(float *restrict dst, const float *restrict src, size_t stride,
                            size_t rows, size_t width, size_t k)
{
    size_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const float *s0 = src + i * stride, *s1 = s0 + stride, *s2 = s1 + stride;
        const float *s3 = s2 + stride;
        float *d = dst + i;
        size_t p = 0;
        for (; p + 4 <= k; p += 4, d += 4 * width) {
            vf4 a = load4(s0 + p), b = load4(s1 + p), c = load4(s2 + p), e = load4(s3 + p);
            vf4 ab0 = __builtin_shuffle(a, b, (vi4){0, 4, 1, 5});
            vf4 ab1 = __builtin_shuffle(a, b, (vi4){2, 6, 3, 7});
            vf4 ce0 = __builtin_shuffle(c, e, (vi4){0, 4, 1, 5});
            vf4 ce1 = __builtin_shuffle(c, e, (vi4){2, 6, 3, 7});
            store4(d, __builtin_shuffle(ab0, ce0, (vi4){0, 1, 4, 5}));
            store4(d + width, __builtin_shuffle(ab0, ce0, (vi4){2, 3, 6, 7}));
            store4(d + 2 * width, __builtin_shuffle(ab1, ce1, (vi4){0, 1, 4, 5}));
            store4(d + 3 * width, __builtin_shuffle(ab1, ce1, (vi4){2, 3, 6, 7}));
        }
        for (; p < k; p++, d += width) {
            d[0] = s0[p];
            d[1] = s1[p];
            d[2] = s2[p];
            d[3] = s3[p];
        }
    }
    for (; i < rows; i++)
        for (size_t p = 0; p < k; p++)
            dst[p * width + i] = src[i * stride + p];
    for (; i < width; i++)
        for (size_t p = 0; p < k; p++)
            dst[p * width + i] = 0;
}

/* dst (k, width): element (p, i) = src[p * stride + i], i < rows <= width; zero beyond rows. */
static void pack_straight(float *restrict dst, const float *restrict src, size_t stride,
                          size_t rows, size_t width, size_t k)
{
    for (size_t p = 0; p < k; p++, dst += width, src += stride) {
        size_t i = 0;
        for (; i + 4 <= rows; i += 4)
            store4(dst + i, load4(src + i));
        for (; i < rows; i++)
            dst[i] = src[i];
        for (; i < width; i++)
            dst[i] = 0;
    }
}

/* Panels of `width` rows out of n rows.  Row i, column p of the operand is at src[i * stride + p]
 * when by_rows, else at src[p * stride + i]. */
static void pack(float *dst, const float *src, bool by_rows, size_t stride, size_t n, size_t width,
                 size_t k)
{
    for (size_t i = 0; i < n; i += width, dst += width * k) {
        size_t rows = n - i < width ? n - i : width;
        if (by_rows)
            pack_transposed(dst, src + i * stride, stride, rows, width, k);
        else
            pack_straight(dst, src + i, stride, rows, width, k);
    }
}

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static float *panel_memory(void)
{
    float *p = pthread_getspecific(panels);
    if (!p) {
        p = rtd_alloc_aligned(round_up(micro.mc, micro.mr) + round_up(micro.nc, micro.nr),
                              micro.kc * sizeof *p);
        pthread_setspecific(panels, p);
    }
    return p;
}

/* One packed block of C, m rows (contiguous in memory) by n columns (ldc apart). */
static void block(const float *a, const float *b, size_t m, size_t n, size_t k, float alpha,
                  float beta, float *c, size_t ldc)
{
    auxinfo_t aux;
    memset(&aux, 0, sizeof aux);
    for (size_t j = 0; j < n; j += micro.nr) {
        const float *bp = b + j * k;
        for (size_t i = 0; i < m; i += micro.mr) {
            const float *ap = a + i * k;
            bool last = i + micro.mr >= m;
            bli_auxinfo_set_next_a((void *)(last ? a : ap + micro.mr * k), &aux);
            bli_auxinfo_set_next_b((void *)(last ? bp + micro.nr * k : bp), &aux);
            micro.kernel((dim_t)(m - i < micro.mr ? m - i : micro.mr),
                         (dim_t)(n - j < micro.nr ? n - j : micro.nr), (dim_t)k, &alpha,
                         (float *)ap, (float *)bp, &beta, c + j * ldc + i, 1, (inc_t)ldc, &aux,
                         micro.cntx);
        }
    }
}

bool rtd_gemm_packed(bool ta, bool tb, size_t M, size_t N, size_t K, float alpha, const float *A,
                     size_t lda, const float *B, size_t ldb, float beta, float *C, size_t ldc)
{
    float *a_panel = panel_memory();
    if (!a_panel)
        return false;
    float *b_panel = a_panel + round_up(micro.mc, micro.mr) * micro.kc;
    /* The kernel stores C by columns, ours is stored by rows: compute C^T = op(B)^T op(A)^T, so
     * that its "m" runs over our N and its "n" over our M. */
    for (size_t p = 0; p < K; p += micro.kc) {
        size_t k = K - p < micro.kc ? K - p : micro.kc;
        float keep = p == 0 ? beta : 1;
        for (size_t j = 0; j < M; j += micro.nc) {
            size_t n = M - j < micro.nc ? M - j : micro.nc;
            pack(b_panel, ta ? A + p * lda + j : A + j * lda + p, !ta, lda, n, micro.nr, k);
            for (size_t i = 0; i < N; i += micro.mc) {
                size_t m = N - i < micro.mc ? N - i : micro.mc;
                pack(a_panel, tb ? B + i * ldb + p : B + p * ldb + i, tb, ldb, m, micro.mr, k);
                block(a_panel, b_panel, m, n, k, alpha, keep, C + j * ldc + i, ldc);
            }
        }
    }
    return true;
}
