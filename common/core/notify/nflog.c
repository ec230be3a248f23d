#include "common/core/notify/nflog.h"

#include "common/base/json.h"
#include "common/base/map.h"
#include "common/base/queue.h"

#include <assert.h>
#include <errno.h>

struct logged {
    UT_hash_handle hh;
    struct nflog_entry entry;
    uint64_t *hashes; /* firing, then resolved */
    TAILQ_ENTRY(logged) late_link;
    bool late; /* its row is still to be written: in the list of these */
    size_t key_n;
    char key[];
};

struct nflog {
    struct logged *by_key;
    TAILQ_HEAD(, logged) late;
    size_t late_n;
    bool postponed; /* rows become late instead of being written */
    uint32_t row_kind;
    int64_t retention_ms;
};

struct nflog *nflog_new(uint32_t row_kind, int64_t retention_ms)
{
    struct nflog *l = xcalloc(1, sizeof(*l));

    TAILQ_INIT(&l->late);
    l->row_kind = row_kind;
    l->retention_ms = retention_ms;
    return l;
}

static void set_late(struct nflog *l, struct logged *e, bool late)
{
    if (late == e->late)
        return;
    e->late = late;
    if (late) {
        TAILQ_INSERT_TAIL(&l->late, e, late_link);
        l->late_n++;
    } else {
        TAILQ_REMOVE(&l->late, e, late_link);
        l->late_n--;
    }
}

static void drop(struct nflog *l, struct logged *e)
{
    set_late(l, e, false);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): uthash unlinks e before it is freed */
    HASH_DELETE(hh, l->by_key, e);
    free(e->hashes);
    free(e);
}

void nflog_free(struct nflog *l)
{
    struct logged *e, *next;

    if (l == NULL)
        return;
    HASH_ITER (hh, l->by_key, e, next)
        drop(l, e);
    free(l);
}

void nflog_add_key(struct buf *b, struct str group_key, struct str receiver,
                   const char *integration, size_t index)
{
    buf_add_str(b, group_key);
    buf_add_char(b, ':');
    buf_add_str(b, receiver);
    buf_add_char(b, '/');
    buf_add_str(b, str_from(integration));
    buf_add_char(b, '/');
    buf_add_u64(b, index);
}

static struct logged *find(const struct nflog *l, struct str key)
{
    struct logged *e;

    HASH_FIND(hh, l->by_key, key.p, key.n, e);
    return e;
}

const struct nflog_entry *nflog_find(const struct nflog *l, struct str key)
{
    const struct logged *e = find(l, key);

    return e != NULL ? &e->entry : NULL;
}

static int compare(const void *x, const void *y)
{
    uint64_t a, b;

    memcpy(&a, x, sizeof(a));
    memcpy(&b, y, sizeof(b));
    return a < b ? -1 : a > b;
}

bool nflog_told_firing(const struct nflog_entry *entry, uint64_t alert_hash)
{
    return entry->firing_n > 0 && bsearch(&alert_hash, entry->firing, entry->firing_n,
                                          sizeof(alert_hash), compare) != NULL;
}

static struct logged *find_or_add(struct nflog *l, struct str key)
{
    struct logged *e = find(l, key);

    if (e != NULL)
        return e;
    e = xcalloc(1, sizeof(*e) + key.n + 1);
    e->key_n = key.n;
    memcpy(e->key, key.p, key.n);
    HASH_ADD_KEYPTR(hh, l->by_key, e->key, e->key_n, e);
    return e;
}

static void set_hashes(struct logged *e, const uint64_t *firing, size_t firing_n,
                       const uint64_t *resolved, size_t resolved_n)
{
    uint64_t *v = xcalloc(firing_n + resolved_n + 1, sizeof(*v));

    if (firing_n > 0)
        memcpy(v, firing, firing_n * sizeof(*v));
    if (resolved_n > 0)
        memcpy(v + firing_n, resolved, resolved_n * sizeof(*v));
    qsort(v, firing_n, sizeof(*v), compare);
    qsort(v + firing_n, resolved_n, sizeof(*v), compare);
    free(e->hashes);
    e->hashes = v;
    e->entry.firing = v;
    e->entry.firing_n = firing_n;
    e->entry.resolved = v + firing_n;
    e->entry.resolved_n = resolved_n;
}

/* ---- rows ---- */

static void row_key(const struct logged *e, char ret[2 * SHA256_BYTES + 1])
{
    sha256_hex(e->key, e->key_n, ret);
}

