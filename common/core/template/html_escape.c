/* The escapers of HTML itself and of URLs. */
#include "common/core/template/exec.h"
#include "common/core/template/format.h"
#include "common/core/template/html.h"

#include "common/base/utf8.h"

#define REFUSED "ZgotmplZ" /* stands for what may not stand there; Go's word for it */

/* What stands for a byte; NULL: it does itself. */
typedef const char *const substitutes[128];

#define HTML_SUBSTITUTES \
    ['\0'] = "\xef\xbf\xbd", ['"'] = "&#34;", ['\''] = "&#39;", ['+'] = "&#43;", ['<'] = "&lt;", \
    ['>'] = "&gt;"
#define NOSPACE_SUBSTITUTES \
    ['\0'] = "&#xfffd;", ['\t'] = "&#9;", ['\n'] = "&#10;", ['\v'] = "&#11;", ['\f'] = "&#12;", \
    ['\r'] = "&#13;", [' '] = "&#32;", ['"'] = "&#34;", ['\''] = "&#39;", ['+'] = "&#43;", \
    ['<'] = "&lt;", ['='] = "&#61;", ['>'] = "&gt;", ['`'] = "&#96;"

static substitutes for_text = {HTML_SUBSTITUTES, ['&'] = "&amp;"};
static substitutes for_html = {HTML_SUBSTITUTES}; /* its entities stay */
static substitutes for_nospace = {NOSPACE_SUBSTITUTES, ['&'] = "&amp;"};
static substitutes for_nospace_html = {NOSPACE_SUBSTITUTES};

static void substitute(struct buf *b, struct str s, substitutes table)
{
    size_t plain = 0; /* from here on nothing was written */

    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if (ch >= 128 || table[ch] == NULL)
            continue;
        buf_add_str(b, str_sub(s, plain, i));
        buf_add_str(b, str_from(table[ch]));
        plain = i + 1;
    }
    buf_add_str(b, str_sub(s, plain, s.n));
}

/* Unquoted, what is no character is written as a number, too. */
static void substitute_nospace(struct buf *b, struct str s, substitutes table)
{
    while (s.n > 0) {
        uint32_t rune;
        size_t n = utf8_decode(s, &rune);

        if ((rune >= 0xfdd0 && rune <= 0xfdef) || (rune >= 0xfff0 && rune <= 0xffff))
            buf_add_fmt(b, "&#x%x;", rune);
        else
            substitute(b, str_sub(s, 0, n), table);
        s = str_sub(s, n, s.n);
    }
}

struct str html_call_text(struct tv_call *c, struct buf *scratch, enum tv_type *ret_mark)
{
    struct tv *some = ARENA_ARRAY(c->arena, struct tv, c->n);
    size_t n = 0;

    buf_init(scratch, c->x->limits.output_bytes);
    *ret_mark = TVT_STRING;
    for (size_t i = 0; i < c->n; i++) {
        enum tv_kind kind = tv_kind(c->args[i]);

        if (kind != TV_NONE && kind != TV_NIL)
            some[n++] = c->args[i];
    }
    if (n == 1 && tv_kind(some[0]) == TV_STRING) {
        if (some[0].type == TVT_HTML || some[0].type == TVT_URL)
            *ret_mark = some[0].type;
        return some[0].s;
    }
    format_print(scratch, some, n);
    return buf_str(scratch);
}

/* An escaper is a way to append a text, given what it is marked as. */
typedef void (*append_fn)(struct buf *b, struct str s, enum tv_type mark);

static int escape(struct tv_call *c, append_fn append)
{
    enum tv_type mark;
    struct buf scratch, b;
    struct str text = html_call_text(c, &scratch, &mark);
    bool overflow = scratch.overflow;

    buf_init(&b, c->x->limits.output_bytes);
    append(&b, text, mark);
    b.overflow = b.overflow || overflow;
    buf_clear(&scratch);
    return exec_take_buf(c, &b, TVT_STRING);
}

