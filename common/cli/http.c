#include "common/cli/http.h"

#include "common/base/json.h"
#include "common/base/time_text.h"
#include "common/io/clock.h"
#include "common/io/files.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_BYTES_MAX MIB(64)
#define PASSWORD_BYTES_MAX KIB(4)

const struct cli_option cli_http_options[CLI_HTTP_OPTIONS_N] = {
    {.name = "global.url", .value = "URL", .help = "a global node, as https://g1:9193"},
    {.name = "user", .letter = 'u', .value = "NAME", .help = "basic authentication"},
    {.name = "password-file", .value = "FILE", .help = "the password of --user"},
    {.name = "ca", .value = "FILE", .help = "PEM of the server's CA (default the system's)"},
    {.name = "cert", .value = "FILE", .help = "PEM of a client certificate"},
    {.name = "key", .value = "FILE", .help = "PEM of its key"},
    {.name = "timeout", .value = "DURATION", .help = "for a whole request", .fallback = "30s"},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .help = "table or json",
     .fallback = "table"},
};

/* --- Settings --- */

static int read_password(struct arena *arena, const char *file, const char **ret, struct err *err)
{
    struct buf text;
    int rc;

    buf_init(&text, 0);
    rc = file_read(file, PASSWORD_BYTES_MAX, &text, err);
    if (rc == 0)
        *ret = arena_str(arena, str_trim(buf_str(&text))).p;
    buf_clear(&text);
    return rc;
}

/* USER:PASSWORD@ in the URL counts as --user and its password: they go along when a 421 sends us
 * to another node of the same tier. Percent-escapes are decoded. */
static void take_userinfo(struct cli_http *h, struct str *base)
{
    size_t scheme = str_starts(*base, STR("https://")) ? 8 : 7;
    struct str rest = str_sub(*base, scheme, base->n), user, password = STR_EMPTY;
    struct str authority = str_sub(rest, 0, str_find_char(rest, '/'));
    size_t at = str_find_char(authority, '@'), colon;
    int n;

    if (at == authority.n)
        return;
    user = str_sub(authority, 0, at);
    colon = str_find_char(user, ':');
    if (colon < user.n)
        password = str_sub(user, colon + 1, user.n);
    user = str_sub(user, 0, colon);
    h->user = arena_str(h->arena, user).p;
    h->password = arena_str(h->arena, password).p;
    {
        char *u = curl_easy_unescape(NULL, h->user, 0, &n);
        char *p = curl_easy_unescape(NULL, h->password, 0, &n);

        h->user = arena_str(h->arena, str_from(u)).p;
        h->password = arena_str(h->arena, str_from(p)).p;
        curl_free(u);
        curl_free(p);
    }
    *base = arena_fmt(h->arena, STR_FMT STR_FMT, STR_ARG(str_sub(*base, 0, scheme)),
                      STR_ARG(str_sub(rest, at + 1, rest.n)));
}

static int fill(const struct cli_args *a, struct cli_http *h, struct err *err)
{
    const char *url = cli_get_given(a, "global.url"), *output = cli_get(a, "output");
    const char *timeout = cli_get(a, "timeout"), *password_file = cli_get(a, "password-file");

    if (url == NULL)
        url = getenv("TOCSIN_GLOBAL_URL");
    if (url == NULL)
        url = cli_get(a, "global.url");
    if (url == NULL || url[0] == '\0')
        return err_set(err, -EINVAL,
                       "which global node? Give --global.url URL, set TOCSIN_GLOBAL_URL, or put "
                       "global.url into ~/.config/tocsin/tocsinctl.yml");
    if (cli_http_set_url(h, str_from(url), err) < 0)
        return err_wrap(err, "the global URL");
    h->json = strcmp(output, "json") == 0;
    if (!h->json && strcmp(output, "table") != 0 && strcmp(output, "simple") != 0 &&
        strcmp(output, "extended") != 0)
        return err_set(err, -EINVAL, "--output %s: is neither table nor json", output);
    if (cli_http_timeout(timeout, &h->timeout_ms, err) < 0)
        return err->code;
    if (cli_get(a, "user") != NULL)
        h->user = cli_get(a, "user");
    h->tls.ca = cli_get(a, "ca");
    h->tls.cert = cli_get(a, "cert");
    h->tls.key = cli_get(a, "key");
    if ((h->tls.cert == NULL) != (h->tls.key == NULL))
        return err_set(err, -EINVAL, "--cert and --key go together");
    return password_file != NULL ? read_password(h->arena, password_file, &h->password, err) : 0;
}

int cli_http_timeout(const char *text, int64_t *ret_ms, struct err *err)
{
    int64_t ms;

    if (go_duration_parse(str_from(text), &ms, NULL) < 0 || ms <= 0 || ms > MS_PER_DAY)
        return err_set(err, -EINVAL, "--timeout %s: is no duration such as 10s", text);
    *ret_ms = ms;
    return 0;
}