static void write_hashes(struct json_writer *w, const char *key, const uint64_t *v, size_t n)
{
    char hex[17];

    json_key(w, key);
    json_open_array(w);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)v[i]);
        json_add_str(w, str_from(hex));
    }
    json_close_array(w);
}

static void write_row(const struct nflog *l, const struct logged *e, struct out *out)
{
    char key[2 * SHA256_BYTES + 1];
    struct buf b;
    struct json_writer w;

    row_key(e, key);
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_str(&w, "key", (struct str){.p = e->key, .n = e->key_n});
    json_put_i64(&w, "at_ms", e->entry.at_wall_ms);
    json_put_i64(&w, "lifetime_ms", e->entry.expires_mono_ms - e->entry.at_mono_ms);
    write_hashes(&w, "firing", e->entry.firing, e->entry.firing_n);
    write_hashes(&w, "resolved", e->entry.resolved, e->entry.resolved_n);
    json_close_object(&w);
    out_put(out, l->row_kind, str_from(key), buf_str(&b));
    buf_clear(&b);
}

static void put_row(struct nflog *l, struct logged *e, struct out *out)
{
    set_late(l, e, l->postponed);
    if (!l->postponed)
        write_row(l, e, out);
}

void nflog_set(struct nflog *l, struct str key, const uint64_t *firing, size_t firing_n,
               const uint64_t *resolved, size_t resolved_n, int64_t expiry_ms, struct now now,
               struct out *out)
{
    struct logged *e = find_or_add(l, key);
    int64_t lifetime = l->retention_ms;

    if (expiry_ms > 0 && expiry_ms < lifetime)
        lifetime = expiry_ms;
    set_hashes(e, firing, firing_n, resolved, resolved_n);
    e->entry.at_wall_ms = now.wall_ms;
    e->entry.at_mono_ms = now.mono_ms;
    e->entry.expires_mono_ms = now.mono_ms + lifetime;
    put_row(l, e, out);
}

static int read_hashes(struct json_object *o, const char *key, uint64_t **ret, size_t *ret_n,
                       struct err *err)
{
    struct json_object *list = NULL;
    int r = json_get_array(o, key, &list, err);
    size_t n;

    if (r < 0)
        return r;
    n = list != NULL ? json_object_array_length(list) : 0;
    *ret = xcalloc(n + 1, sizeof(**ret));
    *ret_n = n;
    for (size_t i = 0; i < n; i++) {
        struct json_object *h = json_object_array_get_idx(list, i);

        if (!json_object_is_type(h, json_type_string) || !str_to_hex_u64(json_str(h), &(*ret)[i]))
            return err_set(err, -EINVAL, "\"%s\" holds something that is no hash", key);
    }
    return 0;
}

/* The age is taken from the wall clock, and never below zero: a clock that was set back makes an
 * entry younger, so that it is repeated later rather than at once. */
static void restore_entry(struct nflog *l, struct str key, int64_t at_wall_ms, int64_t lifetime_ms,
                          struct logged **ret, struct now now)
{
    struct logged *e = find_or_add(l, key);
    int64_t lifetime = clamp_i64(lifetime_ms, 0, l->retention_ms);

    e->entry.at_wall_ms = at_wall_ms;
    e->entry.at_mono_ms = now.mono_ms - max_i64(now.wall_ms - at_wall_ms, 0);
    e->entry.expires_mono_ms = e->entry.at_mono_ms + lifetime;
    *ret = e;
}

enum nflog_merge nflog_merge(struct nflog *l, struct str key, const struct nflog_told *told,
                             struct now now, struct out *out)
{
    int64_t at = max_i64(told->at_wall_ms, 0);
    struct logged *e = find(l, key);

    if (told->expires_wall_ms <= now.wall_ms)
        return NFLOG_GONE;
    if (e != NULL && e->entry.at_wall_ms >= at)
        return NFLOG_OLD;
    restore_entry(l, key, at, max_i64(told->expires_wall_ms - at, 0), &e, now);
    set_hashes(e, told->firing, told->firing_n, told->resolved, told->resolved_n);
    put_row(l, e, out);
    return NFLOG_MERGED;
}

