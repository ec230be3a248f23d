/* Time intervals from configuration, in Alertmanager's words. */
#include "common/core/mute/interval_text.h"

#define SHOWN(s) STR_ARG(str_sub((s), 0, 60))

struct reading {
    struct config_loader *l;
    int line;
    enum interval_field_id id;
};

/* ---- members ---- */

/* As Go's strconv.Atoi: a sign, digits, nothing else. */
static bool read_number(struct reading *r, struct str s, int64_t *ret)
{
    struct str digits = s.n > 1 && (s.p[0] == '+' || s.p[0] == '-') ? str_sub(s, 1, s.n) : s;
    bool valid = digits.n > 0;
    uint64_t v = 0;

    for (size_t i = 0; i < digits.n; i++)
        valid = valid && digits.p[i] >= '0' && digits.p[i] <= '9';
    if (valid && str_to_u64(digits, &v) && v <= INT64_MAX) {
        *ret = s.p[0] == '-' ? -(int64_t)v : (int64_t)v;
        return true;
    }
    if (r->id == INTERVAL_MONTHS)
        config_mistake(r->l, r->line, STR_FMT " is not a valid month", SHOWN(s));
    else
        config_mistake(r->l, r->line, "strconv.Atoi: parsing \"" STR_FMT "\": %s", SHOWN(s),
                       valid ? "value out of range" : "invalid syntax");
    return false;
}

static bool read_word(const char *const *words, size_t n, struct str s, int64_t *ret)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_c(s, words[i])) {
            *ret = (int64_t)i;
            return true;
        }
    }
    return false;
}

static bool read_member(struct reading *r, struct str s, int64_t *ret)
{
    if (r->id == INTERVAL_WEEKDAYS) {
        if (read_word(interval_weekdays, ARRAY_SIZE(interval_weekdays), s, ret))
            return true;
        config_mistake(r->l, r->line, STR_FMT " is not a valid weekday", SHOWN(s));
        return false;
    }
    if (r->id == INTERVAL_MONTHS &&
        read_word(interval_months, ARRAY_SIZE(interval_months), s, ret)) {
        ++*ret;
        return true;
    }
    return read_number(r, s, ret);
}

/* ---- ranges ---- */

static bool check_day(struct reading *r, int64_t day)
{
    if (day != 0 && day >= -31 && day <= 31)
        return true;
    config_mistake(r->l, r->line, "%lld is not a valid day of the month: out of range",
                   (long long)day);
    return false;
}

/* Negative ones count from the end of the month; only what is wrong in each month is refused, and
 * the shortest one has 28 days. */
static bool check_days(struct reading *r, struct interval_range v)
{
    int64_t begin = v.begin < 0 ? 28 + v.begin : v.begin, end = v.end < 0 ? 28 + v.end : v.end;

    if (!check_day(r, v.begin) || !check_day(r, v.end))
        return false;
    if (v.begin < 0 && v.end > 0) {
        config_mistake(r->l, r->line, "end day must be negative if start day is negative");
        return false;
    }
    if (begin > end)
        config_mistake(r->l, r->line, "end day %lld is always before start day %lld",
                       (long long)v.end, (long long)v.begin);
    return begin <= end;
}

static const char *month_word(int64_t month)
{
    return month >= 1 && month <= 12 ? interval_months[month - 1] : "";
}

static bool check_range(struct reading *r, struct interval_range v)
{
    if (r->id == INTERVAL_DAYS_OF_MONTH)
        return check_days(r, v);
    if (v.begin <= v.end)
        return true;
    if (r->id == INTERVAL_WEEKDAYS)
        config_mistake(r->l, r->line, "start day cannot be before end day");
    else if (r->id == INTERVAL_MONTHS)
        config_mistake(r->l, r->line, "end month %s is before start month %s", month_word(v.end),
                       month_word(v.begin));
    else
        config_mistake(r->l, r->line, "end year %lld is before start year %lld", (long long)v.end,
                       (long long)v.begin);
    return false;
}

static struct str lower(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);

    for (size_t i = 0; i < s.n; i++)
        p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] - 'A' + 'a' : s.p[i]);
    return (struct str){.p = p, .n = s.n};
}

static bool read_range(struct reading *r, struct str text, struct interval_range *ret)
{
    struct str s = lower(r->l->arena, text);
    size_t colon = str_find_char(s, ':');
    struct str begin = str_sub(s, 0, colon), end = str_sub(s, colon + 1, s.n);
    struct interval_range v;

    if (str_find_char(end, ':') < end.n) {
        config_mistake(r->l, r->line, "couldn't parse range " STR_FMT ", invalid format", SHOWN(s));
        return false;
    }
    if (!read_member(r, begin, &v.begin))
        return false;
    v.end = v.begin;
    if (colon < s.n && !read_member(r, end, &v.end))
        return false;
    if (!check_range(r, v))
        return false;
    *ret = v;
    return true;
}

