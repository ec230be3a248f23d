#include "tests/lib/test.h"

#include "common/base/utf8.h"

static void decoding_agrees_with_the_unicode_table(void **state UNUSED)
{
    static const struct {
        struct str bytes;
        uint32_t rune; /* of the first */
        size_t length;
        bool valid; /* the whole */
        const char *repaired;
    } cases[] = {
        {STR_INIT("a"), 'a', 1, true, "a"},
        {STR_INIT("\xC2\x80"), 0x80, 2, true, "\xC2\x80"},
        {STR_INIT("\xDF\xBF"), 0x7FF, 2, true, "\xDF\xBF"},
        {STR_INIT("\xE0\xA0\x80"), 0x800, 3, true, "\xE0\xA0\x80"},
        {STR_INIT("\xED\x9F\xBF"), 0xD7FF, 3, true, "\xED\x9F\xBF"},
        {STR_INIT("\xEE\x80\x80"), 0xE000, 3, true, "\xEE\x80\x80"},
        {STR_INIT("\xEF\xBF\xBD"), 0xFFFD, 3, true, "\xEF\xBF\xBD"},
        {STR_INIT("\xF0\x90\x80\x80"), 0x10000, 4, true, "\xF0\x90\x80\x80"},
        {STR_INIT("\xF4\x8F\xBF\xBF"), 0x10FFFF, 4, true, "\xF4\x8F\xBF\xBF"},
        {STR_INIT("\xC0\x80"), 0xFFFD, 1, false, "\xEF\xBF\xBD\xEF\xBF\xBD"}, /* overlong */
        {STR_INIT("\xE0\x9F\xBFx"), 0xFFFD, 1, false,
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx"}, /* overlong */
        {STR_INIT("\xED\xA0\x80"), 0xFFFD, 1, false,
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* surrogate */
        {STR_INIT("\xF0\x8F\xBF\xBF"), 0xFFFD, 1, false,
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {STR_INIT("\xF4\x90\x80\x80"), 0xFFFD, 1, false,
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {STR_INIT("\xF5"), 0xFFFD, 1, false, "\xEF\xBF\xBD"},
        {STR_INIT("\x80z"), 0xFFFD, 1, false, "\xEF\xBF\xBDz"},
        {STR_INIT("\xE2\x82"), 0xFFFD, 1, false, "\xEF\xBF\xBD\xEF\xBF\xBD"}, /* cut */
        {STR_INIT("abcdefgh\xFFij"), 'a', 1, false, "abcdefgh\xEF\xBF\xBDij"},
        {STR_INIT("\xF0\x9F\x99\xF0\x9F\x99\x82"), 0xFFFD, 1, false,
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xF0\x9F\x99\x82"},
    };
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t rune = 0;

        assert_int_equal(utf8_decode(cases[i].bytes, &rune), cases[i].length);
        assert_int_equal(rune, cases[i].rune);
        assert_int_equal(utf8_valid(cases[i].bytes), cases[i].valid);
        buf_reset(&b);
        utf8_add_repaired(&b, cases[i].bytes);
        assert_str_eq(buf_str(&b), cases[i].repaired);
        assert_true(utf8_valid(buf_str(&b)));
    }
    assert_true(utf8_valid((struct str){0}));
    buf_clear(&b);
}

static void every_rune_comes_back(void **state UNUSED)
{
    struct buf b;

    buf_init(&b, 0);
    for (uint32_t rune = 0; rune <= 0x110010; rune++) {
        bool scalar = rune <= 0x10FFFF && (rune < 0xD800 || rune > 0xDFFF);
        uint32_t got = 0;

        buf_reset(&b);
        utf8_encode(&b, rune);
        assert_int_equal(utf8_decode(buf_str(&b), &got), b.n);
        assert_int_equal(got, scalar ? rune : 0xFFFD);
    }
    buf_clear(&b);
}

static void a_cut_splits_no_rune(void **state UNUSED)
{
    static const struct {
        struct str text;
        size_t max, want;
    } cases[] = {
        {STR_INIT("abc"), 5, 3},
        {STR_INIT("abc"), 2, 2},
        {STR_INIT("abc"), 0, 0},
        {STR_INIT("a\xF0\x9F\x99\x82z"), 5, 5},
        {STR_INIT("a\xF0\x9F\x99\x82z"), 4, 1},
        {STR_INIT("a\xF0\x9F\x99\x82z"), 3, 1},
        {STR_INIT("a\xF0\x9F\x99\x82z"), 2, 1},
        {STR_INIT("\xC3\xA4\xC3\xA4"), 3, 2},
        {STR_INIT("\xC3\xA4"), 1, 0},
        {STR_INIT("\x80\x80\x80\x80\x80"), 4, 4}, /* no rune to split */
        {STR_INIT("\xF0\x9F"), 1, 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(utf8_cut(cases[i].text, cases[i].max), cases[i].want);
}

static void quoting_agrees_with_go(void **state UNUSED)
{
    static const struct {
        struct str text;
        const char *want;
    } cases[] = {
        {STR_INIT(""), "\"\""},
        {STR_INIT("a b"), "\"a b\""},
        {STR_INIT("\a\b\f\n\r\t\v\\\""), "\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\""},
        {STR_INIT("'\x01\x7F\0"), "\"'\\x01\\x7f\\x00\""},
        {STR_INIT("\xFF\xC3"), "\"\\xff\\xc3\""},
        {STR_INIT("\xC3\xA4\xF0\x9F\x99\x82"), "\"\xC3\xA4\xF0\x9F\x99\x82\""},
        {STR_INIT("\xEF\xBF\xBD"), "\"\xEF\xBF\xBD\""},
        {STR_INIT("\xC2\xA0\xC2\x85"), "\"\\u00a0\\u0085\""},
        {STR_INIT("\xE2\x80\x8B\xE2\x80\xA8\xEF\xBB\xBF"), "\"\\u200b\\u2028\\ufeff\""},
        {STR_INIT("\xF3\xA0\x80\x81\xF4\x8F\xBF\xBF"), "\"\\U000e0001\\U0010ffff\""},
    };
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        buf_reset(&b);
        go_quote(&b, cases[i].text);
        assert_str_eq(buf_str(&b), cases[i].want);
    }
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_agrees_with_the_unicode_table),
        cmocka_unit_test(every_rune_comes_back),
        cmocka_unit_test(a_cut_splits_no_rune),
        cmocka_unit_test(quoting_agrees_with_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
