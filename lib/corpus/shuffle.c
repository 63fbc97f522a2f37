/* rtdtools - MIT licence
 *
 * The external shuffle (shuffle.h).  A record is kept as a blob: size, index, lengths per axis,
 * then each field, every part rounded up to 8 bytes.
 *
 * The budget: the blobs in memory with 48 bytes each for sorting them, and, once there are buckets,
 * a write buffer for each bucket (twice where another pass follows) and a block for reading. */
#include "corpus/shuffle.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "corpus/spill.h"

enum {
    BITS = 6, /* of the key, a level of buckets */
    WAYS = 1 << BITS,
    LEVELS = 64 / BITS,
    MIN_BLOCK = 4096,
    MAX_BLOCK = 1 << 20,
};

struct entry {
    uint64_t key, index;
    size_t at; /* of the blob in the arena */
};
/* An entry, and as much again for qsort's merge. */
#define ENTRY_COST (2 * sizeof(struct entry))

struct partition {
    struct rtd_spill_run bucket[WAYS];
    uint64_t records[WAYS];
    int next; /* the first bucket not taken yet */
};

struct rtd_shuffle {
    struct rtd_shuffle_options o;
    int nfields, naxes;
    struct rtd_field fields[RTD_MAX_FIELDS];
    uint64_t last_index, added;

    size_t block, room;     /* bytes: a block; what blobs in memory may take */
    struct rtd_buf arena;   /* blobs */
    struct rtd_buf entries; /* struct entry for each blob in the arena */
    size_t cursor;          /* entries that were given out */
    struct rtd_buf partial; /* reading a bucket in order to split it */

    struct rtd_spill *spill;         /* NULL: all is in memory */
    struct partition *level[LEVELS]; /* level[0..depth-1]: the buckets being worked through */
    int depth;
    struct partition *coming;       /* buckets of the next pass */
    char *buffers, *coming_buffers; /* [WAYS][block] */
    uint64_t spilled;

    bool draining; /* the input is complete */
    uint32_t pass;
    uint64_t out; /* records given out */
};

static size_t round8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static uint64_t key_of(const struct rtd_shuffle *s, uint32_t pass, uint64_t index)
{
    uint32_t w[4];
    rtd_philox(w, s->o.seed, RTD_RNG_SHUFFLE, 0, 0, index, pass);
    return (uint64_t)w[0] << 32 | w[1];
}

int rtd_shuffle_new(struct rtd_shuffle **out, const struct rtd_header *h,
                    const struct rtd_shuffle_options *o, struct rtd_err *err)
{
    struct rtd_shuffle *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    s->o = *o;
    s->nfields = h->nfields;
    s->naxes = h->naxes;
    memcpy(s->fields, h->fields, sizeof s->fields);
    uint64_t block = o->memory / 1024 / MIN_BLOCK * MIN_BLOCK;
    s->block = block < MIN_BLOCK ? MIN_BLOCK : block > MAX_BLOCK ? MAX_BLOCK : (size_t)block;
    size_t buffers = ((o->passes > 1 ? 2 : 1) * WAYS + 1) * s->block;
    s->room = o->memory > 2 * buffers ? (size_t)o->memory - buffers : buffers;
    return RTD_OK;
}

static void partition_free(struct partition *p)
{
    if (!p)
        return;
    for (int i = 0; i < WAYS; i++)
        rtd_spill_free(&p->bucket[i]);
    free(p);
}

void rtd_shuffle_free(struct rtd_shuffle *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->depth; i++)
        partition_free(s->level[i]);
    partition_free(s->coming);
    rtd_spill_close(s->spill);
    rtd_buf_free(&s->arena);
    rtd_buf_free(&s->entries);
    rtd_buf_free(&s->partial);
    free(s->buffers);
    free(s->coming_buffers);
    free(s);
}

uint64_t rtd_shuffle_spilled(const struct rtd_shuffle *s)
{
    return s->spilled;
}

/* --- blobs --- */

static size_t field_bytes(const struct rtd_field *f, const uint32_t *lengths)
{
    return (f->axis < 0 ? 1 : (size_t)lengths[f->axis]) * f->width * rtd_dtype_size(f->dtype);
}

static size_t blob_size(const struct rtd_shuffle *s, const uint32_t *lengths)
{
    size_t n = 2 * sizeof(uint64_t) + round8((size_t)s->naxes * sizeof *lengths);
    for (int i = 0; i < s->nfields; i++)
        n += round8(field_bytes(&s->fields[i], lengths));
    return n;
}

