#include "global/core/member_row.h"

#include "common/core/bugs.h"

#include <errno.h>

#define MARK "…"
#define SITE_LABEL "site"

/* The whole of a row's labels and the whole of its annotations. */
#define LABELS_BYTES_MAX KIB(16)
#define ANNOTATIONS_BYTES_MAX KIB(16)

/* Kept when there are more labels than we keep: what incidents are usually made of. */
static bool label_matters(struct str name)
{
    return str_eq_c(name, "alertname") || str_eq_c(name, "severity") || str_eq_c(name, "team") ||
           str_eq_c(name, "service");
}

static struct str cut(struct arena *a, struct str s, size_t max, struct member_row_limits *limits)
{
    size_t mark = sizeof(MARK) - 1, n;

    if (s.n <= max)
        return s;
    limits->cut++;
    n = max > mark ? max - mark : 0;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return arena_fmt(a, STR_FMT MARK, (int)n, s.p);
}

struct text_limits {
    size_t n_max, value_max, bytes_max;
};

/* Sorted, with at most n_max pairs and bytes_max bytes; of too many, those that matter and the
 * first by name. */
static struct labels bounded(struct arena *a, struct label *v, size_t n, struct text_limits max,
                             struct member_row_limits *limits)
{
    size_t room = max.bytes_max, others, kept = 0;

    n = labels_sort(v, n);
    others = max.n_max;
    for (size_t i = 0; i < n; i++)
        others -= label_matters(v[i].name) && others > 0;
    for (size_t i = 0; i < n; i++) {
        struct label l = v[i];

        if (!label_matters(l.name)) {
            if (others == 0 || room < l.name.n + sizeof(MARK)) {
                limits->cut++;
                continue;
            }
            others--;
        }
        l.value = cut(a, l.value, max.value_max, limits);
        if (l.name.n + l.value.n > room && !label_matters(l.name))
            l.value = cut(a, l.value, room - l.name.n, limits);
        room -= room < l.name.n + l.value.n ? room : l.name.n + l.value.n;
        v[kept++] = l;
    }
    return (struct labels){.v = v, .n = kept};
}

static int read_labels(struct json_object *o, const char *key, struct arena *a,
                       struct text_limits max, struct member_row_limits *limits, struct labels *ret,
                       struct err *err)
{
    struct json_object *map = NULL;
    struct label *v;
    size_t n = 0;

    if (json_get_object(o, key, &map, err) < 0)
        return -EINVAL;
    v = ARENA_ARRAY(a, struct label,
                    (map != NULL ? (size_t)json_object_object_length(map) : 0) + 1);
    if (map != NULL) {
        json_object_object_foreach(map, name, value)
        {
            if (!json_object_is_type(value, json_type_string))
                return err_set(err, -EINVAL, "%s: not a map of strings", key);
            v[n++] = (struct label){.name = cut(a, str_from(name), MEMBER_NAME_MAX, limits),
                                    .value = json_str(value)};
        }
    }
    *ret = bounded(a, v, n, max, limits);
    return 0;
}

/* A certificate speaks for its own site, whatever the labels say. */
static struct labels with_site(struct arena *a, struct labels l, struct str site,
                               struct member_row_limits *limits)
{
    struct str said = labels_get(l, STR(SITE_LABEL));

    if (said.n > 0 && !str_eq(said, site)) {
        limits->site_overwritten++;
        if (BUG(BUG_SITE_FROM_PAYLOAD))
            return l;
    }
    return labels_with(a, l, STR(SITE_LABEL), site);
}

static int read_state(struct json_object *o, bool *ret_firing, struct err *err)
{
    struct str state = STR_EMPTY;

    if (json_get_str(o, "state", &state, err) < 0)
        return -EINVAL;
    if (!str_eq_c(state, "firing") && !str_eq_c(state, "resolved"))
        return err_set(err, -EINVAL, "state: neither firing nor resolved");
    *ret_firing = str_eq_c(state, "firing");
    return 0;
}

int member_row_read(struct json_object *o, struct str site, struct arena *arena,
                    struct member_state *ret, struct member_row_limits *limits, struct err *err)
{
    static const struct text_limits label_limits = {.n_max = MEMBER_LABELS_MAX,
                                                    .value_max = MEMBER_LABEL_MAX,
                                                    .bytes_max = LABELS_BYTES_MAX},
                                    annotation_limits = {.n_max = MEMBER_LABELS_MAX,
                                                         .value_max = MEMBER_ANNOTATION_MAX,
                                                         .bytes_max = ANNOTATIONS_BYTES_MAX};
    struct member_state s = {0};

    if (read_state(o, &s.firing, err) < 0 || json_get_u64(o, "seq", &s.seq, err) < 0 ||
        json_get_u64(o, "episode", &s.episode, err) < 0 ||
        json_get_str(o, "reason", &s.reason, err) < 0 ||
        json_get_str(o, "suppressed", &s.suppressed, err) < 0 ||
        json_get_str(o, "generator_url", &s.generator_url, err) < 0 ||
        json_get_i64(o, "starts_at_ms", &s.starts_wall_ms, err) < 0 ||
        json_get_i64(o, "ends_at_ms", &s.ends_wall_ms, err) < 0 ||
        json_get_i64(o, "first_seen_ms", &s.first_seen_wall_ms, err) < 0 ||
        json_get_u64(o, "transitions", &s.transitions, err) < 0 ||
        read_labels(o, "labels", arena, label_limits, limits, &s.labels, err) < 0 ||
        read_labels(o, "annotations", arena, annotation_limits, limits, &s.annotations, err) < 0)
        return -EINVAL;
    if (s.seq == 0 || s.episode == 0)
        return err_set(err, -EINVAL, "seq and episode count from 1");
    s.labels = with_site(arena, s.labels, site, limits);
    s.reason = cut(arena, s.reason, MEMBER_REASON_MAX, limits);
    s.suppressed = cut(arena, s.suppressed, MEMBER_REASON_MAX, limits);
    s.generator_url = cut(arena, s.generator_url, MEMBER_URL_MAX, limits);
    *ret = s;
    return 0;
}

static void write_labels(struct json_writer *w, const char *key, const struct labels *l)
{
    json_key(w, key);
    json_open_object(w);
    LABELS_EACH (l, it) {
        json_key_str(w, it->name);
        json_add_str(w, it->value);
    }
    json_close_object(w);
}

void member_row_write(struct json_writer *w, const struct member_state *s)
{
    json_put_u64(w, "seq", s->seq);
    json_put_u64(w, "episode", s->episode);
    json_put_str(w, "state", s->firing ? STR("firing") : STR("resolved"));
    json_put_str(w, "reason", s->reason);
    json_put_str(w, "suppressed", s->suppressed);
    write_labels(w, "labels", &s->labels);
    write_labels(w, "annotations", &s->annotations);
    json_put_str(w, "generator_url", s->generator_url);
    json_put_i64(w, "starts_at_ms", s->starts_wall_ms);
    json_put_i64(w, "ends_at_ms", s->ends_wall_ms);
    json_put_i64(w, "first_seen_ms", s->first_seen_wall_ms);
    json_put_u64(w, "transitions", s->transitions);
}
