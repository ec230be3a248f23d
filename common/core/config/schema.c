#include "common/core/config/schema.h"

#include "common/base/time_text.h"
#include "common/base/utf8.h"
#include "common/core/config/scalar.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

static int cmp_label(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    return str_cmp(x->name, y->name);
}

struct labels config_pairs(struct config_loader *l, const struct yaml_node *n, const char *what)
{
    struct label *v;

    if (!config_is_map(l, n, what))
        return (struct labels){0};
    v = ARENA_ARRAY(l->arena, struct label, n->n);
    for (size_t i = 0; i < n->n; i++)
        v[i] = (struct label){.name = arena_str(l->arena, n->keys[i]),
                              .value = config_str(l, n->items[i], what)};
    if (n->n > 1) /* the keys of a map differ */
        qsort(v, n->n, sizeof(*v), cmp_label);
    return (struct labels){.v = v, .n = n->n};
}

struct str config_path(struct config_loader *l, struct str written)
{
    if (written.n == 0 || written.p[0] == '/' || l->folder.n == 0)
        return arena_str(l->arena, written);
    return arena_fmt(l->arena, STR_FMT STR_FMT, STR_ARG(l->folder), STR_ARG(written));
}

bool config_bool(struct config_loader *l, const struct yaml_node *n, const char *what)
{
    if (is_null(n) || !is_scalar(l, n, what))
        return false;
    if (!yaml_is_bool(n))
        config_mistake(l, n->line, "%s must be true or false, not \"" STR_FMT "\"", what,
                       STR_ARG(shown(n->text)));
    return yaml_is_true(n);
}

bool config_u64(struct config_loader *l, const struct yaml_node *n, const char *what, uint64_t *ret)
{
    int64_t v = -1;

    if (is_null(n) || !is_scalar(l, n, what))
        return false;
    if (n->quoted || !scalar_to_whole(n->text, &v) || v < 0) {
        config_mistake(l, n->line, "%s must be a whole number, not \"" STR_FMT "\"", what,
                       STR_ARG(shown(n->text)));
        return false;
    }
    *ret = (uint64_t)v;
    return true;
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

    if (!bounded && (f->kind == CONFIG_GO_DURATION || f->kind == CONFIG_GO_TEXT))
        return true;
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

static bool has_digit_but_0(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= '1' && s.p[i] <= '9')
            return true;
    }
    return false;
}

/* Go takes a bare number for nanoseconds. What is shorter than our unit is one of it, not none. */
static int go_duration(const struct config_field *f, const struct yaml_node *n, int64_t *ret,
                       struct err *err)
{
    int64_t v;

    if (f->kind == CONFIG_GO_DURATION && !n->quoted && scalar_to_whole(n->text, &v))
        *ret = v > 0 && v < NS_PER_MS ? 1 : v / NS_PER_MS;
    else if (go_duration_parse(n->text, ret, err) < 0)
        return err->code;
    else if (*ret == 0 && !str_starts(n->text, STR("-")) && has_digit_but_0(n->text))
        *ret = 1;
    return 0;
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
    else if (f->kind == CONFIG_GO_DURATION || f->kind == CONFIG_GO_TEXT)
        rc = go_duration(f, n, &v, &err);
    else if (f->kind == CONFIG_SIZE)
        rc = size_parse(n->text, &size, &err);
    else if (n->quoted || !scalar_to_whole(n->text, &v))
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
        memcpy(to, &v, sizeof(v)); /* int64_t or uint64_t */
}

static void set_float(struct config_loader *l, const struct config_field *f,
                      const struct yaml_node *n, double *to)
{
    int64_t whole;
    double v = 0;

    if (!n->quoted && scalar_to_i64(n->text, &whole))
        *to = (double)whole;
    else if (!n->quoted && scalar_to_float(n->text, &v))
        *to = v;
    else
        config_mistake(l, n->line, "%s must be a number, not \"" STR_FMT "\"", f->name,
                       STR_ARG(shown(n->text)));
}

/* A dumped configuration must load: <secret> stands for a URL that is not told. */
static bool is_placeholder(struct config_loader *l, const struct config_field *f,
                           const struct yaml_node *n)
{
    if (f->kind == CONFIG_URL || !str_eq(n->text, STR("<secret>")))
        return false;
    config_warn(l, n->line, "%s is the placeholder <secret>: nothing can be sent there", f->name);
    return true;
}

