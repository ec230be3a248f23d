/* The uplink through the edge's door, against global nodes that follow the protocol's page. */
#include "tests/unit/edge/uplink_world.h"

static void a_critical_alert_goes_up_and_its_resolve_follows(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    assert_int_equal(post(&w, 1, 1, true), 200);
    run(&w, 100);
    assert_int_equal(fake_global_firing(&w.g[0]), 1);
    assert_string_equal(w.g[0].registers[0].reason, "open");
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_ACCEPTED), 1);
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_RECEIPTED), 1);
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_FREED), 1);
    assert_int_equal(spool_rows(&w), 1); /* the newest word on what fires stays */

    assert_int_equal(post(&w, 1, 1, true), 200); /* a refresh is nothing */
    run(&w, 100);
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_ACCEPTED), 1);

    assert_int_equal(post(&w, 1, 1, false), 200);
    run(&w, 100);
    assert_int_equal(fake_global_firing(&w.g[0]), 0);
    assert_string_equal(w.g[0].registers[0].reason, "explicit");
    assert_int_equal(w.g[0].registers[0].transitions, 2);
    assert_int_equal(spool_rows(&w), 0);
    assert_int_equal(w.g[0].need_bases, 0);
    teardown(&w);
}

static void warnings_stay(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    assert_int_equal(
        edge_post(&w.d, "[{\"labels\":{\"alertname\":\"W\",\"severity\":\"warning\"}}]"), 200);
    run(&w, 1000);
    assert_int_equal(w.g[0].batches, 0);
    teardown(&w);
}

static void nothing_is_sent_before_it_is_stored(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    w.d.manual_store = true;
    driver_request(&w.d, "POST", "/api/v2/alerts", "",
                   "[{\"labels\":{\"alertname\":\"A\",\"severity\":\"critical\"}}]");
    run(&w, 3000);
    assert_int_equal(w.g[0].batches, 0);
    driver_stored(&w.d, w.d.txn, STORE_OK);
    run(&w, 100);
    assert_int_equal(w.g[0].batches, 1);
    teardown(&w);
}

static void a_full_disk_does_not_stop_it(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    w.d.manual_store = true;
    driver_request(&w.d, "POST", "/api/v2/alerts", "",
                   "[{\"labels\":{\"alertname\":\"A\",\"severity\":\"critical\"}}]");
    driver_stored(&w.d, w.d.txn, STORE_FULL);
    run(&w, 100);
    assert_int_equal(fake_global_firing(&w.g[0]), 1);
    teardown(&w);
}

/* 200 alerts open and half of them resolve while every request is lost, or every answer. */
static void losses(enum fake_mood mood)
{
    struct world w;

    setup(&w, FED);
    run(&w, 100);
    w.g[0].mood = mood;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(post(&w, 10 * i, 10, true), 200);
        run(&w, 700);
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(post(&w, 10 * i, 10, false), 200);
        run(&w, 700);
    }
    w.g[0].mood = FAKE_WELL;
    run(&w, 40000);
    assert_int_equal(fake_global_firing(&w.g[0]), 100);
    assert_int_equal(spool_rows(&w), 100);
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_ACCEPTED),
                     driver_ledger_count(&w.d, LEDGER_COALESCED) +
                         driver_ledger_count(&w.d, LEDGER_FREED));
    teardown(&w);
}

static void loss_of_requests_and_answers_loses_nothing(void **state)
{
    (void)state;
    losses(FAKE_UNREACHABLE);
    losses(FAKE_DEAF);
    losses(FAKE_MUTE);
    losses(FAKE_FULL);
}

static void a_backlog_does_not_delay_a_live_row(void **state)
{
    struct world w;
    int64_t posted;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    w.g[0].mood = FAKE_UNREACHABLE;
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(post(&w, 100 * i, 100, true), 200);
    run(&w, 40000);
    w.g[0].mood = FAKE_WELL;
    while (w.g[0].backlog_batches == 0)
        fake_globals_run(w.g, 1, &w.d, 1);
    posted = w.d.now.mono_ms;
    assert_int_equal(post(&w, 9000, 1, true), 200);
    run(&w, 1000);
    assert_true(w.g[0].live_batches >= 1);
    assert_true(w.g[0].live_at_ms - posted <= 10);
    assert_true(w.g[0].backlog_batches >= 3);
    assert_int_equal(fake_global_firing(&w.g[0]), 6001);
    assert_int_equal(w.g[0].need_bases, 0);
    assert_int_equal(w.g[0].cursor, 6001);
    assert_int_equal(w.g[0].window_to, 0);
    teardown(&w);
}

