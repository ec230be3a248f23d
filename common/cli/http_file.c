#include "common/cli/http_file.h"

#include "common/base/yaml.h"
#include "common/core/config/report.h"
#include "common/core/config/schema.h"
#include "common/io/files.h"

#include <curl/curl.h>

#define FILE_BYTES_MAX MIB(1)
#define HEADERS_MAX 32

struct basic_auth {
    struct str username, username_file, password, password_file;
};

struct authorization {
    struct str type, credentials, credentials_file;
};

struct tls {
    struct str ca, cert, key, ca_file, cert_file, key_file, min_version, max_version;
    bool insecure_skip_verify;
};

struct headers {
    struct str v[HEADERS_MAX]; /* "Name: value" */
    size_t n;
};

struct http_file {
    bool has_basic_auth, has_authorization;
    struct basic_auth basic_auth;
    struct authorization authorization;
    struct str bearer_token, bearer_token_file, proxy_url, no_proxy;
    bool proxy_from_environment, follow_redirects;
    struct tls tls;
    struct headers headers;
};

#define FIELD(type, field, kind_, ...) \
    { \
        .name = #field, .kind = (kind_), .offset = offsetof(struct type, field), __VA_ARGS__ \
    }

static const struct config_field basic_auth_fields[] = {
    FIELD(basic_auth, username, CONFIG_STR),
    FIELD(basic_auth, username_file, CONFIG_STR),
    FIELD(basic_auth, password, CONFIG_SECRET),
    FIELD(basic_auth, password_file, CONFIG_STR),
    {.name = "username_ref", .kind = CONFIG_NOT_YET},
    {.name = "password_ref", .kind = CONFIG_NOT_YET},
};

static const struct config_field authorization_fields[] = {
    FIELD(authorization, type, CONFIG_STR, .fallback = "Bearer"),
    FIELD(authorization, credentials, CONFIG_SECRET),
    FIELD(authorization, credentials_file, CONFIG_STR),
    {.name = "credentials_ref", .kind = CONFIG_NOT_YET},
};

static const struct config_field tls_fields[] = {
    FIELD(tls, ca, CONFIG_STR),
    FIELD(tls, cert, CONFIG_STR),
    FIELD(tls, key, CONFIG_SECRET),
    FIELD(tls, ca_file, CONFIG_STR),
    FIELD(tls, cert_file, CONFIG_STR),
    FIELD(tls, key_file, CONFIG_STR),
    FIELD(tls, insecure_skip_verify, CONFIG_BOOL),
    FIELD(tls, min_version, CONFIG_STR),
    FIELD(tls, max_version, CONFIG_STR),
    {.name = "server_name", .kind = CONFIG_NOT_YET},
    {.name = "ca_ref", .kind = CONFIG_NOT_YET},
    {.name = "cert_ref", .kind = CONFIG_NOT_YET},
    {.name = "key_ref", .kind = CONFIG_NOT_YET},
};

static void parse_basic_auth(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct http_file *f = ret;

    f->has_basic_auth = n->kind == YAML_MAP;
    config_load(l, n, "basic_auth", basic_auth_fields, ARRAY_SIZE(basic_auth_fields),
                &f->basic_auth);
}

static void parse_authorization(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct http_file *f = ret;

    f->has_authorization = n->kind == YAML_MAP;
    config_load(l, n, "authorization", authorization_fields, ARRAY_SIZE(authorization_fields),
                &f->authorization);
    if (str_eq_nocase(f->authorization.type, STR("basic")))
        config_mistake(l, n->line,
                       "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
}

static void parse_tls(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    config_load(l, n, "tls_config", tls_fields, ARRAY_SIZE(tls_fields), ret);
}

static void add_header(struct config_loader *l, int line, struct headers *h, struct str name,
                       struct str value)
{
    if (h->n == HEADERS_MAX) {
        config_mistake(l, line, "more than %d headers", HEADERS_MAX);
        return;
    }
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\r' || value.p[i] == '\n') {
            config_mistake(l, line, "the header " STR_FMT " has a line break", STR_ARG(name));
            return;
        }
    }
    h->v[h->n++] = arena_fmt(l->arena, STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(value));
}

