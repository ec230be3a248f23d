/* Template files, by patterns as the configuration's `templates` has them. */
#pragma once

#include "common/core/template/template.h"

/* Adds all files that the pattern names; that it names none is no mistake, as for the daemons. */
MUST_CHECK int template_files_add(struct template_set *set, const char *pattern, struct err *err);
