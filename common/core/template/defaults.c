#include "common/core/template/defaults.h"

#define CALL(name) "{{ template \"" name "\" . }}"
#define SUBJECT CALL("__subject")
#define PRODUCT CALL("__alertmanager")
#define PRODUCT_URL CALL("__alertmanagerURL")

/* A list of alerts under a heading, when there are any. */
#define LISTED(alerts, prefix, heading, list) \
    "{{ with .Alerts." alerts " }}\n" prefix heading ":\n{{ template \"" list "\" . }}\n{{ end " \
    "}}\n"
#define LISTS(prefix, list) \
    LISTED("Firing", prefix, "Alerts Firing", list) \
    LISTED("Resolved", prefix, "Alerts Resolved", list)

/* One alert after the other; `before` stands before each part, `indent` before each dash. */
#define PAIRS(kv, before, indent) \
    before "" kv ":\n{{ range ." kv ".SortedPairs }}" indent \
           "- {{ .Name }} = {{ .Value }}\n{{ end }}"
#define ALERTS(before, indent) \
    "{{ range . }}" PAIRS("Labels", before, indent) PAIRS("Annotations", before, indent) before \
        "Source: {{ .GeneratorURL }}\n{{ end }}"

#define ANNOTATIONS "{{ join \" \" .CommonAnnotations.Values }}\n"

/* The severity that jira knows by another name: 3 critical, 2 warning, 1 info. */
#define PRIORITY \
    "{{ $best := 0 }}{{ range list .Alerts.Firing .Alerts.Resolved }}{{ if eq $best 0 }}" \
    "{{ range . }}{{ $rank := 0 }}" \
    "{{ if eq .Labels.severity \"critical\" }}{{ $rank = 3 }}{{ end }}" \
    "{{ if eq .Labels.severity \"warning\" }}{{ $rank = 2 }}{{ end }}" \
    "{{ if eq .Labels.severity \"info\" }}{{ $rank = 1 }}{{ end }}" \
    "{{ if gt $rank $best }}{{ $best = $rank }}{{ end }}{{ end }}{{ end }}{{ end }}" \
    "{{ index (stringSlice \"\" \"Low\" \"Medium\" \"High\") $best }}"

static const struct {
    const char *name, *body; /* body NULL: add writes it */
    void (*add)(struct buf *b);
} rows[] = {
    {"__alertmanager", "Alertmanager"},
    /* Two actions and not one: in a link the first is a whole URL, the second a value in it. */
    {"__alertmanagerURL", "{{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}"},
    {"__subject",
     "[{{ toUpper .Status }}{{ if eq .Status \"firing\" }}:{{ len .Alerts.Firing }}{{ end }}] "
     "{{ join \" \" .GroupLabels.Values }} "
     "{{ if lt (len .GroupLabels) (len .CommonLabels) }}"
     "({{ join \" \" (.CommonLabels.Remove .GroupLabels.Names).Values }}){{ end }}"},
    {"__description", ""},
    {"__text_alert_list", ALERTS("", " ")},
    {"__text_alert_list_markdown", ALERTS("\n", "  ") "\n"},
    {"__tocsin_compact",
     ANNOTATIONS "{{ with .Alerts.Firing }}Alerts Firing:\n" CALL(
         "__text_alert_list") "{{ end }}\n"
                              "{{ with .Alerts.Resolved }}Alerts Resolved:\n" CALL(
                                  "__text_alert_list") "{{ end }}"},
    {"__tocsin_loose", LISTS("", "__text_alert_list")},
    {"__tocsin_markdown", "\n" LISTS("# ", "__text_alert_list_markdown")},
    {"__tocsin_email_alert", NULL, defaults_add_email_alert},

    {"discord.default.content", ""},
    {"discord.default.message", "\n" CALL("__tocsin_loose")},
    {"discord.default.title", SUBJECT},
    {"email.default.html", NULL, defaults_add_email},
    {"email.default.subject", SUBJECT},
    {"jira.default.description", CALL("__tocsin_markdown")},
    {"jira.default.priority", PRIORITY},
    {"jira.default.summary", SUBJECT},
    {"mattermost.default.color", "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}"},
    {"mattermost.default.fallback",
     CALL("mattermost.default.title") " | " CALL("mattermost.default.titlelink")},
    {"mattermost.default.text", CALL("__tocsin_markdown")},
    {"mattermost.default.title", SUBJECT},
    {"mattermost.default.titlelink", PRODUCT_URL},
    {"mattermost.default.username", PRODUCT},
    {"msteams.default.summary", SUBJECT},
    {"msteams.default.text", CALL("__tocsin_markdown")},
    {"msteams.default.title", SUBJECT},
    {"msteamsv2.default.text", CALL("__tocsin_markdown")},
    {"msteamsv2.default.title", SUBJECT},
    {"opsgenie.default.description", CALL("__tocsin_compact")},
    {"opsgenie.default.message", SUBJECT},
    {"opsgenie.default.source", PRODUCT_URL},
    {"pagerduty.default.client", PRODUCT},
    {"pagerduty.default.clientURL", PRODUCT_URL},
    {"pagerduty.default.description", SUBJECT},
    {"pagerduty.default.instances", CALL("__text_alert_list")},
    {"pushover.default.message", ANNOTATIONS CALL("__tocsin_loose")},
    {"pushover.default.title", SUBJECT},
    {"pushover.default.url", PRODUCT_URL},
    {"rocketchat.default.alias", PRODUCT},
    {"rocketchat.default.emoji", ""},
    {"rocketchat.default.iconurl", ""},
    {"rocketchat.default.text", ""},
    {"rocketchat.default.title", SUBJECT},
    {"rocketchat.default.titlelink", PRODUCT_URL},
    {"slack.default.callbackid", ""},
    {"slack.default.color", "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}"},
    {"slack.default.fallback", CALL("slack.default.title") " | " CALL("slack.default.titlelink")},
    {"slack.default.footer", ""},
    {"slack.default.iconemoji", ""},
    {"slack.default.iconurl", ""},
    {"slack.default.pretext", ""},
    {"slack.default.text", ""},
    {"slack.default.title", SUBJECT},
    {"slack.default.titlelink", PRODUCT_URL},
    {"slack.default.username", PRODUCT},
    {"sns.default.message", ANNOTATIONS CALL("__tocsin_loose")},
    {"sns.default.subject", SUBJECT},
    {"telegram.default.message", "\n" CALL("__tocsin_loose")},
    {"victorops.default.entity_display_name", SUBJECT},
    {"victorops.default.monitoring_tool", PRODUCT},
    {"victorops.default.state_message", CALL("__tocsin_compact")},
    {"webex.default.message", ANNOTATIONS CALL("__tocsin_loose")},
    {"wechat.default.agent_id", ""},
    {"wechat.default.message",
     SUBJECT "\n" CALL("__tocsin_compact") "\nAlertmanagerUrl:\n" PRODUCT_URL},
    {"wechat.default.to_party", ""},
    {"wechat.default.to_tag", ""},
    {"wechat.default.to_user", ""},
};

void defaults_add_source(struct buf *b)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        buf_add_fmt(b, "{{ define \"%s\" }}", rows[i].name);
        if (rows[i].add != NULL)
            rows[i].add(b);
        else
            buf_add_str(b, str_from(rows[i].body));
        buf_add_str(b, STR("{{ end }}"));
    }
}
