#include "common/io/tls_set.h"

#include "common/io/clock.h"
#include "common/io/files.h"
#include "common/io/identity.h"
#include "common/io/log_out.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define LOG_COMPONENT "tls"

#define PEM_BYTES_MAX MIB(16) /* a CRL can be large */

const char *tls_error_text(void)
{
    unsigned long code = ERR_get_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return text != NULL ? text : "unknown";
}

int64_t asn1_wall_ms(const ASN1_TIME *t)
{
    struct tm tm;

    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return TIME_NEVER;
    return (int64_t)timegm(&tm) * MS_PER_S;
}

/* A PEM text that is a file's or was given itself. */
struct pem {
    const char *name; /* for messages */
    BIO *bio;
    struct buf text;
};

static int pem_open(struct pem *pem, const char *what, const char *file, const char *text,
                    struct err *err)
{
    int r;

    buf_init(&pem->text, 0);
    pem->name = file != NULL ? file : what;
    pem->bio = NULL;
    if (file != NULL) {
        r = file_read(file, PEM_BYTES_MAX, &pem->text, err);
        if (r < 0)
            return r;
    } else {
        buf_add_str(&pem->text, str_from(text));
    }
    pem->bio = BIO_new_mem_buf(pem->text.p, (int)pem->text.n);
    return pem->bio != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void pem_close(struct pem *pem)
{
    BIO_free(pem->bio);
    OPENSSL_cleanse(pem->text.p, pem->text.n); /* it may have been a key */
    buf_clear(&pem->text);
}

/* After a loop of PEM_read_…: the end of the text is no error, everything else is. */
static int pem_end(const struct pem *pem, int found, const char *what, struct err *err)
{
    unsigned long code = ERR_peek_last_error();
    bool at_end = code == 0 ||
                  (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE);

    if (!at_end)
        return err_set(err, -EINVAL, "%s: %s", pem->name, tls_error_text());
    ERR_clear_error();
    if (found == 0)
        return err_set(err, -EINVAL, "%s: no %s in it", pem->name, what);
    return 0;
}

static int no_passphrase(char *p UNUSED, int n UNUSED, int writing UNUSED, void *arg UNUSED)
{
    return 0;
}

/* Our own certificate */

static int leaf_check(const struct tls_server_options *o, X509 *leaf, int64_t wall_ms,
                      struct tls_set *set, struct err *err)
{
    struct identity id;

    set->cert_ends_wall_ms = asn1_wall_ms(X509_get0_notAfter(leaf));
    set->cert_in_time =
        asn1_wall_ms(X509_get0_notBefore(leaf)) <= wall_ms && wall_ms <= set->cert_ends_wall_ms;
    if (o->trust_domain == NULL)
        return 0;
    if (identity_from_x509(leaf, str_from(o->trust_domain), &id, err) < 0)
        return err_wrap(err, "our own certificate");
    return 0;
}

static int chain_use(struct tls_set *set, const struct tls_server_options *o, struct pem *pem,
                     int64_t wall_ms, struct err *err)
{
    int found = 0, r = 0;
    X509 *cert;

    while (r == 0 && (cert = PEM_read_bio_X509(pem->bio, NULL, no_passphrase, NULL)) != NULL) {
        if (found++ == 0) {
            if (SSL_CTX_use_certificate(set->ctx, cert) != 1)
                r = err_set(err, -EINVAL, "%s: %s", pem->name, tls_error_text());
            else
                r = leaf_check(o, cert, wall_ms, set, err);
        } else if (SSL_CTX_add1_chain_cert(set->ctx, cert) != 1) {
            r = err_set(err, -EINVAL, "%s: %s", pem->name, tls_error_text());
        }
        X509_free(cert);
    }
    return r < 0 ? r : pem_end(pem, found, "certificate", err);
}

static int key_use(struct tls_set *set, const struct pem *pem, struct err *err)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem->bio, NULL, no_passphrase, NULL);
    int r = 0;

    if (key == NULL)
        return err_set(err, -EINVAL, "%s: no key without a passphrase: %s", pem->name,
                       tls_error_text());
    if (SSL_CTX_use_PrivateKey(set->ctx, key) != 1 || SSL_CTX_check_private_key(set->ctx) != 1)
        r = err_set(err, -EINVAL, "%s: key and certificate do not fit: %s", pem->name,
                    tls_error_text());
    EVP_PKEY_free(key);
    return r;
}

