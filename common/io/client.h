/* Outgoing HTTP/1.1 over libcurl's multi-socket API on the loop: integrations, uplink, heartbeats.
 *
 * No redirects, no proxies from the environment, http and https only, no Expect header, no silent
 * second sending of a request that is not idempotent. Connections are kept alive and reused, and
 * dropped at the age of CLIENT_CONNECTION_AGE_S. One thread (the loop's) calls everything here;
 * name resolution happens in libcurl's own threads.
 *
 * Requests are filed by (lane, scheme, host, port, TLS profile). At most `lane_connections` of one
 * such file are in flight, the rest wait in its own queue, first come first served, so that a hung
 * receiver delays no other; give a lane name to tell apart those who share a host. Above all lanes
 * stand `in_flight_max` and `queue_max`; lanes take turns for what in_flight_max leaves. */
#pragma once

#include "common/base/err.h"
#include "common/base/str.h"

struct client;
struct loop;
struct tls_client;

#define CLIENT_RESPONSE_BYTES_DEFAULT KIB(64)
#define CLIENT_URL_BYTES_MAX KIB(16)
#define CLIENT_HEADERS_MAX 64
#define CLIENT_CONNECTION_AGE_S 3600L

struct client_header {
    struct str name;  /* a token as in RFC 9110 §5.6.2 */
    struct str value; /* without CR, LF and NUL */
};

struct client_request {
    uint64_t id;        /* the caller's; unique among those not yet done */
    const char *method; /* upper case; NULL: POST when there is a body, else GET */
    struct str url;     /* http:// or https://; user:password@ becomes basic authentication */
    const struct client_header *headers;
    size_t headers_n;
    struct str body;
    int64_t timeout_ms;         /* > 0; from client_send to the answer's last byte, time in the
                                   queue included: on_done comes no later than that */
    int64_t connect_timeout_ms; /* name, TCP and TLS; 0: as timeout_ms */
    size_t response_bytes_max;  /* 0: CLIENT_RESPONSE_BYTES_DEFAULT; a longer body is an error */
    struct str lane;            /* may be empty */

    /* NULL: the system's CAs and host names, TLS 1.2 at least. Otherwise the mutual TLS of
     * io/tls_client.h, and `peer` is the one URI SAN that the server must present, for example
     * spiffe://example.org/global/g1; the URL must be https. The client keeps a reference for as
     * long as it needs. */
    struct tls_client *tls;
    struct str peer;
};

enum client_outcome {
    CLIENT_OK,        /* an answer came, whatever its status */
    CLIENT_CONNECT,   /* name not found, refused, unreachable: nothing was sent */
    CLIENT_TIMEOUT,   /* time ran out before a byte of the request was sent */
    CLIENT_TLS,       /* handshake failed or the peer is not who it should be: nothing was sent */
    CLIENT_TOO_LARGE, /* answered (status is set), but with a body past response_bytes_max */
    CLIENT_SENT_UNKNOWN, /* bytes were sent and no whole answer came: may have been delivered */
    CLIENT_FAILED,       /* none of these; nothing was sent. A bug or a lack of memory, sockets */
    CLIENT_OUTCOMES
};

const char *client_outcome_name(enum client_outcome o); /* ok connect timeout tls too_large … */

struct client_result { /* lent for the duration of on_done */
    uint64_t id;
    enum client_outcome outcome;
    bool timed_out;          /* with CLIENT_TIMEOUT and CLIENT_SENT_UNKNOWN: the time ran out */
    int status;              /* 0 when not even a status line came */
    struct str body;         /* empty unless CLIENT_OK; what came until the bound or the break
                                otherwise */
    struct str content_type; /* as sent; empty when absent */
    int64_t retry_after_ms;  /* of Retry-After, seconds or date; 0 when absent */
    int64_t took_ms;         /* since client_send */
    char error[256];         /* for a person; "" with CLIENT_OK. Holds neither URL nor secrets */
};

/* Called once for each request accepted by client_send and not cancelled, from the loop, never from
 * within client_send. It may send and cancel; it must not free the client. */
typedef void (*client_on_done)(const struct client_result *r, void *arg);

struct client_options {
    const char *user_agent;  /* NULL: tocsin/VERSION. The edge gives Alertmanager/0.34.0 */
    size_t lane_connections; /* 0: 8 */
    size_t in_flight_max;    /* 0: 1024 */
    size_t queue_max;        /* 0: 16384; waiting, beside those in flight */
    size_t queue_bytes_max;  /* 0: 256 MiB; of those waiting. One lane gets half of each at most */
};

struct client_stats {
    size_t in_flight, queued;
    size_t queued_bytes;
    uint64_t accepted;     /* by client_send */
    uint64_t refused_full; /* by client_send: a bound of the queue reached */
    uint64_t cancelled;
    uint64_t done[CLIENT_OUTCOMES];
    uint64_t connections; /* opened, for the reuse ratio */
};

MUST_CHECK int client_new(struct loop *loop, const struct client_options *opt /* may be NULL */,
                          struct client **ret, struct err *err, client_on_done on_done, void *arg);

/* Drops what is in flight and queued without calling on_done. NULL is fine. */
void client_free(struct client *c);

/* Copies all of *r. 0, -EINVAL (URL, method, header, id in use …) or -ENOSPC (the queue's bounds).
 */
MUST_CHECK int client_send(struct client *c, const struct client_request *r, struct err *err);

/* After this on_done is not called for the id. true when it was waiting or in flight; what was in
 * flight may have been delivered. */
bool client_cancel(struct client *c, uint64_t id);

void client_stats_get(const struct client *c, struct client_stats *ret);
