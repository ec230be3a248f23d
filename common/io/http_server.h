/* HTTP/1.1 over TCP, with or without TLS, on libevent's bufferevents, reading by
 * common/io/http_reader.h. It guards itself: absolute deadlines for everything a client has to do,
 * caps on connections, heads, bodies and the memory of all bodies, a pause when descriptors run
 * out. The time the application takes to answer is the application's affair.
 *
 * One request at a time per connection; pipelined ones wait their turn. A request is named by its
 * id; replying to an id whose client has gone is a no-op, so late answers need no bookkeeping.
 * Everything runs on the loop's thread. */
#pragma once

#include "common/base/err.h"
#include "common/io/http_reader.h"
#include "common/io/loop.h"

struct http_server;
struct tls_server; /* common/io/tls_server.h */
struct tls_peer;   /* common/io/tls_server.h */

struct http_peer {
    struct str address; /* numeric, without port */
    uint16_t port;
    bool tls;                    /* the connection is encrypted */
    const struct tls_peer *cert; /* the client's certificate; NULL: none */
};

/* Lives until the last part of the reply, or until on_close. */
struct http_request {
    uint64_t id; /* never reused, never 0 */
    struct http_server *server;
    void *listener_arg; /* http_listener_options.arg: tells the listeners apart */
    struct str method, path, query, body, target;
    const struct http_header *headers;
    size_t headers_n;
    struct http_peer peer;
    struct str user; /* whom http_admit named; empty: nobody was asked */
    int minor;
};

struct str http_request_header(const struct http_request *req,
                               const char *name); /* p NULL: absent */

typedef void (*http_on_request)(const struct http_request *req, void *arg);
/* on_close: the client went, or was put out, before the last part of the reply. on_drain: the
 * socket took what was written and `more` was set: write the next part. */
typedef void (*http_on_id)(struct http_server *server, uint64_t id, void *arg);

/* Decides who may ask, before on_request. It calls http_admit or http_reply for the id, at once or
 * later. headers gives lines ("Name: value\r\n"…) for each reply; NULL: none. */
struct http_guard {
    void (*authenticate)(const struct http_request *req, void *arg);
    struct str (*headers)(void *arg);
    http_on_id gone; /* the client left while the guard was thinking; may be NULL */
    void *arg;
};

struct http_listener_options {
    const char *address; /* "host:port", "[v6]:port", ":port", "vsock://:port"; port 0: any */
    int fd;              /* > 0: a listening socket that was handed over, instead; taken */
    http_on_request on_request;
    http_on_id on_close, on_drain; /* may be NULL */
    void *arg;
    struct tls_server *tls;         /* NULL: plain. Lends; outlives the server */
    const struct http_guard *guard; /* NULL: everybody. Lends; outlives the server */
    size_t body_bytes_max;          /* 0: HTTP_BODY_BYTES_DEFAULT */
};

/* 0 in a field means its default. Deadlines are absolute, not per read. */
struct http_server_options {
    size_t line_bytes_max, head_bytes_max, headers_max;
    size_t body_total_bytes_max; /* of all requests being read or answered; default 512 MiB */
    unsigned connections_max;    /* default: RLIMIT_NOFILE - 128, at least 16 */
    unsigned connections_ip_max; /* default: half of connections_max; loopback is not counted */
    int64_t handshake_ms;        /* TLS; 5 s */
    int64_t head_ms;             /* from the request's first byte, or from accepting; 5 s */
    int64_t body_ms;             /* 10 s plus body size / body_bytes_s */
    int64_t body_bytes_s;        /* 16 KiB/s; chunked bodies earn time as they come */
    int64_t drain_ms;            /* the client's time to take a reply (a part of it); 30 s + size */
    int64_t idle_ms;             /* between requests; 60 s */
    int64_t age_ms;              /* of a connection; it closes after the request; 1 h */
    uint64_t requests_max;       /* of a connection; default 100 000 */
    int64_t accept_pause_ms;     /* after EMFILE; 100 ms */
};

/* Monotonic counters unless named otherwise. */
struct http_server_stats {
    uint64_t connections_open; /* gauge */
    uint64_t connections_accepted;
    uint64_t refused_total_cap, refused_ip_cap, refused_body_memory, refused_revoked;
    uint64_t accept_pauses;
    uint64_t handshake_failures;
    uint64_t requests;
    uint64_t bad_requests; /* framing anomalies and exceeded sizes */
    uint64_t unauthorized; /* 401 and 429 of a guard */
    uint64_t timeouts_handshake, timeouts_head, timeouts_body, timeouts_drain, timeouts_idle;
    uint64_t closed_age;
    uint64_t clients_gone; /* before their reply was complete */
    uint64_t body_bytes;   /* gauge: memory of bodies held now */
};

struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options);
/* Closes everything at once; on_close runs for what was pending. */
void http_server_free(struct http_server *server);

/* ret_port is the port bound. Log the address by http_listener_address. Returns a listener number
 * >= 0 or a negative errno. */
MUST_CHECK int http_server_listen(struct http_server *server,
                                  const struct http_listener_options *options, uint16_t *ret_port,
                                  struct err *err);
struct str http_listener_address(const struct http_server *server, int listener); /* "ip:port" */

/* Accepts no more, closes idle connections, lets requests in flight finish, closes the rest at
 * deadline_mono_ms. done runs once, on the loop, when no connection is left. */
void http_server_stop(struct http_server *server, int64_t deadline_mono_ms, loop_fn done,
                      void *arg);

struct http_reply {
    int status;
    struct str content_type; /* empty: no Content-Type */
    const struct http_header *headers;
    size_t headers_n;
    struct str body;
    bool more;  /* the body goes on: chunked, on HTTP/1.0 until close */
    bool close; /* end the connection afterwards */
};

/* Copies what it is given. */
void http_reply(struct http_server *server, uint64_t id, const struct http_reply *reply);
void http_reply_part(struct http_server *server, uint64_t id, struct str body, bool more);
/* A reply of text/plain; charset=utf-8. */
void http_reply_text(struct http_server *server, uint64_t id, int status, struct str text);
void http_admit(struct http_server *server, uint64_t id, struct str user); /* for guards */
/* Ends the connection of a reply that can't be completed. on_close does not run. */
void http_abort(struct http_server *server, uint64_t id);

const struct http_server_stats *http_server_stats(const struct http_server *server);
const char *http_status_text(int status);
