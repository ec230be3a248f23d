#include "common/cli/am.h"

#include "common/base/json.h"
#include "common/cli/http_file.h"
#include "common/io/clock.h"

#include <stdio.h>
#include <time.h>

/* Whose API this is, major and minor: what --version-check compares. */
#define API_VERSION "0.34"

const struct cli_option am_options[AM_OPTIONS_N] = {
    {.name = "alertmanager.url",
     .value = "URL",
     .help = "the edge or Alertmanager to talk to, as http://localhost:9093"},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .help = "simple, extended or json",
     .fallback = "simple"},
    {.name = "timeout", .value = "DURATION", .help = "for the whole command", .fallback = "30s"},
    {.name = "http.config.file",
     .value = "FILE",
     .help = "credentials, TLS and proxy, as Prometheus' http_config"},
    {.name = "date.format",
     .value = "LAYOUT",
     .help = "how dates are shown, as a Go layout",
     .fallback = "2006-01-02 15:04:05 MST"},
    {.name = "version-check",
     .help = "warn when the server speaks another version of the API",
     .fallback = "true"},
    {.name = "verbose", .letter = 'v', .help = "tell each request on stderr"},
    {.name = "enable-feature",
     .value = "LIST",
     .help = "Alertmanager's features, as classic-mode or utf8-strict-mode"},
};

/* --- Options --- */

int am_features(const char *text, enum matcher_mode *ret, struct err *err)
{
    static const char *const others[] = {
        "alert-names-in-metrics", "receiver-name-in-metrics", "group-key-in-metrics",
        "auto-gomemlimit",        "event-recorder",
    };
    struct str rest = str_from(text), word;
    bool classic = false, utf8 = false;

    while (rest.n > 0 && str_split(&rest, ',', &word)) {
        bool known = false;

        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
            known = known || str_eq_c(word, others[i]);
        if (str_eq_c(word, "classic-mode"))
            classic = true;
        else if (str_eq_c(word, "utf8-strict-mode"))
            utf8 = true;
        else if (!known)
            return err_set(err, -EINVAL, "unknown option '" STR_FMT "' for --enable-feature",
                           STR_ARG(word));
    }
    if (classic && utf8)
        return err_set(err, -EINVAL, "cannot have both classic and UTF-8 modes enabled");
    *ret = classic ? MATCHER_CLASSIC : utf8 ? MATCHER_UTF8 : MATCHER_FALLBACK;
    return 0;
}

static int read_output(const char *text, enum am_output *ret, struct err *err)
{
    static const char *const names[] = {
        [AM_SIMPLE] = "simple", [AM_EXTENDED] = "extended", [AM_JSON] = "json"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum am_output)i;
            return 0;
        }
    }
    return err_set(err, -EINVAL, "--output must be one of simple,extended,json, got '%s'", text);
}

int am_open(const struct cli_args *a, struct am *ret, struct err *err)
{
    struct am am = {.date_format = str_from(cli_get(a, "date.format"))};
    int rc = read_output(cli_get(a, "output"), &am.output, err);

    if (rc == 0)
        rc = am_features(cli_get(a, "enable-feature"), &am.mode, err);
    if (rc < 0)
        return rc;
    am.arena = arena_new(0);
    *ret = am;
    return 0;
}

void am_close(struct am *am)
{
    arena_free(am->arena);
    *am = (struct am){0};
}

/* "localhost:9093" will do; amtool wants the scheme. */
static struct str with_scheme(struct arena *a, const char *url)
{
    if (strstr(url, "://") != NULL)
        return str_from(url);
    return arena_fmt(a, "http://%s", url);
}

int am_connect(const struct cli_args *a, struct am *am, bool check_version, struct err *err)
{
    const char *url = cli_get(a, "alertmanager.url"), *file = cli_get(a, "http.config.file");
    struct cli_http *h = &am->http;

    if (url == NULL || url[0] == '\0')
        return err_set(err, -EINVAL, "required flag --alertmanager.url not provided");
    h->arena = am->arena;
    h->follow = true;
    if (cli_http_set_url(h, with_scheme(am->arena, url), err) < 0)
        return err_wrap(err, "--alertmanager.url %s", url);
    if (cli_http_timeout(cli_get(a, "timeout"), &h->timeout_ms, err) < 0)
        return err->code;
    h->verbose = cli_on(a, "verbose");
    h->deadline_mono_ms = clock_mono_ms() + h->timeout_ms;
    if (file != NULL && file[0] != '\0') {
        if (h->user != NULL)
            return err_set(err, -EINVAL,
                           "basic authentication and http.config.file are mutually exclusive");
        if (http_file_load(file, h, err) < 0)
            return err->code;
    }
    if (check_version && cli_on(a, "version-check")) {
        struct cli_answer status;

        /* Who cannot tell its version is asked all the same. */
        if (am_get(am, "/status", json_type_object, &status, NULL) == 0)
            am_check_version(a, status.json);
        cli_answer_clear(&status);
    }
    return 0;
}

