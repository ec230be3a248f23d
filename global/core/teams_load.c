/* `teams`: the tree, who owns what, and whether every step finds somebody. */
#include "common/core/config/matchers_load.h"
#include "global/core/global_load.h"

#include <stdlib.h>

struct team_block {
    struct str name, parent;
    struct matchers owns;
    struct str escalation_policy;
    const struct yaml_node *roles;
};

static void parse_owns(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    matchers_load(l, n, "owns", ((struct global_loader *)l)->mode, ret);
}

static void keep_node(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    const struct yaml_node **to = ret;

    (void)l;
    *to = n;
}

#define AT(member) .offset = offsetof(struct team_block, member)

static const struct config_field fields[] = {
    {.name = "name", .kind = CONFIG_STR, AT(name), .required = true},
    {.name = "parent", .kind = CONFIG_STR, AT(parent), .doc = "Default root."},
    {.name = "owns",
     .kind = CONFIG_CUSTOM,
     AT(owns),
     .parse = parse_owns,
     .doc = "Alerts for which all hold are the team's, unless a deeper team has them."},
    {.name = "escalation_policy",
     .kind = CONFIG_STR,
     AT(escalation_policy),
     .doc = "Default: that of the nearest team above."},
    {.name = "roles",
     .kind = CONFIG_CUSTOM,
     AT(roles),
     .parse = keep_node,
     .doc = "role: receiver; what is missing is looked up above."},
    {.name = "users", .kind = CONFIG_NOT_YET},
    {.name = "schedules", .kind = CONFIG_NOT_YET},
};

static void set_roles(struct global_loader *l, const struct yaml_node *map, struct team *ret)
{
    if (!config_is_map(&l->base, map, "roles"))
        return;

    struct team_role *v = ARENA_ARRAY(l->base.arena, struct team_role, map->n);

    for (size_t i = 0; i < map->n; i++) {
        struct str receiver = config_str(&l->base, map->items[i], "role");

        (void)global_name_check(l, map->key_lines[i], "role", map->keys[i]);
        v[i].role = arena_str(l->base.arena, map->keys[i]);
        v[i].receiver = receivers_find(&l->c->receivers, receiver);
        if (v[i].receiver == NULL)
            config_mistake(&l->base, map->key_lines[i],
                           "role \"" STR_FMT "\": undefined receiver \"" STR_FMT "\"",
                           STR_ARG(str_sub(v[i].role, 0, 64)), STR_ARG(str_sub(receiver, 0, 100)));
    }
    ret->roles = v;
    ret->roles_n = map->n;
}

static void set_policy(struct global_loader *l, struct str name, struct team *ret)
{
    for (size_t i = 0; i < l->c->policies_n && name.n > 0; i++) {
        if (str_eq(l->policies[i].name, name))
            ret->policy = &l->policies[i];
    }
    if (name.n > 0 && ret->policy == NULL)
        config_mistake(&l->base, ret->line, "undefined escalation policy \"" STR_FMT "\"",
                       STR_ARG(str_sub(name, 0, 70)));
}

/* All but the links between teams. */
static void load_team(struct global_loader *l, const struct yaml_node *node, struct team *ret,
                      struct str *ret_parent)
{
    struct team_block b = {0};

    ret->line = node->line;
    config_load(&l->base, node, "team", fields, ARRAY_SIZE(fields), &b);
    ret->name = b.name;
    ret->owns = b.owns;
    set_roles(l, b.roles, ret);
    set_policy(l, b.escalation_policy, ret);
    *ret_parent = b.parent;
    if (b.name.n == 0 || !global_name_check(l, node->line, "team", b.name))
        return;
    if (global_config_find_team(l->c, b.name) != NULL)
        config_mistake(&l->base, node->line, "team \"" STR_FMT "\" is not unique", STR_ARG(b.name));
    if (!str_eq(b.name, STR(TEAM_ROOT))) {
        if (ret_parent->n == 0)
            *ret_parent = STR(TEAM_ROOT);
        if (b.owns.n == 0)
            config_mistake(&l->base, node->line, "team \"" STR_FMT "\" must own something",
                           STR_ARG(b.name));
        return;
    }
    if (b.parent.n > 0)
        config_mistake(&l->base, node->line, "root has no parent");
    if (b.owns.n > 0)
        config_mistake(&l->base, node->line, "root must not have owns: it has what nobody owns");
    *ret_parent = STR_EMPTY;
}

/* Depths, and cycles, which parents set just before may make. */
static bool set_depth(struct global_loader *l, struct team *t)
{
    const struct team *up = t->parent;

    for (t->depth = 0; up != NULL; up = up->parent) {
        if (up == t) {
            config_mistake(&l->base, t->line, "team \"" STR_FMT "\" is above itself",
                           STR_ARG(t->name));
            return false;
        }
        if (++t->depth > TEAM_DEPTH_MAX) {
            config_mistake(&l->base, t->line,
                           "team \"" STR_FMT
                           "\" is more than %d deep, or those above it form a circle",
                           STR_ARG(t->name), TEAM_DEPTH_MAX);
            return false;
        }
    }
    return true;
}

