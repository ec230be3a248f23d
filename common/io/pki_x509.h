/* The OpenSSL half of io/pki: builds and signs, all as PEM in buffers. ECDSA P-256 with SHA-256. */
#pragma once

#include "common/base/buf.h"
#include "common/io/pki.h"

#include <openssl/x509.h>

struct pki_ca {
    X509 *cert;
    EVP_PKEY *key;
};

MUST_CHECK int pki_ca_read(const char *cert_file, const char *key_file, struct pki_ca *ret,
                           struct err *err);
void pki_ca_clear(struct pki_ca *ca);

/* 127 random bits: unguessable, positive, at most 20 octets (RFC 5280 §4.1.2.2). */
MUST_CHECK int pki_serial_new(char ret[PKI_SERIAL_HEX + 1], struct err *err);

/* These append to the buffers; the one with the key is the caller's to cleanse. */
MUST_CHECK int pki_ca_make(struct str trust_domain, const struct pki_term *term,
                           struct buf *ret_cert, struct buf *ret_key, struct err *err);
MUST_CHECK int pki_leaf_make(const struct pki_ca *ca, const char *serial, const char *uri,
                             const struct pki_request *r, struct buf *ret_cert, struct buf *ret_key,
                             struct err *err);
/* Of the revoked rows of x. `number` must rise from CRL to CRL. */
MUST_CHECK int pki_crl_make(const struct pki_ca *ca, const struct pki_index *x, int64_t number,
                            const struct pki_term *term, struct buf *ret, struct err *err);

/* CRL number of a CRL file, 0 when there is none. */
int64_t pki_crl_number(const char *file);
