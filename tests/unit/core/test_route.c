#include "tests/lib/config_text.h"
#include "tests/lib/test.h"

#include "common/core/config/am_config.h"

static struct arena *arena;

#define RECEIVERS "receivers: [{name: a}, {name: b}, {name: c}]\n"

static struct am_config *parse(const char *text)
{
    struct config_report report;
    struct am_config *c = NULL;

    config_report_init(&report, STR("am.yml"));
    if (am_config_parse(str_from(text), MATCHER_FALLBACK, &c, &report) < 0)
        fail_msg("%s", config_text_mistakes(arena, &report.mistakes));
    config_report_clear(&report);
    return c;
}

static const char *mistakes(const char *text)
{
    struct config_report report;
    struct am_config *c = NULL;

    config_report_init(&report, STR("am.yml"));
    if (am_config_parse(str_from(text), MATCHER_FALLBACK, &c, &report) == 0)
        am_config_free(c);

    const char *got = config_text_mistakes(arena, &report.mistakes);

    config_report_clear(&report);
    return got;
}

static const char *warnings(const char *text)
{
    struct config_report report;
    struct am_config *c = NULL;

    config_report_init(&report, STR("am.yml"));
    if (am_config_parse(str_from(text), MATCHER_FALLBACK, &c, &report) == 0)
        am_config_free(c);

    const char *got = config_text_mistakes(arena, &report.warnings);

    config_report_clear(&report);
    return got;
}

static const char tree[] = RECEIVERS "route:\n"
                                     "  receiver: a\n"
                                     "  group_by: [job, alertname]\n"
                                     "  routes:\n"
                                     "  - match: {severity: page}\n"
                                     "    match_re: {zone: 'x|y'}\n"
                                     "    receiver: b\n"
                                     "    group_wait: 0s\n"
                                     "    continue: true\n"
                                     "    routes:\n"
                                     "    - matchers: ['team=~\"db|web\", dc!=fra']\n"
                                     "      group_by: ['...']\n"
                                     "      repeat_interval: 1d\n"
                                     "    - matchers: [team=ops]\n"
                                     "      group_by: []\n"
                                     "  - matchers: [severity=page]\n"
                                     "    group_interval: 10s\n"
                                     "    receiver: c\n"
                                     "  - matchers: [severity=page]\n";

static void inheritance_keys_and_ids(void **state)
{
    (void)state;
    struct am_config *c = parse(tree);
    const struct route *r = c->root, *b = r->children[0], *db = b->children[0],
                       *ops = b->children[1], *page = r->children[1];

    assert_int_equal(c->routes_n, 6);
    assert_str_eq(r->key, "{}");
    assert_str_eq(r->id, "{}");
    assert_int_equal(r->group_wait_ms, 30000);
    assert_int_equal(r->group_interval_ms, 300000);
    assert_int_equal(r->repeat_interval_ms, 4 * MS_PER_H);
    assert_str_eq(r->group_by[0], "alertname");

    assert_str_eq(b->key, "{}/{severity=\"page\",zone=~\"^(?:x|y)$\"}");
    assert_str_eq(b->id, "{}/{severity=\"page\",zone=~\"^(?:x|y)$\"}/0");
    assert_int_equal(b->group_wait_ms, 0);
    assert_true(b->go_on);

    assert_str_eq(db->receiver->name, "b");
    assert_str_eq(db->id,
                  "{}/{severity=\"page\",zone=~\"^(?:x|y)$\"}/0/{dc!=\"fra\",team=~\"db|web\"}/0");
    assert_true(db->group_by_all);
    assert_false(db->go_on);
    assert_int_equal(db->group_wait_ms, 0);
    assert_int_equal(db->repeat_interval_ms, MS_PER_DAY);

    assert_int_equal(ops->group_by_n, 0);
    assert_false(ops->group_by_all);
    assert_int_equal(ops->index, 3);
    assert_int_equal(page->group_interval_ms, 10000);
    assert_int_equal(page->index, 4);
    assert_str_eq(page->key, "{}/{severity=\"page\"}");
    assert_str_eq(r->children[2]->key, "{}/{severity=\"page\"}");
    assert_str_eq(r->children[2]->id, "{}/{severity=\"page\"}/2");
    am_config_free(c);
}

