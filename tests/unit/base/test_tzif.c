#include "tests/lib/test.h"

#include "common/base/buf.h"
#include "common/base/tzif.h"

static struct arena *arena;

static struct tzif *rule(const char *text)
{
    struct tzif *z = NULL;
    struct err err = {0};

    if (tzif_from_rule(str_from(text), arena, &z, &err) < 0)
        fail_msg("%s", err.text);
    return z;
}

static void rules_tell_summer_from_winter(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        int64_t epoch_s;
        int want;
    } cases[] = {
        {"UTC0", 0, 0},
        {"<+0530>-5:30", 1785542400, 19800},
        {"<-03>3", 1785542400, -10800},
        /* Berlin, 2026: on 29 March and 25 October at 01:00 UTC */
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1792889999, 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1792890000, 3600},
        /* Sydney: summer runs over the turn of the year; 5 April 2026, 16:00 UTC the day before */
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1767225600, 39600},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1775318399, 39600},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1775318400, 36000},
        /* New York by the usual dates: 8 March 2026, 07:00 UTC */
        {"EST5EDT", 1772953199, -18000},
        {"EST5EDT", 1772953200, -14400},
        /* Julian days skip the 29th of February: day 60 is 1 March in 2024 too */
        {"AAA0BBB,J60/0,J300/0", 1709251199, 0},
        {"AAA0BBB,J60/0,J300/0", 1709251200, 3600},
        {"AAA0BBB,59/0,300/0", 1709164799, 0}, /* counted from 0, with it: 29 February */
        {"AAA0BBB,59/0,300/0", 1709164800, 3600},
        /* Nuuk: times of a day may be negative; 29 March 2026, 01:00 UTC */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774745999, -7200},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774746000, -3600},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int got = tzif_offset_s(rule(cases[i].rule), cases[i].epoch_s);

        if (got != cases[i].want)
            fail_msg("%s at %lld: %d, not %d", cases[i].rule, (long long)cases[i].epoch_s, got,
                     cases[i].want);
    }
}

static void rules_name_their_times(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        int64_t epoch_s;
        const char *want;
    } cases[] = {{"CET-1CEST,M3.5.0,M10.5.0/3", 1768003200, "CET"},
                 {"CET-1CEST,M3.5.0,M10.5.0/3", 1783641600, "CEST"},
                 {"<-03>3", 0, "-03"},
                 {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1768003200, "AEDT"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str called = STR_EMPTY;

        (void)tzif_at(rule(cases[i].rule), cases[i].epoch_s, &called);
        assert_str_eq(called, cases[i].want);
    }
}

static void what_is_no_rule_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "CE-1",
        "CET",
        "CET-25",
        "<CET-1",
        "CET-1:60",
        "CET-1X",
        "CET-1CEST,M3",
        "CET-1CEST,M13.1.0,M10.5.0",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,J0,J5",
        "CET-1CEST,M3.5.0,M10.5.0 ",
        "CET-1CEST,M3.5.7,M10.5.0/168",
    };
    struct tzif *z = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (tzif_from_rule(str_from(texts[i]), arena, &z, NULL) != -EBADMSG)
            fail_msg("taken: %s", texts[i]);
    }
    assert_null(z);
}

/* ---- data ---- */

static void add_be(struct buf *b, uint64_t v, unsigned bytes)
{
    while (bytes-- > 0)
        buf_add_char(b, (char)(v >> (8 * bytes)));
}

struct zone {
    char version;
    const int64_t *at;
    const uint8_t *types;
    size_t n;
    const int32_t *offsets;
    size_t types_n;
    const char *footer;
};

static void add_header(struct buf *b, const struct zone *z, size_t times, size_t types)
{
    buf_add_str(b, STR("TZif"));
    buf_add_char(b, z->version);
    for (int i = 0; i < 15; i++)
        buf_add_char(b, '\0');
    for (int i = 0; i < 3; i++)
        add_be(b, 0, 4);
    add_be(b, times, 4);
    add_be(b, types, 4);
    add_be(b, 4, 4);
}

