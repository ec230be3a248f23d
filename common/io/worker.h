/* A few threads for work that blocks or burns (bcrypt, commits): a job goes in by value, its result
 * comes back on the loop. Each accepted job's `done` runs exactly once, on the loop's thread. */
#pragma once

#include "common/io/loop.h"

struct worker_pool;

MUST_CHECK int worker_pool_new(struct loop *loop, unsigned threads, size_t queue_max,
                               struct worker_pool **ret);
/* Finishes what was accepted, calling each `done`, then ends the threads. Call it on the loop's
 * thread and not from a `done`. */
void worker_pool_free(struct worker_pool *pool);

/* `work` runs on a thread and may touch the job only; `done` then runs on the loop and owns the
 * job. -EAGAIN when queue_max jobs are waiting: the job stays the caller's. */
MUST_CHECK int worker_submit(struct worker_pool *pool, loop_fn work, loop_fn done, void *job);
