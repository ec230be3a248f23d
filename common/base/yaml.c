#include "common/base/yaml.h"

#include "common/base/map.h"
#include "common/base/utf8.h"
#include "common/base/vec.h"

#include <errno.h>
#include <yaml.h>

/* libyaml compares every %TAG with those before it; nobody writes more than a few. */
#define DIRECTIVES_MAX 64

struct entry { /* a key of the map that is being read */
    struct str key;
    size_t place;
    bool merged; /* from <<: an explicit key may replace it */
    UT_hash_handle hh;
};

struct anchor {
    struct str name;
    struct yaml_node *node;
    bool open; /* still being read: an alias to it would never end */
    UT_hash_handle hh;
};

struct pair {
    struct str key;
    struct yaml_node *value;
    int line;
};

/* A collection that is being read. Its pairs become the node's arrays when it ends. */
struct frame {
    struct yaml_node *node;
    struct anchor *anchor;
    struct {
        struct pair *v;
        size_t n, cap;
    } pairs;
    struct entry *entries;
    struct yaml_node *key; /* a map's key whose value comes next */
};

struct loader {
    struct arena *arena;
    struct arena *scratch; /* entries and anchors, until the end of the parse */
    struct mistakes *mistakes;
    struct frame stack[YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    struct anchor *anchors;
    struct yaml_node *root;
};

static int mistake_count(const struct loader *l)
{
    return (int)(l->mistakes->n + l->mistakes->left_out);
}

/* NULL, with a mistake, when there are too many. */
static struct yaml_node *node_new(struct loader *l, enum yaml_kind kind, int line)
{
    struct yaml_node *node;

    if (l->nodes >= YAML_NODES_MAX) {
        mistakes_add(l->mistakes, line, "more than %d values, aliases counted in full",
                     YAML_NODES_MAX);
        return NULL;
    }
    l->nodes++;
    node = ARENA_NEW(l->arena, struct yaml_node);
    node->kind = kind;
    node->line = line;
    node->text = STR_EMPTY;
    return node;
}

/* --- aliases --- */

static size_t height(const struct yaml_node *node)
{
    size_t highest = 0;

    for (size_t i = 0; i < node->n; i++) {
        size_t h = height(node->items[i]);

        if (h > highest)
            highest = h;
    }
    return node->kind == YAML_LIST || node->kind == YAML_MAP ? highest + 1 : 0;
}

/* Text and key arrays are shared, for nobody changes them; nodes are copied and counted. */
static struct yaml_node *node_copy(struct loader *l, const struct yaml_node *from)
{
    struct yaml_node *node = node_new(l, from->kind, from->line);

    if (node == NULL)
        return NULL;
    *node = *from;
    if (from->n == 0)
        return node;
    node->items = ARENA_ARRAY(l->arena, struct yaml_node *, from->n);
    for (size_t i = 0; i < from->n; i++) {
        node->items[i] = node_copy(l, from->items[i]);
        if (node->items[i] == NULL)
            return NULL;
    }
    return node;
}

static struct anchor *anchor_find(struct loader *l, struct str name)
{
    struct anchor *found;

    HASH_FIND(hh, l->anchors, name.p, name.n, found);
    return found;
}

/* Remembers what &name stands for from now on; NULL when the event has no anchor. */
static struct anchor *anchor_set(struct loader *l, const yaml_char_t *text, struct yaml_node *node)
{
    struct anchor *anchor;
    struct str name;

    if (text == NULL)
        return NULL;
    name = arena_str(l->scratch, str_from((const char *)text));
    anchor = anchor_find(l, name);
    if (anchor == NULL) {
        anchor = ARENA_NEW(l->scratch, struct anchor);
        anchor->name = name;
        HASH_ADD_KEYPTR(hh, l->anchors, anchor->name.p, anchor->name.n, anchor);
    }
    anchor->node = node;
    anchor->open = node->kind == YAML_LIST || node->kind == YAML_MAP;
    return anchor;
}

static struct yaml_node *alias_resolve(struct loader *l, struct str name, int line)
{
    const struct anchor *anchor = anchor_find(l, name);
    struct yaml_node *node;

    if (anchor == NULL || anchor->open) {
        mistakes_add(l->mistakes, line,
                     anchor == NULL ? "unknown anchor \"" STR_FMT "\""
                                    : "anchor \"" STR_FMT "\" contains itself",
                     STR_ARG(str_sub(name, 0, 128)));
        return node_new(l, YAML_NULL, line);
    }
    if (l->depth + height(anchor->node) > YAML_DEPTH_MAX) {
        mistakes_add(l->mistakes, line, "nested deeper than %d by aliases", YAML_DEPTH_MAX);
        return NULL;
    }
    node = node_copy(l, anchor->node);
    if (node != NULL)
        node->line = line; /* what lies in it keeps its own */
    return node;
}

/* --- maps --- */

static struct entry *entry_find(const struct frame *f, struct str key)
{
    struct entry *found;

