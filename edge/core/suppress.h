/* Which of the forwarded alerts may have become suppressed, or be so no longer. Whether they are is
 * for others to decide (edge_mute.h); this only says whom to ask about when a silence, a source of
 * inhibition or a route has changed, without asking about every alert.
 *
 * Watched alerts are filed under each of their labels. What changes names the alerts it concerns by
 * matchers; those of the rarest equality are taken, a superset of what matches. They wait in a
 * queue, so that a silence of ten thousand alerts delays nothing else. */
#pragma once

#include "common/core/model/matcher.h"

struct suppress;

struct suppress *suppress_new(void);
void suppress_free(struct suppress *s);

/* An alert is open at the uplink; no-op when it is watched already. It is asked about at once. */
void suppress_watch(struct suppress *s, uint64_t fp, struct labels labels);
void suppress_unwatch(struct suppress *s, uint64_t fp);

/* Whoever may match, and has the labels `equal` with these values (empty values are passed over),
 * is to be asked about. */
void suppress_concern(struct suppress *s, const struct matchers *m, const struct label *equal,
                      size_t equal_n);
/* The same for all of which `is` says so; NULL: for all. */
void suppress_concern_if(struct suppress *s, bool (*is)(uint64_t fp, void *arg), void *arg);

/* The next one to ask about; false when there is none. */
bool suppress_next(struct suppress *s, uint64_t *ret_fp);
size_t suppress_waiting(const struct suppress *s);
size_t suppress_watched(const struct suppress *s);