static struct str data(const struct zone *z)
{
    struct str text;
    struct buf b;

    buf_init(&b, 0);
    add_header(&b, z, 0, 0);
    buf_add_str(&b, STR("LMT"));
    buf_add_char(&b, '\0');
    add_header(&b, z, z->n, z->types_n);
    for (size_t i = 0; i < z->n; i++)
        add_be(&b, (uint64_t)z->at[i], 8);
    for (size_t i = 0; i < z->n; i++)
        buf_add_char(&b, (char)z->types[i]);
    for (size_t i = 0; i < z->types_n; i++) {
        add_be(&b, (uint32_t)z->offsets[i], 4);
        add_be(&b, 0, 2);
    }
    buf_add_str(&b, STR("LMT"));
    buf_add_char(&b, '\0');
    buf_add_fmt(&b, "\n%s\n", z->footer);
    text = arena_str(arena, buf_str(&b));
    buf_clear(&b);
    return text;
}

static const int64_t at[] = {-1000, 2000, 3000};
static const uint8_t types[] = {1, 2, 1};
static const int32_t offsets[] = {-75, 3600, 7200};

static struct zone plain(const char *footer)
{
    return (struct zone){'2', at, types, 3, offsets, 3, footer};
}

static void the_last_transition_before_an_instant_holds(void **state)
{
    (void)state;
    static const struct {
        int64_t epoch_s;
        int want;
    } cases[] = {{INT64_MIN, -75}, {-1001, -75}, {-1000, 3600}, {1999, 3600},
                 {2000, 7200},     {2999, 7200}, {3000, 3600},  {INT64_MAX, 3600}};
    struct zone z = plain("");
    struct tzif *parsed = NULL;

    assert_int_equal(tzif_parse(data(&z), arena, &parsed, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(tzif_offset_s(parsed, cases[i].epoch_s), cases[i].want);
}

static void the_footer_rules_what_comes_after(void **state)
{
    (void)state;
    struct zone z = plain("<+05>-5");
    struct tzif *parsed = NULL;

    assert_int_equal(tzif_parse(data(&z), arena, &parsed, NULL), 0);
    assert_int_equal(tzif_offset_s(parsed, 2999), 7200);
    assert_int_equal(tzif_offset_s(parsed, 3000), 18000);
}

static void broken_data_is_refused(void **state)
{
    (void)state;
    static const int64_t backwards[] = {5, 5, 6};
    static const uint8_t untyped[] = {0, 3, 0};
    static const int32_t far[] = {0, 100000, 0};
    struct zone cases[] = {plain("x"), plain(""), plain(""), plain(""), plain(""), plain("")};
    struct tzif *parsed = NULL;
    struct zone good = plain("CET-1");
    struct str whole = data(&good);

    cases[1].version = '\0';
    cases[2].at = backwards;
    cases[3].types = untyped;
    cases[4].offsets = far;
    cases[5].types_n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(tzif_parse(data(&cases[i]), arena, &parsed, NULL), -EBADMSG);
    assert_int_equal(tzif_parse(whole, arena, &parsed, NULL), 0);
    for (size_t n = 0; n < whole.n; n++) /* copied, so that a byte too many is seen */
        assert_int_equal(tzif_parse(arena_str(arena, str_sub(whole, 0, n)), arena, &parsed, NULL),
                         -EBADMSG);
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
        cmocka_unit_test(rules_tell_summer_from_winter),
        cmocka_unit_test(rules_name_their_times),
        cmocka_unit_test(what_is_no_rule_is_refused),
        cmocka_unit_test(the_last_transition_before_an_instant_holds),
        cmocka_unit_test(the_footer_rules_what_comes_after),
        cmocka_unit_test(broken_data_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
