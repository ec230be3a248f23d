/* POST /federation/v1/batches. The whole batch is checked before anything is applied; what is
 * applied goes into one transaction, and the receipt follows its commit. */
#pragma once

#include "common/core/engine.h"

struct global;

#define BATCH_BYTES_MAX MIB(4)
#define BATCH_ROWS_MAX 2000
#define BATCH_VOIDS_MAX \
    4001 /* between, before and after the rows, and neighbours left unmerged \
          */

void ingest_request(struct global *g, const struct engine_request *r, struct out *out);
