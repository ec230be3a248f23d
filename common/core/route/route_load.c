/* From the `route` block to the tree. */
#include "common/core/route/route.h"

#include "common/core/config/matchers_load.h"
#include "common/core/route/route_index.h"

#include <assert.h>
#include <stdlib.h>

struct route_loader {
    struct config_loader base; /* first: parsers get it and cast back */
    const struct receivers *receivers;
    enum matcher_mode mode;
    size_t routes_n;
};

/* One block as written. */
struct route_block {
    struct str receiver;
    struct str_list group_by;
    bool go_on;
    int64_t group_wait_ms, group_interval_ms, repeat_interval_ms;
    struct matchers matchers;
};

static void parse_match(struct config_loader *l, const struct yaml_node *n, void *ret);
static void parse_match_re(struct config_loader *l, const struct yaml_node *n, void *ret);
static void parse_matchers(struct config_loader *l, const struct yaml_node *n, void *ret);

#define AT(member) .offset = offsetof(struct route_block, member)

static const struct config_field fields[] = {
    {.name = "receiver", .kind = CONFIG_STR, AT(receiver), .doc = "Where alerts go; inherited."},
    {.name = "group_by",
     .kind = CONFIG_STR_LIST,
     AT(group_by),
     .doc = "Labels that make a group; ['...'] for all; inherited."},
    {.name = "match",
     .kind = CONFIG_CUSTOM,
     AT(matchers),
     .parse = parse_match,
     .doc = "Old form of matchers: equality."},
    {.name = "match_re",
     .kind = CONFIG_CUSTOM,
     AT(matchers),
     .parse = parse_match_re,
     .doc = "Old form of matchers: regular expressions."},
    {.name = "matchers",
     .kind = CONFIG_CUSTOM,
     AT(matchers),
     .parse = parse_matchers,
     .doc = "All must hold."},
    {.name = "mute_time_intervals", .kind = CONFIG_NOT_YET},
    {.name = "active_time_intervals", .kind = CONFIG_NOT_YET},
    {.name = "continue",
     .kind = CONFIG_BOOL,
     AT(go_on),
     .doc = "Look at the following siblings too."},
    {.name = "routes", .kind = CONFIG_IGNORED, .doc = "Children, in order."}, /* load_children */
    {.name = "group_wait",
     .kind = CONFIG_DURATION,
     AT(group_wait_ms),
     .doc = "From a group's first alert to its first message; default 30s; inherited."},
    {.name = "group_interval",
     .kind = CONFIG_DURATION,
     AT(group_interval_ms),
     .doc = "Between messages about changes of a group; default 5m; inherited."},
    {.name = "repeat_interval",
     .kind = CONFIG_DURATION,
     AT(repeat_interval_ms),
     .doc = "Between messages about an unchanged group; default 4h; inherited."},
    {.name = "labels", .kind = CONFIG_NOT_YET},
};

static const struct yaml_node *present(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *n = yaml_find(map, key);

    return n != NULL && n->kind != YAML_NULL ? n : NULL;
}

static void add_old_matcher(struct config_loader *l, int line, enum matcher_op op, struct str name,
                            struct str value, struct matchers *ret)
{
    struct matcher m;
    struct err err = {0};

    if (!label_name_valid_classic(name))
        config_mistake(l, line, "invalid label name \"" STR_FMT "\"", STR_ARG(name));
    else if (matcher_make(op, name, value, l->arena, &m, &err) < 0)
        config_mistake(l, line, "%s", err.text);
    else
        matchers_add(ret, m, l->arena);
}

static void parse_match(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    if (!config_is_map(l, n, "match"))
        return;
    for (size_t i = 0; i < n->n; i++)
        add_old_matcher(l, n->key_lines[i], MATCH_EQ, n->keys[i],
                        config_str(l, n->items[i], "match"), ret);
}

static void parse_match_re(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    if (!config_is_map(l, n, "match_re"))
        return;
    for (size_t i = 0; i < n->n; i++) {
        struct str text = config_str(l, n->items[i], "match_re");

        if (n->items[i]->kind == YAML_NULL)
            config_mistake(l, n->key_lines[i], "invalid regexp value for \"" STR_FMT "\"",
                           STR_ARG(n->keys[i]));
        else /* anchored here and again when compiled: keys show it, as upstream's do */
            add_old_matcher(l, n->key_lines[i], MATCH_RE, n->keys[i],
                            arena_fmt(l->arena, "^(?:" STR_FMT ")$", STR_ARG(text)), ret);
    }
}

static void parse_matchers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct route_loader *rl = (struct route_loader *)l;

    matchers_load(l, n, "matchers", rl->mode, ret);
}

static bool label_name_valid(struct str name, enum matcher_mode mode)
{
    return mode == MATCHER_CLASSIC ? label_name_valid_classic(name) : label_name_valid_utf8(name);
}

