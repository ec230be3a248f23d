#include "tests/lib/test.h"

#include "common/cli/matcher_args.h"

static struct arena *arena;

static void what_is_no_matcher_is_an_alertname(void **state)
{
    static const struct {
        const char *text;
        enum matcher_mode mode;
        const char *want;
    } cases[] = {
        {"foo", MATCHER_FALLBACK, "alertname=\"foo\""},
        {"foo=bar", MATCHER_FALLBACK, "foo=bar"},
        {"foo=~b.*", MATCHER_FALLBACK, "foo=~b.*"},
        {"two words", MATCHER_FALLBACK, "alertname=\"two words\""},
        {"say \"x\" \\", MATCHER_FALLBACK, "alertname=\"say \\\"x\\\" \\\\\""},
        {"", MATCHER_FALLBACK, "alertname=\"\""},
        {"foo=", MATCHER_FALLBACK, "foo="},
        {"foo=", MATCHER_UTF8, "alertname=\"foo=\""},
        {"Σ=x", MATCHER_CLASSIC, "alertname=\"Σ=x\""},
        {"Σ=x", MATCHER_FALLBACK, "Σ=x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(args_shorthand(cases[i].text, cases[i].mode, arena), cases[i].want);
}

static void only_the_first_may_be_short(void **state)
{
    const char *good[] = {"foo", "a!=b"}, *bad[] = {"a=b", "foo"};
    struct matchers m = {0};
    struct err err;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    assert_int_equal(args_matchers(good, 2, MATCHER_FALLBACK, arena, &m, &err), 0);
    matchers_add_text(&b, &m);
    assert_str_eq(buf_str(&b), "{alertname=\"foo\",a!=\"b\"}");
    matchers_clear(&m);
    assert_int_equal(args_matchers(bad, 2, MATCHER_FALLBACK, arena, &m, &err), -EINVAL);
    assert_string_equal(err.text, "bad matcher format: foo");
    matchers_clear(&m);
    buf_clear(&b);
}

static void labels_are_equalities(void **state)
{
    const char *good[] = {"b=1", "a=", "b=2"}, *bad[] = {"a=1", "b=~2"};
    struct labels l;
    struct err err;
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    assert_int_equal(args_labels(good, 3, "labels", MATCHER_FALLBACK, arena, &l, &err), 0);
    labels_add_text(&b, l);
    assert_str_eq(buf_str(&b), "{a=\"\", b=\"2\"}");
    assert_int_equal(args_labels(bad, 2, "labels", MATCHER_FALLBACK, arena, &l, &err), -EINVAL);
    assert_string_equal(err.text, "labels must be specified as key=value pairs");
    buf_clear(&b);
}

/* From 2026-01-01T00:00:00Z on. */
static void a_span_has_start_end_and_duration(void **state)
{
    static const struct {
        struct args_span span;
        const char *start, *end, *error;
    } cases[] = {
        {{NULL, NULL, "1h"}, "2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00.000Z", NULL},
        {{NULL, NULL, "1d30m"}, "2026-01-01T00:00:00.000Z", "2026-01-02T00:30:00.000Z", NULL},
        {{"2026-02-01T00:00:00+02:00", NULL, "1h"},
         "2026-02-01T00:00:00.000+02:00",
         "2026-01-31T23:00:00.000Z",
         NULL},
        {{NULL, "2026-01-01T00:00:01.2349Z", "1h"},
         "2026-01-01T00:00:00.000Z",
         "2026-01-01T00:00:01.234Z",
         NULL},
        {{NULL, "2026-01-01T00:00:00Z", NULL}, /* an empty span is one */
         "2026-01-01T00:00:00.000Z",
         "2026-01-01T00:00:00.000Z",
         NULL},
        {{NULL, NULL, "0"}, NULL, NULL, "silence duration must be greater than 0"},
        {{NULL, NULL, "1x"}, NULL, NULL, "unknown unit \"x\" in duration \"1x\""},
        {{NULL, "2025-12-31T23:59:59Z", NULL}, NULL, NULL, "silence cannot start after it ends"},
        {{"2026-01-01", NULL, "1h"},
         NULL,
         NULL,
         "parsing time \"2026-01-01\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as "
         "\"T\""},
        {{NULL, "2026-13-01T00:00:00Z", "1h"},
         NULL,
         NULL,
         "parsing time \"2026-13-01T00:00:00Z\": month out of range"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct go_time from = go_time_from_ms(INT64_C(1767225600000)), start, end = from;
        struct err err;
        int rc = args_span(&cases[i].span, from, &start, &end, &err);

        if (cases[i].error != NULL) {
            assert_int_equal(rc, -EINVAL);
            assert_string_equal(err.text, cases[i].error);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_str_eq(args_time_text(arena, start), cases[i].start);
        assert_str_eq(args_time_text(arena, end), cases[i].end);
    }
}

static void without_end_and_duration_the_end_stays(void **state)
{
    struct go_time from = go_time_from_ms(1000), start, end = go_time_from_ms(5000);
    struct args_span none = {0}, late = {.start = "1970-01-01T00:00:06Z"};
    struct err err;

    (void)state;
    assert_int_equal(args_span(&none, from, &start, &end, &err), 0);
    assert_int_equal(end.sec, 5);
    assert_int_equal(args_span(&late, from, &start, &end, &err), -EINVAL);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_matcher_is_an_alertname),
        cmocka_unit_test(only_the_first_may_be_short),
        cmocka_unit_test(labels_are_equalities),
        cmocka_unit_test(a_span_has_start_end_and_duration),
        cmocka_unit_test(without_end_and_duration_the_end_stays),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
