/* The uplink: everything between this edge and the global nodes. It owns the spool, the duty and
 * the mirrors, and speaks docs/formats/federation.md: batches in two lanes, heartbeats, digests,
 * directives, journal. Pure: inputs of the engine are passed on, sends and rows go into `out`.
 *
 * Per global node and lane one request is under way. A node that fails is retried after a random
 * time below a bound that doubles (0.5 s … 30 s); any answer of it ends the waiting. An ambiguous
 * outcome is a failure like others: the same seqs are sent again and are no-ops there. */
#pragma once

#include "common/core/engine.h"
#include "common/core/metrics/metrics.h"
#include "edge/core/edge_config.h"
#include "edge/core/spool.h"

struct uplink;

struct uplink *uplink_new(void);
void uplink_free(struct uplink *u);

/* The first one comes before rows are restored, and later ones at any time. Lent until the next
 * call or uplink_free. node: our own name; resolve_timeout_ms as in Alertmanager's file.
 * `federation` may be NULL: then rows are kept and nothing is said.
 */
void uplink_configure(struct uplink *u, const struct federation_config *federation, struct str node,
                      int64_t resolve_timeout_ms, struct now now, struct out *out);
void uplink_restore(struct uplink *u, const struct row_op *row, struct now now); /* any kind */
/* After the rows, and after the first federation; a second start is a no-op. */
void uplink_start(struct uplink *u, const struct engine_start *start, struct now now,
                  struct out *out);
/* Once after every start: true as soon as the edge is settled. */
bool uplink_now_settled(struct uplink *u, struct now now);
/* Sends what is due; call it at the end of every step, whatever the input was. Returns the next
 * wake-up in mono_ms. */
int64_t uplink_run(struct uplink *u, struct now now, struct out *out);
/* false: the send is not ours */
bool uplink_delivered(struct uplink *u, const struct engine_delivery *delivery, struct now now,
                      struct out *out);
void uplink_stored(struct uplink *u, uint64_t txn, enum store_result result, struct now now,
                   struct out *out);

/* Rows that the store has refused are put again, about bytes_max of the spool's with each call:
 * true when there are none left. For when the store works and has room. */
bool uplink_put_again(struct uplink *u, size_t bytes_max, struct out *out);

struct spool *uplink_spool(struct uplink *u); /* lent, as long as the uplink lives */

/* Alarms that the edge raises about its uplink; it polls them after every step. */
bool uplink_is_down(const struct uplink *u,
                    struct now now); /* rows wait, and for 60 s no node has answered */
/* Frees what may be given up early; counted, logged. */
void uplink_make_room(struct uplink *u, struct out *out);
bool uplink_spool_full(const struct uplink *u);
/* The node that holds duty for this site, as far as this edge knows; "" for none. */
struct str uplink_holder(const struct uplink *u, struct now now);

/* Prometheus text format: tocsin_uplink_*, tocsin_spool_*, tocsin_mirrors_*. */
void uplink_metrics(const struct uplink *u, struct metrics *m, struct now now);
uint64_t uplink_digest(const struct uplink *u);
