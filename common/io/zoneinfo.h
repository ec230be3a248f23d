/* The tz database of this machine, for time intervals: its zones are files that are read when first
 * asked for and kept. Not for more than one thread. */
#pragma once

#include "common/base/err.h"
#include "common/base/str.h"

#define ZONEINFO_DIR "/usr/share/zoneinfo"
#define ZONEINFO_ZONES_MAX 1000

struct zoneinfo;

/* dir NULL: $ZONEINFO, else ZONEINFO_DIR. */
struct zoneinfo *zoneinfo_new(const char *dir);
void zoneinfo_free(struct zoneinfo *z);
/* The files are read anew from here on: at a reload, so that a new database comes into force. */
void zoneinfo_forget(struct zoneinfo *z);

/* For am_config_check_locations and struct interval_zones, with the zoneinfo as arg. "" and "UTC"
 * are UTC; "Local" is what $TZ says, else /etc/localtime, else UTC, as in Go. A zone whose file is
 * gone or broken since it was known counts as UTC. */
bool zoneinfo_known(struct str location, void *arg);
int zoneinfo_offset_s(struct str location, int64_t wall_ms, void *arg);
/* For struct template_zones: false when nobody knows the location. The abbreviation is lent until
 * the next call. */
bool zoneinfo_at(struct str location, int64_t epoch_s, int *ret_offset_s,
                 struct str *ret_abbreviation, void *arg);
