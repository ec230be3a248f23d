#include "tests/unit/global/incident_world.h"

/* fra1 grants g1; A fires there. */
static void begin(struct world *w, const char *config)
{
    world_init_config(w, "g1", config);
    grant(w, fra_e1, UUID_A);
}

static void steps_rounds_and_root_follow_the_policy(void **state)
{
    struct world w;

    (void)state;
    begin(&w, ONE);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    assert_int_equal(pages_to(&w, "http://pager/"), 1);
    deliver_all(&w);
    stay(&w, fra_e1, UUID_A, 119000);
    assert_int_equal(w.sent.n, 1);
    stay(&w, fra_e1, UUID_A, 1000); /* secondary, chat and, beside them, the parent's first */
    assert_int_equal(w.sent.n, 4);
    assert_int_equal(pages_to(&w, "http://lead/"), 1);
    assert_int_equal(pages_to(&w, "http://chat/"), 1);
    assert_int_equal(pages_to(&w, "http://sre/"), 1);
    deliver_all(&w);
    stay(&w, fra_e1, UUID_A, 180000); /* round 2 */
    assert_int_equal(pages_to(&w, "http://pager/"), 2);
    deliver_all(&w);
    stay(&w, fra_e1, UUID_A, 120000);
    deliver_all(&w);
    stay(&w, fra_e1, UUID_A, 180000); /* exhausted: root's policy, for ever */
    assert_int_equal(newest(&w)->at.phase, 1);
    assert_int_equal(pages_to(&w, "http://sre/"), 3);
    deliver_all(&w);
    stay(&w, fra_e1, UUID_A, 900000);
    assert_true(newest(&w)->at.round >= 2);
    assert_null(newest(&w)->terminal);
    world_clear(&w);
}

static void on_exhausted_stop_records_why(void **state)
{
    struct world w;

    (void)state;
    begin(&w, ONE);
    SAY(&w, fra_e1, UUID_A, .seq = 1, .team = "quiet");
    deliver_all(&w);
    stay(&w, fra_e1, UUID_A, 600000);
    assert_int_equal(w.sent.n, 2); /* the pair, once */
    assert_non_null(newest(&w)->terminal);
    assert_int_equal(w.ledger[LEDGER_TERMINAL], 1);
    world_clear(&w);
}

static void an_ack_ends_steps_and_lapses(void **state)
{
    struct world w;

    (void)state;
    begin(&w, ONE);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver_all(&w);
    assert_answer(&w, act(&w, newest(&w), "ack", ""), 200, "\"effective\":true");
    w.now.wall_ms += MS_PER_DAY; /* no wall clock ends an ack */
    stay(&w, fra_e1, UUID_A, 20 * MS_PER_MIN - 1000);
    assert_int_equal(w.sent.n, 1);
    stay(&w, fra_e1, UUID_A, 1000); /* ack_timeout */
    assert_int_equal(w.sent.n, 4);
    assert_int_equal(newest(&w)->acks.v[0].revoked, true);
    world_clear(&w);
}

static void unack_goes_on_at_once(void **state)
{
    struct world w;

    (void)state;
    begin(&w, ONE);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver_all(&w);
    (void)act(&w, newest(&w), "ack", "");
    stay(&w, fra_e1, UUID_A, 300000);
    assert_answer(&w, act(&w, newest(&w), "unack", ""), 200, "effective");
    tick(&w);
    assert_int_equal(pages_to(&w, "http://lead/"), 1);
    assert_int_equal(pages_to(&w, "http://pager/"), 1);
    assert_answer(&w, act(&w, newest(&w), "unack", ""), 409, "triggered");
    world_clear(&w);
}

/* The second of two nodes, in the last seconds of its term, with a step that the first has not
 * claimed: it must neither send nor spin. */
static void the_end_of_a_term_stops_a_takeover(void **state)
{
    struct world w;
    struct str winner;

    (void)state;
    for (uint64_t fp = 1; fp < 30; fp++) { /* until g2 comes first for the incident */
        char name[16];

        world_init_config(&w, "g1", TWO);
        grant(&w, fra_e1, UUID_A);
        beat_holder(&w, ams_e1, UUID_B, "g2");
        advance(&w, 20000);
        beat_holder(&w, ams_e1, UUID_B, "g2");
        (void)snprintf(name, sizeof(name), "N%lu", fp);
        SAY(&w, ams_e1, UUID_B, .seq = 1, .fp = fp, .name = name);
        SAY(&w, fra_e1, UUID_A, .seq = 1, .fp = fp, .name = name);
        if (escalate_pager(real(&w), newest(&w), &winner) == PAGER_OTHER)
            break;
        world_clear(&w);
    }
    assert_int_equal(w.sent.n, 0);
    advance(&w, 7000); /* due for a takeover, 3 s of the term are left */
    assert_int_equal(w.sent.n, 0);
    grant(&w, fra_e1, UUID_A);
    advance(&w, 1000);
    assert_int_equal(w.sent.n, 1);
    assert_non_null(strstr(last_page(&w)->body, "\"possible_duplicate\":\"takeover\""));
    world_clear(&w);
}

/* Edges of one site that grant different nodes: each may page, so both say that they may. */
static void a_split_site_marks_its_pages(void **state)
{
    struct world w;

    (void)state;
    for (uint64_t fp = 1, split = 0; split < 2; fp++) { /* until this node comes first, twice */
        char name[16];

        world_init_config(&w, "g1", TWO);
        grant(&w, fra_e1, UUID_A);
        (void)world_beat(&w, fra_e1, UUID_A, 0, ",\"globals\":[{\"name\":\"g2\",\"heard_ms\":9}]");
        if (split)
            beat_holder(&w, fra_e2, UUID_B, "g2");
        else
            grant(&w, fra_e2, UUID_B);
        (void)snprintf(name, sizeof(name), "N%lu", fp);
        SAY(&w, fra_e1, UUID_A, .seq = 1, .fp = fp, .name = name);
        tick(&w);
        if (w.sent.n > 0) {
            assert_non_null(strstr(last_page(&w)->body, split
                                                            ? "\"possible_duplicate\":\"dc_split\""
                                                            : "\"possible_duplicate\":\"\""));
            split++;
        }
        world_clear(&w);
    }
}

