/* What the edge does with alerts that are forwarded: rows, durable answers, grace after a restart.
 */
#include "edge/core/edge_internal.h"
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG \
    "route: {receiver: team, group_wait: 0s, group_by: [alertname]}\n" \
    "receivers: [{name: team, webhook_configs: [{url: 'http://team.example/'}]}]\n"
#define NOBODY "route: {receiver: nobody, group_wait: 0s}\nreceivers: [{name: nobody}]\n"
#define FEDERATION \
    "version: 1\n" \
    "site: fra1\n" \
    "uplink:\n" \
    "  trust_domain: example.org\n" \
    "  tls: {cert_file: edge.pem, key_file: edge.key, ca_file: ca.pem}\n" \
    "  globals: [{name: g1, url: 'https://g1:9195'}]\n"

#define CRITICAL "[{\"labels\":{\"alertname\":\"Down\",\"severity\":\"critical\"}}]"
#define WARNING "[{\"labels\":{\"alertname\":\"Slow\",\"severity\":\"warning\"}}]"
#define CRITICAL_ENDED \
    "[{\"labels\":{\"alertname\":\"Down\",\"severity\":\"critical\"}," \
    "\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"2026-01-01T00:00:00Z\"}]"

static size_t alert_rows(const struct driver *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->rows.n; i++)
        n += d->rows.v[i].kind == EDGE_ROW_ALERT;
    return n;
}

/* The test's own alert; the edge adds some about its uplink, which never answers here. */
static const struct alert *the_alert(struct driver *d)
{
    const struct edge *e = edge_of(d->engine);
    const struct alert *a = alerts_from(e->alerts, 0);

    while (a != NULL && !str_eq_c(alert_label(a, STR("alertname")), "Down") &&
           !str_eq_c(alert_label(a, STR("alertname")), "Slow"))
        a = alerts_from(e->alerts, a->fp + 1);
    return a;
}

/* The open send about it; NULL for none. */
static const struct driver_send *the_send(struct driver *d)
{
    const struct driver_send *s = NULL;

    for (size_t i = 0; s == NULL && i < driver_open_sends(d); i++) {
        if (strstr(driver_open_send(d, i)->body.p, "\"alertname\":\"Down\"") != NULL)
            s = driver_open_send(d, i);
    }
    return s;
}

static void every_alert_that_fires_has_a_row(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, WARNING);
    assert_int_equal(alert_rows(&d), 1);
    edge_post(&d, CRITICAL);
    assert_int_equal(alert_rows(&d), 2);
    edge_teardown(&d);
}

static void the_answer_waits_for_the_disk(void **state)
{
    struct driver d;
    uint64_t first, again, other;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    d.manual_store = true;
    first = driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL);
    assert_null(driver_reply(&d, first));
    again = driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL);
    assert_null(driver_reply(&d, again)); /* it would promise as much as the first */
    other = driver_request(&d, "POST", "/api/v2/alerts", "", WARNING);
    assert_int_equal(driver_reply(&d, other)->status, 200);
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(driver_reply(&d, first)->status, 200);
    assert_int_equal(driver_reply(&d, again)->status, 200);
    assert_int_equal(edge_post(&d, CRITICAL), 200); /* a refresh waits for nothing */
    edge_teardown(&d);
}

static void a_failing_store_is_answered_503_and_notified_all_the_same(void **state)
{
    struct driver d;
    uint64_t id;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    d.manual_store = true;
    id = driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL);
    driver_settle(&d);
    assert_non_null(the_send(&d));
    driver_stored(&d, d.txn, STORE_FULL);
    assert_int_equal(driver_reply(&d, id)->status, 503);
    assert_non_null(strstr(driver_reply(&d, id)->headers.p, "Retry-After: "));
    assert_int_equal(edge_post(&d, CRITICAL), 503); /* known by now, yet still not durable */
    assert_int_equal(edge_post(&d, WARNING), 200);
    edge_teardown(&d);
}

/* What is good of a mixed post is promised to nobody before it is on disk. */
static void a_mixed_post_is_answered_400_after_the_commit(void **state)
{
    static const char mixed[] =
        "[{\"labels\":{}},{\"labels\":{\"alertname\":\"Down\",\"severity\":\"critical\"}}]";
    struct driver d;
    uint64_t id;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    d.manual_store = true;
    id = driver_request(&d, "POST", "/api/v2/alerts", "", mixed);
    driver_settle(&d);
    assert_null(driver_reply(&d, id));
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(driver_reply(&d, id)->status, 400);
    assert_string_equal(driver_reply(&d, id)->body.p, "\"at least one label pair required\"\n");
    edge_teardown(&d);

    edge_setup(&d, CONFIG, FEDERATION);
    d.manual_store = true;
    id = driver_request(&d, "POST", "/api/v2/alerts", "", mixed);
    driver_stored(&d, d.txn, STORE_FULL);
    assert_int_equal(driver_reply(&d, id)->status, 503); /* a 400 would not be tried again */
    edge_teardown(&d);
}

