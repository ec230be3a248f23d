#include "common/io/http_conn.h"

#include "common/io/tls_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_COMPONENT "http"

/* What a client may send ahead of its turn. */
#define INPUT_BYTES_MAX KIB(64)
#define LINGER_MS (2 * MS_PER_S)
#define LINGER_BYTES_MAX MIB(64)

static const unsigned conn_next[CONN_STATES] = {
    [CONN_HANDSHAKE] = BIT(CONN_IDLE) | BIT(CONN_DEAD),
    [CONN_IDLE] = BIT(CONN_HEAD) | BIT(CONN_DEAD),
    [CONN_HEAD] =
        BIT(CONN_BODY) | BIT(CONN_GUARD) | BIT(CONN_APP) | BIT(CONN_DRAIN) | BIT(CONN_DEAD),
    [CONN_BODY] = BIT(CONN_GUARD) | BIT(CONN_APP) | BIT(CONN_DRAIN) | BIT(CONN_DEAD),
    [CONN_GUARD] = BIT(CONN_APP) | BIT(CONN_REPLY) | BIT(CONN_DRAIN) | BIT(CONN_DEAD),
    [CONN_APP] = BIT(CONN_REPLY) | BIT(CONN_DRAIN) | BIT(CONN_DEAD),
    [CONN_REPLY] = BIT(CONN_DRAIN) | BIT(CONN_DEAD),
    [CONN_DRAIN] = BIT(CONN_IDLE) | BIT(CONN_LINGER) | BIT(CONN_DEAD),
    [CONN_LINGER] = BIT(CONN_DEAD),
};

static int64_t now_ms(const struct conn *c)
{
    return loop_now(c->server->loop).mono_ms;
}

static int64_t at_rate_ms(const struct conn *c, uint64_t bytes)
{
    return (int64_t)(bytes * (uint64_t)MS_PER_S / (uint64_t)c->server->o.body_bytes_s);
}

/* Deadlines that the state's name implies; HEAD's is also IDLE's on a connection that has not sent
 * anything yet, since a client connects in order to ask. */
static int64_t state_deadline(const struct conn *c, enum conn_state state)
{
    const struct http_server_options *o = &c->server->o;

    switch (state) {
    case CONN_HANDSHAKE:
        return now_ms(c) + o->handshake_ms;
    case CONN_IDLE:
        return c->requests == 0 ? now_ms(c) + o->head_ms
                                : min_i64(now_ms(c) + o->idle_ms, c->accepted_ms + c->age_ms);
    case CONN_HEAD:
        return now_ms(c) + o->head_ms;
    case CONN_BODY:
        return now_ms(c) + o->body_ms + at_rate_ms(c, c->reader.content_length);
    case CONN_DRAIN:
        return now_ms(c) + o->drain_ms +
               at_rate_ms(c, evbuffer_get_length(bufferevent_get_output(c->bev)));
    case CONN_LINGER:
        return now_ms(c) + LINGER_MS;
    case CONN_GUARD:
    case CONN_APP:
    case CONN_REPLY:
    case CONN_DEAD:
    case CONN_STATES:
        break;
    }
    return TIME_NEVER;
}

void conn_enter(struct conn *c, enum conn_state state)
{
    assert((conn_next[c->state] & BIT(state)) != 0);
    TAILQ_REMOVE(&c->server->conns[c->state], c, link);
    c->state = state;
    TAILQ_INSERT_TAIL(&c->server->conns[state], c, link);
    loop_timer_set(&c->deadline, state_deadline(c, state));
}

static bool is_answering(const struct conn *c)
{
    return c->state == CONN_GUARD || c->state == CONN_APP || c->state == CONN_REPLY;
}

/* The reply is complete or will never be: the id means nothing from here on. */
void conn_request_forget(struct conn *c)
{
    if (c->request.id != 0)
        HASH_DEL(c->server->by_id, c);
    c->request = (struct http_request){0};
    c->server->stats.body_bytes -= c->body_counted;
    c->body_counted = 0;
    c->drained = false;
    free(c->user);
    c->user = NULL;
}

