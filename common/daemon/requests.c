/* From an HTTP request to an engine input, and back. */
#include "common/core/api/cors.h"
#include "common/core/template/gotime.h"
#include "common/daemon/daemon_internal.h"
#include "common/io/log_out.h"

#define LOG_COMPONENT "web"

static struct principal web_principal(const struct http_request *req)
{
    struct principal who = {.kind = PRINCIPAL_NONE};
    const struct tls_peer *cert = req->peer.cert;
    struct str uri, slash;

    if (req->user.n > 0 && !str_eq_c(req->user, cert != NULL ? cert->uri_san : "")) {
        who.kind = PRINCIPAL_USER;
        who.user = req->user;
    } else if (cert != NULL && cert->verified) {
        uri = str_from(cert->uri_san);
        slash = uri;
        while (slash.n > 0 && slash.p[slash.n - 1] != '/')
            slash.n--;
        who.kind = PRINCIPAL_USER;
        who.user = uri.n > slash.n ? str_sub(uri, slash.n, uri.n) : str_from(cert->common_name);
        if (who.user.n == 0)
            who.kind = PRINCIPAL_NONE;
    }
    return who;
}

static struct str method_for(const struct http_request *req, struct str path)
{
    if (!str_eq_c(req->method, "HEAD") || str_starts(path, STR("/api/v2/")))
        return req->method;
    return STR("GET");
}

static void give(struct daemon *d, const struct http_request *req, enum engine_listener listener,
                 struct principal who, struct str path)
{
    struct engine_input in = {
        .kind = ENGINE_REQUEST,
        .request = {.id = req->id,
                    .listener = listener,
                    .who = who,
                    .method = method_for(req, path),
                    .path = path,
                    .query = req->query,
                    .host = http_request_header(req, "host"),
                    .content_type = http_request_header(req, "content-type"),
                    .accept = http_request_header(req, "accept"),
                    .origin = http_request_header(req, "origin"),
                    .cors_method = http_request_header(req, "access-control-request-method"),
                    .cors_headers = http_request_header(req, "access-control-request-headers"),
                    .body = req->body}};

    daemon_step(d, &in);
}

/* ---- what is answered here, without the engine ---- */

static void answer(struct daemon *d, struct exchange *e, const struct http_reply *reply)
{
    uint64_t id = e->id;

    exchange_answered(e, reply->status);
    e->bytes = reply->body.n;
    exchange_end(&d->exchanges, e); /* first: answering may bring the connection's next request */
    http_reply(d->http, id, reply);
}

static void answer_text(struct daemon *d, struct exchange *e, int status, struct str text)
{
    answer(d, e,
           &(struct http_reply){
               .status = status, .content_type = STR("text/plain; charset=utf-8"), .body = text});
}

static void redirect(struct daemon *d, struct exchange *e, int status, struct str to,
                     struct str query)
{
    struct buf location;
    struct http_header header = {.name = STR("Location")};

    buf_init(&location, 0);
    buf_add_fmt(&location, "%s" STR_FMT, d->prefix, STR_ARG(to));
    if (query.n > 0)
        buf_add_fmt(&location, "?" STR_FMT, STR_ARG(query));
    header.value = buf_str(&location);
    answer(d, e, &(struct http_reply){.status = status, .headers = &header, .headers_n = 1});
    buf_clear(&location);
}

static void reload(struct daemon *d, const struct http_request *req, struct exchange *e)
{
    static const struct http_header allow = {STR_INIT("Allow"), STR_INIT("POST")};
    struct err err;
    struct buf b;

    if (!str_eq_c(req->method, "POST")) {
        answer(d, e,
               &(struct http_reply){.status = 405,
                                    .content_type = STR("text/plain; charset=utf-8"),
                                    .headers = &allow,
                                    .headers_n = 1,
                                    .body = STR("Method Not Allowed\n")});
        return;
    }
    if (daemon_reload(d, &err) == 0) {
        answer(d, e, &(struct http_reply){.status = 200});
        return;
    }
    buf_init(&b, 0);
    buf_add_fmt(&b, "failed to reload config: %s\n", err.text);
    answer_text(d, e, 500, buf_str(&b));
    buf_clear(&b);
}

