#include "common/core/integrations/integration.h"

#include <errno.h>

static const struct integration *const all[] = {
    &integration_webhook,    &integration_email,      &integration_pagerduty,
    &integration_opsgenie,   &integration_wechat,     &integration_slack,
    &integration_victorops,  &integration_pushover,   &integration_sns,
    &integration_telegram,   &integration_discord,    &integration_webex,
    &integration_msteams,    &integration_msteamsv2,  &integration_jira,
    &integration_incidentio, &integration_rocketchat, &integration_mattermost,
};

static const struct integration *const written[] = {
    &integration_discord,   &integration_email,      &integration_incidentio,
    &integration_pagerduty, &integration_slack,      &integration_webhook,
    &integration_opsgenie,  &integration_wechat,     &integration_pushover,
    &integration_victorops, &integration_sns,        &integration_telegram,
    &integration_webex,     &integration_msteams,    &integration_msteamsv2,
    &integration_jira,      &integration_rocketchat, &integration_mattermost,
};

const struct integration *const *integrations_all(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(all);
    return all;
}

const struct integration *const *integrations_as_written(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(written);
    return written;
}

const char *integration_unsendable(const struct integration *in, const void *config)
{
    if (in->build == NULL || in->judge == NULL)
        return "there is no sender for it yet";
    return in->unsendable != NULL ? in->unsendable(config) : NULL;
}

int integration_build(const struct integration *in, const void *config, const struct notice *n,
                      struct arena *a, struct engine_send *ret, struct err *err)
{
    const char *why = integration_unsendable(in, config);

    if (why != NULL)
        return err_set(err, -ENOTSUP, "%s: %s", in->name, why);
    return in->build(config, n, a, ret, err);
}