/* {Name: {values: […], secrets: […]}} */
static void parse_headers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct headers *h = ret;

    if (!config_is_map(l, n, "http_headers"))
        return;
    for (size_t i = 0; i < n->n; i++) {
        if (!config_is_map(l, n->items[i], "a header"))
            continue;
        for (size_t k = 0; k < n->items[i]->n; k++) {
            struct str key = n->items[i]->keys[k];
            struct str_list values;

            if (!str_eq_c(key, "values") && !str_eq_c(key, "secrets")) {
                config_mistake(l, n->items[i]->key_lines[k], "field " STR_FMT " not supported here",
                               STR_ARG(key));
                continue;
            }
            values = config_str_list(l, n->items[i]->items[k], "a header");
            for (size_t v = 0; v < values.n; v++)
                add_header(l, n->items[i]->line, h, n->keys[i], values.v[v]);
        }
    }
}

static const struct config_field fields[] = {
    {.name = "basic_auth", .kind = CONFIG_CUSTOM, .offset = 0, .parse = parse_basic_auth},
    {.name = "authorization", .kind = CONFIG_CUSTOM, .offset = 0, .parse = parse_authorization},
    FIELD(http_file, bearer_token, CONFIG_SECRET),
    FIELD(http_file, bearer_token_file, CONFIG_STR),
    FIELD(http_file, proxy_url, CONFIG_STR),
    FIELD(http_file, no_proxy, CONFIG_STR),
    FIELD(http_file, proxy_from_environment, CONFIG_BOOL),
    FIELD(http_file, follow_redirects, CONFIG_BOOL, .fallback = "true"),
    {.name = "tls_config",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct http_file, tls),
     .parse = parse_tls},
    {.name = "http_headers",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct http_file, headers),
     .parse = parse_headers},
    {.name = "enable_http2", .kind = CONFIG_IGNORED}, /* libcurl and the server agree on it */
    {.name = "oauth2", .kind = CONFIG_NOT_YET},
    {.name = "proxy_connect_header", .kind = CONFIG_NOT_YET},
};

/* --- From the file to the connection --- */

struct place {
    struct arena *arena;
    struct str folder; /* of the file: "" or with a slash at its end */
};

static const char *text_or_null(struct str s)
{
    return s.n > 0 ? s.p : NULL;
}

static const char *path_or_null(const struct place *p, struct str path)
{
    if (path.n == 0)
        return NULL;
    return path.p[0] == '/'
               ? path.p
               : arena_fmt(p->arena, STR_FMT STR_FMT, STR_ARG(p->folder), STR_ARG(path)).p;
}

/* The text, else what stands in the file. */
static int text_or_file(const struct place *p, struct str text, struct str file, const char **ret,
                        struct err *err)
{
    struct buf b;
    int rc = 0;

    *ret = text_or_null(text);
    if (file.n == 0)
        return 0;
    buf_init(&b, 0);
    rc = file_read(path_or_null(p, file), FILE_BYTES_MAX, &b, err);
    if (rc == 0)
        *ret = arena_str(p->arena, str_trim(buf_str(&b))).p;
    buf_clear(&b);
    return rc;
}

static int tls_version(struct str text, const long versions[4], long *ret, struct err *err)
{
    static const char *const names[] = {"TLS10", "TLS11", "TLS12", "TLS13"};

    if (text.n == 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (str_eq_c(text, names[i])) {
            *ret = versions[i];
            return 0;
        }
    }
    return err_set(err, -EINVAL, "unknown TLS version: " STR_FMT, STR_ARG(text));
}

static int apply_tls(const struct place *p, const struct tls *t, struct cli_tls *ret,
                     struct err *err)
{
    static const long lowest[] = {CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1,
                                  CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_3};
    static const long highest[] = {CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1,
                                   CURL_SSLVERSION_MAX_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_3};

