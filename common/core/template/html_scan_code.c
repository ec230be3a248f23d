/* JavaScript and CSS: just enough to know strings, comments and regular expressions from code. */
#include "common/core/template/html_scan.h"

/* --- JavaScript --- */

static bool is_ident(char ch) /* bytes beyond ASCII are letters here */
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || ch == '_' ||
           ch == '$' || (unsigned char)ch >= 0x80;
}

static bool is_line_end(struct str s)
{
    return s.n > 0 && (s.p[0] == '\n' || s.p[0] == '\r' || str_starts(s, STR("\xe2\x80\xa8")) ||
                       str_starts(s, STR("\xe2\x80\xa9")));
}

static struct str trim_js_space(struct str s)
{
    for (;;) {
        if (s.n > 0 && scan_is_space(s.p[s.n - 1]))
            s.n--;
        else if (s.n >= 3 && is_line_end(str_sub(s, s.n - 3, s.n)) && (s.p[s.n - 1] & 0x80) != 0)
            s.n -= 3;
        else
            return s;
    }
}

static bool is_keyword_before_operand(struct str word)
{
    static const char *const words[] = {"break", "case",    "continue", "delete",     "do",
                                        "else",  "finally", "in",       "instanceof", "return",
                                        "throw", "try",     "typeof",   "void"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (str_eq_c(word, words[i]))
            return true;
    }
    return false;
}

/* What a slash means behind code that holds neither strings nor comments. */
static enum html_slash slash_after(struct str code, enum html_slash before)
{
    struct str s = trim_js_space(code);
    char last;
    size_t i = s.n;

    if (s.n == 0)
        return before;
    last = s.p[s.n - 1];
    if (last == '+' || last == '-') { /* a ++ is behind its operand, so +++ ends in a lone one */
        while (i > 0 && s.p[i - 1] == last)
            i--;
        return (s.n - i) % 2 == 1 ? SLASH_REGEXP : SLASH_DIVISION;
    }
    if (last == '.')
        return s.n > 1 && s.p[s.n - 2] >= '0' && s.p[s.n - 2] <= '9' ? SLASH_DIVISION
                                                                     : SLASH_REGEXP;
    if (last != '\0' && strchr(",<>=*%&|^?!~([:;{}", last) != NULL)
        return SLASH_REGEXP;
    while (i > 0 && is_ident(s.p[i - 1]))
        i--;
    return is_keyword_before_operand(str_sub(s, i, s.n)) ? SLASH_REGEXP : SLASH_DIVISION;
}

static size_t js_quote(struct scanner *s, char quote)
{
    s->c->state = quote == '"' ? HTML_JS_DQ : quote == '\'' ? HTML_JS_SQ : HTML_JS_TMPL;
    s->c->slash = SLASH_REGEXP;
    scan_put(s, (struct str){.p = &quote, .n = 1});
    return 1;
}

static size_t js_slash(struct scanner *s, struct str text)
{
    char next = text.n > 1 ? text.p[1] : '\0';

    if (next == '/' || next == '*') {
        s->c->state = next == '/' ? HTML_JS_LINE : HTML_JS_BLOCK;
        return 2; /* a comment isn't sent */
    }
    if (s->c->slash == SLASH_UNKNOWN) {
        (void)scan_fail(s, "'/' could start a division or regexp: \"" STR_FMT "\"",
                        STR_ARG(str_sub(text, 0, 32)));
        return text.n;
    }
    if (s->c->slash == SLASH_REGEXP)
        s->c->state = HTML_JS_REGEXP;
    else
        s->c->slash = SLASH_REGEXP;
    scan_put(s, STR("/"));
    return 1;
}

/* Braces count inside ${ … } only, whose end takes us back into the literal. */
static size_t js_brace(struct scanner *s, char brace)
{
    struct html_ctx *c = s->c;

    c->slash = SLASH_REGEXP;
    if (c->tmpls > 0 && brace == '{') {
        c->braces[c->tmpls - 1]++;
    } else if (c->tmpls > 0 && c->braces[c->tmpls - 1] > 0) {
        c->braces[c->tmpls - 1]--;
    } else if (c->tmpls > 0) {
        c->tmpls--;
        c->state = HTML_JS_TMPL;
    }
    scan_put(s, (struct str){.p = &brace, .n = 1});
    return 1;
}

