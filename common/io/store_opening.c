/* How a store starts: opening, judging what is found, loading. */
#include "common/base/buf.h"
#include "common/base/vec.h"
#include "common/io/clock.h"
#include "common/io/files.h"
#include "common/io/store_private.h"

#include <errno.h>
#include <sys/stat.h>

#define LOAD_ATTEMPTS 3

static int take_folder(struct store *s, struct hwm_mark *ret_mark, bool *ret_found, struct err *err)
{
    struct buf name;
    int rc = dir_make(s->folder, 0700, err);

    if (rc < 0)
        return err_wrap(err, "storage path");
    buf_init(&name, KIB(8));
    buf_add_fmt(&name, "%s/lock", s->folder);
    rc = file_lock(name.p, &s->lock_fd, err);
    if (rc == 0) {
        buf_reset(&name);
        buf_add_fmt(&name, "%s/hwm", s->folder);
        hwm_open(&s->hwm, name.p, ret_mark, ret_found);
    }
    buf_clear(&name);
    return rc;
}

/* Damage found at the start or while loading. When a new database cannot be made the store begins
 * failing. Only if the damaged one stays where it is there is no way on: its rows, unknown to their
 * owner, would come back one day. */
static int replace_at_start(struct store *s, int code, struct err *err,
                            struct store_opening *opening)
{
    uint64_t before = s->stats.set_aside;
    int rc;

    store_note_error(s, code, err);
    opening->damaged = true;
    opening->regressed = s->missing = s->missing_told = true;
    (void)snprintf(opening->reason, sizeof(opening->reason), "%s", err->text);
    rc = store_replace(s, opening->set_aside, sizeof(opening->set_aside), &opening->salvaged, err);
    if (rc < 0 && s->stats.set_aside == before)
        return rc;
    if (rc < 0)
        store_start_failing(s, rc, err);
    return 0;
}

static bool is_empty(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 ? errno == ENOENT : st.st_size == 0;
}

static int open_database(struct store *s, const struct hwm_mark *mark, bool found,
                         struct store_opening *opening, struct err *err)
{
    bool empty = is_empty(s->file);
    int rc = store_db_open(&s->db, err);
    bool same;

    if (rc == 0) {
        opening->fresh = s->db.made;
        same = found && memcmp(mark->store_id, s->db.id, STORE_ID_BYTES) == 0;
        opening->clean = same && mark->clean && mark->seq == s->db.seq;
        opening->regressed =
            found ? s->db.seq < mark->seq || (!same && !s->db.made) : s->db.seq > 0;
        if (!opening->clean && !opening->fresh)
            rc = store_db_check(&s->db, STORE_CHECK_LIMIT_MS, err);
    }
    if (rc == -EBADMSG || (rc == -EIO && !empty)) {
        opening->clean = false;
        return replace_at_start(s, rc, err, opening);
    }
    if (rc < 0 && empty && (rc == -ENOSPC || rc == -EIO)) {
        opening->fresh = true;
        opening->regressed = found && mark->seq > 0;
        store_start_failing(s, rc, err);
        return 0;
    }
    return rc;
}

int store_open(struct store **ret, const struct store_options *options,
               struct store_opening *ret_opening, struct err *err)
{
    struct store *s = store_new(options);
    struct store_opening opening = {0};
    struct hwm_mark mark = {0};
    struct err local = {0};
    bool found = false;
    int rc = take_folder(s, &mark, &found, &local);

    if (rc == 0)
        rc = open_database(s, &mark, found, &opening, &local);
    if (rc < 0) {
        store_free(s);
        return err_set(err, rc, "%s", local.text);
    }
    opening.regressed = opening.regressed || (found && mark.missing);
    s->seq = s->db.seq > mark.seq ? s->db.seq : mark.seq; /* never given out twice */
    s->durable_seq = s->db.seq;
    s->stats.seq = s->seq;
    s->missing = s->missing_told = opening.regressed;
    if (s->db.handle != NULL)
        store_write_mark(s, false); /* not clean until closed */
    store_measure(s);
    *ret = s;
    *ret_opening = opening;
    return 0;
}

struct load {
    struct store *s;
    struct store_opening *opening;
    void (*on_row)(uint32_t kind, struct str key, struct str value, void *arg);
    void *arg;
    struct buf last_key; /* of the newest row seen, where to go on after damage */
    uint32_t last_kind;
    bool any;
    struct bad_row {
        uint32_t kind;
        char *key;
        size_t n;
    } * v; /* to be moved when the scan is over; a vec */
    size_t n, cap;
};

static bool load_row(const struct store_db_row *row, void *arg)
{
    struct load *l = arg;

    buf_reset(&l->last_key);
    buf_add_str(&l->last_key, row->key);
    l->last_kind = row->kind;
    l->any = true;
    if (!row->good) {
        *VEC_PUSH(l) = (struct bad_row){
            .kind = row->kind, .key = xstrndup(row->key.p, row->key.n), .n = row->key.n};
        l->opening->bad_rows++;
        l->opening->regressed = true;
        return true;
    }
    if (row->seq > l->s->seq) { /* the sequence itself was lost with the tail */
        l->s->seq = row->seq;
        l->opening->regressed = true;
    }
    l->opening->rows++;
    l->on_row(row->kind, row->key, row->value, l->arg);
    return true;
}

/* Bad rows would be reported at each start; moving them fails on a full disk, which is no matter.
 */
static void move_bad_rows(struct load *l)
{
    struct err err = {0};
    int rc = 0;

    if (l->opening->regressed && !l->s->missing) {
        l->s->missing = l->s->missing_told = true;
        if (l->s->db.handle != NULL)
            store_write_mark(l->s, false);
    }
    VEC_EACH (l, struct bad_row, bad) {
        if (l->s->db.handle != NULL && rc == 0)
            rc = store_db_move_bad(&l->s->db, bad->kind, (struct str){.p = bad->key, .n = bad->n},
                                   &err);
        free(bad->key);
    }
    VEC_CLEAR(l);
    if (rc < 0)
        store_start_failing(l->s, rc, &err);
}

int store_load(struct store *s, struct store_opening *opening,
               void (*on_row)(uint32_t kind, struct str key, struct str value, void *arg),
               void *arg, struct err *err)
{
    struct load l = {.s = s, .opening = opening, .on_row = on_row, .arg = arg};
    struct err local = {0};
    int rc = -EIO;

    buf_init(&l.last_key, 0);
    for (int i = 0; i < LOAD_ATTEMPTS && rc < 0 && s->db.handle != NULL; i++) {
        int replaced = 0;
        struct store_db_row from = {.kind = l.last_kind, .key = buf_str(&l.last_key)};
        struct buf key; /* `from` must not lie in the buffer that load_row overwrites */

        buf_init(&key, 0);
        buf_add_str(&key, from.key);
        from.key = buf_str(&key);
        rc = store_db_scan(&s->db, l.any ? &from : NULL, load_row, &l, &local);
        buf_clear(&key);
        if (rc < 0)
            replaced = replace_at_start(s, rc, &local, opening);
        if (replaced < 0)
            break;
    }
    if (s->failing) /* failing from the start: there is nothing to load */
        rc = 0;
    move_bad_rows(&l);
    buf_clear(&l.last_key);
    return rc < 0 ? err_set(err, rc, "%s", local.text) : 0;
}
