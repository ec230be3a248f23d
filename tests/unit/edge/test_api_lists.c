/* GET /api/v2/alerts/groups, and what both lists do with many alerts, filters and changes between
 * two slices. */
#include "common/core/alerts/alert_index.h"
#include "common/core/api/api_v2.h"
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG \
    "global: {resolve_timeout: 10m}\n" \
    "route:\n" \
    "  receiver: root\n" \
    "  group_by: [team]\n" \
    "  routes:\n" \
    "    - {matchers: [severity=page], receiver: pager, group_by: [alertname], continue: true,\n" \
    "       labels: {tier: '{{ .GroupLabels.alertname }}-{{ len .Alerts }}', plain: x,\n" \
    "                bad: '{{ .Nope }}', via: 'v{{ routeLabels \"plain\" }}'}}\n" \
    "    - {matchers: [severity=page], receiver: log}\n" \
    "    - {matchers: [night=yes], receiver: quiet, mute_time_intervals: [always]}\n" \
    "time_intervals: [{name: always, time_intervals: [{months: ['1:12']}]}]\n" \
    "receivers: [{name: root}, {name: pager, labels: {owner: ops}}, {name: log}, {name: quiet}]\n"

static const struct driver_reply *get(struct driver *d, const char *path, const char *query)
{
    uint64_t id = driver_request(d, "GET", path, query, "");

    driver_more(d, id);
    return driver_reply(d, id);
}

static const char *groups(struct driver *d, const char *query)
{
    const struct driver_reply *r = get(d, "/api/v2/alerts/groups", query);

    if (r->status != 200)
        fail_msg("%s: %d %s", query, r->status, r->body.p);
    return r->body.p;
}

static void assert_contains(const char *text, const char *piece)
{
    if (strstr(text, piece) == NULL)
        fail_msg("no %s in %s", piece, text);
}

/* The texts stand in the answer in this order. */
static void assert_order(const char *text, const char *const *pieces, size_t n)
{
    const char *at = text;

    for (size_t i = 0; i < n; i++) {
        at = strstr(at, pieces[i]);
        if (at == NULL)
            fail_msg("no %s at its place in %s", pieces[i], text);
        at++;
    }
}
#define ASSERT_ORDER(text, ...) \
    assert_order((text), (const char *const[]){__VA_ARGS__}, \
                 ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))

static void a_group_is_shown_as_alertmanager_shows_it(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    assert_int_equal(edge_post(&d, "[{\"labels\":{\"alertname\":\"A\",\"team\":\"x\"}}]"), 200);
    assert_string_equal(
        groups(&d, ""),
        "[{\"alerts\":[{\"annotations\":{},\"endsAt\":\"2026-01-01T00:10:00.000Z\","
        "\"fingerprint\":\"a0de7763374450e2\",\"receivers\":[{\"name\":\"root\"}],"
        "\"startsAt\":\"2026-01-01T00:00:00.000Z\",\"status\":{\"inhibitedBy\":[],\"mutedBy\":[],"
        "\"silencedBy\":[],\"state\":\"active\"},\"updatedAt\":\"2026-01-01T00:00:00.000Z\","
        "\"labels\":{\"alertname\":\"A\",\"team\":\"x\"}}],\"labels\":{\"team\":\"x\"},"
        "\"receiver\":{\"name\":\"root\"},\"routeLabels\":{}}]\n");
    edge_teardown(&d);
}

static void groups_are_sorted_and_so_are_their_alerts(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    assert_string_equal(groups(&d, ""), "[]\n");
    edge_post(&d, "[{\"labels\":{\"team\":\"b\",\"n\":\"1\"}},"
                  "{\"labels\":{\"team\":\"a\",\"instance\":\"2\",\"job\":\"j\"}},"
                  "{\"labels\":{\"team\":\"a\",\"instance\":\"1\",\"job\":\"j\"}},"
                  "{\"labels\":{\"team\":\"a\",\"job\":\"i\"}},"
                  "{\"labels\":{\"team\":\"a\"}},{\"labels\":{\"n\":\"none\"}},"
                  "{\"labels\":{\"team\":\"a\",\"severity\":\"page\",\"alertname\":\"P\"}}]");
    ASSERT_ORDER(groups(&d, ""), "\"n\":\"none\"", "\"labels\":{},\"receiver\":{\"name\":\"root\"}",
                 "\"labels\":{\"team\":\"a\"},\"receiver\":{\"name\":\"log\"}", "\"job\":\"i\"",
                 "\"instance\":\"1\"", "\"instance\":\"2\"", "\"labels\":{\"team\":\"a\"}}],",
                 "\"receiver\":{\"name\":\"root\"}", "\"labels\":{\"team\":\"b\"},\"receiver\"",
                 "\"labels\":{\"alertname\":\"P\"},\"receiver\":{\"name\":\"pager\"}");
    edge_teardown(&d);
}

