#include "common/core/mute/interval_text.h"

const char *const interval_weekdays[7] = {"sunday",   "monday", "tuesday", "wednesday",
                                          "thursday", "friday", "saturday"};
const char *const interval_months[12] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
const char *const interval_field_names[INTERVAL_FIELDS] = {"times", "weekdays", "days_of_month",
                                                           "months", "years"};

static void add_member(struct buf *b, enum interval_field_id id, int64_t v)
{
    if (id == INTERVAL_WEEKDAYS && v >= 0 && v < 7)
        buf_add_str(b, str_from(interval_weekdays[v]));
    else
        buf_add_i64(b, v);
}

void interval_range_add(struct buf *b, enum interval_field_id id, struct interval_range r)
{
    add_member(b, id, r.begin);
    if (r.begin != r.end) {
        buf_add_char(b, ':');
        add_member(b, id, r.end);
    }
}

static struct str minute_text(char ret[8], int64_t minute)
{
    (void)snprintf(ret, 8, "%02u:%02u", (unsigned)(minute / 60) % 100, (unsigned)(minute % 60));
    return str_from(ret);
}

/* ---- YAML ---- */

static void add_times_yaml(struct buf *b, const struct interval_field *f, unsigned indent)
{
    char from[8], to[8];

    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].begin == f->v[i].end) { /* what a null was read as; no pair of times says it */
            buf_add_fmt(b, "\n%*s- null", (int)indent, "");
            continue;
        }
        minute_text(from, f->v[i].begin);
        minute_text(to, f->v[i].end);
        buf_add_fmt(b, "\n%*s- start_time: \"%s\"\n%*s  end_time: \"%s\"", (int)indent, "", from,
                    (int)indent, "", to);
    }
}

static void add_ranges_yaml(struct buf *b, const struct interval_field *f,
                            enum interval_field_id id)
{
    buf_add_str(b, STR(" ["));
    for (size_t i = 0; i < f->n; i++) {
        buf_add_str(b, i > 0 ? STR(", ") : STR(""));
        if (id == INTERVAL_DAYS_OF_MONTH && f->v[i].begin == 0) { /* a null: there is no such day */
            buf_add_str(b, STR("null"));
            continue;
        }
        buf_add_char(b, '\'');
        interval_range_add(b, id, f->v[i]);
        buf_add_char(b, '\'');
    }
    buf_add_char(b, ']');
}

static void begin_key(struct buf *b, unsigned indent, bool *first, const char *key)
{
    buf_add_fmt(b, "%*s%s%s:", (int)indent, "", *first ? "- " : "  ", key);
    *first = false;
}

void interval_add_yaml(struct buf *b, const struct interval *i, unsigned indent)
{
    bool first = true;

    for (unsigned id = 0; id < INTERVAL_FIELDS; id++) {
        const struct interval_field *f = &i->fields[id];

        if (!f->present)
            continue;
        begin_key(b, indent, &first, interval_field_names[id]);
        if (id == INTERVAL_TIMES && f->n > 0)
            add_times_yaml(b, f, indent + 2);
        else
            add_ranges_yaml(b, f, (enum interval_field_id)id);
        buf_add_char(b, '\n');
    }
    if (i->location.n > 0) { /* a name of the tz database: no quote in it */
        begin_key(b, indent, &first, "location");
        buf_add_fmt(b, " '" STR_FMT "'\n", STR_ARG(i->location));
    }
    if (first)
        buf_add_fmt(b, "%*s- {}\n", (int)indent, "");
}

/* ---- JSON ---- */

static void add_range_json(struct json_writer *w, enum interval_field_id id,
                           struct interval_range r)
{
    char minute[8];
    struct buf b;

    if (id == INTERVAL_TIMES) {
        json_open_object(w);
        json_put_str(w, "start_time", minute_text(minute, r.begin));
        json_put_str(w, "end_time", minute_text(minute, r.end));
        json_close_object(w);
        return;
    }
    buf_init(&b, 0);
    interval_range_add(&b, id, r);
    json_add_str(w, buf_str(&b));
    buf_clear(&b);
}

void interval_add_json(struct json_writer *w, const struct interval *i)
{
    json_open_object(w);
    for (unsigned id = 0; id < INTERVAL_FIELDS; id++) {
        const struct interval_field *f = &i->fields[id];

        if (!f->present)
            continue;
        json_key(w, interval_field_names[id]);
        json_open_array(w);
        for (size_t k = 0; k < f->n; k++)
            add_range_json(w, (enum interval_field_id)id, f->v[k]);
        json_close_array(w);
    }
    if (i->location.n > 0)
        json_put_str(w, "location", i->location);
    json_close_object(w);
}
