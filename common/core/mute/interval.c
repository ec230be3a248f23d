#include "common/core/mute/interval.h"

#include <assert.h>

#define MIN_PER_H 60
#define DAYS_PER_WEEK 7

/* ---- the calendar ---- */

struct civil { /* local */
    int64_t year, month, day, weekday, minute;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Howard Hinnant's civil_from_days: years begin in March, in eras of 400 years. */
static struct civil civil_at(int64_t wall_ms, int offset_s)
{
    int64_t minutes = floor_div(floor_div(wall_ms, MS_PER_S) + offset_s, 60);
    int64_t days = floor_div(minutes, MS_PER_DAY / MS_PER_MIN), z = days + 719468;
    int64_t era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;

    return (struct civil){.year = yoe + era * 400 + (month <= 2),
                          .month = month,
                          .day = doy - (153 * mp + 2) / 5 + 1,
                          .weekday = days + 4 - floor_div(days + 4, DAYS_PER_WEEK) * DAYS_PER_WEEK,
                          .minute = minutes - days * (MS_PER_DAY / MS_PER_MIN)};
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* ---- containment ---- */

static bool day_in(struct interval_range r, const struct civil *c)
{
    int64_t n = days_in_month(c->year, c->month);
    int64_t begin = r.begin < 0 ? n + r.begin + 1 : r.begin;
    int64_t end = r.end < 0 ? n + r.end + 1 : r.end;

    return begin <= n && c->day >= begin && c->day <= end;
}

static bool range_holds(enum interval_field_id id, struct interval_range r, const struct civil *c)
{
    switch (id) {
    case INTERVAL_TIMES:
        return c->minute >= r.begin && c->minute < r.end;
    case INTERVAL_WEEKDAYS:
        return c->weekday >= r.begin && c->weekday <= r.end;
    case INTERVAL_DAYS_OF_MONTH:
        return day_in(r, c);
    case INTERVAL_MONTHS:
        return c->month >= r.begin && c->month <= r.end;
    case INTERVAL_YEARS:
        return c->year >= r.begin && c->year <= r.end;
    case INTERVAL_FIELDS:
        break;
    }
    assert(false);
    return false;
}

static bool field_holds(const struct interval_field *f, enum interval_field_id id,
                        const struct civil *c)
{
    for (size_t i = 0; i < f->n; i++) {
        if (range_holds(id, f->v[i], c))
            return true;
    }
    return !f->present;
}

static bool is_utc(struct str location)
{
    return location.n == 0 || str_eq_c(location, "UTC");
}

bool interval_contains(const struct interval *i, int64_t wall_ms, struct interval_zones zones)
{
    int offset_s = is_utc(i->location) ? 0 : zones.offset_s(i->location, wall_ms, zones.arg);
    struct civil c = civil_at(wall_ms, offset_s);

    for (unsigned id = 0; id < INTERVAL_FIELDS; id++) {
        if (!field_holds(&i->fields[id], (enum interval_field_id)id, &c))
            return false;
    }
    return true;
}

bool named_interval_contains(const struct named_interval *i, int64_t wall_ms,
                             struct interval_zones zones)
{
    for (size_t k = 0; k < i->n; k++) {
        if (interval_contains(&i->v[k], wall_ms, zones))
            return true;
    }
    return false;
}

/* Those of v that hold, or all; names may be NULL. */
static size_t holding(const struct named_interval *const *v, size_t n, int64_t wall_ms,
                      struct interval_zones zones, bool all, struct str *names)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        if (all || named_interval_contains(v[i], wall_ms, zones)) {
            if (names != NULL)
                names[found] = v[i]->name;
            found++;
        }
    }
    return found;
}

bool interval_mutes(const struct interval_use *use, int64_t wall_ms, struct interval_zones zones,
                    struct arena *a, struct str_list *ret_names)
{
    size_t muting = holding(use->mute, use->mute_n, wall_ms, zones, false, NULL);
    bool inactive =
        use->active_n > 0 && holding(use->active, use->active_n, wall_ms, zones, false, NULL) == 0;

    if (ret_names != NULL && (muting > 0 || inactive)) {
        struct str *names = ARENA_ARRAY(a, struct str, muting > 0 ? muting : use->active_n);

        ret_names->v = names;
        ret_names->n = muting > 0
                           ? holding(use->mute, use->mute_n, wall_ms, zones, false, names)
                           : holding(use->active, use->active_n, wall_ms, zones, true, names);
    }
    return muting > 0 || inactive;
}

const struct named_interval *intervals_find(const struct named_intervals *intervals,
                                            struct str name)
{
    for (size_t i = 0; i < intervals->n; i++) {
        if (str_eq(intervals->v[i].name, name))
            return &intervals->v[i];
    }
    return NULL;
}

/* ---- whether it can ever hold ---- */

/* Whether some day of the month, in some year, is in the field. */
static bool day_possible(const struct interval_field *days, int64_t month)
{
    for (int64_t year = 2000; year < 2002; year++) { /* a leap year and another */
        struct civil c = {.year = year, .month = month};

        for (c.day = 1; c.day <= days_in_month(year, month); c.day++) {
            if (field_holds(days, INTERVAL_DAYS_OF_MONTH, &c))
                return true;
        }
    }
    return false;
}

bool interval_possible(const struct interval *i)
{
    for (unsigned id = 0; id < INTERVAL_FIELDS; id++) {
        if (i->fields[id].present && i->fields[id].n == 0)
            return false;
    }
    for (int64_t month = 1; month <= 12; month++) {
        struct civil c = {.month = month};

        if (field_holds(&i->fields[INTERVAL_MONTHS], INTERVAL_MONTHS, &c) &&
            day_possible(&i->fields[INTERVAL_DAYS_OF_MONTH], month))
            return true;
    }
    return false;
}