int am_start(const struct cli_args *a, struct am *ret, struct err *err)
{
    int rc = am_open(a, ret, err);

    if (rc < 0)
        return rc;
    rc = am_connect(a, ret, true, err);
    if (rc < 0)
        am_close(ret);
    return rc;
}

static struct str major_minor(struct str version)
{
    size_t dot = str_find_char(version, '.');
    size_t more = str_find_char(str_sub(version, dot + 1, version.n), '.');

    return str_sub(version, 0, dot + 1 + more);
}

void am_check_version(const struct cli_args *a, struct json_object *status)
{
    struct str version = am_text_of(json_find_nocase(status, "versionInfo"), "version");

    if (!cli_on(a, "version-check") || version.n == 0 ||
        str_eq_c(major_minor(version), API_VERSION) ||
        str_eq(major_minor(version), major_minor(STR(TOCSIN_VERSION))))
        return;
    cli_warn("tocsinctl speaks the API of Alertmanager %s, and the server's version is " STR_FMT
             ".",
             API_VERSION, STR_ARG(version));
}

/* --- Requests --- */

/* What the server says is wrong: handlers answer a JSON string, its framework an object. */
static struct str words_of(const struct cli_answer *a)
{
    struct str message = STR_EMPTY;

    if (a->json != NULL && json_object_is_type(a->json, json_type_string))
        return json_str(a->json);
    if (json_object_is_type(a->json, json_type_object))
        message = am_text_of(a->json, "message");
    if (message.n > 0)
        return message;
    if (a->status == 401)
        return STR("credentials are needed: in the URL or by --http.config.file");
    if (a->status == 404)
        return STR("not found");
    message = str_trim(buf_str(&a->body));
    return message.n > 0 && message.n < 500 ? message : STR("unexpected answer");
}

int am_call(const struct am *am, const char *method, const char *path, const char *body,
            struct cli_answer *ret, struct err *err)
{
    struct buf full;
    int rc;

    buf_init(&full, 0);
    buf_add_fmt(&full, "/api/v2%s", path);
    rc = cli_http_call(&am->http, method, full.p, body, ret, err);
    buf_clear(&full);
    if (rc == 0 && ret->status != 200) {
        struct str what = str_sub(str_from(path), 0, str_find_char(str_from(path), '?'));

        rc = err_set(err, -EIO, STR_FMT " (%s " STR_FMT ": status %ld)", STR_ARG(words_of(ret)),
                     method, STR_ARG(what), ret->status);
    }
    return rc;
}

int am_get(const struct am *am, const char *path, enum json_type type, struct cli_answer *ret,
           struct err *err)
{
    int rc = am_call(am, "GET", path, NULL, ret, err);

    if (rc == 0 && (ret->json == NULL || !json_object_is_type(ret->json, type)))
        rc = err_set(err, -EIO, "GET %s: the answer is no JSON %s: is this an Alertmanager's URL?",
                     path, json_type_to_name(type));
    return rc;
}

/* --- Values --- */

int am_time_parse(struct str text, struct go_time *ret, struct err *err)
{
    struct go_time t;
    struct tm local;
    time_t sec;
    int rc = go_time_parse(&t, STR("2006-01-02T15:04:05Z07:00"), text, err);

    if (rc < 0)
        return rc;
    sec = (time_t)t.sec;
    if (!str_ends(text, STR("Z")) && localtime_r(&sec, &local) != NULL &&
        local.tm_gmtoff == t.offset_s)
        t.zone = str_from(local.tm_zone); /* lives as long as the zone is not set anew */
    *ret = t;
    return 0;
}

void am_add_date(const struct am *am, struct buf *b, struct go_time t)
{
    go_time_format(b, am->date_format, t);
}

struct str am_text_of(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    if (o == NULL || !json_object_is_type(o, json_type_object) ||
        !json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
        return STR_EMPTY;
    return json_str(v);
}

struct go_time am_time_of(struct json_object *o, const char *key)
{
    struct go_time t;

    return am_time_parse(am_text_of(o, key), &t, NULL) == 0 ? t : go_time_zero();
}

void am_put_json(struct json_writer *w, struct json_object *v)
{
    switch (json_object_get_type(v)) {
    case json_type_string:
        json_add_str(w, json_str(v));
        return;
    case json_type_array:
        json_open_array(w);
        for (size_t i = 0; i < json_object_array_length(v); i++)
            am_put_json(w, json_object_array_get_idx(v, i));
        json_close_array(w);
        return;
    case json_type_object: {
        json_open_object(w);
        json_object_object_foreach(v, key, value)
        {
            json_key(w, key);
            am_put_json(w, value);
        }
        json_close_object(w);
        return;
    }
    default: /* null, true, numbers: no character that could need an escape */
        json_add_raw(w, str_from(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN)));
    }
}

enum cli_colour am_state_colour(struct str state)
{
    if (str_eq_c(state, "active"))
        return CLI_RED;
    return str_eq_c(state, "suppressed") ? CLI_YELLOW : CLI_PLAIN;
}
