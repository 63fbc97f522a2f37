/* rtdtools - MIT licence
 *
 * How fast the kernels are: nanoseconds an element for every set that this CPU has, bytes a second
 * as a share of what memcpy moves at the same size, and how many times the plain reference.
 *     build/tests/bench_kernels [WORD]        only the lines whose name holds WORD */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "nn/kernels.h"

/* Enough for the largest line: 512 x 4096. */
enum { ARRAYS = 5, SIZE = 512 * 4096 };
static float *a[ARRAYS]; /* large arrays */
static float *s[ARRAYS]; /* one row or one column of numbers */
static char *copied_to, *copied_from;
static float *slope_1; /* GELU's slope is 1 there: gradients do not fade into denormals */
static struct rtd_drop drop;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fill(float *x, size_t n, float low, float high, uint32_t stream)
{
    for (size_t i = 0; i < n; i++)
        x[i] = low + (high - low) * (float)rtd_unit(rtd_rand32(1, 0, 0, 0, stream, (uint32_t)i));
}

typedef const struct rtd_kernels *set;
typedef void (*bench)(set k, size_t T, size_t C);

static void add_bias(set k, size_t T, size_t C)
{
    k->add_bias(a[0], s[0], T, C);
}
static void bias_bwd(set k, size_t T, size_t C)
{
    k->bias_bwd(s[1], a[1], T, C);
}
static void gelu_fwd(set k, size_t T, size_t C)
{
    k->bias_act_fwd(a[0], a[1], s[2], T, C, RTD_GELU);
}
static void gelu_bwd(set k, size_t T, size_t C)
{
    k->bias_act_bwd(a[2], s[1], slope_1, T, C, RTD_GELU);
}
static void gelu_tanh_fwd(set k, size_t T, size_t C)
{
    k->bias_act_fwd(a[0], a[1], s[2], T, C, RTD_GELU_TANH);
}
static void layernorm_fwd(set k, size_t T, size_t C)
{
    k->layernorm_fwd(a[0], s[3], s[4], a[1], s[0], s[2], T, C, 1e-12f);
}
static void layernorm_bwd(set k, size_t T, size_t C)
{
    k->layernorm_bwd(a[0], s[1], s[1] + C, a[2], a[1], s[0], s[2], s[0], T, C);
}
static void dropout(set k, size_t T, size_t C)
{
    k->dropout(a[0], T, C, &drop);
}
static void residual_fwd(set k, size_t T, size_t C)
{
    k->residual_layernorm_fwd(a[0], a[1], s[3], s[4], a[2], s[2], s[0], s[2], T, C, 1e-12f, &drop);
}
static void residual_fwd_off(set k, size_t T, size_t C)
{
    k->residual_layernorm_fwd(a[0], a[1], s[3], s[4], a[2], s[2], s[0], s[2], T, C, 1e-12f, NULL);
}
static void residual_bwd(set k, size_t T, size_t C)
{
    k->residual_layernorm_bwd(a[0], a[3], s[1], s[1] + C, s[1] + 2 * C, a[2], a[1], s[0], s[2],
                              s[0], T, C, &drop);
}
static void softmax_fwd(set k, size_t T, size_t C)
{
    k->softmax_fwd(a[0], a[1], T, C, 0.125f, &drop);
}
static void softmax_fwd_off(set k, size_t T, size_t C)
{
    k->softmax_fwd(a[0], a[1], T, C, 0.125f, NULL);
}
static void softmax_bwd(set k, size_t T, size_t C)
{
    memcpy(a[2], a[3], T * C * sizeof *a[2]); /* lest gradients fade */
    k->softmax_bwd(a[2], a[0], a[1], T, C, 0.125f, &drop);
}
static void xent(set k, size_t T, size_t C)
{
    for (size_t t = 0; t < T; t++)
        k->xent(a[3] + t * C, C, 3, 0.5f);
}
static void gumbel_as(set k, const float *x, size_t T, size_t C)
{
    int32_t best;
    for (size_t t = 0; t < T; t++)
        k->gumbel(x + t * C, C, 1, -1, 1, RTD_RNG_GUMBEL << 16, 0, (uint32_t)t, &best);
}
static void gumbel_flat(set k, size_t T, size_t C)
{
    gumbel_as(k, a[4], T, C);
}
static void gumbel_sure(set k, size_t T, size_t C)
{
    for (size_t t = 0; t < T; t++)
        a[4][t * C + 5000] = 30;
    gumbel_as(k, a[4], T, C);
    for (size_t t = 0; t < T; t++)
        a[4][t * C + 5000] = 0;
}
static void add(set k, size_t T, size_t C)
{
    k->add(a[0], a[1], T * C);
}
static void sumsq(set k, size_t T, size_t C)
{
    a[1][0] = (float)k->sumsq(a[0], T * C);
}
static void adamw(set k, size_t T, size_t C)
{
    struct rtd_adamw o = {.lr = 1e-6f,
                          .beta1 = 0.9f,
                          .beta2 = 0.999f,
                          .gain1 = 0.1f,
                          .gain2 = 0.001f,
                          .eps = 1e-6f,
                          .weight_decay = 0.01f,
                          .clip = 1,
                          .correct1 = 1,
                          .correct2 = 1};
    k->adamw(a[0], a[1], a[4], a[2], T * C, &o);
}

