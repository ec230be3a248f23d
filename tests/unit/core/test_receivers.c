/* Every kind of receiver: what is refused and in which words, what is inherited, and what the
 * configuration in force then shows. */
#include "tests/lib/config_text.h"
#include "tests/lib/test.h"

#include "common/core/config/am_config.h"
#include "common/core/config/config_text.h"
#include "common/core/integrations/integration.h"

static struct arena *arena;

static struct am_config *parse_as(const char *name, const char *text, const char **ret_mistakes,
                                  const char **ret_warnings)
{
    struct config_report report;
    struct am_config *c = NULL;

    config_report_init(&report, str_from(name));
    if (am_config_parse(str_from(text), MATCHER_FALLBACK, &c, &report) < 0)
        c = NULL;
    *ret_mistakes = config_text_mistakes(arena, &report.mistakes);
    *ret_warnings = config_text_mistakes(arena, &report.warnings);
    config_report_clear(&report);
    return c;
}

static struct am_config *parse(const char *text)
{
    const char *mistakes, *warnings;
    struct am_config *c = parse_as("am.yml", text, &mistakes, &warnings);

    if (c == NULL)
        fail_msg("%s\n%s", text, mistakes);
    return c;
}

/* One receiver whose only entry is of that kind; the entry is on line 3, global on line 2. */
static const char *one(const char *global, const char *kind, const char *entry)
{
    return arena_fmt(arena,
                     "route: {receiver: r}\nglobal: {%s}\n"
                     "receivers: [{name: r, %s_configs: [%s]}]\n",
                     global, kind, entry)
        .p;
}

