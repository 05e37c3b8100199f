/* A pool of plain threads that executes numbered shards. What a shard computes must depend on its number alone; then the
 * result does not depend on how many threads there are. */
#ifndef SIDMILL_BASE_PARALLEL_H
#define SIDMILL_BASE_PARALLEL_H

#include <stdint.h>

/* Work on one shard; `worker` in [0, parallel_workers()) names the scratch space that this thread may use. */
typedef void (*parallel_fn)(void *ctx, int64_t shard, int worker);

/* Sets the number of threads (0: one a processor that the process may use). They start with the first shards, so that a tool may
 * fork workers before; later calls resize the pool. */
void parallel_threads(int threads);
int parallel_workers(void);

/* `hook` runs once in every thread of the pool, the calling thread included, before its first shard: the place to hold
 * BLAS and OpenMP to one thread. Register before the first parallel_for(). */
void parallel_on_start(void (*hook)(void));

/* Runs fn(ctx, s, worker) for every s in [0, shards) and returns when all are done. Not reentrant. */
void parallel_for(int64_t shards, parallel_fn fn, void *ctx);

/* The same for this rank's block of them (base/ranks.h). */
void parallel_ranks(int64_t shards, parallel_fn fn, void *ctx);

#endif
