/* The `http_config` of receivers: how a request is authorised, encrypted and led. Files named here
 * are read when a request is made. */
#pragma once

#include "common/core/config/schema.h"

struct tls_config {
    struct str ca, cert, key; /* PEM */
    struct str ca_file, cert_file, key_file;
    struct str ca_ref, cert_ref, key_ref; /* accepted; nothing provides them */
    struct str server_name;
    bool insecure_skip_verify;
    struct str min_version, max_version; /* "", TLS10 … TLS13 */
};

struct basic_auth {
    struct str username, username_file, username_ref;
    struct str password, password_file, password_ref;
};

struct authorization {
    struct str type; /* never empty: Bearer */
    struct str credentials, credentials_file, credentials_ref;
};

struct proxy_config {
    struct str url;
    struct str no_proxy;
    bool from_environment;
    struct config_map connect_header; /* of struct str_list; names are sent as written */
};

#define OAUTH2_JWT_BEARER "urn:ietf:params:oauth:grant-type:jwt-bearer"

struct oauth2_config {
    struct str client_id, client_secret, client_secret_file, client_secret_ref;
    struct str key_id, key, key_file, key_ref; /* client_certificate_key… */
    struct str grant_type, signature_algorithm, iss, audience;
    const struct yaml_node *claims;
    struct str_list scopes;
    struct str token_url;
    struct labels endpoint_params;
    struct tls_config tls;
    struct proxy_config proxy;
};

struct http_header { /* one name's values: first these, then those */
    struct str_list values, secrets, files;
};

struct http_config {
    const struct basic_auth *basic_auth;        /* NULL: none */
    const struct authorization *authorization;  /* NULL: none; a bearer token becomes one */
    const struct oauth2_config *oauth2;         /* NULL: none */
    struct str bearer_token, bearer_token_file; /* empty once loaded */
    struct tls_config tls;
    bool follow_redirects, enable_http2;
    struct proxy_config proxy;
    struct config_map headers; /* of struct http_header */
};

extern const struct config_section tls_config_section, http_config_section, http_header_section;

/* Nothing in it but what holds without it: no credentials, no TLS of its own, no proxy, no headers.
 * NULL is plain. */
bool http_config_is_plain(const struct http_config *c);

/* The row of a table for a `struct http_config *` (const), inherited from global. */
#define HTTP_CONFIG_FIELD(type, member) \
    { \
        .name = "http_config", .kind = CONFIG_SECTION_REF, .offset = offsetof(type, member), \
        .section = &http_config_section, .global = "http_config", \
        .doc = "How requests are made; one of its own replaces the global one as a whole." \
    }
