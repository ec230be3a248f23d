/* The one shape of every integration: a field table, a pure build and a pure judge. One file each.
 */
#pragma once

#include "common/core/config/am_global.h"
#include "common/core/engine.h"
#include "common/core/model/labels.h"

/* One alert as messages show it. */
struct notice_alert {
    struct labels labels, annotations;
    int64_t starts_wall_ms;
    int64_t ends_wall_ms; /* WALL_ABSENT while firing */
    bool resolved;
    struct str generator_url;
    uint64_t fp;
};

/* What a page adds to a notice. */
struct notice_page {
    struct str incident; /* id */
    uint64_t generation;
    const struct str *affected_sites;
    size_t affected_sites_n;
    struct str team; /* the owning team */
    unsigned phase, round, step;
    struct str target;             /* receiver name */
    struct str reason;             /* step, threshold, severity */
    struct str dedup_key;          /* of the page tuple: stable over every retry and node */
    struct str possible_duplicate; /* "" or the cause */
    struct str severity;
    struct str ack_url; /* where to acknowledge; "" when unknown */
};

/* What is to be said, to whom. All texts are lent for the call. */
struct notice {
    struct str receiver;
    struct str group_key;
    struct labels group_labels, common_labels, common_annotations;
    const struct notice_alert *alerts;
    size_t alerts_n;
    size_t truncated_alerts;
    bool resolved; /* all alerts are */
    struct str external_url;
    struct str reason;              /* notification_reason */
    const struct notice_page *page; /* NULL for a DC notification */
};

enum verdict { VERDICT_SENT, VERDICT_RETRY, VERDICT_GIVE_UP };

struct judgement {
    enum verdict verdict;
    int64_t delay_ms;   /* VERDICT_RETRY: at least this long; 0 leaves it to the backoff */
    const char *reason; /* Alertmanager's failure reason: clientError, serverError, authError,
                           rateLimited, other … */
};

struct integration {
    const char *name;       /* webhook, slack … as in Alertmanager's log keys */
    const char *config_key; /* webhook_configs */
    const struct config_field *fields;
    size_t fields_n;
    size_t config_size;
    size_t send_resolved_offset; /* of the bool in the config struct */
    /* Rules across the fields of an entry as it is written; NULL for none. Both may complete it. */
    int (*check)(void *config, struct arena *a, struct err *err);
    /* The same once it has inherited from `global`: what is missing everywhere. */
    int (*complete)(void *config, const struct am_global *global, struct arena *a, struct err *err);
    /* What of an entry's settings the sender does not do yet, NULL when it does all. */
    const char *(*unsendable)(const void *config);
    /* Fills *ret (url, method, headers, body, timeout_ms; id, way and lane stay the caller's), all
     * in the arena. */
    /* NULL: there is no sender yet. */
    int (*build)(const void *config, const struct notice *n, struct arena *a,
                 struct engine_send *ret, struct err *err);
    /* What an answer means; only called when there is one (SEND_ANSWERED). */
    struct judgement (*judge)(const void *config, const struct engine_delivery *d);
};

/* Why nothing can be sent by such an entry; NULL when it can. Such an entry is read and checked,
 * its notifications fail. */
const char *integration_unsendable(const struct integration *in, const void *config);
/* build, or -ENOTSUP with integration_unsendable's words. */
MUST_CHECK int integration_build(const struct integration *in, const void *config,
                                 const struct notice *n, struct arena *a, struct engine_send *ret,
                                 struct err *err);

extern const struct integration integration_discord, integration_email, integration_incidentio,
    integration_jira, integration_mattermost, integration_msteams, integration_msteamsv2,
    integration_opsgenie, integration_pagerduty, integration_pushover, integration_rocketchat,
    integration_slack, integration_sns, integration_telegram, integration_victorops,
    integration_webex, integration_webhook, integration_wechat;
/* In Alertmanager's order of construction. */
const struct integration *const *integrations_all(size_t *ret_n);
/* In the order of the configuration's text. */
const struct integration *const *integrations_as_written(size_t *ret_n);
