/* From an HTTP request to an engine input, and back. */
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

static void give(struct daemon *d, const struct http_request *req, enum engine_listener listener,
                 struct principal who, struct str path)
{
    struct engine_input in = {
        .kind = ENGINE_REQUEST,
        .request = {.id = req->id,
                    .listener = listener,
                    .who = who,
                    .method = str_eq_c(req->method, "HEAD") ? STR("GET") : req->method,
                    .path = path,
                    .query = req->query,
                    .content_type = http_request_header(req, "content-type"),
                    .accept = http_request_header(req, "accept"),
                    .origin = http_request_header(req, "origin"),
                    .body = req->body}};

    daemon_step(d, &in);
}

static void reload(struct daemon *d, const struct http_request *req)
{
    struct err err;
    struct buf b;

    if (!str_eq_c(req->method, "POST")) {
        http_reply_text(d->http, req->id, 405, STR("Method Not Allowed\n"));
        return;
    }
    if (daemon_reload(d, &err) == 0) {
        http_reply(d->http, req->id, &(struct http_reply){.status = 200});
        return;
    }
    buf_init(&b, 0);
    buf_add_fmt(&b, "failed to reload config: %s\n", err.text);
    http_reply_text(d->http, req->id, 500, buf_str(&b));
    buf_clear(&b);
}

void daemon_on_web_request(const struct http_request *req, void *arg)
{
    struct daemon *d = arg;
    struct str path = req->path, prefix = str_from(d->prefix);

    if (prefix.n > 0) {
        if (str_eq_c(path, "/")) {
            struct http_header location = {.name = STR("Location"), .value = prefix};

            http_reply(d->http, req->id,
                       &(struct http_reply){.status = 302, .headers = &location, .headers_n = 1});
            return;
        }
        if (!str_starts(path, prefix) || (path.n > prefix.n && path.p[prefix.n] != '/')) {
            http_reply_text(d->http, req->id, 404, STR("404 page not found\n"));
            return;
        }
        path = path.n == prefix.n ? STR("/") : str_sub(path, prefix.n, path.n);
    }
    if (str_eq_c(path, "/-/reload"))
        reload(d, req);
    else
        give(d, req, LISTENER_WEB, web_principal(req), path);
}

void daemon_on_federation_request(const struct http_request *req, void *arg)
{
    struct daemon *d = arg;
    struct principal who = {.kind = PRINCIPAL_NONE};

    if (req->peer.cert != NULL && req->peer.cert->verified) {
        who.kind = PRINCIPAL_PEER;
        who.identity = req->peer.cert->identity;
    }
    give(d, req, LISTENER_FEDERATION, who, req->path);
}

void daemon_on_drain(struct http_server *server, uint64_t id, void *arg)
{
    struct engine_input in = {.kind = ENGINE_MORE, .request_id = id};

    (void)server;
    daemon_step(arg, &in);
}

void slicing_forget(struct daemon *d, uint64_t id)
{
    struct slicing *s;

    HASH_FIND(hh, d->slicing, &id, sizeof(id), s);
    if (s != NULL) {
        HASH_DEL(d->slicing, s);
        free(s);
    }
}

void daemon_on_gone(struct http_server *server, uint64_t id, void *arg)
{
    struct daemon *d = arg;
    struct engine_input in = {.kind = ENGINE_GONE, .request_id = id};

    (void)server;
    daemon_step(d, &in);
}

void daemon_reply(struct daemon *d, const struct engine_reply *reply)
{
    struct http_header headers[ENGINE_REPLY_HEADERS_MAX];
    struct http_reply r = {.status = reply->status,
                           .content_type = str_from(reply->content_type),
                           .headers = headers,
                           .body = reply->body,
                           .more = reply->more};
    struct slicing *s;
    struct buf with_io;

    HASH_FIND(hh, d->slicing, &reply->request_id, sizeof(reply->request_id), s);
    if (s != NULL) {
        http_reply_part(d->http, reply->request_id, reply->body, reply->more);
        if (!reply->more)
            slicing_forget(d, reply->request_id);
        return;
    }
    for (size_t i = 0; i < ENGINE_REPLY_HEADERS_MAX && reply->headers[i].name != NULL; i++)
        headers[r.headers_n++] = (struct http_header){.name = str_from(reply->headers[i].name),
                                                      .value = reply->headers[i].value};
    if (reply->more) {
        s = xcalloc(1, sizeof(*s));
        s->id = reply->request_id;
        HASH_ADD(hh, d->slicing, id, sizeof(s->id), s);
    }
    buf_init(&with_io, 0);
    if (reply->io_metrics) {
        buf_add_str(&with_io, reply->body);
        io_metrics_add(d, &with_io);
        r.body = buf_str(&with_io);
    }
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
