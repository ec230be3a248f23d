/* The data directory of an Alertmanager, found where the edge's store is: its files are read and
 * given to the engine as ENGINE_IMPORT, once, and never written. */
#pragma once

#include "common/daemon/daemon.h"

/* Before ENGINE_START. A file that cannot be read is logged and tried again at the next start. */
void import_files(struct daemon *d, struct engine *e, const char *storage_path);
