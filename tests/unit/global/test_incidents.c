#include "tests/unit/global/incident_world.h"

static void begin(struct world *w)
{
    world_init_config(w, "g1", ONE);
    grant(w, fra_e1, UUID_A);
}

static size_t rows_of(const struct world *w, uint32_t kind)
{
    size_t n = 0;

    for (size_t i = 0; i < w->disk.n; i++)
        n += w->disk.v[i].kind == kind;
    return n;
}

static void sites_merge_and_the_last_one_resolves(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    SAY(&w, ams_e1, UUID_B, .seq = 1);
    assert_int_equal(count(&w), 1);
    assert_int_equal(newest(&w)->sites.n, 2);
    assert_string_equal(newest(&w)->sites.v[0], "ams1");
    SAY(&w, fra_e1, UUID_A, .seq = 2, .state = "resolved");
    assert_string_equal(incident_state(newest(&w)), "triggered");
    SAY(&w, ams_e1, UUID_B, .seq = 2, .state = "resolved");
    assert_string_equal(incident_state(newest(&w)), "resolved");
    world_clear(&w);
}

/* {when it fires again after the resolve, the incidents then} */
static void it_reopens_within_the_window_only(void **state)
{
    static const struct {
        int64_t after_ms;
        size_t incidents;
    } cases[] = {{1000, 1}, {5 * MS_PER_MIN - 1, 1}, {5 * MS_PER_MIN, 2}};

    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        struct world w;

        begin(&w);
        SAY(&w, fra_e1, UUID_A, .seq = 1);
        SAY(&w, fra_e1, UUID_A, .seq = 2, .state = "resolved");
        stay(&w, fra_e1, UUID_A, cases[n].after_ms);
        SAY(&w, fra_e1, UUID_A, .seq = 3, .episode = 3);
        assert_int_equal(count(&w), cases[n].incidents);
        assert_int_equal(newest(&w)->generation, cases[n].incidents);
        assert_false(newest(&w)->resolved);
        world_clear(&w);
    }
}

static void what_was_forced_stays_closed_until_it_fires_anew(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver_all(&w);
    assert_answer(&w, act(&w, newest(&w), "resolve", "{}"), 409, "still fires");
    assert_answer(&w, act(&w, newest(&w), "resolve", "{\"force\":true}"), 200, "true");
    SAY(&w, fra_e1, UUID_A, .seq = 2); /* the same episode, refreshed */
    stay(&w, fra_e1, UUID_A, 600000);
    assert_int_equal(w.sent.n, 1);
    world_restart(&w);
    stay(&w, fra_e1, UUID_A, 600000);
    assert_int_equal(w.sent.n, 1);
    assert_true(newest(&w)->resolved);
    SAY(&w, fra_e1, UUID_A, .seq = 3, .episode = 3);
    tick(&w);
    assert_int_equal(count(&w), 2);
    assert_int_equal(w.sent.n, 2);
    world_clear(&w);
}

static void suppressed_members_page_nobody_and_have_no_severity(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1, .suppressed = "silence:1");
    stay(&w, fra_e1, UUID_A, 60000);
    assert_int_equal(w.sent.n, 0);
    assert_int_equal(incident_severity(real(&w), newest(&w)), SEVERITY_NONE);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .fp = 2, .episode = 2, .severity = "warning");
    tick(&w);
    assert_int_equal(w.sent.n, 1);
    assert_non_null(strstr(last_page(&w)->body, "\"severity\":\"warning\""));
    world_clear(&w);
}

static void a_silent_site_is_an_incident_until_it_is_back(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver_all(&w);
    advance(&w, 89999);
    assert_int_equal(count(&w), 1);
    advance(&w, 1);
    assert_int_equal(count(&w), 2);
    tick(&w);
    assert_int_equal(pages_to(&w, "http://sre/"), 1); /* no duty is needed for it */
    assert_non_null(strstr(last_page(&w)->body, "TocsinSiteSilent"));
    assert_false(TAILQ_FIRST(&real(&w)->incidents->list)->resolved); /* stale, not over */
    deliver_all(&w);
    world_restart(&w);
    advance(&w, 10000);
    assert_int_equal(w.sent.n, 2);
    grant(&w, fra_e1, UUID_A);
    assert_true(newest(&w)->resolved);
    world_clear(&w);
}

