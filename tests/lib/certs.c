#include "tests/lib/certs.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define DAY_S 86400L

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void extension_add(X509 *cert, X509 *issuer, int nid, const char *text)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
    must(e != NULL && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

void test_cert_make(const struct test_cert_options *o, const struct test_cert *issuer,
                    struct test_cert *ret)
{
    X509 *cert = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    const char *name = o->common_name != NULL ? o->common_name : "test";
    bool plain = o->from_s == 0 && o->until_s == 0;
    X509 *by = issuer != NULL ? issuer->cert : cert;

    must(cert != NULL && key != NULL);
    must(X509_set_version(cert, X509_VERSION_3) == 1 && X509_set_pubkey(cert, key) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(cert), o->serial != 0 ? o->serial : 1) == 1);
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                    (const unsigned char *)name, -1, -1, 0) == 1);
    must(X509_set_issuer_name(cert, X509_get_subject_name(by)) == 1);
    must(X509_gmtime_adj(X509_getm_notBefore(cert), plain ? -DAY_S : o->from_s) != NULL);
    must(X509_gmtime_adj(X509_getm_notAfter(cert), plain ? DAY_S : o->until_s) != NULL);
    extension_add(cert, by, NID_basic_constraints, o->ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (o->san != NULL)
        extension_add(cert, by, NID_subject_alt_name, o->san);
    if (o->key_usage != NULL)
        extension_add(cert, by, NID_key_usage, o->key_usage);
    if (o->extended != NULL)
        extension_add(cert, by, NID_ext_key_usage, o->extended);
    must(X509_sign(cert, issuer != NULL ? issuer->key : key, EVP_sha256()) > 0);
    *ret = (struct test_cert){cert, key};
}

void test_cert_clear(struct test_cert *c)
{
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
    *c = (struct test_cert){0};
}

static FILE *file_begin(const char *path, char temporary[4096])
{
    FILE *f;

    (void)snprintf(temporary, 4096, "%s.new", path);
    f = fopen(temporary, "w");
    must(f != NULL);
    return f;
}

static void file_end(FILE *f, const char *temporary, const char *path)
{
    must(fclose(f) == 0 && rename(temporary, path) == 0);
}

void test_cert_write(const char *path, const struct test_cert *c)
{
    char temporary[4096];
    FILE *f = file_begin(path, temporary);

    must(PEM_write_X509(f, c->cert) == 1);
    file_end(f, temporary, path);
}

void test_key_write(const char *path, const struct test_cert *c)
{
    char temporary[4096];
    FILE *f = file_begin(path, temporary);

    must(PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL) == 1);
    file_end(f, temporary, path);
}

void test_crl_write(const char *path, const struct test_cert *ca, const long *serials,
                    size_t serials_n, long from_s, long until_s)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = ASN1_TIME_new();
    char temporary[4096];
    FILE *f;

    must(crl != NULL && t != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1);
    must(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert)) == 1);
    must(X509_gmtime_adj(t, from_s) != NULL && X509_CRL_set1_lastUpdate(crl, t) == 1);
    for (size_t i = 0; i < serials_n; i++) {
        X509_REVOKED *revoked = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();

        must(ASN1_INTEGER_set(serial, serials[i]) == 1);
        must(X509_REVOKED_set_serialNumber(revoked, serial) == 1);
        must(X509_REVOKED_set_revocationDate(revoked, t) == 1);
        must(X509_CRL_add0_revoked(crl, revoked) == 1);
        ASN1_INTEGER_free(serial);
    }
    must(X509_gmtime_adj(t, until_s) != NULL && X509_CRL_set1_nextUpdate(crl, t) == 1);
    must(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
    f = file_begin(path, temporary);
    must(PEM_write_X509_CRL(f, crl) == 1);
    file_end(f, temporary, path);
    ASN1_TIME_free(t);
    X509_CRL_free(crl);
}
