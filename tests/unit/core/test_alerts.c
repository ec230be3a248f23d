#include "common/core/alerts/alerts.h"
#include "tests/lib/test.h"

#include <errno.h>

#define T INT64_C(1767225600000) /* the wall clock's origin here; cases count seconds from it */

static const struct label label_a[] = {{STR_INIT("alertname"), STR_INIT("a")}};

static struct alert_input input(int64_t starts_s, int64_t ends_s, bool timeout)
{
    return (struct alert_input){.labels = {.v = label_a, .n = 1},
                                .generator_url = STR_EMPTY,
                                .starts_wall_ms = T + starts_s * 1000,
                                .ends_wall_ms = T + ends_s * 1000,
                                .timeout = timeout};
}

static struct now at(int64_t s)
{
    return (struct now){.mono_ms = s * 1000, .wall_ms = T + s * 1000};
}

static void statements_merge_when_they_overlap(void **state)
{
    static const struct {
        const char *what;
        struct {
            int64_t at, starts, ends;
            bool timeout;
        } first, second;
        int64_t want_starts, want_ends;
        enum alert_change change;
    } cases[] = {
        {"a refresh replaces", {0, 0, 60, false}, {30, 0, 90, false}, 0, 90, ALERT_REFRESH},
        {"an explicit later end beats a shorter timeout",
         {0, 0, 100, false},
         {30, 10, 60, true},
         0,
         100,
         ALERT_REFRESH},
        {"a synthesised later end does not",
         {0, 0, 100, true},
         {30, 10, 60, false},
         0,
         60,
         ALERT_REFRESH},
        {"the earlier start is kept", {0, 0, 50, true}, {30, 20, 90, true}, 0, 90, ALERT_REFRESH},
        {"an end cuts a firing one short",
         {0, 0, 100, false},
         {30, 0, 30, false},
         0,
         30,
         ALERT_RESOLVED},
        {"of two ends the later one stays",
         {50, 0, 40, false},
         {60, 0, 30, false},
         0,
         40,
         ALERT_QUIET},
        {"after the end it begins anew",
         {0, 0, 10, false},
         {30, 30, 90, false},
         30,
         90,
         ALERT_REFIRED},
        {"a range that covers the old one replaces it",
         {50, 20, 60, false},
         {51, 10, 70, false},
         10,
         70,
         ALERT_REFRESH},
        /* The clock was 1000 s ahead when the firing was heard, and is right again. */
        {"an end is believed though a wrong clock had seen it before",
         {1000, 0, 240, false},
         {100, 0, 100, false},
         0,
         100,
         ALERT_QUIET},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct alerts *t = alerts_new(10);
        struct alert_input first =
            input(cases[i].first.starts, cases[i].first.ends, cases[i].first.timeout);
        struct alert_input second =
            input(cases[i].second.starts, cases[i].second.ends, cases[i].second.timeout);
        enum alert_change change;
        struct alert *a;

        assert_int_equal(alerts_put(t, &first, at(cases[i].first.at), &a, &change), 0);
        while (alerts_expire(t, at(cases[i].second.at)) != NULL)
            ;
        assert_int_equal(alerts_put(t, &second, at(cases[i].second.at), &a, &change), 0);
        if (a->starts_wall_ms != T + cases[i].want_starts * 1000 ||
            a->ends_wall_ms != T + cases[i].want_ends * 1000 || change != cases[i].change)
            fail_msg("%s: [%lld, %lld] change %d", cases[i].what,
                     (long long)(a->starts_wall_ms - T) / 1000,
                     (long long)(a->ends_wall_ms - T) / 1000, (int)change);
        alerts_free(t);
    }
}

static void it_ends_by_itself_on_the_monotonic_clock(void **state)
{
    struct alerts *t = alerts_new(10);
    struct alert_input in = input(0, 60, true);
    enum alert_change change;
    struct alert *a;

    (void)state;
    assert_int_equal(alerts_put(t, &in, at(0), &a, &change), 0);
    assert_int_equal(change, ALERT_NEW);
    assert_int_equal(alerts_next_ms(t), 60000);
    assert_null(alerts_expire(t, (struct now){.mono_ms = 59999, .wall_ms = T + 9999999}));
    assert_ptr_equal(alerts_expire(t, (struct now){.mono_ms = 60000, .wall_ms = T}), a);
    assert_false(a->firing);
    assert_null(alerts_expire(t, at(100)));
    alerts_free(t);
}

