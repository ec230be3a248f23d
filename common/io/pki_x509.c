#include "common/io/pki_x509.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

static int openssl_failed(struct err *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code != 0 ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return err_set(err, -EIO, "%s: %s", what, why != NULL ? why : "OpenSSL failed");
}

static int read_pem(const char *file, void *(*read)(BIO *), void **ret, struct err *err)
{
    BIO *bio;

    ERR_clear_error();
    bio = BIO_new_file(file, "r");
    if (bio == NULL) {
        int code = errno;

        ERR_clear_error();
        return err_set(err, -code, "%s: %s", file, strerror(code));
    }
    *ret = read(bio);
    BIO_free(bio);
    return *ret != NULL ? 0 : openssl_failed(err, file);
}

static void *read_cert(BIO *bio)
{
    return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

static void *read_key(BIO *bio)
{
    return PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
}

static void *read_crl(BIO *bio)
{
    return PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
}

int pki_ca_read(const char *cert_file, const char *key_file, struct pki_ca *ret, struct err *err)
{
    void *cert = NULL, *key = NULL;
    int rc = read_pem(cert_file, read_cert, &cert, err);

    if (rc == 0)
        rc = read_pem(key_file, read_key, &key, err);
    if (rc == 0 && X509_check_private_key(cert, key) != 1)
        rc = openssl_failed(err, key_file);
    if (rc < 0) {
        X509_free(cert);
        EVP_PKEY_free(key);
        return rc;
    }
    *ret = (struct pki_ca){.cert = cert, .key = key};
    return 0;
}

void pki_ca_clear(struct pki_ca *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    *ca = (struct pki_ca){0};
}

int pki_serial_new(char ret[PKI_SERIAL_HEX + 1], struct err *err)
{
    unsigned char bytes[PKI_SERIAL_HEX / 2];
    struct buf hex;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return openssl_failed(err, "random bytes");
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, always 32 digits */
    buf_init(&hex, 0);
    for (size_t i = 0; i < sizeof(bytes); i++)
        buf_add_fmt(&hex, "%02x", bytes[i]);
    memcpy(ret, hex.p, PKI_SERIAL_HEX + 1);
    buf_clear(&hex);
    return 0;
}

static bool set_serial(ASN1_INTEGER *to, const char *hex)
{
    BIGNUM *n = NULL;
    bool ok = BN_hex2bn(&n, hex) > 0 && BN_to_ASN1_INTEGER(n, to) != NULL;

    BN_free(n);
    return ok;
}

static ASN1_TIME *make_time(int64_t wall_ms)
{
    return ASN1_TIME_adj(NULL, (time_t)(wall_ms / MS_PER_S), 0, 0);
}

static bool set_term(X509 *x, const struct pki_term *term)
{
    ASN1_TIME *from = make_time(term->from_wall_ms), *until = make_time(term->until_wall_ms);
    bool ok = from != NULL && until != NULL && X509_set1_notBefore(x, from) == 1 &&
              X509_set1_notAfter(x, until) == 1;

    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return ok;
}

static bool set_subject(X509 *x, const char *organisation, const char *name)
{
    X509_NAME *n = X509_get_subject_name(x);

    return X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)organisation,
                                      -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                                      0) == 1;
}

/* value as in OpenSSL's extension syntax; everything in it is checked by now. */
static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *e;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool add_pem(struct buf *ret, BIO *bio)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);

    if (n <= 0)
        return false;
    buf_add(ret, p, (size_t)n);
    return !ret->overflow;
}

static bool put_pem(struct buf *ret, X509 *cert, EVP_PKEY *key, X509_CRL *crl)
{
    BIO *bio = BIO_new(key != NULL ? BIO_s_secmem() : BIO_s_mem());
    bool ok = bio != NULL;

    if (ok && cert != NULL)
        ok = PEM_write_bio_X509(bio, cert) == 1;
    if (ok && key != NULL)
        ok = PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    if (ok && crl != NULL)
        ok = PEM_write_bio_X509_CRL(bio, crl) == 1;
    ok = ok && add_pem(ret, bio);
    BIO_free(bio);
    return ok;
}

int pki_ca_make(struct str trust_domain, const struct pki_term *term, struct buf *ret_cert,
                struct buf *ret_key, struct err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    char serial[PKI_SERIAL_HEX + 1];
    struct buf text;
    int rc = pki_serial_new(serial, err);

    buf_init(&text, 0);
    buf_add_str(&text, trust_domain);
    if (rc == 0 &&
        !(key != NULL && x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
          set_serial(X509_get_serialNumber(x), serial) && set_term(x, term) &&
          set_subject(x, text.p, "tocsin CA") &&
          X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 && X509_set_pubkey(x, key) == 1 &&
          add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
          add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
          add_extension(x, x, NID_subject_key_identifier, "hash") &&
          X509_sign(x, key, EVP_sha256()) > 0 && put_pem(ret_cert, x, NULL, NULL) &&
          put_pem(ret_key, NULL, key, NULL)))
        rc = openssl_failed(err, "making the CA");
    buf_clear(&text);
    X509_free(x);
    EVP_PKEY_free(key);
    return rc;
}

static bool dns_valid(struct str s)
{
    if (str_starts(s, STR("*.")))
        s = str_sub(s, 2, s.n);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || (c == '.' && i > 0 && s.p[i - 1] != '.')))
            return false;
    }
    return s.n > 0 && s.n <= 253;
}

