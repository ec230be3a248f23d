/* The index of a route's children against the plain walk of §2.4: the same routes in the same
 * order, whatever the tree and whatever the alert. */
#include "tests/lib/config_text.h"
#include "tests/lib/test.h"

#include "common/base/rand.h"
#include "common/core/config/am_config.h"
#include "common/core/route/route_index.h"

#define TREES 350
#define ALERTS_PER_TREE 300

static const char *const names[] = {"a", "b", "team"};
static const char *const values[] = {"x", "y", "z", "xy", "x-1", "x-2", "web-12", "db-1", "", "ä"};
static const char *const patterns[] = {
    "x",          "x|y",      "x|y|web-12", "web-.*",       "web-.*|db-.*",
    "x-[12]",     ".*-1",     ".*y",        "[xyz]",        "(?i)X",
    "x)|(?:y",    "",         ".*",         ".+",           "x|",
    "^(?:x|xy)$", "(x|db)-1", "x-1|x-.*",   "[a-z]+-[0-9]", ".*[0-9]",
    "\\\\pL",     "(?i)DB-1", "y.*|.*x",    ".*-2",         "[^x].*"};

struct source {
    struct rand rand;
    struct buf yaml;
    size_t routes;
};

static size_t pick(struct source *s, size_t n)
{
    return (size_t)rand_below(&s->rand, n);
}

static void write_matcher(struct source *s)
{
    static const char *const ops[] = {"=", "=", "=", "=~", "=~", "=~", "!=", "!~"};
    const char *op = ops[pick(s, ARRAY_SIZE(ops))];
    const char *value = op[1] == '~' ? patterns[pick(s, ARRAY_SIZE(patterns))]
                                     : values[pick(s, ARRAY_SIZE(values))];

    buf_add_fmt(&s->yaml, "'%s%s\"%s\"'", names[pick(s, ARRAY_SIZE(names))], op, value);
}

static void write_children(struct source *s, unsigned depth)
{
    static const size_t widths[] = {0, 1, 3, 7, 8, 12, 20, 60};
    size_t n = widths[pick(s, ARRAY_SIZE(widths) - depth)];

    buf_add_str(&s->yaml, STR(", routes: ["));
    for (size_t i = 0; i < n && s->routes < 200; i++, s->routes++) {
        size_t matchers = pick(s, 8) == 0 ? 0 : 1 + pick(s, 2);

        buf_add_fmt(&s->yaml, "%s\n{continue: %s, matchers: [", i > 0 ? "," : "",
                    pick(s, 2) == 0 ? "true" : "false");
        for (size_t k = 0; k < matchers; k++) {
            if (k > 0)
                buf_add_char(&s->yaml, ',');
            write_matcher(s);
        }
        buf_add_char(&s->yaml, ']');
        if (depth < 3 && pick(s, 5) == 0)
            write_children(s, depth + 1);
        buf_add_char(&s->yaml, '}');
    }
    buf_add_char(&s->yaml, ']');
}

static struct am_config *random_tree(struct source *s)
{
    struct config_report report;
    struct am_config *c = NULL;

    buf_reset(&s->yaml);
    s->routes = 0;
    buf_add_str(&s->yaml, STR("receivers: [{name: r}]\nroute: {receiver: r"));
    write_children(s, 0);
    buf_add_str(&s->yaml, STR("}\n"));
    config_report_init(&report, STR("am.yml"));
    if (am_config_parse(buf_str(&s->yaml), MATCHER_FALLBACK, &c, &report) < 0) {
        struct arena *a = arena_new(0);

        fail_msg("%s\n%s", s->yaml.p, config_text_mistakes(a, &report.mistakes));
    }
    config_report_clear(&report);
    return c;
}

static struct labels random_labels(struct source *s, struct label *v)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (pick(s, 4) > 0)
            v[n++] =
                (struct label){str_from(names[i]), str_from(values[pick(s, ARRAY_SIZE(values))])};
    }
    if (pick(s, 4) == 0)
        v[n++] = (struct label){STR("other"), STR("x")};
    return (struct labels){.v = v, .n = labels_sort(v, n)};
}