void conn_close(struct conn *c)
{
    struct listener *l = c->listener;
    uint64_t id = c->request.id;
    bool in_guard = c->state == CONN_GUARD, told = is_answering(c);

    if (c->state == CONN_DEAD)
        return;
    conn_enter(c, CONN_DEAD);
    bufferevent_disable(c->bev, EV_READ | EV_WRITE);
    bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
    if (told) {
        c->server->stats.clients_gone++;
        if (in_guard && l->o.guard->gone != NULL)
            l->o.guard->gone(c->server, id, l->o.guard->arg);
        else if (!in_guard && l->o.on_close != NULL)
            l->o.on_close(c->server, id, l->o.arg);
    }
    conn_request_forget(c);
    server_conn_gone(c);
    server_later(c);
}

void conn_free(struct conn *c)
{
    loop_timer_cancel(&c->deadline);
    TAILQ_REMOVE(&c->server->conns[c->state], c, link);
    bufferevent_free(c->bev);
    http_reader_clear(&c->reader);
    tls_peer_free(c->peer);
    free(c->user);
    free(c);
}

/* A request is whole: guard, then application */

static void request_fill(struct conn *c)
{
    const struct http_reader *r = &c->reader;

    c->request = (struct http_request){
        .id = ++c->server->last_id,
        .server = c->server,
        .listener_arg = c->listener->o.arg,
        .method = r->method,
        .path = r->path,
        .query = r->query,
        .target = r->target,
        .body = buf_str(&r->body),
        .headers = r->headers,
        .headers_n = r->headers_n,
        .minor = r->minor,
        .peer = {.address = str_from(c->address), .port = c->port, .tls = c->tls, .cert = c->peer},
    };
    HASH_ADD(hh, c->server->by_id, request.id, sizeof(c->request.id), c);
}

static void request_begin(struct conn *c)
{
    const struct http_guard *guard = c->listener->o.guard;

    c->requests++;
    c->server->stats.requests++;
    c->no_body = str_eq_c(c->reader.method, "HEAD");
    c->keep_alive = c->reader.keep_alive;
    c->chunked = false;
    request_fill(c);
    conn_enter(c, guard != NULL ? CONN_GUARD : CONN_APP);
    if (guard != NULL)
        guard->authenticate(&c->request, guard->arg);
    else
        c->listener->o.on_request(&c->request, c->listener->o.arg);
}

void http_admit(struct http_server *server, uint64_t id, struct str user)
{
    struct conn *c;

    HASH_FIND(hh, server->by_id, &id, sizeof(id), c);
    if (c == NULL || c->state != CONN_GUARD)
        return;
    if (user.n > 0) {
        c->user = xstrndup(user.p, user.n);
        c->request.user = str_from(c->user);
    }
    conn_enter(c, CONN_APP);
    c->listener->o.on_request(&c->request, c->listener->o.arg);
}

static bool cert_is_good(struct conn *c)
{
    struct err err;

    if (c->peer == NULL ||
        tls_peer_check(c->listener->o.tls, c->peer, loop_now(c->server->loop).wall_ms, &err) == 0)
        return true;
    c->server->stats.refused_revoked++;
    log_warn("connection closed: client certificate is not valid any more",
             KV("remote", (const char *)c->address), KV("serial", (const char *)c->peer->serial),
             KV("reason", (const char *)err.text));
    return false; /* once a connection, and there was a handshake: it needs no rate limit */
}

void conn_recheck(struct conn *c)
{
    if (c->state != CONN_DEAD && !cert_is_good(c))
        conn_close(c);
}

/* Reading */

static bool count_body(struct conn *c)
{
    struct http_server *s = c->server;

    s->stats.body_bytes += c->reader.body.cap - c->body_counted;
    c->body_counted = c->reader.body.cap;
    if (s->stats.body_bytes <= s->o.body_total_bytes_max)
        return true;
    s->stats.refused_body_memory++;
    conn_fail(c, 503, "too many bodies at once");
    return false;
}

