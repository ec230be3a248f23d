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

/* The shape with its # made a number. */
static struct regex *numbered(const char *shape, size_t number)
{
    struct regex *r = NULL;
    struct buf b;

    buf_init(&b, 0);
    for (const char *p = shape; *p != '\0'; p++) {
        if (*p == '#')
            buf_add_u64(&b, number);
        else
            buf_add_char(&b, *p);
    }
    assert_int_equal(regex_new(buf_str(&b), &r, NULL), 0);
    buf_clear(&b);
    return r;
}

/* Patterns of every kind, more than one automaton would hold, among them some that cannot share
 * one. */
static size_t set_patterns(struct arena *a, size_t copies, const struct regex ***ret)
{
    static const char *const shapes[] = {"a#",       ".*-#",        "[a-z]+#(x|y)?", "(?i)A#",
                                         "a)|(?:b#", "(?:a#|q){2}", "\\Qa#",         "^a#$"};
    size_t n = copies * ARRAY_SIZE(shapes);
    const struct regex **v = ARENA_ARRAY(a, const struct regex *, n);

    for (size_t i = 0; i < n; i++) {
        v[i] = numbered(shapes[i % ARRAY_SIZE(shapes)], i / ARRAY_SIZE(shapes));
    }
    *ret = v;
    return n;
}

static void assert_set_agrees(const struct regex_set *set, const struct regex **v, size_t n,
                              struct str text, struct arena *a)
{
    size_t *hits, hits_n = regex_set_match(set, text, a, &hits), k = 0;

    for (size_t i = 0; i < n; i++) {
        bool hit = k < hits_n && hits[k] == i;

        assert_int_equal(regex_match(v[i], text), hit);
        k += hit;
    }
    assert_int_equal(k, hits_n);
}

static void a_set_says_what_its_patterns_say(void **state UNUSED)
{
    static const size_t copies[] = {0, 1, 300};
    static const char *const texts[] = {"",    "a",    "a1",     "A1",     "x-1",
                                        "a1x", "b1",   "xb1",    "ax",     "qa1",
                                        "a1q", "a299", "zz299y", "\xFF-7", "a7\n"};

    for (size_t c = 0; c < ARRAY_SIZE(copies); c++) {
        struct arena *a = arena_new(0);
        const struct regex **v;
        size_t n = set_patterns(a, copies[c], &v);
        struct regex_set *set = regex_set_new(v, n);

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
            assert_set_agrees(set, v, n, str_from(texts[i]), a);
        regex_set_free(set);
        for (size_t i = 0; i < n; i++)
            regex_free((struct regex *)(uintptr_t)v[i]);
        arena_free(a);
    }
    regex_set_free(NULL);
}

/* Repetitions that no automaton of that memory holds: the set cannot be built, and answers. */
static void a_set_too_large_for_an_automaton_answers(void **state UNUSED)
{
    enum { N = 3 };
    const struct regex *v[N];
    struct arena *a = arena_new(0);
    struct regex_set *set;

    for (size_t i = 0; i < N; i++)
        v[i] = numbered("[a-m]*((x|y){30}(z{1,9}|\\pL{1,9})){20}#", i);
    set = regex_set_new(v, N);
    assert_set_agrees(set, v, N, STR("abc"), a);
    regex_set_free(set);
    for (size_t i = 0; i < N; i++)
        regex_free((struct regex *)(uintptr_t)v[i]);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_the_whole_text),
        cmocka_unit_test(what_go_would_not_take_is_refused),
        cmocka_unit_test(patterns_and_time_are_bounded),
        cmocka_unit_test(a_set_says_what_its_patterns_say),
        cmocka_unit_test(a_set_too_large_for_an_automaton_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
