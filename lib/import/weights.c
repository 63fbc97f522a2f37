/* rtdtools - MIT licence */
#include "import/weights.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"

enum { INDEX_MAX = 64 << 20 };

void rtd_weights_free(struct rtd_weights *all)
{
    for (size_t i = 0; i < all->n; i++) {
        free(all->w[i].name);
        free(all->w[i].data);
    }
    free(all->w);
    *all = (struct rtd_weights){0};
}

struct rtd_weight *rtd_weights_add(struct rtd_weights *all, const char *name, int ndim,
                                   const size_t *dims, struct rtd_err *err)
{
    size_t count = 1;
    char shown[80];
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 33 || (unsigned char)*c > 126) {
            rtd_fail(err, RTD_EDATA, "a tensor's name is not plain text: '%s'",
                     rtd_mask_text(shown, sizeof shown, name, strlen(name)));
            return NULL;
        }
    if (all->n == all->cap) {
        size_t cap = 2 * all->cap + 64;
        struct rtd_weight *w = realloc(all->w, cap * sizeof *w);
        if (!w) {
            rtd_fail(err, RTD_ESYS, "not enough memory");
            return NULL;
        }
        all->w = w;
        all->cap = cap;
    }
    struct rtd_weight *w = &all->w[all->n];
    *w = (struct rtd_weight){.ndim = ndim, .name = strdup(name)};
    for (int i = 0; i < ndim; i++) {
        w->dims[i] = dims[i];
        if (!rtd_mul_size(count, dims[i], &count)) {
            free(w->name);
            rtd_fail(err, RTD_EDATA, "%s: too large", name);
            return NULL;
        }
    }
    w->count = count;
    w->data = count < SIZE_MAX / sizeof *w->data ? malloc((count + 1) * sizeof *w->data) : NULL;
    if (!w->name || !w->data) {
        free(w->name);
        free(w->data);
        rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
        return NULL;
    }
    all->n++;
    return w;
}

const struct rtd_weight *rtd_weights_find(const struct rtd_weights *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->w[i].name, name) == 0)
            return &all->w[i];
    return NULL;
}

int rtd_weights_check(const struct rtd_weights *all, const char *file, struct rtd_err *err)
{
    for (size_t i = 0; i < all->n; i++)
        for (size_t k = 0; k < all->w[i].count; k++)
            if (!isfinite(all->w[i].data[k]))
                return rtd_fail(err, RTD_EDATA, "%s: %s holds numbers that are not finite", file,
                                all->w[i].name);
    return RTD_OK;
}

size_t rtd_element_size(enum rtd_element type)
{
    static const size_t sizes[] = {
        [RTD_EL_F32] = 4, [RTD_EL_F64] = 8, [RTD_EL_F16] = 2, [RTD_EL_BF16] = 2};
    return type == RTD_EL_OTHER ? 0 : sizes[type];
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 1023;
    if (e == 31)
        return from_bits(sign | 0x7f800000 | m << 13);
    if (e)
        return from_bits(sign | (e + 112) << 23 | m << 13);
    float x = (float)m * 0x1p-24f;
    return sign ? -x : x;
}

float rtd_element_at(enum rtd_element type, const unsigned char *data, size_t i)
{
    const unsigned char *p = data + i * rtd_element_size(type);
    double d;
    float f;
    switch (type) {
    case RTD_EL_F64:
        memcpy(&d, p, sizeof d);
        return (float)d;
    case RTD_EL_F16:
        return half((uint16_t)(p[0] | p[1] << 8));
    case RTD_EL_BF16:
        return from_bits((uint32_t)p[0] << 16 | (uint32_t)p[1] << 24);
    default:
        memcpy(&f, p, sizeof f);
        return f;
    }
}

int rtd_read_safetensors(struct rtd_weights *all, const char *path, struct rtd_err *err)
{
    struct rtd_st *st;
    int status = rtd_st_open(&st, path, err);
    if (status)
        return status;
    for (int i = 0; i < rtd_st_count(st) && !status; i++) {
        const struct rtd_st_tensor *t = rtd_st_at(st, i);
        if (t->dtype > RTD_ST_BF16) /* position_ids and the like */
            continue;
        struct rtd_weight *w = rtd_weights_add(all, t->name, t->ndim, t->dims, err);
        status = w ? rtd_st_get_f32(st, t, w->data, t->count, err) : err->status;
    }
    rtd_st_close(st);
    return status;
}

/* The files of a weight map, each once. */
static int read_files(struct rtd_weights *all, const char *dir, const json_t *map,
                      struct rtd_err *err)
{
    json_t *seen = json_object(), *v;
    const char *key;
    int st = seen ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    json_object_foreach((json_t *)map, key, v)
    {
        char path[PATH_MAX];
        const char *file = json_string_value(v);
        if (st || (file && json_object_get(seen, file)))
            continue;
        if (!file || strchr(file, '/') ||
            snprintf(path, sizeof path, "%s/%s", dir, file) >= PATH_MAX)
            st = rtd_fail(err, RTD_EDATA, "%s: the index names no plain file for a tensor", dir);
        else
            st = rtd_read_safetensors(all, path, err);
        if (!st)
            json_object_set_new(seen, file, json_true());
    }
    json_object_foreach((json_t *)map, key, v)
    {
        if (!st && !rtd_weights_find(all, key) && !strstr(key, "position_ids"))
            st = rtd_fail(err, RTD_EDATA, "%s: %s is in no file", dir, key);
    }
    json_decref(seen);
    return st;
}

int rtd_read_sharded(struct rtd_weights *all, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX], *text;
    size_t len;
    if (snprintf(path, sizeof path, "%s/model.safetensors.index.json", dir) >= PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    if (rtd_read_file(path, INDEX_MAX, &text, &len, err))
        return err->status;
    json_t *root = json_loadb(text, len, 0, NULL);
    free(text);
    const json_t *map = json_object_get(root, "weight_map");
    int st = json_is_object(map) ? read_files(all, dir, map, err)
                                 : rtd_fail(err, RTD_EDATA, "%s: no object \"weight_map\"", path);
    json_decref(root);
    return st;
}
