/* A private CA in a folder, for those who have no PKI of their own: makes the CA, issues the
 * certificates of edges, global nodes and people, revokes them, lists them. docs/formats/pki.md
 * describes the folder and the certificates. One process at a time: the folder is locked.
 *
 *     ca.pem ca.key ca.crl index.tsv    and, unless told otherwise, NAME.pem NAME.key
 *
 * Files are written whole or not at all; keys have mode 0600. A certificate stands in the index
 * before it stands in a file, so that whatever exists can be revoked. */
#pragma once

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/core/model/identity.h"

/* Certificates and CRLs are valid from this long before they were made, for clocks that are slow.
 */
#define PKI_BACKDATE_MS MS_PER_H

struct pki_term { /* wall clock */
    int64_t from_wall_ms, until_wall_ms;
};

struct pki_request {
    struct identity identity;
    const char *const *dns; /* further SANs, for global nodes */
    size_t dns_n;
    const char *const *ip;
    size_t ip_n;
    struct pki_term term;   /* must lie within the CA's */
    const char *out_prefix; /* files PREFIX.pem and PREFIX.key; NULL: named in the folder */
};

#define PKI_SERIAL_HEX 32

struct pki_entry {                   /* a row of the index */
    char serial[PKI_SERIAL_HEX + 1]; /* lower-case hexadecimal */
    bool revoked;
    struct identity identity;
    struct pki_term term;
    int64_t revoked_wall_ms; /* 0: not revoked */
    char *file;              /* where the certificate was written */
};

struct pki_index {
    char *trust_domain;
    struct pki_entry *v;
    size_t n, cap;
};

/* Makes the CA, an empty CRL that runs until crl_until_wall_ms, and the index; the folder too.
 * -EEXIST when there is a CA and not `force`. Forcing makes every certificate of the old CA void.
 */
MUST_CHECK int pki_init(const char *dir, struct str trust_domain, const struct pki_term *term,
                        int64_t crl_until_wall_ms, int64_t now_wall_ms, bool force,
                        struct err *err);

/* Fills *ret, whose file the caller frees. An older certificate of the same name stays valid. */
MUST_CHECK int pki_issue(const char *dir, const struct pki_request *r, struct pki_entry *ret,
                         struct err *err);

/* Revokes the certificate with this serial, or all unrevoked ones of a name: SITE/NODE, NODE, the
 * path of the URI (site/SITE/edge/NODE, global/NODE, user/NAME) or the whole URI. -ENOENT when
 * there is none, -EEXIST when all are revoked, -ENOTUNIQ when the short name fits several. The
 * index is written before the CRL; doing it again (even with -EEXIST) mends what a crash left. */
MUST_CHECK int pki_revoke(const char *dir, struct str what, int64_t now_wall_ms,
                          int64_t crl_until_wall_ms, size_t *ret_n, struct err *err);

/* Signs the CRL anew, for a later nextUpdate. */
MUST_CHECK int pki_crl(const char *dir, int64_t now_wall_ms, int64_t crl_until_wall_ms,
                       struct err *err);

MUST_CHECK int pki_index_read(const char *dir, struct pki_index *ret, struct err *err);
void pki_index_clear(struct pki_index *x);
