/* Alertmanager's configuration file as an immutable snapshot. Keys that tocsin does not act on yet
 * are refused by name, never silently accepted. */
#pragma once

#include "common/core/config/receivers.h"
#include "common/core/config/report.h"
#include "common/core/route/route.h"

struct am_config {
    struct str original; /* the text as given, for /api/v2/status */
    struct am_global global;
    struct receivers receivers;
    const struct route *root;
    size_t routes_n;
    struct arena *arena; /* everything lies in it */
    struct route *tree;  /* root, for am_config_free */
};

/* -EINVAL with at least one mistake in the report. name is only for messages. */
MUST_CHECK int am_config_parse(struct str text, enum matcher_mode mode, struct am_config **ret,
                               struct config_report *report);
void am_config_free(struct am_config *c);
