/* From the `route` block to the tree. */
#include "common/core/route/route.h"

#include <assert.h>
#include <stdlib.h>

struct route_loader {
    struct config_loader *l;
    const struct receivers *receivers;
    const struct named_intervals *intervals;
    size_t routes_n;
};

static void parse_labels(struct config_loader *l, const struct yaml_node *n, void *ret);

#define AT(member) .offset = offsetof(struct route_written, member)

static const struct config_field fields[] = {
    {.name = "receiver", .kind = CONFIG_STR, AT(receiver), .doc = "Where alerts go; inherited."},
    {.name = "group_by",
     .kind = CONFIG_STR_LIST,
     AT(group_by),
     .doc = "Labels that make a group; ['...'] for all; inherited."},
    {.name = "match",
     .kind = CONFIG_CUSTOM,
     AT(matchers),
     .parse = matchers_parse_match,
     .shown = matchers_shown_match,
     .write = matchers_write_match,
     .doc = "Old form of matchers: equality."},
    {.name = "match_re",
     .kind = CONFIG_CUSTOM,
     AT(matchers),
     .parse = matchers_parse_match_re,
     .shown = matchers_shown_match_re,
     .write = matchers_write_match_re,
     .doc = "Old form of matchers: regular expressions."},
    {.name = "matchers",
     .kind = CONFIG_CUSTOM,
     AT(matchers),
     .parse = matchers_parse_list,
     .shown = matchers_shown_list,
     .write = matchers_write_list,
     .doc = "All must hold."},
    {.name = "mute_time_intervals",
     .kind = CONFIG_STR_LIST,
     AT(mute_time_intervals),
     .doc = "Names of intervals during which nothing is sent."},
    {.name = "active_time_intervals",
     .kind = CONFIG_STR_LIST,
     AT(active_time_intervals),
     .doc = "Names of intervals outside of which nothing is sent."},
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
    {.name = "labels",
     .kind = CONFIG_CUSTOM,
     AT(labels),
     .parse = parse_labels,
     .doc = "Labels of the route, values are templates; inherited, own ones win."},
};

const struct config_field *route_fields(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(fields);
    return fields;
}

static void parse_labels(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct labels *labels = ret;
    struct label *v;

    if (!config_is_map(l, n, "labels"))
        return;
    v = ARENA_ARRAY(l->arena, struct label, n->n);
    for (size_t i = 0; i < n->n; i++) {
        if (!config_label_name_valid(l, n->keys[i]))
            config_mistake(l, n->key_lines[i], "invalid label name \"" STR_FMT "\" in route labels",
                           STR_ARG(str_sub(n->keys[i], 0, 128)));
        v[i] = (struct label){.name = arena_str(l->arena, n->keys[i]),
                              .value = config_str(l, n->items[i], "labels")};
    }
    *labels = (struct labels){.v = v, .n = labels_sort_all(v, n->n)};
}

static const struct yaml_node *present(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *n = yaml_find(map, key);

    return n != NULL && n->kind != YAML_NULL ? n : NULL;
}