    HASH_FIND(hh, f->entries, key.p, key.n, found);
    return found;
}

static void pair_add(struct loader *l, struct frame *f, struct pair pair, bool merged)
{
    struct entry *entry = ARENA_NEW(l->scratch, struct entry);

    *entry = (struct entry){.key = pair.key, .place = f->pairs.n, .merged = merged};
    HASH_ADD_KEYPTR(hh, f->entries, entry->key.p, entry->key.n, entry);
    *VEC_PUSH(&f->pairs) = pair;
}

static void pair_set(struct loader *l, struct frame *f, struct pair pair)
{
    struct entry *entry = entry_find(f, pair.key);

    if (entry == NULL) {
        pair_add(l, f, pair, false);
    } else if (entry->merged) {
        f->pairs.v[entry->place] = pair;
        entry->merged = false;
    } else {
        mistakes_add(l->mistakes, pair.line, "key \"" STR_FMT "\" already set in map, on line %d",
                     STR_ARG(str_sub(pair.key, 0, 128)), f->pairs.v[entry->place].line);
    }
}

static void merge_map(struct loader *l, struct frame *f, const struct yaml_node *source)
{
    for (size_t i = 0; i < source->n; i++) {
        struct pair pair = {
            .key = source->keys[i], .value = source->items[i], .line = source->key_lines[i]};
        struct entry *entry = entry_find(f, pair.key);

        if (entry == NULL)
            pair_add(l, f, pair, true);
        else
            f->pairs.v[entry->place] = pair;
    }
}

/* In the order of the file, as yaml.v2: << replaces what stands before it, and what stands behind
 * it replaces what came by <<. Of several sources the first wins. */
static void merge(struct loader *l, struct frame *f, const struct yaml_node *source, int line)
{
    bool good = source->kind == YAML_MAP || source->kind == YAML_LIST;

    for (size_t i = 0; source->kind == YAML_LIST && i < source->n; i++)
        good = good && source->items[i]->kind == YAML_MAP;
    if (!good)
        mistakes_add(l->mistakes, line, "map merge requires a map or a list of maps as the value");
    else if (source->kind == YAML_MAP)
        merge_map(l, f, source);
    else
        for (size_t i = source->n; i-- > 0;)
            merge_map(l, f, source->items[i]);
}

/* A finished value takes its place in what is open. */
static void place(struct loader *l, struct yaml_node *node)
{
    struct frame *f;
    struct yaml_node *key;

    if (l->depth == 0) {
        l->root = node;
        return;
    }
    f = &l->stack[l->depth - 1];
    if (f->node->kind == YAML_LIST) {
        *VEC_PUSH(&f->pairs) = (struct pair){.value = node};
        return;
    }
    if (f->key == NULL) {
        if (node->kind == YAML_LIST || node->kind == YAML_MAP)
            mistakes_add(l->mistakes, node->line, "a key must be a scalar");
        f->key = node;
        return;
    }
    key = f->key;
    f->key = NULL;
    if (key->kind == YAML_SCALAR && !key->quoted && str_eq_c(key->text, "<<"))
        merge(l, f, node, key->line);
    else if (key->kind == YAML_SCALAR || key->kind == YAML_NULL)
        pair_set(l, f, (struct pair){.key = key->text, .value = node, .line = key->line});
}

/* --- events --- */

static bool is_null(struct str text)
{
    return text.n == 0 || str_eq_c(text, "~") || str_eq_c(text, "null") || str_eq_c(text, "Null") ||
           str_eq_c(text, "NULL");
}

static bool on_scalar(struct loader *l, const yaml_event_t *e, int line)
{
    const yaml_char_t *tag = e->data.scalar.tag;
    struct str text = {.p = (const char *)e->data.scalar.value, .n = e->data.scalar.length};
    bool quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
                  (tag != NULL && strcmp((const char *)tag, YAML_STR_TAG) == 0);
    struct yaml_node *node = node_new(l, !quoted && is_null(text) ? YAML_NULL : YAML_SCALAR, line);

    if (node == NULL)
        return false;
    node->text = arena_str(l->arena, text);
    node->quoted = quoted;
    (void)anchor_set(l, e->data.scalar.anchor, node);
    place(l, node);
    return true;
}

static bool on_start(struct loader *l, enum yaml_kind kind, const yaml_char_t *anchor, int line)
{
    struct yaml_node *node;

    if (l->depth == YAML_DEPTH_MAX) {
        mistakes_add(l->mistakes, line, "nested deeper than %d", YAML_DEPTH_MAX);
        return false;
    }
    node = node_new(l, kind, line);
    if (node == NULL)
        return false;
    l->stack[l->depth++] = (struct frame){.node = node, .anchor = anchor_set(l, anchor, node)};
    return true;
}

static void frame_clear(struct frame *f)
{
    HASH_CLEAR(hh, f->entries);
    VEC_CLEAR(&f->pairs);
}

static void on_end(struct loader *l)
{
    struct frame *f = &l->stack[l->depth - 1];
    struct yaml_node *node = f->node;
    size_t n = f->pairs.n;

    node->n = n;
    node->items = ARENA_ARRAY(l->arena, struct yaml_node *, n);
    if (node->kind == YAML_MAP) {
        node->keys = ARENA_ARRAY(l->arena, struct str, n);
        node->key_lines = ARENA_ARRAY(l->arena, int, n);
    }
    for (size_t i = 0; i < n; i++) {
        node->items[i] = f->pairs.v[i].value;
        if (node->kind == YAML_MAP) {
            node->keys[i] = f->pairs.v[i].key;
            node->key_lines[i] = f->pairs.v[i].line;
        }
    }
    if (f->anchor != NULL && f->anchor->node == node)
        f->anchor->open = false;
    frame_clear(f);
    l->depth--;
    place(l, node);
}

/* False at the end of the document, or when it makes no sense to go on. */
static bool on_event(struct loader *l, const yaml_event_t *e)
{
    int line = (int)e->start_mark.line + 1;
    struct yaml_node *node;

    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(l, e, line);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(l, YAML_LIST, e->data.sequence_start.anchor, line);
    case YAML_MAPPING_START_EVENT:
        return on_start(l, YAML_MAP, e->data.mapping_start.anchor, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(l);
        return true;
    case YAML_ALIAS_EVENT:
        node = alias_resolve(l, str_from((const char *)e->data.alias.anchor), line);
        if (node == NULL)
            return false;
        place(l, node);
        return true;
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        return false;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        break;
    }
    return true;
}

static int line_at(struct str text, size_t offset)
{
    int line = 1;

    for (size_t i = 0; i < offset && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

static void add_syntax_mistake(struct loader *l, const yaml_parser_t *p, struct str text)
{
    int line = p->error == YAML_READER_ERROR ? line_at(text, p->problem_offset)
                                             : (int)p->problem_mark.line + 1;
    const char *problem = p->problem != NULL ? p->problem : "cannot be read";

    if (p->context != NULL)
        mistakes_add(l->mistakes, line, "%s %s (line %d)", problem, p->context,
                     (int)p->context_mark.line + 1);
    else
        mistakes_add(l->mistakes, line, "%s", problem);
}

static void run_parser(struct loader *l, struct str text)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool more = true;

    if (yaml_parser_initialize(&parser) == 0)
        abort();
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    while (more) {
        if (yaml_parser_parse(&parser, &event) == 0) {
            add_syntax_mistake(l, &parser, text);
            break;
        }
        more = on_event(l, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
}

/* What is checked before libyaml sees the text. */
static bool acceptable(struct str text, struct mistakes *m)
{
    size_t directives = 0, valid;

    if (text.n > YAML_BYTES_MAX) {
        mistakes_add(m, 0, "the file has %zu bytes; at most %zu are read", text.n, YAML_BYTES_MAX);
        return false;
    }
    valid = utf8_valid_run(text);
    if (valid != text.n) {
        mistakes_add(m, line_at(text, valid), "invalid UTF-8");
        return false;
    }
    for (struct str rest = text, line; str_split(&rest, '\n', &line);)
        directives += str_starts(line, STR("%TAG"));
    if (directives > DIRECTIVES_MAX)
        mistakes_add(m, 0, "more than %d %%TAG directives", DIRECTIVES_MAX);
    return directives <= DIRECTIVES_MAX;
}

int yaml_parse(struct str text, struct arena *a, struct yaml_node **ret, struct mistakes *m)
{
    struct loader *l;
    int before, found;

    if (!acceptable(text, m))
        return -EINVAL;
    l = xcalloc(1, sizeof(*l));
    l->arena = a;
    l->scratch = arena_new(0);
    l->mistakes = m;
    before = mistake_count(l);
    if (text.n != 0)
        run_parser(l, text);
    while (l->depth > 0)
        frame_clear(&l->stack[--l->depth]);
    HASH_CLEAR(hh, l->anchors);
    found = mistake_count(l) - before;
    if (found == 0)
        *ret = l->root != NULL ? l->root : node_new(l, YAML_NULL, 1);
    arena_free(l->scratch);
    free(l);
    return found == 0 ? 0 : -EINVAL;
}

/* --- reading the tree --- */

const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (str_eq_c(map->keys[i], key))
            return map->items[i];
    return NULL;
}

static bool is_one_of(const struct yaml_node *n, const char *const words[], size_t count)
{
    if (n == NULL || n->kind != YAML_SCALAR || n->quoted)
        return false;
    for (size_t i = 0; i < count; i++)
        if (str_eq_c(n->text, words[i]))
            return true;
    return false;
}

bool yaml_is_true(const struct yaml_node *n)
{
    static const char *const words[] = {"y",  "Y",  "yes",  "Yes",  "YES", "on",
                                        "On", "ON", "true", "True", "TRUE"};

    return is_one_of(n, words, ARRAY_SIZE(words));
}

bool yaml_is_bool(const struct yaml_node *n)
{
    static const char *const words[] = {"n",   "N",   "no",    "No",    "NO",   "off",
                                        "Off", "OFF", "false", "False", "FALSE"};

    return yaml_is_true(n) || is_one_of(n, words, ARRAY_SIZE(words));
}