/* ---- times ---- */

struct time_texts {
    struct str start, end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_minute(struct reading *r, struct str s, int64_t *ret)
{
    bool shape = s.n == 5 && is_digit(s.p[0]) && is_digit(s.p[1]) && s.p[2] == ':' &&
                 is_digit(s.p[3]) && is_digit(s.p[4]);
    int64_t h = shape ? (s.p[0] - '0') * 10 + (s.p[1] - '0') : 99;
    int64_t m = shape ? (s.p[3] - '0') * 10 + (s.p[4] - '0') : 99;

    if ((h > 23 || m > 59) && !(h == 24 && m == 0)) {
        config_mistake(r->l, r->line, "couldn't parse timestamp " STR_FMT ", invalid format",
                       SHOWN(s));
        return false;
    }
    *ret = h * 60 + m;
    return true;
}

static bool read_times(struct reading *r, const struct yaml_node *node, struct interval_range *ret)
{
    static const struct config_field fields[] = {
        {.name = "start_time", .kind = CONFIG_STR, .offset = offsetof(struct time_texts, start)},
        {.name = "end_time", .kind = CONFIG_STR, .offset = offsetof(struct time_texts, end)},
    };
    struct time_texts t = {0};
    struct interval_range v;

    if (!config_is_map(r->l, node, "times"))
        return false;
    config_load(r->l, node, "times", fields, ARRAY_SIZE(fields), &t);
    if (t.start.n == 0 || t.end.n == 0) {
        config_mistake(r->l, r->line, "both start and end times must be provided");
        return false;
    }
    if (!read_minute(r, t.start, &v.begin) || !read_minute(r, t.end, &v.end))
        return false;
    if (v.begin >= v.end) {
        config_mistake(r->l, r->line, "start time cannot be equal or greater than end time");
        return false;
    }
    *ret = v;
    return true;
}

/* ---- fields ---- */

/* A null item is a range of zeroes, as in Alertmanager: Sunday, or never. */
static void load_item(struct reading *r, const struct yaml_node *item, struct interval_field *f)
{
    struct interval_range *v = &f->v[f->n];

    r->line = item->line;
    if (item->kind == YAML_NULL)
        f->n++;
    else if (r->id == INTERVAL_TIMES)
        f->n += read_times(r, item, v);
    else if (item->kind != YAML_SCALAR)
        config_mistake(r->l, item->line, "%s: a text is wanted", interval_field_names[r->id]);
    else
        f->n += read_range(r, item->text, v);
}

static void load_field(struct config_loader *l, const struct yaml_node *node,
                       enum interval_field_id id, void *ret)
{
    struct interval_field *f = ret;
    struct reading r = {.l = l, .id = id};

