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

static void a_second_alert_waits_group_interval(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "b", LONG)));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 5 * MS_PER_MIN - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_contains(driver_open_send(&d, 0)->body.p,
                    "\"notification_reason\":\"new alerts added\"");
    assert_contains(driver_open_send(&d, 0)->body.p,
                    "\"instance\":\"a\"},\"annotations\":{},"); /* sorted: a stands first */
    assert_true(strstr(driver_open_send(&d, 0)->body.p, "\"instance\":\"a\"") <
                strstr(driver_open_send(&d, 0)->body.p, "\"instance\":\"b\""));
    accept_one(&d);
    assert_int_equal(driver_ledger_count(&d, LEDGER_NOTIFIED), 2);
    edge_teardown(&d);
}

static void an_old_alert_does_not_wait(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a",
                             ",\"startsAt\":\"2025-12-31T23:59:29.999Z\","
                             "\"endsAt\":\"2026-02-01T00:00:00Z\"")));
    assert_int_equal(driver_open_sends(&d), 1);
    edge_teardown(&d);
}

static void a_resolved_alert_is_told_once_and_leaves(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    edge_post(&d, POST(ALERT("Down", "a",
                             ",\"startsAt\":\"2026-01-01T00:00:00Z\","
                             "\"endsAt\":\"2026-01-01T00:00:30Z\"")));
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"status\":\"resolved\",\"alerts\"");
    assert_contains(driver_open_send(&d, 0)->body.p, "\"endsAt\":\"2026-01-01T00:00:30.000Z\"");
    assert_contains(driver_open_send(&d, 0)->body.p, "all alerts resolved");
    accept_one(&d);
    driver_advance(&d, 24 * MS_PER_H);
    assert_int_equal(driver_open_sends(&d), 0);
    /* The group is gone: a new firing waits group_wait again, and is a first notification. */
    edge_post(&d, POST("{\"labels\":{\"alertname\":\"Down\",\"instance\":\"a\"}}"));
    driver_advance(&d, 30 * MS_PER_S - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "first notification");
    edge_teardown(&d);
}

static void what_resolves_before_group_wait_is_not_told(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 10 * MS_PER_S);
    edge_post(&d, POST(ALERT("Down", "a",
                             ",\"startsAt\":\"2026-01-01T00:00:00Z\","
                             "\"endsAt\":\"2026-01-01T00:00:05Z\"")));
    driver_advance(&d, MS_PER_H);
    assert_int_equal(driver_open_sends(&d), 0);
    edge_teardown(&d);
}

static void silence_of_the_source_resolves(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST("{\"labels\":{\"alertname\":\"Down\"}}")); /* no endsAt: resolve_timeout */
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    driver_advance(&d, 4 * MS_PER_MIN + 30 * MS_PER_S); /* resolves at 5m, told at 5m30s */
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 30 * MS_PER_S);
    assert_contains(driver_open_send(&d, 0)->body.p, "all alerts resolved");
    edge_teardown(&d);
}

static void a_step_of_the_wall_clock_resolves_nothing(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST("{\"labels\":{\"alertname\":\"Down\"}}"));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    d.now.wall_ms += 12 * MS_PER_H;
    driver_advance(&d, 4 * MS_PER_MIN);
    edge_post(&d, POST("{\"labels\":{\"alertname\":\"Down\"}}")); /* and it goes on firing */
    driver_advance(&d, 4 * MS_PER_MIN);
    assert_int_equal(driver_open_sends(&d), 0);
    edge_teardown(&d);
}

static void it_is_repeated_after_repeat_interval(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 30 * MS_PER_S);
    driver_advance(&d, 10); /* the answer takes a moment: the entry is younger than the flush */
    accept_one(&d);
    driver_advance(&d, 4 * MS_PER_H);
    assert_int_equal(driver_open_sends(&d), 0); /* the flush at 4 h is 10 ms too early */
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_contains(driver_open_send(&d, 0)->body.p, "repeat interval elapsed");
    accept_one(&d);
    edge_teardown(&d);
}

