#include "common/core/config/am_global.h"
#include "common/core/config/schema_text.h"
#include "common/core/integrations/integration.h"

#define SUMMARY "{{ template \"jira.default.summary\" . }}"
#define DESCRIPTION "{{ template \"jira.default.description\" . }}"

/* A text of the issue. */
struct jira_text {
    struct str template;
    bool enable_update; /* an issue that is there gets it, too */
};

struct jira_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_url;
    struct str api_type;
    struct str project;
    struct jira_text summary;
    struct jira_text description;
    struct str_list labels;
    struct str priority;
    struct str issue_type;
    struct str reopen_transition;
    struct str resolve_transition;
    struct str wont_fix_resolution;
    int64_t reopen_duration_ms;
    const struct yaml_node *fields;
};

static const struct config_field text_fields[] = {
    {.name = "template",
     .kind = CONFIG_STR,
     .offset = offsetof(struct jira_text, template),
     .rendering = CONFIG_AS_TEXT,
     .always = true,
     .doc = "The text."},
    {.name = "enable_update",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct jira_text, enable_update),
     .fallback = "true",
     .always = true,
     .doc = "Change it in an issue that is there, too."},
};

static void parse_text(struct config_loader *l, const struct yaml_node *n, const char *what,
                       const char *usual, struct jira_text *ret)
{
    *ret = (struct jira_text){0};
    if (n->kind == YAML_NULL)
        return;
    if (n->kind == YAML_SCALAR) {
        *ret = (struct jira_text){.template = config_str(l, n, what), .enable_update = true};
        return;
    }
    config_load(l, n, what, text_fields, ARRAY_SIZE(text_fields), ret);
    if (yaml_find(n, "template") == NULL)
        ret->template = str_from(usual);
}

static void parse_summary(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    parse_text(l, n, "summary", SUMMARY, ret);
}

static void parse_description(struct config_loader *l, const struct yaml_node *n, void *ret)
{
    parse_text(l, n, "description", DESCRIPTION, ret);
}

static bool shown_text(const void *value)
{
    (void)value;
    return true;
}

static void write_text(struct buf *b, unsigned indent, const void *value)
{
    buf_add_char(b, '\n');
    config_write(b, indent + 2, text_fields, ARRAY_SIZE(text_fields), value);
}

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct jira_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct jira_config, http_config),
    {.name = "api_url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct jira_config, api_url),
     .global = "jira_api_url",
     .doc = "The REST API."},
    {.name = "api_type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct jira_config, api_type),
     .fallback = "auto",
     .doc = "auto, cloud or datacenter."},
    {.name = "project",
     .kind = CONFIG_STR,
     .offset = offsetof(struct jira_config, project),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required: its key."},
    {.name = "summary",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct jira_config, summary),
     .fallback = SUMMARY,
     .rendering = CONFIG_AS_TEXT,
     .parse = parse_summary,
     .shown = shown_text,
     .write = write_text,
     .doc = "The issue's title: a text, or {template, enable_update}."},
    {.name = "description",
     .kind = CONFIG_CUSTOM,
     .offset = offsetof(struct jira_config, description),
     .fallback = DESCRIPTION,
     .rendering = CONFIG_AS_TEXT,
     .parse = parse_description,
     .shown = shown_text,
     .write = write_text,
     .doc = "The issue's text: a text, or {template, enable_update}."},
    {.name = "labels",
     .kind = CONFIG_STR_LIST,
     .offset = offsetof(struct jira_config, labels),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the issue."},
    {.name = "priority",
     .kind = CONFIG_STR,
     .offset = offsetof(struct jira_config, priority),
     .fallback = "{{ template \"jira.default.priority\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Its name."},
    {.name = "issue_type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct jira_config, issue_type),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required: its name."},
    {.name = "reopen_transition",
     .kind = CONFIG_STR,
     .offset = offsetof(struct jira_config, reopen_transition),
     .doc = "Taken when alerts fire again."},
    {.name = "resolve_transition",
     .kind = CONFIG_STR,
     .offset = offsetof(struct jira_config, resolve_transition),
     .doc = "Taken when alerts have resolved."},
    {.name = "wont_fix_resolution",
     .kind = CONFIG_STR,
     .offset = offsetof(struct jira_config, wont_fix_resolution),
     .doc = "Issues resolved so are left alone."},
    {.name = "reopen_duration",
     .kind = CONFIG_DURATION,
     .offset = offsetof(struct jira_config, reopen_duration_ms),
     .doc = "How long after its end an issue is opened again."},
    {.name = "fields",
     .kind = CONFIG_ANY_MAP,
     .offset = offsetof(struct jira_config, fields),
     .rendering = CONFIG_DEEP,
     .doc = "Further fields of the issue."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct jira_config *c = config;

    (void)a;
    if (c->project.n == 0)
        return err_set(err, -EINVAL, "missing project in jira_config");
    if (c->issue_type.n == 0)
        return err_set(err, -EINVAL, "missing issue_type in jira_config");
    if (!str_eq_c(c->api_type, "auto") && !str_eq_c(c->api_type, "cloud") &&
        !str_eq_c(c->api_type, "datacenter"))
        return err_set(err, -EINVAL,
                       "unknown api_type on jira_config, must be auto, cloud or datacenter");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    const struct jira_config *c = config;

    (void)g;
    (void)a;
    if (c->api_url.n == 0)
        return err_set(err, -EINVAL, "no global Jira Cloud URL set");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_jira = {
    .name = "jira",
    .config_key = "jira_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct jira_config),
    .send_resolved_offset = offsetof(struct jira_config, send_resolved),
    .check = check,
    .complete = complete,
};
