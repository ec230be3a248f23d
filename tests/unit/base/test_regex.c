#include "tests/lib/test.h"

#include "common/base/regex.h"

#include <errno.h>
#include <stdlib.h>

static bool matches(const char *pattern, struct str text)
{
    struct regex *r = NULL;
    struct err err = {0};
    bool result;

    if (regex_new(str_from(pattern), &r, &err) < 0)
        fail_msg("\"%s\": %s", pattern, err.text);
    result = regex_match(r, text);
    regex_free(r);
    return result;
}

static void patterns_match_the_whole_text(void **state UNUSED)
{
    static const struct {
        const char *pattern, *text;
        bool want;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "a", true},
        {"a", "ab", false},
        {"a", "ba", false},
        {"a|b", "b", true},
        {"a|b", "ab", false},
        {"a|b", "xb", false},
        {"a.*", "abc", true},
        {"a.b", "a\nb", false},
        {"a$", "a\n", false},
        {"(?s)a.b", "a\nb", true},
        {"(?i)ab", "AB", true},
        {"a)|(?:b", "bx", false}, /* as ^(?:a)|(?:b)$ */
        {"a)|(?:b", "ax", true},
        {"a)|(?:b", "xb", true},
        {"a\\z", "a", true},
        {".", "\xC3\xA4", true},
        {"\\pL", "\xC3\xA4", true},
        {"(?<n>a)b", "ab", true},
        {"(?P<n>a)b", "ab", true},
        {"(?<a>x)|(?<b>y)", "y", true},
        {"[(?<n>]+", "(?<n>", true},
        {"[(?<n>]+", "P", false},
        {"[](?<]+", "](?<", true},
        {"[](?<]+", "P", false},
        {"[^](?<]", "P", true},
        {"[[:alpha:](?<]+", "(?<x", true},
        {"[[:digit:](?<]", "P", false},
        {"[[:x](?<n>a)", ":a", true},
        {"\\(?<n>", "(<n>", true},
        {"\\[(?<n>a)", "[a", true},
        {"\\Q(?<n>\\E", "(?<n>", true},
        {"\\Q\\C", "\\C", true},
        {"\\Qa(?<n>)", "a(?<n>)", true},
        {"\\\\C", "\\C", true},
        {"[\\]](?<n>a)", "]a", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (matches(cases[i].pattern, str_from(cases[i].text)) != cases[i].want)
            fail_msg("\"%s\" on \"%s\"", cases[i].pattern, cases[i].text);
    assert_true(matches("a.b", STR("a\0b")));
    assert_false(matches("a", STR("a\0b")));
    assert_true(matches("", (struct str){0}));
}

static void what_go_would_not_take_is_refused(void **state UNUSED)
{
    static const char *const cases[] = {
        "(",       ")",       "a)",    "[",
        "*",       "a**",     "(?=a)", "(?<=a)b",
        "(?<!a)b", "\\1",     "(?<n",  "(?<1!>a)",
        "\\C",     "a\\C",    "[\\C]", "\\",
        "a\\",     "a{1001}",

        "\xFF",    "\\8",     "[b-a]", "((a{100}){100}){100}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct regex *r = NULL;
        struct err err = {0};

        if (regex_new(str_from(cases[i]), &r, &err) != -EINVAL)
            fail_msg("\"%s\" was taken", cases[i]);
        assert_null(r);
        assert_non_null(strstr(err.text, "regular expression: "));
    }
    regex_free(NULL);
}

static void patterns_and_time_are_bounded(void **state UNUSED)
{
    size_t n = REGEX_BYTES_MAX + 1;
    char *text = malloc(n);
    struct regex *r = NULL;

    memset(text, 'a', n);
    assert_int_equal(regex_new((struct str){.p = text, .n = n}, &r, NULL), -EFBIG);
    /* exponential for a backtracking matcher */
    assert_false(matches("(a|aa)+(a|a?)+b", (struct str){.p = text, .n = n}));
    assert_false(matches("(x+x+)+y", (struct str){.p = text, .n = n}));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_the_whole_text),
        cmocka_unit_test(what_go_would_not_take_is_refused),
        cmocka_unit_test(patterns_and_time_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