static int cmp_str(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The list stays as it was written; the route gets a sorted copy without the wildcard. */
static void set_group_by(struct config_loader *l, int line, struct str_list list, struct route *r)
{
    struct str *v = ARENA_ARRAY(l->arena, struct str, list.n);
    size_t n = 0;
    bool all = false;

    for (size_t i = 0; i < list.n; i++) {
        if (str_eq(list.v[i], STR("...")))
            all = true;
        else if (!config_label_name_valid(l, list.v[i]))
            config_mistake(l, line, "invalid label name \"" STR_FMT "\" in group_by list",
                           STR_ARG(str_sub(list.v[i], 0, 128)));
        else
            v[n++] = list.v[i];
    }
    if (all && n > 0)
        config_mistake(l, line,
                       "cannot have wildcard group_by (`...`) and other labels at the same time");
    if (n > 1)
        qsort(v, n, sizeof(*v), cmp_str);
    for (size_t i = 1; i < n; i++) {
        if (str_eq(v[i - 1], v[i]))
            config_mistake(l, line, "duplicated label \"" STR_FMT "\" in group_by",
                           STR_ARG(str_sub(v[i], 0, 128)));
    }
    r->group_by = v;
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
    r->labels = p->labels;
}

static bool set_interval(struct config_loader *l, const struct yaml_node *node, const char *name,
                         int64_t written_ms, int64_t *to)
{
    const struct yaml_node *n = present(node, name);

    if (n == NULL)
        return false;
    if (written_ms == 0)
        config_mistake(l, n->line, "%s cannot be zero", name);
    *to = written_ms;
    return true;
}

/* Own labels win over the ancestors'. */
static struct labels merge_labels(struct arena *a, struct labels inherited, struct labels own)
{
    struct label *v;

    if (own.n == 0)
        return inherited;
    v = ARENA_ARRAY(a, struct label, inherited.n + own.n);
    if (inherited.n > 0)
        memcpy(v, inherited.v, inherited.n * sizeof(*v));
    memcpy(v + inherited.n, own.v, own.n * sizeof(*v));
    return (struct labels){.v = v, .n = labels_sort_all(v, inherited.n + own.n)};
}

static void set_receiver(struct route_loader *rl, const struct yaml_node *node,
                         const struct route_written *w, struct route *r)
{
    if (w->receiver.n > 0) {
        r->receiver = receivers_find(rl->receivers, w->receiver);
        if (r->receiver == NULL)
            config_mistake(rl->l, yaml_find(node, "receiver")->line,
                           "undefined receiver \"" STR_FMT "\" used in route",
                           STR_ARG(str_sub(w->receiver, 0, 200)));
    } else if (r->parent == NULL) {
        config_mistake(rl->l, r->line, "root route must specify a default receiver");
    }
}

static const struct named_interval *const *
find_intervals(struct route_loader *rl, const struct yaml_node *list, struct str_list names)
{
    const struct named_interval **v =
        ARENA_ARRAY(rl->l->arena, const struct named_interval *, names.n);

    for (size_t i = 0; i < names.n; i++) {
        v[i] = intervals_find(rl->intervals, names.v[i]);
        if (v[i] == NULL)
            config_mistake(rl->l, list->items[i]->line,
                           "undefined time interval \"" STR_FMT "\" used in route",
                           STR_ARG(str_sub(names.v[i], 0, 200)));
    }
    return v;
}

static void set_intervals(struct route_loader *rl, const struct yaml_node *node,
                          const struct route_written *w, struct route *r)
{
    if (r->parent == NULL && w->mute_time_intervals.n > 0)
        config_mistake(rl->l, r->line, "root route must not have any mute time intervals");
    if (r->parent == NULL && w->active_time_intervals.n > 0)
        config_mistake(rl->l, r->line, "root route must not have any active time intervals");
    if (r->parent == NULL)
        return;
    r->intervals = (struct interval_use){
        .active_n = w->active_time_intervals.n,
        .active =
            find_intervals(rl, yaml_find(node, "active_time_intervals"), w->active_time_intervals),
        .mute_n = w->mute_time_intervals.n,
        .mute = find_intervals(rl, yaml_find(node, "mute_time_intervals"), w->mute_time_intervals),
    };
}

static void override(struct route_loader *rl, const struct yaml_node *node, struct route_written *w,
                     struct route *r)
{
    const struct yaml_node *n = present(node, "group_by");

    set_receiver(rl, node, w, r);
    w->has_group_by = n != NULL;
    if (n != NULL)
        set_group_by(rl->l, n->line, w->group_by, r);
    w->has_group_wait = present(node, "group_wait") != NULL;
    if (w->has_group_wait)
        r->group_wait_ms = w->group_wait_ms;
    w->has_group_interval =
        set_interval(rl->l, node, "group_interval", w->group_interval_ms, &r->group_interval_ms);
    w->has_repeat_interval =
        set_interval(rl->l, node, "repeat_interval", w->repeat_interval_ms, &r->repeat_interval_ms);
    r->go_on = w->go_on;
    r->labels = merge_labels(rl->l->arena, r->labels, w->labels);
    r->matchers = w->matchers.all;
    w->matchers.all = (struct matchers){0};
    matchers_sort(&r->matchers);
    set_intervals(rl, node, w, r);
    if (r->parent == NULL && r->matchers.n > 0)
        config_mistake(rl->l, r->line, "root route must not have any matchers");
    if (r->parent == NULL && r->go_on)
        config_mistake(rl->l, r->line, "cannot have continue in root route");
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
    if (!config_is_list(rl->l, list, "routes"))
        return;
    if (depth >= ROUTE_DEPTH_MAX) {
        config_mistake(rl->l, list->line, "routes are nested deeper than %d", ROUTE_DEPTH_MAX);
        return;
    }

    const struct route **v = ARENA_ARRAY(rl->l->arena, const struct route *, list->n);

    r->children = v;
    for (size_t i = 0; i < list->n && rl->routes_n < ROUTES_MAX; i++) {
        if (list->items[i]->kind == YAML_NULL)
            config_mistake(rl->l, list->items[i]->line, "missing route");
        else
            v[r->children_n] = load(rl, list->items[i], r, r->children_n, depth + 1);
        if (v[r->children_n] != NULL)
            r->children_n++;
    }
}

/* NULL when the node is no map. */
static struct route *load(struct route_loader *rl, const struct yaml_node *node,
                          const struct route *parent, size_t child_index, unsigned depth)
{
    if (!config_is_map(rl->l, node, "route"))
        return NULL;

    struct route *r = ARENA_NEW(rl->l->arena, struct route);
    struct route_written *w = ARENA_NEW(rl->l->arena, struct route_written);

    r->parent = parent;
    r->child_index = child_index;
    r->line = node->line;
    r->index = rl->routes_n++;
    r->written = w;
    config_load(rl->l, node, "route", fields, ARRAY_SIZE(fields), w);
    inherit(r);
    override(rl, node, w, r);
    name(rl->l->arena, r);
    load_children(rl, yaml_find(node, "routes"), r, depth);
    return r;
}

struct route *route_load(struct config_loader *l, const struct yaml_node *node,
                         const struct receivers *receivers, const struct named_intervals *intervals,
                         size_t *ret_n)
{
    struct route_loader rl = {.l = l, .receivers = receivers, .intervals = intervals};
    struct route *root = load(&rl, node, NULL, 0, 0);

    if (rl.routes_n >= ROUTES_MAX)
        config_mistake(l, node->line, "more than %d routes", ROUTES_MAX - 1);
    *ret_n = rl.routes_n;
    return root;
}
