#include "tests/unit/global/fixture.h"

static uint64_t say_row(struct world *w, uint64_t seq, const char *fields)
{
    char row[512];

    (void)snprintf(row, sizeof(row),
                   "{\"seq\":%lu,\"kind\":\"episode\",\"fp\":\"0000000000000007\",%s}", seq,
                   fields);
    return world_batch(w, fra_e1, UUID_A, 1, "backlog", false, seq, seq, row, "");
}

static void test_changes(void **state)
{
    static const struct {
        const char *fields;
        enum member_change want;
    } cases[] = {
        {"\"episode\":1,\"state\":\"firing\"", MEMBER_OPENED},
        {"\"episode\":1,\"state\":\"firing\",\"reason\":\"refresh\"", MEMBER_REFRESHED},
        {"\"episode\":1,\"state\":\"firing\",\"suppressed\":\"silence:x\"", MEMBER_SUPPRESSED},
        {"\"episode\":1,\"state\":\"firing\"", MEMBER_UNSUPPRESSED},
        {"\"episode\":1,\"state\":\"resolved\"", MEMBER_RESOLVED},
        {"\"episode\":1,\"state\":\"resolved\"", MEMBER_REFRESHED},
        {"\"episode\":7,\"state\":\"firing\"", MEMBER_OPENED},
        {"\"episode\":8,\"state\":\"firing\"", MEMBER_OPENED}, /* the end between was skipped */
        {"\"episode\":8,\"state\":\"resolved\"", MEMBER_RESOLVED},
        {"\"episode\":10,\"state\":\"resolved\"", MEMBER_RESOLVED}, /* came and went unheard */
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        memset(&heard, 0, sizeof(heard));
        assert_answer(&w, say_row(&w, i + 1, cases[i].fields), 200, "cursor");
        for (size_t c = 0; c < ARRAY_SIZE(heard.changes); c++)
            assert_int_equal(heard.changes[c], c == cases[i].want);
    }
    world_clear(&w);
}

/* Two edges of a site say that the alert fires. The first one falls silent, the second resolves. */
static void two_edges(struct world *w)
{
    world_init(w);
    (void)world_say(w, fra_e1, UUID_A, 1, 7, "firing");
    (void)world_say(w, fra_e2, UUID_B, 1, 7, "firing");
}

static void keep_second_alive(struct world *w, int64_t until_mono_ms, uint64_t high)
{
    while (w->now.mono_ms < until_mono_ms) {
        world_run_to(w, min_i64(until_mono_ms, w->now.mono_ms + 10000));
        (void)world_beat(w, fra_e2, UUID_B, high, "");
    }
}

static bool held(struct world *w)
{
    struct member *m = world_member(w, UUID_A, 7);

    assert_int_equal(m->holds_open, member_holds_open(world_global(w), m));
    return m->holds_open;
}

static void test_dead_stream_is_released_by_a_later_resolve(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    two_edges(&w);
    t = w.now.mono_ms;
    keep_second_alive(&w, t + 50000, 1);
    (void)world_say(&w, fra_e2, UUID_B, 2, 7, "resolved");
    keep_second_alive(&w, t + 89999, 2);
    assert_true(held(&w)); /* it may be alive */
    keep_second_alive(&w, t + 90000, 2);
    assert_false(held(&w));
    assert_int_equal(heard.changes[MEMBER_RELEASED], 1);
    world_restart(&w);
    keep_second_alive(&w, t + 90500, 2);
    assert_false(held(&w));
    /* It comes back: what it says counts again. */
    (void)world_beat(&w, fra_e1, UUID_A, 1, "");
    assert_true(held(&w));
    assert_int_equal(heard.changes[MEMBER_HELD], 1);
    world_clear(&w);
}

static void test_resolve_after_the_silence_began(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    two_edges(&w);
    t = w.now.mono_ms;
    keep_second_alive(&w, t + 200000, 1);
    assert_true(held(&w));
    (void)world_say(&w, fra_e2, UUID_B, 2, 7, "resolved");
    assert_false(held(&w));
    assert_int_equal(heard.changes[MEMBER_RELEASED], 1);
    world_clear(&w);
}

/* The other edge had resolved before the dead one spoke last: the last word was "firing". */
static void test_last_word_stands(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    two_edges(&w);
    t = w.now.mono_ms;
    (void)world_say(&w, fra_e2, UUID_B, 2, 7, "resolved");
    world_run_to(&w, t + 10000);
    (void)world_beat(&w, fra_e1, UUID_A, 1, "");
    keep_second_alive(&w, t + 300000, 2);
    assert_true(world_member(&w, UUID_A, 7)->stream->silent);
    assert_true(held(&w));
    world_restart(&w);
    keep_second_alive(&w, t + 600000, 2);
    assert_true(held(&w));
    world_clear(&w);
}

/* The process restarts before the dead stream's silence is complete. */
static void test_doubt_survives_a_restart(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    two_edges(&w);
    t = w.now.mono_ms;
    keep_second_alive(&w, t + 50000, 1);
    (void)world_say(&w, fra_e2, UUID_B, 2, 7, "resolved");
    world_restart(&w);
    keep_second_alive(&w, t + 139999, 2);
    assert_true(held(&w));
    keep_second_alive(&w, t + 140000, 2);
    assert_false(held(&w));
    world_clear(&w);
}

