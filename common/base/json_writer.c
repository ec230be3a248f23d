#include "common/base/json.h"
#include "common/base/time_text.h"
#include "common/base/utf8.h"

#include <assert.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* Before any value: the comma, unless a key has just been written. */
static void before_value(struct json_writer *w)
{
    assert(w->depth == 0 || w->after_key == ((w->objects >> w->depth & 1) != 0));
    if (w->need_comma)
        buf_add_char(w->out, ',');
    w->need_comma = true;
    w->after_key = false;
}

static void open(struct json_writer *w, char bracket, bool object)
{
    before_value(w);
    assert(w->depth < JSON_WRITER_DEPTH_MAX);
    w->depth++;
    w->objects = (w->objects & ~(UINT64_C(1) << w->depth)) | (uint64_t)object << w->depth;
    w->need_comma = false;
    buf_add_char(w->out, bracket);
}

static void close(struct json_writer *w, char bracket, bool object)
{
    assert(w->depth > 0 && !w->after_key && (w->objects >> w->depth & 1) == object);
    w->depth--;
    w->need_comma = true;
    buf_add_char(w->out, bracket);
}

void json_open_object(struct json_writer *w)
{
    open(w, '{', true);
}

void json_close_object(struct json_writer *w)
{
    close(w, '}', true);
}

void json_open_array(struct json_writer *w)
{
    open(w, '[', false);
}

void json_close_array(struct json_writer *w)
{
    close(w, ']', false);
}

/* Bytes that stand for themselves in a string; those from 0x80 on need a look at the whole rune. */
static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static size_t plain_run(const char *p, size_t n)
{
    size_t i = 0;

#ifdef __SSE2__
    for (; n - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        /* As signed bytes, control characters and those from 0x80 on are all below the space; '<'
         * and '>' differ in one bit. */
        __m128i bad = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
        int mask;

        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('&')));
        bad = _mm_or_si128(bad,
                           _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(2)), _mm_set1_epi8('>')));
        mask = _mm_movemask_epi8(bad);
        if (mask != 0)
            return i + (size_t)__builtin_ctz((unsigned)mask);
    }
#endif
    while (i < n && is_plain((uint8_t)p[i]))
        i++;
    return i;
}

bool json_plain(struct str s)
{
    return plain_run(s.p, s.n) == s.n;
}

static void add_escape(struct buf *b, uint32_t rune)
{
    static const char named[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                 ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

    buf_add_char(b, '\\');
    if (rune < sizeof(named) && named[rune] != 0) {
        buf_add_char(b, named[rune]);
        return;
    }
    buf_add_char(b, 'u');
    for (unsigned shift = 16; shift > 0;) {
        shift -= 4;
        buf_add_char(b, "0123456789abcdef"[rune >> shift & 15]);
    }
}

static void add_string(struct buf *b, struct str s)
{
    size_t from = 0, i = 0;

    if (s.n == 0)
        s = STR_EMPTY; /* p may be NULL */
    buf_add_char(b, '"');
    for (;;) {
        uint32_t rune;
        size_t length;

        i += plain_run(s.p + i, s.n - i);
        if (i == s.n)
            break;
        length = utf8_decode(str_sub(s, i, s.n), &rune);
        if (rune >= 0x80 && rune != 0x2028 && rune != 0x2029 && !(rune == 0xFFFD && length == 1)) {
            i += length;
            continue;
        }
        buf_add(b, s.p + from, i - from);
        add_escape(b, rune);
        from = i += length;
    }
    buf_add(b, s.p + from, i - from);
    buf_add_char(b, '"');
}

void json_key_str(struct json_writer *w, struct str key)
{
    assert(w->depth > 0 && (w->objects >> w->depth & 1) != 0 && !w->after_key);
    if (w->need_comma)
        buf_add_char(w->out, ',');
    add_string(w->out, key);
    buf_add_char(w->out, ':');
    w->need_comma = false;
    w->after_key = true;
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_str(w, str_from(key));
}

void json_add_str(struct json_writer *w, struct str s)
{
    before_value(w);
    add_string(w->out, s);
}

void json_add_i64(struct json_writer *w, int64_t v)
{
    before_value(w);
    buf_add_i64(w->out, v);
}

void json_add_u64(struct json_writer *w, uint64_t v)
{
    before_value(w);
    buf_add_u64(w->out, v);
}

void json_add_bool(struct json_writer *w, bool v)
{
    before_value(w);
    buf_add_str(w->out, v ? STR("true") : STR("false"));
}

void json_add_null(struct json_writer *w)
{
    before_value(w);
    buf_add_str(w->out, STR("null"));
}

void json_add_raw(struct json_writer *w, struct str json)
{
    before_value(w);
    buf_add_str(w->out, json);
}

void json_add_time(struct json_writer *w, int64_t wall_ms)
{
    before_value(w);
    buf_add_char(w->out, '"');
    time_add_rfc3339_ms(w->out, wall_ms);
    buf_add_char(w->out, '"');
}

void json_put_str(struct json_writer *w, const char *key, struct str v)
{
    json_key(w, key);
    json_add_str(w, v);
}

void json_put_i64(struct json_writer *w, const char *key, int64_t v)
{
    json_key(w, key);
    json_add_i64(w, v);
}

void json_put_u64(struct json_writer *w, const char *key, uint64_t v)
{
    json_key(w, key);
    json_add_u64(w, v);
}

void json_put_bool(struct json_writer *w, const char *key, bool v)
{
    json_key(w, key);
    json_add_bool(w, v);
}

void json_put_time(struct json_writer *w, const char *key, int64_t wall_ms)
{
    json_key(w, key);
    json_add_time(w, wall_ms);
}

void json_put_raw(struct json_writer *w, const char *key, struct str json)
{
    json_key(w, key);
    json_add_raw(w, json);
}
