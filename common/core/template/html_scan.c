#include "common/core/template/html_scan.h"

#include "common/core/template/html_entity.h"

#include <stdio.h>

int scan_fail(struct scanner *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(s->fault->what, sizeof(s->fault->what), fmt, ap);
    va_end(ap);
    s->failed = true;
    return -EINVAL;
}

static void put_text(struct scanner *s, struct str text)
{
    if (s->out != NULL)
        buf_add_str(s->out, text);
}

void scan_put(struct scanner *s, struct str text)
{
    if (!s->text_only)
        put_text(s, text);
}

bool scan_is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\f' || ch == '\r';
}

size_t scan_find_any(struct str text, size_t from, const char *chars)
{
    while (from < text.n && (text.p[from] == '\0' || strchr(chars, text.p[from]) == NULL))
        from++;
    return from;
}

bool scan_starts_nocase(struct str text, struct str prefix)
{
    return text.n >= prefix.n && str_eq_nocase(str_sub(text, 0, prefix.n), prefix);
}

static size_t skip_space(struct str text, size_t i)
{
    while (i < text.n && scan_is_space(text.p[i]))
        i++;
    return i;
}

static bool is_alnum(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
}

/* --- text --- */

static void put_lone_lt(struct scanner *s)
{
    put_text(s, s->text_only ? STR("<") : STR("&lt;"));
}

/* The end of a tag's name that begins at i; i when none does. */
static size_t tag_name_end(struct str text, size_t i)
{
    if (i >= text.n || !is_alnum(text.p[i]) || (text.p[i] >= '0' && text.p[i] <= '9'))
        return i;
    while (i < text.n) {
        bool joint =
            (text.p[i] == '-' || text.p[i] == ':') && i + 1 < text.n && is_alnum(text.p[i + 1]);

        if (!is_alnum(text.p[i]) && !joint)
            break;
        i += joint ? 2 : 1;
    }
    return i;
}

static const struct {
    struct str name, end; /* its end tag, for those whose content is not text */
} elements[] = {
    [ELEMENT_OTHER] = {STR_INIT(""), STR_INIT("")},
    [ELEMENT_SCRIPT] = {STR_INIT("script"), STR_INIT("</script")},
    [ELEMENT_STYLE] = {STR_INIT("style"), STR_INIT("</style")},
    [ELEMENT_TEXTAREA] = {STR_INIT("textarea"), STR_INIT("</textarea")},
    [ELEMENT_TITLE] = {STR_INIT("title"), STR_INIT("</title")},
    [ELEMENT_META] = {STR_INIT("meta"), STR_INIT("")},
};

static enum html_element element_of(struct str name)
{
    for (size_t i = 1; i < ARRAY_SIZE(elements); i++) {
        if (str_eq_nocase(name, elements[i].name))
            return (enum html_element)i;
    }
    return ELEMENT_OTHER;
}

/* Of a name that a text ends in: what follows might make it one whose content is not HTML. */
static bool could_become_special(struct str name)
{
    static const struct str others[] = {STR_INIT("iframe"),    STR_INIT("noembed"),
                                        STR_INIT("noframes"),  STR_INIT("noscript"),
                                        STR_INIT("plaintext"), STR_INIT("xmp")};
    bool could = false;

    for (size_t i = 1; i < ARRAY_SIZE(elements); i++)
        could =
            could || (name.n < elements[i].name.n && scan_starts_nocase(elements[i].name, name));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        could = could || (name.n < others[i].n && scan_starts_nocase(others[i], name));
    return could;
}

static size_t step_text(struct scanner *s, struct str text)
{
    for (size_t i = 0;;) {
        size_t lt = scan_find_any(text, i, "<"), name, end;

        put_text(s, str_sub(text, i, lt));
        if (lt == text.n)
            return text.n;
        if (str_starts(str_sub(text, lt, text.n), STR("<!--"))) {
            *s->c = (struct html_ctx){.state = HTML_COMMENT};
            return lt + 4;
        }
        name = lt + 1 + (lt + 1 < text.n && text.p[lt + 1] == '/');
        end = tag_name_end(text, name);
        if (end > name) {
            scan_put(s, str_sub(text, lt, end));
            *s->c = (struct html_ctx){.state = end < text.n ? HTML_TAG : HTML_TAG_NAME};
            if (name == lt + 1)
                s->c->element = element_of(str_sub(text, name, end));
            if (end == text.n && could_become_special(str_sub(text, name, end)))
                s->c->element = ELEMENT_UNSURE;
            return end;
        }
        if (scan_starts_nocase(str_sub(text, lt, text.n), STR("<!doctype")))
            scan_put(s, STR("<"));
        else
            put_lone_lt(s);
        i = lt + 1;
    }
}

