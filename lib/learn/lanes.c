/* rtdtools - MIT licence */
#include "learn/lanes.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nn/kernels.h"

/* What is left to add when the last lane has begun is added piece by piece, by all workers. */
enum { PIECE = 1 << 16 };

/* Rows of the table, each once, in the order in which they came. */
struct rtd_row_set {
    uint32_t *row; /* [rows of the table] */
    size_t n;
    bool *in; /* [rows of the table] */
};

struct block {
    real *g; /* [total] */
    struct rtd_row_set set;
    bool busy, dirty; /* dirty: not zero where its rows and the rest are */
};

/* Of the tree of lanes: node (l, d), l < d, is the sum of the lanes that are l modulo d.  It is
 * made of (l, 2d) and (l + d, 2d); (l, L) is lane l alone, (0, 1) is all of them. */
struct rtd_lanes {
    struct rtd_pool *pool;
    size_t total, pieces;  /* the last piece is the table's rows */
    struct rtd_rows table; /* rows 0: none */
    int lanes, blocks;
    struct block *block;     /* [blocks] */
    struct rtd_arena *arena; /* [workers] */
    int *status;             /* [lanes] */
    struct rtd_err *err;     /* [lanes] */
    struct rtd_touched touched;
    /* the present run */
    pthread_mutex_t lock;
    pthread_cond_t change;
    struct block **of; /* [lanes] the block of lane l, or of node (l, d) */
    int *node; /* [lanes] d where node (l, d) is complete and waits for its sibling, else 0 */
    int begun; /* lanes that have a block, in the order of taking */
    int (*fn)(void *, struct rtd_lane *, struct rtd_err *);
    void *arg;
    bool gradients;
};

static bool set_new(struct rtd_row_set *s, size_t rows)
{
    s->row = malloc(rows * sizeof *s->row);
    s->in = calloc(rows, sizeof *s->in);
    return s->row && s->in;
}

static void set_add(struct rtd_row_set *s, uint32_t row)
{
    if (!s->in[row])
        s->row[s->n++] = row;
    s->in[row] = true;
}

static void set_clear(struct rtd_row_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->in[s->row[i]] = false;
    s->n = 0;
}

/* No more than this many are ever waiting or at work: see take_block. */
static int blocks_for(int lanes, int workers)
{
    int n = workers;
    for (int d = lanes; d > 1; d /= 2)
        n++;
    return n < lanes ? n : lanes;
}

int rtd_lanes_new(struct rtd_lanes **out, struct rtd_pool *pool, size_t total, int lanes,
                  const struct rtd_rows *table, struct rtd_err *err)
{
    *out = NULL;
    if (lanes < 1 || (lanes & (lanes - 1)))
        return rtd_fail(err, RTD_EUSAGE, "%d lanes: wants a power of two", lanes);
    struct rtd_lanes *l = calloc(1, sizeof *l);
    if (!l)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    l->pool = pool;
    l->total = total;
    if (table)
        l->table = *table;
    l->pieces = (total - l->table.rows * l->table.width + PIECE - 1) / PIECE + 1;
    l->lanes = lanes;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->change, NULL);
    l->blocks = blocks_for(lanes, rtd_pool_size(pool));
    l->block = calloc((size_t)l->blocks, sizeof *l->block);
    l->arena = calloc((size_t)rtd_pool_size(pool), sizeof *l->arena);
    l->status = calloc((size_t)lanes, sizeof *l->status);
    l->err = calloc((size_t)lanes, sizeof *l->err);
    l->of = calloc((size_t)lanes, sizeof *l->of);
    l->node = calloc((size_t)lanes, sizeof *l->node);
    bool ok = l->block && l->arena && l->status && l->err && l->of && l->node;
    for (int i = 0; ok && i < l->blocks; i++) {
        l->block[i].g = rtd_calloc_aligned(total, sizeof(real));
        ok = l->block[i].g && (!table || set_new(&l->block[i].set, table->rows));
    }
    if (!ok) {
        rtd_lanes_free(l);
        return rtd_fail(err, RTD_ESYS, "not enough memory for %zu gradients", total);
    }
    *out = l;
    return RTD_OK;
}

