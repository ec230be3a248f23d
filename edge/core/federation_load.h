/* The file of --federation.config, from text to struct. For edge_config.c. */
#pragma once

#include "edge/core/edge_config.h"

/* Fills *ret; what is wrong goes to l. am may be NULL (it had mistakes of its own): receivers are
 * not checked then. The forward matchers' regexes are the caller's to clear, mistakes or not. */
void federation_load(struct config_loader *l, const struct yaml_node *root,
                     const struct am_config *am, enum matcher_mode mode,
                     struct federation_config *ret);
