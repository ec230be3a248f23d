#include "common/core/config/am_global.h"
#include "common/core/integrations/integration.h"

struct mattermost_field {
    struct str title;
    struct str value;
    enum config_maybe is_short;
};

static int check_field(void *config, struct arena *a, struct err *err)
{
    const struct mattermost_field *c = config;

    (void)a;
    if (c->title.n == 0)
        return err_set(err, -EINVAL, "missing title in Mattermost field configuration");
    if (c->value.n == 0)
        return err_set(err, -EINVAL, "missing value in Mattermost field configuration");
    return 0;
}

static const struct config_field mattermost_field_fields[] = {
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_field, title),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required."},
    {.name = "value",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_field, value),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Required."},
    {.name = "short",
     .kind = CONFIG_MAYBE,
     .offset = offsetof(struct mattermost_field, is_short),
     .doc = "Beside others."},
};

static const struct config_section mattermost_field_section = {
    .name = "Mattermost field",
    .fields = mattermost_field_fields,
    .fields_n = ARRAY_SIZE(mattermost_field_fields),
    .size = sizeof(struct mattermost_field),
    .check = check_field};

struct mattermost_attachment {
    struct str fallback;
    struct str color;
    struct str pretext;
    struct str text;
    struct str author_name;
    struct str author_link;
    struct str author_icon;
    struct str title;
    struct str title_link;
    struct config_list fields; /* of struct mattermost_field */
    struct str thumb_url;
    struct str footer;
    struct str footer_icon;
    struct str image_url;
};

static const struct config_field attachment_fields[] = {
    {.name = "fallback",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, fallback),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where attachments cannot be shown."},
    {.name = "color",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, color),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the bar beside it."},
    {.name = "pretext",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, pretext),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Above it."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What it says."},
    {.name = "author_name",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, author_name),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Shown above the title."},
    {.name = "author_link",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, author_link),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where the author leads."},
    {.name = "author_icon",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, author_icon),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Beside the author."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, title),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of it."},
    {.name = "title_link",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, title_link),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where the title leads."},
    {.name = "fields",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct mattermost_attachment, fields),
     .section = &mattermost_field_section,
     .doc = "Small tables."},
    {.name = "thumb_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, thumb_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A small picture."},
    {.name = "footer",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, footer),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Below it."},
    {.name = "footer_icon",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, footer_icon),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Beside the footer."},
    {.name = "image_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_attachment, image_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A picture."},
};

static const struct config_section attachment_section = {
    .name = "attachment",
    .fields = attachment_fields,
    .fields_n = ARRAY_SIZE(attachment_fields),
    .size = sizeof(struct mattermost_attachment),
};

struct mattermost_props {
    struct str card;
};

static const struct config_field props_fields[] = {
    {.name = "card",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_props, card),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Shown beside the channel."},
};

static const struct config_section props_section = {
    .name = "props",
    .fields = props_fields,
    .fields_n = ARRAY_SIZE(props_fields),
    .size = sizeof(struct mattermost_props),
};

struct mattermost_priority {
    struct str priority;
    bool requested_ack;
    bool persistent_notifications;
};

static const struct config_field priority_fields[] = {
    {.name = "priority",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_priority, priority),
     .rendering = CONFIG_AS_TEXT,
     .doc = "urgent, important or standard."},
    {.name = "requested_ack",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct mattermost_priority, requested_ack),
     .doc = "Ask for an acknowledgement."},
    {.name = "persistent_notifications",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct mattermost_priority, persistent_notifications),
     .doc = "Tell again and again; only if urgent."},
};

static const struct config_section priority_section = {
    .name = "priority",
    .fields = priority_fields,
    .fields_n = ARRAY_SIZE(priority_fields),
    .size = sizeof(struct mattermost_priority),
};

struct mattermost_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str webhook_url;
    struct str webhook_url_file;
    struct str channel;
    struct str username;
    struct str text;
    struct str fallback;
    struct str color;
    struct str pretext;
    struct str author_name;
    struct str author_link;
    struct str author_icon;
    struct str title;
    struct str title_link;
    struct config_list fields; /* of struct mattermost_field */
    struct str thumb_url;
    struct str footer;
    struct str footer_icon;
    struct str image_url;
    struct str icon_url;
    struct str icon_emoji;
    struct config_list attachments; /* of struct mattermost_attachment */
    struct str type;
    const struct mattermost_props *props;
    const struct mattermost_priority *priority;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct mattermost_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct mattermost_config, http_config),
    {.name = "webhook_url",
     .kind = CONFIG_SECRET_URL,
     .offset = offsetof(struct mattermost_config, webhook_url),
     .global = "mattermost_webhook_url",
     .global_with = "webhook_url_file",
     .doc = "Where messages are posted to."},
    {.name = "webhook_url_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct mattermost_config, webhook_url_file),
     .global = "mattermost_webhook_url_file",
     .global_with = "webhook_url",
     .doc = "The same from a file."},
    {.name = "channel",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, channel),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Instead of the webhook's own."},
    {.name = "username",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, username),
     .fallback = "{{ template \"mattermost.default.username\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Shown as the author."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, text),
     .fallback = "{{ template \"mattermost.default.text\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "What is said."},
    {.name = "fallback",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, fallback),
     .fallback = "{{ template \"mattermost.default.fallback\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where attachments cannot be shown."},
    {.name = "color",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, color),
     .fallback = "{{ template \"mattermost.default.color\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the bar beside the message."},
    {.name = "pretext",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, pretext),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Above the attachment."},
    {.name = "author_name",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, author_name),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Shown above the title."},
    {.name = "author_link",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, author_link),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where the author leads."},
    {.name = "author_icon",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, author_icon),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Beside the author."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, title),
     .fallback = "{{ template \"mattermost.default.title\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the attachment."},
    {.name = "title_link",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, title_link),
     .fallback = "{{ template \"mattermost.default.titlelink\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where the title leads."},
    {.name = "fields",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct mattermost_config, fields),
     .section = &mattermost_field_section,
     .doc = "Small tables."},
    {.name = "thumb_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, thumb_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A small picture."},
    {.name = "footer",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, footer),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Below the attachment."},
    {.name = "footer_icon",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, footer_icon),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Beside the footer."},
    {.name = "image_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, image_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A picture."},
    {.name = "icon_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, icon_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Beside the author."},
    {.name = "icon_emoji",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, icon_emoji),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Beside the author."},
    {.name = "attachments",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct mattermost_config, attachments),
     .section = &attachment_section,
     .doc = "Instead of the one made of the keys above."},
    {.name = "type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct mattermost_config, type),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the post."},
    {.name = "props",
     .kind = CONFIG_SECTION_REF,
     .offset = offsetof(struct mattermost_config, props),
     .section = &props_section,
     .doc = "Properties of the post."},
    {.name = "priority",
     .kind = CONFIG_SECTION_REF,
     .offset = offsetof(struct mattermost_config, priority),
     .section = &priority_section,
     .doc = "Of the post."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct mattermost_config *c = config;

    (void)a;
    if (c->webhook_url.n > 0 && c->webhook_url_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of webhook_url & webhook_url_file must be configured");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    const struct mattermost_config *c = config;

    (void)g;
    (void)a;
    if (c->webhook_url.n == 0 && c->webhook_url_file.n == 0)
        return err_set(err, -EINVAL,
                       "missing webhook_url or webhook_url_file on mattermost_config");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_mattermost = {
    .name = "mattermost",
    .config_key = "mattermost_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct mattermost_config),
    .send_resolved_offset = offsetof(struct mattermost_config, send_resolved),
    .check = check,
    .complete = complete,
};
