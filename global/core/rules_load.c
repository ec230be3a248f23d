/* `rules`: how alerts become incidents. */
#include "common/core/config/matchers_load.h"
#include "global/core/global_load.h"

#include <stdlib.h>

#define ON_SITES_MAX 32
#define BY_MAX 32

struct rule_block {
    struct str name;
    struct matchers matchers;
    struct str_list by;
    struct str mode;
    bool dedup;
    const struct yaml_node *on_sites;
};

static void parse_matchers(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    matchers_load(l, n, "matchers", ((struct global_loader *)l)->mode, ret);
}

static void keep_node(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    const struct yaml_node **to = ret;

    (void)l;
    *to = n;
}

#define AT(member) .offset = offsetof(struct rule_block, member)

static const struct config_field fields[] = {
    {.name = "name", .kind = CONFIG_STR, AT(name), .required = true},
    {.name = "matchers",
     .kind = CONFIG_CUSTOM,
     AT(matchers),
     .parse = parse_matchers,
     .doc = "All must hold; none: every alert."},
    {.name = "by",
     .kind = CONFIG_STR_LIST,
     AT(by),
     .fallback = "alertname,service",
     .doc = "Labels whose values make the incident."},
    {.name = "mode",
     .kind = CONFIG_STR,
     AT(mode),
     .fallback = "merge",
     .doc = "merge or per-site."},
    {.name = "dedup", .kind = CONFIG_BOOL, AT(dedup), .fallback = "true"},
    {.name = "on_sites",
     .kind = CONFIG_CUSTOM,
     AT(on_sites),
     .parse = keep_node,
     .doc = "Page again when this many sites are affected."},
};

static int cmp_str(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void set_by(struct global_loader *l, int line, struct str_list by, struct rule *ret)
{
    static const char *const varying[] = {"dc",      "datacenter", "cluster",  "region",
                                          "replica", "prometheus", "instance", "pod"};

    if (by.n == 0 || by.n > BY_MAX)
        config_mistake(&l->base, line, "by must have 1 to %d labels", BY_MAX);
    for (size_t i = 0; i < by.n; i++) {
        struct str name = by.v[i];
        bool valid = l->mode == MATCHER_CLASSIC ? label_name_valid_classic(name)
                                                : label_name_valid_utf8(name);

        if (!valid)
            config_mistake(&l->base, line, "invalid label name \"" STR_FMT "\" in by",
                           STR_ARG(str_sub(name, 0, 100)));
        if (str_eq(name, STR("severity")) || str_eq(name, STR("site")))
            config_mistake(&l->base, line,
                           "by must not have " STR_FMT
                           ": severity is a state of an incident, and sites are kept apart by "
                           "mode: per-site",
                           STR_ARG(name));
        for (size_t k = 0; k < ARRAY_SIZE(varying); k++) {
            if (str_eq_c(name, varying[k]))
                config_warn(&l->base, line,
                            "by has %s, which usually differs from site to site: such alerts do "
                            "not merge",
                            varying[k]);
        }
    }
    if (by.n > 1)
        qsort(by.v, by.n, sizeof(*by.v), cmp_str);
    for (size_t i = 1; i < by.n; i++) {
        if (str_eq(by.v[i - 1], by.v[i]))
            config_mistake(&l->base, line, "duplicated label \"" STR_FMT "\" in by",
                           STR_ARG(str_sub(by.v[i], 0, 100)));
    }
    ret->by = by.v;
    ret->by_n = by.n;
}

static void set_on_sites(struct global_loader *l, const struct yaml_node *list, struct rule *ret)
{
    if (!config_is_list(&l->base, list, "on_sites"))
        return;
    if (list->n > ON_SITES_MAX) {
        config_mistake(&l->base, list->line, "on_sites: more than %d entries", ON_SITES_MAX);
        return;
    }

    uint64_t *v = ARENA_ARRAY(l->base.arena, uint64_t, list->n);
    uint64_t before = 1;

    for (size_t i = 0; i < list->n; i++) {
        if (!config_u64(&l->base, list->items[i], "on_sites", &v[i]))
            return;
        if (v[i] <= before) {
            config_mistake(&l->base, list->items[i]->line, "on_sites must rise, from 2 on");
            return;
        }
        before = v[i];
    }
    ret->on_sites = v;
    ret->on_sites_n = list->n;
}

static void load_rule(struct global_loader *l, const struct yaml_node *node, struct rule *ret)
{
    struct rule_block b = {0};

    ret->line = node->line;
    config_load(&l->base, node, "rule", fields, ARRAY_SIZE(fields), &b);
    ret->matchers = b.matchers;
    ret->name = b.name;
    ret->dedup = b.dedup;
    if (b.name.n > 0 && global_name_check(l, node->line, "rule", b.name) &&
        str_eq(b.name, STR("default")))
        config_mistake(&l->base, node->line,
                       "the rule \"default\" is built in: it takes what no other rule does");
    for (size_t i = 0; i < ret->index && b.name.n > 0; i++) {
        if (str_eq(l->rules[i].name, b.name))
            config_mistake(&l->base, node->line, "rule \"" STR_FMT "\" is not unique",
                           STR_ARG(b.name));
    }
    if (str_eq(b.mode, STR("per-site")))
        ret->mode = RULE_PER_SITE;
    else if (!str_eq(b.mode, STR("merge")))
        config_mistake(&l->base, node->line, "mode must be merge or per-site");

    const struct yaml_node *by = yaml_find(node, "by");

    set_by(l, by != NULL ? by->line : node->line, b.by, ret);
    set_on_sites(l, b.on_sites, ret);
    if (ret->mode == RULE_PER_SITE && ret->on_sites_n > 0)
        config_mistake(&l->base, node->line, "on_sites has no meaning with mode: per-site");
}

static void add_default(struct rule *ret)
{
    static const struct str by[] = {STR_INIT("alertname"), STR_INIT("service")};

    ret->name = STR("default");
    ret->by = by;
    ret->by_n = ARRAY_SIZE(by);
    ret->mode = RULE_MERGE;
    ret->dedup = true;
}

void rules_load(struct global_loader *l, const struct yaml_node *node)
{
    size_t n = config_is_list(&l->base, node, "rules") ? node->n : 0;

    if (n > RULES_MAX) {
        config_mistake(&l->base, node->line, "more than %d rules", RULES_MAX);
        return;
    }
    l->rules = ARENA_ARRAY(l->base.arena, struct rule, n + 1);
    l->c->rules = l->rules;
    for (size_t i = 0; i < n; i++) {
        l->rules[i].index = i;
        load_rule(l, node->items[i], &l->rules[i]);
        if (i > 0 && l->rules[i - 1].matchers.n == 0)
            config_warn(&l->base, l->rules[i].line,
                        "no alert reaches this rule: the one before it takes all");
    }
    l->rules[n].index = n;
    add_default(&l->rules[n]);
    l->c->rules_n = n + 1;
}