static int blob_append(struct rtd_shuffle *s, const struct rtd_record *rec, size_t size,
                       struct rtd_err *err)
{
    if (rtd_buf_reserve(&s->arena, size, err))
        return err->status;
    char *p = (char *)s->arena.data + s->arena.len;
    uint64_t head[2] = {size, rec->index};
    size_t axes = (size_t)s->naxes * sizeof *rec->lengths;
    memset(p, 0, size); /* padding too goes to disk */
    memcpy(p, head, sizeof head);
    p += sizeof head;
    memcpy(p, rec->lengths, axes);
    p += round8(axes);
    for (int i = 0; i < s->nfields; i++) {
        size_t n = field_bytes(&s->fields[i], rec->lengths);
        if (n)
            memcpy(p, rec->data[i], n);
        p += round8(n);
    }
    s->arena.len += size;
    return RTD_OK;
}

static void blob_view(const struct rtd_shuffle *s, const char *p, struct rtd_record *rec)
{
    size_t axes = (size_t)s->naxes * sizeof *rec->lengths;
    p += 2 * sizeof(uint64_t);
    memcpy(rec->lengths, p, axes);
    p += round8(axes);
    for (int i = 0; i < s->nfields; i++) {
        rec->data[i] = p;
        p += round8(field_bytes(&s->fields[i], rec->lengths));
    }
}

/* --- buckets --- */

/* A fresh set of buckets that write through these buffers. */
static struct partition *partition_new(const struct rtd_shuffle *s, char *buffers)
{
    struct partition *p = calloc(1, sizeof *p);
    for (int i = 0; p && i < WAYS; i++)
        p->bucket[i].buffer = buffers + (size_t)i * s->block;
    return p;
}

static int scatter(struct rtd_shuffle *s, struct partition *p, int level, uint32_t pass,
                   const char *blob, struct rtd_err *err)
{
    uint64_t head[2];
    memcpy(head, blob, sizeof head);
    int b = (int)(key_of(s, pass, head[1]) >> (64 - BITS * (level + 1)) & (WAYS - 1));
    p->records[b]++;
    s->spilled += head[0];
    return rtd_spill_write(s->spill, &p->bucket[b], blob, head[0], err);
}

static int partition_flush(struct rtd_shuffle *s, struct partition *p, struct rtd_err *err)
{
    for (int i = 0; i < WAYS; i++)
        if (rtd_spill_flush(s->spill, &p->bucket[i], err))
            return err->status;
    return RTD_OK;
}