static void health(struct world *w, int64_t cert_left_ms)
{
    struct engine_input in = {.kind = ENGINE_HEALTH,
                              .health = {.cert_ends_wall_ms = cert_left_ms == TIME_NEVER
                                                                  ? TIME_NEVER
                                                                  : w->now.wall_ms + cert_left_ms,
                                         .ca_ends_wall_ms = TIME_NEVER,
                                         .crl_ends_wall_ms = TIME_NEVER}};

    world_step(w, &in);
    tick(w);
}

/* Without any site or duty: it is this node's own affair. */
static void a_certificate_that_ends_is_an_incident_of_its_own(void **state)
{
    struct world w;

    (void)state;
    world_init_config(&w, "g1", TWO);
    health(&w, 30 * MS_PER_DAY + 1);
    assert_int_equal(count(&w), 0);
    health(&w, 30 * MS_PER_DAY);
    assert_int_equal(count(&w), 1);
    assert_int_equal(pages_to(&w, "http://sre/"), 1);
    assert_non_null(strstr(last_page(&w)->body, "\"alertname\":\"TocsinCertificateExpiring\""));
    assert_non_null(strstr(last_page(&w)->body, "\"what\":\"certificate\""));
    assert_non_null(strstr(last_page(&w)->body, "\"severity\":\"warning\""));
    deliver_all(&w);
    health(&w, 20 * MS_PER_DAY); /* nothing new */
    assert_int_equal(w.sent.n, 1);
    world_restart(&w);
    health(&w, 8 * MS_PER_DAY);
    assert_int_equal(count(&w), 1);
    assert_int_equal(w.sent.n, 1);
    health(&w, 7 * MS_PER_DAY); /* a higher severity pages again */
    assert_int_equal(count(&w), 1);
    assert_int_equal(w.sent.n, 2);
    assert_non_null(strstr(last_page(&w)->body, "\"severity\":\"critical\""));
    deliver_all(&w);
    assert_answer(&w, act(&w, newest(&w), "resolve", "{\"force\":true}"), 200, "true");
    health(&w, 6 * MS_PER_DAY); /* stays closed */
    assert_int_equal(count(&w), 1);
    assert_true(newest(&w)->resolved);
    health(&w, 365 * MS_PER_DAY); /* renewed */
    health(&w, MS_PER_DAY);
    assert_int_equal(count(&w), 2);
    assert_false(newest(&w)->resolved);
    health(&w, TIME_NEVER);
    assert_true(newest(&w)->resolved);
    world_clear(&w);
}

static void a_lost_incident_is_told_anew(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    deliver_all(&w);
    for (size_t i = 0; i < w.disk.n; i++) {
        if (w.disk.v[i].kind == GLOBAL_ROW_INCIDENT) { /* a damaged row */
            w.disk.v[i].value[w.disk.v[i].value_n - 1] = ' ';
        }
    }
    world_restart(&w);
    assert_int_equal(count(&w), 1);
    stay(&w, fra_e1, UUID_A, 10000);
    assert_int_equal(w.sent.n, 2);
    world_clear(&w);
}

/* A row with a field of a wrong type leaves nothing half made behind. */
static void a_half_readable_row_is_left_out_whole(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .state = "resolved");
    for (size_t i = 0; i < w.disk.n; i++) {
        char *at = w.disk.v[i].kind == GLOBAL_ROW_INCIDENT
                       ? strstr(w.disk.v[i].value, "\"acks\":[]")
                       : NULL;

        if (at != NULL)
            memcpy(at, "\"acks\":77", 9);
    }
    world_restart(&w);
    assert_int_equal(count(&w), 0);
    assert_int_equal(real(&w)->incidents->open_n, 0);
    assert_int_equal(real(&w)->counts.rows_damaged, 5); /* and four entries of its timeline */
    world_clear(&w);
}

