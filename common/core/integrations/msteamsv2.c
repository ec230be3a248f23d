#include "common/core/config/am_global.h"
#include "common/core/config/http_config.h"
#include "common/core/integrations/integration.h"

struct msteamsv2_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str webhook_url;
    struct str webhook_url_file;
    struct str title;
    struct str text;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct msteamsv2_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct msteamsv2_config, http_config),
    {.name = "webhook_url",
     .kind = CONFIG_SECRET_URL,
     .offset = offsetof(struct msteamsv2_config, webhook_url),
     .doc = "Where messages are posted to."},
    {.name = "webhook_url_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct msteamsv2_config, webhook_url_file),
     .doc = "The same from a file."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct msteamsv2_config, title),
     .fallback = "{{ template \"msteamsv2.default.title\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the card."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct msteamsv2_config, text),
     .fallback = "{{ template \"msteamsv2.default.text\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the card."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct msteamsv2_config *c = config;

    (void)a;
    if (c->webhook_url.n == 0 && c->webhook_url_file.n == 0)
        return err_set(err, -EINVAL, "one of webhook_url or webhook_url_file must be configured");
    if (c->webhook_url.n > 0 && c->webhook_url_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of webhook_url & webhook_url_file must be configured");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct msteamsv2_config *c = config;

    struct http_config *http;

    (void)err;
    if (c->http_config == g->http_config || c->http_config->proxy.url.n > 0 ||
        g->http_config->proxy.url.n == 0)
        return 0;
    http = ARENA_NEW(a, struct http_config); /* the one kind that merges: a proxy is taken over */
    *http = *c->http_config;
    http->proxy.url = g->http_config->proxy.url;
    c->http_config = http;
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_msteamsv2 = {
    .name = "msteamsv2",
    .config_key = "msteamsv2_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct msteamsv2_config),
    .send_resolved_offset = offsetof(struct msteamsv2_config, send_resolved),
    .check = check,
    .complete = complete,
};
