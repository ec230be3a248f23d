#include "common/core/template/html.h"

bool html_ctx_eq(const struct html_ctx *a, const struct html_ctx *b)
{
    if (a->state != b->state || a->delim != b->delim || a->part != b->part ||
        a->slash != b->slash || a->attr != b->attr || a->element != b->element ||
        a->tmpls != b->tmpls)
        return false;
    for (unsigned i = 0; i < a->tmpls; i++) {
        if (a->braces[i] != b->braces[i])
            return false;
    }
    return true;
}

static enum html_state value_state(enum html_attr attr)
{
    switch (attr) {
    case ATTR_URL:
        return HTML_URL;
    case ATTR_SRCSET:
        return HTML_SRCSET;
    case ATTR_CSS:
        return HTML_CSS;
    case ATTR_JS:
        return HTML_JS;
    case ATTR_META:
        return HTML_META;
    default:
        return HTML_ATTR;
    }
}

struct html_ctx html_ctx_nudge(struct html_ctx c)
{
    if (c.state == HTML_TAG || c.state == HTML_AFTER_NAME) {
        c.state = HTML_ATTR_NAME;
        c.attr = ATTR_PLAIN;
    } else if (c.state == HTML_BEFORE_VALUE) {
        c.state = value_state(c.attr);
        c.delim = DELIM_SPACE;
        if (c.attr != ATTR_SCRIPT_TYPE && c.attr != ATTR_MIXED)
            c.attr = ATTR_PLAIN;
    }
    return c;
}

/* One branch says something in the tag, the other leaves off at its name. */
static bool may_be_name(const struct html_ctx *a, const struct html_ctx *b)
{
    return (a->state == HTML_TAG_NAME && b->state == HTML_ATTR_NAME) ||
           (a->state == HTML_ATTR_NAME && b->state == HTML_TAG_NAME);
}

bool html_ctx_join(struct html_ctx a, struct html_ctx b, struct html_ctx *ret)
{
    struct html_ctx like = b;

    if (a.state == HTML_DEAD || b.state == HTML_DEAD) {
        *ret = a.state == HTML_DEAD ? b : a;
        return true;
    }
    if (a.element == ELEMENT_UNSURE || b.element == ELEMENT_UNSURE) {
        if (a.element == ELEMENT_OTHER)
            a.element = ELEMENT_UNSURE;
        if (b.element == ELEMENT_OTHER)
            b.element = ELEMENT_UNSURE;
        like = b;
    }
    like.part = a.part;
    like.slash = a.slash;
    if (html_ctx_eq(&a, &like)) {
        if (a.part != b.part)
            a.part = PART_UNKNOWN;
        if (a.slash != b.slash)
            a.slash = SLASH_UNKNOWN;
        *ret = a;
        return true;
    }
    like = html_ctx_nudge(a);
    b = html_ctx_nudge(b);
    if (may_be_name(&like, &b))
        like.state = b.state = HTML_TAG_NAME;
    if (like.attr == ATTR_MIXED || b.attr == ATTR_MIXED)
        like.attr = b.attr = ATTR_MIXED;
    if (!html_ctx_eq(&like, &b))
        return false;
    *ret = b;
    return true;
}

void html_ctx_describe(struct buf *b, const struct html_ctx *c)
{
    static const char *const states[] = {
        [HTML_TEXT] = "text",
        [HTML_TAG_NAME] = "a tag's name",
        [HTML_TAG] = "a tag",
        [HTML_ATTR_NAME] = "an attribute's name",
        [HTML_AFTER_NAME] = "a tag, after an attribute's name",
        [HTML_BEFORE_VALUE] = "a tag, before an attribute's value",
        [HTML_COMMENT] = "a comment",
        [HTML_RCDATA] = "a title or textarea",
        [HTML_ATTR] = "an attribute",
        [HTML_URL] = "a URL",
        [HTML_SRCSET] = "a srcset",
        [HTML_META] = "a meta's content",
        [HTML_META_URL] = "a URL in a meta's content",
        [HTML_JS] = "JavaScript",
        [HTML_JS_DQ] = "a string of JavaScript",
        [HTML_JS_SQ] = "a string of JavaScript",
        [HTML_JS_TMPL] = "a template literal of JavaScript",
        [HTML_JS_REGEXP] = "a regular expression of JavaScript",
        [HTML_JS_LINE] = "a comment in JavaScript",
        [HTML_JS_BLOCK] = "a comment in JavaScript",
        [HTML_CSS] = "CSS",
        [HTML_CSS_DQ] = "a string of CSS",
        [HTML_CSS_SQ] = "a string of CSS",
        [HTML_CSS_DQ_URL] = "a URL in CSS",
        [HTML_CSS_SQ_URL] = "a URL in CSS",
        [HTML_CSS_URL] = "a URL in CSS",
        [HTML_CSS_LINE] = "a comment in CSS",
        [HTML_CSS_BLOCK] = "a comment in CSS",
        [HTML_DEAD] = "nowhere",
    };
    static const char *const delims[] = {"", " in double quotes", " in single quotes",
                                         " without quotes"};
    static const char *const parts[] = {"", ", in its path", ", in its query", ", somewhere"};

    buf_add_fmt(b, "%s%s%s", states[c->state], delims[c->delim], parts[c->part]);
}

/* --- attributes --- */

static bool listed(struct str name, const char *const *v)
{
    for (; *v != NULL; v++) {
        if (str_eq_c(name, *v))
            return true;
    }
    return false;
}

static enum html_attr kind_of_lower(struct str name)
{
    static const char *const urls[] = {"action",   "archive", "background", "cite",       "classid",
                                       "codebase", "data",    "href",       "formaction", "icon",
                                       "src",      "usemap",  "longdesc",   "manifest",   "poster",
                                       "profile",  "xmlns",   NULL};
    /* These decide how something else is understood or what is sent where. */
    static const char *const unsafe[] = {
        "accept-charset", "async",      "challenge", "charset",  "content",
        "crossorigin",    "defer",      "enctype",   "form",     "formenctype",
        "formmethod",     "http-equiv", "keytype",   "language", "method",
        "formnovalidate", "novalidate", "pattern",   "rel",      "sandbox",
        "srcdoc",         "type",       "value",     NULL};
    static const struct str hints[] = {STR_INIT("src"), STR_INIT("uri"), STR_INIT("url")};

    if (listed(name, urls))
        return ATTR_URL;
    if (listed(name, unsafe))
        return ATTR_UNSAFE;
    if (str_eq_c(name, "srcset"))
        return ATTR_SRCSET;
    if (str_eq_c(name, "style"))
        return ATTR_CSS;
    if (str_eq_c(name, "srclang"))
        return ATTR_PLAIN;
    if (str_starts(name, STR("on")))
        return ATTR_JS;
    for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
        if (str_contains(name, hints[i]))
            return ATTR_URL;
    }
    return ATTR_PLAIN;
}

enum html_attr html_attr_kind(struct str name)
{
    enum html_attr kind;
    struct buf lower;
    struct str s;
    size_t colon;

    buf_init(&lower, 0);
    for (size_t i = 0; i < name.n; i++)
        buf_add_char(&lower,
                     (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]));
    s = buf_str(&lower);
    colon = str_find_char(s, ':');
    if (str_starts(s, STR("data-")))
        s = str_sub(s, 5, s.n);
    else if (colon < s.n && str_eq_c(str_sub(s, 0, colon), "xmlns"))
        s = STR("xmlns");
    else if (colon < s.n)
        s = str_sub(s, colon + 1, s.n);
    kind = kind_of_lower(s);
    buf_clear(&lower);
    return kind;
}
