#include "common/base/rand.h"
#include "common/core/mute/inhibit.h"
#include "tests/lib/test.h"

#define RULES_MAX 8

struct fixture {
    struct arena *a;
    struct inhibit_rule rules[RULES_MAX];
    size_t n;
    struct inhibit *ih;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.a = arena_new(0)};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    inhibit_free(f->ih);
    for (size_t i = 0; i < f->n; i++) {
        matchers_clear(&f->rules[i].source);
        matchers_clear(&f->rules[i].target);
    }
    arena_free(f->a);
    return 0;
}

/* equal: one name, or NULL */
static void rule(struct fixture *f, const char *source, const char *target, const char *equal)
{
    struct inhibit_rule *r = &f->rules[f->n++];
    struct str *names = ARENA_NEW(f->a, struct str);

    assert_int_equal(matchers_parse(str_from(source), MATCHER_UTF8, f->a, &r->source, NULL), 0);
    assert_int_equal(matchers_parse(str_from(target), MATCHER_UTF8, f->a, &r->target, NULL), 0);
    if (equal != NULL) {
        *names = str_from(equal);
        r->equal = names;
        r->equal_n = 1;
    }
}

/* "a=b,c=d" */
static struct labels labels(struct fixture *f, const char *text)
{
    struct label *v = ARENA_ARRAY(f->a, struct label, 8);
    struct str rest = arena_str(f->a, str_from(text)), part;
    size_t n = 0;

    while (str_split(&rest, ',', &part)) {
        size_t eq = str_find_char(part, '=');

        v[n++] =
            (struct label){.name = str_sub(part, 0, eq), .value = str_sub(part, eq + 1, part.n)};
    }
    return (struct labels){.v = v, .n = labels_sort(v, n)};
}

static uint64_t fire(struct fixture *f, const char *text)
{
    struct labels l = labels(f, text);

    inhibit_put(f->ih, labels_fingerprint(l), l);
    return labels_fingerprint(l);
}

/* 0: not inhibited */
static uint64_t by(struct fixture *f, const char *text)
{
    struct inhibit_verdict v = {0};

    return inhibit_decide(f->ih, labels(f, text), &v) ? v.source_fp : 0;
}

static void start(struct fixture *f)
{
    f->ih = inhibit_new(f->rules, f->n);
}

static void a_source_mutes_what_agrees_with_it(void **state)
{
    struct fixture *f = *state;
    uint64_t fp;

    rule(f, "s=\"crit\"", "s=\"warn\"", "dc");
    start(f);
    assert_int_equal(by(f, "s=warn,dc=a"), 0);
    fp = fire(f, "s=crit,dc=a");
    assert_true(by(f, "s=warn,dc=a") == fp);
    assert_int_equal(by(f, "s=warn,dc=b"), 0);
    assert_int_equal(by(f, "s=warn"), 0);
    assert_int_equal(by(f, "s=info,dc=a"), 0);
    assert_int_equal(by(f, "s=crit,dc=a"), 0);
    assert_true(inhibit_drop(f->ih, fp));
    assert_false(inhibit_drop(f->ih, fp));
    assert_int_equal(by(f, "s=warn,dc=a"), 0);
}

static void labels_that_both_lack_agree(void **state)
{
    struct fixture *f = *state;

    rule(f, "s=\"crit\"", "s=\"warn\"", "dc");
    start(f);
    assert_true(fire(f, "s=crit") == by(f, "s=warn"));
    assert_int_equal(by(f, "s=warn,dc=a"), 0);
}

static void without_equal_all_agree(void **state)
{
    struct fixture *f = *state;

    rule(f, "s=\"crit\"", "s=\"warn\"", NULL);
    start(f);
    assert_true(fire(f, "s=crit,dc=a") == by(f, "s=warn,dc=b"));
}

static void another_source_goes_on_holding(void **state)
{
    struct fixture *f = *state;
    uint64_t a, b;

    rule(f, "s=\"crit\"", "s=\"warn\"", "dc");
    start(f);
    a = fire(f, "s=crit,dc=a,n=1");
    b = fire(f, "s=crit,dc=a,n=2");
    assert_true(by(f, "s=warn,dc=a") == a);
    (void)fire(f, "s=crit,dc=a,n=1"); /* a re-send changes nothing */
    assert_int_equal(inhibit_stats(f->ih).sources, 2);
    inhibit_drop(f->ih, a);
    assert_true(by(f, "s=warn,dc=a") == b);
    inhibit_drop(f->ih, b);
    assert_int_equal(by(f, "s=warn,dc=a"), 0);
    assert_int_equal(inhibit_stats(f->ih).sources, 0);
}

