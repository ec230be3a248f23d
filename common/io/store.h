/* The durable state of a node: rows (kind, key) -> value in one SQLite database, written by one
 * thread with group commit. Decides nothing; docs/formats/store.md has the bytes.
 *
 *     loop thread                                   writer thread
 *     store_put(txn, ops) ──▶ queue (bounded) ──▶ takes all that waits, ≤ 256 transactions or 1 MiB
 *     store_dispatch()    ◀── reports ◀── wake() ◀── one COMMIT (WAL, synchronous=FULL: on disk)
 *
 * Every function but the ones the writer thread runs inside is called from the loop thread.
 *
 * Order. Transactions commit in the order in which they were put, each one whole or not at all.
 * Their ids rise strictly. Reports come in that order and are cumulative: one speaks for every
 * transaction after the one named by the report before it, up to and including its own `txn`
 * (those that store_put refused have had their answer and are passed over).
 *
 * Failure. An error at COMMIT means "unknown": the rows may or may not be there after a crash.
 * Then the store is *failing*:
 *   1. the transactions of that batch, and everything put until the database could be opened again,
 *      are reported at once with the error (-ENOSPC when the disk is full, else -EIO), so that the
 *      caller answers 503. A transaction is reported once; a failed one is never reported as stored
 *      later on;
 *   2. none of them is forgotten: they stay queued, in order, within queue_bytes_max;
 *   3. the connection is closed. After 100 ms, doubling to 5 s, a new one is opened, the WAL is
 *      read back with its checksums, what is found there is compared with what was promised, and
 *      all of it is moved into the database by a checkpoint that has to succeed. A failed fsync is
 *      never repeated on the same pages: the kernel may have marked them clean. A database found
 *      damaged, or of which three attempts in a row say so, is set aside as at the start;
 *   4. then the queued transactions are written again. Row operations are idempotent, so it does
 *      no harm if they were there;
 *   5. once all that failed has been written, a report with `recovered` says that everything up to
 *      its transaction is durable, except what store_put refused (`lost` counts it: the owner, who
 *      was told each time, puts those rows again) and, if `incomplete`, except rows that the
 *      database has lost: the owner then puts all of its rows again.
 * If the process dies while failing, what is on disk is some prefix of the transactions, each
 * whole; it holds at least all those reported with result 0.
 *
 * A commit that hangs is not an error: stats.busy_ms tells how long, and whoever waits for a report
 * has a deadline of its own.
 *
 * High-water mark. `hwm` holds the sequence number of the last commit, written and synced after the
 * commit was reported: at once when the last mark is older than 100 ms, otherwise when it is, so
 * that it costs a busy store nothing. A database that comes back with less than that has lost its
 * tail, which SQLite alone does not notice. A loss is detected except for the last 100 ms before a
 * crash. */
#pragma once

#include "common/base/err.h"
#include "common/base/row.h"

struct store;

#define STORE_SCHEMA 1 /* user_version of the database */
#define STORE_BATCH_TXNS 256
#define STORE_BATCH_BYTES MIB(1)
#define STORE_QUEUE_BYTES_DEFAULT MIB(64)
#define STORE_PATH_MAX 1024

struct store_report {
    uint64_t txn;
    int result;      /* 0: on disk. -ENOSPC, -EIO: unknown, kept and tried again */
    bool recovered;  /* the failing is over: see 5. above; result is 0 */
    bool incomplete; /* with recovered: rows are gone, put every row again */
    uint64_t lost;   /* with recovered: transactions refused since the last such report */
};

struct store_options {
    const char *path;       /* directory, made with mode 0700 when absent; copied */
    size_t queue_bytes_max; /* 0: STORE_QUEUE_BYTES_DEFAULT; counts keys, values and overhead */
    void (*on_stored)(const struct store_report *report, void *arg); /* from store_dispatch only */
    void (*wake)(void *arg); /* from the writer thread or store_put: have the loop call
                              * store_dispatch soon; must not block or call back; may be NULL */
    void *arg;               /* of both */

    /* For tests. */
    bool manual;          /* no thread: store_work does one round of the writer's work */
    bool synchronous_off; /* PRAGMA synchronous=OFF: loses what a crash must not lose */
    const char *vfs;      /* NULL: SQLite's default */
};

