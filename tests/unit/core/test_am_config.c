#include "tests/lib/config_text.h"
#include "tests/lib/test.h"

#include "common/core/config/am_config.h"

static struct arena *arena;

#define BASE "receivers: [{name: a}, {name: b}]\n"
#define ROUTE "route: {receiver: a}\n"

static struct am_config *parse_mode(const char *text, enum matcher_mode mode, const char **ret)
{
    struct config_report report;
    struct am_config *c = NULL;

    config_report_init(&report, STR("am.yml"));
    if (am_config_parse(str_from(text), mode, &c, &report) < 0)
        c = NULL;
    *ret = config_text_mistakes(arena, c != NULL ? &report.warnings : &report.mistakes);
    config_report_clear(&report);
    return c;
}

static struct am_config *parse(const char *text)
{
    const char *said;
    struct am_config *c = parse_mode(text, MATCHER_FALLBACK, &said);

    if (c == NULL)
        fail_msg("%s", said);
    return c;
}

static const char *mistakes(const char *text)
{
    const char *said;
    struct am_config *c = parse_mode(text, MATCHER_FALLBACK, &said);

    if (c != NULL)
        fail_msg("taken: %s", text);
    return said;
}

static void inhibit_rules_are_read_in_all_their_forms(void **state)
{
    (void)state;
    struct am_config *c = parse(BASE ROUTE "inhibit_rules:\n"
                                           "- name: first\n"
                                           "  source_match: {severity: page}\n"
                                           "  source_matchers: ['team=~\"a|b\"']\n"
                                           "  target_match_re: {severity: 'warn|info'}\n"
                                           "  equal: [job, zone]\n"
                                           "- {}\n");

    assert_int_equal(c->inhibit_rules_n, 2);
    assert_str_eq(c->inhibit_rules[0].name, "first");
    assert_int_equal(c->inhibit_rules[0].source.n, 2);
    assert_int_equal(c->inhibit_rules[0].target.n, 1);
    assert_str_eq(c->inhibit_rules[0].target.v[0].value, "^(?:warn|info)$");
    assert_int_equal(c->inhibit_rules[0].equal_n, 2);
    assert_str_eq(c->inhibit_rules[0].equal[1], "zone");
    assert_int_equal(c->inhibit_rules[1].source.n, 0);
    assert_false(c->inhibit_rules[1].never);
    am_config_free(c);
}

static void routes_find_their_intervals_of_both_lists(void **state)
{
    (void)state;
    struct am_config *c = parse(
        BASE "route:\n"
             "  receiver: a\n"
             "  routes:\n"
             "  - mute_time_intervals: [old, new]\n"
             "    active_time_intervals: [new]\n"
             "    routes: [{receiver: b}]\n"
             "time_intervals: [{name: new, time_intervals: [{weekdays: ['monday:friday']}]}]\n"
             "mute_time_intervals: [{name: old, time_intervals: [{location: Europe/Paris}]}]\n");
    const struct route *r = c->root->children[0];

    assert_int_equal(c->intervals.n, 2);
    assert_int_equal(r->intervals.mute_n, 2);
    assert_str_eq(r->intervals.mute[0]->name, "old");
    assert_true(r->intervals.mute[0]->deprecated);
    assert_str_eq(r->intervals.mute[1]->name, "new");
    assert_int_equal(r->intervals.active_n, 1);
    assert_ptr_equal(r->intervals.active[0], r->intervals.mute[1]);
    assert_int_equal(r->children[0]->intervals.mute_n, 0); /* not inherited */
    assert_int_equal(c->root->intervals.active_n, 0);
    am_config_free(c);
}

