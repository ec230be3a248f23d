/* Sets: what configurations find when they call a template by name, and what their files change. */
#include "tests/lib/test.h"

#include "common/base/time_text.h"
#include "common/core/template/data.h"
#include "common/core/template/template.h"

#define NOW INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

static const struct label cpu[] = {{STR_INIT("alertname"), STR_INIT("Cpu")},
                                   {STR_INIT("host"), STR_INIT("<a>")},
                                   {STR_INIT("severity"), STR_INIT("warning")}};
static const struct label ram[] = {{STR_INIT("alertname"), STR_INIT("Ram")},
                                   {STR_INIT("host"), STR_INIT("b")},
                                   {STR_INIT("severity"), STR_INIT("critical")}};
static const struct label group[] = {{STR_INIT("site"), STR_INIT("x 1")}};
static const struct label common[] = {{STR_INIT("site"), STR_INIT("x 1")},
                                      {STR_INIT("tier"), STR_INIT("db")}};
static const struct label note[] = {{STR_INIT("hint"), STR_INIT("see & do")}};

static const struct notice_alert mixed[] = {
    {.labels = {cpu, 3},
     .annotations = {note, 1},
     .starts_wall_ms = NOW - 5000,
     .ends_wall_ms = WALL_ABSENT,
     .generator_url = STR_INIT("http://p/?a=1&b=2")},
    {.labels = {ram, 3}, .starts_wall_ms = NOW - 9000, .ends_wall_ms = NOW, .resolved = true},
};

static const struct notice notices[] = {
    {.receiver = STR_INIT("a b.c"),
     .group_labels = {group, 1},
     .common_labels = {common, 2},
     .common_annotations = {note, 1},
     .alerts = mixed,
     .alerts_n = 2,
     .external_url = STR_INIT("http://t")},
    {.receiver = STR_INIT("r"),
     .group_labels = {group, 1},
     .common_labels = {group, 1},
     .alerts = mixed + 1,
     .alerts_n = 1,
     .resolved = true,
     .external_url = STR_INIT("http://t")},
    {.receiver = STR_INIT("r"),
     .common_labels = {cpu, 3},
     .alerts = mixed,
     .alerts_n = 1,
     .external_url = STR_INIT("http://t")},
};
enum { MIXED, RESOLVED, UNGROUPED };

#define FIRING_LIST \
    "Labels:\n - alertname = Cpu\n - host = <a>\n - severity = warning\nAnnotations:\n" \
    " - hint = see & do\nSource: http://p/?a=1&b=2\n"
#define RESOLVED_LIST \
    "Labels:\n - alertname = Ram\n - host = b\n - severity = critical\nAnnotations:\nSource: \n"
#define FIRING_MARKDOWN \
    "\nLabels:\n  - alertname = Cpu\n  - host = <a>\n  - severity = warning\n\nAnnotations:\n" \
    "  - hint = see & do\n\nSource: http://p/?a=1&b=2\n\n"
#define RESOLVED_MARKDOWN \
    "\nLabels:\n  - alertname = Ram\n  - host = b\n  - severity = critical\n\nAnnotations:\n" \
    "\nSource: \n\n"
#define LOOSE "\nAlerts Firing:\n" FIRING_LIST "\n\n\nAlerts Resolved:\n" RESOLVED_LIST "\n\n"

static struct str render(const struct template_set *set, size_t which, const char *text,
                         enum template_mode mode, struct arena *a)
{
    struct template_env env = {.now.wall_ms = NOW};
    struct tv data = data_from_notice(a, &notices[which], (struct labels){0});
    struct str got = STR_EMPTY;
    struct err err = {0};

