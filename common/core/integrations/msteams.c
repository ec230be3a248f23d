#include "common/core/config/am_global.h"
#include "common/core/integrations/integration.h"

struct msteams_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str webhook_url;
    struct str webhook_url_file;
    struct str title;
    struct str summary;
    struct str text;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct msteams_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct msteams_config, http_config),
    {.name = "webhook_url",
     .kind = CONFIG_SECRET_URL,
     .offset = offsetof(struct msteams_config, webhook_url),
     .doc = "Where messages are posted to."},
    {.name = "webhook_url_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct msteams_config, webhook_url_file),
     .doc = "The same from a file."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct msteams_config, title),
     .fallback = "{{ template \"msteams.default.title\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the card."},
    {.name = "summary",
     .kind = CONFIG_STR,
     .offset = offsetof(struct msteams_config, summary),
     .fallback = "{{ template \"msteams.default.summary\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "What notifications show of it."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct msteams_config, text),
     .fallback = "{{ template \"msteams.default.text\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the card."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct msteams_config *c = config;

    (void)a;
    if (c->webhook_url.n == 0 && c->webhook_url_file.n == 0)
        return err_set(err, -EINVAL, "one of webhook_url or webhook_url_file must be configured");
    if (c->webhook_url.n > 0 && c->webhook_url_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of webhook_url & webhook_url_file must be configured");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_msteams = {
    .name = "msteams",
    .config_key = "msteams_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct msteams_config),
    .send_resolved_offset = offsetof(struct msteams_config, send_resolved),
    .check = check,
};
