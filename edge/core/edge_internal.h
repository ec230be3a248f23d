/* What the files of edge/core share. */
#pragma once

#include "common/core/alerts/alert_limit.h"
#include "common/core/alerts/alerts.h"
#include "common/core/api/api_v2.h"
#include "common/core/config/config_text.h"
#include "common/core/deferred.h"
#include "common/core/engine.h"
#include "common/core/group/groups.h"
#include "common/core/notify/nflog.h"
#include "common/core/notify/notifier.h"
#include "edge/core/edge.h"
#include "edge/core/edge_import.h"
#include "edge/core/edge_mute.h"
#include "edge/core/edge_rows.h"
#include "edge/core/forward.h"

struct uplink;

struct edge {
    struct engine engine;        /* first */
    struct edge_options options; /* texts lie in `arena` */
    struct arena *arena;         /* lives as long as the edge */
    struct edge_config *config;  /* one reference; NULL before the first */
    struct alerts *alerts;
    struct alert_limit *limit;
    struct groups *groups;
    struct nflog *nflog;
    struct notifier *notifier;
    struct edge_mute *mute;
    struct edge_suppress *suppress; /* edge_suppress.c's own */
    struct deferred *deferred;      /* replies and sends that wait for the disk; the uplink's too */
    struct api_v2 *api;
    struct uplink *uplink; /* forward.h's own; NULL without a federation */
    struct edge_import import;
    bool started; /* ENGINE_START has come: requests are served, timers run */
    bool stopping;
    bool store_failing; /* the last transaction reported was not stored */
    bool rows_lost;     /* some were refused: every row is put again after the next success */
    bool putting;       /* alerts' rows are put again, in slices, from put_next_fp on */
    uint64_t put_next_fp;
    struct engine_start start;   /* of ENGINE_START */
    struct engine_health health; /* the newest; zeroed before the first */
    int64_t started_wall_ms, started_mono_ms;
    int64_t sweep_nflog_mono_ms, sweep_alerts_mono_ms; /* next sweeps */
    int64_t config_wall_ms;                            /* of the last configuration taken */
    struct {
        uint64_t received_firing, received_resolved, invalid;
        uint64_t posts_refused_full;  /* 503: alert table full */
        uint64_t posts_refused_spool; /* 503: no room in the spool */
        uint64_t posts_refused_store; /* 503: the store is failing */
        uint64_t alerts_timed_out, alerts_resolved;
        uint64_t forwarded_opened, forwarded_resolved;
        uint64_t forwarded_suppressed, forwarded_unsuppressed;
        size_t receivers, integrations; /* in use */
        uint64_t nflog_sweeps;
        uint64_t rows_bad; /* rows that could not be read back */
    } count;
};

static inline struct edge *edge_of(struct engine *e)
{
    return CONTAINER_OF(e, struct edge, engine);
}

/* edge_alerts.c: what an alert's transition means for groups, store and uplink. */

/* True when the answer to the source has to wait for this step's transaction. admitted: a new
 * episode may be opened at the uplink. */
bool edge_alert_changed(struct edge *e, struct alert *a, enum alert_change change, bool admitted,
                        struct now now, struct out *out);
bool edge_forwards(const struct edge *e, struct labels labels); /* matches the forward matchers */
void edge_expire_alerts(struct edge *e, struct now now, struct out *out);
void edge_sweep_alerts(struct edge *e, struct now now, struct out *out);
void edge_regroup(struct edge *e, struct now now, struct out *out); /* after a new configuration */
/* Whether somebody on that route was told that the alert of these labels fires, by the log. */
bool edge_is_owed(const struct edge *e, const struct route *r, struct labels labels,
                  struct arena *scratch);
int edge_restore_alert(struct edge *e, struct str key, struct str value, struct now now,
                       struct err *err);
/* Every row again: the forwarded ones now, a slice of the rest with each call of the other. True
 * when there is no more to do. */
void edge_put_alert_rows(struct edge *e, struct now now, struct out *out);
bool edge_put_alert_slice(struct edge *e, struct now now, struct out *out);

/* edge_suppress.c: muting as the uplink is told of it. */

void edge_suppress_init(struct edge *e); /* after edge_mute_init */
void edge_suppress_free(struct edge *e);
void edge_suppress_config(struct edge *e);
/* a->forwarded has changed. */
void edge_suppress_watch(struct edge *e, const struct alert *a, struct arena *scratch);
/* The alert has become a source of inhibition, or is about to be one no longer. */
void edge_suppress_source(struct edge *e, const struct alert *a, struct arena *scratch);
/* Why the alert is suppressed, "" when it is not: what was told, as long as that holds. */
struct str edge_suppress_cause(struct edge *e, const struct alert *a, struct str told,
                               struct now now, struct arena *arena);
/* Tells what has changed. Returns the next wake-up (mono). */
int64_t edge_suppress_run(struct edge *e, struct now now, struct out *out);

/* edge_metrics.c */
void edge_metrics_config(struct edge *e); /* another configuration is in e->config */
void edge_get_metrics(const struct edge *e, const struct engine_request *r, struct now now,
                      struct out *out);

/* edge_api.c */
void edge_request(struct edge *e, const struct engine_request *r, struct now now, struct out *out);
/* 503 with Retry-After; json is the body. */
void edge_reply_busy(struct out *out, const struct engine_request *r, const char *json);
