#include "tests/unit/global/fixture.h"

static void test_silent_at_90_s_not_before(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    world_init(&w);
    (void)world_beat(&w, fra_e1, UUID_A, 0, "");
    (void)world_beat(&w, ams_e1, UUID_B, 0, "");
    t = w.now.mono_ms;
    world_run_to(&w, t + 60000);
    (void)world_beat(&w, ams_e1, UUID_B, 0, "");
    world_run_to(&w, t + 89999);
    assert_int_equal(heard.site_silent, 0);
    assert_int_equal(w.wake, t + 90000);
    world_run_to(&w, t + 90000);
    assert_int_equal(heard.site_silent, 1);
    assert_true(site_find(world_global(&w), STR("fra1"))->silent);
    assert_false(site_find(world_global(&w), STR("ams1"))->silent);
    (void)world_beat(&w, fra_e1, UUID_A, 0, "");
    assert_int_equal(heard.site_heard, 1);
    assert_int_equal(w.ledger[LEDGER_SITE], 2);
    world_clear(&w);
}

static void test_one_live_stream_keeps_the_site(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    world_init(&w);
    (void)world_beat(&w, fra_e1, UUID_A, 0, "");
    (void)world_beat(&w, fra_e2, UUID_B, 0, "");
    t = w.now.mono_ms;
    world_run_to(&w, t + 80000);
    (void)world_beat(&w, fra_e2, UUID_B, 0, "");
    world_run_to(&w, t + 169999);
    assert_int_equal(heard.site_silent, 0);
    assert_true(stream_find(world_global(&w), STR(UUID_A))->silent);
    world_run_to(&w, t + 170000);
    assert_int_equal(heard.site_silent, 1);
    world_clear(&w);
}

/* A restart counts silence anew, and does not tell again what was so before. */
static void test_restart(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    world_init(&w);
    (void)world_beat(&w, fra_e1, UUID_A, 0, "");
    t = w.now.mono_ms;
    world_run_to(&w, t + 80000);
    world_restart(&w);
    world_run_to(&w, t + 169999);
    assert_int_equal(heard.site_silent, 0);
    world_run_to(&w, t + 170000);
    assert_int_equal(heard.site_silent, 1);
    world_restart(&w);
    assert_true(site_find(world_global(&w), STR("fra1"))->silent);
    world_run_to(&w, t + 400000);
    assert_int_equal(heard.site_silent, 1);
    assert_int_equal(heard.site_heard, 0);
    (void)world_beat(&w, fra_e1, UUID_A, 0, "");
    assert_int_equal(heard.site_heard, 1);
    world_clear(&w);
}

/* Silence resolves nothing. */
static void test_members_go_stale_only(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    assert_false(member_stale(world_member(&w, UUID_A, 7)));
    world_run_to(&w, w.now.mono_ms + 500000);
    assert_int_equal(heard.site_silent, 1);
    assert_int_equal(heard.changes[MEMBER_RESOLVED] + heard.changes[MEMBER_RELEASED], 0);
    assert_true(member_stale(world_member(&w, UUID_A, 7)));
    assert_true(member_holds_open(world_global(&w), world_member(&w, UUID_A, 7)));
    world_clear(&w);
}

static void test_streams_are_bounded(void **state)
{
    struct world w;
    char uuid[37];

    (void)state;
    world_init(&w);
    for (int i = 0; i < STREAMS_PER_SITE_MAX; i++) {
        (void)snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012d", i);
        assert_answer(&w, world_beat(&w, fra_e1, uuid, 0, ""), 200, "token");
    }
    assert_answer(&w, world_beat(&w, fra_e1, UUID_A, 0, ""), 503, "too_many_streams");
    assert_answer(&w, world_beat(&w, ams_e1, UUID_B, 0, ""), 200, "token");
    /* A silent one that says nothing makes room. */
    world_run_to(&w, w.now.mono_ms + 90000);
    assert_answer(&w, world_beat(&w, fra_e1, UUID_A, 0, ""), 200, "token");
    world_restart(&w);
    assert_int_equal(site_find(world_global(&w), STR("fra1"))->streams_n, STREAMS_PER_SITE_MAX);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_at_90_s_not_before),
        cmocka_unit_test(test_one_live_stream_keeps_the_site),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_members_go_stale_only),
        cmocka_unit_test(test_streams_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
