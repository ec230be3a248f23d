/* Silences as Alertmanager's API v2 shapes them: the body of POST /api/v2/silences and the elements
 * of lists. Core specification §10.4-10.6. */
#pragma once

#include "common/base/json.h"
#include "common/core/api/api_v2.h"
#include "common/core/mute/silence.h"

/* The silence that the body describes, for silence_set_put; its texts lie in the arena. -EINVAL
 * with *ret_error for what Alertmanager's framework refuses: the first of the mistakes, in its
 * order. */
MUST_CHECK int api_silence_parse(const struct engine_request *r, struct arena *a,
                                 struct silence *ret, struct api_error *ret_error);

/* What the handler has against it, before the set is asked: a text for api_reply_string with 400;
 * NULL for nothing. */
const char *api_silence_objection(const struct silence *s, struct now now);
/* The status of what silence_set_put and silence_set_expire refuse: 404 or 400. */
int api_silence_refusal_status(int rc);

/* {"silenceID":…} */
struct str api_silence_created_json(struct str id, struct arena *a);
/* One element. Of several matcher sets, which this API cannot show, `matchers` has the first, and
 * `matcherSets`, our addition, all of them. */
void api_silence_write(struct json_writer *w, const struct silence *s, struct now now);

/* The states that the parameters active, pending and expired ask for: all unless told otherwise. */
unsigned api_silence_states(const struct http_params *q);
/* A path's silence id as the framework takes it: a UUID, also in upper case, without dashes, in
 * braces or as a URN. */
bool api_silence_id_valid(struct str id);