    if (template_execute(set, mode, str_from(text), data, &env, a, &got, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    return got;
}

static void defaults_render_what_alertmanagers_do(void **state)
{
    static const struct {
        const char *name;
        size_t notice;
        const char *want;
    } cases[] = {
        {"__alertmanager", MIXED, "Alertmanager"},
        {"__alertmanagerURL", MIXED, "http://t/#/alerts?receiver=a+b%5C.c"},
        {"__subject", MIXED, "[FIRING:1] x 1 (db)"},
        {"__subject", RESOLVED, "[RESOLVED] x 1 "},
        {"__subject", UNGROUPED, "[FIRING:1]  (Cpu <a> warning)"},
        {"__description", MIXED, ""},
        {"discord.default.content", MIXED, ""},
        {"discord.default.message", MIXED, "\n" LOOSE},
        {"discord.default.title", RESOLVED, "[RESOLVED] x 1 "},
        {"email.default.subject", MIXED, "[FIRING:1] x 1 (db)"},
        {"jira.default.description", RESOLVED,
         "\n\n\n# Alerts Resolved:\n" RESOLVED_MARKDOWN "\n\n"},
        {"jira.default.priority", MIXED, "Medium"},
        {"jira.default.priority", RESOLVED, "High"},
        {"jira.default.summary", RESOLVED, "[RESOLVED] x 1 "},
        {"mattermost.default.color", MIXED, "danger"},
        {"mattermost.default.fallback", RESOLVED, "[RESOLVED] x 1  | http://t/#/alerts?receiver=r"},
        {"mattermost.default.text", MIXED,
         "\n\n# Alerts Firing:\n" FIRING_MARKDOWN "\n\n\n# Alerts Resolved:\n" RESOLVED_MARKDOWN
         "\n\n"},
        {"mattermost.default.title", RESOLVED, "[RESOLVED] x 1 "},
        {"mattermost.default.titlelink", RESOLVED, "http://t/#/alerts?receiver=r"},
        {"mattermost.default.username", MIXED, "Alertmanager"},
        {"msteams.default.summary", RESOLVED, "[RESOLVED] x 1 "},
        {"msteams.default.text", RESOLVED, "\n\n\n# Alerts Resolved:\n" RESOLVED_MARKDOWN "\n\n"},
        {"msteams.default.title", RESOLVED, "[RESOLVED] x 1 "},
        {"msteamsv2.default.text", RESOLVED, "\n\n\n# Alerts Resolved:\n" RESOLVED_MARKDOWN "\n\n"},
        {"msteamsv2.default.title", RESOLVED, "[RESOLVED] x 1 "},
        {"opsgenie.default.description", MIXED,
         "see & do\nAlerts Firing:\n" FIRING_LIST "\nAlerts Resolved:\n" RESOLVED_LIST},
        {"opsgenie.default.description", RESOLVED, "\n\nAlerts Resolved:\n" RESOLVED_LIST},
        {"opsgenie.default.message", RESOLVED, "[RESOLVED] x 1 "},
        {"opsgenie.default.source", RESOLVED, "http://t/#/alerts?receiver=r"},
        {"pagerduty.default.client", MIXED, "Alertmanager"},
        {"pagerduty.default.clientURL", RESOLVED, "http://t/#/alerts?receiver=r"},
        {"pagerduty.default.description", RESOLVED, "[RESOLVED] x 1 "},
        {"pushover.default.message", MIXED, "see & do\n" LOOSE},
        {"pushover.default.title", RESOLVED, "[RESOLVED] x 1 "},
        {"pushover.default.url", RESOLVED, "http://t/#/alerts?receiver=r"},
        {"rocketchat.default.alias", MIXED, "Alertmanager"},
        {"rocketchat.default.emoji", MIXED, ""},
        {"rocketchat.default.iconurl", MIXED, ""},
        {"rocketchat.default.text", MIXED, ""},
        {"rocketchat.default.title", RESOLVED, "[RESOLVED] x 1 "},
        {"rocketchat.default.titlelink", RESOLVED, "http://t/#/alerts?receiver=r"},
        {"slack.default.callbackid", MIXED, ""},
        {"slack.default.color", MIXED, "danger"},
        {"slack.default.color", RESOLVED, "good"},
        {"slack.default.fallback", MIXED,
         "[FIRING:1] x 1 (db) | http://t/#/alerts?receiver=a+b%5C.c"},
        {"slack.default.footer", MIXED, ""},
        {"slack.default.iconemoji", MIXED, ""},
        {"slack.default.iconurl", MIXED, ""},
        {"slack.default.pretext", MIXED, ""},
        {"slack.default.text", MIXED, ""},
        {"slack.default.title", MIXED, "[FIRING:1] x 1 (db)"},
        {"slack.default.titlelink", RESOLVED, "http://t/#/alerts?receiver=r"},
        {"slack.default.username", MIXED, "Alertmanager"},
        {"sns.default.message", MIXED, "see & do\n" LOOSE},
        {"sns.default.subject", RESOLVED, "[RESOLVED] x 1 "},
        {"telegram.default.message", UNGROUPED, "\n\nAlerts Firing:\n" FIRING_LIST "\n\n\n"},
        {"victorops.default.entity_display_name", RESOLVED, "[RESOLVED] x 1 "},
        {"victorops.default.monitoring_tool", MIXED, "Alertmanager"},
        {"victorops.default.state_message", RESOLVED, "\n\nAlerts Resolved:\n" RESOLVED_LIST},
        {"webex.default.message", MIXED, "see & do\n" LOOSE},
        {"wechat.default.agent_id", MIXED, ""},
        {"wechat.default.message", RESOLVED,
         "[RESOLVED] x 1 \n\n\nAlerts Resolved:\n" RESOLVED_LIST
         "\nAlertmanagerUrl:\nhttp://t/#/alerts?receiver=r"},
        {"wechat.default.to_party", MIXED, ""},
        {"wechat.default.to_tag", MIXED, ""},
        {"wechat.default.to_user", MIXED, ""},
    };
    struct template_set *set = template_set_load(NULL, 0, NULL);

    (void)state;
    assert_non_null(set);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *a = arena_new(0);
        struct str text = arena_fmt(a, "{{ template \"%s\" . }}", cases[i].name);

        assert_str_eq(render(set, cases[i].notice, text.p, TEMPLATE_TEXT, a), cases[i].want);
        arena_free(a);
    }
    template_set_free(set);
}

static void a_list_is_the_dot_of_instances(void **state)
{
    struct template_set *set = template_set_load(NULL, 0, NULL);
    struct arena *a = arena_new(0);

    (void)state;
    assert_str_eq(render(set, MIXED,
                         "{{ template \"pagerduty.default.instances\" .Alerts.Firing }}",
                         TEMPLATE_TEXT, a),
                  FIRING_LIST);
    assert_str_eq(
        render(set, MIXED, "{{ template \"__text_alert_list_markdown\" .Alerts }}", TEMPLATE_TEXT,
               a),
        "\nLabels:\n  - alertname = Cpu\n  - host = <a>\n  - severity = warning\n\n"
        "Annotations:\n  - hint = see & do\n\nSource: http://p/?a=1&b=2\n" RESOLVED_MARKDOWN);
    arena_free(a);
    template_set_free(set);
}

static void the_mail_shows_every_alert_and_breaks_on_none(void **state)
{
    static const struct {
        size_t notice;
        const char *has, *has_not;
    } cases[] = {
        {MIXED, "<title>[FIRING:1] x 1 (db)</title>", "<a>"},
        {MIXED, "<a href=\"http://t/#/alerts?receiver=a&#43;b%5C.c\" class=\"btn-primary\"", NULL},
        {MIXED, "alert alert-warning", "alert alert-good"},
        {MIXED, "\n              2 alerts for \n                site=x 1\n              \n", NULL},
        {MIXED, "[1] Firing</strong>", NULL},
        {MIXED, "[1] Resolved</strong>", NULL},
        {MIXED, "host = &lt;a&gt;<br", NULL},
        {MIXED, "hint = see &amp; do<br", NULL},
        {MIXED, "<a href=\"http://p/?a=1&amp;b=2\"", NULL},
        {MIXED, "<hr style=", NULL},
        {RESOLVED, "alert alert-good", "Firing</strong>"},
        {RESOLVED, "1 alert for ", "<hr"},
        {RESOLVED, "site=x 1 \n", "Annotations"},
        {UNGROUPED, "1 alert for \n            </td>", "Resolved"},
    };
    struct template_set *set = template_set_load(NULL, 0, NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *a = arena_new(0);
        struct str got = render(set, cases[i].notice, "{{ template \"email.default.html\" . }}",
                                TEMPLATE_HTML, a);

        if (!str_contains(got, str_from(cases[i].has)))
            fail_msg("%s is not in " STR_FMT, cases[i].has, STR_ARG(got));
        if (cases[i].has_not != NULL && str_contains(got, str_from(cases[i].has_not)))
            fail_msg("%s is in " STR_FMT, cases[i].has_not, STR_ARG(got));
        arena_free(a);
    }
    template_set_free(set);
}

static void files_override_what_came_before(void **state)
{
    static const struct template_file files[] = {
        {STR_INIT("/etc/t/a.tmpl"),
         STR_INIT("{{ define \"__subject\" }}S{{ end }}{{ define \"own\" }}1{{ end }}rest")},
        {STR_INIT("b.tmpl"),
         STR_INIT("{{ define \"own\" }}2{{ template \"slack.default.title\" . }}"
                  "{{ end }}{{ define \"slack.default.text\" }} {{ end }}"
                  "{{ define \"__text_alert_list\" }}L{{ end }}")},
    };
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{{ template \"own\" . }}", "2S"},
        {"{{ template \"a.tmpl\" }}", "rest"},
        {"{{ template \"slack.default.text\" . }}", ""},
        {"{{ template \"opsgenie.default.description\" . }}",
         "see & do\nAlerts Firing:\nL\nAlerts Resolved:\nL"},
        {"{{ define \"__subject\" }}T{{ end }}{{ template \"slack.default.fallback\" . }}",
         "T | http://t/#/alerts?receiver=a+b%5C.c"},
    };
    struct template_set *set = template_set_load(files, ARRAY_SIZE(files), NULL);

    (void)state;
    assert_non_null(set);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *a = arena_new(0);

        assert_str_eq(render(set, MIXED, cases[i].text, TEMPLATE_TEXT, a), cases[i].want);
        arena_free(a);
    }
    template_set_free(set);
}

