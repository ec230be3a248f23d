/* The libcurl half of io/client: one pool is one multi handle, hence one set of connections, for
 * one TLS profile in one generation. libcurl does not compare client certificates given through
 * CURLOPT_SSL_CTX_FUNCTION when it looks for a connection to reuse; separate pools see to it that a
 * connection checked for one peer, or with old certificates, never serves another. */
#pragma once

#include "common/base/buf.h"
#include "common/io/client.h"
#include "common/io/loop.h"

struct client_pool;
struct client_transfer; /* a request in flight: an easy handle and its buffers, reused */

/* What a transfer needs of a request. All of it is lent until the transfer ended or is aborted. */
struct client_call_spec {
    const char *method, *url; /* NUL-terminated, checked */
    struct str body;
    const struct client_header *headers;
    size_t headers_n;
    int64_t timeout_ms, connect_timeout_ms; /* > 0 */
    size_t response_bytes_max;
    void *arg; /* for on_end */
};

/* Called from libevent's callbacks, when libcurl is not on the stack. r is lent; r->id and
 * r->took_ms are the caller's to fill in. May start and abort other transfers of the pool. */
typedef void (*client_on_end)(void *call_arg, struct client_result *r, void *arg);

struct client_pool_options {
    struct loop *loop;
    struct tls_client *tls; /* NULL: system CAs. The pool keeps a reference */
    struct str peer;
    const char *user_agent;
    size_t idle_max; /* idle connections kept */
    client_on_end on_end;
    void (*on_idle)(void *arg); /* after each dispatch: the place to free pools */
    void *arg;
};

MUST_CHECK int client_pool_new(const struct client_pool_options *opt, struct client_pool **ret,
                               struct err *err);
void client_pool_free(struct client_pool *p); /* aborts what is in flight; not from on_end */

bool client_pool_fits(const struct client_pool *p, const struct tls_client *tls, struct str peer);
bool client_pool_stale(const struct client_pool *p); /* its certificates are no longer current */
size_t client_pool_busy(const struct client_pool *p);
int64_t client_pool_used_mono_ms(const struct client_pool *p); /* when it last started something */
uint64_t client_pool_connections(const struct client_pool *p); /* opened so far */

MUST_CHECK int client_pool_start(struct client_pool *p, const struct client_call_spec *spec,
                                 struct client_transfer **ret, struct err *err);
void client_pool_abort(struct client_pool *p, struct client_transfer *t); /* no on_end */
