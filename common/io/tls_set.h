/* One loaded set of certificate, key, CA and CRL: what tls_server swaps. Shared by tls_server.c,
 * tls_set.c and tls_peer.c only. */
#pragma once

#include "common/io/tls_server.h"

struct tls_set {
    SSL_CTX *ctx;
    X509_STORE *clients; /* CA and CRL; lent by ctx; NULL when clients are not verified */
    int64_t cert_ends_wall_ms, ca_ends_wall_ms, crl_ends_wall_ms;
    bool cert_in_time;
};

/* The options' strings must live during the call only. */
MUST_CHECK int tls_set_load(const struct tls_server_options *options, int64_t wall_ms,
                            struct tls_set *ret, struct err *err);
void tls_set_clear(struct tls_set *set);

int64_t asn1_wall_ms(const ASN1_TIME *t); /* TIME_NEVER when absent */
const char *tls_error_text(void);         /* the oldest of OpenSSL's queue, which it empties */

struct tls_server {
    struct loop *loop;
    struct tls_server_options o; /* of copies */
    struct tls_set set;
    struct tls_server_info info;
    struct tls_watch *watch;
};
