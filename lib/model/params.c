/* rtdtools - MIT licence */
#include "model/params.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

size_t rtd_params_add(struct rtd_params *p, int net, int flags, enum rtd_init init, int depth,
                      size_t dims0, size_t dims1, const char *fmt, ...)
{
    if (p->n == p->cap) {
        int cap = p->cap ? p->cap * 2 : 64;
        struct rtd_param *item = realloc(p->item, (size_t)cap * sizeof *item);
        if (!item) {
            p->failed = true;
            return 0;
        }
        p->item = item;
        p->cap = cap;
    }
    struct rtd_param *t = &p->item[p->n++];
    *t = (struct rtd_param){.net = net, .init = init, .depth = depth, .dims = {dims0, dims1}};
    t->ndim = dims1 ? 2 : 1;
    t->count = dims0 * (dims1 ? dims1 : 1);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->name, sizeof t->name, fmt, ap);
    va_end(ap);
    const char *last = strrchr(t->name, '.');
    t->decay = !strstr(t->name, "LayerNorm") && strcmp(last ? last : t->name, ".bias") != 0;
    if (!(flags & RTD_PACKED))
        p->total = (p->total + 15) & ~(size_t)15;
    t->offset = p->total;
    p->total += t->count;
    return t->offset;
}

int rtd_params_alloc(struct rtd_params *p, struct rtd_err *err)
{
    p->total = (p->total + 15) & ~(size_t)15;
    if (!p->failed)
        p->w = rtd_calloc_aligned(p->total, sizeof *p->w);
    if (!p->w)
        return rtd_fail(err, RTD_ESYS, "not enough memory for %zu parameters", p->total);
    return RTD_OK;
}

void rtd_params_free(struct rtd_params *p)
{
    free(p->item);
    free(p->w);
    *p = (struct rtd_params){0};
}

const struct rtd_param *rtd_params_find(const struct rtd_params *p, int net, const char *name)
{
    for (int i = 0; i < p->n; i++)
        if (p->item[i].net == net && !strcmp(p->item[i].name, name))
            return &p->item[i];
    return NULL;
}

/* A standard normal draw truncated at 2: Box-Muller on words of the element's own, redrawn. */
static double truncated_normal(uint64_t seed, uint32_t net, uint64_t index, size_t element)
{
    for (uint32_t attempt = 0;; attempt++) {
        uint32_t w[4];
        rtd_philox(w, seed, RTD_RNG_INIT, net, attempt & 255, index, (uint32_t)element);
        for (int k = 0; k < 4; k += 2) {
            double r = sqrt(-2 * log((w[k] + 0.5) * 0x1p-32));
            double x = r * cos(2 * M_PI * rtd_unit(w[k + 1]));
            if (fabs(x) <= 2)
                return x;
        }
    }
}

void rtd_params_init_from(const struct rtd_params *p, uint64_t seed, double range, int min_depth)
{
    for (int i = 0; i < p->n; i++) {
        const struct rtd_param *t = &p->item[i];
        if (t->depth < min_depth)
            continue;
        uint64_t index = rtd_hash64(t->name, strlen(t->name));
        double limit = sqrt(6.0 / (double)(t->dims[0] + t->dims[1]));
        real *w = p->w + t->offset;
        for (size_t e = 0; e < t->count; e++) {
            uint32_t u = 0;
            switch (t->init) {
            case RTD_INIT_NORMAL:
                w[e] = (real)(range * truncated_normal(seed, (uint32_t)t->net, index, e));
                break;
            case RTD_INIT_GLOROT:
                u = rtd_rand32(seed, RTD_RNG_INIT, (uint32_t)t->net, 0, index, (uint32_t)e);
                w[e] = (real)(limit * (2 * (u + 0.5) * 0x1p-32 - 1));
                break;
            default:
                w[e] = t->init == RTD_INIT_ONE;
            }
        }
    }
}

void rtd_params_init(const struct rtd_params *p, uint64_t seed, double range)
{
    rtd_params_init_from(p, seed, range, 0);
}

/* --- names of others --- */

static const char wrapper[] = "module.";
static const struct {
    const char *then, *now;
} endings[] = {{".gamma", ".weight"}, {".beta", ".bias"}};
enum { ENDINGS = sizeof endings / sizeof endings[0] };

/* The rest of s where it begins so, else NULL. */
static const char *behind(const char *s, const char *start)
{
    size_t n = strlen(start);
    return strncmp(s, start, n) == 0 ? s + n : NULL;
}