/* What was found at the start. None of it stops the start. */
struct store_opening {
    bool fresh; /* there was no database */
    bool clean; /* closed by store_close the last time */
    /* Something that was promised is gone, or may be: rows end before the high-water mark, the mark
     * is missing, damage, bad rows, or a report of the life before was `incomplete` or told of
     * `lost` transactions. The owner raises its epoch with the first rows it puts; until then every
     * start says it again. */
    bool regressed;
    bool damaged; /* the database was set aside as `set_aside`; readable rows were taken over */
    char set_aside[STORE_PATH_MAX];
    char reason[240];  /* of damaged */
    uint64_t rows;     /* loaded, by store_load */
    uint64_t bad_rows; /* failed their CRC: left out, moved to the table bad_rows */
    uint64_t salvaged; /* taken over from the database set aside */
};

/* Opens, checks (the whole file after an unclean end) and locks the store.
 * Fails when the directory cannot be used, another process has it (-EBUSY), or the schema is newer
 * than this program (-ENOTSUP; nothing has been written then). A damaged database is no failure,
 * nor is a disk too full to make a new one: the store then starts failing (see above). */
MUST_CHECK int store_open(struct store **ret, const struct store_options *options,
                          struct store_opening *ret_opening, struct err *err);

/* Calls on_row for every good row in (kind, key) byte order; the strings live for the call. Call it
 * once, before the first store_put. Damage found on the way is dealt with as in store_open, rows
 * already given are not given again, and *opening is brought up to date. Fails only on an
 * input/output error, which leaves the rows given so far. */
MUST_CHECK int store_load(struct store *s, struct store_opening *opening,
                          void (*on_row)(uint32_t kind, struct str key, struct str value,
                                         void *arg),
                          void *arg, struct err *err);

/* Queues a transaction; copies the operations. txn is greater than any before it; n may be 0 (a
 * barrier). 0, or -ENOSPC when the queue is full: then nothing is kept, no report will follow for
 * it, and the next `recovered` (which such a refusal always leads to) counts it as lost. -EMSGSIZE
 * when an operation is beyond the bounds of row.h: the same, but no `recovered` follows. */
MUST_CHECK int store_put(struct store *s, uint64_t txn, const struct row_op *ops, size_t n);

/* Calls on_stored for the reports that wait. */
void store_dispatch(struct store *s);

/* Waits until everything put so far has been reported, then dispatches: for shutdown and tests.
 * With `manual` it does the work itself. -ETIMEDOUT after timeout_ms. */
MUST_CHECK int store_wait(struct store *s, int64_t timeout_ms);

/* With `manual` only: one round of the writer's work, without waiting between attempts. True when
 * there was any. */
bool store_work(struct store *s);

/* Writes what is queued (one attempt when failing), dispatches the last reports, marks the store
 * clean and frees it. Waits for a commit under way, however long that hangs. 0, or -EIO when queued
 * transactions had to be given up. NULL is fine. */
int store_close(struct store *s);

struct store_stats {
    uint64_t commits;    /* that succeeded */
    uint64_t txns, ops;  /* in those */
    uint64_t errors;     /* failed commits, openings and checkpoints */
    uint64_t refused;    /* transactions that found the queue full */
    uint64_t hwm_errors; /* high-water marks not written */
    uint64_t set_aside;  /* damaged databases, since the start of the process */
    uint64_t checkpoints;
    uint64_t commit_us_sum; /* seconds = 1e-6 × sum, over `commits` */
    uint64_t commit_us_max; /* since the start */
    size_t queue_bytes, queue_txns;
    uint64_t queue_bytes_max;
    int64_t busy_ms; /* age of the commit under way; 0 when none is */
    bool failing;
    int last_error; /* negative errno; 0 when there was none */
    char last_error_text[240];
    uint64_t seq; /* of the last durable operation */
    uint64_t db_bytes, wal_bytes;
    uint64_t free_bytes; /* of the file system, for unprivileged users; ≤ 10 s old, as are the two
                            before */
};

void store_stats(struct store *s, struct store_stats *ret);
