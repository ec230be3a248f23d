/* Times and durations as text. One parser and one formatter each for RFC 3339, Prometheus durations
 * and sizes. Wall times are milliseconds since the epoch, UTC; INT64_MIN stands for Go's zero time
 * ("absent"). */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

#define WALL_ABSENT INT64_MIN

/* What Alertmanager's API takes for a time (core specification §10.5): RFC 3339 with any fraction
 * and an offset with or without colon, zone-less as UTC, "YYYY-MM-DDTHH:MMZ", "YYYY-MM-DD
 * HH:MM:SS", "YYYY-MM-DD"; "" is the epoch; 0001-01-01T00:00:00Z is WALL_ABSENT. Fractions are cut
 * to milliseconds. */
MUST_CHECK int time_parse(struct str text, int64_t *ret_wall_ms, struct err *err);

void time_add_rfc3339_ms(struct buf *b,
                         int64_t wall_ms); /* 2006-01-02T15:04:05.000Z; WALL_ABSENT as year 1 */
struct str time_rfc3339_ms(struct arena *a, int64_t wall_ms);

/* Prometheus durations: [Ny][Nw][Nd][Nh][Nm][Ns][Nms] in this order, or "0". Year = 365 days. */
MUST_CHECK int duration_parse(struct str text, int64_t *ret_ms, struct err *err);
void duration_add(struct buf *b, int64_t ms); /* as Prometheus formats it: 1h30m, 5m, 0s */

/* Go durations for flags: "1h30m", "500ms", "1.5s", "0"; units ns us µs ms s m h. Cut to
 * milliseconds. */
MUST_CHECK int go_duration_parse(struct str text, int64_t *ret_ms, struct err *err);

/* Sizes: digits with an optional unit B, KB, MB, GB (10³) or KiB, MiB, GiB (2¹⁰); no space. */
MUST_CHECK int size_parse(struct str text, uint64_t *ret_bytes, struct err *err);