int cli_http_set_url(struct cli_http *h, struct str url, struct err *err)
{
    if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
        return err_set(err, -EINVAL, "does not start with http:// or https://");
    while (str_ends(url, STR("/")))
        url.n--;
    take_userinfo(h, &url);
    h->url = arena_str(h->arena, url).p;
    return 0;
}

int cli_http_open(const struct cli_args *a, struct cli_http *ret, struct err *err)
{
    struct cli_http h = {.arena = arena_new(0)};
    int rc = fill(a, &h, err);

    if (rc < 0)
        cli_http_close(&h);
    else
        *ret = h;
    return rc;
}

void cli_http_close(struct cli_http *h)
{
    arena_free(h->arena);
    *h = (struct cli_http){0};
}

/* --- Requests --- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;

    buf_add(b, data, size * n);
    return b->overflow ? CURL_WRITEFUNC_ERROR : size * n;
}

static void set_pem(CURL *easy, CURLoption file, const char *path, CURLoption blob,
                    const char *inline_pem)
{
    struct curl_blob b = {.flags = CURL_BLOB_COPY};

    if (path != NULL)
        curl_easy_setopt(easy, file, path);
    if (inline_pem == NULL)
        return;
    b.data = xstrdup(inline_pem); /* libcurl copies, but wants it writable */
    b.len = strlen(inline_pem);
    curl_easy_setopt(easy, blob, &b);
    free(b.data);
}