static size_t step_rcdata(struct scanner *s, struct str text)
{
    for (size_t i = 0; i < text.n;) {
        size_t lt = scan_find_any(text, i, "<");

        put_text(s, str_sub(text, i, lt));
        if (lt < text.n)
            put_lone_lt(s);
        i = lt + 1;
    }
    return text.n;
}

static size_t step_comment(struct scanner *s, struct str text)
{
    for (size_t i = 0; i + 3 <= text.n; i++) {
        if (str_starts(str_sub(text, i, text.n), STR("-->"))) {
            *s->c = (struct html_ctx){.state = HTML_TEXT};
            return i + 3;
        }
    }
    return text.n;
}

/* --- tags --- */

static size_t attr_name_end(struct scanner *s, struct str text, size_t i)
{
    size_t end = scan_find_any(text, i, " \t\n\f\r/=>'\"<");

    if (end < text.n && strchr("'\"<", text.p[end]) != NULL)
        (void)scan_fail(s, "\"%c\" in attribute name: \"" STR_FMT "\"", text.p[end],
                        STR_ARG(str_sub(text, i, i + 32)));
    return end;
}

/* Behind a name that a text ended in. What follows must show that the name has ended, too, for
 * browsers would take all else for more of it. */
static size_t step_tag_name(struct scanner *s, struct str text)
{
    if (!scan_is_space(text.p[0]) && text.p[0] != '/' && text.p[0] != '>') {
        (void)scan_fail(s, HTML_CUT_NAME);
        return text.n;
    }
    s->c->state = HTML_TAG;
    if (s->c->element == ELEMENT_UNSURE)
        s->c->element = ELEMENT_OTHER;
    return 0;
}

static size_t step_tag(struct scanner *s, struct str text)
{
    static const enum html_state content[] = {
        [ELEMENT_OTHER] = HTML_TEXT,      [ELEMENT_SCRIPT] = HTML_JS,    [ELEMENT_STYLE] = HTML_CSS,
        [ELEMENT_TEXTAREA] = HTML_RCDATA, [ELEMENT_TITLE] = HTML_RCDATA, [ELEMENT_META] = HTML_TEXT,
    };
    size_t i = 0, end;
    struct str name;

    while (i < text.n && (scan_is_space(text.p[i]) || text.p[i] == '/'))
        i++;
    scan_put(s, str_sub(text, 0, i));
    if (i == text.n)
        return i;
    if (text.p[i] == '>') {
        enum html_element e = s->c->element == ELEMENT_META ? ELEMENT_OTHER : s->c->element;

        *s->c = (struct html_ctx){.state = content[e], .element = e};
        scan_put(s, STR(">"));
        return i + 1;
    }
    end = attr_name_end(s, text, i);
    name = str_sub(text, i, end);
    if (name.n == 0 && !s->failed)
        (void)scan_fail(s, "expected space, attr name, or end of tag, but got \"" STR_FMT "\"",
                        STR_ARG(str_sub(text, i, i + 32)));
    if (s->failed)
        return text.n;
    s->c->attr = html_attr_kind(name);
    if (s->c->element == ELEMENT_SCRIPT && str_eq_nocase(name, STR("type")))
        s->c->attr = ATTR_SCRIPT_TYPE;
    else if (s->c->element == ELEMENT_META && str_eq_nocase(name, STR("content")))
        s->c->attr = ATTR_META;
    else if (s->c->attr == ATTR_UNSAFE)
        s->c->attr = ATTR_PLAIN;
    if (end == text.n &&
        (scan_starts_nocase(name, STR("data-")) || scan_starts_nocase(name, STR("aria-"))))
        s->c->attr = ATTR_INERT;
    s->c->state = end == text.n ? HTML_ATTR_NAME : HTML_AFTER_NAME;
    scan_put(s, name);
    return end;
}

static size_t step_attr_name(struct scanner *s, struct str text)
{
    size_t end = attr_name_end(s, text, 0);

    if (end > 0 && s->c->attr != ATTR_INERT)
        s->c->attr = ATTR_MIXED;
    if (end < text.n)
        s->c->state = HTML_AFTER_NAME;
    scan_put(s, str_sub(text, 0, end));
    return end;
}

static size_t step_after_name(struct scanner *s, struct str text)
{
    size_t i = skip_space(text, 0);

    if (i < text.n && text.p[i] == '=')
        s->c->state = HTML_BEFORE_VALUE, i++;
    else if (i < text.n)
        s->c->state = HTML_TAG, s->c->attr = ATTR_PLAIN;
    scan_put(s, str_sub(text, 0, i));
    return i;
}

