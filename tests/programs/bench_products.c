/* rtdtools - MIT licence
 *
 * bench_products [-j N] [WORD]: the networks' matrix products, as shares of the limit
 * (tests/support/speed.h), the same product on every worker at once; beside it BLIS's sgemm, with
 * the best for this product of its kernels that this CPU runs.  WORD: only the lines that hold it.
 * Medians of nine, by turns with the limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/choice_internal.h"
#include "nn/gemm.h"
#include "support/reference.h"
#include "support/speed.h"

/* A stored (M,K), or (K,M) with ta; B (K,N), or (N,K) with tb; 0 for a leading dimension: dense. */
static const struct product {
    const char *what;
    bool ta, tb;
    size_t M, N, K, lda, ldb, ldc;
    float beta;
} products[] = {
    {"forward", false, true, 512, 1024, 256, 0, 0, 0, 0},
    {"forward", false, true, 512, 256, 1024, 0, 0, 0, 0},
    {"forward", false, true, 512, 256, 256, 0, 0, 0, 0},
    {"backward", false, false, 512, 1024, 256, 0, 0, 0, 0},
    {"backward", false, false, 512, 256, 1024, 0, 0, 0, 0},
    {"backward", false, false, 512, 256, 256, 0, 0, 0, 0},
    {"weights", true, false, 1024, 256, 512, 0, 0, 0, 1},
    {"weights", true, false, 256, 1024, 512, 0, 0, 0, 1},
    {"weights", true, false, 256, 256, 512, 0, 0, 0, 1},
    {"short text", false, true, 32, 1024, 256, 0, 0, 0, 0},
    {"scores", false, true, 128, 128, 64, 768, 768, 0, 0},
    {"context", false, false, 128, 64, 128, 0, 768, 256, 0},
    {"d keys", true, false, 128, 64, 128, 0, 768, 768, 0},
    {"scores", false, true, 128, 128, 32, 1152, 1152, 0, 0},
    {"context", false, false, 128, 32, 128, 0, 1152, 384, 0},
    {"d keys", true, false, 128, 32, 128, 0, 1152, 1152, 0},
    {"head", false, true, 512, 1, 256, 0, 0, 0, 0},
    {"head", false, true, 32, 2, 256, 0, 0, 0, 0},
    {"head", false, true, 32, 5, 256, 0, 0, 0, 0},
    {"head", false, true, 32, 150, 384, 0, 0, 0, 0},
    {"vocabulary", false, true, 77, 30522, 128, 0, 0, 0, 0},
    {"vocabulary", false, false, 77, 128, 30522, 0, 0, 0, 0},
    {"vocabulary", true, false, 30522, 128, 77, 0, 0, 0, 1},
    {"square", false, false, 1024, 1024, 1024, 0, 0, 0, 0},
};

struct job {
    struct product p;
    cntx_t *blis;     /* NULL: rtd_gemm */
    float **matrices; /* a worker's A, B and C, one after the other */
};

static size_t room(const struct product *p, int which)
{
    return which == 0   ? (p->ta ? p->K : p->M) * p->lda
           : which == 1 ? (p->tb ? p->N : p->K) * p->ldb
                        : p->M * p->ldc;
}

static void multiply(void *arg, int worker)
{
    struct job *j = arg;
    struct product *p = &j->p;
    float *A = j->matrices[worker], *B = A + room(p, 0), *C = B + room(p, 1), one = 1;
    if (!j->blis) {
        rtd_gemm(p->ta, p->tb, p->M, p->N, p->K, 1, A, p->lda, B, p->ldb, p->beta, C, p->ldc);
        return;
    }
    rntm_t rt = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads_only(1, &rt);
    bli_sgemm_ex(p->ta ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
                 p->tb ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, (dim_t)p->M, (dim_t)p->N, (dim_t)p->K,
                 &one, A, (inc_t)p->lda, 1, B, (inc_t)p->ldb, 1, &p->beta, C, (inc_t)p->ldc, 1,
                 j->blis, &rt);
}

/* Those of BLIS's kernels that this CPU runs. */
static int blis_kernels(arch_t *list)
{
    int n = 0;
#ifdef __x86_64__
    if (rtd_kernels_at(2))
        list[n++] = BLIS_ARCH_SKX;
    if (rtd_kernels_at(1)) {
        list[n++] = BLIS_ARCH_HASWELL;
        list[n++] = BLIS_ARCH_ZEN3;
    }
#endif
    if (n == 0)
        list[n++] = bli_arch_query_id();
    return n;
}

static void line(const struct product *wanted, struct rtd_pool *pool)
{
    enum { WAYS = 4 };
    arch_t arch[WAYS];
    int ways = 1 + blis_kernels(arch + 1), workers = rtd_pool_size(pool), best = 1;
    double share[WAYS][SPEED_PAIRS], speed[WAYS][SPEED_PAIRS], middle[WAYS];
    struct job j = {.p = *wanted};
    struct product *p = &j.p;
    double flops = 2.0 * (double)p->M * (double)p->N * (double)p->K;
    p->lda = p->lda ? p->lda : p->ta ? p->M : p->K;
    p->ldb = p->ldb ? p->ldb : p->tb ? p->K : p->N;
    p->ldc = p->ldc ? p->ldc : p->N;
    size_t all = room(p, 0) + room(p, 1) + room(p, 2);
    j.matrices = need(calloc((size_t)workers, sizeof *j.matrices));
    for (int w = 0; w < workers; w++) {
        j.matrices[w] = need(rtd_alloc_aligned(all, sizeof(float)));
        for (size_t i = 0; i < all; i++)
            j.matrices[w][i] = (float)(i % 13) / 64;
    }
    for (int pair = 0; pair < SPEED_PAIRS; pair++)
        for (int way = 0; way < ways; way++) {
            double limit = speed_limit(pool);
            j.blis = way ? rtd_blis_kernels(arch[way]) : NULL;
            speed[way][pair] = flops * speed_of(pool, multiply, &j);
            share[way][pair] = speed[way][pair] / limit;
        }
    for (int way = 0; way < ways; way++) {
        middle[way] = 100 * speed_median(share[way], SPEED_PAIRS);
        if (way && middle[way] > middle[best])
            best = way;
    }
    printf(
        "%-10s %c%c %5zu x %5zu x %5zu: %7.1f GFLOP/s, %4.1f%% of the limit; BLIS's (%s) %4.1f%%\n",
        p->what, p->ta ? 'T' : 'N', p->tb ? 'T' : 'N', p->M, p->N, p->K,
        speed_median(speed[0], SPEED_PAIRS) / 1e9, middle[0], bli_arch_string(arch[best]),
        middle[best]);
    fflush(stdout);
    for (int w = 0; w < workers; w++)
        free(j.matrices[w]);
    free(j.matrices);
}

int main(int argc, char **argv)
{
    int threads = rtd_cpu_count();
    if (argc > 2 && !strcmp(argv[1], "-j")) {
        threads = atoi(argv[2]);
        argv += 2;
        argc -= 2;
    }
    if (threads < 1 || argc > 2) {
        fprintf(stderr, "usage: bench_products [-j N] [WORD]\n");
        return 2;
    }
    struct rtd_pool *pool = speed_start(threads);
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        if (argc < 2 || strstr(products[i].what, argv[1]))
            line(&products[i], pool);
    rtd_pool_free(pool);
    return 0;
}
