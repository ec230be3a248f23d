/* Heartbeats, duty and mirrors between an edge and two global nodes. */
#include "tests/unit/edge/uplink_world.h"

#define MAC "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MIRROR_OF(incident, ver, state) \
    "{\"incident\":\"" incident "\",\"origin\":\"g1\",\"epoch\":5,\"ver\":" ver \
    ",\"body\":\"{\\\"state\\\":\\\"" state "\\\"}\",\"mac\":\"" MAC "\"}"

static void hand_down(struct fake_global *g, const char *list, uint64_t upto)
{
    free(g->mirrors);
    g->mirrors = xstrdup(list);
    g->mirrors_upto = upto;
}

static size_t mirror_rows(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->d.rows.n; i++)
        n += w->d.rows.v[i].kind == EDGE_ROW_MIRROR;
    return n;
}

static void a_mirror_is_stored_then_confirmed_and_carried(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    run(&w, 1000);
    w.d.manual_store = true;
    hand_down(&w.g[0], "[" MIRROR_OF("i1", "9", "triggered") "]", 9);
    run(&w, 3000);
    assert_int_equal(w.g[0].confirmed, 0);
    assert_int_equal(mirror_rows(&w), 1);
    driver_stored(&w.d, w.d.txn, STORE_OK);
    run(&w, 100);
    assert_int_equal(w.g[0].confirmed, 9);
    assert_int_equal(w.g[0].journals, 0); /* its own is not told to it */
    assert_int_equal(w.g[1].journals, 1);
    assert_non_null(strstr(w.g[1].journal, MIRROR_OF("i1", "9", "triggered")));
    run(&w, 60000);
    assert_int_equal(w.g[1].journals, 1);
    teardown(&w);
}

static void a_newer_version_replaces_and_an_older_is_ignored(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    hand_down(&w.g[0], "[" MIRROR_OF("i1", "9", "triggered") "]", 9);
    run(&w, 1000);
    hand_down(&w.g[0], "[" MIRROR_OF("i1", "8", "resolved") "]", 10);
    run(&w, 1000);
    assert_int_equal(w.g[1].journals, 1);
    hand_down(&w.g[0], "[" MIRROR_OF("i1", "11", "acknowledged") ",{\"incident\":7},3]", 11);
    run(&w, 1000);
    assert_int_equal(w.g[1].journals, 2);
    assert_non_null(strstr(w.g[1].journal, "acknowledged"));
    assert_int_equal(mirror_rows(&w), 1);
    teardown(&w);
}

static void a_refused_store_confirms_nothing(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    run(&w, 1000);
    w.d.manual_store = true;
    hand_down(&w.g[0], "[" MIRROR_OF("i1", "9", "triggered") "]", 9);
    run(&w, 1000);
    driver_stored(&w.d, w.d.txn, STORE_FULL);
    run(&w, 6000);
    assert_int_equal(w.g[0].confirmed, 0);
    w.d.manual_store = false;
    driver_stored(&w.d, w.d.txn, STORE_OK); /* there is room again: everything is put again */
    run(&w, 6000);
    assert_int_equal(w.g[0].confirmed, 9);
    teardown(&w);
}

static void after_a_restart_all_are_carried_again(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    hand_down(&w.g[0], "[" MIRROR_OF("i1", "9", "triggered") "]", 9);
    run(&w, 1000);
    free(w.g[0].mirrors);
    w.g[0].mirrors = NULL;
    w.g[0].mood = FAKE_UNREACHABLE;
    w.g[1].journals = 0;
    edge_restart(&w.d, AM, FED2);
    run(&w, 3000);
    assert_int_equal(w.g[1].journals, 1);
    assert_non_null(strstr(w.g[1].journal, "\"incident\":\"i1\""));
    teardown(&w);
}

/* A fresh store says nothing of earlier grants: a whole term passes first. */
static void duty_goes_to_one_node_and_moves_when_it_dies(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    run(&w, 30000);
    assert_int_equal(w.g[0].echoes + w.g[1].echoes, 0);
    run(&w, 300);
    assert_int_equal(w.g[0].echoes, 1); /* without waiting for the next heartbeat */
    run(&w, 60000);
    assert_true(w.g[0].echoes >= 6);
    assert_int_equal(w.g[1].echoes, 0);
    assert_string_equal(w.g[1].holder, "g1");

    w.g[0].mood = FAKE_DEAF;
    run(&w, 25000);
    assert_int_equal(w.g[1].echoes, 0);
    run(&w, 25000);
    assert_true(w.g[1].echoes >= 1);
    w.g[0].mood = FAKE_WELL;
    run(&w, 60000);
    assert_true(w.g[1].echoes >= 6); /* the holder stays */
    assert_string_equal(w.g[0].holder, "g2");
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_GRANT_SENT) >= 12, 1);
    teardown(&w);
}

static void a_restart_grants_the_same_node_at_once(void **state)
{
    struct world w;
    size_t echoes;

    (void)state;
    setup(&w, FED2);
    run(&w, 45000);
    echoes = w.g[0].echoes;
    edge_restart(&w.d, AM, FED2);
    run(&w, 1000);
    assert_int_equal(w.g[0].echoes, echoes + 1);
    w.g[0].mood = FAKE_UNREACHABLE;
    edge_restart(&w.d, AM, FED2);
    run(&w, 29000);
    assert_int_equal(w.g[1].echoes, 0);
    run(&w, 2000);
    assert_int_equal(w.g[1].echoes, 1);
    teardown(&w);
}

static void a_released_node_is_left_at_once(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    run(&w, 45000);
    assert_int_equal(w.g[1].echoes, 0);
    w.g[0].released = true;
    run(&w, 11000);
    assert_true(w.g[1].echoes >= 1);
    teardown(&w);
}

static void refused_connections_do_not_extend_the_term(void **state)
{
    struct world w;
    int64_t lost;

    (void)state;
    setup(&w, FED2);
    run(&w, 45000);
    w.g[0].mood = FAKE_UNREACHABLE;
    lost = w.d.now.mono_ms;
    while (w.g[1].echoes == 0)
        run(&w, 100);
    assert_true(w.d.now.mono_ms - lost <= 31000);
    teardown(&w);
}

static void heartbeats_come_each_ten_seconds_and_sooner_after_a_failure(void **state)
{
    struct world w;
    size_t n;

    (void)state;
    setup(&w, FED);
    run(&w, 1000);
    n = w.g[0].heartbeats;
    run(&w, 100000);
    assert_in_range(w.g[0].heartbeats - n, 9, 13);
    w.g[0].mood = FAKE_UNREACHABLE;
    run(&w, 60000);
    w.g[0].mood = FAKE_WELL;
    n = w.g[0].heartbeats;
    run(&w, 2500);
    assert_true(w.g[0].heartbeats > n);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mirror_is_stored_then_confirmed_and_carried),
        cmocka_unit_test(a_newer_version_replaces_and_an_older_is_ignored),
        cmocka_unit_test(a_refused_store_confirms_nothing),
        cmocka_unit_test(after_a_restart_all_are_carried_again),
        cmocka_unit_test(duty_goes_to_one_node_and_moves_when_it_dies),
        cmocka_unit_test(a_restart_grants_the_same_node_at_once),
        cmocka_unit_test(a_released_node_is_left_at_once),
        cmocka_unit_test(refused_connections_do_not_extend_the_term),
        cmocka_unit_test(heartbeats_come_each_ten_seconds_and_sooner_after_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