static void every_broken_file_is_reported(void **state)
{
    static const struct template_file files[] = {
        {STR_INIT("t/good.tmpl"), STR_INIT("{{ define \"x\" }}{{ end }}")},
        {STR_INIT("t/one.tmpl"), STR_INIT("a\n{{ if }}")},
        {STR_INIT("t/two.tmpl"), STR_INIT("{{ nope }}")},
    };
    struct mistakes m;

    (void)state;
    mistakes_init(&m);
    assert_null(template_set_load(files, ARRAY_SIZE(files), &m));
    assert_int_equal(m.n, 2);
    assert_string_equal(m.v[0].text, "t/one.tmpl: template: one.tmpl:2:6: missing value for if");
    assert_string_equal(m.v[1].text,
                        "t/two.tmpl: template: two.tmpl:1:3: function \"nope\" not defined");
    mistakes_clear(&m);
}

static void too_many_files_and_too_large_ones_are_refused(void **state)
{
    struct template_file *files = xcalloc(TEMPLATE_FILES_MAX + 1, sizeof(*files));
    char *large = xmalloc(TEMPLATE_TEXT_BYTES_MAX + 1);
    struct mistakes m;

    (void)state;
    mistakes_init(&m);
    for (size_t i = 0; i <= TEMPLATE_FILES_MAX; i++)
        files[i] = (struct template_file){.name = STR("f"), .text = STR("x")};
    assert_null(template_set_load(files, TEMPLATE_FILES_MAX + 1, &m));
    assert_non_null(strstr(m.v[0].text, "1001 template files are more than 1000"));
    mistakes_clear(&m);
    mistakes_init(&m);
    memset(large, 'x', TEMPLATE_TEXT_BYTES_MAX + 1);
    files[0].text = (struct str){.p = large, .n = TEMPLATE_TEXT_BYTES_MAX + 1};
    assert_null(template_set_load(files, 1, &m));
    assert_non_null(strstr(m.v[0].text, "1048577 bytes are more than 1048576"));
    mistakes_clear(&m);
    free(large);
    free(files);
}