static int load_own(struct tls_set *set, const struct tls_server_options *o, int64_t wall_ms,
                    struct err *err)
{
    struct pem pem;
    int r;

    if ((o->cert_file == NULL && o->cert_pem == NULL) ||
        (o->key_file == NULL && o->key_pem == NULL))
        return err_set(err, -EINVAL, "certificate and key are required");
    r = pem_open(&pem, "cert", o->cert_file, o->cert_pem, err);
    if (r == 0)
        r = chain_use(set, o, &pem, wall_ms, err);
    pem_close(&pem);
    if (r < 0)
        return r;
    if (o->key_file != NULL && file_is_public(o->key_file))
        log_warn("everybody on this machine may read the private key", KV("file", o->key_file));
    r = pem_open(&pem, "key", o->key_file, o->key_pem, err);
    if (r == 0)
        r = key_use(set, &pem, err);
    pem_close(&pem);
    return r;
}

/* The clients' CA and CRL */

static int ca_add(struct tls_set *set, struct pem *pem, struct err *err)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    int found = 0, r = 0;
    X509 *cert;

    while (r == 0 && (cert = PEM_read_bio_X509(pem->bio, NULL, no_passphrase, NULL)) != NULL) {
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(cert));

        found++;
        set->ca_ends_wall_ms =
            min_i64(set->ca_ends_wall_ms, asn1_wall_ms(X509_get0_notAfter(cert)));
        if (name == NULL || names == NULL || sk_X509_NAME_push(names, name) <= 0 ||
            X509_STORE_add_cert(set->clients, cert) != 1)
            r = err_set(err, -EINVAL, "%s: %s", pem->name, tls_error_text());
        X509_free(cert);
    }
    SSL_CTX_set_client_CA_list(set->ctx, names);
    return r < 0 ? r : pem_end(pem, found, "certificate", err);
}

static int crl_add(struct tls_set *set, struct pem *pem, struct err *err)
{
    int found = 0, r = 0;
    X509_CRL *crl;

    while (r == 0 && (crl = PEM_read_bio_X509_CRL(pem->bio, NULL, no_passphrase, NULL)) != NULL) {
        found++;
        set->crl_ends_wall_ms =
            min_i64(set->crl_ends_wall_ms, asn1_wall_ms(X509_CRL_get0_nextUpdate(crl)));
        if (X509_STORE_add_crl(set->clients, crl) != 1)
            r = err_set(err, -EINVAL, "%s: %s", pem->name, tls_error_text());
        X509_CRL_free(crl);
    }
    if (r == 0)
        r = pem_end(pem, found, "CRL", err);
    if (r == 0)
        X509_STORE_set_flags(set->clients, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return r;
}

/* A CRL past its nextUpdate serves for TLS_SERVER_CRL_GRACE_MS more. */
static int on_verify(int ok, X509_STORE_CTX *ctx)
{
    const X509_CRL *crl = X509_STORE_CTX_get0_current_crl(ctx);
    time_t at = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(ctx));
    int64_t wall_ms = at != 0 ? (int64_t)at * MS_PER_S : clock_wall_ms();

    if (ok == 1 || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CRL_HAS_EXPIRED || crl == NULL)
        return ok;
    if (wall_ms > asn1_wall_ms(X509_CRL_get0_nextUpdate(crl)) + TLS_SERVER_CRL_GRACE_MS)
        return 0;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

static int on_verify_not(int ok UNUSED, X509_STORE_CTX *ctx)
{
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

static bool verifies(enum tls_client_auth auth)
{
    return auth == TLS_VERIFY_CLIENT_CERT_IF_GIVEN || auth == TLS_REQUIRE_AND_VERIFY_CLIENT_CERT;
}

static int load_clients(struct tls_set *set, const struct tls_server_options *o, struct err *err)
{
    struct pem pem;
    int r;

    if (!verifies(o->client_auth))
        return 0;
    if (o->ca_file == NULL && o->ca_pem == NULL)
        return err_set(err, -EINVAL, "a CA is required to verify client certificates");
    set->clients = SSL_CTX_get_cert_store(set->ctx);
    X509_STORE_set_verify_cb(set->clients, on_verify);
    r = pem_open(&pem, "client_ca", o->ca_file, o->ca_pem, err);
    if (r == 0)
        r = ca_add(set, &pem, err);
    pem_close(&pem);
    if (r < 0 || o->crl_file == NULL)
        return r;
    r = pem_open(&pem, "crl", o->crl_file, NULL, err);
    if (r == 0)
        r = crl_add(set, &pem, err);
    pem_close(&pem);
    return r;
}

static void client_auth_set(SSL_CTX *ctx, enum tls_client_auth auth)
{
    switch (auth) {
    case TLS_NO_CLIENT_CERT:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        break;
    case TLS_REQUEST_CLIENT_CERT:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify_not);
        break;
    case TLS_REQUIRE_ANY_CLIENT_CERT:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify_not);
        break;
    case TLS_VERIFY_CLIENT_CERT_IF_GIVEN:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
        break;
    case TLS_REQUIRE_AND_VERIFY_CLIENT_CERT:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
        break;
    }
}

