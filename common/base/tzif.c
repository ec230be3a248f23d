#include "common/base/tzif.h"

#include <errno.h>

#define S_PER_H 3600
#define S_PER_DAY 86400
#define OFFSET_S_MAX (26 * S_PER_H) /* beyond is nonsense, here as in RFC 8536 */
#define HEADER_BYTES 44
#define TYPE_BYTES 6

enum rule_kind { RULE_MONTH, RULE_JULIAN, RULE_DAY };

struct rule_date { /* when summer time begins or ends, each year */
    enum rule_kind kind;
    int month, week, day; /* M: 1-12, 1-5 (5: the last), 0-6; J: day 1-365; n: day 0-365 */
    int time_s;           /* of that day, local; may lie on another day */
};

struct rule {
    bool present, has_summer;
    int standard_s, summer_s;    /* east of UTC */
    struct str standard, summer; /* their names */
    struct rule_date begin, end;
};

struct kind { /* of time: a row of the data's table of types */
    int offset_s;
    struct str name;
};

struct tzif {
    const int64_t *at_s;       /* ascending */
    const struct kind **kinds; /* from at_s[i] on */
    size_t n;
    const struct kind *first; /* before at_s[0] */
    struct rule rule;
};

/* ---- the calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_before_year(int64_t year) /* since the epoch */
{
    int64_t y = year - 1;

    return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) - 719162;
}

static int64_t year_of(int64_t days)
{
    int64_t year = 1970 + floor_div(days * 400, 146097);

    while (days_before_year(year) > days)
        year--;
    while (days_before_year(year + 1) <= days)
        year++;
    return year;
}

static int64_t date_day(const struct rule_date *d, int64_t year) /* days since the epoch */
{
    static const int16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t first = days_before_year(year), day, weekday;
    int length;

    if (d->kind == RULE_DAY)
        return first + d->day;
    if (d->kind == RULE_JULIAN) /* the 29th of February is not counted */
        return first + d->day - 1 + (is_leap(year) && d->day >= 60);
    length = before[d->month] - before[d->month - 1] + (d->month == 2 && is_leap(year));
    first += before[d->month - 1] + (d->month > 2 && is_leap(year));
    weekday = first + 4 - floor_div(first + 4, 7) * 7; /* of the month's first day; 0 is Sunday */
    day = (d->day - weekday + 7) % 7 + 7 * (d->week - 1);
    while (day >= length)
        day -= 7;
    return first + day;
}

static bool rule_is_summer(const struct rule *r, int64_t t)
{
    int64_t year, begin, end;

    if (!r->has_summer)
        return false;
    year = year_of(floor_div(t + r->standard_s, S_PER_DAY));
    begin = date_day(&r->begin, year) * S_PER_DAY + r->begin.time_s - r->standard_s;
    end = date_day(&r->end, year) * S_PER_DAY + r->end.time_s - r->summer_s;
    if (begin < end)
        return t >= begin && t < end;
    return t < end || t >= begin; /* the southern hemisphere */
}

/* ---- the rule's text ---- */

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_sub(*s, 1, s->n);
    return true;
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_name(struct str *s, struct str *ret)
{
    bool quoted = take_char(s, '<');
    size_t n = 0;

    while (n < s->n && (quoted ? s->p[n] != '>' : is_alpha(s->p[n])))
        n++;
    *ret = str_sub(*s, 0, n);
    *s = str_sub(*s, n, s->n);
    return (!quoted || take_char(s, '>')) && n >= 3;
}

