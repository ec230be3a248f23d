#include "common/core/config/am_global.h"
#include "common/core/config/scalar.h"
#include "common/core/integrations/integration.h"

struct wechat_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_secret;
    struct str api_secret_file;
    struct str corp_id;
    struct str message;
    struct str api_url;
    struct str to_user;
    struct str to_party;
    struct str to_tag;
    struct str agent_id;
    struct str message_type;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct wechat_config, send_resolved),
     .fallback = "false",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct wechat_config, http_config),
    {.name = "api_secret",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct wechat_config, api_secret),
     .global = "wechat_api_secret",
     .global_with = "api_secret_file",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The application's secret."},
    {.name = "api_secret_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct wechat_config, api_secret_file),
     .global = "wechat_api_secret_file",
     .global_with = "api_secret",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The same from a file; wins."},
    {.name = "corp_id",
     .kind = CONFIG_STR,
     .offset = offsetof(struct wechat_config, corp_id),
     .global = "wechat_api_corp_id",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The organisation."},
    {.name = "message",
     .kind = CONFIG_STR,
     .offset = offsetof(struct wechat_config, message),
     .fallback = "{{ template \"wechat.default.message\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "What is said."},
    {.name = "api_url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct wechat_config, api_url),
     .global = "wechat_api_url",
     .doc = "The service."},
    {.name = "to_user",
     .kind = CONFIG_STR,
     .offset = offsetof(struct wechat_config, to_user),
     .fallback = "{{ template \"wechat.default.to_user\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Users."},
    {.name = "to_party",
     .kind = CONFIG_STR,
     .offset = offsetof(struct wechat_config, to_party),
     .fallback = "{{ template \"wechat.default.to_party\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Departments."},
    {.name = "to_tag",
     .kind = CONFIG_STR,
     .offset = offsetof(struct wechat_config, to_tag),
     .fallback = "{{ template \"wechat.default.to_tag\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Tags."},
    {.name = "agent_id",
     .kind = CONFIG_STR,
     .offset = offsetof(struct wechat_config, agent_id),
     .fallback = "{{ template \"wechat.default.agent_id\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The application."},
    {.name = "message_type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct wechat_config, message_type),
     .doc = "text or markdown; text without it."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    struct wechat_config *c = config;

    (void)a;
    if (c->message_type.n == 0)
        c->message_type = STR("text");
    if (!str_eq_c(c->message_type, "text") && !str_eq_c(c->message_type, "markdown"))
        return err_set(err, -EINVAL,
                       "weChat message type \"" STR_FMT
                       "\" does not match valid options ^(text|markdown)$",
                       STR_ARG(str_sub(c->message_type, 0, 60)));
    if (c->api_secret.n > 0 && c->api_secret_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of api_secret & api_secret_file must be configured");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct wechat_config *c = config;

    (void)g;
    if (c->api_url.n == 0)
        return err_set(err, -EINVAL, "no global Wechat URL set");
    if (c->api_secret.n == 0 && c->api_secret_file.n == 0)
        return err_set(err, -EINVAL, "no global Wechat Api Secret set either inline or in a file");
    if (c->corp_id.n == 0)
        return err_set(err, -EINVAL, "no global Wechat CorpID set");
    c->api_url = url_with_slash(a, c->api_url);
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_wechat = {
    .name = "wechat",
    .config_key = "wechat_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct wechat_config),
    .send_resolved_offset = offsetof(struct wechat_config, send_resolved),
    .check = check,
    .complete = complete,
};
