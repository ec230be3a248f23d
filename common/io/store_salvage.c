/* What is done about damage: bad rows moved, a bad database set aside, its readable rows copied. */
#include "common/io/store_db.h"

#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/files.h"

#define ASIDE_MAX 10000

int store_db_move_bad(struct store_db *d, uint32_t kind, struct str key, struct err *err)
{
    static const char *const sql[] = {
        "INSERT INTO bad_rows SELECT kind, key, seq, value, crc FROM rows"
        " WHERE kind = ?1 AND key = ?2",
        "DELETE FROM rows WHERE kind = ?1 AND key = ?2",
    };

    for (size_t i = 0; i < ARRAY_SIZE(sql); i++) {
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(d->handle, sql[i], -1, &stmt, NULL);

        if (rc == SQLITE_OK)
            rc = sqlite3_bind_int64(stmt, 1, kind);
        if (rc == SQLITE_OK)
            rc = sqlite3_bind_blob64(stmt, 2, key.n > 0 ? key.p : "", key.n, SQLITE_STATIC);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        sqlite3_finalize(stmt);
        if (rc != SQLITE_DONE)
            return err_set(err, -EIO, "%s: move a bad row: %s", d->file, sqlite3_errmsg(d->handle));
    }
    return 0;
}

static int move(const char *from, const char *suffix, const char *to, struct err *err)
{
    struct buf a;
    struct buf b;
    int rc = 0;

    buf_init(&a, KIB(8));
    buf_init(&b, KIB(8));
    buf_add_fmt(&a, "%s%s", from, suffix);
    buf_add_fmt(&b, "%s%s", to, suffix);
    if (rename(a.p, b.p) < 0 && errno != ENOENT)
        rc = err_set(err, -errno, "rename %s to %s: %s", a.p, b.p, strerror(errno));
    buf_clear(&a);
    buf_clear(&b);
    return rc;
}

int store_db_set_aside(const char *file, char *ret_name, size_t size, struct err *err)
{
    struct stat st;
    char *copy;
    int rc;

    for (unsigned n = 1;; n++) {
        if (n > ASIDE_MAX)
            return err_set(err, -EEXIST, "%s: too many damaged databases beside it", file);
        if ((size_t)snprintf(ret_name, size, "%s.damaged-%u", file, n) >= size)
            return err_set(err, -ENAMETOOLONG, "%s: name too long", file);
        if (lstat(ret_name, &st) < 0 && errno == ENOENT)
            break;
    }
    /* The WAL goes first: beside a new database it would be taken for that one's. */
    rc = move(file, "-wal", ret_name, err);
    if (rc == 0)
        rc = move(file, "-shm", ret_name, err);
    if (rc == 0)
        rc = move(file, "-journal", ret_name, err);
    if (rc == 0)
        rc = move(file, "", ret_name, err);
    if (rc < 0)
        return rc;
    copy = xstrdup(file);
    rc = dir_sync(dirname(copy), err);
    free(copy);
    return rc;
}

struct salvage {
    struct store_db *to;
    uint64_t rows, seq;
    int64_t last; /* place of the newest row seen forwards; 0: none */
    int rc;       /* of writing */
    struct err *err;
};

static bool copy_row(const struct store_db_row *row, struct salvage *sv)
{
    struct row_op op = {.kind = row->kind, .key = row->key, .value = row->value};

    if (!row->good || row->key.n > ROW_KEY_MAX || row->value.n > ROW_VALUE_MAX)
        return true;
    sv->rc = store_db_apply(sv->to, &op, row->seq, sv->err);
    if (sv->rc < 0)
        return false;
    sv->rows++;
    if (row->seq > sv->seq)
        sv->seq = row->seq;
    return true;
}

static bool copy_forwards(const struct store_db_row *row, void *arg)
{
    struct salvage *sv = arg;

    sv->last = row->place;
    return copy_row(row, sv);
}

static bool copy_backwards(const struct store_db_row *row, void *arg)
{
    return copy_row(row, arg);
}

/* From the front up to the damage, then from the back up to the damage or to where the first pass
 * came. What lies in between is lost: by place and not by key, so that one bad page costs the few
 * rows on it, and a bad page of the index none. */
static int copy_rows(struct store_db *from, struct salvage *sv)
{
    struct err ignored;

    if (store_db_scan_places(from, 0, false, copy_forwards, sv, &ignored) == 0 || sv->rc < 0)
        return sv->rc;
    (void)!store_db_scan_places(from, sv->last, true, copy_backwards, sv, &ignored);
    return sv->rc;
}

int store_db_salvage(struct store_db *d, const char *damaged, uint64_t *ret_rows, struct err *err)
{
    struct store_db from = {.file = damaged, .vfs = d->vfs};
    struct salvage sv = {.to = d, .err = err, .seq = d->seq};
    int rc;

    rc =
        sqlite3_open_v2(damaged, &from.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, d->vfs);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(from.handle, 1);
        sqlite3_db_config(from.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_db_config(from.handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        rc = sqlite3_exec(from.handle,
                          "PRAGMA locking_mode=EXCLUSIVE; PRAGMA mmap_size=0;"
                          "PRAGMA cell_size_check=ON;",
                          NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK) { /* nothing readable at all */
        store_db_close(&from);
        *ret_rows = 0;
        return 0;
    }
    rc = store_db_begin(d, err);
    if (rc == 0)
        rc = copy_rows(&from, &sv);
    if (rc == 0)
        rc = store_db_commit(d, sv.seq, err);
    store_db_close(&from);
    if (rc == 0)
        *ret_rows = sv.rows;
    return rc;
}
