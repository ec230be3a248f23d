/* What mutes, through the engine: silences, inhibition and time intervals, in virtual time. */
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG_PLAIN \
    "route: {receiver: team, group_by: [alertname], group_wait: 1s, group_interval: 1s, " \
    "repeat_interval: 1m}\n" \
    "receivers:\n" \
    "- {name: team, webhook_configs: [{url: 'http://team.example/hook'}]}\n"

#define ALERT(name) \
    "[{\"labels\":{\"alertname\":\"" name "\",\"job\":\"j\"},\"endsAt\":\"2026-02-01T00:00:00Z\"}" \
    "]"
#define RESOLVED(name) \
    "[{\"labels\":{\"alertname\":\"" name \
    "\",\"job\":\"j\"},\"startsAt\":\"2026-01-01T00:00:00Z\"," \
    "\"endsAt\":\"2026-01-01T00:00:00.001Z\"}]"
#define SILENCE(matcher, starts, ends) \
    "{\"matchers\":[" matcher "],\"startsAt\":\"" starts "\",\"endsAt\":\"" ends "\"," \
    "\"createdBy\":\"me\",\"comment\":\"why\"}"
#define NAMED(name) "{\"name\":\"alertname\",\"value\":\"" name "\",\"isRegex\":false}"
#define NOW_ "2026-01-01T00:00:00Z"

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        print_error("wanted: %s\nin: %s\n", part, text);
    assert_non_null(strstr(text, part));
}

static const struct driver_reply *ask(struct driver *d, const char *method, const char *path,
                                      const char *query, const char *body)
{
    uint64_t id = driver_request(d, method, path, query, body);
    const struct driver_reply *r = driver_reply(d, id);

    assert_non_null(r);
    return r;
}

/* Posts a silence, which must be taken; its id. */
static const char *silence(struct driver *d, const char *body, char ret[37])
{
    const struct driver_reply *r = ask(d, "POST", "/api/v2/silences", "", body);
    const char *id;

    if (r->status != 200)
        print_error("%s\n", r->body.p);
    assert_int_equal(r->status, 200);
    id = strstr(r->body.p, "\"silenceID\":\"");
    assert_non_null(id);
    memcpy(ret, id + strlen("\"silenceID\":\""), 36);
    ret[36] = '\0';
    return ret;
}

static int expire(struct driver *d, const char *id)
{
    char path[80];

    (void)snprintf(path, sizeof(path), "/api/v2/silence/%s", id);
    return ask(d, "DELETE", path, "", "")->status;
}

static size_t accept_all(struct driver *d)
{
    size_t n = 0;

    while (driver_open_sends(d) > 0) {
        driver_deliver(d, driver_open_send(d, 0)->id, 200);
        n++;
    }
    return n;
}

static void an_active_silence_mutes_and_the_list_says_so(void **state)
{
    struct driver d;
    char id[37], want[120];
    const struct driver_reply *r;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    silence(&d, SILENCE(NAMED("A"), NOW_, "2026-01-01T01:00:00Z"), id);
    assert_int_equal(edge_post(&d, ALERT("A")), 200);
    assert_int_equal(edge_post(&d, ALERT("B")), 200);
    r = ask(&d, "GET", "/api/v2/alerts", "filter=alertname%3D%22A%22", "");
    (void)snprintf(want, sizeof(want),
                   "\"mutedBy\":[],\"silencedBy\":[\"%s\"],\"state\":\"suppressed\"", id);
    assert_contains(r->body.p, want);
    r = ask(&d, "GET", "/api/v2/alerts", "silenced=false", "");
    assert_null(strstr(r->body.p, "\"alertname\":\"A\""));
    assert_contains(r->body.p, "\"alertname\":\"B\"");
    r = ask(&d, "GET", "/api/v2/alerts", "active=false", "");
    assert_contains(r->body.p, "\"alertname\":\"A\"");
    assert_null(strstr(r->body.p, "\"alertname\":\"B\""));
    driver_advance(&d, 1000);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"alertname\":\"B\"");
    assert_int_equal(driver_ledger_count(&d, LEDGER_SUPPRESSED), 1);
    accept_all(&d);
    r = ask(&d, "GET", "/metrics", "", "");
    assert_contains(r->body.p, "alertmanager_notifications_suppressed_total{reason=\"silence\"} 1");
    assert_contains(r->body.p, "alertmanager_alerts{state=\"suppressed\"} 1");
    assert_contains(r->body.p, "alertmanager_alerts{state=\"active\"} 1");
    assert_contains(r->body.p, "alertmanager_silences{state=\"active\"} 1");
    edge_teardown(&d);
}

