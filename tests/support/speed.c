/* rtdtools - MIT licence */
#include "support/speed.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/process.h"
#include "base/say.h"
#include "nn/choice.h"
#include "nn/gemm.h"
#include "support/reference.h"

enum { MOST_WORKERS = 1024 };
static const double COLD = 0.005, SLICE = 0.015;

struct slices {
    void (*work)(void *arg, int worker);
    void *arg;
    pthread_barrier_t start;
    double calls[MOST_WORKERS]; /* a second */
};

static void slice(void *arg, int task, int worker)
{
    struct slices *s = arg;
    pthread_barrier_wait(&s->start); /* so each worker has one */
    double at = rtd_now(), now;
    while (rtd_now() - at < COLD)
        s->work(s->arg, worker);
    long calls = 0;
    at = rtd_now();
    do {
        s->work(s->arg, worker);
        calls++;
        now = rtd_now();
    } while (now - at < SLICE);
    s->calls[task] = (double)calls / (now - at);
}

double speed_of(struct rtd_pool *pool, void (*work)(void *arg, int worker), void *arg)
{
    static struct slices s;
    int workers = rtd_pool_size(pool);
    double sum = 0;
    s.work = work;
    s.arg = arg;
    pthread_barrier_init(&s.start, NULL, (unsigned)workers);
    rtd_pool_run(pool, slice, &s, workers);
    pthread_barrier_destroy(&s.start);
    for (int i = 0; i < workers; i++)
        sum += s.calls[i];
    return sum;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double speed_median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* --- the limit --- */

enum { ROUNDS = 1000, SUMS = 12 };
static volatile float sink;

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define SUM(i) s##i = STEP(s##i, a, b);
#define NEW(i) s##i = ALL((float)(i)), /* unlike each other, so none is left out */
#define ADD(i) +s##i[0]
#define LOOP(VECTOR)                       \
    VECTOR a = ALL(0.999f), b = ALL(0.1f); \
    VECTOR EACH(NEW) last = a;             \
    for (int k = 0; k < ROUNDS; k++) {     \
        EACH(SUM)                          \
    }                                      \
    sink = last[0] EACH(ADD)

#ifdef __x86_64__
#define STEP _mm512_fmadd_ps
#define ALL _mm512_set1_ps
__attribute__((target("avx512f"))) static void wide_512(void *arg, int worker)
{
    (void)arg;
    (void)worker;
    LOOP(__m512);
}
#undef STEP
#undef ALL
#define STEP _mm256_fmadd_ps
#define ALL _mm256_set1_ps
__attribute__((target("avx2,fma"))) static void wide_256(void *arg, int worker)
{
    (void)arg;
    (void)worker;
    LOOP(__m256);
}
#undef STEP
#undef ALL
#endif

typedef float v4 __attribute__((vector_size(16)));
#define STEP(s, a, b) ((s) * (a) + (b))
#define ALL(x) ((v4){(x), (x), (x), (x)})
static void wide_128(void *arg, int worker)
{
    (void)arg;
    (void)worker;
    LOOP(v4);
}

/* Lanes of the chosen kernels' vectors. */
static int lanes(void)
{
    const char *name = rtd_choice();
    return !strncmp(name, "avx512-", 7) ? 16 : !strncmp(name, "avx2-", 5) ? 8 : 4;
}

double speed_limit(struct rtd_pool *pool)
{
    void (*work)(void *, int) = wide_128;
#ifdef __x86_64__
    work = lanes() == 16 ? wide_512 : lanes() == 8 ? wide_256 : wide_128;
#endif
    return speed_of(pool, work, NULL) * 2 * lanes() * SUMS * ROUNDS;
}

/* Additions that wait for each other take a cycle each. */
static void chain(void *arg, int worker)
{
    uint64_t x = 1;
    (void)arg;
    (void)worker;
    for (int k = 0; k < ROUNDS; k++) {
#define LINK(i)                     \
    __asm__ volatile("" : "+r"(x)); \
    x += 3;
        EACH(LINK)
    }
    sink = (float)x;
}

static void cpu_name(char *out, size_t size, double *nominal)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char vendor[64] = "", name[128] = "unknown CPU", family[16] = "?", model[16] = "?";
    *nominal = 0;
    for (char line[512]; f && fgets(line, sizeof line, f);) {
        sscanf(line, "vendor_id : %63[^\n]", vendor);
        sscanf(line, "model name : %127[^\n]", name);
        sscanf(line, "cpu family : %15[^\n]", family);
        sscanf(line, "model : %15[^\n]", model);
        if (sscanf(line, "bogomips : %lf", nominal) == 1)
            break;
    }
    *nominal /= 2000; /* two a tick of the counter, which runs at the nominal clock */
    snprintf(out, size, "%s (%s, family %s, model %s)", name, vendor, family, model);
    if (f)
        fclose(f);
}

static void print(int kind, const char *text)
{
    (void)kind;
    puts(text);
}

struct rtd_pool *speed_start(int threads)
{
    static const struct rtd_sink sink_to_stdout = {.message = print};
    struct rtd_pool *pool;
    char cpu[256];
    double limit[SPEED_PAIRS], ticks[SPEED_PAIRS], nominal;
    rtd_set_sink(&sink_to_stdout);
    cpu_name(cpu, sizeof cpu, &nominal);
    printf("%s, %d thread%s\n", cpu, threads, rtd_s((uint64_t)threads));
    if (threads > MOST_WORKERS)
        rtd_fail(&err, RTD_EUSAGE, "more than %d threads", MOST_WORKERS);
    if (err.status || rtd_choose(&err) || rtd_gemm_reserve(threads, &err) ||
        rtd_pool_new(&pool, threads, &err))
        die();
    for (int i = 0; i < SPEED_PAIRS; i++) {
        limit[i] = speed_limit(pool) / threads / 1e9;
        ticks[i] = speed_of(pool, chain, NULL) / threads * SUMS * ROUNDS / 1e9;
    }
    double each = speed_median(limit, SPEED_PAIRS), tick = speed_median(ticks, SPEED_PAIRS);
    double flops = exp2(round(log2(each / tick))); /* a cycle: twice the lanes of all units */
    printf("limit: %.1f GFLOP/s a core = %.0f FLOPs x %.2f GHz%s\n", each, flops, each / flops,
           each / flops < 0.99 * nominal ? ", less than the nominal clock: a bad run" : "");
    fflush(stdout);
    return pool;
}
