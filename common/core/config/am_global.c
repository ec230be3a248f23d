#include "common/core/config/am_global.h"

#define AT(member) .offset = offsetof(struct am_global, member)

static const struct config_field fields[] = {
    {.name = "resolve_timeout",
     .kind = CONFIG_DURATION,
     AT(resolve_timeout_ms),
     .fallback = "5m",
     .always = true,
     .doc = "An alert that comes without an end is taken for resolved after this long."},
    {.name = "http_config",
     .kind = CONFIG_SECTION_REF,
     AT(http_config),
     .section = &http_config_section,
     .doc = "How receivers make requests that say nothing of their own."},
    {.name = "jira_api_url", .kind = CONFIG_URL, AT(jira_api_url), .doc = "For jira."},
    {.name = "smtp_from", .kind = CONFIG_STR, AT(smtp_from), .doc = "For email."},
    {.name = "smtp_hello",
     .kind = CONFIG_STR,
     AT(smtp_hello),
     .fallback = "localhost",
     .doc = "For email."},
    {.name = "smtp_smarthost", .kind = CONFIG_HOSTPORT, AT(smtp_smarthost), .doc = "For email."},
    {.name = "smtp_auth_username", .kind = CONFIG_STR, AT(smtp_auth_username), .doc = "For email."},
    {.name = "smtp_auth_password",
     .kind = CONFIG_SECRET,
     AT(smtp_auth_password),
     .doc = "For email; with its file a pair."},
    {.name = "smtp_auth_password_file",
     .kind = CONFIG_FILE,
     AT(smtp_auth_password_file),
     .doc = "For email."},
    {.name = "smtp_auth_secret",
     .kind = CONFIG_SECRET,
     AT(smtp_auth_secret),
     .doc = "For email; with its file a pair."},
    {.name = "smtp_auth_secret_file",
     .kind = CONFIG_FILE,
     AT(smtp_auth_secret_file),
     .doc = "For email."},
    {.name = "smtp_auth_identity", .kind = CONFIG_STR, AT(smtp_auth_identity), .doc = "For email."},
    {.name = "smtp_require_tls",
     .kind = CONFIG_BOOL,
     AT(smtp_require_tls),
     .fallback = "true",
     .always = true,
     .doc = "For email."},
    {.name = "smtp_tls_config",
     .kind = CONFIG_SECTION,
     AT(smtp_tls_config),
     .section = &tls_config_section,
     .as_written = true,
     .doc = "For email, as a whole; paths are as written."},
    {.name = "smtp_force_implicit_tls",
     .kind = CONFIG_MAYBE,
     AT(smtp_force_implicit_tls),
     .doc = "For email; without it port 465 decides."},
    {.name = "slack_api_url",
     .kind = CONFIG_SECRET_URL,
     AT(slack_api_url),
     .doc = "For slack; with its file a pair."},
    {.name = "slack_api_url_file",
     .kind = CONFIG_FILE,
     AT(slack_api_url_file),
     .doc = "For slack."},
    {.name = "slack_app_token",
     .kind = CONFIG_SECRET,
     AT(slack_app_token),
     .doc = "For slack; with its file a pair, and neither together with the URL."},
    {.name = "slack_app_token_file",
     .kind = CONFIG_FILE,
     AT(slack_app_token_file),
     .doc = "For slack."},
    {.name = "slack_app_url",
     .kind = CONFIG_URL,
     AT(slack_app_url),
     .fallback = "https://slack.com/api/chat.postMessage",
     .doc = "For slack with a token."},
    {.name = "pagerduty_url",
     .kind = CONFIG_URL,
     AT(pagerduty_url),
     .fallback = "https://events.pagerduty.com/v2/enqueue",
     .doc = "For pagerduty."},
    {.name = "opsgenie_api_url",
     .kind = CONFIG_URL,
     AT(opsgenie_api_url),
     .fallback = "https://api.opsgenie.com/",
     .doc = "For opsgenie."},
    {.name = "opsgenie_api_key",
     .kind = CONFIG_SECRET,
     AT(opsgenie_api_key),
     .doc = "For opsgenie."},
    {.name = "opsgenie_api_key_file",
     .kind = CONFIG_FILE,
     AT(opsgenie_api_key_file),
     .doc = "For opsgenie."},
    {.name = "wechat_api_url",
     .kind = CONFIG_URL,
     AT(wechat_api_url),
     .fallback = "https://qyapi.weixin.qq.com/cgi-bin/",
     .doc = "For wechat."},
    {.name = "wechat_api_secret",
     .kind = CONFIG_SECRET,
     AT(wechat_api_secret),
     .doc = "For wechat; with its file a pair."},
    {.name = "wechat_api_secret_file",
     .kind = CONFIG_FILE,
     AT(wechat_api_secret_file),
     .doc = "For wechat."},
    {.name = "wechat_api_corp_id",
     .kind = CONFIG_STR,
     AT(wechat_api_corp_id),
     .doc = "For wechat."},
    {.name = "victorops_api_url",
     .kind = CONFIG_URL,
     AT(victorops_api_url),
     .fallback = "https://alert.victorops.com/integrations/generic/20131114/alert/",
     .doc = "For victorops."},
    {.name = "victorops_api_key",
     .kind = CONFIG_SECRET,
     AT(victorops_api_key),
     .doc = "For victorops."},
    {.name = "victorops_api_key_file",
     .kind = CONFIG_FILE,
     AT(victorops_api_key_file),
     .doc = "For victorops."},
    {.name = "telegram_api_url",
     .kind = CONFIG_URL,
     AT(telegram_api_url),
     .fallback = "https://api.telegram.org",
     .doc = "For telegram."},
    {.name = "telegram_bot_token",
     .kind = CONFIG_SECRET,
     AT(telegram_bot_token),
     .doc = "For telegram; with its file a pair."},
    {.name = "telegram_bot_token_file",
     .kind = CONFIG_FILE,
     AT(telegram_bot_token_file),
     .doc = "For telegram."},
    {.name = "webex_api_url",
     .kind = CONFIG_URL,
     AT(webex_api_url),
     .fallback = "https://webexapis.com/v1/messages",
     .doc = "For webex."},
    {.name = "rocketchat_api_url",
     .kind = CONFIG_URL,
     AT(rocketchat_api_url),
     .fallback = "https://open.rocket.chat/",
     .doc = "For rocketchat."},
    {.name = "rocketchat_token",
     .kind = CONFIG_SECRET,
     AT(rocketchat_token),
     .doc = "For rocketchat."},
    {.name = "rocketchat_token_file",
     .kind = CONFIG_FILE,
     AT(rocketchat_token_file),
     .doc = "For rocketchat."},
    {.name = "rocketchat_token_id",
     .kind = CONFIG_SECRET,
     AT(rocketchat_token_id),
     .doc = "For rocketchat."},
    {.name = "rocketchat_token_id_file",
     .kind = CONFIG_FILE,
     AT(rocketchat_token_id_file),
     .doc = "For rocketchat."},
    {.name = "mattermost_webhook_url",
     .kind = CONFIG_SECRET_URL,
     AT(mattermost_webhook_url),
     .doc = "For mattermost; with its file a pair."},
    {.name = "mattermost_webhook_url_file",
     .kind = CONFIG_FILE,
     AT(mattermost_webhook_url_file),
     .doc = "For mattermost."},
};

