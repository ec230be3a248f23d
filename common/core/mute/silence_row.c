#include "common/core/mute/silence_row.h"

#include "common/base/json.h"

#define ROW_VERSION 1

/* ---- writing ---- */

static void write_sets(struct json_writer *w, const struct silence *s)
{
    json_key(w, "sets");
    json_open_array(w);
    for (size_t i = 0; i < s->sets_n; i++) {
        json_open_array(w);
        for (size_t k = 0; k < s->sets[i].n; k++) {
            const struct matcher *m = &s->sets[i].v[k];

            json_open_array(w);
            json_add_str(w, str_from(matcher_op_text(m->op)));
            json_add_str(w, m->name);
            json_add_str(w, m->value);
            json_close_array(w);
        }
        json_close_array(w);
    }
    json_close_array(w);
}

static void write_hex(struct json_writer *w, const char *key, struct str bytes)
{
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < bytes.n; i++)
        buf_add_fmt(&b, "%02x", (unsigned)(unsigned char)bytes.p[i]);
    json_put_str(w, key, buf_str(&b));
    buf_clear(&b);
}

void silence_row_add(struct buf *b, const struct silence *s)
{
    struct json_writer w;

    json_writer_init(&w, b);
    json_open_object(&w);
    json_put_i64(&w, "v", ROW_VERSION);
    json_put_str(&w, "id", s->id);
    write_sets(&w, s);
    json_put_i64(&w, "starts_ms", s->starts_wall_ms);
    json_put_i64(&w, "ends_ms", s->ends_wall_ms);
    json_put_i64(&w, "updated_us", s->updated_wall_us);
    json_put_i64(&w, "expires_ms", s->expires_wall_ms);
    json_put_str(&w, "created_by", s->created_by);
    json_put_str(&w, "comment", s->comment);
    json_key(&w, "annotations");
    json_open_object(&w);
    LABELS_EACH (&s->annotations, it) {
        json_key_str(&w, it->name);
        json_add_str(&w, it->value);
    }
    json_close_object(&w);
    if (s->unread.n > 0)
        write_hex(&w, "unread", s->unread);
    json_close_object(&w);
}

/* ---- reading ---- */

static bool read_op(struct str text, enum matcher_op *ret)
{
    static const enum matcher_op ops[] = {MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE};

    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        if (str_eq_c(text, matcher_op_text(ops[i]))) {
            *ret = ops[i];
            return true;
        }
    }
    return false;
}

static bool is_text(struct json_object *o)
{
    return json_object_is_type(o, json_type_string);
}

static int read_matcher(struct json_object *o, struct arena *a, struct matcher *ret,
                        struct err *err)
{
    struct json_object *part[3];

    if (!json_object_is_type(o, json_type_array) || json_object_array_length(o) != 3)
        return err_set(err, -EINVAL, "a matcher is no list of three");
    for (size_t i = 0; i < 3; i++) {
        part[i] = json_object_array_get_idx(o, i);
        if (!is_text(part[i]))
            return err_set(err, -EINVAL, "a part of a matcher is no text");
    }
    *ret = (struct matcher){.name = arena_str(a, json_str(part[1])),
                            .value = arena_str(a, json_str(part[2]))};
    if (!read_op(json_str(part[0]), &ret->op))
        return err_set(err, -EINVAL, "a matcher has no operator");
    return 0;
}

static int read_set(struct json_object *o, struct arena *a, struct matchers *ret, struct err *err)
{
    size_t n;

    if (!json_object_is_type(o, json_type_array))
        return err_set(err, -EINVAL, "a matcher set is no list");
    n = json_object_array_length(o);
    for (size_t i = 0; i < n; i++) {
        struct matcher m;
        int rc = read_matcher(json_object_array_get_idx(o, i), a, &m, err);

        if (rc < 0)
            return rc;
        matchers_add(ret, m, a);
    }
    return 0;
}

static int read_sets(struct json_object *o, struct arena *a, struct silence *s, struct err *err)
{
    struct json_object *list = NULL;
    int rc = json_get_array(o, "sets", &list, err);

    if (rc < 0 || list == NULL)
        return rc;
    s->sets_n = json_object_array_length(list);
    s->sets = ARENA_ARRAY(a, struct matchers, s->sets_n);
    for (size_t i = 0; rc == 0 && i < s->sets_n; i++)
        rc = read_set(json_object_array_get_idx(list, i), a, &s->sets[i], err);
    return rc;
}

