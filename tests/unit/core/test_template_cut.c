#include "tests/lib/test.h"

#include "common/core/template/cut.h"

#define DOTS "\xe2\x80\xa6"
#define AE "\xc3\xa4"
#define GRIN "\xf0\x9f\x98\x80"

struct cut_case {
    const char *text;
    size_t n;
    const char *want;
    bool cut;
};

static void check(const struct cut_case *cases, size_t n,
                  struct str (*fn)(struct str, size_t, struct arena *, bool *))
{
    for (size_t i = 0; i < n; i++) {
        struct arena *a = arena_new(0);
        bool cut = !cases[i].cut;

        assert_str_eq(fn(str_from(cases[i].text), cases[i].n, a, &cut), cases[i].want);
        assert_int_equal(cut, cases[i].cut);
        assert_str_eq(fn(str_from(cases[i].text), cases[i].n, a, NULL), cases[i].want);
        arena_free(a);
    }
}

static void runes_are_counted_and_an_ellipsis_is_one(void **state)
{
    static const struct cut_case cases[] = {
        {"", 0, "", false},
        {"", 9, "", false},
        {"abcdef", 6, "abcdef", false},
        {"abcdef", 5, "abcd" DOTS, true},
        {"abcdef", 4, "abc" DOTS, true},
        {"abcdef", 3, "abc", true}, /* too short for an ellipsis */
        {"abcdef", 1, "a", true},
        {"abcdef", 0, "", true},
        {AE AE AE AE AE, 5, AE AE AE AE AE, false},
        {AE AE AE AE AE, 4, AE AE AE DOTS, true},
        {GRIN GRIN GRIN, 2, GRIN GRIN, true},
        {"\xff"
         "abcd",
         5,
         "\xff"
         "abcd",
         false},
        {"\xff"
         "abcd",
         4,
         "\xef\xbf\xbd"
         "ab" DOTS,
         true},
        {"a\xe2\x80", 2, "a\xef\xbf\xbd", true},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases), cut_runes);
}

static void bytes_are_cut_between_runes(void **state)
{
    static const struct cut_case cases[] = {
        {"", 0, "", false},
        {"abcdef", 6, "abcdef", false},
        {"abcdef", 5, "ab" DOTS, true},
        {"abcdef", 3, DOTS, true},
        {"abcdef", 2, "..", true},
        {"abcdef", 1, ".", true},
        {"abcdef", 0, "", true},
        {AE AE AE AE, 7, AE AE DOTS, true},
        {AE AE AE AE, 6, AE DOTS, true}, /* not in the middle of one */
        {GRIN GRIN, 7, GRIN DOTS, true},
        {GRIN GRIN, 6, DOTS, true},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases), cut_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runes_are_counted_and_an_ellipsis_is_one),
        cmocka_unit_test(bytes_are_cut_between_runes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
