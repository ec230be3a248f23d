/* One zone of the tz database: TZif data (RFC 8536), version 2 or later, as instants at which the
 * distance from UTC changes and a rule in POSIX' syntax for what comes after the last of them. Leap
 * seconds are not looked at: our times have none. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"

#define TZIF_BYTES_MAX MIB(1)

struct tzif;

/* Everything lies in the arena; bytes may go afterwards. -EBADMSG for what is no such data. */
MUST_CHECK int tzif_parse(struct str bytes, struct arena *a, struct tzif **ret, struct err *err);
/* Only a rule, such as "CET-1CEST,M3.5.0,M10.5.0/3". */
MUST_CHECK int tzif_from_rule(struct str rule, struct arena *a, struct tzif **ret, struct err *err);

/* Seconds east of UTC at an instant, in seconds since the epoch. */
int tzif_offset_s(const struct tzif *z, int64_t epoch_s);
/* The same, and what that time is called there ("CEST", "-03"), lent from the zone's arena; it may
 * be empty. */
int tzif_at(const struct tzif *z, int64_t epoch_s, struct str *ret_abbreviation);