static void a_silence_that_ends_lets_the_next_flush_tell(void **state)
{
    struct driver d;
    char id[37];

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    silence(&d, SILENCE(NAMED("A"), NOW_, "2026-01-01T00:00:10Z"), id);
    edge_post(&d, ALERT("A"));
    driver_advance(&d, 9999);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1); /* the flush of this very instant: `ends` is exclusive */
    assert_int_equal(accept_all(&d), 1);
    edge_teardown(&d);
}

static void expiring_a_silence_by_hand_ends_it(void **state)
{
    struct driver d;
    char id[37];

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    silence(&d, SILENCE(NAMED("A"), NOW_, "2026-01-01T01:00:00Z"), id);
    edge_post(&d, ALERT("A"));
    driver_advance(&d, 2500);
    assert_int_equal(driver_open_sends(&d), 0);
    assert_int_equal(expire(&d, id), 200);
    assert_int_equal(expire(&d, id), 200); /* once more is no mistake */
    driver_advance(&d, 499);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_int_equal(accept_all(&d), 1);
    assert_contains(ask(&d, "GET", "/api/v2/silences", "", "")->body.p, "\"state\":\"expired\"");
    assert_string_equal(ask(&d, "GET", "/api/v2/silences", "expired=false", "")->body.p, "[]\n");
    edge_teardown(&d);
}

static void the_answer_waits_for_the_disk(void **state)
{
    struct driver d;
    uint64_t id;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    d.manual_store = true;
    id = driver_request(&d, "POST", "/api/v2/silences", "",
                        SILENCE(NAMED("A"), NOW_, "2026-01-01T01:00:00Z"));
    assert_null(driver_reply(&d, id));
    edge_post(&d, ALERT("A")); /* it mutes all the same: people may wait, alerts do not */
    driver_advance(&d, 1000);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(driver_reply(&d, id)->status, 200);
    id = driver_request(&d, "POST", "/api/v2/silences", "",
                        SILENCE(NAMED("B"), NOW_, "2026-01-01T01:00:00Z"));
    driver_stored(&d, d.txn, STORE_FULL);
    assert_int_equal(driver_reply(&d, id)->status, 503);
    edge_teardown(&d);
}

static void silences_survive_a_restart(void **state)
{
    struct driver d;
    char id[37], pending[37];
    const struct driver_reply *r;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    silence(&d, SILENCE(NAMED("A"), NOW_, "2026-01-01T00:01:00Z"), id);
    silence(&d, SILENCE(NAMED("B"), "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"), pending);
    edge_restart(&d, CONFIG_PLAIN, NULL);
    r = ask(&d, "GET", "/api/v2/silences", "", "");
    assert_contains(r->body.p, id);
    assert_contains(r->body.p, pending);
    edge_post(&d, ALERT("A"));
    edge_post(&d, ALERT("B"));
    driver_advance(&d, 1000);
    assert_int_equal(accept_all(&d), 1); /* B, whose silence is pending */
    driver_advance(&d, 59 * MS_PER_S);
    assert_int_equal(accept_all(&d), 1); /* A, at the end of its silence */
    edge_teardown(&d);
}

