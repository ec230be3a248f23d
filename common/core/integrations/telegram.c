#include "common/core/config/am_global.h"
#include "common/core/integrations/integration.h"

struct telegram_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_url;
    struct str bot_token;
    struct str bot_token_file;
    int64_t chat_id;
    struct str chat_id_file;
    int64_t message_thread_id;
    struct str message;
    bool disable_notifications;
    struct str parse_mode;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct telegram_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct telegram_config, http_config),
    {.name = "api_url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct telegram_config, api_url),
     .global = "telegram_api_url",
     .always = true,
     .doc = "The service."},
    {.name = "bot_token",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct telegram_config, bot_token),
     .global = "telegram_bot_token",
     .global_with = "bot_token_file",
     .doc = "The bot's token."},
    {.name = "bot_token_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct telegram_config, bot_token_file),
     .global = "telegram_bot_token_file",
     .global_with = "bot_token",
     .doc = "The same from a file."},
    {.name = "chat_id",
     .kind = CONFIG_INT,
     .offset = offsetof(struct telegram_config, chat_id),
     .min = INT64_MIN,
     .max = INT64_MAX,
     .doc = "The chat."},
    {.name = "chat_id_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct telegram_config, chat_id_file),
     .doc = "The same from a file."},
    {.name = "message_thread_id",
     .kind = CONFIG_INT,
     .offset = offsetof(struct telegram_config, message_thread_id),
     .min = INT64_MIN,
     .max = INT64_MAX,
     .doc = "A topic of the chat."},
    {.name = "message",
     .kind = CONFIG_STR,
     .offset = offsetof(struct telegram_config, message),
     .fallback = "{{ template \"telegram.default.message\" . }}",
     .rendering = CONFIG_AS_HTML,
     .doc = "Rendered for HTML where parse_mode says so."},
    {.name = "disable_notifications",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct telegram_config, disable_notifications),
     .doc = "Make no sound."},
    {.name = "parse_mode",
     .kind = CONFIG_STR,
     .offset = offsetof(struct telegram_config, parse_mode),
     .fallback = "HTML",
     .doc = "Markdown, MarkdownV2, HTML or empty."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct telegram_config *c = config;

    (void)a;
    if (c->bot_token.n > 0 && c->bot_token_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of bot_token & bot_token_file must be configured");
    if (c->chat_id == 0 && c->chat_id_file.n == 0)
        return err_set(err, -EINVAL, "missing chat_id or chat_id_file on telegram_config");
    if (c->chat_id != 0 && c->chat_id_file.n > 0)
        return err_set(err, -EINVAL, "at most one of chat_id & chat_id_file must be configured");
    if (c->parse_mode.n > 0 && !str_eq_c(c->parse_mode, "Markdown") &&
        !str_eq_c(c->parse_mode, "MarkdownV2") && !str_eq_c(c->parse_mode, "HTML"))
        return err_set(err, -EINVAL,
                       "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML "
                       "or empty string");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    const struct telegram_config *c = config;

    (void)g;
    (void)a;
    if (c->bot_token.n == 0 && c->bot_token_file.n == 0)
        return err_set(err, -EINVAL, "missing bot_token or bot_token_file on telegram_config");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_telegram = {
    .name = "telegram",
    .config_key = "telegram_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct telegram_config),
    .send_resolved_offset = offsetof(struct telegram_config, send_resolved),
    .check = check,
    .complete = complete,
};
