#include "common/io/http_conn.h"

#include "common/base/vec.h"
#include "common/io/tls_server.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_COMPONENT "http"

#define ACCEPTS_PER_EVENT 64
#define RECHECK_MS (15 * MS_PER_S)
/* Left to everything that is not a client: store, log, outgoing connections, reloads. */
#define DESCRIPTORS_RESERVED 128
#define CONNECTIONS_MIN 16

struct str http_request_header(const struct http_request *req, const char *name)
{
    struct str want = str_from(name);

    for (size_t i = 0; i < req->headers_n; i++)
        if (str_eq_nocase(req->headers[i].name, want))
            return req->headers[i].value;
    return (struct str){0};
}

const struct http_server_stats *http_server_stats(const struct http_server *server)
{
    return &server->stats;
}

/* Options */

static unsigned connections_default(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur < DESCRIPTORS_RESERVED + CONNECTIONS_MIN)
        return CONNECTIONS_MIN;
    if (limit.rlim_cur > 1000000)
        return 1000000;
    return (unsigned)(limit.rlim_cur - DESCRIPTORS_RESERVED);
}

#define DEFAULT(field, value) \
    if (o->field == 0) \
    o->field = (value)

static void options_defaults(struct http_server_options *o)
{
    DEFAULT(line_bytes_max, HTTP_LINE_BYTES_DEFAULT);
    DEFAULT(head_bytes_max, HTTP_HEAD_BYTES_DEFAULT);
    DEFAULT(headers_max, HTTP_HEADERS_DEFAULT);
    DEFAULT(body_total_bytes_max, MIB(512));
    DEFAULT(connections_max, connections_default());
    DEFAULT(connections_ip_max, (o->connections_max + 1) / 2);
    DEFAULT(handshake_ms, 5 * MS_PER_S);
    DEFAULT(head_ms, 5 * MS_PER_S);
    DEFAULT(body_ms, 10 * MS_PER_S);
    DEFAULT(body_bytes_s, (int64_t)KIB(16));
    DEFAULT(drain_ms, 30 * MS_PER_S);
    DEFAULT(idle_ms, 60 * MS_PER_S);
    DEFAULT(age_ms, MS_PER_H);
    DEFAULT(requests_max, 100000);
    DEFAULT(accept_pause_ms, 100);
}

/* Work that must wait until dispatch has ended */

static void stopped_check(struct http_server *s)
{
    loop_fn done = s->on_stopped;

    if (!s->stopping || s->stats.connections_open > 0 || done == NULL)
        return;
    s->on_stopped = NULL;
    loop_timer_cancel(&s->stop_at);
    done(s->on_stopped_arg);
}

static void on_later(void *arg)
{
    struct http_server *s = arg;
    struct conn_list todo = TAILQ_HEAD_INITIALIZER(todo);
    struct conn *c;

    s->later_posted = false;
    if (s->freed) {
        free(s);
        return;
    }
    TAILQ_CONCAT(&todo, &s->later, later_link);
    while ((c = TAILQ_FIRST(&todo)) != NULL) {
        TAILQ_REMOVE(&todo, c, later_link);
        c->is_later = false;
        if (c->state == CONN_DEAD) {
            conn_free(c);
        } else if (c->drained) {
            c->drained = false;
            if (c->listener->o.on_drain != NULL)
                c->listener->o.on_drain(s, c->request.id, c->listener->o.arg);
        }
    }
    stopped_check(s);
}

static void later_post(struct http_server *s)
{
    if (s->later_posted)
        return;
    s->later_posted = true;
    loop_post(s->loop, on_later, s);
}

void server_later(struct conn *c)
{
    if (!c->is_later) {
        c->is_later = true;
        TAILQ_INSERT_TAIL(&c->server->later, c, later_link);
    }
    later_post(c->server);
}

/* Accepting */

