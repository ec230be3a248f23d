/* Alarms of the edge about itself: its certificates, its store, its spool. */
#include "tests/unit/edge/uplink_world.h"

static struct engine_health well(void)
{
    return (struct engine_health){.cert_ends_wall_ms = TIME_NEVER,
                                  .ca_ends_wall_ms = TIME_NEVER,
                                  .crl_ends_wall_ms = TIME_NEVER,
                                  .free_bytes = MIB(100)};
}

static void health(struct world *w, struct engine_health h)
{
    struct engine_input in = {.kind = ENGINE_HEALTH, .health = h};

    driver_step(&w->d, &in);
    driver_settle(&w->d);
}

/* The labels of the one firing TocsinCertificateExpiring; "" for none. */
static const char *certificate_alarm(struct world *w)
{
    static char text[512];
    uint64_t id =
        driver_request(&w->d, "GET", "/api/v2/alerts",
                       "active=true&filter=alertname%3D%22TocsinCertificateExpiring%22", "");
    const char *labels;

    driver_more(&w->d, id);
    labels = strstr(driver_reply(&w->d, id)->body.p, "\"labels\":");
    if (labels == NULL)
        return "";
    assert_null(strstr(labels + 1, "\"labels\":")); /* never two */
    (void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(labels, "}"), labels);
    return text;
}

static void a_certificate_is_told_at_30_7_and_1_days(void **state)
{
    static const struct {
        int64_t left_ms;
        const char *severity, *within; /* NULL: no alarm */
    } cases[] = {
        {TIME_NEVER, NULL, NULL},
        {30 * MS_PER_DAY + 1, NULL, NULL},
        {30 * MS_PER_DAY, "warning", "30d"},
        {7 * MS_PER_DAY + 1, "warning", "30d"},
        {7 * MS_PER_DAY, "critical", "7d"},
        {MS_PER_DAY, "critical", "1d"},
        {-MS_PER_DAY, "critical", "1d"},
        {365 * MS_PER_DAY, NULL, NULL}, /* renewed */
        {MS_PER_H, "critical", "1d"},
        {TIME_NEVER, NULL, NULL},
    };
    struct world w;
    char want[256];

    (void)state;
    setup(&w, FED);
    for (unsigned which = 0; which < 3; which++) {
        static const char *const what[] = {"certificate", "ca", "crl"};

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            struct engine_health h = well();
            int64_t *ends[] = {&h.cert_ends_wall_ms, &h.ca_ends_wall_ms, &h.crl_ends_wall_ms};

            if (cases[i].left_ms != TIME_NEVER)
                *ends[which] = w.d.now.wall_ms + cases[i].left_ms;
            health(&w, h);
            want[0] = '\0';
            if (cases[i].severity != NULL)
                (void)snprintf(want, sizeof(want),
                               "\"labels\":{\"alertname\":\"TocsinCertificateExpiring\",\"node\":"
                               "\"e1\",\"severity\":\"%s\",\"site\":\"fra1\",\"what\":\"%s\","
                               "\"within\":\"%s\"",
                               cases[i].severity, what[which], cases[i].within);
            assert_string_equal(certificate_alarm(&w), want);
        }
    }
    run(&w, 2000);
    assert_int_equal(w.g[0].registers_n, 0); /* alarms stay here */
    teardown(&w);
}

static void an_alarm_notifies_and_resolves(void **state)
{
    struct engine_health h = well();
    struct world w;
    const struct driver_send *s;

    (void)state;
    setup(&w, FED);
    h.store_failing = true;
    health(&w, h);
    run(&w, 1500);
    assert_true(has_alarm(&w, "TocsinStoreFailing"));
    assert_int_equal(driver_open_sends(&w.d), 1);
    s = driver_open_send(&w.d, 0);
    assert_non_null(strstr(s->body.p, "TocsinStoreFailing"));
    driver_deliver(&w.d, s->id, 200);
    h.store_failing = false;
    health(&w, h);
    assert_false(has_alarm(&w, "TocsinStoreFailing"));
    run(&w, 6 * MS_PER_MIN);
    assert_int_equal(driver_open_sends(&w.d), 1);
    assert_non_null(strstr(driver_open_send(&w.d, 0)->body.p, "\"status\":\"resolved\""));
    teardown(&w);
}

