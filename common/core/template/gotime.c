#include "common/core/template/gotime.h"

#include "common/base/time_text.h"

#define NS_PER_S INT64_C(1000000000)

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};

const char *go_month(int64_t month)
{
    return month >= 1 && month <= 12 ? months[month - 1] : NULL;
}

const char *go_weekday(int64_t day)
{
    return day >= 0 && day <= 6 ? weekdays[day] : NULL;
}

struct go_time go_time_zero(void)
{
    return (struct go_time){.sec = GO_TIME_ZERO_SEC, .zone = STR("UTC")};
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct go_time go_time_from_ms(int64_t wall_ms)
{
    int64_t sec;

    if (wall_ms == WALL_ABSENT)
        return go_time_zero();
    sec = floor_div(wall_ms, MS_PER_S);
    return (struct go_time){
        .sec = sec, .nsec = (int32_t)((wall_ms - sec * MS_PER_S) * 1000000), .zone = STR("UTC")};
}

/* Days since 1970-01-01 of a proleptic Gregorian date, month 1 to 12; eras of 400 years from 1
 * March. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = year - (month <= 2);
    int64_t era = floor_div(y, 400), yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int64_t go_civil_seconds(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute,
                         int64_t second)
{
    int64_t m = month - 1, y = year + floor_div(m, 12);

    m -= floor_div(m, 12) * 12;
    return (days_from_civil(y, m + 1, 1) + day - 1) * 86400 + hour * 3600 + minute * 60 + second;
}

struct go_civil go_time_civil(struct go_time t)
{
    int64_t local = t.sec + t.offset_s, days = floor_div(local, 86400), rest = local - days * 86400;
    int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    struct go_civil c = {
        .month = (int)(mp < 10 ? mp + 3 : mp - 9),
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
        .weekday = (int)((days % 7 + 11) % 7),
    };

    c.year = yoe + era * 400 + (c.month <= 2);
    c.yearday = (int)(days - days_from_civil(c.year, 1, 1)) + 1;
    return c;
}

/* --- layouts --- */

enum element {
    E_LITERAL,
    E_LONG_MONTH,
    E_MONTH,
    E_NUM_MONTH,
    E_ZERO_MONTH,
    E_LONG_WEEKDAY,
    E_WEEKDAY,
    E_DAY,
    E_UNDER_DAY,
    E_ZERO_DAY,
    E_UNDER_YEARDAY,
    E_ZERO_YEARDAY,
    E_HOUR,
    E_HOUR12,
    E_ZERO_HOUR12,
    E_MINUTE,
    E_ZERO_MINUTE,
    E_SECOND,
    E_ZERO_SECOND,
    E_LONG_YEAR,
    E_YEAR,
    E_PM,
    E_PM_LOWER,
    E_ZONE,
    E_OFFSET,
    E_FRACTION_0,
    E_FRACTION_9,
};

struct item {
    enum element e;
    size_t n;          /* bytes of the layout */
    bool z;            /* E_OFFSET: Z for UTC */
    bool colon, secs;  /* E_OFFSET */
    bool short_offset; /* E_OFFSET: hours only */
};

/* The first that fits wins: longer ones stand first. Offsets follow in code. */
static const struct {
    const char *text;
    enum element e;
    bool not_lower; /* not when a lower-case letter follows */
} elements[] = {
    {"January", E_LONG_MONTH, false},
    {"Jan", E_MONTH, true},
    {"Monday", E_LONG_WEEKDAY, false},
    {"Mon", E_WEEKDAY, true},
    {"MST", E_ZONE, false},
    {"002", E_ZERO_YEARDAY, false},
    {"01", E_ZERO_MONTH, false},
    {"02", E_ZERO_DAY, false},
    {"03", E_ZERO_HOUR12, false},
    {"04", E_ZERO_MINUTE, false},
    {"05", E_ZERO_SECOND, false},
    {"06", E_YEAR, false},
    {"15", E_HOUR, false},
    {"1", E_NUM_MONTH, false},
    {"2006", E_LONG_YEAR, false},
    {"2", E_DAY, false},
    {"__2", E_UNDER_YEARDAY, false},
    {"_2", E_UNDER_DAY, false},
    {"3", E_HOUR12, false},
    {"4", E_MINUTE, false},
    {"5", E_SECOND, false},
    {"PM", E_PM, false},
    {"pm", E_PM_LOWER, false},
};

static const struct {
    const char *text; /* behind - or Z */
    bool colon, secs, short_offset;
} offsets[] = {
    {"070000", false, true, false}, {"07:00:00", true, true, false}, {"0700", false, false, false},
    {"07:00", true, false, false},  {"07", false, false, true},
};

static bool digit_at(struct str s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

static bool fraction_item(struct str s, struct item *ret)
{
    size_t n = 1;

    if (s.n < 2 || (s.p[0] != '.' && s.p[0] != ',') || (s.p[1] != '0' && s.p[1] != '9'))
        return false;
    while (n < s.n && s.p[n] == s.p[1])
        n++;
    if (digit_at(s, n))
        return false;
    *ret = (struct item){.e = s.p[1] == '0' ? E_FRACTION_0 : E_FRACTION_9, .n = n};
    return true;
}

/* The element at the start of s; one literal byte when there is none. */
static struct item next_item(struct str s)
{
    struct item item = {.e = E_LITERAL, .n = 1};

    if (str_starts(s, STR("_2006")))
        return item; /* a literal underscore and the year */
    for (size_t i = 0; i < ARRAY_SIZE(elements); i++) {
        struct str text = str_from(elements[i].text);

        if (!str_starts(s, text))
            continue;
        if (elements[i].not_lower && s.n > text.n && s.p[text.n] >= 'a' && s.p[text.n] <= 'z')
            continue;
        return (struct item){.e = elements[i].e, .n = text.n};
    }
    if (s.p[0] == '-' || s.p[0] == 'Z') {
        for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
            if (str_starts(str_sub(s, 1, s.n), str_from(offsets[i].text)))
                return (struct item){.e = E_OFFSET,
                                     .n = 1 + strlen(offsets[i].text),
                                     .z = s.p[0] == 'Z',
                                     .colon = offsets[i].colon,
                                     .secs = offsets[i].secs,
                                     .short_offset = offsets[i].short_offset};
        }
    }
    (void)fraction_item(s, &item);
    return item;
}

static void add_offset(struct buf *b, int32_t offset_s, const struct item *item)
{
    int32_t n = offset_s < 0 ? -offset_s : offset_s;
    const char *colon = item->colon ? ":" : "";

    if (item->z && offset_s == 0) {
        buf_add_char(b, 'Z');
        return;
    }
    buf_add_fmt(b, "%c%02d", offset_s < 0 ? '-' : '+', n / 3600);
    if (!item->short_offset)
        buf_add_fmt(b, "%s%02d", colon, n / 60 % 60);
    if (item->secs)
        buf_add_fmt(b, "%s%02d", colon, n % 60);
}

static void add_fraction(struct buf *b, int32_t nsec, struct str layout, bool trim)
{
    char digits[16];
    size_t n = layout.n - 1;

    (void)snprintf(digits, sizeof(digits), "%09d", nsec);
    if (trim) {
        n = n > 9 ? 9 : n;
        while (n > 0 && digits[n - 1] == '0')
            n--;
        if (n == 0)
            return;
    }
    buf_add(b, layout.p, 1);
    for (size_t i = 0; i < n; i++)
        buf_add_char(b, i < 9 ? digits[i] : '0');
}

static void add_zone(struct buf *b, struct go_time t)
{
    if (t.zone.n > 0) {
        buf_add_str(b, t.zone);
        return;
    }
    buf_add_fmt(b, "%c%02d", t.offset_s < 0 ? '-' : '+', abs(t.offset_s) / 3600);
    buf_add_fmt(b, "%02d", abs(t.offset_s) / 60 % 60);
}

static void add_item(struct buf *b, const struct item *item, struct str text, struct go_time t,
                     const struct go_civil *c)
{
    int hour12 = c->hour % 12 == 0 ? 12 : c->hour % 12;

    switch (item->e) {
    case E_LITERAL:
        buf_add_str(b, text);
        break;
    case E_LONG_MONTH:
        buf_add_fmt(b, "%s", months[c->month - 1]);
        break;
    case E_MONTH:
        buf_add_fmt(b, "%.3s", months[c->month - 1]);
        break;
    case E_NUM_MONTH:
        buf_add_fmt(b, "%d", c->month);
        break;
    case E_ZERO_MONTH:
        buf_add_fmt(b, "%02d", c->month);
        break;
    case E_LONG_WEEKDAY:
        buf_add_fmt(b, "%s", weekdays[c->weekday]);
        break;
    case E_WEEKDAY:
        buf_add_fmt(b, "%.3s", weekdays[c->weekday]);
        break;
    case E_DAY:
        buf_add_fmt(b, "%d", c->day);
        break;
    case E_UNDER_DAY:
        buf_add_fmt(b, "%2d", c->day);
        break;
    case E_ZERO_DAY:
        buf_add_fmt(b, "%02d", c->day);
        break;
    case E_UNDER_YEARDAY:
        buf_add_fmt(b, "%3d", c->yearday);
        break;
    case E_ZERO_YEARDAY:
        buf_add_fmt(b, "%03d", c->yearday);
        break;
    case E_HOUR:
        buf_add_fmt(b, "%02d", c->hour);
        break;
    case E_HOUR12:
        buf_add_fmt(b, "%d", hour12);
        break;
    case E_ZERO_HOUR12:
        buf_add_fmt(b, "%02d", hour12);
        break;
    case E_MINUTE:
        buf_add_fmt(b, "%d", c->minute);
        break;
    case E_ZERO_MINUTE:
        buf_add_fmt(b, "%02d", c->minute);
        break;
    case E_SECOND:
        buf_add_fmt(b, "%d", c->second);
        break;
    case E_ZERO_SECOND:
        buf_add_fmt(b, "%02d", c->second);
        break;
    case E_LONG_YEAR:
        if (c->year < 0)
            buf_add_fmt(b, "-%04lld", (long long)-c->year);
        else
            buf_add_fmt(b, "%04lld", (long long)c->year);
        break;
    case E_YEAR:
        buf_add_fmt(b, "%02d", (int)((c->year % 100 + 100) % 100));
        break;
    case E_PM:
        buf_add_fmt(b, "%s", c->hour >= 12 ? "PM" : "AM");
        break;
    case E_PM_LOWER:
        buf_add_fmt(b, "%s", c->hour >= 12 ? "pm" : "am");
        break;
    case E_ZONE:
        add_zone(b, t);
        break;
    case E_OFFSET:
        add_offset(b, t.offset_s, item);
        break;
    case E_FRACTION_0:
    case E_FRACTION_9:
        add_fraction(b, t.nsec, text, item->e == E_FRACTION_9);
        break;
    }
}

void go_time_format(struct buf *b, struct str layout, struct go_time t)
{
    struct go_civil c = go_time_civil(t);

    while (layout.n > 0) {
        struct item item = next_item(layout);

        add_item(b, &item, str_sub(layout, 0, item.n), t, &c);
        layout = str_sub(layout, item.n, layout.n);
    }
}

void go_time_string(struct buf *b, struct go_time t)
{
    go_time_format(b, STR("2006-01-02 15:04:05.999999999 -0700 MST"), t);
}

void go_time_rfc3339(struct buf *b, struct go_time t)
{
    go_time_format(b, STR("2006-01-02T15:04:05.999999999Z07:00"), t);
}

int go_zone(struct str name, int32_t *ret_offset_s, struct str *ret_abbreviation, struct err *err)
{
    struct str rest;
    int64_t hours;
    bool west;

    if (name.n == 0 || str_eq_c(name, "UTC") || str_eq_c(name, "Local")) {
        *ret_offset_s = 0;
        *ret_abbreviation = STR("UTC");
        return 0;
    }
    rest = str_sub(name, 8, name.n);
    west = str_starts(name, STR("Etc/GMT+")); /* POSIX: + is west of Greenwich */
    if ((west || str_starts(name, STR("Etc/GMT-"))) && rest.n <= 2 && str_to_i64(rest, &hours) &&
        hours >= 0 && hours <= 14) {
        *ret_offset_s = (int32_t)(west ? -hours : hours) * 3600;
        *ret_abbreviation = STR_EMPTY;
        return 0;
    }
    return err_set(err, -EINVAL,
                   "unknown time zone " STR_FMT " (there is no tz database here: UTC and Etc/GMT±n "
                   "are known)",
                   STR_ARG(name));
}

/* --- arithmetic --- */

int64_t go_time_sub(struct go_time a, struct go_time b)
{
    int64_t s, ns;

    if (__builtin_sub_overflow(a.sec, b.sec, &s) || __builtin_mul_overflow(s, NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, (int64_t)a.nsec - b.nsec, &ns))
        return a.sec < b.sec ? INT64_MIN : INT64_MAX;
    return ns;
}

struct go_time go_time_add(struct go_time t, int64_t ns)
{
    int64_t sec = ns / NS_PER_S, rest = t.nsec + ns % NS_PER_S;

