/* rtdtools - MIT licence
 *
 * Matrix products with AVX-512: a micro-kernel of 6 rows by 64 columns of C, 24 vectors of sums,
 * inside the loops of Goto and van de Geijn (Anatomy of high-performance matrix multiplication,
 * 2008).  For each k it loads four vectors of B and multiplies them by one broadcast element of A
 * for each row: 10 loads for 24 multiplications, where BLIS 0.9's kernel of 32 by 12 has 26.
 *
 * B is packed, in panels of 64 columns; the panels of one block stay in the L2 cache while rows of
 * A pass by in the L1 cache.  A is packed only where it is stored transposed and read
 * more than once.  An element of C is
 * one sum over k, or one for each block of DEPTH, whatever the other rows and columns are. */
#include "nn/gemm_internal.h"

#ifdef RTD_HAVE_GEMM_AVX512
#include <immintrin.h>
#include <pthread.h>
#include <stdlib.h>

enum { TALL = 6, WIDE = 64, LANES = 16, COLUMNS = 384, ROWS = 1536, DEPTH = 512 };

/* A thread's memory for packed blocks. */
struct panels {
    _Alignas(64) float wide[COLUMNS * DEPTH]; /* which makes the size a multiple of 64, too */
    float tall[ROWS * DEPTH];
    struct panels *next; /* of those that no thread has */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct panels *unused;
static int reserved;
static struct panels spare; /* for those that can have none of their own, one after the other */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static bool has_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void give_back(void *panels)
{
    struct panels *p = panels;
    pthread_mutex_lock(&lock);
    p->next = unused;
    unused = p;
    pthread_mutex_unlock(&lock);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, give_back) == 0;
}

bool rtd_gemm_avx512_reserve(int threads)
{
    for (; reserved < threads; reserved++) {
        struct panels *p = aligned_alloc(64, sizeof *p);
        if (!p)
            return false;
        give_back(p);
    }
    return true;
}