/* No resumption in any form: a resumed session skips the verification of certificate and CRL. */
static void no_resumption(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(ctx, 0);
    SSL_CTX_set_recv_max_early_data(ctx, 0);
}

static bool groups_set(SSL_CTX *ctx, const char *groups)
{
    char *text = xstrdup(groups); /* the macro casts const away */
    bool ok = SSL_CTX_set1_groups_list(ctx, text) == 1;

    free(text);
    return ok;
}

static int ctx_setup(SSL_CTX *ctx, const struct tls_server_options *o, struct err *err)
{
    bool federation = o->trust_domain != NULL;
    int low = federation ? TLS1_3_VERSION : o->version_min;
    const char *ciphers = o->ciphers != NULL ? o->ciphers : "ECDHE+AESGCM:ECDHE+CHACHA20";

    no_resumption(ctx);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (federation)
        SSL_CTX_set_security_level(ctx, 2);
    if (SSL_CTX_set_min_proto_version(ctx, low != 0 ? low : TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, federation ? TLS1_3_VERSION : o->version_max) != 1)
        return err_set(err, -EINVAL, "TLS versions: %s", tls_error_text());
    if (SSL_CTX_set_cipher_list(ctx, ciphers) != 1)
        return err_set(err, -EINVAL, "cipher suites: %s", tls_error_text());
    if (o->groups != NULL && !groups_set(ctx, o->groups))
        return err_set(err, -EINVAL, "curve preferences: %s", tls_error_text());
    client_auth_set(ctx, o->client_auth);
    return 0;
}

int tls_set_load(const struct tls_server_options *o, int64_t wall_ms, struct tls_set *ret,
                 struct err *err)
{
    struct tls_set set = {.cert_ends_wall_ms = TIME_NEVER,
                          .ca_ends_wall_ms = TIME_NEVER,
                          .crl_ends_wall_ms = TIME_NEVER};
    int r;

    ERR_clear_error();
    set.ctx = SSL_CTX_new(TLS_server_method());
    if (set.ctx == NULL)
        return err_set(err, -ENOMEM, "TLS: %s", tls_error_text());
    r = ctx_setup(set.ctx, o, err);
    if (r == 0)
        r = load_own(&set, o, wall_ms, err);
    if (r == 0)
        r = load_clients(&set, o, err);
    if (r < 0) {
        tls_set_clear(&set);
        return r;
    }
    *ret = set;
    return 0;
}

void tls_set_clear(struct tls_set *set)
{
    SSL_CTX_free(set->ctx);
    *set = (struct tls_set){0};
}
