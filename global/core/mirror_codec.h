/* A mirror on the wire and in the store: the same JSON fields, and its MAC. */
#pragma once

#include "common/base/json.h"
#include "global/core/mirrors.h"

struct mirror_wire { /* lent by the JSON */
    struct str incident, origin, body, mac;
    uint64_t epoch, ver;
};

/* -EINVAL for a field that is missing, of a wrong type or out of bounds, and for a body that is not
 * a JSON object. Does not check the MAC. */
MUST_CHECK int mirror_read(struct json_object *o, struct mirror_wire *ret, struct err *err);
void mirror_write(struct json_writer *w, const struct mirror *m); /* into an open object */
void mirror_sign(const struct global *g, struct mirror *m);       /* sets m->mac */
/* False too when this node has no key: without one, nothing from elsewhere can be believed. */
bool mirror_authentic(const struct global *g, const struct mirror_wire *w);

/* What mirrors.c and directives.c share. */
enum mirror_verdict { MIRROR_NEW, MIRROR_OLD, MIRROR_FORGED, MIRROR_NO_ROOM };
enum mirror_verdict mirror_receive(struct global *g, const struct mirror_wire *w, struct out *out);
bool mirror_for_site(const struct mirror *m, const struct site *site); /* does it get it? */
/* All of ours once more, under a new epoch: an older one is known out there. */
void mirrors_new_epoch(struct global *g, uint64_t epoch, struct out *out);