/* Bytes: of the arrays that an element is read from or written to, four a time each. */
static const struct {
    const char *name;
    bench run;
    size_t T, C;
    int bytes;
} lines[] = {
    {"add_bias", add_bias, 128, 256, 8},
    {"bias_bwd", bias_bwd, 128, 256, 4},
    {"bias_bwd", bias_bwd, 128, 1024, 4},
    {"bias_act_fwd gelu", gelu_fwd, 128, 256, 12},
    {"bias_act_fwd gelu", gelu_fwd, 128, 1024, 12},
    {"bias_act_fwd gelu", gelu_fwd, 512, 3072, 12},
    {"bias_act_fwd tanh", gelu_tanh_fwd, 128, 1024, 12},
    {"bias_act_bwd gelu", gelu_bwd, 128, 256, 12},
    {"bias_act_bwd gelu", gelu_bwd, 128, 1024, 12},
    {"bias_act_bwd gelu", gelu_bwd, 512, 3072, 12},
    {"layernorm_fwd", layernorm_fwd, 128, 128, 8},
    {"layernorm_fwd", layernorm_fwd, 128, 768, 8},
    {"layernorm_bwd", layernorm_bwd, 128, 128, 12},
    {"layernorm_bwd", layernorm_bwd, 128, 768, 12},
    {"dropout", dropout, 128, 128, 8},
    {"residual_ln_fwd", residual_fwd, 128, 64, 16},
    {"residual_ln_fwd", residual_fwd, 128, 256, 16},
    {"residual_ln_fwd", residual_fwd, 128, 768, 16},
    {"residual_ln_fwd off", residual_fwd_off, 128, 256, 16},
    {"residual_ln_bwd", residual_bwd, 128, 64, 16},
    {"residual_ln_bwd", residual_bwd, 128, 256, 16},
    {"residual_ln_bwd", residual_bwd, 128, 768, 16},
    {"softmax_fwd", softmax_fwd, 32, 32, 12},
    {"softmax_fwd", softmax_fwd, 128, 128, 12},
    {"softmax_fwd", softmax_fwd, 101, 101, 12},
    {"softmax_fwd", softmax_fwd, 512, 512, 12},
    {"softmax_fwd off", softmax_fwd_off, 128, 128, 8},
    {"softmax_bwd", softmax_bwd, 128, 128, 16},
    {"softmax_bwd", softmax_bwd, 101, 101, 16},
    {"softmax_bwd", softmax_bwd, 512, 512, 16},
    {"xent", xent, 16, 30522, 8},
    {"xent", xent, 64, 8000, 8},
    {"gumbel flat logits", gumbel_flat, 16, 30522, 4},
    {"gumbel one is sure", gumbel_sure, 16, 30522, 4},
    {"add", add, 512, 4096, 12},
    {"sumsq", sumsq, 512, 4096, 4},
    {"adamw", adamw, 512, 4096, 28},
};

/* Seconds of one call: the best of several times that each take about half a millisecond. */
static double seconds(bench run, set k, size_t T, size_t C)
{
    double best = 1;
    int calls = 1;
    run(k, T, C);
    for (int round = 0; round < 40; round++) {
        double t = now();
        for (int i = 0; i < calls; i++)
            run(k, T, C);
        t = now() - t;
        if (t / calls < best)
            best = t / calls;
        if (t < 2e-4) {
            calls = (int)(calls * (t > 1e-5 ? 5e-4 / t : 20));
            round = -1;
        }
    }
    return best;
}

static void copy(set k, size_t T, size_t bytes)
{
    (void)k;
    memcpy(copied_to, copied_from, T * bytes / 2); /* half read, half written */
}

int main(int argc, char **argv)
{
    for (int i = 0; i < ARRAYS; i++) {
        a[i] = aligned_alloc(4096, SIZE * sizeof(float));
        s[i] = aligned_alloc(4096, 3 * 4096 * sizeof(float));
        if (!a[i] || !s[i])
            return 3;
        fill(s[i], 3 * 4096, 0.5f, 1, (uint32_t)i);
    }
    size_t most = (size_t)SIZE * 14;
    slope_1 = aligned_alloc(4096, SIZE * sizeof(float));
    copied_to = aligned_alloc(4096, most);
    copied_from = aligned_alloc(4096, most);
    if (!slope_1 || !copied_to || !copied_from)
        return 3;
    memset(copied_from, 1, most);
    fill(slope_1, SIZE, 0.75179152f, 0.75179152f, 0);
    memset(s[2], 0, 4096 * sizeof(float)); /* a bias added a million times */
    drop = (struct rtd_drop){.seed = 1, .site = RTD_RNG_DROP_FFN << 16};
    rtd_drop_rate(&drop, 0.1);
    printf("%-20s %5s %5s %-7s %8s %8s %8s %8s\n", "kernel", "rows", "cols", "set", "ns/elem",
           "GB/s", "memcpy", "plain");
    for (size_t l = 0; l < sizeof lines / sizeof *lines; l++) {
        size_t T = lines[l].T, C = lines[l].C;
        if (argc > 1 && !strstr(lines[l].name, argv[1]))
            continue;
        double plain = 0, n = (double)T * (double)C, bytes = n * lines[l].bytes;
        double copied = bytes / seconds(copy, NULL, T, C * (size_t)lines[l].bytes);
        for (int i = 0; rtd_kernels_at(i); i++) {
            for (int k = 0; k < ARRAYS; k++)
                fill(a[k], T * C, k == 4 ? 0 : -3, 3, (uint32_t)k);
            double t = seconds(lines[l].run, rtd_kernels_at(i), T, C);
            if (i == 0)
                plain = t;
            printf("%-20s %5zu %5zu %-7s %8.3f %8.1f %7.0f%% %7.1fx\n", lines[l].name, T, C,
                   rtd_kernels_at(i)->name, t / n * 1e9, bytes / t * 1e-9, 100 * bytes / t / copied,
                   plain / t);
        }
    }
    for (int i = 0; i < ARRAYS; i++) {
        free(a[i]);
        free(s[i]);
    }
    free(slope_1);
    free(copied_to);
    free(copied_from);
    return 0;
}
