/* Anti-entropy: what the edge says again, and what it denies. */
#include "tests/unit/edge/uplink_world.h"

static struct fake_register *only(struct fake_global *g)
{
    assert_int_equal(g->registers_n, 1);
    return &g->registers[0];
}

static void equal_views_match(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    assert_int_equal(post(&w, 0, 300, true), 200);
    run(&w, 200000);
    assert_in_range(w.g[0].digests, 3, 5);
    assert_int_equal(w.g[0].mismatches, 0);
    assert_int_equal(driver_ledger_count(&w.d, LEDGER_ACCEPTED), 300);
    teardown(&w);
}

static void a_missing_register_is_said_again(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED2);
    assert_int_equal(post(&w, 0, 40, true), 200);
    run(&w, 1000);
    w.g[0].registers_n = 7; /* 33 are gone, the cursor is not */
    run(&w, 400000);
    assert_int_equal(fake_global_firing(&w.g[0]), 40);
    assert_int_equal(fake_global_firing(&w.g[1]), 40);
    assert_string_equal(w.g[0].registers[30].reason, "refresh");
    assert_int_equal(w.g[0].registers[30].transitions, 1);
    assert_int_equal(w.g[1].mismatches, 0);
    teardown(&w);
}

static void an_older_register_is_said_again(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    assert_int_equal(post(&w, 0, 1, true), 200);
    run(&w, 1000);
    only(&w.g[0])->seq = 0;
    run(&w, 130000);
    assert_int_equal(only(&w.g[0])->seq, 2);
    teardown(&w);
}

/* A firing that this edge knows nothing of is denied, in the second round that finds it. */
static void a_ghost_is_denied_in_the_second_round(void **state)
{
    struct world w;
    int64_t seen;

    (void)state;
    setup(&w, FED);
    assert_int_equal(post(&w, 0, 1, true), 200);
    run(&w, 7 * MS_PER_MIN); /* settled */
    w.g[0].registers[w.g[0].registers_n++] =
        (struct fake_register){.fp = 77, .epoch = 1, .seq = 1, .firing = true};
    while (w.g[0].mismatches == 0)
        run(&w, 500);
    seen = w.d.now.mono_ms;
    run(&w, 50000);
    assert_int_equal(fake_global_firing(&w.g[0]), 2);
    while (fake_global_firing(&w.g[0]) == 2)
        run(&w, 500);
    assert_in_range(w.d.now.mono_ms - seen, 50000, 61000);
    assert_string_equal(fake_global_find(&w.g[0], 77)->reason, "anti_entropy");
    assert_int_equal(w.g[0].mismatches, 2);
    run(&w, 130000);
    assert_int_equal(w.g[0].mismatches, 2);
    teardown(&w);
}

static void an_unsettled_edge_denies_nothing(void **state)
{
    struct world w;

    (void)state;
    setup(&w, FED);
    run(&w, 1000);
    w.g[0].epoch = 1;
    w.g[0].registers[w.g[0].registers_n++] =
        (struct fake_register){.fp = 77, .epoch = 1, .seq = 1, .firing = true};
    assert_int_equal(post(&w, 0, 1, true), 200);
    run(&w, 5 * MS_PER_MIN);
    assert_true(w.g[0].mismatches >= 2);
    assert_int_equal(fake_global_firing(&w.g[0]), 2);
    run(&w, 3 * MS_PER_MIN);
    assert_int_equal(fake_global_firing(&w.g[0]), 1);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_views_match),
        cmocka_unit_test(a_missing_register_is_said_again),
        cmocka_unit_test(an_older_register_is_said_again),
        cmocka_unit_test(a_ghost_is_denied_in_the_second_round),
        cmocka_unit_test(an_unsettled_edge_denies_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