static bool take_number(struct str *s, int min, int max, int *ret)
{
    int v = 0;
    size_t n = 0;

    while (n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9')
        v = v * 10 + (s->p[n++] - '0');
    if (n == 0 || v < min || v > max)
        return false;
    *s = str_sub(*s, n, s->n);
    *ret = v;
    return true;
}

/* [+-]h[hh][:mm[:ss]] */
static bool take_time(struct str *s, int hours_max, int *ret)
{
    int h, m = 0, sec = 0;
    bool negative = take_char(s, '-');

    if (!negative)
        (void)take_char(s, '+');
    if (!take_number(s, 0, hours_max, &h))
        return false;
    if (take_char(s, ':') && !take_number(s, 0, 59, &m))
        return false;
    if (take_char(s, ':') && !take_number(s, 0, 59, &sec))
        return false;
    *ret = (h * S_PER_H + m * 60 + sec) * (negative ? -1 : 1);
    return true;
}

static bool take_date(struct str *s, struct rule_date *ret)
{
    *ret = (struct rule_date){.kind = RULE_DAY, .time_s = 2 * S_PER_H};
    if (!take_char(s, ','))
        return false;
    if (take_char(s, 'M')) {
        ret->kind = RULE_MONTH;
        if (!take_number(s, 1, 12, &ret->month) || !take_char(s, '.') ||
            !take_number(s, 1, 5, &ret->week) || !take_char(s, '.') ||
            !take_number(s, 0, 6, &ret->day))
            return false;
    } else if (take_char(s, 'J')) {
        ret->kind = RULE_JULIAN;
        if (!take_number(s, 1, 365, &ret->day))
            return false;
    } else if (!take_number(s, 0, 365, &ret->day)) {
        return false;
    }
    return !take_char(s, '/') || take_time(s, 167, &ret->time_s);
}

/* The names are lent by s. */
static bool rule_parse(struct str s, struct rule *ret)
{
    struct rule r = {.present = true};
    struct str usual = STR(",M3.2.0,M11.1.0");

    if (!take_name(&s, &r.standard) || !take_time(&s, 24, &r.standard_s))
        return false;
    r.standard_s = -r.standard_s; /* POSIX counts west of Greenwich */
    r.has_summer = s.n > 0;
    if (r.has_summer) {
        r.summer_s = -r.standard_s - S_PER_H;
        if (!take_name(&s, &r.summer) ||
            (s.n > 0 && s.p[0] != ',' && !take_time(&s, 24, &r.summer_s)))
            return false;
        r.summer_s = -r.summer_s;
        if (s.n == 0)
            s = usual;
        if (!take_date(&s, &r.begin) || !take_date(&s, &r.end) || s.n > 0)
            return false;
    }
    *ret = r;
    return true;
}

int tzif_from_rule(struct str rule, struct arena *a, struct tzif **ret, struct err *err)
{
    struct tzif *z = ARENA_NEW(a, struct tzif);

    if (!rule_parse(arena_str(a, rule), &z->rule))
        return err_set(err, -EBADMSG, "not a time zone rule: \"" STR_FMT "\"",
                       STR_ARG(str_sub(rule, 0, 60)));
    *ret = z;
    return 0;
}

/* ---- the data ---- */

struct counts {
    size_t utc, std, leap, times, types, chars;
};

static uint32_t be32(const char *p)
{
    const uint8_t *b = (const uint8_t *)p;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t be64(const char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* *ret_version is '2' or more, or NUL. */
static bool take_header(struct str *s, char *ret_version, struct counts *ret)
{
    if (s->n < HEADER_BYTES || !str_starts(*s, STR("TZif")))
        return false;
    *ret_version = s->p[4];
    *ret = (struct counts){.utc = be32(s->p + 20),
                           .std = be32(s->p + 24),
                           .leap = be32(s->p + 28),
                           .times = be32(s->p + 32),
                           .types = be32(s->p + 36),
                           .chars = be32(s->p + 40)};
    *s = str_sub(*s, HEADER_BYTES, s->n);
    return true;
}

static uint64_t block_bytes(const struct counts *c,
                            size_t time_bytes) /* 32 bits each: no overflow */
{
    return (uint64_t)c->times * (time_bytes + 1) + (uint64_t)c->types * TYPE_BYTES + c->chars +
           (uint64_t)c->leap * (time_bytes + 4) + c->std + c->utc;
}

static const char *read_kinds(const char *types, const struct counts *c, struct arena *a,
                              struct kind **ret)
{
    struct str chars =
        arena_str(a, (struct str){.p = types + c->types * TYPE_BYTES, .n = c->chars});
    struct kind *kinds = ARENA_ARRAY(a, struct kind, c->types);

    for (size_t i = 0; i < c->types; i++) {
        const char *row = types + i * TYPE_BYTES;
        struct str name = str_sub(chars, (uint8_t)row[5], chars.n);

        kinds[i].offset_s = (int32_t)be32(row);
        kinds[i].name = str_sub(name, 0, str_find_char(name, '\0'));
        if (kinds[i].offset_s > OFFSET_S_MAX || kinds[i].offset_s < -OFFSET_S_MAX)
            return "an offset is out of range";
    }
    *ret = kinds;
    return NULL;
}

static const char *read_block(struct str block, const struct counts *c, struct arena *a,
                              struct tzif *z)
{
    const char *index = block.p + c->times * 8, *wrong;
    int64_t *at = ARENA_ARRAY(a, int64_t, c->times);
    struct kind *kinds;

    if (c->types == 0)
        return "it has no types";
    wrong = read_kinds(index + c->times, c, a, &kinds);
    if (wrong != NULL)
        return wrong;
    z->kinds = ARENA_ARRAY(a, const struct kind *, c->times);
    for (size_t i = 0; i < c->times; i++) {
        uint8_t type = (uint8_t)index[i];

        at[i] = be64(block.p + i * 8);
        if (i > 0 && at[i] <= at[i - 1])
            return "its transitions are not in order";
        if (type >= c->types)
            return "a transition has no type";
        z->kinds[i] = &kinds[type];
    }
    z->at_s = at;
    z->n = c->times;
    z->first = &kinds[0];
    return NULL;
}

static const char *read_all(struct str s, struct arena *a, struct tzif *z)
{
    struct counts c;
    char version;
    const char *wrong;

    if (!take_header(&s, &version, &c))
        return "it does not begin as TZif data do";
    if (version < '2')
        return "version 1 is too old";
    if (block_bytes(&c, 4) > s.n)
        return "it is cut off";
    s = str_sub(s, block_bytes(&c, 4), s.n); /* the same once more, in 32 bits */
    if (!take_header(&s, &version, &c))
        return "its second part does not begin as TZif data do";
    if (block_bytes(&c, 8) > s.n)
        return "it is cut off";
    wrong = read_block(s, &c, a, z);
    if (wrong != NULL)
        return wrong;
    s = str_sub(s, block_bytes(&c, 8), s.n);
    if (s.n < 2 || s.p[0] != '\n' || s.p[s.n - 1] != '\n')
        return "it has no footer";
    s = str_sub(s, 1, s.n - 1);
    if (s.n > 0 && !rule_parse(arena_str(a, s), &z->rule))
        return "its footer is no rule";
    return NULL;
}

int tzif_parse(struct str bytes, struct arena *a, struct tzif **ret, struct err *err)
{
    struct tzif *z = ARENA_NEW(a, struct tzif);
    const char *wrong = bytes.n <= TZIF_BYTES_MAX ? read_all(bytes, a, z) : "it is too large";

    if (wrong != NULL)
        return err_set(err, -EBADMSG, "no time zone data: %s", wrong);
    *ret = z;
    return 0;
}

#define EPOCH_S_MAX \
    INT64_C(100000000000) /* the year 5138: keeps the arithmetic far from its ends */

int tzif_at(const struct tzif *z, int64_t epoch_s, struct str *ret_abbreviation)
{
    size_t from = 0, to = z->n;
    int64_t t = max_i64(-EPOCH_S_MAX, min_i64(epoch_s, EPOCH_S_MAX));
    const struct kind *kind;

    while (from < to) { /* to the first transition after t */
        size_t middle = from + (to - from) / 2;

        if (z->at_s[middle] <= t)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == z->n && z->rule.present) {
        bool summer = rule_is_summer(&z->rule, t);

        *ret_abbreviation = summer ? z->rule.summer : z->rule.standard;
        return summer ? z->rule.summer_s : z->rule.standard_s;
    }
    kind = from > 0 ? z->kinds[from - 1] : z->first;
    *ret_abbreviation = kind->name;
    return kind->offset_s;
}

int tzif_offset_s(const struct tzif *z, int64_t epoch_s)
{
    struct str abbreviation;

    return tzif_at(z, epoch_s, &abbreviation);
}
