/* HTML's contexts: where in a page a piece of template stands, and what a value must become to be
 * nothing but a value there. The rules are those of Go's html/template.
 *
 * A page is read as text by html_scan, which moves a context along and rewrites what may not stay
 * as it is (comments, a lone "<"). html_plan does so for a whole template before it is ever
 * rendered: it copies the trees, each once for every context it is called in, and appends to each
 * action's pipeline the escapers of its place. What it cannot be sure of, it refuses. */
#pragma once

#include "common/core/template/tree.h"

enum html_state {
    HTML_TEXT,
    HTML_TAG_NAME, /* right behind it: it may go on */
    HTML_TAG,
    HTML_ATTR_NAME,
    HTML_AFTER_NAME,
    HTML_BEFORE_VALUE,
    HTML_COMMENT,
    HTML_RCDATA, /* of a title or textarea: entities, but no tags */
    HTML_ATTR,   /* a value without a language of its own */
    HTML_URL,
    HTML_SRCSET,
    HTML_META, /* content of a meta */
    HTML_META_URL,
    HTML_JS,
    HTML_JS_DQ, /* in "…" */
    HTML_JS_SQ,
    HTML_JS_TMPL, /* in `…` */
    HTML_JS_REGEXP,
    HTML_JS_LINE, /* comments */
    HTML_JS_BLOCK,
    HTML_CSS,
    HTML_CSS_DQ,
    HTML_CSS_SQ,
    HTML_CSS_DQ_URL, /* in url("…") */
    HTML_CSS_SQ_URL,
    HTML_CSS_URL,
    HTML_CSS_LINE,
    HTML_CSS_BLOCK,
    HTML_DEAD, /* behind {{break}} or {{continue}} */
};

enum html_delim { DELIM_NONE, DELIM_DOUBLE, DELIM_SINGLE, DELIM_SPACE }; /* of the attribute */

enum html_part { PART_NONE, PART_PATH, PART_QUERY, PART_UNKNOWN }; /* of a URL */

enum html_slash { SLASH_REGEXP, SLASH_DIVISION, SLASH_UNKNOWN }; /* what "/" would begin */

enum html_attr {
    ATTR_PLAIN,
    ATTR_URL,
    ATTR_SRCSET,
    ATTR_CSS,
    ATTR_JS,
    ATTR_META,        /* content of a meta */
    ATTR_SCRIPT_TYPE, /* type of a script */
    ATTR_INERT,       /* data-… and aria-…, whatever follows */
    ATTR_MIXED,       /* text and values make up its name: it may be any of these */
    ATTR_UNSAFE,      /* plain, but no name for a value to choose */
};

enum html_element {
    ELEMENT_OTHER,
    ELEMENT_SCRIPT,
    ELEMENT_STYLE,
    ELEMENT_TEXTAREA,
    ELEMENT_TITLE,
    ELEMENT_META,
    ELEMENT_UNSURE, /* its name might become one of the above */
};

#define HTML_TMPL_NESTING_MAX 8 /* JavaScript's `${ … }` within another */

struct html_ctx {
    enum html_state state;
    enum html_delim delim;
    enum html_part part;
    enum html_slash slash;
    enum html_attr attr;
    enum html_element element;
    unsigned tmpls;                         /* how many ${ are open */
    unsigned braces[HTML_TMPL_NESTING_MAX]; /* and how many { in each */
};

struct html_fault {
    size_t at; /* byte of the text scanned */
    char what[200];
};

#define HTML_CUT_NAME "it would be part of a tag's name"

/* Reads text from where c stands. out gets it as it is to be sent; NULL: nobody does. */
MUST_CHECK int html_scan(struct html_ctx *c, struct str text, struct buf *out,
                         struct html_fault *fault);

/* Only what is text in a page: neither tags nor comments. */
void html_strip_tags(struct buf *b, struct str html);

/* --- contexts --- */

bool html_ctx_eq(const struct html_ctx *a, const struct html_ctx *b);
struct html_ctx html_ctx_nudge(struct html_ctx c); /* where an action in c stands */
/* Where two branches meet; false when they do not. */
MUST_CHECK bool html_ctx_join(struct html_ctx a, struct html_ctx b, struct html_ctx *ret);
void html_ctx_describe(struct buf *b, const struct html_ctx *c);

enum html_attr html_attr_kind(struct str name); /* of any element; any case */

/* --- escapers, called as functions are --- */

enum html_escaper {
    ESCAPE_HTML,
    ESCAPE_RCDATA,
    ESCAPE_ATTR,
    ESCAPE_NOSPACE, /* unquoted attributes */
    ESCAPE_NAME,
    ESCAPE_URL_FILTER,
    ESCAPE_URL_NORMALIZE,
    ESCAPE_URL,
    ESCAPE_SRCSET,
    ESCAPE_CSS_STRING,
    ESCAPE_CSS_VALUE,
    ESCAPE_JS_VALUE,
    ESCAPE_JS_STRING,
    ESCAPE_JS_TMPL,
    ESCAPE_JS_REGEXP,
    ESCAPE_DROP,  /* in comments */
    ESCAPE_PRINT, /* the arguments of {{ html … }} as one text */
    ESCAPERS
};

const struct tv_func *html_escaper(enum html_escaper e);

/* What languages share. */
void html_css_decode(struct buf *b, struct str s); /* without CSS' escapes */
/* The marks of strings are their types: TVT_HTML, TVT_URL, else TVT_STRING. */
struct str html_call_text(struct tv_call *c, struct buf *scratch, enum tv_type *ret_mark);
int html_escape_js_value(struct tv_call *c);
int html_escape_js_string(struct tv_call *c);
int html_escape_js_tmpl(struct tv_call *c);
int html_escape_js_regexp(struct tv_call *c);
int html_escape_css_string(struct tv_call *c);
int html_escape_css_value(struct tv_call *c);

/* --- whole templates --- */

struct template;

/* A copy of t's own text that prints nothing unescaped, in the arena. The error reads
 * "html/template:NAME:LINE:COLUMN: what". */
MUST_CHECK int html_plan(const struct tree **ret, const struct template *t, struct arena *a,
                         struct err *err);
