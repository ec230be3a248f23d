#include "tests/lib/test.h"

#include "common/cli/template_data.h"
#include "common/core/template/template.h"

static struct arena *arena;

static struct str render(struct tv data, const char *text)
{
    struct template_set *set = template_set_new();
    struct template_env env = {0};
    struct template *t = NULL;
    struct err err;
    struct str out = STR_EMPTY;

    if (template_parse(&t, set, str_from(text), &err) < 0 ||
        template_render(t, data, &env, arena, &out, &err) < 0)
        fail_msg("%s", err.text);
    template_free(t);
    template_set_free(set);
    return out;
}

static void data_comes_from_json(void **state)
{
    struct err err;
    struct tv data;

    (void)state;
    assert_int_equal(
        template_data_read(arena,
                           STR("{\"receiver\":\"team\",\"STATUS\":\"firing\",\"version\":\"4\","
                               "\"alerts\":[{\"status\":\"firing\",\"labels\":{\"b\":\"2\","
                               "\"a\":\"1\"},\"startsAt\":\"2026-01-02T03:04:05+02:00\"},"
                               "{\"status\":\"resolved\"}],\"commonLabels\":{\"a\":\"1\"},"
                               "\"externalURL\":\"http://x\"}"),
                           &data, &err),
        0);
    assert_str_eq(render(data, "{{.Receiver}} {{.Status}} {{len .Alerts.Firing}} "
                               "{{(index .Alerts 0).Labels}} {{(index .Alerts 0).StartsAt}} "
                               "{{(index .Alerts 1).EndsAt.IsZero}} {{.CommonLabels.a}} "
                               "{{.GroupLabels}}|{{.ExternalURL}}"),
                  "team firing 1 a=1, b=2 2026-01-02 03:04:05 +0200 +0200 true 1 |http://x");
}

static void what_has_the_wrong_shape_is_named(void **state)
{
    static const struct {
        const char *json, *error;
    } cases[] = {
        {"[]", "must be an object"},
        {"{\"receiver\":1}", "receiver: must be a string"},
        {"{\"alerts\":[{\"labels\":{\"a\":1}}]}", "alerts: element 0: labels: a must be a string"},
        {"{\"alerts\":[{},{\"startsAt\":true}]}", "alerts: element 1: startsAt: must be a time"},
        {"{\"groupLabels\":[]}", "groupLabels: must be an object of strings"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err;
        struct tv data;

        assert_int_equal(template_data_read(arena, str_from(cases[i].json), &data, &err), -EINVAL);
        assert_string_equal(err.text, cases[i].error);
    }
}

static void the_sample_is_amtools(void **state)
{
    struct tv data = template_data_sample(arena, 600000);

    (void)state;
    assert_str_eq(render(data, "{{.Receiver}} {{.Status}} {{len .Alerts.Firing}}"
                               "{{len .Alerts.Resolved}} {{(index .Alerts 1).StartsAt.Unix}} "
                               "{{(index .Alerts 0).Labels.instance}}"),
                  "receiver alertstatus 11 0 foo.bar:1234");
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
        cmocka_unit_test(data_comes_from_json),
        cmocka_unit_test(what_has_the_wrong_shape_is_named),
        cmocka_unit_test(the_sample_is_amtools),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
