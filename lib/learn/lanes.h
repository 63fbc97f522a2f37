/* rtdtools - MIT licence
 *
 * Lanes: how a step's batch is spread over threads, and may be over machines, without the result
 * depending on their number.  The batch is cut into L lanes, a power of two that belongs to the run
 * like the batch size and is never derived from -j: lane l has the records whose place in the batch
 * is l modulo L.  Their gradients are added as one fixed tree: lane l + L/2 to lane l, then
 * l + L/4 to l, and so on.  So the bytes are the same for any number of threads.
 *
 * They are the same for N machines, too, N a power of two that divides L: machine R has L/N lanes
 * of the records R modulo N, which are lanes R, R + N, R + 2N, ... of the whole, and a whole
 * sub-tree of it; exchanging sums with machine R xor N/2, then R xor N/4, and so on, each adding
 * what it gets to what it has, gives all of them one process's bytes after log2 N exchanges.
 *
 * Workers take lanes in the order in which the tree wants them, so that no more than
 * workers + log2 L gradient blocks are in use. */
#ifndef RTD_LEARN_LANES_H
#define RTD_LEARN_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/pool.h"
#include "nn/real.h"

struct rtd_lanes;

/* A table (rows, width) inside a gradient block of which a step touches few rows: only those are
 * added and cleared. */
struct rtd_rows {
    size_t offset, rows, width;
};
/* The rows that the last run touched, in a fixed order; all others of the sum are zero. */
struct rtd_touched {
    struct rtd_rows table;
    const uint32_t *row; /* [n] */
    size_t n;
};

/* `total` numbers a gradient block; the pool is borrowed.  table: NULL, or a table for which fn
 * calls rtd_lane_touch.  RTD_EUSAGE: lanes is no power of two. */
int rtd_lanes_new(struct rtd_lanes **l, struct rtd_pool *pool, size_t total, int lanes,
                  const struct rtd_rows *table, struct rtd_err *err);
void rtd_lanes_free(struct rtd_lanes *l);
int rtd_lanes_count(const struct rtd_lanes *l);
int rtd_lanes_blocks(const struct rtd_lanes *l); /* gradient blocks that it holds */

/* One worker's view. */
struct rtd_lane {
    int lane;                /* 0 .. lanes - 1 */
    real *g;                 /* zeroed gradient block to add into; NULL: none wanted */
    struct rtd_arena *arena; /* this worker's scratch; grow it with rtd_arena_need */
    struct rtd_row_set *set; /* private: what rtd_lane_touch noted */
};

/* fn has added into these rows of the table (an id may repeat); nothing without a table. */
void rtd_lane_touch(struct rtd_lane *lane, const int32_t *ids, size_t n);
/* What the last run with gradients touched; NULL without a table. */
const struct rtd_touched *rtd_lanes_touched(const struct rtd_lanes *l);

/* Run fn for every lane; afterwards *sum (borrowed, valid until the next run) is the sum of the
 * lanes' gradients; sum NULL: no gradients are wanted, and fn's lane has g = NULL.  fn returns a
 * status; the first lane's failure (in lane order) is the result. */
int rtd_lanes_run(struct rtd_lanes *l,
                  int (*fn)(void *arg, struct rtd_lane *lane, struct rtd_err *err), void *arg,
                  real **sum, struct rtd_err *err);

/* The same tree over other sums: x (lanes, n) becomes, in its first row, their sum. */
void rtd_lanes_add(double *x, int lanes, size_t n);

/* The n places of a batch lane after lane: lane l has those of order[*from .. *to - 1]. */
void rtd_lane_order(uint32_t *order, size_t n, int lanes);
void rtd_lane_range(size_t n, int lanes, int l, size_t *from, size_t *to);

#endif