static int cmp_str(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void set_group_by(struct route_loader *rl, int line, struct str_list list, struct route *r)
{
    size_t n = 0;
    bool all = false;

    for (size_t i = 0; i < list.n; i++) {
        if (str_eq(list.v[i], STR("...")))
            all = true;
        else if (!label_name_valid(list.v[i], rl->mode))
            config_mistake(&rl->base, line, "invalid label name \"" STR_FMT "\" in group_by list",
                           STR_ARG(list.v[i]));
        else
            list.v[n++] = list.v[i];
    }
    if (all && n > 0)
        config_mistake(&rl->base, line,
                       "cannot have wildcard group_by (`...`) and other labels at the same time");
    if (n > 1)
        qsort(list.v, n, sizeof(*list.v), cmp_str);
    for (size_t i = 1; i < n; i++) {
        if (str_eq(list.v[i - 1], list.v[i]))
            config_mistake(&rl->base, line, "duplicated label \"" STR_FMT "\" in group_by",
                           STR_ARG(list.v[i]));
    }
    r->group_by = list.v;
    r->group_by_n = n;
    r->group_by_all = all;
}

static void inherit(struct route *r)
{
    const struct route *p = r->parent;

    if (p == NULL) {
        r->group_wait_ms = GROUP_WAIT_MS_DEFAULT;
        r->group_interval_ms = GROUP_INTERVAL_MS_DEFAULT;
        r->repeat_interval_ms = REPEAT_INTERVAL_MS_DEFAULT;
        return;
    }
    r->receiver = p->receiver;
    r->group_by = p->group_by;
    r->group_by_n = p->group_by_n;
    r->group_by_all = p->group_by_all;
    r->group_wait_ms = p->group_wait_ms;
    r->group_interval_ms = p->group_interval_ms;
    r->repeat_interval_ms = p->repeat_interval_ms;
}

static void set_interval(struct route_loader *rl, const struct yaml_node *node, const char *name,
                         int64_t written_ms, int64_t *to)
{
    const struct yaml_node *n = present(node, name);

    if (n == NULL)
        return;
    if (written_ms == 0)
        config_mistake(&rl->base, n->line, "%s cannot be zero", name);
    *to = written_ms;
}

static void override(struct route_loader *rl, const struct yaml_node *node,
                     const struct route_block *block, struct route *r)
{
    const struct yaml_node *n = present(node, "group_by");

    if (block->receiver.n > 0) {
        r->receiver = receivers_find(rl->receivers, block->receiver);
        if (r->receiver == NULL)
            config_mistake(&rl->base, yaml_find(node, "receiver")->line,
                           "undefined receiver \"" STR_FMT "\" used in route",
                           STR_ARG(block->receiver));
    } else if (r->parent == NULL) {
        config_mistake(&rl->base, r->line, "root route must specify a default receiver");
    }
    if (n != NULL)
        set_group_by(rl, n->line, block->group_by, r);
    if (present(node, "group_wait") != NULL)
        r->group_wait_ms = block->group_wait_ms;
    set_interval(rl, node, "group_interval", block->group_interval_ms, &r->group_interval_ms);
    set_interval(rl, node, "repeat_interval", block->repeat_interval_ms, &r->repeat_interval_ms);
    r->go_on = block->go_on;
    r->matchers = block->matchers;
    matchers_sort(&r->matchers);
    if (r->parent == NULL && r->matchers.n > 0)
        config_mistake(&rl->base, r->line, "root route must not have any matchers");
    if (r->parent == NULL && r->go_on)
        config_mistake(&rl->base, r->line, "cannot have continue in root route");
}

static void name(struct arena *a, struct route *r)
{
    struct buf own;

    buf_init(&own, 0);
    matchers_add_text(&own, &r->matchers);
    if (r->parent == NULL) {
        r->key = r->id = arena_str(a, STR("{}"));
    } else {
        r->key = arena_fmt(a, STR_FMT "/" STR_FMT, STR_ARG(r->parent->key), STR_ARG(buf_str(&own)));
        r->id = arena_fmt(a, STR_FMT "/" STR_FMT "/%zu", STR_ARG(r->parent->id),
                          STR_ARG(buf_str(&own)), r->child_index);
    }
    buf_clear(&own);
}

static struct route *load(struct route_loader *rl, const struct yaml_node *node,
                          const struct route *parent, size_t child_index, unsigned depth);

static void load_children(struct route_loader *rl, const struct yaml_node *list, struct route *r,
                          unsigned depth)
{
    if (!config_is_list(&rl->base, list, "routes"))
        return;
    if (depth >= ROUTE_DEPTH_MAX) {
        config_mistake(&rl->base, list->line, "routes are nested deeper than %d", ROUTE_DEPTH_MAX);
        return;
    }

    const struct route **v = ARENA_ARRAY(rl->base.arena, const struct route *, list->n);

    r->children = v;
    for (size_t i = 0; i < list->n && rl->routes_n < ROUTES_MAX; i++) {
        if (list->items[i]->kind != YAML_NULL)
            v[r->children_n] = load(rl, list->items[i], r, r->children_n, depth + 1);
        if (v[r->children_n] != NULL)
            r->children_n++;
    }
    if (r->children_n >= ROUTE_INDEX_CHILDREN_MIN)
        r->finder = route_index_new(v, r->children_n, rl->base.arena);
}

/* NULL when the node is no map. */
static struct route *load(struct route_loader *rl, const struct yaml_node *node,
                          const struct route *parent, size_t child_index, unsigned depth)
{
    struct route_block block = {0};

    if (!config_is_map(&rl->base, node, "route"))
        return NULL;

    struct route *r = ARENA_NEW(rl->base.arena, struct route);

    r->parent = parent;
    r->child_index = child_index;
    r->line = node->line;
    r->index = rl->routes_n++;
    config_load(&rl->base, node, "route", fields, ARRAY_SIZE(fields), &block);
    inherit(r);
    override(rl, node, &block, r);
    name(rl->base.arena, r);
    load_children(rl, yaml_find(node, "routes"), r, depth);
    return r;
}

struct route *route_load(struct config_loader *l, const struct yaml_node *node,
                         const struct receivers *receivers, enum matcher_mode mode, size_t *ret_n)
{
    struct route_loader rl = {.base = *l, .receivers = receivers, .mode = mode};
    struct route *root = load(&rl, node, NULL, 0, 0);

    if (rl.routes_n >= ROUTES_MAX)
        config_mistake(l, node->line, "more than %d routes", ROUTES_MAX - 1);
    *ret_n = rl.routes_n;
    return root;
}
