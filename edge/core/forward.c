#include "edge/core/forward.h"

#include "common/base/vec.h"
#include "edge/core/alarms.h"
#include "edge/core/edge_internal.h"
#include "edge/core/uplink.h"

static const struct federation_config *federation(const struct edge *e)
{
    return e->config != NULL ? e->config->federation : NULL;
}

/* The uplink lives from the first configuration on, so that its rows are not lost while the
 * federation is switched off; it begins to speak with the first federation. */
static bool is_on(const struct edge *e)
{
    return e->uplink != NULL && federation(e) != NULL;
}

void forward_config(struct edge *e, struct now now, struct out *out)
{
    if (e->uplink == NULL)
        e->uplink = uplink_new();
    uplink_configure(e->uplink, federation(e), e->options.node,
                     e->config->am->global.resolve_timeout_ms, now, out);
    if (e->started && is_on(e))
        uplink_start(e->uplink, &e->start, now, out);
}

void forward_free(struct edge *e)
{
    uplink_free(e->uplink);
    e->uplink = NULL;
}

bool forward_restore(struct edge *e, const struct row_op *row, struct now now)
{
    if (row->kind < EDGE_ROW_NODE)
        return false;
    if (e->uplink != NULL)
        uplink_restore(e->uplink, row, now);
    return true;
}

/* ---- alerts ---- */

static uint64_t append(struct edge *e, const struct alert *a, const char *reason,
                       struct str suppressed, struct now now, struct out *out)
{
    struct spool_change c = {.fp = a->fp,
                             .firing = a->firing,
                             .reason = reason,
                             .suppressed = suppressed,
                             .labels = alert_labels(a, out_arena(out)),
                             .annotations = alert_annotations(a, out_arena(out)),
                             .generator_url = alert_generator_url(a),
                             .starts_wall_ms = a->starts_wall_ms,
                             .ends_wall_ms = a->firing ? WALL_ABSENT : a->ends_wall_ms};

    return spool_append(uplink_spool(e->uplink), &c, now, out);
}

static bool is_told_firing(const struct edge *e, uint64_t fp)
{
    struct spool_row row;

    return spool_newest(uplink_spool(e->uplink), fp, &row) && row.firing;
}

bool forward_admits(struct edge *e, size_t new_episodes, struct out *out)
{
    size_t bytes = new_episodes * SPOOL_ROW_FULL_BYTES;

    if (!is_on(e) || spool_admits(uplink_spool(e->uplink), bytes))
        return true;
    uplink_make_room(e->uplink, out);
    return spool_admits(uplink_spool(e->uplink), bytes);
}

static void open_episode(struct edge *e, const struct alert *a, struct now now, struct out *out)
{
    (void)append(e, a, "open", edge_suppress_cause(e, a, STR_EMPTY, now, out_arena(out)), now, out);
}

bool forward_on_alert(struct edge *e, struct alert *a, enum alert_change change, struct now now,
                      struct out *out)
{
    bool told;

    if (!is_on(e) || edge_is_alarm(e, a))
        return false;
    told = is_told_firing(e, a->fp);
    if (told == a->firing)
        return told; /* already said, as after a restart: durable with its row */
    if (a->firing)
        open_episode(e, a, now, out);
    else
        (void)append(e, a, change == ALERT_TIMED_OUT ? "timeout" : "explicit", STR_EMPTY, now, out);
    return true;
}

bool forward_told(const struct edge *e, const struct alert *a, struct str *ret_suppressed)
{
    struct spool_row row;

    if (!is_on(e) || !spool_newest(uplink_spool(e->uplink), a->fp, &row) || !row.firing)
        return false;
    *ret_suppressed = row.suppressed;
    return true;
}

void forward_suppressed(struct edge *e, const struct alert *a, struct str cause, struct now now,
                        struct out *out)
{
    (void)append(e, a, cause.n > 0 ? "suppressed" : "unsuppressed", cause, now, out);
}

/* ---- start ---- */

struct orphans {
    struct edge *e;
    uint64_t *v;
    size_t n, cap;
};

static void find_orphan(const struct spool_row *row, void *arg)
{
    struct orphans *o = arg;
    const struct alert *a = alerts_find(o->e->alerts, row->fp);

    if (a == NULL || !a->firing)
        *VEC_PUSH(o) = row->fp;
}

/* What the spool holds for firing and the alert table does not. Closed once the edge is settled: a
 * damaged row of the table is made good by the source before that. */
static void close_orphans(struct edge *e, struct now now, struct out *out)
{
    struct orphans o = {.e = e};

    spool_each_firing(uplink_spool(e->uplink), find_orphan, &o);
    VEC_EACH (&o, uint64_t, fp)
        (void)spool_close(uplink_spool(e->uplink), *fp, "timeout", now, out);
    VEC_CLEAR(&o);
}

/* What the alert table holds for told and the spool does not, as when a full disk took the one row
 * and not the other. */
static void tell_missing(struct edge *e, struct now now, struct out *out)
{
    for (struct alert *a = alerts_from(e->alerts, 0); a != NULL;
         a = a->fp == UINT64_MAX ? NULL : alerts_from(e->alerts, a->fp + 1)) {
        if (a->firing && a->forwarded && !edge_is_alarm(e, a) && !is_told_firing(e, a->fp))
            open_episode(e, a, now, out);
    }
}

void forward_start(struct edge *e, const struct engine_start *start, struct now now,
                   struct out *out)
{
    if (!is_on(e))
        return;
    uplink_start(e->uplink, start, now, out);
    tell_missing(e, now, out);
}

void forward_stop(struct edge *e, struct now now, struct out *out)
{
    (void)e, (void)now, (void)out; /* the term of a grant ends by itself; what waits is stored */
}

/* ---- the rest is the uplink's ---- */

void forward_stored(struct edge *e, uint64_t txn, enum store_result result, struct now now,
                    struct out *out)
{
    if (is_on(e))
        uplink_stored(e->uplink, txn, result, now, out);
}

bool forward_put_again(struct edge *e, size_t bytes_max, struct out *out)
{
    return !is_on(e) || uplink_put_again(e->uplink, bytes_max, out);
}

bool forward_delivered(struct edge *e, const struct engine_delivery *d, struct now now,
                       struct out *out)
{
    return is_on(e) && uplink_delivered(e->uplink, d, now, out);
}

bool forward_request(struct edge *e, const struct engine_request *r, struct now now,
                     struct out *out)
{
    (void)e, (void)r, (void)now, (void)out;
    return false;
}

int64_t forward_step(struct edge *e, struct now now, struct out *out)
{
    int64_t wake;

    if (!e->started || !is_on(e))
        return TIME_NEVER;
    if (uplink_now_settled(e->uplink, now))
        close_orphans(e, now, out);
    wake = uplink_run(e->uplink, now, out);
    edge_alarm_uplink(e, uplink_is_down(e->uplink, now), uplink_spool_full(e->uplink),
                      spool_pending(uplink_spool(e->uplink)) > 0, now, out);
    return wake;
}

void forward_metrics(const struct edge *e, struct metrics *m, struct now now)
{
    if (is_on(e))
        uplink_metrics(e->uplink, m, now);
}

uint64_t forward_digest(const struct edge *e)
{
    return e->uplink != NULL ? uplink_digest(e->uplink) : 0;
}
