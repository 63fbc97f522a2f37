/* rtdtools - MIT licence */
#include "learn/factor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/say.h"
#include "base/stop.h"
#include "nn/gemm.h"

/* Columns beside those asked for, which make these converge; columns at once in a product; rows of
 * a task. */
enum { MORE = 16, AT_ONCE = 16, ROWS = 16 };

struct work {
    const struct rtd_sparse_row *row;
    size_t n, k;      /* (n, n) by (n, k); k is a multiple of AT_ONCE */
    real *q, *y;      /* (n, k) an orthonormal basis, and its product with the matrix */
    real *small;      /* (k, k) */
    double *b, *turn; /* (k, k) */
};

typedef real four __attribute__((vector_size(4 * sizeof(real))));

/* Columns of a row of y = matrix q, as many as stay in registers; q's are what stays in the cache
 * over many rows.  Both are aligned. */
static void multiply_row(real *y, const struct rtd_sparse_row *m, const real *q, size_t k)
{
    four a = {0}, b = a, c = a, d = a;
    for (size_t e = 0; e < m->n; e++) {
        const four *from = (const four *)(q + m->entry[e].column * k);
        real x = m->entry[e].value;
        a += x * from[0];
        b += x * from[1];
        c += x * from[2];
        d += x * from[3];
    }
    memcpy(y, (const four[]){a, b, c, d}, AT_ONCE * sizeof *y);
}

static void multiply(void *arg, int task, int worker)
{
    (void)worker;
    struct work *w = arg;
    size_t from = (size_t)task * ROWS, to = w->n < from + ROWS ? w->n : from + ROWS;
    for (size_t at = 0; at < w->k; at += AT_ONCE)
        for (size_t i = from; i < to; i++)
            multiply_row(w->y + i * w->k + at, &w->row[i], w->q + at, w->k);
}

/* small = the inverse of L', where L L' = y'y (Cholesky): its product with y has orthonormal
 * columns.  One that depends on those before it becomes zero. */
static void triangle(const struct work *w)
{
    size_t k = w->k;
    double *l = w->b, *inverse = w->turn;
    rtd_gemm(true, false, k, k, w->n, 1, w->y, k, w->y, k, 0, w->small, k);
    memset(inverse, 0, k * k * sizeof *inverse);
    for (size_t i = 0; i < k && !rtd_stop_signal(); i++)
        for (size_t j = 0; j <= i; j++) {
            double x = w->small[i * k + j];
            for (size_t c = 0; c < j; c++)
                x -= l[i * k + c] * l[j * k + c];
            if (j < i)
                l[i * k + j] = l[j * k + j] > 0 ? x / l[j * k + j] : 0;
            else
                l[i * k + i] = x > 1e-6 * w->small[i * k + i] ? sqrt(x) : 0;
        }
    for (size_t j = 0; j < k; j++)
        for (size_t i = j; i < k && l[j * k + j] > 0; i++) {
            double x = i == j;
            for (size_t c = j; c < i; c++)
                x -= l[i * k + c] * inverse[c * k + j];
            inverse[i * k + j] = l[i * k + i] > 0 ? x / l[i * k + i] : 0;
        }
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            w->small[j * k + i] = (real)inverse[i * k + j];
}

/* q = an orthonormal basis of y's columns; y is lost.  What rounding leaves undone the second time
 * mends. */
static void orthonormalise(struct work *w)
{
    for (int time = 0; time < 2; time++) {
        real *to = w->q;
        triangle(w);
        rtd_gemm(false, false, w->n, w->k, w->k, 1, w->y, w->k, w->small, w->k, 0, to, w->k);
        w->q = w->y;
        w->y = to;
    }
    real *basis = w->y;
    w->y = w->q;
    w->q = basis;
}

/* Rotate rows and columns i and j of b so that b[i][j] is zero (Jacobi), the same columns of turn
 * with them. */
static void rotate(const struct work *w, size_t i, size_t j)
{
    size_t k = w->k;
    double *b = w->b, theta = (b[j * k + j] - b[i * k + i]) / (2 * b[i * k + j]);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    double *const with[] = {b, w->turn};
    for (int m = 0; m < 2; m++)
        for (size_t r = 0; r < k; r++) {
            double x = with[m][r * k + i], y = with[m][r * k + j];
            with[m][r * k + i] = c * x - s * y;
            with[m][r * k + j] = s * x + c * y;
        }
    for (size_t r = 0; r < k; r++) {
        double x = b[i * k + r], y = b[j * k + r];
        b[i * k + r] = c * x - s * y;
        b[j * k + r] = s * x + c * y;
    }
}

