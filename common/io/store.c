/* The loop's side of the store: what is put, what is reported. */
#include "common/io/store.h"

#include "common/base/buf.h"
#include "common/base/vec.h"
#include "common/io/clock.h"
#include "common/io/store_private.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/* Reports. A plain one is merged with an equal one before it, so that the list stays short however
 * long nobody dispatches. */
void store_report_locked(struct store *s, struct store_report report)
{
    struct store_report *last = s->reports.n > 0 ? &s->reports.v[s->reports.n - 1] : NULL;

    assert(report.txn >= s->reported_id);
    s->reported_id = report.txn;
    if (report.result < 0)
        s->owed_id = report.txn;
    if (last != NULL && !report.recovered && !last->recovered && last->result == report.result)
        last->txn = report.txn;
    else
        *VEC_PUSH(&s->reports) = report;
    pthread_cond_broadcast(&s->reported_cond);
}

void store_report_failed_locked(struct store *s)
{
    if (s->put_id > s->reported_id)
        store_report_locked(
            s, (struct store_report){.txn = s->put_id,
                                     .result = s->stats.last_error == -ENOSPC ? -ENOSPC : -EIO});
}

void store_wake(struct store *s)
{
    bool any;

    store_lock(s);
    any = s->reports.n > 0;
    store_unlock(s);
    if (any && s->wake != NULL)
        s->wake(s->arg);
}

static void copy_ops(struct txn *t, const struct row_op *ops, size_t n)
{
    char *at = (char *)(t->ops + n);

    for (size_t i = 0; i < n; i++) {
        struct row_op *op = &t->ops[i];

        *op = ops[i];
        if (op->remove)
            op->value = STR_EMPTY;
        op->key.p = at;
        if (op->key.n > 0)
            memcpy(at, ops[i].key.p, op->key.n);
        at += op->key.n;
        op->value.p = at;
        if (op->value.n > 0)
            memcpy(at, ops[i].value.p, op->value.n);
        at += op->value.n;
    }
}

static int refuse_size(struct store *s)
{
    store_lock(s);
    s->stats.refused++;
    store_unlock(s);
    return -EMSGSIZE;
}

int store_put(struct store *s, uint64_t txn, const struct row_op *ops, size_t n)
{
    size_t bytes = sizeof(struct txn) + n * sizeof(struct row_op);
    struct txn *t = NULL;
    bool failing;

    for (size_t i = 0; i < n; i++) {
        if (ops[i].key.n > ROW_KEY_MAX || (!ops[i].remove && ops[i].value.n > ROW_VALUE_MAX))
            return refuse_size(s);
        bytes += ops[i].key.n + (ops[i].remove ? 0 : ops[i].value.n);
    }
    store_start_writer(s);
    store_lock(s);
    assert(txn > s->put_id);
    if (bytes > s->queue_bytes_max || s->queue_bytes > s->queue_bytes_max - bytes) {
        s->stats.refused++;
        s->lost++;
        s->owes_recovered = true;
        s->owed_id = s->put_id;
        pthread_cond_signal(&s->work_cond);
        store_unlock(s);
        return -ENOSPC;
    }
    s->queue_bytes += bytes; /* reserved; the copy is made without the lock */
    store_unlock(s);

    t = xmalloc(bytes);
    t->id = txn;
    t->bytes = bytes;
    t->n = n;
    copy_ops(t, ops, n);

    store_lock(s);
    TAILQ_INSERT_TAIL(&s->queue, t, entry);
    s->queue_txns++;
    s->put_id = txn;
    failing = s->failing;
    if (failing)
        store_report_failed_locked(s);
    else
        pthread_cond_signal(&s->work_cond);
    store_unlock(s);
    if (failing)
        store_wake(s);
    return 0;
}

void store_dispatch(struct store *s)
{
    for (;;) {
        struct store_report *v;
        size_t n;

        store_lock(s);
        v = s->reports.v;
        n = s->reports.n;
        s->reports.v = NULL;
        s->reports.n = s->reports.cap = 0;
        store_unlock(s);
        for (size_t i = 0; i < n; i++)
            if (s->on_stored != NULL)
                s->on_stored(&v[i], s->arg);
        free(v);
        if (n == 0)
            return;
    }
}

