#include "common/core/api/api_silences.h"

#include <stdarg.h>

struct reader {
    struct arena *a;
    struct api_error *error;
};

static int refuse(struct reader *r, int status, int code, const char *fmt, ...) PRINTF_LIKE(4, 5);
static int refuse(struct reader *r, int status, int code, const char *fmt, ...)
{
    struct buf b;
    va_list ap;

    buf_init(&b, KIB(4));
    va_start(ap, fmt);
    buf_add_vfmt(&b, fmt, ap);
    va_end(ap);
    *r->error =
        (struct api_error){.status = status, .code = code, .message = arena_str(r->a, buf_str(&b))};
    buf_clear(&b);
    return -EINVAL;
}

#define NOT_DECODED "parsing silence body from \"\" failed, because "

/* ---- decoding: whatever has the wrong type is 400, before anything is missed ---- */

struct matcher_in {
    bool is_null, has_name, has_value, has_regex, regex, equal;
    struct str name, value;
};

struct posted {
    struct str id, created_by, comment;
    bool has_created_by, has_comment, has_starts, has_ends, has_matchers;
    int64_t starts_wall_ms, ends_wall_ms;
    struct matcher_in *matchers;
    size_t matchers_n;
    struct labels annotations;
};

static int decode_text(struct reader *r, struct json_object *o, const char *key, struct str *ret,
                       bool *ret_there)
{
    struct json_object *v = json_find_nocase(o, key);

    if (v == NULL)
        return 0;
    if (!json_object_is_type(v, json_type_string))
        return refuse(r, 400, 400, NOT_DECODED "%s: a string is wanted", key);
    *ret = arena_str(r->a, json_str(v));
    if (ret_there != NULL)
        *ret_there = true;
    return 0;
}

static int decode_time(struct reader *r, struct json_object *o, const char *key, int64_t *ret,
                       bool *ret_there)
{
    struct str text = STR_EMPTY;
    bool there = false;
    struct err err;

    if (decode_text(r, o, key, &text, &there) < 0)
        return -EINVAL;
    if (there && time_parse(text, ret, &err) < 0)
        return refuse(r, 400, 400, NOT_DECODED "%s: %s", key, err.text);
    *ret_there = there;
    return 0;
}

static int decode_bool(struct reader *r, struct json_object *o, const char *key, bool *ret,
                       bool *ret_there)
{
    struct json_object *v = json_find_nocase(o, key);

    if (v == NULL)
        return 0;
    if (!json_object_is_type(v, json_type_boolean))
        return refuse(r, 400, 400, NOT_DECODED "%s: true or false is wanted", key);
    *ret = json_object_get_boolean(v);
    if (ret_there != NULL)
        *ret_there = true;
    return 0;
}

static int decode_annotations(struct reader *r, struct json_object *o, struct labels *ret)
{
    struct json_object *map = json_find_nocase(o, "annotations");
    struct label *v;
    size_t n = 0;

    if (map == NULL)
        return 0;
    if (!json_object_is_type(map, json_type_object))
        return refuse(r, 400, 400, NOT_DECODED "annotations: an object of strings is wanted");
    v = ARENA_ARRAY(r->a, struct label, (size_t)json_object_object_length(map));
    json_object_object_foreach(map, key, value)
    {
        if (value != NULL && !json_object_is_type(value, json_type_string))
            return refuse(r, 400, 400, NOT_DECODED "annotations: a string is wanted");
        v[n].name = arena_str(r->a, str_from(key));
        v[n++].value = value != NULL ? arena_str(r->a, json_str(value)) : STR_EMPTY;
    }
    *ret = (struct labels){.v = v, .n = labels_sort_all(v, n)};
    return 0;
}

static int decode_matcher(struct reader *r, struct json_object *o, struct matcher_in *m)
{
    *m = (struct matcher_in){.is_null = o == NULL, .equal = true};
    if (o != NULL && !json_object_is_type(o, json_type_object))
        return refuse(r, 400, 400, NOT_DECODED "a matcher is no object");
    if (decode_text(r, o, "name", &m->name, &m->has_name) < 0 ||
        decode_text(r, o, "value", &m->value, &m->has_value) < 0 ||
        decode_bool(r, o, "isRegex", &m->regex, &m->has_regex) < 0 ||
        decode_bool(r, o, "isEqual", &m->equal, NULL) < 0)
        return -EINVAL;
    return 0;
}

