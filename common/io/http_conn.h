/* The inside of the HTTP server, shared by http_server.c (listeners, caps, stopping), http_conn.c
 * (a connection's way from request to request) and http_reply.c (what is written). */
#pragma once

#include "common/base/map.h"
#include "common/base/queue.h"
#include "common/io/http_server.h"
#include "common/io/log_out.h"

#include <netinet/in.h>

struct event;
struct bufferevent;

enum conn_state {
    CONN_HANDSHAKE, /* TLS; then CONN_IDLE */
    CONN_IDLE,      /* no byte of the next request has come */
    CONN_HEAD,
    CONN_BODY,
    CONN_GUARD,  /* the guard thinks; no deadline */
    CONN_APP,    /* the application thinks; no deadline */
    CONN_REPLY,  /* a part of the reply was given, more is to come */
    CONN_DRAIN,  /* the reply is complete but not all of it written */
    CONN_LINGER, /* closing; swallows what the client still sends, so that no RST overtakes the
                    reply */
    CONN_DEAD,   /* waits in `later` to be freed */
    CONN_STATES
};

struct http_address { /* of one client, as long as it has connections */
    UT_hash_handle hh;
    struct in6_addr key; /* IPv4 mapped */
    unsigned connections;
};

struct listener {
    struct http_server *server;
    struct http_listener_options o;
    int fd;
    struct event *event;
    char address[128];
};

TAILQ_HEAD(conn_list, conn);

struct conn {
    TAILQ_ENTRY(conn) link; /* in server->conns[state] */
    TAILQ_ENTRY(conn) later_link;
    UT_hash_handle hh; /* by request.id, while a request is in GUARD, APP or REPLY */
    struct http_server *server;
    struct listener *listener;
    struct http_address *source; /* NULL: loopback, not counted */
    struct bufferevent *bev;
    int fd;
    bool tls;
    enum conn_state state;
    struct loop_timer deadline;
    int64_t accepted_ms, age_ms;
    uint64_t requests;
    struct http_reader reader;
    struct http_request request; /* id 0: none */
    struct tls_peer *peer;
    char address[INET6_ADDRSTRLEN];
    uint16_t port;
    char *user;
    int64_t body_started_ms;
    size_t lingered;     /* bytes swallowed */
    size_t body_counted; /* of server->stats.body_bytes */
    bool processing;     /* conn_process is on the stack */
    bool is_later;
    bool drained;     /* on_drain is due */
    bool keep_alive;  /* as the reply's head said */
    bool no_body;     /* HEAD: parts are swallowed */
    bool chunked;     /* the reply */
    bool input_ended; /* the client half-closed after its request */
};

struct http_server {
    struct loop *loop;
    struct http_server_options o;
    struct http_server_stats stats;
    struct {
        struct listener **v;
        size_t n, cap;
    } listeners;
    struct conn_list conns[CONN_STATES]; /* oldest in that state first */
    struct conn_list later;
    bool later_posted, freed;
    struct conn *by_id;
    struct http_address *addresses;
    uint64_t last_id;
    struct buf scratch;
    struct loop_timer accept_again, sweep, stop_at;
    struct log_every log_pause, log_refused, log_handshake;
    bool stopping;
    loop_fn on_stopped;
    void *on_stopped_arg;
    int64_t date_s;
    char date[32];
};

/* http_server.c */
void server_later(struct conn *c);     /* frees or drains it when dispatch has ended */
void server_conn_gone(struct conn *c); /* takes it out of the counts */

/* http_listen.c. Both give a descriptor or a negative errno; taking one closes it when it is not
 * a listening stream socket. */
int listening_open(const char *address, struct err *err);
int listening_take(int fd, struct err *err);
/* Writes "ip:port" (or "unix:path", "vsock://cid:port"); the port, 0 when there is no such thing.
 */
uint16_t listening_name(int fd, char *ret, size_t n);

/* http_conn.c */
void conn_new(struct listener *l, int fd, const struct sockaddr_storage *from,
              struct http_address *source);
void conn_free(struct conn *c);
void conn_enter(struct conn *c, enum conn_state state);
void conn_close(struct conn *c); /* with on_close when a request was being answered */
void conn_process(struct conn *c);
void conn_request_forget(struct conn *c);
void conn_recheck(struct conn *c); /* closes it when its certificate is not good any more */

/* http_reply.c */
void conn_fail(struct conn *c, int status, const char *reason); /* error page, then close */
void conn_continue(struct conn *c);                             /* 100 Continue */
void conn_written(struct conn *c);                              /* the socket took everything */
