#include "tests/lib/raw_server.h"

#include "common/base/queue.h"

#include <arpa/inet.h>
#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>

struct conn {
    TAILQ_ENTRY(conn) link;
    struct raw_server *server;
    struct bufferevent *bev;
    unsigned requests;
    bool closing;
};

struct raw_server {
    struct event_base *base;
    struct evconnlistener *listener;
    SSL_CTX *tls;
    TAILQ_HEAD(, conn) conns;
    unsigned port, connections, requests;
};

static void conn_free(struct conn *c)
{
    TAILQ_REMOVE(&c->server->conns, c, link);
    bufferevent_free(c->bev);
    free(c);
}

static void reply(struct conn *c, const char *status, const char *headers, const char *body,
                  size_t n)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);

    evbuffer_add_printf(out,
                        "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n%sContent-Length: %zu\r\n\r\n",
                        status, headers, n);
    evbuffer_add(out, body, n);
}

static bool is_path(const char *head, const char *path)
{
    const char *p = strchr(head, ' ');
    size_t n = strlen(path);

    return p != NULL && strncmp(p + 1, path, n) == 0 && (p[n + 1] == ' ' || p[n + 1] == '?');
}

/* Returns false when the connection is gone. */
static bool answer(struct conn *c, const char *head, size_t n)
{
    static const char big[KIB(100)];

    c->requests++;
    c->server->requests++;
    if (is_path(head, "/hang"))
        return true;
    if (is_path(head, "/close") || (is_path(head, "/once") && c->requests > 1)) {
        conn_free(c);
        return false;
    }
    if (is_path(head, "/partial")) {
        evbuffer_add_printf(bufferevent_get_output(c->bev),
                            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
        c->closing = true;
    } else if (is_path(head, "/500")) {
        reply(c, "500 Oh no", "", "broken", 6);
    } else if (is_path(head, "/429")) {
        reply(c, "429 Slow down", "Retry-After: 7\r\n", "", 0);
    } else if (is_path(head, "/big")) {
        reply(c, "200 OK", "", big, sizeof(big));
    } else if (is_path(head, "/head")) {
        reply(c, "200 OK", "", head, n);
    } else {
        reply(c, "200 OK", "", "hello", 5);
    }
    return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    struct conn *c = arg;

    for (;;) {
        size_t have = evbuffer_get_length(in), n, body = 0;
        char *text, *end, *length;
        bool alive;

        if (have == 0)
            return;
        text = xstrndup((const char *)evbuffer_pullup(in, -1), have);
        end = strstr(text, "\r\n\r\n");
        length = end != NULL ? strstr(text, "Content-Length: ") : NULL;
        if (length != NULL && length < end)
            body = strtoul(length + strlen("Content-Length: "), NULL, 10);
        n = end != NULL ? (size_t)(end + 4 - text) + body : 0;
        if (end == NULL || have < n) {
            free(text);
            return;
        }
        evbuffer_drain(in, n);
        alive = answer(c, text, n);
        free(text);
        if (!alive)
            return;
    }
}

static void on_write(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;

    if (c->closing && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
        conn_free(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        conn_free(arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
                      int addr_n, void *arg)
{
    struct raw_server *s = arg;
    struct conn *c = xcalloc(1, sizeof(*c));

    (void)listener;
    (void)addr;
    (void)addr_n;
    s->connections++;
    c->server = s;
    c->bev = s->tls == NULL
                 ? bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE)
                 : bufferevent_openssl_socket_new(s->base, fd, SSL_new(s->tls),
                                                  BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    assert(c->bev != NULL);
    TAILQ_INSERT_TAIL(&s->conns, c, link);
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

struct raw_server *raw_server_new(struct event_base *base, SSL_CTX *tls)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct raw_server *s = xcalloc(1, sizeof(*s));
    socklen_t n = sizeof(addr);
    int rc;

    s->base = base;
    s->tls = tls;
    TAILQ_INIT(&s->conns);
    s->listener = evconnlistener_new_bind(base, on_accept, s, LEV_OPT_CLOSE_ON_FREE, -1,
                                          (struct sockaddr *)&addr, sizeof(addr));
    assert(s->listener != NULL);
    rc = getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&addr, &n);
    assert(rc == 0);
    (void)rc;
    s->port = ntohs(addr.sin_port);
    return s;
}

void raw_server_free(struct raw_server *s)
{
    struct conn *c;

    if (s == NULL)
        return;
    while ((c = TAILQ_FIRST(&s->conns)) != NULL)
        conn_free(c);
    evconnlistener_free(s->listener);
    SSL_CTX_free(s->tls);
    free(s);
}

unsigned raw_server_port(const struct raw_server *s)
{
    return s->port;
}

unsigned raw_server_connections(const struct raw_server *s)
{
    return s->connections;
}

unsigned raw_server_requests(const struct raw_server *s)
{
    return s->requests;
}
