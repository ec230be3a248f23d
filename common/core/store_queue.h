/* An engine's own count of what the store has been given and has not reported yet: how full the
 * store's queue is, without asking it. Pure. The count is never below what the queue holds, but for
 * a transaction that was reported as full and is kept nevertheless. */
#pragma once

#include "common/core/engine.h"

struct store_queue {
    struct store_queue_txn {
        uint64_t txn, bytes;
    } * v;          /* in the order of txn, from `first` on */
    size_t n, cap;  /* at most as many as the bytes allow: each has an overhead */
    size_t first;   /* those before it are done with */
    uint64_t bytes; /* of all that wait */
};

void store_queue_clear(struct store_queue *q);
/* Of the step that has put them; bytes as out_row_bytes counts. */
void store_queue_put(struct store_queue *q, uint64_t txn, uint64_t bytes);
/* STORE_OK: nothing up to txn waits any more. STORE_FULL: that one was not kept. STORE_UNKNOWN: all
 * of it waits on. */
void store_queue_stored(struct store_queue *q, uint64_t txn, enum store_result result);
