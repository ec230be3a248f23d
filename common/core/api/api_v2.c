#include "common/core/api/api_list.h"

#include "common/base/json.h"

#include <assert.h>
#include <errno.h>

/* ---- requests ---- */

int api_check_media(const struct engine_request *r, struct arena *a, struct api_error *ret_error)
{
    struct str type = http_media_type(r->content_type);

    if (r->body.n == 0 && !http_accepts_json(r->accept)) {
        *ret_error = (struct api_error){
            406, 406,
            STR("unsupported media type requested, only [application/json] are available")};
        return -EINVAL;
    }
    if (type.n == 0)
        type = STR("application/octet-stream");
    if (r->body.n == 0 || str_eq_nocase(type, STR("application/json")))
        return 0;
    *ret_error = (struct api_error){
        415, 415,
        arena_fmt(a, "unsupported media type \"" STR_FMT "\", only [application/json] are allowed",
                  STR_ARG(type))};
    return -EINVAL;
}

bool api_media_fine(const struct engine_request *r, struct out *out)
{
    struct api_error e;

    if (api_check_media(r, out_arena(out), &e) == 0)
        return true;
    api_reply_error(out, r, &e);
    return false;
}

/* ---- answers ---- */

/* A JSON text with Go's newline behind it. */
static struct str line(struct arena *a, struct str json)
{
    return arena_fmt(a, STR_FMT "\n", STR_ARG(json));
}

struct engine_reply api_make_reply(struct arena *a, const struct engine_request *r, int status,
                                   struct str json)
{
    struct engine_reply reply = {.request_id = r->id,
                                 .status = status,
                                 .content_type = json.n > 0 ? "application/json" : NULL,
                                 .body = json.n > 0 ? line(a, json) : STR_EMPTY};

    reply.headers[0] = (struct engine_header){.name = "Cache-Control", .value = STR("no-store")};
    reply.headers[1] = (struct engine_header){.name = "Vary", .value = STR("Origin")};
    if (r->origin.n > 0 && !str_eq_c(r->method, "DELETE")) /* as in Alertmanager's list */
        reply.headers[2] =
            (struct engine_header){.name = "Access-Control-Allow-Origin", .value = STR("*")};
    return reply;
}

void api_reply(struct out *out, const struct engine_request *r, int status, struct str json)
{
    struct engine_reply reply = api_make_reply(out_arena(out), r, status, json);

    out_reply(out, &reply);
}

void api_reply_empty(struct out *out, const struct engine_request *r, int status)
{
    api_reply(out, r, status, STR_EMPTY);
}

struct str api_json_string(struct out *out, struct str text)
{
    struct str json;
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_add_str(&w, text);
    json = arena_str(out_arena(out), buf_str(&b));
    buf_clear(&b);
    return json;
}

void api_reply_string(struct out *out, const struct engine_request *r, int status, struct str text)
{
    api_reply(out, r, status, api_json_string(out, text));
}

static struct engine_reply error_reply(struct arena *a, const struct engine_request *r,
                                       const struct api_error *e)
{
    struct engine_reply reply;
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_i64(&w, "code", e->code);
    json_put_str(&w, "message", e->message);
    json_close_object(&w);
    reply = api_make_reply(a, r, e->status, buf_str(&b));
    buf_clear(&b);
    return reply;
}

void api_reply_error(struct out *out, const struct engine_request *r, const struct api_error *e)
{
    struct engine_reply reply = error_reply(out_arena(out), r, e);

    out_reply(out, &reply);
}

void api_reply_not_found(struct out *out, const struct engine_request *r)
{
    struct api_error e = {
        .status = 404,
        .code = 404,
        .message = arena_fmt(out_arena(out), "path " STR_FMT " was not found", STR_ARG(r->path))};

    api_reply_error(out, r, &e);
}

