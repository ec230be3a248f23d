#include "common/io/worker.h"

#include "common/base/queue.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

struct job {
    STAILQ_ENTRY(job) link;
    struct worker_pool *pool;
    loop_fn work, done;
    void *arg;
};

struct worker_pool {
    struct loop *loop;
    pthread_mutex_t lock; /* of everything below but threads and threads_n */
    pthread_cond_t wake;
    STAILQ_HEAD(, job) waiting;
    size_t waiting_n, waiting_max;
    bool ending;
    size_t unfinished; /* jobs whose done has not run; the loop's thread only */
    unsigned threads_n;
    pthread_t threads[];
};

static void job_done(void *arg)
{
    struct job *job = arg;

    job->pool->unfinished--;
    job->done(job->arg);
    free(job);
}

static void *worker_main(void *arg)
{
    struct worker_pool *pool = arg;
    struct job *job;

    for (;;) {
        pthread_mutex_lock(&pool->lock);
        while (pool->waiting_n == 0 && !pool->ending)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->waiting_n == 0) {
            pthread_mutex_unlock(&pool->lock);
            return NULL;
        }
        job = STAILQ_FIRST(&pool->waiting);
        STAILQ_REMOVE_HEAD(&pool->waiting, link);
        pool->waiting_n--;
        pthread_mutex_unlock(&pool->lock);
        job->work(job->arg);
        loop_post(pool->loop, job_done, job);
    }
}

int worker_submit(struct worker_pool *pool, loop_fn work, loop_fn done, void *arg)
{
    struct job *job;

    pthread_mutex_lock(&pool->lock);
    if (pool->waiting_n == pool->waiting_max) {
        pthread_mutex_unlock(&pool->lock);
        return -EAGAIN;
    }
    job = xcalloc(1, sizeof(*job));
    *job = (struct job){.pool = pool, .work = work, .done = done, .arg = arg};
    STAILQ_INSERT_TAIL(&pool->waiting, job, link);
    pool->waiting_n++;
    pool->unfinished++;
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    return 0;
}

int worker_pool_new(struct loop *loop, unsigned threads, size_t queue_max, struct worker_pool **ret)
{
    struct worker_pool *pool = xcalloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
    sigset_t all, old;
    int r = 0;

    assert(threads > 0 && queue_max > 0);
    pool->loop = loop;
    pool->waiting_max = queue_max;
    STAILQ_INIT(&pool->waiting);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    /* Signals are the loop's: the threads inherit a mask that blocks them all. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (r == 0 && pool->threads_n < threads) {
        r = pthread_create(&pool->threads[pool->threads_n], NULL, worker_main, pool);
        if (r == 0)
            pool->threads_n++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r != 0) {
        worker_pool_free(pool);
        return -r;
    }
    *ret = pool;
    return 0;
}

void worker_pool_free(struct worker_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->threads_n; i++)
        pthread_join(pool->threads[i], NULL);
    while (pool->unfinished > 0) /* all are posted by now */
        loop_step(pool->loop);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    free(pool);
}
