#include "tests/lib/test.h"

#include "common/core/model/matcher.h"

static struct arena *arena;

/* The canonical text, or "error: …"; notes as a suffix. */
static const char *list(const char *text, enum matcher_mode mode)
{
    struct matchers m = {0};
    struct err err = {0};
    struct buf b;

    buf_init(&b, 0);
    if (matchers_parse(str_from(text), mode, arena, &m, &err) < 0) {
        assert_int_equal(m.n, 0);
        buf_add_fmt(&b, "error: %s", err.text);
    } else {
        matchers_add_text(&b, &m);
        if (m.n > 0 && m.v[0].note == MATCHER_INCOMPATIBLE)
            buf_add_str(&b, STR(" incompatible"));
        if (m.n > 0 && m.v[0].note == MATCHER_DISAGREEMENT)
            buf_add_str(&b, STR(" disagreement"));
    }
    matchers_clear(&m);

    const char *copy = arena_str(arena, buf_str(&b)).p;

    buf_clear(&b);
    return copy;
}

static const char *one(const char *text, enum matcher_mode mode)
{
    struct matcher m = {0};
    struct err err = {0};
    struct buf b;

    buf_init(&b, 0);
    if (matcher_parse(str_from(text), mode, arena, &m, &err) < 0) {
        buf_add_fmt(&b, "error: %s", err.text);
    } else {
        matcher_add_text(&b, &m);
        if (m.note != MATCHER_FINE)
            buf_add_str(&b, m.note == MATCHER_INCOMPATIBLE ? STR(" incompatible")
                                                           : STR(" disagreement"));
    }
    matcher_clear(&m);

    const char *copy = arena_str(arena, buf_str(&b)).p;

    buf_clear(&b);
    return copy;
}

struct list_case {
    const char *text, *want;
};

static void check_lists(const struct list_case *cases, size_t n, enum matcher_mode mode)
{
    for (size_t i = 0; i < n; i++)
        assert_string_equal(list(cases[i].text, mode), cases[i].want);
}

static void classic_lists(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"", "{}"},
        {"{}", "{}"},
        {"  ", "{}"},
        {"foo=bar", "{foo=\"bar\"}"},
        {"{foo=bar", "{foo=\"bar\"}"},
        {"foo=bar}", "{foo=\"bar\"}"},
        {"{ foo = bar , dings != \"bums\", }", "{foo=\"bar\",dings!=\"bums\"}"},
        {"foo=bar,,baz=x", "error: bad matcher format: "},
        {",", "error: bad matcher format: "},
        {"a=\"x,y\",b=z", "{a=\"x,y\",b=\"z\"}"},
        {"a=\"x\\\",y\",b=z", "{a=\"x\\\",y\",b=\"z\"}"},
        {"a=\"x\\\\\",b=z", "{a=\"x\\\\\",b=\"z\"}"}, /* an even run does not escape */
        {"a=~\"5..\"", "{a=~\"5..\"}"},
        {"a!~b|c", "{a!~\"b|c\"}"},
        {"a=", "{a=\"\"}"},
        {"a:b=c", "{a:b=\"c\"}"},
        {"9a=c", "error: bad matcher format: 9a=c"},
        {"Σ=c", "error: bad matcher format: Σ=c"},
        {"a=b\"c", "error: matcher value contains unescaped double quote: b\"c"},
        {"a=\"bc", "error: matcher value contains unescaped double quote: \"bc"},
        {"a=bc\"", "error: matcher value contains unescaped double quote: bc\""},
        {"a=\"b\\", "error: matcher value contains unescaped double quote: \"b\\"},
        {"a=b\\", "{a=\"b\\\\\"}"},
        {"a=\"x\\ny\\dz\\\\\"", "{a=\"x\\ny\\\\dz\\\\\"}"},
        {"a=b c", "{a=\"b c\"}"},
        {"a=\xff", "{a=\"\xef\xbf\xbd\"}"}, /* Go ranges over runes here */
        {"{{a=b}}", "error: bad matcher format: {a=b}"},
        {"a = \t b \t ", "{a=\"b\"}"},
    };

    check_lists(cases, ARRAY_SIZE(cases), MATCHER_CLASSIC);
    assert_string_equal(one("a=\xff", MATCHER_CLASSIC), "error: matcher value not valid UTF-8: ?");
    assert_string_equal(one("a=\"b\"", MATCHER_CLASSIC), "a=\"b\"");
    assert_string_equal(one("a=b}", MATCHER_CLASSIC), "a=\"b}\"");
}

