/* rtdtools - MIT licence */
#include "learn/lanes.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nn/kernels.h"

/* Gradients are handed over in pieces, so that a lane can begin adding while the one before it is
 * still at it. */
enum { PIECE = 1 << 16 };

/* Rows of the table, each once, in the order in which they came. */
struct rtd_row_set {
    uint32_t *row; /* [rows of the table] */
    size_t n;
    bool *in; /* [rows of the table] */
};

struct rtd_lanes {
    struct rtd_pool *pool;
    size_t total, pieces;    /* the last piece is the table's rows */
    struct rtd_rows table;   /* rows 0: none */
    struct rtd_row_set all;  /* rows in sum */
    struct rtd_row_set *set; /* [workers] */
    struct rtd_touched touched;
    int lanes;
    real *sum;               /* [total] */
    real **g;                /* [workers][total] */
    struct rtd_arena *arena; /* [workers] */
    int *status;             /* [lanes] */
    struct rtd_err *err;     /* [lanes] */
    pthread_mutex_t lock;
    pthread_cond_t added;
    int *next; /* [pieces] the lane whose turn it is */
    /* the present run */
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

static void set_free(struct rtd_row_set *s)
{
    free(s->row);
    free(s->in);
}

static bool set_add(struct rtd_row_set *s, uint32_t row)
{
    bool is_new = !s->in[row];
    s->in[row] = true;
    if (is_new)
        s->row[s->n++] = row;
    return is_new;
}

static void set_clear(struct rtd_row_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->in[s->row[i]] = false;
    s->n = 0;
}

int rtd_lanes_new(struct rtd_lanes **out, struct rtd_pool *pool, size_t total, int lanes,
                  const struct rtd_rows *table, struct rtd_err *err)
{
    struct rtd_lanes *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    l->pool = pool;
    l->total = total;
    if (table)
        l->table = *table;
    l->pieces = (total - l->table.rows * l->table.width + PIECE - 1) / PIECE + 1;
    l->lanes = lanes;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->added, NULL);
    l->sum = rtd_calloc_aligned(total, sizeof *l->sum);
    l->g = calloc((size_t)rtd_pool_size(pool), sizeof *l->g);
    l->arena = calloc((size_t)rtd_pool_size(pool), sizeof *l->arena);
    l->status = calloc((size_t)lanes, sizeof *l->status);
    l->err = calloc((size_t)lanes, sizeof *l->err);
    l->next = calloc(l->pieces, sizeof *l->next);
    l->set = calloc((size_t)rtd_pool_size(pool), sizeof *l->set);
    bool sets = l->set != NULL && (!table || set_new(&l->all, table->rows));
    for (int i = 0; table && sets && i < rtd_pool_size(pool); i++)
        sets = set_new(&l->set[i], table->rows);
    if (!sets || !l->sum || !l->g || !l->arena || !l->status || !l->err || !l->next) {
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
    for (int i = 0; i < rtd_pool_size(l->pool); i++) {
        if (l->g)
            free(l->g[i]);
        if (l->arena)
            rtd_arena_free(&l->arena[i]);
        if (l->set)
            set_free(&l->set[i]);
    }
    set_free(&l->all);
    free(l->set);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->added);
    free(l->sum);
    free(l->g);
    free(l->arena);
    free(l->status);
    free(l->err);
    free(l->next);
    free(l);
}

int rtd_lanes_count(const struct rtd_lanes *l)
{
    return l->lanes;
}

/* Numbers [at, at + n) of the blocks into the sum; worker's cleared. */
static void add_numbers(struct rtd_lanes *l, int lane, real *g, size_t at, size_t n)
{
    if (lane == 0)
        memcpy(l->sum + at, g + at, n * sizeof *g);
    else
        rtd_kernels()->add(l->sum + at, g + at, n);
    memset(g + at, 0, n * sizeof *g);
}

static void add_rows(struct rtd_lanes *l, real *g, struct rtd_row_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        size_t at = l->table.offset + set->row[i] * l->table.width;
        add_numbers(l, set_add(&l->all, set->row[i]) ? 0 : 1, g, at, l->table.width);
    }
    set_clear(set);
}

/* Piece p: of the numbers before and behind the table, or its rows. */
static void add_piece(struct rtd_lanes *l, int lane, real *g, struct rtd_row_set *set, size_t p)
{
    size_t in_table = l->table.rows * l->table.width, from = p * PIECE;
    size_t to = l->total - in_table - from < PIECE ? l->total - in_table : from + PIECE;
    if (p == l->pieces - 1) {
        if (in_table)
            add_rows(l, g, set);
        return;
    }
    size_t before = l->table.offset < to ? l->table.offset : to;
    if (from < before)
        add_numbers(l, lane, g, from, before - from);
    from = from > before ? from : before;
    if (from < to)
        add_numbers(l, lane, g, from + in_table, to - from);
}

/* Add a worker's block to the sum when the lane's turn comes, piece by piece, and clear it. */
static void hand_over(struct rtd_lanes *l, int lane, real *g, struct rtd_row_set *set)
{
    for (size_t p = 0; p < l->pieces; p++) {
        pthread_mutex_lock(&l->lock);
        while (l->next[p] != lane)
            pthread_cond_wait(&l->added, &l->lock);
        pthread_mutex_unlock(&l->lock);
        if (g) /* a lane that had no memory only passes its turn on */
            add_piece(l, lane, g, set, p);
        pthread_mutex_lock(&l->lock);
        l->next[p] = lane + 1;
        pthread_cond_broadcast(&l->added);
        pthread_mutex_unlock(&l->lock);
    }
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

static void run_lane(void *arg, int lane, int worker)
{
    struct rtd_lanes *l = arg;
    struct rtd_err *err = &l->err[lane];
    *err = (struct rtd_err){0};
    struct rtd_lane view = {.lane = lane, .arena = &l->arena[worker], .set = &l->set[worker]};
    if (!l->gradients) {
        l->status[lane] = l->fn(l->arg, &view, err);
        return;
    }
    if (!l->g[worker])
        l->g[worker] = rtd_calloc_aligned(l->total, sizeof(real));
    view.g = l->g[worker];
    if (view.g)
        l->status[lane] = l->fn(l->arg, &view, err);
    else
        l->status[lane] = rtd_fail(err, RTD_ESYS, "not enough memory for %zu gradients", l->total);
    hand_over(l, lane, view.g, view.set);
}

int rtd_lanes_run(struct rtd_lanes *l,
                  int (*fn)(void *arg, struct rtd_lane *lane, struct rtd_err *err), void *arg,
                  real **sum, struct rtd_err *err)
{
    l->fn = fn;
    l->arg = arg;
    l->gradients = sum != NULL;
    memset(l->next, 0, l->pieces * sizeof *l->next);
    for (size_t i = 0; sum && i < l->all.n; i++)
        memset(l->sum + l->table.offset + l->all.row[i] * l->table.width, 0,
               l->table.width * sizeof *l->sum);
    if (sum)
        set_clear(&l->all);
    rtd_pool_run(l->pool, run_lane, l, l->lanes);
    if (sum)
        *sum = l->sum;
    l->touched = (struct rtd_touched){.table = l->table, .row = l->all.row, .n = l->all.n};
    for (int i = 0; i < l->lanes; i++)
        if (l->status[i])
            return rtd_fail(err, l->status[i], "%s", l->err[i].text);
    return RTD_OK;
}

void rtd_part(size_t n, int parts, int i, size_t *from, size_t *to)
{
    *from = n * (size_t)i / (size_t)parts;
    *to = n * ((size_t)i + 1) / (size_t)parts;
}
