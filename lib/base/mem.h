/* rtdtools - MIT licence
 *
 * Memory: checked products, aligned blocks, growing buffers, arenas. */
#ifndef RTD_BASE_MEM_H
#define RTD_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* *out = a * b; false when it does not fit. */
bool rtd_mul_size(size_t a, size_t b, size_t *out);

/* n * size bytes aligned to 64, zeroed by rtd_calloc_aligned.  NULL when there is no memory (or
 * the product overflows); n = 0 gives a non-NULL block.  Released by free(). */
void *rtd_alloc_aligned(size_t n, size_t size);
void *rtd_calloc_aligned(size_t n, size_t size);

/* malloc() for libraries that build something out of many small blocks, where nobody asks for each
 * (jansson: tools give it this one).  That it failed is remembered: what was made may lack a part,
 * so nothing more is written to any output (base/io.h) and no tool ends with status 0.  Once it has
 * failed it fails for good: jansson goes on after a byte of a text had no place, and would read
 * past the end of what it has if there were memory again. */
void *rtd_noted_malloc(size_t n);
bool rtd_noted_failure(void);

/* A byte buffer that grows.  Zero-initialise; release with rtd_buf_free. */
struct rtd_buf {
    void *data;
    size_t len, cap; /* bytes */
};
/* Make room for `extra` more bytes beyond len.  Fails with RTD_ESYS. */
int rtd_buf_reserve(struct rtd_buf *b, size_t extra, struct rtd_err *err);
int rtd_buf_append(struct rtd_buf *b, const void *data, size_t len, struct rtd_err *err);
void rtd_buf_free(struct rtd_buf *b);

/* A bump allocator over one block: everything taken is released at once by rtd_arena_need.
 * Blocks are aligned to 64 bytes.  Call with base == NULL to only count (dry run): returns NULL
 * and advances `used`, so that a caller can size the block by running its layout once. */
struct rtd_arena {
    char *base;
    size_t size, used, peak; /* bytes */
};
int rtd_arena_init(struct rtd_arena *a, size_t size, struct rtd_err *err);
/* Empty, with room for at least size bytes: what it has, or a new block. */
int rtd_arena_need(struct rtd_arena *a, size_t size, struct rtd_err *err);
void *rtd_arena_take(struct rtd_arena *a, size_t n, size_t size); /* NULL: full, or counting */
void rtd_arena_free(struct rtd_arena *a);

/* A short list of borrowed strings, such as the values of an option that may be repeated. */
struct rtd_strlist {
    const char *item[64];
    int n;
};

#endif
