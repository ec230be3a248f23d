#include "tests/lib/config_text.h"
#include "tests/lib/test.h"

#include "common/base/buf.h"
#include "common/core/config/lint.h"

static struct arena *arena;

static const char *lint_with(const char *text, struct lint_options options)
{
    struct config_report report;
    struct am_config *c = NULL;
    struct mistakes found;
    const char *said;

    config_report_init(&report, STR("am.yml"));
    if (am_config_parse(str_from(text), MATCHER_FALLBACK, &c, &report) < 0)
        fail_msg("%s", config_text_mistakes(arena, &report.mistakes));
    mistakes_init(&found);
    config_lint(c, options, &found);
    said = config_text_mistakes(arena, &found);
    mistakes_clear(&found);
    config_report_clear(&report);
    am_config_free(c);
    return said;
}

static const char *lint(const char *text)
{
    return lint_with(text, (struct lint_options){0});
}

#define BASE "receivers: [{name: a}]\n"
#define ROUTE BASE "route: {receiver: a}\n"

static void a_usual_configuration_is_praised(void **state)
{
    (void)state;
    assert_string_equal(lint("receivers: [{name: a}, {name: b}]\n"
                             "route:\n"
                             "  receiver: a\n"
                             "  routes:\n"
                             "  - {matchers: [severity=page], receiver: b, continue: true}\n"
                             "  - {matchers: [severity=page, team=x]}\n"
                             "  - {matchers: [team=x]}\n"
                             "  - {matchers: ['team=~\"x|y\"']}\n"
                             "inhibit_rules:\n"
                             "- {source_matchers: [a=b], target_matchers: [a=c], equal: [a]}\n"
                             "time_intervals:\n"
                             "- {name: t, time_intervals: [{weekdays: [monday]}]}\n"),
                        "");
}

