#include "common/core/config/http_config.h"

#include "common/core/config/scalar.h"

#define OFFSET(type, member) .offset = offsetof(struct type, member)

static bool has(struct str s)
{
    return s.n > 0;
}

static int count3(struct str a, struct str b, struct str c)
{
    return (int)has(a) + (int)has(b) + (int)has(c);
}

static int refuse(struct err *err, const char *text)
{
    return err_set(err, -EINVAL, "%s", text);
}

/* ---- tls_config ---- */

static bool is_tls_version(struct str s)
{
    return s.n == 0 || str_eq_c(s, "TLS10") || str_eq_c(s, "TLS11") || str_eq_c(s, "TLS12") ||
           str_eq_c(s, "TLS13");
}

static int check_tls(void *config, struct arena *a, struct err *err)
{
    const struct tls_config *c = config;
    int certs = count3(c->cert, c->cert_file, c->cert_ref);
    int keys = count3(c->key, c->key_file, c->key_ref);

    (void)a;
    if (count3(c->ca, c->ca_file, c->ca_ref) > 1)
        return refuse(err, "at most one of ca, ca_file & ca_ref must be configured");
    if (certs > 1)
        return refuse(err, "at most one of cert, cert_file & cert_ref must be configured");
    if (keys > 1)
        return refuse(err, "at most one of key and key_file must be configured");
    if (certs > 0 && keys == 0)
        return refuse(err, "exactly one of key or key_file must be configured when a client "
                           "certificate is configured");
    if (keys > 0 && certs == 0)
        return refuse(err, "exactly one of cert or cert_file must be configured when a client key "
                           "is configured");
    if (!is_tls_version(c->min_version) || !is_tls_version(c->max_version))
        return err_set(
            err, -EINVAL, "unknown TLS version: " STR_FMT,
            STR_ARG(
                str_sub(is_tls_version(c->min_version) ? c->max_version : c->min_version, 0, 60)));
    return 0;
}

#define TLS(member) OFFSET(tls_config, member)

static const struct config_field tls_fields[] = {
    {.name = "ca", .kind = CONFIG_STR, TLS(ca), .doc = "PEM; replaces the system's roots."},
    {.name = "cert", .kind = CONFIG_STR, TLS(cert), .doc = "PEM of the client's certificate."},
    {.name = "key", .kind = CONFIG_SECRET, TLS(key), .doc = "PEM of its key."},
    {.name = "ca_file", .kind = CONFIG_PATH, TLS(ca_file), .doc = "The same from a file."},
    {.name = "cert_file", .kind = CONFIG_PATH, TLS(cert_file), .doc = "The same from a file."},
    {.name = "key_file", .kind = CONFIG_PATH, TLS(key_file), .doc = "The same from a file."},
    {.name = "ca_ref", .kind = CONFIG_STR, TLS(ca_ref), .doc = "Accepted; there is no such store."},
    {.name = "cert_ref",
     .kind = CONFIG_STR,
     TLS(cert_ref),
     .doc = "Accepted; there is no such store."},
    {.name = "key_ref",
     .kind = CONFIG_STR,
     TLS(key_ref),
     .doc = "Accepted; there is no such store."},
    {.name = "server_name",
     .kind = CONFIG_STR,
     TLS(server_name),
     .doc = "The name that is asked for and verified; the URL's host without it."},
    {.name = "insecure_skip_verify",
     .kind = CONFIG_BOOL,
     TLS(insecure_skip_verify),
     .always = true,
     .doc = "Take any certificate."},
    {.name = "min_version",
     .kind = CONFIG_STR,
     TLS(min_version),
     .doc = "TLS10, TLS11, TLS12 or TLS13; TLS12 without it."},
    {.name = "max_version",
     .kind = CONFIG_STR,
     TLS(max_version),
     .doc = "TLS10, TLS11, TLS12 or TLS13."},
};

