/* rtdtools - MIT licence */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/stop.h"

struct worker {
    struct rtd_pool *pool;
    pthread_t thread;
    int id;
};

struct rtd_pool {
    int size;
    struct worker *workers; /* [size]; 0 is the caller and has no thread */
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    unsigned round; /* counts runs; a change starts the workers */
    int busy;       /* workers still in this round */
    bool quit;
    void (*fn)(void *, int, int);
    void *arg;
    int tasks;
    atomic_int next;
};

static void take_tasks(struct rtd_pool *p, int worker)
{
    for (;;) {
        int t = atomic_fetch_add(&p->next, 1);
        if (t >= p->tasks)
            return;
        p->fn(p->arg, t, worker);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct rtd_pool *p = w->pool;
    unsigned seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->round == seen && !p->quit)
            pthread_cond_wait(&p->start, &p->lock);
        if (p->quit)
            break;
        seen = p->round;
        pthread_mutex_unlock(&p->lock);
        take_tasks(p, w->id);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0)
            pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int rtd_pool_new(struct rtd_pool **out, int n, struct rtd_err *err)
{
    struct rtd_pool *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p || !(p->workers = calloc((size_t)n, sizeof *p->workers))) {
        free(p);
        return rtd_fail(err, RTD_ESYS, "not enough memory for %d threads", n);
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->done, NULL);
    sigset_t caught, old; /* signals interrupt the caller's thread, which reads and writes */
    rtd_caught_signals(&caught);
    pthread_sigmask(SIG_BLOCK, &caught, &old);
    int e = 0;
    for (p->size = 1; p->size < n; p->size++) {
        struct worker *w = &p->workers[p->size];
        *w = (struct worker){.pool = p, .id = p->size};
        if ((e = pthread_create(&w->thread, NULL, worker_main, w)))
            break;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (e) {
        rtd_fail(err, RTD_ESYS, "cannot start thread %d of %d: %s", p->size + 1, n, strerror(e));
        rtd_pool_free(p);
        return err->status;
    }
    *out = p;
    return RTD_OK;
}

int rtd_pool_size(const struct rtd_pool *p)
{
    return p->size;
}

void rtd_pool_free(struct rtd_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i < p->size; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->start);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    free(p->workers);
    free(p);
}

void rtd_pool_run(struct rtd_pool *p, void (*fn)(void *, int, int), void *arg, int tasks)
{
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->arg = arg;
    p->tasks = tasks;
    atomic_store(&p->next, 0);
    p->busy = p->size - 1;
    p->round++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    take_tasks(p, 0);
    pthread_mutex_lock(&p->lock);
    while (p->busy)
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

int rtd_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    return 1;
}