static void a_silence_is_forgotten_when_its_retention_has_passed(void **state)
{
    struct driver d;
    char id[37];
    size_t rows;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    rows = d.rows.n;
    silence(&d, SILENCE(NAMED("A"), NOW_, "2026-01-01T01:00:00Z"), id);
    assert_int_equal(d.rows.n, rows + 1);
    driver_advance(&d, 121 * MS_PER_H - 1);
    assert_int_equal(d.rows.n, rows + 1);
    driver_advance(&d, 1);
    assert_int_equal(d.rows.n, rows);
    assert_string_equal(ask(&d, "GET", "/api/v2/silences", "", "")->body.p, "[]\n");
    /* One whose time passes while the edge is down goes at the next start. */
    silence(&d, SILENCE(NAMED("A"), "2026-01-06T01:00:00Z", "2026-01-06T02:00:00Z"), id);
    d.now.wall_ms += 200 * MS_PER_H;
    edge_restart(&d, CONFIG_PLAIN, NULL);
    assert_int_equal(d.rows.n, rows);
    edge_teardown(&d);
}

static void the_api_refuses_in_alertmanagers_words(void **state)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *answer;
    } cases[] = {
        {"POST", "/api/v2/silences", SILENCE(NAMED("A"), NOW_, NOW_), 400,
         "\"Failed to create silence: start time must be before end time\"\n"},
        {"POST", "/api/v2/silences",
         SILENCE(NAMED("A"), "2025-01-01T00:00:00Z", "2025-12-31T00:00:00Z"), 400,
         "\"Failed to create silence: end time can't be in the past\"\n"},
        {"POST", "/api/v2/silences", SILENCE(NAMED(""), NOW_, "2026-01-02T00:00:00Z"), 400,
         "\"invalid silence: matcher set 0: at least one matcher must not match the empty "
         "string\"\n"},
        {"POST", "/api/v2/silences", SILENCE("", NOW_, "2026-01-02T00:00:00Z"), 422,
         "{\"code\":612,\"message\":\"matchers in body should have at least 1 items\"}\n"},
        {"POST", "/api/v2/silences",
         "{\"id\":\"0a0a0a0a-0000-4000-8000-000000000000\",\"matchers\":[" NAMED(
             "A") "],\"startsAt\":\"" NOW_ "\",\"endsAt\":\"2026-01-02T00:00:00Z\","
                  "\"createdBy\":\"\",\"comment\":\"\"}",
         404, "\"silence not found\"\n"},
        {"GET", "/api/v2/silence/0a0a0a0a-0000-4000-8000-000000000000", "", 404, ""},
        {"DELETE", "/api/v2/silence/0a0a0a0a-0000-4000-8000-000000000000", "", 404, ""},
        {"GET", "/api/v2/silence/x", "", 422,
         "{\"code\":601,\"message\":\"silenceID in path must be of type uuid: \\\"x\\\"\"}\n"},
        {"PUT", "/api/v2/silences", "", 405,
         "{\"code\":405,\"message\":\"method PUT is not allowed, but [GET,POST] are\"}\n"},
        {"GET", "/api/v2/silence/", "", 404,
         "{\"code\":404,\"message\":\"path /api/v2/silence/ was not found\"}\n"},
    };
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct driver_reply *r = ask(&d, cases[i].method, cases[i].path, "", cases[i].body);

        assert_int_equal(r->status, cases[i].status);
        assert_string_equal(r->body.p != NULL ? r->body.p : "", cases[i].answer);
    }
    edge_teardown(&d);
}

/* The disk loses everything. */
static void forget_rows(struct driver *d)
{
    for (size_t i = 0; i < d->rows.n; i++) {
        free(d->rows.v[i].key.p);
        free(d->rows.v[i].value.p);
    }
    d->rows.n = 0;
}

