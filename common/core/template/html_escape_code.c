/* The escapers of JavaScript and CSS. */
#include "common/core/template/data.h"
#include "common/core/template/exec.h"
#include "common/core/template/format.h"
#include "common/core/template/html.h"

#include "common/base/utf8.h"

#include <stdio.h>

#define REFUSED "ZgotmplZ"

/* --- JavaScript --- */

static bool is_ident(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || ch == '_' ||
           ch == '$' || (unsigned char)ch >= 0x80;
}

/* What has a String method in Go, and no JSON of its own, is its text in JavaScript. */
static bool speaks_for_itself(enum tv_type type)
{
    return type == TVT_KV || type == TVT_PAIRS || type == TVT_DURATION || type == TVT_MONTH ||
           type == TVT_WEEKDAY;
}

int html_escape_js_value(struct tv_call *c)
{
    size_t limit = c->x->limits.output_bytes;
    struct tv v = c->n == 1 ? c->args[0] : tv_str(STR_EMPTY);
    struct buf text, json, b;
    bool good, pad, overflow;

    buf_init(&text, limit);
    buf_init(&json, limit);
    buf_init(&b, limit);
    if (c->n > 1)
        format_print(&text, c->args, c->n);
    else if (speaks_for_itself(v.type))
        format_value(&text, v);
    if (c->n > 1 || speaks_for_itself(v.type))
        v = tv_str(buf_str(&text));
    good = format_json(&json, v) && json.n > 0;
    pad = good && (is_ident(json.p[0]) || is_ident(json.p[json.n - 1]));
    if (!good) /* no comment may be made by a slash in front of it */
        buf_add_str(&b, STR(" /* error */null "));
    else
        buf_add_fmt(&b, "%s" STR_FMT "%s", pad ? " " : "", STR_ARG(buf_str(&json)), pad ? " " : "");
    overflow = text.overflow || json.overflow;
    b.overflow = b.overflow || overflow;
    buf_clear(&text);
    buf_clear(&json);
    return exec_take_buf(c, &b, TVT_STRING);
}

/* As \uXXXX what would end the string, or the script around it; control characters, too. */
static int escape_js(struct tv_call *c, const char *as_code, const char *backslashed)
{
    enum tv_type mark;
    struct buf scratch, b;
    struct str s = html_call_text(c, &scratch, &mark);
    bool overflow = scratch.overflow;

    buf_init(&b, c->x->limits.output_bytes);
    while (s.n > 0) {
        static const char *const short_forms[] = {
            ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
        uint32_t rune;
        size_t n = utf8_decode(s, &rune);
        bool ascii = rune > 0 && rune < 0x80;

        if (rune < ARRAY_SIZE(short_forms) && short_forms[rune] != NULL)
            buf_add_str(&b, str_from(short_forms[rune]));
        else if (rune < 0x20 || rune == 0x2028 || rune == 0x2029 ||
                 (ascii && strchr(as_code, (int)rune) != NULL))
            buf_add_fmt(&b, "\\u%04x", rune);
        else if (ascii && strchr(backslashed, (int)rune) != NULL)
            buf_add_fmt(&b, "\\%c", (char)rune);
        else
            buf_add(&b, s.p, n);
        s = str_sub(s, n, s.n);
    }
    b.overflow = b.overflow || overflow;
    buf_clear(&scratch);
    return exec_take_buf(c, &b, TVT_STRING);
}

int html_escape_js_string(struct tv_call *c)
{
    return escape_js(c, "\"'`&+<>", "/\\");
}

int html_escape_js_tmpl(struct tv_call *c)
{
    return escape_js(c, "\"'`&+<>${}", "/\\");
}

int html_escape_js_regexp(struct tv_call *c)
{
    int rc = escape_js(c, "\"'`&+<>", "/\\$()*-.?[]^{|}");

    if (rc == 0 && c->ret.s.n == 0) /* two slashes would be a comment */
        c->ret = tv_str(STR("(?:)"));
    return rc;
}

/* --- CSS --- */

static bool is_hex(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f');
}

static bool is_css_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\f' || ch == '\r';
}

