#include "common/core/config/schema_text.h"

#include "common/base/float_text.h"
#include "common/base/time_text.h"

#include <stdio.h>

#define STEP 2

void config_write_indent(struct buf *b, unsigned indent)
{
    for (unsigned i = 0; i < indent; i++)
        buf_add_char(b, ' ');
}

/* ---- scalars ---- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Words of letters that YAML takes for no boolean and no null: the usual name. */
static bool is_plain(struct str s)
{
    static const char *const taken[] = {"y",   "n",    "yes",   "no",  "on",
                                        "off", "true", "false", "null"};

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!is_word_char(c) &&
            (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.' || c == '/')))
            return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
        if (str_eq_nocase(s, str_from(taken[i])))
            return false;
    }
    return s.n > 0;
}

/* What single quotes cannot hold: control characters, and what some parser takes for a line break.
 */
static bool needs_escapes(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == 0x7F || c >= 0x80)
            return true;
    }
    return false;
}

static void write_escaped(struct buf *b, struct str s)
{
    static const char *const names[0x20] = {
        [0] = "\\0",  [7] = "\\a",  [8] = "\\b",  [9] = "\\t", [10] = "\\n",
        [11] = "\\v", [12] = "\\f", [13] = "\\r", [27] = "\\e"};

    buf_add_char(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 && names[c] != NULL)
            buf_add_str(b, str_from(names[c]));
        else if (c < 0x20 || c == 0x7F)
            buf_add_fmt(b, "\\x%02X", c);
        else if (c == '"' || c == '\\')
            buf_add_fmt(b, "\\%c", c);
        else if (c == 0xC2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xA0)
            buf_add_fmt(b, "\\x%02X", (unsigned char)s.p[++i]); /* C1 controls, NEL among them */
        else if (c == 0xE2 && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0x80 &&
                 ((unsigned char)s.p[i + 2] & 0xFE) == 0xA8) { /* U+2028, U+2029 */
            buf_add_fmt(b, "\\u20%02X", (unsigned char)s.p[i + 2] - 0x80);
            i += 2;
        } else if (c == 0xEF && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0xBB &&
                   (unsigned char)s.p[i + 2] == 0xBF) {
            buf_add_str(b, STR("\\uFEFF"));
            i += 2;
        } else
            buf_add_char(b, (char)c);
    }
    buf_add_char(b, '"');
}

void config_write_str(struct buf *b, struct str s)
{
    if (is_plain(s)) {
        buf_add_str(b, s);
        return;
    }
    if (needs_escapes(s)) {
        write_escaped(b, s);
        return;
    }
    buf_add_char(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'')
            buf_add_char(b, '\'');
        buf_add_char(b, s.p[i]);
    }
    buf_add_char(b, '\'');
}

static void write_secret(struct buf *b)
{
    buf_add_str(b, STR("<secret>"));
}

/* The password of scheme://user:password@host. */
static void write_proxy_url(struct buf *b, struct str url)
{
    struct buf shown;
    size_t begin = 0, at, colon;
    struct str authority;

    while (begin + 2 < url.n && !str_starts(str_sub(url, begin, url.n), STR("//")))
        begin++;
    authority = str_sub(url, begin + 2, url.n);
    authority = str_sub(authority, 0, str_find_char(authority, '/'));
    for (at = authority.n; at > 0 && authority.p[at - 1] != '@'; at--)
        ;
    colon = at > 0 ? str_find_char(str_sub(authority, 0, at - 1), ':') : 0;
    if (at == 0 || colon == at - 1) {
        config_write_str(b, url);
        return;
    }
    buf_init(&shown, 0);
    buf_add_str(&shown, str_sub(url, 0, begin + 2 + colon));
    buf_add_str(&shown, STR(":xxxxx"));
    buf_add_str(&shown, str_sub(url, begin + 2 + at - 1, url.n));
    config_write_str(b, buf_str(&shown));
    buf_clear(&shown);
}

void config_write_go_duration(struct buf *b, int64_t ms)
{
    uint64_t v = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    uint64_t h = v / MS_PER_H, m = v / MS_PER_MIN % 60, s = v / MS_PER_S % 60, rest = v % MS_PER_S;

    if (ms < 0)
        buf_add_char(b, '-');
    if (v > 0 && v < (uint64_t)MS_PER_S) {
        buf_add_fmt(b, "%ums", (unsigned)v);
        return;
    }
    if (h > 0)
        buf_add_fmt(b, "%lluh", (unsigned long long)h);
    if (h > 0 || m > 0)
        buf_add_fmt(b, "%um", (unsigned)m);
    buf_add_fmt(b, "%u", (unsigned)s);
    if (rest > 0) {
        buf_add_fmt(b, ".%03u", (unsigned)rest);
        while (b->p[b->n - 1] == '0')
            b->p[--b->n] = '\0';
    }
    buf_add_char(b, 's');
}

