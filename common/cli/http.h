/* How tocsinctl talks to the daemons' APIs: single requests over libcurl, JSON answers. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/cli/cli.h"

#include <json-c/json.h>

/* The options of every command that asks the global API: a set for cli_command.sets. */
#define CLI_HTTP_OPTIONS_N 8
extern const struct cli_option cli_http_options[CLI_HTTP_OPTIONS_N];

struct cli_tls {
    const char *ca, *cert, *key;             /* files; NULL: none */
    const char *ca_pem, *cert_pem, *key_pem; /* the same, given in a text */
    const char *server_name; /* asked for and verified instead of the URL's host; NULL: that */
    long min, max;           /* CURL_SSLVERSION_…, CURL_SSLVERSION_MAX_…; 0 */
    bool insecure;
};

struct cli_http {
    struct arena *arena;         /* owns the strings */
    const char *url;             /* without a slash at its end */
    const char *user, *password; /* NULL: none */
    struct cli_tls tls;
    const char *const *headers; /* "Name: value" */
    size_t headers_n;
    const char *proxy, *no_proxy; /* NULL: what the environment says; "" is none */
    bool follow;                  /* redirects */
    int64_t timeout_ms;           /* of one request */
    int64_t deadline_mono_ms;     /* of all of them; 0: none */
    bool json;                    /* -o json: pass answers through */
    bool verbose;                 /* tell each request on stderr */
};

struct cli_answer {
    long status;
    struct buf body;
    struct json_object *json; /* NULL when the body is none */
};

/* The global API, from the options, TOCSIN_GLOBAL_URL and the settings, in this order. */
MUST_CHECK int cli_http_open(const struct cli_args *a, struct cli_http *ret, struct err *err);
void cli_http_close(struct cli_http *h);

/* Pieces of the above. The URL's USER:PASSWORD@ become those of *h. */
MUST_CHECK int cli_http_set_url(struct cli_http *h, struct str url, struct err *err);
MUST_CHECK int cli_http_timeout(const char *text, int64_t *ret_ms, struct err *err);

/* Sends and reads the whole answer, whatever its status. body NULL: none. A 421 that names the node
 * to ask is followed once, and said on stderr. cli_answer_clear afterwards, on failure too. */
MUST_CHECK int cli_http_call(const struct cli_http *h, const char *method, const char *path,
                             const char *body, struct cli_answer *ret, struct err *err);
void cli_answer_clear(struct cli_answer *a);

/* cli_http_call by GET; anything but 200 with a JSON object is an error with the server's words. */
MUST_CHECK int cli_http_get(const struct cli_http *h, const char *path, struct cli_answer *ret,
                            struct err *err);

/* The server's "error", or a phrase for the status. Lives as long as the answer. */
const char *cli_answer_error(const struct cli_answer *a);

void cli_add_url_encoded(struct buf *b, struct str s); /* all but RFC 3986's unreserved */

/* A JSON value as a table shows it: strings bare, arrays with commas, null as nothing. */
void cli_add_json(struct buf *b, struct json_object *v);
