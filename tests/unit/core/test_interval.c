#include "common/base/time_text.h"
#include "common/core/mute/interval.h"
#include "tests/lib/test.h"

struct fixture {
    struct arena *a;
    struct mistakes mistakes, warnings;
    struct config_loader loader;
};

static int setup(void **state)
{
    static struct fixture f;

    f.a = arena_new(0);
    mistakes_init(&f.mistakes);
    mistakes_init(&f.warnings);
    f.loader =
        (struct config_loader){.arena = f.a, .mistakes = &f.mistakes, .warnings = &f.warnings};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    mistakes_clear(&f->mistakes);
    mistakes_clear(&f->warnings);
    arena_free(f->a);
    return 0;
}

static struct yaml_node *yaml(struct fixture *f, const char *text)
{
    struct yaml_node *node;

    if (yaml_parse(str_from(text), f->a, &node, &f->mistakes) < 0)
        fail_msg("%s: %s", text, f->mistakes.v[0].text);
    return node;
}

static struct interval load(struct fixture *f, const char *text)
{
    struct interval i;

    mistakes_clear(&f->mistakes);
    mistakes_init(&f->mistakes);
    interval_load(&f->loader, yaml(f, text), &i);
    return i;
}

/* Berlin in 2026: summer time from March 29 to October 25, 01:00 UTC. */
static int offset_s(struct str location, int64_t wall_ms, void *arg)
{
    (void)arg;
    if (str_eq_c(location, "Pacific/Apia"))
        return 13 * 3600;
    if (str_eq_c(location, "America/St_Johns"))
        return -(3 * 3600 + 1800);
    assert_str_eq(location, "Europe/Berlin");
    return wall_ms >= INT64_C(1774746000000) && wall_ms < INT64_C(1792890000000) ? 7200 : 3600;
}

static const struct interval_zones zones = {.offset_s = offset_s};

static int64_t at(const char *text)
{
    int64_t ms;

    assert_int_equal(time_parse(str_from(text), &ms, NULL), 0);
    return ms;
}

static void an_instant_is_inside_or_not(void **state)
{
    static const struct {
        const char *yaml, *time;
        bool want;
    } cases[] = {
        {"{}", "2026-11-22T00:00:00Z", true},
        {"{times: []}", "2026-11-22T00:00:00Z", false},
        {"{times: null}", "2026-11-22T00:00:00Z", true},
        {"{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-11-22T08:59:59Z", false},
        {"{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-11-22T09:00:00Z", true},
        {"{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-11-22T16:59:59.999Z", true},
        {"{times: [{start_time: '09:00', end_time: '17:00'}]}", "2026-11-22T17:00:00Z", false},
        {"{times: [{start_time: '23:00', end_time: '24:00'}]}", "2026-11-22T23:59:59Z", true},
        {"{times: [{start_time: '23:00', end_time: '24:00'}]}", "2026-11-23T00:00:00Z", false},
        {"{weekdays: ['monday:friday']}", "2026-11-22T12:00:00Z", false}, /* a Sunday */
        {"{weekdays: ['monday:friday']}", "2026-11-23T00:00:00Z", true},
        {"{weekdays: [Sunday, saturday]}", "2026-11-22T12:00:00Z", true},
        {"{weekdays: [sunday]}", "1969-12-28T12:00:00Z", true},
        {"{days_of_month: ['-1']}", "2026-02-28T12:00:00Z", true},
        {"{days_of_month: ['-1']}", "2028-02-28T12:00:00Z", false},
        {"{days_of_month: ['-1']}", "2028-02-29T23:59:59Z", true},
        {"{days_of_month: ['-1']}", "2100-02-28T12:00:00Z", true},
        {"{days_of_month: ['-1']}", "2000-02-29T12:00:00Z", true},
        {"{days_of_month: ['31']}", "2026-04-30T12:00:00Z", false},
        {"{days_of_month: ['29:31']}", "2026-04-30T12:00:00Z", true},
        {"{days_of_month: ['29:31']}", "2026-02-28T12:00:00Z", false},
        {"{days_of_month: ['1:-2']}", "2026-02-27T12:00:00Z", true},
        {"{days_of_month: ['1:-2']}", "2026-02-28T12:00:00Z", false},
        {"{days_of_month: ['-31:-1']}", "2026-02-01T12:00:00Z", true},
        {"{months: ['january:march', 12]}", "2026-03-31T23:59:59Z", true},
        {"{months: ['january:march', 12]}", "2026-04-01T00:00:00Z", false},
        {"{months: ['january:march', 12]}", "2026-12-01T00:00:00Z", true},
        {"{months: ['0:99']}", "2026-12-01T00:00:00Z", true},
        {"{years: ['2020:2026']}", "2026-12-31T23:59:59Z", true},
        {"{years: ['2020:2026']}", "2027-01-01T00:00:00Z", false},
        {"{years: [1969]}", "1969-12-31T23:59:59Z", true},
        {"{weekdays: [sunday], months: [11]}", "2026-11-22T12:00:00Z", true},
        {"{weekdays: [sunday], months: [10]}", "2026-11-22T12:00:00Z", false},
        /* the last day of a month that a clock change makes an hour short or long */
        {"{days_of_month: ['-1'], location: Europe/Berlin}", "2026-03-31T21:59:59Z", true},
        {"{days_of_month: ['-1'], location: Europe/Berlin}", "2026-03-31T22:00:00Z", false},
        {"{days_of_month: ['-1'], location: Europe/Berlin}", "2026-03-30T22:00:00Z", true},
        {"{days_of_month: ['-1'], location: Europe/Berlin}", "2026-03-30T21:59:59Z", false},
        {"{days_of_month: ['-1'], location: Europe/Berlin}", "2026-10-31T22:59:59Z", true},
        {"{days_of_month: ['-1'], location: Europe/Berlin}", "2026-10-30T22:59:59Z", false},
        /* 02:30 does not exist on the day of spring, and comes twice in autumn */
        {"{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}",
         "2026-03-29T00:59:59Z", false},
        {"{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}",
         "2026-03-29T01:00:00Z", false},
        {"{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}",
         "2026-10-25T00:30:00Z", true},
        {"{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}",
         "2026-10-25T01:30:00Z", true},
        {"{weekdays: [monday], location: Pacific/Apia}", "2026-11-22T11:00:00Z", true},
        {"{weekdays: [monday], location: UTC}", "2026-11-22T11:00:00Z", false},
        {"{times: [{start_time: '20:30', end_time: '20:31'}], location: America/St_Johns}",
         "2026-11-22T00:00:00Z", true},
    };
    struct fixture *f = *state;

    for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
        struct interval i = load(f, cases[k].yaml);

        assert_int_equal(f->mistakes.n, 0);
        if (interval_contains(&i, at(cases[k].time), zones) != cases[k].want)
            fail_msg("%s at %s", cases[k].yaml, cases[k].time);
    }
}

