/* rtdtools - MIT licence */
#include "train/lanes.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nn/kernels.h"

/* Gradients are handed over in pieces, so that a lane can begin adding while the one before it is
 * still at it. */
enum { PIECE = 1 << 16 };

struct rtd_lanes {
    struct rtd_pool *pool;
    size_t total, pieces;
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

int rtd_lanes_new(struct rtd_lanes **out, struct rtd_pool *pool, size_t total, int lanes,
                  struct rtd_err *err)
{
    struct rtd_lanes *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    l->pool = pool;
    l->total = total;
    l->pieces = (total + PIECE - 1) / PIECE;
    l->lanes = lanes;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->added, NULL);
    l->sum = rtd_calloc_aligned(total, sizeof *l->sum);
    l->g = calloc((size_t)rtd_pool_size(pool), sizeof *l->g);
    l->arena = calloc((size_t)rtd_pool_size(pool), sizeof *l->arena);
    l->status = calloc((size_t)lanes, sizeof *l->status);
    l->err = calloc((size_t)lanes, sizeof *l->err);
    l->next = calloc(l->pieces, sizeof *l->next);
    if (!l->sum || !l->g || !l->arena || !l->status || !l->err || !l->next) {
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
    for (int i = 0; l->g && l->arena && i < rtd_pool_size(l->pool); i++) {
        free(l->g[i]);
        rtd_arena_free(&l->arena[i]);
    }
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

/* Add a worker's block to the sum when the lane's turn comes, piece by piece, and clear it. */
static void hand_over(struct rtd_lanes *l, int lane, real *g)
{
    for (size_t p = 0; p < l->pieces; p++) {
        size_t at = p * PIECE, n = l->total - at < PIECE ? l->total - at : PIECE;
        pthread_mutex_lock(&l->lock);
        while (l->next[p] != lane)
            pthread_cond_wait(&l->added, &l->lock);
        pthread_mutex_unlock(&l->lock);
        if (g) { /* a lane that had no memory only passes its turn on */
            if (lane == 0)
                memcpy(l->sum + at, g + at, n * sizeof *g);
            else
                rtd_kernels()->add(l->sum + at, g + at, n);
            memset(g + at, 0, n * sizeof *g);
        }
        pthread_mutex_lock(&l->lock);
        l->next[p] = lane + 1;
        pthread_cond_broadcast(&l->added);
        pthread_mutex_unlock(&l->lock);
    }
}

static void run_lane(void *arg, int lane, int worker)
{
    struct rtd_lanes *l = arg;
    struct rtd_err *err = &l->err[lane];
    *err = (struct rtd_err){0};
    struct rtd_lane view = {.lane = lane, .arena = &l->arena[worker]};
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
    hand_over(l, lane, view.g);
}

int rtd_lanes_run(struct rtd_lanes *l,
                  int (*fn)(void *arg, struct rtd_lane *lane, struct rtd_err *err), void *arg,
                  real **sum, struct rtd_err *err)
{
    l->fn = fn;
    l->arg = arg;
    l->gradients = sum != NULL;
    memset(l->next, 0, l->pieces * sizeof *l->next);
    rtd_pool_run(l->pool, run_lane, l, l->lanes);
    if (sum)
        *sum = l->sum;
    for (int i = 0; i < l->lanes; i++)
        if (l->status[i])
            return rtd_fail(err, l->status[i], "%s", l->err[i].text);
    return RTD_OK;
}

int rtd_lane_arena(struct rtd_lane *lane, size_t size, struct rtd_err *err)
{
    rtd_arena_reset(lane->arena);
    if (lane->arena->size >= size)
        return RTD_OK;
    rtd_arena_free(lane->arena);
    return rtd_arena_init(lane->arena, size, err);
}

void rtd_part(size_t n, int parts, int i, size_t *from, size_t *to)
{
    *from = n * (size_t)i / (size_t)parts;
    *to = n * ((size_t)i + 1) / (size_t)parts;
}
