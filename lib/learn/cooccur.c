/* rtdtools - MIT licence */
#include "learn/cooccur.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

/* Pieces that are gathered before they are counted: after each of these blocks shares are taken
 * anew, and pairs may be forgotten. */
enum { BLOCK = 1 << 20, FIRST_BITS = 3 };

/* A piece's neighbours: a table with open addressing, count 0 is a free slot. */
struct slot {
    uint32_t piece, count;
};
struct row {
    struct slot *slot; /* [1 << bits], or NULL */
    uint32_t used;
    int bits;
};

struct rtd_cooccur {
    struct rtd_cooccur_options o;
    struct rtd_pool *pool;
    struct row *row;             /* [pieces] */
    struct rtd_sparse_row *made; /* [pieces] the same memory, when all is counted */
    uint64_t *seen;              /* [pieces] occurrences, left out or not */
    double *keep;                /* [pieces] the chance of one to stay */
    int32_t *block;              /* [BLOCK] */
    size_t n;                    /* in it */
    uint64_t blocks;             /* before it */
    struct rtd_cooccur_report report;
    atomic_bool failed; /* no memory for a row */
};

int rtd_cooccur_new(struct rtd_cooccur **out, const struct rtd_cooccur_options *o,
                    struct rtd_pool *pool, struct rtd_err *err)
{
    struct rtd_cooccur *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    c->o = *o;
    c->pool = pool;
    c->row = calloc(o->pieces, sizeof *c->row);
    c->seen = calloc(o->pieces, sizeof *c->seen);
    c->keep = calloc(o->pieces, sizeof *c->keep);
    c->block = malloc(BLOCK * sizeof *c->block);
    if (!c->row || !c->seen || !c->keep || !c->block) {
        rtd_cooccur_free(c);
        return rtd_fail(err, RTD_ESYS, "not enough memory for %zu pieces", o->pieces);
    }
    *out = c;
    return RTD_OK;
}

void rtd_cooccur_free(struct rtd_cooccur *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->o.pieces; i++) {
        if (c->row)
            free(c->row[i].slot);
        if (c->made)
            free(c->made[i].entry);
    }
    free(c->row);
    free(c->made);
    free(c->seen);
    free(c->keep);
    free(c->block);
    free(c);
}

/* --- leaving out --- */

/* Take the block's pieces into the shares, and leave some of the frequent ones out. */
static void thin_out(struct rtd_cooccur *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->block[i] >= 0) {
            c->seen[c->block[i]]++;
            c->report.tokens++;
        }
    for (size_t i = 0; i < c->o.pieces; i++) {
        double rarity = c->o.sample * (double)c->report.tokens / (double)c->seen[i];
        c->keep[i] = c->seen[i] && c->o.sample > 0 ? sqrt(rarity) + rarity : 1;
    }
    for (size_t i = 0; i < c->n; i++) {
        int32_t id = c->block[i];
        bool stays = id < 0 || c->keep[id] >= 1 ||
                     rtd_unit(rtd_rand32(c->o.seed, RTD_RNG_SUBSAMPLE, RTD_NET_NONE, 0, c->blocks,
                                         (uint32_t)i)) < c->keep[id];
        c->report.kept += stays && id >= 0;
        c->block[n] = id;
        n += stays;
    }
    c->n = n;
    c->blocks++;
}

/* --- counting --- */

/* Where the piece is, or has room. */
static struct slot *place(const struct row *r, uint32_t piece)
{
    uint32_t mask = (1u << r->bits) - 1, i = piece * 2654435769u >> (32 - r->bits);
    while (r->slot[i].count && r->slot[i].piece != piece)
        i = (i + 1) & mask;
    return &r->slot[i];
}

/* A table of 1 << bits slots of the row's neighbours counted more than `least` times. */
static bool rebuild(struct row *r, int bits, uint32_t least)
{
    struct row old = *r;
    r->slot = calloc((size_t)1 << bits, sizeof *r->slot);
    if (!r->slot) {
        *r = old;
        return false;
    }
    r->bits = bits;
    r->used = 0;
    for (size_t i = 0; old.slot && i < (size_t)1 << old.bits; i++)
        if (old.slot[i].count > least) {
            *place(r, old.slot[i].piece) = old.slot[i];
            r->used++;
        }
    free(old.slot);
    return true;
}

static bool count(struct row *r, uint32_t piece, uint32_t weight)
{
    if (!r->slot && !rebuild(r, FIRST_BITS, 0))
        return false;
    struct slot *s = place(r, piece);
    if (!s->count) {
        if (4 * (r->used + 1) > 3u << r->bits) {
            if (!rebuild(r, r->bits + 1, 0))
                return false;
            s = place(r, piece);
        }
        s->piece = piece;
        r->used++;
    }
    s->count = s->count > UINT32_MAX - weight ? UINT32_MAX : s->count + weight;
    return true;
}

/* The neighbours of one place. */
static bool count_around(struct rtd_cooccur *c, size_t at)
{
    struct row *r = &c->row[c->block[at]];
    for (int side = -1; side <= 1; side += 2)
        for (int d = 1; d <= c->o.window; d++) {
            size_t i = at + (size_t)(side * d); /* wraps below 0 */
            if (i >= c->n || c->block[i] < 0)
                break;
            if (!count(r, (uint32_t)c->block[i], (uint32_t)(c->o.window + 1 - d)))
                return false;
        }
    return true;
}

