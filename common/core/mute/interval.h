/* Time intervals: which minutes of which days routes are muted in, or active in only.
 * Alertmanager's syntax, meaning and words (core specification §8). Pure: the tz database is
 * somebody else's, who answers for each instant how far a location is from UTC. All else is
 * calendar arithmetic on the local date and time, in which no day is shorter or longer than
 * another: a change to or from summer time changes no month's length. */
#pragma once

#include "common/base/json.h"
#include "common/base/now.h"
#include "common/core/config/schema.h"

#define INTERVALS_MAX 10000       /* named ones; entries of one; ranges of one field */
#define INTERVAL_LOCATION_MAX 255 /* bytes */

enum interval_field_id {
    INTERVAL_TIMES,         /* minutes of the day, [begin, end) */
    INTERVAL_WEEKDAYS,      /* 0 = Sunday; this and the rest inclusive */
    INTERVAL_DAYS_OF_MONTH, /* 1 to 31, or -1 (the last one) to -31 */
    INTERVAL_MONTHS,        /* 1 = January; any number is taken */
    INTERVAL_YEARS,
    INTERVAL_FIELDS
};

struct interval_range {
    int64_t begin, end;
};

struct interval_field {
    bool present; /* and empty: it never matches */
    struct interval_range *v;
    size_t n;
};

struct interval {
    struct interval_field fields[INTERVAL_FIELDS]; /* all present ones must match */
    struct str location; /* of the tz database; "" and "UTC" are UTC, "Local" is the host's */
    int line;
};

struct named_interval {
    struct str name;
    struct interval *v; /* one of them must match */
    size_t n;
    bool deprecated; /* from mute_time_intervals */
    int line;
};

struct named_intervals {
    struct named_interval *v;
    size_t n;
};

/* ---- loading ---- */

/* Appends the list under time_intervals (deprecated: mute_time_intervals) to *ret, which was zeroed
 * at first. Load the deprecated ones first: the two share their names. */
void intervals_load(struct config_loader *l, const struct yaml_node *node, bool deprecated,
                    struct named_intervals *ret);
/* One entry of a named interval. */
void interval_load(struct config_loader *l, const struct yaml_node *node, struct interval *ret);
/* The fields of an entry, for the reference page. */
const struct config_field *interval_table(size_t *ret_n);
/* Locations that nobody knows are mistakes. `known` isn't asked about "", "UTC" and "Local", nor
 * about what can't be a name (so that it may be made a path). */
void intervals_check_locations(struct config_loader *l, const struct named_intervals *intervals,
                               bool (*known)(struct str location, void *arg), void *arg);

const struct named_interval *intervals_find(const struct named_intervals *intervals,
                                            struct str name); /* NULL */

/* ---- time ---- */

/* The tz database: seconds east of UTC, of a location that intervals_check_locations has let pass.
 */
struct interval_zones {
    int (*offset_s)(struct str location, int64_t wall_ms, void *arg);
    void *arg;
};

bool interval_contains(const struct interval *i, int64_t wall_ms, struct interval_zones zones);
bool named_interval_contains(const struct named_interval *i, int64_t wall_ms,
                             struct interval_zones zones);

/* A route's intervals, resolved when it was loaded. */
struct interval_use {
    const struct named_interval *const *mute, *const *active;
    size_t mute_n, active_n;
};

/* Whether a route is muted now: inside one of its mute intervals, or outside all of its active ones
 * when it has any. ret_names (may be NULL) gets what is to blame, in the arena: the mute intervals
 * that hold, otherwise all active ones. */
bool interval_mutes(const struct interval_use *use, int64_t wall_ms, struct interval_zones zones,
                    struct arena *a, struct str_list *ret_names);

/* Whether there can be an instant inside; false is worth a warning. Says true when in doubt. */
bool interval_possible(const struct interval *i);

/* ---- as text ---- */

/* The entry as an item of a YAML list whose dash stands at that indentation. */
void interval_add_yaml(struct buf *b, const struct interval *i, unsigned indent);
void interval_add_json(struct json_writer *w, const struct interval *i);
/* One range of a field as text ("monday:friday", "-1"); not of times. */
void interval_range_add(struct buf *b, enum interval_field_id id, struct interval_range r);
