#include "common/core/mute/silence_row.h"
#include "tests/lib/test.h"

#define T0 INT64_C(1800000000000)

static void a_silence_comes_back_whole(void **state)
{
    static struct label annotations[] = {{STR_INIT("empty"), STR_INIT("")},
                                         {STR_INIT("x"), STR_INIT("\"y\"")}};
    struct arena *a = arena_new(0);
    struct silence_set *set = silence_set_new((struct silence_options){0}),
                       *other = silence_set_new((struct silence_options){0});
    struct matchers sets[2] = {{0}, {0}};
    struct silence s = {.id = STR("8d18d5f0"),
                        .sets = sets,
                        .sets_n = 2,
                        .starts_wall_ms = T0,
                        .ends_wall_ms = T0 + 5000,
                        .updated_wall_us = T0 * 1000 + 7,
                        .expires_wall_ms = T0 + 9000,
                        .created_by = STR("me"),
                        .comment = STR("\xc3\xa9 <why>"),
                        .annotations = {.v = annotations, .n = 2},
                        .unread = {.p = "\x00\xff\x1f", .n = 3}};
    struct silence back;
    struct now now = {.wall_ms = T0};
    struct err err;
    struct buf b;

    (void)state;
    for (unsigned op = MATCH_EQ; op <= MATCH_NRE; op++)
        matchers_add(
            &sets[op % 2],
            (struct matcher){.op = (enum matcher_op)op, .name = STR("a b"), .value = STR("c|d")},
            a);
    buf_init(&b, 0);
    silence_row_add(&b, &s);
    assert_int_equal(silence_row_parse(buf_str(&b), a, &back, &err), 0);
    assert_true(silence_hash(&back) == silence_hash(&s));
    assert_true(back.expires_wall_ms == s.expires_wall_ms);
    assert_int_equal(silence_set_merge(set, &s, now, &err), SILENCE_MERGED);
    assert_int_equal(silence_set_merge(other, &back, now, &err), SILENCE_MERGED);
    assert_true(silence_set_digest(set) == silence_set_digest(other));
    buf_clear(&b);
    silence_set_free(set);
    silence_set_free(other);
    arena_free(a);
}

static void damaged_rows_are_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"v\":2}",
        "{\"v\":1,\"sets\":7}",
        "{\"v\":1,\"sets\":[7]}",
        "{\"v\":1,\"sets\":[[7]]}",
        "{\"v\":1,\"sets\":[[[\"=\",\"a\"]]]}",
        "{\"v\":1,\"sets\":[[[\"=\",\"a\",7]]]}",
        "{\"v\":1,\"sets\":[[[\"==\",\"a\",\"b\"]]]}",
        "{\"v\":1,\"starts_ms\":\"x\"}",
        "{\"v\":1,\"annotations\":{\"a\":null}}",
        "{\"v\":1,\"unread\":\"abc\"}",
        "{\"v\":1,\"unread\":\"zz\"}",
    };
    struct arena *a = arena_new(0);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct silence s;
        struct err err;

        assert_int_equal(silence_row_parse(str_from(cases[i]), a, &s, &err), -EINVAL);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silence_comes_back_whole),
        cmocka_unit_test(damaged_rows_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
