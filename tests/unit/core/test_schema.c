#include "tests/lib/config_text.h"
#include "tests/lib/test.h"

#include "common/core/config/scalar.h"
#include "common/core/config/schema.h"

struct thing {
    struct str name, secret, url, secret_url;
    bool on, off;
    int64_t count, wait_ms, go_ms;
    uint64_t bytes;
    struct str_list list, listed;
};

static const struct config_field fields[] = {
    {.name = "name", .kind = CONFIG_STR, .offset = offsetof(struct thing, name), .required = true},
    {.name = "secret", .kind = CONFIG_SECRET, .offset = offsetof(struct thing, secret)},
    {.name = "url", .kind = CONFIG_URL, .offset = offsetof(struct thing, url)},
    {.name = "secret_url", .kind = CONFIG_SECRET_URL, .offset = offsetof(struct thing, secret_url)},
    {.name = "on", .kind = CONFIG_BOOL, .offset = offsetof(struct thing, on), .fallback = "true"},
    {.name = "off", .kind = CONFIG_BOOL, .offset = offsetof(struct thing, off)},
    {.name = "count",
     .kind = CONFIG_INT,
     .offset = offsetof(struct thing, count),
     .fallback = "7",
     .min = -1,
     .max = 100},
    {.name = "wait",
     .kind = CONFIG_DURATION,
     .offset = offsetof(struct thing, wait_ms),
     .fallback = "5m",
     .min = 1000,
     .max = 3600000},
    {.name = "go", .kind = CONFIG_GO_DURATION, .offset = offsetof(struct thing, go_ms)},
    {.name = "bytes",
     .kind = CONFIG_SIZE,
     .offset = offsetof(struct thing, bytes),
     .fallback = "1GiB"},
    {.name = "list", .kind = CONFIG_STR_LIST, .offset = offsetof(struct thing, list)},
    {.name = "listed",
     .kind = CONFIG_STR_LIST,
     .offset = offsetof(struct thing, listed),
     .fallback = "a,b"},
    {.name = "other", .kind = CONFIG_IGNORED},
    {.name = "future", .kind = CONFIG_NOT_YET},
};

static struct arena *arena;

static const char *load(const char *yaml, struct thing *ret)
{
    struct mistakes m;
    struct config_loader l = {.arena = arena, .mistakes = &m};
    struct yaml_node *node;

    mistakes_init(&m);
    *ret = (struct thing){0};
    assert_int_equal(yaml_parse(str_from(yaml), arena, &node, &m), 0);
    config_load(&l, node, "thing", fields, ARRAY_SIZE(fields), ret);

    const char *text = config_text_mistakes(arena, &m);

    mistakes_clear(&m);
    return text;
}

static void fallbacks_fill_what_is_absent(void **state)
{
    (void)state;
    struct thing t;

    assert_string_equal(load("name: x", &t), "");
    assert_str_eq(t.name, "x");
    assert_true(t.on);
    assert_int_equal(t.count, 7);
    assert_int_equal(t.wait_ms, 300000);
    assert_int_equal(t.bytes, MIB(1024));
    assert_int_equal(t.list.n, 0);
    assert_int_equal(t.listed.n, 2);
    assert_str_eq(t.listed.v[1], "b");
}

static void values_are_read_as_their_kind(void **state)
{
    (void)state;
    struct thing t;

    assert_string_equal(load("name: 010\nsecret: yes\nurl: https://h:1/p?q=%20#f\n"
                             "secret_url: <secret>\non: off\noff: 'on'\n",
                             &t),
                        "6: off must be true or false, not \"on\"\n");
    assert_str_eq(t.name, "010");
    assert_str_eq(t.secret, "yes");
    assert_str_eq(t.url, "https://h:1/p?q=%20#f");
    assert_str_eq(t.secret_url, "<secret>");
    assert_false(t.on);

    assert_string_equal(load("name: x\ncount: 0x1_0\nwait: 1h\ngo: 1.5s\nbytes: 3KiB\n"
                             "list: [a, 1, null]\nother: {any: thing}\nfuture: []\n",
                             &t),
                        "");
    assert_int_equal(t.count, 16);
    assert_int_equal(t.wait_ms, 3600000);
    assert_int_equal(t.go_ms, 1500);
    assert_int_equal(t.bytes, 3072);
    assert_int_equal(t.list.n, 3);
    assert_int_equal(t.list.v[2].n, 0);

    assert_string_equal(load("name: x\ngo: 2000000000\ncount: -1\n", &t), "");
    assert_int_equal(t.go_ms, 2000);
    assert_int_equal(t.count, -1);

    /* Floats are cut, 08 is no octal number; less than our unit is one of it. */
    assert_string_equal(load("name: x\ngo: 2us\ncount: 08\n", &t), "");
    assert_int_equal(t.go_ms, 1);
    assert_int_equal(t.count, 8);
    assert_string_equal(load("name: x\ngo: -1s\ncount: 1.9\n", &t), "");
    assert_int_equal(t.go_ms, -1000);
    assert_int_equal(t.count, 1);
    assert_string_equal(load("name: x\ngo: 5\n", &t), "");
    assert_int_equal(t.go_ms, 1);
}