/* The live lane overtakes a backlog that does not get through. */
static void the_live_lane_opens_a_window_ahead(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    w.g[0].mood = FAKE_UNREACHABLE;
    for (unsigned i = 0; i < 25; i++)
        assert_int_equal(post(&w, 100 * i, 100, true), 200);
    run(&w, 40000);
    w.g[0].mood = FAKE_WELL;
    w.g[0].hold_backlog = true;
    run(&w, 3000);
    assert_int_equal(post(&w, 9000, 1, true), 200);
    run(&w, 100);
    assert_int_equal(w.g[0].cursor, 0);
    assert_int_equal(w.g[0].window_from, 2501);
    assert_int_equal(post(&w, 9001, 1, true), 200);
    run(&w, 100);
    assert_int_equal(w.g[0].window_to, 2502);
    assert_int_equal(fake_global_firing(&w.g[0]), 2);
    w.g[0].hold_backlog = false;
    run(&w, 10000);
    assert_int_equal(fake_global_firing(&w.g[0]), 2502);
    assert_int_equal(w.g[0].cursor, 2502);
    assert_int_equal(w.g[0].need_bases, 0);
    teardown(&w);
}

/* The edge restarts while the global has a window: it goes on behind it. */
static void a_window_outlives_a_restart(void **state)
{
    struct world w;
    size_t batches;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    w.g[0].mood = FAKE_UNREACHABLE;
    for (unsigned i = 0; i < 25; i++)
        assert_int_equal(post(&w, 100 * i, 100, true), 200);
    run(&w, 40000);
    w.g[0].mood = FAKE_WELL;
    w.g[0].hold_backlog = true;
    run(&w, 3000);
    assert_int_equal(post(&w, 9000, 2, true), 200);
    run(&w, 100);
    assert_int_equal(w.g[0].window_to, 2502);
    edge_restart(&w.d, AM, FED);
    run(&w, 1000);
    assert_int_equal(post(&w, 9002, 1, true), 200);
    run(&w, 100);
    batches = w.g[0].batches;
    run(&w, 2000);
    assert_int_equal(w.g[0].batches, batches); /* sent at once, and only once */
    assert_int_equal(w.g[0].window_from, 2501);
    assert_int_equal(w.g[0].window_to, 2503);
    w.g[0].hold_backlog = false;
    run(&w, 10000);
    assert_int_equal(fake_global_firing(&w.g[0]), 2503);
    assert_int_equal(w.g[0].cursor, 2503);
    assert_int_equal(w.g[0].need_bases, 0);
    teardown(&w);
}

static void a_restart_resumes_at_the_cursor(void **state)
{
    struct world w;
    size_t rows;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    assert_int_equal(post(&w, 0, 50, true), 200);
    run(&w, 100);
    w.g[0].mood = FAKE_UNREACHABLE;
    assert_int_equal(post(&w, 50, 50, true), 200);
    assert_int_equal(post(&w, 0, 10, false), 200);
    run(&w, 1000);
    edge_restart(&w.d, AM, FED);
    w.g[0].mood = FAKE_WELL;
    rows = w.g[0].rows;
    run(&w, 5000);
    assert_int_equal(fake_global_firing(&w.g[0]), 90);
    assert_int_equal(w.g[0].rows - rows, 60);
    assert_int_equal(w.g[0].epoch, 1);
    assert_int_equal(w.g[0].need_bases, 0);
    teardown(&w);
}

static void a_global_that_forgot_is_told_again(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    run(&w, 100);
    assert_int_equal(post(&w, 0, 50, true), 200);
    assert_int_equal(post(&w, 0, 10, false), 200);
    run(&w, 1000);
    fake_global_forget(&w.g[1]);
    run(&w, 15000);
    assert_int_equal(fake_global_firing(&w.g[0]), 40);
    assert_int_equal(fake_global_firing(&w.g[1]), 40);
    teardown(&w);
}

static void a_fence_raises_the_epoch(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    run(&w, 100);
    assert_int_equal(post(&w, 0, 5, true), 200);
    run(&w, 100);
    w.g[0].fence = 7;
    assert_int_equal(post(&w, 3, 3, false), 200);
    run(&w, 2000);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(w.g[i].epoch, 8);
        assert_int_equal(fake_global_firing(&w.g[i]), 3);
        assert_string_equal(w.g[i].registers[0].reason, "refresh");
        assert_string_equal(w.g[i].registers[4].reason, "explicit");
    }
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_ACCEPTED),
                     driver_ledger_count(&w.d, LEDGER_COALESCED) +
                         driver_ledger_count(&w.d, LEDGER_FREED));
    teardown(&w);
}