static void set_tls(CURL *easy, const struct cli_tls *t)
{
    long min = t->min != 0 ? t->min : (long)CURL_SSLVERSION_TLSv1_2;

    curl_easy_setopt(easy, CURLOPT_SSLVERSION, min | t->max);
    set_pem(easy, CURLOPT_CAINFO, t->ca, CURLOPT_CAINFO_BLOB, t->ca_pem);
    if (t->ca != NULL || t->ca_pem != NULL)
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    set_pem(easy, CURLOPT_SSLCERT, t->cert, CURLOPT_SSLCERT_BLOB, t->cert_pem);
    set_pem(easy, CURLOPT_SSLKEY, t->key, CURLOPT_SSLKEY_BLOB, t->key_pem);
    if (t->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

/* What is left of the time for the whole command; at least 1, for 0 would be without an end. */
static long timeout_of(const struct cli_http *h)
{
    int64_t ms = h->timeout_ms;

    if (h->deadline_mono_ms != 0)
        ms = clamp_i64(h->deadline_mono_ms - clock_mono_ms(), 1, ms);
    return (long)ms;
}

static void set_options(CURL *easy, const struct cli_http *h, const char *method, const char *body)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "tocsinctl/" TOCSIN_VERSION);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_of(h));
    if (h->user != NULL)
        curl_easy_setopt(easy, CURLOPT_USERNAME, h->user);
    if (h->password != NULL)
        curl_easy_setopt(easy, CURLOPT_PASSWORD, h->password);
    set_tls(easy, &h->tls);
    if (h->proxy != NULL)
        curl_easy_setopt(easy, CURLOPT_PROXY, h->proxy);
    if (h->no_proxy != NULL)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, h->no_proxy);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, h->follow ? 1L : 0L);
    if (body != NULL)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static struct curl_slist *make_headers(const struct cli_http *h)
{
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");

    for (size_t i = 0; i < h->headers_n && list != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(list, h->headers[i]);

        if (longer == NULL)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

/* Another name for TLS than that of the URL: libcurl takes it from the URL, so the URL gets it, the
 * connection goes to the host and port that stood there, and so does the Host header. */
struct renaming {
    CURLU *url;
    struct curl_slist *connect_to;
    char *host, *port;
};

static bool rename_host(struct renaming *r, CURL *easy, const struct cli_http *h, const char *url,
                        struct curl_slist **headers)
{
    struct curl_slist *longer = NULL;
    struct buf b;

    r->url = curl_url();
    if (r->url == NULL || curl_url_set(r->url, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(r->url, CURLUPART_HOST, &r->host, 0) != CURLUE_OK ||
        curl_url_get(r->url, CURLUPART_PORT, &r->port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        curl_url_set(r->url, CURLUPART_HOST, h->tls.server_name, 0) != CURLUE_OK)
        return false;
    buf_init(&b, 0);
    buf_add_fmt(&b, "%s:%s:%s:%s", h->tls.server_name, r->port, r->host, r->port);
    r->connect_to = curl_slist_append(NULL, b.p);
    buf_reset(&b);
    buf_add_fmt(&b, "Host: %s:%s", r->host, r->port);
    longer = curl_slist_append(*headers, b.p);
    buf_clear(&b);
    if (r->connect_to == NULL || longer == NULL)
        return false;
    *headers = longer;
    curl_easy_setopt(easy, CURLOPT_CURLU, r->url);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, r->connect_to);
    return true;
}

static void renaming_clear(struct renaming *r)
{
    curl_free(r->host);
    curl_free(r->port);
    curl_slist_free_all(r->connect_to);
    curl_url_cleanup(r->url);
}

static int call_once(const struct cli_http *h, const char *method, const char *url,
                     const char *body, struct cli_answer *ret, struct err *err)
{
    char why[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = make_headers(h);
    CURL *easy = curl_easy_init();
    struct renaming renaming = {0};
    CURLcode rc = CURLE_URL_MALFORMAT;

    if (easy != NULL && headers != NULL &&
        (h->tls.server_name == NULL || rename_host(&renaming, easy, h, url, &headers))) {
        set_options(easy, h, method, body);
        if (h->tls.server_name == NULL)
            curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &ret->body);
        rc = curl_easy_perform(easy);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &ret->status);
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    renaming_clear(&renaming);
    if (h->verbose)
        fprintf(stderr, "%s %s: %ld\n", method, url, ret->status);
    if (rc != CURLE_OK)
        return err_set(err, -EIO, "%s", why[0] != '\0' ? why : curl_easy_strerror(rc));
    if (json_parse(buf_str(&ret->body), (struct json_opt){0}, &ret->json, NULL) < 0)
        ret->json = NULL;
    return 0;
}

static void answer_init(struct cli_answer *a)
{
    *a = (struct cli_answer){0};
    buf_init(&a->body, ANSWER_BYTES_MAX);
}

void cli_answer_clear(struct cli_answer *a)
{
    json_object_put(a->json);
    buf_clear(&a->body);
    answer_init(a);
}

/* Where a 421 sends us: the answer's url, which is a node's (or the whole path there). Never from
 * https to http: credentials go along. */
static bool redirect(const struct cli_http *h, const struct cli_answer *a, const char *path,
                     struct buf *ret)
{
    struct str url = STR_EMPTY, rest;

    if (a->status != 421 || a->json == NULL || !json_object_is_type(a->json, json_type_object) ||
        json_get_str(a->json, "url", &url, NULL) < 0)
        return false;
    if (!str_starts(url, STR("https://")) &&
        !(str_starts(url, STR("http://")) && str_starts(str_from(h->url), STR("http://"))))
        return false;
    while (str_ends(url, STR("/")))
        url.n--;
    rest = str_sub(url, 8, url.n);
    buf_add_str(ret, url);
    if (str_find_char(rest, '/') == rest.n)
        buf_add_str(ret, str_from(path));
    return true;
}

int cli_http_call(const struct cli_http *h, const char *method, const char *path, const char *body,
                  struct cli_answer *ret, struct err *err)
{
    struct buf url;
    int rc;

    answer_init(ret);
    buf_init(&url, 0);
    buf_add_fmt(&url, "%s%s", h->url, path);
    rc = call_once(h, method, url.p, body, ret, err);
    buf_reset(&url);
    if (rc == 0 && redirect(h, ret, path, &url)) {
        fprintf(stderr, "tocsinctl: this node does not decide here; asking %s\n", url.p);
        cli_answer_clear(ret);
        rc = call_once(h, method, url.p, body, ret, err);
    }
    buf_clear(&url);
    return rc;
}

const char *cli_answer_error(const struct cli_answer *a)
{
    struct json_object *error;

    if (a->status == 401) /* the server cannot know our options */
        return "credentials are needed: --user and --password-file, or --cert and --key";
    if (a->json != NULL && json_object_is_type(a->json, json_type_object) &&
        json_object_object_get_ex(a->json, "error", &error) &&
        json_object_is_type(error, json_type_string))
        return json_object_get_string(error);
    switch (a->status) {
    case 403:
        return "not allowed";
    case 404:
        return "not found";
    case 503:
        return "the node cannot answer now";
    default:
        return "unexpected answer";
    }
}

int cli_http_get(const struct cli_http *h, const char *path, struct cli_answer *ret,
                 struct err *err)
{
    int rc = cli_http_call(h, "GET", path, NULL, ret, err);

    if (rc < 0)
        return rc;
    if (ret->status != 200)
        return err_set(err, -EIO, "%s (status %ld)", cli_answer_error(ret), ret->status);
    if (ret->json == NULL || !json_object_is_type(ret->json, json_type_object))
        return err_set(err, -EIO, "the answer is no JSON object: is this a global node's URL?");
    return 0;
}

void cli_add_url_encoded(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~')
            buf_add_char(b, (char)c);
        else
            buf_add_fmt(b, "%%%02X", c);
    }
}

void cli_add_json(struct buf *b, struct json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_null:
        return;
    case json_type_string:
        buf_add(b, json_object_get_string(v), (size_t)json_object_get_string_len(v));
        return;
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(v); i++) {
            if (i > 0)
                buf_add_char(b, ',');
            cli_add_json(b, json_object_array_get_idx(v, i));
        }
        return;
    default:
        buf_add_str(b, str_from(json_object_to_json_string_ext(
                           v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
    }
}
