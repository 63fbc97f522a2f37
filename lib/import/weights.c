/* rtdtools - MIT licence */
#include "import/weights.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/say.h"

enum { INDEX_MAX = 64 << 20 };

void rtd_weights_free(struct rtd_weights *all)
{
    for (size_t i = 0; i < all->n; i++)
        free(all->w[i].data);
    free(all->w);
    rtd_names_free(&all->names);
    *all = (struct rtd_weights){0};
}

static int check_name(const char *name, struct rtd_err *err)
{
    char shown[80];
    bool plain = strlen(name) + 1 < RTD_WEIGHT_NAME; /* a new one may be longer by one */
    for (const char *c = name; *c; c++)
        plain &= (unsigned char)*c > 32 && (unsigned char)*c < 127;
    return plain ? RTD_OK
                 : rtd_fail(err, RTD_EDATA, "a tensor's name is not plain text: '%s'",
                            rtd_mask_text(shown, sizeof shown, name, strlen(name)));
}

/* The name of the next tensor. */
static const char *add_name(struct rtd_names *names, const char *name, struct rtd_err *err)
{
    size_t number = 0;
    bool known;
    if (names->n >= RTD_WEIGHTS_MAX)
        rtd_fail(err, RTD_EDATA, "more than %d tensors", RTD_WEIGHTS_MAX);
    else if (!check_name(name, err) && !rtd_names_add(names, name, &number, &known, err) && known)
        rtd_fail(err, RTD_EDATA, "%s: there twice", name);
    return err->status ? NULL : names->name[number];
}

struct rtd_weight *rtd_weights_add(struct rtd_weights *all, const char *name, int ndim,
                                   const size_t *dims, struct rtd_err *err)
{
    struct rtd_weight w = {.ndim = ndim, .count = 1};
    for (int i = 0; i < ndim; i++) {
        w.dims[i] = dims[i];
        if (!rtd_mul_size(w.count, dims[i], &w.count) || w.count >= SIZE_MAX / sizeof *w.data) {
            rtd_fail(err, RTD_EDATA, "%s: too large", name);
            return NULL;
        }
    }
    if (all->n == all->cap) {
        size_t cap = 2 * all->cap + 64;
        struct rtd_weight *list = realloc(all->w, cap * sizeof *list);
        if (!list) {
            rtd_fail(err, RTD_ESYS, "not enough memory");
            return NULL;
        }
        all->w = list;
        all->cap = cap;
    }
    w.name = add_name(&all->names, name, err);
    if (!w.name)
        return NULL;
    w.data = malloc((w.count + 1) * sizeof *w.data);
    if (!w.data) {
        rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
        return NULL;
    }
    all->w[all->n] = w;
    return &all->w[all->n++];
}

const struct rtd_weight *rtd_weights_find(const struct rtd_weights *all, const char *name)
{
    size_t i;
    return rtd_names_find(&all->names, name, &i) ? &all->w[i] : NULL;
}

int rtd_weights_rename(struct rtd_weights *all, void (*rename)(char *name), struct rtd_err *err)
{
    struct rtd_names now = {0};
    char name[RTD_WEIGHT_NAME];
    for (size_t i = 0; i < all->n && !err->status; i++) {
        strcpy(name, all->w[i].name);
        rename(name);
        all->w[i].name = add_name(&now, name, err);
    }
    rtd_names_free(&all->names);
    all->names = now;
    return err->status;
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

static int read_safetensors(struct rtd_weights *all, const char *path, struct rtd_err *err)
{
    struct rtd_st *st;
    const char *small = NULL; /* the first of 8-bit floats */
    int status = rtd_st_open(&st, path, err);
    if (status)
        return status;
    for (int i = 0; i < rtd_st_count(st) && !status; i++) {
        const struct rtd_st_tensor *t = rtd_st_at(st, i);
        if (t->dtype >= RTD_ST_F8_E4M3 && !small)
            small = t->name;
        if (t->dtype > RTD_ST_BF16) /* position_ids and the like */
            continue;
        struct rtd_weight *w = rtd_weights_add(all, t->name, t->ndim, t->dims, err);
        status = w ? rtd_st_get_f32(st, t, w->data, t->count, err) : err->status;
    }
    if (small && !status)
        rtd_warn("%s: tensors of 8-bit floats are left out, the first %s", path, small);
    rtd_st_close(st);
    return status;
}

typedef int read_file(struct rtd_weights *all, const char *path, struct rtd_err *err);

static int join(char path[PATH_MAX], const char *dir, const char *name, struct rtd_err *err)
{
    return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX
               ? RTD_OK
               : rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
}

/* The files of a weight map, each once; then every tensor of the map has to be there. */
static int read_map(struct rtd_weights *all, const char *dir, const struct rtd_json *map,
                    read_file *read, struct rtd_err *err)
{
    struct rtd_names files = {0};
    char path[PATH_MAX];
    size_t unused;
    bool known;
    struct rtd_json_walk w = rtd_json_walk(map);
    while (!err->status && rtd_json_step(&w)) {
        if (w.value->kind != RTD_JSON_TEXT || strchr(w.value->text, '/') || w.value->n == 0)
            rtd_fail(err, RTD_EDATA, "%s: the index names no plain file for a tensor", dir);
        else if (rtd_names_add(&files, w.value->text, &unused, &known, err) || known ||
                 join(path, dir, w.value->text, err))
            continue;
        else if (!rtd_exists(path))
            rtd_fail(err, RTD_EDATA, "%s: the index names it, but it is not there", path);
        else
            read(all, path, err);
    }
    w = rtd_json_walk(map);
    while (!err->status && rtd_json_step(&w))
        if (!rtd_weights_find(all, w.key->text) && !strstr(w.key->text, "position_ids"))
            rtd_fail(err, RTD_EDATA, "%s: %.200s is in no file", dir, w.key->text);
    rtd_names_free(&files);
    return err->status;
}

static int read_index(struct rtd_weights *all, const char *dir, const char *path, read_file *read,
                      struct rtd_err *err)
{
    struct rtd_json_doc doc = {0};
    const struct rtd_json *map;
    char *text;
    size_t len;
    if (rtd_read_file(path, INDEX_MAX, &text, &len, err))
        return err->status;
    if (!rtd_json_read(&doc, text, len, path, 0, err) &&
        !rtd_json_want(doc.root, "weight_map", RTD_JSON_OBJECT, &map, path, 0, err))
        read_map(all, dir, map, read, err);
    rtd_json_free(&doc);
    free(text);
    return err->status;
}

int rtd_read_weights(struct rtd_weights *all, const char *dir, const char **form,
                     char file[PATH_MAX], struct rtd_err *err)
{
    static const struct {
        const char *file, *what;
        read_file *read;
        bool index;
    } forms[] = {
        {"model.safetensors", "safetensors", read_safetensors, false},
        {"model.safetensors.index.json", "sharded safetensors", read_safetensors, true},
        {"pytorch_model.bin", "a PyTorch file", rtd_read_torch, false},
        {"pytorch_model.bin.index.json", "PyTorch files", rtd_read_torch, true},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (join(file, dir, forms[i].file, err))
            return err->status;
        *form = forms[i].what;
        if (rtd_exists(file))
            return forms[i].index ? read_index(all, dir, file, forms[i].read, err)
                                  : forms[i].read(all, file, err);
    }
    file[0] = '\0';
    return rtd_fail(
        err, RTD_EDATA,
        "%s: no model.safetensors or pytorch_model.bin, nor an index of several: other "
        "forms (TensorFlow's but ELECTRA's, Flax, ONNX) are not read, save_pretrained makes one",
        dir);
}
