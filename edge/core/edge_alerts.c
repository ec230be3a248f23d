#include "edge/core/edge_internal.h"

#include "common/base/json.h"
#include "common/core/integrations/integration.h"

#include <errno.h>

/* An alert whose source repeats it gets at least this long to be repeated after a restart. */
#define RESTORE_GRACE_MS (5 * MS_PER_MIN)

bool edge_forwards(const struct edge *e, struct labels labels)
{
    const struct federation_config *f = e->config->federation;

    return f != NULL && matchers_match(&f->forward, labels);
}

/* ---- rows ---- */

struct str edge_alert_row_key(uint64_t fp, char ret[17])
{
    (void)snprintf(ret, 17, "%016llx", (unsigned long long)fp);
    return str_from(ret);
}

static void put_labels(struct json_writer *w, const char *key, struct labels l)
{
    json_key(w, key);
    json_open_object(w);
    LABELS_EACH (&l, it) {
        json_key_str(w, it->name);
        json_add_str(w, it->value);
    }
    json_close_object(w);
}

void edge_put_alert_row(struct edge *e, struct alert *a, struct now now, struct out *out)
{
    struct arena *arena = out_arena(out);
    int64_t left = a->firing ? a->ends.at_ms - now.mono_ms : 0;
    char key[17];
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    put_labels(&w, "labels", alert_labels(a, arena));
    put_labels(&w, "annotations", alert_annotations(a, arena));
    json_put_str(&w, "generator_url", alert_generator_url(a));
    json_put_i64(&w, "starts_ms", a->starts_wall_ms);
    json_put_i64(&w, "ends_ms", a->ends_wall_ms);
    json_put_i64(&w, "left_ms", left);
    json_put_bool(&w, "firing", a->firing);
    json_put_bool(&w, "timeout", a->timeout);
    json_put_bool(&w, "repeated", a->repeated);
    json_put_bool(&w, "forwarded", a->forwarded);
    json_close_object(&w);
    out_put(out, EDGE_ROW_ALERT, edge_alert_row_key(a->fp, key), buf_str(&b));
    buf_clear(&b);
    a->stored = true;
    edge_set_late(e, a, false);
    if (a->forward_txn == EDGE_TXN_LATE)
        a->forward_txn = out_txn(out);
}

static int read_labels(struct json_object *o, const char *key, struct arena *a, struct labels *ret,
                       struct err *err)
{
    struct json_object *map = NULL;
    struct json_object_iterator it, end;
    struct label *v;
    size_t n = 0;
    int r = json_get_object(o, key, &map, err);

    *ret = (struct labels){0};
    if (r < 0 || map == NULL)
        return r;
    v = ARENA_ARRAY(a, struct label, (size_t)json_object_object_length(map));
    it = json_object_iter_begin(map);
    end = json_object_iter_end(map);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        struct json_object *value = json_object_iter_peek_value(&it);

        if (!json_object_is_type(value, json_type_string))
            return err_set(err, -EINVAL, "%s: a value is no string", key);
        v[n].name = arena_str(a, str_from(json_object_iter_peek_name(&it)));
        v[n++].value = arena_str(a, json_str(value));
    }
    *ret = (struct labels){.v = v, .n = n}; /* written in order, and rows have a checksum */
    return 0;
}

struct alert_row {
    struct alert_input in;
    int64_t left_ms;
    bool firing, forwarded, repeated;
};

static int read_row(struct json_object *o, struct arena *a, struct alert_row *ret, struct err *err)
{
    struct alert_row row = {.in = {.starts_wall_ms = WALL_ABSENT, .ends_wall_ms = WALL_ABSENT}};
    int r;

    if ((r = read_labels(o, "labels", a, &row.in.labels, err)) < 0 ||
        (r = read_labels(o, "annotations", a, &row.in.annotations, err)) < 0 ||
        (r = json_get_str(o, "generator_url", &row.in.generator_url, err)) < 0 ||
        (r = json_get_i64(o, "starts_ms", &row.in.starts_wall_ms, err)) < 0 ||
        (r = json_get_i64(o, "ends_ms", &row.in.ends_wall_ms, err)) < 0 ||
        (r = json_get_i64(o, "left_ms", &row.left_ms, err)) < 0 ||
        (r = json_get_bool(o, "firing", &row.firing, err)) < 0 ||
        (r = json_get_bool(o, "timeout", &row.in.timeout, err)) < 0 ||
        (r = json_get_bool(o, "repeated", &row.repeated, err)) < 0 ||
        (r = json_get_bool(o, "forwarded", &row.forwarded, err)) < 0)
        return r;
    if (row.in.labels.n == 0 || row.in.starts_wall_ms == WALL_ABSENT ||
        row.in.ends_wall_ms == WALL_ABSENT)
        return err_set(err, -EINVAL, "no labels, no start or no end");
    *ret = row;
    return 0;
}