#define CONFIG_CONTINUE \
    "route:\n" \
    "  receiver: root\n" \
    "  group_wait: 0s\n" \
    "  routes:\n" \
    "  - {receiver: log, continue: true, matchers: ['severity=~\"page|mail\"']}\n" \
    "  - {receiver: team, matchers: ['severity=\"page\"']}\n" \
    "  - {receiver: never, matchers: ['severity=\"page\"']}\n" \
    "receivers:\n" \
    "- {name: root, webhook_configs: [{url: 'http://root/'}]}\n" \
    "- {name: log, webhook_configs: [{url: 'http://log/'}]}\n" \
    "- {name: never, webhook_configs: [{url: 'http://never/'}]}\n" \
    "- name: team\n" \
    "  webhook_configs: [{url: 'http://team/1'}, {url: 'http://team/2', send_resolved: false}]\n"

static void continue_goes_on_to_the_next_sibling(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_CONTINUE, NULL);
    edge_post(&d, "[{\"labels\":{\"severity\":\"page\"}}]");
    driver_settle(&d);
    assert_int_equal(driver_open_sends(&d), 3);
    assert_string_equal(driver_open_send(&d, 0)->url.p, "http://log/");
    assert_string_equal(driver_open_send(&d, 1)->url.p, "http://team/1");
    assert_string_equal(driver_open_send(&d, 2)->url.p, "http://team/2");
    assert_contains(driver_open_send(&d, 1)->body.p,
                    "\"groupKey\":\"{}/{severity=\\\"page\\\"}:{}\"");
    edge_teardown(&d);
}

static void one_failing_integration_does_not_repeat_the_other(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_CONTINUE, NULL);
    edge_post(&d, "[{\"labels\":{\"severity\":\"page\"},\"endsAt\":\"2026-02-01T00:00:00Z\","
                  "\"startsAt\":\"2026-01-01T00:00:00Z\"}]");
    driver_settle(&d);
    driver_deliver(&d, driver_open_send(&d, 0)->id, 200); /* log */
    driver_deliver(&d, driver_open_send(&d, 0)->id, 200); /* team/1 */
    driver_deliver(&d, driver_open_send(&d, 0)->id, 400); /* team/2: final */
    assert_int_equal(driver_ledger_count(&d, LEDGER_NOTIFY_FAILED), 1);
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_int_equal(driver_open_sends(&d), 1); /* at the next group_interval only team/2 */
    assert_string_equal(driver_open_send(&d, 0)->url.p, "http://team/2");
    accept_one(&d);
    edge_teardown(&d);
}

static void send_resolved_false_says_nothing_but_remembers(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_CONTINUE, NULL);
    edge_post(&d, "[{\"labels\":{\"severity\":\"page\"}}]");
    driver_settle(&d);
    while (driver_open_sends(&d) > 0)
        driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    driver_advance(&d, 5 * MS_PER_MIN); /* resolve_timeout, and the next flush */
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_int_equal(driver_open_sends(&d), 2); /* log, team/1 */
    while (driver_open_sends(&d) > 0)
        driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    edge_post(&d, "[{\"labels\":{\"severity\":\"page\"}}]");
    driver_settle(&d);
    assert_int_equal(driver_open_sends(&d), 3); /* the log was cleared: first notification */
    assert_contains(driver_open_send(&d, 2)->body.p, "first notification");
    edge_teardown(&d);
}

static void a_failing_receiver_is_retried_with_backoff_until_the_deadline(void **state)
{
    struct driver d;
    int64_t last = 0, shortest = INT64_MAX, longest = 0;
    unsigned attempts = 0;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 30 * MS_PER_S);
    while (driver_ledger_count(&d, LEDGER_NOTIFY_FAILED) == 0) {
        if (driver_open_sends(&d) > 0) {
            const struct driver_send *s = driver_open_send(&d, 0);

            if (attempts++ > 0) {
                shortest = min_i64(shortest, s->at_mono_ms - last);
                longest = max_i64(longest, s->at_mono_ms - last);
            }
            last = s->at_mono_ms;
            driver_deliver(&d, s->id, 503);
        }
        driver_advance(&d, 10);
    }
    assert_in_range(d.now.mono_ms - DRIVER_MONO_START, 330 * MS_PER_S, 330 * MS_PER_S + 20);
    assert_in_range(attempts, 10, 40);
    assert_in_range(shortest, 250, 1200);
    assert_in_range(longest, 10 * MS_PER_S, 90 * MS_PER_S);
    driver_settle(&d); /* the next flush stands at the same instant, and tries again */
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "first notification");
    edge_teardown(&d);
}

