#include "tests/lib/test.h"

#include "common/base/buf.h"
#include "common/base/yaml.h"

#include <errno.h>
#include <stdlib.h>

/* A tree as text: null is ~, strings that were quoted stand in quotes. */
static void render(struct buf *b, const struct yaml_node *n)
{
    switch (n->kind) {
    case YAML_NULL:
        buf_add_char(b, '~');
        break;
    case YAML_SCALAR:
        buf_add_fmt(b, n->quoted ? "\"" STR_FMT "\"" : STR_FMT, STR_ARG(n->text));
        break;
    case YAML_LIST:
    case YAML_MAP:
        buf_add_char(b, n->kind == YAML_LIST ? '[' : '{');
        for (size_t i = 0; i < n->n; i++) {
            if (i != 0)
                buf_add_char(b, ',');
            if (n->kind == YAML_MAP)
                buf_add_fmt(b, STR_FMT ":", STR_ARG(n->keys[i]));
            render(b, n->items[i]);
        }
        buf_add_char(b, n->kind == YAML_LIST ? ']' : '}');
        break;
    }
}

/* The tree, or the mistakes as "line: text" lines. */
static void read_into(struct buf *b, struct str text)
{
    struct arena *a = arena_new(0);
    struct yaml_node *node = NULL;
    struct mistakes m;

    mistakes_init(&m);
    buf_reset(b);
    if (yaml_parse(text, a, &node, &m) == 0) {
        assert_int_equal(m.n, 0);
        render(b, node);
    } else {
        assert_null(node);
        assert_true(m.n > 0);
    }
    for (size_t i = 0; i < m.n; i++)
        buf_add_fmt(b, "%d: %s\n", m.v[i].line, m.v[i].text);
    mistakes_clear(&m);
    arena_free(a);
}

struct yaml_case {
    const char *text, *want;
};

static void check(const struct yaml_case *cases, size_t n)
{
    struct buf b;

    buf_init(&b, 0);
    for (size_t i = 0; i < n; i++) {
        read_into(&b, str_from(cases[i].text));
        if (!str_eq_c(buf_str(&b), cases[i].want))
            fail_msg("%s\ngot  %s\nwant %s", cases[i].text, b.p, cases[i].want);
    }
    buf_clear(&b);
}

static void documents_become_trees(void **state UNUSED)
{
    static const struct yaml_case cases[] = {
        {"", "~"},
        {" \n# nothing\n", "~"},
        {"---\n", "~"},
        {"a", "a"},
        {"- a\n- 'b'\n- \"c\\td\"\n-\n", "[a,\"b\",\"c\td\",~]"},
        {"a: 1\nb: {c: [x, y], d: }\n", "{a:1,b:{c:[x,y],d:~}}"},
        {"- ~\n- null\n- Null\n- NULL\n- nULL\n- 'null'\n- ''\n- !!str\n- !!str null\n",
         "[~,~,~,~,nULL,\"null\",\"\",\"\",\"null\"]"},
        {"t: |\n  [[[[\n  {{ x }}\n", "{t:\"[[[[\n{{ x }}\n\"}"},
        {"t: >-\n  a\n  b\n", "{t:\"a b\"}"},
        {"t: '{{ range .Alerts }}[{{ . }}]{{ end }}'\n",
         "{t:\"{{ range .Alerts }}[{{ . }}]{{ end }}\"}"},
        {"a: 1\n---\nb: 2\n--- [", "{a:1}"},
        {"a: 1\n...\n\t[", "{a:1}"},
        {"\xEF\xBB\xBF"
         "a: \xC3\xA4\n",
         "{a:\xC3\xA4}"},
        {"a: 1\r\nb: 2\r\n", "{a:1,b:2}"},
        {"{\"a\":{\"b\":[1,\"2\"]}}", "{a:{b:[1,\"2\"]}}"},
        {"? a\n: b\n", "{a:b}"},
        {"~: x\n", "{~:x}"},
    };

    check(cases, ARRAY_SIZE(cases));
}

