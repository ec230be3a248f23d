#include "global/core/global.h"

#include "common/base/json.h"
#include "common/base/vec.h"
#include "global/core/digests.h"
#include "global/core/duty.h"
#include "global/core/global_internal.h"
#include "global/core/global_rows.h"
#include "global/core/heartbeats.h"
#include "global/core/ingest.h"
#include "global/core/sites.h"

#include <assert.h>

static struct global *from_engine(struct engine *e)
{
    return CONTAINER_OF(e, struct global, engine);
}

uint64_t global_txn(struct global *g, struct out *out)
{
    /* The fate of every transaction so far may have been told: only a new one will be reported. */
    if (g->failing && !out_has_rows(out))
        out_put(out, GLOBAL_ROW_META, STR("probe"), STR("{}"));
    return out_has_rows(out) ? out_txn(out) : out_txn(out) - 1;
}

void global_reply_stored(struct global *g, struct out *out, const struct engine_reply *reply)
{
    (void)out;
    *VEC_PUSH(&g->replies) = *reply;
}

/* At the end of a step, when all of its rows are known. */
static void defer_replies(struct global *g, struct out *out)
{
    for (size_t i = 0; i < g->replies.n; i++)
        deferred_reply(g->deferred, out, global_txn(g, out), &g->replies.v[i]);
    g->replies.n = 0;
}

const char *refusal_name(enum refusal why)
{
    static const char *const names[REFUSALS] = {
        [REFUSED_IDENTITY] = "identity",
        [REFUSED_BAD_REQUEST] = "bad_request",
        [REFUSED_NOT_FOUND] = "not_found",
        [REFUSED_FOREIGN_STREAM] = "foreign_stream",
        [REFUSED_TOO_MANY_STREAMS] = "too_many_streams",
        [REFUSED_TOO_MANY_MEMBERS] = "too_many_members",
        [REFUSED_FENCED] = "fenced",
        [REFUSED_NEED_BASE] = "need_base",
        [REFUSED_UNKNOWN_KIND] = "unknown_kind",
        [REFUSED_TOO_LARGE] = "too_large",
        [REFUSED_ECHO] = "echo",
        [REFUSED_MAC] = "mac",
        [REFUSED_TOO_MANY_MIRRORS] = "too_many_mirrors",
    };

    assert(why < REFUSALS);
    return names[why];
}

/* What an honest edge runs into in the ordinary course of things is no warning. */
static bool refusal_ordinary(enum refusal why)
{
    return why == REFUSED_NEED_BASE || why == REFUSED_ECHO;
}

void global_count_refusal(struct global *g, struct out *out, const struct engine_request *r,
                          enum refusal why)
{
    const struct identity *id = &r->who.identity;

    g->counts.refused[why]++;
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_REFUSED,
                                         .site = str_from(id->site),
                                         .node = str_from(id->node),
                                         .cause = str_from(refusal_name(why))});
    OUT_LOG(out, refusal_ordinary(why) ? LOG_DEBUG : LOG_WARN, "federation", "refused",
            KV("cause", refusal_name(why)), KV("site", id->site), KV("node", id->node),
            KV("path", r->path));
}

void global_refuse(struct global *g, struct out *out, const struct engine_request *r,
                   enum refusal why, int status, const char *detail)
{
    struct engine_reply reply = {
        .request_id = r->id, .status = status, .content_type = "application/json"};
    struct json_writer w;
    struct buf b;

    global_count_refusal(g, out, r, why);
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_str(&w, "error", str_from(refusal_name(why)));
    if (detail != NULL)
        json_put_str(&w, "detail", str_from(detail));
    json_close_object(&w);
    reply.body = arena_str(out_arena(out), buf_str(&b));
    buf_clear(&b);
    if (status == 503)
        reply.headers[0] = (struct engine_header){.name = "Retry-After", .value = STR("5")};
    out_reply(out, &reply);
}

/* ---- requests ---- */

static const struct route {
    const char *method, *path;
    void (*handle)(struct global *g, const struct engine_request *r, struct out *out);
} routes[] = {
    {"POST", "/federation/v1/batches", ingest_request},
    {"POST", "/federation/v1/heartbeats", heartbeat_request},
    {"POST", "/federation/v1/digests", digest_request},
    {"GET", "/federation/v1/directives", directives_request},
    {"POST", "/federation/v1/journal", journal_request},
};