static void mistakes_are_upstreams(void **state)
{
    (void)state;
    static const struct {
        const char *global, *kind, *entry, *want;
    } cases[] = {
        {"", "discord", "{}", "discord: one of webhook_url or webhook_url_file must be configured"},
        {"", "msteams", "{webhook_url: 'http://x', webhook_url_file: f}",
         "msteams: at most one of webhook_url & webhook_url_file must be configured"},
        {"", "msteamsv2", "null", "missing msteamsv2 config"},
        {"", "slack", "null", "missing slack config"},
        {"", "email", "{}", "email: missing to address in email config"},
        {"", "email", "{to: a}", "email: no global SMTP smarthost set"},
        {"smtp_smarthost: 'h:25'", "email", "{to: a}", "email: no global SMTP from set"},
        {"", "email", "{to: a, smarthost: h}", "smarthost: address h: missing port in address"},
        {"", "email", "{to: a, smarthost: 'h:'}",
         "smarthost: address \"h:\": port cannot be empty"},
        {"", "email", "{to: a, smarthost: 'a:b:c'}",
         "smarthost: address a:b:c: too many colons in address"},
        {"", "email", "{to: a, headers: {subject: x, Subject: y}}",
         "email: duplicate header \"Subject\" in email config"},
        {"", "email", "{to: a, threading: {enabled: true}}",
         "email: threading.thread_by_date must be either 'none' or 'daily'"},
        {"", "email", "{to: a, headers: {references: x}, threading: {enabled: true}}",
         "email: conflicting configuration: threading.enabled conflicts with custom References "
         "header"},
        {"", "incidentio", "{}", "incidentio: one of url or url_file must be configured"},
        {"", "incidentio", "{url_file: f, http_config: {}}",
         "incidentio: at least one of alert_source_token, alert_source_token_file or "
         "http_config.authorization must be configured"},
        {"", "pagerduty", "{}", "pagerduty: missing service or routing key in PagerDuty config"},
        {"pagerduty_url: null", "pagerduty", "{routing_key: r}",
         "pagerduty: no global PagerDuty URL set"},
        {"", "slack", "{}", "slack: no Slack API URL nor App token set either inline or in a file"},
        {"", "slack", "{api_url: 'http://x', app_token: t}",
         "slack: at most one of api_url/api_url_file & app_token/app_token_file must be "
         "configured"},
        {"", "slack", "{api_url: 'http://x', update_message: true}",
         "slack: update_message can only be used with bot tokens. api_url must be set to "
         "https://slack.com/api/chat.postMessage"},
        {"", "slack", "{api_url_file: f, update_message: true}",
         "slack: update_message can only be used with bot tokens. api_url must be set to "
         "https://slack.com/api/chat.postMessage"},
        {"", "slack", "{app_token: t, http_config: {authorization: {credentials: x}}}",
         "slack: http authorization can't be set when using Slack App tokens"},
        {"", "slack", "{api_url: 'http://x', fields: [{title: t}]}",
         "missing value in Slack field configuration"},
        {"", "slack", "{api_url: 'http://x', fields: [null]}", "missing Slack field"},
        {"", "slack", "{api_url: 'http://x', actions: [{type: t, text: t}]}",
         "missing name or url in Slack action configuration"},
        {"", "slack", "{api_url: 'http://x', actions: [{type: t, text: t, name: n, confirm: {}}]}",
         "missing text in Slack confirmation configuration"},
        {"", "webhook", "{url: 'ftp://x'}", "url: invalid URL: unsupported scheme \"ftp\" for URL"},
        {"", "webhook", "{url: ''}", "webhook: one of url or url_file must be configured"},
        {"", "webhook", "{url: 'http://x/{{ .y'}",
         "webhook: invalid template syntax: template: :1:14: unclosed action"},
        {"", "webhook", "{url: 'http://x/{{ .y | toUpper }}'}",
         "webhook: invalid template syntax: template: :1:17: function \"toUpper\" not defined"},
        {"", "webhook", "{url: 'http://x', max_alerts: -1}", "max_alerts must not be negative"},
        {"", "opsgenie", "{}",
         "opsgenie: no global OpsGenie API Key set either inline or in a file"},
        {"", "opsgenie", "{api_key: k, responders: [{type: user}]}",
         "opsGenieConfig responder has to have at least one of id, username or name specified"},
        {"", "opsgenie", "{api_key: k, responders: [{id: i, type: nobody}]}",
         "opsGenieConfig responder type does not match valid options "
         "^(team|teams|user|escalation|schedule)$"},
        {"", "wechat", "{corp_id: c}",
         "wechat: no global Wechat Api Secret set either inline or in a file"},
        {"", "wechat", "{api_secret: s}", "wechat: no global Wechat CorpID set"},
        {"", "wechat", "{message_type: html}",
         "wechat: weChat message type \"html\" does not match valid options ^(text|markdown)$"},
        {"", "pushover", "{token: t}",
         "pushover: one of user_key or user_key_file must be configured"},
        {"", "pushover", "{user_key: u, token: t, html: y, monospace: y}",
         "pushover: at most one of monospace & html must be configured"},
        {"", "pushover", "{user_key: u, token: t, retry: 60}",
         "retry: time: missing unit in duration \"60\""},
        {"", "victorops", "{}", "victorops: missing Routing key in VictorOps config"},
        {"", "victorops", "{routing_key: r}", "victorops: no global VictorOps API Key set"},
        {"", "victorops", "{routing_key: r, api_key: k, custom_fields: {entity_id: x}}",
         "victorops: victorOps config contains custom field entity_id which cannot be used as it "
         "conflicts with the fixed/static fields"},
        {"", "sns", "{}",
         "sns: must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"},
        {"", "sns", "{topic_arn: a, phone_number: b}",
         "sns: must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"},
        {"", "sns", "{topic_arn: a, sigv4: {access_key: k}}",
         "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the "
         "SigV4 config"},
        {"", "telegram", "{chat_id: 1}",
         "telegram: missing bot_token or bot_token_file on telegram_config"},
        {"", "telegram", "{bot_token: t}",
         "telegram: missing chat_id or chat_id_file on telegram_config"},
        {"", "telegram", "{bot_token: t, chat_id: 1, parse_mode: html}",
         "telegram: unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or "
         "empty string"},
        {"", "webex", "{room_id: r}", "webex: missing webex_configs.http_config.authorization"},
        {"", "jira", "{project: p, issue_type: i}", "jira: no global Jira Cloud URL set"},
        {"", "jira", "{project: p, issue_type: i, api_type: x}",
         "jira: unknown api_type on jira_config, must be auto, cloud or datacenter"},
        {"", "rocketchat", "{token: t}",
         "rocketchat: no global Rocketchat TokenID set either inline or in a file"},
        {"", "mattermost", "{}",
         "mattermost: missing webhook_url or webhook_url_file on mattermost_config"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *text = one(cases[i].global, cases[i].kind, cases[i].entry), *got, *warnings;
        const char *want = arena_fmt(arena, "3: %s\n", cases[i].want).p;

        assert_null(parse_as("am.yml", text, &got, &warnings));
        if (strcmp(got, want) != 0)
            fail_msg("%s: %s", text, got);
    }
}

static void http_config_is_checked_everywhere(void **state)
{
    (void)state;
    static const struct {
        const char *http, *want;
    } cases[] = {
        {"{bearer_token: a, bearer_token_file: b}",
         "at most one of bearer_token & bearer_token_file must be configured"},
        {"{bearer_token: a, basic_auth: {}}",
         "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"},
        {"{basic_auth: {password: a, password_file: b}}",
         "at most one of basic_auth password, password_file & password_ref must be configured"},
        {"{authorization: {type: BASIC}}",
         "authorization type cannot be set to \"basic\", use \"basic_auth\" instead"},
        {"{authorization: {}, basic_auth: {}}",
         "at most one of basic_auth, oauth2 & authorization must be configured"},
        {"{oauth2: {token_url: t}}", "oauth2 client_id must be configured"},
        {"{oauth2: {client_id: c}}", "oauth2 token_url must be configured"},
        {"{no_proxy: x}", "if no_proxy is configured, proxy_url must also be configured"},
        {"{proxy_from_environment: true, proxy_url: x}",
         "if proxy_from_environment is configured, proxy_url must not be configured"},
        {"{proxy_connect_header: {a: [b]}}",
         "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be "
         "configured"},
        {"{http_headers: {user-agent: {}}}", "setting header \"User-Agent\" is not allowed"},
        {"{tls_config: {cert: c}}",
         "exactly one of key or key_file must be configured when a client certificate is "
         "configured"},
        {"{tls_config: {ca: c, ca_file: c}}",
         "at most one of ca, ca_file & ca_ref must be configured"},
        {"{tls_config: {max_version: 1.2}}", "unknown TLS version: 1.2"},
        {"{proxy_url: 'a:b'}", NULL}, /* a scheme and something opaque */
        {"{proxy_url: '1:b'}",
         "proxy_url: parse URL: first path segment in URL cannot contain colon"},
        {"{proxy_url: 'http://h:x'}", "proxy_url: parse URL: invalid port after host"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *got, *warnings;
        struct am_config *c = parse_as("am.yml",
                                       one(arena_fmt(arena, "http_config: %s", cases[i].http).p,
                                           "webhook", "{url: 'http://x'}"),
                                       &got, &warnings);

        if (cases[i].want == NULL)
            assert_non_null(c);
        else
            assert_string_equal(got, arena_fmt(arena, "2: %s\n", cases[i].want).p);
        am_config_free(c);
    }
}

static void globals_exclude_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *global, *want;
    } cases[] = {
        {"slack_api_url: 'http://x', slack_api_url_file: f",
         "2: at most one of slack_api_url & slack_api_url_file must be configured\n"},
        {"slack_api_url: 'http://x', slack_app_token: t",
         "2: at most one of slack_app_token/slack_app_token_file & "
         "slack_api_url/slack_api_url_file must be configured\n"},
        {"slack_api_url_file: f, slack_app_token: t",
         "2: at most one of slack_app_token/slack_app_token_file & "
         "slack_api_url/slack_api_url_file must be configured\n"},
        {"slack_api_url: 'https://slack.com/api/chat.postMessage', slack_app_token: t", ""},
        {"rocketchat_token_id: a, rocketchat_token_id_file: b",
         "2: at most one of rocketchat_token_id & rocketchat_token_id_file must be configured\n"},
        {"smtp_auth_secret: a, smtp_auth_secret_file: b",
         "2: at most one of smtp_auth_secret & smtp_auth_secret_file must be configured\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *got, *warnings;
        struct am_config *c = parse_as(
            "am.yml", one(cases[i].global, "webhook", "{url: 'http://x'}"), &got, &warnings);

        assert_string_equal(got, cases[i].want);
        am_config_free(c);
    }
}

/* What stands below the receiver's name in the text. */
static const char *entry_in_force(const char *text)
{
    struct am_config *c = parse(text);
    struct str all = config_text(c, arena);
    const char *from = strstr(all.p, "- name: r\n"), *to;

    am_config_free(c);
    assert_non_null(from);
    to = strstr(from, "templates:");
    assert_non_null(to);
    from += strlen("- name: r\n");
    return arena_str(arena, (struct str){.p = from, .n = (size_t)(to - from)}).p;
}

static void defaults_and_globals_fill_what_is_unsaid(void **state)
{
    (void)state;
    assert_string_equal(entry_in_force(one("", "telegram", "{bot_token: t, chat_id: -5}")),
                        "  telegram_configs:\n"
                        "  - send_resolved: true\n"
                        "    http_config:\n"
                        "      follow_redirects: true\n"
                        "      enable_http2: true\n"
                        "    api_url: 'https://api.telegram.org'\n"
                        "    bot_token: <secret>\n"
                        "    chat_id: -5\n"
                        "    message: '{{ template \"telegram.default.message\" . }}'\n"
                        "    parse_mode: HTML\n");
    assert_string_equal(
        entry_in_force(one("smtp_smarthost: 'h:25', smtp_from: f, smtp_auth_password_file: p, "
                           "smtp_auth_secret: s, smtp_require_tls: false, smtp_tls_config: "
                           "{ca_file: c}",
                           "email", "{to: t, auth_password: own, html: null}")),
        "  email_configs:\n"
        "  - send_resolved: false\n"
        "    to: t\n"
        "    from: f\n"
        "    hello: localhost\n"
        "    smarthost: 'h:25'\n"
        "    auth_password: <secret>\n" /* its own: the file of global is its other half */
        "    auth_secret: <secret>\n"
        "    html: null\n" /* and not the default */
        "    require_tls: false\n"
        "    tls_config:\n"
        "      ca_file: c\n"
        "      insecure_skip_verify: false\n");
    assert_string_equal(
        entry_in_force(one("victorops_api_key: k, http_config: {proxy_url: 'http://u:p@h'}",
                           "victorops",
                           "{routing_key: r, api_url: 'http://x', custom_fields: {b: c, a: ''}}")),
        "  victorops_configs:\n"
        "  - send_resolved: true\n"
        "    http_config:\n"
        "      follow_redirects: true\n"
        "      enable_http2: true\n"
        "      proxy_url: 'http://u:xxxxx@h'\n"
        "    api_key: <secret>\n"
        "    api_url: 'http://x/'\n"
        "    routing_key: r\n"
        "    message_type: CRITICAL\n"
        "    state_message: '{{ template \"victorops.default.state_message\" . }}'\n"
        "    entity_display_name: '{{ template \"victorops.default.entity_display_name\" . }}'\n"
        "    monitoring_tool: '{{ template \"victorops.default.monitoring_tool\" . }}'\n"
        "    custom_fields:\n"
        "      a: ''\n"
        "      b: c\n");
}

static void msteamsv2_alone_takes_over_a_proxy(void **state)
{
    (void)state;
    const char *text = entry_in_force(one("http_config: {proxy_url: 'http://h'}", "msteamsv2",
                                          "{webhook_url: 'http://x', http_config: {}}"));

    assert_non_null(strstr(text, "proxy_url: 'http://h'"));
    text = entry_in_force(one("http_config: {proxy_url: 'http://h'}", "msteams",
                              "{webhook_url: 'http://x', http_config: {}}"));
    assert_null(strstr(text, "proxy_url"));
}

static void a_bearer_token_becomes_an_authorization(void **state)
{
    (void)state;
    const char *text = entry_in_force(
        one("", "webhook", "{url: 'http://x', http_config: {bearer_token_file: f}}"));

    assert_non_null(strstr(text, "      authorization:\n"
                                 "        type: Bearer\n"
                                 "        credentials_file: f\n"));
    assert_null(strstr(text, "bearer_token"));
}

static void details_always_tell_the_alerts(void **state)
{
    (void)state;
    const char *text = entry_in_force(
        one("", "pagerduty", "{routing_key: r, details: {firing: mine, n: [1, '1']}}"));

    assert_non_null(strstr(text, "    details:\n"
                                 "      firing: mine\n"
                                 "      'n':\n"
                                 "        - 1\n"
                                 "        - '1'\n"
                                 "      resolved: '{{ .Alerts.Resolved | toJson }}'\n"
                                 "      num_firing: '{{ .Alerts.Firing | len }}'\n"
                                 "      num_resolved: '{{ .Alerts.Resolved | len }}'\n"));
    assert_non_null(strstr(text, "    source: '{{ template \"pagerduty.default.client\" . }}'\n"));
}

static void paths_are_joined_where_alertmanager_joins_them(void **state)
{
    (void)state;
    const char *mistakes, *warnings;
    struct am_config *c = parse_as(
        "/etc/am/am.yml",
        "route: {receiver: r}\n"
        "global: {http_config: {basic_auth: {password_file: g}, tls_config: {ca_file: /abs}}, "
        "smtp_tls_config: {ca_file: cwd}}\n"
        "templates: ['*.tmpl', /x]\n"
        "receivers: [{name: r, webhook_configs: [{url_file: u, http_config: {http_headers: {X: "
        "{files: [h]}}, oauth2: {client_id: i, token_url: t, client_secret_file: s}}}], "
        "incidentio_configs: [{url_file: u, http_config: {authorization: {credentials_file: "
        "c}}}]}]\n",
        &mistakes, &warnings);
    const char *text = config_text(c, arena).p;

    assert_string_equal(mistakes, "");
    assert_non_null(strstr(text, "password_file: '/etc/am/g'"));
    assert_non_null(strstr(text, "ca_file: '/abs'"));
    assert_non_null(strstr(text, "ca_file: cwd"));
    assert_non_null(strstr(text, "- '/etc/am/*.tmpl'\n- '/x'\n"));
    assert_non_null(strstr(text, "url_file: u"));
    assert_non_null(strstr(text, "- '/etc/am/h'"));
    assert_non_null(strstr(text, "client_secret_file: '/etc/am/s'"));
    assert_non_null(strstr(text, "credentials_file: c\n"));
    am_config_free(c);
}

static void what_cannot_be_sent_is_said_at_load(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *entry, *want;
    } cases[] = {
        {"webhook", "{url: 'http://x'}", ""},
        {"webhook", "{url: 'http://x', http_config: {follow_redirects: false}}", ""},
        {"webhook", "{url_file: f}", "webhook: url_file is not in force yet"},
        {"webhook", "{url: 'http://x/{{ .y }}'}", "webhook: a templated url is not in force yet"},
        {"webhook", "{url: 'http://x', payload: {}}", "webhook: payload is not in force yet"},
        {"webhook", "{url: 'http://x', http_config: {bearer_token: t}}",
         "webhook: its http_config is not in force yet"},
        {"discord", "{webhook_url: 'http://x'}", "discord: there is no sender for it yet"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *mistakes, *got;
        struct am_config *c =
            parse_as("am.yml", one("", cases[i].kind, cases[i].entry), &mistakes, &got);
        const struct receiver_integration *in = &c->receivers.v[0].v[0];
        struct engine_send send;
        struct err err = {0};

        if (cases[i].want[0] == '\0') {
            assert_string_equal(got, "");
        } else {
            assert_string_equal(
                got, arena_fmt(arena, "3: %s: its notifications will FAIL\n", cases[i].want).p);
            assert_int_equal(integration_build(in->integration, in->config, &(struct notice){0},
                                               arena, &send, &err),
                             -ENOTSUP);
            assert_string_equal(err.text, cases[i].want);
        }
        am_config_free(c);
    }
}

static void labels_of_a_receiver_have_its_name(void **state)
{
    (void)state;
    const char *mistakes, *warnings;
    struct am_config *c =
        parse("route: {receiver: r}\n"
              "receivers: [{name: r, labels: {team: x, empty: ''}}, {name: s}]\n");
    struct buf b;

    buf_init(&b, 0);
    labels_add_text(&b, c->receivers.v[0].labels);
    labels_add_text(&b, c->receivers.v[1].labels);
    assert_string_equal(buf_str(&b).p, "{empty=\"\", name=\"r\", team=\"x\"}{name=\"s\"}");
    buf_clear(&b);
    am_config_free(c);
    assert_null(parse_as("am.yml",
                         "route: {receiver: r}\nreceivers: [{name: r, labels: {name: s}}]\n",
                         &mistakes, &warnings));
    assert_string_equal(mistakes,
                        "2: receiver label \"name\" must match receiver name \"r\", got \"s\"\n");
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_upstreams),
        cmocka_unit_test(http_config_is_checked_everywhere),
        cmocka_unit_test(globals_exclude_each_other),
        cmocka_unit_test(defaults_and_globals_fill_what_is_unsaid),
        cmocka_unit_test(msteamsv2_alone_takes_over_a_proxy),
        cmocka_unit_test(a_bearer_token_becomes_an_authorization),
        cmocka_unit_test(details_always_tell_the_alerts),
        cmocka_unit_test(paths_are_joined_where_alertmanager_joins_them),
        cmocka_unit_test(what_cannot_be_sent_is_said_at_load),
        cmocka_unit_test(labels_of_a_receiver_have_its_name),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
