/* The writer's side of the store: group commit, the mark, checkpoints, and what follows an error.
 */
#include "common/base/buf.h"
#include "common/base/vec.h"
#include "common/io/clock.h"
#include "common/io/store_private.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 5000
#define HWM_EVERY_MS 100
#define IDLE_CHECKPOINT_MS 1000
#define IDLE_CHECKPOINT_PAGES 64
#define FULL_CHECKPOINT_PAGES 1024 /* 4 MiB of WAL */
#define MEASURE_EVERY_MS 10000
#define DAMAGED_MAX 3

static void set_busy(struct store *s, bool busy)
{
    store_lock(s);
    s->busy_since_ms = busy ? clock_mono_ms() : 0;
    store_unlock(s);
}

void store_note_error(struct store *s, int code, const struct err *err)
{
    store_lock(s);
    s->stats.errors++;
    s->stats.last_error = code;
    (void)snprintf(s->stats.last_error_text, sizeof(s->stats.last_error_text), "%s", err->text);
    store_unlock(s);
}

/* From here on the connection is not trusted; see "Failure" in the header. */
void store_start_failing(struct store *s, int code, const struct err *err)
{
    int64_t now_ms = clock_mono_ms();

    store_db_close(&s->db);
    store_note_error(s, code, err);
    s->found_damaged = code == -EBADMSG ? s->found_damaged + 1 : 0;
    s->retry_delay_ms =
        s->retry_delay_ms == 0 ? RETRY_FIRST_MS : min_i64(2 * s->retry_delay_ms, RETRY_MAX_MS);
    s->retry_ms = now_ms + s->retry_delay_ms;
    store_lock(s);
    s->failing = true;
    s->owes_recovered = true;
    s->stats.failing = true;
    s->busy_since_ms = 0;
    store_report_failed_locked(s);
    store_unlock(s);
}

/* True when the report went out. */
static bool recovered_locked(struct store *s)
{
    if (!s->owes_recovered || s->failing || s->durable_id < s->owed_id)
        return false;
    if (s->lost > 0 && s->queue_bytes > s->queue_bytes_max / 2)
        return false; /* what was refused would not fit yet */
    store_report_locked(s, (struct store_report){.txn = s->reported_id,
                                                 .recovered = true,
                                                 .incomplete = s->incomplete,
                                                 .lost = s->lost});
    if (s->lost > 0) { /* should the owner end before it has put them again */
        s->missing = true;
        s->missing_told = s->seq_marked = false;
    }
    s->owes_recovered = false;
    s->incomplete = false;
    s->lost = 0;
    return true;
}

void store_write_mark(struct store *s, bool clean)
{
    struct hwm_mark mark = {.seq = s->seq, .clean = clean, .missing = s->missing};
    int rc;

    memcpy(mark.store_id, s->db.id, sizeof(mark.store_id));
    rc = hwm_write(&s->hwm, &mark);
    s->hwm_next_ms = clock_mono_ms() + HWM_EVERY_MS;
    s->seq_marked = rc == 0;
    if (rc < 0) {
        store_lock(s);
        s->stats.hwm_errors++;
        store_unlock(s);
    }
}

int store_replace(struct store *s, char *ret_name, size_t size, uint64_t *ret_salvaged,
                  struct err *err)
{
    int rc;

    store_db_close(&s->db);
    rc = store_db_set_aside(s->file, ret_name, size, err);
    if (rc < 0)
        return rc;
    store_lock(s);
    s->stats.set_aside++;
    store_unlock(s);
    rc = store_db_open(&s->db, err);
    if (rc < 0)
        return rc;
    rc = store_db_salvage(&s->db, ret_name, ret_salvaged, err);
    if (rc < 0)
        store_db_close(&s->db);
    return rc;
}

/* Opens again after an error. What the WAL still shows may be in the page cache only, so it counts
 * as durable after a checkpoint: that writes and syncs the database itself. */
