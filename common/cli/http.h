/* How tocsinctl talks to the global API: one request after the other over libcurl, JSON answers. */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/cli/cli.h"

#include <json-c/json.h>

/* The options of every command that uses this: a set for cli_command.sets. */
#define CLI_HTTP_OPTIONS_N 8
extern const struct cli_option cli_http_options[CLI_HTTP_OPTIONS_N];

struct cli_http {
    struct arena *arena;                           /* owns the strings */
    const char *url;                               /* without a slash at its end */
    const char *user, *password, *ca, *cert, *key; /* NULL: none */
    long timeout_ms;
    bool json; /* -o json: pass answers through */
};

struct cli_answer {
    long status;
    struct buf body;
    struct json_object *json; /* NULL when the body is none */
};

/* From the options, else TOCSIN_GLOBAL_URL, else ~/.config/tocsinctl/config.yml (a flat map from
 * option to value). */
MUST_CHECK int cli_http_open(const struct cli_args *a, struct cli_http *ret, struct err *err);
void cli_http_close(struct cli_http *h);

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
