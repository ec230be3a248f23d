#include "global/core/streams.h"

#include "common/base/json.h"
#include "global/core/global_internal.h"
#include "global/core/global_rows.h"
#include "global/core/sites.h"
#include "global/core/wire.h"

#include <assert.h>

void streams_init(struct streams *t)
{
    *t = (struct streams){0};
    heap_init(&t->silence);
    heap_init(&t->duty);
    heap_init(&t->poll);
    TAILQ_INIT(&t->dirty);
}

void streams_clear(struct global *g)
{
    struct streams *t = &g->streams;
    struct stream *s, *s_next;
    struct site *site, *site_next_one;

    heap_clear(&t->silence);
    heap_clear(&t->duty);
    heap_clear(&t->poll);
    HASH_ITER (hh, t->by_uuid, s, s_next) {
        HASH_DEL(t->by_uuid, s);
        free(s);
    }
    HASH_ITER (hh, t->sites, site, site_next_one) {
        HASH_DEL(t->sites, site);
        free(site);
    }
}

struct site *site_find(const struct global *g, struct str name)
{
    struct site *site = NULL;

    HASH_FIND(hh, g->streams.sites, name.p, name.n, site);
    return site;
}

struct stream *stream_find(const struct global *g, struct str uuid)
{
    struct stream *s = NULL;

    HASH_FIND(hh, g->streams.by_uuid, uuid.p, uuid.n, s);
    return s;
}

struct site *site_first(const struct global *g)
{
    return g->streams.sites;
}

struct site *site_next(const struct site *s)
{
    return s->hh.next;
}

static void copy_name(char *to, size_t size, struct str s)
{
    assert(s.n < size);
    if (s.n > 0)
        memcpy(to, s.p, s.n);
    to[s.n] = '\0';
}

static struct site *site_make(struct global *g, struct str name)
{
    struct site *site = site_find(g, name);

    if (site != NULL)
        return site;
    site = xcalloc(1, sizeof(*site));
    copy_name(site->name, sizeof(site->name), name);
    TAILQ_INIT(&site->streams);
    site->last_heard_mono_ms = -1;
    site->since_wall_ms = g->now.wall_ms;
    HASH_ADD_KEYPTR(hh, g->streams.sites, site->name, name.n, site);
    return site;
}

static struct stream *stream_make(struct global *g, struct str uuid, struct site *site,
                                  struct str group, struct str node)
{
    struct stream *s = xcalloc(1, sizeof(*s)), *it;

    copy_name(s->uuid, sizeof(s->uuid), uuid);
    s->site = site;
    copy_name(s->group, sizeof(s->group), group);
    copy_name(s->node, sizeof(s->node), node);
    s->last_heard_mono_ms = -1;
    TAILQ_INIT(&s->members);
    HASH_ADD_KEYPTR(hh, g->streams.by_uuid, s->uuid, uuid.n, s);
    TAILQ_FOREACH (it, &site->streams, site_link) {
        int order = strcmp(s->node, it->node);

        if (order < 0 || (order == 0 && strcmp(s->uuid, it->uuid) < 0))
            break;
    }
    if (it != NULL)
        TAILQ_INSERT_BEFORE(it, s, site_link);
    else
        TAILQ_INSERT_TAIL(&site->streams, s, site_link);
    site->streams_n++;
    return s;
}

/* Makes room among the site's streams by forgetting a silent one that says nothing any more. */
static bool evict_stream(struct global *g, struct site *site, struct out *out)
{
    struct stream *s;
    struct streams *t = &g->streams;

    TAILQ_FOREACH (s, &site->streams, site_link) {
        if (s->silent && TAILQ_EMPTY(&s->members) && s->under_way_n == 0)
            break;
    }
    if (s == NULL)
        return false;
    out_delete(out, GLOBAL_ROW_STREAM, str_from(s->uuid));
    TAILQ_REMOVE(&site->streams, s, site_link);
    site->streams_n--;
    heap_remove(&t->silence, &s->silence);
    heap_remove(&t->duty, &s->duty);
    heap_remove(&t->poll, &s->poll);
    HASH_DEL(t->by_uuid, s);
    free(s);
    return true;
}

static bool uuid_valid(struct str uuid)
{
    for (size_t i = 0; i < uuid.n; i++) {
        char c = uuid.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'))
            return false;
    }
    return uuid.n > 0 && uuid.n <= STREAM_UUID_MAX;
}

/* The first use: binds the stream to whom the certificate names. */
static struct stream *bind_stream(struct global *g, const struct engine_request *r, struct str uuid,
                                  struct out *out)
{
    const struct identity *id = &r->who.identity;
    struct site *site = site_find(g, str_from(id->site));
    struct stream *s;

    if (HASH_COUNT(g->streams.by_uuid) >= g->limits.streams_max ||
        (site != NULL && site->streams_n >= STREAMS_PER_SITE_MAX && !evict_stream(g, site, out))) {
        global_refuse(g, out, r, REFUSED_TOO_MANY_STREAMS, 503, NULL);
        return NULL;
    }
    site = site_make(g, str_from(id->site));
    s = stream_make(g, uuid, site, str_from(id->group), str_from(id->node));
    OUT_LOG(out, LOG_INFO, "federation", "new stream", KV("site", site->name), KV("node", s->node),
            KV("stream", s->uuid));
    stream_changed(g, s, out);
    return s;
}

