#include "common/core/config/inhibit_load.h"

#include "common/core/config/schema_text.h"

#define AT(member) .offset = offsetof(struct inhibit_written, member)

static void parse_equal(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    struct str_list *list = ret;

    *list = config_str_list(l, n, "equal");
    for (size_t i = 0; i < list->n; i++) {
        if (!config_label_name_valid(l, list->v[i]))
            config_mistake(l, n->items[i]->line, "invalid label name \"" STR_FMT "\" in equal list",
                           STR_ARG(str_sub(list->v[i], 0, 128)));
    }
}

static bool shown_equal(const void *value)
{
    return ((const struct str_list *)value)->n > 0;
}

static void write_equal(struct buf *b, unsigned indent, const void *value)
{
    config_write_items(b, indent, *(const struct str_list *)value);
}

static const struct config_field fields[] = {
    {.name = "name", .kind = CONFIG_STR, AT(name), .doc = "Shown where an alert is inhibited."},
    {.name = "source_match",
     .kind = CONFIG_CUSTOM,
     AT(source),
     .parse = matchers_parse_match,
     .shown = matchers_shown_match,
     .write = matchers_write_match,
     .doc = "Old form of source_matchers: equality."},
    {.name = "source_match_re",
     .kind = CONFIG_CUSTOM,
     AT(source),
     .parse = matchers_parse_match_re,
     .shown = matchers_shown_match_re,
     .write = matchers_write_match_re,
     .doc = "Old form of source_matchers: regular expressions."},
    {.name = "source_matchers",
     .kind = CONFIG_CUSTOM,
     AT(source),
     .parse = matchers_parse_list,
     .shown = matchers_shown_list,
     .write = matchers_write_list,
     .doc = "Which firing alerts inhibit others: all must hold."},
    {.name = "target_match",
     .kind = CONFIG_CUSTOM,
     AT(target),
     .parse = matchers_parse_match,
     .shown = matchers_shown_match,
     .write = matchers_write_match,
     .doc = "Old form of target_matchers: equality."},
    {.name = "target_match_re",
     .kind = CONFIG_CUSTOM,
     AT(target),
     .parse = matchers_parse_match_re,
     .shown = matchers_shown_match_re,
     .write = matchers_write_match_re,
     .doc = "Old form of target_matchers: regular expressions."},
    {.name = "target_matchers",
     .kind = CONFIG_CUSTOM,
     AT(target),
     .parse = matchers_parse_list,
     .shown = matchers_shown_list,
     .write = matchers_write_list,
     .doc = "Which alerts are inhibited: all must hold."},
    {.name = "equal",
     .kind = CONFIG_CUSTOM,
     AT(equal),
     .parse = parse_equal,
     .shown = shown_equal,
     .write = write_equal,
     .doc = "Labels in which source and target must agree; two that lack one agree in it."},
};

const struct config_field *inhibit_fields(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(fields);
    return fields;
}

void inhibit_load(struct config_loader *l, const struct yaml_node *node, struct inhibit_rules *ret)
{
    struct inhibit_rule *v;
    struct inhibit_written *written;
    int *lines;

    *ret = (struct inhibit_rules){0};
    if (!config_is_list(l, node, "inhibit_rules"))
        return;
    if (node->n > INHIBIT_RULES_MAX) {
        config_mistake(l, node->line, "more than %d inhibit_rules", INHIBIT_RULES_MAX);
        return;
    }
    v = ARENA_ARRAY(l->arena, struct inhibit_rule, node->n);
    written = ARENA_ARRAY(l->arena, struct inhibit_written, node->n);
    lines = ARENA_ARRAY(l->arena, int, node->n);
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->items[i];
        struct inhibit_written *w = &written[i];

        lines[i] = item->line;
        config_load(l, item, "inhibit rule", fields, ARRAY_SIZE(fields), w);
        v[i] = (struct inhibit_rule){.name = w->name,
                                     .source = w->source.all,
                                     .target = w->target.all,
                                     .equal = w->equal.v,
                                     .equal_n = w->equal.n,
                                     .never = item->kind == YAML_NULL};
        w->source.all = w->target.all = (struct matchers){0};
        if (v[i].never)
            config_warn(l, item->line, "an empty inhibit rule is without effect");
    }
    *ret = (struct inhibit_rules){.v = v, .written = written, .lines = lines, .n = node->n};
}

void inhibit_rules_clear(struct inhibit_rules *rules)
{
    for (size_t i = 0; i < rules->n; i++) {
        matchers_clear(&rules->v[i].source);
        matchers_clear(&rules->v[i].target);
    }
    rules->n = 0;
}
