/* rtdtools - MIT licence
 *
 * Checkpoints of TensorFlow 1 (its "tensor bundle"): PREFIX.index is a sorted table in LevelDB's
 * format whose values are protocol buffers that say where in PREFIX.data-* a tensor's bytes lie. */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/lfs.h"
#include "import/weights.h"

enum { INDEX_MAX = 256 << 20, FOOTER = 48, SHARDS_MAX = 1024, NAME_MAX_LEN = 1024, TF_FLOAT = 1 };

/* Bytes that are read from the front. */
struct slice {
    const unsigned char *p;
    size_t n;
    bool bad;
};

static uint64_t varint(struct slice *s)
{
    uint64_t x = 0;
    for (int shift = 0; s->n && shift < 64; shift += 7) {
        unsigned char c = *s->p++;
        s->n--;
        x |= (uint64_t)(c & 127) << shift;
        if (!(c & 128))
            return x;
    }
    s->bad = true;
    return 0;
}

static struct slice take(struct slice *s, uint64_t n)
{
    struct slice part = {s->p, (size_t)n, false};
    if (n > s->n) {
        s->bad = true;
        return (struct slice){s->p, 0, true};
    }
    s->p += n;
    s->n -= (size_t)n;
    return part;
}

static uint32_t fixed32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Checksums are stored rotated and shifted, so that checksums of checksums stay useful. */
static uint32_t masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* --- what an entry says --- */

struct entry {
    uint64_t type, shard, offset, size;
    uint32_t crc;
    int ndim;
    size_t dims[RTD_ST_MAX_DIMS];
};

/* A field of a protocol buffer: number, and its value or its bytes. */
static bool next_field(struct slice *s, unsigned *number, uint64_t *value, struct slice *bytes)
{
    if (s->n == 0 || s->bad)
        return false;
    uint64_t key = varint(s);
    *number = (unsigned)(key >> 3);
    *value = 0;
    *bytes = (struct slice){NULL, 0, false};
    if ((key & 7) == 0)
        *value = varint(s);
    else if ((key & 7) == 2)
        *bytes = take(s, varint(s));
    else if ((key & 7) == 5) {
        struct slice four = take(s, 4);
        *value = four.n == 4 ? fixed32(four.p) : 0;
    } else if ((key & 7) == 1)
        take(s, 8);
    else
        s->bad = true;
    return !s->bad;
}

static void read_shape(struct entry *e, struct slice s)
{
    unsigned number, inner;
    uint64_t value;
    struct slice dim, bytes;
    while (next_field(&s, &number, &value, &dim)) {
        if (number != 2)
            continue;
        uint64_t size = 0;
        while (next_field(&dim, &inner, &value, &bytes))
            if (inner == 1)
                size = value;
        if (e->ndim < RTD_ST_MAX_DIMS)
            e->dims[e->ndim] = (size_t)size;
        e->ndim++;
    }
}

static bool read_entry(struct entry *e, struct slice s)
{
    unsigned number;
    uint64_t value;
    struct slice bytes;
    *e = (struct entry){0};
    while (next_field(&s, &number, &value, &bytes))
        switch (number) {
        case 1:
            e->type = value;
            break;
        case 2:
            read_shape(e, bytes);
            break;
        case 3:
            e->shard = value;
            break;
        case 4:
            e->offset = value;
            break;
        case 5:
            e->size = value;
            break;
        case 6:
            e->crc = (uint32_t)value;
            break;
        case 7: /* a slice of a larger tensor */
            return false;
        }
    return !s.bad && e->ndim <= RTD_ST_MAX_DIMS;
}

/* --- the data files --- */

struct bundle {
    const char *prefix;
    unsigned shards;
    struct {
        unsigned char *map;
        size_t len, taken; /* bytes, and those that tensors have had */
    } shard[SHARDS_MAX];
    struct rtd_weights *all;
};

static int open_shard(struct bundle *b, unsigned i, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct stat sb;
    if (b->shard[i].map)
        return RTD_OK;
    snprintf(path, sizeof path, "%s.data-%05u-of-%05u", b->prefix, i, b->shards);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &sb)) {
        rtd_fail_sys(err, "%s", path);
        if (fd >= 0)
            close(fd);
        return err->status;
    }
    void *map =
        sb.st_size ? mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED)
        return rtd_fail(err, RTD_EDATA, "%s: empty, or cannot be mapped", path);
    b->shard[i].map = map;
    b->shard[i].len = (size_t)sb.st_size;
    return rtd_is_lfs(map, b->shard[i].len) ? rtd_fail_lfs(err, path) : RTD_OK;
}

static int take_tensor(struct bundle *b, const char *name, const struct entry *e,
                       struct rtd_err *err)
{
    uint64_t count = 1, bytes;
    if (e->type != TF_FLOAT) /* global_step and the like */
        return RTD_OK;
    for (int i = 0; i < e->ndim; i++)
        if (__builtin_mul_overflow(count, e->dims[i], &count))
            count = UINT64_MAX / 8;
    if (e->shard >= b->shards || __builtin_mul_overflow(count, 4, &bytes) || bytes != e->size)
        return rtd_fail(err, RTD_EDATA, "%s.index: %s: its size does not fit its shape", b->prefix,
                        name);
    if (open_shard(b, (unsigned)e->shard, err))
        return err->status;
    size_t len = b->shard[e->shard].len;
    if (e->offset > len || e->size > len - e->offset)
        return rtd_fail(err, RTD_EDATA, "%s: %s lies behind the end of its data file", b->prefix,
                        name);
    b->shard[e->shard].taken += e->size;
    if (b->shard[e->shard].taken > len)
        return rtd_fail(err, RTD_EDATA, "%s: its tensors overlap", b->prefix);
    const unsigned char *data = b->shard[e->shard].map + e->offset;
    if (masked(rtd_crc32c(0, data, (size_t)e->size)) != e->crc)
        return rtd_fail(err, RTD_EDATA, "%s: %s: its checksum is wrong", b->prefix, name);
    struct rtd_weight *w = rtd_weights_add(b->all, name, e->ndim, e->dims, err);
    if (!w)
        return err->status;
    memcpy(w->data, data, (size_t)e->size);
    return RTD_OK;
}

