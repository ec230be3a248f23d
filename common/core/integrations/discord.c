#include "common/core/config/am_global.h"
#include "common/core/integrations/integration.h"

struct discord_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str webhook_url;
    struct str webhook_url_file;
    struct str content;
    struct str title;
    struct str message;
    struct str username;
    struct str avatar_url;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct discord_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct discord_config, http_config),
    {.name = "webhook_url",
     .kind = CONFIG_SECRET_URL,
     .offset = offsetof(struct discord_config, webhook_url),
     .doc = "Where messages are posted to."},
    {.name = "webhook_url_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct discord_config, webhook_url_file),
     .doc = "The same from a file."},
    {.name = "content",
     .kind = CONFIG_STR,
     .offset = offsetof(struct discord_config, content),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Above the embed."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct discord_config, title),
     .fallback = "{{ template \"discord.default.title\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the embed."},
    {.name = "message",
     .kind = CONFIG_STR,
     .offset = offsetof(struct discord_config, message),
     .fallback = "{{ template \"discord.default.message\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The embed's description."},
    {.name = "username",
     .kind = CONFIG_STR,
     .offset = offsetof(struct discord_config, username),
     .doc = "Shown as the author."},
    {.name = "avatar_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct discord_config, avatar_url),
     .doc = "The author's picture."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct discord_config *c = config;

    (void)a;
    if (c->webhook_url.n == 0 && c->webhook_url_file.n == 0)
        return err_set(err, -EINVAL, "one of webhook_url or webhook_url_file must be configured");
    if (c->webhook_url.n > 0 && c->webhook_url_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of webhook_url & webhook_url_file must be configured");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_discord = {
    .name = "discord",
    .config_key = "discord_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct discord_config),
    .send_resolved_offset = offsetof(struct discord_config, send_resolved),
    .check = check,
};
