#include "common/io/store_db.h"

#include "common/base/hash.h"
#include "common/io/clock.h"
#include "common/io/files.h"
#include "common/io/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <unistd.h>

#define APPLICATION_ID 0x746f6373 /* "tocs" */
#define BUSY_MS 2000
#define CACHE_KIB 8192
#define WAL_KEEP_BYTES 8388608 /* of the file, once it has been emptied */

/* All numbers little-endian; the length keeps key and value apart. */
static uint32_t row_crc(uint32_t kind, struct str key, uint64_t seq, struct str value)
{
    uint8_t head[16];
    uint32_t crc;

    for (unsigned i = 0; i < 4; i++)
        head[i] = (uint8_t)(kind >> (8 * i));
    for (unsigned i = 0; i < 8; i++)
        head[4 + i] = (uint8_t)(seq >> (8 * i));
    for (unsigned i = 0; i < 4; i++)
        head[12 + i] = (uint8_t)(key.n >> (8 * i));
    crc = crc32c(0, head, sizeof(head));
    crc = crc32c(crc, key.p, key.n);
    return crc32c(crc, value.p, value.n);
}

static int code_of(sqlite3 *handle, int rc)
{
    int error = handle != NULL ? sqlite3_system_errno(handle) : 0;

    switch (rc & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_IOERR:
        return error == ENOSPC || error == EDQUOT ? -ENOSPC : -EIO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our statements are right, so the tables are not */
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_FORMAT:
        return -EBADMSG;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return error == ENOSPC || error == EDQUOT ? -ENOSPC : -EACCES;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    default:
        return -EIO;
    }
}

static int fail(const struct store_db *d, int rc, const char *what, struct err *err)
{
    char error[128] = "";
    int code = code_of(d->handle, rc);
    int sys = d->handle != NULL ? sqlite3_system_errno(d->handle) : 0;

    if (sys != 0 && ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN))
        return err_set(err, code, "%s: %s %s: %s (%d): %s", d->file, what, sqlite3_errstr(rc),
                       d->handle != NULL ? sqlite3_errmsg(d->handle) : "", rc,
                       strerror_r(sys, error, sizeof(error)));
    return err_set(err, code, "%s: %s: %s (%d)", d->file, what,
                   d->handle != NULL ? sqlite3_errmsg(d->handle) : sqlite3_errstr(rc), rc);
}

static int run(struct store_db *d, const char *sql, struct err *err)
{
    int rc = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : fail(d, rc, sql, err);
}

