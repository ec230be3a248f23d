/* Between the files of the store: store.c (queue and reports: the loop's side), store_writer.c (the
 * writer's side), store_opening.c (start and loading). */
#pragma once

#include "common/base/queue.h"
#include "common/io/store.h"
#include "common/io/store_db.h"

#include <pthread.h>

#define STORE_CHECK_LIMIT_MS 5000

struct txn {
    TAILQ_ENTRY(txn) entry;
    uint64_t id;
    size_t bytes;
    size_t n;
    struct row_op ops[]; /* then the bytes they point at */
};

/* Two halves. What the mutex guards is shared; what is below it belongs to the writer: the thread,
 * or with `manual`, and before the thread is started, whoever calls. */
struct store {
    char *folder, *file, *vfs;
    void (*on_stored)(const struct store_report *report, void *arg);
    void (*wake)(void *arg);
    void *arg;
    size_t queue_bytes_max;
    bool manual;
    bool running; /* the thread */
    pthread_t thread;

    pthread_mutex_t mutex;
    pthread_cond_t work_cond;     /* for the writer: something was put, or stop */
    pthread_cond_t reported_cond; /* for store_wait */
    TAILQ_HEAD(, txn) queue;      /* freed by the writer when durable */
    size_t queue_bytes, queue_txns;
    uint64_t put_id;      /* newest transaction accepted */
    uint64_t reported_id; /* newest one that has a report */
    uint64_t owed_id;     /* newest one that failed, or had come before one that was refused */
    uint64_t durable_id;  /* newest one on disk */
    uint64_t lost;        /* refused and not yet told by a `recovered` */
    bool failing;         /* the database is closed */
    bool owes_recovered;
    bool incomplete;
    bool stop;
    struct {
        struct store_report *v;
        size_t n, cap;
    } reports;
    struct store_stats stats;
    int64_t busy_since_ms; /* 0: no commit under way */

    /* The writer's. */
    struct store_db db;
    struct hwm hwm;
    int lock_fd;
    uint64_t seq;         /* newest given to an operation that was committed */
    uint64_t durable_seq; /* newest that was promised */
    bool seq_marked;      /* seq is in the high-water mark */
    bool missing;         /* rows are: said in the mark, so that the next start is regressed */
    bool missing_told;    /* at this start: the first commit has the owner's answer to it */
    int64_t hwm_next_ms;
    int64_t retry_ms, retry_delay_ms;
    unsigned found_damaged; /* errors in a row that spoke of damage, since the last commit */
    int64_t measure_ms;
    bool idle_checkpointed;
};

static inline void store_lock(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
}

static inline void store_unlock(struct store *s)
{
    pthread_mutex_unlock(&s->mutex);
}

struct store *store_new(const struct store_options *options); /* nothing opened */
void store_free(struct store *s);

/* Reports: `locked` with the mutex held; store_wake without it. */
void store_report_locked(struct store *s, struct store_report report);
void store_report_failed_locked(struct store *s); /* for all that has no report yet */
void store_wake(struct store *s);                 /* when reports wait */

/* The writer's side. */
void store_start_writer(struct store *s); /* the thread, unless manual or running */
bool store_work_round(struct store *s, bool now);
bool store_work_idle(struct store *s, bool long_idle);
void store_start_failing(struct store *s, int code, const struct err *err);
void store_note_error(struct store *s, int code, const struct err *err);
void store_write_mark(struct store *s, bool clean);
void store_measure(struct store *s);
/* Sets the damaged database aside and opens a new one with what could be read of the old. On
 * failure the connection is closed; a later store_db_open finds whatever came to be. */
int store_replace(struct store *s, char *ret_name, size_t size, uint64_t *ret_salvaged,
                  struct err *err);
