#include "common/base/json.h"

#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* The reader is ours, the objects are json-c's. json-c's own tokener takes three times as long (it
 * goes byte by byte through two buffers), and even its strict mode lets control characters in
 * strings, NaN, "1." and "-01" pass, mends lone surrogates in silence and cuts a key at \u0000. */
struct builder {
    struct json_reader r;
    struct buf keys; /* those whose values are being read, each with its NUL */
};

static struct json_object *read_value(struct builder *b);

static struct json_object *made(struct json_object *o)
{
    if (o == NULL)
        abort(); /* out of memory, as xmalloc */
    return o;
}

static struct json_object *read_number(struct json_reader *r)
{
    struct json_object *o;
    struct str text;
    bool whole;
    int64_t i;

    text = json_reader_number(r, &whole);
    if (r->fault != NULL)
        return NULL;
    if (whole && str_to_i64(text, &i))
        return made(json_object_new_int64(i));
    buf_reset(&r->text); /* fractions and what is too large are rare: json-c reads them */
    buf_add_str(&r->text, text);
    o = json_tokener_parse(r->text.p);
    if (o == NULL)
        json_reader_fail(r, "malformed number");
    return o;
}

static struct json_object *read_string(struct json_reader *r)
{
    struct str s = json_reader_str(r, NULL);

    return r->fault == NULL ? made(json_object_new_string_len(s.p, (int)s.n)) : NULL;
}

/* What was built, unless there is a fault. */
static struct json_object *unless_fault(const struct builder *b, struct json_object *o)
{
    if (b->r.fault == NULL)
        return o;
    json_object_put(o);
    return NULL;
}

static struct json_object *read_array(struct builder *b)
{
    struct json_object *array = made(json_object_new_array_ext(4));

    json_reader_open(&b->r);
    while (json_reader_more(&b->r)) {
        struct json_object *v = read_value(b);

        if (b->r.fault == NULL && json_object_array_add(array, v) != 0)
            abort();
    }
    return unless_fault(b, array);
}

static struct json_object *read_object(struct builder *b)
{
    struct json_object *object = made(json_object_new_object());
    struct str key;

    json_reader_open(&b->r);
    while (json_reader_key(&b->r, &key)) {
        size_t offset = b->keys.n;
        struct json_object *v;

        buf_add_str(&b->keys, key);
        buf_add_char(&b->keys, '\0');
        v = read_value(b);
        if (b->r.fault == NULL && json_object_object_add_ex(object, b->keys.p + offset, v, 0) != 0)
            abort();
        b->keys.n = offset;
    }
    return unless_fault(b, object);
}

/* NULL is a null, or a fault. */
static struct json_object *read_value(struct builder *b)
{
    bool truth;

    switch (json_reader_kind(&b->r)) {
    case JSON_STRING:
        return read_string(&b->r);
    case JSON_OBJECT:
        return read_object(b);
    case JSON_ARRAY:
        return read_array(b);
    case JSON_BOOL:
        truth = json_reader_bool(&b->r);
        return b->r.fault == NULL ? made(json_object_new_boolean(truth)) : NULL;
    case JSON_NUMBER:
        return read_number(&b->r);
    case JSON_NULL:
        json_reader_skip(&b->r);
        break;
    case JSON_END:
        break;
    }
    return NULL;
}

static int read_text(struct str text, struct json_opt opt, struct json_object **ret,
                     struct err *err)
{
    struct json_object *o;
    struct builder b;
    struct json_reader *r = &b.r;

    json_reader_init(r, text, opt.repair_utf8);
    buf_init(&b.keys, text.n + JSON_DEPTH_MAX);
    o = read_value(&b);
    if (r->fault == NULL && !opt.ignore_trailing && json_reader_has_more(r)) {
        json_object_put(o);
        json_reader_fail(r, "data behind the value");
    }
    json_reader_clear(r);
    buf_clear(&b.keys);
    if (r->fault != NULL)
        return err_set(err, r->fault == json_too_deep ? -E2BIG : -EINVAL,
                       "invalid JSON at byte %zu: %s", (size_t)(r->at - text.p), r->fault);
    *ret = o;
    return 0;
}