static void write_float(struct buf *b, double v)
{
    char text[32] = "";
    double back = 0;

    for (int digits = 6; digits <= 17; digits++) { /* the fewest that read back as v */
        (void)snprintf(text, sizeof(text), "%.*g", digits, v);
        if (float_parse(str_from(text), &back) && !(back < v) && !(back > v))
            break;
    }
    buf_add_str(b, str_from(text));
}

/* ---- collections ---- */

void config_write_pairs(struct buf *b, unsigned indent, struct labels pairs)
{
    buf_add_str(b, pairs.n == 0 ? STR(" {}\n") : STR("\n"));
    LABELS_EACH (&pairs, it) {
        config_write_indent(b, indent + STEP);
        config_write_str(b, it->name);
        buf_add_str(b, STR(": "));
        config_write_str(b, it->value);
        buf_add_char(b, '\n');
    }
}

static void write_items(struct buf *b, unsigned indent, struct str_list list, bool secret)
{
    buf_add_str(b, list.n == 0 ? STR(" []\n") : STR("\n"));
    for (size_t i = 0; i < list.n; i++) {
        config_write_indent(b, indent);
        buf_add_str(b, STR("- "));
        if (secret)
            write_secret(b);
        else
            config_write_str(b, list.v[i]);
        buf_add_char(b, '\n');
    }
}

void config_write_items(struct buf *b, unsigned indent, struct str_list list)
{
    write_items(b, indent, list, false);
}

/* Behind "key:" or "-"; the depth is the file's. A plain scalar stays plain, for what it means may
 * be a number; it came from one line of block or flow style, so it may stand here. */
static void write_any(struct buf *b, unsigned indent, const struct yaml_node *n)
{
    bool plain = n->kind == YAML_SCALAR && !n->quoted && !needs_escapes(n->text);

    switch (n->kind) {
    case YAML_NULL:
        buf_add_str(b, STR(" null\n"));
        break;
    case YAML_SCALAR:
        buf_add_char(b, ' ');
        if (plain)
            buf_add_str(b, n->text);
        else
            config_write_str(b, n->text);
        buf_add_char(b, '\n');
        break;
    case YAML_LIST:
        buf_add_str(b, n->n == 0 ? STR(" []\n") : STR("\n"));
        for (size_t i = 0; i < n->n; i++) {
            config_write_indent(b, indent + STEP);
            buf_add_char(b, '-');
            write_any(b, indent + STEP, n->items[i]);
        }
        break;
    case YAML_MAP:
        buf_add_str(b, n->n == 0 ? STR(" {}\n") : STR("\n"));
        for (size_t i = 0; i < n->n; i++) {
            config_write_indent(b, indent + STEP);
            config_write_str(b, n->keys[i]);
            buf_add_char(b, ':');
            write_any(b, indent + STEP, n->items[i]);
        }
        break;
    }
}

static void write_section(struct buf *b, unsigned indent, const struct config_section *s,
                          const void *value)
{
    size_t start;

    buf_add_char(b, '\n');
    start = b->n;
    config_write(b, indent + STEP, s->fields, s->fields_n, value);
    if (b->n > start)
        return;
    b->n = start - 1;
    buf_add_str(b, STR(" {}\n"));
}

static void write_map(struct buf *b, unsigned indent, const struct config_field *f,
                      const struct config_map *m)
{
    buf_add_str(b, m->n == 0 ? STR(" {}\n") : STR("\n"));
    for (size_t i = 0; i < m->n; i++) {
        config_write_indent(b, indent + STEP);
        config_write_str(b, m->keys[i]);
        buf_add_char(b, ':');
        if (f->kind == CONFIG_SECRETS_MAP)
            write_items(b, indent + STEP, ((const struct str_list *)m->v)[i], true);
        else
            write_section(b, indent + STEP, f->section, (const char *)m->v + i * f->section->size);
    }
}

static void write_sections(struct buf *b, unsigned indent, const struct config_field *f,
                           const struct config_list *list)
{
    buf_add_str(b, list->n == 0 ? STR(" []\n") : STR("\n"));
    for (size_t i = 0; i < list->n; i++)
        config_write_item(b, indent, f->section->fields, f->section->fields_n,
                          (const char *)list->v + i * f->section->size);
}