int nflog_restore(struct nflog *l, struct str value, struct now now, struct err *err)
{
    struct json_object *o = NULL;
    struct logged *e;
    struct str key = STR_EMPTY;
    int64_t at = -1, lifetime = 0;
    uint64_t *firing = NULL, *resolved = NULL;
    size_t firing_n = 0, resolved_n = 0;
    int r = json_parse(value, (struct json_opt){0}, &o, err);

    if (r < 0)
        return r;
    if (!json_object_is_type(o, json_type_object)) {
        r = err_set(err, -EINVAL, "not an object");
        goto out;
    }
    if ((r = json_get_str(o, "key", &key, err)) < 0 ||
        (r = json_get_i64(o, "at_ms", &at, err)) < 0 ||
        (r = json_get_i64(o, "lifetime_ms", &lifetime, err)) < 0 ||
        (r = read_hashes(o, "firing", &firing, &firing_n, err)) < 0 ||
        (r = read_hashes(o, "resolved", &resolved, &resolved_n, err)) < 0)
        goto out;
    if (key.n == 0 || at < 0) {
        r = err_set(err, -EINVAL, "no key or no time");
        goto out;
    }
    restore_entry(l, key, at, lifetime, &e, now);
    set_hashes(e, firing, firing_n, resolved, resolved_n);
out:
    free(firing);
    free(resolved);
    json_object_put(o);
    return r;
}

void nflog_sweep(struct nflog *l, struct now now, struct out *out)
{
    struct logged *e, *next;
    char key[2 * SHA256_BYTES + 1];

    HASH_ITER (hh, l->by_key, e, next) {
        if (e->entry.expires_mono_ms > now.mono_ms)
            continue;
        row_key(e, key);
        out_delete(out, l->row_kind, str_from(key));
        drop(l, e);
    }
}

void nflog_postpone(struct nflog *l, bool on)
{
    l->postponed = on;
}

bool nflog_write(struct nflog *l, size_t rows_max, struct out *out)
{
    struct logged *e;

    for (; (e = TAILQ_FIRST(&l->late)) != NULL && rows_max > 0; rows_max--) {
        set_late(l, e, false);
        write_row(l, e, out);
    }
    return e == NULL;
}

size_t nflog_unwritten(const struct nflog *l)
{
    return l->late_n;
}

void nflog_touch_all(struct nflog *l)
{
    for (struct logged *e = l->by_key; e != NULL; e = e->hh.next)
        set_late(l, e, true);
}

size_t nflog_count(const struct nflog *l)
{
    return HASH_COUNT(l->by_key);
}

uint64_t nflog_digest(const struct nflog *l)
{
    uint64_t sum = 0;

    for (const struct logged *e = l->by_key; e != NULL; e = e->hh.next) {
        uint64_t h =
            hash_mix(fnv1a_64(FNV1A_64_BASIS, e->key, e->key_n), (uint64_t)e->entry.at_wall_ms);

        h = hash_mix(h, e->entry.firing_n);
        for (size_t i = 0; i < e->entry.firing_n + e->entry.resolved_n; i++)
            h = hash_mix(h, e->hashes[i]);
        sum += h;
    }
    return sum;
}

/* ---- the decision ---- */

/* Both sorted; duplicates do no harm. */
static bool subset(const uint64_t *a, size_t an, const uint64_t *b, size_t bn)
{
    size_t j = 0;

    for (size_t i = 0; i < an; i++) {
        while (j < bn && b[j] < a[i])
            j++;
        if (j == bn || b[j] != a[i])
            return false;
    }
    return true;
}

enum notify_reason nflog_decide(const struct nflog_entry *entry, const uint64_t *firing,
                                size_t firing_n, const uint64_t *resolved, size_t resolved_n,
                                bool send_resolved, int64_t repeat_interval_ms, struct now now)
{
    if (entry == NULL)
        return firing_n > 0 ? NOTIFY_FIRST : NOTIFY_NONE;
    if (!subset(firing, firing_n, entry->firing, entry->firing_n))
        return entry->firing_n == 0 ? NOTIFY_FIRST : NOTIFY_NEW_ALERTS;
    if (firing_n == 0)
        return entry->firing_n > 0 ? NOTIFY_ALL_RESOLVED : NOTIFY_NONE;
    if (send_resolved && !subset(resolved, resolved_n, entry->resolved, entry->resolved_n))
        return NOTIFY_SOME_RESOLVED;
    return now.mono_ms - entry->at_mono_ms > repeat_interval_ms ? NOTIFY_REPEAT : NOTIFY_NONE;
}

const char *notify_reason_text(enum notify_reason r)
{
    static const char *const texts[] = {
        [NOTIFY_NONE] = "none",
        [NOTIFY_FIRST] = "first notification",
        [NOTIFY_NEW_ALERTS] = "new alerts added",
        [NOTIFY_ALL_RESOLVED] = "all alerts resolved",
        [NOTIFY_SOME_RESOLVED] = "some alerts resolved",
        [NOTIFY_REPEAT] = "repeat interval elapsed",
    };

    assert(r < ARRAY_SIZE(texts));
    return texts[r];
}
