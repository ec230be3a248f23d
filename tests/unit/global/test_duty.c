#include "tests/unit/global/fixture.h"

static uint64_t echo(struct world *w, struct peer peer, const char *uuid, const char *node,
                     const char *boot, int64_t mono_ms)
{
    char more[256];

    (void)snprintf(more, sizeof(more),
                   ",\"echo\":{\"node\":\"%s\",\"boot\":\"%s\",\"mono_ms\":%ld}", node, boot,
                   mono_ms);
    return world_beat(w, peer, uuid, 0, more);
}

static int64_t duty_of(struct world *w, const char *site)
{
    struct site *s = site_find(world_global(w), str_from(site));

    return s != NULL ? duty_until(world_global(w), s) : 0;
}

static void test_token_and_term(void **state)
{
    struct world w;
    int64_t t;
    char want[128];

    (void)state;
    world_init(&w);
    t = w.now.mono_ms;
    (void)snprintf(want, sizeof(want),
                   "\"token\":{\"node\":\"g1\",\"boot\":\"" BOOT "\",\"mono_ms\":%ld}", t);
    assert_answer(&w, world_beat(&w, fra_e1, UUID_A, 0, ""), 200, want);
    assert_int_equal(duty_of(&w, "fra1"), 0);
    /* Whenever the echo comes, the term counts from the token. */
    world_run_to(&w, t + 12000);
    (void)echo(&w, fra_e1, UUID_A, "g1", BOOT, t);
    assert_int_equal(duty_of(&w, "fra1"), t + DUTY_LEASE_MS);
    assert_int_equal(w.last_duty_until, t + DUTY_LEASE_MS);
    assert_int_equal(heard.duty, 1);
    assert_int_equal(w.wake, t + DUTY_LEASE_MS);
    /* An older echo that was overtaken shortens nothing. */
    (void)echo(&w, fra_e1, UUID_A, "g1", BOOT, t + 10000);
    (void)echo(&w, fra_e1, UUID_A, "g1", BOOT, t + 5000);
    assert_int_equal(duty_of(&w, "fra1"), t + 10000 + DUTY_LEASE_MS);
    world_run_to(&w, t + 39999);
    assert_int_equal(duty_of(&w, "fra1"), t + 40000);
    assert_int_equal(heard.duty, 1);
    world_run_to(&w, t + 40000);
    assert_int_equal(duty_of(&w, "fra1"), 0);
    assert_int_equal(heard.duty, 2);
    assert_int_equal(duty_count(world_global(&w)), 0);
    world_clear(&w);
}

static void test_echoes_that_count_for_nothing(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    world_init(&w);
    t = w.now.mono_ms;
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g2", BOOT, t), 200, "token");
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g1", "b007b007b007b00", t), 200, "token");
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g1", BOOT, t + 1), 200, "token");
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g1", BOOT, t - DUTY_LEASE_MS), 200, "token");
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g1", BOOT, -1), 200, "token");
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g1", BOOT, INT64_MAX), 200, "token");
    assert_int_equal(duty_of(&w, "fra1"), 0);
    assert_int_equal(w.ledger[LEDGER_DUTY], 0);
    assert_int_equal(world_global(&w)->counts.refused[REFUSED_ECHO], 6);
    world_clear(&w);
}

static void test_new_boot_holds_nothing(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    (void)echo(&w, fra_e1, UUID_A, "g1", BOOT, w.now.mono_ms);
    assert_true(duty_of(&w, "fra1") > w.now.mono_ms);
    world_restart(&w);
    assert_int_equal(duty_of(&w, "fra1"), 0);
    (void)echo(&w, fra_e1, UUID_A, "g1", BOOT, w.now.mono_ms);
    assert_int_equal(duty_of(&w, "fra1"), 0);
    world_clear(&w);
}

/* A copy of the store with an older epoch grants nothing. */
static void test_fenced_copy_grants_nothing(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_batch(&w, fra_e1, UUID_A, 2, "backlog", false, 1, 1, "", "[1,1]");
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g1", BOOT, w.now.mono_ms), 200, "\"epoch\":2");
    assert_int_equal(duty_of(&w, "fra1"), 0);
    world_clear(&w);
}

static void test_stop_releases(void **state)
{
    struct engine_input stop = {.kind = ENGINE_STOP};
    struct world w;
    int64_t t;

    (void)state;
    world_init(&w);
    t = w.now.mono_ms;
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g1", BOOT, t), 200, "\"released\":false");
    world_step(&w, &stop);
    assert_int_equal(duty_of(&w, "fra1"), 0);
    assert_int_equal(heard.duty, 2);
    assert_answer(&w, echo(&w, fra_e1, UUID_A, "g1", BOOT, t), 200, "\"released\":true");
    assert_int_equal(duty_of(&w, "fra1"), 0);
    world_clear(&w);
}

static void test_what_streams_say_of_each_other(void **state)
{
    struct world w;
    struct global *g;

    (void)state;
    world_init(&w);
    (void)world_post(&w, fra_e2, "heartbeats",
                     "{\"v\":1,\"stream\":\"" UUID_B "\",\"epoch\":1,\"holder\":\"g2\","
                     "\"globals\":[{\"name\":\"g2\",\"heard_ms\":24000},"
                     "{\"name\":\"g3\",\"heard_ms\":26000}]}");
    g = world_global(&w);
    assert_str_eq(duty_holder(g, site_find(g, STR("fra1"))), "g2");
    assert_answer(&w, world_beat(&w, fra_e1, UUID_A, 0, ""), 200,
                  "\"streams\":[{\"node\":\"e2\",\"stream\":\"" UUID_B
                  "\",\"live\":true,\"holder\":\"g2\"}]");
    assert_answer(&w, world_beat(&w, ams_e1, UUID_C, 0, ""), 200, "\"streams\":[]");
    assert_true(global_peer_alive(g, STR("g2")));
    assert_false(global_peer_alive(g, STR("g3")));
    world_run_to(&w, w.now.mono_ms + 1001);
    assert_false(global_peer_alive(g, STR("g2")));
    /* Our own knowledge goes before what is said of others. */
    (void)echo(&w, fra_e1, UUID_A, "g1", BOOT, w.now.mono_ms);
    assert_str_eq(duty_holder(g, site_find(g, STR("fra1"))), "g1");
    world_clear(&w);
}

static void test_bad_heartbeats(void **state)
{
    static const char *const bodies[] = {
        "{\"v\":1,\"stream\":\"" UUID_A "\",\"epoch\":-1}",
        "{\"v\":1,\"stream\":\"" UUID_A "\",\"echo\":[]}",
        "{\"v\":1,\"stream\":\"" UUID_A "\",\"globals\":[1]}",
        "{\"v\":1,\"stream\":\"" UUID_A "\",\"holder\":1}",
        "{\"v\":1}",
        "",
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
        assert_answer(&w, world_post(&w, fra_e1, "heartbeats", bodies[i]), 400, "bad_request");
    assert_answer(&w,
                  world_post(&w, fra_e1, "heartbeats",
                             "{\"v\":1,\"stream\":\"" UUID_A "\",\"holder\":\"No Name\",\"boot\":"
                             "\"0123456789012345678901234567890123456789\"}"),
                  200, "token");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_and_term),
        cmocka_unit_test(test_echoes_that_count_for_nothing),
        cmocka_unit_test(test_new_boot_holds_nothing),
        cmocka_unit_test(test_fenced_copy_grants_nothing),
        cmocka_unit_test(test_stop_releases),
        cmocka_unit_test(test_what_streams_say_of_each_other),
        cmocka_unit_test(test_bad_heartbeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
