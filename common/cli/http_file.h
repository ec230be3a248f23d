/* --http.config.file: how to reach an Alertmanager, in the shape of Prometheus' http_config. */
#pragma once

#include "common/cli/http.h"

/* Fills credentials, TLS, proxy and headers of *h from the file. Paths in it are relative to its
 * folder. Mistakes are told with file and line. */
MUST_CHECK int http_file_load(const char *path, struct cli_http *h, struct err *err);
