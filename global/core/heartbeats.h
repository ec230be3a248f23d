/* POST /federation/v1/heartbeats: a token goes out, an echo comes in. */
#pragma once

#include "common/core/engine.h"

struct global;

void heartbeat_request(struct global *g, const struct engine_request *r, struct out *out);
