#include "common/core/model/identity.h"

#include "tests/lib/test.h"

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *uri;
    struct identity want;
} good[] = {
    {"spiffe://example.org/site/fra1/edge/e-1", {IDENTITY_EDGE, "fra1", "main", "e-1"}},
    {"spiffe://example.org/site/fra1/group/db/edge/e1", {IDENTITY_EDGE, "fra1", "db", "e1"}},
    {"spiffe://example.org/global/g1", {IDENTITY_GLOBAL, "", "", "g1"}},
    {"spiffe://example.org/user/bob", {IDENTITY_USER, "", "", "bob"}},
    {"spiffe://example.org/global/" A63, {IDENTITY_GLOBAL, "", "", A63}},
    {"spiffe://example.org/site/site/group/group/edge/edge",
     {IDENTITY_EDGE, "site", "group", "edge"}},
};

static void reads_the_four_forms(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct identity id;
        struct err err;
        struct buf b;

        assert_int_equal(identity_parse(str_from(good[i].uri), STR("example.org"), &id, &err), 0);
        assert_true(identity_eq(&id, &good[i].want));
        buf_init(&b, 0);
        identity_format(&id, STR("example.org"), &b);
        assert_str_eq(buf_str(&b), good[i].uri);
        buf_clear(&b);
    }
}

static void refuses_everything_else(void **state UNUSED)
{
    static const char *const bad[] = {
        "",
        "spiffe://",
        "spiffe://example.org",
        "spiffe://example.org/",
        "https://example.org/global/g1",
        "SPIFFE://example.org/global/g1",
        "spiffe://Example.org/global/g1",
        "spiffe://example.org:443/global/g1",
        "spiffe://u@example.org/global/g1",
        "spiffe://other.org/global/g1",
        "spiffe://example.orgx/global/g1",
        "spiffe:///global/g1",
        "spiffe://example.org//global/g1",
        "spiffe://example.org/global/",
        "spiffe://example.org/global/g1/",
        "spiffe://example.org/global/G1",
        "spiffe://example.org/global/g_1",
        "spiffe://example.org/global/g%31",
        "spiffe://example.org/global/g1?x",
        "spiffe://example.org/global/g1#x",
        "spiffe://example.org/global/..",
        ("spiffe://example.org/global/a" A63),
        "spiffe://example.org/tool/x",
        "spiffe://example.org/site/fra1",
        "spiffe://example.org/site/fra1/edge/",
        "spiffe://example.org/site//edge/e1",
        "spiffe://example.org/site/FRA1/edge/e1",
        "spiffe://example.org/site/fra1/edge/e1/x",
        "spiffe://example.org/site/fra1/group//edge/e1",
        "spiffe://example.org/site/fra1/group/db/edge",
        "spiffe://example.org/site/fra1/group/db/edge/e1/x",
        "spiffe://example.org/site/fra1/node/e1",
        "spiffe://example.org/../example.org/global/g1",
    };
    struct identity id = {.kind = IDENTITY_EDGE, .node = "untouched"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct err err = {0};

        if (identity_parse(str_from(bad[i]), STR("example.org"), &id, &err) >= 0)
            fail_msg("accepted %s", bad[i]);
        assert_true(err.text[0] != '\0');
    }
    assert_true(identity_parse((struct str){"spiffe://example.org/global/g\0", 30},
                               STR("example.org"), &id, NULL) < 0);
    assert_string_equal(id.node, "untouched");
}

static void equality_looks_at_all_parts(void **state UNUSED)
{
    struct identity a = {IDENTITY_EDGE, "s", "main", "n"}, b;

    b = a;
    assert_true(identity_eq(&a, &b));
    b = (struct identity){IDENTITY_EDGE, "t", "main", "n"};
    assert_false(identity_eq(&a, &b));
    b = (struct identity){IDENTITY_EDGE, "s", "x", "n"};
    assert_false(identity_eq(&a, &b));
    b = (struct identity){IDENTITY_EDGE, "s", "main", "m"};
    assert_false(identity_eq(&a, &b));
    b = (struct identity){IDENTITY_GLOBAL, "s", "main", "n"};
    assert_false(identity_eq(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_four_forms),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(equality_looks_at_all_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