/* False when the kind is none of these. */
static bool write_collection(struct buf *b, unsigned indent, const struct config_field *f,
                             const void *value)
{
    switch (f->kind) {
    case CONFIG_STR_LIST:
    case CONFIG_PATH_LIST:
    case CONFIG_SECRET_LIST:
        write_items(b, indent, *(const struct str_list *)value, f->kind == CONFIG_SECRET_LIST);
        return true;
    case CONFIG_MAP:
        config_write_pairs(b, indent, *(const struct labels *)value);
        return true;
    case CONFIG_ANY:
    case CONFIG_ANY_MAP:
        write_any(b, indent, *(const struct yaml_node *const *)value);
        return true;
    case CONFIG_SECTION:
        write_section(b, indent, f->section, value);
        return true;
    case CONFIG_SECTION_REF:
        write_section(b, indent, f->section, *(const void *const *)value);
        return true;
    case CONFIG_SECTIONS:
        write_sections(b, indent, f, value);
        return true;
    case CONFIG_SECTION_MAP:
    case CONFIG_SECRETS_MAP:
        write_map(b, indent, f, value);
        return true;
    case CONFIG_CUSTOM:
        f->write(b, indent, value);
        return true;
    default:
        return false;
    }
}

static void write_scalar(struct buf *b, const struct config_field *f, const void *value)
{
    switch (f->kind) {
    case CONFIG_SECRET:
    case CONFIG_SECRET_URL:
    case CONFIG_TEMPLATE_URL:
        if (((const struct str *)value)->n > 0)
            write_secret(b);
        else
            config_write_str(b, STR_EMPTY);
        break;
    case CONFIG_PROXY_URL:
        write_proxy_url(b, *(const struct str *)value);
        break;
    case CONFIG_BOOL:
        buf_add_str(b, *(const bool *)value ? STR("true") : STR("false"));
        break;
    case CONFIG_MAYBE:
        buf_add_str(b,
                    *(const enum config_maybe *)value == CONFIG_YES ? STR("true") : STR("false"));
        break;
    case CONFIG_FLOAT:
        write_float(b, *(const double *)value);
        break;
    case CONFIG_INT:
        buf_add_i64(b, *(const int64_t *)value);
        break;
    case CONFIG_DURATION:
        duration_add(b, *(const int64_t *)value);
        break;
    case CONFIG_GO_DURATION:
    case CONFIG_GO_TEXT:
        config_write_go_duration(b, *(const int64_t *)value);
        break;
    case CONFIG_SIZE:
        buf_add_u64(b, *(const uint64_t *)value);
        break;
    default:
        config_write_str(b, *(const struct str *)value);
    }
}

static bool is_shown(const struct config_field *f)
{
    return f->kind != CONFIG_IGNORED && f->kind != CONFIG_NOT_YET &&
           (f->kind != CONFIG_CUSTOM || f->write != NULL);
}

static bool has_default(const struct config_field *f)
{
    return f->fallback != NULL && f->fallback[0] != '\0' && strcmp(f->fallback, "0") != 0 &&
           strcmp(f->fallback, "false") != 0;
}

static bool is_url(const struct config_field *f) /* which cannot be empty, but null */
{
    return f->kind == CONFIG_URL || f->kind == CONFIG_SECRET_URL;
}

void config_write(struct buf *b, unsigned indent, const struct config_field *fields,
                  size_t fields_n, const void *base)
{
    for (size_t i = 0; i < fields_n; i++) {
        const struct config_field *f = &fields[i];
        const void *value = (const char *)base + f->offset;
        bool unset = config_is_unset(f, value), off = unset && has_default(f) && !f->always;

        if (!is_shown(f) || (unset && !off && !f->always))
            continue;
        config_write_indent(b, indent);
        buf_add_fmt(b, "%s:", f->name);
        if (off || (unset && is_url(f))) { /* an absent key would bring the default back */
            buf_add_str(b, STR(" null\n"));
            continue;
        }
        if (write_collection(b, indent, f, value))
            continue;
        buf_add_char(b, ' ');
        write_scalar(b, f, value);
        buf_add_char(b, '\n');
    }
}

void config_write_item(struct buf *b, unsigned indent, const struct config_field *fields,
                       size_t fields_n, const void *base)
{
    size_t start = b->n;

    config_write(b, indent + STEP, fields, fields_n, base);
    if (b->n == start) {
        config_write_indent(b, indent);
        buf_add_str(b, STR("- {}\n"));
    } else if (!b->overflow) {
        b->p[start + indent] = '-'; /* of the first key's indentation */
    }
}
