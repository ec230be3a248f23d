/* A loopback HTTP server that misbehaves on demand, for tests of clients. What it does is in the
 * path:
 *     /ok /500 /429 (Retry-After: 7) /big (100 KiB) /hang (never answers) /close (closes instead of
 *     answering) /partial (10 bytes of 100, then closes) /head (echoes what it received)
 *     /once (answers, then closes the connection as soon as a second request comes on it) */
#pragma once

#include "common/base/buf.h"

#include <event2/event.h>
#include <openssl/ssl.h>

struct raw_server;

struct raw_server *raw_server_new(struct event_base *base, SSL_CTX *tls /* NULL: plain */);
void raw_server_free(struct raw_server *s);
unsigned raw_server_port(const struct raw_server *s);
unsigned raw_server_connections(const struct raw_server *s); /* accepted so far */
unsigned raw_server_requests(const struct raw_server *s);    /* received whole so far */