const struct config_section tls_config_section = {.name = "tls_config",
                                                  .fields = tls_fields,
                                                  .fields_n = ARRAY_SIZE(tls_fields),
                                                  .size = sizeof(struct tls_config),
                                                  .check = check_tls};

/* ---- proxies ---- */

#define PROXY_FIELDS(type, member) \
    {.name = "proxy_url", \
     .kind = CONFIG_PROXY_URL, \
     OFFSET(type, member.url), \
     .doc = "Everything goes through it."}, \
        {.name = "no_proxy", \
         .kind = CONFIG_STR, \
         OFFSET(type, member.no_proxy), \
         .doc = "Hosts, domains and networks that do not, with commas between."}, \
        {.name = "proxy_from_environment", \
         .kind = CONFIG_BOOL, \
         OFFSET(type, member.from_environment), \
         .doc = "HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide."}, \
    { \
        .name = "proxy_connect_header", .kind = CONFIG_SECRETS_MAP, \
        OFFSET(type, member.connect_header), .doc = "Headers for the proxy: names to lists." \
    }

static int check_proxy(const struct proxy_config *p, struct err *err)
{
    if (p->connect_header.n > 0 && !has(p->url) && !p->from_environment)
        return refuse(err, "if proxy_connect_header is configured, proxy_url or "
                           "proxy_from_environment must also be configured");
    if (p->from_environment && has(p->url))
        return refuse(err,
                      "if proxy_from_environment is configured, proxy_url must not be configured");
    if (p->from_environment && has(p->no_proxy))
        return refuse(err,
                      "if proxy_from_environment is configured, no_proxy must not be configured");
    if (has(p->no_proxy) && !has(p->url))
        return refuse(err, "if no_proxy is configured, proxy_url must also be configured");
    return 0;
}

/* ---- credentials ---- */

#define BASIC(member) OFFSET(basic_auth, member)

static const struct config_field basic_fields[] = {
    {.name = "username", .kind = CONFIG_STR, BASIC(username), .doc = "May be empty."},
    {.name = "username_file", .kind = CONFIG_PATH, BASIC(username_file), .doc = "From a file."},
    {.name = "username_ref",
     .kind = CONFIG_STR,
     BASIC(username_ref),
     .doc = "Accepted; there is no such store."},
    {.name = "password", .kind = CONFIG_SECRET, BASIC(password), .doc = "May be empty."},
    {.name = "password_file", .kind = CONFIG_PATH, BASIC(password_file), .doc = "From a file."},
    {.name = "password_ref",
     .kind = CONFIG_STR,
     BASIC(password_ref),
     .doc = "Accepted; there is no such store."},
};

static const struct config_section basic_section = {.name = "basic_auth",
                                                    .fields = basic_fields,
                                                    .fields_n = ARRAY_SIZE(basic_fields),
                                                    .size = sizeof(struct basic_auth)};

#define AUTHORIZATION(member) OFFSET(authorization, member)

static const struct config_field authorization_fields[] = {
    {.name = "type",
     .kind = CONFIG_STR,
     AUTHORIZATION(type),
     .doc = "Bearer without it; not Basic, which is basic_auth."},
    {.name = "credentials",
     .kind = CONFIG_SECRET,
     AUTHORIZATION(credentials),
     .doc = "What follows the type."},
    {.name = "credentials_file",
     .kind = CONFIG_PATH,
     AUTHORIZATION(credentials_file),
     .doc = "From a file."},
    {.name = "credentials_ref",
     .kind = CONFIG_STR,
     AUTHORIZATION(credentials_ref),
     .doc = "Accepted; there is no such store."},
};

static const struct config_section authorization_section = {.name = "authorization",
                                                            .fields = authorization_fields,
                                                            .fields_n =
                                                                ARRAY_SIZE(authorization_fields),
                                                            .size = sizeof(struct authorization)};

/* ---- oauth2 ---- */

