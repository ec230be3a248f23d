/* From a certificate to the identity it carries (common/core/model/identity.h). Does not verify
 * the chain: call it for a certificate that OpenSSL has verified, or in the verify callback. */
#pragma once

#include "common/core/model/identity.h"

#include <openssl/x509.h>

/* Refuses, with the reason: no URI SAN, more than one, a URI that identity_parse refuses, a leaf
 * with CA:TRUE or a key usage of keyCertSign or cRLSign (X.509-SVID 4.1-4.3). */
MUST_CHECK int identity_from_x509(X509 *cert, struct str trust_domain, struct identity *ret,
                                  struct err *err);
