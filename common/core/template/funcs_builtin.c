/* The built-in functions of Go's templates. */
#include "common/base/utf8.h"
#include "common/core/template/exec.h"
#include "common/core/template/format.h"
#include "common/core/template/funcs.h"

static bool absent(struct tv v)
{
    return tv_kind(v) == TV_NONE || tv_kind(v) == TV_NIL;
}

static int fn_not(struct tv_call *c)
{
    c->ret = tv_bool(!tv_truth(c->args[0]));
    return 0;
}

static bool basic(struct tv v)
{
    enum tv_kind kind = tv_kind(v);

    return kind == TV_BOOL || kind == TV_INT || kind == TV_FLOAT || kind == TV_STRING;
}

static int not_comparable(const struct tv_call *c, struct tv v)
{
    return tv_fail(c, "non-comparable type: %s", tv_type_name(v));
}

static bool comparable_struct(struct tv v)
{
    return v.type == TVT_PAIR || v.type == TVT_TIME || v.type == TVT_DATA;
}

static bool same_struct(struct tv a, struct tv b)
{
    switch (a.type) {
    case TVT_PAIR:
        return str_eq(a.fields[0].s, b.fields[0].s) && str_eq(a.fields[1].s, b.fields[1].s);
    case TVT_TIME:
        return go_time_cmp(*a.time, *b.time) == 0 && a.time->offset_s == b.time->offset_s &&
               str_eq(a.time->zone, b.time->zone);
    default: /* a pointer */
        return a.fields == b.fields;
    }
}

static int equal(struct tv_call *c, struct tv a, struct tv b, bool *ret)
{
    if (absent(a) || absent(b)) {
        *ret = absent(a) && absent(b);
        return 0;
    }
    if (!basic(a) || !basic(b)) {
        if (!basic(a) && !comparable_struct(a))
            return not_comparable(c, a);
        if (!basic(b) && !comparable_struct(b))
            return not_comparable(c, b);
        if (a.type != b.type)
            return tv_fail(c, "incompatible types for comparison: %s and %s", tv_type_name(a),
                           tv_type_name(b));
        *ret = same_struct(a, b);
        return 0;
    }
    if (tv_kind(a) != tv_kind(b))
        return tv_fail(c, "incompatible types for comparison: %s and %s", tv_type_name(a),
                       tv_type_name(b));
    switch (tv_kind(a)) {
    case TV_BOOL:
        *ret = a.b == b.b;
        break;
    case TV_INT:
        *ret = a.i == b.i;
        break;
    case TV_FLOAT:
        *ret = a.f == b.f;
        break;
    default:
        *ret = str_eq(a.s, b.s);
        break;
    }
    return 0;
}

static int fn_eq(struct tv_call *c)
{
    bool same = false;

    if (!absent(c->args[0]) && !basic(c->args[0]) && !comparable_struct(c->args[0]) &&
        !(c->n > 1 && absent(c->args[1])))
        return not_comparable(c, c->args[0]);
    if (c->n < 2)
        return tv_fail(c, "missing argument for comparison");
    for (size_t i = 1; i < c->n && !same; i++) {
        int rc = equal(c, c->args[0], c->args[i], &same);

        if (rc < 0)
            return rc;
    }
    c->ret = tv_bool(same);
    return 0;
}

static int fn_ne(struct tv_call *c)
{
    bool same = false;
    int rc = equal(c, c->args[0], c->args[1], &same);

    c->ret = tv_bool(!same);
    return rc;
}

/* less: a < b; same: a == b. */
static int order(struct tv_call *c, bool *less, bool *same)
{
    struct tv a = c->args[0], b = c->args[1];
    int by;

    if (!basic(a) || !basic(b))
        return tv_fail(c, "invalid type for comparison");
    if (tv_kind(a) != tv_kind(b))
        return tv_fail(c, "incompatible types for comparison: %s and %s", tv_type_name(a),
                       tv_type_name(b));
    switch (tv_kind(a)) {
    case TV_INT:
        *less = a.i < b.i;
        *same = a.i == b.i;
        return 0;
    case TV_FLOAT:
        *less = a.f < b.f;
        *same = a.f == b.f;
        return 0;
    case TV_STRING:
        by = str_cmp(a.s, b.s);
        *less = by < 0;
        *same = by == 0;
        return 0;
    default:
        return tv_fail(c, "invalid type for comparison");
    }
}

#define ORDERING(name, expression) \
    static int name(struct tv_call *c) \
    { \
        bool less = false, same = false; \
        int rc = order(c, &less, &same); \
\
        c->ret = tv_bool(expression); \
        return rc; \
    }

ORDERING(fn_lt, less)
ORDERING(fn_le, less || same)
ORDERING(fn_gt, !less && !same)
ORDERING(fn_ge, !less)