#define OAUTH(member) OFFSET(oauth2_config, member)

static const struct config_field oauth2_fields[] = {
    {.name = "client_id", .kind = CONFIG_STR, OAUTH(client_id), .doc = "Required."},
    {.name = "client_secret", .kind = CONFIG_SECRET, OAUTH(client_secret), .doc = "Its secret."},
    {.name = "client_secret_file",
     .kind = CONFIG_PATH,
     OAUTH(client_secret_file),
     .doc = "From a file."},
    {.name = "client_secret_ref",
     .kind = CONFIG_STR,
     OAUTH(client_secret_ref),
     .doc = "Accepted; there is no such store."},
    {.name = "client_certificate_key_id",
     .kind = CONFIG_STR,
     OAUTH(key_id),
     .doc = "The kid of an assertion."},
    {.name = "client_certificate_key",
     .kind = CONFIG_SECRET,
     OAUTH(key),
     .doc = "PEM of the key that signs assertions."},
    {.name = "client_certificate_key_file",
     .kind = CONFIG_FILE,
     OAUTH(key_file),
     .doc = "From a file."},
    {.name = "client_certificate_key_ref",
     .kind = CONFIG_STR,
     OAUTH(key_ref),
     .doc = "Accepted; there is no such store."},
    {.name = "grant_type",
     .kind = CONFIG_STR,
     OAUTH(grant_type),
     .doc = "client_credentials without it, or " OAUTH2_JWT_BEARER "."},
    {.name = "signature_algorithm",
     .kind = CONFIG_STR,
     OAUTH(signature_algorithm),
     .doc = "RS256 without it, RS384 or RS512."},
    {.name = "iss", .kind = CONFIG_STR, OAUTH(iss), .doc = "client_id without it."},
    {.name = "audience", .kind = CONFIG_STR, OAUTH(audience), .doc = "token_url without it."},
    {.name = "claims", .kind = CONFIG_ANY_MAP, OAUTH(claims), .doc = "Further claims."},
    {.name = "scopes", .kind = CONFIG_STR_LIST, OAUTH(scopes), .doc = "What is asked for."},
    {.name = "token_url", .kind = CONFIG_STR, OAUTH(token_url), .doc = "Required."},
    {.name = "endpoint_params",
     .kind = CONFIG_MAP,
     OAUTH(endpoint_params),
     .doc = "Further parameters of the request for a token."},
    {.name = "tls_config",
     .kind = CONFIG_SECTION,
     OAUTH(tls),
     .section = &tls_config_section,
     .doc = "Towards token_url."},
    PROXY_FIELDS(oauth2_config, proxy),
};

static int check_oauth2_proxy(void *config, struct arena *a, struct err *err)
{
    const struct oauth2_config *c = config;

    (void)a;
    return check_proxy(&c->proxy, err);
}

static const struct config_section oauth2_section = {.name = "oauth2",
                                                     .fields = oauth2_fields,
                                                     .fields_n = ARRAY_SIZE(oauth2_fields),
                                                     .size = sizeof(struct oauth2_config),
                                                     .check = check_oauth2_proxy};

static int check_oauth2(const struct oauth2_config *c, struct err *err)
{
    struct str alg = c->signature_algorithm;

    if (!has(c->client_id))
        return refuse(err, "oauth2 client_id must be configured");
    if (!has(c->token_url))
        return refuse(err, "oauth2 token_url must be configured");
    if (str_eq_c(c->grant_type, OAUTH2_JWT_BEARER)) {
        if (count3(c->key, c->key_file, c->key_ref) > 1)
            return refuse(err, "at most one of oauth2 client_certificate_key, "
                               "client_certificate_key_file & client_certificate_key_ref must be "
                               "configured using grant-type=" OAUTH2_JWT_BEARER);
        if (has(alg) && !str_eq_c(alg, "RS256") && !str_eq_c(alg, "RS384") &&
            !str_eq_c(alg, "RS512"))
            return refuse(err, "valid signature algorithms are RS256, RS384 and RS512");
    } else if (count3(c->client_secret, c->client_secret_file, c->client_secret_ref) > 1) {
        return refuse(err, "at most one of oauth2 client_secret, client_secret_file & "
                           "client_secret_ref must be configured using "
                           "grant-type=client_credentials");
    }
    return 0;
}