static void a_send_without_an_answer_is_cancelled_at_the_deadline(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 30 * MS_PER_S);
    assert_int_equal(driver_open_send(&d, 0)->timeout_ms, 5 * MS_PER_MIN);
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_true(d.sends.v[0].cancelled);
    assert_int_equal(driver_open_sends(&d), 1); /* the next flush */
    driver_deliver_full(&d, &(struct engine_delivery){.send_id = d.sends.v[0].id, /* too late */
                                                      .outcome = SEND_NOT_SENT,
                                                      .retry_after_ms = -1});
    assert_int_equal(driver_open_sends(&d), 1);
    edge_teardown(&d);
}

static void transport_errors_and_429_are_tried_again(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 30 * MS_PER_S);
    driver_deliver_full(&d, &(struct engine_delivery){.send_id = driver_open_send(&d, 0)->id,
                                                      .outcome = SEND_AMBIGUOUS,
                                                      .retry_after_ms = -1,
                                                      .error = STR("reset")});
    driver_advance(&d, 1000);
    driver_deliver_full(&d, &(struct engine_delivery){.send_id = driver_open_send(&d, 0)->id,
                                                      .outcome = SEND_ANSWERED,
                                                      .status = 429,
                                                      .retry_after_ms = 20000});
    driver_advance(&d, 19999);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    accept_one(&d);
    assert_int_equal(driver_ledger_count(&d, LEDGER_NOTIFIED), 1);
    edge_teardown(&d);
}

static void a_restart_repeats_nothing(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    assert_int_equal(d.rows.n, 3); /* the alert, its group, the log's entry */
    driver_advance(&d, MS_PER_MIN);
    edge_restart(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG))); /* old by now: its group does not wait */
    driver_settle(&d);
    driver_advance(&d, MS_PER_H);
    assert_int_equal(d.sends.n, 0);
    edge_post(&d, POST(ALERT("Down", "b", LONG)));
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_contains(driver_open_send(&d, 0)->body.p, "new alerts added");
    edge_teardown(&d);
}

static void log_entries_expire(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST("{\"labels\":{\"alertname\":\"Down\"}}"));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    driver_advance(&d, 6 * MS_PER_MIN);
    accept_one(&d);                   /* resolved */
    driver_advance(&d, 9 * MS_PER_H); /* 2 × repeat_interval */
    assert_int_equal(d.rows.n, 0);
    edge_teardown(&d);
}

static void a_reload_of_the_same_routes_notifies_nobody(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 20 * MS_PER_S);
    edge_reconfigure(&d, CONFIG_PLAIN, NULL); /* group_wait goes on where it was */
    driver_advance(&d, 10 * MS_PER_S - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    edge_reconfigure(&d, CONFIG_PLAIN, NULL); /* with a send under way */
    accept_one(&d);
    edge_reconfigure(&d, CONFIG_PLAIN, NULL);
    driver_advance(&d, MS_PER_H);
    assert_int_equal(driver_open_sends(&d), 0);
    edge_teardown(&d);
}

static void a_reload_with_other_routes_regroups(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_advance(&d, 31 * MS_PER_S);
    edge_reconfigure(&d, CONFIG_CONTINUE, NULL);
    assert_true(d.sends.v[0].cancelled);
    driver_settle(&d);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_string_equal(driver_open_send(&d, 0)->url.p, "http://root/");
    edge_teardown(&d);
}

static void an_alert_that_fires_again_while_its_end_is_told_stays(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, POST("{\"labels\":{\"alertname\":\"Down\"}}"));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    driver_advance(&d, 5 * MS_PER_MIN); /* resolved: its end is on the way to the receiver */
    assert_int_equal(driver_open_sends(&d), 1);
    edge_post(&d, POST("{\"labels\":{\"alertname\":\"Down\"}" LONG "}"));
    accept_one(&d);
    driver_advance(&d, 5 * MS_PER_MIN - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "first notification");
    edge_teardown(&d);
}