/* §2.4 word by word. */
static size_t walk(const struct route *r, struct labels labels, const struct route **found)
{
    size_t n = 0;

    if (!matchers_match(&r->matchers, labels))
        return 0;
    for (size_t i = 0; i < r->children_n; i++) {
        size_t more = walk(r->children[i], labels, found + n);

        n += more;
        if (more > 0 && !r->children[i]->go_on)
            break;
    }
    if (n == 0)
        found[n++] = r;
    return n;
}

static void assert_same_routes(const struct source *s, const struct am_config *c,
                               struct labels labels, struct arena *a)
{
    const struct route *want[256];
    size_t n = walk(c->root, labels, want);
    struct route_list got = route_match(c->root, labels, a);
    bool same = got.n == n;

    for (size_t i = 0; same && i < n; i++)
        same = got.v[i] == want[i];
    if (!same) {
        struct buf text;

        buf_init(&text, 0);
        labels_add_text(&text, labels);
        fail_msg("%s\n%s", s->yaml.p, text.p);
    }
}

static size_t count_indexed(const struct route *r)
{
    size_t n = r->finder != NULL;

    for (size_t i = 0; i < r->children_n; i++)
        n += count_indexed(r->children[i]);
    return n;
}

static void the_index_and_the_plain_walk_agree(void **state)
{
    struct arena *a = arena_new(0);
    struct source s = {0};
    size_t indexed = 0;

    (void)state;
    rand_seed(&s.rand, 20261128);
    buf_init(&s.yaml, 0);
    for (size_t t = 0; t < TREES; t++) {
        struct am_config *c = random_tree(&s);

        indexed += count_indexed(c->root);
        for (size_t i = 0; i < ALERTS_PER_TREE; i++) {
            struct label v[ARRAY_SIZE(names) + 1];

            assert_same_routes(&s, c, random_labels(&s, v), a);
            arena_reset(a);
        }
        am_config_free(c);
    }
    assert_true(indexed > TREES / 2);
    buf_clear(&s.yaml);
    arena_free(a);
}

/* ---- what a walk looks at ---- */

#define MANY 2000

struct many {
    struct arena *arena;
    struct route *routes;
    const struct route **children;
    struct route_index *index;
};

static void many_add(struct many *m, size_t i, enum matcher_op op, const char *name,
                     struct str value)
{
    struct matcher matcher;

    assert_int_equal(matcher_make(op, str_from(name), value, m->arena, &matcher, NULL), 0);
    matchers_add(&m->routes[i].matchers, matcher, m->arena);
    m->children[i] = &m->routes[i];
}

static void many_init(struct many *m)
{
    m->arena = arena_new(0);
    m->routes = ARENA_ARRAY(m->arena, struct route, MANY);
    m->children = ARENA_ARRAY(m->arena, const struct route *, MANY);
}

static void many_clear(struct many *m)
{
    route_index_clear(m->index);
    for (size_t i = 0; i < MANY; i++)
        matchers_clear(&m->routes[i].matchers);
    arena_free(m->arena);
}

static size_t candidates(struct many *m, const char *team, size_t wanted, bool *ret_found)
{
    struct label v[] = {{STR("severity"), STR("page")}, {STR("team"), str_from(team)}};
    struct route_walk w;
    size_t n = 0, last = 0;

    if (m->index == NULL)
        m->index = route_index_new(m->children, MANY, m->arena);
    route_walk_begin(&w, m->index, (struct labels){.v = v, .n = 2}, m->arena);
    *ret_found = false;
    for (size_t c; (c = route_walk_next(&w)) != ROUTE_WALK_END; n++) {
        *ret_found |= c == wanted;
        assert_true(n == 0 || c > last);
        last = c;
    }
    return n;
}

