/* rtdtools - MIT licence
 *
 * A pool of threads.  The caller creates it and passes it in; nothing else starts threads. */
#ifndef RTD_BASE_POOL_H
#define RTD_BASE_POOL_H

#include "base/err.h"

struct rtd_pool;

/* n workers in all, the caller's thread included: n = 1 starts no thread. */
int rtd_pool_new(struct rtd_pool **p, int n, struct rtd_err *err);
int rtd_pool_size(const struct rtd_pool *p);
void rtd_pool_free(struct rtd_pool *p);

/* Run fn(arg, task, worker) for task = 0..tasks-1; returns when all are done.  Workers
 * (0..size-1; 0 is the caller) take tasks in increasing order.  Not re-entrant. */
void rtd_pool_run(struct rtd_pool *p, void (*fn)(void *arg, int task, int worker), void *arg,
                  int tasks);

/* Number of CPUs this process may use: the default of -j. */
int rtd_cpu_count(void);

#endif