bool store_work(struct store *s)
{
    assert(s->manual);
    return store_work_round(s, true) || store_work_idle(s, false);
}

int store_wait(struct store *s, int64_t timeout_ms)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    bool done;

    do {
        struct timespec until;
        int64_t until_ns;

        if (s->manual)
            (void)store_work_round(s, true);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until_ns = until.tv_nsec + 10000000;
        until.tv_sec += until_ns / 1000000000;
        until.tv_nsec = until_ns % 1000000000;
        store_lock(s);
        done = s->reported_id >= s->put_id;
        if (!done && !s->manual)
            (void)pthread_cond_timedwait(&s->reported_cond, &s->mutex, &until);
        store_unlock(s);
    } while (!done && clock_mono_ms() < deadline_ms);
    store_dispatch(s);
    return done ? 0 : -ETIMEDOUT;
}

void store_stats(struct store *s, struct store_stats *ret)
{
    store_lock(s);
    *ret = s->stats;
    ret->queue_bytes = s->queue_bytes;
    ret->queue_txns = s->queue_txns;
    ret->queue_bytes_max = s->queue_bytes_max;
    ret->busy_ms = s->busy_since_ms != 0 ? clock_mono_ms() - s->busy_since_ms : 0;
    store_unlock(s);
}

void store_free(struct store *s)
{
    struct txn *t;

    store_db_close(&s->db);
    hwm_close(&s->hwm);
    while ((t = TAILQ_FIRST(&s->queue)) != NULL) {
        TAILQ_REMOVE(&s->queue, t, entry);
        free(t);
    }
    VEC_CLEAR(&s->reports);
    pthread_cond_destroy(&s->work_cond);
    pthread_cond_destroy(&s->reported_cond);
    pthread_mutex_destroy(&s->mutex);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->folder);
    free(s->file);
    free(s->vfs);
    free(s);
}

int store_close(struct store *s)
{
    struct err err = {0};
    bool given_up;

    if (s == NULL)
        return 0;
    if (s->running) {
        store_lock(s);
        s->stop = true;
        pthread_cond_signal(&s->work_cond);
        store_unlock(s);
        pthread_join(s->thread, NULL);
    }
    if (s->db.handle != NULL || s->queue_txns > 0)
        do
            (void)store_work_round(s, true);
        while (s->queue_txns > 0 && s->db.handle != NULL);
    given_up = s->queue_txns > 0;
    if (s->db.handle != NULL && store_db_checkpoint(&s->db, true, &err) == 0 && !given_up)
        store_write_mark(s, true);
    store_dispatch(s);
    store_free(s);
    return given_up ? -EIO : 0;
}

struct store *store_new(const struct store_options *options)
{
    struct store *s = xcalloc(1, sizeof(*s));
    pthread_condattr_t attr;
    struct buf name;

    *s = (struct store){
        .folder = xstrdup(options->path),
        .vfs = options->vfs != NULL ? xstrdup(options->vfs) : NULL,
        .on_stored = options->on_stored,
        .wake = options->wake,
        .arg = options->arg,
        .queue_bytes_max =
            options->queue_bytes_max > 0 ? options->queue_bytes_max : STORE_QUEUE_BYTES_DEFAULT,
        .manual = options->manual,
        .hwm = {.fd = -1},
        .lock_fd = -1,
    };
    buf_init(&name, KIB(8));
    buf_add_fmt(&name, "%s/tocsin.db", s->folder);
    s->file = xstrndup(name.p, name.n);
    buf_clear(&name);
    s->db = (struct store_db){
        .file = s->file, .vfs = s->vfs, .synchronous_off = options->synchronous_off};
    TAILQ_INIT(&s->queue);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->work_cond, &attr);
    pthread_cond_init(&s->reported_cond, &attr);
    pthread_condattr_destroy(&attr);
    return s;
}
