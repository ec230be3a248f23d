#include "common/io/identity.h"
#include "common/io/tls_set.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

struct tls_peer_state {
    X509 *cert;
    STACK_OF(X509) * chain; /* what the client sent beside its own; may be NULL */
    uint64_t generation;    /* of the set that last verified it */
};

/* Into a fixed buffer, or "" when it does not fit or holds a NUL, which readers would stop at. */
static void text_copy(char *ret, size_t ret_n, const unsigned char *p, int n)
{
    ret[0] = '\0';
    if (n <= 0 || (size_t)n >= ret_n || memchr(p, '\0', (size_t)n) != NULL)
        return;
    memcpy(ret, p, (size_t)n);
    ret[n] = '\0';
}

static void common_name_take(struct tls_peer *peer, X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text = NULL;
    int n;

    if (at < 0)
        return;
    n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (n < 0)
        return;
    text_copy(peer->common_name, sizeof(peer->common_name), text, n);
    OPENSSL_free(text);
}

static void serial_take(struct tls_peer *peer, X509 *cert)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *text = number != NULL ? BN_bn2hex(number) : NULL;

    for (size_t i = 0; text != NULL && text[i] != '\0'; i++)
        if (text[i] >= 'A' && text[i] <= 'F')
            text[i] = (char)(text[i] - 'A' + 'a');
    if (text != NULL)
        text_copy(peer->serial, sizeof(peer->serial), (const unsigned char *)text,
                  (int)strlen(text));
    OPENSSL_free(text);
    BN_free(number);
}

/* A SAN as text; false for kinds that have none. */
static bool san_text(const GENERAL_NAME *name, char ret[256])
{
    int kind;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    const unsigned char *p;
    int n;

    ret[0] = '\0';
    if (kind != GEN_DNS && kind != GEN_EMAIL && kind != GEN_URI && kind != GEN_IPADD)
        return false;
    p = ASN1_STRING_get0_data(value);
    n = ASN1_STRING_length(value);
    if (kind != GEN_IPADD)
        text_copy(ret, 256, p, n);
    else if (n == 4 || n == 16)
        inet_ntop(n == 4 ? AF_INET : AF_INET6, p, ret, 256);
    return ret[0] != '\0';
}

static bool san_allowed(const struct tls_server_options *o, const char *text)
{
    for (size_t i = 0; i < o->allowed_sans_n; i++)
        if (strcmp(o->allowed_sans[i], text) == 0)
            return true;
    return o->allowed_sans_n == 0;
}

static int sans_take(const struct tls_server_options *o, struct tls_peer *peer, X509 *cert,
                     struct err *err)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool allowed = o->allowed_sans_n == 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char text[256];

        if (!san_text(name, text))
            continue;
        allowed = allowed || san_allowed(o, text);
        if (name->type == GEN_URI && peer->uri_san[0] == '\0')
            memcpy(peer->uri_san, text, sizeof(peer->uri_san));
    }
    GENERAL_NAMES_free(names);
    if (!allowed)
        return err_set(err, -EACCES, "certificate has none of the allowed SANs");
    return 0;
}

/* The first of the chain to end ends it. */
static int64_t chain_ends_ms(SSL *ssl, X509 *cert)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    int64_t ends_ms = asn1_wall_ms(X509_get0_notAfter(cert));

    for (int i = 0; i < sk_X509_num(chain); i++)
        ends_ms = min_i64(ends_ms, asn1_wall_ms(X509_get0_notAfter(sk_X509_value(chain, i))));
    return ends_ms;
}

static int peer_fill(struct tls_server *t, SSL *ssl, struct tls_peer *peer, X509 *cert,
                     struct err *err)
{
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);
    int r;

    peer->verified = t->set.clients != NULL;
    peer->ends_wall_ms = peer->verified ? chain_ends_ms(ssl, cert) : TIME_NEVER;
    peer->state->chain = sent != NULL ? X509_chain_up_ref(sent) : NULL;
    common_name_take(peer, cert);
    serial_take(peer, cert);
    r = sans_take(&t->o, peer, cert, err);
    if (r == 0 && t->o.trust_domain != NULL)
        r = identity_from_x509(cert, str_from(t->o.trust_domain), &peer->identity, err);
    return r;
}

int tls_peer_new(struct tls_server *t, SSL *ssl, int64_t wall_ms, struct tls_peer **ret,
                 struct err *err)
{
    X509 *cert = SSL_get1_peer_certificate(ssl);
    struct tls_peer *peer;
    int r;

    if (cert == NULL) {
        if (t->o.trust_domain != NULL)
            return err_set(err, -EACCES, "no client certificate");
        *ret = NULL;
        return 0;
    }
    peer = xcalloc(1, sizeof(*peer));
    peer->state = xcalloc(1, sizeof(*peer->state));
    peer->state->cert = cert;
    r = peer_fill(t, ssl, peer, cert, err);
    /* Verified again, since the set may have been swapped since the handshake began. */
    if (r == 0)
        r = tls_peer_check(t, peer, wall_ms, err);
    if (r < 0) {
        tls_peer_free(peer);
        return r;
    }
    *ret = peer;
    return 0;
}

void tls_peer_free(struct tls_peer *peer)
{
    if (peer == NULL)
        return;
    X509_free(peer->state->cert);
    sk_X509_pop_free(peer->state->chain, X509_free);
    free(peer->state);
    free(peer);
}

static int verify_again(struct tls_server *t, const struct tls_peer *peer, int64_t wall_ms,
                        struct err *err)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int r = 0;

    if (ctx == NULL ||
        X509_STORE_CTX_init(ctx, t->set.clients, peer->state->cert, peer->state->chain) != 1)
        abort(); /* out of memory, as in xmalloc */
    X509_STORE_CTX_set_default(ctx, "ssl_client");
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)(wall_ms / MS_PER_S));
    if (X509_verify_cert(ctx) != 1)
        r = err_set(err, -EACCES, "%s",
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return r;
}

int tls_peer_check(struct tls_server *t, struct tls_peer *peer, int64_t wall_ms, struct err *err)
{
    int r;

    if (!peer->verified)
        return 0;
    if (wall_ms > peer->ends_wall_ms)
        return err_set(err, -EKEYEXPIRED, "certificate has expired");
    if (peer->state->generation == t->info.generation || t->set.clients == NULL)
        return 0;
    r = verify_again(t, peer, wall_ms, err);
    if (r == 0)
        peer->state->generation = t->info.generation;
    return r;
}