static void a_refused_row_is_put_again(void **state)
{
    struct driver d;
    size_t rows;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    d.manual_store = true;
    driver_request(&d, "POST", "/api/v2/silences", "",
                   SILENCE(NAMED("A"), NOW_, "2026-01-02T00:00:00Z"));
    rows = d.rows.n;
    assert_int_equal(rows, 1);
    forget_rows(&d);
    driver_stored(&d, d.txn, STORE_FULL);
    assert_int_equal(d.rows.n, 0);
    driver_stored(&d, d.txn, STORE_OK);
    assert_int_equal(d.rows.n, rows);
    edge_restart(&d, CONFIG_PLAIN, NULL);
    assert_contains(ask(&d, "GET", "/api/v2/silences", "", "")->body.p, "\"value\":\"A\"");
    edge_teardown(&d);
}

/* As Alertmanager by default: the team that was told of the firing never hears of the end. */
static void an_end_that_is_muted_is_forgotten_unless_it_is_kept(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct driver d;
        char id[37];

        edge_setup_options.keep_muted_resolved = keep == 1;
        edge_setup(&d, CONFIG_PLAIN, NULL);
        edge_post(&d, ALERT("A"));
        driver_advance(&d, 1000);
        assert_int_equal(accept_all(&d), 1);
        silence(&d, SILENCE(NAMED("A"), NOW_, "2026-01-01T00:10:00Z"), id);
        edge_post(&d, RESOLVED("A"));
        driver_advance(&d, 60 * MS_PER_S);
        assert_int_equal(driver_open_sends(&d), 0);
        edge_restart(&d, CONFIG_PLAIN, NULL);
        driver_advance(&d, 60 * MS_PER_S);
        assert_int_equal(expire(&d, id), 200);
        driver_advance(&d, 60 * MS_PER_S);
        assert_int_equal(driver_open_sends(&d), keep);
        if (keep == 1)
            assert_contains(driver_open_send(&d, 0)->body.p, "all alerts resolved");
        edge_teardown(&d);
    }
    edge_setup_options.keep_muted_resolved = false;
}

static void a_long_list_comes_in_slices(void **state)
{
    struct driver d;
    const char *at;
    char id[37], body[700];
    uint64_t request;
    size_t found = 0;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    for (int i = 0; i < 700; i++) {
        (void)snprintf(body, sizeof(body),
                       "{\"matchers\":[{\"name\":\"alertname\",\"value\":\"N%d\",\"isRegex\":"
                       "false}],\"startsAt\":\"" NOW_ "\",\"endsAt\":\"2026-01-02T00:00:00Z\","
                       "\"createdBy\":\"me\",\"comment\":\"%0300d\"}",
                       i, i);
        silence(&d, body, id);
    }
    request = driver_request(&d, "GET", "/api/v2/silences", "", "");
    assert_true(driver_reply(&d, request)->more);
    assert_int_equal(expire(&d, id), 200); /* still listed, as what it is now */
    driver_more(&d, request);
    assert_false(driver_reply(&d, request)->more);
    at = driver_reply(&d, request)->body.p;
    assert_int_equal(at[0], '[');
    assert_non_null(strstr(at, "}]\n"));
    assert_null(strstr(at, "}{"));
    while ((at = strstr(at, "\"updatedAt\"")) != NULL) {
        found++;
        at++;
    }
    assert_int_equal(found, 700);
    request =
        driver_request(&d, "GET", "/api/v2/silences", "", ""); /* whose client never comes back */
    assert_true(driver_reply(&d, request)->more);
    edge_teardown(&d);
}

/* ---- inhibition ---- */

#define CONFIG_INHIBIT \
    "route: {receiver: team, group_by: [alertname], group_wait: 1s, group_interval: 1s, " \
    "repeat_interval: 1m}\n" \
    "inhibit_rules:\n" \
    "- source_matchers: [alertname = JobDown]\n" \
    "  target_matchers: [alertname = InstanceDown]\n" \
    "  equal: [job]\n" \
    "receivers:\n" \
    "- {name: team, webhook_configs: [{url: 'http://team.example/hook'}]}\n"
