/* What survives the end of the process, and what a reload leaves alone, in virtual time. */
#include "edge/core/edge_internal.h"
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG_OF(routes) \
    "route:\n" \
    "  receiver: team\n" \
    "  group_by: [alertname]\n" \
    "  group_wait: 30s\n" \
    "  group_interval: 5m\n" \
    "  repeat_interval: 4h\n" routes "receivers:\n" \
    "- {name: team, webhook_configs: [{url: 'http://team.example/hook'}]}\n" \
    "- {name: other, webhook_configs: [{url: 'http://other.example/hook'}]}\n"
#define CONFIG CONFIG_OF("")
#define ALERT(name, instance, ends) \
    "[{\"labels\":{\"alertname\":\"" name "\",\"instance\":\"" instance "\"},\"endsAt\":\"" ends \
    "\"}]"
#define ENDED(name, instance) \
    "[{\"labels\":{\"alertname\":\"" name "\",\"instance\":\"" instance \
    "\"},\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"2026-01-01T00:00:00Z\"}]"
#define FAR "2026-02-01T00:00:00Z"

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        print_error("wanted: %s\nin: %s\n", part, text);
    assert_non_null(strstr(text, part));
}

static void accept_one(struct driver *d)
{
    assert_int_equal(driver_open_sends(d), 1);
    driver_deliver(d, driver_open_send(d, 0)->id, 200);
}

static size_t rows_of(const struct driver *d, uint32_t kind)
{
    size_t n = 0;

    for (size_t i = 0; i < d->rows.n; i++)
        n += d->rows.v[i].kind == kind;
    return n;
}

/* Without a step of the engine. */
static void sleep_ms(struct driver *d, int64_t ms)
{
    d->now.mono_ms += ms;
    d->now.wall_ms += ms;
}

static void a_waiting_group_goes_on_waiting(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_advance(&d, 10 * MS_PER_S);
    edge_restart(&d, CONFIG, NULL);
    driver_advance(&d, 20 * MS_PER_S - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "first notification");
    accept_one(&d);
    /* the same between two flushes */
    edge_post(&d, ALERT("Down", "b", FAR));
    driver_advance(&d, MS_PER_MIN);
    edge_restart(&d, CONFIG, NULL);
    driver_advance(&d, 4 * MS_PER_MIN - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "new alerts added");
    edge_teardown(&d);
}

static void what_was_due_meanwhile_is_due_at_once(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    sleep_ms(&d, MS_PER_H);
    edge_restart(&d, CONFIG, NULL);
    driver_settle(&d);
    accept_one(&d);
    edge_teardown(&d);
}

/* A clock that was set back does not put a group off for longer than its own delay. */
static void a_clock_set_back_delays_by_one_delay_at_most(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_advance(&d, 10 * MS_PER_S);
    d.now.wall_ms -= MS_PER_DAY;
    edge_restart(&d, CONFIG, NULL);
    driver_advance(&d, 30 * MS_PER_S - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    accept_one(&d);
    edge_teardown(&d);
}

static void a_flush_that_was_cut_off_begins_again(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_advance(&d, 31 * MS_PER_S);
    assert_int_equal(driver_open_sends(&d), 1); /* and no answer came */
    edge_restart(&d, CONFIG, NULL);
    driver_settle(&d);
    accept_one(&d);
    edge_teardown(&d);
}

static void an_owed_resolve_is_told(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    edge_post(&d, ENDED("Down", "a"));
    edge_restart(&d, CONFIG, NULL);
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_contains(driver_open_send(&d, 0)->body.p, "all alerts resolved");
    accept_one(&d);
    edge_restart(&d, CONFIG, NULL); /* told: it is not owed any more */
    driver_advance(&d, MS_PER_H);
    assert_int_equal(driver_open_sends(&d), 0);
    assert_int_equal(rows_of(&d, EDGE_ROW_ALERT), 0);
    assert_int_equal(rows_of(&d, EDGE_ROW_GROUP), 0);
    edge_teardown(&d);
}

static void an_alert_ends_by_its_own_end(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", "2026-01-01T00:10:00Z"));
    edge_post(&d, ALERT("Gone", "a", "2026-01-01T00:02:00Z"));
    edge_post(&d, ALERT("Never", "a", "2026-01-01T00:02:00Z"));
    driver_advance(&d, 30 * MS_PER_S);
    assert_int_equal(driver_open_sends(&d), 3);
    driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    sleep_ms(&d,
             4 * MS_PER_MIN); /* Never was not delivered, and ends like Gone while we are down */
    edge_restart(&d, CONFIG, NULL);
    driver_advance(&d, MS_PER_MIN);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"alertname\":\"Gone\"");
    assert_contains(driver_open_send(&d, 0)->body.p, "\"endsAt\":\"2026-01-01T00:02:00.000Z\"");
    assert_contains(driver_open_send(&d, 0)->body.p, "all alerts resolved");
    accept_one(&d);
    driver_advance(&d, 5 * MS_PER_MIN); /* 00:10:30 */
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"endsAt\":\"2026-01-01T00:10:00.000Z\"");
    edge_teardown(&d);
}

