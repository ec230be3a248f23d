/* A member's state as JSON: a row of a batch, and the value of a MEMBER row, which has the same
 * fields and a few more. Reading cuts texts to the bounds of members.h, with "…" where something is
 * missing: an edge takes what Alertmanager takes, and a long annotation must not lose a page. */
#pragma once

#include "common/base/json.h"
#include "global/core/members.h"

struct member_row_limits {
    uint64_t cut;              /* texts that were cut or left out */
    uint64_t site_overwritten; /* rows whose own site label said something else */
};

/* Fills *ret with texts in arena. site: what the label `site` becomes. -EINVAL for a wrong type, a
 * missing state, episode or seq. */
MUST_CHECK int member_row_read(struct json_object *o, struct str site, struct arena *arena,
                               struct member_state *ret, struct member_row_limits *limits,
                               struct err *err);
/* The fields, into an open object. */
void member_row_write(struct json_writer *w, const struct member_state *s);
