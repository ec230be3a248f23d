#include "common/core/config/matchers_load.h"

static void warn(struct config_loader *l, const struct yaml_node *n, const struct matcher *m)
{
    struct buf b;

    if (m->note == MATCHER_FINE)
        return;
    buf_init(&b, 0);
    matcher_add_text(&b, m);
    config_warn(l, n->line,
                m->note == MATCHER_INCOMPATIBLE
                    ? "only the classic syntax reads this matcher; better write " STR_FMT
                    : "the two matcher syntaxes read this differently; it was taken as " STR_FMT,
                STR_ARG(buf_str(&b)));
    buf_clear(&b);
}

void matchers_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                   enum matcher_mode mode, struct matchers *ret)
{
    if (!config_is_list(l, node, what))
        return;
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->items[i];
        struct str text = config_str(l, item, what);
        struct err err = {0};
        size_t before = ret->n;

        if (matchers_parse(text, mode, l->arena, ret, &err) < 0)
            config_mistake(l, item->line, "%s: %s", what, err.text);
        for (size_t k = before; k < ret->n; k++)
            warn(l, item, &ret->v[k]);
    }
}
