#include "common/core/config/am_global.h"
#include "common/core/config/scalar.h"
#include "common/core/integrations/integration.h"
#include "common/core/template/template.h"

struct responder {
    struct str id;
    struct str name;
    struct str username;
    struct str type;
};

static bool is_responder_type(struct str type)
{
    static const char *const types[] = {"team", "teams", "user", "escalation", "schedule"};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (str_eq_nocase(type, str_from(types[i])))
            return true;
    }
    return false;
}

static int check_responder(void *config, struct arena *a, struct err *err)
{
    const struct responder *c = config;

    (void)a;
    if (c->id.n == 0 && c->name.n == 0 && c->username.n == 0)
        return err_set(
            err, -EINVAL,
            "opsGenieConfig responder has to have at least one of id, username or name specified");
    if (str_contains(c->type, STR("{{"))) {
        if (template_check(c->type, TEMPLATE_BUILTINS, err) < 0)
            return err_wrap(err, "opsGenieConfig responder type contains invalid template syntax");
    } else if (!is_responder_type(c->type)) {
        return err_set(err, -EINVAL,
                       "opsGenieConfig responder type does not match valid options "
                       "^(team|teams|user|escalation|schedule)$");
    }
    return 0;
}

static const struct config_field responder_fields[] = {
    {.name = "id",
     .kind = CONFIG_STR,
     .offset = offsetof(struct responder, id),
     .rendering = CONFIG_AS_TEXT,
     .doc = "One of id, name and username."},
    {.name = "name",
     .kind = CONFIG_STR,
     .offset = offsetof(struct responder, name),
     .rendering = CONFIG_AS_TEXT,
     .doc = "One of id, name and username."},
    {.name = "username",
     .kind = CONFIG_STR,
     .offset = offsetof(struct responder, username),
     .rendering = CONFIG_AS_TEXT,
     .doc = "One of id, name and username."},
    {.name = "type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct responder, type),
     .rendering = CONFIG_AS_TEXT,
     .doc = "team, teams, user, escalation or schedule."},
};

static const struct config_section responder_section = {.name = "responder",
                                                        .fields = responder_fields,
                                                        .fields_n = ARRAY_SIZE(responder_fields),
                                                        .size = sizeof(struct responder),
                                                        .check = check_responder};

struct opsgenie_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_key;
    struct str api_key_file;
    struct str api_url;
    struct str message;
    struct str description;
    struct str source;
    struct labels details;
    struct str entity;
    struct config_list responders; /* of struct responder */
    struct str actions;
    struct str tags;
    struct str note;
    struct str priority;
    bool update_alerts;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct opsgenie_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct opsgenie_config, http_config),
    {.name = "api_key",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct opsgenie_config, api_key),
     .global = "opsgenie_api_key",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the integration."},
    {.name = "api_key_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct opsgenie_config, api_key_file),
     .global = "opsgenie_api_key_file",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The same from a file."},
    {.name = "api_url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct opsgenie_config, api_url),
     .global = "opsgenie_api_url",
     .doc = "The service."},
    {.name = "message",
     .kind = CONFIG_STR,
     .offset = offsetof(struct opsgenie_config, message),
     .fallback = "{{ template \"opsgenie.default.message\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The alert's title."},
    {.name = "description",
     .kind = CONFIG_STR,
     .offset = offsetof(struct opsgenie_config, description),
     .fallback = "{{ template \"opsgenie.default.description\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The alert's text."},
    {.name = "source",
     .kind = CONFIG_STR,
     .offset = offsetof(struct opsgenie_config, source),
     .fallback = "{{ template \"opsgenie.default.source\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Who says it."},
    {.name = "details",
     .kind = CONFIG_MAP,
     .offset = offsetof(struct opsgenie_config, details),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Further properties, over the common labels."},
    {.name = "entity",
     .kind = CONFIG_STR,
     .offset = offsetof(struct opsgenie_config, entity),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What is concerned."},
    {.name = "responders",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct opsgenie_config, responders),
     .section = &responder_section,
     .null_items = true,
     .doc = "Who is told."},
    {.name = "actions",
     .kind = CONFIG_STR,
     .offset = offsetof(struct opsgenie_config, actions),
     .rendering = CONFIG_AS_TEXT,
     .doc = "With commas between."},
    {.name = "tags",
     .kind = CONFIG_STR,
     .offset = offsetof(struct opsgenie_config, tags),
     .rendering = CONFIG_AS_TEXT,
     .doc = "With commas between."},
    {.name = "note",
     .kind = CONFIG_STR,
     .offset = offsetof(struct opsgenie_config, note),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Added to the alert."},
    {.name = "priority",
     .kind = CONFIG_STR,
     .offset = offsetof(struct opsgenie_config, priority),
     .rendering = CONFIG_AS_TEXT,
     .doc = "P1 to P5."},
    {.name = "update_alerts",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct opsgenie_config, update_alerts),
     .doc = "Update message and description of alerts that are open."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct opsgenie_config *c = config;

    (void)a;
    if (c->api_key.n > 0 && c->api_key_file.n > 0)
        return err_set(err, -EINVAL, "at most one of api_key & api_key_file must be configured");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct opsgenie_config *c = config;

    (void)g;
    if (c->api_url.n == 0)
        return err_set(err, -EINVAL, "no global OpsGenie URL set");
    if (c->api_key.n == 0 && c->api_key_file.n == 0)
        return err_set(err, -EINVAL, "no global OpsGenie API Key set either inline or in a file");
    if (c->api_key.n > 0) /* each comes from global on its own; of two the value wins */
        c->api_key_file = STR_EMPTY;
    c->api_url = url_with_slash(a, c->api_url);
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_opsgenie = {
    .name = "opsgenie",
    .config_key = "opsgenie_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct opsgenie_config),
    .send_resolved_offset = offsetof(struct opsgenie_config, send_resolved),
    .check = check,
    .complete = complete,
};