size_t scan_js(struct scanner *s, struct str text)
{
    size_t i = scan_find_any(text, 0, "\"'`/{}<-#"), run = 1;
    struct str rest = str_sub(text, i, text.n);

    scan_put(s, str_sub(text, 0, i));
    s->c->slash = slash_after(str_sub(text, 0, i), s->c->slash);
    if (rest.n == 0)
        return text.n;
    switch (rest.p[0]) {
    case '"':
    case '\'':
    case '`':
        return i + js_quote(s, rest.p[0]);
    case '/':
        return i + js_slash(s, rest);
    case '{':
    case '}':
        return i + js_brace(s, rest.p[0]);
    case '#':
        if (str_starts(rest, STR("#!")))
            s->c->state = HTML_JS_LINE;
        break;
    case '<':
        if (str_starts(rest, STR("<!--")))
            s->c->state = HTML_JS_LINE;
        s->c->slash = SLASH_REGEXP;
        break;
    default:
        while (run < rest.n && rest.p[run] == '-')
            run++;
        if (run >= 2 && run < rest.n && rest.p[run] == '>')
            s->c->state = HTML_JS_LINE;
        s->c->slash = run % 2 == 1 ? SLASH_REGEXP : SLASH_DIVISION;
        break;
    }
    if (s->c->state == HTML_JS_LINE)
        return i + (rest.p[0] == '#' ? 2 : rest.p[0] == '<' ? 4 : run + 1);
    scan_put(s, str_sub(rest, 0, run));
    return i + run;
}

/* Whether s begins, or ends while it could still begin, something that an HTML parser looks for in
 * the middle of a script. */
static bool is_script_mark(struct str s)
{
    static const struct str marks[] = {STR_INIT("<script"), STR_INIT("</script"), STR_INIT("<!--")};

    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        size_t n = s.n < marks[i].n ? s.n : marks[i].n;

        if (str_eq_nocase(str_sub(s, 0, n), str_sub(marks[i], 0, n)))
            return true;
    }
    return false;
}

static void put_literal(struct scanner *s, struct str text)
{
    while (text.n > 0) {
        size_t lt = str_find_char(text, '<');

        scan_put(s, str_sub(text, 0, lt));
        text = str_sub(text, lt, text.n);
        if (text.n == 0)
            break;
        scan_put(s, is_script_mark(text) ? STR("\\x3C") : STR("<"));
        text = str_sub(text, 1, text.n);
    }
}

static size_t js_literal_end(struct scanner *s, struct str text, size_t n)
{
    s->c->state = HTML_JS;
    s->c->slash = SLASH_DIVISION;
    put_literal(s, str_sub(text, 0, n));
    return n;
}

static size_t js_interpolation(struct scanner *s, struct str text, size_t n)
{
    struct html_ctx *c = s->c;

    if (c->tmpls == HTML_TMPL_NESTING_MAX) {
        (void)scan_fail(s, "template literals nested deeper than %d", HTML_TMPL_NESTING_MAX);
        return text.n;
    }
    c->braces[c->tmpls++] = 0;
    c->state = HTML_JS;
    c->slash = SLASH_REGEXP;
    put_literal(s, str_sub(text, 0, n));
    return n;
}

size_t scan_js_literal(struct scanner *s, struct str text)
{
    enum html_state state = s->c->state;
    char end = state == HTML_JS_DQ     ? '"'
               : state == HTML_JS_SQ   ? '\''
               : state == HTML_JS_TMPL ? '`'
                                       : '/';
    bool regexp = state == HTML_JS_REGEXP, in_set = false;

    for (size_t i = 0; i < text.n; i++) {
        char ch = text.p[i];

        if (ch == '\\' && i + 1 == text.n) {
            (void)scan_fail(s, "unfinished escape sequence in JS string: \"" STR_FMT "\"",
                            STR_ARG(str_sub(text, 0, 60)));
            return text.n;
        }
        if (ch == '\\')
            i++;
        else if (regexp && (ch == '[' || ch == ']'))
            in_set = ch == '[';
        else if (ch == end && !in_set)
            return js_literal_end(s, text, i + 1);
        else if (state == HTML_JS_TMPL && ch == '$' && i + 1 < text.n && text.p[i + 1] == '{')
            return js_interpolation(s, text, i + 2);
    }
    if (in_set)
        (void)scan_fail(s, "unfinished JS regexp charset: \"" STR_FMT "\"",
                        STR_ARG(str_sub(text, 0, 60)));
    put_literal(s, text);
    return text.n;
}