static int fn_len(struct tv_call *c)
{
    enum tv_kind kind = tv_kind(c->args[0]);

    if (absent(c->args[0]))
        return tv_fail(c, "len of nil pointer");
    if (kind != TV_STRING && kind != TV_LIST && kind != TV_MAP)
        return tv_fail(c, "len of type %s", tv_type_name(c->args[0]));
    c->ret = tv_int((int64_t)tv_len(c->args[0]));
    return 0;
}

static int check_index(struct tv_call *c, struct tv index, size_t max, size_t *ret)
{
    if (absent(index))
        return tv_fail(c, "cannot index slice/array with nil");
    if (tv_kind(index) != TV_INT)
        return tv_fail(c, "cannot index slice/array with type %s", tv_type_name(index));
    if (index.i < 0 || (uint64_t)index.i > max)
        return tv_fail(c, "index out of range: %lld", (long long)index.i);
    *ret = (size_t)index.i;
    return 0;
}

static int index_one(struct tv_call *c, struct tv on, struct tv key, struct tv *ret)
{
    const struct tv *entry;
    size_t i = 0;
    int rc;

    if (absent(on))
        return tv_fail(c, "index of untyped nil");
    switch (tv_kind(on)) {
    case TV_LIST:
    case TV_STRING:
        if (tv_len(on) == 0 && tv_kind(key) == TV_INT)
            return tv_fail(c, "index out of range: %lld", (long long)key.i);
        rc = check_index(c, key, tv_len(on) > 0 ? tv_len(on) - 1 : 0, &i);
        if (rc < 0)
            return rc;
        *ret =
            tv_kind(on) == TV_LIST ? on.list.v[i] : tv_int_as(TVT_UINT8, (unsigned char)on.s.p[i]);
        return 0;
    case TV_MAP:
        if (absent(key))
            return tv_fail(c, "value is nil; should be of type string");
        if (key.type != TVT_STRING)
            return tv_fail(c, "value has type %s; should be string", tv_type_name(key));
        entry = tv_map_find(on, key.s);
        if (entry != NULL)
            *ret = *entry;
        else
            *ret = on.type == TVT_KV ? tv_str(STR_EMPTY) : (struct tv){.type = TVT_NIL};
        return 0;
    default:
        return tv_fail(c, "can't index item of type %s", tv_type_name(on));
    }
}

static int fn_index(struct tv_call *c)
{
    struct tv v = c->args[0];

    if (absent(v))
        return tv_fail(c, "index of untyped nil");
    for (size_t i = 1; i < c->n; i++) {
        int rc = index_one(c, v, c->args[i], &v);

        if (rc < 0)
            return rc;
    }
    c->ret = v;
    return 0;
}

static int fn_slice(struct tv_call *c)
{
    struct tv v = c->args[0];
    size_t bounds[3] = {0, tv_len(v), tv_len(v)};

    if (absent(v))
        return tv_fail(c, "slice of untyped nil");
    if (c->n > 4)
        return tv_fail(c, "too many slice indexes: %zu", c->n - 1);
    if (tv_kind(v) == TV_STRING && c->n == 4)
        return tv_fail(c, "cannot 3-index slice a string");
    if (tv_kind(v) != TV_STRING && tv_kind(v) != TV_LIST)
        return tv_fail(c, "can't slice item of type %s", tv_type_name(v));
    for (size_t i = 1; i < c->n; i++) {
        int rc = check_index(c, c->args[i], tv_len(v), &bounds[i - 1]);

        if (rc < 0)
            return rc;
    }
    if (bounds[0] > bounds[1])
        return tv_fail(c, "invalid slice index: %zu > %zu", bounds[0], bounds[1]);
    if (bounds[1] > bounds[2])
        return tv_fail(c, "invalid slice index: %zu > %zu", bounds[1], bounds[2]);
    c->ret = v;
    if (tv_kind(v) == TV_STRING)
        c->ret.s = str_sub(v.s, bounds[0], bounds[1]);
    else if (v.list.n > 0)
        c->ret = tv_list(v.type, v.list.v + bounds[0], bounds[1] - bounds[0]);
    return 0;
}

static void call_buf(struct tv_call *c, struct buf *b)
{
    buf_init(b, c->x->limits.output_bytes);
}

