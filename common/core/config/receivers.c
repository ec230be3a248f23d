#include "common/core/config/receivers.h"

#include "common/core/integrations/integration.h"

#include <assert.h>
#include <stdlib.h>

/* Alertmanager's other receiver lists: known by name, so that the refusal can say so. */
static const char *const not_yet[] = {
    "discord_configs",    "email_configs",     "incidentio_configs", "pagerduty_configs",
    "slack_configs",      "webhook_configs",   "opsgenie_configs",   "wechat_configs",
    "pushover_configs",   "victorops_configs", "sns_configs",        "telegram_configs",
    "webex_configs",      "msteams_configs",   "msteamsv2_configs",  "jira_configs",
    "rocketchat_configs", "mattermost_configs"};

/* Settings of receivers that are refused where they are used: alone they do no harm. */
static const struct config_field global_fields[] = {
    {.name = "resolve_timeout",
     .kind = CONFIG_DURATION,
     .offset = offsetof(struct am_global, resolve_timeout_ms),
     .fallback = "5m",
     .doc = "An alert that comes without an end is taken for resolved after this long."},
    {.name = "http_config", .kind = CONFIG_IGNORED},
    {.name = "jira_api_url", .kind = CONFIG_IGNORED},
    {.name = "smtp_from", .kind = CONFIG_IGNORED},
    {.name = "smtp_hello", .kind = CONFIG_IGNORED},
    {.name = "smtp_smarthost", .kind = CONFIG_IGNORED},
    {.name = "smtp_auth_username", .kind = CONFIG_IGNORED},
    {.name = "smtp_auth_password", .kind = CONFIG_IGNORED},
    {.name = "smtp_auth_password_file", .kind = CONFIG_IGNORED},
    {.name = "smtp_auth_secret", .kind = CONFIG_IGNORED},
    {.name = "smtp_auth_secret_file", .kind = CONFIG_IGNORED},
    {.name = "smtp_auth_identity", .kind = CONFIG_IGNORED},
    {.name = "smtp_require_tls", .kind = CONFIG_IGNORED},
    {.name = "smtp_tls_config", .kind = CONFIG_IGNORED},
    {.name = "smtp_force_implicit_tls", .kind = CONFIG_IGNORED},
    {.name = "slack_api_url", .kind = CONFIG_IGNORED},
    {.name = "slack_api_url_file", .kind = CONFIG_IGNORED},
    {.name = "slack_app_token", .kind = CONFIG_IGNORED},
    {.name = "slack_app_token_file", .kind = CONFIG_IGNORED},
    {.name = "slack_app_url", .kind = CONFIG_IGNORED},
    {.name = "pagerduty_url", .kind = CONFIG_IGNORED},
    {.name = "opsgenie_api_url", .kind = CONFIG_IGNORED},
    {.name = "opsgenie_api_key", .kind = CONFIG_IGNORED},
    {.name = "opsgenie_api_key_file", .kind = CONFIG_IGNORED},
    {.name = "wechat_api_url", .kind = CONFIG_IGNORED},
    {.name = "wechat_api_secret", .kind = CONFIG_IGNORED},
    {.name = "wechat_api_secret_file", .kind = CONFIG_IGNORED},
    {.name = "wechat_api_corp_id", .kind = CONFIG_IGNORED},
    {.name = "victorops_api_url", .kind = CONFIG_IGNORED},
    {.name = "victorops_api_key", .kind = CONFIG_IGNORED},
    {.name = "victorops_api_key_file", .kind = CONFIG_IGNORED},
    {.name = "telegram_api_url", .kind = CONFIG_IGNORED},
    {.name = "telegram_bot_token", .kind = CONFIG_IGNORED},
    {.name = "telegram_bot_token_file", .kind = CONFIG_IGNORED},
    {.name = "webex_api_url", .kind = CONFIG_IGNORED},
    {.name = "rocketchat_api_url", .kind = CONFIG_IGNORED},
    {.name = "rocketchat_token", .kind = CONFIG_IGNORED},
    {.name = "rocketchat_token_file", .kind = CONFIG_IGNORED},
    {.name = "rocketchat_token_id", .kind = CONFIG_IGNORED},
    {.name = "rocketchat_token_id_file", .kind = CONFIG_IGNORED},
    {.name = "mattermost_webhook_url", .kind = CONFIG_IGNORED},
    {.name = "mattermost_webhook_url_file", .kind = CONFIG_IGNORED},
};