static void an_empty_text_is_empty_and_a_broken_one_too(void **state)
{
    struct template_set *set = template_set_load(NULL, 0, NULL);
    struct arena *a = arena_new(0);
    struct template_env env = {0};
    struct err err = {0};
    struct str got = STR("x");

    (void)state;
    assert_int_equal(
        template_execute(set, TEMPLATE_HTML, STR_EMPTY, (struct tv){0}, &env, a, &got, &err), 0);
    assert_int_equal(got.n, 0);
    got = STR("x");
    assert_true(template_execute(set, TEMPLATE_TEXT, STR("a{{ if }}"), (struct tv){0}, &env, a,
                                 &got, &err) < 0);
    assert_int_equal(got.n, 0);
    assert_true(template_execute(set, TEMPLATE_TEXT, STR("a{{ index nil 1 }}"), (struct tv){0},
                                 &env, a, &got, &err) < 0);
    assert_str_eq(got, "a");
    arena_free(a);
    template_set_free(set);
}

/* --- zones --- */

/* Summer is from 2026-07-01T00:00Z on, an hour ahead. */
static bool town_at(struct str location, int64_t epoch_s, int *ret_offset_s,
                    struct str *ret_abbreviation, void *arg)
{
    bool summer = epoch_s >= INT64_C(1782864000);