static void add_html(struct buf *b, struct str s, enum tv_type mark)
{
    if (mark == TVT_HTML)
        buf_add_str(b, s);
    else
        substitute(b, s, for_text);
}

static void add_rcdata(struct buf *b, struct str s, enum tv_type mark)
{
    substitute(b, s, mark == TVT_HTML ? for_html : for_text);
}

static void add_stripped(struct buf *b, struct str html, substitutes table, bool nospace)
{
    struct buf bare;

    buf_init(&bare, b->max);
    html_strip_tags(&bare, html);
    if (nospace)
        substitute_nospace(b, buf_str(&bare), table);
    else
        substitute(b, buf_str(&bare), table);
    buf_clear(&bare);
}

static void add_attr(struct buf *b, struct str s, enum tv_type mark)
{
    if (mark == TVT_HTML)
        add_stripped(b, s, for_html, false);
    else
        substitute(b, s, for_text);
}

static void add_nospace(struct buf *b, struct str s, enum tv_type mark)
{
    size_t before = b->n;

    if (mark == TVT_HTML)
        add_stripped(b, s, for_nospace_html, true);
    else
        substitute_nospace(b, s, for_nospace);
    if (b->n == before) /* nothing at all would make the next attribute the value */
        buf_add_str(b, STR(REFUSED));
}

static bool is_alnum(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
}

static void add_name(struct buf *b, struct str s, enum tv_type mark)
{
    bool good = s.n > 0 && html_attr_kind(s) == ATTR_PLAIN;

    (void)mark;
    for (size_t i = 0; i < s.n; i++)
        good = good && is_alnum(s.p[i]);
    if (!good)
        s = STR(REFUSED);
    for (size_t i = 0; i < s.n; i++)
        buf_add_char(b, (char)(good && s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]));
}

/* --- URLs --- */

static bool is_safe_url(struct str s)
{
    size_t colon = str_find_char(s, ':');
    struct str scheme = str_sub(s, 0, colon);

    return colon == s.n || str_find_char(scheme, '/') < scheme.n ||
           str_eq_nocase(scheme, STR("http")) || str_eq_nocase(scheme, STR("https")) ||
           str_eq_nocase(scheme, STR("mailto"));
}

static bool is_hex(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f');
}

static void add_percent(struct buf *b, struct str s, bool whole)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool kept = is_alnum(ch) || (ch != '\0' && strchr("-._~", ch) != NULL);

        if (whole && ch == '%')
            kept = i + 2 < s.n && is_hex(s.p[i + 1]) && is_hex(s.p[i + 2]);
        else if (whole && ch != '\0')
            kept = kept || strchr("!#$&*+,/:;=?@[]", ch) != NULL;
        if (kept)
            buf_add_char(b, ch);
        else
            buf_add_fmt(b, "%%%02x", (unsigned char)ch);
    }
}

static void add_filtered_url(struct buf *b, struct str s, enum tv_type mark)
{
    buf_add_str(b, mark == TVT_URL || is_safe_url(s) ? s : STR("#" REFUSED));
}

static void add_normal_url(struct buf *b, struct str s, enum tv_type mark)
{
    (void)mark;
    add_percent(b, s, true);
}

static void add_url(struct buf *b, struct str s, enum tv_type mark)
{
    add_percent(b, s, mark == TVT_URL);
}

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\f' || ch == '\r';
}

/* One image: its URL, and behind it words such as 2x. */
static void add_candidate(struct buf *b, struct str s)
{
    size_t start = 0, end;
    bool good = true;

    while (start < s.n && is_space(s.p[start]))
        start++;
    for (end = start; end < s.n && !is_space(s.p[end]);)
        end++;
    for (size_t i = end; i < s.n; i++)
        good = good && (is_space(s.p[i]) || is_alnum(s.p[i]));
    if (!good || !is_safe_url(str_sub(s, start, end))) {
        buf_add_str(b, STR("#" REFUSED));
        return;
    }
    buf_add_str(b, str_sub(s, 0, start));
    add_percent(b, str_sub(s, start, end), true);
    buf_add_str(b, str_sub(s, end, s.n));
}

