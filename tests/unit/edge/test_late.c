/* A store that is slow: what has to wait waits, what must not does not, and nothing is lost. */
#include "common/base/buf.h"
#include "edge/core/edge_internal.h"
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG \
    "route: {receiver: team, group_wait: 30s, group_by: [alertname]}\n" \
    "receivers: [{name: team, webhook_configs: [{url: 'http://team.example/'}]}]\n"
#define FEDERATION \
    "version: 1\n" \
    "site: fra1\n" \
    "uplink:\n" \
    "  trust_domain: example.org\n" \
    "  tls: {cert_file: edge.pem, key_file: edge.key, ca_file: ca.pem}\n" \
    "  globals: [{name: g1, url: 'https://g1:9195'}]\n"
#define POST_ALERTS 50
#define POST_BYTES KIB(40) /* more than the rows of one post take */
#define DAY_END "2026-01-02T00:00:00Z"
#define ENDED "2026-01-01T00:00:00Z"

static void setup(struct driver *d, const char *federation, size_t queue_max)
{
    edge_setup_options.store_queue_bytes = queue_max;
    edge_setup(d, CONFIG, federation);
    d->queue_max = queue_max;
}

/* n alerts from number `from` on, in one post; the request's id. */
static uint64_t post(struct driver *d, const char *severity, unsigned from, unsigned n,
                     const char *ends)
{
    struct buf b;
    uint64_t id;

    buf_init(&b, 0);
    for (unsigned i = from; i < from + n; i++)
        buf_add_fmt(&b,
                    "%s{\"labels\":{\"alertname\":\"A%u\",\"severity\":\"%s\",\"instance\":"
                    "\"host-%u.example.org\"},\"annotations\":{\"summary\":\"the %uth of many\"},"
                    "\"startsAt\":\"2025-12-31T00:00:00Z\",\"endsAt\":\"%s\"}",
                    i > from ? "," : "[", i % 10, severity, i, i, ends);
    buf_add_str(&b, STR("]"));
    id = driver_request(d, "POST", "/api/v2/alerts", "", b.p);
    buf_clear(&b);
    return id;
}

static int status(const struct driver *d, uint64_t id)
{
    const struct driver_reply *r = driver_reply(d, id);

    return r != NULL ? r->status : 0;
}

static void burst(struct driver *d, const char *severity, unsigned from, unsigned n,
                  const char *ends)
{
    for (unsigned i = 0; i < n; i += POST_ALERTS)
        assert_int_equal(status(d, post(d, severity, from + i, POST_ALERTS, ends)), 200);
}

static void catch_up(struct driver *d)
{
    do
        driver_settle(d);
    while (driver_commit(d));
}

static size_t rows_of(const struct driver *d, uint32_t kind)
{
    size_t n = 0;

    for (size_t i = 0; i < d->rows.n; i++)
        n += d->rows.v[i].kind == kind;
    return n;
}

static size_t alerts_known(const struct driver *d)
{
    return alerts_stats(edge_of(d->engine)->alerts).count;
}

static void assert_metric(struct driver *d, const char *line)
{
    const struct driver_reply *r = edge_ask(d, "GET", "/metrics", "", "");

    if (strstr(r->body.p, line) == NULL)
        print_error("wanted: %s\nin: %s\n", line, r->body.p);
    assert_non_null(strstr(r->body.p, line));
}

static void a_burst_takes_a_quarter_of_the_queue(void **state)
{
    struct driver d;

    (void)state;
    setup(&d, NULL, MIB(1));
    burst(&d, "warning", 0, 5000, DAY_END); /* nobody waits for the store */
    assert_true(d.queue_peak > KIB(200));
    assert_true(d.queue_peak < KIB(256) + POST_BYTES);
    assert_metric(&d, "tocsin_store_behind_total 1\n");
    driver_advance(&d, 31 * MS_PER_S); /* nor does dispatch */
    assert_int_equal(driver_open_sends(&d), 10);
    while (driver_open_sends(&d) > 0)
        driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    assert_true(d.queue_peak < KIB(256) + POST_BYTES);
    assert_int_equal(rows_of(&d, EDGE_ROW_ALERT), 0);
    catch_up(&d);
    assert_true(d.queue_peak < KIB(256) + POST_BYTES);
    assert_int_equal(d.refused, 0);
    assert_int_equal(rows_of(&d, EDGE_ROW_ALERT), 5000);
    assert_int_equal(rows_of(&d, EDGE_ROW_GROUP), 10);
    assert_int_equal(rows_of(&d, EDGE_ROW_NFLOG), 10);
    assert_metric(&d, "tocsin_rows_late{kind=\"alerts\"} 0\n");
    assert_metric(&d, "tocsin_store_unconfirmed_bytes 0\n");
    edge_restart(&d, CONFIG, NULL);
    assert_int_equal(alerts_known(&d), 5000);
    driver_advance(&d, MS_PER_MIN); /* told is told */
    assert_int_equal(driver_open_sends(&d), 0);
    edge_teardown(&d);
}

/* A crash before it has caught up loses what came last, and nothing else. */
static void a_crash_meanwhile_keeps_what_was_stored(void **state)
{
    struct driver d;

    (void)state;
    setup(&d, NULL, MIB(1));
    burst(&d, "warning", 0, 500, DAY_END);
    catch_up(&d);
    burst(&d, "warning", 500, 5000, DAY_END);
    edge_restart(&d, CONFIG, NULL);
    assert_int_equal(alerts_known(&d), 500);
    edge_teardown(&d);
}

