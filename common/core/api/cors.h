/* What scripts of other sites may do in a user's browser. Reading is free, as Alertmanager has it.
 * A browser adds the user's stored password or certificate to whatever a page sends, and lets it
 * send a POST of a plain form without asking; so what changes something must come from our own
 * pages, unless the operator has said otherwise (--web.cors.allow-writes). Clients that are no
 * browsers send no Origin and are not concerned. */
#pragma once

#include "common/core/engine.h"

/* Whether the page of this Origin ("https://host:port") is one of ours: it has the host and port
 * that the request was sent to, or is of the external URL. */
bool cors_same_origin(struct str origin, struct str host, struct str external_url);

/* Whether the request is to be refused with 403 and CORS_REFUSED. */
bool cors_refuses(struct str method, struct str origin, struct str host, struct str external_url,
                  bool allow_writes);

#define CORS_REFUSED "cross-origin requests may not change anything; see --web.cors.allow-writes\n"

/* Whether it is the question that a browser asks before a request (OPTIONS), and the answer. */
bool cors_is_preflight(const struct engine_request *r);
void cors_reply_preflight(const struct engine_request *r, struct str external_url,
                          bool allow_writes, struct out *out);
