/* An edge's or an Alertmanager's API v2 as amtool's commands use it: options, requests, errors. */
#pragma once

#include "common/cli/http.h"
#include "common/core/model/matcher.h"
#include "common/core/template/gotime.h"

/* amtool's global flags: a set for cli_command.sets. */
#define AM_OPTIONS_N 8
extern const struct cli_option am_options[AM_OPTIONS_N];

enum am_output { AM_SIMPLE, AM_EXTENDED, AM_JSON };

struct am {
    struct arena *arena;
    struct cli_http http; /* .url is NULL until am_connect */
    enum am_output output;
    struct str date_format; /* Go's layout */
    enum matcher_mode mode;
};

/* From the options; talks to nobody. am_close on success only. */
MUST_CHECK int am_open(const struct cli_args *a, struct am *ret, struct err *err);
void am_close(struct am *am);
/* Settles whom to ask. The time of --timeout begins. With --version-check asks the server's
 * version, unless the caller is about to: it gives the status to am_check_version. */
MUST_CHECK int am_connect(const struct cli_args *a, struct am *am, bool check_version,
                          struct err *err);
void am_check_version(const struct cli_args *a, struct json_object *status);
/* am_open and am_connect. */
MUST_CHECK int am_start(const struct cli_args *a, struct am *ret, struct err *err);

/* Sends to /api/v2 + path. Any status but 200 is an error, with the server's words; ret->status
 * tells which. cli_answer_clear afterwards, on failure too. */
MUST_CHECK int am_call(const struct am *am, const char *method, const char *path, const char *body,
                       struct cli_answer *ret, struct err *err);
/* am_call by GET, for an answer that has to be of this type. */
MUST_CHECK int am_get(const struct am *am, const char *path, enum json_type type,
                      struct cli_answer *ret, struct err *err);

/* The API's and the command line's RFC 3339. A zone that is this machine's at that time is shown
 * by its name, as Go does. */
MUST_CHECK int am_time_parse(struct str text, struct go_time *ret, struct err *err);
void am_add_date(const struct am *am, struct buf *b, struct go_time t); /* by --date.format */
/* The time under this key of an object; the zero time when there is none. */
struct go_time am_time_of(struct json_object *o, const char *key);
struct str am_text_of(struct json_object *o, const char *key); /* "" when there is none */

/* Any value, in Go's manner of escaping. */
struct json_writer; /* common/base/json.h */
void am_put_json(struct json_writer *w, struct json_object *v);

/* The colour of a state's name. */
enum cli_colour am_state_colour(struct str state);

/* --enable-feature: a list with commas. */
MUST_CHECK int am_features(const char *text, enum matcher_mode *ret, struct err *err);
