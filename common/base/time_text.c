#include "common/base/time_text.h"

#include <assert.h>
#include <errno.h>

#define WALL_YEAR_1 INT64_C(-62135596800000) /* 0001-01-01T00:00:00Z, Go's zero time */
#define WALL_YEAR_9999_END INT64_C(253402300799999)
#define NS_PER_MS 1000000

/* --- the calendar: Howard Hinnant, "chrono-compatible low-level date algorithms" --- */

static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    int64_t era;
    unsigned yoe, doy, doe;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = (unsigned)(y - era * 400);
    doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t days, int64_t *ret_y, unsigned *ret_m, unsigned *ret_d)
{
    int64_t era;
    unsigned doe, yoe, doy, mp;

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = (unsigned)(days - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *ret_d = doy - (153 * mp + 2) / 5 + 1;
    *ret_m = mp < 10 ? mp + 3 : mp - 9;
    *ret_y = (int64_t)yoe + era * 400 + (*ret_m <= 2);
}

static unsigned days_in_month(int64_t y, unsigned m)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return m == 2 && leap ? 29 : days[m - 1];
}

/* --- reading times --- */

struct cursor {
    struct str left;
};

static bool take_char(struct cursor *c, char want)
{
    if (c->left.n == 0 || c->left.p[0] != want)
        return false;
    c->left = str_sub(c->left, 1, c->left.n);
    return true;
}

static bool take_digits(struct cursor *c, size_t count, unsigned *ret)
{
    unsigned v = 0;

    if (c->left.n < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (c->left.p[i] < '0' || c->left.p[i] > '9')
            return false;
        v = v * 10 + (unsigned)(c->left.p[i] - '0');
    }
    c->left = str_sub(c->left, count, c->left.n);
    *ret = v;
    return true;
}

static bool take_date(struct cursor *c, int64_t *ret_days)
{
    unsigned y, m, d;

    if (!take_digits(c, 4, &y) || !take_char(c, '-') || !take_digits(c, 2, &m) ||
        !take_char(c, '-') || !take_digits(c, 2, &d))
        return false;
    if (m < 1 || m > 12 || d < 1 || d > days_in_month(y, m))
        return false;
    *ret_days = days_from_civil(y, m, d);
    return true;
}

/* ".123456", Go takes a comma as well; nothing at all is 0. */
static bool take_fraction(struct cursor *c, int64_t *ret_ms)
{
    int64_t ms = 0, weight = 100;
    size_t digits = 0;
    unsigned digit;

    *ret_ms = 0;
    if (!take_char(c, '.') && !take_char(c, ','))
        return true;
    for (; take_digits(c, 1, &digit); digits++, weight /= 10)
        ms += digit * weight;
    *ret_ms = ms;
    return digits != 0;
}

/* Z, ±hh:mm or ±hhmm; Go, too, lets 24 hours and 60 minutes pass. */
static bool take_zone(struct cursor *c, int64_t *ret_ms)
{
    unsigned h, m;
    bool west;

    *ret_ms = 0;
    if (take_char(c, 'Z'))
        return true;
    west = take_char(c, '-');
    if (!west && !take_char(c, '+'))
        return false;
    if (!take_digits(c, 2, &h))
        return false;
    (void)take_char(c, ':');
    if (!take_digits(c, 2, &m) || h > 24 || m > 60)
        return false;
    *ret_ms = (west ? -1 : 1) * (h * MS_PER_H + m * MS_PER_MIN);
    return true;
}

/* What follows the date: T and a time with or without zone, or a blank and a time without. */
static bool take_time(struct cursor *c, int64_t *ret_ms)
{
    bool blank = take_char(c, ' ');
    unsigned h, m, s = 0;
    int64_t fraction = 0, zone = 0;
    bool with_seconds;

    if (!blank && !take_char(c, 'T'))
        return false;
    if (!take_digits(c, 2, &h) || !take_char(c, ':') || !take_digits(c, 2, &m))
        return false;
    with_seconds = take_char(c, ':');
    if (with_seconds && (!take_digits(c, 2, &s) || !take_fraction(c, &fraction)))
        return false;
    if (h > 23 || m > 59 || s > 59 || (blank && (!with_seconds || c->left.n != 0)))
        return false;
    if (c->left.n != 0 && (with_seconds ? !take_zone(c, &zone) : !take_char(c, 'Z')))
        return false;
    *ret_ms = h * MS_PER_H + m * MS_PER_MIN + s * MS_PER_S + fraction - zone;
    return true;
}

int time_parse(struct str text, int64_t *ret_wall_ms, struct err *err)
{
    struct cursor c = {.left = text};
    int64_t days, ms = 0;

    if (text.n == 0) {
        *ret_wall_ms = 0;
        return 0;
    }
    if (!take_date(&c, &days) || (c.left.n != 0 && !take_time(&c, &ms)) || c.left.n != 0)
        return err_set(err, -EINVAL, "\"%.*s\" is no RFC 3339 time",
                       (int)(text.n < 64 ? text.n : 64), text.p);
    ms += days * MS_PER_DAY;
    *ret_wall_ms = ms == WALL_YEAR_1 ? WALL_ABSENT : ms;
    return 0;
}