static int read_annotations(struct json_object *o, struct arena *a, struct silence *s,
                            struct err *err)
{
    struct json_object *map = NULL;
    struct label *v;
    size_t n = 0;
    int rc = json_get_object(o, "annotations", &map, err);

    if (rc < 0 || map == NULL)
        return rc;
    v = ARENA_ARRAY(a, struct label, (size_t)json_object_object_length(map));
    json_object_object_foreach(map, key, value)
    {
        if (!is_text(value))
            return err_set(err, -EINVAL, "an annotation is no text");
        v[n].name = arena_str(a, str_from(key));
        v[n++].value = arena_str(a, json_str(value));
    }
    s->annotations = (struct labels){.v = v, .n = labels_sort_all(v, n)};
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(struct str hex, struct arena *a, struct str *ret, struct err *err)
{
    char *p = arena_alloc(a, hex.n / 2);

    for (size_t i = 0; i + 1 < hex.n; i += 2) {
        int high = hex_digit(hex.p[i]), low = hex_digit(hex.p[i + 1]);

        if (high < 0 || low < 0)
            return err_set(err, -EINVAL, "unread: no hexadecimal digits");
        p[i / 2] = (char)(high << 4 | low);
    }
    if (hex.n % 2 != 0)
        return err_set(err, -EINVAL, "unread: half a byte");
    *ret = (struct str){.p = p, .n = hex.n / 2};
    return 0;
}

static int read_text(struct json_object *o, const char *key, struct arena *a, struct str *ret,
                     struct err *err)
{
    struct str text = STR_EMPTY;
    int rc = json_get_str(o, key, &text, err);

    if (rc == 0)
        *ret = arena_str(a, text);
    return rc;
}

static int read_all(struct json_object *o, struct arena *a, struct silence *s, struct err *err)
{
    static const struct {
        const char *key;
        size_t offset;
    } numbers[] = {{"starts_ms", offsetof(struct silence, starts_wall_ms)},
                   {"ends_ms", offsetof(struct silence, ends_wall_ms)},
                   {"updated_us", offsetof(struct silence, updated_wall_us)},
                   {"expires_ms", offsetof(struct silence, expires_wall_ms)}};
    static const struct {
        const char *key;
        size_t offset;
    } texts[] = {{"id", offsetof(struct silence, id)},
                 {"created_by", offsetof(struct silence, created_by)},
                 {"comment", offsetof(struct silence, comment)}};
    struct str unread = STR_EMPTY;
    int rc = read_sets(o, a, s, err);

    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(numbers); i++)
        rc = json_get_i64(o, numbers[i].key, (int64_t *)(void *)((char *)s + numbers[i].offset),
                          err);
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(texts); i++)
        rc =
            read_text(o, texts[i].key, a, (struct str *)(void *)((char *)s + texts[i].offset), err);
    if (rc == 0)
        rc = read_annotations(o, a, s, err);
    if (rc == 0)
        rc = json_get_str(o, "unread", &unread, err);
    if (rc == 0)
        rc = read_hex(unread, a, &s->unread, err);
    return rc;
}

int silence_row_parse(struct str value, struct arena *a, struct silence *ret, struct err *err)
{
    struct silence s = {
        .starts_wall_ms = WALL_ABSENT, .ends_wall_ms = WALL_ABSENT, .expires_wall_ms = WALL_ABSENT};
    struct json_object *o = NULL;
    int64_t version = 0;
    int rc = json_parse(value, (struct json_opt){0}, &o, err);

    if (rc < 0)
        return rc;
    if (!json_object_is_type(o, json_type_object))
        rc = err_set(err, -EINVAL, "a silence's row is no object");
    if (rc == 0)
        rc = json_get_i64(o, "v", &version, err);
    if (rc == 0 && version != ROW_VERSION)
        rc = err_set(err, -EINVAL, "a silence's row of version %lld", (long long)version);
    if (rc == 0)
        rc = read_all(o, a, &s, err);
    if (rc == 0)
        *ret = s;
    json_object_put(o);
    return rc < 0 ? err_wrap(err, "silence") : 0;
}