static void aliases_are_copied_and_merges_follow_the_order(void **state UNUSED)
{
    static const struct yaml_case cases[] = {
        {"a: &x 1\nb: *x\n", "{a:1,b:1}"},
        {"a: &x {k: [1]}\nb: *x\nc: [*x]\n", "{a:{k:[1]},b:{k:[1]},c:[{k:[1]}]}"},
        {"- &x 1\n- &x 2\n- *x\n", "[1,2,2]"},
        {"&k a: 1\n*k : 2\n", "2: key \"a\" already set in map, on line 1\n"},
        {"b: &b {x: 1, y: 2}\nm:\n  <<: *b\n  y: 3\n", "{b:{x:1,y:2},m:{x:1,y:3}}"},
        {"b: &b {x: 1, y: 2}\nm:\n  y: 3\n  <<: *b\n", "{b:{x:1,y:2},m:{y:2,x:1}}"},
        {"m:\n  <<: [{x: 1}, {x: 2, y: 2}]\n", "{m:{x:1,y:2}}"},
        {"m:\n  '<<': {x: 1}\n", "{m:{<<:{x:1}}}"},
        {"m:\n  <<: {x: 1}\n  x: 2\n  x: 3\n", "4: key \"x\" already set in map, on line 3\n"},
        {"m:\n  <<: 5\n", "2: map merge requires a map or a list of maps as the value\n"},
        {"m:\n  <<: [5]\n", "2: map merge requires a map or a list of maps as the value\n"},
        {"a: *x\n", "1: unknown anchor \"x\"\n"},
        {"a: &x\n  - b: *x\n", "2: anchor \"x\" contains itself\n"},
        {"a: &x [&x 1, *x]\nb: *x\n", "{a:[1,1],b:1}"},
    };

    check(cases, ARRAY_SIZE(cases));
}

static void mistakes_have_their_lines(void **state UNUSED)
{
    static const struct yaml_case cases[] = {
        {"a: 1\nb: 2\na: 3\nb: 4\n", "3: key \"a\" already set in map, on line 1\n"
                                     "4: key \"b\" already set in map, on line 2\n"},
        {"[a]: 1\nb: 2\nb: 3\n", "1: a key must be a scalar\n"
                                 "3: key \"b\" already set in map, on line 2\n"},
        {"a: 1\n{b: 2}: 3\n", "2: a key must be a scalar\n"},
        {"a:\n\tb: 1\n", "2: found character that cannot start any token while scanning for the "
                         "next token (line 2)\n"},
        {"a: [1,\nb: 2\n", "3: did not find expected ',' or ']' while parsing a flow sequence "
                           "(line 1)\n"},
        {"a: 'x\n\n\n", "4: found unexpected end of stream while scanning a quoted scalar "
                        "(line 1)\n"},
        {"a: 1\n b: 2\n", "2: mapping values are not allowed in this context\n"},
        {"a: 1\nb: \xFF\n", "2: invalid UTF-8\n"},
        {"a: 1\n\nb: \x01\n", "3: control characters are not allowed\n"},
        {"a: @x\n", "1: found character that cannot start any token while scanning for the next "
                    "token (line 1)\n"},
        {"a: b: c\n", "1: mapping values are not allowed in this context\n"},
        {"a: 1\na: 2\n]\n",
         "2: key \"a\" already set in map, on line 1\n"
         "3: did not find expected key while parsing a block mapping (line 1)\n"},
    };

    check(cases, ARRAY_SIZE(cases));
}

static void nodes_know_their_lines(void **state UNUSED)
{
    struct arena *a = arena_new(0);
    struct yaml_node *root = NULL;
    const struct yaml_node *b;
    struct mistakes m;

    mistakes_init(&m);
    assert_int_equal(yaml_parse(STR("# c\na: 1\nb:\n  - x\n\n  - y: z\n"), a, &root, &m), 0);
    b = yaml_find(root, "b");
    assert_int_equal(root->line, 2);
    assert_int_equal(root->key_lines[1], 3);
    assert_int_equal(b->items[0]->line, 4);
    assert_int_equal(b->items[1]->line, 6);
    assert_int_equal(b->items[1]->items[0]->line, 6);
    assert_null(yaml_find(root, "c"));
    assert_null(yaml_find(b, "y"));
    assert_null(yaml_find(NULL, "y"));
    root = NULL;
    assert_int_equal(yaml_parse(STR(""), a, &root, &m), 0);
    assert_non_null(root->text.p); /* terminated, as every text */
    mistakes_clear(&m);
    arena_free(a);
}