/* The store has lost its tail: a global knows seqs that this edge is about to give again. */
static void lost_rows_are_noticed_by_the_cursor(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 100);
    assert_int_equal(post(&w, 0, 5, true), 200);
    run(&w, 100);
    for (size_t i = w.d.rows.n; i-- > 0;) {
        struct driver_row *r = &w.d.rows.v[i];

        if (r->kind != EDGE_ROW_SPOOL && r->kind != EDGE_ROW_ALERT &&
            !(r->kind == EDGE_ROW_NODE && strcmp(r->key.p, "floor") == 0))
            continue;
        free(r->key.p);
        free(r->value.p);
        VEC_REMOVE(&w.d.rows, i);
    }
    edge_restart(&w.d, AM, FED);
    w.d.now.mono_ms += 1;
    assert_int_equal(post(&w, 100, 7, true), 200); /* seqs 1 to 7 */
    run(&w, 5000);
    assert_int_equal(w.g[0].epoch, 2);
    assert_int_equal(fake_global_firing(&w.g[0]), 12);
    assert_int_equal(post(&w, 0, 5, true), 200);
    run(&w, 5000);
    for (size_t i = 0; i < w.g[0].registers_n; i++)
        assert_int_equal(w.g[0].registers[i].epoch, 2);
    teardown(&w);
}

static void a_reload_adds_and_removes_nodes(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    w.n = 2;
    run(&w, 1000);
    assert_int_equal(post(&w, 0, 5, true), 200);
    run(&w, 1000);
    edge_reconfigure(&w.d, AM, FED2);
    run(&w, 3000);
    assert_int_equal(fake_global_firing(&w.g[1]), 5); /* what was freed before is still said */
    assert_int_equal(w.g[1].mismatches, 0);
    edge_reconfigure(&w.d, AM, FED_OF("[" G2 "]"));
    w.g[0].mood = FAKE_UNREACHABLE;
    assert_int_equal(post(&w, 0, 5, false), 200);
    run(&w, 1000);
    assert_int_equal(spool_rows(&w), 0);
    edge_reconfigure(&w.d, AM, NULL);
    assert_int_equal(post(&w, 9, 1, true), 200);
    run(&w, 60000);
    w.g[0].mood = FAKE_WELL;
    edge_reconfigure(&w.d, AM, FED2);
    run(&w, 9 * MS_PER_MIN); /* g1 missed the resolves: denied once the edge is settled */
    assert_int_equal(fake_global_firing(&w.g[0]), 1);
    assert_int_equal(fake_global_firing(&w.g[1]), 1);
    teardown(&w);
}

static void one_dead_node_keeps_rows_pending_for_it_only(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    run(&w, 100);
    w.g[1].mood = FAKE_UNREACHABLE;
    assert_int_equal(post(&w, 0, 5, true), 200);
    assert_int_equal(post(&w, 0, 5, false), 200);
    run(&w, 90000);
    assert_int_equal(w.g[0].cursor, 10);
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_FREED), 0);
    assert_int_equal(spool_rows(&w), 5);
    assert_false(has_alarm(&w, "TocsinUplinkDown"));
    w.g[1].mood = FAKE_WELL;
    run(&w, 10000);
    assert_int_equal(w.g[1].cursor, 10);
    assert_int_equal(spool_rows(&w), 0);
    teardown(&w);
}

static void somebody_is_told_that_the_path_is_down(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 1000);
    w.g[0].mood = FAKE_DEAF;
    run(&w, 90000);
    assert_false(has_alarm(&w, "TocsinUplinkDown")); /* nothing waits */
    assert_int_equal(post(&w, 0, 1, true), 200);
    run(&w, 1000);
    assert_true(has_alarm(&w, "TocsinUplinkDown"));
    w.g[0].mood = FAKE_WELL;
    run(&w, 31000);
    assert_false(has_alarm(&w, "TocsinUplinkDown"));
    assert_int_equal(w.g[0].registers_n, 1); /* the alarm itself stays here */
    teardown(&w);
}

static void refusals_count_as_down_too(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 1000);
    w.g[0].mood = FAKE_FULL;
    assert_int_equal(post(&w, 0, 1, true), 200);
    run(&w, 59000);
    assert_false(has_alarm(&w, "TocsinUplinkDown"));
    run(&w, 2000);
    assert_true(has_alarm(&w, "TocsinUplinkDown"));
    assert_true(w.g[0].batches < 60); /* it does not spin */
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_critical_alert_goes_up_and_its_resolve_follows),
        cmocka_unit_test(warnings_stay),
        cmocka_unit_test(nothing_is_sent_before_it_is_stored),
        cmocka_unit_test(a_full_disk_does_not_stop_it),
        cmocka_unit_test(loss_of_requests_and_answers_loses_nothing),
        cmocka_unit_test(a_backlog_does_not_delay_a_live_row),
        cmocka_unit_test(the_live_lane_opens_a_window_ahead),
        cmocka_unit_test(a_window_outlives_a_restart),
        cmocka_unit_test(a_restart_resumes_at_the_cursor),
        cmocka_unit_test(a_global_that_forgot_is_told_again),
        cmocka_unit_test(a_fence_raises_the_epoch),
        cmocka_unit_test(lost_rows_are_noticed_by_the_cursor),
        cmocka_unit_test(a_reload_adds_and_removes_nodes),
        cmocka_unit_test(one_dead_node_keeps_rows_pending_for_it_only),
        cmocka_unit_test(somebody_is_told_that_the_path_is_down),
        cmocka_unit_test(refusals_count_as_down_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