static void an_alert_names_the_receivers_of_all_its_groups(void **state)
{
    const char *both = "\"receivers\":[{\"name\":\"log\"},{\"name\":\"pager\"}]";
    struct driver d;
    const char *text;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, "[{\"labels\":{\"severity\":\"page\",\"alertname\":\"P\"}}]");
    text = groups(&d, "");
    ASSERT_ORDER(text, both, "\"name\":\"log\"", both);
    text = groups(&d, "receiver=pager");
    assert_contains(text, "\"receivers\":[{\"name\":\"pager\"}]");
    assert_null(strstr(text, "log"));
    assert_string_equal(groups(&d, "receiver=page"), "[]\n"); /* anchored */
    assert_null(strstr(groups(&d, "receiver_matchers=name%3D%22log%22"), "pager"));
    assert_null(strstr(groups(&d, "receiver_matchers=owner%3D%22ops%22"), "log"));
    assert_string_equal(
        get(&d, "/api/v2/receivers", "receiver_matchers=owner%3D%22ops%22")->body.p,
        "[{\"labels\":{\"name\":\"pager\",\"owner\":\"ops\"},\"name\":\"pager\"}]\n");
    assert_int_equal(get(&d, "/api/v2/alerts/groups", "receiver=(")->status, 400);
    assert_int_equal(get(&d, "/api/v2/alerts/groups", "filter=%22")->status, 400);
    edge_teardown(&d);
}

static void route_labels_are_rendered_over_the_group(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, "[{\"labels\":{\"severity\":\"page\",\"alertname\":\"P\",\"i\":\"1\"}},"
                  "{\"labels\":{\"severity\":\"page\",\"alertname\":\"P\",\"i\":\"2\"}}]");
    assert_contains(groups(&d, "filter=i%3D%221%22"),
                    "\"routeLabels\":{\"plain\":\"x\",\"tier\":\"P-2\",\"via\":\"vx\"}}");
    edge_teardown(&d);
}

static void a_muted_group_is_suppressed(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, "[{\"labels\":{\"night\":\"yes\"}},{\"labels\":{\"day\":\"yes\"}}]");
    assert_null(strstr(groups(&d, ""), "suppressed")); /* no flush has said so yet */
    driver_advance(&d, MS_PER_MIN);
    ASSERT_ORDER(groups(&d, ""), "\"mutedBy\":[\"always\"]", "\"state\":\"suppressed\"",
                 "\"night\":\"yes\"");
    assert_null(strstr(groups(&d, "muted=false"), "night"));
    assert_contains(groups(&d, "muted=false"), "day");
    /* active=false asks about the alert, which is */
    assert_string_equal(groups(&d, "active=false"), "[]\n");
    assert_null(strstr(get(&d, "/api/v2/alerts", "")->body.p, "suppressed"));
    edge_teardown(&d);
}

static void silenced_alerts_can_be_left_out(void **state)
{
    struct driver d;
    uint64_t id;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, "[{\"labels\":{\"a\":\"1\"}},{\"labels\":{\"a\":\"2\"}}]");
    id = driver_request(&d, "POST", "/api/v2/silences", "",
                        "{\"matchers\":[{\"name\":\"a\",\"value\":\"1\",\"isRegex\":false}],"
                        "\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"2026-01-02T00:00:00Z\","
                        "\"createdBy\":\"me\",\"comment\":\"c\"}");
    assert_int_equal(driver_reply(&d, id)->status, 200);
    ASSERT_ORDER(groups(&d, ""), "\"silencedBy\":[\"", "\"state\":\"suppressed\"", "\"a\":\"1\"",
                 "\"silencedBy\":[]", "\"state\":\"active\"", "\"a\":\"2\"");
    for (int i = 0; i < 2; i++) {
        const char *path = i == 0 ? "/api/v2/alerts/groups" : "/api/v2/alerts";

        assert_null(strstr(get(&d, path, "silenced=false")->body.p, "\"a\":\"1\""));
        assert_contains(get(&d, path, "silenced=false")->body.p, "\"a\":\"2\"");
        assert_null(strstr(get(&d, path, "active=false")->body.p, "\"a\":\"2\""));
        assert_contains(get(&d, path, "active=false&inhibited=false")->body.p, "\"a\":\"1\"");
    }
    edge_teardown(&d);
}

/* n alerts, a tenth of which share a team, each with a label of its own and a long one. */
static void post_many(struct driver *d, unsigned n)
{
    struct buf b;

    buf_init(&b, 0);
    buf_add_char(&b, '[');
    for (unsigned i = 0; i < n; i++)
        buf_add_fmt(&b, "%s{\"labels\":{\"n\":\"%u\",\"team\":\"t%u\",\"all\":\"%0500u\"}}",
                    i > 0 ? "," : "", i, i % 10, 0);
    buf_add_char(&b, ']');
    assert_int_equal(edge_post(d, b.p), 200);
    buf_clear(&b);
}