    if (rest < 0) {
        rest += NS_PER_S;
        sec--;
    } else if (rest >= NS_PER_S) {
        rest -= NS_PER_S;
        sec++;
    }
    t.sec += sec; /* |ns| is at most 292 years, and times are of years that fit layouts */
    t.nsec = (int32_t)rest;
    return t;
}

int go_time_cmp(struct go_time a, struct go_time b)
{
    if (a.sec != b.sec)
        return a.sec < b.sec ? -1 : 1;
    return (a.nsec > b.nsec) - (a.nsec < b.nsec);
}

int64_t go_duration_truncate(int64_t ns, int64_t unit)
{
    return unit <= 0 ? ns : ns - ns % unit;
}

int64_t go_duration_round(int64_t ns, int64_t unit)
{
    int64_t rest, rounded;

    if (unit <= 0)
        return ns;
    rest = ns % unit;
    if (ns < 0) {
        if (-rest < unit - -rest)
            return ns - rest;
        return __builtin_sub_overflow(ns - rest, unit, &rounded) ? INT64_MIN : rounded;
    }
    if (rest < unit - rest)
        return ns - rest;
    return __builtin_add_overflow(ns - rest, unit, &rounded) ? INT64_MAX : rounded;
}

static void add_scaled(struct buf *b, uint64_t n, unsigned digits) /* n / 10^digits, trimmed */
{
    uint64_t unit = 1;
    char text[24];
    size_t len;

    for (unsigned i = 0; i < digits; i++)
        unit *= 10;
    buf_add_u64(b, n / unit);
    if (n % unit == 0)
        return;
    len =
        (size_t)snprintf(text, sizeof(text), "%0*llu", (int)digits, (unsigned long long)(n % unit));
    while (text[len - 1] == '0')
        len--;
    buf_add_char(b, '.');
    buf_add(b, text, len);
}

void go_duration_string(struct buf *b, int64_t ns)
{
    uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, s = u / 1000000000U;

    if (u == 0) {
        buf_add_str(b, STR("0s"));
        return;
    }
    if (ns < 0)
        buf_add_char(b, '-');
    if (u < 1000U) {
        buf_add_fmt(b, "%lluns", (unsigned long long)u);
    } else if (u < 1000000U) {
        add_scaled(b, u, 3);
        buf_add_str(b, STR("µs"));
    } else if (u < 1000000000U) {
        add_scaled(b, u, 6);
        buf_add_str(b, STR("ms"));
    } else {
        if (s >= 3600)
            buf_add_fmt(b, "%lluh", (unsigned long long)(s / 3600));
        if (s >= 60)
            buf_add_fmt(b, "%llum", (unsigned long long)(s / 60 % 60));
        add_scaled(b, u % 60000000000U, 9);
        buf_add_char(b, 's');
    }
}

/* --- parsing --- */

struct parsing {
    struct str rest; /* of the text */
    int64_t year, month, day, yearday, hour, minute, second, nsec;
    bool pm_set, pm;
    bool zone_set;
    int32_t offset_s;
    struct str zone;
    const char *range; /* what is out of range; NULL when all is well */
};

static bool take_digits(struct str *s, size_t min, size_t max, int64_t *ret)
{
    size_t n = 0;

    while (n < max && digit_at(*s, n))
        n++;
    if (n < min || !str_to_i64(str_sub(*s, 0, n), ret))
        return false;
    *s = str_sub(*s, n, s->n);
    return true;
}

static bool take_name(struct str *s, const char *const *names, size_t n, size_t cut, int64_t *ret)
{
    for (size_t i = 0; i < n; i++) {
        struct str name = str_from(names[i]);

        if (cut > 0)
            name = str_sub(name, 0, cut);
        if (s->n >= name.n && str_eq_nocase(str_sub(*s, 0, name.n), name)) {
            *s = str_sub(*s, name.n, s->n);
            *ret = (int64_t)i;
            return true;
        }
    }
    return false;
}

static bool take_offset(struct parsing *p, const struct item *item)
{
    struct str s = p->rest;
    int64_t h, m = 0, sec = 0;
    bool minus;

    if (item->z && str_starts(s, STR("Z"))) {
        p->rest = str_sub(s, 1, s.n);
        p->zone_set = true;
        p->zone = STR("UTC");
        return true;
    }
    if (s.n == 0 || (s.p[0] != '+' && s.p[0] != '-'))
        return false;
    minus = s.p[0] == '-';
    s = str_sub(s, 1, s.n);
    if (!take_digits(&s, 2, 2, &h))
        return false;
    for (int i = 0; i < (item->short_offset ? 0 : item->secs ? 2 : 1); i++) {
        if (item->colon) {
            if (!str_starts(s, STR(":")))
                return false;
            s = str_sub(s, 1, s.n);
        }
        if (!take_digits(&s, 2, 2, i == 0 ? &m : &sec))
            return false;
    }
    if (h > 24 || m > 60 || sec > 60)
        p->range = "time zone offset";
    p->offset_s = (int32_t)(h * 3600 + m * 60 + sec) * (minus ? -1 : 1);
    p->zone = p->offset_s == 0 ? STR("UTC") : STR_EMPTY;
    p->zone_set = true;
    p->rest = s;
    return true;
}

static bool take_zone_name(struct parsing *p)
{
    size_t n = 0;

    while (n < p->rest.n && n < 6 && p->rest.p[n] >= 'A' && p->rest.p[n] <= 'Z')
        n++;
    if (n < 3 || n > 5 || (n == 5 && p->rest.p[4] != 'T'))
        return false;
    if (n == 4 && p->rest.p[3] != 'T' && !str_starts(p->rest, STR("WITA")))
        return false;
    p->zone = str_sub(p->rest, 0, n);
    p->zone_set = true;
    p->rest = str_sub(p->rest, n, p->rest.n);
    return true;
}

static bool take_fraction(struct parsing *p, size_t min, size_t max)
{
    size_t n = 1;
    int64_t v = 0;

    while (digit_at(p->rest, n) && n - 1 < max)
        n++;
    if (p->rest.n == 0 || (p->rest.p[0] != '.' && p->rest.p[0] != ',') || n - 1 < min)
        return false;
    for (size_t i = 1; i <= 9; i++)
        v = v * 10 + (i < n ? p->rest.p[i] - '0' : 0);
    p->nsec = v;
    p->rest = str_sub(p->rest, n, p->rest.n);
    return true;
}

static bool bounded(struct parsing *p, int64_t v, int64_t low, int64_t high, const char *what)
{
    if (v < low || v > high)
        p->range = what;
    return true;
}

static bool take_seconds(struct parsing *p, size_t min, struct str layout_rest)
{
    struct item next = {0};

    if (!take_digits(&p->rest, min, 2, &p->second))
        return false;
    bounded(p, p->second, 0, 59, "second");
    /* a fraction that the layout does not name is taken, too */
    if (p->rest.n >= 2 && (p->rest.p[0] == '.' || p->rest.p[0] == ',') && digit_at(p->rest, 1) &&
        !fraction_item(layout_rest, &next))
        (void)take_fraction(p, 1, SIZE_MAX);
    return true;
}

static bool take_year(struct parsing *p, bool whole)
{
    if (whole)
        return take_digits(&p->rest, 4, 4, &p->year);
    if (!take_digits(&p->rest, 2, 2, &p->year))
        return false;
    p->year += p->year >= 69 ? 1900 : 2000;
    return true;
}

static bool take_pm(struct parsing *p, bool upper)
{
    bool pm = str_starts(p->rest, upper ? STR("PM") : STR("pm"));

    if (!pm && !str_starts(p->rest, upper ? STR("AM") : STR("am")))
        return false;
    p->pm_set = true;
    p->pm = pm;
    p->rest = str_sub(p->rest, 2, p->rest.n);
    return true;
}

static bool take_space_padded(struct parsing *p, size_t max, int64_t *ret)
{
    while (max > 1 && str_starts(p->rest, STR(" "))) {
        p->rest = str_sub(p->rest, 1, p->rest.n);
        max--;
    }
    return take_digits(&p->rest, 1, max, ret);
}

static bool take_date(struct parsing *p, enum element e)
{
    int64_t weekday;

    switch (e) {
    case E_LONG_MONTH:
    case E_MONTH:
        if (!take_name(&p->rest, months, 12, e == E_MONTH ? 3 : 0, &p->month))
            return false;
        p->month++;
        return true;
    case E_NUM_MONTH:
    case E_ZERO_MONTH:
        return take_digits(&p->rest, e == E_ZERO_MONTH ? 2 : 1, 2, &p->month) &&
               bounded(p, p->month, 1, 12, "month");
    case E_LONG_WEEKDAY:
    case E_WEEKDAY:
        return take_name(&p->rest, weekdays, 7, e == E_WEEKDAY ? 3 : 0, &weekday);
    case E_UNDER_DAY:
        return take_space_padded(p, 2, &p->day);
    case E_UNDER_YEARDAY:
        return take_space_padded(p, 3, &p->yearday);
    case E_ZERO_YEARDAY:
        return take_digits(&p->rest, 3, 3, &p->yearday);
    default:
        return take_digits(&p->rest, e == E_ZERO_DAY ? 2 : 1, 2, &p->day);
    }
}

static bool take_item(struct parsing *p, const struct item *item, struct str text,
                      struct str layout_rest)
{
    switch (item->e) {
    case E_LITERAL:
        if (text.p[0] == ' ') { /* runs of spaces match runs of spaces */
            if (p->rest.n > 0 && p->rest.p[0] != ' ')
                return false;
            p->rest = str_sub(p->rest, 1, p->rest.n);
            while (!str_starts(layout_rest, STR(" ")) && str_starts(p->rest, STR(" ")))
                p->rest = str_sub(p->rest, 1, p->rest.n);
            return true;
        }
        if (!str_starts(p->rest, text))
            return false;
        p->rest = str_sub(p->rest, text.n, p->rest.n);
        return true;
    case E_HOUR:
        return take_digits(&p->rest, 1, 2, &p->hour) && bounded(p, p->hour, 0, 23, "hour");
    case E_HOUR12:
    case E_ZERO_HOUR12:
        return take_digits(&p->rest, item->e == E_HOUR12 ? 1 : 2, 2, &p->hour) &&
               bounded(p, p->hour, 0, 12, "hour");
    case E_MINUTE:
    case E_ZERO_MINUTE:
        return take_digits(&p->rest, item->e == E_MINUTE ? 1 : 2, 2, &p->minute) &&
               bounded(p, p->minute, 0, 59, "minute");
    case E_SECOND:
    case E_ZERO_SECOND:
        return take_seconds(p, item->e == E_SECOND ? 1 : 2, layout_rest);
    case E_LONG_YEAR:
    case E_YEAR:
        return take_year(p, item->e == E_LONG_YEAR);
    case E_PM:
    case E_PM_LOWER:
        return take_pm(p, item->e == E_PM);
    case E_ZONE:
        return take_zone_name(p);
    case E_OFFSET:
        return take_offset(p, item);
    case E_FRACTION_0:
        return take_fraction(p, text.n - 1, text.n - 1);
    case E_FRACTION_9:
        (void)take_fraction(p, 1, SIZE_MAX);
        return true;
    default:
        return take_date(p, item->e);
    }
}

static int days_in(int64_t year, int64_t month)
{
    return (int)(days_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) -
                 days_from_civil(year, month, 1));
}

