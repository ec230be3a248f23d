#include "tests/fuzz/fuzz.h"

#include "common/core/template/html.h"
#include "common/core/template/template.h"

#define HOSTILE "\"'`<script>&+/*-->{}()\\ javascript:x\n"

static struct template_env env = {
    .limits = {.output_bytes = KIB(64), .memory_bytes = MIB(4), .steps = 20000, .depth = 50}};

static int render(struct str text, struct str value, struct arena *a, struct str *ret)
{
    struct template_set *set = template_set_new();
    struct err err = {0};
    int rc = template_execute(set, TEMPLATE_HTML, text, tv_str(value), &env, a, ret, &err);

    assert(rc == 0 || (err.code < 0 && err.text[0] != '\0'));
    assert(ret->n <= KIB(64));
    template_set_free(set);
    return rc;
}

static size_t count(struct str s, char ch)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == ch;
    return n;
}

/* Whatever a value is, the page around it has the same marks, and is whole. */
static void check_page(struct str page, struct str value)
{
    struct arena *a = arena_new(0);
    struct str tame = STR_EMPTY, wild = STR_EMPTY;
    struct html_ctx end = {0};
    struct html_fault fault;
    struct buf text;

    buf_init(&text, 0);
    for (size_t i = 0; i < page.n; i++) {
        if (page.p[i] == '\1')
            buf_add_str(&text, STR("{{ . }}"));
        else if (page.p[i] != '{' || i + 1 == page.n || page.p[i + 1] != '{')
            buf_add_char(&text, page.p[i]);
    }
    if (render(buf_str(&text), STR("x"), a, &tame) == 0) {
        int rc = render(buf_str(&text), value, a, &wild);

        assert(rc == 0 || wild.n > KIB(60)); /* escaping makes it longer */
        if (rc == 0) {
            assert(count(tame, '<') == count(wild, '<'));
            assert(count(tame, '>') == count(wild, '>'));
            rc = html_scan(&end, wild, NULL, &fault);
            assert(rc == 0 && end.state == HTML_TEXT);
        }
    }
    buf_clear(&text);
    arena_free(a);
}

/* After '{' the rest is a template; else a page in which the byte 1 stands for the value, which
 * follows the page behind a NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_text(data, size), page, rest;
    struct arena *a = arena_new(0);
    struct str out = STR_EMPTY;
    size_t nul;

    if (input.n > 0 && input.p[0] == '{') {
        (void)render(str_sub(input, 1, input.n), STR(HOSTILE), a, &out);
    } else {
        nul = str_find_char(input, '\0');
        page = str_sub(input, 0, nul);
        rest = str_sub(input, nul + 1, input.n);
        check_page(page, rest.n > 0 ? rest : STR(HOSTILE));
    }
    arena_free(a);
    return 0;
}
