/* POST /federation/v1/digests: compares the firing registers of a stream with what its edge has. */
#pragma once

#include "common/core/engine.h"

struct global;

#define DIGEST_BUCKETS 256
#define DIGEST_ANSWER_BUCKETS 16

void digest_request(struct global *g, const struct engine_request *r, struct out *out);