/* NULL: it has none, and there is no memory. */
static struct panels *own_panels(void)
{
    pthread_once(&once, make_key);
    struct panels *p = has_key ? pthread_getspecific(key) : NULL;
    if (p)
        return p;
    pthread_mutex_lock(&lock);
    if ((p = unused))
        unused = p->next;
    pthread_mutex_unlock(&lock);
    p = p ? p : aligned_alloc(64, sizeof *p);
    if (p && (!has_key || pthread_setspecific(key, p))) {
        give_back(p);
        p = NULL;
    }
    return p;
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

static size_t vectors(size_t columns)
{
    return (columns + LANES - 1) / LANES;
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

/* One panel [depth][width] of B, n of whose columns, n <= width, are there; the others are zeros.
 * Column i's element k is from[i * ld + k]. */
static inline __attribute__((always_inline)) void panel_across(float *restrict to,
                                                               const float *restrict from,
                                                               size_t ld, size_t n, size_t depth,
                                                               const size_t width)
{
    for (size_t k = 0; k < depth; k += LANES)
        for (size_t at = 0; at < width; at += LANES) {
            __mmask16 there = first(depth - k);
            __m512 r[LANES];
            if (at + LANES <= n)
                for (size_t i = 0; i < LANES; i++)
                    r[i] = _mm512_maskz_loadu_ps(there, from + (at + i) * ld + k);
            else
                for (size_t i = 0; i < LANES; i++)
                    r[i] = at + i < n ? _mm512_maskz_loadu_ps(there, from + (at + i) * ld + k)
                                      : _mm512_setzero_ps();
            transpose(r);
            if (k + LANES <= depth)
                for (size_t c = 0; c < LANES; c++)
                    _mm512_store_ps(to + (k + c) * width + at, r[c]);
            else
                for (size_t c = 0; c < LANES && k + c < depth; c++)
                    _mm512_store_ps(to + (k + c) * width + at, r[c]);
        }
}

/* The same where column i's element k is from[k * ld + i]. */
static inline __attribute__((always_inline)) void panel_along(float *restrict to,
                                                              const float *restrict from, size_t ld,
                                                              size_t n, size_t depth,
                                                              const size_t width)
{
    __mmask16 last = first(n + LANES - width);
    for (size_t k = 0; k < depth; k++, to += width, from += ld) {
        for (size_t at = 0; at + LANES < width; at += LANES)
            _mm512_store_ps(to + at, _mm512_loadu_ps(from + at));
        _mm512_store_ps(to + width - LANES, _mm512_maskz_loadu_ps(last, from + width - LANES));
    }
}

static inline __attribute__((always_inline)) void panel(float *to, const float *from, size_t ld,
                                                        bool across, size_t n, size_t depth,
                                                        const size_t width)
{
    if (across)
        panel_across(to, from, ld, n, depth, width);
    else
        panel_along(to, from, ld, n, depth, width);
}

/* Panels of n columns of B from its row k, column j on, the last one as many vectors wide as it
 * needs. */
static void pack_wide(float *to, const float *from, size_t ld, bool across, size_t n, size_t depth)
{
    for (size_t at = 0; at < n; at += WIDE, to += WIDE * depth) {
        const float *column = from + at * (across ? ld : 1);
        size_t here = min(n - at, WIDE);
        switch (vectors(here)) {
        case 1:
            panel(to, column, ld, across, here, depth, 1 * LANES);
            break;
        case 2:
            panel(to, column, ld, across, here, depth, 2 * LANES);
            break;
        case 3:
            panel(to, column, ld, across, here, depth, 3 * LANES);
            break;
        default:
            panel(to, column, ld, across, here, depth, 4 * LANES);
            break;
        }
    }
}

/* Panels [depth][TALL] of n rows of A, where row i's element k is from[k * ld + i]; a few k at
 * once, so that memory is read in as many streams, which processors foresee. */
static void pack_tall(float *restrict to, const float *restrict from, size_t ld, size_t n,
                      size_t depth)
{
    enum { STREAMS = 8 };
    for (size_t from_k = 0; from_k < depth; from_k += STREAMS)
        for (size_t at = 0; at < n; at += TALL)
            for (size_t k = from_k; k < depth && k < from_k + STREAMS; k++) {
                float *out = to + at * depth + k * TALL;
                const float *in = from + k * ld + at;
                if (at + TALL <= n) {
                    _mm_storeu_ps(out, _mm_loadu_ps(in));
                    _mm_storel_pi((__m64 *)(out + 4),
                                  _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)(in + 4)));
                } else
                    for (size_t i = 0; i < TALL; i++)
                        out[i] = at + i < n ? in[i] : 0;
            }
}

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* A tile of C: its first element and the distance of its rows; what it is to become of the sums. */
struct tile {
    float *c;
    size_t ldc;
    __mmask16 last; /* columns of the last vector */
    float alpha, beta;
};

/* Sums over depth for a tile of R rows by V vectors.  Row i's element k of A is
 * a[i * row + k * step]; b is a panel of V vectors for each k. */
static inline __attribute__((always_inline)) void multiply(const int R, const int V, size_t depth,
                                                           const float *a, size_t row, size_t step,
                                                           const float *b, const struct tile *t)
{
    __m512 sum[TALL][WIDE / LANES];
    const float *lower = R > 3 ? a + 3 * row : a;
    for (int i = 0; i < R; i++)
        for (int v = 0; v < V; v++)
            sum[i][v] = _mm512_setzero_ps();
    for (int i = 0; i < R; i++)
        for (int v = 0; v < V; v++)
            _mm_prefetch((const char *)(t->c + (size_t)i * t->ldc + v * LANES), _MM_HINT_T0);
    for (size_t k = 0; k < depth; k++, a += step, lower += step, b += V * LANES) {
        __m512 wide[WIDE / LANES];
        for (int v = 0; v < V; v++)
            wide[v] = _mm512_load_ps(b + v * LANES);
        for (int i = 0; i < R; i++) {
            __m512 one = _mm512_set1_ps(i < 3 ? a[(size_t)i * row] : lower[(size_t)(i - 3) * row]);
            for (int v = 0; v < V; v++)
                sum[i][v] = _mm512_fmadd_ps(one, wide[v], sum[i][v]);
        }
    }
    __m512 alpha = _mm512_set1_ps(t->alpha), beta = _mm512_set1_ps(t->beta);
    UNROLL
    for (int i = 0; i < R; i++) {
        UNROLL
        for (int v = 0; v < V; v++) {
            float *c = t->c + (size_t)i * t->ldc + v * LANES;
            __mmask16 there = v < V - 1 ? 0xffff : t->last;
            __m512 x = _mm512_mul_ps(alpha, sum[i][v]);
            if (t->beta != 0)
                x = _mm512_fmadd_ps(beta, _mm512_maskz_loadu_ps(there, c), x);
            _mm512_mask_storeu_ps(c, there, x);
        }
    }
}

