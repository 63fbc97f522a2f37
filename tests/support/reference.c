/* rtdtools - MIT licence */
#include "support/reference.h"
#include "support/integers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

struct rtd_err err;
json_t *read_names;
int compared, failed;
double worst_forward;

void die(void)
{
    fprintf(stderr, "parity: %s\n", err.text);
    exit(1);
}

void *need(void *p)
{
    if (!p) {
        fprintf(stderr, "parity: not enough memory\n");
        exit(1);
    }
    return p;
}

void verdict(bool ok, const char *what, const char *name, double got, double limit)
{
    compared++;
    if (ok)
        return;
    failed++;
    printf("FAIL %s %s: %.3g, limit %.3g\n", what, name, got, limit);
}

/* --- reading the reference --- */
void note_read(struct rtd_st *st, const char *name)
{
    json_t *file = json_object_get(read_names, rtd_st_name(st));
    if (!file) {
        file = need(json_object());
        json_object_set_new(read_names, rtd_st_name(st), file);
    }
    json_object_set_new(file, name, json_true());
}

float *floats(struct rtd_st *st, const char *name, size_t *count)
{
    const struct rtd_st_tensor *t = rtd_st_find(st, name);
    if (!t) {
        rtd_fail(&err, 1, "%s: %s: tensor missing", rtd_st_name(st), name);
        die();
    }
    float *x = need(malloc((t->count + 1) * sizeof *x));
    if (rtd_st_get_f32(st, t, x, t->count, &err))
        die();
    *count = t->count;
    note_read(st, name);
    return x;
}

int32_t *ints(struct rtd_st *st, const char *prefix, const char *name, size_t dims[2])
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const struct rtd_st_tensor *t = rtd_st_find(st, full);
    if (!t) {
        rtd_fail(&err, 1, "%s: %s: tensor missing", rtd_st_name(st), full);
        die();
    }
    int32_t *x = need(malloc((t->count + 1) * sizeof *x));
    if (!integers_of(t, x)) {
        rtd_fail(&err, 1, "%s: %s: not whole numbers", rtd_st_name(st), full);
        die();
    }
    dims[0] = t->dims[0];
    dims[1] = t->ndim > 1 ? t->dims[1] : 1;
    note_read(st, full);
    return x;
}

struct rtd_st *open_st(const char *dir, const char *name)
{
    char path[4096];
    struct rtd_st *st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!rtd_exists(path))
        return NULL;
    if (rtd_st_open(&st, path, &err))
        die();
    return st;
}

struct ragged read_batch(struct rtd_st *st, const char *prefix, bool pretrain)
{
    struct ragged r = {0};
    size_t d[2];
    int32_t *ids = ints(st, prefix, "input_ids", d);
    r.N = d[0];
    r.L = d[1];
    int32_t *mask = ints(st, prefix, "attention_mask", d);
    int32_t *types = ints(st, prefix, "token_type_ids", d);
    r.start = need(calloc(r.N + 1, sizeof *r.start));
    r.mstart = need(calloc(r.N + 1, sizeof *r.mstart));
    r.ids = need(calloc(r.N * r.L, sizeof *r.ids));
    r.types = need(calloc(r.N * r.L, 1));
    r.index = need(calloc(r.N, sizeof *r.index));
    r.cell = need(calloc(r.N * r.L, sizeof *r.cell));
    for (size_t i = 0; i < r.N; i++) {
        for (size_t j = 0; j < r.L && mask[i * r.L + j]; j++) {
            r.ids[r.tokens] = ids[i * r.L + j];
            r.types[r.tokens] = (uint8_t)types[i * r.L + j];
            r.cell[r.tokens++] = i * r.L + j;
        }
        r.start[i + 1] = (uint32_t)r.tokens;
        r.index[i] = i;
    }
    if (pretrain) {
        int32_t *positions = ints(st, prefix, "masked_lm_positions", d);
        r.K = d[1];
        int32_t *originals = ints(st, prefix, "masked_lm_ids", d);
        int32_t *masked = ints(st, prefix, "masked_input_ids", d);
        int32_t *sampled = ints(st, prefix, "sampled_ids", d);
        char name[128];
        size_t n;
        snprintf(name, sizeof name, "%smasked_lm_weights", prefix);
        float *weights = floats(st, name, &n);
        r.positions = need(calloc(r.N * r.K, sizeof *r.positions));
        r.originals = need(calloc(r.N * r.K, sizeof *r.originals));
        r.sampled = need(calloc(r.N * r.K, sizeof *r.sampled));
        r.slot = need(calloc(r.N * r.K, sizeof *r.slot));
        r.masked = need(calloc(r.tokens, sizeof *r.masked));
        for (size_t t = 0; t < r.tokens; t++)
            r.masked[t] = masked[r.cell[t]];
        for (size_t i = 0; i < r.N; i++) {
            for (size_t k = 0; k < r.K; k++)
                if (weights[i * r.K + k] > 0) {
                    r.positions[r.slots] = positions[i * r.K + k];
                    r.originals[r.slots] = originals[i * r.K + k];
                    r.sampled[r.slots] = sampled[i * r.K + k];
                    r.slot[r.slots++] = i * r.K + k;
                }
            r.mstart[i + 1] = (uint32_t)r.slots;
        }
        free(positions);
        free(originals);
        free(masked);
        free(sampled);
        free(weights);
    }
    free(ids);
    free(mask);
    free(types);
    return r;
}

void free_batch(struct ragged *r)
{
    void *all[] = {r->start,   r->mstart, r->ids,   r->masked, r->positions, r->originals,
                   r->sampled, r->types,  r->index, r->cell,   r->slot};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

void compare_rows(const char *what, const char *name, struct rtd_st *st, const real *ours,
                  size_t rows, size_t width, const size_t *cell)
{
    size_t n;
    float *ref = floats(st, name, &n);
    double diff = 0, max = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < width; c++) {
            double a = (double)ours[r * width + c], b = ref[cell[r] * width + c];
            max = fmax(max, fabs(b));
            diff = fabs(a - b) <= diff ? diff : fabs(a - b); /* a NaN stays */
        }
    double rel = diff / max;
    worst_forward = fmax(worst_forward, rel);
    verdict(rows > 0 && rel <= 2e-5, what, name, rel, 2e-5);
    free(ref);
}
