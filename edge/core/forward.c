#include "edge/core/forward.h"

#include "edge/core/edge_internal.h"

/* An edge without an uplink: nothing is forwarded. */

void forward_config(struct edge *e, struct now now, struct out *out)
{
    (void)e, (void)now, (void)out;
}

void forward_free(struct edge *e)
{
    (void)e;
}

bool forward_restore(struct edge *e, const struct row_op *row, struct now now)
{
    (void)e, (void)now;
    return row->kind >= EDGE_ROW_NODE;
}

void forward_start(struct edge *e, const struct engine_start *start, struct now now,
                   struct out *out)
{
    (void)e, (void)start, (void)now, (void)out;
}

void forward_stop(struct edge *e, struct now now, struct out *out)
{
    (void)e, (void)now, (void)out;
}

bool forward_admits(struct edge *e, size_t new_episodes)
{
    (void)e, (void)new_episodes;
    return true;
}

bool forward_on_alert(struct edge *e, struct alert *a, enum alert_change change, struct now now,
                      struct out *out)
{
    (void)e, (void)a, (void)change, (void)now, (void)out;
    return true;
}

void forward_stored(struct edge *e, uint64_t txn, enum store_result result, struct now now,
                    struct out *out)
{
    (void)e, (void)txn, (void)result, (void)now, (void)out;
}

bool forward_delivered(struct edge *e, const struct engine_delivery *d, struct now now,
                       struct out *out)
{
    (void)e, (void)d, (void)now, (void)out;
    return false;
}

bool forward_request(struct edge *e, const struct engine_request *r, struct now now,
                     struct out *out)
{
    (void)e, (void)r, (void)now, (void)out;
    return false;
}

int64_t forward_step(struct edge *e, struct now now, struct out *out)
{
    (void)e, (void)now, (void)out;
    return TIME_NEVER;
}

void forward_metrics(const struct edge *e, struct metrics *m, struct now now)
{
    (void)e, (void)m, (void)now;
}

uint64_t forward_digest(const struct edge *e)
{
    (void)e;
    return 0;
}
