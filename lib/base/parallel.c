#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/ranks.h"

enum { MAX_HOOKS = 4, MAX_THREADS = 1024 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_t *threads; /* workers 1 .. workers-1, once they run; the calling thread is worker 0 */
    int workers, running;
    uint64_t round;
    bool stop, hooked;
    void (*hooks[MAX_HOOKS])(void);
    int hook_count;
    parallel_fn fn;
    void *ctx;
    int64_t end;
    atomic_int_fast64_t next;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static void run_hooks(void)
{
    for (int i = 0; i < pool.hook_count; i++) pool.hooks[i]();
}

static void take_shards(int worker)
{
    for (;;) {
        int64_t s = atomic_fetch_add(&pool.next, 1);
        if (s >= pool.end) return;
        pool.fn(pool.ctx, s, worker);
    }
}

static void *worker_main(void *arg)
{
    int worker = (int)(intptr_t)arg;
    uint64_t seen = 0;
    run_hooks();
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (!pool.stop && pool.round == seen) pthread_cond_wait(&pool.work, &pool.lock);
        if (pool.stop) break;
        seen = pool.round;
        pthread_mutex_unlock(&pool.lock);
        take_shards(worker);
        pthread_mutex_lock(&pool.lock);
        if (--pool.running == 0) pthread_cond_signal(&pool.done);
    }
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

static void pool_stop(void)
{
    if (!pool.threads) return;
    pthread_mutex_lock(&pool.lock);
    pool.stop = true;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 1; i < pool.workers; i++) pthread_join(pool.threads[i], NULL);
    free(pool.threads);
    pool.threads = NULL;
    pool.stop = false;
    pool.round = 0;
}

/* Starts the threads with the first shards, not before: what forks until then forks a process of one thread. */
static void pool_start(void)
{
    if (pool.threads) return;
    pool.threads = NEW_ARRAY(pthread_t, pool.workers);
    for (int i = 1; i < pool.workers; i++)
        if (pthread_create(&pool.threads[i], NULL, worker_main, (void *)(intptr_t)i))
            die(EX_OSERR, "cannot start thread %d of %d", i + 1, pool.workers);
}

/* Counts the processors that a launcher or a container leaves the process. */
static int processors(void)
{
    cpu_set_t ours;
    return sched_getaffinity(0, sizeof ours, &ours) ? (int)sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&ours);
}

void parallel_threads(int threads)
{
    if (threads <= 0) threads = processors();
    if (threads < 1) threads = 1;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    if (pool.workers == threads) return;
    pool_stop();
    pool.workers = threads;
}

int parallel_workers(void)
{
    if (!pool.workers) parallel_threads(0);
    return pool.workers;
}

void parallel_on_start(void (*hook)(void))
{
    for (int i = 0; i < pool.hook_count; i++)
        if (pool.hooks[i] == hook) return;
    if (pool.hook_count == MAX_HOOKS) die(EX_SOFTWARE, "too many thread start hooks");
    pool_stop(); /* threads that already run have missed it: start them anew */
    pool.hooks[pool.hook_count++] = hook;
    pool.hooked = false;
}

static void run_block(int64_t first, int64_t end, parallel_fn fn, void *ctx)
{
    int workers = parallel_workers();
    if (!pool.hooked) {
        run_hooks();
        pool.hooked = true;
    }
    if (first >= end) return;
    pool_start();
    pthread_mutex_lock(&pool.lock);
    pool.fn = fn;
    pool.ctx = ctx;
    pool.end = end;
    atomic_store(&pool.next, first);
    pool.running = workers - 1;
    pool.round++;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);

    take_shards(0);

    pthread_mutex_lock(&pool.lock);
    while (pool.running > 0) pthread_cond_wait(&pool.done, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
}

void parallel_for(int64_t shards, parallel_fn fn, void *ctx) { run_block(0, shards, fn, ctx); }

void parallel_ranks(int64_t shards, parallel_fn fn, void *ctx)
{
    const ranks_block_t ours = ranks_block(shards);
    run_block(ours.first, ours.end, fn, ctx);
}
