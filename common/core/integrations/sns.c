#include "common/core/config/am_global.h"
#include "common/core/integrations/integration.h"

struct sigv4 {
    struct str region;
    struct str access_key;
    struct str secret_key;
    struct str profile;
    struct str role_arn;
    struct str external_id;
    bool use_fips_sts_endpoint;
    struct str service_name;
};

static int check_sigv4(void *config, struct arena *a, struct err *err)
{
    const struct sigv4 *c = config;

    (void)a;
    if ((c->access_key.n == 0) != (c->secret_key.n == 0))
        return err_set(err, -EINVAL,
                       "must provide a AWS SigV4 Access key and Secret Key if credentials are "
                       "specified in the SigV4 config");
    if (c->external_id.n > 0 && c->role_arn.n == 0)
        return err_set(err, -EINVAL, "external_id can only be used with role_arn");
    return 0;
}

static const struct config_field sigv4_fields[] = {
    {.name = "region",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sigv4, region),
     .doc = "The service's region."},
    {.name = "access_key",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sigv4, access_key),
     .doc = "With secret_key, instead of the environment's credentials."},
    {.name = "secret_key",
     .kind = CONFIG_SECRET,
     .offset = offsetof(struct sigv4, secret_key),
     .doc = "With access_key."},
    {.name = "profile",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sigv4, profile),
     .doc = "Of the shared credentials file."},
    {.name = "role_arn",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sigv4, role_arn),
     .doc = "A role to assume."},
    {.name = "external_id",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sigv4, external_id),
     .doc = "For role_arn."},
    {.name = "use_fips_sts_endpoint",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct sigv4, use_fips_sts_endpoint),
     .doc = "Accepted, without effect."},
    {.name = "service_name",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sigv4, service_name),
     .doc = "Accepted, without effect."},
};

static const struct config_section sigv4_section = {.name = "sigv4",
                                                    .fields = sigv4_fields,
                                                    .fields_n = ARRAY_SIZE(sigv4_fields),
                                                    .size = sizeof(struct sigv4),
                                                    .check = check_sigv4};

struct sns_config {
    bool send_resolved;
    const struct http_config *http_config;
    struct str api_url;
    struct sigv4 sigv4;
    struct str topic_arn;
    struct str phone_number;
    struct str target_arn;
    struct str subject;
    struct str message;
    struct labels attributes;
    bool use_aws_http_client;
};

static const struct config_field fields[] = {
    {.name = "send_resolved",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct sns_config, send_resolved),
     .fallback = "true",
     .always = true,
     .doc = "Tell when alerts have resolved, too."},
    HTTP_CONFIG_FIELD(struct sns_config, http_config),
    {.name = "api_url",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sns_config, api_url),
     .rendering = CONFIG_AS_TEXT,
     .doc = "The service; the region's without it."},
    {.name = "sigv4",
     .kind = CONFIG_SECTION,
     .offset = offsetof(struct sns_config, sigv4),
     .section = &sigv4_section,
     .always = true,
     .doc = "How requests are signed."},
    {.name = "topic_arn",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sns_config, topic_arn),
     .rendering = CONFIG_AS_TEXT,
     .doc = "One of topic_arn, phone_number and target_arn."},
    {.name = "phone_number",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sns_config, phone_number),
     .rendering = CONFIG_AS_TEXT,
     .doc = "One of topic_arn, phone_number and target_arn."},
    {.name = "target_arn",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sns_config, target_arn),
     .rendering = CONFIG_AS_TEXT,
     .doc = "One of topic_arn, phone_number and target_arn."},
    {.name = "subject",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sns_config, subject),
     .fallback = "{{ template \"sns.default.subject\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "Of e-mails."},
    {.name = "message",
     .kind = CONFIG_STR,
     .offset = offsetof(struct sns_config, message),
     .fallback = "{{ template \"sns.default.message\" . }}",
     .rendering = CONFIG_AS_TEXT,
     .doc = "What is said."},
    {.name = "attributes",
     .kind = CONFIG_MAP,
     .offset = offsetof(struct sns_config, attributes),
     .rendering = CONFIG_AS_TEXT,
     .doc = "Further attributes; names are templates, too."},
    {.name = "use_aws_http_client",
     .kind = CONFIG_BOOL,
     .offset = offsetof(struct sns_config, use_aws_http_client),
     .doc = "Accepted, without effect."},
};

static int check(void *config, struct arena *a, struct err *err)
{
    const struct sns_config *c = config;

    (void)a;
    /* Exactly one, or all three: Alertmanager's odd count is taken over. */
    if ((c->topic_arn.n == 0) != ((c->phone_number.n == 0) != (c->target_arn.n == 0)))
        return err_set(
            err, -EINVAL,
            "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config");
    return 0;
}

/* Only read and checked so far: there is no sender yet, and integration_unsendable says so. */
const struct integration integration_sns = {
    .name = "sns",
    .config_key = "sns_configs",
    .fields = fields,
    .fields_n = ARRAY_SIZE(fields),
    .config_size = sizeof(struct sns_config),
    .send_resolved_offset = offsetof(struct sns_config, send_resolved),
    .check = check,
};