    *ret = (struct cli_tls){.ca = path_or_null(p, t->ca_file),
                            .cert = path_or_null(p, t->cert_file),
                            .key = path_or_null(p, t->key_file),
                            .ca_pem = text_or_null(t->ca),
                            .cert_pem = text_or_null(t->cert),
                            .key_pem = text_or_null(t->key),
                            .insecure = t->insecure_skip_verify};
    if ((ret->cert == NULL && ret->cert_pem == NULL) != (ret->key == NULL && ret->key_pem == NULL))
        return err_set(err, -EINVAL, "a certificate needs its key, and a key its certificate");
    if (tls_version(t->min_version, lowest, &ret->min, err) < 0 ||
        tls_version(t->max_version, highest, &ret->max, err) < 0)
        return -EINVAL;
    return 0;
}

static int apply_credentials(const struct place *p, struct http_file *f, struct cli_http *h,
                             struct err *err)
{
    bool bearer = f->bearer_token.n > 0 || f->bearer_token_file.n > 0;
    const char *token = NULL;
    int rc = 0;

    if (f->has_basic_auth + f->has_authorization + bearer > 1)
        return err_set(err, -EINVAL,
                       "at most one of basic_auth, authorization and bearer_token may be given");
    if (f->has_basic_auth) {
        rc = text_or_file(p, f->basic_auth.username, f->basic_auth.username_file, &h->user, err);
        if (rc == 0)
            rc = text_or_file(p, f->basic_auth.password, f->basic_auth.password_file, &h->password,
                              err);
    } else if (f->has_authorization) {
        rc = text_or_file(p, f->authorization.credentials, f->authorization.credentials_file,
                          &token, err);
    } else if (bearer) {
        f->authorization.type = STR("Bearer");
        rc = text_or_file(p, f->bearer_token, f->bearer_token_file, &token, err);
    }
    if (rc == 0 && token != NULL && f->headers.n < HEADERS_MAX)
        f->headers.v[f->headers.n++] = arena_fmt(p->arena, "Authorization: " STR_FMT " %s",
                                                 STR_ARG(f->authorization.type), token);
    return rc;
}

static int apply(const char *path, struct http_file *f, struct cli_http *h, struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct place p = {.arena = h->arena,
                      .folder = str_sub(str_from(path), 0, slash != NULL ? slash - path + 1 : 0)};
    const char **headers;
    int rc = apply_credentials(&p, f, h, err);

    if (rc == 0)
        rc = apply_tls(&p, &f->tls, &h->tls, err);
    if (rc < 0)
        return err_wrap(err, "%s", path);
    headers = ARENA_ARRAY(h->arena, const char *, f->headers.n);
    for (size_t i = 0; i < f->headers.n; i++)
        headers[i] = f->headers.v[i].p;
    h->headers = headers;
    h->headers_n = f->headers.n;
    h->follow = f->follow_redirects;
    /* As Go does it: a file that doesn't ask for the environment's proxy goes without. */
    h->proxy = f->proxy_from_environment ? NULL : f->proxy_url.n > 0 ? f->proxy_url.p : "";
    h->no_proxy = text_or_null(f->no_proxy);
    return 0;
}

int http_file_load(const char *path, struct cli_http *h, struct err *err)
{
    struct mistakes m;
    struct config_loader l = {.arena = h->arena, .mistakes = &m};
    struct http_file f = {0};
    struct yaml_node *root;
    struct buf text;
    int rc;

    buf_init(&text, 0);
    mistakes_init(&m);
    rc = file_read(path, FILE_BYTES_MAX, &text, err);
    if (rc == 0) {
        if (yaml_parse(arena_str(h->arena, buf_str(&text)), h->arena, &root, &m) == 0)
            config_load(&l, root, "the HTTP configuration", fields, ARRAY_SIZE(fields), &f);
        rc = m.n > 0 ? err_set(err, -EINVAL, "%s:%d: %s", path, m.v[0].line, m.v[0].text)
                     : apply(path, &f, h, err);
    }
    mistakes_clear(&m);
    buf_clear(&text);
    return rc < 0 ? err_wrap(err, "failed to load HTTP config file") : 0;
}
