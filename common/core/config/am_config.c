#include "common/core/config/am_config.h"

#include <errno.h>

static void parse_global(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    am_global_load(l, n, ret);
}

static void parse_receivers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    receivers_load(l, n, ret);
}

static void parse_inhibit_rules(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    inhibit_load(l, n, ret);
}

static void parse_mute_time_intervals(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    intervals_load(l, n, true, ret);
}

static void parse_time_intervals(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    intervals_load(l, n, false, ret);
}

#define AT(member) .offset = offsetof(struct am_config, member)

static const struct config_field fields[] = {
    {.name = "global",
     .kind = CONFIG_CUSTOM,
     AT(global),
     .parse = parse_global,
     .doc = "Settings for everything below."},
    {.name = "route", .kind = CONFIG_IGNORED, .doc = "The routing tree."}, /* needs all others */
    {.name = "inhibit_rules",
     .kind = CONFIG_CUSTOM,
     AT(inhibit),
     .parse = parse_inhibit_rules,
     .doc = "Which alerts mute which others while they fire."},
    {.name = "receivers",
     .kind = CONFIG_CUSTOM,
     AT(receivers),
     .parse = parse_receivers,
     .doc = "Who is told, and how."},
    {.name = "templates",
     .kind = CONFIG_PATH_LIST,
     AT(templates),
     .always = true,
     .doc = "Patterns of files with templates; relative to this file's folder."},
    {.name = "mute_time_intervals", /* first, for the two share their names */
     .kind = CONFIG_CUSTOM,
     AT(intervals),
     .parse = parse_mute_time_intervals,
     .doc = "Old form of time_intervals."},
    {.name = "time_intervals",
     .kind = CONFIG_CUSTOM,
     AT(intervals),
     .parse = parse_time_intervals,
     .doc = "Named times, for routes to refer to."},
    {.name = "tracing",
     .kind = CONFIG_SECTION_REF,
     AT(tracing),
     .section = &tracing_section,
     .doc = "Accepted, without effect."},
    {.name = "event_recorder",
     .kind = CONFIG_SECTION_REF,
     AT(event_recorder),
     .section = &event_recorder_section,
     .doc = "Accepted, without effect."},
};

const struct config_field *am_config_fields(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(fields);
    return fields;
}

static void warn_of_unused(struct config_loader *l, const struct yaml_node *root)
{
    static const char *const unused[] = {"tracing", "event_recorder"};

    for (size_t i = 0; i < ARRAY_SIZE(unused); i++) {
        const struct yaml_node *n = yaml_find(root, unused[i]);

        if (n != NULL && n->kind != YAML_NULL)
            config_warn(l, n->line, "%s is accepted, but without effect", unused[i]);
    }
}

static void load(struct config_loader *l, const struct yaml_node *root, struct am_config *c)
{
    const struct yaml_node *route = yaml_find(root, "route");

    am_global_load(l, NULL, &c->global);
    config_load(l, root, "the configuration", fields, ARRAY_SIZE(fields), c);
    warn_of_unused(l, root);
    c->inhibit_rules = c->inhibit.v;
    c->inhibit_rules_n = c->inhibit.n;
    if (root->kind != YAML_MAP && root->kind != YAML_NULL)
        return;
    if (route == NULL || route->kind == YAML_NULL) {
        config_mistake(l, 0, root->n == 0 ? "no route provided in config" : "no routes provided");
        return;
    }
    c->tree = route_load(l, route, &c->receivers, &c->intervals, &c->routes_n);
    c->root = c->tree;
}

int am_config_parse(struct str text, enum matcher_mode mode, struct am_config **ret,
                    struct config_report *report)
{
    struct arena *arena = arena_new(0), *tree = arena_new(0);
    struct am_config *c = ARENA_NEW(arena, struct am_config);
    struct config_loader l = {.arena = arena,
                              .mistakes = &report->mistakes,
                              .warnings = &report->warnings,
                              .mode = mode,
                              .folder = config_report_folder(report),
                              .global = &c->global};
    struct yaml_node *root;

    c->arena = arena;
    c->original = arena_str(arena, text);
    if (yaml_parse(text, tree, &root, &report->mistakes) == 0)
        load(&l, root, c);
    arena_free(tree);
    config_report_sort(report);
    if (report->mistakes.n > 0) {
        am_config_free(c);
        return -EINVAL;
    }
    *ret = c;
    return 0;
}

int am_config_check_locations(const struct am_config *c, struct config_report *report,
                              bool (*known)(struct str location, void *arg), void *arg)
{
    struct config_loader l = {.mistakes = &report->mistakes, .warnings = &report->warnings};

    intervals_check_locations(&l, &c->intervals, known, arg);
    config_report_sort(report);
    return report->mistakes.n > 0 ? -EINVAL : 0;
}

void am_config_free(struct am_config *c)
{
    if (c == NULL)
        return;
    route_clear(c->tree);
    inhibit_rules_clear(&c->inhibit);
    arena_free(c->arena);
}
