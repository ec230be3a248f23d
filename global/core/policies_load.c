/* `escalation_policies`. */
#include "global/core/global_load.h"

struct policy_block {
    struct str name;
    int64_t repeat, ack_timeout_ms;
    struct str on_exhausted;
    const struct yaml_node *steps;
};

struct step_block {
    int64_t delay_ms;
    const struct yaml_node *notify;
};

struct target_block {
    struct str role, receiver, team;
};

static void keep_node(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    const struct yaml_node **to = ret;

    (void)l;
    *to = n;
}

static const struct config_field policy_fields[] = {
    {.name = "name",
     .kind = CONFIG_STR,
     .offset = offsetof(struct policy_block, name),
     .required = true},
    {.name = "steps",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct policy_block, steps),
     .parse = keep_node,
     .required = true},
    {.name = "repeat",
     .kind = CONFIG_INT,
     .offset = offsetof(struct policy_block, repeat),
     .max = POLICY_REPEAT_MAX,
     .doc = "Rounds after the first."},
    {.name = "ack_timeout",
     .kind = CONFIG_DURATION,
     .offset = offsetof(struct policy_block, ack_timeout_ms),
     .max = ACK_TIMEOUT_MS_MAX,
     .doc = "An ack ends after this long; 0 never."},
    {.name = "on_exhausted",
     .kind = CONFIG_STR,
     .offset = offsetof(struct policy_block, on_exhausted),
     .fallback = "root",
     .doc = "root or stop."},
};

static const struct config_field step_fields[] = {
    {.name = "notify",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct step_block, notify),
     .parse = keep_node,
     .required = true},
    {.name = "delay",
     .kind = CONFIG_DURATION,
     .offset = offsetof(struct step_block, delay_ms),
     .fallback = "5m",
     .min = STEP_DELAY_MS_MIN,
     .max = STEP_DELAY_MS_MAX,
     .doc = "Until the next step."},
};

static const struct config_field target_fields[] = {
    {.name = "role", .kind = CONFIG_STR, .offset = offsetof(struct target_block, role)},
    {.name = "receiver", .kind = CONFIG_STR, .offset = offsetof(struct target_block, receiver)},
    {.name = "team", .kind = CONFIG_STR, .offset = offsetof(struct target_block, team)},
    {.name = "user", .kind = CONFIG_NOT_YET},
    {.name = "schedule", .kind = CONFIG_NOT_YET},
};

static void load_target(struct global_loader *l, const struct yaml_node *node,
                        struct policy_target *ret)
{
    struct target_block b = {0};
    size_t before = l->base.mistakes->n;

    config_load(&l->base, node, "notify", target_fields, ARRAY_SIZE(target_fields), &b);
    if (l->base.mistakes->n > before)
        return;
    if ((b.role.n > 0) + (b.receiver.n > 0) + (b.team.n > 0) != 1) {
        config_mistake(&l->base, node->line, "notify needs exactly one of role, receiver, team");
        return;
    }
    if (b.role.n > 0) {
        *ret = (struct policy_target){.kind = TARGET_ROLE, .role = b.role};
    } else if (b.receiver.n > 0) {
        *ret = (struct policy_target){.kind = TARGET_RECEIVER,
                                      .receiver = receivers_find(&l->c->receivers, b.receiver)};
        if (ret->receiver == NULL)
            config_mistake(&l->base, node->line, "undefined receiver \"" STR_FMT "\"",
                           STR_ARG(str_sub(b.receiver, 0, 100)));
    } else {
        *ret = (struct policy_target){.kind = TARGET_PARENT};
        if (!str_eq(b.team, STR("parent")))
            config_mistake(&l->base, node->line,
                           "team may only be parent here: a team is paged by its own policy");
    }
}

static bool list_fits(struct global_loader *l, const struct yaml_node *list, const char *what,
                      size_t max)
{
    if (!config_is_list(&l->base, list, what))
        return false;
    if (list->n == 0 || list->n > max)
        config_mistake(&l->base, list->line, "%s must have 1 to %zu entries", what, max);
    return list->n > 0 && list->n <= max;
}

static void load_step(struct global_loader *l, const struct yaml_node *node,
                      struct policy_step *ret)
{
    struct step_block b = {0};

    ret->line = node->line;
    config_load(&l->base, node, "step", step_fields, ARRAY_SIZE(step_fields), &b);
    ret->delay_ms = b.delay_ms;
    if (!list_fits(l, b.notify, "notify", POLICY_TARGETS_MAX))
        return;

    struct policy_target *v = ARENA_ARRAY(l->base.arena, struct policy_target, b.notify->n);

    for (size_t i = 0; i < b.notify->n; i++)
        load_target(l, b.notify->items[i], &v[i]);
    ret->targets = v;
    ret->targets_n = b.notify->n;
}

static void load_policy(struct global_loader *l, const struct yaml_node *node, struct policy *ret)
{
    struct policy_block b = {0};

    ret->line = node->line;
    config_load(&l->base, node, "escalation policy", policy_fields, ARRAY_SIZE(policy_fields), &b);
    if (b.name.n > 0)
        (void)global_name_check(l, node->line, "escalation policy", b.name);
    for (size_t i = 0; i < ret->index && b.name.n > 0; i++) {
        if (str_eq(l->policies[i].name, b.name))
            config_mistake(&l->base, node->line, "escalation policy \"" STR_FMT "\" is not unique",
                           STR_ARG(b.name));
    }
    ret->name = b.name;
    ret->repeat = (unsigned)b.repeat;
    ret->ack_timeout_ms = b.ack_timeout_ms;
    if (str_eq(b.on_exhausted, STR("stop")))
        ret->on_exhausted = EXHAUSTED_STOP;
    else if (!str_eq(b.on_exhausted, STR("root")))
        config_mistake(&l->base, node->line, "on_exhausted must be root or stop");
    if (!list_fits(l, b.steps, "steps", POLICY_STEPS_MAX))
        return;

    struct policy_step *v = ARENA_ARRAY(l->base.arena, struct policy_step, b.steps->n);

    for (size_t i = 0; i < b.steps->n; i++)
        load_step(l, b.steps->items[i], &v[i]);
    ret->steps = v;
    ret->steps_n = b.steps->n;
}

void policies_load(struct global_loader *l, const struct yaml_node *node)
{
    if (!config_is_list(&l->base, node, "escalation_policies"))
        return;
    if (node->n > POLICIES_MAX) {
        config_mistake(&l->base, node->line, "more than %d escalation policies", POLICIES_MAX);
        return;
    }
    l->policies = ARENA_ARRAY(l->base.arena, struct policy, node->n);
    l->c->policies = l->policies;
    for (size_t i = 0; i < node->n; i++) {
        l->policies[i].index = i;
        load_policy(l, node->items[i], &l->policies[i]);
    }
    l->c->policies_n = node->n;
}