void rtd_lanes_free(struct rtd_lanes *l)
{
    if (!l)
        return;
    for (int i = 0; l->block && i < l->blocks; i++) {
        free(l->block[i].g);
        free(l->block[i].set.row);
        free(l->block[i].set.in);
    }
    for (int i = 0; l->arena && i < rtd_pool_size(l->pool); i++)
        rtd_arena_free(&l->arena[i]);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->change);
    free(l->block);
    free(l->arena);
    free(l->status);
    free(l->err);
    free(l->of);
    free(l->node);
    free(l);
}

int rtd_lanes_count(const struct rtd_lanes *l)
{
    return l->lanes;
}

int rtd_lanes_blocks(const struct rtd_lanes *l)
{
    return l->blocks;
}

/* Numbers [from, to) of those outside the table: where they stand, before it and behind it. */
struct span {
    size_t at[2], n[2];
};

static struct span outside(const struct rtd_lanes *l, size_t from, size_t to)
{
    size_t hole = l->table.rows * l->table.width;
    size_t middle = to < l->table.offset ? to : l->table.offset;
    middle = from > middle ? from : middle;
    return (struct span){.at = {from, middle + hole}, .n = {middle - from, to - middle}};
}

/* Piece p of one block to another: of the numbers outside the table, or its rows. */
static void add_piece(const struct rtd_lanes *l, struct block *to, const struct block *from,
                      size_t p)
{
    size_t width = l->table.width, n = l->total - l->table.rows * width, at = p * PIECE;
    if (p < l->pieces - 1) {
        struct span s = outside(l, at, n - at < PIECE ? n : at + PIECE);
        for (int i = 0; i < 2; i++)
            rtd_kernels()->add(to->g + s.at[i], from->g + s.at[i], s.n[i]);
        return;
    }
    for (size_t i = 0; i < from->set.n; i++) {
        size_t row = l->table.offset + from->set.row[i] * width;
        set_add(&to->set, from->set.row[i]);
        rtd_kernels()->add(to->g + row, from->g + row, width);
    }
}

static void clear(const struct rtd_lanes *l, struct block *b)
{
    size_t width = l->table.width;
    struct span s = outside(l, 0, l->total - l->table.rows * width);
    for (int i = 0; i < 2; i++)
        memset(b->g + s.at[i], 0, s.n[i] * sizeof *b->g);
    for (size_t i = 0; i < b->set.n; i++)
        memset(b->g + l->table.offset + b->set.row[i] * width, 0, width * sizeof *b->g);
    set_clear(&b->set);
}

/* A cleared block for the lane that is number `turn` in the order of taking.  Lanes get theirs in
 * that order, so the complete ones form at most log2 L nodes whenever no lane is at work, and one
 * that waits for a block gets it. */
static struct block *take_block(struct rtd_lanes *l, int turn)
{
    struct block *b = NULL;
    pthread_mutex_lock(&l->lock);
    while (!b) {
        for (int i = 0; i < l->blocks && !b && l->begun == turn; i++)
            if (!l->block[i].busy)
                b = &l->block[i];
        if (!b)
            pthread_cond_wait(&l->change, &l->lock);
    }
    b->busy = true;
    l->begun++;
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
    if (b->dirty)
        clear(l, b);
    b->dirty = true;
    return b;
}

/* Lane at's block is complete: add up the nodes that are complete with it.  When all lanes have
 * begun, blocks are no longer short, and what is left is for all workers together. */