/* A commit that hangs holds back the answer and nothing else. */
static void a_hanging_disk_delays_no_notification(void **state)
{
    struct driver d;
    uint64_t id;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    d.manual_store = true;
    id = driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL);
    driver_settle(&d);
    assert_non_null(the_send(&d));
    driver_advance(&d, MS_PER_MIN);
    assert_null(driver_reply(&d, id));
    edge_teardown(&d);
}

/* The store has room again: what it refused is durable with the rows put then, not before. */
static void an_answer_waits_for_rows_that_are_put_again(void **state)
{
    struct driver d;
    uint64_t id;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    d.manual_store = true;
    driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL);
    driver_stored(&d, d.txn, STORE_FULL);
    driver_request(&d, "POST", "/api/v2/alerts", "",
                   "[{\"labels\":{\"alertname\":\"Other\",\"severity\":\"critical\"}}]");
    driver_stored(&d, d.txn, STORE_OK);
    id = driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL);
    assert_null(driver_reply(&d, id));
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(driver_reply(&d, id)->status, 200);
    edge_teardown(&d);
}

static void rows_that_the_store_refused_are_put_again(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    d.manual_store = true;
    driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL);
    driver_stored(&d, d.txn, STORE_FULL);
    for (size_t i = d.rows.n; i > 0; i--) { /* as if it had never been written */
        if (d.rows.v[i - 1].kind == EDGE_ROW_ALERT) {
            free(d.rows.v[i - 1].key.p);
            free(d.rows.v[i - 1].value.p);
            memmove(&d.rows.v[i - 1], &d.rows.v[i], (d.rows.n - i) * sizeof(d.rows.v[0]));
            d.rows.n--;
        }
    }
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(alert_rows(&d), 1);
    edge_teardown(&d);
}

/* The end that the store refused is told to everybody who wants it, and its alert is ripe for the
 * sweep: but not before a repetition of it can be answered for what it promises. */
static void an_end_that_is_not_stored_outlives_the_sweep(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, CRITICAL);
    driver_settle(&d);
    driver_deliver(&d, the_send(&d)->id, 200);
    d.manual_store = true;
    driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL_ENDED);
    driver_stored(&d, d.txn, STORE_FULL);
    driver_advance(&d, 5 * MS_PER_MIN);
    driver_deliver(&d, the_send(&d)->id, 200);
    driver_advance(&d, EDGE_ALERTS_GC_MS_DEFAULT);
    assert_non_null(the_alert(&d));
    assert_null(the_alert(&d)->groups); /* nothing else keeps it */
    assert_int_equal(edge_post(&d, CRITICAL_ENDED), 503);
    driver_stored(&d, d.txn, STORE_OK);
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(edge_post(&d, CRITICAL_ENDED), 200);
    driver_advance(&d, EDGE_ALERTS_GC_MS_DEFAULT);
    assert_null(the_alert(&d));
    edge_teardown(&d);
}

/* The same for a commit under way: a sweep that is due in the very step that takes the end in. */
static void an_end_under_way_to_the_disk_outlives_the_sweep(void **state)
{
    struct driver d;
    uint64_t first, again;

    (void)state;
    edge_setup(&d, NOBODY, FEDERATION);
    edge_post(&d, CRITICAL);
    driver_settle(&d);
    d.manual_store = true;
    d.now.mono_ms += EDGE_ALERTS_GC_MS_DEFAULT; /* without a step of the engine */
    first = driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL_ENDED);
    again = driver_request(&d, "POST", "/api/v2/alerts", "", CRITICAL_ENDED);
    assert_null(driver_reply(&d, first));
    assert_null(driver_reply(&d, again));
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(driver_reply(&d, first)->status, 200);
    assert_int_equal(driver_reply(&d, again)->status, 200);
    edge_teardown(&d);
}