static const char *ways(const struct am_config *c, const char *set)
{
    struct matchers m = {0};
    struct label v[8];
    struct buf b;

    assert_int_equal(matchers_parse(str_from(set), MATCHER_CLASSIC, arena, &m, NULL), 0);
    for (size_t i = 0; i < m.n; i++)
        v[i] = (struct label){m.v[i].name, m.v[i].value};

    struct labels labels = {v, labels_sort(v, m.n)};
    struct route_list list = route_match(c->root, labels, arena);

    buf_init(&b, 0);
    for (size_t i = 0; i < list.n; i++) {
        buf_add_fmt(&b, "%s%zu", i > 0 ? " " : "", list.v[i]->index);
        buf_add_char(&b, ' ');
        route_add_group_key(&b, list.v[i], route_group_labels(list.v[i], labels, arena));
    }

    const char *text = arena_str(arena, buf_str(&b)).p;

    buf_clear(&b);
    return text;
}

static void the_deepest_match_wins_and_continue_goes_on(void **state)
{
    (void)state;
    struct am_config *c = parse(tree);
    static const struct {
        const char *labels, *want;
    } cases[] = {
        {"x=y", "0 {}:{}"},
        {"job=j,x=y", "0 {}:{job=\"j\"}"},
        {"severity=page,alertname=A", "4 {}/{severity=\"page\"}:{alertname=\"A\"}"},
        {"severity=page,zone=x,team=q",
         "1 {}/{severity=\"page\",zone=~\"^(?:x|y)$\"}:{} 4 {}/{severity=\"page\"}:{}"},
        {"severity=page,zone=y,team=db",
         "2 {}/{severity=\"page\",zone=~\"^(?:x|y)$\"}/{dc!=\"fra\",team=~\"db|web\"}:"
         "{severity=\"page\", team=\"db\", zone=\"y\"} 4 {}/{severity=\"page\"}:{}"},
        {"severity=page,zone=y,team=db,dc=fra",
         "1 {}/{severity=\"page\",zone=~\"^(?:x|y)$\"}:{} 4 {}/{severity=\"page\"}:{}"},
        {"severity=page,zone=y,team=ops,job=j",
         "3 {}/{severity=\"page\",zone=~\"^(?:x|y)$\"}/{team=\"ops\"}:{} 4 "
         "{}/{severity=\"page\"}:{job=\"j\"}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(ways(c, cases[i].labels), cases[i].want);
    am_config_free(c);
}

static void mistakes_are_upstreams(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"", "0: no route provided in config\n"},
        {"receivers: []\n", "0: no routes provided\n"},
        {"[]", "1: the configuration must be a map, not a list\n"},
        {RECEIVERS "route: {}", "2: root route must specify a default receiver\n"},
        {RECEIVERS "route: {receiver: zz}", "2: undefined receiver \"zz\" used in route\n"},
        {RECEIVERS "route: {receiver: a, continue: true}",
         "2: cannot have continue in root route\n"},
        {RECEIVERS "route: {receiver: a, matchers: [a=b]}",
         "2: root route must not have any matchers\n"},
        {RECEIVERS "route: {receiver: a, match: {9a: b}}", "2: invalid label name \"9a\"\n"},
        {RECEIVERS "route: {receiver: a, routes: [{match_re: {a: }}]}",
         "2: invalid regexp value for \"a\"\n"},
        {RECEIVERS "route: {receiver: a, group_by: [a, '...']}",
         "2: cannot have wildcard group_by (`...`) and other labels at the same time\n"},
        {RECEIVERS "route: {receiver: a, group_by: [b, a, b]}",
         "2: duplicated label \"b\" in group_by\n"},
        {RECEIVERS "route: {receiver: a, group_by: ['']}",
         "2: invalid label name \"\" in group_by list\n"},
        {RECEIVERS "route: {receiver: a, group_interval: 0s, repeat_interval: 0}",
         "2: group_interval cannot be zero\n2: repeat_interval cannot be zero\n"},
        {RECEIVERS "route:\n receiver: a\n routes:\n - matchers: [foo]\n - matchers: x\n",
         "5: matchers: bad matcher format: foo\n"
         "6: matchers must be a list, not a single value\n"},
        {RECEIVERS "route:\n receiver: a\n routes: [{receiver: q}]\n",
         "4: undefined receiver \"q\" used in route\n"},
        {RECEIVERS "route: {receiver: a, mute_time_intervals: [n], active_time_intervals: [n]}\n",
         "2: root route must not have any mute time intervals\n"
         "2: root route must not have any active time intervals\n"},
        {RECEIVERS "route: {receiver: a, routes: [{active_time_intervals: [n]}]}\n",
         "2: undefined time interval \"n\" used in route\n"},
        {RECEIVERS "route: {receiver: a, labels: {'': y}}\n",
         "2: invalid label name \"\" in route labels\n"},
        {RECEIVERS "route: {receiver: a, routes: [null]}\n", "2: missing route\n"},
        {"receivers:\n- name: a\n- name: a\n- {}\n- slack_configs: [{}]\n  name: s\n"
         "- {name: w, webhook_configs: [null]}\n- {name: u, x: y}\nroute: {receiver: a}\n",
         "3: notification config name \"a\" is not unique\n4: missing name in receiver\n"
         "5: slack: no Slack API URL nor App token set either inline or in a file\n"
         "7: missing webhook config\n"
         "8: field x not found in receiver; it may have: name, labels, discord_configs, "
         "email_configs, incidentio_configs, pagerduty_configs, slack_configs, webhook_configs, "
         "opsgenie_configs, wechat_configs, pushover_configs, victorops_configs, sns_configs, "
         "telegram_configs, webex_configs, msteams_configs, msteamsv2_configs, jira_configs, "
         "rocketchat_configs, mattermost_configs\n"},
        {RECEIVERS "route: {receiver: a}\nglobal: {resolve_timeout: x}\n",
         "3: resolve_timeout: not a valid duration string: \"x\"\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(mistakes(cases[i].yaml), cases[i].want);
}

static void warnings_are_no_refusal(void **state)
{
    (void)state;
    assert_string_equal(warnings(RECEIVERS
                                 "route: {receiver: a, routes: [{matchers: ['a=~\"\\d\"']}]}\n"
                                 "tracing: {endpoint: x}\n"),
                        "2: only the classic syntax reads this matcher; better write a=~\"\\\\d\"\n"
                        "3: tracing is accepted, but without effect\n");
    assert_string_equal(mistakes(RECEIVERS "route: {receiver: a, routes: [{matchers: ['a=']}]}\n"),
                        "");
}

static void the_defaults_of_global_hold_without_it(void **state)
{
    (void)state;
    struct am_config *c = parse(RECEIVERS "route: {receiver: a}\n");

    assert_int_equal(c->global.resolve_timeout_ms, 5 * MS_PER_MIN);
    am_config_free(c);
    c = parse(RECEIVERS "route: {receiver: a}\nglobal: {resolve_timeout: 1m}\n");
    assert_int_equal(c->global.resolve_timeout_ms, MS_PER_MIN);
    am_config_free(c);
}

static void a_deep_tree_is_refused_not_followed(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 0);
    buf_add_str(&b, STR(RECEIVERS "route: {receiver: a"));
    for (int i = 0; i < 500; i++)
        buf_add_str(&b, STR(", routes: [{matchers: [a=b]"));
    for (int i = 0; i < 500; i++)
        buf_add_str(&b, STR("}]"));
    buf_add_str(&b, STR("}\n"));
    assert_true(mistakes(arena_str(arena, buf_str(&b)).p)[0] != '\0');
    buf_clear(&b);
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inheritance_keys_and_ids),
        cmocka_unit_test(the_deepest_match_wins_and_continue_goes_on),
        cmocka_unit_test(mistakes_are_upstreams),
        cmocka_unit_test(warnings_are_no_refusal),
        cmocka_unit_test(the_defaults_of_global_hold_without_it),
        cmocka_unit_test(a_deep_tree_is_refused_not_followed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
