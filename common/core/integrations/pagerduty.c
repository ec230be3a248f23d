#include "common/core/config/am_global.h"
#include "common/core/integrations/integration.h"

struct pagerduty_image {
    struct str src;
    struct str alt;
    struct str href;
};

static const struct config_field image_fields[] = {
    {.name = "src",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_image, src),
     .rendering = CONFIG_AS_TEXT,
     .doc = "The picture."},
    {.name = "alt",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_image, alt),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Its description."},
    {.name = "href",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_image, href),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where it leads."},
};

static const struct config_section image_section = {
    .name = "image",
    .fields = image_fields,
    .fields_n = ARRAY_SIZE(image_fields),
    .size = sizeof(struct pagerduty_image),
};

struct pagerduty_link {
    struct str href;
    struct str text;
};

static const struct config_field link_fields[] = {
    {.name = "href",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_link, href),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where it leads."},
    {.name = "text",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_link, text),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What it says."},
};

static const struct config_section link_section = {
    .name = "link",
    .fields = link_fields,
    .fields_n = ARRAY_SIZE(link_fields),
    .size = sizeof(struct pagerduty_link),
};

struct pagerduty_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str service_key;
    struct str service_key_file;
    struct str routing_key;
    struct str routing_key_file;
    struct str url;
    struct str client;
    struct str client_url;
    struct str description;
    const struct yaml_node *details;
    struct config_list images; /* of struct pagerduty_image */
    struct config_list links;  /* of struct pagerduty_link */
    struct str source;
    struct str severity;
    struct str class;
    struct str component;
    struct str group;
    int64_t timeout_ms;
};

/* These are always told; one of the same name replaces one. */
static const struct {
    const char *key, *text;
} usual_details[] = {
    {"firing", "{{ .Alerts.Firing | toJson }}"},
    {"resolved", "{{ .Alerts.Resolved | toJson }}"},
    {"num_firing", "{{ .Alerts.Firing | len }}"},
    {"num_resolved", "{{ .Alerts.Resolved | len }}"},
};

static struct yaml_node *add_usual_details(struct arena *a, const struct yaml_node *own)
{
    struct yaml_node *all = ARENA_NEW(a, struct yaml_node);
    size_t n = own != NULL ? own->n : 0;

    all->kind = YAML_MAP;
    all->items = ARENA_ARRAY(a, struct yaml_node *, n + ARRAY_SIZE(usual_details));
    all->keys = ARENA_ARRAY(a, struct str, n + ARRAY_SIZE(usual_details));
    for (size_t i = 0; i < n; i++) {
        all->items[i] = own->items[i];
        all->keys[i] = own->keys[i];
    }
    all->n = n;
    for (size_t i = 0; i < ARRAY_SIZE(usual_details); i++) {
        struct yaml_node *text;

        if (own != NULL && yaml_find(own, usual_details[i].key) != NULL)
            continue;
        text = ARENA_NEW(a, struct yaml_node);
        *text = (struct yaml_node){
            .kind = YAML_SCALAR, .quoted = true, .text = str_from(usual_details[i].text)};
        all->keys[all->n] = str_from(usual_details[i].key);
        all->items[all->n++] = text;
    }
    return all;
}

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct pagerduty_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct pagerduty_config, http_config),
    {.name = "service_key",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct pagerduty_config, service_key),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of an integration of events API v1."},
    {.name = "service_key_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct pagerduty_config, service_key_file),
     .rendering = CONFIG_AS_TEXT,
     .doc = "The same from a file."},
    {.name = "routing_key",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct pagerduty_config, routing_key),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of an integration of events API v2."},
    {.name = "routing_key_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct pagerduty_config, routing_key_file),
     .rendering = CONFIG_AS_TEXT,
     .doc = "The same from a file."},
    {.name = "url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct pagerduty_config, url),
     .global = "pagerduty_url",
     .doc = "Of events API v2."},
    {.name = "client",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_config, client),
     .fallback = "{{ template \"pagerduty.default.client\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Who says it."},
    {.name = "client_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_config, client_url),
     .fallback = "{{ template \"pagerduty.default.clientURL\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where to find them."},
    {.name = "description",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_config, description),
     .fallback = "{{ template \"pagerduty.default.description\" .}}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "The incident's title."},
    {.name = "details",
     .kind = CONFIG_ANY_MAP,
     .offset = offsetof(struct pagerduty_config, details),
     .rendering = CONFIG_DEEP,
     .doc = "Further fields; firing, resolved, num_firing and num_resolved are always there."},
    {.name = "images",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct pagerduty_config, images),
     .section = &image_section,
     .null_items = true,
     .doc = "Pictures."},
    {.name = "links",
     .kind = CONFIG_SECTIONS,
     .offset = offsetof(struct pagerduty_config, links),
     .section = &link_section,
     .null_items = true,
     .doc = "Links."},
    {.name = "source",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_config, source),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What is concerned; client without it."},
    {.name = "severity",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_config, severity),
     .fallback = "error",
     .rendering = CONFIG_AS_TEXT,
     .doc = "critical, error, warning or info."},
    {.name = "class",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_config, class),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of the event."},
    {.name = "component",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_config, component),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What is broken."},
    {.name = "group",
     .kind = CONFIG_STR,
     .offset = offsetof(struct pagerduty_config, group),
     .rendering = CONFIG_AS_TEXT,
     .doc = "What it belongs to."},
    {.name = "timeout",
     .kind = CONFIG_GO_DURATION,
     .offset = offsetof(struct pagerduty_config, timeout_ms),
     .always = true,
     .doc = "Of one attempt; 0: none but the flush's own."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    struct pagerduty_config *c = config;

    (void)a;
    if (c->service_key.n == 0 && c->service_key_file.n == 0 && c->routing_key.n == 0 &&
        c->routing_key_file.n == 0)
        return err_set(err, -EINVAL, "missing service or routing key in PagerDuty config");
    if (c->routing_key.n > 0 && c->routing_key_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of routing_key & routing_key_file must be configured");
    if (c->service_key.n > 0 && c->service_key_file.n > 0)
        return err_set(err, -EINVAL,
                       "at most one of service_key & service_key_file must be configured");
    if (c->source.n == 0)
        c->source = c->client;
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct pagerduty_config *c = config;

    (void)g;
    c->details = add_usual_details(a, c->details);
    if (c->url.n == 0)
        return err_set(err, -EINVAL, "no global PagerDuty URL set");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_pagerduty = {
    .name = "pagerduty",
    .config_key = "pagerduty_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct pagerduty_config),
    .send_resolved_offset = offsetof(struct pagerduty_config, send_resolved),
    .check = check,
    .complete = complete,
};
