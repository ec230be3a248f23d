#include "common/base/json_reader.h"

#include "common/base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

const char json_too_deep[] = "nested too deeply";

void json_reader_init(struct json_reader *r, struct str text, bool allow_lone)
{
    *r = (struct json_reader){.at = text.p, .end = text.p + text.n, .allow_lone = allow_lone};
    buf_init(&r->text, text.n + 1);
}

void json_reader_clear(struct json_reader *r)
{
    buf_clear(&r->text);
}

void json_reader_fail(struct json_reader *r, const char *fault)
{
    if (r->fault == NULL)
        r->fault = fault;
}

static void skip_space(struct json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* Steps over white space and the byte wanted behind it. */
static bool take(struct json_reader *r, char want)
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

static void read_unicode_escape(struct json_reader *r)
{
    uint32_t rune = unicode_escape(r->at, r->end), low;

    if (rune == UINT32_MAX) {
        json_reader_fail(r, "malformed escape");
        return;
    }
    r->at += 6;
    if ((rune & 0xF800) == 0xD800) {
        low = unicode_escape(r->at, r->end);
        if (rune < 0xDC00 && low != UINT32_MAX && (low & 0xFC00) == 0xDC00) {
            rune = 0x10000 + ((rune & 0x3FF) << 10 | (low & 0x3FF));
            r->at += 6;
        } else if (!r->allow_lone) {
            json_reader_fail(r, "lone surrogate in a string");
        }
    }
    utf8_encode(&r->text, rune);
}

static void read_escape(struct json_reader *r)
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
        json_reader_fail(r, "malformed escape");
    }
}

/* The first byte from p on that ends a plain stretch of a string: quote, backslash or control. */
static const char *plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_cmpeq_epi8(_mm_max_epu8(v, _mm_set1_epi8(0x1f)), _mm_set1_epi8(0x1f));
        int mask;

        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        mask = _mm_movemask_epi8(stop);
        if (mask != 0)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (uint8_t)*p >= 0x20)
        p++;
    return p;
}

/* The string behind the quote at r->at: a piece of the input, or r->text when there are escapes. */
static struct str read_string(struct json_reader *r)
{
    const char *from = ++r->at;

    r->at = plain_end(from, r->end);
    if (r->at < r->end && *r->at == '"')
        return (struct str){.p = from, .n = (size_t)(r->at++ - from)};
    buf_reset(&r->text);
    while (r->fault == NULL) {
        buf_add(&r->text, from, (size_t)(r->at - from));
        if (r->at == r->end) {
            json_reader_fail(r, "unexpected end of a string");
        } else if (*r->at == '"') {
            r->at++;
            break;
        } else if (*r->at == '\\') {
            read_escape(r);
        } else {
            json_reader_fail(r, "control character in a string");
        }
        from = r->at;
        r->at = plain_end(from, r->end);
    }
    return buf_str(&r->text);
}

struct str json_reader_str(struct json_reader *r, struct arena *a)
{
    struct str s;

    if (r->fault != NULL)
        return STR_EMPTY;
    s = read_string(r);
    if (r->fault != NULL)
        return STR_EMPTY;
    return a != NULL && s.p == r->text.p ? arena_str(a, s) : s;
}

struct str json_reader_number(struct json_reader *r, bool *ret_whole)
{
    const char *from = r->at, *end;

    *ret_whole = false;
    if (r->fault != NULL)
        return STR_EMPTY;
    end = number_end(r->at, r->end, ret_whole);
    if (end == NULL) {
        json_reader_fail(r, "malformed number");
        return STR_EMPTY;
    }
    r->at = end;
    return (struct str){.p = from, .n = (size_t)(end - from)};
}

static bool take_word(struct json_reader *r, struct str word)
{
    if (r->fault != NULL ||
        !str_starts((struct str){.p = r->at, .n = (size_t)(r->end - r->at)}, word))
        return false;
    r->at += word.n;
    return true;
}

bool json_reader_bool(struct json_reader *r)
{
    if (take_word(r, STR("true")))
        return true;
    if (!take_word(r, STR("false")))
        json_reader_fail(r, "unexpected character");
    return false;
}

enum json_kind json_reader_kind(struct json_reader *r)
{
    if (r->fault != NULL)
        return JSON_END;
    skip_space(r);
    if (r->at == r->end) {
        json_reader_fail(r, "unexpected end");
        return JSON_END;
    }
    switch (*r->at) {
    case '"':
        return JSON_STRING;
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case 't':
    case 'f':
        return JSON_BOOL;
    case 'n':
        return JSON_NULL;
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
            return JSON_NUMBER;
        json_reader_fail(r, "unexpected character");
        return JSON_END;
    }
}

bool json_reader_has_more(struct json_reader *r)
{
    skip_space(r);
    return r->at != r->end;
}

void json_reader_open(struct json_reader *r)
{
    if (r->depth == JSON_DEPTH_MAX)
        json_reader_fail(r, json_too_deep);
    if (r->fault != NULL)
        return;
    r->depth++;
    r->at++;
    r->fresh = true;
}

/* Whether an element follows in what `close` ends. */
static bool another(struct json_reader *r, char close, const char *fault)
{
    bool fresh = r->fresh;

    r->fresh = false;
    if (r->fault != NULL)
        return false;
    if (!fresh && take(r, ','))
        return true;
    if (take(r, close)) {
        r->depth--;
        return false;
    }
    if (!fresh)
        json_reader_fail(r, fault);
    return fresh;
}

bool json_reader_more(struct json_reader *r)
{
    return another(r, ']', "expected , or ] in an array");
}

bool json_reader_key(struct json_reader *r, struct str *ret)
{
    struct str key;

    if (!another(r, '}', "expected , or } in an object"))
        return false;
    skip_space(r);
    if (r->at == r->end || *r->at != '"') {
        json_reader_fail(r, "expected a key in quotes");
        return false;
    }
    key = read_string(r);
    if (r->fault == NULL && key.n != 0 && memchr(key.p, '\0', key.n) != NULL)
        json_reader_fail(r, "\\u0000 in a key"); /* json-c's keys end with a NUL */
    if (r->fault == NULL && !take(r, ':'))
        json_reader_fail(r, "expected : behind a key");
    *ret = key;
    return r->fault == NULL;
}

void json_reader_skip(struct json_reader *r)
{
    struct str key;
    bool whole;

    switch (json_reader_kind(r)) {
    case JSON_END:
        break;
    case JSON_NULL:
        if (!take_word(r, STR("null")))
            json_reader_fail(r, "unexpected character");
        break;
    case JSON_BOOL:
        (void)json_reader_bool(r);
        break;
    case JSON_NUMBER:
        (void)json_reader_number(r, &whole);
        break;
    case JSON_STRING:
        (void)json_reader_str(r, NULL);
        break;
    case JSON_ARRAY:
        for (json_reader_open(r); json_reader_more(r);)
            json_reader_skip(r);
        break;
    case JSON_OBJECT:
        for (json_reader_open(r); json_reader_key(r, &key);)
            json_reader_skip(r);
        break;
    }
}