/* Memory is used up: open the temporary file and move everything there. */
static int start_spilling(struct rtd_shuffle *s, struct rtd_err *err)
{
    bool more = s->o.passes > 1;
    s->buffers = rtd_alloc_aligned(WAYS, s->block);
    s->coming_buffers = more ? rtd_alloc_aligned(WAYS, s->block) : NULL;
    struct partition *first = s->buffers ? partition_new(s, s->buffers) : NULL;
    if (!first || (more && !s->coming_buffers)) {
        free(first);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    s->level[s->depth++] = first;
    if (rtd_spill_open(&s->spill, s->o.dir, s->block, err))
        return err->status;
    const struct entry *e = s->entries.data;
    for (size_t i = 0; i < s->entries.len / sizeof *e; i++)
        if (scatter(s, first, 0, 0, (char *)s->arena.data + e[i].at, err))
            return err->status;
    s->arena.len = s->entries.len = 0;
    return RTD_OK;
}

int rtd_shuffle_add(struct rtd_shuffle *s, const struct rtd_record *rec, struct rtd_err *err)
{
    if (s->added++ && rec->index <= s->last_index)
        return rtd_fail(err, RTD_EDATA, "%s: record index %llu comes after %llu", s->o.name,
                        (unsigned long long)rec->index, (unsigned long long)s->last_index);
    s->last_index = rec->index;
    size_t size = blob_size(s, rec->lengths), n = s->entries.len / sizeof(struct entry);
    if (size + ENTRY_COST > s->room)
        return rtd_fail(err, RTD_ESYS, "%s: record %llu takes %zu bytes: too much for this budget",
                        s->o.name, (unsigned long long)rec->index, size);
    if (!s->spill && s->arena.len + size + (n + 1) * ENTRY_COST > s->room && start_spilling(s, err))
        return err->status;

    struct entry e = {.index = rec->index, .at = s->arena.len};
    if (blob_append(s, rec, size, err))
        return err->status;
    if (!s->spill)
        return rtd_buf_append(&s->entries, &e, sizeof e, err);
    s->arena.len = 0;
    return scatter(s, s->level[0], 0, 0, s->arena.data, err);
}

/* --- output --- */

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void sort(struct rtd_shuffle *s)
{
    struct entry *e = s->entries.data;
    size_t n = s->entries.len / sizeof *e;
    for (size_t i = 0; i < n; i++)
        e[i].key = key_of(s, s->pass, e[i].index);
    if (n)
        qsort(e, n, sizeof *e, by_key);
    s->cursor = 0;
}

/* Read a bucket into the arena. */
static int load(struct rtd_shuffle *s, struct partition *p, int b, struct rtd_err *err)
{
    struct rtd_spill_run *r = &p->bucket[b];
    size_t got = 1, bytes = (size_t)r->written;
    s->arena.len = s->entries.len = 0;
    if (rtd_buf_reserve(&s->arena, bytes, err) ||
        rtd_buf_reserve(&s->entries, (size_t)p->records[b] * sizeof(struct entry), err))
        return err->status;
    for (; got; s->arena.len += got)
        if (rtd_spill_read(s->spill, r, (char *)s->arena.data + s->arena.len, &got, err))
            return err->status;
    for (size_t at = 0; at < bytes;) {
        uint64_t head[2];
        memcpy(head, (char *)s->arena.data + at, sizeof head);
        struct entry e = {.index = head[1], .at = at};
        if (rtd_buf_append(&s->entries, &e, sizeof e, err))
            return err->status;
        at += head[0];
    }
    sort(s);
    return RTD_OK;
}

/* Deal a bucket that is too large for memory out to the buckets of the next level. */
static int split(struct rtd_shuffle *s, struct rtd_spill_run *r, struct rtd_err *err)
{
    struct partition *p = partition_new(s, s->buffers);
    if (!p)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int level = s->depth;
    s->level[s->depth++] = p;
    s->partial.len = 0;
    for (size_t got = 1; got;) {
        if (rtd_buf_reserve(&s->partial, s->block, err) ||
            rtd_spill_read(s->spill, r, (char *)s->partial.data + s->partial.len, &got, err))
            return err->status;
        s->partial.len += got;
        size_t at = 0, left = s->partial.len;
        for (uint64_t size; left >= sizeof size; at += size, left -= size) {
            memcpy(&size, (char *)s->partial.data + at, sizeof size);
            if (size > left)
                break;
            if (scatter(s, p, level, s->pass, (char *)s->partial.data + at, err))
                return err->status;
        }
        if (left)
            memmove(s->partial.data, (char *)s->partial.data + at, left);
        s->partial.len = left;
    }
    rtd_spill_free(r);
    return partition_flush(s, p, err);
}

/* What was loaded is also part of the next pass. */
static int scatter_coming(struct rtd_shuffle *s, struct rtd_err *err)
{
    const struct entry *e = s->entries.data;
    for (size_t i = 0; i < s->entries.len / sizeof *e; i++)
        if (scatter(s, s->coming, 0, s->pass + 1, (char *)s->arena.data + e[i].at, err))
            return err->status;
    return RTD_OK;
}

/* Load the next bucket of this pass; *more = false: there is none. */
static int next_bucket(struct rtd_shuffle *s, bool *more, struct rtd_err *err)
{
    *more = true;
    while (s->depth) {
        struct partition *p = s->level[s->depth - 1];
        if (p->next == WAYS) {
            partition_free(p);
            s->depth--;
            continue;
        }
        int b = p->next++;
        struct rtd_spill_run *r = &p->bucket[b];
        if (!p->records[b])
            continue;
        if (r->written + p->records[b] * ENTRY_COST <= s->room) {
            int st = load(s, p, b, err);
            rtd_spill_free(r);
            return st || !s->coming ? st : scatter_coming(s, err);
        }
        if (s->depth == LEVELS)
            return rtd_fail(err, RTD_ESYS, "%llu records with one key do not fit into memory",
                            (unsigned long long)p->records[b]);
        if (split(s, r, err))
            return err->status;
    }
    *more = false;
    return RTD_OK;
}

/* Make the buckets of pass s->pass, filled before, the ones to work through. */
static int start_pass(struct rtd_shuffle *s, struct rtd_err *err)
{
    if (s->coming) {
        s->level[s->depth++] = s->coming;
        s->coming = NULL;
    }
    if (partition_flush(s, s->level[0], err))
        return err->status;
    if (s->pass + 1 < s->o.passes && !(s->coming = partition_new(s, s->coming_buffers)))
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    return RTD_OK;
}

/* Bring more entries into memory; *more = false: the last pass is over. */
static int refill(struct rtd_shuffle *s, bool *more, struct rtd_err *err)
{
    *more = s->added > 0;
    if (!*more)
        return RTD_OK;
    if (s->draining) {
        if (s->spill && (next_bucket(s, more, err) || *more))
            return err->status;
        *more = ++s->pass < s->o.passes;
        if (!*more)
            return RTD_OK;
    }
    s->draining = true;
    if (s->spill)
        return start_pass(s, err) ? err->status : next_bucket(s, more, err);
    sort(s);
    return RTD_OK;
}

int rtd_shuffle_next(struct rtd_shuffle *s, struct rtd_record *rec, struct rtd_err *err)
{
    bool more = true;
    memset(rec, 0, sizeof *rec);
    bool dry = !s->draining || s->cursor == s->entries.len / sizeof(struct entry);
    if (dry && refill(s, &more, err))
        return err->status;
    if (!more) {
        rec->end = true;
        return RTD_OK;
    }
    const struct entry *e = (const struct entry *)s->entries.data + s->cursor++;
    blob_view(s, (const char *)s->arena.data + e->at, rec);
    rec->index = s->out++;
    return RTD_OK;
}