static void add_srcset(struct buf *b, struct str s, enum tv_type mark)
{
    bool first = true;

    if (mark == TVT_URL) { /* one URL, whose commas would end it */
        for (size_t i = 0; i < s.n; i++) {
            if (s.p[i] == ',')
                buf_add_str(b, STR("%2c"));
            else
                add_percent(b, str_sub(s, i, s.p[i] == '%' ? i + 3 : i + 1), true);
            if (s.p[i] == '%' && i + 2 < s.n)
                i += 2;
        }
        return;
    }
    while (first || s.n > 0) {
        size_t comma = str_find_char(s, ',');

        add_candidate(b, str_sub(s, 0, comma));
        if (comma < s.n)
            buf_add_char(b, ',');
        first = comma < s.n;
        s = str_sub(s, comma + 1, s.n);
    }
}

/* --- as functions --- */

#define ESCAPER(name, append) \
    static int name(struct tv_call *c) \
    { \
        return escape(c, append); \
    }

ESCAPER(escape_html, add_html)
ESCAPER(escape_rcdata, add_rcdata)
ESCAPER(escape_attr, add_attr)
ESCAPER(escape_nospace, add_nospace)
ESCAPER(escape_name, add_name)
ESCAPER(escape_url_filter, add_filtered_url)
ESCAPER(escape_url_normalize, add_normal_url)
ESCAPER(escape_url, add_url)
ESCAPER(escape_srcset, add_srcset)

static int escape_drop(struct tv_call *c)
{
    c->ret = tv_str(STR_EMPTY);
    return 0;
}

static int escape_print(struct tv_call *c)
{
    struct buf b;

    buf_init(&b, c->x->limits.output_bytes);
    format_print(&b, c->args, c->n);
    return exec_take_buf(c, &b, TVT_STRING);
}

#define ROW(escaper, name, function) [escaper] = {name, {PARAM_ANY}, 1, true, function}

const struct tv_func *html_escaper(enum html_escaper e)
{
    static const struct tv_func rows[ESCAPERS] = {
        ROW(ESCAPE_HTML, "escapeHTML", escape_html),
        ROW(ESCAPE_RCDATA, "escapeRCDATA", escape_rcdata),
        ROW(ESCAPE_ATTR, "escapeAttr", escape_attr),
        ROW(ESCAPE_NOSPACE, "escapeUnquotedAttr", escape_nospace),
        ROW(ESCAPE_NAME, "filterAttrName", escape_name),
        ROW(ESCAPE_URL_FILTER, "filterURL", escape_url_filter),
        ROW(ESCAPE_URL_NORMALIZE, "normalizeURL", escape_url_normalize),
        ROW(ESCAPE_URL, "escapeURL", escape_url),
        ROW(ESCAPE_SRCSET, "filterSrcset", escape_srcset),
        ROW(ESCAPE_CSS_STRING, "escapeCSS", html_escape_css_string),
        ROW(ESCAPE_CSS_VALUE, "filterCSS", html_escape_css_value),
        ROW(ESCAPE_JS_VALUE, "jsValue", html_escape_js_value),
        ROW(ESCAPE_JS_STRING, "escapeJSString", html_escape_js_string),
        ROW(ESCAPE_JS_TMPL, "escapeJSTemplate", html_escape_js_tmpl),
        ROW(ESCAPE_JS_REGEXP, "escapeJSRegexp", html_escape_js_regexp),
        ROW(ESCAPE_DROP, "dropInComment", escape_drop),
        ROW(ESCAPE_PRINT, "printArguments", escape_print),
    };

    return &rows[e];
}