#define OF(name, job, zone) \
    "[{\"labels\":{\"alertname\":\"" name "\",\"job\":\"" job "\",\"zone\":\"" zone \
    "\"},\"endsAt\":\"2026-02-01T00:00:00Z\"}]"
#define ENDED(name, job, zone) \
    "[{\"labels\":{\"alertname\":\"" name "\",\"job\":\"" job "\",\"zone\":\"" zone \
    "\"},\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"2026-01-01T00:00:00Z\"}]"

static void a_source_inhibits_its_targets_until_its_end(void **state)
{
    struct driver d;
    const struct driver_reply *r;

    (void)state;
    edge_setup(&d, CONFIG_INHIBIT, NULL);
    edge_post(&d, OF("JobDown", "j1", "aa"));
    edge_post(&d, OF("InstanceDown", "j1", "aa"));
    edge_post(&d, OF("InstanceDown", "j2", "aa"));
    driver_advance(&d, 1000);
    assert_int_equal(driver_open_sends(&d), 2); /* JobDown; InstanceDown of j2 */
    assert_null(strstr(driver_open_send(&d, 1)->body.p, "\"job\":\"j1\",\"zone\":\"aa\"},\"ann"));
    accept_all(&d);
    r = ask(&d, "GET", "/api/v2/alerts", "filter=job%3Dj1&active=false", "");
    assert_contains(r->body.p, "\"inhibitedBy\":[\"");
    assert_contains(r->body.p, "\"state\":\"suppressed\"");
    assert_null(strstr(ask(&d, "GET", "/api/v2/alerts", "inhibited=false", "")->body.p,
                       "\"alertname\":\"InstanceDown\",\"job\":\"j1\""));
    driver_advance(&d, 500);
    edge_post(&d, ENDED("JobDown", "j1", "aa"));
    driver_advance(&d, 499);
    assert_int_equal(driver_open_sends(&d), 0);
    driver_advance(&d, 1);
    assert_int_equal(driver_open_sends(&d), 2);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"status\":\"resolved\"");
    assert_contains(driver_open_send(&d, 1)->body.p, "new alerts added");
    edge_teardown(&d);
}

static void two_sources_hold_what_one_of_them_would(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_INHIBIT, NULL);
    edge_post(&d, OF("JobDown", "j1", "aa"));
    edge_post(&d, OF("JobDown", "j1", "bb"));
    edge_post(&d, OF("InstanceDown", "j1", "cc"));
    driver_advance(&d, 1000);
    assert_int_equal(accept_all(&d), 1);
    edge_post(&d, ENDED("JobDown", "j1", "aa"));
    driver_advance(&d, 1000);
    assert_int_equal(accept_all(&d), 1);
    driver_advance(&d, 10 * MS_PER_S);
    assert_int_equal(driver_open_sends(&d), 0);
    edge_post(&d, ENDED("JobDown", "j1", "bb"));
    driver_advance(&d, 1000);
    assert_int_equal(accept_all(&d), 2);
    edge_teardown(&d);
}

/* Both end at the same time: the target was never told, so its end is not either. */
static void what_was_inhibited_all_along_is_not_told_as_resolved(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_INHIBIT, NULL);
    edge_post(&d, OF("JobDown", "j1", "aa"));
    edge_post(&d, OF("InstanceDown", "j1", "aa"));
    driver_advance(&d, 2500);
    assert_int_equal(accept_all(&d), 1);
    edge_post(&d, ENDED("JobDown", "j1", "aa"));
    edge_post(&d, ENDED("InstanceDown", "j1", "aa"));
    driver_advance(&d, 10 * MS_PER_S);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"alertname\":\"JobDown\"");
    edge_teardown(&d);
}

