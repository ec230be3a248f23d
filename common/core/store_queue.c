#include "common/core/store_queue.h"

#include "common/base/vec.h"

#include <assert.h>

#define COMPACT_MIN 64

void store_queue_clear(struct store_queue *q)
{
    VEC_CLEAR(q);
    *q = (struct store_queue){0};
}

void store_queue_put(struct store_queue *q, uint64_t txn, uint64_t bytes)
{
    assert(q->n == 0 || q->v[q->n - 1].txn < txn);
    *VEC_PUSH(q) = (struct store_queue_txn){.txn = txn, .bytes = bytes};
    q->bytes += bytes;
}

static void pop_first(struct store_queue *q)
{
    q->bytes -= q->v[q->first++].bytes;
    if (q->first < COMPACT_MIN || q->first < q->n / 2)
        return;
    memmove(q->v, q->v + q->first, (q->n - q->first) * sizeof(*q->v));
    q->n -= q->first;
    q->first = 0;
}

void store_queue_stored(struct store_queue *q, uint64_t txn, enum store_result result)
{
    if (result == STORE_OK) {
        while (q->first < q->n && q->v[q->first].txn <= txn)
            pop_first(q);
    } else if (result == STORE_FULL) {
        for (size_t i = q->n; i > q->first && q->v[i - 1].txn >= txn; i--) { /* a recent one */
            if (q->v[i - 1].txn != txn)
                continue;
            q->bytes -= q->v[i - 1].bytes;
            q->v[i - 1].bytes = 0; /* goes with those before it */
        }
    }
}