int json_parse(struct str text, struct json_opt opt, struct json_object **ret, struct err *err)
{
    struct buf repaired;
    size_t valid;
    int r;

    if (text.n > INT_MAX / 3)
        return err_set(err, -EFBIG, "JSON text of %zu bytes is too long", text.n);
    valid = utf8_valid_run(text);
    if (valid == text.n)
        return read_text(text, opt, ret, err);
    if (!opt.repair_utf8)
        return err_set(err, -EILSEQ, "invalid JSON at byte %zu: invalid UTF-8", valid);
    buf_init(&repaired, 3 * text.n);
    utf8_add_repaired(&repaired, text);
    r = read_text(buf_str(&repaired), opt, ret, err);
    buf_clear(&repaired);
    return r;
}

/* --- look-ups --- */

struct json_object *json_find_nocase(struct json_object *o, const char *key)
{
    struct json_object *found = NULL;

    if (json_object_object_get_ex(o, key, &found))
        return found;
    if (!json_object_is_type(o, json_type_object))
        return NULL;
    json_object_object_foreach(o, name, value) if (str_eq_nocase(str_from(name), str_from(key)))
        found = value;
    return found;
}

/* 1 and *ret when there is such a value, 0 when it is absent or null. */
static int get(struct json_object *o, const char *key, enum json_type type, const char *type_name,
               struct json_object **ret, struct err *err)
{
    struct json_object *v = NULL;

    if (!json_object_object_get_ex(o, key, &v) || v == NULL)
        return 0;
    if (!json_object_is_type(v, type))
        return err_set(err, -EINVAL, "\"%s\" must be %s", key, type_name);
    *ret = v;
    return 1;
}

int json_get_str(struct json_object *o, const char *key, struct str *ret, struct err *err)
{
    struct json_object *v = NULL;
    int r = get(o, key, json_type_string, "a string", &v, err);

    if (r == 1)
        *ret = json_str(v);
    return r < 0 ? r : 0;
}

int json_get_i64(struct json_object *o, const char *key, int64_t *ret, struct err *err)
{
    struct json_object *v = NULL;
    int r = get(o, key, json_type_int, "an integer", &v, err);
    int64_t i;

    if (r != 1)
        return r;
    i = json_object_get_int64(v);
    if (i == INT64_MIN || json_object_get_uint64(v) > INT64_MAX)
        return err_set(err, -ERANGE, "\"%s\" is out of range", key);
    *ret = i;
    return 0;
}

int json_get_u64(struct json_object *o, const char *key, uint64_t *ret, struct err *err)
{
    struct json_object *v = NULL;
    int r = get(o, key, json_type_int, "an integer", &v, err);
    uint64_t u;

    if (r != 1)
        return r;
    u = json_object_get_uint64(v);
    if (json_object_get_int64(v) < 0 || u == UINT64_MAX)
        return err_set(err, -ERANGE, "\"%s\" is out of range", key);
    *ret = u;
    return 0;
}

int json_get_bool(struct json_object *o, const char *key, bool *ret, struct err *err)
{
    struct json_object *v = NULL;
    int r = get(o, key, json_type_boolean, "true or false", &v, err);

    if (r == 1)
        *ret = json_object_get_boolean(v) != 0;
    return r < 0 ? r : 0;
}

int json_get_array(struct json_object *o, const char *key, struct json_object **ret,
                   struct err *err)
{
    int r = get(o, key, json_type_array, "an array", ret, err);

    return r < 0 ? r : 0;
}

int json_get_object(struct json_object *o, const char *key, struct json_object **ret,
                    struct err *err)
{
    int r = get(o, key, json_type_object, "an object", ret, err);

    return r < 0 ? r : 0;
}

struct str json_str(struct json_object *o)
{
    assert(json_object_is_type(o, json_type_string));
    return (struct str){.p = json_object_get_string(o), .n = (size_t)json_object_get_string_len(o)};
}
