#include "common/core/config/schema.h"

#include "common/base/time_text.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <stdio.h>

#define NS_PER_MS INT64_C(1000000)
#define SHOWN_BYTES_MAX 60 /* of a value in a mistake */

void config_mistake(struct config_loader *l, int line, const char *fmt, ...)
{
    char text[sizeof(((struct mistake *)0)->text)];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    mistakes_add(l->mistakes, line, "%s", text);
}

void config_warn(struct config_loader *l, int line, const char *fmt, ...)
{
    char text[sizeof(((struct mistake *)0)->text)];
    va_list ap;

    if (l->warnings == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    mistakes_add(l->warnings, line, "%s", text);
}

static const char *kind_text(const struct yaml_node *n)
{
    switch (n->kind) {
    case YAML_NULL:
        return "null";
    case YAML_SCALAR:
        return "a single value";
    case YAML_LIST:
        return "a list";
    case YAML_MAP:
        return "a map";
    }
    return "something else";
}

static bool is_null(const struct yaml_node *n)
{
    return n == NULL || n->kind == YAML_NULL;
}

static struct str shown(struct str s)
{
    return str_sub(s, 0, utf8_cut(s, SHOWN_BYTES_MAX));
}

bool config_is_list(struct config_loader *l, const struct yaml_node *n, const char *what)
{
    if (is_null(n))
        return false;
    if (n->kind != YAML_LIST)
        config_mistake(l, n->line, "%s must be a list, not %s", what, kind_text(n));
    return n->kind == YAML_LIST;
}

bool config_is_map(struct config_loader *l, const struct yaml_node *n, const char *what)
{
    if (is_null(n))
        return false;
    if (n->kind != YAML_MAP)
        config_mistake(l, n->line, "%s must be a map, not %s", what, kind_text(n));
    return n->kind == YAML_MAP;
}

static bool is_scalar(struct config_loader *l, const struct yaml_node *n, const char *what)
{
    if (n->kind != YAML_SCALAR)
        config_mistake(l, n->line, "%s must be a single value, not %s", what, kind_text(n));
    return n->kind == YAML_SCALAR;
}

struct str config_str(struct config_loader *l, const struct yaml_node *n, const char *what)
{
    if (is_null(n) || !is_scalar(l, n, what))
        return STR_EMPTY;
    return arena_str(l->arena, n->text);
}

struct str_list config_str_list(struct config_loader *l, const struct yaml_node *n,
                                const char *what)
{
    struct str_list list = {0};

    if (!config_is_list(l, n, what))
        return list;
    list.v = ARENA_ARRAY(l->arena, struct str, n->n);
    for (size_t i = 0; i < n->n; i++)
        list.v[list.n++] = config_str(l, n->items[i], what);
    return list;
}

/* YAML 1.1 as Go reads it: sign, underscores, 0x, 0o, 0b and a leading 0 for octal. */
static bool to_i64(struct str s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    unsigned base = 10, digits = 0;
    uint64_t v = 0;

    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_sub(s, 1, s.n);
    if (s.n > 1 && s.p[0] == '0') {
        base = s.p[1] == 'x' ? 16 : s.p[1] == 'b' ? 2 : 8;
        s = str_sub(s, s.p[1] == 'x' || s.p[1] == 'b' || s.p[1] == 'o' ? 2 : 1, s.n);
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 99;

        if (c == '_')
            continue;
        if (d >= base || v > (uint64_t)(INT64_MAX - d) / base)
            return false;
        v = v * base + d;
        digits++;
    }
    if (digits == 0)
        return false;
    *ret = negative ? -(int64_t)v : (int64_t)v;
    return true;
}

bool config_u64(struct config_loader *l, const struct yaml_node *n, const char *what, uint64_t *ret)
{
    int64_t v = -1;

    if (is_null(n) || !is_scalar(l, n, what))
        return false;
    if (n->quoted || !to_i64(n->text, &v) || v < 0) {
        config_mistake(l, n->line, "%s must be a whole number, not \"" STR_FMT "\"", what,
                       STR_ARG(shown(n->text)));
        return false;
    }
    *ret = (uint64_t)v;
    return true;
}

static bool hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *check_url_bytes(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7F)
            return "invalid control character in URL";
        if (s.p[i] == '%' && (i + 2 >= s.n || !hex_digit(s.p[i + 1]) || !hex_digit(s.p[i + 2])))
            return "invalid URL escape";
    }
    return NULL;
}