static void two_sided_alerts_do_not_mute_each_other(void **state)
{
    struct fixture *f = *state;
    uint64_t two, one;

    rule(f, "a=\"1\"", "b=\"1\"", NULL);
    start(f);
    two = fire(f, "a=1,b=1,n=1");
    assert_int_equal(by(f, "a=1,b=1,n=1"), 0); /* itself */
    assert_int_equal(by(f, "a=1,b=1,n=2"), 0);
    assert_true(by(f, "b=1") == two); /* what is only a target it mutes */
    one = fire(f, "a=1");
    assert_true(by(f, "a=1,b=1,n=1") == one); /* the two-sided one does not hide it */
    assert_true(by(f, "b=1") == two);
}

static void the_first_rule_is_told(void **state)
{
    struct fixture *f = *state;
    struct inhibit_verdict v;

    rule(f, "x=\"1\"", "s=\"warn\"", NULL);
    f->rules[f->n++].never = true;
    rule(f, "y=\"1\"", "", NULL);
    rule(f, "z=~\"1|2\"", "s=~\"w.*\"", NULL);
    start(f);
    (void)fire(f, "z=2");
    (void)fire(f, "y=1");
    assert_true(inhibit_decide(f->ih, labels(f, "s=warn"), &v));
    assert_int_equal(v.rule, 2);
    inhibit_drop(f->ih, labels_fingerprint(labels(f, "y=1")));
    assert_true(inhibit_decide(f->ih, labels(f, "s=warn"), &v));
    assert_int_equal(v.rule, 3);
    (void)fire(f, "x=1");
    assert_true(inhibit_decide(f->ih, labels(f, "s=warn"), &v));
    assert_int_equal(v.rule, 0);
}

/* ---- against the definition ---- */

static bool agree(const struct inhibit_rule *r, struct labels a, struct labels b)
{
    for (size_t i = 0; i < r->equal_n; i++) {
        if (!str_eq(labels_get(a, r->equal[i]), labels_get(b, r->equal[i])))
            return false;
    }
    return true;
}

static bool rule_mutes(const struct inhibit_rule *r, struct labels source, struct labels l)
{
    bool both = matchers_match(&r->source, l) && matchers_match(&r->target, source);

    return matchers_match(&r->source, source) && matchers_match(&r->target, l) &&
           agree(r, source, l) && !both;
}

static void verdicts_follow_the_definition(void **state)
{
    struct fixture *f = *state;
    struct labels alerts[27];
    bool firing[27] = {0};
    struct rand r;

    rule(f, "a=\"1\"", "b=\"1\"", "c");
    rule(f, "a=~\"1|2\"", "a=\"2\"", "b");
    rule(f, "c=\"2\"", "c!=\"2\"", "a");
    rule(f, "", "a=\"2\",b=\"2\"", "c");
    start(f);
    for (size_t i = 0; i < 27; i++) {
        char text[40];

        snprintf(text, sizeof(text), "a=%zu,b=%zu,c=%zu,z=z", i % 3, i / 3 % 3, i / 9);
        alerts[i] = labels(f, text);
    }
    rand_seed(&r, 5);
    for (int round = 0; round < 2000; round++) {
        size_t i = rand_below(&r, 27), t = rand_below(&r, 27), want = RULES_MAX;
        struct inhibit_verdict v = {.rule = RULES_MAX};
        uint64_t fp = labels_fingerprint(alerts[i]);

        if (firing[i])
            inhibit_drop(f->ih, fp);
        else
            inhibit_put(f->ih, fp, alerts[i]);
        firing[i] = !firing[i];
        for (size_t k = f->n; k-- > 0;) {
            for (size_t s = 0; s < 27; s++) {
                if (firing[s] && rule_mutes(&f->rules[k], alerts[s], alerts[t]))
                    want = k;
            }
        }
        (void)inhibit_decide(f->ih, alerts[t], &v);
        assert_int_equal(v.rule, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_source_mutes_what_agrees_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(labels_that_both_lack_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(without_equal_all_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(another_source_goes_on_holding, setup, teardown),
        cmocka_unit_test_setup_teardown(two_sided_alerts_do_not_mute_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_rule_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(verdicts_follow_the_definition, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