static void on_federation(struct global *g, const struct engine_request *r, struct out *out)
{
    if (r->who.kind != PRINCIPAL_PEER || r->who.identity.kind != IDENTITY_EDGE) {
        global_refuse(g, out, r, REFUSED_IDENTITY, r->who.kind == PRINCIPAL_NONE ? 401 : 403, NULL);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (!str_eq_c(r->path, routes[i].path))
            continue;
        if (str_eq_c(r->method, routes[i].method))
            routes[i].handle(g, r, out);
        else
            out_reply_error(out, r->id, 405, "method_not_allowed");
        return;
    }
    global_refuse(g, out, r, REFUSED_NOT_FOUND, 404, NULL);
}

static void on_request(struct global *g, const struct engine_request *r, struct out *out)
{
    if (r->listener == LISTENER_FEDERATION)
        on_federation(g, r, out);
    else
        global_api_request(g, r, out);
}

/* ---- life ---- */

static bool restore_meta(struct global *g, const struct row_op *row)
{
    struct json_object *o = NULL;
    struct str uuid = STR_EMPTY;
    bool ok = true;

    if (json_parse(row->value, (struct json_opt){0}, &o, NULL) < 0 ||
        !json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        return false;
    }
    if (str_eq_c(row->key, "directives")) {
        ok = json_get_u64(o, "epoch", &g->mirrors.epoch, NULL) == 0 &&
             json_get_u64(o, "ver", &g->mirrors.ver, NULL) == 0;
    } else if (str_eq_c(row->key, "node")) {
        ok = json_get_str(o, "uuid", &uuid, NULL) == 0 && uuid.n == sizeof(g->uuid) - 1;
        if (ok)
            memcpy(g->uuid, uuid.p, uuid.n);
    }
    json_object_put(o);
    return ok;
}

static void on_restore(struct global *g, const struct row_op *row, struct out *out)
{
    bool ok;

    switch (row->kind) {
    case GLOBAL_ROW_META:
        ok = restore_meta(g, row);
        break;
    case GLOBAL_ROW_SITE:
        ok = site_restore(g, row);
        break;
    case GLOBAL_ROW_STREAM:
        ok = stream_restore(g, row);
        break;
    case GLOBAL_ROW_MEMBER:
        ok = member_restore(g, row);
        break;
    case GLOBAL_ROW_MIRROR:
        ok = mirror_restore(g, row);
        break;
    default:
        ok = incident_restore_row(g, row, out);
        break;
    }
    if (ok)
        return;
    g->counts.rows_damaged++;
    OUT_LOG(out, LOG_ERROR, "restore", "a row of the store is not understood and left out",
            KV("kind", row->kind), KV("key", row->key));
}

static void put_node(struct global *g, const struct engine_start *start, struct out *out)
{
    struct buf b;
    struct json_writer w;

    if (g->uuid[0] != '\0')
        return;
    memcpy(g->uuid, start->uuid, sizeof(g->uuid));
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_str(&w, "uuid", str_from(g->uuid));
    json_close_object(&w);
    out_put(out, GLOBAL_ROW_META, STR("node"), buf_str(&b));
    buf_clear(&b);
}

static void on_start(struct global *g, const struct engine_start *start, struct out *out)
{
    g->started = true;
    g->started_mono_ms = g->now.mono_ms;
    memcpy(g->boot, start->boot, sizeof(g->boot));
    put_node(g, start, out);
    streams_start(g);
    members_start(g);
    mirrors_start(g, start, out);
    incident_start(g, out);
    OUT_LOG(out, LOG_INFO, "global", "started", KV("node", g->node), KV("members", g->members.n),
            KV("streams", HASH_COUNT(g->streams.by_uuid)), KV("mirrors", g->mirrors.n));
}

static void on_config(struct global *g, struct global_config *config, struct out *out)
{
    struct global_config *old = g->config;

    g->config = config;
    incident_on_config(g, old, out);
    global_config_unref(old);
}

static void on_stored(struct global *g, uint64_t txn, enum store_result result, struct out *out)
{
    g->failing = result != STORE_OK;
    if (g->failing)
        g->counts.store_failures++;
    deferred_stored(g->deferred, out, txn, result);
    if (g->failing)
        return;
    streams_on_stored(g);
    mirrors_on_stored(g, out);
}

static void on_gone(struct global *g, uint64_t request_id)
{
    deferred_gone(g->deferred, request_id);
    mirrors_on_gone(g, request_id);
    global_api_gone(g, request_id);
}

static void on_stop(struct global *g, struct out *out)
{
    g->stopping = true;
    duty_release(g, out);
    mirrors_stop(g, out);
}