/* b, symmetric, becomes diagonal: its eigenvalues; turn's columns are the eigenvectors. */
static void diagonalise(const struct work *w)
{
    size_t k = w->k;
    double largest = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++) {
            w->turn[i * k + j] = i == j;
            largest = fmax(largest, fabs(w->b[i * k + j]));
        }
    bool again = largest > 0;
    for (int sweep = 0; sweep < 30 && again && !rtd_stop_signal(); sweep++) {
        again = false;
        for (size_t i = 0; i < k; i++)
            for (size_t j = i + 1; j < k; j++)
                if (fabs(w->b[i * k + j]) > 1e-9 * largest) {
                    rotate(w, i, j);
                    again = true;
                }
    }
}

/* v = q times the eigenvectors of the largest eigenvalues of q' matrix q, scaled; what rounding
 * leaves of those that are 0 is nothing. */
static void project(struct work *w, const struct rtd_factor_options *o, real *v)
{
    size_t k = w->k;
    rtd_gemm(true, false, k, k, w->n, 1, w->q, k, w->y, k, 0, w->small, k);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            w->b[i * k + j] = ((double)w->small[i * k + j] + w->small[j * k + i]) / 2;
    diagonalise(w);
    double largest = 0;
    for (size_t c = 0; c < o->width; c++) {
        size_t best = 0;
        for (size_t i = 1; i < k; i++)
            if (w->b[i * k + i] > w->b[best * k + best])
                best = i;
        double value = w->b[best * k + best];
        largest = c ? largest : value;
        double scale = value > 1e-6 * largest && value > 0 ? pow(value, o->power) : 0;
        for (size_t i = 0; i < k; i++)
            w->small[i * o->width + c] = (real)(scale * w->turn[i * k + best]);
        w->b[best * k + best] = -INFINITY; /* taken */
    }
    rtd_gemm(false, false, w->n, o->width, k, 1, w->q, k, w->small, o->width, 0, v, o->width);
}

static void factor(struct work *w, const struct rtd_factor_options *o, struct rtd_pool *pool,
                   real *v)
{
    for (size_t i = 0; i < w->n; i++)
        for (size_t c = 0; c < w->k; c++)
            w->y[i * w->k + c] = (real)(rtd_unit(rtd_rand32(o->seed, RTD_RNG_FACTOR, RTD_NET_NONE,
                                                            0, i, (uint32_t)c)) -
                                        0.5);
    for (int i = 0; i <= o->iterations && !rtd_stop_signal(); i++) {
        rtd_progress((uint64_t)i, (uint64_t)o->iterations + 1, "products", "with the counts");
        orthonormalise(w);
        rtd_pool_run(pool, multiply, w, (int)((w->n + ROWS - 1) / ROWS));
    }
    project(w, o, v);
}

int rtd_factor(real *v, const struct rtd_sparse_row *row, size_t n,
               const struct rtd_factor_options *o, struct rtd_pool *pool, struct rtd_err *err)
{
    struct work w = {.row = row, .n = n, .k = (o->width + MORE + AT_ONCE - 1) / AT_ONCE * AT_ONCE};
    w.q = rtd_alloc_aligned(n * w.k, sizeof *w.q);
    w.y = rtd_alloc_aligned(n * w.k, sizeof *w.y);
    w.small = rtd_alloc_aligned(w.k * w.k, sizeof *w.small);
    w.b = malloc(w.k * w.k * sizeof *w.b);
    w.turn = malloc(w.k * w.k * sizeof *w.turn);
    int st = RTD_OK;
    if (w.q && w.y && w.small && w.b && w.turn)
        factor(&w, o, pool, v);
    if (rtd_stop_signal())
        st = rtd_fail(err, RTD_ESIGNAL, "stopped by a signal");
    else if (!(w.q && w.y && w.small && w.b && w.turn))
        st = rtd_fail(err, RTD_ESYS, "not enough memory for %zu vectors", n);
    free(w.q);
    free(w.y);
    free(w.small);
    free(w.b);
    free(w.turn);
    return st;
}
