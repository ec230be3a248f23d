/* Silences over HTTP: core specification §10.6. What a POST or a DELETE has done is answered when
 * it is on disk. */
#include "common/core/api/api_silences.h"
#include "edge/core/edge_internal.h"

#include <errno.h>

/* The answer to something that has changed silences, or finds them changed by somebody whose own
 * answer may still be waiting. */
static void reply_when_stored(struct edge *e, const struct engine_request *r, struct str json,
                              struct out *out)
{
    struct engine_reply reply = api_make_reply(out_arena(out), r, 200, json);
    uint64_t wait = e->mute->silences_txn;

    if (e->store_failing && wait > deferred_stored_txn(e->deferred) && wait != out_txn(out)) {
        edge_reply_busy(out, r, "\"not durable: the store is failing\"");
        return;
    }
    deferred_reply(e->deferred, out, wait, &reply);
}

/* ---- lists ---- */

static void write_list(struct buf *b, const struct silence *const *v, size_t n, struct now now)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_open_array(&w);
    for (size_t i = 0; i < n; i++)
        api_silence_write(&w, v[i], now);
    json_close_array(&w);
}

static void get_silences(struct edge *e, const struct engine_request *r, enum matcher_mode mode,
                         struct now now, struct out *out)
{
    struct arena *a = out_arena(out);
    struct http_params q = http_query_parse(r->query, a);
    const struct silence *const *v;
    struct matchers filter;
    struct err err;
    struct buf b;
    size_t n;

    if (api_params_matchers(&q, "filter", mode, a, &filter, &err) < 0) {
        api_reply_string(out, r, 400, arena_str(a, str_from(err.text)));
        return;
    }
    e->mute->queries++;
    n = silence_set_query(
        e->mute->silences,
        &(struct silence_query){.states = api_silence_states(&q), .filter = &filter}, now, a, &v);
    buf_init(&b, 0);
    write_list(&b, v, n, now);
    api_reply(out, r, 200, arena_str(a, buf_str(&b)));
    buf_clear(&b);
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
