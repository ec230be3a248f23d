/* The configuration in force as YAML: what /api/v2/status shows. Defaults are filled in, secrets
 * are <secret>; only Alertmanager's keys, so that its tools can read it back. */
#pragma once

#include "common/core/config/am_config.h"

struct str config_text(const struct am_config *c, struct arena *a);
