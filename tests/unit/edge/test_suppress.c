/* What the uplink is told of muting: transitions of forwarded alerts, with their cause. */
#include "edge/core/edge_internal.h"
#include "edge/core/suppress.h"
#include "edge/core/uplink.h"
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG_OF(more) \
    "route:\n" \
    "  receiver: team\n" \
    "  group_by: [alertname]\n" \
    "  routes:\n" \
    "  - {matchers: [team = night], mute_time_intervals: [early]}\n" \
    "time_intervals:\n" \
    "- {name: early, time_intervals: [{times: [{start_time: '00:05', end_time: '00:10'}]}]}\n" \
    "inhibit_rules:\n" \
    "- {source_matchers: [alertname = Root], target_matchers: [severity = critical], equal: " \
    "[dc]}\n" \
    "receivers: [{name: team, webhook_configs: [{url: 'http://team.example/'}]}]\n" more
#define CONFIG CONFIG_OF("")
#define FEDERATION \
    "version: 1\n" \
    "site: fra1\n" \
    "uplink:\n" \
    "  trust_domain: example.org\n" \
    "  tls: {cert_file: edge.pem, key_file: edge.key, ca_file: ca.pem}\n" \
    "  globals: [{name: g1, url: 'https://g1:9195'}]\n"
#define ALERT(name, rest) \
    "{\"labels\":{\"alertname\":\"" name "\",\"dc\":\"d\"" rest \
    "},\"endsAt\":\"2026-02-01T00:00:00Z\"}"
#define CRITICAL ",\"severity\":\"critical\""
#define ENDED(name) \
    "[{\"labels\":{\"alertname\":\"" name \
    "\",\"dc\":\"d\"},\"startsAt\":\"2026-01-01T00:00:00Z\"," \
    "\"endsAt\":\"2026-01-01T00:00:00Z\"}]"

static const struct alert *find(struct driver *d, const char *name)
{
    const struct edge *e = edge_of(d->engine);
    const struct alert *a = alerts_from(e->alerts, 0);

    while (a != NULL && !str_eq_c(alert_label(a, STR("alertname")), name))
        a = alerts_from(e->alerts, a->fp + 1);
    assert_non_null(a);
    return a;
}

/* What the newest row says of the alert. */
static void assert_told(struct driver *d, const char *name, const char *reason, const char *cause)
{
    const struct edge *e = edge_of(d->engine);
    struct spool_row row;
    char want[160];

    assert_true(spool_newest(uplink_spool(e->uplink), find(d, name)->fp, &row));
    (void)snprintf(want, sizeof(want), "\"reason\":\"%s\",\"suppressed\":\"%s\"", reason, cause);
    if (memmem(row.json.p, row.json.n, want, strlen(want)) == NULL)
        print_error("wanted %s in " STR_FMT "\n", want, STR_ARG(row.json));
    assert_true(memmem(row.json.p, row.json.n, want, strlen(want)) != NULL);
    assert_true(str_eq_c(row.suppressed, cause));
}

static const char *silence(struct driver *d, const char *name, const char *starts, char ret[37])
{
    char body[400];
    uint64_t id;

    (void)snprintf(body, sizeof(body),
                   "{\"matchers\":[{\"name\":\"alertname\",\"value\":\"%s\",\"isRegex\":false}],"
                   "\"startsAt\":\"%s\",\"endsAt\":\"2026-01-01T01:00:00Z\",\"createdBy\":\"me\","
                   "\"comment\":\"\"}",
                   name, starts);
    id = driver_request(d, "POST", "/api/v2/silences", "", body);
    assert_int_equal(driver_reply(d, id)->status, 200);
    memcpy(ret, strstr(driver_reply(d, id)->body.p, ":\"") + 2, 36);
    ret[36] = '\0';
    return ret;
}

static void expire(struct driver *d, const char *id)
{
    char path[80];

    (void)snprintf(path, sizeof(path), "/api/v2/silence/%s", id);
    assert_int_equal(driver_reply(d, driver_request(d, "DELETE", path, "", ""))->status, 200);
}

