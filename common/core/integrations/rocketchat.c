#include "common/core/config/am_global.h"
#include "common/core/integrations/integration.h"

struct rocketchat_field {
    enum config_maybe is_short;
    struct str title;
    struct str value;
};

static const struct config_field rocketchat_field_fields[] = {
    {.name = "short",
     .kind = CONFIG_MAYBE,
     .offset = offsetof(struct rocketchat_field, is_short),
     .doc = "Beside others."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_field, title),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the field."},
    {.name = "value",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_field, value),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What it says."},
};

static const struct config_section rocketchat_field_section = {
    .name = "field",
    .fields = rocketchat_field_fields,
    .fields_n = ARRAY_SIZE(rocketchat_field_fields),
    .size = sizeof(struct rocketchat_field),
};

struct rocketchat_action {
    struct str type;
    struct str text;
    struct str url;
    struct str imageurl;
    bool iswebview;
    struct str webviewheightratio;
    struct str msg;
    bool msginchatwindow;
    struct str msgprocessingtype;
};

static const struct config_field action_fields[] = {
    {.name = "type",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_action, type),
     .doc = "button."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_action, text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What it says."},
    {.name = "url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_action, url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where it leads."},
    {.name = "imageurl",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_action, imageurl),
     .doc = "A picture."},
    {.name = "iswebview",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct rocketchat_action, iswebview),
     .doc = "Accepted, without effect."},
    {.name = "webviewheightratio",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_action, webviewheightratio),
     .doc = "Accepted, without effect."},
    {.name = "msg",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_action, msg),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What is posted."},
    {.name = "msginchatwindow",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct rocketchat_action, msginchatwindow),
     .doc = "Accepted, without effect."},
    {.name = "msgprocessingtype",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_action, msgprocessingtype),
     .doc = "Accepted, without effect."},
};

static const struct config_section action_section = {
    .name = "action",
    .fields = action_fields,
    .fields_n = ARRAY_SIZE(action_fields),
    .size = sizeof(struct rocketchat_action),
};

struct rocketchat_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_url;
    struct str token_id;
    struct str token_id_file;
    struct str token;
    struct str token_file;
    struct str channel;
    struct str color;
    struct str title;
    struct str title_link;
    struct str text;
    struct config_list fields; /* of struct rocketchat_field */
    bool short_fields;
    struct str emoji;
    struct str icon_url;
    struct str image_url;
    struct str thumb_url;
    bool link_names;
    struct config_list actions; /* of struct rocketchat_action */
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct rocketchat_config, send_resolved),
     .fallback = "false",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct rocketchat_config, http_config),
    {.name = "api_url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct rocketchat_config, api_url),
     .global = "rocketchat_api_url",
     .doc = "The server."},
    {.name = "token_id",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct rocketchat_config, token_id),
     .global = "rocketchat_token_id",
     .doc = "The user's id."},
    {.name = "token_id_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct rocketchat_config, token_id_file),
     .global = "rocketchat_token_id_file",
     .doc = "The same from a file; wins."},
    {.name = "token",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct rocketchat_config, token),
     .global = "rocketchat_token",
     .doc = "The user's token."},
    {.name = "token_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct rocketchat_config, token_file),
     .global = "rocketchat_token_file",
     .doc = "The same from a file; wins."},
    {.name = "channel",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, channel),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A channel or a user."},
    {.name = "color",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, color),
     .fallback = "{{ if eq .Status \"firing\" }}red{{ else }}green{{ end }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the bar beside the message."},
    {.name = "title",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, title),
     .fallback = "{{ template \"rocketchat.default.title\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the attachment."},
    {.name = "title_link",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, title_link),
     .fallback = "{{ template \"rocketchat.default.titlelink\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where the title leads."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, text),
     .fallback = "{{ template \"rocketchat.default.text\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the attachment."},
    {.name = "fields",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct rocketchat_config, fields),
     .section = &rocketchat_field_section,
     .doc = "Small tables."},
    {.name = "short_fields",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct rocketchat_config, short_fields),
     .always = true,
     .doc = "Fields stand beside each other."},
    {.name = "emoji",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, emoji),
     .fallback = "{{ template \"rocketchat.default.emoji\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Beside the author."},
    {.name = "icon_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, icon_url),
     .fallback = "{{ template \"rocketchat.default.iconurl\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Beside the author."},
    {.name = "image_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, image_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A picture."},
    {.name = "thumb_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct rocketchat_config, thumb_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "A small picture."},
    {.name = "link_names",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct rocketchat_config, link_names),
     .always = true,
     .doc = "Accepted, without effect."},
    {.name = "actions",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct rocketchat_config, actions),
     .section = &action_section,
     .doc = "Buttons."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct rocketchat_config *c = config;

    (void)a;
    if (c->token.n > 0 && c->token_file.n > 0)
        return err_set(err, -EINVAL, "at most one of token & token_file must be configured");
    if (c->token_id.n > 0 && c->token_id_file.n > 0)
        return err_set(err, -EINVAL, "at most one of token_id & token_id_file must be configured");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct rocketchat_config *c = config;

    (void)g;
    (void)a;
    if (c->token_id.n == 0 && c->token_id_file.n == 0)
        return err_set(err, -EINVAL, "no global Rocketchat TokenID set either inline or in a file");
    if (c->token.n == 0 && c->token_file.n == 0)
        return err_set(err, -EINVAL, "no global Rocketchat Token set either inline or in a file");
    if (c->token_id_file.n > 0) /* each comes from global on its own; of two the file wins */
        c->token_id = STR_EMPTY;
    if (c->token_file.n > 0)
        c->token = STR_EMPTY;
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_rocketchat = {
    .name = "rocketchat",
    .config_key = "rocketchat_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct rocketchat_config),
    .send_resolved_offset = offsetof(struct rocketchat_config, send_resolved),
    .check = check,
    .complete = complete,
};
