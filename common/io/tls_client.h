/* Who we are and whom we trust when we call a global node: certificate, key, private CA, CRL. Used
 * by io/client for its requests with a TLS profile.
 *
 * TLS 1.3 only; no system CA; no session cache or ticket, because a resumed session skips the CRL.
 * The server's chain must end in ca_file, its certificate must not be revoked, and its one URI SAN
 * must equal the name expected by the request. Host names are not looked at: the SAN is the
 * identity.
 *
 * The files are looked at every TLS_CLIENT_POLL_MS and on tls_client_reload. A changed set that
 * loads raises the generation: new connections use it, idle old ones are closed, busy ones after
 * their request. A set that does not load is reported and the old one stays in force. */
#pragma once

#include "common/base/err.h"
#include "common/base/now.h"
#include "common/core/model/identity.h"

struct loop;
struct tls_client;
struct ssl_ctx_st;

#define TLS_CLIENT_POLL_MS 5000

/* A CRL past its nextUpdate counts as current for this long: a forgotten CRL must not cut the path
 * of pages at once. The expiry is exported so that someone is told long before. */
#define TLS_CRL_GRACE_MS (7 * MS_PER_DAY)

struct tls_client_files {
    const char *trust_domain; /* of our identity and of every peer's */
    const char *cert_file;    /* PEM; leaf first, then intermediates */
    const char *key_file;     /* PEM, without a passphrase */
    const char *ca_file;      /* PEM, one or more (two while a CA is replaced) */
    const char *crl_file; /* PEM, a CRL for each CA of the chain; NULL: revocation is not checked */
};

struct tls_client_info {       /* times are the wall clock's; TIME_NEVER when there is none */
    uint64_t generation;       /* 1 for the first set */
    int64_t cert_ends_wall_ms; /* notAfter of our certificate */
    int64_t ca_ends_wall_ms;   /* the earliest of ca_file */
    int64_t crl_ends_wall_ms;  /* the earliest nextUpdate of crl_file */
    uint64_t reloads, reloads_failed;
    struct identity identity; /* of our certificate: the site that we may speak for */
};

/* Called from the poll after each attempt: err is NULL when a new set is in force. */
typedef void (*tls_client_on_reload)(const struct err *err, void *arg);

/* Copies the names. loop NULL: no poll. on_reload may be NULL. A set is whole when the key fits the
 * certificate, which carries an identity and is in its time, and CA and CRL parse. An expired
 * certificate of our own is taken here (the far end refuses it, and a daemon that pages locally
 * must start), but not by a reload. */
MUST_CHECK int tls_client_new(struct loop *loop, const struct tls_client_files *files,
                              struct tls_client **ret, struct err *err,
                              tls_client_on_reload on_reload, void *arg);
struct tls_client *tls_client_ref(struct tls_client *t); /* one more tls_client_free to come */
void tls_client_free(struct tls_client *t);              /* gives up one reference; NULL is fine */

/* Loads the files again whether or not they changed; on failure the old set stays. */
MUST_CHECK int tls_client_reload(struct tls_client *t, struct err *err);

/* The same if a file changed; the poll calls it. Returns 1 when a new set is in force, 0 when
 * nothing changed, or a negative errno. */
MUST_CHECK int tls_client_poll(struct tls_client *t, struct err *err);

void tls_client_info_get(const struct tls_client *t, struct tls_client_info *ret);
uint64_t tls_client_generation(const struct tls_client *t);

/* What the check of one handshake needs and finds. Lives at least as long as the SSL_CTX. */
struct tls_client_check {
    struct tls_client *tls;
    const char *peer; /* the expected URI SAN */
    char error[200];  /* "" or why the peer was refused, for a person */
};

/* Makes a fresh SSL_CTX ours (for CURLOPT_SSL_CTX_FUNCTION). 0 or -EPROTO. */
MUST_CHECK int tls_client_apply(struct ssl_ctx_st *ctx, struct tls_client_check *check);