static void a_plain_alertmanager_tells_of_its_store_too(void **state)
{
    struct engine_health h = well();
    struct world w = {.n = 0};

    (void)state;
    edge_setup(&w.d, AM, NULL);
    h.store_failing = true;
    health(&w, h);
    assert_true(has_alarm(&w, "TocsinStoreFailing"));
    edge_teardown(&w.d);
}

/* Someone else's rule of the same name is an alert like any other. */
static void only_our_own_alarms_stay_here(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    assert_int_equal(edge_post(&w.d, "[{\"labels\":{\"alertname\":\"TocsinUplinkDown\","
                                     "\"severity\":\"critical\",\"site\":\"fra1\"}}]"),
                     200);
    run(&w, 100);
    assert_int_equal(fake_global_firing(&w.g[0]), 1);
    teardown(&w);
}

/* ---- the spool's bound ---- */

#define SMALL_SPOOL "spool: {max_bytes: 1MiB}\n"

/* Posts alerts one by one until one is refused; how many were taken. */
static unsigned fill(struct world *w)
{
    unsigned n = 0;
    int status = 200;

    while (status == 200) {
        assert_true(n < 10000);
        status = post(w, n, 1, true);
        n += status == 200;
    }
    assert_int_equal(status, 503);
    return n;
}

static void a_full_spool_is_told_and_ends(void **state)
{
    struct world w;
    uint64_t id;
    unsigned taken;

    (void)state;
    setup(&w, FED SMALL_SPOOL);
    run(&w, 100);
    w.g[0].mood = FAKE_FULL;
    taken = fill(&w);
    assert_true(taken > 100);
    assert_true(has_alarm(&w, "TocsinSpoolFull"));
    /* the refused one is dispatched here, and the answer says when to come again */
    id = driver_request(&w.d, "POST", "/api/v2/alerts", "",
                        "[{\"labels\":{\"alertname\":\"Late\",\"severity\":\"critical\"}},"
                        "{\"labels\":{}}]");
    assert_int_equal(driver_reply(&w.d, id)->status, 503);
    assert_non_null(strstr(driver_reply(&w.d, id)->headers.p, "Retry-After: 5\n"));
    assert_true(has_alarm(&w, "Late"));
    /* resolves are taken: what was admitted is never shed */
    assert_int_equal(post(&w, 0, taken, false), 200);
    w.g[0].mood = FAKE_WELL;
    run(&w, 60000);
    assert_int_equal(fake_global_firing(&w.g[0]), 0);
    assert_false(has_alarm(&w, "TocsinSpoolFull"));
    /* offered again, it goes up */
    assert_int_equal(edge_post(&w.d, "[{\"labels\":{\"alertname\":\"Late\",\"severity\":"
                                     "\"critical\"}}]"),
                     200);
    run(&w, 1000);
    assert_int_equal(fake_global_firing(&w.g[0]), 1);
    teardown(&w);
}

/* g2 is away for good; what g1 has may go when there is no room, and g2 finds voids. */
static void a_full_spool_gives_up_what_custody_has(void **state)
{
    struct world w;
    unsigned round = 0;
    uint64_t id;

    (void)state;
    setup(&w, FED2);
    edge_reconfigure(&w.d, AM, FED2 SMALL_SPOOL);
    w.n = 2;
    run(&w, 100);
    w.g[1].mood = FAKE_UNREACHABLE;
    for (; round < 40; round++) {
        assert_int_equal(post(&w, 100 * round, 100, true), 200);
        assert_int_equal(post(&w, 100 * round, 100, false), 200);
        run(&w, 1000);
        assert_int_equal(fake_global_firing(&w.g[0]), 0);
    }
    assert_int_equal(post(&w, 9000, 5, true), 200);
    id = driver_request(&w.d, "GET", "/metrics", "", "");
    assert_null(strstr(driver_reply(&w.d, id)->body.p, "tocsin_spool_freed_early_total 0\n"));
    w.g[1].mood = FAKE_WELL;
    run(&w, 3 * MS_PER_MIN);
    assert_int_equal(fake_global_firing(&w.g[0]), 5);
    assert_int_equal(fake_global_firing(&w.g[1]), 5);
    assert_int_equal(spool_rows(&w), 5);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_told_at_30_7_and_1_days),
        cmocka_unit_test(an_alarm_notifies_and_resolves),
        cmocka_unit_test(a_plain_alertmanager_tells_of_its_store_too),
        cmocka_unit_test(only_our_own_alarms_stay_here),
        cmocka_unit_test(a_full_spool_is_told_and_ends),
        cmocka_unit_test(a_full_spool_gives_up_what_custody_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
