#include "common/base/rand.h"
#include "common/base/vec.h"
#include "common/core/mute/match_index.h"
#include "tests/lib/test.h"

#define LISTS 300

static const char *const values[] = {"",      "a",   "b",     "ab",   "abc",     "a|b",   "ab.*",
                                     "a.*|b", ".*b", "[ab]c", "abc|", "(a|b)c?", "web-1", "web-.*"};
static const char *const names[] = {"x", "y", "z"};

static void random_list(struct rand *r, struct arena *a, struct matchers *m)
{
    for (uint64_t n = rand_below(r, 4); n > 0; n--) {
        struct matcher one;

        assert_int_equal(matcher_make((enum matcher_op)rand_below(r, 4),
                                      str_from(names[rand_below(r, ARRAY_SIZE(names))]),
                                      str_from(values[rand_below(r, ARRAY_SIZE(values))]), a, &one,
                                      NULL),
                         0);
        matchers_add(m, one, a);
    }
}

static size_t random_labels(struct rand *r, struct label *l)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = values[rand_below(r, ARRAY_SIZE(values))];

        if (value[0] != '\0')
            l[n++] = (struct label){.name = str_from(names[i]), .value = str_from(value)};
    }
    return n;
}

static bool is_odd(const struct match_entry *e, void *arg)
{
    (void)arg;
    return e->order % 2 == 1;
}

static void check(const struct match_index *ix, const struct match_entry *e, const bool *in,
                  struct labels l, match_wanted wanted)
{
    struct match_hits hits = {0};
    size_t n = 0;

    match_index_find(ix, l, wanted, NULL, &hits);
    for (size_t i = 0; i < LISTS; i++) {
        if (in[i] && matchers_match(e[i].matchers, l) && (wanted == NULL || wanted(&e[i], NULL))) {
            assert_true(n < hits.n);
            assert_ptr_equal(hits.v[n++], &e[i]);
        }
    }
    assert_int_equal(n, hits.n);
    VEC_CLEAR(&hits);
}

static void it_finds_what_a_walk_finds(void **state)
{
    static struct matchers lists[LISTS];
    static struct match_entry entries[LISTS];
    static bool in[LISTS];
    struct match_index *ix = match_index_new();
    struct arena *a = arena_new(0);
    struct rand r;

    (void)state;
    rand_seed(&r, 3);
    for (size_t i = 0; i < LISTS; i++) {
        random_list(&r, a, &lists[i]);
        entries[i] = (struct match_entry){.matchers = &lists[i], .order = i};
    }
    for (int round = 0; round < 3000; round++) {
        size_t i = rand_below(&r, LISTS);
        struct label l[3];

        if (in[i])
            match_index_remove(ix, &entries[i]);
        else
            match_index_add(ix, &entries[i]);
        in[i] = !in[i];
        check(ix, entries, in, (struct labels){.v = l, .n = random_labels(&r, l)},
              round % 2 == 0 ? NULL : is_odd);
    }
    for (size_t i = 0; i < LISTS; i++) {
        if (in[i])
            match_index_remove(ix, &entries[i]);
        matchers_clear(&lists[i]);
    }
    assert_int_equal(match_index_stats(ix).entries, 0);
    match_index_free(ix);
    arena_free(a);
}

static void plain_lists_are_not_walked(void **state)
{
    static const struct {
        const char *text;
        size_t unkeyed;
    } cases[] = {{"{a=\"b\"}", 0},           {"{a!=\"b\",c=\"d\"}", 0}, {"{a=~\"b|c\"}", 0},
                 {"{a=~\"web-.*\"}", 0},     {"{a!=\"b\"}", 1},         {"{a=\"\"}", 1},
                 {"{a=~\".*b\",c=\"\"}", 1}, {"{a!~\"b\"}", 1}};
    struct arena *a = arena_new(0);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct match_index *ix = match_index_new();
        struct matchers m = {0};
        struct match_entry e = {.matchers = &m};

        assert_int_equal(matchers_parse(str_from(cases[i].text), MATCHER_FALLBACK, a, &m, NULL), 0);
        match_index_add(ix, &e);
        assert_int_equal(match_index_stats(ix).unkeyed, cases[i].unkeyed);
        match_index_remove(ix, &e);
        match_index_free(ix);
        matchers_clear(&m);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_a_walk_finds),
        cmocka_unit_test(plain_lists_are_not_walked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