struct stream *stream_open(struct global *g, const struct engine_request *r, struct str uuid,
                           struct out *out)
{
    const struct identity *id = &r->who.identity;
    struct stream *s;

    if (!uuid_valid(uuid)) {
        global_refuse(g, out, r, REFUSED_BAD_REQUEST, 400, "no stream named");
        return NULL;
    }
    s = stream_find(g, uuid);
    if (s == NULL)
        s = bind_stream(g, r, uuid, out);
    if (s == NULL)
        return NULL;
    if (strcmp(s->site->name, id->site) != 0 || strcmp(s->group, id->group) != 0 ||
        strcmp(s->node, id->node) != 0) {
        global_refuse(g, out, r, REFUSED_FOREIGN_STREAM, 403, NULL);
        return NULL;
    }
    site_heard(g, s, out);
    return s;
}

void stream_put(struct stream *s, struct out *out)
{
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_str(&w, "site", str_from(s->site->name));
    json_put_str(&w, "group", str_from(s->group));
    json_put_str(&w, "node", str_from(s->node));
    wire_put_position(&w, &s->at);
    json_put_bool(&w, "silent", s->silent);
    json_close_object(&w);
    out_put(out, GLOBAL_ROW_STREAM, str_from(s->uuid), buf_str(&b));
    buf_clear(&b);
}

void stream_changed(struct global *g, struct stream *s, struct out *out)
{
    size_t last = s->under_way_n;

    stream_put(s, out);
    if (last == 0)
        TAILQ_INSERT_TAIL(&g->streams.dirty, s, dirty_link);
    if (last > 0 && s->under_way[last - 1].txn == out_txn(out)) {
        s->under_way[last - 1].at = s->at;
        return;
    }
    if (last == STREAM_UNDER_WAY_MAX) {
        memmove(&s->under_way[0], &s->under_way[1], (last - 1) * sizeof(s->under_way[0]));
        s->under_way_n--;
    }
    s->under_way[s->under_way_n].txn = out_txn(out);
    s->under_way[s->under_way_n++].at = s->at;
}

void streams_on_stored(struct global *g)
{
    struct streams *t = &g->streams;
    uint64_t stored = deferred_stored_txn(g->deferred);
    struct stream *s, *next;

    TAILQ_FOREACH_SAFE (s, &t->dirty, dirty_link, next) {
        size_t done = 0;

        while (done < s->under_way_n && s->under_way[done].txn <= stored)
            s->stored = s->under_way[done++].at;
        s->under_way_n -= done;
        memmove(&s->under_way[0], &s->under_way[done], s->under_way_n * sizeof(s->under_way[0]));
        if (s->under_way_n == 0)
            TAILQ_REMOVE(&t->dirty, s, dirty_link);
    }
}

/* ---- the store ---- */

static int restore_live(struct json_object *o, struct stream_position *at)
{
    struct json_object *live = NULL;

    if (json_get_array(o, "live", &live, NULL) < 0)
        return -1;
    if (live == NULL)
        return 0;
    if (json_object_array_length(live) != 2)
        return -1;
    at->live_from = json_object_get_uint64(json_object_array_get_idx(live, 0));
    at->live_to = json_object_get_uint64(json_object_array_get_idx(live, 1));
    return at->live_from <= at->live_to && at->live_from > at->cursor ? 0 : -1;
}

static bool restore_stream(struct global *g, struct str uuid, struct json_object *o)
{
    struct str site = STR_EMPTY, group = STR_EMPTY, node = STR_EMPTY;
    struct stream_position at = {0};
    bool silent = false;
    struct stream *s;

    if (json_get_str(o, "site", &site, NULL) < 0 || json_get_str(o, "group", &group, NULL) < 0 ||
        json_get_str(o, "node", &node, NULL) < 0 || json_get_u64(o, "epoch", &at.epoch, NULL) < 0 ||
        json_get_u64(o, "cursor", &at.cursor, NULL) < 0 || restore_live(o, &at) < 0 ||
        json_get_bool(o, "silent", &silent, NULL) < 0)
        return false;
    if (!uuid_valid(uuid) || !identity_name_valid(site) || !identity_name_valid(group) ||
        !identity_name_valid(node) || stream_find(g, uuid) != NULL)
        return false;
    s = stream_make(g, uuid, site_make(g, site), group, node);
    s->at = s->stored = at;
    s->silent = silent;
    return true;
}

bool stream_restore(struct global *g, const struct row_op *row)
{
    struct json_object *o = NULL;
    bool ok;

    if (json_parse(row->value, (struct json_opt){0}, &o, NULL) < 0)
        return false;
    ok = json_object_is_type(o, json_type_object) && restore_stream(g, row->key, o);
    json_object_put(o);
    return ok;
}

bool site_restore(struct global *g, const struct row_op *row)
{
    struct json_object *o = NULL;
    int64_t heard = 0;
    bool ok;

    if (!identity_name_valid(row->key) ||
        json_parse(row->value, (struct json_opt){0}, &o, NULL) < 0)
        return false;
    ok = json_object_is_type(o, json_type_object) && json_get_i64(o, "heard_ms", &heard, NULL) == 0;
    json_object_put(o);
    if (ok)
        site_make(g, row->key)->last_heard_wall_ms = heard;
    return ok;
}

void streams_start(struct global *g)
{
    for (struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next)
        sites_watch(g, s);
    for (struct site *site = g->streams.sites; site != NULL; site = site_next(site))
        site_start(g, site);
}
