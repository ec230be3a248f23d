#include "tests/lib/test.h"

#include "common/base/time_text.h"

#include <errno.h>

static void times_are_read_as_the_api_takes_them(void **state UNUSED)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-22T18:38:04.123Z", 1795372684123},
        {"2026-11-22T18:38:04.123456789Z", 1795372684123},
        {"2026-11-22T18:38:04.9999Z", 1795372684999},
        {"2026-11-22T18:38:04.1Z", 1795372684100},
        {"2026-11-22T18:38:04,5Z", 1795372684500},
        {"2026-11-22T18:38:04Z", 1795372684000},
        {"2026-11-22T18:38:04", 1795372684000},
        {"2026-11-22T18:38:04.25", 1795372684250},
        {"2026-11-22T20:38:04+02:00", 1795372684000},
        {"2026-11-22T20:38:04.000+0200", 1795372684000},
        {"2026-11-22T13:08:04-05:30", 1795372684000},
        {"2026-11-22T18:38:04-00:00", 1795372684000},
        {"2026-11-22T18:38Z", 1795372680000},
        {"2026-11-22T18:38", 1795372680000},
        {"2026-11-22 18:38:04", 1795372684000},
        {"2026-11-22", 1795305600000},
        {"0001-01-01T00:00:00Z", WALL_ABSENT},
        {"0001-01-01T00:00:00.000Z", WALL_ABSENT},
        {"0001-01-01T01:00:00+01:00", WALL_ABSENT},
        {"0001-01-01T00:00:01Z", -62135596799000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"1600-02-29T00:00:00Z", -11670998400000},
        {"2000-02-29", 951782400000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        int64_t got = 42;

        if (time_parse(str_from(cases[i].text), &got, &err) != 0 || got != cases[i].want)
            fail_msg("\"%s\": got %ld, want %ld; %s", cases[i].text, (long)got, (long)cases[i].want,
                     err.text);
    }
}

static void what_is_no_time_is_refused(void **state UNUSED)
{
    static const char *const cases[] = {
        " ",
        "x",
        "0",
        "2026",
        "2026-11",
        "2026-1-2",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "2026-11-00",
        "2026-11-22T",
        "2026-11-22T1",
        "2026-11-22T24:00:00Z",
        "2026-11-22T18:60:00Z",
        "2026-11-22T18:38:60Z",
        "2026-11-22T18:38:04.Z",
        "2026-11-22T18:38:04z",
        "2026-11-22t18:38:04Z",
        "2026-11-22T18:38:04ZZ",
        "2026-11-22T18:38:04+1",
        "2026-11-22T18:38:04+25:00",
        "2026-11-22T18:38:04+01:61",
        "2026-11-22T18:38:04 Z",
        "2026-11-22 18:38",
        "2026-11-22 18:38:04Z",
        "2026-11-22T18:38+01:00",
        " 2026-11-22",
        "2026-11-22 ",
        "+2026-11-22",
        "-001-01-01",
        "12026-11-22T18:38:04Z",
        "2026-11-22T18:38:04.123456789012345678901234567890x",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        int64_t got = 42;

        if (time_parse(str_from(cases[i]), &got, &err) != -EINVAL)
            fail_msg("\"%s\" was read as %ld", cases[i], (long)got);
        assert_int_equal(got, 42);
        assert_true(err.text[0] != '\0');
    }
}

static void times_are_written_in_milliseconds(void **state UNUSED)
{
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {1795372684123, "2026-11-22T18:38:04.123Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {WALL_ABSENT, "0001-01-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    struct arena *a = arena_new(0);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_str_eq(time_rfc3339_ms(a, cases[i].ms), cases[i].want);
    /* every 11th day or so from year 1 on comes back */
    for (int64_t ms = INT64_C(-62135596799999); ms < INT64_C(253402300799999);
         ms += INT64_C(987654321)) {
        int64_t got = 0;

        assert_int_equal(time_parse(time_rfc3339_ms(a, ms), &got, NULL), 0);
        assert_true(got == ms);
        arena_reset(a);
    }
    arena_free(a);
}

static void prometheus_durations(void **state UNUSED)
{
    static const struct {
        const char *text;
        int64_t want; /* -1: an error */
        const char *written;
    } cases[] = {
        {"0", 0, "0s"},
        {"0s", 0, "0s"},
        {"5m", 300000, "5m"},
        {"1h30m", 5400000, "1h30m"},
        {"90m", 5400000, "1h30m"},
        {"1y2w3d4h5m6s7ms", 33019506007, "382d4h5m6s7ms"},
        {"1y", 31536000000, "1y"},
        {"4w", 2419200000, "4w"},
        {"8d", 691200000, "8d"},
        {"365d", 31536000000, "1y"},
        {"15ms", 15, "15ms"},
        {"292y", 9208512000000, "292y"},
        {"293y", -1, "duration out of range"},
        {"99999999999999999y", -1, "duration out of range"},
        {"99999999999999999999s", -1, "not a valid duration string: \"99999999999999999999s\""},
        {"", -1, "empty duration string"},
        {"5", -1, "not a valid duration string: \"5\""},
        {"5m1h", -1, "not a valid duration string: \"5m1h\""},
        {"5m5m", -1, "not a valid duration string: \"5m5m\""},
        {"-5m", -1, "not a valid duration string: \"-5m\""},
        {"1.5h", -1, "unknown unit \".\" in duration \"1.5h\""},
        {"5x", -1, "unknown unit \"x\" in duration \"5x\""},
        {"5m ", -1, "unknown unit \"m \" in duration \"5m \""},
        {"5M", -1, "unknown unit \"M\" in duration \"5M\""},
        {"00", -1, "not a valid duration string: \"00\""},
    };
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        int64_t got = 42;
        int r = duration_parse(str_from(cases[i].text), &got, &err);

        assert_int_equal(r, cases[i].want < 0 ? -EINVAL : 0);
        assert_true(got == (cases[i].want < 0 ? 42 : cases[i].want));
        buf_reset(&b);
        if (r == 0)
            duration_add(&b, got);
        else
            buf_add_str(&b, str_from(err.text));
        assert_str_eq(buf_str(&b), cases[i].written);
    }
    buf_reset(&b);
    duration_add(&b, -1500);
    assert_str_eq(buf_str(&b), "-1s500ms");
    buf_clear(&b);
}

