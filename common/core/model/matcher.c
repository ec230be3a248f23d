#include "common/core/model/matcher.h"

#include "common/base/utf8.h"
#include "common/core/model/matcher_syntax.h"

#include <stdlib.h>

bool matcher_rune_is_space(uint32_t r)
{
    return (r >= '\t' && r <= '\r') || r == ' ' || r == 0x85 || r == 0xA0 || r == 0x1680 ||
           (r >= 0x2000 && r <= 0x200A) || r == 0x2028 || r == 0x2029 || r == 0x202F ||
           r == 0x205F || r == 0x3000;
}

bool matcher_rune_is_reserved(uint32_t r)
{
    return matcher_rune_is_space(r) || (r != 0 && r < 0x80 && strchr("{}!=~,\\\"'`", (int)r));
}

int matcher_make(enum matcher_op op, struct str name, struct str value, struct arena *a,
                 struct matcher *ret, struct err *err)
{
    struct matcher m = {.op = op};

    if (op == MATCH_RE || op == MATCH_NRE) {
        int rc = regex_new(value, &m.regex, err);

        if (rc < 0)
            return rc;
    }
    m.name = arena_str(a, name);
    m.value = arena_str(a, value);
    *ret = m;
    return 0;
}

void matcher_clear(struct matcher *m)
{
    regex_free(m->regex);
    *m = (struct matcher){0};
}

void matchers_clear(struct matchers *m)
{
    for (size_t i = 0; i < m->n; i++)
        matcher_clear(&m->v[i]);
    *m = (struct matchers){0};
}

void matchers_add(struct matchers *m, struct matcher add, struct arena *a)
{
    if ((m->n & (m->n - 1)) == 0) { /* zero or a power of two: full */
        struct matcher *v = ARENA_ARRAY(a, struct matcher, m->n != 0 ? 2 * m->n : 1);

        if (m->n != 0)
            memcpy(v, m->v, m->n * sizeof(*v));
        m->v = v;
    }
    m->v[m->n++] = add;
}

static int cmp(const void *pa, const void *pb)
{
    const struct matcher *a = pa, *b = pb;
    int by_name = str_cmp(a->name, b->name);
    int by_value = str_cmp(a->value, b->value);

    if (by_name != 0)
        return by_name;
    if (by_value != 0)
        return by_value;
    return (int)a->op - (int)b->op;
}

void matchers_sort(struct matchers *m)
{
    if (m->n > 1)
        qsort(m->v, m->n, sizeof(*m->v), cmp);
}

bool matcher_eq(const struct matcher *a, const struct matcher *b)
{
    return cmp(a, b) == 0;
}

bool matcher_matches(const struct matcher *m, struct labels l)
{
    struct str value = labels_get(l, m->name);

    switch (m->op) {
    case MATCH_EQ:
        return str_eq(value, m->value);
    case MATCH_NE:
        return !str_eq(value, m->value);
    case MATCH_RE:
        return regex_match(m->regex, value);
    case MATCH_NRE:
        return !regex_match(m->regex, value);
    }
    return false;
}

bool matchers_match(const struct matchers *m, struct labels l)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!matcher_matches(&m->v[i], l))
            return false;
    }
    return true;
}

const char *matcher_op_text(enum matcher_op op)
{
    static const char *const texts[] = {
        [MATCH_EQ] = "=", [MATCH_NE] = "!=", [MATCH_RE] = "=~", [MATCH_NRE] = "!~"};

    return texts[op];
}

static bool has_reserved(struct str s)
{
    while (s.n > 0) {
        uint32_t rune;
        size_t n = utf8_decode(s, &rune);

        if (matcher_rune_is_reserved(rune))
            return true;
        s = str_sub(s, n, s.n);
    }
    return false;
}

static void add_openmetrics(struct buf *b, struct str s)
{
    buf_add_char(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '\\' || c == '"')
            buf_add_char(b, '\\');
        if (c == '\n')
            buf_add_str(b, STR("\\n"));
        else
            buf_add_char(b, c);
    }
    buf_add_char(b, '"');
}

void matcher_add_text(struct buf *b, const struct matcher *m)
{
    bool quote = has_reserved(m->name);

    if (quote)
        go_quote(b, m->name);
    else
        buf_add_str(b, m->name);
    buf_add_str(b, str_from(matcher_op_text(m->op)));
    if (quote)
        go_quote(b, m->value);
    else
        add_openmetrics(b, m->value);
}

void matchers_add_text(struct buf *b, const struct matchers *m)
{
    buf_add_char(b, '{');
    for (size_t i = 0; i < m->n; i++) {
        if (i > 0)
            buf_add_char(b, ',');
        matcher_add_text(b, &m->v[i]);
    }
    buf_add_char(b, '}');
}