static void set_url(struct config_loader *l, const struct config_field *f,
                    const struct yaml_node *n, struct str *to)
{
    struct err err = {0};

    *to = arena_str(l->arena, n->text);
    if (is_placeholder(l, f, n) || (n->text.n == 0 && f->kind == CONFIG_TEMPLATE_URL))
        return;
    if (f->kind == CONFIG_TEMPLATE_URL && str_contains(n->text, STR("{{")))
        return; /* the integration parses it */
    if (config_check_url(n->text, &err) < 0)
        config_mistake(l, n->line, "%s: %s%s", f->name,
                       f->kind == CONFIG_TEMPLATE_URL ? "invalid URL: " : "", err.text);
}

static void set_checked(struct config_loader *l, const struct config_field *f,
                        const struct yaml_node *n, struct str *to,
                        int (*check)(struct str, struct err *))
{
    struct err err = {0};

    if (n->text.n > 0 && check(n->text, &err) < 0)
        config_mistake(l, n->line, "%s: %s", f->name, err.text);
    *to = arena_str(l->arena, n->text);
}

static size_t kind_size(const struct config_field *f)
{
    switch (f->kind) {
    case CONFIG_STR:
    case CONFIG_SECRET:
    case CONFIG_URL:
    case CONFIG_SECRET_URL:
    case CONFIG_TEMPLATE_URL:
    case CONFIG_PROXY_URL:
    case CONFIG_HOSTPORT:
    case CONFIG_FILE:
    case CONFIG_PATH:
        return sizeof(struct str);
    case CONFIG_BOOL:
        return sizeof(bool);
    case CONFIG_MAYBE:
        return sizeof(enum config_maybe);
    case CONFIG_FLOAT:
        return sizeof(double);
    case CONFIG_INT:
    case CONFIG_DURATION:
    case CONFIG_GO_DURATION:
    case CONFIG_GO_TEXT:
    case CONFIG_SIZE:
        return sizeof(int64_t);
    case CONFIG_STR_LIST:
    case CONFIG_SECRET_LIST:
    case CONFIG_PATH_LIST:
        return sizeof(struct str_list);
    case CONFIG_MAP:
        return sizeof(struct labels);
    case CONFIG_SECTIONS:
        return sizeof(struct config_list);
    case CONFIG_SECRETS_MAP:
    case CONFIG_SECTION_MAP:
        return sizeof(struct config_map);
    case CONFIG_ANY:
    case CONFIG_ANY_MAP:
    case CONFIG_SECTION_REF:
        return sizeof(void *);
    case CONFIG_SECTION:
        return f->section->size;
    case CONFIG_CUSTOM:
    case CONFIG_IGNORED:
    case CONFIG_NOT_YET:
        break;
    }
    return 0;
}

/* ---- collections ---- */

static void set_list(struct config_loader *l, const struct config_field *f,
                     const struct yaml_node *n, struct str_list *to)
{
    *to = config_str_list(l, n, f->name);
    for (size_t i = 0; i < to->n && f->kind == CONFIG_PATH_LIST; i++)
        to->v[i] = config_path(l, to->v[i]);
}

static struct yaml_node *copy_tree(struct arena *a, const struct yaml_node *n)
{
    struct yaml_node *c = ARENA_NEW(a, struct yaml_node); /* YAML_DEPTH_MAX bounds the depth */

    *c = *n;
    c->text = arena_str(a, n->text);
    c->items = ARENA_ARRAY(a, struct yaml_node *, n->n);
    if (n->kind == YAML_MAP)
        c->keys = ARENA_ARRAY(a, struct str, n->n);
    c->key_lines = NULL;
    for (size_t i = 0; i < n->n; i++) {
        c->items[i] = copy_tree(a, n->items[i]);
        if (n->kind == YAML_MAP)
            c->keys[i] = arena_str(a, n->keys[i]);
    }
    return c;
}

static void set_sections(struct config_loader *l, const struct config_field *f,
                         const struct yaml_node *n, struct config_list *to)
{
    char *v;

    if (!config_is_list(l, n, f->name))
        return;
    v = arena_alloc_array(l->arena, n->n, f->section->size);
    for (size_t i = 0; i < n->n; i++) {
        if (n->items[i]->kind == YAML_NULL && !f->null_items)
            config_mistake(l, n->items[i]->line, "missing %s", f->section->name);
        else
            config_load_section(l, n->items[i], f->section, v + i * f->section->size);
    }
    *to = (struct config_list){.v = v, .n = n->n};
}