/* B goes on firing: A's end, already told, must not be told again with it. */
static void a_told_resolve_does_not_come_back(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    edge_post(&d, ALERT("Down", "b", FAR));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    edge_post(&d, ENDED("Down", "a"));
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_contains(driver_open_send(&d, 0)->body.p, "some alerts resolved");
    accept_one(&d);
    driver_advance(&d,
                   4 * MS_PER_H +
                       5 * MS_PER_MIN); /* the repetition's log entry knows nothing of A any more */
    assert_contains(driver_open_send(&d, 0)->body.p, "repeat interval elapsed");
    accept_one(&d);
    edge_reconfigure(&d, CONFIG_OF("  routes: [{matchers: [x = y]}]\n"), NULL);
    driver_advance(&d, MS_PER_H);
    edge_restart(&d, CONFIG, NULL);
    driver_advance(&d, MS_PER_H);
    assert_int_equal(driver_open_sends(&d), 0);
    edge_teardown(&d);
}

/* Another route before ours is no reason to tell anything, nor to lose a timer. */
static void a_reload_leaves_routes_alone_that_did_not_change(void **state)
{
    static const char before[] = CONFIG_OF("  routes:\n"
                                           "  - {matchers: [alertname = Down], receiver: other}\n");
    static const char after[] = CONFIG_OF("  routes:\n"
                                          "  - {matchers: [x = y]}\n"
                                          "  - {matchers: [alertname = Down], receiver: other}\n");
    struct driver d;

    (void)state;
    edge_setup(&d, before, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    edge_post(&d, ALERT("Down", "b", FAR));
    driver_advance(&d, MS_PER_MIN);
    edge_reconfigure(&d, after, NULL);
    driver_advance(&d, 4 * MS_PER_MIN - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "new alerts added");
    accept_one(&d);
    edge_post(&d, ALERT("Down", "c", FAR)); /* and a restart finds the timer, too */
    driver_advance(&d, MS_PER_MIN);
    edge_restart(&d, before, NULL);
    driver_advance(&d, 4 * MS_PER_MIN - 1);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    accept_one(&d);
    edge_teardown(&d);
}

/* Its end was muted, which is as good as said: a reload does not bring it up again. */
static void a_reload_does_not_tell_what_was_forgotten(void **state)
{
    static const char silence[] =
        "{\"matchers\":[{\"name\":\"alertname\",\"value\":\"Down\",\"isRegex\":false}],"
        "\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"2026-01-01T00:10:00Z\","
        "\"createdBy\":\"\",\"comment\":\"\"}";
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    driver_request(&d, "POST", "/api/v2/silences", "", silence);
    edge_post(&d, ENDED("Down", "a"));
    driver_advance(&d, 10 * MS_PER_MIN);
    edge_reconfigure(&d, CONFIG_OF("  routes: [{matchers: [x = y]}]\n"), NULL);
    driver_advance(&d, 10 * MS_PER_MIN);
    assert_int_equal(driver_open_sends(&d), 0);
    edge_teardown(&d);
}

/* The route of a firing group changes: what the old one was told of, the new one is told the end
 * of, since the log knows them as the same. */
static void a_changed_route_takes_over_what_is_owed(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_OF("  routes: [{matchers: [alertname = Down], receiver: other}]\n"),
               NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_advance(&d, 30 * MS_PER_S);
    accept_one(&d);
    edge_post(&d, ENDED("Down", "a"));
    driver_advance(&d, 1);
    edge_reconfigure(
        &d,
        CONFIG_OF(
            "  routes: [{matchers: [alertname = Down], receiver: other, group_interval: 1m}]\n"),
        NULL);
    driver_settle(&d);
    assert_contains(driver_open_send(&d, 0)->body.p, "all alerts resolved");
    accept_one(&d);
    edge_teardown(&d);
}

static void of_two_equal_routes_each_keeps_its_own(void **state)
{
    static const char config[] =
        CONFIG_OF("  routes:\n"
                  "  - {matchers: [alertname = Down], continue: true}\n"
                  "  - {matchers: [alertname = Down], receiver: other, group_wait: 1m}\n");
    struct driver d;

    (void)state;
    edge_setup(&d, config, NULL);
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_advance(&d, 10 * MS_PER_S);
    edge_restart(&d, config, NULL);
    driver_advance(&d, 20 * MS_PER_S);
    assert_string_equal(driver_open_send(&d, 0)->url.p, "http://team.example/hook");
    accept_one(&d);
    driver_advance(&d, 30 * MS_PER_S);
    assert_string_equal(driver_open_send(&d, 0)->url.p, "http://other.example/hook");
    accept_one(&d);
    edge_teardown(&d);
}

static void refused_rows_are_put_again(void **state)
{
    struct driver d;
    size_t alerts, groups;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    d.manual_store = true;
    edge_post(&d, ALERT("Down", "a", FAR));
    edge_post(&d, ALERT("Up", "a", FAR));
    alerts = rows_of(&d, EDGE_ROW_ALERT);
    groups = rows_of(&d, EDGE_ROW_GROUP);
    assert_int_equal(alerts, 2);
    assert_int_equal(groups, 2);
    for (size_t i = 0; i < d.rows.n; i++) {
        free(d.rows.v[i].key.p);
        free(d.rows.v[i].value.p);
    }
    d.rows.n = 0;
    driver_stored(&d, d.txn, STORE_FULL);
    driver_stored(&d, d.txn, STORE_OK);
    driver_settle(&d);
    assert_int_equal(rows_of(&d, EDGE_ROW_ALERT), alerts);
    assert_int_equal(rows_of(&d, EDGE_ROW_GROUP), groups);
    edge_teardown(&d);
}

/* What room is left belongs to others. */
static void a_failing_store_is_spared_and_caught_up_with(void **state)
{
    struct driver d;
    uint64_t txn;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    d.manual_store = true;
    edge_post(&d, ALERT("Down", "a", FAR));
    driver_stored(&d, d.txn, STORE_UNKNOWN);
    txn = d.txn;
    edge_post(&d, ALERT("Up", "a", FAR));
    driver_advance(&d, MS_PER_MIN);
    assert_int_equal(driver_open_sends(&d), 2); /* and nobody waits for it */
    assert_int_equal(d.txn, txn);
    driver_stored(&d, txn, STORE_OK);
    driver_settle(&d);
    assert_int_equal(rows_of(&d, EDGE_ROW_ALERT), 2);
    assert_int_equal(rows_of(&d, EDGE_ROW_GROUP), 1); /* Down's: the flush of Up is under way */
    edge_teardown(&d);
}

/* A source that repeats its alert every minute costs one row more, not one a minute. */
static void repetitions_are_not_written(void **state)
{
    struct driver d;
    uint64_t txn;
    char body[160];

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, ALERT("Down", "a", "2026-01-01T00:04:00Z"));
    edge_post(&d, ALERT("Down", "a", "2026-01-01T00:04:01Z"));
    txn = d.txn;
    for (int i = 2; i < 60; i++) {
        (void)snprintf(body, sizeof(body),
                       "[{\"labels\":{\"alertname\":\"Down\",\"instance\":\"a\"},\"endsAt\":"
                       "\"2026-01-01T00:04:%02dZ\"}]",
                       i);
        edge_post(&d, body);
    }
    assert_int_equal(d.txn, txn);
    edge_teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiting_group_goes_on_waiting),
        cmocka_unit_test(what_was_due_meanwhile_is_due_at_once),
        cmocka_unit_test(a_clock_set_back_delays_by_one_delay_at_most),
        cmocka_unit_test(a_flush_that_was_cut_off_begins_again),
        cmocka_unit_test(an_owed_resolve_is_told),
        cmocka_unit_test(an_alert_ends_by_its_own_end),
        cmocka_unit_test(a_told_resolve_does_not_come_back),
        cmocka_unit_test(a_reload_leaves_routes_alone_that_did_not_change),
        cmocka_unit_test(a_reload_does_not_tell_what_was_forgotten),
        cmocka_unit_test(a_changed_route_takes_over_what_is_owed),
        cmocka_unit_test(of_two_equal_routes_each_keeps_its_own),
        cmocka_unit_test(refused_rows_are_put_again),
        cmocka_unit_test(a_failing_store_is_spared_and_caught_up_with),
        cmocka_unit_test(repetitions_are_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
