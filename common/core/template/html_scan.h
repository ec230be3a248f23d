/* The reading of a page, state by state; html_scan.c drives, html_scan_code.c knows JavaScript and
 * CSS. */
#pragma once

#include "common/core/template/html.h"

struct scanner {
    struct html_ctx *c;
    struct buf *out; /* NULL: nothing is kept, as of attributes' decoded values */
    bool text_only;  /* out gets text, but no tags */
    bool failed;
    struct html_fault *fault;
    /* Where the element's end tag begins, as long as text before it is read; its end when there is
     * none. Looked for once, not at every step. */
    const char *end_tag;
    enum html_element end_tag_of;
};

void scan_put(struct scanner *s, struct str text); /* copies, but not for text_only */
int scan_fail(struct scanner *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Each reads from the start of text, moves the context and says how many bytes it took. */
typedef size_t scan_step(struct scanner *s, struct str text);

scan_step scan_js, scan_js_literal, scan_js_line, scan_js_block, scan_css, scan_css_string,
    scan_css_line, scan_css_block;

void scan_url_part(struct html_ctx *c, struct str text);

bool scan_is_space(char ch);                                           /* HTML's */
size_t scan_find_any(struct str text, size_t from, const char *chars); /* text.n when absent */
bool scan_starts_nocase(struct str text, struct str prefix);
