/* Alertmanager's `global`: what receivers inherit. alertmanager.yml and global.yml share it. */
#pragma once

#include "common/core/config/http_config.h"

struct am_global {
    int64_t resolve_timeout_ms;            /* default 5m */
    const struct http_config *http_config; /* never NULL once loaded */

    struct str smtp_from, smtp_hello, smtp_smarthost;
    struct str smtp_auth_username, smtp_auth_password, smtp_auth_password_file;
    struct str smtp_auth_secret, smtp_auth_secret_file, smtp_auth_identity;
    bool smtp_require_tls;
    struct tls_config smtp_tls_config;
    enum config_maybe smtp_force_implicit_tls;

    struct str jira_api_url;
    struct str slack_api_url, slack_api_url_file, slack_app_token, slack_app_token_file;
    struct str slack_app_url;
    struct str pagerduty_url;
    struct str opsgenie_api_url, opsgenie_api_key, opsgenie_api_key_file;
    struct str wechat_api_url, wechat_api_secret, wechat_api_secret_file, wechat_api_corp_id;
    struct str victorops_api_url, victorops_api_key, victorops_api_key_file;
    struct str telegram_api_url, telegram_bot_token, telegram_bot_token_file;
    struct str webex_api_url;
    struct str rocketchat_api_url, rocketchat_token, rocketchat_token_file;
    struct str rocketchat_token_id, rocketchat_token_id_file;
    struct str mattermost_webhook_url, mattermost_webhook_url_file;
};

extern const struct config_section am_global_section;

/* node NULL: the defaults. */
void am_global_load(struct config_loader *l, const struct yaml_node *node, struct am_global *ret);