void am_global_load(struct config_loader *l, const struct yaml_node *node, struct am_global *ret)
{
    config_load(l, node, "global", global_fields, ARRAY_SIZE(global_fields), ret);
    for (size_t i = 0; i < ARRAY_SIZE(global_fields); i++) {
        const struct yaml_node *n = yaml_find(node, global_fields[i].name);

        if (global_fields[i].kind == CONFIG_IGNORED && n != NULL && n->kind != YAML_NULL)
            config_warn(l, n->line, "%s is not in force yet", global_fields[i].name);
    }
}

static void load_one(struct config_loader *l, const struct yaml_node *node,
                     const struct integration *kind, struct receiver_integration *ret)
{
    void *config = arena_alloc(l->arena, kind->config_size);
    bool *send_resolved = (bool *)((char *)config + kind->send_resolved_offset);
    struct err err = {0};
    size_t mistakes_before = l->mistakes->n;

    *send_resolved = kind->send_resolved_default;
    config_load(l, node, kind->config_key, kind->fields, kind->fields_n, config);
    if (l->mistakes->n == mistakes_before && kind->check != NULL && kind->check(config, &err) < 0)
        config_mistake(l, node->line, "%s: %s", kind->name, err.text);
    ret->integration = kind;
    ret->config = config;
    ret->send_resolved = *send_resolved;
}

static void load_integrations(struct config_loader *l, const struct yaml_node *node,
                              struct receiver *r)
{
    size_t kinds_n, total = 0;
    const struct integration *const *kinds = integrations_all(&kinds_n);

    for (size_t k = 0; k < kinds_n; k++) {
        const struct yaml_node *list = yaml_find(node, kinds[k]->config_key);

        total += list != NULL && list->kind == YAML_LIST ? list->n : 0;
    }

    struct receiver_integration *v = ARENA_ARRAY(l->arena, struct receiver_integration, total);

    for (size_t k = 0; k < kinds_n; k++) {
        const struct yaml_node *list = yaml_find(node, kinds[k]->config_key);

        if (!config_is_list(l, list, kinds[k]->config_key))
            continue;
        for (size_t i = 0; i < list->n; i++) {
            if (list->items[i]->kind == YAML_NULL) {
                config_mistake(l, list->line, "missing %s config", kinds[k]->name);
                continue;
            }
            assert(r->n < total);
            v[r->n].index = i;
            load_one(l, list->items[i], kinds[k], &v[r->n++]);
        }
    }
    r->v = v;
}

static bool is_integration(struct str key)
{
    size_t n;
    const struct integration *const *kinds = integrations_all(&n);

    for (size_t i = 0; i < n; i++) {
        if (str_eq_c(key, kinds[i]->config_key))
            return true;
    }
    return false;
}

static void check_keys(struct config_loader *l, const struct yaml_node *node)
{
    for (size_t k = 0; k < node->n; k++) {
        struct str key = node->keys[k];
        bool known = str_eq(key, STR("labels"));

        if (str_eq(key, STR("name")) || is_integration(key))
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(not_yet) && !known; i++)
            known = str_eq_c(key, not_yet[i]);
        if (!known)
            config_mistake(l, node->key_lines[k],
                           "field " STR_FMT " not found in receiver; it may have: name, "
                           "webhook_configs",
                           STR_ARG(str_sub(key, 0, 60)));
        else if (node->items[k]->kind == YAML_SCALAR || node->items[k]->n > 0)
            config_mistake(l, node->key_lines[k], STR_FMT " is not supported yet", STR_ARG(key));
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

void receivers_load(struct config_loader *l, const struct yaml_node *node, struct receivers *ret)
{
    *ret = (struct receivers){0};
    if (!config_is_list(l, node, "receivers"))
        return;
    if (node->n > RECEIVERS_MAX) {
        config_mistake(l, node->line, "more than %d receivers", RECEIVERS_MAX);
        return;
    }

    struct receiver *v = ARENA_ARRAY(l->arena, struct receiver, node->n);

    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->items[i];

        v[i] = (struct receiver){.index = i, .line = item->line};
        if (item->kind != YAML_NULL && !config_is_map(l, item, "receiver"))
            continue;
        v[i].name = config_str(l, yaml_find(item, "name"), "name");
        if (v[i].name.n == 0)
            config_mistake(l, item->line, "missing name in receiver");
        if (item->kind != YAML_MAP)
            continue;
        check_keys(l, item);
        load_integrations(l, item, &v[i]);
    }
    *ret = (struct receivers){.v = v, .n = node->n, .by_name = sort_names(l, v, node->n)};
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