static size_t count(const char *text, const char *piece)
{
    size_t n = 0;

    for (const char *p = text; (p = strstr(p, piece)) != NULL; p++)
        n++;
    return n;
}

static void long_lists_of_groups_come_in_slices(void **state)
{
    struct engine_input more = {.kind = ENGINE_MORE};
    unsigned slices = 1;
    struct driver d;
    const char *text;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    post_many(&d, 2000);
    more.request_id = driver_request(&d, "GET", "/api/v2/alerts/groups", "", "");
    while (driver_reply(&d, more.request_id)->more) {
        size_t before = driver_reply(&d, more.request_id)->body.n;

        /* a group that comes, and alerts that end, some of them in the group at hand */
        edge_post(&d, "[{\"labels\":{\"team\":\"t55\"}},"
                      "{\"labels\":{\"n\":\"1999\",\"team\":\"t9\"},\"endsAt\":"
                      "\"2026-01-01T00:00:00Z\"}]");
        driver_step(&d, &more);
        assert_true(driver_reply(&d, more.request_id)->body.n - before < 256 * 1024);
        slices++;
    }
    text = driver_reply(&d, more.request_id)->body.p;
    assert_in_range(slices, 5, 30);
    assert_int_equal(count(text, "\"all\":"), 2000);
    assert_int_equal(count(text, "\"receiver\":{"), 11);
    ASSERT_ORDER(text, "],\"labels\":{\"team\":\"t0\"}", "],\"labels\":{\"team\":\"t5\"}",
                 "],\"labels\":{\"team\":\"t55\"}", "],\"labels\":{\"team\":\"t6\"}");
    edge_teardown(&d);
}

/* What the index finds is what looking at every alert finds. */
static void filters_find_the_same_with_the_index_and_without(void **state)
{
    static const struct {
        const char *query;
        size_t want;
    } cases[] = {
        {"filter=n%3D%2217%22", 1},
        {"filter=n%3D%22nobody%22", 0},
        {"filter=n%3D~%22(17%7C18%7C99999)%22", 2},
        {"filter=n%3D~%2217%7C17%22", 1},
        {"filter=n%3D~%22.*17%22", 20},
        {"filter=team%3D%22t3%22", 200},
        {"filter=team%3D%22t3%22&filter=n%3D%2213%22", 1},
        {"filter=team%3D%22t3%22&filter=n%3D%2214%22", 0},
        {"filter=team%3D%22t3%22&filter=n!%3D%2213%22", 199},
        {"filter=team%3D~%22t3%7Ct4%22", 400},
        {"filter=nope%3D%22%22&filter=n%3D%225%22", 1},
    };
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    post_many(&d, 2000);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *text = get(&d, "/api/v2/alerts", cases[i].query)->body.p;

        if (count(text, "\"fingerprint\"") != cases[i].want)
            fail_msg("%s: %zu", cases[i].query, count(text, "\"fingerprint\""));
        text = groups(&d, cases[i].query);
        if (count(text, "\"fingerprint\"") != cases[i].want)
            fail_msg("groups %s: %zu", cases[i].query, count(text, "\"fingerprint\""));
    }
    edge_teardown(&d);
}

static void what_is_swept_is_not_found(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    post_many(&d, 100);
    driver_advance(&d, 20 * MS_PER_MIN); /* all have ended, and are told of */
    while (driver_open_sends(&d) > 0)
        driver_deliver(&d, driver_open_send(&d, 0)->id, 200);
    driver_advance(&d, 2 * MS_PER_H);
    assert_string_equal(get(&d, "/api/v2/alerts", "filter=n%3D%2217%22")->body.p, "[]\n");
    edge_post(&d, "[{\"labels\":{\"n\":\"17\"}}]");
    assert_int_equal(
        count(get(&d, "/api/v2/alerts", "filter=n%3D%2217%22")->body.p, "\"fingerprint\""), 1);
    edge_teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_shown_as_alertmanager_shows_it),
        cmocka_unit_test(groups_are_sorted_and_so_are_their_alerts),
        cmocka_unit_test(an_alert_names_the_receivers_of_all_its_groups),
        cmocka_unit_test(route_labels_are_rendered_over_the_group),
        cmocka_unit_test(a_muted_group_is_suppressed),
        cmocka_unit_test(silenced_alerts_can_be_left_out),
        cmocka_unit_test(long_lists_of_groups_come_in_slices),
        cmocka_unit_test(filters_find_the_same_with_the_index_and_without),
        cmocka_unit_test(what_is_swept_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