struct place { /* of an entry in its map */
    struct str key;
    const struct yaml_node *value;
};

static int cmp_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return str_cmp(x->key, y->key);
}

static void set_map(struct config_loader *l, const struct config_field *f,
                    const struct yaml_node *n, struct config_map *to)
{
    bool lists = f->kind == CONFIG_SECRETS_MAP;
    size_t size = lists ? sizeof(struct str_list) : f->section->size;
    struct config_map m = {0};
    struct place *places;

    if (!config_is_map(l, n, f->name))
        return;
    places = ARENA_ARRAY(l->arena, struct place, n->n);
    m.keys = ARENA_ARRAY(l->arena, struct str, n->n);
    m.v = arena_alloc_array(l->arena, n->n, size);
    for (size_t i = 0; i < n->n; i++)
        places[i] = (struct place){.key = n->keys[i], .value = n->items[i]};
    if (n->n > 1)
        qsort(places, n->n, sizeof(*places), cmp_place);
    for (; m.n < n->n; m.n++) {
        void *value = (char *)m.v + m.n * size;

        m.keys[m.n] = arena_str(l->arena, places[m.n].key);
        if (lists)
            *(struct str_list *)value = config_str_list(l, places[m.n].value, f->name);
        else
            config_load_section(l, places[m.n].value, f->section, value);
    }
    *to = m;
}

/* False when the kind is none of these. */
static bool set_collection(struct config_loader *l, const struct config_field *f,
                           const struct yaml_node *n, void *to)
{
    void *section;

    switch (f->kind) {
    case CONFIG_STR_LIST:
    case CONFIG_SECRET_LIST:
    case CONFIG_PATH_LIST:
        set_list(l, f, n, to);
        return true;
    case CONFIG_MAP:
        *(struct labels *)to = config_pairs(l, n, f->name);
        return true;
    case CONFIG_ANY_MAP:
        if (!config_is_map(l, n, f->name))
            return true;
        *(struct yaml_node **)to = copy_tree(l->arena, n);
        return true;
    case CONFIG_ANY:
        *(struct yaml_node **)to = copy_tree(l->arena, n);
        return true;
    case CONFIG_SECTION:
        memset(to, 0, f->section->size);
        config_load_section(l, n, f->section, to);
        return true;
    case CONFIG_SECTION_REF:
        section = arena_alloc(l->arena, f->section->size);
        config_load_section(l, n, f->section, section);
        *(void **)to = section;
        return true;
    case CONFIG_SECTIONS:
        set_sections(l, f, n, to);
        return true;
    case CONFIG_SECTION_MAP:
    case CONFIG_SECRETS_MAP:
        set_map(l, f, n, to);
        return true;
    default:
        return false;
    }
}

static void set_scalar(struct config_loader *l, const struct config_field *f,
                       const struct yaml_node *n, void *to)
{
    if (!is_scalar(l, n, f->name))
        return;
    switch (f->kind) {
    case CONFIG_BOOL:
        *(bool *)to = config_bool(l, n, f->name);
        break;
    case CONFIG_MAYBE:
        *(enum config_maybe *)to = config_bool(l, n, f->name) ? CONFIG_YES : CONFIG_NO;
        break;
    case CONFIG_FLOAT:
        set_float(l, f, n, to);
        break;
    case CONFIG_URL:
    case CONFIG_SECRET_URL:
    case CONFIG_TEMPLATE_URL:
        set_url(l, f, n, to);
        break;
    case CONFIG_PROXY_URL:
        set_checked(l, f, n, to, config_check_proxy_url);
        break;
    case CONFIG_HOSTPORT:
        set_checked(l, f, n, to, config_check_hostport);
        break;
    case CONFIG_PATH:
        *(struct str *)to = config_path(l, n->text);
        break;
    case CONFIG_STR:
    case CONFIG_SECRET:
    case CONFIG_FILE:
        *(struct str *)to = arena_str(l->arena, n->text);
        break;
    default:
        set_number(l, f, n, to);
    }
}