static int decode_matchers(struct reader *r, struct json_object *o, struct posted *p)
{
    struct json_object *list = json_find_nocase(o, "matchers");

    if (list == NULL)
        return 0;
    if (!json_object_is_type(list, json_type_array))
        return refuse(r, 400, 400, NOT_DECODED "matchers: a list is wanted");
    p->has_matchers = true;
    p->matchers_n = json_object_array_length(list);
    p->matchers = ARENA_ARRAY(r->a, struct matcher_in, p->matchers_n);
    for (size_t i = 0; i < p->matchers_n; i++) {
        if (decode_matcher(r, json_object_array_get_idx(list, i), &p->matchers[i]) < 0)
            return -EINVAL;
    }
    return 0;
}

static int decode(struct reader *r, struct json_object *o, struct posted *p)
{
    if (o != NULL && !json_object_is_type(o, json_type_object))
        return refuse(r, 400, 400, NOT_DECODED "a silence is no object");
    if (decode_annotations(r, o, &p->annotations) < 0 ||
        decode_text(r, o, "comment", &p->comment, &p->has_comment) < 0 ||
        decode_text(r, o, "createdBy", &p->created_by, &p->has_created_by) < 0 ||
        decode_time(r, o, "endsAt", &p->ends_wall_ms, &p->has_ends) < 0 ||
        decode_text(r, o, "id", &p->id, NULL) < 0 || decode_matchers(r, o, p) < 0 ||
        decode_time(r, o, "startsAt", &p->starts_wall_ms, &p->has_starts) < 0)
        return -EINVAL;
    return 0;
}

/* ---- schema: the first thing that is missing, in the framework's order ---- */

static int check_matchers(struct reader *r, const struct posted *p)
{
    if (!p->has_matchers)
        return refuse(r, 422, 602, "matchers in body is required");
    if (p->matchers_n == 0)
        return refuse(r, 422, 612, "matchers in body should have at least 1 items");
    for (size_t i = 0; i < p->matchers_n; i++) {
        const struct matcher_in *m = &p->matchers[i];

        if (m->is_null) /* Alertmanager's handler crashes on it */
            return refuse(r, 422, 602, "matchers.%zu in body is required", i);
        if (!m->has_regex)
            return refuse(r, 422, 602, "matchers.%zu.isRegex in body is required", i);
        if (!m->has_name)
            return refuse(r, 422, 602, "matchers.%zu.name in body is required", i);
        if (!m->has_value)
            return refuse(r, 422, 602, "matchers.%zu.value in body is required", i);
    }
    return 0;
}

static int check_schema(struct reader *r, const struct posted *p)
{
    if (!p->has_comment)
        return refuse(r, 422, 602, "comment in body is required");
    if (!p->has_created_by)
        return refuse(r, 422, 602, "createdBy in body is required");
    if (!p->has_ends)
        return refuse(r, 422, 602, "endsAt in body is required");
    if (check_matchers(r, p) < 0)
        return -EINVAL;
    if (!p->has_starts)
        return refuse(r, 422, 602, "startsAt in body is required");
    return 0;
}

static struct silence to_silence(const struct posted *p, struct arena *a)
{
    struct matchers *set = ARENA_NEW(a, struct matchers);

    for (size_t i = 0; i < p->matchers_n; i++) {
        const struct matcher_in *in = &p->matchers[i];
        struct matcher m = {.name = in->name, .value = in->value};

        if (in->regex)
            m.op = in->equal ? MATCH_RE : MATCH_NRE;
        else
            m.op = in->equal ? MATCH_EQ : MATCH_NE;
        matchers_add(set, m, a);
    }
    return (struct silence){.id = p->id,
                            .sets = set,
                            .sets_n = 1,
                            .starts_wall_ms = p->starts_wall_ms,
                            .ends_wall_ms = p->ends_wall_ms,
                            .expires_wall_ms = WALL_ABSENT,
                            .created_by = p->created_by,
                            .comment = p->comment,
                            .annotations = p->annotations,
                            .unread = STR_EMPTY};
}

static int check_request(struct reader *r, const struct engine_request *q)
{
    if (api_check_media(q, r->a, r->error) < 0)
        return -EINVAL;
    if (http_body_blank(q->body))
        return refuse(r, 422, 602, "silence in body is required");
    return 0;
}