static void on_input(struct global *g, const struct engine_input *in, struct out *out)
{
    switch (in->kind) {
    case ENGINE_CONFIG:
        on_config(g, in->global_config, out);
        break;
    case ENGINE_RESTORE:
        on_restore(g, &in->row, out);
        break;
    case ENGINE_START:
        on_start(g, &in->start, out);
        break;
    case ENGINE_REQUEST:
        on_request(g, &in->request, out);
        break;
    case ENGINE_MORE:
        global_api_more(g, in->request_id, out);
        break;
    case ENGINE_GONE:
        on_gone(g, in->request_id);
        break;
    case ENGINE_STORED:
        on_stored(g, in->stored.txn, in->stored.result, out);
        break;
    case ENGINE_DELIVERED:
        pages_on_delivered(g, &in->delivery, out);
        break;
    case ENGINE_HEALTH:
        g->health = in->health;
        if (g->started)
            incident_on_health(g, out);
        break;
    case ENGINE_STOP:
        on_stop(g, out);
        break;
    case ENGINE_IMPORT: /* an edge's */
    case ENGINE_TICK:
        break;
    }
}

/* What is due is done before the input, too: a term that has lapsed by now must not serve it. */
static void run_timers(struct global *g, struct out *out)
{
    sites_tick(g, out);
    duty_tick(g, out);
    mirrors_tick(g, out);
}

static int64_t step(struct engine *e, const struct engine_input *in, struct out *out)
{
    struct global *g = from_engine(e);
    const struct streams *t = &g->streams;
    int64_t wake;

    g->now = in->now;
    if (g->started)
        run_timers(g, out);
    on_input(g, in, out);
    if (!g->started)
        return TIME_NEVER;
    wake = members_tick(g, out);
    wake = min_i64(wake, incident_step(g, out));
    defer_replies(g, out);
    wake = min_i64(wake, heap_next_ms(&t->silence));
    wake = min_i64(wake, heap_next_ms(&t->duty));
    return min_i64(wake, heap_next_ms(&t->poll));
}

static void free_global(struct engine *e)
{
    struct global *g = from_engine(e);

    incident_free_all(g);
    mirrors_clear(g);
    members_clear(g);
    streams_clear(g);
    deferred_free(g->deferred);
    global_config_unref(g->config);
    VEC_CLEAR(&g->replies);
    free(g->external_url);
    free(g->version);
    free(g);
}

static uint64_t digest_str(struct str s)
{
    return fnv1a_64(FNV1A_64_BASIS, s.p, s.n);
}

static uint64_t digest_labels(struct labels l)
{
    return labels_fingerprint(l);
}

static uint64_t digest(const struct engine *e)
{
    const struct global *g = (const struct global *)(const void *)e; /* e is its first member */
    uint64_t sum = incident_digest(g);

    for (const struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        uint64_t h = digest_str(str_from(s->uuid));

        h = hash_mix(h, digest_str(str_from(s->node)));
        h = hash_mix(hash_mix(h, s->at.epoch), s->at.cursor);
        sum += hash_mix(hash_mix(h, s->at.live_from), s->at.live_to);
    }
    for (const struct member *m = member_first(g); m != NULL; m = member_next(m)) {
        uint64_t h = hash_mix(digest_str(str_from(m->stream->uuid)), m->fp);

        h = hash_mix(hash_mix(h, m->s.epoch), m->s.seq);
        h = hash_mix(h, (uint64_t)m->s.firing | (uint64_t)m->holds_open << 1);
        h = hash_mix(h, digest_str(m->s.suppressed));
        sum += hash_mix(h, digest_labels(m->s.labels));
    }
    for (const struct mirror *m = g->mirrors.by_key; m != NULL; m = m->hh.next) {
        uint64_t h = hash_mix(digest_str(m->incident), digest_str(m->origin));

        sum += hash_mix(hash_mix(hash_mix(h, m->epoch), m->ver), digest_str(m->body));
    }
    return sum;
}

static const struct engine_ops ops = {.step = step, .free = free_global, .digest = digest};

struct engine *global_new(const struct global_options *options)
{
    struct global *g = xcalloc(1, sizeof(*g));
    struct str node = str_from(options->node);

    assert(identity_name_valid(node));
    g->engine = (struct engine){.ops = &ops, .next_txn = 1};
    memcpy(g->node, node.p, node.n);
    g->external_url = xstrdup(options->external_url != NULL ? options->external_url : "");
    g->version = xstrdup(options->version != NULL ? options->version : "");
    g->limits = options->limits;
    if (g->limits.members_max == 0)
        g->limits.members_max = GLOBAL_MEMBERS_MAX;
    if (g->limits.streams_max == 0)
        g->limits.streams_max = GLOBAL_STREAMS_MAX;
    if (g->limits.mirrors_max == 0)
        g->limits.mirrors_max = GLOBAL_MIRRORS_MAX;
    g->deferred = deferred_new();
    streams_init(&g->streams);
    members_init(&g->members);
    mirrors_init(&g->mirrors);
    return &g->engine;
}
