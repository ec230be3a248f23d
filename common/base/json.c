#include "common/base/json.h"

#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* The reader is ours, the objects are json-c's. json-c's own tokener takes three times as long (it
 * goes byte by byte through two buffers), and even its strict mode lets control characters in
 * strings, NaN, "1." and "-01" pass, mends lone surrogates in silence and cuts a key at \u0000. */
struct reader {
    const char *at, *end; /* valid UTF-8 */
    unsigned depth;
    bool allow_lone;   /* surrogates: they become U+FFFD, as in Go */
    const char *fault; /* a constant phrase; NULL while all is well */
    struct buf text;   /* the string at hand, when it has escapes */
    struct buf keys;   /* those whose values are being read, each with its NUL */
};

static const char too_deep[] = "nested too deeply";

static struct json_object *read_value(struct reader *r);

static struct json_object *fail(struct reader *r, const char *fault)
{
    if (r->fault == NULL)
        r->fault = fault;
    return NULL;
}

static struct json_object *made(struct json_object *o)
{
    if (o == NULL)
        abort(); /* out of memory, as xmalloc */
    return o;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* Steps over white space and the byte wanted behind it. */
static bool take(struct reader *r, char want)
{
    skip_space(r);
    if (r->at == r->end || *r->at != want)
        return false;
    r->at++;
    return true;
}

static size_t digits(const char *p, const char *end)
{
    size_t n = 0;

    while (p + n < end && p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

/* Where the number at p ends by RFC 8259 §6; NULL when it is malformed. */
static const char *number_end(const char *p, const char *end, bool *ret_whole)
{
    size_t n;

    *ret_whole = true;
    if (p < end && *p == '-')
        p++;
    n = digits(p, end);
    if (n == 0 || (n > 1 && *p == '0'))
        return NULL;
    p += n;
    if (p < end && *p == '.') {
        *ret_whole = false;
        n = digits(p + 1, end);
        if (n == 0)
            return NULL;
        p += 1 + n;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *ret_whole = false;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        n = digits(p, end);
        if (n == 0)
            return NULL;
        p += n;
    }
    return p;
}

static struct json_object *read_number(struct reader *r)
{
    struct json_object *o;
    const char *end;
    struct str text;
    bool whole;
    int64_t i;

    end = number_end(r->at, r->end, &whole);
    if (end == NULL)
        return fail(r, "malformed number");
    text = (struct str){.p = r->at, .n = (size_t)(end - r->at)};
    r->at = end;
    if (whole && str_to_i64(text, &i))
        return made(json_object_new_int64(i));
    buf_reset(&r->text); /* fractions and what is too large are rare: json-c reads them */
    buf_add_str(&r->text, text);
    o = json_tokener_parse(r->text.p);
    return o != NULL ? o : fail(r, "malformed number");
}

/* The value of the \uXXXX at p, or UINT32_MAX. */
static uint32_t unicode_escape(const char *p, const char *end)
{
    uint32_t v = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return UINT32_MAX;
    for (size_t i = 2; i < 6; i++) {
        char c = (char)(p[i] | 0x20);

        if (p[i] >= '0' && p[i] <= '9')
            v = v << 4 | (uint32_t)(p[i] - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (uint32_t)(c - 'a' + 10);
        else
            return UINT32_MAX;
    }
    return v;
}

static void read_unicode_escape(struct reader *r)
{
    uint32_t rune = unicode_escape(r->at, r->end), low;

    if (rune == UINT32_MAX) {
        (void)fail(r, "malformed escape");
        return;
    }
    r->at += 6;
    if ((rune & 0xF800) == 0xD800) {
        low = unicode_escape(r->at, r->end);
        if (rune < 0xDC00 && low != UINT32_MAX && (low & 0xFC00) == 0xDC00) {
            rune = 0x10000 + ((rune & 0x3FF) << 10 | (low & 0x3FF));
            r->at += 6;
        } else if (!r->allow_lone) {
            (void)fail(r, "lone surrogate in a string");
        }
    }
    utf8_encode(&r->text, rune);
}

static void read_escape(struct reader *r)
{
    static const char plain[] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                 ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    uint8_t c = r->end - r->at >= 2 ? (uint8_t)r->at[1] : 0;

    if (c == 'u') {
        read_unicode_escape(r);
    } else if (c < sizeof(plain) && plain[c] != 0) {
        buf_add_char(&r->text, plain[c]);
        r->at += 2;
    } else {
        (void)fail(r, "malformed escape");
    }
}

/* The first byte from p on that ends a plain stretch of a string: quote, backslash or control. */
static const char *plain_end(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;

    for (; end - p >= 8; p += 8) {
        uint64_t word, quote, backslash;

        memcpy(&word, p, sizeof(word));
        quote = word ^ (ones * '"');
        backslash = word ^ (ones * '\\');
        if ((((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
             ((backslash - ones) & ~backslash)) &
            highs)
            break;
    }
    while (p < end && *p != '"' && *p != '\\' && (uint8_t)*p >= 0x20)
        p++;
    return p;
}

/* The string behind the quote at r->at: a piece of the input, or r->text when there are escapes. */
static struct str read_string(struct reader *r)
{
    const char *from = ++r->at;

    r->at = plain_end(from, r->end);
    if (r->at < r->end && *r->at == '"')
        return (struct str){.p = from, .n = (size_t)(r->at++ - from)};
    buf_reset(&r->text);
    while (r->fault == NULL) {
        buf_add(&r->text, from, (size_t)(r->at - from));
        if (r->at == r->end) {
            (void)fail(r, "unexpected end of a string");
        } else if (*r->at == '"') {
            r->at++;
            break;
        } else if (*r->at == '\\') {
            read_escape(r);
        } else {
            (void)fail(r, "control character in a string");
        }
        from = r->at;
        r->at = plain_end(from, r->end);
    }
    return buf_str(&r->text);
}

static struct json_object *read_array(struct reader *r)
{
    struct json_object *array = made(json_object_new_array_ext(4));

    r->at++;
    if (take(r, ']'))
        return array;
    do {
        struct json_object *v = read_value(r);

        if (r->fault == NULL && json_object_array_add(array, v) != 0)
            abort();
    } while (r->fault == NULL && take(r, ','));
    if (r->fault == NULL && take(r, ']'))
        return array;
    json_object_put(array);
    return fail(r, "expected , or ] in an array");
}

/* One "key": value into the object. */
static void read_pair(struct reader *r, struct json_object *object)
{
    size_t offset = r->keys.n;
    struct json_object *v;
    struct str key;

    skip_space(r);
    if (r->at == r->end || *r->at != '"') {
        (void)fail(r, "expected a key in quotes");
        return;
    }
    key = read_string(r);
    if (r->fault == NULL && key.n != 0 && memchr(key.p, '\0', key.n) != NULL)
        (void)fail(r, "\\u0000 in a key"); /* json-c's keys end with a NUL */
    if (r->fault == NULL) {
        buf_add_str(&r->keys, key);
        buf_add_char(&r->keys, '\0');
        if (!take(r, ':'))
            (void)fail(r, "expected : behind a key");
    }
    if (r->fault != NULL)
        return;
    v = read_value(r);
    if (r->fault == NULL && json_object_object_add_ex(object, r->keys.p + offset, v, 0) != 0)
        abort();
    r->keys.n = offset;
}

static struct json_object *read_object(struct reader *r)
{
    struct json_object *object = made(json_object_new_object());

    r->at++;
    if (take(r, '}'))
        return object;
    do
        read_pair(r, object);
    while (r->fault == NULL && take(r, ','));
    if (r->fault == NULL && take(r, '}'))
        return object;
    json_object_put(object);
    return fail(r, "expected , or } in an object");
}

static bool take_word(struct reader *r, struct str word)
{
    if (!str_starts((struct str){.p = r->at, .n = (size_t)(r->end - r->at)}, word))
        return false;
    r->at += word.n;
    return true;
}

/* NULL is a null, or a fault. */
static struct json_object *read_value(struct reader *r)
{
    struct json_object *o;
    struct str s;

    skip_space(r);
    if (r->at == r->end)
        return fail(r, "unexpected end");
    switch (*r->at) {
    case '"':
        s = read_string(r);
        return r->fault == NULL ? made(json_object_new_string_len(s.p, (int)s.n)) : NULL;
    case '{':
    case '[':
        if (r->depth == JSON_DEPTH_MAX)
            return fail(r, too_deep);
        r->depth++;
        o = *r->at == '{' ? read_object(r) : read_array(r);
        r->depth--;
        return o;
    case 't':
        if (take_word(r, STR("true")))
            return made(json_object_new_boolean(1));
        break;
    case 'f':
        if (take_word(r, STR("false")))
            return made(json_object_new_boolean(0));
        break;
    case 'n':
        if (take_word(r, STR("null")))
            return NULL;
        break;
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
            return read_number(r);
        break;
    }
    return fail(r, "unexpected character");
}

static int read_text(struct str text, struct json_opt opt, struct json_object **ret,
                     struct err *err)
{
    struct reader r = {.at = text.p, .end = text.p + text.n, .allow_lone = opt.repair_utf8};
    struct json_object *o;

    buf_init(&r.text, text.n + 1);
    buf_init(&r.keys, text.n + JSON_DEPTH_MAX);
    o = read_value(&r);
    skip_space(&r);
    if (r.fault == NULL && r.at != r.end && !opt.ignore_trailing) {
        json_object_put(o);
        (void)fail(&r, "data behind the value");
    }
    buf_clear(&r.text);
    buf_clear(&r.keys);
    if (r.fault != NULL)
        return err_set(err, r.fault == too_deep ? -E2BIG : -EINVAL, "invalid JSON at byte %zu: %s",
                       (size_t)(r.at - text.p), r.fault);
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