/* --- writing times --- */

static void add_padded(char *at, int64_t v, size_t digits)
{
    for (; digits-- > 0; v /= 10)
        at[digits] = (char)('0' + v % 10);
}

void time_add_rfc3339_ms(struct buf *b, int64_t wall_ms)
{
    char text[] = "0000-00-00T00:00:00.000Z";
    unsigned month, day;
    int64_t days, ms, year;

    wall_ms = clamp_i64(wall_ms, WALL_YEAR_1, WALL_YEAR_9999_END);
    days = wall_ms / MS_PER_DAY - (wall_ms % MS_PER_DAY < 0);
    ms = wall_ms - days * MS_PER_DAY;
    civil_from_days(days, &year, &month, &day);
    add_padded(text, year, 4);
    add_padded(text + 5, month, 2);
    add_padded(text + 8, day, 2);
    add_padded(text + 11, ms / MS_PER_H, 2);
    add_padded(text + 14, ms / MS_PER_MIN % 60, 2);
    add_padded(text + 17, ms / MS_PER_S % 60, 2);
    add_padded(text + 20, ms % MS_PER_S, 3);
    buf_add(b, text, sizeof(text) - 1);
}

struct str time_rfc3339_ms(struct arena *a, int64_t wall_ms)
{
    struct buf b;
    struct str s;

    buf_init(&b, 0);
    time_add_rfc3339_ms(&b, wall_ms);
    s = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return s;
}

/* --- durations --- */

/* Prometheus' units, largest first, which is also the order in which they must stand. `exact`: only
 * written when the value is a whole number of it. */
static const struct {
    const char *name;
    int64_t ms;
    bool exact;
} prom_units[] = {
    {"y", 365 * MS_PER_DAY, true},
    {"w", 7 * MS_PER_DAY, true},
    {"d", MS_PER_DAY, false},
    {"h", MS_PER_H, false},
    {"m", MS_PER_MIN, false},
    {"s", MS_PER_S, false},
    {"ms", 1, false},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The run of digits at the start, then the run of others: "12h3m" gives "12", "h", rest "3m". */
static void split_unit(struct str *rest, struct str *ret_number, struct str *ret_unit)
{
    size_t i = 0, j;

    while (i < rest->n && is_digit(rest->p[i]))
        i++;
    for (j = i; j < rest->n && !is_digit(rest->p[j]); j++)
        ;
    *ret_number = str_sub(*rest, 0, i);
    *ret_unit = str_sub(*rest, i, j);
    *rest = str_sub(*rest, j, rest->n);
}

/* What is quoted back of a text that may be of any length. */
static struct str shown(struct str text)
{
    return str_sub(text, 0, 128);
}

static int not_a_duration(struct str text, struct err *err)
{
    text = shown(text);
    return err_set(err, -EINVAL, "not a valid duration string: \"" STR_FMT "\"", STR_ARG(text));
}

int duration_parse(struct str text, int64_t *ret_ms, struct err *err)
{
    const uint64_t ns_max = INT64_MAX; /* Go keeps nanoseconds: about 292 years */
    struct str rest = text, number, unit;
    size_t next = 0, i;
    uint64_t total_ns = 0, v, ns;

    if (text.n == 0)
        return err_set(err, -EINVAL, "empty duration string");
    if (str_eq_c(text, "0")) {
        *ret_ms = 0;
        return 0;
    }
    while (rest.n != 0) {
        split_unit(&rest, &number, &unit);
        if (unit.n == 0 || !str_to_u64(number, &v))
            return not_a_duration(text, err);
        for (i = 0; i < ARRAY_SIZE(prom_units) && !str_eq_c(unit, prom_units[i].name); i++)
            ;
        if (i == ARRAY_SIZE(prom_units))
            return err_set(err, -EINVAL, "unknown unit \"" STR_FMT "\" in duration \"" STR_FMT "\"",
                           STR_ARG(shown(unit)), STR_ARG(shown(text)));
        if (i < next)
            return not_a_duration(text, err);
        next = i + 1;
        if (__builtin_mul_overflow(v, (uint64_t)prom_units[i].ms * NS_PER_MS, &ns) ||
            __builtin_add_overflow(total_ns, ns, &total_ns) || total_ns > ns_max)
            return err_set(err, -EINVAL, "duration out of range");
    }
    *ret_ms = (int64_t)(total_ns / NS_PER_MS);
    return 0;
}

void duration_add(struct buf *b, int64_t ms)
{
    uint64_t left = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;

    if (ms == 0)
        buf_add_str(b, STR("0s"));
    if (ms < 0)
        buf_add_char(b, '-');
    for (size_t i = 0; i < ARRAY_SIZE(prom_units); i++) {
        uint64_t unit = (uint64_t)prom_units[i].ms;

        assert(unit > 0);
        if (left < unit || (prom_units[i].exact && left % unit != 0))
            continue;
        buf_add_u64(b, left / unit);
        buf_add_str(b, str_from(prom_units[i].name));
        left %= unit;
    }
}

static const struct {
    const char *name;
    uint64_t ns;
} go_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xC2\xB5s", 1000}, /* U+00B5 micro sign */
    {"\xCE\xBCs", 1000}, /* U+03BC Greek mu */
    {"ms", NS_PER_MS},
    {"s", UINT64_C(1000) * NS_PER_MS},
    {"m", UINT64_C(60000) * NS_PER_MS},
    {"h", UINT64_C(3600000) * NS_PER_MS},
};