static void labels_that_both_sides_can_lack(void **state)
{
    (void)state;
    static const struct {
        const char *source, *target;
        bool trap;
    } cases[] = {
        {"x=y", "z=y", true},
        {"job=y", "z=y", false},
        {"x=y", "job=y", false},
        {"x=y", "'job!=\"\"'", false},
        {"x=y", "'job=~\".+\"'", false},
        {"x=y", "'job=~\".*\"'", true},
        {"x=y", "job!=y", true},
        {"x=y", "'job!~\".*\"'", false},
        {"x=y", "'job=\"\"'", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *said = lint(arena_fmt(arena,
                                          ROUTE "inhibit_rules:\n- {source_matchers: [%s], "
                                                "target_matchers: [%s], equal: [job]}\n",
                                          cases[i].source, cases[i].target)
                                    .p);

        if (cases[i].trap != (strstr(said, "4: two alerts that lack the label \"job\"") == said))
            fail_msg("%s, %s: %s", cases[i].source, cases[i].target, said);
    }
}

static void repeats_that_fit_no_interval(void **state)
{
    (void)state;
    assert_string_equal(lint(BASE "route:\n"
                                  "  receiver: a\n"
                                  "  group_interval: 7m\n"
                                  "  routes:\n"
                                  "  - {matchers: [b=c]}\n"
                                  "  - {matchers: [c=d], repeat_interval: 2m}\n"
                                  "  - {matchers: [d=e], repeat_interval: 14m}\n"),
                        "3: repeat_interval 4h is no multiple of group_interval 7m, so it is "
                        "repeated after 4h5m\n"
                        "7: repeat_interval 2m is no multiple of group_interval 7m, so it is "
                        "repeated after 7m\n");
}

static void routes_behind_those_that_take_all_of_theirs(void **state)
{
    (void)state;
    static const struct {
        const char *earlier, *later;
        bool shadowed;
    } cases[] = {
        {"{matchers: [a=b]}", "{matchers: [a=b, c=d]}", true},
        {"{matchers: [a=b, c=d]}", "{matchers: [a=b]}", false},
        {"{matchers: [a=b], continue: true}", "{matchers: [a=b, c=d]}", false},
        {"{}", "{matchers: [a=b]}", true},
        {"{matchers: ['a=~\"b|c\"']}", "{matchers: [a=b]}", true},
        {"{matchers: ['a=~\"b|c\"']}", "{matchers: [a=x]}", false},
        {"{matchers: ['a=~\"b|c\"']}", "{matchers: ['a=~\"b|c\"', d!=e]}", true},
        {"{matchers: [a!=b]}", "{matchers: [a=c]}", true},
        {"{matchers: [a!=b]}", "{matchers: [c=d]}", false},
        {"{matchers: ['a=\"\"']}", "{matchers: [b=c]}", false},
        {"{match: {a: b}}", "{matchers: [a=b], match_re: {c: d}}", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *said = lint(arena_fmt(arena,
                                          BASE "route:\n  receiver: a\n  routes:\n"
                                               "  - {matchers: [other=one]}\n  - %s\n  - %s\n",
                                          cases[i].earlier, cases[i].later)
                                    .p);
        bool found = strcmp(said, "7: the route on line 6 takes everything that this one would "
                                  "match, and does not continue\n") == 0;

        if (found != cases[i].shadowed)
            fail_msg("%s, %s: %s", cases[i].earlier, cases[i].later, said);
    }
}

static void siblings_with_equal_keys(void **state)
{
    (void)state;
    assert_string_equal(lint(BASE "route:\n"
                                  "  receiver: a\n"
                                  "  routes:\n"
                                  "  - {matchers: [a=b, c=d], continue: true}\n"
                                  "  - {match: {c: d}, matchers: [a=b]}\n"),
                        "6: it has the same matchers as the route on line 5, so that their groups "
                        "have the same keys\n");
}

static void what_nobody_reaches(void **state)
{
    (void)state;
    static const char text[] = "receivers:\n- name: a\n- name: b\nroute: {receiver: a}\n";

    assert_string_equal(lint(text), "3: no route leads to the receiver \"b\"\n");
    assert_string_equal(lint_with(text, (struct lint_options){.receivers_elsewhere = true}), "");
}

static void intervals_that_never_hold(void **state)
{
    (void)state;
    const char *said =
        lint(ROUTE "time_intervals:\n"
                   "- name: february\n"
                   "  time_intervals: [{months: [february], days_of_month: ['30']}]\n"
                   "- {name: none, time_intervals: []}\n"
                   "- {name: empty, time_intervals: [{times: []}]}\n"
                   "- {name: always, time_intervals: [{}]}\n");

    assert_string_equal(said,
                        "4: the time interval \"february\" never holds: routes active in it only "
                        "are always muted\n"
                        "6: the time interval \"none\" never holds: routes active in it only are "
                        "always muted\n"
                        "7: the time interval \"empty\" never holds: routes active in it only are "
                        "always muted\n");
}

/* Would take hours if each were compared with each. */
static void thousands_of_siblings_are_looked_at(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 0);
    buf_add_str(&b, STR(BASE "route:\n  receiver: a\n  routes:\n"));
    for (int i = 0; i < 5000; i++)
        buf_add_fmt(&b, "  - {matchers: [severity=page, team=t%d]}\n", i);
    buf_add_str(&b, STR("  - {matchers: [severity=page, team=t7, x=y]}\n"));
    assert_string_equal(lint(buf_str(&b).p),
                        "5005: the route on line 12 takes everything that this one would match, "
                        "and does not continue\n");
    buf_clear(&b);
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
        cmocka_unit_test(a_usual_configuration_is_praised),
        cmocka_unit_test(labels_that_both_sides_can_lack),
        cmocka_unit_test(repeats_that_fit_no_interval),
        cmocka_unit_test(routes_behind_those_that_take_all_of_theirs),
        cmocka_unit_test(siblings_with_equal_keys),
        cmocka_unit_test(what_nobody_reaches),
        cmocka_unit_test(intervals_that_never_hold),
        cmocka_unit_test(thousands_of_siblings_are_looked_at),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
