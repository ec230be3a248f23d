#include "tests/lib/test.h"

#include "common/core/model/labels.h"

#define LABELS_OF(a) ((struct labels){.v = (a), .n = ARRAY_SIZE(a)})
#define P(n, v) \
    { \
        STR_INIT(n), STR_INIT(v) \
    }

static struct arena *arena;

static struct str text_of(struct labels l)
{
    struct buf b;

    buf_init(&b, 0);
    labels_add_text(&b, l);

    struct str copy = arena_str(arena, buf_str(&b));

    buf_clear(&b);
    return copy;
}

static void fingerprints_and_hashes_are_upstreams(void **state)
{
    (void)state;
    const struct label one[] = {P("alertname", "test1")};
    const struct label two[] = {P("alertname", "alert1"), P("severity", "critical")};
    const struct label odd[] = {P("alertname", "Disk🙂"), P("Σ", "ü")};

    assert_true(labels_fingerprint((struct labels){0}) == UINT64_C(0xcbf29ce484222325));
    assert_true(labels_fingerprint(LABELS_OF(one)) == UINT64_C(0x5ae90ff6f82ebe6b));
    assert_true(labels_fingerprint(LABELS_OF(two)) == UINT64_C(0x0223b772b51c29e1));
    assert_true(labels_fingerprint(LABELS_OF(odd)) == UINT64_C(0x11f31ae7fa999839));
    assert_true(labels_xxh64((struct labels){0}) == UINT64_C(0xef46db3751d8e999));
    assert_true(labels_xxh64(LABELS_OF(one)) == UINT64_C(0x2d05aa6cabfbfed6));
    assert_true(labels_xxh64(LABELS_OF(two)) == UINT64_C(0x1c90d584601c2f3c));
    assert_true(labels_xxh64(LABELS_OF(odd)) == UINT64_C(0x4ad3ce8c88647e3e));
}

static void a_large_set_hashes_like_a_small_one_of_the_same_bytes(void **state)
{
    (void)state;
    char big[5000];

    memset(big, 'x', sizeof(big));

    const struct label v[] = {{STR_INIT("a"), {big, sizeof(big)}}};
    struct labels copy = labels_copy(arena, LABELS_OF(v));

    assert_true(labels_xxh64(copy) == labels_xxh64(LABELS_OF(v)));
    assert_true(labels_eq(copy, LABELS_OF(v)));
}

static void sort_keeps_the_last_of_a_name_and_drops_empty_values(void **state)
{
    (void)state;
    struct label v[] = {P("c", "1"), P("a", "1"), P("b", ""),  P("c", "2"),
                        P("a", "2"), P("d", "x"), P("a", "3"), P("d", "")};
    size_t n = labels_sort(v, ARRAY_SIZE(v));

    assert_str_eq(text_of((struct labels){v, n}), "{a=\"3\", c=\"2\"}");
    assert_int_equal(labels_sort(v, 0), 0);
}

static void sort_handles_any_order_and_size(void **state)
{
    (void)state;
    enum { N = 257 };
    struct label v[N];
    unsigned x = 12345;

    for (size_t i = 0; i < N; i++) {
        x = x * 1103515245U + 12345U;
        v[i] = (struct label){arena_fmt(arena, "n%05u", (x >> 8) % 500),
                              arena_fmt(arena, "%zu", i + 1)};
    }
    size_t n = labels_sort(v, N);

    for (size_t i = 1; i < n; i++)
        assert_true(str_cmp(v[i - 1].name, v[i].name) < 0);
}

