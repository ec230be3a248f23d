/* What the HTTP APIs share: query strings, parameters, routes. */
#pragma once

#include "common/base/arena.h"
#include "common/core/engine.h"

struct http_param {
    struct str name, value;
};

struct http_params {
    const struct http_param *v;
    size_t n;
};

#define HTTP_PARAMS_MAX 256 /* more are ignored */

/* name=value&…, '+' and %XX decoded; a pair with a broken escape is left out, as Go does. */
struct http_params http_query_parse(struct str query, struct arena *a);
/* The last one of that name; absent: p == NULL. */
struct str http_param_get(const struct http_params *q, const char *name);
/* core specification §10.5: absent or empty gives fallback; 1 true yes ok y on selected checked t
 * enabled give true; anything else false. */
bool http_param_bool(const struct http_params *q, const char *name, bool fallback);

/* May an answer in JSON be given to this Accept header? A range with q=0 is none. */
bool http_accepts_json(struct str accept);
/* Whether there is nothing in it but JSON's white space. */
bool http_body_blank(struct str body);
/* The media type without parameters, lower case not enforced: "application/json". */
struct str http_media_type(struct str content_type);
