/* Silences over HTTP: core specification §10.6. What a POST or a DELETE has done is answered when
 * it is on disk. */
#include "common/base/map.h"
#include "common/core/api/api_silences.h"
#include "edge/core/edge_internal.h"

#include <errno.h>

/* What a change may take of the store's queue: the silence, and one that it replaces. */
#define SILENCE_ROW_BYTES(body_bytes) (2 * (body_bytes) + KIB(16))

/* The answer to something that has changed silences, or finds them changed by somebody whose own
 * answer may still be waiting. */
static void reply_when_stored(struct edge *e, const struct engine_request *r, struct str json,
                              struct out *out)
{
    struct engine_reply reply = api_make_reply(out_arena(out), r, 200, json);
    uint64_t wait = e->mute->silences_txn;
    bool due =
        wait > deferred_stored_txn(e->deferred); /* in store_failing: has been, and was bad */

    if (wait != out_txn(out) && (e->late.rows_lost || (e->store_failing && due))) {
        edge_reply_busy(out, r, "\"not durable: the store is failing\"");
        return;
    }
    deferred_reply(e->deferred, out, wait, &reply);
}

/* ---- lists ---- */

struct silence_listing {
    UT_hash_handle hh;
    uint64_t request_id;
    struct arena *arena;
    struct str *ids; /* in order; those that are gone meanwhile are passed over */
    size_t n, next;
};

static void listing_free(struct silence_listing *l)
{
    arena_free(l->arena);
    free(l);
}

static struct silence_listing *listing_find(const struct edge *e, uint64_t request_id)
{
    struct silence_listing *l;

    HASH_FIND(hh, e->mute->listings, &request_id, sizeof(request_id), l);
    return l;
}

static void listing_drop(struct edge *e, struct silence_listing *l)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): uthash unlinks l before it is freed */
    HASH_DELETE(hh, e->mute->listings, l);
    listing_free(l);
}

/* The next elements; true when they were the last ones. */
static bool write_slice(struct edge *e, struct silence_listing *l, bool *comma, struct now now,
                        struct buf *b)
{
    while (l->next < l->n && b->n < API_SLICE_BYTES) {
        const struct silence *s = silence_set_find(e->mute->silences, l->ids[l->next++]);
        struct json_writer w;

        if (s == NULL)
            continue;
        if (*comma)
            buf_add_char(b, ',');
        *comma = true;
        json_writer_init(&w, b);
        api_silence_write(&w, s, now);
    }
    return l->next == l->n;
}

static struct silence_listing *listing_new(uint64_t request_id, const struct silence *const *v,
                                           size_t n)
{
    struct silence_listing *l = xcalloc(1, sizeof(*l));

    l->request_id = request_id;
    l->arena = arena_new(0);
    l->n = n;
    l->ids = ARENA_ARRAY(l->arena, struct str, n);
    for (size_t i = 0; i < n; i++)
        l->ids[i] = arena_str(l->arena, v[i]->id);
    return l;
}

static void begin_list(struct edge *e, const struct engine_request *r,
                       const struct silence *const *v, size_t n, struct now now, struct out *out)
{
    struct silence_listing *l = listing_new(r->id, v, n);
    struct engine_reply reply = api_make_reply(out_arena(out), r, 200, STR_EMPTY);
    bool comma = false, done;
    struct buf b;

    buf_init(&b, 0);
    buf_add_char(&b, '[');
    done = write_slice(e, l, &comma, now, &b);
    if (done)
        buf_add_str(&b, STR("]\n"));
    reply.content_type = "application/json";
    reply.body = arena_str(out_arena(out), buf_str(&b));
    reply.more = !done;
    buf_clear(&b);
    out_reply(out, &reply);
    if (done)
        listing_free(l);
    else
        HASH_ADD(hh, e->mute->listings, request_id, sizeof(l->request_id), l);
}

void edge_silences_more(struct edge *e, uint64_t request_id, struct now now, struct out *out)
{
    struct silence_listing *l = listing_find(e, request_id);
    struct engine_reply reply = {.request_id = request_id};
    bool comma = true; /* the first slice was full */
    struct buf b;

    if (l == NULL)
        return;
    buf_init(&b, 0);
    reply.more = !write_slice(e, l, &comma, now, &b);
    if (!reply.more)
        buf_add_str(&b, STR("]\n"));
    reply.body = arena_str(out_arena(out), buf_str(&b));
    buf_clear(&b);
    out_reply(out, &reply);
    if (!reply.more)
        listing_drop(e, l);
}

void edge_silences_gone(struct edge *e, uint64_t request_id)
{
    struct silence_listing *l = listing_find(e, request_id);

    if (l != NULL)
        listing_drop(e, l);
}

void edge_silences_free(struct edge *e)
{
    struct silence_listing *l, *next;

    HASH_ITER (hh, e->mute->listings, l, next)
        listing_drop(e, l);
}

static void get_silences(struct edge *e, const struct engine_request *r, enum matcher_mode mode,
                         struct now now, struct out *out)
{
    struct arena *a = out_arena(out);
    struct http_params q = http_query_parse(r->query, a);
    const struct silence *const *v;
    struct matchers filter;
    struct err err;
    size_t n;

