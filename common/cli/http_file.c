#include "common/cli/http_file.h"

#include "common/core/config/http_config.h"
#include "common/core/config/report.h"
#include "common/io/files.h"

#include <curl/curl.h>

#define FILE_BYTES_MAX MIB(1)
#define HEADERS_MAX 64

/* --- From the configuration to the connection --- */

static const char *text_or_null(struct str s)
{
    return s.n > 0 ? s.p : NULL;
}

/* The text, else what stands in the file. */
static int text_or_file(struct arena *a, struct str text, struct str file, const char **ret,
                        struct err *err)
{
    struct buf b;
    int rc;

    *ret = text_or_null(text);
    if (file.n == 0)
        return 0;
    buf_init(&b, 0);
    rc = file_read(file.p, FILE_BYTES_MAX, &b, err);
    if (rc == 0)
        *ret = arena_str(a, str_trim(buf_str(&b))).p;
    buf_clear(&b);
    return rc;
}

struct headers {
    const char *v[HEADERS_MAX]; /* "Name: value" */
    size_t n;
};

static int add_header(struct arena *a, struct headers *h, struct str name, struct str value,
                      struct err *err)
{
    if (h->n == HEADERS_MAX)
        return err_set(err, -E2BIG, "more than %d headers", HEADERS_MAX);
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == '\r' || value.p[i] == '\n')
            return err_set(err, -EINVAL, "the header " STR_FMT " has a line break", STR_ARG(name));
    h->v[h->n++] = arena_fmt(a, STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(value)).p;
    return 0;
}

static int add_headers(struct arena *a, const struct config_map *map, struct headers *h,
                       struct err *err)
{
    const struct http_header *v = map->v;
    int rc = 0;

    for (size_t i = 0; i < map->n; i++) {
        for (size_t k = 0; rc == 0 && k < v[i].values.n; k++)
            rc = add_header(a, h, map->keys[i], v[i].values.v[k], err);
        for (size_t k = 0; rc == 0 && k < v[i].secrets.n; k++)
            rc = add_header(a, h, map->keys[i], v[i].secrets.v[k], err);
        for (size_t k = 0; rc == 0 && k < v[i].files.n; k++) {
            const char *text = NULL;

            rc = text_or_file(a, STR_EMPTY, v[i].files.v[k], &text, err);
            if (rc == 0)
                rc = add_header(a, h, map->keys[i], str_from(text), err);
        }
    }
    return rc;
}

static long tls_version(struct str text, const long versions[4])
{
    static const char *const names[] = {"TLS10", "TLS11", "TLS12", "TLS13"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_eq_c(text, names[i]))
            return versions[i];
    return 0;
}

static void apply_tls(const struct tls_config *t, struct cli_tls *ret)
{
    static const long lowest[] = {CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1,
                                  CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_3};
    static const long highest[] = {CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1,
                                   CURL_SSLVERSION_MAX_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_3};

    *ret = (struct cli_tls){.ca = text_or_null(t->ca_file),
                            .cert = text_or_null(t->cert_file),
                            .key = text_or_null(t->key_file),
                            .ca_pem = text_or_null(t->ca),
                            .cert_pem = text_or_null(t->cert),
                            .key_pem = text_or_null(t->key),
                            .server_name = text_or_null(t->server_name),
                            .min = tls_version(t->min_version, lowest),
                            .max = tls_version(t->max_version, highest),
                            .insecure = t->insecure_skip_verify};
}

static int apply_credentials(const struct http_config *f, struct cli_http *h,
                             struct headers *headers, struct err *err)
{
    const struct authorization *z = f->authorization;
    const struct basic_auth *b = f->basic_auth;
    const char *token = NULL;
    int rc = 0;

    if (b != NULL) {
        rc = text_or_file(h->arena, b->username, b->username_file, &h->user, err);
        if (rc == 0)
            rc = text_or_file(h->arena, b->password, b->password_file, &h->password, err);
        if (rc == 0 && h->user == NULL)
            h->user = "";
    } else if (z != NULL) {
        rc = text_or_file(h->arena, z->credentials, z->credentials_file, &token, err);
        if (rc == 0 && token != NULL)
            rc = add_header(h->arena, headers, STR("Authorization"),
                            arena_fmt(h->arena, STR_FMT " %s", STR_ARG(z->type), token), err);
    }
    return rc;
}

/* What would have to be without effect is refused by name. */
static int refuse_unsupported(const struct http_config *f, struct err *err)
{
    const struct {
        const char *name;
        bool asked;
    } rows[] = {
        {"oauth2", f->oauth2 != NULL},
        {"proxy_connect_header", f->proxy.connect_header.n > 0},
        {"ca_ref", f->tls.ca_ref.n > 0},
        {"cert_ref", f->tls.cert_ref.n > 0},
        {"key_ref", f->tls.key_ref.n > 0},
        {"username_ref", f->basic_auth != NULL && f->basic_auth->username_ref.n > 0},
        {"password_ref", f->basic_auth != NULL && f->basic_auth->password_ref.n > 0},
        {"credentials_ref", f->authorization != NULL && f->authorization->credentials_ref.n > 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].asked)
            return err_set(err, -ENOTSUP, "%s is not supported yet", rows[i].name);
    return 0;
}

static int apply(const struct http_config *f, struct cli_http *h, struct err *err)
{
    struct headers *headers = ARENA_NEW(h->arena, struct headers);
    int rc = refuse_unsupported(f, err);

    if (rc == 0)
        rc = add_headers(h->arena, &f->headers, headers, err);
    if (rc == 0)
        rc = apply_credentials(f, h, headers, err);
    if (rc < 0)
        return rc;
    apply_tls(&f->tls, &h->tls);
    h->headers = headers->v;
    h->headers_n = headers->n;
    h->follow = f->follow_redirects;
    /* As Go does it: a file that doesn't ask for the environment's proxy goes without. */
    h->proxy = f->proxy.from_environment ? NULL : f->proxy.url.n > 0 ? f->proxy.url.p : "";
    h->no_proxy = text_or_null(f->proxy.no_proxy);
    return 0;
}

/* --- From the file --- */

static int load(const char *path, struct str text, struct arena *a, struct http_config *ret,
                struct err *err)
{
    const char *slash = strrchr(path, '/');
    struct config_report report;
    struct config_loader l = {
        .arena = a,
        .mistakes = &report.mistakes,
        .folder = str_sub(str_from(path), 0, slash != NULL ? (size_t)(slash - path) + 1 : 0)};
    struct yaml_node *root;
    struct buf b;
    int rc = 0;

    config_report_init(&report, str_from(path));
    if (yaml_parse(text, a, &root, &report.mistakes) == 0)
        config_load_section(&l, root, &http_config_section, ret);
    config_report_sort(&report);
    if (report.mistakes.n > 0) {
        buf_init(&b, 0);
        config_report_add_mistakes(&b, &report);
        rc = err_set(err, -EINVAL, STR_FMT, STR_ARG(str_trim(buf_str(&b))));
        buf_clear(&b);
    }
    config_report_clear(&report);
    return rc;
}

int http_file_load(const char *path, struct cli_http *h, struct err *err)
{
    struct http_config f = {0};
    struct buf text;
    int rc;

    buf_init(&text, 0);
    rc = file_read(path, FILE_BYTES_MAX, &text, err);
    if (rc == 0)
        rc = load(path, buf_str(&text), h->arena, &f, err);
    if (rc == 0 && apply(&f, h, err) < 0)
        rc = err_wrap(err, "%s", path);
    buf_clear(&text);
    return rc < 0 ? err_wrap(err, "failed to load HTTP config file") : 0;
}