/* ---- http_headers ---- */

static const struct config_field header_fields[] = {
    {.name = "values",
     .kind = CONFIG_STR_LIST,
     OFFSET(http_header, values),
     .doc = "Each is a header line."},
    {.name = "secrets",
     .kind = CONFIG_SECRET_LIST,
     OFFSET(http_header, secrets),
     .doc = "Further ones, not shown."},
    {.name = "files",
     .kind = CONFIG_PATH_LIST,
     OFFSET(http_header, files),
     .doc = "Further ones, each from a file."},
};

const struct config_section http_header_section = {.name = "header",
                                                   .fields = header_fields,
                                                   .fields_n = ARRAY_SIZE(header_fields),
                                                   .size = sizeof(struct http_header)};

static int check_headers(const struct config_map *headers, struct arena *a, struct err *err)
{
    static const char *const reserved[] = {"Authorization",
                                           "Host",
                                           "Content-Encoding",
                                           "Content-Length",
                                           "Content-Type",
                                           "User-Agent",
                                           "Connection",
                                           "Keep-Alive",
                                           "Proxy-Authenticate",
                                           "Proxy-Authorization",
                                           "Www-Authenticate",
                                           "Accept-Encoding",
                                           "X-Prometheus-Remote-Write-Version",
                                           "X-Prometheus-Remote-Read-Version",
                                           "X-Prometheus-Scrape-Timeout-Seconds",
                                           "X-Amz-Date",
                                           "X-Amz-Security-Token",
                                           "X-Amz-Content-Sha256"};

    for (size_t i = 0; i < headers->n; i++) {
        struct str name = header_canonical(a, headers->keys[i]);

        for (size_t k = 0; k < ARRAY_SIZE(reserved); k++) {
            if (str_eq_c(name, reserved[k]))
                return err_set(err, -EINVAL, "setting header \"%s\" is not allowed", reserved[k]);
        }
    }
    return 0;
}

/* ---- http_config ---- */

static int check_basic(const struct http_config *c, bool bearer, struct err *err)
{
    const struct basic_auth *b = c->basic_auth;

    if (bearer && (b != NULL || c->oauth2 != NULL))
        return refuse(err, "at most one of basic_auth, oauth2, bearer_token & bearer_token_file "
                           "must be configured");
    if (b != NULL && count3(b->username, b->username_file, b->username_ref) > 1)
        return refuse(err, "at most one of basic_auth username, username_file & username_ref must "
                           "be configured");
    if (b != NULL && count3(b->password, b->password_file, b->password_ref) > 1)
        return refuse(err, "at most one of basic_auth password, password_file & password_ref must "
                           "be configured");
    return 0;
}