int api_silence_parse(const struct engine_request *r, struct arena *a, struct silence *ret,
                      struct api_error *ret_error)
{
    static const struct json_opt opt = {.repair_utf8 = true, .ignore_trailing = true};
    struct reader reader = {.a = a, .error = ret_error};
    struct posted p = {.starts_wall_ms = WALL_ABSENT, .ends_wall_ms = WALL_ABSENT};
    struct json_object *o = NULL;
    struct err err;
    int rc = check_request(&reader, r);

    if (rc < 0)
        return rc;
    if (json_parse(r->body, opt, &o, &err) < 0)
        return refuse(&reader, 400, 400, NOT_DECODED "%s", err.text);
    rc = decode(&reader, o, &p);
    if (rc == 0)
        rc = check_schema(&reader, &p);
    if (rc == 0)
        *ret = to_silence(&p, a);
    json_object_put(o);
    return rc;
}

const char *api_silence_objection(const struct silence *s, struct now now)
{
    if (s->starts_wall_ms >= s->ends_wall_ms)
        return "Failed to create silence: start time must be before end time";
    if (s->ends_wall_ms < now.wall_ms)
        return "Failed to create silence: end time can't be in the past";
    return NULL;
}

int api_silence_refusal_status(int rc)
{
    return rc == -ENOENT ? 404 : 400;
}

/* ---- answers ---- */

struct str api_silence_created_json(struct str id, struct arena *a)
{
    struct json_writer w;
    struct buf b;
    struct str json;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_object(&w);
    json_put_str(&w, "silenceID", id);
    json_close_object(&w);
    json = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return json;
}

static void write_set(struct json_writer *w, const struct matchers *set)
{
    json_open_array(w);
    for (size_t i = 0; i < set->n; i++) {
        const struct matcher *m = &set->v[i];

        json_open_object(w);
        json_put_bool(w, "isEqual", m->op == MATCH_EQ || m->op == MATCH_RE);
        json_put_bool(w, "isRegex", m->op == MATCH_RE || m->op == MATCH_NRE);
        json_put_str(w, "name", m->name);
        json_put_str(w, "value", m->value);
        json_close_object(w);
    }
    json_close_array(w);
}

static int64_t us_to_ms(int64_t us)
{
    return us / 1000 - (us % 1000 < 0);
}

void api_silence_write(struct json_writer *w, const struct silence *s, struct now now)
{
    json_open_object(w);
    json_put_str(w, "id", s->id);
    json_key(w, "status");
    json_open_object(w);
    json_put_str(w, "state", str_from(silence_state_text(silence_state(s, now))));
    json_close_object(w);
    json_put_time(w, "updatedAt", us_to_ms(s->updated_wall_us));
    json_put_str(w, "comment", s->comment);
    json_put_str(w, "createdBy", s->created_by);
    json_put_time(w, "endsAt", s->ends_wall_ms);
    json_key(w, "matchers");
    write_set(w, &s->sets[0]);
    json_put_time(w, "startsAt", s->starts_wall_ms);
    if (s->annotations.n > 0) {
        json_key(w, "annotations");
        json_open_object(w);
        LABELS_EACH (&s->annotations, it) {
            json_key_str(w, it->name);
            json_add_str(w, it->value);
        }
        json_close_object(w);
    }
    if (s->sets_n > 1) {
        json_key(w, "matcherSets");
        json_open_array(w);
        for (size_t i = 0; i < s->sets_n; i++)
            write_set(w, &s->sets[i]);
        json_close_array(w);
    }
    json_close_object(w);
}

/* ---- parameters ---- */

unsigned api_silence_states(const struct http_params *q)
{
    unsigned states = 0;

    if (http_param_bool(q, "active", true))
        states |= BIT(SILENCE_ACTIVE);
    if (http_param_bool(q, "pending", true))
        states |= BIT(SILENCE_PENDING);
    if (http_param_bool(q, "expired", true))
        states |= BIT(SILENCE_EXPIRED);
    return states;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool api_silence_id_valid(struct str id)
{
    bool dashed;

    if (id.n == 45 && str_eq_nocase(str_sub(id, 0, 9), STR("urn:uuid:")))
        id = str_sub(id, 9, id.n);
    else if (id.n == 38 && id.p[0] == '{' && id.p[37] == '}')
        id = str_sub(id, 1, 37);
    dashed = id.n == 36;
    if (!dashed && id.n != 32)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        bool dash = dashed && (i == 8 || i == 13 || i == 18 || i == 23);

        if (dash ? id.p[i] != '-' : !is_hex(id.p[i]))
            return false;
    }
    return true;
}
