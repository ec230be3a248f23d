/* The decision to notify, the backoff, query parameters: the small rules. */
#include "common/core/api/http.h"
#include "common/core/integrations/notice.h"
#include "common/core/notify/nflog.h"
#include "common/core/notify/retry.h"
#include "tests/lib/test.h"

static void a_notification_needs_a_reason(void **state)
{
    static const struct {
        const char *entry_firing, *entry_resolved; /* "-": no entry; letters are alerts */
        int64_t age_ms;
        const char *firing, *resolved;
        bool send_resolved;
        enum notify_reason want;
    } cases[] = {
        {"-", "", 0, "a", "", true, NOTIFY_FIRST},
        {"-", "", 0, "", "a", true, NOTIFY_NONE},
        {"-", "", 0, "", "", true, NOTIFY_NONE},
        {"a", "", 0, "ab", "", true, NOTIFY_NEW_ALERTS},
        {"", "a", 0, "a", "", true, NOTIFY_FIRST},
        {"ab", "", 0, "a", "", true, NOTIFY_NONE}, /* fewer is no change */
        {"a", "", 0, "", "a", true, NOTIFY_ALL_RESOLVED},
        {"a", "", 0, "", "a", false, NOTIFY_ALL_RESOLVED},
        {"", "a", 0, "", "b", true, NOTIFY_NONE}, /* fired and resolved between two flushes */
        {"ab", "", 0, "a", "b", true, NOTIFY_SOME_RESOLVED},
        {"ab", "", 0, "a", "b", false, NOTIFY_NONE},
        {"ab", "b", 0, "a", "b", true, NOTIFY_NONE},
        {"a", "", 1000, "a", "", true, NOTIFY_NONE}, /* repeat_interval itself is not yet more */
        {"a", "", 1001, "a", "", true, NOTIFY_REPEAT},
        {"", "", 5000, "", "", true, NOTIFY_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *texts[] = {cases[i].entry_firing, cases[i].entry_resolved, cases[i].firing,
                               cases[i].resolved};
        uint64_t v[4][8];
        size_t n[4];
        struct nflog_entry e = {.at_mono_ms = 10000 - cases[i].age_ms};
        enum notify_reason got;

        for (int k = 0; k < 4; k++) {
            n[k] = strlen(texts[k]);
            for (size_t j = 0; j < n[k]; j++)
                v[k][j] = (uint64_t)texts[k][j];
        }
        e.firing = v[0];
        e.firing_n = n[0];
        e.resolved = v[1];
        e.resolved_n = n[1];
        got = nflog_decide(cases[i].entry_firing[0] == '-' ? NULL : &e, v[2], n[2], v[3], n[3],
                           cases[i].send_resolved, 1000, (struct now){.mono_ms = 10000});
        if (got != cases[i].want)
            fail_msg("case %zu: %s", i, notify_reason_text(got));
    }
}

static void the_backoff_grows_by_half_up_to_a_minute(void **state)
{
    static const struct {
        unsigned attempts;
        int64_t base_ms;
    } cases[] = {{1, 500}, {2, 750}, {3, 1125}, {4, 1687}, {12, 43194}, {13, 60000}, {99, 60000}};
    struct rand r;

    (void)state;
    rand_seed(&r, 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (int k = 0; k < 100; k++) {
            int64_t base = cases[i].base_ms;

            assert_in_range(retry_delay_ms(&r, cases[i].attempts), base / 2 - base / 100,
                            base + base / 2 + base / 100);
        }
    }
    assert_true(retry_at_ms(&r, 1, 0, 5000, 0) == 5000); /* a slow attempt is followed at once */
    assert_true(retry_at_ms(&r, 1, 5000, 5000, 30000) == 35000);
}

static void answers_are_judged_by_status(void **state)
{
    static const struct {
        int status;
        enum verdict verdict;
        const char *reason;
    } cases[] = {{200, VERDICT_SENT, NULL},           {204, VERDICT_SENT, NULL},
                 {302, VERDICT_GIVE_UP, "other"},     {400, VERDICT_GIVE_UP, "clientError"},
                 {401, VERDICT_GIVE_UP, "authError"}, {403, VERDICT_GIVE_UP, "authError"},
                 {429, VERDICT_RETRY, "rateLimited"}, {500, VERDICT_RETRY, "serverError"},
                 {503, VERDICT_RETRY, "serverError"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct engine_delivery d = {.status = cases[i].status, .retry_after_ms = 7000};
        struct judgement j = notice_judge_http(&d);

        assert_int_equal(j.verdict, cases[i].verdict);
        if (cases[i].reason != NULL)
            assert_string_equal(j.reason, cases[i].reason);
        assert_int_equal(j.delay_ms, cases[i].status == 429 ? 7000 : 0);
    }
}

static void query_parameters(void **state)
{
    struct arena *a = arena_new(0);
    struct http_params q =
        http_query_parse(STR("a=1&b=%41+%2b&a=2&bad=%4&c&=d&t=YES&f=maybe&e="), a);

    (void)state;
    assert_str_eq(http_param_get(&q, "a"), "2"); /* the last wins */
    assert_str_eq(http_param_get(&q, "b"), "A +");
    assert_null(http_param_get(&q, "bad").p);
    assert_non_null(http_param_get(&q, "c").p);
    assert_true(http_param_bool(&q, "t", false));
    assert_false(http_param_bool(&q, "f", true));
    assert_true(http_param_bool(&q, "e", true));
    assert_true(http_param_bool(&q, "absent", true));
    q = http_query_parse(STR_EMPTY, a);
    assert_int_equal(q.n, 0);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notification_needs_a_reason),
        cmocka_unit_test(the_backoff_grows_by_half_up_to_a_minute),
        cmocka_unit_test(answers_are_judged_by_status),
        cmocka_unit_test(query_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
