/* rtdtools - MIT licence */
#include "nn/choice.h"
#include "nn/choice_internal.h"
#include "nn/gemm_internal.h"
#include "nn/kernels_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/say.h"

static const struct rtd_kernels *const sets[] = {
    &rtd_kernels_plain,
#ifdef RTD_HAVE_X86_KERNELS
    &rtd_kernels_avx2,
    &rtd_kernels_avx512,
#endif
};
enum { SETS = sizeof sets / sizeof *sets };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct rtd_choice now;
static char name[64], why[160];
static bool by_user;
static struct rtd_err refused; /* the environment asks for what cannot be had */

static bool has_avx2(void)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

static bool has_avx512(void)
{
#ifdef __x86_64__
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

/* What BLIS 0.9 would take.  It knows CPUs by family and name: a newer one gets its plain C. */
static arch_t blis_takes(void)
{
#ifdef __x86_64__
    return bli_cpuid_query_id();
#else
    return bli_arch_query_id();
#endif
}

static bool runs_blis(arch_t a)
{
    switch (a) {
    case BLIS_ARCH_GENERIC:
        return true;
    case BLIS_ARCH_SKX:
        return has_avx512();
    case BLIS_ARCH_HASWELL:
    case BLIS_ARCH_ZEN:
    case BLIS_ARCH_ZEN2:
    case BLIS_ARCH_ZEN3:
        return has_avx2();
    default:
        return a < BLIS_NUM_ARCHS && a == blis_takes();
    }
}

/* The best of BLIS's kernels that use no wider vectors than the set. */
static arch_t best_blis(const struct rtd_kernels *set)
{
    arch_t known = blis_takes();
#ifdef __x86_64__
#ifndef RTD_DOUBLE
    if (set == &rtd_kernels_plain)
        return BLIS_ARCH_GENERIC;
#endif
    if ((known == BLIS_ARCH_GENERIC || known == BLIS_ARCH_SKX) && has_avx2())
        return BLIS_ARCH_HASWELL;
#endif
    (void)set;
    return known;
}

static const struct rtd_kernels *find_set(const char *text, size_t length)
{
    for (int i = 0; rtd_kernels_at(i); i++)
        if (strlen(rtd_kernels_at(i)->name) == length &&
            !strncmp(rtd_kernels_at(i)->name, text, length))
            return rtd_kernels_at(i);
    return NULL;
}

/* A choice by its name, or by that of its set alone; false: not on this CPU. */
static bool find(const char *text, struct rtd_choice *c)
{
    size_t length = strcspn(text, "-");
    const struct rtd_kernels *set = find_set(text, length);
    if (!set)
        return false;
    *c = (struct rtd_choice){.kernels = set};
#ifdef RTD_HAVE_GEMM_AVX512
    if (set == &rtd_kernels_avx512 && (!text[length] || !strcmp(text + length, "-6x64"))) {
        c->blis = RTD_OWN;
        return true;
    }
#endif
    if (!text[length]) {
        c->blis = best_blis(set);
        return true;
    }
    if (strncmp(text + length, "-blis-", 6))
        return false;
    for (int a = 0; a < BLIS_NUM_ARCHS; a++)
        if (!strcmp(text + length + 6, bli_arch_string((arch_t)a)) && runs_blis((arch_t)a)) {
            c->blis = (arch_t)a;
            return true;
        }
    return false;
}

static void take(const struct rtd_choice *c)
{
    now = *c;
    if (c->blis == RTD_OWN)
        snprintf(name, sizeof name, "%s-6x64", c->kernels->name);
    else
        snprintf(name, sizeof name, "%s-blis-%s", c->kernels->name, bli_arch_string(c->blis));
}

/* BLIS_ARCH_TYPE: BLIS 0.9 takes a number, any other text for 0, and ends the process with one that
 * it does not have. */
static bool blis_by_number(const char *text, arch_t *a)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || *end || number < 0 || number >= BLIS_NUM_ARCHS || !runs_blis((arch_t)number))
        return false;
    *a = (arch_t)number;
    return true;
}

/* Without a word of the user's. */
static void by_cpu(struct rtd_choice *c, bool measured)
{
    for (int i = 0; rtd_kernels_at(i); i++)
        c->kernels = rtd_kernels_at(i);
    c->blis = best_blis(c->kernels);
    snprintf(why, sizeof why, "the best that this CPU has");
#ifdef RTD_HAVE_GEMM_AVX512
    if (has_avx512() && rtd_avx512_pays(measured, why, sizeof why))
        c->blis = RTD_OWN;
#endif
    (void)measured;
}

static void choose(void)
{
    const char *want = getenv("RTD_KERNELS"), *number = getenv("BLIS_ARCH_TYPE");
    struct rtd_choice c = {0};
    bool measured = want && !strcmp(want, "measured"), by_name = want && *want && !measured;
    by_user = by_name || (number && *number);
    if (by_name && find(want, &c)) {
        snprintf(why, sizeof why, "RTD_KERNELS says so");
    } else {
        by_cpu(&c, measured);
        if (by_name)
            rtd_fail(&refused, RTD_EUSAGE, "RTD_KERNELS=%s: no such kernel set on this CPU", want);
    }
    if (number && *number) {
        arch_t best = best_blis(c.kernels);
        if (blis_by_number(number, &c.blis))
            snprintf(why, sizeof why, "BLIS_ARCH_TYPE says so");
        else
            rtd_fail(&refused, RTD_EUSAGE,
                     "BLIS_ARCH_TYPE=%s: not the number of kernels of BLIS's that this CPU runs "
                     "(%d is %s)",
                     number, best, bli_arch_string(best));
    }
    take(&c);
}

const struct rtd_choice *rtd_choice_now(void)
{
    pthread_once(&once, choose);
    return &now;
}

int rtd_choose(struct rtd_err *err)
{
    pthread_once(&once, choose);
    if (refused.status)
        return rtd_fail(err, refused.status, "%s", refused.text);
    rtd_info(1, "kernels %s: %s", name, why);
    return RTD_OK;
}

const char *rtd_choice(void)
{
    pthread_once(&once, choose);
    return name;
}

bool rtd_choice_by_user(void)
{
    pthread_once(&once, choose);
    return by_user;
}

bool rtd_choice_take(const char *wanted)
{
    struct rtd_choice c;
    pthread_once(&once, choose);
    if (wanted && !strcmp(wanted, name))
        return true;
    if (by_user || !wanted || !strchr(wanted, '-') || !find(wanted, &c))
        return false;
    take(&c);
    rtd_info(1, "kernels %s: as in the run so far", name);
    return true;
}

const struct rtd_kernels *rtd_kernels_at(int i)
{
    int n = has_avx512() ? 3 : has_avx2() ? 2 : 1;
    return i >= 0 && i < n && i < SETS ? sets[i] : NULL;
}
