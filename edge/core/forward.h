/* Between the edge and its uplink: what the edge tells it, and what it asks. The edge calls these
 * functions whether or not there is a federation; without one (edge->config->federation == NULL)
 * they do nothing and edge->uplink stays NULL.
 *
 * Order of calls: forward_config (first configuration), forward_restore for each row,
 * forward_start, then the rest. In a step that handles any input, forward_step comes last; its
 * return value takes part in the engine's next wake-up. All rows that are put go into the step's
 * one transaction. */
#pragma once

#include "common/core/alerts/alerts.h"
#include "common/core/engine.h"

struct edge;
struct metrics;

/* A new configuration is in edge->config (the first: before forward_restore). */
void forward_config(struct edge *e, struct now now, struct out *out);
void forward_free(struct edge *e);

/* A row of the store: true when its kind (≥ EDGE_ROW_NODE) is the uplink's. */
bool forward_restore(struct edge *e, const struct row_op *row, struct now now);
void forward_start(struct edge *e, const struct engine_start *start, struct now now,
                   struct out *out);
void forward_stop(struct edge *e, struct now now, struct out *out);

/* False: the spool has no room for so many new episodes, not even after it has given up what only
 * some nodes lack. Then the POST is answered 503, its alerts are dispatched here, and the same
 * alerts are offered again when the source repeats them. */
bool forward_admits(struct edge *e, size_t new_episodes, struct out *out);

/* A transition of a forwarded alert: ALERT_NEW or ALERT_REFIRED opens an episode, ALERT_RESOLVED
 * and ALERT_TIMED_OUT close it (reasons explicit, timeout). a->forwarded is set by the edge after
 * the call. True when rows were added that the answer to the source has to wait for.
 * Forwarding comes before muting: the row that opens an episode says whether the alert is
 * suppressed at that moment, and each later change is a transition of its own (edge_suppress.c).
 * An alert restored from its row is firing with forwarded set, and no call is made for it. */
bool forward_on_alert(struct edge *e, struct alert *a, enum alert_change change, struct now now,
                      struct out *out);

/* What the uplink was last told of an alert that fires: false when it was not told of it. Lent
 * until the next change. */
bool forward_told(const struct edge *e, const struct alert *a, struct str *ret_suppressed);
/* The alert, which the uplink was told of, is suppressed by this cause; "": no longer. */
void forward_suppressed(struct edge *e, const struct alert *a, struct str cause, struct now now,
                        struct out *out);

void forward_stored(struct edge *e, uint64_t txn, enum store_result result, struct now now,
                    struct out *out);
bool forward_put_again(struct edge *e, size_t bytes_max, struct out *out); /* as uplink_put_again */
/* True when the send was the uplink's. */
bool forward_delivered(struct edge *e, const struct engine_delivery *d, struct now now,
                       struct out *out);
/* A request under /api/tocsin/v1/: true when it has been (or will be) answered. */
bool forward_request(struct edge *e, const struct engine_request *r, struct now now,
                     struct out *out);

/* Whatever is due. Returns the next wake-up (mono), TIME_NEVER for none. */
int64_t forward_step(struct edge *e, struct now now, struct out *out);

void forward_metrics(const struct edge *e, struct metrics *m, struct now now);
uint64_t forward_digest(const struct edge *e);