/* An old due time that comes back gives the first node its five seconds, too. */
static void a_silence_that_ends_is_no_takeover(void **state)
{
    struct world w;
    struct str winner;
    uint64_t fp;

    (void)state;
    for (fp = 1; fp < 30; fp++) {
        char name[16];

        world_init_config(&w, "g1", TWO);
        (void)snprintf(name, sizeof(name), "N%lu", fp);
        grant(&w, fra_e1, UUID_A);
        beat_holder(&w, ams_e1, UUID_B, "g2");
        SAY(&w, ams_e1, UUID_B, .seq = 1, .fp = fp, .name = name, .suppressed = "silence:1");
        SAY(&w, fra_e1, UUID_A, .seq = 1, .fp = fp, .name = name, .suppressed = "silence:1");
        stay(&w, fra_e1, UUID_A, 60000);
        beat_holder(&w, ams_e1, UUID_B, "g2");
        grant(&w, fra_e1, UUID_A);
        assert_int_equal(w.sent.n, 0);
        SAY(&w, ams_e1, UUID_B, .seq = 2, .fp = fp, .name = name);
        SAY(&w, fra_e1, UUID_A, .seq = 2, .fp = fp, .name = name);
        if (escalate_pager(real(&w), newest(&w), &winner) == PAGER_OTHER)
            break;
        world_clear(&w);
    }
    advance(&w, 4999);
    assert_int_equal(w.sent.n, 0);
    advance(&w, 1);
    assert_int_equal(w.sent.n, 1);
    world_clear(&w);
}

static void no_duty_no_page_and_none_forgotten(void **state)
{
    struct world w;

    (void)state;
    world_init_config(&w, "g1", ONE);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    advance(&w, 60000);
    assert_int_equal(w.sent.n, 0);
    grant(&w, fra_e1, UUID_A);
    tick(&w);
    assert_int_equal(w.sent.n, 1);
    world_clear(&w);
}

/* A site's silence needs no grant: what became of it while this node was down is for the edges to
 * tell first. */
static void a_node_that_starts_hears_before_it_pages_for_a_site(void **state)
{
    struct world w;

    (void)state;
    world_init_config(&w, "g1", TWO);
    (void)world_beat(&w, ams_e1, UUID_B, 0, "");
    stay(&w, fra_e1, UUID_A, 90000);
    tick(&w);
    assert_int_equal(pages_to(&w, "http://sre/"), 1);
    assert_non_null(strstr(last_page(&w)->body, "TocsinSiteSilent"));
    deliver_all(&w);
    w.now.mono_ms += 6 * MS_PER_MIN; /* down; the second round is due by now */
    w.now.wall_ms += 6 * MS_PER_MIN;
    world_restart(&w);
    advance(&w, 29999);
    assert_int_equal(w.sent.n, 1);
    advance(&w, DUTY_RECHECK_MS);
    assert_int_equal(w.sent.n, 2);
    world_clear(&w);
}

static void a_higher_severity_and_each_threshold_page_once(void **state)
{
    struct world w;
    static const struct peer lon = {"lon1", "e1"};

    (void)state;
    begin(&w, ONE);
    SAY(&w, fra_e1, UUID_A, .seq = 1, .name = "Wide", .severity = "warning");
    deliver_all(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .fp = 2, .episode = 2, .name = "Wide", .severity = "error");
    assert_int_equal(w.sent.n, 2);
    assert_non_null(strstr(last_page(&w)->body, "\"reason\":\"severity\""));
    deliver_all(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 3, .fp = 3, .episode = 3, .name = "Wide");
    assert_int_equal(w.sent.n, 3); /* a second rise within the step is a page of its own */
    assert_non_null(strstr(last_page(&w)->body, "\"reason\":\"severity:critical\""));
    deliver_all(&w);
    SAY(&w, ams_e1, UUID_B, .seq = 1, .name = "Wide");
    assert_int_equal(w.sent.n, 4);
    assert_non_null(strstr(last_page(&w)->body, "\"reason\":\"threshold\""));
    deliver_all(&w);
    SAY(&w, lon, UUID_C, .seq = 1, .name = "Wide");
    assert_int_equal(w.sent.n, 5);
    assert_non_null(strstr(last_page(&w)->body, "\"reason\":\"threshold:3\""));
    deliver_all(&w);
    SAY(&w, lon, UUID_C, .seq = 2, .fp = 9, .episode = 2, .name = "Wide");
    assert_int_equal(w.sent.n, 5);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_rounds_and_root_follow_the_policy),
        cmocka_unit_test(on_exhausted_stop_records_why),
        cmocka_unit_test(an_ack_ends_steps_and_lapses),
        cmocka_unit_test(unack_goes_on_at_once),
        cmocka_unit_test(the_end_of_a_term_stops_a_takeover),
        cmocka_unit_test(a_split_site_marks_its_pages),
        cmocka_unit_test(a_silence_that_ends_is_no_takeover),
        cmocka_unit_test(no_duty_no_page_and_none_forgotten),
        cmocka_unit_test(a_node_that_starts_hears_before_it_pages_for_a_site),
        cmocka_unit_test(a_higher_severity_and_each_threshold_page_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
