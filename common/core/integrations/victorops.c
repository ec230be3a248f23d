#include "common/core/config/am_global.h"
#include "common/core/config/scalar.h"
#include "common/core/integrations/integration.h"

struct victorops_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_key;
    struct str api_key_file;
    struct str api_url;
    struct str routing_key;
    struct str message_type;
    struct str state_message;
    struct str entity_display_name;
    struct str monitoring_tool;
    struct labels custom_fields;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct victorops_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct victorops_config, http_config),
    {.name = "api_key",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct victorops_config, api_key),
     .global = "victorops_api_key",
     .doc = "Of the integration."},
    {.name = "api_key_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct victorops_config, api_key_file),
     .global = "victorops_api_key_file",
     .doc = "The same from a file."},
    {.name = "api_url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct victorops_config, api_url),
     .global = "victorops_api_url",
     .always = true,
     .doc = "The service."},
    {.name = "routing_key",
     .kind = CONFIG_STR,
     .offset = offsetof(struct victorops_config, routing_key),
     .rendering = CONFIG_AS_TEXT,
     .always = true,
     .doc = "Required."},
    {.name = "message_type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct victorops_config, message_type),
     .fallback = "CRITICAL",
     .rendering = CONFIG_AS_TEXT,
     .always = true,
     .doc = "INFO, WARNING or CRITICAL."},
    {.name = "state_message",
     .kind = CONFIG_STR,
     .offset = offsetof(struct victorops_config, state_message),
     .fallback = "{{ template \"victorops.default.state_message\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .always = true,
     .doc = "What is said."},
    {.name = "entity_display_name",
     .kind = CONFIG_STR,
     .offset = offsetof(struct victorops_config, entity_display_name),
     .fallback = "{{ template \"victorops.default.entity_display_name\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .always = true,
     .doc = "The title."},
    {.name = "monitoring_tool",
     .kind = CONFIG_STR,
     .offset = offsetof(struct victorops_config, monitoring_tool),
     .fallback = "{{ template \"victorops.default.monitoring_tool\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .always = true,
     .doc = "Who says it."},
    {.name = "custom_fields",
     .kind = CONFIG_MAP,
     .offset = offsetof(struct victorops_config, custom_fields),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Further fields."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    static const char *const reserved[] = {
        "routing_key",     "message_type", "state_message", "entity_display_name",
        "monitoring_tool", "entity_id",    "entity_state"};
    const struct victorops_config *c = config;

    (void)a;
    if (c->routing_key.n == 0)
        return err_set(err, -EINVAL, "missing Routing key in VictorOps config");
    if (c->api_key.n > 0 && c->api_key_file.n > 0)
        return err_set(err, -EINVAL, "at most one of api_key & api_key_file must be configured");
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
        LABELS_EACH (&c->custom_fields, it) {
            if (str_eq_c(it->name, reserved[i]))
                return err_set(err, -EINVAL,
                               "victorOps config contains custom field %s which cannot be used as "
                               "it conflicts with the fixed/static fields",
                               reserved[i]);
        }
    }
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct victorops_config *c = config;

    (void)g;
    if (c->api_url.n == 0)
        return err_set(err, -EINVAL, "no global VictorOps URL set");
    if (c->api_key.n == 0 && c->api_key_file.n == 0)
        return err_set(err, -EINVAL, "no global VictorOps API Key set");
    if (c->api_key.n > 0) /* each comes from global on its own; of two the value wins */
        c->api_key_file = STR_EMPTY;
    c->api_url = url_with_slash(a, c->api_url);
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_victorops = {
    .name = "victorops",
    .config_key = "victorops_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct victorops_config),
    .send_resolved_offset = offsetof(struct victorops_config, send_resolved),
    .check = check,
    .complete = complete,
};
