/* What the edge does when a global node refuses, and what its metrics tell of the uplink. */
#include "tests/unit/edge/uplink_world.h"

static const char *metrics(struct world *w)
{
    return driver_reply(&w->d, driver_request(&w->d, "GET", "/metrics", "", ""))->body.p;
}

static void assert_metric(struct world *w, const char *line)
{
    const char *text = metrics(w);

    if (strstr(text, line) == NULL)
        print_error("wanted: %s\nin: %s\n", line, text);
    assert_non_null(strstr(text, line));
}

/* Rows that are refused are kept, tried again without haste, and go through once they are taken. */
static void refused_rows_are_kept(void **state)
{
    static const struct {
        int status;
        const char *body, *cause;
    } cases[] = {
        {422, "{\"error\":\"unknown_kind\",\"seq\":1}", "unknown_kind"},
        {400, "{\"error\":\"bad_request\",\"detail\":\"rows\"}", "bad_request"},
        {403, "{\"error\":\"foreign_stream\"}", "foreign_stream"},
        {400, "", "bad_request"},
        {403, "<html>", "foreign_stream"},
        {404, "[]", "other"},
        {409, "{\"error\":\"need_base\"}", "need_base"},
        {409, "{\"error\":7}", "other"},
        {503, "{\"error\":\"not_stored\"}", "not_stored"},
        {500, "{}", "other"},
        {413, "{\"error\":\"too_large\"}", "other"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct world w;
        char line[128], none[140];
        size_t batches;

        setup(&w, FED);
        run(&w, 100);
        w.g[0].batch_status = cases[i].status;
        w.g[0].batch_body = cases[i].body;
        assert_int_equal(post(&w, 0, 1, true), 200);
        run(&w, 30000);
        (void)snprintf(line, sizeof(line),
                       "tocsin_uplink_refusals_total{node=\"g1\",cause=\"%s\"} ", cases[i].cause);
        assert_metric(&w, line);
        (void)snprintf(none, sizeof(none), "%s0\n", line);
        assert_null(strstr(metrics(&w), none));
        batches = w.g[0].batches;
        assert_true(batches >= 1 && batches < 30); /* it does not spin */
        assert_int_equal(fake_global_firing(&w.g[0]), 0);
        run(&w, 31000);
        assert_true(has_alarm(&w, "TocsinUplinkDown"));
        w.g[0].batch_status = 0;
        run(&w, 61000);
        assert_int_equal(fake_global_firing(&w.g[0]), 1);
        assert_false(has_alarm(&w, "TocsinUplinkDown"));
        teardown(&w);
    }
}

static void a_batch_too_large_is_halved(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    w.g[0].mood = FAKE_UNREACHABLE;
    assert_int_equal(post(&w, 0, 300, true), 200);
    run(&w, 1000);
    w.g[0].mood = FAKE_WELL;
    w.g[0].batch_rows_max = 40;
    run(&w, 10000);
    assert_int_equal(fake_global_firing(&w.g[0]), 300);
    assert_true(w.g[0].rows_of_last <= 40);
    teardown(&w);
}

static void metrics_of_the_uplink(void **state)
{
    static const char *const lines[] = {
        "tocsin_uplink_reachable{node=\"g1\"} 1\n",
        "tocsin_uplink_cursor{node=\"g1\"} 3\n",
        "tocsin_uplink_batches_total{node=\"g1\"} 1\n",
        "tocsin_uplink_rows_total{node=\"g1\"} 3\n",
        "tocsin_uplink_receipts_total{node=\"g1\"} 1\n",
        "tocsin_uplink_refusals_total{node=\"g1\",cause=\"need_base\"} 0\n",
        "tocsin_uplink_down 0\n",
        "tocsin_uplink_epochs_raised_total 0\n",
        "tocsin_spool_pending_rows 0\n",
        "tocsin_spool_rows 3\n",
        "tocsin_spool_firing 3\n",
        "tocsin_spool_accepted_total 3\n",
        "tocsin_spool_oldest_pending_seconds 0",
        "tocsin_spool_freed_early_total 0\n",
        "tocsin_mirrors_registers 0\n",
        "tocsin_mirrors_dropped_total 0\n",
        "tocsin_episodes_opened_total 3\n",
    };
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    assert_int_equal(post(&w, 0, 3, true), 200);
    run(&w, 100);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_metric(&w, lines[i]);
    w.g[0].mood = FAKE_UNREACHABLE;
    assert_int_equal(post(&w, 10, 1, true), 200);
    run(&w, 61000);
    assert_metric(&w, "tocsin_uplink_reachable{node=\"g1\"} 0\n");
    assert_metric(&w, "tocsin_uplink_down 1\n");
    assert_metric(&w, "tocsin_spool_pending_rows 1\n");
    assert_metric(&w, "tocsin_spool_oldest_pending_seconds 61");
    teardown(&w);
}

/* One more than fits: a resolved register goes first, and the loss is counted. */
static void mirrors_are_bounded(void **state)
{
    struct world w;
    struct buf b;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    buf_init(&b, 0);
    for (unsigned part = 0; part < 2; part++) {
        unsigned n = part == 0 ? 10000 : 5; /* EDGE_MIRRORS_MAX, then some more */

        buf_reset(&b);
        buf_add_char(&b, '[');
        for (unsigned i = 0; i < n; i++)
            buf_add_fmt(&b,
                        "%s{\"incident\":\"%08x%016x\",\"origin\":\"g1\",\"epoch\":5,\"ver\":1,"
                        "\"body\":\"{\\\"state\\\":\\\"%s\\\"}\",\"mac\":\"%064x\"}",
                        i > 0 ? "," : "", part, i, i < 3 ? "resolved" : "triggered", i);
        buf_add_char(&b, ']');
        free(w.g[0].mirrors);
        w.g[0].mirrors = xstrndup(b.p, b.n);
        w.g[0].mirrors_upto = part + 1;
        run(&w, 2000);
    }
    assert_metric(&w, "tocsin_mirrors_registers 10000\n");
    assert_metric(&w, "tocsin_mirrors_dropped_total 5\n");
    assert_metric(&w, "tocsin_mirrors_refused_total 0\n");
    buf_clear(&b);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_rows_are_kept),
        cmocka_unit_test(a_batch_too_large_is_halved),
        cmocka_unit_test(metrics_of_the_uplink),
        cmocka_unit_test(mirrors_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