static struct http_address *address_take(struct http_server *s, const struct sockaddr_storage *from)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;
    struct http_address *a;
    struct in6_addr key = {0};

    if (from->ss_family != AF_INET && from->ss_family != AF_INET6) /* of this machine */
        return NULL;
    if (from->ss_family == AF_INET) {
        key.s6_addr[10] = key.s6_addr[11] = 0xff;
        memcpy(&key.s6_addr[12], &v4->sin_addr, 4);
    } else {
        key = v6->sin6_addr;
    }
    if (IN6_IS_ADDR_LOOPBACK(&key) || (IN6_IS_ADDR_V4MAPPED(&key) && key.s6_addr[12] == 127))
        return NULL;
    HASH_FIND(hh, s->addresses, &key, sizeof(key), a);
    if (a == NULL) {
        a = xcalloc(1, sizeof(*a));
        a->key = key;
        HASH_ADD(hh, s->addresses, key, sizeof(a->key), a);
    }
    a->connections++;
    return a;
}

static void address_give(struct http_server *s, struct http_address *a)
{
    if (a == NULL || --a->connections > 0)
        return;
    HASH_DEL(s->addresses, a);
    free(a);
}

void server_conn_gone(struct conn *c)
{
    address_give(c->server, c->source);
    c->source = NULL;
    c->server->stats.connections_open--;
}

static void log_refusal(struct http_server *s, const char *why)
{
    uint64_t suppressed;

    if (log_every(&s->log_refused, loop_now(s->loop).mono_ms, MS_PER_S, &suppressed))
        log_warn("connection refused", KV("reason", why), KV("suppressed", suppressed));
}

/* At the cap whoever has been idle longest makes room; when nobody is, the newcomer is refused. */
static bool make_room(struct http_server *s)
{
    struct conn *oldest;

    if (s->stats.connections_open < s->o.connections_max)
        return true;
    oldest = TAILQ_FIRST(&s->conns[CONN_IDLE]);
    if (oldest != NULL && oldest->requests > 0) {
        conn_close(oldest);
        return true;
    }
    s->stats.refused_total_cap++;
    log_refusal(s, "connections_max reached");
    return false;
}

static void accepted(struct listener *l, int fd, const struct sockaddr_storage *from)
{
    struct http_server *s = l->server;
    struct http_address *source;

    if (!make_room(s)) {
        close(fd);
        return;
    }
    source = address_take(s, from);
    if (source != NULL && source->connections > s->o.connections_ip_max) {
        address_give(s, source);
        s->stats.refused_ip_cap++;
        log_refusal(s, "connections_ip_max reached");
        close(fd);
        return;
    }
    s->stats.connections_open++;
    s->stats.connections_accepted++;
    conn_new(l, fd, from, source);
}

static void listeners_pause(struct http_server *s, int error)
{
    uint64_t suppressed;

    s->stats.accept_pauses++;
    VEC_EACH (&s->listeners, struct listener *, it)
        event_del((*it)->event);
    loop_timer_set(&s->accept_again, loop_now(s->loop).mono_ms + s->o.accept_pause_ms);
    if (log_every(&s->log_pause, loop_now(s->loop).mono_ms, MS_PER_S, &suppressed))
        log_error("cannot accept connections, pausing", KV("reason", strerrordesc_np(error)),
                  KV("connections", s->stats.connections_open), KV("suppressed", suppressed));
}

static void on_accept_again(void *arg)
{
    struct http_server *s = arg;

    VEC_EACH (&s->listeners, struct listener *, it)
        event_add((*it)->event, NULL);
}

