#include "common/core/config/am_global.h"
#include "common/core/integrations/integration.h"

struct pushover_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str user_key;
    struct str user_key_file;
    struct str token;
    struct str token_file;
    struct str title;
    struct str message;
    struct str url;
    struct str url_title;
    struct str device;
    struct str sound;
    struct str priority;
    int64_t retry_ms;
    int64_t expire_ms;
    int64_t ttl_ms;
    bool html;
    bool monospace;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct pushover_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct pushover_config, http_config),
    {.name = "user_key",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct pushover_config, user_key),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Who is told."},
    {.name = "user_key_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct pushover_config, user_key_file),
     .rendering = CONFIG_AS_TEXT,
     .doc = "The same from a file."},
    {.name = "token",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct pushover_config, token),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the application."},
    {.name = "token_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct pushover_config, token_file),
     .rendering = CONFIG_AS_TEXT,
     .doc = "The same from a file."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pushover_config, title),
     .fallback = "{{ template \"pushover.default.title\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the message."},
    {.name = "message",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pushover_config, message),
     .fallback = "{{ template \"pushover.default.message\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Rendered for HTML where html says so."},
    {.name = "url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pushover_config, url),
     .fallback = "{{ template \"pushover.default.url\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "A link below the message."},
    {.name = "url_title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pushover_config, url_title),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Its text."},
    {.name = "device",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pushover_config, device),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Only this one of the user's."},
    {.name = "sound",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pushover_config, sound),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Name of a sound."},
    {.name = "priority",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pushover_config, priority),
     .fallback = "{{ if eq .Status \"firing\" }}2{{ else }}0{{ end }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "-2 to 2."},
    {.name = "retry",
     .kind = CONFIG_GO_TEXT,
     .offset = offsetof(struct pushover_config, retry_ms),
     .fallback = "1m",
     .doc = "Ask again this often, at priority 2."},
    {.name = "expire",
     .kind = CONFIG_GO_TEXT,
     .offset = offsetof(struct pushover_config, expire_ms),
     .fallback = "1h",
     .doc = "And stop after this long."},
    {.name = "ttl",
     .kind = CONFIG_GO_TEXT,
     .offset = offsetof(struct pushover_config, ttl_ms),
     .doc = "Delete the message after this long."},
    {.name = "html",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct pushover_config, html),
     .doc = "The message is HTML."},
    {.name = "monospace",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct pushover_config, monospace),
     .doc = "The message is shown in a monospaced font."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct pushover_config *c = config;

    (void)a;
    if (c->user_key.n == 0 && c->user_key_file.n == 0)
        return err_set(err, -EINVAL, "one of user_key or user_key_file must be configured");
    if (c->user_key.n > 0 && c->user_key_file.n > 0)
        return err_set(err, -EINVAL, "at most one of user_key & user_key_file must be configured");
    if (c->token.n == 0 && c->token_file.n == 0)
        return err_set(err, -EINVAL, "one of token or token_file must be configured");
    if (c->token.n > 0 && c->token_file.n > 0)
        return err_set(err, -EINVAL, "at most one of token & token_file must be configured");
    if (c->html && c->monospace)
        return err_set(err, -EINVAL, "at most one of monospace & html must be configured");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_pushover = {
    .name = "pushover",
    .config_key = "pushover_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct pushover_config),
    .send_resolved_offset = offsetof(struct pushover_config, send_resolved),
    .check = check,
};
