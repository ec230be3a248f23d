/* The classic syntax: tolerant about white space, quotes and braces, classic names only. */
#include "common/core/model/matcher_syntax.h"

#include "common/base/utf8.h"

#include <errno.h>

static bool is_space(char c) /* RE2's \s */
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
}

static struct str skip_space(struct str s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s = str_sub(s, 1, s.n);
    return s;
}

/* name, operator, raw value; the value without the white space around it */
static bool split(struct str s, struct str *ret_name, enum matcher_op *ret_op, struct str *ret_raw)
{
    size_t n = 0;

    s = skip_space(s);
    while (n < s.n && is_name_char(s.p[n], n == 0))
        n++;
    if (n == 0)
        return false;
    *ret_name = str_sub(s, 0, n);
    s = skip_space(str_sub(s, n, s.n));

    size_t op_n = 2;

    if (str_starts(s, STR("=~")))
        *ret_op = MATCH_RE;
    else if (str_starts(s, STR("!=")))
        *ret_op = MATCH_NE;
    else if (str_starts(s, STR("!~")))
        *ret_op = MATCH_NRE;
    else if (str_starts(s, STR("=")))
        *ret_op = MATCH_EQ, op_n = 1;
    else
        return false;
    s = skip_space(str_sub(s, op_n, s.n));
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    *ret_raw = s;
    return true;
}

/* OpenMetrics escapes; a backslash before anything else is itself. False on a stray quote. */
static bool unescape(struct str raw, struct buf *b)
{
    bool quoted = raw.n > 0 && raw.p[0] == '"';
    bool closed = !quoted;

    if (quoted)
        raw = str_sub(raw, 1, raw.n);
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];

        if (c == '"') {
            if (closed || i + 1 < raw.n)
                return false;
            closed = true;
        } else if (c == '\\' && i + 1 < raw.n) {
            char next = raw.p[++i];

            if (next == 'n') {
                buf_add_char(b, '\n');
            } else {
                if (next != '"' && next != '\\')
                    buf_add_char(b, '\\');
                buf_add_char(b, next);
            }
        } else {
            buf_add_char(b, c);
        }
    }
    return closed;
}

int matcher_read_classic(struct str text, struct arena *a, struct matcher *ret, struct err *err)
{
    struct str name, raw;
    enum matcher_op op;

    if (!split(text, &name, &op, &raw))
        return err_set(err, -EINVAL, "bad matcher format: " STR_FMT, STR_ARG(text));
    if (!utf8_valid(raw))
        return err_set(err, -EINVAL, "matcher value not valid UTF-8: " STR_FMT, STR_ARG(raw));

    struct buf value;
    int rc;

    buf_init(&value, raw.n + 1);
    if (unescape(raw, &value))
        rc = matcher_make(op, name, buf_str(&value), a, ret, err);
    else
        rc = err_set(err, -EINVAL, "matcher value contains unescaped double quote: " STR_FMT,
                     STR_ARG(raw));
    buf_clear(&value);
    return rc;
}

static struct str trim_unicode(struct str s)
{
    uint32_t rune;

    while (s.n > 0) {
        size_t n = utf8_decode(s, &rune);

        if (!matcher_rune_is_space(rune))
            break;
        s = str_sub(s, n, s.n);
    }
    while (s.n > 0) {
        size_t start = s.n - 1;

        while (start > 0 && s.n - start < 3 && ((uint8_t)s.p[start] & 0xC0) == 0x80)
            start--;
        if (utf8_decode(str_sub(s, start, s.n), &rune) != s.n - start ||
            !matcher_rune_is_space(rune))
            break;
        s.n = start;
    }
    return s;
}

/* The end of the first element: a comma outside quotes, or s.n. A quote behind an odd run of
 * backslashes does not count; a comma inside quotes leaves that state alone, as upstream does. */
static size_t element_end(struct str s)
{
    bool quoted = false, escaped = false;

    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case ',':
            if (!quoted)
                return i;
            break;
        case '"':
            if (!escaped)
                quoted = !quoted;
            escaped = false;
            break;
        case '\\':
            escaped = !escaped;
            break;
        default:
            escaped = false;
        }
    }
    return s.n;
}

static int read_element(struct str element, struct arena *a, struct matchers *ret, struct err *err)
{
    struct matcher m;
    int rc = matcher_read_classic(element, a, &m, err);

    if (rc == 0)
        matchers_add(ret, m, a);
    return rc;
}

int matchers_read_classic(struct str text, struct arena *a, struct matchers *ret, struct err *err)
{
    struct buf repaired;
    int rc = 0;

    buf_init(&repaired, 3 * text.n + 1);
    utf8_add_repaired(&repaired, text);

    struct str s = buf_str(&repaired);

    if (str_starts(s, STR("{")))
        s = str_sub(s, 1, s.n);
    if (str_ends(s, STR("}")))
        s.n--;
    while (rc == 0) {
        size_t end = element_end(s);
        bool last = end == s.n;
        struct str element = str_sub(s, 0, end);

        if (last)
            element = trim_unicode(element);
        if (!last || element.n > 0) /* a comma at the end is fine, an empty element elsewhere not */
            rc = read_element(element, a, ret, err);
        if (last)
            break;
        s = str_sub(s, end + 1, s.n);
    }
    buf_clear(&repaired);
    return rc;
}