static void on_accept(evutil_socket_t listener_fd, short what UNUSED, void *arg)
{
    struct listener *l = arg;

    loop_enter(l->server->loop);
    for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
        struct sockaddr_storage from = {0};
        socklen_t n = sizeof(from);
        int fd =
            accept4((int)listener_fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            accepted(l, fd, &from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            listeners_pause(l->server, errno);
        if (errno != ECONNABORTED && errno != EINTR)
            break;
    }
}

/* Listening */

static void on_recheck(void *arg)
{
    struct http_server *s = arg;
    struct conn *c, *next;

    for (int state = 0; state < CONN_DEAD; state++)
        TAILQ_FOREACH_SAFE (c, &s->conns[state], link, next)
            conn_recheck(c);
    loop_timer_set(&s->sweep, loop_now(s->loop).mono_ms + RECHECK_MS);
}

int http_server_listen(struct http_server *s, const struct http_listener_options *options,
                       uint16_t *ret_port, struct err *err)
{
    int fd =
        options->fd > 0 ? listening_take(options->fd, err) : listening_open(options->address, err);
    struct listener *l;
    uint16_t port;

    if (fd < 0)
        return fd;
    l = xcalloc(1, sizeof(*l));
    l->server = s;
    l->o = *options;
    l->o.address = NULL; /* the caller's; l->address says where it really is */
    l->o.fd = 0;
    if (l->o.body_bytes_max == 0)
        l->o.body_bytes_max = HTTP_BODY_BYTES_DEFAULT;
    l->fd = fd;
    port = listening_name(fd, l->address, sizeof(l->address));
    l->event = event_new(loop_base(s->loop), fd, EV_READ | EV_PERSIST, on_accept, l);
    if (l->event == NULL || event_add(l->event, NULL) < 0)
        abort();
    *VEC_PUSH(&s->listeners) = l; /* NOLINT(bugprone-sizeof-expression): of pointers */
    if (l->o.tls != NULL && !heap_has(&s->sweep.node))
        loop_timer_set(&s->sweep, loop_enter(s->loop).mono_ms + RECHECK_MS);
    if (ret_port != NULL)
        *ret_port = port;
    return (int)s->listeners.n - 1;
}

struct str http_listener_address(const struct http_server *server, int listener)
{
    assert(listener >= 0 && (size_t)listener < server->listeners.n);
    return str_from(server->listeners.v[listener]->address);
}

/* Life */

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options)
{
    struct http_server *s = xcalloc(1, sizeof(*s));

    s->loop = loop;
    if (options != NULL)
        s->o = *options;
    options_defaults(&s->o);
    for (size_t i = 0; i < CONN_STATES; i++)
        TAILQ_INIT(&s->conns[i]);
    TAILQ_INIT(&s->later);
    buf_init(&s->scratch, 0);
    loop_timer_init(&s->accept_again, loop, on_accept_again, s);
    loop_timer_init(&s->sweep, loop, on_recheck, s);
    return s;
}

static void listeners_close(struct http_server *s)
{
    loop_timer_cancel(&s->accept_again);
    VEC_EACH (&s->listeners, struct listener *, it) {
        struct listener *l = *it;

        if (l->fd < 0)
            continue;
        event_free(l->event);
        close(l->fd);
        l->fd = -1;
    }
}

static void conns_close(struct http_server *s, int first_state, int last_state)
{
    for (int state = first_state; state <= last_state; state++)
        while (!TAILQ_EMPTY(&s->conns[state]))
            conn_close(TAILQ_FIRST(&s->conns[state]));
}

static void on_stop_deadline(void *arg)
{
    conns_close(arg, 0, CONN_DEAD - 1);
}

void http_server_stop(struct http_server *s, int64_t deadline_mono_ms, loop_fn done, void *arg)
{
    s->stopping = true;
    s->on_stopped = done;
    s->on_stopped_arg = arg;
    listeners_close(s);
    conns_close(s, CONN_HANDSHAKE, CONN_IDLE);
    loop_timer_init(&s->stop_at, s->loop, on_stop_deadline, s);
    loop_timer_set(&s->stop_at, deadline_mono_ms);
    later_post(s);
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    listeners_close(s);
    conns_close(s, 0, CONN_DEAD - 1);
    while (!TAILQ_EMPTY(&s->conns[CONN_DEAD]))
        conn_free(TAILQ_FIRST(&s->conns[CONN_DEAD]));
    loop_timer_cancel(&s->sweep);
    loop_timer_cancel(&s->stop_at);
    VEC_EACH (&s->listeners, struct listener *, it)
        free(*it);
    VEC_CLEAR(&s->listeners);
    buf_clear(&s->scratch);
    if (s->later_posted)
        s->freed = true; /* on_later is on its way, and frees it */
    else
        free(s);
}