static void utf8_lists(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"", "{}"},
        {"{}", "{}"},
        {" { } ", "{}"},
        {"foo=bar", "{foo=\"bar\"}"},
        {"{foo=bar,}", "{foo=\"bar\"}"},
        {"foo=bar,", "{foo=\"bar\"}"},
        {"Σ=\"ü\"", "{Σ=\"ü\"}"},
        {"foo🙂=bar", "{foo🙂=\"bar\"}"},
        {"\"foo bar\"!=baz", "{\"foo bar\"!=\"baz\"}"},
        {"\"a\\u03a3\\x41\\101\\t\"=b", "{\"aΣAA\\t\"=\"b\"}"},
        {"foo=\"\"", "{foo=\"\"}"},
        {"foo=", "error: end of input: expected label value"},
        {"foo", "error: end of input: expected an operator such as '=', '!=', '=~' or '!~'"},
        {",", "error: 0:1: unexpected ,: expected label name"},
        {"{,}", "error: 1:2: unexpected ,: expected label name"},
        {"{", "error: 0:1: end of input: expected close brace"},
        {"}", "error: 0:1: }: expected opening brace"},
        {"{foo=bar", "error: 0:8: end of input: expected close brace"},
        {"foo=bar}", "error: 0:8: }: expected opening brace"},
        {"{foo=bar}}", "error: 9:10: }: expected end of input"},
        {"{foo=bar},a=b", "error: 9:10: ,: expected end of input"},
        {"foo=bar baz=x", "error: 8:11: unexpected baz: expected a comma or close brace"},
        {"foo=bar,,", "error: 8:9: unexpected ,: expected a matcher or close brace after comma"},
        {"status=~\"\\d+\"", "error: 8:13: \"\\d+\": invalid input"},
        {"a=\"\\xff\"", "error: 2:8: \"\\xff\": invalid input"},
        {"a=\"\\ud800\"", "error: 2:10: \"\\ud800\": invalid input"},
        {"a=\"x\ny\"", "error: 2:7: \"x\ny\": invalid input"},
        {"a=\"xy", "error: 2:5: \"xy: missing end \": expected label value"},
        {"a!b", "error: 1:2: !: expected one of '=~'"},
        {"a=~b~c", "error: 4:5: ~: invalid input"},
        {"Σ='x'", "error: 2:3: ': invalid input: expected label value"},
    };

    check_lists(cases, ARRAY_SIZE(cases), MATCHER_UTF8);
    assert_string_equal(one("", MATCHER_UTF8), "error: no matchers");
    assert_string_equal(one("a=b,c=d", MATCHER_UTF8), "error: expected 1 matcher, found 2");
    assert_string_equal(one("{a=b}", MATCHER_UTF8), "error: unexpected open or close brace: {a=b}");
}

