/* The UTF-8 syntax: any name, quoted where it needs to be; strict about everything else. Errors
 * carry start:end columns, in runes. */
#include "common/core/model/matcher_syntax.h"

#include "common/base/utf8.h"

#include <errno.h>

enum token_kind { T_END, T_OPEN, T_CLOSE, T_COMMA, T_OP, T_UNQUOTED, T_QUOTED };

struct token {
    enum token_kind kind;
    enum matcher_op op; /* T_OP */
    struct str text;    /* as written, quotes included */
    size_t from, to;    /* columns */
};

struct reader {
    struct str rest;
    size_t column; /* of rest's first rune */
    struct arena *arena;
    struct matchers *ret;
    struct err *err;
};

static uint32_t peek_rune(struct str s, size_t *ret_n)
{
    uint32_t rune = 0;

    *ret_n = s.n > 0 ? utf8_decode(s, &rune) : 0;
    return rune;
}

static int operator_token(struct str s, struct token *t, struct err *err)
{
    t->kind = T_OP;
    t->op = s.p[0] == '=' ? MATCH_EQ : MATCH_NE;
    t->to = t->from + 1;
    t->text = str_sub(s, 0, 1);

    char next = '\0';

    if (s.n > 1)
        next = s.p[1];
    if (next == '~') {
        t->op = s.p[0] == '=' ? MATCH_RE : MATCH_NRE;
    } else if (s.p[0] == '=') {
        return 0;
    } else if (next != '=') {
        if (s.n < 2)
            return err_set(err, -EINVAL, "%zu:%zu: unexpected end of input, expected one of '=~'",
                           t->from, t->to);
        return err_set(err, -EINVAL, "%zu:%zu: !: expected one of '=~'", t->from, t->to);
    }
    t->to = t->from + 2;
    t->text = str_sub(s, 0, 2);
    return 0;
}

static int quoted_token(struct str s, struct token *t, struct err *err)
{
    bool escaped = false;
    size_t i = 1;

    t->kind = T_QUOTED;
    t->to = t->from + 1;
    while (i < s.n) {
        uint32_t rune;

        i += utf8_decode(str_sub(s, i, s.n), &rune);
        t->to++;
        if (rune == '"' && !escaped) {
            t->text = str_sub(s, 0, i);
            return 0;
        }
        escaped = rune == '\\' && !escaped;
    }
    return err_set(err, -EINVAL, "%zu:%zu: " STR_FMT ": missing end \"", t->from, t->to,
                   STR_ARG(s));
}

static void unquoted_token(struct str s, struct token *t)
{
    size_t i = 0, n;

    t->kind = T_UNQUOTED;
    t->to = t->from;
    while (i < s.n && !matcher_rune_is_reserved(peek_rune(str_sub(s, i, s.n), &n))) {
        i += n;
        t->to++;
    }
    t->text = str_sub(s, 0, i);
}

/* The next token without taking it. White space in front of it is skipped. */
static int peek(struct reader *r, struct token *t)
{
    size_t n;
    uint32_t rune = peek_rune(r->rest, &n);

    while (n > 0 && matcher_rune_is_space(rune)) {
        r->rest = str_sub(r->rest, n, r->rest.n);
        r->column++;
        rune = peek_rune(r->rest, &n);
    }
    *t = (struct token){
        .kind = T_END, .from = r->column, .to = r->column + 1, .text = str_sub(r->rest, 0, n)};
    if (n == 0)
        return 0;
    switch (rune) {
    case '{':
        t->kind = T_OPEN;
        return 0;
    case '}':
        t->kind = T_CLOSE;
        return 0;
    case ',':
        t->kind = T_COMMA;
        return 0;
    case '=':
    case '!':
        return operator_token(r->rest, t, r->err);
    case '"':
        return quoted_token(r->rest, t, r->err);
    default:
        break;
    }
    if (matcher_rune_is_reserved(rune))
        return err_set(r->err, -EINVAL, "%zu:%zu: " STR_FMT ": invalid input", t->from, t->to,
                       STR_ARG(t->text));
    unquoted_token(r->rest, t);
    return 0;
}

static void take(struct reader *r, const struct token *t)
{
    r->rest = str_sub(r->rest, t->text.n, r->rest.n);
    r->column = t->to;
}

static int unexpected(struct reader *r, const struct token *t, const char *wanted)
{
    if (t->kind == T_END)
        return err_set(r->err, -EINVAL, "end of input: %s", wanted);
    return err_set(r->err, -EINVAL, "%zu:%zu: unexpected " STR_FMT ": %s", t->from, t->to,
                   STR_ARG(t->text), wanted);
}