static void text_quotes_as_go_does(void **state)
{
    (void)state;
    const struct label v[] = {P("a", "x\"y\n"), P("b", "é")};

    assert_str_eq(text_of(LABELS_OF(v)), "{a=\"x\\\"y\\n\", b=\"é\"}");
    assert_str_eq(text_of((struct labels){0}), "{}");
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void orders(void **state)
{
    (void)state;
    const struct label a1[] = {P("a", "1")}, a2[] = {P("a", "2")}, b1[] = {P("b", "1")};
    const struct label a1b1[] = {P("a", "1"), P("b", "1")};
    const struct label job[] = {P("job", "z"), P("x", "1")}, inst[] = {P("instance", "a")};
    const struct label job_b[] = {P("instance", "1"), P("job", "b")};
    const struct label job_a[] = {P("instance", "2"), P("job", "a")};
    const struct {
        struct labels a, b;
        int set, alert;
    } cases[] = {
        {LABELS_OF(a1), LABELS_OF(a1), 0, 0},       {LABELS_OF(a1), LABELS_OF(a2), -1, -1},
        {LABELS_OF(a1b1), LABELS_OF(a2), 1, 1},     /* fewer first */
        {LABELS_OF(a1), LABELS_OF(b1), 1, 1},       /* who lacks the smaller name is first */
        {LABELS_OF(job), LABELS_OF(a1), 1, -1},     /* having a job comes first */
        {LABELS_OF(job), LABELS_OF(inst), 1, -1},   /* job before instance */
        {LABELS_OF(job_b), LABELS_OF(job_a), -1, 1} /* job decides */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(sign(labels_cmp(cases[i].a, cases[i].b)), cases[i].set);
        assert_int_equal(sign(labels_cmp(cases[i].b, cases[i].a)), -cases[i].set);
        assert_int_equal(sign(labels_cmp_alert(cases[i].a, cases[i].b)), cases[i].alert);
        assert_int_equal(sign(labels_cmp_alert(cases[i].b, cases[i].a)), -cases[i].alert);
    }
}

static void with_sets_replaces_and_removes(void **state)
{
    (void)state;
    const struct label v[] = {P("a", "1"), P("c", "1")};
    static const struct {
        struct str name, value;
        const char *want;
    } cases[] = {
        {STR_INIT("b"), STR_INIT("2"), "{a=\"1\", b=\"2\", c=\"1\"}"},
        {STR_INIT("A"), STR_INIT("2"), "{A=\"2\", a=\"1\", c=\"1\"}"},
        {STR_INIT("z"), STR_INIT("2"), "{a=\"1\", c=\"1\", z=\"2\"}"},
        {STR_INIT("c"), STR_INIT("2"), "{a=\"1\", c=\"2\"}"},
        {STR_INIT("c"), STR_INIT(""), "{a=\"1\"}"},
        {STR_INIT("x"), STR_INIT(""), "{a=\"1\", c=\"1\"}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_str_eq(text_of(labels_with(arena, LABELS_OF(v), cases[i].name, cases[i].value)),
                      cases[i].want);
    assert_str_eq(labels_get(LABELS_OF(v), STR("c")), "1");
    assert_int_equal(labels_get(LABELS_OF(v), STR("b")).n, 0);
}

static void names(void **state)
{
    (void)state;
    assert_true(label_name_valid_classic(STR("a_B9")));
    assert_true(label_name_valid_classic(STR("_")));
    assert_false(label_name_valid_classic(STR("")));
    assert_false(label_name_valid_classic(STR("9a")));
    assert_false(label_name_valid_classic(STR("a:b")));
    assert_false(label_name_valid_classic(STR("Σ")));
    assert_true(label_name_valid_utf8(STR("Σ x")));
    assert_true(label_name_valid_utf8(STR("00")));
    assert_false(label_name_valid_utf8(STR("")));
    assert_false(label_name_valid_utf8(STR("\xff")));
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
        cmocka_unit_test(fingerprints_and_hashes_are_upstreams),
        cmocka_unit_test(a_large_set_hashes_like_a_small_one_of_the_same_bytes),
        cmocka_unit_test(sort_keeps_the_last_of_a_name_and_drops_empty_values),
        cmocka_unit_test(sort_handles_any_order_and_size),
        cmocka_unit_test(text_quotes_as_go_does),
        cmocka_unit_test(orders),
        cmocka_unit_test(with_sets_replaces_and_removes),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