/* --- the table --- */

struct index {
    unsigned char *data;
    size_t len, taken; /* bytes, and those that blocks have had */
};

/* A block behind its handle (offset, size); checked. */
static int block_at(struct index *x, struct slice *handle, struct slice *block, const char *prefix,
                    struct rtd_err *err)
{
    uint64_t offset = varint(handle), size = varint(handle);
    if (handle->bad || offset > x->len || size > x->len - offset || x->len - offset - size < 5)
        return rtd_fail(err, RTD_EDATA, "%s.index: a block that is not there", prefix);
    x->taken += size;
    if (x->taken > x->len)
        return rtd_fail(err, RTD_EDATA, "%s.index: its blocks overlap", prefix);
    const unsigned char *p = x->data + offset;
    if (masked(rtd_crc32c(0, p, (size_t)size + 1)) != fixed32(p + size + 1))
        return rtd_fail(err, RTD_EDATA, "%s.index: a checksum is wrong", prefix);
    if (p[size] != 0)
        return rtd_fail(err, RTD_EDATA, "%s.index: a compressed block", prefix);
    uint64_t restarts = size >= 4 ? fixed32(p + size - 4) : UINT64_MAX;
    if (size < 4 || restarts > (size - 4) / 4)
        return rtd_fail(err, RTD_EDATA, "%s.index: a damaged block", prefix);
    *block = (struct slice){p, (size_t)(size - 4 - 4 * restarts), false};
    return RTD_OK;
}

/* The next key and value of a block; keys share the beginning of the one before. */
static bool next_pair(struct slice *block, char key[NAME_MAX_LEN], size_t *key_len,
                      struct slice *value)
{
    if (block->n == 0 || block->bad)
        return false;
    uint64_t shared = varint(block), own = varint(block), len = varint(block);
    struct slice rest = take(block, own);
    *value = take(block, len);
    if (block->bad || shared > *key_len || shared + own >= NAME_MAX_LEN) {
        block->bad = true;
        return false;
    }
    memcpy(key + shared, rest.p, rest.n);
    *key_len = (size_t)(shared + own);
    key[*key_len] = '\0';
    return true;
}

static int take_header(struct bundle *b, struct slice s, struct rtd_err *err)
{
    unsigned number;
    uint64_t value;
    struct slice bytes;
    b->shards = 1;
    while (next_field(&s, &number, &value, &bytes)) {
        if (number == 1)
            b->shards = value > SHARDS_MAX ? 0 : (unsigned)value;
        if (number == 2 && value != 0)
            return rtd_fail(err, RTD_EDATA, "%s.index: big-endian data", b->prefix);
    }
    return s.bad || b->shards == 0
               ? rtd_fail(err, RTD_EDATA, "%s.index: a damaged header", b->prefix)
               : RTD_OK;
}

static int read_block(struct bundle *b, struct slice block, struct rtd_err *err)
{
    char key[NAME_MAX_LEN];
    size_t len = 0;
    struct slice value;
    struct entry e;
    int st = RTD_OK;
    while (!st && next_pair(&block, key, &len, &value)) {
        if (len == 0)
            st = take_header(b, value, err);
        else if (!read_entry(&e, value))
            st = rtd_fail(err, RTD_EDATA, "%s.index: %.100s: an entry that cannot be read",
                          b->prefix, key);
        else
            st = take_tensor(b, key, &e, err);
    }
    return st || !block.bad ? st : rtd_fail(err, RTD_EDATA, "%s.index: a damaged block", b->prefix);
}

static int read_table(struct bundle *b, struct index *x, struct rtd_err *err)
{
    static const unsigned char magic[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    char key[NAME_MAX_LEN];
    size_t len = 0;
    struct slice index, handle, block;
    if (x->len < FOOTER || memcmp(x->data + x->len - 8, magic, 8) != 0)
        return rtd_fail(err, RTD_EDATA, "%s.index: not an index of TensorFlow", b->prefix);
    struct slice footer = {x->data + x->len - FOOTER, FOOTER, false};
    varint(&footer); /* where the index of indexes lies */
    varint(&footer);
    int st = block_at(x, &footer, &index, b->prefix, err);
    while (!st && next_pair(&index, key, &len, &handle)) {
        st = block_at(x, &handle, &block, b->prefix, err);
        if (!st)
            st = read_block(b, block, err);
    }
    return st || !index.bad ? st : rtd_fail(err, RTD_EDATA, "%s.index: a damaged block", b->prefix);
}

int rtd_read_tensorflow(struct rtd_weights *all, const char *prefix, struct rtd_err *err)
{
    char path[PATH_MAX], *text;
    struct index x = {0};
    struct bundle *b = calloc(1, sizeof *b);
    if (!b)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    b->prefix = prefix;
    b->all = all;
    snprintf(path, sizeof path, "%s.index", prefix);
    int st = rtd_read_file(path, INDEX_MAX, &text, &x.len, err);
    if (!st) {
        x.data = (unsigned char *)text;
        st = read_table(b, &x, err);
        free(text);
    }
    for (unsigned i = 0; i < b->shards; i++)
        if (b->shard[i].map)
            munmap(b->shard[i].map, b->shard[i].len);
    free(b);
    return st;
}
