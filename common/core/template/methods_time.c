/* The methods of Go's Time, Duration, Month and Weekday that templates can use. */
#include "common/core/template/exec.h"
#include "common/core/template/format.h"
#include "common/core/template/funcs.h"

static int time_format(struct tv_call *c)
{
    struct buf b;

    buf_init(&b, c->x->limits.output_bytes);
    go_time_format(&b, c->args[0].s, *c->self.time);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int method_string(struct tv_call *c)
{
    struct buf b;

    buf_init(&b, c->x->limits.output_bytes);
    format_value(&b, c->self);
    return exec_take_buf(c, &b, TVT_STRING);
}

int exec_locate(struct tv_call *c, struct str location, struct go_time *t)
{
    const struct template_zones *zones = &c->x->env->zones;
    struct err err = {0};
    struct str zone = STR_EMPTY;
    int offset_s = 0;

    t->location = STR_EMPTY;
    if (location.n == 0 || str_eq_c(location, "UTC") || zones->at == NULL) {
        if (go_zone(location, &t->offset_s, &t->zone, &err) < 0)
            return tv_fail(c, "%s", err.text);
        return 0;
    }
    if (!zones->at(location, t->sec, &offset_s, &zone, zones->arg))
        return tv_fail(c, "unknown time zone " STR_FMT, STR_ARG(location));
    t->offset_s = offset_s;
    t->zone = arena_str(c->arena, zone);
    t->location = location;
    return 0;
}

static int locate(struct tv_call *c, const char *location)
{
    struct go_time t = *c->self.time;
    int rc = exec_locate(c, str_from(location), &t);

    if (rc == 0)
        c->ret = tv_time(c->arena, t);
    return rc;
}

static int time_utc(struct tv_call *c)
{
    return locate(c, "UTC");
}

static int time_local(struct tv_call *c)
{
    return locate(c, "Local");
}

#define TIME_NUMBER(name, type, expression) \
    static int name(struct tv_call *c) \
    { \
        struct go_time t = *c->self.time; \
        struct go_civil civil = go_time_civil(t); \
\
        (void)civil; \
        c->ret = tv_int_as(type, (expression)); \
        return 0; \
    }

/* Wrapping, as Go's does beyond the years 1678 to 2262. */
static int64_t scaled(int64_t sec, int64_t unit, int64_t rest)
{
    return (int64_t)((uint64_t)sec * (uint64_t)unit + (uint64_t)rest);
}

TIME_NUMBER(time_unix, TVT_INT64, t.sec)
TIME_NUMBER(time_unix_milli, TVT_INT64, scaled(t.sec, 1000, t.nsec / 1000000))
TIME_NUMBER(time_unix_micro, TVT_INT64, scaled(t.sec, 1000000, t.nsec / 1000))
TIME_NUMBER(time_unix_nano, TVT_INT64, scaled(t.sec, 1000000000, t.nsec))
TIME_NUMBER(time_year, TVT_INT, civil.year)
TIME_NUMBER(time_month, TVT_MONTH, civil.month)
TIME_NUMBER(time_day, TVT_INT, civil.day)
TIME_NUMBER(time_hour, TVT_INT, civil.hour)
TIME_NUMBER(time_minute, TVT_INT, civil.minute)
TIME_NUMBER(time_second, TVT_INT, civil.second)
TIME_NUMBER(time_nanosecond, TVT_INT, t.nsec)
TIME_NUMBER(time_yearday, TVT_INT, civil.yearday)
TIME_NUMBER(time_weekday, TVT_WEEKDAY, civil.weekday)

static int time_is_zero(struct tv_call *c)
{
    c->ret = tv_bool(c->self.time->sec == GO_TIME_ZERO_SEC && c->self.time->nsec == 0);
    return 0;
}

/* Beyond these years neither layouts nor our arithmetic go. */
#define YEARS_MAX_SEC (INT64_C(200000) * 366 * 86400)

static int give_time(struct tv_call *c, struct go_time t)
{
    if (t.sec > YEARS_MAX_SEC || t.sec < -YEARS_MAX_SEC)
        return tv_fail(c, "time out of range");
    if (t.location.n > 0) { /* it may have moved into summer, or out of it */
        int rc = exec_locate(c, t.location, &t);

        if (rc < 0)
            return rc;
    }
    c->ret = tv_time(c->arena, t);
    return 0;
}

static int time_add(struct tv_call *c)
{
    return give_time(c, go_time_add(*c->self.time, c->args[0].i));
}

static int time_add_date(struct tv_call *c)
{
    struct go_time t = *c->self.time;
    struct go_civil v = go_time_civil(t);
    int64_t local;
    int rc = 0;

    for (size_t i = 0; i < 3; i++) {
        if (c->args[i].i > 100000000 || c->args[i].i < -100000000)
            return tv_fail(c, "time out of range");
    }
    local = go_civil_seconds(v.year + c->args[0].i, v.month + c->args[1].i, v.day + c->args[2].i,
                             v.hour, v.minute, v.second);
    for (size_t i = 0; rc == 0 && t.location.n > 0 && i < 2; i++) {
        t.sec =
            i == 0 ? local : local - t.offset_s; /* a guess, and by it nearly always the truth */
        rc = exec_locate(c, t.location, &t);
    }
    t.sec = local - t.offset_s;
    return rc < 0 ? rc : give_time(c, t);
}

static int time_sub(struct tv_call *c)
{
    c->ret = tv_int_as(TVT_DURATION, go_time_sub(*c->self.time, *c->args[0].time));
    return 0;
}

static int time_after(struct tv_call *c)
{
    c->ret = tv_bool(go_time_cmp(*c->self.time, *c->args[0].time) > 0);
    return 0;
}

static int time_before(struct tv_call *c)
{
    c->ret = tv_bool(go_time_cmp(*c->self.time, *c->args[0].time) < 0);
    return 0;
}

static int time_equal(struct tv_call *c)
{
    c->ret = tv_bool(go_time_cmp(*c->self.time, *c->args[0].time) == 0);
    return 0;
}

static int time_compare(struct tv_call *c)
{
    c->ret = tv_int(go_time_cmp(*c->self.time, *c->args[0].time));
    return 0;
}

/* How far t is past a multiple of unit since Go's zero time. */
static int64_t past_multiple(struct go_time t, int64_t unit)
{
    __int128 ns = ((__int128)t.sec - GO_TIME_ZERO_SEC) * 1000000000 + t.nsec;
    int64_t rest = (int64_t)(ns % unit);

    return rest < 0 ? rest + unit : rest;
}

static int time_truncate(struct tv_call *c)
{
    int64_t unit = c->args[0].i;

    if (unit <= 0)
        return give_time(c, *c->self.time);
    return give_time(c, go_time_add(*c->self.time, -past_multiple(*c->self.time, unit)));
}

static int time_round(struct tv_call *c)
{
    int64_t unit = c->args[0].i, rest;

    if (unit <= 0)
        return give_time(c, *c->self.time);
    rest = past_multiple(*c->self.time, unit);
    return give_time(c, go_time_add(*c->self.time, rest < unit - rest ? -rest : unit - rest));
}

static int time_many(struct tv_call *c)
{
    return tv_fail(c, "function has several return values; should be 1 or 2");
}

const struct tv_func methods_time[] = {
    {"Format", {PARAM_STRING}, 1, false, time_format},
    {"UTC", {0}, 0, false, time_utc},
    {"Local", {0}, 0, false, time_local},
    {"Unix", {0}, 0, false, time_unix},
    {"UnixMilli", {0}, 0, false, time_unix_milli},
    {"UnixMicro", {0}, 0, false, time_unix_micro},
    {"UnixNano", {0}, 0, false, time_unix_nano},
    {"Year", {0}, 0, false, time_year},
    {"Month", {0}, 0, false, time_month},
    {"Day", {0}, 0, false, time_day},
    {"Hour", {0}, 0, false, time_hour},
    {"Minute", {0}, 0, false, time_minute},
    {"Second", {0}, 0, false, time_second},
    {"Nanosecond", {0}, 0, false, time_nanosecond},
    {"YearDay", {0}, 0, false, time_yearday},
    {"Weekday", {0}, 0, false, time_weekday},
    {"IsZero", {0}, 0, false, time_is_zero},
    {"Add", {PARAM_DURATION}, 1, false, time_add},
    {"AddDate", {PARAM_INT, PARAM_INT, PARAM_INT}, 3, false, time_add_date},
    {"Sub", {PARAM_TIME}, 1, false, time_sub},
    {"After", {PARAM_TIME}, 1, false, time_after},
    {"Before", {PARAM_TIME}, 1, false, time_before},
    {"Equal", {PARAM_TIME}, 1, false, time_equal},
    {"Compare", {PARAM_TIME}, 1, false, time_compare},
    {"Truncate", {PARAM_DURATION}, 1, false, time_truncate},
    {"Round", {PARAM_DURATION}, 1, false, time_round},
    {"String", {0}, 0, false, method_string},
    {"Clock", {0}, 0, false, time_many},
    {"Date", {0}, 0, false, time_many},
    {"ISOWeek", {0}, 0, false, time_many},
    {"Zone", {0}, 0, false, time_many},
    {0},
};

#define DURATION_FLOAT(name, unit) \
    static int name(struct tv_call *c) \
    { \
        int64_t d = c->self.i; \
\
        c->ret = tv_float((double)(d / (unit)) + (double)(d % (unit)) / (double)(unit)); \
        return 0; \
    }

DURATION_FLOAT(duration_hours, INT64_C(3600000000000))
DURATION_FLOAT(duration_minutes, INT64_C(60000000000))
DURATION_FLOAT(duration_seconds, INT64_C(1000000000))

static int duration_milliseconds(struct tv_call *c)
{
    c->ret = tv_int_as(TVT_INT64, c->self.i / 1000000);
    return 0;
}

static int duration_microseconds(struct tv_call *c)
{
    c->ret = tv_int_as(TVT_INT64, c->self.i / 1000);
    return 0;
}

static int duration_nanoseconds(struct tv_call *c)
{
    c->ret = tv_int_as(TVT_INT64, c->self.i);
    return 0;
}

static int duration_round(struct tv_call *c)
{
    c->ret = tv_int_as(TVT_DURATION, go_duration_round(c->self.i, c->args[0].i));
    return 0;
}

static int duration_truncate(struct tv_call *c)
{
    c->ret = tv_int_as(TVT_DURATION, go_duration_truncate(c->self.i, c->args[0].i));
    return 0;
}

static int duration_abs(struct tv_call *c)
{
    int64_t d = c->self.i;

    c->ret = tv_int_as(TVT_DURATION, d >= 0 ? d : d == INT64_MIN ? INT64_MAX : -d);
    return 0;
}

const struct tv_func methods_duration[] = {
    {"Hours", {0}, 0, false, duration_hours},
    {"Minutes", {0}, 0, false, duration_minutes},
    {"Seconds", {0}, 0, false, duration_seconds},
    {"Milliseconds", {0}, 0, false, duration_milliseconds},
    {"Microseconds", {0}, 0, false, duration_microseconds},
    {"Nanoseconds", {0}, 0, false, duration_nanoseconds},
    {"Round", {PARAM_DURATION}, 1, false, duration_round},
    {"Truncate", {PARAM_DURATION}, 1, false, duration_truncate},
    {"Abs", {0}, 0, false, duration_abs},
    {"String", {0}, 0, false, method_string},
    {0},
};

const struct tv_func methods_named_int[] = {{"String", {0}, 0, false, method_string}, {0}};
