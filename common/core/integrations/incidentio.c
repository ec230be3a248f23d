#include "common/core/config/am_global.h"
#include "common/core/config/http_config.h"
#include "common/core/integrations/integration.h"

struct incidentio_config {
    bool send_resolved;
    const struct http_config *http_config; /* its own, or NULL */
    const struct http_config *http;        /* what holds */
    struct str url;
    struct str url_file;
    struct str alert_source_token;
    struct str alert_source_token_file;
    int64_t max_alerts;
    int64_t timeout_ms;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct incidentio_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    {.name = "http_config",
     .kind = CONFIG_SECTION_REF,
     .offset = offsetof(struct incidentio_config, http_config),
     .section = &http_config_section,
     .as_written = true,
     .doc = "How requests are made; the global one without it. Paths are as written."},
    {.name = "url",
     .kind = CONFIG_URL,
     .offset = offsetof(struct incidentio_config, url),
     .always = true,
     .doc = "Of the alert source."},
    {.name = "url_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct incidentio_config, url_file),
     .always = true,
     .doc = "The same from a file."},
    {.name = "alert_source_token",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct incidentio_config, alert_source_token),
     .doc = "Its token."},
    {.name = "alert_source_token_file",
     .kind = CONFIG_FILE,
     .offset = offsetof(struct incidentio_config, alert_source_token_file),
     .doc = "The same from a file."},
    {.name = "max_alerts",
     .kind = CONFIG_INT,
     .offset = offsetof(struct incidentio_config, max_alerts),
     .always = true,
     .doc = "At most so many alerts in one message; 0: all."},
    {.name = "timeout",
     .kind = CONFIG_GO_DURATION,
     .offset = offsetof(struct incidentio_config, timeout_ms),
     .always = true,
     .doc = "Of one attempt; 0: none but the flush's own."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct incidentio_config *c = config;
    bool token = c->alert_source_token.n > 0 || c->alert_source_token_file.n > 0;

    (void)a;
    if (c->url.n == 0 && c->url_file.n == 0)
        return err_set(err, -EINVAL, "one of url or url_file must be configured");
    if (c->url.n > 0 && c->url_file.n > 0)
        return err_set(err, -EINVAL, "at most one of url & url_file must be configured");
    if (c->alert_source_token.n > 0 && c->alert_source_token_file.n > 0)
        return err_set(
            err, -EINVAL,
            "at most one of alert_source_token & alert_source_token_file must be configured");
    if (c->http_config != NULL && c->http_config->authorization != NULL && token)
        return err_set(err, -EINVAL,
                       "cannot specify alert_source_token or alert_source_token_file when using "
                       "http_config.authorization");
    if (c->http_config != NULL && c->http_config->authorization == NULL && !token)
        return err_set(err, -EINVAL,
                       "at least one of alert_source_token, alert_source_token_file or "
                       "http_config.authorization must be configured");
    return 0;
}

static int complete(void *config, const struct am_global *g, struct arena *a, struct err *err)
{
    struct incidentio_config *c = config;

    (void)a;
    (void)err;
    c->http = c->http_config != NULL ? c->http_config : g->http_config;
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_incidentio = {
    .name = "incidentio",
    .config_key = "incidentio_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct incidentio_config),
    .send_resolved_offset = offsetof(struct incidentio_config, send_resolved),
    .check = check,
    .complete = complete,
};