/* How long it goes on firing: until its end as stated; but an end that its source has moved at
 * least once is only the last one that the row knows of. */
static int64_t restored_left_ms(const struct alert_row *row, struct now now)
{
    int64_t left = clamp_i64(row->in.ends_wall_ms - now.wall_ms, 0, max_i64(row->left_ms, 0));

    return row->repeated ? max_i64(left, RESTORE_GRACE_MS) : left;
}

static int restore(struct edge *e, struct str key, struct alert_row *row, struct arena *scratch,
                   struct now now, struct err *err)
{
    int64_t left = restored_left_ms(row, now);
    struct alert *a;
    char own[17];
    int r;

    if (row->firing && row->repeated)
        row->in.ends_wall_ms = now.wall_ms + left;
    row->in.starts_wall_ms = min_i64(row->in.starts_wall_ms, row->in.ends_wall_ms);
    r = alerts_restore(e->alerts, &row->in, row->firing, left, now, &a);
    if (r < 0)
        return err_set(err, r, "the alert cannot be taken in");
    if (!str_eq(key, edge_alert_row_key(a->fp, own))) {
        alerts_remove(e->alerts, a);
        return err_set(err, -EINVAL, "the key is not the labels' fingerprint");
    }
    a->stored = true;
    a->repeated = row->repeated;
    a->forwarded = row->forwarded && row->firing;
    edge_suppress_watch(e, a, scratch);
    edge_mute_alert(e, a, scratch);
    return 0;
}

int edge_restore_alert(struct edge *e, struct str key, struct str value, struct now now,
                       struct err *err)
{
    struct arena *scratch = arena_new(0);
    struct json_object *o = NULL;
    struct alert_row row = {0};
    int r = json_parse(value, (struct json_opt){0}, &o, err);

    if (r == 0 && !json_object_is_type(o, json_type_object))
        r = err_set(err, -EINVAL, "not an object");
    if (r == 0)
        r = read_row(o, scratch, &row, err);
    if (r == 0)
        r = restore(e, key, &row, scratch, now, err);
    json_object_put(o);
    arena_free(scratch);
    return r;
}

/* ---- transitions ---- */

/* The forwarding side follows what is told here by its own flag, not by the change: an episode that
 * was refused for want of room is offered again with the next refresh. */
static bool forward(struct edge *e, struct alert *a, enum alert_change change, bool admitted,
                    struct now now, struct out *out)
{
    bool durable;

    if (a->firing && !a->forwarded) {
        if (!admitted || !edge_forwards(e, alert_labels(a, out_arena(out))))
            return false;
        durable = forward_on_alert(e, a, change == ALERT_NEW ? ALERT_NEW : ALERT_REFIRED, now, out);
        a->forwarded = true;
        e->count.forwarded_opened++;
    } else if (!a->firing && a->forwarded) {
        durable = forward_on_alert(
            e, a, change == ALERT_TIMED_OUT ? ALERT_TIMED_OUT : ALERT_RESOLVED, now, out);
        a->forwarded = false;
        e->count.forwarded_resolved++;
    } else {
        return false;
    }
    edge_suppress_watch(e, a, out_arena(out));
    edge_put_alert_row(e, a, now, out);
    if (durable)
        a->forward_txn = out_txn(out);
    return durable;
}

/* Whether the change makes the row untrue. A source that repeats its alert moves the end every
 * minute: that it does is written once, and that the end goes on moving is not. */
static bool is_news(struct alert *a, enum alert_change change)
{
    bool first_move = change == ALERT_REFRESH && a->moved && !a->repeated;

    if (change == ALERT_NEW || change == ALERT_REFIRED)
        a->repeated = false;
    else if (first_move)
        a->repeated = true;
    return change != ALERT_QUIET && (change != ALERT_REFRESH || first_move);
}

static void put_news(struct edge *e, struct alert *a, struct now now, struct out *out)
{
    if (a->forward_txn == 0 && edge_spares_store(e, out))
        edge_set_late(e, a, true);
    else
        edge_put_alert_row(e, a, now, out);
}

bool edge_alert_changed(struct edge *e, struct alert *a, enum alert_change change, bool admitted,
                        struct now now, struct out *out)
{
    bool news = is_news(a, change), forwarded = a->forwarded, durable;

