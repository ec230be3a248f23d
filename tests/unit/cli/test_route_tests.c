#include "tests/lib/test.h"

#include "common/cli/route_tests.h"

static const char config[] =
    "receivers: [{name: desk}, {name: db}, {name: sre}]\n"
    "time_intervals:\n"
    "- {name: nights, time_intervals: [{times: [{start_time: '20:00', end_time: '24:00'}], "
    "location: Test/Zone}]}\n"
    "route:\n"
    "  receiver: desk\n"
    "  group_by: [alertname]\n"
    "  routes:\n"
    "  - {matchers: [team=db], receiver: db, continue: true, mute_time_intervals: [nights]}\n"
    "  - {matchers: [severity=critical], receiver: sre, group_by: [alertname, site]}\n";

static int offset_s(struct str location, int64_t wall_ms, void *arg)
{
    (void)location;
    (void)wall_ms;
    return *(int *)arg;
}

static bool known(struct str location, void *arg)
{
    (void)arg;
    return str_eq_c(location, "Test/Zone");
}

static int run(const char *cases, struct buf *out, struct err *err)
{
    static int east_s = 3600;
    struct route_tests t = {
        .name = STR("cases.yml"), .zones = {.offset_s = offset_s, .arg = &east_s}, .known = known};
    struct config_report report;
    struct am_config *c = NULL;
    int rc;

    config_report_init(&report, STR("am.yml"));
    assert_int_equal(am_config_parse(str_from(config), MATCHER_FALLBACK, &c, &report), 0);
    config_report_clear(&report);
    buf_init(out, 0);
    rc = route_tests_run(&t, str_from(cases), c, out, err);
    am_config_free(c);
    return rc;
}

static void good(const char *cases)
{
    struct err err = {0};
    struct buf out;
    int rc = run(cases, &out, &err);

    if (rc != 0)
        fail_msg("%d: %s%s", rc, err.text, out.p);
    assert_true(str_ends(buf_str(&out), STR(" cases passed\n")));
    buf_clear(&out);
}

static void differs(const char *cases, const char *want)
{
    struct err err = {0};
    struct buf out;

    assert_int_equal(run(cases, &out, &err), 1);
    assert_str_eq(buf_str(&out), want);
    buf_clear(&out);
}

static void refused(const char *cases, const char *want)
{
    struct err err = {0};
    struct buf out;

    assert_int_equal(run(cases, &out, &err), -EINVAL);
    assert_string_equal(err.text, want);
    assert_int_equal(out.n, 0);
    buf_clear(&out);
}

static void cases_that_hold_pass(void **state)
{
    (void)state;
    good("- {labels: {alertname: A}, receivers: [desk], group: {alertname: A}}\n"
         "- {labels: {alertname: A, team: db}, receivers: [db]}\n"
         "- labels: {alertname: A, team: db, severity: critical, site: x}\n"
         "  receivers: [db, sre]\n"
         "  groups: [{alertname: A}, {alertname: A, site: x}]\n");
    good("- {labels: {}, receivers: [desk], group: {}}\n");
}

/* 19:00 UTC is 20:00 in the zone. */
static void time_mutes_and_moves_with_the_zone(void **state)
{
    (void)state;
    good(
        "- {labels: {team: db}, time: 2026-01-01T18:59:59Z, receivers: [db]}\n"
        "- {labels: {team: db}, time: '2026-01-01T19:00:00Z', receivers: []}\n"
        "- {labels: {team: db, severity: critical}, time: 2026-01-01T19:00:00Z, receivers: [sre]}\n"
        "- {labels: {team: db}, receivers: [db]}\n");
}

static void a_difference_is_shown(void **state)
{
    (void)state;
    differs("- name: the desk takes it\n"
            "  labels: {team: db, alertname: A}\n"
            "  time: 2026-01-01T21:00:00Z\n"
            "  receivers: [db, nobody]\n"
            "- {labels: {}, receivers: [desk]}\n",
            "FAILED cases.yml:1: the desk takes it\n"
            "  labels     {alertname=\"A\", team=\"db\"}\n"
            "  time       2026-01-01T21:00:00Z\n"
            "- receivers  db, nobody\n"
            "+ receivers  (none)\n"
            "  note       the configuration has no receiver \"nobody\"\n"
            "  muted      db (nights)\n"
            "\n"
            "1 of 2 cases failed\n");
    differs("- {labels: {team: db, severity: critical}, receivers: [sre, db]}\n",
            "FAILED cases.yml:1\n"
            "  labels     {severity=\"critical\", team=\"db\"}\n"
            "- receivers  sre, db\n"
            "+ receivers  db, sre\n"
            "\n"
            "1 of 1 cases failed\n");
}

static void a_group_is_compared(void **state)
{
    (void)state;
    differs("- labels: {alertname: A, severity: critical, site: x}\n"
            "  receivers: [sre]\n"
            "  group: {alertname: A}\n",
            "FAILED cases.yml:1\n"
            "  labels     {alertname=\"A\", severity=\"critical\", site=\"x\"}\n"
            "  group of sre\n"
            "- group      {alertname=\"A\"}\n"
            "+ group      {alertname=\"A\", site=\"x\"}\n"
            "\n"
            "1 of 1 cases failed\n");
}

static void bad_files_name_the_line(void **state)
{
    (void)state;
    refused("", "cases.yml:1: there are no cases");
    refused("a: b\n", "cases.yml:1: a file of cases must be a list, not a map");
    refused("- {labels: {a: b}}\n", "cases.yml:1: missing receivers in case");
    refused("- {labels: {a: b}, receivers: [desk], tiem: x}\n",
            "cases.yml:1: field tiem not found in case; it may have: name, labels, time, "
            "receivers, group, groups");
    refused("- {labels: {a: b}, receivers: [desk],\n   time: soon}\n",
            "cases.yml:2: \"soon\" is no RFC 3339 time");
    refused("- {labels: {a: [b]}, receivers: [desk]}\n",
            "cases.yml:1: a label must be a single value, not a list");
    refused("- {labels: {a: b}, receivers: [db, sre], groups: [{}]}\n",
            "cases.yml:1: groups needs one for each of the receivers");
    refused("- {labels: {a: b}, receivers: [db], groups: [{}], group: {}}\n",
            "cases.yml:1: group and groups exclude each other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_that_hold_pass),
        cmocka_unit_test(time_mutes_and_moves_with_the_zone),
        cmocka_unit_test(a_difference_is_shown),
        cmocka_unit_test(a_group_is_compared),
        cmocka_unit_test(bad_files_name_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
