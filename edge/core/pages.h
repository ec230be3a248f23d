/* The pages that the edge serves to a browser: one that lists the alerts, and its script. Static;
 * what it shows it asks of API v2. */
#pragma once

#include "common/core/engine.h"

struct page;

const struct page *page_find(struct str path); /* NULL */
void page_reply(const struct page *p, const struct engine_request *r, struct out *out);