static void fallback(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"foo=bar", "{foo=\"bar\"}"},
        {"{foo=bar,b!=c}", "{foo=\"bar\",b!=\"c\"}"},
        {"foo🙂=bar", "{foo🙂=\"bar\"}"},
        {"foo=", "{foo=\"\"} incompatible"},
        {"a=~\"\\d+\"", "{a=~\"\\\\d+\"} incompatible"},
        {"{foo=bar", "{foo=\"bar\"} incompatible"},
        {"a=\"\\u03a3\"", "{a=\"\\\\u03a3\"} disagreement"},
        {"a=\"\\t\"", "{a=\"\\\\t\"} disagreement"},
        {"foo", "error: bad matcher format: foo"}, /* the classic parser's words */
        {"\"foo\"=bar", "{foo=\"bar\"}"},
    };

    check_lists(cases, ARRAY_SIZE(cases), MATCHER_FALLBACK);
    assert_string_equal(one("foo=bar", MATCHER_FALLBACK), "foo=\"bar\"");
    assert_string_equal(one("foo=", MATCHER_FALLBACK), "foo=\"\" incompatible");
    assert_string_equal(one("a=\"\\t\"", MATCHER_FALLBACK), "a=\"\\\\t\" disagreement");
    assert_string_equal(one("foo=bar}", MATCHER_FALLBACK),
                        "error: unexpected open or close brace: foo=bar}");
}

static void bad_regexes_are_errors_and_leak_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"a=~\"(\"", "a=~\"x\",b!~\"[\"", "{a=~\"*\"}"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        for (int mode = MATCHER_FALLBACK; mode <= MATCHER_UTF8; mode++)
            assert_memory_equal(list(texts[i], (enum matcher_mode)mode), "error: ", 7);
    }
}

static void matching(void **state)
{
    (void)state;
    static const struct label v[] = {{STR_INIT("a"), STR_INIT("xyz")},
                                     {STR_INIT("b"), STR_INIT("1\n2")}};
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"a=xyz", true},       {"a=xy", false},    {"a!=xyz", false},  {"a!=q", true},
        {"a=~x.z", true},      {"a=~x", false},    {"a=~y", false},    {"a!~x.*", false},
        {"a!~x", true},        {"c=\"\"", true},   {"c!=\"\"", false}, {"c=~\"\"", true},
        {"c=~.*", true},       {"c=~.+", false},   {"c!~.+", true},    {"b=~1.2", false},
        {"b=~\"1\n2\"", true}, {"a=~w|xyz", true}, {"a=~XYZ", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct matchers m = {0};
        int rc = matchers_parse(str_from(cases[i].text), MATCHER_CLASSIC, arena, &m, NULL);

        assert_int_equal(rc, 0);
        assert_int_equal(matchers_match(&m, (struct labels){v, ARRAY_SIZE(v)}), cases[i].want);
        matchers_clear(&m);
    }

    struct matchers none = {0};

    assert_true(matchers_match(&none, (struct labels){v, ARRAY_SIZE(v)}));
}

static void sorts_by_name_value_operator(void **state)
{
    (void)state;
    struct matchers m = {0};
    struct buf b;

    assert_int_equal(
        matchers_parse(STR("b=1,a!~1,a=~1,a!=1,a=1,a=0,b=0"), MATCHER_FALLBACK, arena, &m, NULL),
        0);
    matchers_sort(&m);
    buf_init(&b, 0);
    matchers_add_text(&b, &m);
    assert_str_eq(buf_str(&b), "{a=\"0\",a=\"1\",a!=\"1\",a=~\"1\",a!~\"1\",b=\"0\",b=\"1\"}");
    buf_clear(&b);
    matchers_clear(&m);
}

static void lists_accumulate(void **state)
{
    (void)state;
    struct matchers m = {0};

    for (size_t i = 0; i < 9; i++)
        assert_int_equal(matchers_parse(STR("a=~x,b=y"), MATCHER_UTF8, arena, &m, NULL), 0);
    assert_int_equal(m.n, 18);
    assert_true(matchers_parse(STR("a=~x,b"), MATCHER_UTF8, arena, &m, NULL) < 0);
    assert_int_equal(m.n, 18);
    matchers_clear(&m);
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
        cmocka_unit_test(classic_lists),
        cmocka_unit_test(utf8_lists),
        cmocka_unit_test(fallback),
        cmocka_unit_test(bad_regexes_are_errors_and_leak_nothing),
        cmocka_unit_test(matching),
        cmocka_unit_test(sorts_by_name_value_operator),
        cmocka_unit_test(lists_accumulate),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
