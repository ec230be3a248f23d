/* Who a federation certificate speaks for. The name is the certificate's one URI SAN:
 *     spiffe://<trust-domain>/site/<site>/edge/<node>              group "main"
 *     spiffe://<trust-domain>/site/<site>/group/<team>/edge/<node>
 *     spiffe://<trust-domain>/global/<node>
 *     spiffe://<trust-domain>/user/<name>                          a person or tool at an API
 * Sites, groups and nodes match [a-z0-9-]{1,63}. Rules after SPIFFE-ID 2.1-2.4: no port, user,
 * query, fragment, percent-encoding, empty or dot segment, trailing slash; at most 2048 bytes.
 * Pure; common/io/identity.h takes the URI from a certificate. */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

#define IDENTITY_NAME_MAX 63
#define IDENTITY_URI_MAX 2048
#define IDENTITY_GROUP_DEFAULT "main"

enum identity_kind { IDENTITY_NONE, IDENTITY_EDGE, IDENTITY_GLOBAL, IDENTITY_USER };

struct identity { /* a value; zeroed it is nobody */
    enum identity_kind kind;
    char site[IDENTITY_NAME_MAX + 1];  /* IDENTITY_EDGE */
    char group[IDENTITY_NAME_MAX + 1]; /* IDENTITY_EDGE; IDENTITY_GROUP_DEFAULT when unnamed */
    char node[IDENTITY_NAME_MAX + 1];  /* a person's or tool's name with IDENTITY_USER */
};

/* The scheme and trust domain must be lower case and equal to trust_domain. */
MUST_CHECK int identity_parse(struct str uri, struct str trust_domain, struct identity *ret,
                              struct err *err);
/* The URI that identity_parse reads back; kind must not be IDENTITY_NONE. */
void identity_format(const struct identity *id, struct str trust_domain, struct buf *b);
bool identity_eq(const struct identity *a, const struct identity *b);
bool identity_name_valid(struct str name);  /* [a-z0-9-]{1,63} */
bool trust_domain_valid(struct str domain); /* [a-z0-9._-]{1,255} */