static const char *check_authority(struct str authority, struct str *ret_host)
{
    struct str host = authority;
    size_t at = host.n;

    for (size_t i = 0; i < host.n; i++)
        at = host.p[i] == '@' ? i : at;
    if (at < host.n)
        host = str_sub(host, at + 1, host.n);

    size_t bracket = host.n > 0 && host.p[0] == '[' ? str_find_char(host, ']') : 0;

    if (bracket > 0 && bracket == host.n)
        return "missing ']' in host";

    struct str tail = str_sub(host, bracket, host.n);
    size_t colon = str_find_char(tail, ':');

    for (size_t i = colon + 1; i < tail.n; i++) {
        if (tail.p[i] < '0' || tail.p[i] > '9')
            return "invalid port after host";
    }
    *ret_host = str_sub(host, 0, bracket + colon);
    for (size_t i = 0; i < ret_host->n; i++) {
        if (strchr(" <>\"\\^`{|}", ret_host->p[i]) != NULL)
            return "invalid character in host name";
    }
    return NULL;
}

int config_check_url(struct str url, struct err *err)
{
    const char *wrong = check_url_bytes(url);
    size_t colon = str_find_char(url, ':');
    struct str scheme = str_sub(url, 0, colon < url.n ? colon : 0);
    struct str rest = str_sub(url, colon + 1, url.n), host = STR_EMPTY;

    if (wrong == NULL && url.n == 0)
        return err_set(err, -EINVAL, "unsupported scheme \"\" for URL");
    if (wrong == NULL && !str_eq_nocase(scheme, STR("http")) &&
        !str_eq_nocase(scheme, STR("https")))
        return err_set(err, -EINVAL, "unsupported scheme \"" STR_FMT "\" for URL",
                       STR_ARG(shown(scheme)));
    if (wrong == NULL && str_starts(rest, STR("//"))) {
        size_t end = 2;

        while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
            end++;
        wrong = check_authority(str_sub(rest, 2, end), &host);
    }
    if (wrong != NULL) /* without the URL: it may hold a secret */
        return err_set(err, -EINVAL, "parse URL: %s", wrong);
    if (host.n == 0)
        return err_set(err, -EINVAL, "missing host for URL");
    return 0;
}

static void add_bound(struct buf *b, enum config_kind kind, int64_t v)
{
    if (kind == CONFIG_DURATION || kind == CONFIG_GO_DURATION)
        duration_add(b, v);
    else
        buf_add_i64(b, v);
}

static bool in_bounds(struct config_loader *l, const struct config_field *f, int line, int64_t v)
{
    bool bounded = f->min != 0 || f->max != 0;
    struct buf b;

    if (bounded ? v >= f->min && v <= f->max : v >= 0)
        return true;
    buf_init(&b, 0);
    if (bounded) {
        buf_add_fmt(&b, "%s must be from ", f->name);
        add_bound(&b, f->kind, f->min);
        buf_add_str(&b, STR(" to "));
        add_bound(&b, f->kind, f->max);
    } else {
        buf_add_fmt(&b, "%s must not be negative", f->name);
    }
    config_mistake(l, line, STR_FMT, STR_ARG(buf_str(&b)));
    buf_clear(&b);
    return false;
}

static void set_number(struct config_loader *l, const struct config_field *f,
                       const struct yaml_node *n, void *to)
{
    struct err err = {0};
    int64_t v = 0;
    uint64_t size = 0;
    int rc = 0;

    if (f->kind == CONFIG_DURATION)
        rc = duration_parse(n->text, &v, &err);
    else if (f->kind == CONFIG_GO_DURATION && to_i64(n->text, &v))
        v /= NS_PER_MS;
    else if (f->kind == CONFIG_GO_DURATION)
        rc = go_duration_parse(n->text, &v, &err);
    else if (f->kind == CONFIG_SIZE)
        rc = size_parse(n->text, &size, &err);
    else if (n->quoted || !to_i64(n->text, &v))
        rc = err_set(&err, -EINVAL, "must be a whole number, not \"" STR_FMT "\"",
                     STR_ARG(shown(n->text)));
    if (f->kind == CONFIG_SIZE && rc == 0) {
        if (size > INT64_MAX)
            rc = err_set(&err, -ERANGE, "size is out of range");
        v = (int64_t)size;
    }
    if (rc < 0)
        config_mistake(l, n->line, "%s: %s", f->name, err.text);
    else if (in_bounds(l, f, n->line, v))
        memcpy(to, &v, sizeof(v)); /* int64_t or uint64_t, not negative */
}

static void set_url(struct config_loader *l, const struct config_field *f,
                    const struct yaml_node *n, struct str *to)
{
    struct err err = {0};

    if (f->kind == CONFIG_SECRET_URL && str_eq(n->text, STR("<secret>"))) {
        *to = STR_EMPTY; /* a dumped configuration must load */
        return;
    }
    if (n->text.n > 0 && config_check_url(n->text, &err) < 0)
        config_mistake(l, n->line, "%s: %s", f->name, err.text);
    *to = arena_str(l->arena, n->text);
}