static int fn_print(struct tv_call *c)
{
    struct buf b;

    call_buf(c, &b);
    format_print(&b, c->args, c->n);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_println(struct tv_call *c)
{
    struct buf b;

    call_buf(c, &b);
    format_println(&b, c->args, c->n);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_printf(struct tv_call *c)
{
    struct buf b;

    call_buf(c, &b);
    format_printf(&b, c->args[0].s, c->args + 1, c->n - 1);
    return exec_take_buf(c, &b, TVT_STRING);
}

/* The text of an escaper's arguments: as print, but nothing is "<no value>". */
static void escaper_text(struct tv_call *c, struct buf *b)
{
    call_buf(c, b);
    for (size_t i = 0; i < c->n; i++) {
        struct tv v = absent(c->args[i]) ? tv_str(STR("<no value>")) : c->args[i];

        if (i > 0 && tv_kind(v) != TV_STRING && tv_kind(c->args[i - 1]) != TV_STRING &&
            !absent(c->args[i - 1]))
            buf_add_char(b, ' ');
        format_value(b, v);
    }
}

static int fn_html(struct tv_call *c)
{
    struct buf text, b;

    escaper_text(c, &text);
    call_buf(c, &b);
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '<':
            buf_add_str(&b, STR("&lt;"));
            break;
        case '>':
            buf_add_str(&b, STR("&gt;"));
            break;
        case '&':
            buf_add_str(&b, STR("&amp;"));
            break;
        case '"':
            buf_add_str(&b, STR("&#34;"));
            break;
        case '\'':
            buf_add_str(&b, STR("&#39;"));
            break;
        case '\0':
            buf_add_str(&b, STR("\xef\xbf\xbd"));
            break;
        default:
            buf_add_char(&b, text.p[i]);
            break;
        }
    }
    buf_clear(&text);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_js(struct tv_call *c)
{
    struct buf text, b;
    struct str s;

    escaper_text(c, &text);
    call_buf(c, &b);
    for (s = buf_str(&text); s.n > 0;) {
        uint32_t rune;
        size_t n = utf8_decode(s, &rune);

        if (rune == '\\' || rune == '\'' || rune == '"')
            buf_add_fmt(&b, "\\%c", (char)rune);
        else if (rune < ' ' || rune == '<' || rune == '>' || rune == '&' || rune == '=')
            buf_add_fmt(&b, "\\u%04X", rune);
        else if (rune < 0x7f || utf8_printable(rune))
            buf_add(&b, s.p, n);
        else
            buf_add_fmt(&b, "\\u%04X", rune);
        s = str_sub(s, n, s.n);
    }
    buf_clear(&text);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_urlquery(struct tv_call *c)
{
    struct buf text, b;

    escaper_text(c, &text);
    call_buf(c, &b);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char ch = (unsigned char)text.p[i];

        if ((ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') ||
            (ch != 0 && strchr("-_.~", ch) != NULL))
            buf_add_char(&b, (char)ch);
        else if (ch == ' ')
            buf_add_char(&b, '+');
        else
            buf_add_fmt(&b, "%%%02X", ch);
    }
    buf_clear(&text);
    return exec_take_buf(c, &b, TVT_STRING);
}

static int fn_call(struct tv_call *c)
{
    if (absent(c->args[0]))
        return tv_fail(c, "call of nil");
    return tv_fail(c, "non-function of type %s", tv_type_name(c->args[0]));
}

#define ANY PARAM_ANY

const struct tv_func funcs_builtin[] = {
    {"and", {ANY, ANY}, 2, true, NULL}, /* not called: eval.c stops at the one that decides */
    {"or", {ANY, ANY}, 2, true, NULL},
    {"not", {ANY}, 1, false, fn_not},
    {"eq", {ANY, ANY}, 2, true, fn_eq},
    {"ne", {ANY, ANY}, 2, false, fn_ne},
    {"lt", {ANY, ANY}, 2, false, fn_lt},
    {"le", {ANY, ANY}, 2, false, fn_le},
    {"gt", {ANY, ANY}, 2, false, fn_gt},
    {"ge", {ANY, ANY}, 2, false, fn_ge},
    {"len", {ANY}, 1, false, fn_len},
    {"index", {ANY, ANY}, 2, true, fn_index},
    {"slice", {ANY, ANY}, 2, true, fn_slice},
    {"print", {ANY}, 1, true, fn_print},
    {"println", {ANY}, 1, true, fn_println},
    {"printf", {PARAM_STRING, ANY}, 2, true, fn_printf},
    {"html", {ANY}, 1, true, fn_html},
    {"js", {ANY}, 1, true, fn_js},
    {"urlquery", {ANY}, 1, true, fn_urlquery},
    {"call", {ANY, ANY}, 2, true, fn_call},
    {0},
};

static const struct tv_func *find_in(const struct tv_func *f, struct str name)
{
    for (; f->name != NULL; f++) {
        if (str_eq_c(name, f->name))
            return f;
    }
    return NULL;
}

bool funcs_is_builtin(const struct tv_func *f)
{
    return find_in(funcs_builtin, str_from(f->name)) == f;
}

const struct tv_func *funcs_find(struct str name)
{
    const struct tv_func *f = find_in(funcs_builtin, name);

    return f != NULL ? f : find_in(funcs_alertmanager, name);
}
