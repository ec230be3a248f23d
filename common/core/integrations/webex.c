#include "common/core/config/am_global.h"
#include "common/core/config/http_config.h"
#include "common/core/integrations/integration.h"

struct webex_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_url;
    struct str message;
    struct str room_id;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct webex_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct webex_config, http_config),
    {.name = "api_url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct webex_config, api_url),
     .global = "webex_api_url",
     .doc = "Where messages are posted to."},
    {.name = "message",
     .kind = CONFIG_STR,
     .offset = offsetof(struct webex_config, message),
     .fallback = "{{ template \"webex.default.message\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Markdown."},
    {.name = "room_id",
     .kind = CONFIG_STR,
     .offset = offsetof(struct webex_config, room_id),
     .rendering = CONFIG_AS_TEXT,
     .always = true,
     .doc = "Required."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct webex_config *c = config;

    (void)a;
    if (c->room_id.n == 0)
        return err_set(err, -EINVAL, "missing room_id on webex_config");
    if (c->http_config == NULL || c->http_config->authorization == NULL)
        return err_set(err, -EINVAL, "missing webex_configs.http_config.authorization");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    const struct webex_config *c = config;

    (void)g;
    (void)a;
    if (c->api_url.n == 0)
        return err_set(err, -EINVAL, "no global Webex URL set");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_webex = {
    .name = "webex",
    .config_key = "webex_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct webex_config),
    .send_resolved_offset = offsetof(struct webex_config, send_resolved),
    .check = check,
    .complete = complete,
};
