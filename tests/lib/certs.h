/* Certificates for tests, odd ones included, made by libcrypto: P-256, signed by a CA of the test's
 * own. What fails ends the program. */
#pragma once

#include "common/base/base.h"

#include <openssl/x509.h>

struct test_cert {
    X509 *cert;
    EVP_PKEY *key;
};

struct test_cert_options {
    const char *common_name; /* NULL: "test" */
    const char *san;         /* as in openssl.cnf: "URI:spiffe://…,DNS:a"; NULL: none */
    const char *key_usage;   /* as in openssl.cnf; NULL: none */
    const char *extended;    /* extendedKeyUsage, likewise */
    bool ca;                 /* basicConstraints CA:TRUE */
    long serial;             /* 0: 1 */
    long from_s, until_s;    /* from now; both 0: a day to either side */
};

void test_cert_make(const struct test_cert_options *o,
                    const struct test_cert *issuer /* NULL: self */, struct test_cert *ret);
void test_cert_clear(struct test_cert *c);

/* PEM files; write by rename, so that inode and time change. */
void test_cert_write(const char *path, const struct test_cert *c);
void test_key_write(const char *path, const struct test_cert *c);
void test_crl_write(const char *path, const struct test_cert *ca, const long *serials,
                    size_t serials_n, long from_s, long until_s);
