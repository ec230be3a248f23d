#include "common/base/json.h"
#include "common/base/time_text.h"
#include "common/core/integrations/notice.h"
#include "common/core/template/template.h"

#include <errno.h>

#define WEBHOOK_BODY_MAX MIB(64)

/* Alertmanager's webhook, version 4. docs/formats/webhook.md has the body. */

struct webhook_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str url; /* may be a template */
    struct str url_file;
    int64_t max_alerts; /* 0: all */
    int64_t timeout_ms; /* of one attempt; 0 or less: only the flush's deadline */
    const struct yaml_node *payload;
};

#define AT(member) .offset = offsetof(struct webhook_config, member)

static const struct config_field webhook_fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     AT(send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct webhook_config, http_config),
    {.name = "url",
     .kind = CONFIG_TEMPLATE_URL,
     AT(url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Where the JSON is posted to."},
    {.name = "url_file",
     .kind = CONFIG_FILE,
     AT(url_file),
     .rendering = CONFIG_AS_TEXT,
     .always = true,
     .doc = "The same from a file."},
    {.name = "max_alerts",
     .kind = CONFIG_INT,
     AT(max_alerts),
     .always = true,
     .doc = "At most so many alerts in one message; 0: all."},
    {.name = "timeout",
     .kind = CONFIG_GO_DURATION,
     AT(timeout_ms),
     .always = true,
     .doc = "Of one attempt; 0: none but the flush's own."},
    {.name = "payload",
     .kind = CONFIG_ANY,
     AT(payload),
     .rendering = CONFIG_DEEP,
     .doc = "The body, instead of the usual one."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct webhook_config *c = config;

    (void)a;
    if (c->url.n == 0 && c->url_file.n == 0)
        return err_set(err, -EINVAL, "one of url or url_file must be configured");
    if (c->url.n > 0 && c->url_file.n > 0)
        return err_set(err, -EINVAL, "at most one of url & url_file must be configured");
    if (str_contains(c->url, STR("{{")) && template_check(c->url, TEMPLATE_BUILTINS, err) < 0)
        return err_wrap(err, "invalid template syntax");
    return 0;
}

static const char *unsendable(const void *config)
{
    const struct webhook_config *c = config;

    if (c->url_file.n > 0)
        return "url_file is not in force yet";
    if (str_contains(c->url, STR("{{")))
        return "a templated url is not in force yet";
    if (c->payload != NULL)
        return "payload is not in force yet";
    if (!http_config_is_plain(c->http_config))
        return "its http_config is not in force yet";
    return NULL;
}

static void put_labels(struct json_writer *w, const char *key, struct labels l)
{
    json_key(w, key);
    json_open_object(w);
    LABELS_EACH (&l, it) {
        json_key_str(w, it->name);
        json_add_str(w, it->value);
    }
    json_close_object(w);
}

static void put_status(struct json_writer *w, bool resolved)
{
    json_put_str(w, "status", resolved ? STR("resolved") : STR("firing"));
}

static void put_alert(struct json_writer *w, const struct notice_alert *a)
{
    char fp[17];

    (void)snprintf(fp, sizeof(fp), "%016llx", (unsigned long long)a->fp);
    json_open_object(w);
    put_status(w, a->resolved);
    put_labels(w, "labels", a->labels);
    put_labels(w, "annotations", a->annotations);
    json_put_time(w, "startsAt", a->starts_wall_ms);
    json_key(w, "endsAt");
    if (a->ends_wall_ms == WALL_ABSENT)
        json_add_str(w, STR("0001-01-01T00:00:00Z"));
    else
        json_add_time(w, a->ends_wall_ms);
    json_put_str(w, "generatorURL", a->generator_url);
    json_put_str(w, "fingerprint", str_from(fp));
    json_close_object(w);
}

static void put_page(struct json_writer *w, const struct notice_page *p)
{
    json_key(w, "tocsin");
    json_open_object(w);
    json_put_str(w, "incident", p->incident);
    json_put_u64(w, "generation", p->generation);
    json_key(w, "affected_sites");
    json_open_array(w);
    for (size_t i = 0; i < p->affected_sites_n; i++)
        json_add_str(w, p->affected_sites[i]);
    json_close_array(w);
    json_put_str(w, "team", p->team);
    json_put_u64(w, "phase", p->phase);
    json_put_u64(w, "round", p->round);
    json_put_u64(w, "step", p->step);
    json_put_str(w, "target", p->target);
    json_put_str(w, "reason", p->reason);
    json_put_str(w, "dedup_key", p->dedup_key);
    json_put_str(w, "possible_duplicate", p->possible_duplicate);
    json_put_str(w, "severity", p->severity);
    json_put_str(w, "ack_url", p->ack_url);
    json_close_object(w);
}

static bool all_resolved(const struct notice *n)
{
    for (size_t i = 0; i < n->alerts_n; i++) {
        if (!n->alerts[i].resolved)
            return false;
    }
    return n->alerts_n > 0 || n->resolved;
}

static void put_body(struct json_writer *w, const struct notice *n)
{
    json_open_object(w);
    json_put_str(w, "receiver", n->receiver);
    put_status(w, all_resolved(n));
    json_key(w, "alerts");
    json_open_array(w);
    for (size_t i = 0; i < n->alerts_n; i++)
        put_alert(w, &n->alerts[i]);
    json_close_array(w);
    json_put_str(w, "notification_reason", n->reason);
    put_labels(w, "groupLabels", n->group_labels);
    put_labels(w, "commonLabels", n->common_labels);
    put_labels(w, "commonAnnotations", n->common_annotations);
    put_labels(w, "routeLabels", (struct labels){0});
    json_put_str(w, "externalURL", n->external_url);
    json_put_str(w, "version", STR("4"));
    json_put_str(w, "groupKey", n->group_key);
    json_put_u64(w, "truncatedAlerts", n->truncated_alerts);
    if (n->page != NULL)
        put_page(w, n->page);
    json_close_object(w);
}

static int webhook_build(const void *config, const struct notice *n, struct arena *a,
                         struct engine_send *ret, struct err *err)
{
    const struct webhook_config *c = config;
    struct notice cut = *n;
    struct json_writer w;
    struct buf b;

    if (c->max_alerts > 0 && (uint64_t)c->max_alerts < n->alerts_n) {
        cut.alerts_n = (size_t)c->max_alerts; /* what is common counts only those that are told */
        cut.truncated_alerts += n->alerts_n - cut.alerts_n;
        cut.common_labels = notice_common_labels(cut.alerts, cut.alerts_n, a);
        cut.common_annotations = notice_common_annotations(cut.alerts, cut.alerts_n, a);
    }
    buf_init(&b, WEBHOOK_BODY_MAX);
    json_writer_init(&w, &b);
    put_body(&w, &cut);
    buf_add_char(&b, '\n');
    if (b.overflow) {
        buf_clear(&b);
        return err_set(err, -E2BIG, "the message is larger than %zu bytes", WEBHOOK_BODY_MAX);
    }
    *ret = (struct engine_send){.method = "POST",
                                .url = c->url,
                                .content_type = "application/json",
                                .body = arena_str(a, buf_str(&b)),
                                .timeout_ms = max_i64(c->timeout_ms, 0)};
    if (n->page != NULL)
        ret->headers[0] =
            (struct engine_header){.name = "Idempotency-Key", .value = n->page->dedup_key};
    buf_clear(&b);
    return 0;
}

static struct judgement webhook_judge(const void *config, const struct engine_delivery *d)
{
    (void)config;
    return notice_judge_http(d);
}

const struct integration integration_webhook = {
    .name = "webhook",
    .config_key = "webhook_configs",
    .fields = webhook_fields,
    .fields_n = ARRAY_SIZE(webhook_fields),
    .config_size = sizeof(struct webhook_config),
    .send_resolved_offset = offsetof(struct webhook_config, send_resolved),
    .check = check,
    .unsendable = unsendable,
    .build = webhook_build,
    .judge = webhook_judge,
};
