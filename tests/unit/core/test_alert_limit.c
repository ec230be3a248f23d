#include "common/core/alerts/limit.h"
#include "tests/lib/test.h"

#define AT(ms) ((struct now){.wall_ms = (ms)})

static void each_name_has_its_own_limit(void **state)
{
    struct alert_limit *l = alert_limit_new(2);

    (void)state;
    assert_true(alert_limit_admit(l, STR("A"), 1, 100, AT(0)));
    assert_true(alert_limit_admit(l, STR("A"), 2, 200, AT(0)));
    assert_false(alert_limit_admit(l, STR("A"), 3, 300, AT(0)));
    assert_true(alert_limit_admit(l, STR("B"), 4, 300, AT(0)));
    assert_true(alert_limit_admit(l, STR_EMPTY, 5, 300, AT(0)));
    assert_true(alert_limit_admit(l, STR("A"), 1, 500, AT(0))); /* known: always, and it lasts */
    assert_int_equal(alert_limit_refused(l), 1);
    assert_int_equal(alert_limit_count(l), 4);
    alert_limit_free(l);
}

static void what_has_ended_makes_room(void **state)
{
    struct alert_limit *l = alert_limit_new(2);

    (void)state;
    assert_true(alert_limit_admit(l, STR("A"), 1, 100, AT(0)));
    assert_true(alert_limit_admit(l, STR("A"), 2, 200, AT(0)));
    assert_false(alert_limit_admit(l, STR("A"), 3, 900, AT(99)));
    assert_true(alert_limit_admit(l, STR("A"), 3, 900, AT(100)));
    assert_false(alert_limit_admit(l, STR("A"), 4, 900, AT(199)));
    alert_limit_sweep(l, AT(200)); /* 2 goes, 3 stays: the bucket is not given up for one of them */
    assert_int_equal(alert_limit_count(l), 1);
    assert_true(alert_limit_admit(l, STR("A"), 4, 900, AT(200)));
    assert_false(alert_limit_admit(l, STR("A"), 5, 900, AT(200)));
    alert_limit_free(l);
}

static void a_limit_of_one_can_replace_its_last(void **state)
{
    struct alert_limit *l = alert_limit_new(1);

    (void)state;
    assert_true(alert_limit_admit(l, STR("A"), 1, 100, AT(0)));
    assert_true(alert_limit_admit(l, STR("A"), 2, 200, AT(100)));
    assert_false(alert_limit_admit(l, STR("A"), 1, 300, AT(100)));
    alert_limit_free(l);
}

static void without_a_limit_nothing_is_kept(void **state)
{
    struct alert_limit *l = alert_limit_new(0);

    (void)state;
    for (uint64_t fp = 1; fp < 100; fp++)
        assert_true(alert_limit_admit(l, STR("A"), fp, 100, AT(0)));
    assert_int_equal(alert_limit_count(l), 0);
    alert_limit_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_its_own_limit),
        cmocka_unit_test(what_has_ended_makes_room),
        cmocka_unit_test(a_limit_of_one_can_replace_its_last),
        cmocka_unit_test(without_a_limit_nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