static bool link_teams(struct global_loader *l, const struct str *parents)
{
    bool good = true;

    for (size_t i = 0; i < l->c->teams_n; i++) {
        struct team *t = &l->teams[i];

        if (parents[i].n == 0)
            continue;
        t->parent = global_config_find_team(l->c, parents[i]);
        if (t->parent == NULL) {
            config_mistake(&l->base, t->line,
                           "team \"" STR_FMT "\": undefined parent \"" STR_FMT "\"",
                           STR_ARG(str_sub(t->name, 0, 70)), STR_ARG(str_sub(parents[i], 0, 70)));
            good = false;
        }
    }
    for (size_t i = 0; i < l->c->teams_n && good; i++)
        good = set_depth(l, &l->teams[i]);
    return good;
}

static int cmp_deepest(const void *pa, const void *pb)
{
    const struct team *a = *(const struct team *const *)pa, *b = *(const struct team *const *)pb;

    if (a->depth != b->depth)
        return a->depth > b->depth ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void sort_by_depth(struct global_loader *l)
{
    size_t n = l->c->teams_n;
    const struct team **v = ARENA_ARRAY(l->base.arena, const struct team *, n);

    for (size_t i = 0; i < n; i++)
        v[i] = &l->teams[i];
    if (n > 1)
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
        qsort(v, n, sizeof(*v), cmp_deepest);
    l->c->deepest_first = v;
}

/* Parents first, so that the nearest ancestor's policy is known when it is inherited. */
static void inherit_policies(struct global_loader *l)
{
    for (size_t i = l->c->teams_n; i-- > 0;) {
        struct team *t = &l->teams[l->c->deepest_first[i]->index];

        if (t->policy == NULL && t->parent != NULL)
            t->policy = t->parent->policy;
    }
    if (l->c->root->policy == NULL)
        config_mistake(&l->base, l->c->root->line,
                       "root needs an escalation_policy: others fall back on it");
}

static void check_step(struct global_loader *l, const struct team *t, size_t step)
{
    const struct policy_step *s = &t->policy->steps[step];

    for (size_t i = 0; i < s->targets_n; i++) {
        const struct policy_target *target = &s->targets[i];

        if (target->kind == TARGET_PARENT && t->parent == NULL)
            config_mistake(&l->base, t->line,
                           "team root uses escalation policy \"" STR_FMT
                           "\", whose step %zu goes to the parent, but root has none",
                           STR_ARG(t->policy->name), step + 1);
        if (target->kind == TARGET_ROLE && team_role_receiver(t, target->role) == NULL)
            config_mistake(&l->base, t->line,
                           "team \"" STR_FMT "\" and those above it have no role \"" STR_FMT
                           "\", which step %zu of its escalation policy \"" STR_FMT "\" pages",
                           STR_ARG(t->name), STR_ARG(str_sub(target->role, 0, 70)), step + 1,
                           STR_ARG(t->policy->name));
    }
}

static void check_policies(struct global_loader *l)
{
    bool *used = xcalloc(l->c->policies_n + 1, sizeof(*used));

    for (size_t i = 0; i < l->c->teams_n; i++) {
        const struct team *t = &l->teams[i];

        if (t->policy == NULL)
            continue;
        used[t->policy->index] = true;
        for (size_t step = 0; step < t->policy->steps_n; step++)
            check_step(l, t, step);
    }
    for (size_t i = 0; i < l->c->policies_n; i++) {
        if (!used[i])
            config_warn(&l->base, l->policies[i].line,
                        "no team uses escalation policy \"" STR_FMT "\"",
                        STR_ARG(l->policies[i].name));
    }
    free(used);
}

void teams_load(struct global_loader *l, const struct yaml_node *node)
{
    size_t n = config_is_list(&l->base, node, "teams") ? node->n : 0;

    if (n > TEAMS_MAX) {
        config_mistake(&l->base, node->line, "more than %d teams", TEAMS_MAX);
        return;
    }

    struct str *parents = ARENA_ARRAY(l->base.arena, struct str, n);

    l->teams = ARENA_ARRAY(l->base.arena, struct team, n);
    l->c->teams = l->teams;
    for (size_t i = 0; i < n; i++) {
        l->teams[i].index = i;
        load_team(l, node->items[i], &l->teams[i], &parents[i]);
        l->c->teams_n = i + 1; /* now the next one may ask for it */
    }
    l->c->root = global_config_find_team(l->c, STR(TEAM_ROOT));
    if (l->c->root == NULL) {
        config_mistake(&l->base, node != NULL ? node->line : 0,
                       "teams must have one named root: it gets what nobody owns");
        return;
    }
    if (!link_teams(l, parents))
        return;
    sort_by_depth(l);
    inherit_policies(l);
    check_policies(l);
    teams_check_ties(l);
}