    (void)arg;
    if (!str_eq_c(location, "Town/Hall") && !str_eq_c(location, "Local"))
        return false;
    *ret_offset_s = summer ? 7200 : 3600;
    *ret_abbreviation = summer ? STR("TST") : STR("TT");
    return true;
}

static void times_go_with_their_zone(void **state)
{
    static const struct {
        const char *text, *want; /* "!": a piece of the error */
    } cases[] = {
        {"{{ now }}", "2026-01-01 01:00:00 +0100 TT"},
        {"{{ now.UTC }}", "2026-01-01 00:00:00 +0000 UTC"},
        {"{{ now.UTC.Local.Hour }}", "1"},
        {"{{ now | tz \"Town/Hall\" | date \"15:04 MST -07:00\" }}", "01:00 TT +01:00"},
        {"{{ now | tz \"UTC\" }}{{ now | tz \"\" }}",
         "2026-01-01 00:00:00 +0000 UTC2026-01-01 00:00:00 +0000 UTC"},
        {"{{ (now.AddDate 0 7 0) }}", "2026-08-01 01:00:00 +0200 TST"},
        {"{{ ((now.AddDate 0 7 0).AddDate 0 -7 0) }}", "2026-01-01 01:00:00 +0100 TT"},
        {"{{ (now.Add 15768000e9) }}", "2026-07-02 14:00:00 +0200 TST"},
        {"{{ (now.UTC.AddDate 0 7 0) }}", "2026-08-01 00:00:00 +0000 UTC"},
        {"{{ (now.AddDate 0 7 0).Truncate 86400e9 }}", "2026-07-31 02:00:00 +0200 TST"},
        {"{{ since now }}", "0s"},
        {"{{ (index .Alerts 0).StartsAt }}", "2025-12-31 23:59:55 +0000 UTC"},
        {"{{ now | tz \"Nowhere\" }}", "!error calling tz: unknown time zone Nowhere"},
    };
    struct template_set *set = template_set_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct template_env env = {.now.wall_ms = NOW, .zones.at = town_at};
        struct arena *a = arena_new(0);
        struct tv data = data_from_notice(a, &notices[MIXED], (struct labels){0});
        struct str got = STR_EMPTY;
        struct err err = {0};
        int rc = template_execute(set, TEMPLATE_TEXT, str_from(cases[i].text), data, &env, a, &got,
                                  &err);

        if (cases[i].want[0] == '!')
            assert_true(rc < 0 && strstr(err.text, cases[i].want + 1) != NULL);
        else
            assert_str_eq(got, cases[i].want);
        arena_free(a);
    }
    template_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_render_what_alertmanagers_do),
        cmocka_unit_test(a_list_is_the_dot_of_instances),
        cmocka_unit_test(the_mail_shows_every_alert_and_breaks_on_none),
        cmocka_unit_test(files_override_what_came_before),
        cmocka_unit_test(every_broken_file_is_reported),
        cmocka_unit_test(too_many_files_and_too_large_ones_are_refused),
        cmocka_unit_test(an_empty_text_is_empty_and_a_broken_one_too),
        cmocka_unit_test(times_go_with_their_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