static void a_repeated_alert_survives_a_restart_with_grace(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, "[{\"labels\":{\"alertname\":\"Down\",\"severity\":\"critical\"},"
                  "\"startsAt\":\"2025-12-31T00:00:00Z\",\"endsAt\":\"2026-01-01T00:00:30Z\"}]");
    edge_post(&d, "[{\"labels\":{\"alertname\":\"Down\",\"severity\":\"critical\"},"
                  "\"annotations\":{\"s\":\"t\",\"e\":\"\"},\"generatorURL\":\"http://p/\","
                  "\"startsAt\":\"2025-12-31T00:00:00Z\",\"endsAt\":\"2026-01-01T00:01:00Z\"}]");
    driver_settle(&d);
    driver_deliver(&d, the_send(&d)->id, 200);
    driver_advance(&d, 50 * MS_PER_S);
    edge_restart(&d, CONFIG, FEDERATION);
    assert_true(the_alert(&d)->firing && the_alert(&d)->forwarded);
    assert_int_equal(the_alert(&d)->starts_wall_ms, DRIVER_WALL_START - MS_PER_DAY);
    assert_true(str_eq_c(alert_generator_url(the_alert(&d)), "http://p/"));
    driver_advance(&d, 5 * MS_PER_MIN - 1); /* one minute was left, five are given */
    assert_true(the_alert(&d)->firing);
    assert_null(the_send(&d)); /* the log knows that the team was told */
    driver_advance(&d, 1);
    assert_false(the_alert(&d)->firing);
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_non_null(the_send(&d));
    assert_non_null(strstr(the_send(&d)->body.p, "all alerts resolved"));
    edge_teardown(&d);
}

static void a_resolved_alert_stays_resolved_over_a_restart(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, CRITICAL);
    driver_settle(&d);
    driver_deliver(&d, the_send(&d)->id, 200);
    edge_post(&d, CRITICAL_ENDED);
    edge_restart(&d, CONFIG, FEDERATION);
    driver_settle(&d);
    assert_false(the_alert(&d)->firing);
    assert_null(the_send(&d)); /* the team was not yet told, and is when its group is due */
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_non_null(the_send(&d));
    assert_non_null(strstr(the_send(&d)->body.p, "\"status\":\"resolved\""));
    driver_deliver(&d, the_send(&d)->id, 200);
    driver_advance(&d, MS_PER_H);        /* swept, with its row */
    assert_int_equal(alert_rows(&d), 1); /* that of the edge's own alarm: its uplink is down */
    assert_null(the_alert(&d));
    edge_teardown(&d);
}

static void new_forward_matchers_take_what_is_firing(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, WARNING);
    edge_reconfigure(&d, CONFIG, FEDERATION "forward: {matchers: ['severity=\"warning\"']}\n");
    assert_int_equal(alert_rows(&d), 1);
    assert_true(the_alert(&d)->forwarded);
    edge_teardown(&d);
}

static void bad_rows_are_counted_and_left(void **state)
{
    static const char *const values[] = {"", "{}", "[]", "{\"labels\":{\"a\":7}}",
                                         "{\"labels\":{\"a\":\"b\"},\"starts_ms\":0}"};
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct engine_input in = {.kind = ENGINE_RESTORE,
                                  .row = {.kind = EDGE_ROW_ALERT,
                                          .key = STR("0000000000000000"),
                                          .value = str_from(values[i])}};

        driver_step(&d, &in);
        in.row.kind = EDGE_ROW_NFLOG;
        driver_step(&d, &in);
    }
    assert_int_equal(edge_of(d.engine)->count.rows_bad, 2 * ARRAY_SIZE(values));
    assert_null(the_alert(&d));
    edge_teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_alert_that_fires_has_a_row),
        cmocka_unit_test(the_answer_waits_for_the_disk),
        cmocka_unit_test(a_failing_store_is_answered_503_and_notified_all_the_same),
        cmocka_unit_test(a_mixed_post_is_answered_400_after_the_commit),
        cmocka_unit_test(a_hanging_disk_delays_no_notification),
        cmocka_unit_test(an_answer_waits_for_rows_that_are_put_again),
        cmocka_unit_test(rows_that_the_store_refused_are_put_again),
        cmocka_unit_test(an_end_that_is_not_stored_outlives_the_sweep),
        cmocka_unit_test(an_end_under_way_to_the_disk_outlives_the_sweep),
        cmocka_unit_test(a_repeated_alert_survives_a_restart_with_grace),
        cmocka_unit_test(a_resolved_alert_stays_resolved_over_a_restart),
        cmocka_unit_test(new_forward_matchers_take_what_is_firing),
        cmocka_unit_test(bad_rows_are_counted_and_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
