/* A file of cases for the routing tree: which labels, at which time, go to which receivers in which
 * group. Routed by the code that routes alerts. Pure. The file's format:
 * docs/operate/route-tests.md. */
#pragma once

#include "common/core/config/am_config.h"

#define ROUTE_CASES_MAX 100000

struct route_tests {
    struct str name; /* of the file, for messages */
    struct interval_zones zones;
    bool (*known)(struct str location, void *arg); /* of zones, with its arg */
};

/* Tries every case; *out gets a difference for each that turns out otherwise, then a line that
 * counts. 0: all did as expected; 1: some did not; -EINVAL: the file is no such file. */
MUST_CHECK int route_tests_run(const struct route_tests *t, struct str text,
                               const struct am_config *c, struct buf *out, struct err *err);