static void a_silence_suppresses_and_its_end_does_the_opposite(void **state)
{
    struct driver d;
    char id[37], cause[60];

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, "[" ALERT("A", CRITICAL) "," ALERT("B", CRITICAL) "]");
    assert_told(&d, "A", "open", "");
    silence(&d, "A", "2026-01-01T00:00:00Z", id);
    (void)snprintf(cause, sizeof(cause), "silence:%s", id);
    assert_told(&d, "A", "suppressed", cause);
    assert_told(&d, "B", "open", "");
    expire(&d, id);
    assert_told(&d, "A", "unsuppressed", "");
    silence(&d, "A", "2026-01-01T00:01:00Z", id); /* pending */
    driver_advance(&d, MS_PER_MIN - 1);
    assert_told(&d, "A", "unsuppressed", "");
    driver_advance(&d, 1);
    (void)snprintf(cause, sizeof(cause), "silence:%s", id);
    assert_told(&d, "A", "suppressed", cause);
    driver_advance(&d, 59 * MS_PER_MIN);
    assert_told(&d, "A", "unsuppressed", "");
    edge_teardown(&d);
}

static void an_episode_opens_suppressed(void **state)
{
    struct driver d;
    char id[37], cause[60];

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    silence(&d, "A", "2026-01-01T00:00:00Z", id);
    edge_post(&d, "[" ALERT("A", CRITICAL) "]");
    (void)snprintf(cause, sizeof(cause), "silence:%s", id);
    assert_told(&d, "A", "open", cause);
    edge_restart(&d, CONFIG, FEDERATION); /* and nothing new is told after a restart */
    driver_settle(&d);
    assert_told(&d, "A", "open", cause);
    edge_teardown(&d);
}

static void another_silence_takes_over_without_a_gap(void **state)
{
    struct driver d;
    char first[37], second[37], cause[60];

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, "[" ALERT("A", CRITICAL) "]");
    silence(&d, "A", "2026-01-01T00:00:00Z", first);
    silence(&d, "A", "2026-01-01T00:00:00Z", second);
    (void)snprintf(cause, sizeof(cause), "silence:%s", first);
    assert_told(&d, "A", "suppressed", cause); /* what was told still holds */
    expire(&d, first);
    (void)snprintf(cause, sizeof(cause), "silence:%s", second);
    assert_told(&d, "A", "suppressed", cause);
    edge_teardown(&d);
}

static void inhibition_is_told_wherever_its_source_stands_in_the_post(void **state)
{
    struct driver d;
    char cause[40];

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, "[" ALERT("A", CRITICAL) "," ALERT("Root", "") "]");
    (void)snprintf(cause, sizeof(cause), "inhibited:%016llx",
                   (unsigned long long)find(&d, "Root")->fp);
    assert_told(&d, "A", "suppressed", cause);
    edge_restart(&d, CONFIG, FEDERATION); /* the source has a row, too */
    driver_settle(&d);
    assert_told(&d, "A", "suppressed", cause);
    edge_post(&d, ENDED("Root"));
    assert_told(&d, "A", "unsuppressed", "");
    edge_teardown(&d);
}

static void new_rules_ask_about_everything(void **state)
{
    struct driver d;
    struct str told;

    (void)state;
    edge_setup(&d, "route: {receiver: team}\nreceivers: [{name: team}]\n", FEDERATION);
    edge_post(&d, "[" ALERT("Root", "") "," ALERT("A", CRITICAL) "]");
    assert_told(&d, "A", "open", "");
    edge_reconfigure(&d, CONFIG, FEDERATION);
    driver_settle(&d);
    assert_true(forward_told(edge_of(d.engine), find(&d, "A"), &told));
    assert_true(str_starts(told, STR("inhibited:")));
    edge_reconfigure(&d, "route: {receiver: team}\nreceivers: [{name: team}]\n", FEDERATION);
    driver_settle(&d);
    assert_told(&d, "A", "unsuppressed", "");
    edge_teardown(&d);
}

