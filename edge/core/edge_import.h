/* Taking over what an Alertmanager knew: its silences and its notification log, from its snapshot
 * files (ENGINE_IMPORT). Merged as from a peer: what is newer counts, what has expired is left.
 * Once a file is through, a row says so, in the last of its transactions: a crash before that
 * begins again, which does no harm. */
#pragma once

#include "common/core/engine.h"

struct edge;
struct metrics;

enum import_result { IMPORT_TAKEN, IMPORT_KNOWN, IMPORT_EXPIRED, IMPORT_INVALID, IMPORT_RESULTS };

struct edge_import {
    struct str row[IMPORT_FILES]; /* in the edge's arena; empty: not taken over yet */
    uint64_t count[IMPORT_FILES][IMPORT_RESULTS];
};

void edge_import(struct edge *e, const struct engine_import *in, struct now now, struct out *out);
void edge_import_restore(struct edge *e, struct str key, struct str value);
void edge_import_put_rows(struct edge *e, struct out *out); /* every row again */
void edge_import_metrics(const struct edge *e, struct metrics *m);
