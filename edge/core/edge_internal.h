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
#include "common/core/store_queue.h"
#include "edge/core/edge.h"
#include "edge/core/edge_import.h"
#include "edge/core/edge_mute.h"
#include "edge/core/edge_rows.h"
#include "edge/core/forward.h"

struct uplink;

/* What the store is behind with, or has refused: edge_late.c's own. */
struct edge_late {
    struct store_queue queue; /* what the store has and has not reported */
    int64_t moved_mono_ms;    /* when it last reported success, or had nothing to do */
    size_t alerts_n;          /* alerts with `late` set */
    uint64_t next_fp;         /* where to go on looking for them */
    struct {
        uint64_t *v;
        size_t n, cap;
    } gone;               /* alerts that are no more, whose rows are still to be deleted */
    bool rows_lost;       /* some were refused: every row is put again as soon as there is room */
    uint64_t lost_txn;    /* with rows_lost: the first transaction that may have been refused */
    bool behind, told;    /* rows wait for others to be stored; the log says so */
    int64_t tell_mono_ms; /* not before */
    uint64_t times;       /* that it fell behind */
};

/* alert->forward_txn while the row that it stands for has been refused and not put again. */
#define EDGE_TXN_LATE UINT64_MAX

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
    struct edge_late late;
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
        uint64_t posts_refused_queue; /* 503: no room in the store's queue */
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
struct str edge_alert_row_key(uint64_t fp, char ret[17]);
void edge_put_alert_row(struct edge *e, struct alert *a, struct now now, struct out *out);

/* edge_late.c: a store that is behind.
 *
 * Most rows need not be written at once: nobody waits for those of alerts that are not forwarded,
 * of groups' timers and of the notification log. While more than a quarter of the store's queue is
 * taken, or the store fails, they are only noted, and written in slices as there is room again:
 * what is left of the queue belongs to forwarded transitions, silences and whatever else an answer
 * waits for. A crash in between loses what a crash a moment earlier would have lost. */

/* Whether rows that can wait have to. */
bool edge_spares_store(const struct edge *e, const struct out *out);
/* Whether a request that promises durability is to be answered 503 before anything is done: the
 * queue has no room for some `bytes` more. Not when the store fails or is stuck: then alerts are
 * processed without a promise. */
bool edge_store_refuses(const struct edge *e, size_t bytes, struct now now);
void edge_set_late(struct edge *e, struct alert *a, bool late);
void edge_delete_alert_row(struct edge *e, struct alert *a, struct out *out);
/* The transaction that makes the alert's last forwarded transition durable; EDGE_TXN_LATE when its
 * rows were refused and wait for being put again. */
uint64_t edge_alert_txn(const struct edge *e, const struct alert *a, const struct out *out);
void edge_late_stored(struct edge *e, uint64_t txn, enum store_result result, struct now now);
/* At the beginning of a step, and at its end: that writes what waits, as far as there is room.
 * False when it is to be called again at once. */
void edge_late_begin(struct edge *e, const struct out *out);
bool edge_late_write(struct edge *e, struct now now, struct out *out);
void edge_late_count(struct edge *e, struct now now, struct out *out); /* last: the step's rows */
void edge_late_metrics(const struct edge *e, struct metrics *m);
void edge_late_free(struct edge *e);

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