static bool reopen(struct store *s)
{
    struct err err = {0};
    char aside[STORE_PATH_MAX];
    uint64_t salvaged = 0;
    bool replaced = false;
    int rc;

    set_busy(s, true);
    rc = store_db_open(&s->db, &err);
    if (rc == 0 && s->found_damaged >= DAMAGED_MAX)
        rc = err_set(&err, -EBADMSG, "%s", s->stats.last_error_text); /* what the check overlooks */
    else if (rc == 0 && s->found_damaged > 0)
        rc = store_db_check(&s->db, STORE_CHECK_LIMIT_MS, &err);
    if (rc == -EBADMSG) {
        store_note_error(s, rc, &err);
        rc = store_replace(s, aside, sizeof(aside), &salvaged, &err);
        replaced = true;
    }
    if (rc == 0)
        rc = store_db_checkpoint(&s->db, true, &err);
    if (replaced || (rc == 0 && s->db.seq < s->durable_seq)) {
        store_lock(s);
        s->incomplete = true; /* also if this attempt fails: the next one sees nothing odd */
        store_unlock(s);
        s->missing = true;
        s->missing_told = false;
    }
    if (rc < 0) {
        store_start_failing(s, rc, &err);
        return false;
    }
    if (s->db.seq > s->seq)
        s->seq = s->db.seq;
    s->seq_marked = false; /* perhaps it is another database */
    store_lock(s);
    s->failing = false;
    s->stats.failing = false;
    s->busy_since_ms = 0;
    store_unlock(s);
    return true;
}

static int write_batch(struct store *s, struct txn *first, size_t txns, uint64_t *ret_seq,
                       struct err *err)
{
    uint64_t seq = s->seq;
    struct txn *t = first;
    int rc = store_db_begin(&s->db, err);

    for (; rc == 0 && txns > 0; txns--) {
        for (size_t i = 0; rc == 0 && i < t->n; i++)
            rc = store_db_apply(&s->db, &t->ops[i], ++seq, err);
        /* Only this thread removes from the queue, and only the end of it changes meanwhile: the
         * link of the batch's last transaction is never followed. */
        if (txns > 1)
            t = TAILQ_NEXT(t, entry);
    }
    if (rc == 0)
        rc = store_db_commit(&s->db, seq, err);
    if (rc == 0)
        *ret_seq = seq;
    return rc;
}

static void batch_done(struct store *s, size_t txns, uint64_t ops, int64_t us)
{
    uint64_t last_id = 0;

    store_lock(s);
    for (size_t i = 0; i < txns; i++) {
        struct txn *t = TAILQ_FIRST(&s->queue);

        TAILQ_REMOVE(&s->queue, t, entry);
        s->queue_bytes -= t->bytes;
        s->queue_txns--;
        last_id = t->id;
        free(t);
    }
    s->busy_since_ms = 0;
    s->durable_id = last_id;
    s->stats.commits++;
    s->stats.txns += txns;
    s->stats.ops += ops;
    s->stats.commit_us_sum += (uint64_t)us;
    if ((uint64_t)us > s->stats.commit_us_max)
        s->stats.commit_us_max = (uint64_t)us;
    s->stats.seq = s->seq;
    if (last_id > s->reported_id)
        store_report_locked(s, (struct store_report){.txn = last_id});
    store_unlock(s);
}

/* One group commit. False when nothing was queued. */
static bool commit_some(struct store *s)
{
    struct err err = {0};
    struct txn *first;
    size_t txns = 0;
    size_t bytes = 0;
    uint64_t seq = 0;
    int64_t start_us = clock_mono_us();
    int rc;

    store_lock(s);
    first = TAILQ_FIRST(&s->queue);
    for (struct txn *t = first; t != NULL && txns < STORE_BATCH_TXNS; t = TAILQ_NEXT(t, entry)) {
        if (txns > 0 && bytes + t->bytes > STORE_BATCH_BYTES)
            break;
        txns++;
        bytes += t->bytes;
    }
    s->busy_since_ms = txns > 0 ? clock_mono_ms() : 0;
    store_unlock(s);
    if (txns == 0)
        return false;
    rc = write_batch(s, first, txns, &seq, &err);
    if (rc < 0) {
        store_start_failing(s, rc, &err);
    } else {
        uint64_t ops = seq - s->seq;

        s->seq_marked = s->seq_marked && ops == 0;
        s->seq = s->durable_seq = seq;
        if (s->missing_told && ops > 0)
            s->missing = s->missing_told = false;
        s->retry_delay_ms = 0;
        s->found_damaged = 0;
        s->idle_checkpointed = false;
        batch_done(s, txns, ops, clock_mono_us() - start_us);
    }
    store_wake(s);
    return true;
}

static void checkpoint(struct store *s)
{
    struct err err = {0};
    int rc;

    set_busy(s, true);
    rc = store_db_checkpoint(&s->db, false, &err);
    set_busy(s, false);
    if (rc < 0) {
        store_start_failing(s, rc, &err);
        store_wake(s);
        return;
    }
    store_lock(s);
    s->stats.checkpoints++;
    store_unlock(s);
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
    struct buf name;
    struct stat st;
    uint64_t bytes;

    buf_init(&name, KIB(8));
    buf_add_fmt(&name, "%s%s", path, suffix);
    bytes = stat(name.p, &st) == 0 ? (uint64_t)st.st_size : 0;
    buf_clear(&name);
    return bytes;
}