static size_t step_before_value(struct scanner *s, struct str text)
{
    size_t i = skip_space(text, 0);
    enum html_attr attr = s->c->attr;

    if (i < text.n) {
        *s->c = html_ctx_nudge(*s->c);
        s->c->attr = attr;
        if (text.p[i] == '"' || text.p[i] == '\'')
            s->c->delim = text.p[i++] == '"' ? DELIM_DOUBLE : DELIM_SINGLE;
    }
    scan_put(s, str_sub(text, 0, i));
    return i;
}

/* --- values --- */

void scan_url_part(struct html_ctx *c, struct str text)
{
    if (scan_find_any(text, 0, "#?") < text.n)
        c->part = PART_QUERY;
    else if (c->part == PART_NONE && skip_space(text, 0) < text.n)
        c->part = PART_PATH;
}

static size_t step_url(struct scanner *s, struct str text)
{
    scan_url_part(s->c, text);
    return text.n;
}

static size_t step_meta(struct scanner *s, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        struct str rest = str_sub(text, i, text.n);
        size_t eq = 3;

        if (!scan_starts_nocase(rest, STR("url")))
            continue;
        eq = skip_space(rest, 3);
        if (eq < rest.n && rest.p[eq] == '=') {
            s->c->state = HTML_META_URL;
            return i + eq + 1;
        }
    }
    return text.n;
}

static size_t step_meta_url(struct scanner *s, struct str text)
{
    size_t i = scan_find_any(text, 0, ";");

    if (i == text.n)
        return i;
    s->c->state = HTML_META;
    return i + 1;
}

static size_t step_opaque(struct scanner *s, struct str text)
{
    (void)s;
    return text.n;
}

static scan_step *const steps[] = {
    [HTML_TEXT] = step_text,
    [HTML_TAG_NAME] = step_tag_name,
    [HTML_TAG] = step_tag,
    [HTML_ATTR_NAME] = step_attr_name,
    [HTML_AFTER_NAME] = step_after_name,
    [HTML_BEFORE_VALUE] = step_before_value,
    [HTML_COMMENT] = step_comment,
    [HTML_RCDATA] = step_rcdata,
    [HTML_ATTR] = step_opaque,
    [HTML_URL] = step_url,
    [HTML_SRCSET] = step_opaque,
    [HTML_META] = step_meta,
    [HTML_META_URL] = step_meta_url,
    [HTML_JS] = scan_js,
    [HTML_JS_DQ] = scan_js_literal,
    [HTML_JS_SQ] = scan_js_literal,
    [HTML_JS_TMPL] = scan_js_literal,
    [HTML_JS_REGEXP] = scan_js_literal,
    [HTML_JS_LINE] = scan_js_line,
    [HTML_JS_BLOCK] = scan_js_block,
    [HTML_CSS] = scan_css,
    [HTML_CSS_DQ] = scan_css_string,
    [HTML_CSS_SQ] = scan_css_string,
    [HTML_CSS_DQ_URL] = scan_css_string,
    [HTML_CSS_SQ_URL] = scan_css_string,
    [HTML_CSS_URL] = scan_css_string,
    [HTML_CSS_LINE] = scan_css_line,
    [HTML_CSS_BLOCK] = scan_css_block,
};

/* One step after the other; each takes bytes or moves the context. */
static void run_steps(struct scanner *s, struct str text)
{
    while (text.n > 0 && !s->failed) {
        enum html_state before = s->c->state;
        size_t n = steps[before](s, text);

        if (n == 0 && s->c->state == before)
            (void)scan_fail(s, "unexpected \"%c\"", text.p[0]);
        text = str_sub(text, n, text.n);
    }
}

/* Whether a script of that type is run or read as data: then what stands in it is JavaScript. */
static bool is_js_type(struct str type)
{
    static const char *const known[] = {"",
                                        "application/ecmascript",
                                        "application/javascript",
                                        "application/json",
                                        "application/ld+json",
                                        "application/x-ecmascript",
                                        "application/x-javascript",
                                        "importmap",
                                        "speculationrules",
                                        "module",
                                        "text/ecmascript",
                                        "text/javascript",
                                        "text/javascript1.0",
                                        "text/javascript1.1",
                                        "text/javascript1.2",
                                        "text/javascript1.3",
                                        "text/javascript1.4",
                                        "text/javascript1.5",
                                        "text/jscript",
                                        "text/livescript",
                                        "text/x-ecmascript",
                                        "text/x-javascript"};
    struct str bare = str_trim(str_sub(type, 0, str_find_char(type, ';')));

    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (str_eq_nocase(bare, str_from(known[i])))
            return true;
    }
    return false;
}

/* The piece of an attribute's value up to the end of the text goes through the value's own states,
 * its entities resolved, so that they see what a browser's interpreter will. */