static void refuse_get(struct daemon *d, const struct http_request *req)
{
    static const struct http_header plain = {STR_INIT("X-Content-Type-Options"),
                                             STR_INIT("nosniff")};
    struct buf b;

    buf_init(&b, 0);
    buf_add_fmt(&b, "Limit of concurrent GET requests reached (%u), try again later.\n\n",
                d->exchanges.reads_max);
    http_reply(d->http, req->id,
               &(struct http_reply){.status = 503,
                                    .content_type = STR("text/plain; charset=utf-8"),
                                    .headers = &plain,
                                    .headers_n = 1,
                                    .body = buf_str(&b)});
    buf_clear(&b);
}

/* The path below the prefix; p NULL when it is not below. */
static struct str below_prefix(const struct daemon *d, struct str path)
{
    struct str prefix = str_from(d->prefix);

    if (!str_starts(path, prefix) || (path.n > prefix.n && path.p[prefix.n] != '/'))
        return (struct str){0};
    return path.n == prefix.n ? STR("") : str_sub(path, prefix.n, path.n);
}

static void serve(struct daemon *d, const struct http_request *req, struct exchange *e,
                  struct str path)
{
    bool get = str_eq_c(req->method, "GET") || str_eq_c(req->method, "HEAD");
    const char *meant = exchange_page_meant(path);

    if (path.p == NULL && str_eq_c(req->path, "/") && get)
        redirect(d, e, 302, STR(""), STR_EMPTY);
    else if (path.p == NULL)
        answer_text(d, e, 404, STR("404 page not found\n"));
    else if (path.n == 0)
        redirect(d, e, get ? 301 : 308, STR("/"), req->query);
    else if (meant != NULL)
        redirect(d, e, get ? 301 : 308, str_from(meant), req->query);
    else if (str_eq_c(path, "/-/reload"))
        reload(d, req, e);
    else
        give(d, req, LISTENER_WEB, web_principal(req), path);
}

static void set_timeout(struct daemon *d)
{
    const struct exchange *oldest = d->exchanges.by_id;

    while (oldest != NULL && !oldest->web)
        oldest = oldest->hh.next;
    if (d->settings->web_timeout_ms > 0)
        loop_timer_set(&d->web_timeout, oldest != NULL
                                            ? oldest->started_ms + d->settings->web_timeout_ms
                                            : TIME_NEVER);
}

void daemon_on_web_request(const struct http_request *req, void *arg)
{
    struct daemon *d = arg;
    struct str path = below_prefix(d, req->path);
    struct exchange *e = exchange_begin(&d->exchanges, req->id, req->method, path);

    if (e == NULL) {
        refuse_get(d, req);
        return;
    }
    if (cors_refuses(req->method, http_request_header(req, "origin"),
                     http_request_header(req, "host"), str_from(d->external_url),
                     d->settings->cors_allow_writes)) {
        d->exchanges.cross_origin++;
        answer_text(d, e, 403, STR(CORS_REFUSED));
        return;
    }
    serve(d, req, e, path);
    set_timeout(d);
}

/* Of an answer that has begun the rest cannot be an error page any more. */
void daemon_on_web_timeout(void *arg)
{
    struct daemon *d = arg;
    int64_t late_ms = loop_now(d->loop).mono_ms - d->settings->web_timeout_ms;
    struct exchange *e, *next;
    struct buf text;

    buf_init(&text, 0);
    buf_add_str(&text, STR("Exceeded configured timeout of "));
    go_duration_string(&text, d->settings->web_timeout_ms * 1000000);
    buf_add_str(&text, STR(".\n"));
    HASH_ITER (hh, d->exchanges.by_id, e, next) {
        struct engine_input gone = {.kind = ENGINE_GONE, .request_id = e->id};

        if (!e->web || e->started_ms > late_ms)
            continue;
        d->exchanges.timed_out++;
        if (e->slicing) {
            http_abort(d->http, e->id);
            exchange_forget(&d->exchanges, e);
        } else {
            answer_text(d, e, 503, buf_str(&text));
        }
        daemon_step(d, &gone);
        next = d->exchanges.by_id; /* the step may have ended others */
    }
    buf_clear(&text);
    set_timeout(d);
}

