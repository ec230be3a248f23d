#include "common/core/api/api_silences.h"
#include "tests/lib/test.h"

#define T0 INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int parse(const char *body, struct silence *ret, struct api_error *error)
{
    struct engine_request r = {.content_type = STR("application/json"), .body = str_from(body)};

    return api_silence_parse(&r, arena, ret, error);
}

#define MATCHER "{\"name\":\"a\",\"value\":\"b\",\"isRegex\":false}"
#define REST "\"startsAt\":\"2027-01-15T08:00:00Z\",\"createdBy\":\"me\",\"comment\":\"\""

static void mistakes_come_in_the_frameworks_order(void **state)
{
    static const struct {
        const char *body;
        int status, code;
        const char *want;
    } cases[] = {
        {"", 422, 602, "silence in body is required"},
        {"null", 422, 602, "comment in body is required"},
        {"{}", 422, 602, "comment in body is required"},
        {"{\"comment\":null}", 422, 602, "comment in body is required"},
        {"{\"comment\":\"\"}", 422, 602, "createdBy in body is required"},
        {"{\"comment\":\"\",\"createdBy\":\"\"}", 422, 602, "endsAt in body is required"},
        {"{\"comment\":\"\",\"createdBy\":\"\",\"endsAt\":\"\"}", 422, 602,
         "matchers in body is required"},
        {"{\"comment\":\"\",\"createdBy\":\"\",\"endsAt\":\"\",\"matchers\":[]}", 422, 612,
         "matchers in body should have at least 1 items"},
        {"{\"comment\":\"\",\"createdBy\":\"\",\"endsAt\":\"\",\"matchers\":[{}]}", 422, 602,
         "matchers.0.isRegex in body is required"},
        {"{\"comment\":\"\",\"createdBy\":\"\",\"endsAt\":\"\",\"matchers\":[" MATCHER
         ",{\"isRegex\":true}]}",
         422, 602, "matchers.1.name in body is required"},
        {"{\"comment\":\"\",\"createdBy\":\"\",\"endsAt\":\"\",\"matchers\":[{\"isRegex\":true,"
         "\"name\":\"\"}]}",
         422, 602, "matchers.0.value in body is required"},
        {"{\"comment\":\"\",\"createdBy\":\"\",\"endsAt\":\"\",\"matchers\":[null]}", 422, 602,
         "matchers.0 in body is required"},
        {"{\"comment\":\"\",\"createdBy\":\"\",\"endsAt\":\"\",\"matchers\":[" MATCHER "]}", 422,
         602, "startsAt in body is required"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_error error = {0};
        struct silence s;

        assert_int_equal(parse(cases[i].body, &s, &error), -EINVAL);
        assert_str_eq(error.message, cases[i].want);
        assert_int_equal(error.status, cases[i].status);
        assert_int_equal(error.code, cases[i].code);
    }
}

static void what_cannot_be_decoded_is_400(void **state)
{
    static const char *const cases[] = {
        "{",
        "[]",
        "7",
        "{\"comment\":7}",
        "{\"startsAt\":\"soon\"}",
        "{\"matchers\":{}}",
        "{\"matchers\":[7]}",
        "{\"matchers\":[{\"isRegex\":\"yes\"}]}",
        "{\"annotations\":[]}",
        "{\"annotations\":{\"a\":7}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_error error = {0};
        struct silence s;

        assert_int_equal(parse(cases[i], &s, &error), -EINVAL);
        assert_int_equal(error.status, 400);
        assert_int_equal(error.code, 400);
        assert_true(
            str_starts(error.message, STR("parsing silence body from \"\" failed, because ")));
    }
}

static void a_silence_goes_in_and_comes_out(void **state)
{
    struct silence_set *set = silence_set_new((struct silence_options){.retention_ms = MS_PER_H});
    struct now now = {.wall_ms = T0 + 1};
    struct api_error error;
    struct silence_change c;
    struct json_writer w;
    struct rand rand;
    struct silence s;
    struct buf b;

    (void)state;
    rand_seed(&rand, 1);
    assert_int_equal(parse("{" REST ",\"ENDSAT\":\"2027-01-15T10:00:00+01:00\",\"other\":1,"
                           "\"matchers\":[" MATCHER ",{\"name\":\"c\",\"value\":\"d|e\","
                           "\"isRegex\":true,\"isEqual\":false}],"
                           "\"annotations\":{\"z\":\"1\",\"y\":\"\"}} behind",
                           &s, &error),
                     0);
    assert_null(api_silence_objection(&s, now));
    assert_int_equal(silence_set_put(set, &s, now, &rand, &c, NULL), 0);
    buf_init(&b, 0);
    json_writer_init(&w, &b);
    api_silence_write(&w, c.silence, now);
    assert_str_eq(str_sub(buf_str(&b), 0, 7), "{\"id\":\"");
    assert_str_eq(str_sub(buf_str(&b), 43, b.n),
                  "\",\"status\":{\"state\":\"active\"},"
                  "\"updatedAt\":\"2027-01-15T08:00:00.001Z\",\"comment\":\"\","
                  "\"createdBy\":\"me\",\"endsAt\":\"2027-01-15T09:00:00.000Z\",\"matchers\":["
                  "{\"isEqual\":true,\"isRegex\":false,\"name\":\"a\",\"value\":\"b\"},"
                  "{\"isEqual\":false,\"isRegex\":true,\"name\":\"c\",\"value\":\"d|e\"}],"
                  "\"startsAt\":\"2027-01-15T08:00:00.001Z\","
                  "\"annotations\":{\"y\":\"\",\"z\":\"1\"}}");
    assert_str_eq(api_silence_created_json(STR("x"), arena), "{\"silenceID\":\"x\"}");
    assert_true(api_silence_id_valid(c.silence->id));
    buf_clear(&b);
    silence_set_free(set);
}

static void the_handler_objects_to_times(void **state)
{
    struct silence s = {.starts_wall_ms = T0, .ends_wall_ms = T0};

    (void)state;
    assert_string_equal(api_silence_objection(&s, (struct now){.wall_ms = T0}),
                        "Failed to create silence: start time must be before end time");
    s.starts_wall_ms = T0 - 5;
    assert_null(api_silence_objection(&s, (struct now){.wall_ms = T0}));
    assert_string_equal(api_silence_objection(&s, (struct now){.wall_ms = T0 + 1}),
                        "Failed to create silence: end time can't be in the past");
    assert_int_equal(api_silence_refusal_status(-ENOENT), 404);
    assert_int_equal(api_silence_refusal_status(-ENOSPC), 400);
}

static void ids_are_uuids(void **state)
{
    static const struct {
        const char *id;
        bool want;
    } cases[] = {{"8d18d5f0-4c0e-4bdb-8d4e-7d94d4d8e3b1", true},
                 {"8D18D5F0-4C0E-4BDB-8D4E-7D94D4D8E3B1", true},
                 {"8d18d5f04c0e4bdb8d4e7d94d4d8e3b1", true},
                 {"{8d18d5f0-4c0e-4bdb-8d4e-7d94d4d8e3b1}", true},
                 {"urn:uuid:8d18d5f0-4c0e-4bdb-8d4e-7d94d4d8e3b1", true},
                 {"8d18d5f0-4c0e-4bdb-8d4e-7d94d4d8e3b", false},
                 {"8d18d5f0-4c0e-4bdb-8d4e-7d94d4d8e3bg", false},
                 {"8d18d5f004c0e-4bdb-8d4e-7d94d4d8e3b1", false},
                 {"foo", false},
                 {"", false}};
    struct http_params q = http_query_parse(STR("active=false&expired=1"), arena);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(api_silence_id_valid(str_from(cases[i].id)), cases[i].want);
    assert_int_equal(api_silence_states(&q), BIT(SILENCE_PENDING) | BIT(SILENCE_EXPIRED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mistakes_come_in_the_frameworks_order, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_decoded_is_400, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silence_goes_in_and_comes_out, setup, teardown),
        cmocka_unit_test_setup_teardown(the_handler_objects_to_times, setup, teardown),
        cmocka_unit_test_setup_teardown(ids_are_uuids, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
