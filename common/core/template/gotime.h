/* Go's time.Time and time.Duration: layouts, arithmetic, text. Pure; "now" is an argument of who
 * needs it.
 *
 * Zones: a time carries its offset and its abbreviation. Where it got them is `location`, for who
 * moves the time and has a tz database to ask again; there is none here. */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

struct go_time {
    int64_t sec; /* since 1970-01-01 UTC */
    int32_t nsec;
    int32_t offset_s;    /* east of UTC */
    struct str zone;     /* abbreviation; empty: none, shown as the offset */
    struct str location; /* of the tz database, or "Local"; empty: the offset is fixed */
};

#define GO_TIME_ZERO_SEC INT64_C(-62135596800) /* 0001-01-01 00:00:00 UTC */

struct go_time go_time_from_ms(int64_t wall_ms); /* UTC; WALL_ABSENT is Go's zero time */
struct go_time go_time_zero(void);

struct go_civil {
    int64_t year;
    int month, day, hour, minute, second; /* month from 1 */
    int weekday;                          /* Sunday is 0 */
    int yearday;                          /* from 1 */
};

struct go_civil go_time_civil(struct go_time t); /* in the time's own zone */

/* Normalises as Go's time.Date: month 13 is January of the next year, day 0 the day before. */
int64_t go_civil_seconds(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                         int64_t second);

void go_time_format(struct buf *b, struct str layout, struct go_time t);
void go_time_string(struct buf *b, struct go_time t);  /* Time.String */
void go_time_rfc3339(struct buf *b, struct go_time t); /* with nanoseconds as needed, for JSON */

/* time.Parse: without a zone in the text it is UTC. A zone's abbreviation other than UTC is kept
 * with offset 0, as Go does for unknown ones. */
MUST_CHECK int go_time_parse(struct go_time *ret, struct str layout, struct str text,
                             struct err *err);

/* Without a tz database: UTC, Local (which is UTC then) and Etc/GMT±n. */
MUST_CHECK int go_zone(struct str name, int32_t *ret_offset_s, struct str *ret_abbreviation,
                       struct err *err);

int64_t go_time_sub(struct go_time a, struct go_time b); /* nanoseconds, saturating */
struct go_time go_time_add(struct go_time t, int64_t ns);
int go_time_cmp(struct go_time a, struct go_time b);

const char *go_month(int64_t month); /* from 1; NULL when there is no such month */
const char *go_weekday(int64_t day);

void go_duration_string(struct buf *b, int64_t ns);
int64_t go_duration_truncate(int64_t ns, int64_t unit); /* toward zero; unit ≤ 0 leaves it */
int64_t go_duration_round(int64_t ns, int64_t unit);    /* half away from zero, saturating */