static bool is_css_name(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || ch == '-' ||
           ch == '_' || (unsigned char)ch >= 0x80;
}

/* What follows a backslash: up to six hexadecimal digits and one blank, or any one character. */
static size_t css_escape_end(struct buf *b, struct str s, size_t i)
{
    uint32_t rune = 0;
    size_t start = i;

    for (; i < s.n && i < start + 6 && is_hex(s.p[i]); i++)
        rune = rune * 16 + (uint32_t)(s.p[i] <= '9' ? s.p[i] - '0' : (s.p[i] | 0x20) - 'a' + 10);
    if (i == start) {
        size_t n = utf8_decode(str_sub(s, i, s.n), &rune);

        buf_add(b, s.p + i, n);
        return i + n;
    }
    if (rune > 0x10ffff) { /* then the last digit stands for itself */
        rune /= 16;
        i--;
    }
    utf8_encode(b, rune);
    if (i + 1 < s.n && s.p[i] == '\r' && s.p[i + 1] == '\n')
        return i + 2;
    return i + (i < s.n && is_css_space(s.p[i]));
}

void html_css_decode(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t slash = i;

        while (slash < s.n && s.p[slash] != '\\')
            slash++;
        buf_add_str(b, str_sub(s, i, slash));
        i = slash + 1 < s.n ? css_escape_end(b, s, slash + 1) : s.n;
    }
}

int html_escape_css_string(struct tv_call *c)
{
    static const char special[] = "\t\n\f\r\"&'()+/:;<>\\{}";
    enum tv_type mark;
    struct buf scratch, b;
    struct str s = html_call_text(c, &scratch, &mark);
    bool overflow = scratch.overflow;

    buf_init(&b, c->x->limits.output_bytes);
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];

        if (ch != '\0' && strchr(special, ch) == NULL) {
            buf_add_char(&b, ch);
        } else if (ch == '\\') {
            buf_add_str(&b, STR("\\\\"));
        } else { /* the blank ends the number where the next could continue it */
            buf_add_fmt(&b, "\\%x", (unsigned char)ch);
            if (i + 1 == s.n || is_hex(s.p[i + 1]) || is_css_space(s.p[i + 1]))
                buf_add_char(&b, ' ');
        }
    }
    b.overflow = b.overflow || overflow;
    buf_clear(&scratch);
    return exec_take_buf(c, &b, TVT_STRING);
}

/* Words and numbers; nothing that ends the value, begins another, or runs. */
static bool is_safe_css(struct str s)
{
    struct buf word; /* what is left when all that is no letter is taken out */
    bool good = true;

    buf_init(&word, 0);
    for (size_t i = 0; good && i < s.n; i++) {
        char ch = s.p[i];

        good = ch != '\0' && strchr("\"'()/;@[\\]`{}<>", ch) == NULL &&
               !(ch == '-' && i > 0 && s.p[i - 1] == '-');
        if ((unsigned char)ch < 0x80 && ch != '-' && is_css_name(ch))
            buf_add_char(&word, (char)(ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch));
    }
    good = good && !str_contains(buf_str(&word), STR("expression")) &&
           !str_contains(buf_str(&word), STR("mozbinding"));
    buf_clear(&word);
    return good;
}

int html_escape_css_value(struct tv_call *c)
{
    enum tv_type mark;
    struct buf scratch, b;
    struct str s = html_call_text(c, &scratch, &mark);
    bool overflow = scratch.overflow;

    buf_init(&b, c->x->limits.output_bytes);
    html_css_decode(&b, s);
    if (!is_safe_css(buf_str(&b))) {
        buf_reset(&b);
        buf_add_str(&b, STR(REFUSED));
    }
    b.overflow = b.overflow || overflow;
    buf_clear(&scratch);
    return exec_take_buf(c, &b, TVT_STRING);
}