static int query_number(struct store_db *d, const char *sql, int64_t *ret, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(d->handle, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : fail(d, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, sql, err);
}

static int newer(const struct store_db *d, int64_t version, struct err *err)
{
    return err_set(
        err, -ENOTSUP,
        "%s has schema %lld, but this program knows only up to %d: run the newer program "
        "again, or restore a backup made before the upgrade",
        d->file, (long long)version, STORE_SCHEMA);
}

/* Opening a database may replay its WAL, so the version in the file is looked at first: a file that
 * a newer program left must not be touched. Offsets: SQLite file format, section 1.3. */
static int check_version_in_file(const struct store_db *d, struct err *err)
{
    uint8_t head[100];
    uint32_t version;
    ssize_t n;
    int fd = open(d->file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    n = pread(fd, head, sizeof(head), 0);
    close(fd);
    if (n != sizeof(head) || memcmp(head, "SQLite format 3", 16) != 0 ||
        memcmp(head + 68, "tocs", 4) != 0)
        return 0;
    version =
        (uint32_t)head[60] << 24 | (uint32_t)head[61] << 16 | (uint32_t)head[62] << 8 | head[63];
    return version > STORE_SCHEMA ? newer(d, version, err) : 0;
}

/* SQLite would make it readable for everybody, as the umask allows. Failing is left to SQLite. */
static void make_file(const struct store_db *d)
{
    char *copy;
    int fd = open(d->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    close(fd);
    copy = xstrdup(d->file);
    (void)!dir_sync(dirname(copy), NULL);
    free(copy);
}

static int on_wal(void *arg, sqlite3 *handle UNUSED, const char *name UNUSED, int pages)
{
    struct store_db *d = arg;

    d->wal_pages = pages;
    return SQLITE_OK;
}

static int configure(struct store_db *d, struct err *err)
{
    char sql[64];
    int rc;

    sqlite3_extended_result_codes(d->handle, 1);
    sqlite3_busy_timeout(d->handle, BUSY_MS);
    sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(d->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(d->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = run(d,
             "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
             "PRAGMA temp_store=MEMORY;",
             err);
    if (rc < 0)
        return rc;
    (void)snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%d; PRAGMA journal_size_limit=%d;",
                   CACHE_KIB, WAL_KEEP_BYTES);
    return run(d, sql, err);
}

/* After the version is known to be ours: from here on the file may be written. */
static int use_wal(struct store_db *d, struct err *err)
{
    int rc = run(d, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;", err);

    if (rc < 0)
        return rc;
    sqlite3_wal_hook(d->handle, on_wal, d);
    return run(d, d->synchronous_off ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL", err);
}

static int set_meta(struct store_db *d, const char *name, const void *p, size_t n, struct err *err)
{
    uint32_t crc = row_crc(0, str_from(name), 0, (struct str){.p = p, .n = n});
    int rc;

    sqlite3_bind_text(d->set_meta, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(d->set_meta, 2, p, n, SQLITE_STATIC);
    sqlite3_bind_int64(d->set_meta, 3, crc);
    rc = sqlite3_step(d->set_meta);
    sqlite3_reset(d->set_meta);
    return rc == SQLITE_DONE ? 0 : fail(d, rc, "write meta", err);
}

static int get_meta(struct store_db *d, const char *name, void *ret, size_t n, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(d->handle, "SELECT value, crc FROM meta WHERE name = ?1", -1, &stmt,
                                NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const void *p = sqlite3_column_blob(stmt, 0);
        struct str value = {.p = p, .n = (size_t)sqlite3_column_bytes(stmt, 0)};

        rc = SQLITE_CORRUPT;
        if (value.n == n && p != NULL &&
            sqlite3_column_int64(stmt, 1) == row_crc(0, str_from(name), 0, value)) {
            memcpy(ret, p, n);
            rc = SQLITE_OK;
        }
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_CORRUPT;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? 0 : fail(d, rc, "read meta", err);
}

static int prepare(struct store_db *d, struct err *err)
{
    const struct {
        sqlite3_stmt **ret;
        const char *sql;
    } statements[] = {
        {&d->begin, "BEGIN IMMEDIATE"},
        {&d->commit, "COMMIT"},
        {&d->put, "INSERT INTO rows(kind, key, seq, value, crc) VALUES(?1, ?2, ?3, ?4, ?5)"
                  " ON CONFLICT(kind, key) DO UPDATE SET"
                  " seq = excluded.seq, value = excluded.value, crc = excluded.crc"},
        {&d->remove, "DELETE FROM rows WHERE kind = ?1 AND key = ?2"},
        {&d->set_meta, "INSERT INTO meta(name, value, crc) VALUES(?1, ?2, ?3)"
                       " ON CONFLICT(name) DO UPDATE SET"
                       " value = excluded.value, crc = excluded.crc"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
        int rc = sqlite3_prepare_v3(d->handle, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    statements[i].ret, NULL);

        if (rc != SQLITE_OK)
            return fail(d, rc, "prepare", err);
    }
    return 0;
}

static int make_schema(struct store_db *d, struct err *err)
{
    char sql[1024];
    uint8_t seq[8] = {0};
    int rc;

    (void)snprintf(sql, sizeof(sql),
                   "BEGIN IMMEDIATE;"
                   "CREATE TABLE rows(kind INTEGER NOT NULL, key BLOB NOT NULL,"
                   " seq INTEGER NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL,"
                   " PRIMARY KEY(kind, key)) STRICT;"
                   "CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL,"
                   " crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
                   "CREATE TABLE bad_rows(kind ANY, key ANY, seq ANY, value ANY, crc ANY) STRICT;"
                   "PRAGMA application_id=%d; PRAGMA user_version=%d;",
                   APPLICATION_ID, STORE_SCHEMA);
    rc = run(d, sql, err);
    if (rc == 0)
        rc = prepare(d, err);
    if (rc < 0)
        return rc;
    entropy_fill(d->id, sizeof(d->id));
    rc = set_meta(d, "id", d->id, sizeof(d->id), err);
    if (rc == 0)
        rc = set_meta(d, "seq", seq, sizeof(seq), err);
    if (rc == 0)
        rc = run(d, "COMMIT", err);
    d->made = rc == 0;
    return rc;
}

static int read_state(struct store_db *d, struct err *err)
{
    uint8_t seq[8] = {0};
    int rc = get_meta(d, "id", d->id, sizeof(d->id), err);

    if (rc == 0)
        rc = get_meta(d, "seq", seq, sizeof(seq), err);
    if (rc < 0)
        return rc;
    d->seq = 0;
    for (unsigned i = 0; i < 8; i++)
        d->seq |= (uint64_t)seq[i] << (8 * i);
    return 0;
}

static int open_and_look(struct store_db *d, struct err *err)
{
    int64_t version = 0;
    int64_t application = 0;
    int64_t tables = 0;
    int rc = configure(d, err);

    if (rc == 0)
        rc = query_number(d, "PRAGMA application_id", &application, err);
    if (rc == 0)
        rc = query_number(d, "PRAGMA user_version", &version, err);
    if (rc == 0)
        rc = query_number(d, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (rc < 0)
        return rc;
    if (application == APPLICATION_ID && version > STORE_SCHEMA)
        return newer(d, version, err);
    if (tables > 0 && application != APPLICATION_ID)
        return err_set(err, -EBADMSG, "%s is the database of another program", d->file);
    rc = use_wal(d, err);
    if (rc < 0)
        return rc;
    if (tables == 0)
        return make_schema(d, err);
    rc = prepare(d, err);
    return rc < 0 ? rc : read_state(d, err);
}

int store_db_open(struct store_db *d, struct err *err)
{
    int rc = check_version_in_file(d, err);

    if (rc < 0)
        return rc;
    d->seq = 0;
    d->wal_pages = 0;
    d->made = false;
    make_file(d);
    rc = sqlite3_open_v2(d->file, &d->handle,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                             SQLITE_OPEN_PRIVATECACHE,
                         d->vfs);
    rc = rc == SQLITE_OK ? open_and_look(d, err) : fail(d, rc, "open", err);
    if (rc < 0)
        store_db_close(d);
    return rc;
}

void store_db_close(struct store_db *d)
{
    sqlite3_stmt **statements[] = {&d->put, &d->remove, &d->set_meta, &d->begin, &d->commit};

    for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
        sqlite3_finalize(*statements[i]);
        *statements[i] = NULL;
    }
    sqlite3_close(d->handle);
    d->handle = NULL;
}

static int past_deadline(void *arg)
{
    const int64_t *deadline_ms = arg;

    return clock_mono_ms() > *deadline_ms;
}

int store_db_check(struct store_db *d, int64_t limit_ms, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + limit_ms;
    sqlite3_stmt *stmt = NULL;
    int code = 0;
    int rc;

    sqlite3_progress_handler(d->handle, 10000, past_deadline, &deadline_ms);
    rc = sqlite3_prepare_v2(d->handle, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const char *said = (const char *)sqlite3_column_text(stmt, 0);

        if (said == NULL || strcmp(said, "ok") != 0)
            code = err_set(err, -EBADMSG, "%s: %s", d->file, said != NULL ? said : "no answer");
    } else if ((rc & 0xff) != SQLITE_INTERRUPT) { /* out of time: loading reads every row anyway */
        code = fail(d, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, "check", err);
    }
    sqlite3_finalize(stmt);
    sqlite3_progress_handler(d->handle, 0, NULL, NULL);
    return code;
}

static int run_prepared(struct store_db *d, sqlite3_stmt *stmt, const char *what, struct err *err)
{
    int rc = sqlite3_step(stmt);

    if (rc != SQLITE_DONE)
        (void)fail(d, rc, what, err); /* before the reset changes the message */
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? 0 : code_of(d->handle, rc);
}

int store_db_begin(struct store_db *d, struct err *err)
{
    return run_prepared(d, d->begin, "begin", err);
}

static int bind_blob(sqlite3_stmt *stmt, int at, struct str s)
{
    return s.n == 0 ? sqlite3_bind_zeroblob(stmt, at, 0)
                    : sqlite3_bind_blob64(stmt, at, s.p, s.n, SQLITE_STATIC);
}

int store_db_apply(struct store_db *d, const struct row_op *op, uint64_t seq, struct err *err)
{
    sqlite3_stmt *stmt = op->remove ? d->remove : d->put;

    sqlite3_bind_int64(stmt, 1, op->kind);
    bind_blob(stmt, 2, op->key);
    if (!op->remove) {
        sqlite3_bind_int64(stmt, 3, (sqlite3_int64)seq);
        bind_blob(stmt, 4, op->value);
        sqlite3_bind_int64(stmt, 5, row_crc(op->kind, op->key, seq, op->value));
    }
    return run_prepared(d, stmt, op->remove ? "remove" : "put", err);
}

int store_db_commit(struct store_db *d, uint64_t seq, struct err *err)
{
    uint8_t bytes[8];
    int rc;

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(seq >> (8 * i));
    rc = set_meta(d, "seq", bytes, sizeof(bytes), err);
    if (rc == 0)
        rc = run_prepared(d, d->commit, "commit", err);
    if (rc == 0)
        d->seq = seq;
    return rc;
}

int store_db_checkpoint(struct store_db *d, bool truncate, struct err *err)
{
    int left = 0;
    int moved = 0;
    int rc = sqlite3_wal_checkpoint_v2(
        d->handle, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &left,
        &moved);

    if (rc != SQLITE_OK)
        return fail(d, rc, "checkpoint", err);
    d->wal_pages = left - moved;
    return 0;
}

static struct str column_blob(sqlite3_stmt *stmt, int at)
{
    const void *p = sqlite3_column_blob(stmt, at);

    return (struct str){.p = p != NULL ? p : "", .n = (size_t)sqlite3_column_bytes(stmt, at)};
}

static struct store_db_row read_row(sqlite3_stmt *stmt)
{
    sqlite3_int64 kind = sqlite3_column_int64(stmt, 0);
    struct store_db_row row = {
        .kind = (uint32_t)kind,
        .seq = (uint64_t)sqlite3_column_int64(stmt, 2),
        .key = column_blob(stmt, 1),
        .value = column_blob(stmt, 3),
        .place = sqlite3_column_int64(stmt, 5),
    };

    row.good = kind >= 0 && kind <= UINT32_MAX && sqlite3_column_type(stmt, 1) == SQLITE_BLOB &&
               sqlite3_column_type(stmt, 3) == SQLITE_BLOB &&
               sqlite3_column_int64(stmt, 4) == row_crc(row.kind, row.key, row.seq, row.value);
    return row;
}

/* Steps through a bound statement and finalises it. rc: of what came before. */
static int scan(struct store_db *d, sqlite3_stmt *stmt, int rc,
                bool (*on_row)(const struct store_db_row *row, void *arg), void *arg,
                struct err *err)
{
    int code = 0;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW) {
        struct store_db_row row = read_row(stmt);

        rc = on_row(&row, arg) ? sqlite3_step(stmt) : SQLITE_DONE;
    }
    if (rc != SQLITE_DONE)
        code = fail(d, rc, "read rows", err);
    sqlite3_finalize(stmt);
    return code;
}

#define SELECT_ROWS "SELECT kind, key, seq, value, crc, rowid FROM rows "

int store_db_scan(struct store_db *d, const struct store_db_row *from,
                  bool (*on_row)(const struct store_db_row *row, void *arg), void *arg,
                  struct err *err)
{
    static const char sql[] = SELECT_ROWS "WHERE (kind, key) > (?1, ?2) ORDER BY kind, key";
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(d->handle, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, 1, from != NULL ? (sqlite3_int64)from->kind : -1);
    if (rc == SQLITE_OK)
        rc = bind_blob(stmt, 2, from != NULL ? from->key : STR_EMPTY);
    return scan(d, stmt, rc, on_row, arg, err);
}

int store_db_scan_places(struct store_db *d, int64_t after, bool backwards,
                         bool (*on_row)(const struct store_db_row *row, void *arg), void *arg,
                         struct err *err)
{
    const char *sql = backwards ? SELECT_ROWS "NOT INDEXED WHERE rowid > ?1 ORDER BY rowid DESC"
                                : SELECT_ROWS "NOT INDEXED WHERE rowid > ?1 ORDER BY rowid";
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(d->handle, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, 1, after);
    return scan(d, stmt, rc, on_row, arg, err);
}
