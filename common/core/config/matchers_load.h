/* Lists of matchers in configuration files. */
#pragma once

#include "common/core/config/schema.h"
#include "common/core/model/matcher.h"

/* A list of texts, each one or several matchers; appended to *ret. A text that cannot be read is a
 * mistake, one that the two syntaxes read differently a warning. */
void matchers_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                   enum matcher_mode mode, struct matchers *ret);