static void only_the_children_in_question_are_candidates(void **state)
{
    static const struct {
        enum matcher_op op;
        const char *before, *behind; /* the number */
        const char *alert;           /* about child 1234 */
        size_t most;                 /* candidates */
    } cases[] = {
        {MATCH_EQ, "team-", "", "team-1234", 1},
        {MATCH_RE, "team-", "", "team-1234", 1},
        {MATCH_RE, "other|t", "|u", "t1234", 1},
        {MATCH_RE, "^(?:team-", ")$", "team-1234", 1},
        {MATCH_RE, "team-", "-.*", "team-1234-x", 1},
        {MATCH_RE, "[st]eam-", "", "team-1234", 4}, /* 1, 12 and 123 stand in it, too */
        {MATCH_RE, "(?i)TEAM-", "[a-c]?", "team-1234b", 1},
        {MATCH_RE, ".*<", ">", "team<1234>", 1},
        {MATCH_RE, ".*in the team of name <", ">.*|[a-z]", "it is in the team of name <1234>!", 1},
    };

    (void)state;
    for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
        struct many m = {0};
        bool found;

        many_init(&m);
        for (size_t i = 0; i < MANY; i++) {
            /* what all have in common must not be what they are found by */
            many_add(&m, i, MATCH_EQ, "severity", STR("page"));
            many_add(&m, i, cases[k].op, "team",
                     arena_fmt(m.arena, "%s%zu%s", cases[k].before, i, cases[k].behind));
        }
        assert_in_range(candidates(&m, cases[k].alert, 1234, &found), 1, cases[k].most);
        assert_true(found);
        assert_int_equal(candidates(&m, "nobody", 1234, &found), 0);
        many_clear(&m);
    }
}

static void the_walk_ends_with_the_caller(void **state)
{
    struct many m = {0};
    struct route root = {.finder = NULL};
    struct label v[] = {{STR("team"), STR("a")}};

    (void)state;
    many_init(&m);
    for (size_t i = 0; i < MANY; i++)
        many_add(&m, i, MATCH_EQ, "team", STR("a"));
    m.index = route_index_new(m.children, MANY, m.arena);
    root.children = m.children;
    root.children_n = MANY;
    root.finder = m.index;
    m.routes[0].go_on = true;

    struct route_list got = route_match(&root, (struct labels){.v = v, .n = 1}, m.arena);

    assert_int_equal(got.n, 2);
    assert_ptr_equal(got.v[0], m.children[0]);
    assert_ptr_equal(got.v[1], m.children[1]);
    many_clear(&m);
}

/* More keys stand in the value than a walk keeps apart. */
static void a_value_with_many_runs_takes_all_its_routes(void **state)
{
    struct many m = {0};
    struct route root = {.finder = NULL};
    struct label v = {.name = STR("team")};
    struct route_list got;
    struct buf value;

    (void)state;
    many_init(&m);
    buf_init(&value, 0);
    for (size_t i = 0; i < MANY; i++) {
        many_add(&m, i, MATCH_RE, "team", arena_fmt(m.arena, ".*<%zu>.*", i));
        m.routes[i].go_on = true;
        if (i % 10 == 3)
            buf_add_fmt(&value, "<%zu>", i);
    }
    m.index = route_index_new(m.children, MANY, m.arena);
    root.children = m.children;
    root.children_n = MANY;
    root.finder = m.index;
    v.value = buf_str(&value);
    got = route_match(&root, (struct labels){.v = &v, .n = 1}, m.arena);
    assert_int_equal(got.n, MANY / 10);
    for (size_t i = 0; i < got.n; i++)
        assert_ptr_equal(got.v[i], m.children[10 * i + 3]);
    buf_clear(&value);
    many_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_and_the_plain_walk_agree),
        cmocka_unit_test(only_the_children_in_question_are_candidates),
        cmocka_unit_test(the_walk_ends_with_the_caller),
        cmocka_unit_test(a_value_with_many_runs_takes_all_its_routes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
