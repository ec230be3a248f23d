#include "common/core/config/receivers.h"

#include "common/core/integrations/integration.h"

#include <assert.h>
#include <stdlib.h>

static size_t found(const struct config_loader *l)
{
    return l->mistakes->n + l->mistakes->left_out;
}

static void load_one(struct config_loader *l, const struct yaml_node *node,
                     const struct integration *kind, struct receiver_integration *ret)
{
    void *config = arena_alloc(l->arena, kind->config_size);
    struct err err = {0};
    size_t before = found(l);
    const char *why;

    config_load(l, node, kind->config_key, kind->fields, kind->fields_n, config);
    if (found(l) == before && kind->check != NULL && kind->check(config, l->arena, &err) < 0)
        config_mistake(l, node->line, "%s: %s", kind->name, err.text);
    config_inherit(kind->fields, kind->fields_n, config, am_global_section.fields,
                   am_global_section.fields_n, l->global);
    if (found(l) == before && kind->complete != NULL &&
        kind->complete(config, l->global, l->arena, &err) < 0)
        config_mistake(l, node->line, "%s: %s", kind->name, err.text);
    why = found(l) == before ? integration_unsendable(kind, config) : NULL;
    if (why != NULL)
        config_warn(l, node->line, "%s: %s: its notifications will FAIL", kind->name, why);
    ret->integration = kind;
    ret->config = config;
    ret->send_resolved = *(const bool *)((const char *)config + kind->send_resolved_offset);
}

static void load_integrations(struct config_loader *l, const struct yaml_node *node,
                              struct receiver *r)
{
    size_t kinds_n, total = 0;
    const struct integration *const *kinds = integrations_all(&kinds_n);

    for (size_t k = 0; k < node->n; k++)
        total += node->items[k]->kind == YAML_LIST ? node->items[k]->n : 0;

    struct receiver_integration *v = ARENA_ARRAY(l->arena, struct receiver_integration, total);

    for (size_t k = 0; k < kinds_n; k++) {
        const struct yaml_node *list = yaml_find(node, kinds[k]->config_key);

        if (!config_is_list(l, list, kinds[k]->config_key))
            continue;
        for (size_t i = 0; i < list->n; i++) {
            if (list->items[i]->kind == YAML_NULL) {
                config_mistake(l, list->items[i]->line, "missing %s config", kinds[k]->name);
                continue;
            }
            assert(r->n < total);
            v[r->n].index = i;
            load_one(l, list->items[i], kinds[k], &v[r->n++]);
        }
    }
    r->v = v;
}

/* As written, and always the name. */
static void load_labels(struct config_loader *l, const struct yaml_node *node, struct receiver *r)
{
    struct labels own = config_pairs(l, node, "labels");
    struct label *v = ARENA_ARRAY(l->arena, struct label, own.n + 1);
    size_t n = 0;

    LABELS_EACH (&own, it) {
        if (!str_eq(it->name, STR("name")))
            v[n++] = *it;
        else if (!str_eq(it->value, r->name))
            config_mistake(l, node->line,
                           "receiver label \"name\" must match receiver name \"" STR_FMT
                           "\", got \"" STR_FMT "\"",
                           STR_ARG(str_sub(r->name, 0, 120)), STR_ARG(str_sub(it->value, 0, 120)));
    }
    v[n++] = (struct label){.name = STR("name"), .value = r->name};
    r->labels = (struct labels){.v = v, .n = labels_sort_all(v, n)};
}

static bool is_known(struct str key)
{
    size_t n;
    const struct integration *const *kinds = integrations_all(&n);

    if (str_eq(key, STR("name")) || str_eq(key, STR("labels")))
        return true;
    for (size_t i = 0; i < n; i++) {
        if (str_eq_c(key, kinds[i]->config_key))
            return true;
    }
    return false;
}

static void check_keys(struct config_loader *l, const struct yaml_node *node)
{
    size_t kinds_n;
    const struct integration *const *kinds = integrations_as_written(&kinds_n);
    struct buf b;

    for (size_t k = 0; k < node->n; k++) {
        if (is_known(node->keys[k]))
            continue;
        buf_init(&b, 0);
        for (size_t i = 0; i < kinds_n; i++)
            buf_add_fmt(&b, ", %s", kinds[i]->config_key);
        config_mistake(l, node->key_lines[k],
                       "field " STR_FMT " not found in receiver; it may have: name, labels" STR_FMT,
                       STR_ARG(str_sub(node->keys[k], 0, 60)), STR_ARG(buf_str(&b)));
        buf_clear(&b);
    }
}

static int cmp_name(const void *a, const void *b)
{
    const struct receiver *const *x = a, *const *y = b;
    int c = str_cmp((*x)->name, (*y)->name);

    return c != 0 ? c : ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

/* Thousands of receivers are usual at global: no pairwise comparison. */
static const struct receiver *const *sort_names(struct config_loader *l, const struct receiver *v,
                                                size_t n)
{
    const struct receiver **sorted = ARENA_ARRAY(l->arena, const struct receiver *, n);

    for (size_t i = 0; i < n; i++)
        sorted[i] = &v[i];
    if (n > 1)
        qsort(sorted, n, sizeof(*sorted), cmp_name); /* NOLINT(bugprone-sizeof-expression) */
    for (size_t i = 1; i < n; i++) {
        if (sorted[i]->name.n > 0 && str_eq(sorted[i - 1]->name, sorted[i]->name))
            config_mistake(l, sorted[i]->line,
                           "notification config name \"" STR_FMT "\" is not unique",
                           STR_ARG(str_sub(sorted[i]->name, 0, 200)));
    }
    return sorted;
}

static void load_receiver(struct config_loader *l, const struct yaml_node *node, struct receiver *r)
{
    if (node->kind != YAML_NULL && !config_is_map(l, node, "receiver"))
        return;
    r->name = config_str(l, yaml_find(node, "name"), "name");
    if (r->name.n == 0)
        config_mistake(l, node->line, "missing name in receiver");
    if (node->kind != YAML_MAP)
        return;
    check_keys(l, node);
    load_labels(l, yaml_find(node, "labels"), r);
    load_integrations(l, node, r);
}

void receivers_load(struct config_loader *l, const struct yaml_node *node, struct receivers *ret)
{
    struct am_global defaults = {0};

    *ret = (struct receivers){0};
    if (!config_is_list(l, node, "receivers"))
        return;
    if (node->n > RECEIVERS_MAX) {
        config_mistake(l, node->line, "more than %d receivers", RECEIVERS_MAX);
        return;
    }

    if (l->global == NULL) {
        am_global_load(l, NULL, &defaults);
        l->global = &defaults;
    }

    struct receiver *v = ARENA_ARRAY(l->arena, struct receiver, node->n);

    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->items[i];

        v[i] = (struct receiver){.index = i, .line = item->line};
        load_receiver(l, item, &v[i]);
    }
    *ret = (struct receivers){.v = v, .n = node->n, .by_name = sort_names(l, v, node->n)};
    if (l->global == &defaults)
        l->global = NULL;
}

const struct receiver *receivers_find(const struct receivers *r, struct str name)
{
    size_t from = 0, to = r->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int c = str_cmp(name, r->by_name[middle]->name);

        if (c == 0)
            return r->by_name[middle];
        if (c < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}
