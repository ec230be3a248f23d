/* Paging duty as its holder sees it (docs/formats/federation.md, "Paging duty"): an edge grants by
 * echoing our token; we hold until token.mono_ms + DUTY_LEASE_MS on our own clock, whenever the
 * echo came. Duty is per stream; a site's is that of any of its streams. Nothing of it is stored: a
 * new boot holds nothing. After ENGINE_STOP there is none. */
#pragma once

#include "global/core/streams.h"

#define DUTY_LEASE_MS (30 * MS_PER_S)
#define PEER_ALIVE_MS (25 * MS_PER_S)

/* When this node's duty for the site ends, in mono_ms of this node; 0 or past: it has none. A send
 * may be started while now + its time-out < duty_until. */
int64_t duty_until(const struct global *g, const struct site *site);
bool duty_for_stream(const struct global *g, const struct stream *s);

/* Who holds the site's duty as its streams report it: the holder of the first live stream, in order
 * of node name, that names one. "" when nobody knows. This node counts by its own knowledge. */
struct str duty_holder(const struct global *g, const struct site *site);

/* Does some live edge report that it was answered by this other global node within PEER_ALIVE_MS?
 */
bool global_peer_alive(const struct global *g, struct str name);

/* The echo of a heartbeat. Refused (false) when it is not this node's, of another boot, from the
 * future or lapsed already. */
bool duty_grant(struct global *g, struct stream *s, struct str node, struct str boot,
                int64_t token_mono_ms, struct out *out);
void duty_release(struct global *g, struct out *out); /* ENGINE_STOP */
void duty_tick(struct global *g, struct out *out);    /* terms that have lapsed */
size_t duty_count(const struct global *g);            /* streams that grant us now */