/* The rows of the pieces that are `task` modulo the number of tasks. */
static void count_block(void *arg, int task, int worker)
{
    (void)worker;
    struct rtd_cooccur *c = arg;
    uint32_t tasks = (uint32_t)rtd_pool_size(c->pool);
    for (size_t i = 0; i < c->n; i++) {
        if (c->block[i] < 0 || (uint32_t)c->block[i] % tasks != (uint32_t)task)
            continue;
        if (!count_around(c, i))
            atomic_store(&c->failed, true);
    }
}

static uint64_t memory_of(const struct rtd_cooccur *c)
{
    uint64_t slots = 0;
    for (size_t i = 0; i < c->o.pieces; i++)
        slots += c->row[i].slot ? (uint64_t)1 << c->row[i].bits : 0;
    return slots * sizeof(struct slot);
}

/* Tables as small as what was counted more than c->report.forgotten times allows. */
static void forget(void *arg, int task, int worker)
{
    (void)worker;
    struct rtd_cooccur *c = arg;
    for (size_t i = (size_t)task; i < c->o.pieces; i += (size_t)rtd_pool_size(c->pool)) {
        struct row *r = &c->row[i];
        uint32_t kept = 0;
        for (size_t k = 0; r->slot && k < (size_t)1 << r->bits; k++)
            kept += r->slot[k].count > c->report.forgotten;
        int bits = FIRST_BITS;
        while (4 * (kept + 1) > 3u << bits)
            bits++;
        if (r->slot && !rebuild(r, bits, c->report.forgotten))
            atomic_store(&c->failed, true);
    }
}

/* The block is full, or the last one. */
static int flush(struct rtd_cooccur *c, struct rtd_err *err)
{
    thin_out(c);
    rtd_pool_run(c->pool, count_block, c, rtd_pool_size(c->pool));
    c->n = 0;
    while (!c->failed && memory_of(c) > c->o.memory && c->report.forgotten < UINT32_MAX / 2) {
        c->report.forgotten = 2 * c->report.forgotten + 1;
        rtd_pool_run(c->pool, forget, c, rtd_pool_size(c->pool));
    }
    return c->failed ? rtd_fail(err, RTD_ESYS, "not enough memory for counts: less --memory does")
                     : RTD_OK;
}

int rtd_cooccur_add(struct rtd_cooccur *c, const int32_t *ids, size_t n, struct rtd_err *err)
{
    for (size_t i = 0; i < n;) {
        if (c->n == BLOCK && flush(c, err))
            return err->status;
        size_t take = n - i < BLOCK - c->n ? n - i : BLOCK - c->n;
        memcpy(c->block + c->n, ids + i, take * sizeof *ids);
        c->n += take;
        i += take;
    }
    if (c->n == BLOCK && flush(c, err))
        return err->status;
    c->block[c->n++] = -1;
    return RTD_OK;
}

/* --- what the counts say --- */

struct finish {
    struct rtd_cooccur *c;
    double shift, all;
    double *sum; /* [pieces] a row's counts */
};

static void sum_rows(void *arg, int task, int worker)
{
    (void)worker;
    struct finish *f = arg;
    for (size_t i = (size_t)task; i < f->c->o.pieces; i += (size_t)rtd_pool_size(f->c->pool)) {
        const struct row *r = &f->c->row[i];
        f->sum[i] = 0;
        for (size_t k = 0; r->slot && k < (size_t)1 << r->bits; k++)
            f->sum[i] += r->slot[k].count;
    }
}

/* A row's numbers above 0, in place of its counts. */
static bool make_row(const struct finish *f, size_t i)
{
    struct row *r = &f->c->row[i];
    struct rtd_sparse_row *to = &f->c->made[i];
    to->entry = malloc(r->used * sizeof *to->entry);
    if (!to->entry)
        return false;
    for (size_t k = 0; k < (size_t)1 << r->bits; k++) {
        const struct slot *s = &r->slot[k];
        if (!s->count)
            continue;
        double x = log(s->count * f->all / (f->sum[i] * f->sum[s->piece])) - f->shift;
        if (x > 0)
            to->entry[to->n++] = (struct rtd_sparse_entry){s->piece, (float)x};
    }
    free(r->slot);
    r->slot = NULL;
    struct rtd_sparse_entry *less = realloc(to->entry, (to->n + 1) * sizeof *less);
    to->entry = less ? less : to->entry;
    return true;
}

static void make_rows(void *arg, int task, int worker)
{
    (void)worker;
    struct finish *f = arg;
    for (size_t i = (size_t)task; i < f->c->o.pieces; i += (size_t)rtd_pool_size(f->c->pool))
        if (f->c->row[i].slot && !make_row(f, i))
            atomic_store(&f->c->failed, true);
}

int rtd_cooccur_finish(struct rtd_cooccur *c, double shift, const struct rtd_sparse_row **row,
                       struct rtd_cooccur_report *report, struct rtd_err *err)
{
    size_t n = c->o.pieces;
    if (flush(c, err))
        return err->status;
    c->made = calloc(n, sizeof *c->made);
    struct finish f = {.c = c, .shift = log(shift), .sum = malloc(n * sizeof *f.sum)};
    if (c->made && f.sum) {
        rtd_pool_run(c->pool, sum_rows, &f, rtd_pool_size(c->pool));
        for (size_t i = 0; i < n; i++) {
            f.all += f.sum[i];
            c->report.pairs += c->row[i].used;
        }
        rtd_pool_run(c->pool, make_rows, &f, rtd_pool_size(c->pool));
    } else {
        c->failed = true;
    }
    free(f.sum);
    *row = c->made;
    *report = c->report;
    return c->failed ? rtd_fail(err, RTD_ESYS, "not enough memory") : RTD_OK;
}
