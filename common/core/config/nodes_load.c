#include "common/core/config/nodes_load.h"

#include "common/core/model/identity.h"

static const struct config_field fields[] = {
    {.name = "name",
     .kind = CONFIG_STR,
     .offset = offsetof(struct config_node, name),
     .required = true,
     .doc = "The node's name, as its certificate has it."},
    {.name = "url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct config_node, url),
     .required = true,
     .doc = "Where it listens."},
};

static void check_url(struct config_loader *l, int line, bool any_http, struct str *url)
{
    struct str https = STR("https://");
    bool is_https = str_eq_nocase(str_sub(*url, 0, https.n), https);

    while (url->n > 0 && url->p[url->n - 1] == '/')
        url->n--;
    if (any_http) {
        if (str_find_char(*url, '?') < url->n || str_find_char(*url, '#') < url->n)
            config_mistake(l, line, "url must have no query and no fragment");
        return;
    }
    if (!is_https)
        config_mistake(l, line, "url must be https");
    for (size_t i = https.n; i < url->n && is_https; i++) {
        if (strchr("/?#@", url->p[i]) != NULL) {
            config_mistake(l, line, "url must be https://host:port and nothing else");
            return;
        }
    }
}

static void check_unique(struct config_loader *l, const struct yaml_node *list,
                         const struct config_node *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (v[i].name.n > 0 && str_eq(v[i].name, v[k].name))
                config_mistake(l, list->items[i]->line, "node \"" STR_FMT "\" is not unique",
                               STR_ARG(v[i].name));
            if (v[i].url.n > 0 && str_eq(v[i].url, v[k].url))
                config_mistake(l, list->items[i]->line, "url \"" STR_FMT "\" is not unique",
                               STR_ARG(v[i].url));
        }
    }
}

void config_nodes_load(struct config_loader *l, const struct yaml_node *node, const char *what,
                       bool any_http, struct config_nodes *ret)
{
    *ret = (struct config_nodes){0};
    if (!config_is_list(l, node, what))
        return;
    if (node->n > CONFIG_NODES_MAX) {
        config_mistake(l, node->line, "%s: more than %d nodes", what, CONFIG_NODES_MAX);
        return;
    }

    struct config_node *v = ARENA_ARRAY(l->arena, struct config_node, node->n);

    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->items[i];

        config_load(l, item, what, fields, ARRAY_SIZE(fields), &v[i]);
        if (v[i].name.n > 0 && !identity_name_valid(v[i].name))
            config_mistake(l, item->line,
                           "node name \"" STR_FMT "\" must be 1 to 63 of a-z, 0-9 and -",
                           STR_ARG(str_sub(v[i].name, 0, 70)));
        if (v[i].url.n > 0)
            check_url(l, item->line, any_http, &v[i].url);
    }
    check_unique(l, node, v, node->n);
    *ret = (struct config_nodes){.v = v, .n = node->n};
}
