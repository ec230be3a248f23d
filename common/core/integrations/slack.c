#include "common/core/config/am_global.h"
#include "common/core/config/http_config.h"
#include "common/core/integrations/integration.h"

struct slack_field {
    struct str title;
    struct str value;
    enum config_maybe is_short;
};

static int check_field(void *config, struct arena *a, struct err *err)
{
    const struct slack_field *c = config;

    (void)a;
    if (c->title.n == 0)
        return err_set(err, -EINVAL, "missing title in Slack field configuration");
    if (c->value.n == 0)
        return err_set(err, -EINVAL, "missing value in Slack field configuration");
    return 0;
}

static const struct config_field slack_field_fields[] = {
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_field, title),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required."},
    {.name = "value",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_field, value),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required."},
    {.name = "short",
     .kind = CONFIG_MAYBE,
     .offset = offsetof(struct slack_field, is_short),
     .doc = "Beside others; short_fields without it."},
};

static const struct config_section slack_field_section = {.name = "Slack field",
                                                          .fields = slack_field_fields,
                                                          .fields_n =
                                                              ARRAY_SIZE(slack_field_fields),
                                                          .size = sizeof(struct slack_field),
                                                          .check = check_field};

struct slack_confirm {
    struct str text;
    struct str title;
    struct str ok_text;
    struct str dismiss_text;
};

static int check_confirm(void *config, struct arena *a, struct err *err)
{
    const struct slack_confirm *c = config;

    (void)a;
    if (c->text.n == 0)
        return err_set(err, -EINVAL, "missing text in Slack confirmation configuration");
    return 0;
}

static const struct config_field slack_confirm_fields[] = {
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_confirm, text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_confirm, title),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Above it."},
    {.name = "ok_text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_confirm, ok_text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the one button."},
    {.name = "dismiss_text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_confirm, dismiss_text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the other."},
};

static const struct config_section slack_confirm_section = {.name = "Slack confirmation",
                                                            .fields = slack_confirm_fields,
                                                            .fields_n =
                                                                ARRAY_SIZE(slack_confirm_fields),
                                                            .size = sizeof(struct slack_confirm),
                                                            .check = check_confirm};

struct slack_action {
    struct str type;
    struct str text;
    struct str url;
    struct str style;
    struct str name;
    struct str value;
    const struct slack_confirm *confirm;
};

static int check_action(void *config, struct arena *a, struct err *err)
{
    struct slack_action *c = config;

    (void)a;
    if (c->type.n == 0)
        return err_set(err, -EINVAL, "missing type in Slack action configuration");
    if (c->text.n == 0)
        return err_set(err, -EINVAL, "missing text in Slack action configuration");
    if (c->url.n > 0) {
        c->name = c->value = STR_EMPTY;
        c->confirm = NULL;
    } else if (c->name.n == 0) {
        return err_set(err, -EINVAL, "missing name or url in Slack action configuration");
    }
    return 0;
}

static const struct config_field slack_action_fields[] = {
    {.name = "type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_action, type),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required; button."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_action, text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required."},
    {.name = "url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_action, url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where it leads; then name, value and confirm are dropped."},
    {.name = "style",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_action, style),
     .rendering = CONFIG_AS_TEXT,
     .doc = "primary or danger."},
    {.name = "name",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_action, name),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required without url."},
    {.name = "value",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_action, value),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What the application is told."},
    {.name = "confirm",
     .kind = CONFIG_SECTION_REF,
     .offset = offsetof(struct slack_action, confirm),
     .section = &slack_confirm_section,
     .doc = "Asks before."},
};

static const struct config_section slack_action_section = {.name = "Slack action",
                                                           .fields = slack_action_fields,
                                                           .fields_n =
                                                               ARRAY_SIZE(slack_action_fields),
                                                           .size = sizeof(struct slack_action),
                                                           .check = check_action};