static int make_sans(const char *uri, const struct pki_request *r, struct buf *ret, struct err *err)
{
    unsigned char address[sizeof(struct in6_addr)];

    buf_add_fmt(ret, "URI:%s", uri);
    for (size_t i = 0; i < r->dns_n; i++) {
        if (!dns_valid(str_from(r->dns[i])))
            return err_set(err, -EINVAL, "\"%s\" is no host name", r->dns[i]);
        buf_add_fmt(ret, ",DNS:%s", r->dns[i]);
    }
    for (size_t i = 0; i < r->ip_n; i++) {
        if (inet_pton(AF_INET, r->ip[i], address) != 1 &&
            inet_pton(AF_INET6, r->ip[i], address) != 1)
            return err_set(err, -EINVAL, "\"%s\" is no IP address", r->ip[i]);
        buf_add_fmt(ret, ",IP:%s", r->ip[i]);
    }
    return 0;
}

/* The CA's organisation is the trust domain; ours is the same. */
static bool set_leaf_subject(X509 *x, const struct pki_ca *ca, const char *name)
{
    char organisation[256] = "";

    X509_NAME_get_text_by_NID(X509_get_subject_name(ca->cert), NID_organizationName, organisation,
                              sizeof(organisation));
    return set_subject(x, organisation, name);
}

int pki_leaf_make(const struct pki_ca *ca, const char *serial, const char *uri,
                  const struct pki_request *r, struct buf *ret_cert, struct buf *ret_key,
                  struct err *err)
{
    const char *usage =
        r->identity.kind == IDENTITY_GLOBAL ? "serverAuth,clientAuth" : "clientAuth";
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    struct buf sans;
    int rc;

    buf_init(&sans, 0);
    rc = make_sans(uri, r, &sans, err);
    if (rc == 0 && !(key != NULL && x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
                     set_serial(X509_get_serialNumber(x), serial) && set_term(x, &r->term) &&
                     set_leaf_subject(x, ca, r->identity.node) &&
                     X509_set_issuer_name(x, X509_get_subject_name(ca->cert)) == 1 &&
                     X509_set_pubkey(x, key) == 1 &&
                     add_extension(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE") &&
                     add_extension(x, ca->cert, NID_key_usage, "critical,digitalSignature") &&
                     add_extension(x, ca->cert, NID_ext_key_usage, usage) &&
                     add_extension(x, ca->cert, NID_subject_key_identifier, "hash") &&
                     add_extension(x, ca->cert, NID_authority_key_identifier, "keyid:always") &&
                     add_extension(x, ca->cert, NID_subject_alt_name, sans.p) &&
                     X509_sign(x, ca->key, EVP_sha256()) > 0 && put_pem(ret_cert, x, NULL, NULL) &&
                     put_pem(ret_key, NULL, key, NULL)))
        rc = openssl_failed(err, "making the certificate");
    buf_clear(&sans);
    X509_free(x);
    EVP_PKEY_free(key);
    return rc;
}

static bool add_revoked(X509_CRL *crl, const struct pki_entry *e)
{
    X509_REVOKED *row = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_TIME *when = make_time(e->revoked_wall_ms);
    bool ok = row != NULL && serial != NULL && when != NULL && set_serial(serial, e->serial) &&
              X509_REVOKED_set_serialNumber(row, serial) == 1 &&
              X509_REVOKED_set_revocationDate(row, when) == 1 &&
              X509_CRL_add0_revoked(crl, row) == 1;

    if (!ok)
        X509_REVOKED_free(row);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(when);
    return ok;
}

static bool set_crl_number(X509_CRL *crl, int64_t number)
{
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    bool ok = n != NULL && ASN1_INTEGER_set_int64(n, number) == 1 &&
              X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0) == 1;

    ASN1_INTEGER_free(n);
    return ok;
}

static bool add_issuer_key(X509_CRL *crl, const struct pki_ca *ca)
{
    X509_EXTENSION *e;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx(&ctx, ca->cert, NULL, NULL, crl, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    ok = e != NULL && X509_CRL_add_ext(crl, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

int pki_crl_make(const struct pki_ca *ca, const struct pki_index *x, int64_t number,
                 const struct pki_term *term, struct buf *ret, struct err *err)
{
    ASN1_TIME *from = make_time(term->from_wall_ms), *until = make_time(term->until_wall_ms);
    X509_CRL *crl = X509_CRL_new();
    bool ok = crl != NULL && from != NULL && until != NULL &&
              X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, from) == 1 &&
              X509_CRL_set1_nextUpdate(crl, until) == 1 && set_crl_number(crl, number) &&
              add_issuer_key(crl, ca);

    for (size_t i = 0; ok && i < x->n; i++)
        if (x->v[i].revoked)
            ok = add_revoked(crl, &x->v[i]);
    ok = ok && X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0 &&
         put_pem(ret, NULL, NULL, crl);
    X509_CRL_free(crl);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return ok ? 0 : openssl_failed(err, "making the CRL");
}

int64_t pki_crl_number(const char *file)
{
    void *crl = NULL;
    ASN1_INTEGER *n;
    int64_t number = 0;

    if (read_pem(file, read_crl, &crl, NULL) < 0)
        return 0;
    n = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    if (n != NULL && ASN1_INTEGER_get_int64(&number, n) != 1)
        number = 0;
    ASN1_INTEGER_free(n);
    X509_CRL_free(crl);
    return number;
}
