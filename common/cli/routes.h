/* The routing tree as commands show and try it: of a file, or of a running edge or Alertmanager. */
#pragma once

#include "common/cli/am.h"
#include "common/core/config/am_config.h"

/* By --config.file, else from the server; the error has every mistake of the file that fits.
 * am_config_free afterwards. */
MUST_CHECK int routes_load(const struct cli_args *a, struct am *am, struct am_config **ret,
                           struct err *err);

/* The whole tree; or, with labels, the routes that they take. As amtool draws it. */
void routes_add_tree(struct buf *b, const struct route *root, const struct labels *labels);

int routes_run_show(const struct cli_args *a);
int routes_run_test(const struct cli_args *a);