static void settle_date(struct parsing *p)
{
    if (p->yearday >= 0) {
        int64_t left = p->yearday, m = 1;

        if (left < 1 ||
            left > days_from_civil(p->year + 1, 1, 1) - days_from_civil(p->year, 1, 1)) {
            p->range = "day-of-year";
            return;
        }
        while (left > days_in(p->year, m))
            left -= days_in(p->year, m++);
        p->month = m;
        p->day = left;
    }
    p->month = p->month < 0 ? 1 : p->month;
    p->day = p->day < 0 ? 1 : p->day;
    if (p->day < 1 || p->day > days_in(p->year, p->month))
        p->range = "day";
}

int go_time_parse(struct go_time *ret, struct str layout, struct str text, struct err *err)
{
    struct parsing p = {.rest = text, .month = -1, .day = -1, .yearday = -1};
    struct str left = layout;

    while (left.n > 0 && p.range == NULL) {
        struct item item = next_item(left);
        struct str part = str_sub(left, 0, item.n);

        left = str_sub(left, item.n, left.n);
        if (!take_item(&p, &item, part, left))
            return err_set(err, -EINVAL,
                           "parsing time \"" STR_FMT "\" as \"" STR_FMT
                           "\": cannot parse \"" STR_FMT "\" as \"" STR_FMT "\"",
                           STR_ARG(text), STR_ARG(layout), STR_ARG(p.rest), STR_ARG(part));
    }
    if (p.range == NULL && p.rest.n > 0)
        return err_set(err, -EINVAL, "parsing time \"" STR_FMT "\": extra text: \"" STR_FMT "\"",
                       STR_ARG(text), STR_ARG(p.rest));
    if (p.range == NULL)
        settle_date(&p);
    if (p.range != NULL)
        return err_set(err, -EINVAL, "parsing time \"" STR_FMT "\": %s out of range", STR_ARG(text),
                       p.range);
    if (p.pm_set && p.pm && p.hour < 12)
        p.hour += 12;
    else if (p.pm_set && !p.pm && p.hour == 12)
        p.hour = 0;
    *ret = (struct go_time){
        .sec = go_civil_seconds(p.year, p.month, p.day, p.hour, p.minute, p.second) - p.offset_s,
        .nsec = (int32_t)p.nsec,
        .offset_s = p.offset_s,
        .zone = p.zone_set ? p.zone : STR("UTC"),
    };
    return 0;
}
