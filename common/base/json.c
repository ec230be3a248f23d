#include "common/base/json.h"

#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* json-c 0.16 takes some things for JSON that are none, or changes them in silence, even when it is
 * strict: raw control characters in strings, NaN and Infinity, "1." and "-01", lone surrogates, and
 * \u0000 in a key, where the key ends for it. This scan refuses those and leaves the grammar to
 * json-c. It ends with the first value, so that what trails it is not judged here. */
struct scan {
    const char *at, *end;
    unsigned depth;
    bool allow_lone;   /* json-c makes U+FFFD of lone surrogates, as Go does */
    const char *fault; /* a constant phrase; NULL while all is well */
};

static const char too_deep[] = "nested too deeply";

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static size_t digits(const char *p, const char *end)
{
    size_t n = 0;

    while (is_digit(p + n, end))
        n++;
    return n;
}

/* RFC 8259 §6. */
static void scan_number(struct scan *s)
{
    const char *p = s->at;
    size_t n;

    if (*p == '-')
        p++;
    n = digits(p, s->end);
    if (n == 0 || (n > 1 && *p == '0')) {
        s->fault = "malformed number";
        return;
    }
    p += n;
    if (p < s->end && *p == '.') {
        n = digits(p + 1, s->end);
        if (n == 0)
            s->fault = "malformed number";
        p += 1 + n;
    }
    if (p < s->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        n = digits(p, s->end);
        if (n == 0)
            s->fault = "malformed number";
        p += n;
    }
    s->at = p;
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

/* Steps over the escape at s->at; true when it is \u0000. */
static bool scan_escape(struct scan *s)
{
    uint32_t rune = unicode_escape(s->at, s->end);

    if (rune == UINT32_MAX) {
        s->at += s->end - s->at >= 2 ? 2 : 1;
        return false;
    }
    s->at += 6;
    if ((rune & 0xF800) == 0xD800) {
        uint32_t low = unicode_escape(s->at, s->end);
        bool pair = rune < 0xDC00 && low != UINT32_MAX && (low & 0xFC00) == 0xDC00;

        if (pair)
            s->at += 6;
        else if (!s->allow_lone)
            s->fault = "lone surrogate in a string";
    }
    return rune == 0;
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

static void scan_string(struct scan *s)
{
    bool has_nul = false;

    s->at++;
    while (s->fault == NULL) {
        s->at = plain_end(s->at, s->end);
        if (s->at == s->end)
            return; /* json-c misses the closing quote itself */
        if (*s->at == '"')
            break;
        if (*s->at == '\\')
            has_nul |= scan_escape(s);
        else
            s->fault = "control character in a string";
    }
    if (s->fault != NULL)
        return;
    s->at++;
    if (has_nul) {
        const char *p = s->at;

        while (p < s->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
            p++;
        if (p < s->end && *p == ':')
            s->fault = "\\u0000 in a key";
    }
}

static void scan_value(struct scan *s)
{
    while (s->at < s->end && s->fault == NULL) {
        char c = *s->at;

        if (c == '"') {
            scan_string(s);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            scan_number(s);
        } else if (c == '{' || c == '[') {
            if (s->depth == JSON_DEPTH_MAX) {
                s->fault = too_deep;
                return;
            }
            s->depth++;
            s->at++;
            continue;
        } else if (c == '}' || c == ']') {
            s->depth -= s->depth != 0;
            s->at++;
        } else if (c == 'N' || c == 'I') {
            s->fault = "neither NaN nor Infinity is JSON";
        } else {
            s->at++;
            if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
                continue;
        }
        if (s->depth == 0)
            return;
    }
}

static int run_tokener(struct str text, struct json_opt opt, struct json_object **ret,
                       struct err *err)
{
    struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX + 2); /* the scan counts */
    struct json_object *o;
    enum json_tokener_error why;
    size_t end;

    if (tok == NULL)
        abort();
    json_tokener_set_flags(tok, opt.ignore_trailing
                                    ? JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS
                                    : JSON_TOKENER_STRICT);
    o = json_tokener_parse_ex(tok, text.p, (int)text.n);
    end = json_tokener_get_parse_end(tok);
    why = json_tokener_get_error(tok);
    if (why == json_tokener_continue) { /* a number may go on until it sees the end */
        o = json_tokener_parse_ex(tok, "", 1);
        why = json_tokener_get_error(tok);
        if (why == json_tokener_continue)
            why = json_tokener_error_parse_eof;
    }
    json_tokener_free(tok);
    if (why == json_tokener_success && end < text.n && !opt.ignore_trailing) {
        json_object_put(o); /* a NUL ends the text for json-c */
        return err_set(err, -EINVAL, "invalid JSON at byte %zu: data behind the value", end);
    }
    if (why != json_tokener_success)
        return err_set(err, -EINVAL, "invalid JSON at byte %zu: %s", end,
                       json_tokener_error_desc(why));
    *ret = o;
    return 0;
}

int json_parse(struct str text, struct json_opt opt, struct json_object **ret, struct err *err)
{
    struct scan scan;
    struct buf repaired;
    size_t valid;
    int r;

    buf_init(&repaired, 3 * text.n + 1);
    if (text.n > INT_MAX / 3)
        return err_set(err, -EFBIG, "JSON text of %zu bytes is too long", text.n);
    if (text.n == 0)
        return err_set(err, -EINVAL, "invalid JSON at byte 0: it is empty");
    valid = utf8_valid_run(text);
    if (valid != text.n) {
        if (!opt.repair_utf8)
            return err_set(err, -EILSEQ, "invalid JSON at byte %zu: invalid UTF-8", valid);
        utf8_add_repaired(&repaired, text);
        text = buf_str(&repaired);
    }
    scan = (struct scan){.at = text.p, .end = text.p + text.n, .allow_lone = opt.repair_utf8};
    scan_value(&scan);
    if (scan.fault != NULL)
        r = err_set(err, scan.fault == too_deep ? -E2BIG : -EINVAL, "invalid JSON at byte %zu: %s",
                    (size_t)(scan.at - text.p), scan.fault);
    else
        r = run_tokener(text, opt, ret, err);
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
    struct json_object *v;
    int r = get(o, key, json_type_string, "a string", &v, err);

    if (r == 1)
        *ret = json_str(v);
    return r < 0 ? r : 0;
}

int json_get_i64(struct json_object *o, const char *key, int64_t *ret, struct err *err)
{
    struct json_object *v;
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
    struct json_object *v;
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
    struct json_object *v;
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