void api_reply_not_allowed(struct out *out, const struct engine_request *r, const char *allow)
{
    struct arena *a = out_arena(out);
    struct api_error e = {.status = 405,
                          .code = 405,
                          .message = arena_fmt(a, "method " STR_FMT " is not allowed, but [%s] are",
                                               STR_ARG(r->method), allow)};
    struct engine_reply reply = error_reply(a, r, &e);

    for (size_t i = 0; i < ENGINE_REPLY_HEADERS_MAX; i++) {
        if (reply.headers[i].name == NULL) {
            reply.headers[i] = (struct engine_header){.name = "Allow", .value = str_from(allow)};
            break;
        }
    }
    out_reply(out, &reply);
}

/* There is no gossip yet: who is in a cluster is alone in it. */
static void write_cluster(struct json_writer *w, const struct api_status *s)
{
    bool enabled = s->cluster_name.n > 0;

    if (enabled)
        json_put_str(w, "name", s->cluster_name);
    json_key(w, "peers");
    json_open_array(w);
    if (enabled) {
        json_open_object(w);
        json_put_str(w, "address", s->cluster_address);
        json_put_str(w, "name", s->cluster_name);
        json_close_object(w);
    }
    json_close_array(w);
    json_put_str(w, "status",
                 !enabled     ? STR("disabled")
                 : s->settled ? STR("ready")
                              : STR("settling"));
}

void api_v2_get_status(const struct engine_request *r, const struct api_status *s, struct out *out)
{
    static const char *const unknown[] = {"branch", "buildDate", "buildUser", "goVersion",
                                          "revision"};
    struct buf b;
    struct json_writer w;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_key(&w, "cluster");
    json_open_object(&w);
    write_cluster(&w, s);
    json_close_object(&w);
    json_key(&w, "config");
    json_open_object(&w);
    json_put_str(&w, "original", s->config);
    json_close_object(&w);
    json_put_time(&w, "uptime", s->started_wall_ms);
    json_key(&w, "versionInfo");
    json_open_object(&w);
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        json_put_str(&w, unknown[i], STR_EMPTY);
    json_put_str(&w, "version", s->version);
    json_close_object(&w);
    json_close_object(&w);
    api_reply(out, r, 200, arena_str(out_arena(out), buf_str(&b)));
    buf_clear(&b);
}

struct labels api_receiver_labels(const struct receiver *r, struct label *room)
{
    if (r->labels.n > 0)
        return r->labels;
    *room = (struct label){.name = STR("name"), .value = r->name};
    return (struct labels){.v = room, .n = 1};
}

void api_v2_get_receivers(const struct engine_request *r, const struct receivers *receivers,
                          enum matcher_mode mode, struct out *out)
{
    struct arena *a = out_arena(out);
    struct http_params q = http_query_parse(r->query, a);
    struct matchers m;
    struct err err;
    struct buf b;
    struct json_writer w;

    if (api_params_matchers(&q, "receiver_matchers", mode, a, &m, &err) < 0) {
        api_reply_string(out, r, 400,
                         arena_fmt(a, "failed to parse receiver_matchers param: %s", err.text));
        return;
    }
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_array(&w);
    for (size_t i = 0; i < receivers->n; i++) {
        struct label room;
        struct labels labels = api_receiver_labels(&receivers->v[i], &room);

        if (!api_filter_labels(&m, labels))
            continue;
        json_open_object(&w);
        json_key(&w, "labels");
        json_open_object(&w);
        LABELS_EACH (&labels, it) {
            json_key_str(&w, it->name);
            json_add_str(&w, it->value);
        }
        json_close_object(&w);
        json_put_str(&w, "name", receivers->v[i].name);
        json_close_object(&w);
    }
    json_close_array(&w);
    api_reply(out, r, 200, arena_str(a, buf_str(&b)));
    buf_clear(&b);
    matchers_clear(&m);
}

int api_params_matchers(const struct http_params *q, const char *name, enum matcher_mode mode,
                        struct arena *a, struct matchers *ret, struct err *err)
{
    struct matchers m = {.v = ARENA_ARRAY(a, struct matcher, q->n)};

    for (size_t i = 0; i < q->n; i++) {
        int r;

        if (!str_eq_c(q->v[i].name, name))
            continue;
        r = matcher_parse(q->v[i].value, mode, a, &m.v[m.n], err);
        if (r < 0) {
            matchers_clear(&m);
            return r;
        }
        m.n++;
    }
    *ret = m;
    return 0;
}