static bool hex_value(struct str digits, uint32_t *ret)
{
    uint32_t v = 0;

    for (size_t i = 0; i < digits.n; i++) {
        char c = digits.p[i];

        v <<= 4;
        if (c >= '0' && c <= '9')
            v |= (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v |= (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            v |= (uint32_t)(c - 'A' + 10);
        else
            return false;
    }
    *ret = v;
    return true;
}

/* One escape of a Go string, s starting behind the backslash. Returns its length, 0 when bad. */
static size_t unquote_escape(struct str s, struct buf *b)
{
    static const char from[] = "abfnrtv\\\"", to[] = "\a\b\f\n\r\t\v\\\"";
    const char *simple = s.n > 0 && s.p[0] != '\0' ? strchr(from, s.p[0]) : NULL;
    uint32_t v = 0;

    if (s.n == 0)
        return 0;
    if (simple != NULL) {
        buf_add_char(b, to[simple - from]);
        return 1;
    }
    if (s.p[0] >= '0' && s.p[0] <= '7') {
        for (size_t i = 0; i < 3; i++) {
            if (i >= s.n || s.p[i] < '0' || s.p[i] > '7')
                return 0;
            v = v * 8 + (uint32_t)(s.p[i] - '0');
        }
        if (v > 255)
            return 0;
        buf_add_char(b, (char)v);
        return 3;
    }

    size_t digits = s.p[0] == 'x' ? 2 : s.p[0] == 'u' ? 4 : s.p[0] == 'U' ? 8 : 0;

    if (digits == 0 || s.n < 1 + digits || !hex_value(str_sub(s, 1, 1 + digits), &v))
        return 0;
    if (digits == 2) {
        buf_add_char(b, (char)v);
        return 3;
    }
    if (v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
        return 0;
    utf8_encode(b, v);
    return 1 + digits;
}

/* Go's strconv.Unquote of a double-quoted string, which must give valid UTF-8. */
static bool unquote(struct str quoted, struct buf *b)
{
    struct str s = str_sub(quoted, 1, quoted.n - 1);

    for (size_t i = 0; i < s.n;) {
        if (s.p[i] == '\n')
            return false;
        if (s.p[i] != '\\') {
            buf_add_char(b, s.p[i++]);
            continue;
        }

        size_t n = unquote_escape(str_sub(s, i + 1, s.n), b);

        if (n == 0)
            return false;
        i += 1 + n;
    }
    return utf8_valid(buf_str(b));
}

/* A name or a value. */
static int read_text(struct reader *r, const char *wanted, struct buf *b)
{
    struct token t;
    int rc = peek(r, &t);

    if (rc < 0) {
        struct err bad_token = *r->err;

        return err_set(r->err, rc, "%s: %s", bad_token.text, wanted);
    }
    if (t.kind != T_QUOTED && t.kind != T_UNQUOTED)
        return unexpected(r, &t, wanted);

    bool good = t.kind == T_QUOTED ? unquote(t.text, b) : utf8_valid(t.text);

    if (!good)
        return err_set(r->err, -EINVAL, "%zu:%zu: " STR_FMT ": invalid input", t.from, t.to,
                       STR_ARG(t.text));
    if (t.kind == T_UNQUOTED)
        buf_add_str(b, t.text);
    take(r, &t);
    return 0;
}

static int read_matcher(struct reader *r)
{
    struct token t;
    struct matcher m;
    struct buf name, value;

    buf_init(&name, 4 * r->rest.n + 1);
    buf_init(&value, 4 * r->rest.n + 1);

    int rc = read_text(r, "expected label name", &name);

    if (rc < 0)
        goto out;
    rc = peek(r, &t);
    if (rc < 0)
        goto out;
    if (t.kind != T_OP) {
        rc = unexpected(r, &t, "expected an operator such as '=', '!=', '=~' or '!~'");
        goto out;
    }
    take(r, &t);
    rc = read_text(r, "expected label value", &value);
    if (rc < 0)
        goto out;
    rc = matcher_make(t.op, buf_str(&name), buf_str(&value), r->arena, &m, r->err);
    if (rc < 0)
        (void)err_wrap(r->err, "failed to create matcher");
    else
        matchers_add(r->ret, m, r->arena);
out:
    buf_clear(&name);
    buf_clear(&value);
    return rc;
}

/* Matchers up to the closing brace or the end, neither taken. */
static int read_list(struct reader *r)
{
    for (;;) {
        struct token t;
        int rc = read_matcher(r);

        if (rc == 0)
            rc = peek(r, &t);
        if (rc < 0)
            return rc;
        if (t.kind == T_END || t.kind == T_CLOSE)
            return 0;
        if (t.kind != T_COMMA)
            return unexpected(r, &t, "expected a comma or close brace");
        take(r, &t);
        rc = peek(r, &t);
        if (rc < 0)
            return rc;
        if (t.kind == T_END || t.kind == T_CLOSE)
            return 0;
        if (t.kind != T_QUOTED && t.kind != T_UNQUOTED)
            return unexpected(r, &t, "expected a matcher or close brace after comma");
    }
}

static int read_end(struct reader *r, bool opened)
{
    struct token t;
    int rc = peek(r, &t);

    if (rc < 0)
        return rc;
    if (opened && t.kind != T_CLOSE)
        return err_set(r->err, -EINVAL, "0:%zu: end of input: expected close brace", r->column);
    if (!opened && t.kind == T_CLOSE)
        return err_set(r->err, -EINVAL, "0:%zu: }: expected opening brace", t.to);
    if (t.kind == T_CLOSE)
        take(r, &t);
    rc = peek(r, &t);
    if (rc < 0)
        return rc;
    if (t.kind != T_END)
        return err_set(r->err, -EINVAL, "%zu:%zu: " STR_FMT ": expected end of input", t.from, t.to,
                       STR_ARG(t.text));
    return 0;
}

int matchers_read_utf8(struct str text, struct arena *a, struct matchers *ret, struct err *err)
{
    struct err own = {0};
    struct reader r = {.rest = text, .arena = a, .ret = ret, .err = err != NULL ? err : &own};
    struct token t;
    int rc = peek(&r, &t);
    bool opened = rc == 0 && t.kind == T_OPEN;

    if (opened) {
        take(&r, &t);
        rc = peek(&r, &t);
    }
    if (rc < 0)
        return rc;
    if (t.kind != T_END && t.kind != T_CLOSE)
        rc = read_list(&r);
    return rc < 0 ? rc : read_end(&r, opened);
}