    if (!config_is_list(l, node, interval_field_names[id]))
        return;
    if (node->n > INTERVALS_MAX) {
        config_mistake(l, node->line, "%s: more than %d", interval_field_names[id], INTERVALS_MAX);
        return;
    }
    f->present = true;
    f->v = ARENA_ARRAY(l->arena, struct interval_range, node->n);
    for (size_t i = 0; i < node->n; i++)
        load_item(&r, node->items[i], f);
}

#define LOAD_FIELD(name, id) \
    static void name(struct config_loader *l, const struct yaml_node *n, void *ret) \
    { \
        load_field(l, n, id, ret); \
    }
LOAD_FIELD(load_times, INTERVAL_TIMES)
LOAD_FIELD(load_weekdays, INTERVAL_WEEKDAYS)
LOAD_FIELD(load_days, INTERVAL_DAYS_OF_MONTH)
LOAD_FIELD(load_months, INTERVAL_MONTHS)
LOAD_FIELD(load_years, INTERVAL_YEARS)

#define RANGES(key, id, load, text) \
    { \
        .name = (key), .kind = CONFIG_CUSTOM, .offset = offsetof(struct interval, fields[id]), \
        .parse = (load), .doc = (text) \
    }

static const struct config_field interval_fields[] = {
    RANGES("times", INTERVAL_TIMES, load_times,
           "List of {start_time, end_time} as HH:MM, 24:00 included; the end is not."),
    RANGES("weekdays", INTERVAL_WEEKDAYS, load_weekdays,
           "Names, or ranges of them: monday:friday."),
    RANGES("days_of_month", INTERVAL_DAYS_OF_MONTH, load_days,
           "1 to 31, or from the end, -1 to -31; or ranges."),
    RANGES("months", INTERVAL_MONTHS, load_months, "Names or numbers, or ranges."),
    RANGES("years", INTERVAL_YEARS, load_years, "Numbers, or ranges."),
    {.name = "location",
     .kind = CONFIG_STR,
     .offset = offsetof(struct interval, location),
     .doc = "A name of the tz database, or Local; UTC without it."},
};

const struct config_field *interval_table(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(interval_fields);
    return interval_fields;
}

void interval_load(struct config_loader *l, const struct yaml_node *node, struct interval *ret)
{
    *ret = (struct interval){.line = node->line};
    config_load(l, node, "time interval", interval_fields, ARRAY_SIZE(interval_fields), ret);
}

/* ---- named ones ---- */

static void load_entries(struct config_loader *l, const struct yaml_node *node, void *ret)
{
    struct named_interval *named = ret;

    if (!config_is_list(l, node, "time_intervals"))
        return;
    if (node->n > INTERVALS_MAX) {
        config_mistake(l, node->line, "time_intervals: more than %d", INTERVALS_MAX);
        return;
    }
    named->v = ARENA_ARRAY(l->arena, struct interval, node->n);
    for (; named->n < node->n; named->n++) {
        const struct yaml_node *item = node->items[named->n];

        interval_load(l, item, &named->v[named->n]);
        if (item->kind == YAML_NULL)
            config_warn(l, item->line, "an empty time interval holds always");
    }
}

static void load_named(struct config_loader *l, const struct yaml_node *node, bool deprecated,
                       struct named_intervals *list)
{
    /* load_entries is given the whole struct: offset 0 */
    static const struct config_field fields[] = {
        {.name = "name", .kind = CONFIG_STR, .offset = offsetof(struct named_interval, name)},
        {.name = "time_intervals", .kind = CONFIG_CUSTOM, .offset = 0, .parse = load_entries},
    };
    const char *what = deprecated ? "mute time interval" : "time interval";
    struct named_interval named = {.deprecated = deprecated, .line = node->line};

    config_load(l, node, what, fields, ARRAY_SIZE(fields), &named);
    if (named.name.n == 0)
        config_mistake(l, node->line, "missing name in %s", what);
    else if (intervals_find(list, named.name) != NULL)
        config_mistake(l, node->line, "%s \"" STR_FMT "\" is not unique", what, SHOWN(named.name));
    else
        list->v[list->n++] = named;
}

void intervals_load(struct config_loader *l, const struct yaml_node *node, bool deprecated,
                    struct named_intervals *ret)
{
    const char *what = deprecated ? "mute_time_intervals" : "time_intervals";
    struct named_interval *v;

    if (!config_is_list(l, node, what))
        return;
    if (node->n > INTERVALS_MAX) {
        config_mistake(l, node->line, "%s: more than %d", what, INTERVALS_MAX);
        return;
    }
    v = ARENA_ARRAY(l->arena, struct named_interval, ret->n + node->n);
    if (ret->n > 0)
        memcpy(v, ret->v, ret->n * sizeof(*v));
    ret->v = v;
    for (size_t i = 0; i < node->n; i++)
        load_named(l, node->items[i], deprecated, ret);
}

/* What Go's time package takes to its database. */
static bool can_be_location(struct str s)
{
    return s.n <= INTERVAL_LOCATION_MAX && !str_contains(s, STR("..")) && s.p[0] != '/' &&
           str_find_char(s, '\\') == s.n && str_find_char(s, '\'') == s.n &&
           str_find_char(s, '\n') == s.n && strnlen(s.p, s.n) == s.n;
}

void intervals_check_locations(struct config_loader *l, const struct named_intervals *intervals,
                               bool (*known)(struct str location, void *arg), void *arg)
{
    for (size_t i = 0; i < intervals->n; i++) {
        for (size_t k = 0; k < intervals->v[i].n; k++) {
            const struct interval *v = &intervals->v[i].v[k];
            struct str s = v->location;

            if (s.n == 0 || str_eq_c(s, "UTC") || str_eq_c(s, "Local"))
                continue;
            if (!can_be_location(s))
                config_mistake(l, v->line, "time: invalid location name");
            else if (!known(s, arg))
                config_mistake(l, v->line, "unknown time zone " STR_FMT, SHOWN(s));
        }
    }
}