    if (HASH_COUNT(e->mute->listings) >= API_LISTINGS_MAX) {
        edge_reply_busy(out, r, "\"too many lists at the same time\"");
        return;
    }
    if (api_params_matchers(&q, "filter", mode, a, &filter, &err) < 0) {
        api_reply_string(out, r, 400, arena_str(a, str_from(err.text)));
        return;
    }
    e->mute->queries++;
    n = silence_set_query(
        e->mute->silences,
        &(struct silence_query){.states = api_silence_states(&q), .filter = &filter}, now, a, &v);
    begin_list(e, r, v, n, now, out);
    matchers_clear(&filter);
}

static void get_silence(struct edge *e, const struct engine_request *r, struct str id,
                        struct now now, struct out *out)
{
    const struct silence *s = silence_set_find(e->mute->silences, id);
    struct json_writer w;
    struct buf b;

    e->mute->queries++;
    if (s == NULL) {
        api_reply_empty(out, r, 404);
        return;
    }
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    api_silence_write(&w, s, now);
    api_reply(out, r, 200, arena_str(out_arena(out), buf_str(&b)));
    buf_clear(&b);
}

/* ---- changes ---- */

static enum log_level log_level_of(const struct edge *e)
{
    return e->options.log_silences ? LOG_INFO : LOG_DEBUG;
}

static void log_change(const struct edge *e, const struct silence_change *c, struct out *out)
{
    struct buf b;

    buf_init(&b, KIB(1));
    for (size_t i = 0; i < c->silence->sets_n; i++)
        matchers_add_text(&b, &c->silence->sets[i]);
    OUT_LOG(out, log_level_of(e), "silence", c->created ? "silence created" : "silence updated",
            KV("id", c->silence->id), KV("created_by", c->silence->created_by),
            KV("matchers", buf_str(&b)),
            KV("replaces", c->expired != NULL ? c->expired->id : STR_EMPTY));
    buf_clear(&b);
}

static void post_silence(struct edge *e, const struct engine_request *r, struct now now,
                         struct out *out)
{
    struct arena *a = out_arena(out);
    struct silence_change change;
    struct api_error error;
    struct silence s;
    const char *objection;
    struct err err;
    int rc;

    if (api_silence_parse(r, a, &s, &error) < 0) {
        api_reply_error(out, r, &error);
        return;
    }
    objection = api_silence_objection(&s, now);
    if (objection != NULL) {
        api_reply_string(out, r, 400, str_from(objection));
        return;
    }
    if (edge_store_refuses(e, SILENCE_ROW_BYTES(r->body.n), now)) {
        edge_reply_busy(out, r, "\"not done: the store is behind\"");
        return;
    }
    rc = silence_set_put(e->mute->silences, &s, now, &e->mute->rand, &change, &err);
    if (rc < 0) {
        api_reply_string(out, r, api_silence_refusal_status(rc), arena_str(a, str_from(err.text)));
        return;
    }
    if (change.expired != NULL)
        edge_mute_put_silence(e, change.expired, out);
    edge_mute_put_silence(e, change.silence, out);
    log_change(e, &change, out);
    reply_when_stored(e, r, api_silence_created_json(change.silence->id, a), out);
}

static void delete_silence(struct edge *e, const struct engine_request *r, struct str id,
                           struct now now, struct out *out)
{
    const struct silence *s;

    if (edge_store_refuses(e, SILENCE_ROW_BYTES(0), now)) {
        edge_reply_busy(out, r, "\"not done: the store is behind\"");
        return;
    }
    if (silence_set_expire(e->mute->silences, id, now, &s) < 0) {
        api_reply_empty(out, r, 404);
        return;
    }
    if (s != NULL) {
        edge_mute_put_silence(e, s, out);
        OUT_LOG(out, log_level_of(e), "silence", "silence expired", KV("id", s->id));
    }
    reply_when_stored(e, r, STR_EMPTY, out);
}

/* ---- paths ---- */

static void one_silence(struct edge *e, const struct engine_request *r, struct str id,
                        struct now now, struct out *out)
{
    bool get = str_eq_c(r->method, "GET");
    struct arena *a = out_arena(out);

    if (!get && !str_eq_c(r->method, "DELETE")) {
        api_reply_not_allowed(out, r, "DELETE,GET");
    } else if (!api_silence_id_valid(id)) {
        struct buf b;
        struct api_error error = {.status = 422, .code = 601};

        buf_init(&b, KIB(4));
        buf_add_fmt(&b, "silenceID in path must be of type uuid: \"" STR_FMT "\"", STR_ARG(id));
        error.message = arena_str(a, buf_str(&b));
        buf_clear(&b);
        api_reply_error(out, r, &error);
    } else if (get) {
        get_silence(e, r, id, now, out);
    } else {
        delete_silence(e, r, id, now, out);
    }
}

bool edge_silences_request(struct edge *e, const struct engine_request *r, struct str path,
                           enum matcher_mode mode, struct now now, struct out *out)
{
    static const struct str one = STR_INIT("/silence/");

    if (str_eq_c(path, "/silences")) {
        if (str_eq_c(r->method, "GET"))
            get_silences(e, r, mode, now, out);
        else if (str_eq_c(r->method, "POST"))
            post_silence(e, r, now, out);
        else
            api_reply_not_allowed(out, r, "GET,POST");
        return true;
    }
    if (!str_starts(path, one) || path.n == one.n || memchr(path.p + one.n, '/', path.n - one.n))
        return false;
    one_silence(e, r, str_sub(path, one.n, path.n), now, out);
    return true;
}
