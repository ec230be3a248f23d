#include "common/io/identity.h"

#include <errno.h>
#include <openssl/x509v3.h>

/* The one URI SAN, lent by names. */
static int find_uri(const GENERAL_NAMES *names, struct str *ret, struct err *err)
{
    struct str uri = {0};

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_URI)
            continue;
        if (uri.p != NULL)
            return err_set(err, -EPERM, "certificate has more than one URI SAN");
        uri = (struct str){
            .p = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
            .n = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier)};
    }
    if (uri.p == NULL)
        return err_set(err, -EPERM, "certificate has no URI SAN");
    *ret = uri;
    return 0;
}

int identity_from_x509(X509 *cert, struct str trust_domain, struct identity *ret, struct err *err)
{
    uint32_t flags = X509_get_extension_flags(cert);
    GENERAL_NAMES *names;
    struct str uri;
    int critical = 0, r;

    if ((flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0)
        return err_set(err, -EPERM, "certificate has a bad or unknown critical extension");
    if ((flags & EXFLAG_CA) != 0)
        return err_set(err, -EPERM, "certificate is a CA's (CA:TRUE)");
    if ((flags & EXFLAG_KUSAGE) != 0 &&
        (X509_get_key_usage(cert) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
        return err_set(err, -EPERM, "certificate may sign certificates or CRLs");
    names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    if (names == NULL) /* -2: the extension is there twice */
        return err_set(err, -EPERM, "certificate has %s",
                       critical == -2 ? "two SAN extensions" : "no URI SAN");
    r = find_uri(names, &uri, err);
    if (r == 0)
        r = identity_parse(uri, trust_domain, ret, err);
    GENERAL_NAMES_free(names);
    return r;
}
