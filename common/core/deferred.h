/* What waits for the disk: replies and sends that may go out only once a transaction is stored.
 * STORE_OK releases everything up to the transaction, in order. A failure answers the waiting
 * replies with 503 and Retry-After (nothing is promised), and releases the sends all the same: a
 * full disk must not stop a page. */
#pragma once

#include "common/core/engine.h"

struct deferred; /* bounded by the requests and sends under way, which are bounded outside */

struct deferred *deferred_new(void);
void deferred_free(struct deferred *d);
size_t deferred_count(const struct deferred *d);

/* Copies. With txn 0 or one already stored it goes out at once. */
void deferred_reply(struct deferred *d, struct out *out, uint64_t txn,
                    const struct engine_reply *reply);
void deferred_send(struct deferred *d, struct out *out, uint64_t txn,
                   const struct engine_send *send);

void deferred_gone(struct deferred *d, uint64_t request_id); /* the client left: forget its reply */
void deferred_stored(struct deferred *d, struct out *out, uint64_t txn, enum store_result result);
uint64_t
deferred_stored_txn(const struct deferred *d); /* the newest transaction known to be durable */