static void null_is_the_zero_value(void **state)
{
    (void)state;
    struct thing t;

    assert_string_equal(load("name: x\non:\ncount: ~\nlisted: null\n", &t), "");
    assert_false(t.on);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.listed.n, 0);
}

static void every_mistake_has_its_line(void **state)
{
    (void)state;
    struct thing t;
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"name:\n", "1: missing name in thing\n"},
        {"on: true\n", "1: missing name in thing\n"},
        {"name: [x]\n", "1: name must be a single value, not a list\n"},
        {"[1]", "1: thing must be a map, not a list\n"},
        {"name: x\nlist: y", "2: list must be a list, not a single value\n"},
        {"name: x\nlist: [[y]]", "2: list must be a single value, not a list\n"},
        {"name: x\ncount: 1.5x", "2: count: must be a whole number, not \"1.5x\"\n"},
        {"name: x\ncount: '5'", "2: count: must be a whole number, not \"5\"\n"},
        {"name: x\ncount: 9999999999999999999",
         "2: count: must be a whole number, not \"9999999999999999999\"\n"},
        {"name: x\ncount: 101", "2: count must be from -1 to 100\n"},
        {"name: x\nwait: 5", "2: wait: not a valid duration string: \"5\"\n"},
        {"name: x\nwait: 0", "2: wait must be from 1s to 1h\n"},
        {"name: x\nwait: 2h", "2: wait must be from 1s to 1h\n"},
        {"name: x\ngo: 1d", "2: go: time: unknown unit \"d\" in duration \"1d\"\n"},
        {"name: x\nurl: ''", "2: url: unsupported scheme \"\" for URL\n"},
        {"name: x\non: 1\noff: {}",
         "2: on must be true or false, not \"1\"\n3: off must be a single value, not a map\n"},
        {"name: x\nurl: ftp://h\nsecret_url: https://",
         "2: url: unsupported scheme \"ftp\" for URL\n3: secret_url: missing host for URL\n"},
        {"name: x\nfuture: 1", "2: future is not supported yet\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(load(cases[i].yaml, &t), cases[i].want);
}

static void an_unknown_key_is_told_what_is_allowed(void **state)
{
    (void)state;
    struct thing t;

    assert_string_equal(load("name: x\n\nNAME: y\n", &t),
                        "3: field NAME not found in thing; it may have: name, secret, url, "
                        "secret_url, on, off, count, wait, go, bytes, list, listed, other, "
                        "future\n");
}

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"http://h", NULL},
        {"HTTPS://u:p@h:80/x", NULL},
        {"http://[::1]:9/", NULL},
        {"http://[::1]", NULL},
        {"http://h:", NULL},
        {"", "unsupported scheme \"\" for URL"},
        {"h:80", "unsupported scheme \"h\" for URL"},
        {"//h", "unsupported scheme \"\" for URL"},
        {"http:h", "missing host for URL"},
        {"http://:80", "missing host for URL"},
        {"http://?q", "missing host for URL"},
        {"http://h:8x", "parse URL: invalid port after host"},
        {"http://h\n", "parse URL: invalid control character in URL"},
        {"http://h/%2", "parse URL: invalid URL escape"},
        {"http://a b/", "parse URL: invalid character in host name"},
        {"http://[::1", "parse URL: missing ']' in host"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};
        int rc = config_check_url(str_from(cases[i].url), &err);

        if (cases[i].want == NULL)
            assert_int_equal(rc, 0);
        else
            assert_string_equal(err.text, cases[i].want);
    }
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
        cmocka_unit_test(fallbacks_fill_what_is_absent),
        cmocka_unit_test(values_are_read_as_their_kind),
        cmocka_unit_test(null_is_the_zero_value),
        cmocka_unit_test(every_mistake_has_its_line),
        cmocka_unit_test(an_unknown_key_is_told_what_is_allowed),
        cmocka_unit_test(urls),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