static void mistakes_have_alertmanagers_words(void **state)
{
    static const struct {
        const char *yaml, *want;
    } cases[] = {
        {"{times: [{start_time: '09:00'}]}", "both start and end times must be provided"},
        {"{times: [{start_time: '9:00', end_time: '10:00'}]}",
         "couldn't parse timestamp 9:00, invalid format"},
        {"{times: [{start_time: '09:00', end_time: '24:01'}]}",
         "couldn't parse timestamp 24:01, invalid format"},
        {"{times: [{start_time: '09:60', end_time: '10:00'}]}",
         "couldn't parse timestamp 09:60, invalid format"},
        {"{times: [{start_time: '17:00', end_time: '17:00'}]}",
         "start time cannot be equal or greater than end time"},
        {"{weekdays: ['saturday:sunday']}", "start day cannot be before end day"},
        {"{weekdays: ['Funday']}", "funday is not a valid weekday"},
        {"{weekdays: [1]}", "1 is not a valid weekday"},
        {"{weekdays: ['monday: friday']}", " friday is not a valid weekday"},
        {"{weekdays: ['monday:tuesday:friday']}",
         "couldn't parse range monday:tuesday:friday, invalid format"},
        {"{days_of_month: [0]}", "0 is not a valid day of the month: out of range"},
        {"{days_of_month: ['1:32']}", "32 is not a valid day of the month: out of range"},
        {"{days_of_month: ['-32:-1']}", "-32 is not a valid day of the month: out of range"},
        {"{days_of_month: ['-3:1']}", "end day must be negative if start day is negative"},
        {"{days_of_month: ['30:-1']}", "end day -1 is always before start day 30"},
        {"{days_of_month: ['5:4']}", "end day 4 is always before start day 5"},
        {"{days_of_month: ['x']}", "strconv.Atoi: parsing \"x\": invalid syntax"},
        {"{days_of_month: ['1:']}", "strconv.Atoi: parsing \"\": invalid syntax"},
        {"{months: ['march:january']}", "end month january is before start month march"},
        {"{months: ['14:13']}", "end month  is before start month "},
        {"{months: ['Mar']}", "mar is not a valid month"},
        {"{years: ['2026:2025']}", "end year 2025 is before start year 2026"},
        {"{years: ['99999999999999999999']}",
         "strconv.Atoi: parsing \"99999999999999999999\": value out of range"},
    };
    struct fixture *f = *state;

    for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
        (void)load(f, cases[k].yaml);
        assert_int_equal(f->mistakes.n, 1);
        assert_string_equal(f->mistakes.v[0].text, cases[k].want);
    }
}

static bool known(struct str location, void *arg)
{
    (void)arg;
    return str_eq_c(location, "Europe/Berlin");
}

