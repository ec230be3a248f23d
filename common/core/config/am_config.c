#include "common/core/config/am_config.h"

#include <errno.h>

struct am_loader {
    struct config_loader base; /* first: parsers get it and cast back */
    struct am_config *c;
    enum matcher_mode mode;
};

static void parse_global(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    am_global_load(l, n, ret);
}

static void parse_receivers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    receivers_load(l, n, ret);
}

static const struct config_field fields[] = {
    {.name = "global",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct am_config, global),
     .parse = parse_global,
     .doc = "Settings for everything below."},
    {.name = "route", .kind = CONFIG_IGNORED, .doc = "The routing tree."}, /* needs the receivers */
    {.name = "receivers",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct am_config, receivers),
     .parse = parse_receivers,
     .doc = "Who is told, and how."},
    {.name = "inhibit_rules", .kind = CONFIG_NOT_YET},
    {.name = "time_intervals", .kind = CONFIG_NOT_YET},
    {.name = "mute_time_intervals", .kind = CONFIG_NOT_YET},
    {.name = "templates", .kind = CONFIG_NOT_YET},
    {.name = "tracing", .kind = CONFIG_NOT_YET},
    {.name = "event_recorder", .kind = CONFIG_NOT_YET},
};

static void load(struct am_loader *l, const struct yaml_node *root)
{
    struct am_config *c = l->c;
    const struct yaml_node *route = yaml_find(root, "route");

    am_global_load(&l->base, NULL, &c->global);
    config_load(&l->base, root, "the configuration", fields, ARRAY_SIZE(fields), c);
    if (root->kind != YAML_MAP && root->kind != YAML_NULL)
        return;
    if (route == NULL || route->kind == YAML_NULL) {
        config_mistake(&l->base, 0, "no route provided in config");
        return;
    }
    c->tree = route_load(&l->base, route, &c->receivers, l->mode, &c->routes_n);
    c->root = c->tree;
}

int am_config_parse(struct str text, enum matcher_mode mode, struct am_config **ret,
                    struct config_report *report)
{
    struct arena *arena = arena_new(0), *tree = arena_new(0);
    struct am_config *c = ARENA_NEW(arena, struct am_config);
    struct am_loader l = {
        .base = {.arena = arena, .mistakes = &report->mistakes, .warnings = &report->warnings},
        .c = c,
        .mode = mode};
    struct yaml_node *root;

    c->arena = arena;
    c->original = arena_str(arena, text);
    if (yaml_parse(text, tree, &root, &report->mistakes) == 0)
        load(&l, root);
    arena_free(tree);
    config_report_sort(report);
    if (report->mistakes.n > 0) {
        am_config_free(c);
        return -EINVAL;
    }
    *ret = c;
    return 0;
}

void am_config_free(struct am_config *c)
{
    if (c == NULL)
        return;
    route_clear(c->tree);
    arena_free(c->arena);
}
