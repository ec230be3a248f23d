#include "common/base/buf.h"
#include "common/base/regex.h"
#include "common/core/model/literals.h"
#include "tests/lib/test.h"

/* want: the literals joined by spaces, prefixes with a * behind; "" when nothing is known. */
static const struct {
    const char *pattern, *want;
} cases[] = {
    {"foo", "foo"},
    {"foo|bar", "foo bar"},
    {"(foo|bar)", "foo bar"},
    {"(?:foo|bar)", "foo bar"},
    {"foo|(bar|(baz))", "foo bar baz"},
    {"^foo$", "foo"},
    {"web-1.*", "web-1*"},
    {"web-1.*|db", "web-1* db"},
    {"(a|b)c", "a* b*"},
    {"(a|b)+", "a* b*"},
    {"(a|b)?c", ""},
    {"^(?:a|b.*)$", "a b*"},
    {"(a|b)$c", "a* b*"},
    {"(a|b)\\$", "a* b*"},
    {"(a|b)*", ""},
    {"(a|b){0}", ""},
    {"foo\\.bar", "foo.bar"},
    {"foo\\.?bar", "foo*"},
    {"foo\\dbar", "foo*"},
    {"foo[12]", "foo*"},
    {"foo[.]bar", "foo.bar"},
    {"foo[.]?", "foo*"},
    {"foo[^]b]", "foo*"},
    {"foo[^]", ""},
    {"[|]a", "|a"},
    {"a[|]b|c", "a|b c"},
    {"a[]|]b|c", "a* c"},
    {"a[[:alpha:]|]", ""},
    {"ab*", "a*"},
    {"ab+", "ab*"},
    {"a?b", ""},
    {"x\xc3\xa9?", "x*"},
    {"\xc3\xa9?", ""},
    {"foo|", ""},
    {"|foo", ""},
    {"", ""},
    {".*", ""},
    {"(?i)foo", ""},
    {"foo(?i)|bar", ""},
    {"a)|(b", ""},
    {"\\Qa|b\\E", ""},
    {"foo|foobar", "foo foobar"},
    {"foo.*|foobar", "foo*"},
    {"foo.*|foobar.*|foo.+", "foo*"},
    {"foo|foo", "foo"},
    {"a$b", "a*"},
    {"((((((((((a))))))))))", ""},
    {"a\\|b|c", "a|b c"},
    {"()", ""},
    {"a||b", ""},
};

static void literals_are_read(void **state)
{
    struct arena *a = arena_new(0);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct literal v[LITERALS_MAX];
        size_t n = literals_of(str_from(cases[i].pattern), a, v);
        struct buf got;

        buf_init(&got, 0);
        for (size_t k = 0; k < n; k++)
            buf_add_fmt(&got, "%s" STR_FMT "%s", k > 0 ? " " : "", STR_ARG(v[k].text),
                        v[k].exact ? "" : "*");
        assert_str_eq(buf_str(&got), cases[i].want);
        buf_clear(&got);
    }
    arena_free(a);
}

static const struct {
    const char *pattern, *want;
} runs[] = {
    {"foo", "foo"},
    {".*-db", "-db"},
    {".*-db|.*web.*", "-db web"},
    {"^(?:.*-db)$", "-db"},
    {"^(.*-db|x-(?:y|z)-xx)$", "-db -xx"},
    {"[a-z]+-42", "-42"},
    {"ab.abc.a", "abc"},
    {"ab+cde", "cde"},
    {"abc+d", "abc"},
    {"abcd?ef", "abc"},
    {"abcd*?", "abc"},
    {"xabcd{0,2}ef", "xabc"},
    {"b{0}12}3", "12"},
    {"ab{xyz", ""},
    {"a\\.b[.]c\\d", "a.b.c"},
    {"a\\.?bc", "bc"},
    {"ab(cdefgh)?ij", "ab"},
    {"(?:ab)(?:cd)", ""},
    {"x\xc3\xa9?yz", "yz"},
    {"ab\\x41142", "ab"},
    {"\\x{1234}ab", ""},
    {"\\p{Greek}ab", ""},
    {"\\141bc", ""},
    {"\\w+bc\\b", "bc"},
    {"a\xc3\xa9", "a\xc3\xa9"},
    {".*", ""},
    {"ab|.*", ""},
    {"ab|", ""},
    {"(?i)abc", ""},
    {"(.*abc)?", ""},
    {"(.*abc)+", ""},
    {"ab^cd$", "ab"},
};

static void runs_are_read(void **state)
{
    struct arena *a = arena_new(0);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
        struct str v[LITERALS_MAX];
        size_t n = literals_within(str_from(runs[i].pattern), a, v);
        struct buf got;

        buf_init(&got, 0);
        for (size_t k = 0; k < n; k++)
            buf_add_fmt(&got, "%s" STR_FMT, k > 0 ? " " : "", STR_ARG(v[k]));
        if (!str_eq_c(buf_str(&got), runs[i].want))
            fail_msg("%s: %s, not %s", runs[i].pattern, got.p, runs[i].want);
        buf_clear(&got);
    }
    arena_free(a);
}

/* Short texts over a small alphabet: all texts that an expression matches are foretold. */
static bool foretold(const struct literal *v, size_t n, struct str text)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].exact ? str_eq(v[i].text, text) : str_starts(text, v[i].text))
            return true;
    }
    return false;
}

static bool found_within(const struct str *v, size_t n, struct str text)
{
    for (size_t i = 0; i < n; i++) {
        if (str_contains(text, v[i]))
            return true;
    }
    return false;
}

static void literals_miss_no_match(void **state)
{
    static const char alphabet[] = "ab|()*?+.^$\\[]{}1:";
    static const char letters[] = "ab|1";
    struct arena *a = arena_new(0);
    uint64_t seed = 1;
    size_t compiled = 0, known = 0;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct literal v[LITERALS_MAX];
        struct str within[LITERALS_MAX];
        char pattern[8], text[4];
        struct regex *re;
        size_t len, n, within_n;

        seed = seed * 6364136223846793005U + 1442695040888963407U;
        len = 1 + (seed >> 60) % 7;
        for (size_t i = 0; i < len; i++)
            pattern[i] = alphabet[(seed >> (13 + 7 * i)) % (sizeof(alphabet) - 1)];
        n = literals_of((struct str){pattern, len}, a, v);
        within_n = literals_within((struct str){pattern, len}, a, within);
        if ((n == 0 && within_n == 0) || regex_new((struct str){pattern, len}, &re, NULL) < 0)
            continue;
        known++;
        for (int t = 0; t < 4 * 4 * 4 + 4 * 4 + 4 + 1; t++) {
            size_t tn = t == 0 ? 0 : t < 5 ? 1 : t < 21 ? 2 : 3;
            int code = t - (tn == 0 ? 0 : tn == 1 ? 1 : tn == 2 ? 5 : 21);

            for (size_t i = 0; i < tn; i++, code /= 4)
                text[i] = letters[code % 4];
            if (regex_match(re, (struct str){text, tn})) {
                compiled++;
                if ((n > 0 && !foretold(v, n, (struct str){text, tn})) ||
                    (within_n > 0 && !found_within(within, within_n, (struct str){text, tn})))
                    fail_msg("%.*s matches %.*s", (int)len, pattern, (int)tn, text);
            }
        }
        regex_free(re);
        arena_reset(a);
    }
    assert_true(known > 1000 && compiled > 1000);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_read),
        cmocka_unit_test(runs_are_read),
        cmocka_unit_test(literals_miss_no_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