void daemon_on_federation_request(const struct http_request *req, void *arg)
{
    struct daemon *d = arg;
    struct principal who = {.kind = PRINCIPAL_NONE};

    if (req->peer.cert != NULL && req->peer.cert->verified) {
        who.kind = PRINCIPAL_PEER;
        who.identity = req->peer.cert->identity;
    }
    (void)exchange_follow(&d->exchanges, req->id);
    give(d, req, LISTENER_FEDERATION, who, req->path);
}

void daemon_on_drain(struct http_server *server, uint64_t id, void *arg)
{
    struct engine_input in = {.kind = ENGINE_MORE, .request_id = id};

    (void)server;
    daemon_step(arg, &in);
}

void daemon_on_gone(struct http_server *server, uint64_t id, void *arg)
{
    struct daemon *d = arg;
    struct engine_input in = {.kind = ENGINE_GONE, .request_id = id};

    (void)server;
    daemon_step(d, &in);
}

static void reply_slice(struct daemon *d, struct exchange *e, const struct engine_reply *reply)
{
    e->bytes += reply->body.n;
    if (!reply->more)
        exchange_end(&d->exchanges, e);
    http_reply_part(d->http, reply->request_id, reply->body, reply->more);
}

void daemon_reply(struct daemon *d, const struct engine_reply *reply)
{
    struct exchange *e = exchange_find(&d->exchanges, reply->request_id);
    struct http_header headers[ENGINE_REPLY_HEADERS_MAX];
    struct http_reply r = {.status = reply->status,
                           .content_type = str_from(reply->content_type),
                           .headers = headers,
                           .body = reply->body,
                           .more = reply->more};
    struct buf with_io;

    if (e == NULL) /* its client has gone, or its time ran out */
        return;
    if (e->slicing) {
        reply_slice(d, e, reply);
        return;
    }
    for (size_t i = 0; i < ENGINE_REPLY_HEADERS_MAX && reply->headers[i].name != NULL; i++)
        headers[r.headers_n++] = (struct http_header){.name = str_from(reply->headers[i].name),
                                                      .value = reply->headers[i].value};
    buf_init(&with_io, 0);
    if (reply->io_metrics) {
        buf_add_str(&with_io, reply->body);
        io_metrics_add(d, &with_io);
        r.body = buf_str(&with_io);
    }
    exchange_answered(e, reply->status);
    e->bytes = r.body.n;
    e->slicing = reply->more;
    if (!reply->more)
        exchange_end(&d->exchanges, e);
    http_reply(d->http, reply->request_id, &r);
    buf_clear(&with_io);
}

/* ---- the guard: web_config's, but health checks may stay open ---- */

static void authenticate(const struct http_request *req, void *arg)
{
    struct daemon *d = arg;
    const struct http_guard *inner = web_config_guard(d->web);
    bool health = str_ends(req->path, STR("/-/healthy")) || str_ends(req->path, STR("/-/ready"));

    if (health && d->program->open_health)
        http_admit(d->http, req->id, STR_EMPTY);
    else
        inner->authenticate(req, inner->arg);
}

static struct str guard_headers(void *arg)
{
    struct daemon *d = arg;
    const struct http_guard *inner = web_config_guard(d->web);

    return inner->headers != NULL ? inner->headers(inner->arg) : (struct str){0};
}

static void guard_gone(struct http_server *server, uint64_t id, void *arg)
{
    struct daemon *d = arg;
    const struct http_guard *inner = web_config_guard(d->web);

    if (inner->gone != NULL)
        inner->gone(server, id, inner->arg);
}

void daemon_guard_init(struct daemon *d)
{
    d->guard = (struct http_guard){
        .authenticate = authenticate, .headers = guard_headers, .gone = guard_gone, .arg = d};
}