static void on_reader_state(struct conn *c)
{
    struct http_reader *r = &c->reader;

    switch (r->state) {
    case HTTP_READER_HEAD:
        return;
    case HTTP_READER_BODY:
        if (c->state == CONN_HEAD) {
            conn_enter(c, CONN_BODY);
            c->body_started_ms = now_ms(c);
            if (r->expect_continue && evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
                conn_continue(c);
        } else if (r->chunked) {
            loop_timer_set(&c->deadline, max_i64(c->deadline.node.at_ms,
                                                 c->body_started_ms + c->server->o.body_ms +
                                                     at_rate_ms(c, r->body.n)));
        }
        return;
    case HTTP_READER_DONE:
        if (cert_is_good(c))
            request_begin(c);
        else
            conn_close(c);
        return;
    case HTTP_READER_ERROR:
        c->server->stats.bad_requests++;
        conn_fail(c, r->status, r->reason);
        return;
    }
}

/* Past libevent's buffer into the body: its socket reads bring at most 4 KiB each, and a copy. */
static bool read_direct(struct conn *c)
{
    size_t room;
    char *p = http_reader_space(&c->reader, &room);
    ssize_t n;

    if (room == 0)
        return false;
    if (!count_body(c))
        return true;
    n = read(c->fd, p, room);
    if (n <= 0) {
        if (n == 0)
            conn_close(c);
        return false; /* errors: libevent finds them too */
    }
    http_reader_filled(&c->reader, (size_t)n);
    return true;
}

/* True when something was taken and the state may have changed. */
static bool conn_read(struct conn *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    size_t n = evbuffer_get_contiguous_space(input), used;

    if (n == 0) {
        if (c->tls || c->state != CONN_BODY || !read_direct(c))
            return false;
        if (c->state != CONN_BODY)
            return true;
    } else {
        if (c->state == CONN_IDLE)
            conn_enter(c, CONN_HEAD);
        used = http_reader_feed(&c->reader, (const char *)evbuffer_pullup(input, (ssize_t)n), n);
        evbuffer_drain(input, used);
        if (!count_body(c))
            return true;
    }
    on_reader_state(c);
    return true;
}

static void linger_read(struct conn *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    size_t n = evbuffer_get_length(input);

    evbuffer_drain(input, n);
    c->lingered += n;
    if (c->lingered > LINGER_BYTES_MAX)
        conn_close(c);
}

/* As far as input and answers allow. Not re-entrant: an answer given while the request is being
 * handed out is noticed when the callback returns. */
void conn_process(struct conn *c)
{
    bool more = true;

    if (c->processing)
        return;
    c->processing = true;
    while (more && (c->state == CONN_IDLE || c->state == CONN_HEAD || c->state == CONN_BODY))
        more = conn_read(c);
    if (c->state == CONN_LINGER)
        linger_read(c);
    c->processing = false;
}

/* Events */

static void on_read(struct bufferevent *bev UNUSED, void *arg)
{
    struct conn *c = arg;

    loop_enter(c->server->loop);
    conn_process(c);
}

static void on_written(struct bufferevent *bev UNUSED, void *arg)
{
    struct conn *c = arg;

    loop_enter(c->server->loop);
    conn_written(c);
}

static void on_handshake(struct conn *c)
{
    uint64_t suppressed;
    struct err err;

    if (tls_peer_new(c->listener->o.tls, bufferevent_openssl_get_ssl(c->bev),
                     loop_now(c->server->loop).wall_ms, &c->peer, &err) < 0) {
        c->server->stats.handshake_failures++;
        if (log_every(&c->server->log_handshake, now_ms(c), MS_PER_S, &suppressed))
            log_warn("client certificate refused", KV("remote", (const char *)c->address),
                     KV("reason", (const char *)err.text), KV("suppressed", suppressed));
        conn_close(c);
        return;
    }
    conn_enter(c, CONN_IDLE);
    conn_process(c);
}

static void on_eof(struct conn *c)
{
    if (c->state != CONN_DRAIN) {
        conn_close(c);
        return;
    }
    c->input_ended = true; /* `printf … | nc -N`: it still gets its answer */
    bufferevent_disable(c->bev, EV_READ);
}

/* A client whose certificate does not verify is told by an alert, and the operator here. */
static void handshake_failed(struct conn *c)
{
    unsigned long code = bufferevent_get_openssl_error(c->bev);
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    uint64_t suppressed;

    c->server->stats.handshake_failures++;
    if (log_every(&c->server->log_handshake, now_ms(c), MS_PER_S, &suppressed))
        log_warn("TLS handshake failed", KV("remote", (const char *)c->address),
                 KV("reason", reason != NULL ? reason : "connection closed"),
                 KV("suppressed", suppressed));
    conn_close(c);
}

static void on_event(struct bufferevent *bev UNUSED, short what, void *arg)
{
    struct conn *c = arg;

    loop_enter(c->server->loop);
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        on_handshake(c);
    } else if (c->state == CONN_HANDSHAKE) {
        handshake_failed(c);
    } else if ((what & BEV_EVENT_EOF) != 0) {
        on_eof(c);
    } else if ((what & BEV_EVENT_ERROR) != 0) {
        conn_close(c);
    }
}