static void go_durations(void **state UNUSED)
{
    static const struct {
        const char *text;
        int64_t want;
        const char *error;
    } cases[] = {
        {"0", 0, NULL},
        {"-0", 0, NULL},
        {"1h30m", 5400000, NULL},
        {"1.5s", 1500, NULL},
        {".5s", 500, NULL},
        {"1.s", 1000, NULL},
        {"0.0009s", 0, NULL},
        {"1.9999s", 1999, NULL},
        {"0.3333333333333333333333h", 1199999, NULL},
        {"1500us", 1, NULL},
        {"1500\xC2\xB5s", 1, NULL},
        {"1500\xCE\xBCs", 1, NULL},
        {"999999ns", 0, NULL},
        {"500000ns500us", 1, NULL},
        {"-1.5h", -5400000, NULL},
        {"+2m", 120000, NULL},
        {"5m5m", 600000, NULL},
        {"2562047h47m16.854775807s", 9223372036854, NULL},
        {"2562047h47m16.854775808s", 0, "time: invalid duration \"2562047h47m16.854775808s\""},
        {"9999999999h", 0, "time: invalid duration \"9999999999h\""},
        {"", 0, "time: invalid duration \"\""},
        {"-", 0, "time: invalid duration \"-\""},
        {".s", 0, "time: invalid duration \".s\""},
        {"h", 0, "time: invalid duration \"h\""},
        {"60", 0, "time: missing unit in duration \"60\""},
        {"1d", 0, "time: unknown unit \"d\" in duration \"1d\""},
        {"1h 5m", 0, "time: unknown unit \"h \" in duration \"1h 5m\""},
        {"--1s", 0, "time: invalid duration \"--1s\""},
        {"1.5.5s", 0, "time: missing unit in duration \"1.5.5s\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        int64_t got = 42;
        int r = go_duration_parse(str_from(cases[i].text), &got, &err);

        assert_int_equal(r, cases[i].error != NULL ? -EINVAL : 0);
        assert_string_equal(err.text, cases[i].error != NULL ? cases[i].error : "");
        if (got != (cases[i].error != NULL ? 42 : cases[i].want))
            fail_msg("\"%s\" is %ld", cases[i].text, (long)got);
    }
}

static void sizes(void **state UNUSED)
{
    static const struct {
        const char *text;
        int want;
        uint64_t bytes;
    } cases[] = {
        {"0", 0, 0},
        {"7", 0, 7},
        {"7B", 0, 7},
        {"2KB", 0, 2000},
        {"2KiB", 0, 2048},
        {"3MB", 0, 3000000},
        {"3MiB", 0, 3145728},
        {"4GB", 0, UINT64_C(4000000000)},
        {"4GiB", 0, UINT64_C(4294967296)},
        {"18446744073709551615", 0, UINT64_MAX},
        {"18446744073709551616", -EINVAL, 0},
        {"99999999999GiB", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"B", -EINVAL, 0},
        {"1 KB", -EINVAL, 0},
        {"1kb", -EINVAL, 0},
        {"1K", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"1.5MB", -EINVAL, 0},
        {"1KB1", -EINVAL, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t got = 42;

        assert_int_equal(size_parse(str_from(cases[i].text), &got, NULL), cases[i].want);
        assert_true(got == (cases[i].want < 0 ? 42 : cases[i].bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_the_api_takes_them),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_are_written_in_milliseconds),
        cmocka_unit_test(prometheus_durations),
        cmocka_unit_test(go_durations),
        cmocka_unit_test(sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
