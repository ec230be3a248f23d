#include "common/core/api/api_v2.h"

#include "common/base/json.h"

#include <assert.h>

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
    if (r->origin.n > 0) {
        reply.headers[1] =
            (struct engine_header){.name = "Access-Control-Allow-Origin", .value = STR("*")};
        reply.headers[2] = (struct engine_header){.name = "Vary", .value = STR("Origin")};
    }
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

    reply.headers[ENGINE_REPLY_HEADERS_MAX - 1] =
        (struct engine_header){.name = "Allow", .value = str_from(allow)};
    if (reply.headers[1].name == NULL) { /* no gap: NULL ends the list */
        reply.headers[1] = reply.headers[ENGINE_REPLY_HEADERS_MAX - 1];
        reply.headers[ENGINE_REPLY_HEADERS_MAX - 1] = (struct engine_header){0};
    }
    out_reply(out, &reply);
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
    json_key(&w, "peers");
    json_open_array(&w);
    json_close_array(&w);
    json_put_str(&w, "status", STR("disabled"));
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

static bool receiver_matches(const struct matchers *m, struct str name)
{
    struct label label = {.name = STR("name"), .value = name};

    return matchers_match(m, (struct labels){.v = &label, .n = 1});
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
        if (!receiver_matches(&m, receivers->v[i].name))
            continue;
        json_open_object(&w);
        json_key(&w, "labels");
        json_open_object(&w);
        json_put_str(&w, "name", receivers->v[i].name);
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