    if (change == ALERT_RESOLVED)
        e->count.alerts_resolved++;
    else if (change == ALERT_TIMED_OUT)
        e->count.alerts_timed_out++;
    edge_mute_alert(e, a, out_arena(out));
    if (groups_insert(e->groups, e->config->am->root, a, now, out_arena(out)) < 0)
        OUT_LOG(out, LOG_ERROR, "group", "too many groups: an alert is not grouped everywhere",
                KV("groups", groups_count(e->groups)));
    groups_alert_changed(e->groups, a);
    durable = forward(e, a, change, admitted, now, out);
    if (news && a->forwarded == forwarded)
        put_news(e, a, now, out);
    return durable;
}

void edge_expire_alerts(struct edge *e, struct now now, struct out *out)
{
    struct alert *a;

    while ((a = alerts_expire(e->alerts, now)) != NULL)
        (void)edge_alert_changed(e, a, ALERT_TIMED_OUT, true, now, out);
}

/* Until its last forwarded transition is on disk the table alone knows that an answer to its
 * repetition has to wait for it. A store that fails for long can so keep ended alerts here: they
 * count for the table's bound like any other. */
static bool is_promised(const struct edge *e, const struct alert *a)
{
    return a->forward_txn > deferred_stored_txn(e->deferred);
}

void edge_sweep_alerts(struct edge *e, struct now now, struct out *out)
{
    struct alert *a = alerts_from(e->alerts, 0);

    (void)now;
    while (a != NULL) {
        uint64_t fp = a->fp;

        if (!a->firing && a->groups == NULL && !is_promised(e, a)) {
            edge_delete_alert_row(e, a, out);
            alerts_remove(e->alerts, a);
        }
        a = fp == UINT64_MAX ? NULL : alerts_from(e->alerts, fp + 1);
    }
}

/* ---- another routing tree ---- */

struct regroup {
    struct edge *e;
    struct arena *scratch;
    struct out *out;
};

static void on_drop(struct group *group, void *arg)
{
    struct regroup *ctx = arg;

    notifier_cancel(ctx->e->notifier, group, ctx->out);
}

bool edge_is_owed(const struct edge *e, const struct route *r, struct labels labels,
                  struct arena *scratch)
{
    const struct receiver *receiver = r->receiver;
    struct buf group, key;
    bool owed = false;

    buf_init(&group, 0);
    buf_init(&key, 0);
    route_add_group_key(&group, r, route_group_labels(r, labels, scratch));
    for (size_t i = 0; i < receiver->n && !owed; i++) {
        const struct nflog_entry *entry;

        buf_reset(&key);
        nflog_add_key(&key, buf_str(&group), receiver->name, receiver->v[i].integration->name,
                      receiver->v[i].index);
        entry = nflog_find(e->nflog, buf_str(&key));
        owed = entry != NULL && nflog_told_firing(entry, labels_xxh64(labels));
    }
    buf_clear(&group);
    buf_clear(&key);
    return owed;
}

/* A resolved alert comes into a group that it is not in only if that is owed. At a reload one that
 * had left its groups stays out: what it had to say was said, or muted. */
static bool is_wanted(const struct alert *a, const struct route *r, struct labels labels, void *arg)
{
    const struct regroup *ctx = arg;

    return a->firing ||
           ((!ctx->e->started || a->was_grouped) && edge_is_owed(ctx->e, r, labels, ctx->scratch));
}

static void note_grouped(struct edge *e)
{
    for (struct alert *a = alerts_from(e->alerts, 0); a != NULL;
         a = a->fp == UINT64_MAX ? NULL : alerts_from(e->alerts, a->fp + 1))
        a->was_grouped = a->groups != NULL;
}

void edge_regroup(struct edge *e, struct now now, struct out *out)
{
    struct arena *scratch = arena_new(0);
    struct regroup ctx = {.e = e, .scratch = scratch, .out = out};
    const struct route *root = e->config->am->root;

    note_grouped(e);
    groups_retarget(e->groups, root, on_drop, &ctx);
    for (struct alert *a = alerts_from(e->alerts, 0); a != NULL;
         a = a->fp == UINT64_MAX ? NULL : alerts_from(e->alerts, a->fp + 1)) {
        if (groups_regroup(e->groups, root, a, (struct group_wanted){.ask = is_wanted, .arg = &ctx},
                           now, scratch) < 0)
            OUT_LOG(out, LOG_ERROR, "group", "too many groups: an alert is not grouped everywhere",
                    KV("groups", groups_count(e->groups)));
        if (e->started)
            (void)forward(e, a, ALERT_REFRESH, forward_admits(e, 1, out), now, out);
        arena_reset(scratch);
    }
    arena_free(scratch);
}
