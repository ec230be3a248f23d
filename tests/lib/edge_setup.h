/* An edge in a driver: made from configuration texts, and the questions that tests ask of it. */
#pragma once

#include "edge/core/edge.h"
#include "tests/lib/engine_driver.h"

/* The options of edges that are made from now on; as they come, ready to be changed. */
extern struct edge_options edge_setup_options;

/* Starts an edge; federation may be NULL. The configuration must be good. */
void edge_setup(struct driver *d, const char *am, const char *federation);
/* The same, with the dialect of --enable-feature. */
void edge_setup_mode(struct driver *d, const char *am, enum matcher_mode mode);
/* The same, but the store's rows have not been given yet: driver_restore_and_start is to follow. */
void edge_setup_unstarted(struct driver *d, const char *am);
void edge_teardown(struct driver *d);
/* The process dies and starts again from the rows written so far. */
void edge_restart(struct driver *d, const char *am, const char *federation);
void edge_reconfigure(struct driver *d, const char *am, const char *federation);

/* POST /api/v2/alerts; the status. NOTE: fails the test when there is no answer at once. */
int edge_post(struct driver *d, const char *body);
/* Any request; the whole answer, which must come at once. It stays until the next request. */
const struct driver_reply *edge_ask(struct driver *d, const char *method, const char *path,
                                    const char *query, const char *body);