void store_measure(struct store *s)
{
    struct statvfs vfs;
    uint64_t db_bytes = file_bytes(s->file, "");
    uint64_t wal_bytes = file_bytes(s->file, "-wal");
    uint64_t free_bytes = statvfs(s->folder, &vfs) == 0 ? (uint64_t)vfs.f_bavail * vfs.f_frsize : 0;

    s->measure_ms = clock_mono_ms() + MEASURE_EVERY_MS;
    store_lock(s);
    s->stats.db_bytes = db_bytes;
    s->stats.wal_bytes = wal_bytes;
    s->stats.free_bytes = free_bytes;
    store_unlock(s);
}

/* One round: reopen when due, commit, mark, look after the WAL. True when there was work. */
bool store_work_round(struct store *s, bool now)
{
    bool worked = false;
    bool failing;
    bool told;

    if (clock_mono_ms() >= s->measure_ms)
        store_measure(s);
    store_lock(s);
    failing = s->failing;
    store_unlock(s);
    if (failing) {
        if (!now && clock_mono_ms() < s->retry_ms)
            return false;
        if (!reopen(s)) {
            store_wake(s);
            return true;
        }
        worked = true;
    }
    if (commit_some(s))
        worked = true;
    store_lock(s);
    told = recovered_locked(s);
    failing = s->failing;
    store_unlock(s);
    if (told)
        store_wake(s);
    if (failing)
        return true;
    if (!s->seq_marked && clock_mono_ms() >= s->hwm_next_ms)
        store_write_mark(s, false);
    if (s->db.wal_pages >= FULL_CHECKPOINT_PAGES)
        checkpoint(s);
    return worked;
}

/* Nothing is queued: catch up with the mark, then with the WAL. True when that took time, so that
 * the queue is looked at again. */
bool store_work_idle(struct store *s, bool long_idle)
{
    if (s->db.handle == NULL)
        return false;
    if (!s->seq_marked && (s->manual || clock_mono_ms() >= s->hwm_next_ms)) {
        store_write_mark(s, false);
        if (s->seq_marked)
            return true;
    }
    if (long_idle && !s->idle_checkpointed && s->db.wal_pages >= IDLE_CHECKPOINT_PAGES) {
        s->idle_checkpointed = true;
        checkpoint(s);
        return true;
    }
    return false;
}

/* Waits for work; true when the wait ran out after IDLE_CHECKPOINT_MS or more. */
static bool wait_for_work(struct store *s, bool *ret_stop)
{
    int64_t wait_ms = s->idle_checkpointed || s->db.wal_pages < IDLE_CHECKPOINT_PAGES
                          ? MEASURE_EVERY_MS
                          : IDLE_CHECKPOINT_MS;
    struct timespec until;
    int64_t until_ns;
    int rc = 0;

    if (s->db.handle == NULL)
        wait_ms = max_i64(s->retry_ms - clock_mono_ms(), 1);
    else if (!s->seq_marked)
        wait_ms = clamp_i64(s->hwm_next_ms - clock_mono_ms(), 1, HWM_EVERY_MS);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until_ns = (int64_t)until.tv_nsec + wait_ms % MS_PER_S * 1000000;
    until.tv_sec += wait_ms / MS_PER_S + until_ns / 1000000000;
    until.tv_nsec = until_ns % 1000000000;
    store_lock(s);
    while (rc == 0 && !s->stop && (s->failing || (TAILQ_EMPTY(&s->queue) && !s->owes_recovered)))
        rc = pthread_cond_timedwait(&s->work_cond, &s->mutex, &until);
    *ret_stop = s->stop;
    store_unlock(s);
    return rc == ETIMEDOUT && wait_ms >= IDLE_CHECKPOINT_MS;
}

static void *writer_main(void *arg)
{
    struct store *s = arg;
    bool long_idle = false;
    bool stop = false;

    while (!stop) {
        if (store_work_round(s, false) || store_work_idle(s, long_idle))
            long_idle = false;
        else
            long_idle = wait_for_work(s, &stop);
    }
    return NULL;
}

void store_start_writer(struct store *s)
{
    sigset_t all;
    sigset_t before;
    int rc;

    if (s->manual || s->running)
        return;
    sigfillset(&all); /* signals are the loop's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&s->thread, NULL, writer_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        abort(); /* as for memory: a restart is cheap */
    s->running = true;
}