static void on_deadline(void *arg)
{
    struct conn *c = arg;
    struct http_server_stats *stats = &c->server->stats;

    switch (c->state) {
    case CONN_HANDSHAKE:
        stats->timeouts_handshake++;
        break;
    case CONN_IDLE:
        if (now_ms(c) >= c->accepted_ms + c->age_ms)
            stats->closed_age++;
        else
            stats->timeouts_idle++;
        break;
    case CONN_HEAD:
        stats->timeouts_head++;
        conn_fail(c, 408, "request took too long");
        return;
    case CONN_BODY:
        stats->timeouts_body++;
        conn_fail(c, 408, "request took too long");
        return;
    case CONN_REPLY:
    case CONN_DRAIN:
        stats->timeouts_drain++;
        break;
    case CONN_GUARD:
    case CONN_APP:
    case CONN_LINGER:
    case CONN_DEAD:
    case CONN_STATES:
        break;
    }
    conn_close(c);
}

static struct bufferevent *bufferevent_make(struct listener *l, int fd)
{
    struct event_base *base = loop_base(l->server->loop);
    struct bufferevent *bev;
    SSL *ssl;

    if (l->o.tls == NULL)
        return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    ssl = tls_server_accept(l->o.tls);
    bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL)
        SSL_free(ssl);
    else
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

static uint16_t address_text(const struct sockaddr_storage *from, char ret[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;

    if (from->ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, ret, INET6_ADDRSTRLEN);
        return ntohs(v4->sin_port);
    }
    if (from->ss_family != AF_INET6) {
        (void)snprintf(ret, INET6_ADDRSTRLEN, "local");
        return 0;
    }
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], ret, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, ret, INET6_ADDRSTRLEN);
    return ntohs(v6->sin6_port);
}

void conn_new(struct listener *l, int fd, const struct sockaddr_storage *from,
              struct http_address *source)
{
    struct http_server *s = l->server;
    struct conn *c = xcalloc(1, sizeof(*c));
    int one = 1;

    c->bev = bufferevent_make(l, fd);
    if (c->bev == NULL)
        abort(); /* out of memory, as in xmalloc */
    c->server = s;
    c->listener = l;
    c->source = source;
    c->fd = fd;
    c->tls = l->o.tls != NULL;
    c->accepted_ms = loop_now(s->loop).mono_ms;
    /* Within a tenth, so that what connected together does not come back together. */
    c->age_ms = s->o.age_ms - (int64_t)(hash_mix(s->stats.connections_accepted, 1) %
                                        (uint64_t)(s->o.age_ms / 10 + 1));
    c->port = address_text(from, c->address);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    http_reader_init(&c->reader, &(struct http_reader_limits){
                                     .line_bytes_max = s->o.line_bytes_max,
                                     .head_bytes_max = s->o.head_bytes_max,
                                     .headers_max = s->o.headers_max,
                                     .body_bytes_max = l->o.body_bytes_max,
                                 });
    loop_timer_init(&c->deadline, s->loop, on_deadline, c);
    c->state = c->tls ? CONN_HANDSHAKE : CONN_IDLE;
    TAILQ_INSERT_TAIL(&s->conns[c->state], c, link);
    loop_timer_set(&c->deadline, state_deadline(c, c->state));
    bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_BYTES_MAX);
    bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}