static void set_bool(struct config_loader *l, const struct config_field *f,
                     const struct yaml_node *n, bool *to)
{
    if (yaml_is_bool(n))
        *to = yaml_is_true(n);
    else
        config_mistake(l, n->line, "%s must be true or false, not \"" STR_FMT "\"", f->name,
                       STR_ARG(shown(n->text)));
}

static size_t kind_size(enum config_kind kind)
{
    switch (kind) {
    case CONFIG_STR:
    case CONFIG_SECRET:
    case CONFIG_URL:
    case CONFIG_SECRET_URL:
        return sizeof(struct str);
    case CONFIG_BOOL:
        return sizeof(bool);
    case CONFIG_INT:
    case CONFIG_DURATION:
    case CONFIG_GO_DURATION:
    case CONFIG_SIZE:
        return sizeof(int64_t);
    case CONFIG_STR_LIST:
        return sizeof(struct str_list);
    case CONFIG_CUSTOM:
    case CONFIG_IGNORED:
    case CONFIG_NOT_YET:
        break;
    }
    return 0;
}

static void set_field(struct config_loader *l, const struct config_field *f,
                      const struct yaml_node *n, void *ret)
{
    char *to = (char *)ret + f->offset;

    if (f->kind == CONFIG_IGNORED)
        return;
    if (f->kind == CONFIG_NOT_YET) {
        if (n->kind == YAML_SCALAR || n->n > 0) /* an empty one asks for nothing */
            config_mistake(l, n->line, "%s is not supported yet", f->name);
        return;
    }
    if (f->kind == CONFIG_CUSTOM) {
        f->parse(l, n, to);
        return;
    }
    if (n->kind == YAML_NULL) {
        memset(to, 0, kind_size(f->kind));
        return;
    }
    if (f->kind == CONFIG_STR_LIST) {
        struct str_list list = config_str_list(l, n, f->name);

        memcpy(to, &list, sizeof(list));
        return;
    }
    if (!is_scalar(l, n, f->name))
        return;
    switch (f->kind) {
    case CONFIG_BOOL:
        set_bool(l, f, n, (bool *)to);
        break;
    case CONFIG_URL:
    case CONFIG_SECRET_URL:
        set_url(l, f, n, (struct str *)(void *)to);
        break;
    case CONFIG_STR:
    case CONFIG_SECRET:
        *(struct str *)(void *)to = arena_str(l->arena, n->text);
        break;
    default:
        set_number(l, f, n, to);
    }
}

static void set_fallback(struct config_loader *l, const struct config_field *f, void *ret)
{
    struct yaml_node n = {.kind = YAML_SCALAR};

    if (f->fallback == NULL || kind_size(f->kind) == 0)
        return;
    n.text = str_from(f->fallback);
    if (f->kind != CONFIG_STR_LIST) {
        set_field(l, f, &n, ret);
        return;
    }

    struct str_list list = {.v = ARENA_ARRAY(l->arena, struct str, n.text.n + 1)};
    struct str head;

    while (str_split(&n.text, ',', &head))
        list.v[list.n++] = head;
    memcpy((char *)ret + f->offset, &list, sizeof(list));
}

static void unknown_key(struct config_loader *l, int line, struct str key, const char *what,
                        const struct config_field *fields, size_t fields_n)
{
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < fields_n; i++)
        buf_add_fmt(&b, "%s%s", i > 0 ? ", " : "", fields[i].name);
    config_mistake(l, line, "field " STR_FMT " not found in %s; it may have: " STR_FMT,
                   STR_ARG(shown(key)), what, STR_ARG(buf_str(&b)));
    buf_clear(&b);
}

void config_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                 const struct config_field *fields, size_t fields_n, void *ret)
{
    bool is_map = config_is_map(l, node, what);

    for (size_t i = 0; i < fields_n; i++)
        set_fallback(l, &fields[i], ret);
    if (!is_null(node) && !is_map)
        return;
    for (size_t i = 0; i < fields_n; i++) {
        const struct yaml_node *value = is_map ? yaml_find(node, fields[i].name) : NULL;

        if (value != NULL && !(value->kind == YAML_NULL && fields[i].required))
            set_field(l, &fields[i], value, ret);
        else if (fields[i].required)
            config_mistake(l, node != NULL ? node->line : 0, "missing %s in %s", fields[i].name,
                           what);
    }
    for (size_t k = 0; is_map && k < node->n; k++) {
        size_t i = 0;

        while (i < fields_n && !str_eq_c(node->keys[k], fields[i].name))
            i++;
        if (i == fields_n)
            unknown_key(l, node->key_lines[k], node->keys[k], what, fields, fields_n);
    }
}