static void a_reload_knows_its_sources_before_it_tells(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG_PLAIN, NULL);
    edge_post(&d, OF("JobDown", "j1", "aa"));
    edge_post(&d, OF("InstanceDown", "j1", "aa"));
    driver_advance(&d, 999);
    edge_reconfigure(&d, CONFIG_INHIBIT, NULL);
    driver_advance(&d, 1);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"alertname\":\"JobDown\"");
    edge_teardown(&d);
}

/* ---- time intervals ---- */

#define CONFIG_INTERVALS \
    "route:\n" \
    "  receiver: team\n" \
    "  group_by: [alertname]\n" \
    "  group_wait: 1s\n" \
    "  group_interval: 1m\n" \
    "  routes:\n" \
    "  - {matchers: [alertname = Muted], mute_time_intervals: [early]}\n" \
    "  - {matchers: [alertname = Active], active_time_intervals: [early]}\n" \
    "time_intervals:\n" \
    "- name: early\n" \
    "  time_intervals: [{times: [{start_time: '00:00', end_time: '00:10'}]}]\n" \
    "receivers:\n" \
    "- {name: team, webhook_configs: [{url: 'http://team.example/hook'}]}\n"

static void intervals_mute_groups_by_the_time_of_the_flush(void **state)
{
    struct driver d;
    const struct driver_reply *r;

    (void)state;
    edge_setup(&d, CONFIG_INTERVALS, NULL);
    edge_post(&d, OF("Muted", "j", "aa"));
    edge_post(&d, OF("Active", "j", "aa"));
    driver_advance(&d, 1000);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"alertname\":\"Active\"");
    accept_all(&d);
    r = ask(&d, "GET", "/metrics", "", "");
    assert_contains(r->body.p,
                    "alertmanager_notifications_suppressed_total{reason=\"mute_time_interval\"} 1");
    assert_contains(r->body.p, "alertmanager_alerts{state=\"suppressed\"} 1");
    driver_advance(&d, 9 * MS_PER_MIN); /* 00:09:01 */
    assert_int_equal(driver_open_sends(&d), 0);
    edge_post(&d, OF("Active", "j", "bb")); /* is not told: at 00:10:01 its route is not active */
    driver_advance(&d, MS_PER_MIN);
    assert_int_equal(driver_open_sends(&d), 1);
    assert_contains(driver_open_send(&d, 0)->body.p, "\"alertname\":\"Muted\"");
    accept_all(&d);
    r = ask(&d, "GET", "/metrics", "", "");
    assert_contains(
        r->body.p,
        "alertmanager_notifications_suppressed_total{reason=\"active_time_interval\"} 2");
    assert_contains(r->body.p, "alertmanager_alerts{state=\"suppressed\"} 2");
    edge_teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_active_silence_mutes_and_the_list_says_so),
        cmocka_unit_test(a_silence_that_ends_lets_the_next_flush_tell),
        cmocka_unit_test(expiring_a_silence_by_hand_ends_it),
        cmocka_unit_test(the_answer_waits_for_the_disk),
        cmocka_unit_test(silences_survive_a_restart),
        cmocka_unit_test(a_silence_is_forgotten_when_its_retention_has_passed),
        cmocka_unit_test(the_api_refuses_in_alertmanagers_words),
        cmocka_unit_test(a_refused_row_is_put_again),
        cmocka_unit_test(an_end_that_is_muted_is_forgotten_unless_it_is_kept),
        cmocka_unit_test(a_long_list_comes_in_slices),
        cmocka_unit_test(a_source_inhibits_its_targets_until_its_end),
        cmocka_unit_test(two_sources_hold_what_one_of_them_would),
        cmocka_unit_test(what_was_inhibited_all_along_is_not_told_as_resolved),
        cmocka_unit_test(a_reload_knows_its_sources_before_it_tells),
        cmocka_unit_test(intervals_mute_groups_by_the_time_of_the_flush),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