static void test_unsettled_stream_releases_nothing(void **state)
{
    struct world w;
    int64_t t;

    (void)state;
    two_edges(&w);
    t = w.now.mono_ms;
    keep_second_alive(&w, t + 50000, 1);
    (void)world_say(&w, fra_e2, UUID_B, 2, 7, "resolved");
    keep_second_alive(&w, t + 80000, 2);
    assert_answer(&w,
                  world_post(&w, fra_e2, "heartbeats",
                             "{\"v\":1,\"stream\":\"" UUID_B
                             "\",\"epoch\":1,\"high\":2,\"settled\":false}"),
                  200, "token");
    world_run_to(&w, t + 95000);
    assert_true(held(&w));
    keep_second_alive(&w, t + 100000, 2); /* settled */
    assert_false(held(&w));
    world_clear(&w);
}

/* A stream that never had the alert says nothing about it. */
static void test_stranger_releases_nothing(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    keep_second_alive(&w, w.now.mono_ms + 300000, 0);
    assert_true(held(&w));
    world_clear(&w);
}

/* The node lost its store and came back with a new one. */
static void test_new_store_of_the_same_node(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    (void)world_say(&w, fra_e1, UUID_A, 2, 8, "firing");
    (void)world_say(&w, fra_e1, UUID_C, 1, 8, "firing");
    world_run_to(&w, w.now.mono_ms + 90000);
    assert_true(held(&w));
    (void)world_beat(&w, fra_e1, UUID_C, 2, ""); /* a row is still on its way */
    assert_true(held(&w));
    (void)world_beat(&w, fra_e1, UUID_C, 1, "");
    assert_false(held(&w));
    assert_true(world_member(&w, UUID_A, 8)->holds_open); /* the new store says so, too */
    world_clear(&w);
}

static void test_registers_come_back(void **state)
{
    struct world w;
    uint64_t digest;
    struct member *m;

    (void)state;
    world_init(&w);
    (void)say_row(&w, 1,
                  "\"episode\":1,\"state\":\"firing\",\"suppressed\":\"silence:é\",\"labels\":{"
                  "\"alertname\":\"A\",\"b\":\"<\\u0000\\\"\"},\"annotations\":{\"s\":\"t\"},"
                  "\"generator_url\":\"http://x/?a=b&c\",\"starts_at_ms\":5,\"first_seen_ms\":6,"
                  "\"transitions\":3");
    digest = engine_digest(w.engine);
    world_restart(&w);
    assert_true(engine_digest(w.engine) == digest);
    m = world_member(&w, UUID_A, 7);
    assert_str_eq(m->s.generator_url, "http://x/?a=b&c");
    assert_str_eq(labels_get(m->s.annotations, STR("s")), "t");
    assert_int_equal(m->s.transitions, 3);
    assert_int_equal(m->s.first_seen_wall_ms, 6);
    assert_true(m->holds_open);
    world_clear(&w);
}

static void test_orphans_go_after_an_hour(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "resolved");
    world_run_to(&w, w.now.mono_ms + MEMBER_ORPHAN_MS - 1);
    assert_non_null(world_member(&w, UUID_A, 7));
    world_run_to(&w, w.now.mono_ms + 1);
    assert_null(world_member(&w, UUID_A, 7));
    (void)world_say(&w, fra_e1, UUID_A, 2, 8, "resolved");
    world_restart(&w);
    world_run_to(&w, w.now.mono_ms + MEMBER_ORPHAN_MS);
    assert_null(world_member(&w, UUID_A, 8));
    world_restart(&w);
    assert_int_equal(world_global(&w)->members.n, 0);
    world_clear(&w);
}

static void test_damaged_rows_are_left_out(void **state)
{
    static const struct {
        uint32_t kind;
        const char *key, *value;
    } rows[] = {
        {GLOBAL_ROW_META, "directives", "{\"epoch\":\"x\"}"},
        {GLOBAL_ROW_META, "node", "{"},
        {GLOBAL_ROW_SITE, "Bad Site", "{}"},
        {GLOBAL_ROW_STREAM, UUID_B, "{\"site\":\"x\"}"},
        {GLOBAL_ROW_STREAM, UUID_C,
         "{\"site\":\"a\",\"group\":\"main\",\"node\":\"n\",\"cursor\":5,\"live\":[3,4]}"},
        {GLOBAL_ROW_MEMBER, UUID_C " 0000000000000007", "{}"},
        {GLOBAL_ROW_MEMBER, UUID_A " 0000000000000009", "{\"seq\":1}"},
        {GLOBAL_ROW_MIRROR, "x", "{}"},
        {99, "x", "{}"},
    };
    struct world w;

    (void)state;
    world_init(&w);
    (void)world_say(&w, fra_e1, UUID_A, 1, 7, "firing");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct row_copy r = {.kind = rows[i].kind,
                             .key = xstrdup(rows[i].key),
                             .key_n = strlen(rows[i].key),
                             .value = xstrdup(rows[i].value),
                             .value_n = strlen(rows[i].value)};

        rows_apply(&w.disk, &r);
        free(r.key);
        free(r.value);
    }
    world_restart(&w);
    assert_int_equal(world_global(&w)->counts.rows_damaged, ARRAY_SIZE(rows));
    assert_true(held(&w));
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_dead_stream_is_released_by_a_later_resolve),
        cmocka_unit_test(test_resolve_after_the_silence_began),
        cmocka_unit_test(test_last_word_stands),
        cmocka_unit_test(test_doubt_survives_a_restart),
        cmocka_unit_test(test_unsettled_stream_releases_nothing),
        cmocka_unit_test(test_stranger_releases_nothing),
        cmocka_unit_test(test_new_store_of_the_same_node),
        cmocka_unit_test(test_registers_come_back),
        cmocka_unit_test(test_orphans_go_after_an_hour),
        cmocka_unit_test(test_damaged_rows_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