static int check_pairs(const struct am_global *g, struct err *err)
{
    const struct {
        const char *a, *b;
        struct str va, vb;
    } pairs[] = {
        {"slack_app_token", "slack_app_token_file", g->slack_app_token, g->slack_app_token_file},
        {"slack_api_url", "slack_api_url_file", g->slack_api_url, g->slack_api_url_file},
        {"opsgenie_api_key", "opsgenie_api_key_file", g->opsgenie_api_key,
         g->opsgenie_api_key_file},
        {"victorops_api_key", "victorops_api_key_file", g->victorops_api_key,
         g->victorops_api_key_file},
        {"telegram_bot_token", "telegram_bot_token_file", g->telegram_bot_token,
         g->telegram_bot_token_file},
        {"smtp_auth_password", "smtp_auth_password_file", g->smtp_auth_password,
         g->smtp_auth_password_file},
        {"rocketchat_token", "rocketchat_token_file", g->rocketchat_token,
         g->rocketchat_token_file},
        {"rocketchat_token_id", "rocketchat_token_id_file", g->rocketchat_token_id,
         g->rocketchat_token_id_file},
        {"smtp_auth_secret", "smtp_auth_secret_file", g->smtp_auth_secret,
         g->smtp_auth_secret_file},
        {"wechat_api_secret", "wechat_api_secret_file", g->wechat_api_secret,
         g->wechat_api_secret_file},
        {"mattermost_webhook_url", "mattermost_webhook_url_file", g->mattermost_webhook_url,
         g->mattermost_webhook_url_file},
    };

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        if (pairs[i].va.n > 0 && pairs[i].vb.n > 0)
            return err_set(err, -EINVAL, "at most one of %s & %s must be configured", pairs[i].a,
                           pairs[i].b);
    }
    return 0;
}

static int check(void *config, struct arena *a, struct err *err)
{
    const struct am_global *g = config;
    bool token = g->slack_app_token.n > 0 || g->slack_app_token_file.n > 0;
    bool url = g->slack_api_url.n > 0 || g->slack_api_url_file.n > 0;
    int rc = check_pairs(g, err);

    (void)a;
    /* A URL equal to that of the token's method is an old way to write the latter; a dumped
     * configuration does not tell which URL it had. */
    if (rc == 0 && token && url &&
        (g->slack_api_url.n == 0 ||
         (!str_eq(g->slack_api_url, g->slack_app_url) && !str_eq_c(g->slack_api_url, "<secret>"))))
        rc = err_set(err, -EINVAL,
                     "at most one of slack_app_token/slack_app_token_file & "
                     "slack_api_url/slack_api_url_file must be configured");
    return rc;
}

const struct config_section am_global_section = {.name = "global",
                                                 .fields = fields,
                                                 .fields_n = ARRAY_SIZE(fields),
                                                 .size = sizeof(struct am_global),
                                                 .check = check};

void am_global_load(struct config_loader *l, const struct yaml_node *node, struct am_global *ret)
{
    struct http_config *http;

    config_load_section(l, node, &am_global_section, ret);
    if (ret->http_config != NULL)
        return;
    http = ARENA_NEW(l->arena, struct http_config);
    config_load_section(l, NULL, &http_config_section, http);
    ret->http_config = http;
}