static void labels_of_routes_are_inherited(void **state)
{
    (void)state;
    struct am_config *c = parse(BASE "route:\n"
                                     "  receiver: a\n"
                                     "  labels: {team: root, tier: one}\n"
                                     "  routes:\n"
                                     "  - labels: {team: '{{ .GroupLabels.x }}', empty: ''}\n"
                                     "    routes: [{receiver: b}]\n");
    const struct route *child = c->root->children[0];
    struct buf b;

    buf_init(&b, 0);
    labels_add_text(&b, child->labels);
    assert_string_equal(buf_str(&b).p, "{empty=\"\", team=\"{{ .GroupLabels.x }}\", tier=\"one\"}");
    buf_reset(&b);
    labels_add_text(&b, c->root->labels);
    assert_string_equal(buf_str(&b).p, "{team=\"root\", tier=\"one\"}");
    assert_true(labels_eq(child->labels, child->children[0]->labels));
    buf_clear(&b);
    am_config_free(c);
}

static void templates_are_a_list_of_patterns(void **state)
{
    (void)state;
    struct am_config *c = parse(BASE ROUTE "templates: ['a/*.tmpl', b]\n");

    assert_int_equal(c->templates.n, 2);
    assert_str_eq(c->templates.v[1], "b");
    am_config_free(c);
}

static bool only_berlin(struct str location, void *arg)
{
    (void)arg;
    return str_eq_c(location, "Europe/Berlin");
}

static void locations_are_somebody_elses_to_know(void **state)
{
    (void)state;
    struct am_config *c =
        parse(BASE ROUTE "time_intervals:\n"
                         "- {name: t, time_intervals: [{location: Europe/Berlin}]}\n"
                         "- {name: u, time_intervals: [{location: Local}]}\n"
                         "- {name: v, time_intervals: [{location: Mars/Olympus}]}\n"
                         "- {name: w, time_intervals: [{location: ../x}]}\n");
    struct config_report report;

    config_report_init(&report, STR("am.yml"));
    assert_int_equal(am_config_check_locations(c, &report, only_berlin, NULL), -EINVAL);
    assert_string_equal(config_text_mistakes(arena, &report.mistakes),
                        "6: unknown time zone Mars/Olympus\n7: time: invalid location name\n");
    config_report_clear(&report);
    am_config_free(c);
}

static void mistakes_are_upstreams(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {BASE ROUTE "inhibit_rules: [{sources: [a]}]\n",
         "3: field sources not found in inhibit rule; it may have: name, source_match, "
         "source_match_re, source_matchers, target_match, target_match_re, target_matchers, "
         "equal\n"},
        {BASE ROUTE "inhibit_rules: [{source_match: {a-b: c}, equal: ['']}]\n",
         "3: invalid label name \"a-b\"\n3: invalid label name \"\" in equal list\n"},
        {BASE ROUTE "time_intervals: [{name: t}]\nmute_time_intervals: [{name: t}]\n",
         "3: time interval \"t\" is not unique\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(mistakes(cases[i].yaml), cases[i].want);
}

static void the_mode_says_which_names_are_labels(void **state)
{
    (void)state;
    const char *said;
    struct am_config *c = parse(BASE "route: {receiver: a, group_by: [a-b]}\n");

    am_config_free(c);
    c = parse_mode(BASE "route: {receiver: a, group_by: [a-b]}\n"
                        "inhibit_rules: [{equal: [c-d]}]\n",
                   MATCHER_CLASSIC, &said);
    assert_null(c);
    assert_string_equal(said, "2: invalid label name \"a-b\" in group_by list\n"
                              "3: invalid label name \"c-d\" in equal list\n");
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
        cmocka_unit_test(inhibit_rules_are_read_in_all_their_forms),
        cmocka_unit_test(routes_find_their_intervals_of_both_lists),
        cmocka_unit_test(labels_of_routes_are_inherited),
        cmocka_unit_test(templates_are_a_list_of_patterns),
        cmocka_unit_test(locations_are_somebody_elses_to_know),
        cmocka_unit_test(mistakes_are_upstreams),
        cmocka_unit_test(the_mode_says_which_names_are_labels),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