typedef void multiply_fn(size_t depth, const float *a, size_t row, size_t step, const float *b,
                         const struct tile *t);
#define TILE(R, V)                                                                        \
    static void multiply_##R##_##V(size_t depth, const float *a, size_t row, size_t step, \
                                   const float *b, const struct tile *t)                  \
    {                                                                                     \
        multiply(R, V, depth, a, row, step, b, t);                                        \
    }
#define ROW(R) multiply_##R##_1, multiply_##R##_2, multiply_##R##_3, multiply_##R##_4
#define TILES(R) TILE(R, 1) TILE(R, 2) TILE(R, 3) TILE(R, 4)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
static multiply_fn *const tiles[TALL][WIDE / LANES] = {{ROW(1)}, {ROW(2)}, {ROW(3)},
                                                       {ROW(4)}, {ROW(5)}, {ROW(6)}};

void rtd_gemm_avx512_tile(size_t depth, const float *a, const float *b, float *c)
{
    struct tile t = {.c = c, .ldc = WIDE, .last = 0xffff, .alpha = 1, .beta = 0};
    multiply_6_4(depth, a, 1, TALL, b, &t);
}

void rtd_gemm_avx512(bool ta, bool tb, size_t M, size_t N, size_t K, float alpha, const float *A,
                     size_t lda, const float *B, size_t ldb, float beta, float *C, size_t ldc)
{
    struct panels *own = own_panels(), *p = own ? own : &spare;
    bool packed = ta && N > WIDE; /* else each element of A is read once anyway */
    size_t row = ta ? 1 : lda, step = packed ? TALL : ta ? lda : 1;
    size_t depth = share(K, DEPTH, 4), columns = share(N, COLUMNS, WIDE);
    if (!own)
        pthread_mutex_lock(&spare_lock);
    for (size_t i = 0; i < M; i += ROWS)
        for (size_t k = 0; k < K; k += depth) {
            size_t m = min(M - i, ROWS), d = min(K - k, depth);
            if (packed)
                pack_tall(p->tall, A + k * lda + i, lda, m, d);
            for (size_t j = 0; j < N; j += columns) {
                size_t n = min(N - j, columns);
                pack_wide(p->wide, tb ? B + j * ldb + k : B + k * ldb + j, ldb, tb, n, d);
                for (size_t r = 0; r < m; r += TALL) {
                    const float *a = packed ? p->tall + r * d
                                     : ta   ? A + k * lda + i + r
                                            : A + (i + r) * lda + k;
                    for (size_t c = 0; c < n; c += WIDE) {
                        size_t R = min(m - r, TALL), width = min(n - c, WIDE);
                        struct tile t = {.c = C + (i + r) * ldc + j + c,
                                         .ldc = ldc,
                                         .last = first(width - (vectors(width) - 1) * LANES),
                                         .alpha = alpha,
                                         .beta = k ? 1 : beta};
                        tiles[R - 1][vectors(width) - 1](d, a, row, step, p->wide + c * d, &t);
                    }
                }
            }
        }
    if (!own)
        pthread_mutex_unlock(&spare_lock);
}
#endif