size_t scan_js_line(struct scanner *s, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (is_line_end(str_sub(text, i, text.n))) {
            s->c->state = HTML_JS;
            return i;
        }
    }
    return text.n;
}

static size_t find_block_end(struct str text)
{
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.p[i] == '*' && text.p[i + 1] == '/')
            return i + 2;
    }
    return 0;
}

/* A comment that holds the end of a line ends a statement as a line's end does. */
size_t scan_js_block(struct scanner *s, struct str text)
{
    size_t end = find_block_end(text), n = end > 0 ? end : text.n;
    bool line = false;

    for (size_t i = 0; i < n; i++)
        line = line || is_line_end(str_sub(text, i, n));
    if (end > 0)
        s->c->state = HTML_JS;
    if (line)
        scan_put(s, STR("\n"));
    else if (end > 0)
        scan_put(s, STR(" "));
    return n;
}

/* --- CSS --- */

static bool is_css_name(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || ch == '-' ||
           ch == '_' || (unsigned char)ch >= 0x80;
}

static bool ends_with_url(struct str s)
{
    while (s.n > 0 && scan_is_space(s.p[s.n - 1]))
        s.n--;
    return s.n >= 3 && str_eq_nocase(str_sub(s, s.n - 3, s.n), STR("url")) &&
           (s.n == 3 || !is_css_name(s.p[s.n - 4]));
}

static size_t css_open_url(struct scanner *s, struct str text, size_t i)
{
    while (i < text.n && scan_is_space(text.p[i]))
        i++;
    s->c->state = HTML_CSS_URL;
    if (i < text.n && (text.p[i] == '"' || text.p[i] == '\''))
        s->c->state = text.p[i++] == '"' ? HTML_CSS_DQ_URL : HTML_CSS_SQ_URL;
    return i;
}

size_t scan_css(struct scanner *s, struct str text)
{
    for (size_t i = scan_find_any(text, 0, "(\"'/"); i < text.n;
         i = scan_find_any(text, i + 1, "(\"'/")) {
        char ch = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : '\0';
        size_t n = i + 1, kept = i + 1;

        if (ch == '(' && ends_with_url(str_sub(text, 0, i))) {
            n = kept = css_open_url(s, text, i + 1);
        } else if (ch == '"' || ch == '\'') {
            s->c->state = ch == '"' ? HTML_CSS_DQ : HTML_CSS_SQ;
        } else if (ch == '/' && (next == '/' || next == '*')) {
            s->c->state = next == '/' ? HTML_CSS_LINE : HTML_CSS_BLOCK;
            n = i + 2;
            kept = i;
        } else {
            continue;
        }
        s->c->part = PART_NONE;
        scan_put(s, str_sub(text, 0, kept));
        return n;
    }
    scan_put(s, text);
    return text.n;
}

static void css_url_part(struct scanner *s, struct str text)
{
    struct buf plain;

    buf_init(&plain, 0);
    html_css_decode(&plain, text);
    scan_url_part(s->c, buf_str(&plain));
    buf_clear(&plain);
}

size_t scan_css_string(struct scanner *s, struct str text)
{
    enum html_state state = s->c->state;
    const char *ends = state == HTML_CSS_URL                              ? "\\\t\n\f\r )"
                       : state == HTML_CSS_DQ || state == HTML_CSS_DQ_URL ? "\\\""
                                                                          : "\\'";
    size_t i = scan_find_any(text, 0, ends);

    while (i < text.n && text.p[i] == '\\' && i + 1 < text.n)
        i = scan_find_any(text, i + 2, ends);
    if (i < text.n && text.p[i] == '\\') {
        (void)scan_fail(s, "unfinished escape sequence in CSS string: \"" STR_FMT "\"",
                        STR_ARG(str_sub(text, 0, 60)));
        return text.n;
    }
    if (i >= text.n) {
        css_url_part(s, text);
        scan_put(s, text);
        return text.n;
    }
    s->c->state = HTML_CSS;
    s->c->part = PART_NONE;
    scan_put(s, str_sub(text, 0, i + 1));
    return i + 1;
}

size_t scan_css_line(struct scanner *s, struct str text)
{
    size_t i = scan_find_any(text, 0, "\n\f\r");

    if (i < text.n)
        s->c->state = HTML_CSS;
    return i;
}

size_t scan_css_block(struct scanner *s, struct str text)
{
    size_t end = find_block_end(text);

    if (end == 0)
        return text.n;
    s->c->state = HTML_CSS;
    scan_put(s, STR(" "));
    return end;
}