static void time_intervals_suppress_what_has_no_other_route(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, FEDERATION);
    edge_post(&d, "[" ALERT("A", CRITICAL ",\"team\":\"night\"") "," ALERT("B", CRITICAL) "]");
    driver_advance(&d, 5 * MS_PER_MIN - 1);
    assert_told(&d, "A", "open", "");
    driver_advance(&d, 1);
    assert_told(&d, "A", "suppressed", "muted:early");
    assert_told(&d, "B", "open", "");
    driver_advance(&d, 5 * MS_PER_MIN);
    assert_told(&d, "A", "unsuppressed", "");
    edge_teardown(&d);
}

/* ---- the index ---- */

static struct labels of(struct label v[2], const char *name, const char *value)
{
    v[0] = (struct label){.name = STR("job"), .value = STR("all")};
    v[1] = (struct label){.name = str_from(name), .value = str_from(value)};
    return (struct labels){.v = v, .n = 2};
}

static size_t drain(struct suppress *s, uint64_t *ret_sum)
{
    uint64_t fp;
    size_t n = 0;

    *ret_sum = 0;
    while (suppress_next(s, &fp)) {
        *ret_sum += fp;
        n++;
    }
    return n;
}

static void a_change_concerns_those_of_the_rarest_equality(void **state)
{
    static const struct {
        const char *matchers;
        size_t concerned;
        uint64_t sum;
    } cases[] = {
        {"{team=\"a\"}", 2, 1 + 2},
        {"{job=\"all\",team=\"b\"}", 1, 3},
        {"{team=~\"a|b\"}", 3, 1 + 2 + 3},
        {"{team=\"nobody\"}", 0, 0},
        {"{job=\"all\",team=\"nobody\"}", 0, 0},
        {"{team=~\"a.*\"}", 4, 1 + 2 + 3 + 4}, /* nothing is known */
        {"{team!=\"a\"}", 4, 1 + 2 + 3 + 4},
        {"{team=\"\"}", 4, 1 + 2 + 3 + 4},
        {"{}", 4, 1 + 2 + 3 + 4},
    };
    struct suppress *s = suppress_new();
    struct arena *a = arena_new(0);
    struct label v[2];
    uint64_t sum;

    (void)state;
    suppress_watch(s, 1, of(v, "team", "a"));
    suppress_watch(s, 2, of(v, "team", "a"));
    suppress_watch(s, 3, of(v, "team", "b"));
    suppress_watch(s, 4, of(v, "other", "c"));
    assert_int_equal(drain(s, &sum), 4); /* each new one is asked about */
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct matchers m = {0};
        struct err err;

        assert_int_equal(matchers_parse(str_from(cases[i].matchers), MATCHER_FALLBACK, a, &m, &err),
                         0);
        suppress_concern(s, &m, NULL, 0);
        suppress_concern(s, &m, NULL, 0); /* none waits twice */
        assert_int_equal(drain(s, &sum), cases[i].concerned);
        assert_int_equal(sum, cases[i].sum);
        matchers_clear(&m);
    }
    suppress_concern(s, &(struct matchers){0},
                     &(struct label){.name = STR("team"), .value = STR("b")}, 1);
    assert_int_equal(drain(s, &sum), 1);
    suppress_unwatch(s, 3);
    assert_int_equal(suppress_watched(s), 3);
    suppress_concern_if(s, NULL, NULL);
    assert_int_equal(drain(s, &sum), 3);
    suppress_free(s);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silence_suppresses_and_its_end_does_the_opposite),
        cmocka_unit_test(an_episode_opens_suppressed),
        cmocka_unit_test(another_silence_takes_over_without_a_gap),
        cmocka_unit_test(inhibition_is_told_wherever_its_source_stands_in_the_post),
        cmocka_unit_test(new_rules_ask_about_everything),
        cmocka_unit_test(time_intervals_suppress_what_has_no_other_route),
        cmocka_unit_test(a_change_concerns_those_of_the_rarest_equality),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
