/* What Alertmanager's acceptance tests ask of its API and of labels in UTF-8, in virtual time:
 * every answer is right at the very millisecond of the change before it. */
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG_PLAIN \
    "route: {receiver: default, group_by: [], group_wait: 1s, group_interval: 10m, " \
    "repeat_interval: 1h}\n" \
    "receivers: [{name: default, webhook_configs: [{url: 'http://hook.example/'}]}]\n"
#define CONFIG_INHIBIT \
    CONFIG_PLAIN \
    "inhibit_rules: [{source_match: {severity: critical}, target_match: {severity: warning}, " \
    "equal: [alertname]}]\n"

/* Fingerprints of {alertname="test1", severity="warning"} and of the critical one. */
#define WARNING_FP "8f14a41207c8456c"
#define CRITICAL_FP "4d68350aea315959"
#define TIMES "\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"2026-01-01T00:05:00Z\""
#define WARNING "[{\"labels\":{\"alertname\":\"test1\",\"severity\":\"warning\"}," TIMES "}]"
#define CRITICAL "[{\"labels\":{\"alertname\":\"test1\",\"severity\":\"critical\"}," TIMES "}]"
#define SILENCE(name, value) \
    "{\"matchers\":[{\"name\":\"" name "\",\"value\":\"" value "\",\"isRegex\":false}]," TIMES \
    ",\"createdBy\":\"a\",\"comment\":\"a\"}"

/* Labels whose names are no identifiers: a digit first, a Greek letter, an emoji. */
#define UTF8_LABELS "\"00\":\"b\",\"a\":\"a\",\"Σ\":\"c\",\"🙂\":\"dΘ\""
#define UTF8_ALERT "[{\"labels\":{" UTF8_LABELS "}," TIMES "}]"
/* 00=b, Σ=c, and the emoji's name by its escaped bytes, in quotes; all in one query. */
#define UTF8_FILTER \
    "filter=00%3Db&filter=%CE%A3%3Dc&" \
    "filter=%22%5Cxf0%5Cx9f%5Cx99%5Cx82%22%3Dd%CE%98"

static const char *get(struct driver *d, const char *path, const char *query)
{
    const struct driver_reply *r = edge_ask(d, "GET", path, query, "");

    if (r->status != 200)
        fail_msg("%s?%s: %d %s", path, query, r->status, r->body.p);
    return r->body.p;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("wanted %s in %s", part, text);
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

/* The status of the alert with that fingerprint as the list shows it now. */
static void assert_status(struct driver *d, const char *fp, const char *inhibited_by,
                          const char *silenced_by, const char *state)
{
    char want[256];
    const char *list = get(d, "/api/v2/alerts", ""), *at;

    (void)snprintf(want, sizeof(want), "\"fingerprint\":\"%s\"", fp);
    at = strstr(list, want);
    if (at == NULL)
        fail_msg("no alert %s in %s", fp, list);
    at = strstr(at, "\"status\":");
    assert_non_null(at);
    (void)snprintf(want, sizeof(want),
                   "\"status\":{\"inhibitedBy\":[%s],\"mutedBy\":[],\"silencedBy\":[%s],"
                   "\"state\":\"%s\"}",
                   inhibited_by, silenced_by, state);
    if (strncmp(at, want, strlen(want)) != 0)
        fail_msg("wanted %s: %.200s", want, at);
}

static void a_status_is_that_of_the_moment(void **state)
{
    struct driver d;
    char id[40], path[80];
    const struct driver_reply *r;

    (void)state;
    edge_setup(&d, CONFIG_INHIBIT, NULL);
    assert_int_equal(edge_post(&d, WARNING), 200);
    assert_status(&d, WARNING_FP, "", "", "active");
    driver_advance(&d, 2 * MS_PER_S); /* the group was flushed; it will not be for ten minutes */
    assert_int_equal(driver_open_sends(&d), 1);
    assert_int_equal(driver_open_send(&d, 0)->at_mono_ms, DRIVER_MONO_START + MS_PER_S);
    driver_deliver(&d, driver_open_send(&d, 0)->id, 200);

    r = edge_ask(&d, "POST", "/api/v2/silences", "", SILENCE("alertname", "test1"));
    assert_int_equal(r->status, 200);
    (void)snprintf(id, sizeof(id), "\"%.36s\"",
                   strstr(r->body.p, "\"silenceID\":\"") + strlen("\"silenceID\":\""));
    assert_status(&d, WARNING_FP, "", id, "suppressed");

    assert_int_equal(edge_post(&d, CRITICAL), 200);
    assert_status(&d, WARNING_FP, "\"" CRITICAL_FP "\"", id, "suppressed");
    assert_status(&d, CRITICAL_FP, "", id, "suppressed");

    (void)snprintf(path, sizeof(path), "/api/v2/silence/%.36s", id + 1);
    assert_int_equal(edge_ask(&d, "DELETE", path, "", "")->status, 200);
    assert_status(&d, WARNING_FP, "\"" CRITICAL_FP "\"", "", "suppressed");
    assert_status(&d, CRITICAL_FP, "", "", "active");
    edge_teardown(&d);
}

/* The alerts end at 00:05:00.000: they are listed up to that instant, and not a millisecond more.
 */
static void an_alert_is_listed_until_its_end(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_INHIBIT, NULL);
    edge_post(&d, WARNING);
    edge_post(&d, CRITICAL);
    driver_advance(&d, 5 * MS_PER_MIN - 1);
    assert_int_equal(count(get(&d, "/api/v2/alerts", ""), "\"fingerprint\""), 2);
    assert_status(&d, WARNING_FP, "\"" CRITICAL_FP "\"", "", "suppressed");
    driver_advance(&d, 2);
    assert_string_equal(get(&d, "/api/v2/alerts", ""), "[]\n");
    assert_string_equal(get(&d, "/api/v2/alerts/groups", ""), "[]\n");
    edge_teardown(&d);
}

