#include "tests/unit/global/incident_world.h"

static void begin(struct world *w)
{
    world_init_config(w, "g1", ONE);
    grant(w, fra_e1, UUID_A);
}

static void a_page_waits_for_the_claims_commit(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    w.manual = true;
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    tick(&w);
    assert_int_equal(w.sent.n, 0);
    world_commit(&w);
    assert_int_equal(w.sent.n, 1);
    assert_non_null(strstr(last_page(&w)->body, "\"possible_duplicate\":\"\""));
    world_clear(&w);
}

static void a_full_or_hanging_disk_stops_no_page(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    w.manual = true;
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    tick(&w);
    world_fail(&w, STORE_FULL);
    assert_int_equal(w.sent.n, 1);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .fp = 2, .episode = 2, .name = "B");
    tick(&w);
    assert_int_equal(w.sent.n, 2); /* it fails already: not even one result is waited for */
    world_commit(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 3, .fp = 3, .episode = 3, .name = "C");
    advance(&w, COMMIT_WAIT_MS - 1);
    assert_int_equal(w.sent.n, 2);
    advance(&w, 1);
    assert_int_equal(w.sent.n, 3);
    world_clear(&w);
}

/* The ack, the resolve and the end of the term that come before the commit. */
static void what_ends_before_the_commit_sends_nothing(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    w.manual = true;
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    tick(&w);
    (void)act(&w, newest(&w), "ack", "");
    world_commit(&w);
    assert_int_equal(w.sent.n, 0);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .fp = 2, .episode = 2, .name = "B");
    tick(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 3, .fp = 2, .episode = 2, .name = "B", .state = "resolved");
    world_commit(&w);
    assert_int_equal(w.sent.n, 0);
    advance(&w, 23000); /* less than a send's time-out is left of the term */
    SAY(&w, fra_e1, UUID_A, .seq = 4, .fp = 4, .episode = 4, .name = "C");
    world_commit(&w);
    assert_int_equal(w.sent.n, 0);
    w.manual = false;
    grant(&w, fra_e1, UUID_A);
    advance(&w, 1000);
    assert_int_equal(w.sent.n, 1);
    world_clear(&w);
}

static void a_page_is_tried_until_accepted(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver(&w, 0, SEND_NOT_SENT, 0);
    advance(&w, 1000);
    assert_int_equal(w.sent.n, 2);
    deliver(&w, 1, SEND_AMBIGUOUS, 0);
    stay(&w, fra_e1, UUID_A, 10000);
    assert_int_equal(w.sent.n, 3);
    assert_non_null(strstr(last_page(&w)->body, "\"possible_duplicate\":\"ambiguous_send\""));
    deliver(&w, 2, SEND_ANSWERED, 200);
    stay(&w, fra_e1, UUID_A, 60000);
    assert_int_equal(w.sent.n, 3);
    assert_true(newest(&w)->marks.v[0].done);
    world_clear(&w);
}

static void refused_by_all_the_next_step_comes_soon(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver(&w, 0, SEND_ANSWERED, 400);
    assert_true(newest(&w)->marks.v[0].failed);
    stay(&w, fra_e1, UUID_A, 30000);
    assert_int_equal(pages_to(&w, "http://lead/"), 1);
    world_clear(&w);
}

/* Two integrations: one that accepts is enough, in either order. */
static void one_integration_of_a_receiver_is_enough(void **state)
{
    static const int answers[][2] = {{200, 400}, {400, 200}};

    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(answers); n++) {
        struct world w;

        begin(&w);
        SAY(&w, fra_e1, UUID_A, .seq = 1, .team = "quiet");
        assert_int_equal(w.sent.n, 2);
        deliver(&w, 0, SEND_ANSWERED, answers[n][0]);
        deliver(&w, 1, SEND_ANSWERED, answers[n][1]);
        assert_true(newest(&w)->marks.v[0].done);
        assert_false(newest(&w)->marks.v[0].failed);
        world_clear(&w);
    }
}

/* Cut off by an ack while under way: when the ack is withdrawn, the page says that it may be known.
 */
static void a_page_cut_off_under_way_may_have_arrived(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    (void)act(&w, newest(&w), "ack", "");
    assert_true(w.sent.v[0].cancelled);
    assert_answer(&w, act(&w, newest(&w), "unack", ""), 200, "");
    assert_int_equal(w.sent.n, 2);
    assert_non_null(strstr(last_page(&w)->body, "ambiguous_send"));
    world_clear(&w);
}

