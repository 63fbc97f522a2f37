/* rtdtools - MIT licence
 *
 * Whether products with AVX-512 pay on this CPU: a table of those that were measured, by family and
 * model, which virtual machines leave alone where they hide the name; for all others a measurement.
 * With two units for AVX-512 they run at up to twice the speed of AVX2, with one at about the same,
 * and cost clock; how many units there are no flag says. */
#include "nn/choice_internal.h"
#include "nn/gemm_internal.h"

#ifdef RTD_HAVE_GEMM_AVX512
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Measured with `make bench`; see README.md. */
static const struct {
    const char *vendor;
    unsigned family, model;
    bool pays;
    const char *name;
} table[] = {
    /* the same loops with BLIS's kernel of 32 by 12: 1.4 times BLIS's AVX2; a tile of 6 by 64
     * without packing A: 1.2 times that */
    {"GenuineIntel", 6, 106, true, "Ice Lake"},
    /* the same loops with BLIS's kernel; the tile of 6 by 64 not yet */
    {"GenuineIntel", 6, 143, true, "Sapphire Rapids"},
    /* one unit; training 1.05 to 1.2 times as fast as with BLIS's AVX2 */
    {"AuthenticAMD", 25, 17, true, "Zen 4"},
};

struct cpu {
    char vendor[13];
    unsigned family, model;
};

static struct cpu this_cpu(void)
{
    struct cpu c = {.family = 0};
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid(0, &eax, &ebx, &ecx, &edx);
    memcpy(c.vendor, &ebx, 4);
    memcpy(c.vendor + 4, &edx, 4);
    memcpy(c.vendor + 8, &ecx, 4);
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    c.family = eax >> 8 & 15;
    c.model = eax >> 4 & 15;
    if (c.family == 6 || c.family == 15)
        c.model |= eax >> 12 & 0xf0;
    if (c.family == 15)
        c.family += eax >> 20 & 0xff;
    return c;
}

/* --- the measurement --- */

enum { DEPTH = 256, COLD = 30, ROUNDS = 30 };
static const double SLICE = 20e-6, PAYS = 1.25;

/* Packed panels and a tile for either micro-kernel. */
struct bench {
    _Alignas(64) float b[64 * DEPTH];
    _Alignas(64) float a[6 * DEPTH], c[6 * 64];
    sgemm_ukr_ft narrow; /* BLIS's for AVX2, 6 by 16 */
    cntx_t *context;
};

static void run(struct bench *b, bool wide)
{
    static float one = 1, zero = 0;
    auxinfo_t next = {0};
    if (wide) {
        rtd_gemm_avx512_tile(DEPTH, b->a, b->b, b->c);
        return;
    }
    bli_auxinfo_set_next_a(b->a, &next);
    bli_auxinfo_set_next_b(b->b, &next);
    b->narrow(6, 16, DEPTH, &one, b->a, b->b, &zero, b->c, 16, 1, &next, b->context);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds that one column of a tile takes, in a slice of 20 us. */
static double slice(struct bench *b, bool wide)
{
    double start = seconds(), now;
    int calls = 0;
    do {
        run(b, wide);
        calls++;
        now = seconds();
    } while (now - start < SLICE);
    return (now - start) / calls / (wide ? 64 : 16);
}

/* How many times as fast the wider vectors are: the least time of each, in slices by turns, so that
 * neither what else runs nor a clock that rises takes part; the first ones of the wide, in which
 * the CPU lowers its clock and feeds the upper half of its units, do not count. */
static double measure(void)
{
    static struct bench b;
    double least[2] = {1, 1};
    for (size_t i = 0; i < sizeof b.b / sizeof *b.b; i++)
        b.b[i] = (float)(i % 13) - 6;
    for (size_t i = 0; i < sizeof b.a / sizeof *b.a; i++)
        b.a[i] = (float)(i % 11) - 5;
    b.context = rtd_blis_kernels(BLIS_ARCH_HASWELL);
    b.narrow = (sgemm_ukr_ft)bli_cntx_get_l3_nat_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, b.context);
    for (int i = 0; i < COLD; i++)
        slice(&b, true);
    for (int i = 0; i < 4 * ROUNDS; i++) {
        bool wide = i % 4 == 1 || i % 4 == 2; /* 256, 512, 512, 256 bits */
        double t = slice(&b, wide);
        if (t < least[wide])
            least[wide] = t;
    }
    return least[0] / least[1];
}

bool rtd_avx512_pays(bool measured, char *why, size_t size)
{
    struct cpu c = this_cpu();
    for (size_t i = 0; i < sizeof table / sizeof *table && !measured; i++)
        if (!strcmp(table[i].vendor, c.vendor) && table[i].family == c.family &&
            table[i].model == c.model) {
            snprintf(why, size, "the table of measured CPUs has %s (%s, family %u, model %u)",
                     table[i].name, c.vendor, c.family, c.model);
            return table[i].pays;
        }
    double times = measure();
    snprintf(
        why, size,
        "measured on this CPU (%s, family %u, model %u): AVX-512 is %.2f times as fast as AVX2",
        c.vendor, c.family, c.model, times);
    return times >= PAYS;
}
#endif