static void scan_open_value(struct scanner *s, struct str text)
{
    struct scanner inner = {.c = s->c, .fault = s->fault};
    bool code = s->c->state >= HTML_JS;
    struct buf plain;

    buf_init(&plain, 0);
    if (html_unescape(&plain, text) || !code)
        run_steps(&inner, buf_str(&plain));
    else
        (void)scan_fail(&inner, "an entity that is not known here, in code");
    s->failed = inner.failed;
    buf_clear(&plain);
}

static size_t scan_value(struct scanner *s, struct str text)
{
    static const char *const ends[] = {[DELIM_NONE] = "",
                                       [DELIM_DOUBLE] = "\"",
                                       [DELIM_SINGLE] = "'",
                                       [DELIM_SPACE] = " \t\n\f\r>"};
    size_t end = scan_find_any(text, 0, ends[s->c->delim]);
    struct str value = str_sub(text, 0, end);
    enum html_element element = s->c->element;

    if (s->c->delim == DELIM_SPACE) {
        size_t bad = scan_find_any(value, 0, "\"'<=`");

        if (bad < value.n) {
            (void)scan_fail(s, "\"%c\" in unquoted attr: \"" STR_FMT "\"", value.p[bad],
                            STR_ARG(str_sub(value, 0, 60)));
            return text.n;
        }
    }
    if (end == text.n) {
        scan_put(s, text);
        scan_open_value(s, text);
        return text.n;
    }
    if (s->c->attr == ATTR_SCRIPT_TYPE && !is_js_type(value))
        element = ELEMENT_OTHER;
    if (s->c->delim != DELIM_SPACE)
        end++; /* the quote */
    scan_put(s, str_sub(text, 0, end));
    *s->c = (struct html_ctx){.state = HTML_TAG, .element = element};
    return end;
}

/* --- the page --- */

static size_t look_for_end_tag(struct str text, struct str tag)
{
    for (size_t i = 0; i + tag.n < text.n; i++) {
        if (text.p[i] == '<' && scan_starts_nocase(str_sub(text, i, text.n), tag) &&
            (scan_is_space(text.p[i + tag.n]) || text.p[i + tag.n] == '/' ||
             text.p[i + tag.n] == '>'))
            return i;
    }
    return text.n;
}

/* Where the end tag of an element begins whose content is not text; text.n when it does not. */
static size_t find_end_tag(struct scanner *s, struct str text)
{
    enum html_element e = s->c->element;

    if (s->end_tag == NULL || s->end_tag < text.p || s->end_tag_of != e) {
        s->end_tag = text.p + look_for_end_tag(text, elements[e].end);
        s->end_tag_of = e;
    }
    return (size_t)(s->end_tag - text.p);
}

/* "</scri" at the end of a text: a value behind it could make it whole. */
static bool ends_in_part_of(struct str text, enum html_element e)
{
    struct str tag = elements[e].end;

    for (size_t n = 2; n <= tag.n && n <= text.n; n++) {
        if (str_eq_nocase(str_sub(text, text.n - n, text.n), str_sub(tag, 0, n)))
            return true;
    }
    return false;
}

static size_t scan_markup(struct scanner *s, struct str text)
{
    enum html_state state = s->c->state;
    bool literal = state > HTML_JS && state <= HTML_JS_BLOCK;

    if (s->c->element != ELEMENT_OTHER && state >= HTML_RCDATA && !literal) {
        size_t end = find_end_tag(s, text);

        if (end == 0) {
            *s->c = (struct html_ctx){.state = HTML_TEXT};
            return 0;
        }
        if (end == text.n && state >= HTML_JS && ends_in_part_of(text, s->c->element)) {
            (void)scan_fail(s, "an end tag is cut in two");
            return text.n;
        }
        text = str_sub(text, 0, end);
    }
    return steps[state](s, text);
}

static void scan(struct scanner *s, struct str text)
{
    struct str rest = text;

    while (rest.n > 0 && !s->failed) {
        struct html_ctx before = *s->c;
        size_t n = before.delim == DELIM_NONE ? scan_markup(s, rest) : scan_value(s, rest);

        s->fault->at = text.n - rest.n;
        if (n == 0 && html_ctx_eq(&before, s->c))
            (void)scan_fail(s, "unexpected \"%c\"", rest.p[0]);
        rest = str_sub(rest, n, rest.n);
    }
}

int html_scan(struct html_ctx *c, struct str text, struct buf *out, struct html_fault *fault)
{
    struct scanner s = {.c = c, .out = out, .fault = fault};

    scan(&s, text);
    return s.failed ? -EINVAL : 0;
}

void html_strip_tags(struct buf *b, struct str html)
{
    struct html_ctx c = {0};
    struct html_fault fault;
    struct scanner s = {.c = &c, .out = b, .text_only = true, .fault = &fault};

    scan(&s, html);
}