static void a_silence_stops_what_is_tried_again(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver(&w, 0, SEND_NOT_SENT, 0);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .suppressed = "silence:1");
    stay(&w, fra_e1, UUID_A, 30000);
    assert_int_equal(w.sent.n, 1);
    SAY(&w, fra_e1, UUID_A, .seq = 3);
    assert_int_equal(w.sent.n, 2);
    world_clear(&w);
}

static void restart_repeats_nothing_and_forgets_nothing(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver_all(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .fp = 2, .episode = 2, .name = "B");
    world_restart(&w); /* B's page is under way */
    stay(&w, fra_e1, UUID_A, 110000);
    assert_int_equal(w.sent.n, 3);
    assert_non_null(strstr(last_page(&w)->body, "\"possible_duplicate\":\"restart\""));
    assert_non_null(strstr(last_page(&w)->body, "\"B\""));
    deliver(&w, 2, SEND_ANSWERED, 200);
    stay(&w, fra_e1, UUID_A, 20000); /* both go on with their second step */
    assert_int_equal(pages_to(&w, "http://lead/"), 2);
    world_clear(&w);
}

/* A reload that mends the receiver is used by the next attempt; one that removes it fails the
 * target, and the next step follows. */
static void reload_mends_or_removes_a_receiver(void **state)
{
    struct world w;
    struct engine_input in = {.kind = ENGINE_CONFIG};
    static const char mended[] =
        "receivers:\n"
        "- {name: sre, webhook_configs: [{url: 'http://sre/'}]}\n"
        "- {name: pager, webhook_configs: [{url: 'http://new/'}]}\n"
        "teams:\n"
        "- {name: root, escalation_policy: sre, roles: {primary: sre}}\n"
        "- {name: plat, parent: root, owns: ['team=\"plat\"'], roles: {primary: pager}}\n"
        "escalation_policies:\n"
        "- {name: sre, steps: [{notify: [{role: primary}], delay: 5m}]}\n";
    static const char removed[] =
        "receivers: [{name: sre, webhook_configs: [{url: 'http://sre/'}]}]\n"
        "teams: [{name: root, escalation_policy: sre, roles: {primary: sre}}]\n"
        "escalation_policies:\n"
        "- {name: sre, steps: [{notify: [{role: primary}], delay: 5m}]}\n";

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver(&w, 0, SEND_NOT_SENT, 0);
    w.config_text = mended;
    in.global_config = world_config(&w);
    world_step(&w, &in);
    advance(&w, 1000);
    assert_int_equal(pages_to(&w, "http://new/"), 1);
    w.config_text = removed; /* team, receiver and policy */
    in.global_config = world_config(&w);
    world_step(&w, &in);
    deliver(&w, 1, SEND_ANSWERED, 200);
    stay(&w, fra_e1, UUID_A, 300000);
    assert_int_equal(pages_to(&w, "http://sre/"), 1);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .fp = 2, .episode = 2, .name = "B");
    assert_int_equal(pages_to(&w, "http://sre/"), 2);
    world_clear(&w);
}

/* A pager that nobody can send to yet fails at once, so that the next step comes soon. */
static void a_receiver_without_a_sender_fails_at_once(void **state)
{
    struct world w;

    (void)state;
    world_init_config(
        &w, "g1",
        "receivers:\n"
        "- {name: pager, pushover_configs: [{user_key: u, token: t}]}\n"
        "- {name: lead, webhook_configs: [{url: 'http://lead/'}]}\n"
        "teams: [{name: root, escalation_policy: p, roles: {primary: pager, secondary: lead}}]\n"
        "escalation_policies:\n"
        "- {name: p, steps: [{notify: [{role: primary}], delay: 30m}, {notify: [{role: "
        "secondary}]}]}\n");
    grant(&w, fra_e1, UUID_A);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    assert_true(newest(&w)->marks.v[0].failed);
    stay(&w, fra_e1, UUID_A, 60000);
    assert_int_equal(pages_to(&w, "http://lead/"), 1);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_waits_for_the_claims_commit),
        cmocka_unit_test(a_full_or_hanging_disk_stops_no_page),
        cmocka_unit_test(what_ends_before_the_commit_sends_nothing),
        cmocka_unit_test(a_page_is_tried_until_accepted),
        cmocka_unit_test(refused_by_all_the_next_step_comes_soon),
        cmocka_unit_test(one_integration_of_a_receiver_is_enough),
        cmocka_unit_test(a_receiver_without_a_sender_fails_at_once),
        cmocka_unit_test(a_page_cut_off_under_way_may_have_arrived),
        cmocka_unit_test(a_silence_stops_what_is_tried_again),
        cmocka_unit_test(restart_repeats_nothing_and_forgets_nothing),
        cmocka_unit_test(reload_mends_or_removes_a_receiver),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