static int check_authorization(struct http_config *c, bool bearer, struct arena *a, struct err *err)
{
    struct authorization *z;

    if (c->authorization == NULL)
        return 0;
    if (bearer)
        return refuse(err, "authorization is not compatible with bearer_token & bearer_token_file");
    z = ARENA_NEW(a, struct authorization);
    *z = *c->authorization;
    if (count3(z->credentials, z->credentials_file, z->credentials_ref) > 1)
        return refuse(
            err, "at most one of authorization credentials & credentials_file must be configured");
    z->type = str_trim(z->type);
    if (z->type.n == 0)
        z->type = STR("Bearer");
    if (str_eq_nocase(z->type, STR("basic")))
        return refuse(err,
                      "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
    if (c->basic_auth != NULL || c->oauth2 != NULL)
        return refuse(err, "at most one of basic_auth, oauth2 & authorization must be configured");
    c->authorization = z;
    return 0;
}

static int check_http(void *config, struct arena *a, struct err *err)
{
    struct http_config *c = config;
    bool bearer = has(c->bearer_token) || has(c->bearer_token_file);
    int rc;

    if (has(c->bearer_token) && has(c->bearer_token_file))
        return refuse(err, "at most one of bearer_token & bearer_token_file must be configured");
    rc = check_basic(c, bearer, err);
    if (rc == 0)
        rc = check_authorization(c, bearer, a, err);
    if (rc == 0 && c->oauth2 != NULL && c->basic_auth != NULL)
        rc = refuse(err, "at most one of basic_auth, oauth2 & authorization must be configured");
    if (rc == 0 && c->oauth2 != NULL)
        rc = check_oauth2(c->oauth2, err);
    if (rc == 0)
        rc = check_proxy(&c->proxy, err);
    if (rc == 0)
        rc = check_headers(&c->headers, a, err);
    if (rc == 0 && bearer) {
        struct authorization *z = ARENA_NEW(a, struct authorization);

        *z = (struct authorization){.type = STR("Bearer"),
                                    .credentials = c->bearer_token,
                                    .credentials_file = c->bearer_token_file};
        c->authorization = z;
        c->bearer_token = c->bearer_token_file = STR_EMPTY;
    }
    return rc;
}

#define AT(member) OFFSET(http_config, member)

static const struct config_field http_fields[] = {
    {.name = "basic_auth",
     .kind = CONFIG_SECTION_REF,
     AT(basic_auth),
     .section = &basic_section,
     .doc = "At most one of basic_auth, authorization and oauth2."},
    {.name = "authorization",
     .kind = CONFIG_SECTION_REF,
     AT(authorization),
     .section = &authorization_section,
     .doc = "The Authorization header."},
    {.name = "oauth2",
     .kind = CONFIG_SECTION_REF,
     AT(oauth2),
     .section = &oauth2_section,
     .doc = "Tokens from an authorization server."},
    {.name = "bearer_token",
     .kind = CONFIG_SECRET,
     AT(bearer_token),
     .doc = "Old form of authorization."},
    {.name = "bearer_token_file",
     .kind = CONFIG_PATH,
     AT(bearer_token_file),
     .doc = "Old form of authorization."},
    {.name = "tls_config",
     .kind = CONFIG_SECTION,
     AT(tls),
     .section = &tls_config_section,
     .doc = "Certificates."},
    {.name = "follow_redirects",
     .kind = CONFIG_BOOL,
     AT(follow_redirects),
     .fallback = "true",
     .always = true,
     .doc = "Go where a 3xx answer leads."},
    {.name = "enable_http2",
     .kind = CONFIG_BOOL,
     AT(enable_http2),
     .fallback = "true",
     .always = true,
     .doc = "HTTP/2 where TLS agrees on it."},
    PROXY_FIELDS(http_config, proxy),
    {.name = "http_headers",
     .kind = CONFIG_SECTION_MAP,
     AT(headers),
     .section = &http_header_section,
     .doc = "Further headers, by name."},
};

const struct config_section http_config_section = {.name = "http_config",
                                                   .fields = http_fields,
                                                   .fields_n = ARRAY_SIZE(http_fields),
                                                   .size = sizeof(struct http_config),
                                                   .check = check_http};

bool http_config_is_plain(const struct http_config *c)
{
    struct http_config rest;

    if (c == NULL)
        return true;
    rest = *c;
    rest.follow_redirects = rest.enable_http2 = false; /* requests that nothing redirects */
    for (size_t i = 0; i < ARRAY_SIZE(http_fields); i++) {
        if (!config_is_unset(&http_fields[i], (const char *)&rest + http_fields[i].offset))
            return false;
    }
    return true;
}