static void all_filters_of_a_query_must_hold(void **state)
{
    struct driver d;
    const char *list;

    (void)state;
    edge_setup(&d, CONFIG_INHIBIT, NULL);
    edge_post(&d, "[{\"labels\":{\"alertname\":\"test1\",\"severity\":\"warning\"}," TIMES "},"
                  "{\"labels\":{\"system\":\"foo\",\"severity\":\"critical\"}," TIMES "}]");
    list = get(&d, "/api/v2/alerts", "filter=alertname%3Dtest1&filter=severity%3Dwarning");
    assert_int_equal(count(list, "\"fingerprint\""), 1);
    assert_contains(list, "\"state\":\"active\"}");
    assert_contains(list, "\"labels\":{\"alertname\":\"test1\",\"severity\":\"warning\"}");
    list = get(&d, "/api/v2/alerts", "filter=alertname%3Dtest1&filter=severity%3Dcritical");
    assert_string_equal(list, "[]\n");
    edge_teardown(&d);
}

static void labels_may_have_any_name_in_utf8(void **state)
{
    static const char *const queries[] = {"", UTF8_FILTER};
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    assert_int_equal(edge_post(&d, UTF8_ALERT), 200);
    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        const char *list = get(&d, "/api/v2/alerts", queries[i]);

        assert_int_equal(count(list, "\"fingerprint\""), 1);
        assert_contains(list, "\"labels\":{" UTF8_LABELS "}");
        list = get(&d, "/api/v2/alerts/groups", queries[i]);
        assert_int_equal(count(list, "\"fingerprint\""), 1);
        assert_contains(list, "\"labels\":{" UTF8_LABELS "}");
    }
    assert_string_equal(get(&d, "/api/v2/alerts", UTF8_FILTER "&filter=%CE%A3%3Dd"), "[]\n");
    edge_teardown(&d);
}

static void classic_mode_refuses_such_labels(void **state)
{
    struct driver d;
    const struct driver_reply *r;

    (void)state;
    edge_setup_mode(&d, CONFIG_PLAIN, MATCHER_CLASSIC);
    r = edge_ask(&d, "POST", "/api/v2/alerts", "", UTF8_ALERT);
    assert_int_equal(r->status, 400);
    assert_contains(r->body.p, "invalid label set: invalid name ");
    r = edge_ask(&d, "POST", "/api/v2/alerts", "",
                 "[{\"labels\":{\"a\":\"ü\"},\"annotations\":{\"Σ\":\"c\"}}]");
    assert_int_equal(r->status, 400);
    assert_contains(r->body.p, "invalid annotations: invalid name ");
    assert_int_equal(edge_post(&d, "[{\"labels\":{\"_a1\":\"Σ\"}," TIMES "}]"), 200);
    assert_int_equal(count(get(&d, "/api/v2/alerts", "filter=_a1%3D%CE%A3"), "\"_a1\""), 1);
    /* A brace is a character of the value here, and a mistake in the other modes. */
    assert_string_equal(get(&d, "/api/v2/alerts", "filter=_a1%3D%CE%A3%7D"), "[]\n");
    assert_int_equal(edge_ask(&d, "GET", "/api/v2/alerts", "filter=%CE%A3%3Dc", "")->status, 400);
    edge_teardown(&d);
}

