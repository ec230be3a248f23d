#include "common/core/config/matchers_load.h"

#include "common/core/config/schema_text.h"

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

void matchers_parse_list(struct config_loader *l, const struct yaml_node *n, void *block)
{
    struct matchers_block *b = block;
    size_t before = b->all.n;
    struct buf text;

    matchers_load(l, n, "matchers", l->mode, &b->all);
    b->matchers = (struct str_list){.v = ARENA_ARRAY(l->arena, struct str, b->all.n - before)};
    buf_init(&text, 0);
    for (size_t i = before; i < b->all.n; i++) {
        buf_reset(&text);
        matcher_add_text(&text, &b->all.v[i]);
        b->matchers.v[b->matchers.n++] = arena_str(l->arena, buf_str(&text));
    }
    buf_clear(&text);
}

static void add_old(struct config_loader *l, int line, enum matcher_op op, struct str name,
                    struct str value, struct matchers *ret)
{
    struct matcher m;
    struct err err = {0};

    if (!label_name_valid_classic(name))
        config_mistake(l, line, "invalid label name \"" STR_FMT "\"",
                       STR_ARG(str_sub(name, 0, 128)));
    else if (matcher_make(op, name, value, l->arena, &m, &err) < 0)
        config_mistake(l, line, "%s", err.text);
    else
        matchers_add(ret, m, l->arena);
}

/* What is no text has been complained of by then. */
static struct str text_of(const struct yaml_node *n)
{
    return n->kind == YAML_SCALAR ? n->text : STR_EMPTY;
}

void matchers_parse_match(struct config_loader *l, const struct yaml_node *n, void *block)
{
    struct matchers_block *b = block;

    if (!config_is_map(l, n, "match"))
        return;
    b->match = config_pairs(l, n, "match");
    for (size_t i = 0; i < n->n; i++)
        add_old(l, n->key_lines[i], MATCH_EQ, n->keys[i], text_of(n->items[i]), &b->all);
}

void matchers_parse_match_re(struct config_loader *l, const struct yaml_node *n, void *block)
{
    struct matchers_block *b = block;

    if (!config_is_map(l, n, "match_re"))
        return;
    b->match_re = config_pairs(l, n, "match_re");
    for (size_t i = 0; i < n->n; i++) {
        if (n->items[i]->kind == YAML_NULL)
            config_mistake(l, n->key_lines[i], "invalid regexp value for \"" STR_FMT "\"",
                           STR_ARG(str_sub(n->keys[i], 0, 128)));
        else /* anchored here and again when compiled: keys show it, as upstream's do */
            add_old(l, n->key_lines[i], MATCH_RE, n->keys[i],
                    arena_fmt(l->arena, "^(?:" STR_FMT ")$", STR_ARG(text_of(n->items[i]))),
                    &b->all);
    }
}

bool matchers_shown_list(const void *block)
{
    return ((const struct matchers_block *)block)->matchers.n > 0;
}

bool matchers_shown_match(const void *block)
{
    return ((const struct matchers_block *)block)->match.n > 0;
}

bool matchers_shown_match_re(const void *block)
{
    return ((const struct matchers_block *)block)->match_re.n > 0;
}

void matchers_write_list(struct buf *b, unsigned indent, const void *block)
{
    config_write_items(b, indent, ((const struct matchers_block *)block)->matchers);
}

void matchers_write_match(struct buf *b, unsigned indent, const void *block)
{
    config_write_pairs(b, indent, ((const struct matchers_block *)block)->match);
}

void matchers_write_match_re(struct buf *b, unsigned indent, const void *block)
{
    config_write_pairs(b, indent, ((const struct matchers_block *)block)->match_re);
}

bool config_label_name_valid(const struct config_loader *l, struct str name)
{
    return l->mode == MATCHER_CLASSIC ? label_name_valid_classic(name)
                                      : label_name_valid_utf8(name);
}