struct slack_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_url;
    struct str api_url_file;
    struct str app_token;
    struct str app_token_file;
    struct str app_url;
    struct str channel;
    struct str username;
    struct str color;
    struct str title;
    struct str title_link;
    struct str pretext;
    struct str text;
    struct str message_text;
    struct config_list fields; /* of struct slack_field */
    bool short_fields;
    struct str footer;
    struct str fallback;
    struct str callback_id;
    struct str icon_emoji;
    struct str icon_url;
    struct str image_url;
    struct str thumb_url;
    bool link_names;
    struct str_list mrkdwn_in;
    struct config_list actions; /* of struct slack_action */
    bool update_message;
    int64_t timeout_ms;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct slack_config, send_resolved),
     .fallback = "false",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct slack_config, http_config),
    {.name = "api_url",
     .kind = CONFIG_SECRET_URL,
     .offset = offsetof(struct slack_config, api_url),
     .doc = "An incoming webhook; with its file a pair."},
    {.name = "api_url_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct slack_config, api_url_file),
     .doc = "The same from a file."},
    {.name = "app_token",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct slack_config, app_token),
     .doc = "Of a bot; with its file a pair, and not together with api_url."},
    {.name = "app_token_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct slack_config, app_token_file),
     .doc = "The same from a file."},
    {.name = "app_url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct slack_config, app_url),
     .global = "slack_app_url",
     .doc = "Where messages go with a token."},
    {.name = "channel",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, channel),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A channel or a user."},
    {.name = "username",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, username),
     .fallback = "{{ template \"slack.default.username\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Shown as the author."},
    {.name = "color",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, color),
     .fallback = "{{ template \"slack.default.color\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the bar beside the message."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, title),
     .fallback = "{{ template \"slack.default.title\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the attachment."},
    {.name = "title_link",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, title_link),
     .fallback = "{{ template \"slack.default.titlelink\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where the title leads."},
    {.name = "pretext",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, pretext),
     .fallback = "{{ template \"slack.default.pretext\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Above the attachment."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, text),
     .fallback = "{{ template \"slack.default.text\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the attachment."},
    {.name = "message_text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, message_text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the message itself."},
    {.name = "fields",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct slack_config, fields),
     .section = &slack_field_section,
     .doc = "Small tables."},
    {.name = "short_fields",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct slack_config, short_fields),
     .always = true,
     .doc = "Fields stand beside each other."},
    {.name = "footer",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, footer),
     .fallback = "{{ template \"slack.default.footer\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Below the attachment."},
    {.name = "fallback",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, fallback),
     .fallback = "{{ template \"slack.default.fallback\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where attachments cannot be shown."},
    {.name = "callback_id",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, callback_id),
     .fallback = "{{ template \"slack.default.callbackid\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "For applications."},
    {.name = "icon_emoji",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, icon_emoji),
     .fallback = "{{ template \"slack.default.iconemoji\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Shown beside the author."},
    {.name = "icon_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, icon_url),
     .fallback = "{{ template \"slack.default.iconurl\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The same from a URL."},
    {.name = "image_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, image_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A picture."},
    {.name = "thumb_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct slack_config, thumb_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A small picture."},
    {.name = "link_names",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct slack_config, link_names),
     .always = true,
     .doc = "Names become mentions."},
    {.name = "mrkdwn_in",
     .kind = CONFIG_STR_LIST,
     .offset = offsetof(struct slack_config, mrkdwn_in),
     .doc = "Which parts are markdown; fallback, pretext and text without it."},
    {.name = "actions",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct slack_config, actions),
     .section = &slack_action_section,
     .doc = "Buttons."},
    {.name = "update_message",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct slack_config, update_message),
     .always = true,
     .doc = "Change the message instead of posting another; only with the bot's api_url."},
    {.name = "timeout",
     .kind = CONFIG_GO_DURATION,
     .offset = offsetof(struct slack_config, timeout_ms),
     .always = true,
     .doc = "Of one attempt; 0: none but the flush's own."},
};

#define SLACK_BOT_URL "https://slack.com/api/chat.postMessage"

static bool has_url(const struct slack_config *c)
{
    return c->api_url.n > 0 || c->api_url_file.n > 0;
}

static bool has_token(const struct slack_config *c)
{
    return c->app_token.n > 0 || c->app_token_file.n > 0;
}

static int check(void *config, struct arena *a, struct err *err)
{
    const struct slack_config *c = config;

    (void)a;
    if (c->api_url.n > 0 && c->api_url_file.n > 0)
        return err_set(err, -EINVAL, "at most one of api_url & api_url_file must be configured");
    if (c->app_token.n > 0 && c->app_token_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of app_token & app_token_file must be configured");
    if (has_url(c) && has_token(c))
        return err_set(
            err, -EINVAL,
            "at most one of api_url/api_url_file & app_token/app_token_file must be configured");
    /* A dumped configuration does not tell the URL. */
    if (c->update_message && !str_eq_c(c->api_url, SLACK_BOT_URL) &&
        !str_eq_c(c->api_url, "<secret>"))
        return err_set(err, -EINVAL,
                       "update_message can only be used with bot tokens. api_url must be set "
                       "to " SLACK_BOT_URL);
    return 0;
}

/* With a token the message goes to app_url, authorised by it: the sender sees to that, so that what
 * is written here can be read back. */
static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct slack_config *c = config;

    bool authorised = c->http_config != g->http_config && c->http_config->authorization != NULL;

    (void)a;
    if (!has_token(c) && c->api_url.n == 0 && !authorised) {
        c->app_token = g->slack_app_token;
        c->app_token_file = g->slack_app_token_file;
    }
    if (has_token(c)) /* which a token outweighs */
        c->api_url_file = STR_EMPTY;
    if (!has_url(c) && !has_token(c)) {
        c->api_url = g->slack_api_url;
        c->api_url_file = g->slack_api_url_file;
    }
    if (!has_url(c) && !has_token(c))
        return err_set(err, -EINVAL,
                       "no Slack API URL nor App token set either inline or in a file");
    if (c->app_url.n == 0)
        return err_set(err, -EINVAL, "no global Slack App URL set");
    if (has_token(c) && c->http_config->authorization != NULL)
        return err_set(err, -EINVAL, "http authorization can't be set when using Slack App tokens");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_slack = {
    .name = "slack",
    .config_key = "slack_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct slack_config),
    .send_resolved_offset = offsetof(struct slack_config, send_resolved),
    .check = check,
    .complete = complete,
};