static void names_and_locations_are_checked(void **state)
{
    struct fixture *f = *state;
    struct named_intervals list = {0};

    intervals_load(&f->loader, yaml(f, "- name: a\n  time_intervals: [{location: Mars}]\n"), true,
                   &list);
    intervals_load(&f->loader,
                   yaml(f, "- name: b\n  time_intervals: [{location: Europe/Berlin}, null]\n"
                           "- name: a\n"
                           "- time_intervals: []\n"
                           "- name: c\n  time_intervals: [{location: ../../etc/passwd}, "
                           "{location: Local}]\n"),
                   false, &list);
    intervals_check_locations(&f->loader, &list, known, NULL);
    assert_int_equal(list.n, 3);
    assert_true(intervals_find(&list, STR("a"))->deprecated);
    assert_int_equal(intervals_find(&list, STR("b"))->n, 2);
    assert_null(intervals_find(&list, STR("d")));
    assert_int_equal(f->mistakes.n, 4);
    assert_string_equal(f->mistakes.v[0].text, "time interval \"a\" is not unique");
    assert_string_equal(f->mistakes.v[1].text, "missing name in time interval");
    assert_string_equal(f->mistakes.v[2].text, "unknown time zone Mars");
    assert_string_equal(f->mistakes.v[3].text, "time: invalid location name");
    assert_int_equal(f->warnings.n, 1);
}

static void routes_are_muted_and_active(void **state)
{
    struct fixture *f = *state;
    struct named_intervals list = {0};
    struct str_list names = {0};
    struct interval_use use = {0};

    intervals_load(&f->loader,
                   yaml(f, "- {name: sunday, time_intervals: [{weekdays: [monday]}, "
                           "{weekdays: [sunday]}]}\n"
                           "- {name: november, time_intervals: [{months: [11]}]}\n"
                           "- {name: june, time_intervals: [{months: [6]}]}\n"),
                   false, &list);
    const struct named_interval *some[] = {&list.v[0], &list.v[1], &list.v[2]};

    assert_false(interval_mutes(&use, at("2026-11-22"), zones, f->a, &names));
    use.mute = some;
    use.mute_n = 3;
    assert_true(interval_mutes(&use, at("2026-11-22"), zones, f->a, &names));
    assert_int_equal(names.n, 2);
    assert_str_eq(names.v[0], "sunday");
    assert_str_eq(names.v[1], "november");
    assert_false(interval_mutes(&use, at("2026-10-20"), zones, f->a, NULL));
    use = (struct interval_use){.active = some, .active_n = 3};
    assert_false(interval_mutes(&use, at("2026-06-02"), zones, f->a, &names));
    assert_true(interval_mutes(&use, at("2026-07-01"), zones, f->a, &names));
    assert_int_equal(names.n, 3);
}

static void what_can_never_be_is_told(void **state)
{
    static const struct {
        const char *yaml;
        bool want;
    } cases[] = {{"{}", true},
                 {"{times: []}", false},
                 {"{months: [13]}", false},
                 {"{months: [february], days_of_month: ['30']}", false},
                 {"{months: [february], days_of_month: ['29']}", true},
                 {"{months: [february], days_of_month: ['-31:-30']}", false},
                 {"{months: ['february:march'], days_of_month: ['30']}", true}};
    struct fixture *f = *state;

    for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
        struct interval i = load(f, cases[k].yaml);

        assert_int_equal(interval_possible(&i), cases[k].want);
    }
}

static void texts_are_read_back(void **state)
{
    static const char json[] =
        "{\"times\":[{\"start_time\":\"09:00\",\"end_time\":\"24:00\"}],"
        "\"weekdays\":[\"monday:friday\",\"sunday\"],\"days_of_month\":[\"1:5\",\"-1\"],"
        "\"months\":[\"1:3\"],\"years\":[\"2026\"],\"location\":\"Europe/Berlin\"}";
    struct fixture *f = *state;
    struct json_writer w;
    struct buf b, again;
    struct interval i = load(f, json);

    buf_init(&b, 0);
    buf_init(&again, 0);
    json_writer_init(&w, &b);
    interval_add_json(&w, &i);
    assert_str_eq(buf_str(&b), json);
    buf_reset(&b);
    interval_add_yaml(&b, &i, 4);
    assert_str_eq(buf_str(&b), "    - times:\n"
                               "      - start_time: \"09:00\"\n"
                               "        end_time: \"24:00\"\n"
                               "      weekdays: ['monday:friday', 'sunday']\n"
                               "      days_of_month: ['1:5', '-1']\n"
                               "      months: ['1:3']\n"
                               "      years: ['2026']\n"
                               "      location: 'Europe/Berlin'\n");
    interval_load(&f->loader, yaml(f, b.p)->items[0], &i);
    interval_add_yaml(&again, &i, 4);
    assert_str_eq(buf_str(&again), b.p);
    i = load(f, "{times: []}");
    buf_reset(&b);
    interval_add_yaml(&b, &i, 0);
    assert_str_eq(buf_str(&b), "- times: []\n");
    i = load(f, "{}");
    buf_reset(&b);
    interval_add_yaml(&b, &i, 2);
    assert_str_eq(buf_str(&b), "  - {}\n");
    buf_clear(&b);
    buf_clear(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_instant_is_inside_or_not, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_have_alertmanagers_words, setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_locations_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(routes_are_muted_and_active, setup, teardown),
        cmocka_unit_test_setup_teardown(what_can_never_be_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_are_read_back, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
