/* Traps in a configuration that is valid: Alertmanager takes it, so do we, and it hardly does what
 * was meant. Each finding names its line. Pure; of n routes the cost is n log n, up to a bound on
 * comparisons beyond which shadows are no longer looked for. */
#pragma once

#include "common/core/config/am_config.h"

#define LINT_COMPARISONS_MAX 5000000

struct lint_options {
    bool receivers_elsewhere; /* another file refers to receivers, too: none is called unused */
};

/* Appends to *ret, by line. */
void config_lint(const struct am_config *c, struct lint_options options, struct mistakes *ret);
