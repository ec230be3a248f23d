/* What is to be told to everybody by gossip: each message goes out a limited number of times in
 * all, the least told first, of those the longest, of those the newest. A message with a name
 * replaces an older one of that name, which it makes untrue.
 *
 * Messages lie in lists by how often they went out and by size class, so that filling a packet
 * costs what it takes, not what is queued. Pure; bounded. */
#pragma once

#include "common/base/arena.h"

struct broadcasts;

#define BROADCAST_BYTES_MAX 1400
#define BROADCAST_TIERS_MAX 64

struct broadcasts *broadcasts_new(size_t max); /* messages; one more drops the most told one */
void broadcasts_free(struct broadcasts *b);

/* Copies. name empty: replaces nothing. bytes: at most BROADCAST_BYTES_MAX. */
void broadcasts_put(struct broadcasts *b, struct str name, struct str bytes);
bool broadcasts_has(const struct broadcasts *b, struct str name);
void broadcasts_drop(struct broadcasts *b, struct str name); /* what has become untrue */
size_t broadcasts_count(const struct broadcasts *b);
uint64_t broadcasts_dropped(const struct broadcasts *b); /* by the bound; for metrics */

/* Messages, copied into the arena, that fit into `budget` bytes at `overhead` extra each; at most
 * `room` of them are written to ret. Each counts as told once more, and is forgotten when it has
 * been told `limit` times. Returns how many; *budget is what is left. */
size_t broadcasts_fill(struct broadcasts *b, size_t *budget, size_t overhead, size_t limit,
                       struct arena *a, struct str *ret, size_t room);