static void the_table_is_bounded(void **state)
{
    struct alerts *t = alerts_new(1);
    struct alert_input in = input(0, 60, false), other = in;
    struct label label = {STR("alertname"), STR("b")};
    enum alert_change change;
    struct alert *a;

    (void)state;
    other.labels.v = &label;
    assert_int_equal(alerts_put(t, &in, at(0), &a, &change), 0);
    assert_false(alerts_has_room(t, 1));
    assert_int_equal(alerts_put(t, &other, at(0), &a, &change), -ENOSPC);
    assert_int_equal(alerts_put(t, &in, at(1), &a, &change), 0); /* known ones always fit */
    assert_int_equal(alerts_stats(t).refused_full, 1);
    alerts_remove(t, a);
    assert_int_equal(alerts_stats(t).text_bytes, 0);
    assert_int_equal(alerts_put(t, &other, at(0), &a, &change), 0);
    alerts_free(t);
}

static void it_lists_in_the_order_of_fingerprints(void **state)
{
    struct alerts *t = alerts_new(10000);
    uint64_t last = 0;
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        char text[16];
        struct label label = {STR("n"), {.p = text}};
        struct alert_input in = input(0, 60, false);
        enum alert_change change;
        struct alert *a;

        label.value.n = (size_t)snprintf(text, sizeof(text), "%d", i);
        in.labels.v = &label;
        assert_int_equal(alerts_put(t, &in, at(0), &a, &change), 0);
        assert_ptr_equal(alerts_find(t, labels_fingerprint(in.labels)), a);
    }
    for (const struct alert *a = alerts_from(t, 0); a != NULL; a = alerts_from(t, a->fp + 1)) {
        assert_true(n == 0 || a->fp > last);
        last = a->fp;
        n++;
    }
    assert_int_equal(n, 5000);
    alerts_free(t);
}

/* Texts without escapes are copied, others written one by one: the same JSON. */
static void texts_become_json(void **state)
{
    (void)state;
    static struct label labels[] = {{STR_INIT("a"), STR_INIT("x")}, {STR_INIT("bc"), STR_INIT("")}};
    static struct label odd[] = {{STR_INIT("q\"1"), STR_INIT("a<b")},
                                 {STR_INIT("r"), STR_INIT("\n")}};
    const struct {
        struct label *labels, *annotations;
        const char *want;
    } cases[] = {
        {labels, labels, "{\"a\":\"x\",\"bc\":\"\"}{\"a\":\"x\",\"bc\":\"\"}"},
        {labels, odd, "{\"a\":\"x\",\"bc\":\"\"}{\"q\\\"1\":\"a\\u003cb\",\"r\":\"\\n\"}"},
        {odd, labels, "{\"q\\\"1\":\"a\\u003cb\",\"r\":\"\\n\"}{\"a\":\"x\",\"bc\":\"\"}"},
        {labels, NULL, "{\"a\":\"x\",\"bc\":\"\"}{}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct alerts *t = alerts_new(1);
        struct alert_input in = {
            .labels = {.v = cases[i].labels, .n = 2},
            .annotations = {.v = cases[i].annotations, .n = cases[i].annotations != NULL ? 2 : 0},
            .generator_url = STR("http://x/?a&b"),
            .ends_wall_ms = 1000};
        enum alert_change change;
        struct alert *a;
        struct buf b;

        buf_init(&b, 0);
        assert_int_equal(alerts_put(t, &in, (struct now){0}, &a, &change), 0);
        alert_add_labels_json(&b, a);
        alert_add_annotations_json(&b, a);
        assert_str_eq(buf_str(&b), cases[i].want);
        buf_clear(&b);
        alerts_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_merge_when_they_overlap),
        cmocka_unit_test(it_ends_by_itself_on_the_monotonic_clock),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(it_lists_in_the_order_of_fingerprints),
        cmocka_unit_test(texts_become_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