static void set_field(struct config_loader *l, const struct config_field *f,
                      const struct yaml_node *n, void *ret)
{
    void *to = (char *)ret + f->offset;
    struct str folder = l->folder;

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
        memset(to, 0, kind_size(f));
        return;
    }
    if (f->as_written)
        l->folder = STR_EMPTY;
    if (!set_collection(l, f, n, to))
        set_scalar(l, f, n, to);
    l->folder = folder;
}

static void set_fallback(struct config_loader *l, const struct config_field *f, void *ret)
{
    struct yaml_node n = {.kind = YAML_SCALAR};

    if (f->kind == CONFIG_SECTION) {
        config_load(l, NULL, f->section->name, f->section->fields, f->section->fields_n,
                    (char *)ret + f->offset);
        return;
    }
    if (f->fallback == NULL || (kind_size(f) == 0 && f->kind != CONFIG_CUSTOM))
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

static size_t found(const struct config_loader *l)
{
    return l->mistakes->n + l->mistakes->left_out;
}

void config_load_section(struct config_loader *l, const struct yaml_node *node,
                         const struct config_section *section, void *ret)
{
    struct err err = {0};
    size_t before = found(l);

    config_load(l, node, section->name, section->fields, section->fields_n, ret);
    if (section->check != NULL && found(l) == before && section->check(ret, l->arena, &err) < 0)
        config_mistake(l, node != NULL ? node->line : 0, "%s", err.text);
}

/* ---- what is unset ---- */

static bool section_is_unset(const struct config_section *s, const void *value)
{
    for (size_t i = 0; i < s->fields_n; i++) {
        if (!config_is_unset(&s->fields[i], (const char *)value + s->fields[i].offset))
            return false;
    }
    return true;
}

bool config_is_unset(const struct config_field *f, const void *value)
{
    if (f->kind == CONFIG_CUSTOM)
        return f->shown == NULL || !f->shown(value);
    switch (f->kind) {
    case CONFIG_BOOL:
        return !*(const bool *)value;
    case CONFIG_MAYBE:
        return *(const enum config_maybe *)value == CONFIG_UNSET;
    case CONFIG_FLOAT:
        return *(const double *)value == 0;
    case CONFIG_INT:
    case CONFIG_DURATION:
    case CONFIG_GO_DURATION:
    case CONFIG_GO_TEXT:
    case CONFIG_SIZE:
        return *(const int64_t *)value == 0;
    case CONFIG_STR_LIST:
    case CONFIG_SECRET_LIST:
    case CONFIG_PATH_LIST:
        return ((const struct str_list *)value)->n == 0;
    case CONFIG_MAP:
        return ((const struct labels *)value)->n == 0;
    case CONFIG_SECTIONS:
        return ((const struct config_list *)value)->n == 0;
    case CONFIG_SECRETS_MAP:
    case CONFIG_SECTION_MAP:
        return ((const struct config_map *)value)->n == 0;
    case CONFIG_ANY:
    case CONFIG_ANY_MAP:
    case CONFIG_SECTION_REF:
        return *(const void *const *)value == NULL;
    case CONFIG_SECTION:
        return section_is_unset(f->section, value);
    case CONFIG_CUSTOM:
    case CONFIG_IGNORED:
    case CONFIG_NOT_YET:
        return true;
    default:
        return ((const struct str *)value)->n == 0;
    }
}

const struct config_field *config_find_field(const struct config_field *fields, size_t n,
                                             const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    }
    return NULL;
}

void config_inherit(const struct config_field *fields, size_t fields_n, void *config,
                    const struct config_field *global_fields, size_t global_fields_n,
                    const void *global)
{
    /* A pair is taken as it was before either of it was inherited. */
    bool unset[CONFIG_FIELDS_MAX] = {0};

    assert(fields_n <= CONFIG_FIELDS_MAX);
    for (size_t i = 0; i < fields_n; i++)
        unset[i] = config_is_unset(&fields[i], (char *)config + fields[i].offset);
    for (size_t i = 0; i < fields_n; i++) {
        const struct config_field *f = &fields[i], *from, *with;

        if (f->global == NULL || !unset[i])
            continue;
        with = f->global_with != NULL ? config_find_field(fields, fields_n, f->global_with) : NULL;
        from = config_find_field(global_fields, global_fields_n, f->global);
        assert(from != NULL && kind_size(from) == kind_size(f));
        assert(f->global_with == NULL || with != NULL);
        if (with == NULL || unset[with - fields])
            memcpy((char *)config + f->offset, (const char *)global + from->offset, kind_size(f));
    }
}