static void strict_mode_reads_filters_by_the_new_syntax_alone(void **state)
{
    struct driver d;

    (void)state;
    edge_setup_mode(&d, CONFIG_PLAIN, MATCHER_UTF8);
    assert_int_equal(edge_post(&d, UTF8_ALERT), 200);
    assert_int_equal(count(get(&d, "/api/v2/alerts", UTF8_FILTER), "\"fingerprint\""), 1);
    /* An empty value without quotes is of the old syntax. */
    assert_int_equal(edge_ask(&d, "GET", "/api/v2/alerts", "filter=foo%3D", "")->status, 400);
    edge_teardown(&d);
    edge_setup(&d, CONFIG_PLAIN, NULL);
    assert_int_equal(edge_ask(&d, "GET", "/api/v2/alerts", "filter=foo%3D", "")->status, 200);
    assert_int_equal(edge_ask(&d, "GET", "/api/v2/alerts", "filter=foo%3Dx%7D", "")->status, 400);
    edge_teardown(&d);
}

static void silences_may_name_labels_in_utf8(void **state)
{
    static const char *const queries[] = {"", "filter=foo%CE%A3%3Dbar%F0%9F%99%82"};
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    assert_int_equal(
        edge_ask(&d, "POST", "/api/v2/silences", "", SILENCE("fooΣ", "bar🙂"))->status, 200);
    for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
        assert_contains(get(&d, "/api/v2/silences", queries[i]),
                        "\"matchers\":[{\"isEqual\":true,\"isRegex\":false,\"name\":\"fooΣ\","
                        "\"value\":\"bar🙂\"}]");
    assert_string_equal(get(&d, "/api/v2/silences", "filter=foo%CE%A3%3Dbar"), "[]\n");
    edge_teardown(&d);
}

static void classic_mode_refuses_such_silences(void **state)
{
    struct driver d;
    const struct driver_reply *r;

    (void)state;
    edge_setup_mode(&d, CONFIG_PLAIN, MATCHER_CLASSIC);
    r = edge_ask(&d, "POST", "/api/v2/silences", "", SILENCE("fooΣ", "bar🙂"));
    assert_int_equal(r->status, 400);
    assert_contains(r->body.p, "invalid silence: invalid label matcher");
    edge_teardown(&d);
}

static void routes_and_groups_go_by_names_in_utf8(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d,
               "route:\n"
               "  receiver: default\n"
               "  routes: [{receiver: webhook, matchers: [foo🙂=bar], group_by: [foo🙂], "
               "group_wait: 1s}]\n"
               "receivers: [{name: default}, {name: webhook, webhook_configs: [{url: "
               "'http://hook.example/'}]}]\n",
               NULL);
    driver_advance(&d, MS_PER_S);
    edge_post(&d, "[{\"labels\":{\"foo🙂\":\"bar\"},\"startsAt\":\"2026-01-01T00:00:01Z\"}]");
    driver_advance(&d, MS_PER_S - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"groupLabels\":{\"foo🙂\":\"bar\"}");
    assert_contains(driver_open_send(&d, 0)->body.p,
                    "\"groupKey\":\"{}/{foo🙂=\\\"bar\\\"}:{foo🙂=\\\"bar\\\"}\"");
    edge_teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_is_that_of_the_moment),
        cmocka_unit_test(an_alert_is_listed_until_its_end),
        cmocka_unit_test(all_filters_of_a_query_must_hold),
        cmocka_unit_test(labels_may_have_any_name_in_utf8),
        cmocka_unit_test(classic_mode_refuses_such_labels),
        cmocka_unit_test(strict_mode_reads_filters_by_the_new_syntax_alone),
        cmocka_unit_test(silences_may_name_labels_in_utf8),
        cmocka_unit_test(classic_mode_refuses_such_silences),
        cmocka_unit_test(routes_and_groups_go_by_names_in_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