static void purge_takes_rows_and_members_along(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .state = "resolved");
    SAY(&w, fra_e1, UUID_A, .seq = 3, .fp = 3, .episode = 3, .name = "B");
    (void)act(&w, newest(&w), "resolve", "{\"force\":true}");
    assert_int_equal(count(&w), 2);
    w.now.wall_ms += 721 * MS_PER_H;
    stay(&w, fra_e1, UUID_A, 11 * MS_PER_MIN);
    assert_int_equal(count(&w), 1); /* B fires still: forgotten, it would page at the next start */
    assert_string_equal(newest(&w)->title, "B");
    assert_int_equal(rows_of(&w, GLOBAL_ROW_INCIDENT), 1);
    assert_int_equal(rows_of(&w, GLOBAL_ROW_MEMBER), 1);
    assert_null(world_member(&w, UUID_A, 1));
    SAY(&w, fra_e1, UUID_A, .seq = 4, .episode = 4);
    assert_int_equal(newest(&w)->generation, 2); /* the name is not used again */
    world_clear(&w);
}

static void the_timeline_is_bounded(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    for (int n = 0; n < 250; n++) {
        assert_answer(&w, act(&w, newest(&w), "ack", "{\"comment\":\"c\"}"), 200, "");
        assert_answer(&w, act(&w, newest(&w), "unack", ""), 200, "");
    }
    assert_int_equal(newest(&w)->timeline.n, INCIDENT_TIMELINE_MAX);
    assert_true(newest(&w)->timeline_dropped > 0);
    assert_true(newest(&w)->acks.n <= INCIDENT_ACKS_MAX); /* revoked ones made room */
    assert_answer(&w, act(&w, newest(&w), "ack", ""), 200, "true");
    assert_true(incident_acked(newest(&w)));
    world_clear(&w);
}

/* Rules changed, and a new episode goes to another incident: the old one does not stay open
 * without anybody in it. */
static void an_incident_that_all_have_left_is_resolved(void **state)
{
    struct world w;
    struct engine_input in = {.kind = ENGINE_CONFIG};

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    w.config_text = RECEIVERS TEAMS POLICIES "rules: [{name: per, mode: per-site}]\n";
    in.global_config = world_config(&w);
    world_step(&w, &in);
    SAY(&w, fra_e1, UUID_A, .seq = 2, .episode = 2);
    assert_int_equal(count(&w), 2);
    assert_int_equal(real(&w)->incidents->open_n, 1);
    world_clear(&w);
}

static void the_list_is_by_age_after_a_restart(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    for (uint64_t n = 1; n <= 8; n++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "N%lu", n);
        SAY(&w, fra_e1, UUID_A, .seq = n, .fp = n, .episode = n, .name = name);
        advance(&w, 1000);
    }
    world_restart(&w);
    assert_string_equal(newest(&w)->title, "N8");
    assert_string_equal(TAILQ_FIRST(&real(&w)->incidents->list)->title, "N1");
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites_merge_and_the_last_one_resolves),
        cmocka_unit_test(it_reopens_within_the_window_only),
        cmocka_unit_test(what_was_forced_stays_closed_until_it_fires_anew),
        cmocka_unit_test(suppressed_members_page_nobody_and_have_no_severity),
        cmocka_unit_test(a_certificate_that_ends_is_an_incident_of_its_own),
        cmocka_unit_test(a_silent_site_is_an_incident_until_it_is_back),
        cmocka_unit_test(a_lost_incident_is_told_anew),
        cmocka_unit_test(a_half_readable_row_is_left_out_whole),
        cmocka_unit_test(purge_takes_rows_and_members_along),
        cmocka_unit_test(the_timeline_is_bounded),
        cmocka_unit_test(an_incident_that_all_have_left_is_resolved),
        cmocka_unit_test(the_list_is_by_age_after_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