static void booleans_are_unquoted_words(void **state UNUSED)
{
    static const struct {
        const char *text;
        bool is_bool, is_true;
    } cases[] = {
        {"true", true, true},         {"True", true, true},     {"TRUE", true, true},
        {"yes", true, true},          {"on", true, true},       {"y", true, true},
        {"false", true, false},       {"No", true, false},      {"OFF", true, false},
        {"n", true, false},           {"'true'", false, false}, {"tRUE", false, false},
        {"1", false, false},          {"~", false, false},      {"[true]", false, false},
        {"!!str true", false, false},
    };
    struct arena *a = arena_new(0);
    struct mistakes m;

    mistakes_init(&m);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct yaml_node *n = NULL;

        assert_int_equal(yaml_parse(str_from(cases[i].text), a, &n, &m), 0);
        assert_int_equal(yaml_is_bool(n), cases[i].is_bool);
        assert_int_equal(yaml_is_true(n), cases[i].is_true);
    }
    assert_false(yaml_is_bool(NULL));
    assert_false(yaml_is_true(NULL));
    arena_free(a);
}

/* piece, count times, then the ending: what makes parsers slow or large. */
static void assert_refused(const char *piece, size_t count, const char *ending, const char *want)
{
    struct buf text, got;

    buf_init(&text, 0);
    buf_init(&got, 0);
    for (size_t i = 0; i < count; i++)
        buf_add_str(&text, str_from(piece));
    buf_add_str(&text, str_from(ending));
    read_into(&got, buf_str(&text));
    if (!str_contains(buf_str(&got), str_from(want)))
        fail_msg("%zu times \"%s\": %.200s", count, piece, got.p);
    buf_clear(&text);
    buf_clear(&got);
}

static void depth_size_and_count_are_bounded(void **state UNUSED)
{
    struct buf b;
    char bomb[1000];
    size_t n = 0;

    assert_refused("[", 4000000, "", "nested deeper than 64");
    assert_refused("[\n", 2000000, "", "nested deeper than 64");
    assert_refused("{a: ", 1000000, "", "nested deeper than 64");
    assert_refused("{? ", 1000000, "", "nested deeper than 64");
    assert_refused("- ", 2000000, "", "nested deeper than 64");
    assert_refused("? ", 2000000, "", "nested deeper than 64");
    assert_refused("%TAG ! x\n", 100000, "", "%TAG");
    assert_refused("[", 65, "]", "nested deeper than 64");
    assert_refused("a", YAML_BYTES_MAX + 1, "", "bytes");
    assert_refused("-\n", 1000001, "", "more than 1000000 values");

    n += (size_t)snprintf(bomb, sizeof(bomb), "a0: &a0 x\n");
    for (int i = 1; i < 20; i++)
        n += (size_t)snprintf(bomb + n, sizeof(bomb) - n, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i,
                              i - 1, i - 1, i - 1);
    assert_refused(bomb, 1, "", "more than 1000000 values");

    buf_init(&b, 0);
    buf_add_str(&b, STR("- &a0 [x]\n"));
    for (int i = 1; i < 70; i++)
        buf_add_fmt(&b, "- &a%d [*a%d]\n", i, i - 1);
    assert_refused(b.p, 1, "", "nested deeper than 64 by aliases");
    buf_clear(&b);
}

static void large_but_shallow_files_are_read(void **state UNUSED)
{
    struct buf text, got;

    buf_init(&text, 0);
    buf_init(&got, 0);
    for (int i = 0; i < 64; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < 64; i++)
        buf_add_char(&text, ']');
    read_into(&got, buf_str(&text));
    assert_true(str_eq(buf_str(&text), buf_str(&got)));
    buf_reset(&text);
    for (int i = 0; i < 50000; i++)
        buf_add_fmt(&text, "key%d: [[a, '[[[['], {b: \"{{{{\"}] # [[[[\n", i);
    read_into(&got, buf_str(&text));
    assert_true(str_ends(buf_str(&got), STR("key49999:[[a,\"[[[[\"],{b:\"{{{{\"}]}")));
    buf_clear(&text);
    buf_clear(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_become_trees),
        cmocka_unit_test(aliases_are_copied_and_merges_follow_the_order),
        cmocka_unit_test(mistakes_have_their_lines),
        cmocka_unit_test(nodes_know_their_lines),
        cmocka_unit_test(booleans_are_unquoted_words),
        cmocka_unit_test(depth_size_and_count_are_bounded),
        cmocka_unit_test(large_but_shallow_files_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
