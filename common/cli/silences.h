/* What the silence commands share: tables, bodies, posting. */
#pragma once

#include "common/base/json.h"
#include "common/cli/am.h"

/* By --output; of objects as the API shapes them, sorted by their end. */
void silences_print(const struct am *am, struct json_object *silences);

/* What the API takes of a silence that it gave: all but its state and when it was changed. id NULL:
 * without one. */
void silences_put_postable(struct json_writer *w, struct json_object *silence, const char *id);

/* Posts the body; *ret_id (in am's arena when `arena` is NULL) is what the server calls it. When it
 * fails, *ret_status tells how the server answered, 0 for not at all. */
MUST_CHECK int silences_post(const struct am *am, const char *body, struct arena *arena,
                             struct str *ret_id, long *ret_status, struct err *err);

int silences_run_import(const struct cli_args *a);
