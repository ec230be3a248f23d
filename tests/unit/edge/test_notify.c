/* From POST to the receiver, in virtual time: Alertmanager's timing rules. */
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG_PLAIN \
    "route:\n" \
    "  receiver: team\n" \
    "  group_by: [alertname]\n" \
    "  group_wait: 30s\n" \
    "  group_interval: 5m\n" \
    "  repeat_interval: 4h\n" \
    "receivers:\n" \
    "- name: team\n" \
    "  webhook_configs: [{url: 'http://team.example/hook'}]\n"

#define ALERT(name, instance, rest) \
    "{\"labels\":{\"alertname\":\"" name "\",\"instance\":\"" instance "\"}" rest "}"
#define POST(alerts) "[" alerts "]"
#define ENDED ",\"startsAt\":\"2025-12-31T23:00:00Z\",\"endsAt\":\"2025-12-31T23:30:00Z\""
#define LONG ",\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"2026-02-01T00:00:00Z\""

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        print_error("wanted: %s\nin: %s\n", part, text);
    assert_non_null(strstr(text, part));
}

/* The one open send, accepted by its receiver. */
static void accept_one(struct driver *d)
{
    assert_int_equal(driver_open_sends(d), 1);
    driver_deliver(d, driver_open_send(d, 0)->id, 200);
}

static void a_new_group_waits_group_wait(void **state)
{
    struct driver d;
    const struct driver_send *s;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    assert_int_equal(edge_post(&d, POST(ALERT("Down", "a", LONG))), 200);
    driver_advance(&d, 29999);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_int_equal(driver_open_sends(&d), 1);
    s = driver_open_send(&d, 0);
    assert_string_equal(s->url.p, "http://team.example/hook");
    assert_string_equal(s->headers.p, "User-Agent: Alertmanager/0.34.0\n");
    assert_string_equal(
        s->body.p,
        "{\"receiver\":\"team\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\","
        "\"labels\":{\"alertname\":\"Down\",\"instance\":\"a\"},\"annotations\":{},"
        "\"startsAt\":\"2026-01-01T00:00:00.000Z\",\"endsAt\":\"0001-01-01T00:00:00Z\","
        "\"generatorURL\":\"\",\"fingerprint\":\"b095cbba435360b4\"}],"
        "\"notification_reason\":\"first notification\",\"groupLabels\":{\"alertname\":\"Down\"},"
        "\"commonLabels\":{\"alertname\":\"Down\",\"instance\":\"a\"},\"commonAnnotations\":{},"
        "\"routeLabels\":{},\"externalURL\":\"http://edge.example:9093\",\"version\":\"4\","
        "\"groupKey\":\"{}:{alertname=\\\"Down\\\"}\",\"truncatedAlerts\":0}\n");
    edge_teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_group_waits_group_wait),
    };

    (void)accept_one;
    (void)assert_contains;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
