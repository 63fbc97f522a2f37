/* rtdtools - MIT licence
 *
 * Lanes: how a step's batch is spread over threads without the result depending on their number.
 * The batch is cut into `lanes` contiguous parts (a run parameter, never derived from -j).  One
 * worker works on one lane at a time with a gradient block of its own; finished lanes are added to
 * the total in lane order.  So memory is (workers + 1) blocks, and the bytes are the same for any
 * number of threads. */
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
 * calls rtd_lane_touch. */
int rtd_lanes_new(struct rtd_lanes **l, struct rtd_pool *pool, size_t total, int lanes,
                  const struct rtd_rows *table, struct rtd_err *err);
void rtd_lanes_free(struct rtd_lanes *l);
int rtd_lanes_count(const struct rtd_lanes *l);

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

/* Items of part `i` of `parts` when n items are cut evenly: [*from, *to). */
void rtd_part(size_t n, int parts, int i, size_t *from, size_t *to);

#endif