static void a_flush_that_came_due_meanwhile_follows_at_once(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d,
               "route: {receiver: r, group_wait: 0s, group_interval: 1s}\n"
               "receivers: [{name: r, webhook_configs: [{url: 'http://r/'}]}]\n",
               NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_settle(&d);
    edge_post(&d, POST(ALERT("Down", "b", LONG)));
    driver_advance(&d, 5 * MS_PER_S);
    assert_int_equal(driver_open_sends(&d), 1); /* one at a time */
    accept_one(&d);
    driver_settle(&d);
    assert_contains(driver_open_send(&d, 0)->body.p, "new alerts added");
    edge_teardown(&d);
}

/* Read and checked, but nobody can send it yet: each notification fails, and says so. */
static void a_receiver_without_a_sender_fails_aloud(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d,
               "route: {receiver: r, group_wait: 0s, group_interval: 1m}\n"
               "receivers:\n"
               "- name: r\n"
               "  pushover_configs: [{user_key: u, token: t}]\n"
               "  webhook_configs: [{url: 'http://r/'}, {url: 'http://r/', payload: {a: b}}]\n",
               NULL);
    edge_post(&d, POST(ALERT("Down", "a", LONG)));
    driver_settle(&d);
    assert_int_equal(driver_ledger_count(&d, LEDGER_NOTIFY_FAILED), 2);
    accept_one(&d); /* the plain webhook */
    driver_settle(&d);
    assert_int_equal(driver_ledger_count(&d, LEDGER_NOTIFIED), 1);
    /* What was not told is owed still: the next flush tries again, and the webhook is not repeated.
     */
    driver_advance(&d, MS_PER_MIN);
    assert_int_equal(driver_ledger_count(&d, LEDGER_NOTIFY_FAILED), 4);
    assert_int_equal(driver_open_sends(&d), 0);
    edge_teardown(&d);
}

static void the_same_inputs_give_the_same_digest(void **state)
{
    struct driver d[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        edge_setup(&d[i], CONFIG_CONTINUE, NULL);
        edge_post(&d[i], POST(ALERT("Down", "a", LONG) "," ALERT("Up", "b", LONG)));
        driver_advance(&d[i], 30 * MS_PER_S);
    }
    assert_true(engine_digest(d[0].engine) == engine_digest(d[1].engine));
    edge_post(&d[0], POST(ALERT("Other", "a", LONG)));
    assert_true(engine_digest(d[0].engine) != engine_digest(d[1].engine));
    edge_teardown(&d[0]);
    edge_teardown(&d[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_group_waits_group_wait),
        cmocka_unit_test(a_second_alert_waits_group_interval),
        cmocka_unit_test(an_old_alert_does_not_wait),
        cmocka_unit_test(a_resolved_alert_is_told_once_and_leaves),
        cmocka_unit_test(what_resolves_before_group_wait_is_not_told),
        cmocka_unit_test(silence_of_the_source_resolves),
        cmocka_unit_test(a_step_of_the_wall_clock_resolves_nothing),
        cmocka_unit_test(it_is_repeated_after_repeat_interval),
        cmocka_unit_test(continue_goes_on_to_the_next_sibling),
        cmocka_unit_test(one_failing_integration_does_not_repeat_the_other),
        cmocka_unit_test(send_resolved_false_says_nothing_but_remembers),
        cmocka_unit_test(a_failing_receiver_is_retried_with_backoff_until_the_deadline),
        cmocka_unit_test(a_send_without_an_answer_is_cancelled_at_the_deadline),
        cmocka_unit_test(transport_errors_and_429_are_tried_again),
        cmocka_unit_test(a_restart_repeats_nothing),
        cmocka_unit_test(log_entries_expire),
        cmocka_unit_test(a_reload_of_the_same_routes_notifies_nobody),
        cmocka_unit_test(a_reload_with_other_routes_regroups),
        cmocka_unit_test(an_alert_that_fires_again_while_its_end_is_told_stays),
        cmocka_unit_test(a_flush_that_came_due_meanwhile_follows_at_once),
        cmocka_unit_test(a_receiver_without_a_sender_fails_aloud),
        cmocka_unit_test(the_same_inputs_give_the_same_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
