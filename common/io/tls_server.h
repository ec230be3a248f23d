/* The TLS of a listener: certificate, key, the CA of its clients, CRL; watched and reloaded.
 *
 * Two uses. The federation listener names a trust_domain: TLS 1.3 only, a client certificate is
 * required, verified against ca_file alone and the CRL, and must carry an identity
 * (common/io/identity.h). The web listener follows its web.config.file: TLS 1.2 at least, client
 * certificates as client_auth says.
 * Both: no tickets, no session cache, no early data, no renegotiation, since a resumed session
 * skips the CRL.
 *
 * Files are looked at every TLS_SERVER_POLL_MS (inode, size, mtime) and on tls_server_reload. A
 * changed set is loaded into a new SSL_CTX and must be whole: key fits certificate, certificate is
 * in its time, CA and CRL parse. Otherwise the old set stays and the failure is logged and counted.
 * docs/operate/tls.md is the operator's page. */
#pragma once

#include "common/base/err.h"
#include "common/base/now.h"
#include "common/core/model/identity.h"

#include <openssl/ssl.h>

#define TLS_SERVER_POLL_MS 5000
/* A CRL past its nextUpdate counts as current for this long, as on the client's side: a forgotten
 * CRL must not cut the path of pages at once. */
#define TLS_SERVER_CRL_GRACE_MS (7 * MS_PER_DAY)

struct loop;
struct tls_server;

enum tls_client_auth { /* the names and meaning of Go's crypto/tls */
                       TLS_NO_CLIENT_CERT,
                       TLS_REQUEST_CLIENT_CERT,
                       TLS_REQUIRE_ANY_CLIENT_CERT,
                       TLS_VERIFY_CLIENT_CERT_IF_GIVEN,
                       TLS_REQUIRE_AND_VERIFY_CLIENT_CERT,
};

struct tls_server_options {
    const char *trust_domain; /* not NULL: federation, client_auth and versions are then fixed */

    /* A file or, for web.config.file, the PEM itself; NULL: absent. cert and key are required. */
    const char *cert_file, *key_file, *ca_file;
    const char *cert_pem, *key_pem, *ca_pem;
    const char *crl_file;

    enum tls_client_auth client_auth;
    const char *const *allowed_sans; /* a client needs one of these DNS, IP, mail or URI SANs */
    size_t allowed_sans_n;
    int version_min, version_max; /* TLS1_2_VERSION…; 0: 1.2 and 1.3 */
    const char *ciphers;          /* TLS 1.2, OpenSSL's names; NULL: ECDHE with AEAD */
    const char *groups;           /* OpenSSL's names; NULL: its default */
};

struct tls_server_info { /* times are the wall clock's; TIME_NEVER when there is none */
    uint64_t generation; /* 1 for the first set; rises when a set is swapped in */
    int64_t cert_ends_wall_ms;
    int64_t ca_ends_wall_ms;  /* the earliest */
    int64_t crl_ends_wall_ms; /* the earliest nextUpdate */
    uint64_t reloads, reloads_failed;
};

/* Copies the options. loop NULL: no poll. */
MUST_CHECK int tls_server_new(struct loop *loop, const struct tls_server_options *options,
                              struct tls_server **ret, struct err *err);
void tls_server_free(struct tls_server *t);

/* Loads the files again whether or not they changed; on failure the old set stays. */
MUST_CHECK int tls_server_reload(struct tls_server *t, struct err *err);
/* The same with other options. The trust domain stays. */
MUST_CHECK int tls_server_change(struct tls_server *t, const struct tls_server_options *options,
                                 struct err *err);
/* Reloads if a file changed; the poll calls it. Returns 1 when a new set is in force, 0 when
 * nothing changed, or a negative errno. */
MUST_CHECK int tls_server_poll(struct tls_server *t, struct err *err);

SSL *tls_server_accept(struct tls_server *t); /* a new SSL in accept state, of the current set */
void tls_server_info_get(const struct tls_server *t, struct tls_server_info *ret);

/* A client's certificate, kept as long as its connection. */
struct tls_peer {
    bool verified;            /* its chain was verified; else it was merely shown */
    struct identity identity; /* kind IDENTITY_NONE unless the listener has a trust domain */
    char common_name[256];    /* "" when absent or longer */
    char uri_san[256];        /* the first; "" when absent or longer */
    char serial[48];          /* lower-case hexadecimal */
    int64_t ends_wall_ms;     /* notAfter */
    struct tls_peer_state *state;
};

/* After the handshake. *ret is NULL when the client showed no certificate and needs none; an error
 * when the connection must not go on. */
MUST_CHECK int tls_peer_new(struct tls_server *t, SSL *ssl, int64_t wall_ms, struct tls_peer **ret,
                            struct err *err);
void tls_peer_free(struct tls_peer *peer);

/* Whether the peer would still be let in: within its time, and after each reload verified again
 * against the CA and CRL in force. Cheap when nothing changed: call it for every request, and
 * for every connection each 15 s, so that a revoked peer is out within 60 s of the new CRL. */
MUST_CHECK int tls_peer_check(struct tls_server *t, struct tls_peer *peer, int64_t wall_ms,
                              struct err *err);