static bool ends(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

void rtd_params_rename(char *name)
{
    const char *rest = behind(name, wrapper);
    if (rest)
        memmove(name, rest, strlen(rest) + 1);
    for (int i = 0; i < ENDINGS; i++)
        if (ends(name, endings[i].then)) {
            strcpy(name + strlen(name) - strlen(endings[i].then), endings[i].now);
            return;
        }
}

/* The tensor of that name, or of the one that it had inside DataParallel. */
static const struct rtd_st_tensor *find_wrapped(const struct rtd_st *st, const char *name)
{
    char full[160];
    const struct rtd_st_tensor *x = rtd_st_find(st, name);
    if (x || snprintf(full, sizeof full, "%s%s", wrapper, name) >= (int)sizeof full)
        return x;
    return rtd_st_find(st, full);
}

/* Or with LayerNorm's old names. */
static const struct rtd_st_tensor *find_ending(const struct rtd_st *st, const char *name)
{
    char old[160];
    const struct rtd_st_tensor *x = find_wrapped(st, name);
    for (int i = 0; i < ENDINGS && !x && strstr(name, "LayerNorm"); i++)
        if (ends(name, endings[i].now)) {
            snprintf(old, sizeof old, "%.*s%s", (int)(strlen(name) - strlen(endings[i].now)), name,
                     endings[i].then);
            x = find_wrapped(st, old);
        }
    return x;
}

/* Or without the class's prefix, as bare encoders are saved. */
const struct rtd_st_tensor *rtd_params_tensor(const struct rtd_param *t, const struct rtd_st *st)
{
    const char *name = t->name;
    static const char *const prefix[] = {"bert.", "electra."};
    const struct rtd_st_tensor *x = find_ending(st, name);
    for (int i = 0; i < 2 && !x; i++)
        if (behind(name, prefix[i]))
            x = find_ending(st, behind(name, prefix[i]));
    return x;
}

/* --- reading --- */

/* The tensor of an entry, its shape checked; NULL: err is set. */
static const struct rtd_st_tensor *look_up(const struct rtd_param *t, const struct rtd_st *st,
                                           struct rtd_err *err)
{
    const struct rtd_st_tensor *x = rtd_params_tensor(t, st);
    if (!x) {
        rtd_fail(err, RTD_EDATA, "%s: %s: tensor missing", rtd_st_name(st), t->name);
        return NULL;
    }
    if (x->ndim != t->ndim || x->dims[0] != t->dims[0] ||
        (t->ndim == 2 && x->dims[1] != t->dims[1])) {
        rtd_fail(err, RTD_EDATA, "%s: %s: its shape is not the one of config.json", rtd_st_name(st),
                 t->name);
        return NULL;
    }
    return x;
}

int rtd_params_check(const struct rtd_params *p, int net, const struct rtd_st *st,
                     struct rtd_err *err)
{
    for (int i = 0; i < p->n; i++)
        if (p->item[i].net == net && !look_up(&p->item[i], st, err))
            return err->status;
    return p->failed ? rtd_fail(err, RTD_ESYS, "not enough memory") : RTD_OK;
}

/* The products with 0 are NaN where a number is NaN or infinite, and so is their sum: no branch. */
static bool all_finite(const real *x, size_t n)
{
    real sum[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            sum[k] += x[i + (size_t)k] * 0;
    for (; i < n; i++)
        sum[0] += x[i] * 0;
    for (int k = 1; k < 8; k++)
        sum[0] += sum[k];
    return sum[0] == 0;
}

static int read_values(real *to, const struct rtd_st *st, const struct rtd_st_tensor *x,
                       struct rtd_err *err)
{
#ifdef RTD_DOUBLE
    float *tmp = rtd_alloc_aligned(x->count, sizeof *tmp);
    if (!tmp)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int status = rtd_st_get_f32(st, x, tmp, x->count, err);
    for (size_t i = 0; i < x->count && !status; i++)
        to[i] = tmp[i];
    free(tmp);
    return status;
#else
    return rtd_st_get_f32(st, x, to, x->count, err);
#endif
}

int rtd_params_load(const struct rtd_params *p, int net, const struct rtd_st *st,
                    struct rtd_err *err)
{
    for (int i = 0; i < p->n; i++) {
        const struct rtd_param *t = &p->item[i];
        if (t->net != net)
            continue;
        const struct rtd_st_tensor *x = look_up(t, st, err);
        if (!x || read_values(p->w + t->offset, st, x, err))
            return err->status;
        if (!all_finite(p->w + t->offset, t->count))
            return rtd_fail(err, RTD_EDATA, "%s: %s holds numbers that are not finite",
                            rtd_st_name(st), t->name);
    }
    return RTD_OK;
}

int rtd_params_save(const struct rtd_params *p, int net, const real *block, const char *prefix,
                    struct rtd_st_writer *out, struct rtd_err *err)
{
    for (int i = 0; i < p->n; i++) {
        const struct rtd_param *t = &p->item[i];
        char name[192];
        if (t->net != net)
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, t->name);
        int status = rtd_st_add(out, name, sizeof(real) == 4 ? RTD_ST_F32 : RTD_ST_F64, t->ndim,
                                t->dims, block + t->offset, err);
        if (status)
            return status;
    }
    return RTD_OK;
}
