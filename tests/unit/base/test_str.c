#include "tests/lib/test.h"

static void conversions_take_whole_numbers_only(void **state UNUSED)
{
    static const struct {
        const char *text;
        bool u_ok, i_ok;
        uint64_t u;
        int64_t i;
    } cases[] = {
        {"0", true, true, 0, 0},
        {"-0", false, true, 0, 0},
        {"007", true, true, 7, 7},
        {"18446744073709551615", true, false, UINT64_MAX, 0},
        {"18446744073709551616", false, false, 0, 0},
        {"99999999999999999999999", false, false, 0, 0},
        {"9223372036854775807", true, true, INT64_MAX, INT64_MAX},
        {"9223372036854775808", true, false, UINT64_C(9223372036854775808), 0},
        {"-9223372036854775808", false, true, 0, INT64_MIN},
        {"-9223372036854775809", false, false, 0, 0},
        {"", false, false, 0, 0},
        {"-", false, false, 0, 0},
        {"+1", false, false, 0, 0},
        {" 1", false, false, 0, 0},
        {"1 ", false, false, 0, 0},
        {"1.0", false, false, 0, 0},
        {"--1", false, false, 0, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t u = 42;
        int64_t v = 42;

        assert_int_equal(str_to_u64(str_from(cases[i].text), &u), cases[i].u_ok);
        assert_true(u == (cases[i].u_ok ? cases[i].u : 42));
        assert_int_equal(str_to_i64(str_from(cases[i].text), &v), cases[i].i_ok);
        assert_true(v == (cases[i].i_ok ? cases[i].i : 42));
    }
}

static void hexadecimal_has_sixteen_digits(void **state UNUSED)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t want;
    } cases[] = {
        {"0123456789abcdef", true, UINT64_C(0x0123456789abcdef)},
        {"FFFFFFFFFFFFFFFF", true, UINT64_MAX},
        {"0123456789abcde", false, 0},
        {"0123456789abcdef0", false, 0},
        {"0123456789abcdeg", false, 0},
        {"0x23456789abcdef", false, 0},
        {"", false, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t got = 7;

        assert_int_equal(str_to_hex_u64(str_from(cases[i].text), &got), cases[i].ok);
        assert_true(got == (cases[i].ok ? cases[i].want : 7));
    }
}

static void comparison_is_by_bytes_and_shorter_first(void **state UNUSED)
{
    static const struct {
        const char *a, *b;
        int want;
    } cases[] = {
        {"", "", 0},    {"", "a", -1},  {"a", "ab", -1},
        {"b", "ab", 1}, {"Z", "a", -1}, {"z", "\xC3\xA4", -1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str a = str_from(cases[i].a), b = str_from(cases[i].b);
        int ab = str_cmp(a, b), ba = str_cmp(b, a);

        assert_int_equal((ab > 0) - (ab < 0), cases[i].want);
        assert_int_equal((ba > 0) - (ba < 0), -cases[i].want);
        assert_int_equal(str_eq(a, b), cases[i].want == 0);
    }
    assert_true(str_eq_nocase(STR("AbC9_"), STR("aBc9_")));
    assert_false(str_eq_nocase(STR("ab"), STR("abc")));
    assert_false(str_eq_nocase(STR("\xC3\x84"), STR("\xC3\xA4"))); /* ASCII only */
    assert_false(str_eq_nocase(STR("@"), STR("`")));               /* 0x40, 0x60: no letters */
}

static void searches_know_the_empty_string(void **state UNUSED)
{
    struct str none = {.p = NULL, .n = 0};

    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("")));
    assert_true(str_starts(none, none));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_true(str_ends(none, STR("")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_true(str_contains(STR("abc"), STR("b")));
    assert_true(str_contains(none, STR("")));
    assert_false(str_contains(none, STR("a")));
    assert_int_equal(str_find_char(STR("a,b"), ','), 1);
    assert_int_equal(str_find_char(STR("ab"), ','), 2);
    assert_int_equal(str_find_char(none, ','), 0);
    assert_str_eq(str_trim(STR(" \t\r\n\v\fa b\n ")), "a b");
    assert_str_eq(str_trim(STR(" \n ")), "");
    assert_int_equal(str_trim(none).n, 0);
    assert_str_eq(str_sub(STR("abc"), 1, 9), "bc");
    assert_str_eq(str_sub(STR("abc"), 5, 9), "");
    assert_int_equal(str_from(NULL).n, 0);
}

static void split_gives_every_part_once(void **state UNUSED)
{
    static const struct {
        const char *text, *want; /* parts joined by '|' */
    } cases[] = {{"a,b,c", "a|b|c|"}, {"", "|"}, {",", "||"}, {"a,", "a||"}, {",a", "|a|"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str rest = str_from(cases[i].text), head;
        char got[32] = "";
        size_t n = 0;

        while (str_split(&rest, ',', &head)) {
            memcpy(got + n, head.p, head.n);
            n += head.n;
            got[n++] = '|';
        }
        assert_string_equal(got, cases[i].want);
        assert_null(rest.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions_take_whole_numbers_only),
        cmocka_unit_test(hexadecimal_has_sixteen_digits),
        cmocka_unit_test(comparison_is_by_bytes_and_shorter_first),
        cmocka_unit_test(searches_know_the_empty_string),
        cmocka_unit_test(split_gives_every_part_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