static int bad_go_duration(struct str text, struct err *err)
{
    text = shown(text);
    return err_set(err, -EINVAL, "time: invalid duration \"" STR_FMT "\"", STR_ARG(text));
}

/* "1.5h": takes the number and its unit off *rest and adds it to *total_ns. */
static int take_go_part(struct str *rest, struct str text, uint64_t *total_ns, struct err *err)
{
    struct str whole, part = STR_EMPTY, unit;
    uint64_t v = 0, ns, fraction = 0, scale = 1;
    size_t i = 0, j;

    while (i < rest->n && is_digit(rest->p[i]))
        i++;
    whole = str_sub(*rest, 0, i);
    if (i < rest->n && rest->p[i] == '.') {
        for (j = i + 1; j < rest->n && is_digit(rest->p[j]); j++)
            ;
        part = str_sub(*rest, i + 1, j);
        i = j;
    }
    if (whole.n + part.n == 0 || (whole.n != 0 && !str_to_u64(whole, &v)))
        return bad_go_duration(text, err);
    for (j = i; j < rest->n && rest->p[j] != '.' && !is_digit(rest->p[j]); j++)
        ;
    unit = str_sub(*rest, i, j);
    *rest = str_sub(*rest, j, rest->n);
    if (unit.n == 0)
        return err_set(err, -EINVAL, "time: missing unit in duration \"" STR_FMT "\"",
                       STR_ARG(shown(text)));
    for (i = 0; i < ARRAY_SIZE(go_units) && !str_eq_c(unit, go_units[i].name); i++)
        ;
    if (i == ARRAY_SIZE(go_units))
        return err_set(err, -EINVAL,
                       "time: unknown unit \"" STR_FMT "\" in duration \"" STR_FMT "\"",
                       STR_ARG(shown(unit)), STR_ARG(shown(text)));
    if (__builtin_mul_overflow(v, go_units[i].ns, &ns))
        return bad_go_duration(text, err);
    for (j = 0; j < part.n && j < 15; j++, scale *= 10)
        fraction = fraction * 10 + (uint64_t)(part.p[j] - '0');
    if (__builtin_add_overflow(ns, (uint64_t)((unsigned __int128)fraction * go_units[i].ns / scale),
                               &ns))
        return bad_go_duration(text, err);
    if (__builtin_add_overflow(*total_ns, ns, total_ns) || *total_ns > INT64_MAX)
        return bad_go_duration(text, err);
    return 0;
}

int go_duration_parse(struct str text, int64_t *ret_ms, struct err *err)
{
    struct str rest = text;
    uint64_t total_ns = 0;
    bool negative = false;

    if (rest.n != 0 && (rest.p[0] == '-' || rest.p[0] == '+')) {
        negative = rest.p[0] == '-';
        rest = str_sub(rest, 1, rest.n);
    }
    if (str_eq_c(rest, "0")) {
        *ret_ms = 0;
        return 0;
    }
    if (rest.n == 0)
        return bad_go_duration(text, err);
    while (rest.n != 0) {
        int r = take_go_part(&rest, text, &total_ns, err);

        if (r < 0)
            return r;
    }
    *ret_ms = (negative ? -1 : 1) * (int64_t)(total_ns / NS_PER_MS);
    return 0;
}

/* --- sizes --- */

int size_parse(struct str text, uint64_t *ret_bytes, struct err *err)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {
        {"", 1},         {"B", 1},        {"KB", 1000},       {"MB", 1000000}, {"GB", 1000000000},
        {"KiB", KIB(1)}, {"MiB", MIB(1)}, {"GiB", MIB(1024)},
    };
    struct str rest = text, number, unit;
    uint64_t v;

    split_unit(&rest, &number, &unit);
    if (rest.n == 0 && str_to_u64(number, &v)) {
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
            if (!str_eq_c(unit, units[i].name))
                continue;
            if (__builtin_mul_overflow(v, units[i].bytes, &v))
                return err_set(err, -ERANGE, "size \"" STR_FMT "\" is out of range",
                               STR_ARG(shown(text)));
            *ret_bytes = v;
            return 0;
        }
    }
    return err_set(err, -EINVAL,
                   "\"" STR_FMT "\" is no size: digits and one of B, KB, MB, GB, KiB, MiB, GiB",
                   STR_ARG(shown(text)));
}