static void join_up(struct rtd_lanes *l, int at)
{
    pthread_mutex_lock(&l->lock);
    for (int d = l->lanes;; d /= 2) {
        l->node[at] = d;
        int low = d > 1 ? at % (d / 2) : 0, high = low + d / 2;
        if (d == 1 || l->node[low] != d || l->node[high] != d || l->begun == l->lanes)
            break;
        l->node[low] = l->node[high] = 0;
        pthread_mutex_unlock(&l->lock);
        for (size_t p = 0; p < l->pieces; p++)
            add_piece(l, l->of[low], l->of[high], p);
        pthread_mutex_lock(&l->lock);
        l->of[high]->busy = false;
        pthread_cond_broadcast(&l->change);
        at = low;
    }
    pthread_mutex_unlock(&l->lock);
}

static void join_rest(void *arg, int piece, int worker)
{
    struct rtd_lanes *l = arg;
    (void)worker;
    for (int d = l->lanes; d > 1; d /= 2)
        for (int low = 0; low < d / 2; low++)
            if (l->node[low + d / 2]) /* else it is in the other already */
                add_piece(l, l->of[low], l->of[low + d / 2], (size_t)piece);
}

void rtd_lane_touch(struct rtd_lane *lane, const int32_t *ids, size_t n)
{
    for (size_t i = 0; lane->set->in && i < n; i++)
        set_add(lane->set, (uint32_t)ids[i]);
}

const struct rtd_touched *rtd_lanes_touched(const struct rtd_lanes *l)
{
    return l->table.rows ? &l->touched : NULL;
}

/* Number i of the lanes in the order of taking, which is that of the tree's leaves: the bits of i
 * from the other end. */
static int in_tree_order(int i, int lanes)
{
    int lane = 0;
    for (int bit = 1; bit < lanes; bit *= 2, i /= 2)
        lane = lane * 2 + i % 2;
    return lane;
}

static void run_lane(void *arg, int turn, int worker)
{
    struct rtd_lanes *l = arg;
    int lane = in_tree_order(turn, l->lanes);
    struct rtd_err *err = &l->err[lane];
    struct rtd_lane view = {.lane = lane, .arena = &l->arena[worker]};
    *err = (struct rtd_err){0};
    if (l->gradients) {
        l->of[lane] = take_block(l, turn);
        view.g = l->of[lane]->g;
        view.set = &l->of[lane]->set;
    }
    l->status[lane] = l->fn(l->arg, &view, err);
    if (l->gradients)
        join_up(l, lane);
}

int rtd_lanes_run(struct rtd_lanes *l,
                  int (*fn)(void *arg, struct rtd_lane *lane, struct rtd_err *err), void *arg,
                  real **sum, struct rtd_err *err)
{
    l->fn = fn;
    l->arg = arg;
    l->gradients = sum != NULL;
    l->begun = 0;
    memset(l->node, 0, (size_t)l->lanes * sizeof *l->node);
    for (int i = 0; sum && i < l->blocks; i++)
        l->block[i].busy = false;
    rtd_pool_run(l->pool, run_lane, l, l->lanes);
    if (sum) {
        rtd_pool_run(l->pool, join_rest, l, (int)l->pieces);
        const struct rtd_row_set *set = &l->of[0]->set;
        *sum = l->of[0]->g;
        l->touched = (struct rtd_touched){.table = l->table, .row = set->row, .n = set->n};
    }
    for (int i = 0; i < l->lanes; i++)
        if (l->status[i])
            return rtd_fail(err, l->status[i], "%s", l->err[i].text);
    return RTD_OK;
}

void rtd_lanes_add(double *x, int lanes, size_t n)
{
    for (int d = lanes / 2; d >= 1; d /= 2)
        for (size_t i = 0; i < (size_t)d * n; i++)
            x[i] += x[(size_t)d * n + i];
}

void rtd_lane_order(uint32_t *order, size_t n, int lanes)
{
    for (int l = 0; l < lanes; l++)
        for (size_t i = (size_t)l; i < n; i += (size_t)lanes)
            *order++ = (uint32_t)i;
}

void rtd_lane_range(size_t n, int lanes, int l, size_t *from, size_t *to)
{
    size_t each = n / (size_t)lanes, more = n % (size_t)lanes, i = (size_t)l;
    *from = i * each + (i < more ? i : more);
    *to = *from + each + (i < more);
}
