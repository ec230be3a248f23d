/* The data of template render: from JSON in the shape of a webhook's body, or made up. Pure. */
#pragma once

#include "common/base/err.h"
#include "common/core/template/value.h"

/* Keys in any case, unknown ones ignored, absent ones empty, as Go reads it. */
MUST_CHECK int template_data_read(struct arena *a, struct str json, struct tv *ret,
                                  struct err *err);

/* amtool's two alerts, so that who compares the tools sees the same. */
struct tv template_data_sample(struct arena *a, int64_t wall_ms);
