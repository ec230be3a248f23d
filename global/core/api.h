/* What the API keeps between requests; incident_hooks.h has its entry points. */
#pragma once

#include "common/core/engine.h"

struct global;
struct api;

/* Answers acks that have become durable and are mirrored, or have waited long enough. Next wake-up,
 * mono. */
int64_t api_step(struct global *g, struct out *out);
void api_free(struct global *g);