/* While their rows wait, some alerts end and are forgotten, and some of those come again. */
static void what_is_gone_meanwhile_leaves_no_row(void **state)
{
    struct driver d;

    (void)state;
    edge_setup_options.alerts_gc_ms = 10 * MS_PER_MIN;
    setup(&d, NULL, MIB(1));
    burst(&d, "warning", 0, 1000, DAY_END);
    driver_advance(&d, 31 * MS_PER_S);
    while (driver_open_sends(&d) > 0)
        driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    catch_up(&d);
    burst(&d, "warning", 1000, 3000, DAY_END);
    burst(&d, "warning", 0, 500, ENDED);
    burst(&d, "warning", 2000, 500, ENDED); /* they have no row yet */
    for (int i = 0; i < 8; i++) {
        driver_advance(&d, 5 * MS_PER_MIN);
        while (driver_open_sends(&d) > 0)
            driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    }
    assert_int_equal(alerts_known(&d), 3000);
    burst(&d, "warning", 0, 50, DAY_END);
    catch_up(&d);
    assert_int_equal(d.refused, 0);
    assert_int_equal(rows_of(&d, EDGE_ROW_ALERT), 3050);
    edge_restart(&d, CONFIG, NULL);
    assert_int_equal(alerts_known(&d), 3050);
    edge_teardown(&d);
    edge_setup_options.alerts_gc_ms = 0;
}

/* Criticals have the whole queue; when that is full they are refused before anything is done. */
static void a_full_queue_refuses_criticals_beforehand(void **state)
{
    struct driver d;
    unsigned n = 0;
    uint64_t id, first;
    size_t known;

    (void)state;
    setup(&d, FEDERATION, MIB(1));
    catch_up(&d);
    burst(&d, "warning", 0, 3000, DAY_END);
    first = post(&d, "critical", 0, 1, DAY_END);
    assert_int_equal(status(&d, first), 0); /* it waits for the disk */
    do {
        known = alerts_known(&d);
        id = post(&d, "critical", 10000 + n++, 1, DAY_END);
    } while (status(&d, id) == 0);
    assert_int_equal(status(&d, id), 503);
    assert_non_null(strstr(driver_reply(&d, id)->headers.p, "Retry-After: 5"));
    assert_true(n > 100 && d.queue_peak > KIB(900));
    assert_int_equal(alerts_known(&d), known);
    id = driver_request(&d, "DELETE", "/api/v2/silence/2f7c1d3e-0000-4000-8000-000000000001", "",
                        "");
    assert_int_equal(status(&d, id), 503);
    burst(&d, "warning", 5000, 1000, DAY_END); /* the others go on */
    assert_int_equal(d.refused, 0);
    assert_metric(&d, "tocsin_posts_refused_total{reason=\"store_queue\"} 1\n");
    catch_up(&d);
    assert_int_equal(status(&d, first), 200);
    id = post(&d, "critical", 10000 + n, 1, DAY_END);
    (void)driver_commit(&d);
    assert_int_equal(status(&d, id), 200);
    catch_up(&d);
    assert_int_equal(d.refused, 0);
    edge_restart(&d, CONFIG, FEDERATION);
    assert_int_equal(alerts_known(&d), 4000 + 1 + n);
    edge_teardown(&d);
}

/* A store that hangs is no reason not to tell anybody: criticals are taken in without a promise.
 * More is refused then than the queue holds, and all of it is put again. */
static void what_a_stuck_store_refuses_is_put_again(void **state)
{
    struct driver d;
    uint64_t id = 0, last = 0;

    (void)state;
    setup(&d, FEDERATION, KIB(256));
    catch_up(&d);
    last = post(&d, "critical", 0, 1, DAY_END);
    assert_int_equal(status(&d, last), 0);
    driver_advance(&d, 11 * MS_PER_S);
    for (unsigned i = 0; i < 1000; i += 10)
        last = post(&d, "critical", i, 10, DAY_END);
    assert_true(d.refused > 20);
    assert_int_equal(status(&d, last), 503);
    assert_int_equal(alerts_known(&d), 1000);
    assert_true(driver_commit(&d)); /* it moves again: what was refused is not durable by that */
    id = post(&d, "critical", 990, 10, DAY_END);
    assert_int_equal(status(&d, id), 503);
    catch_up(&d);
    id = post(&d, "critical", 0, 1000, DAY_END);
    assert_int_equal(status(&d, id), 200);
    assert_int_equal(rows_of(&d, EDGE_ROW_ALERT), 1000);
    assert_int_equal(rows_of(&d, EDGE_ROW_SPOOL), 1000);
    edge_restart(&d, CONFIG, FEDERATION);
    assert_int_equal(alerts_known(&d), 1000);
    edge_teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_takes_a_quarter_of_the_queue),
        cmocka_unit_test(a_crash_meanwhile_keeps_what_was_stored),
        cmocka_unit_test(what_is_gone_meanwhile_leaves_no_row),
        cmocka_unit_test(a_full_queue_refuses_criticals_beforehand),
        cmocka_unit_test(what_a_stuck_store_refuses_is_put_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
