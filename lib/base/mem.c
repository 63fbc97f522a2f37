/* rtdtools - MIT licence */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool noted;

void *rtd_noted_malloc(size_t n)
{
    void *p = noted ? NULL : malloc(n);
    if (!p)
        noted = true;
    return p;
}

bool rtd_noted_failure(void)
{
    return noted;
}

bool rtd_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static bool padded_size(size_t n, size_t size, size_t *out)
{
    size_t bytes;
    if (!rtd_mul_size(n, size, &bytes) || bytes > SIZE_MAX - 64)
        return false;
    *out = (bytes + 63) & ~(size_t)63;
    return true;
}

void *rtd_alloc_aligned(size_t n, size_t size)
{
    size_t bytes;
    if (!padded_size(n, size, &bytes))
        return NULL;
    return aligned_alloc(64, bytes ? bytes : 64);
}

void *rtd_calloc_aligned(size_t n, size_t size)
{
    void *p = rtd_alloc_aligned(n, size);
    if (p)
        memset(p, 0, n * size);
    return p;
}

int rtd_buf_reserve(struct rtd_buf *b, size_t extra, struct rtd_err *err)
{
    if (extra <= b->cap - b->len)
        return RTD_OK;
    size_t need;
    if (__builtin_add_overflow(b->len, extra, &need))
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    size_t cap = b->cap + b->cap / 2;
    if (cap < need)
        cap = need;
    if (cap < 256)
        cap = 256;
    void *p = realloc(b->data, cap);
    if (!p)
        return rtd_fail(err, RTD_ESYS, "not enough memory: %zu bytes", cap);
    b->data = p;
    b->cap = cap;
    return RTD_OK;
}

int rtd_buf_append(struct rtd_buf *b, const void *data, size_t len, struct rtd_err *err)
{
    int st = rtd_buf_reserve(b, len, err);
    if (st)
        return st;
    if (len)
        memcpy((char *)b->data + b->len, data, len);
    b->len += len;
    return RTD_OK;
}

void rtd_buf_free(struct rtd_buf *b)
{
    free(b->data);
    *b = (struct rtd_buf){0};
}

int rtd_arena_init(struct rtd_arena *a, size_t size, struct rtd_err *err)
{
    *a = (struct rtd_arena){.base = rtd_alloc_aligned(size, 1)};
    if (!a->base)
        return rtd_fail(err, RTD_ESYS, "not enough memory: %zu bytes", size);
    a->size = size;
    return RTD_OK;
}

int rtd_arena_need(struct rtd_arena *a, size_t size, struct rtd_err *err)
{
    a->used = 0;
    if (a->base && a->size >= size)
        return RTD_OK;
    rtd_arena_free(a);
    return rtd_arena_init(a, size, err);
}

void *rtd_arena_take(struct rtd_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (!padded_size(n, size, &bytes) || bytes > SIZE_MAX - a->used)
        return NULL;
    size_t at = a->used;
    if (a->base && bytes > a->size - at)
        return NULL;
    a->used += bytes;
    if (a->used > a->peak)
        a->peak = a->used;
    return a->base ? a->base + at : NULL;
}

void rtd_arena_free(struct rtd_arena *a)
{
    free(a->base);
    *a = (struct rtd_arena){0};
}
