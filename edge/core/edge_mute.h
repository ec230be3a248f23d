/* What mutes at this edge: silences, inhibition and time intervals, joined with the alerts, the
 * store and the flushes. The rules themselves are common/core/mute's.
 *
 * A flush passes Alertmanager's stages in its order: inhibition, active times, mute times,
 * silences; what is left is told. Every question is asked of the newest state, with the time of the
 * question: nothing is remembered that could be stale. */
#pragma once

#include "common/core/api/alert_status.h"
#include "common/core/engine.h"
#include "common/core/group/groups.h"
#include "common/core/mute/inhibit.h"
#include "common/core/mute/silence.h"

struct edge;
struct metrics;

enum mute_stage { MUTE_INHIBITION, MUTE_ACTIVE_TIME, MUTE_MUTE_TIME, MUTE_SILENCE, MUTE_STAGES };

struct edge_mute {
    struct silence_set *silences;
    struct inhibit *inhibit;          /* of the configuration in force */
    struct rand rand;                 /* of silences' ids */
    uint64_t silences_txn;            /* the newest transaction with a silence in it */
    struct silence_listing *listings; /* edge_silences.c's: lists that are not yet at their end */
    struct {
        char **v; /* keys of rows that are to be deleted at the start */
        size_t n, cap;
    } stale;
    uint64_t suppressed[MUTE_STAGES]; /* alerts, per flush */
    uint64_t queries;                 /* of silences: by an alert's labels, by id, lists */
};

void edge_mute_init(struct edge *e); /* e->options are complete */
void edge_mute_free(struct edge *e);

/* Another configuration is in e->config: its rules, fed with every alert that fires. Before any
 * flush. */
void edge_mute_config(struct edge *e);
MUST_CHECK int edge_mute_restore(struct edge *e, struct str key, struct str value, struct now now,
                                 struct err *err);
void edge_mute_start(struct edge *e, struct out *out);
/* The alert has begun or ceased to fire. */
void edge_mute_alert(struct edge *e, const struct alert *a, struct arena *scratch);
/* Follows the time: at the beginning of every step, before anything is asked. */
void edge_mute_tick(struct edge *e, struct now now, struct out *out);
int64_t edge_mute_next_ms(const struct edge *e, struct now now); /* mono */
/* The silence has changed. */
void edge_mute_put_silence(struct edge *e, const struct silence *s, struct out *out);
/* Every row again. */
void edge_mute_put_rows(struct edge *e, struct now now, struct out *out);

/* Takes out of the flush what is muted. True when something is left to be told. */
bool edge_mute_flush(struct edge *e, struct flush *f, struct now now, struct out *out);
/* An alert_status_fn; arg is the edge. */
void edge_alert_status(void *arg, const struct alert *a, struct now now, struct arena *arena,
                       struct alert_status *ret);

void edge_mute_metrics(const struct edge *e, struct metrics *m, struct now now);
uint64_t edge_mute_digest(const struct edge *e);

/* ---- edge_silences.c: /api/v2/silences and /api/v2/silence/{id} ---- */

/* False when the path (behind /api/v2) is neither. */
bool edge_silences_request(struct edge *e, const struct engine_request *r, struct str path,
                           enum matcher_mode mode, struct now now, struct out *out);
/* ENGINE_MORE and ENGINE_GONE; no-ops for requests that are not a list's. */
void edge_silences_more(struct edge *e, uint64_t request_id, struct now now, struct out *out);
void edge_silences_gone(struct edge *e, uint64_t request_id);
void edge_silences_free(struct edge *e);
