/* One SQLite connection to tocsin.db, its schema and its statements. Used by io/store.c only, by
 * one thread at a time. Errors are -ENOSPC (disk or quota full), -EBADMSG (damaged), -ENOTSUP
 * (newer schema), -EACCES, -EBUSY and -EIO (all else, commit outcome unknown). After any error but
 * -ENOTSUP the only thing to do with the connection is to close it. */
#pragma once

#include "common/base/err.h"
#include "common/base/row.h"
#include "common/io/store_hwm.h"

#include <sqlite3.h>

struct store_db {
    const char *file; /* borrowed */
    const char *vfs;  /* borrowed; NULL: the default */
    bool synchronous_off;

    sqlite3 *handle; /* NULL when closed; all below is valid while it is open */
    sqlite3_stmt *put, *remove, *set_meta, *begin, *commit;
    uint8_t id[STORE_ID_BYTES]; /* drawn when the database was made */
    uint64_t seq;               /* of the last committed operation */
    int wal_pages;              /* not yet moved into the database */
    bool made;                  /* by this very opening */
};

/* Opens, or makes when absent or empty. The connection reads the WAL back, but moves nothing. */
MUST_CHECK int store_db_open(struct store_db *d, struct err *err);
void store_db_close(struct store_db *d); /* without a checkpoint; fine when closed */
MUST_CHECK int store_db_check(struct store_db *d, int64_t limit_ms, struct err *err); /* the file */

/* begin, any number of applies, commit. */
MUST_CHECK int store_db_begin(struct store_db *d, struct err *err);
MUST_CHECK int store_db_apply(struct store_db *d, const struct row_op *op, uint64_t seq,
                              struct err *err);
MUST_CHECK int store_db_commit(struct store_db *d, uint64_t seq, struct err *err);

/* Moves the WAL into the database and syncs it; truncate also empties the WAL file. */
MUST_CHECK int store_db_checkpoint(struct store_db *d, bool truncate, struct err *err);

struct store_db_row {
    uint32_t kind;
    struct str key, value;
    uint64_t seq;
    int64_t place; /* rowid; positive */
    bool good;     /* columns of the right types and CRC right */
};

/* Rows after (kind, key) — from: NULL for all — in that order. on_row returns false to stop.
 * Strings live for the call. */
MUST_CHECK int store_db_scan(struct store_db *d, const struct store_db_row *from,
                             bool (*on_row)(const struct store_db_row *row, void *arg), void *arg,
                             struct err *err);
/* The same as they lie in the file, without the index: places after `after` upwards, or all down to
 * it. */
MUST_CHECK int store_db_scan_places(struct store_db *d, int64_t after, bool backwards,
                                    bool (*on_row)(const struct store_db_row *row, void *arg),
                                    void *arg, struct err *err);
/* Moves a row that failed its CRC to the table bad_rows, for people to look at. */
MUST_CHECK int store_db_move_bad(struct store_db *d, uint32_t kind, struct str key,
                                 struct err *err);

/* Renames the database and its WAL to file.damaged-N; ret_name gets the new path. */
MUST_CHECK int store_db_set_aside(const char *file, char *ret_name, size_t size, struct err *err);
/* Copies the readable good rows of a database set aside into d, which is empty. *ret_rows tells how
 * many; the database set aside stays as it is. Failing midway leaves d without any of them. */
MUST_CHECK int store_db_salvage(struct store_db *d, const char *damaged, uint64_t *ret_rows,
                                struct err *err);
