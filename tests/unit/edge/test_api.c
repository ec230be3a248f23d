/* The edge's HTTP surface: Alertmanager's statuses and bodies, byte for byte. */
#include "common/base/hash.h"
#include "common/core/api/api_v2.h"
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define CONFIG \
    "global: {resolve_timeout: 10m}\n" \
    "route:\n" \
    "  receiver: root\n" \
    "  group_by: ['...']\n" \
    "  routes: [{receiver: disk, matchers: ['alertname=\"DiskFull\"']}]\n" \
    "receivers:\n" \
    "- {name: root, webhook_configs: [{url: 'http://token:geheim@root.example/'}]}\n" \
    "- name: disk\n"

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        print_error("wanted: %s\nin: %s\n", part, text);
    assert_non_null(strstr(text, part));
}

static const struct driver_reply *get(struct driver *d, const char *path, const char *query)
{
    uint64_t id = driver_request(d, "GET", path, query, "");

    assert_non_null(driver_reply(d, id));
    driver_more(d, id);
    return driver_reply(d, id);
}

static void bad_posts_get_alertmanagers_answers(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *answer;
    } cases[] = {
        {"", 422, "{\"code\":602,\"message\":\"alerts in body is required\"}\n"},
        {"[{}]", 422, "{\"code\":602,\"message\":\"0.labels in body is required\"}\n"},
        {"[{\"labels\":null}]", 422,
         "{\"code\":602,\"message\":\"0.labels in body is required\"}\n"},
        {"[null]", 422, "{\"code\":602,\"message\":\"0 in body is required\"}\n"},
        {"[{\"labels\":{\"a\":\"b\"}},{\"labels\":{\"a\":\"b\"},\"generatorURL\":\"foo\"}]", 422,
         "{\"code\":601,\"message\":\"1.generatorURL in body must be of type uri: "
         "\\\"foo\\\"\"}\n"},
        {"[{\"labels\":{}}]", 400, "\"at least one label pair required\"\n"},
        {"[{\"labels\":{\"a\":\"\"}}]", 400, "\"at least one label pair required\"\n"},
        {"[{\"labels\":{\"\":\"x\"}}]", 400, "\"invalid label set: invalid name \\\"\\\"\"\n"},
        {"[{\"labels\":{\"a\":\"b\"},\"annotations\":{\"\":\"x\"}}]", 400,
         "\"invalid annotations: invalid name \\\"\\\"\"\n"},
        {"[{\"labels\":{\"a\":\"b\"},\"startsAt\":\"2026-01-01T00:00:01Z\",\"endsAt\":"
         "\"2026-01-01T00:00:00Z\"},{\"labels\":{}}]",
         400, "\"start time must be before end time\\nat least one label pair required\"\n"},
    };
    static const char *const not_decoded[] = {
        "[",
        "{}",
        "7",
        "[7]",
        "[{\"labels\":[]}]",
        "[{\"labels\":{\"a\":1}}]",
        "[{\"labels\":{\"a\":\"b\"},\"startsAt\":\"yesterday\"}]",
        "[{\"labels\":{\"a\":\"b\"},\"endsAt\":7}]",
        "[{\"labels\":{\"a\":\"b\"},\"generatorURL\":{}}]",
    };
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t id = driver_request(&d, "POST", "/api/v2/alerts", "", cases[i].body);

        assert_int_equal(driver_reply(&d, id)->status, cases[i].status);
        assert_string_equal(driver_reply(&d, id)->body.p, cases[i].answer);
    }
    for (size_t i = 0; i < ARRAY_SIZE(not_decoded); i++) {
        uint64_t id = driver_request(&d, "POST", "/api/v2/alerts", "", not_decoded[i]);

        assert_int_equal(driver_reply(&d, id)->status, 400);
        assert_contains(driver_reply(&d, id)->body.p,
                        "{\"code\":400,\"message\":\"parsing alerts body from \\\"\\\" failed, "
                        "because ");
    }
    assert_string_equal(get(&d, "/api/v2/alerts", "")->body.p, "[]\n");
    edge_teardown(&d);
}

static void valid_alerts_of_a_bad_post_are_stored(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    assert_int_equal(edge_post(&d, "[{\"labels\":{}},{\"LABELS\":{\"a\":\"b\",\"empty\":\"\"}}]"),
                     400);
    assert_contains(get(&d, "/api/v2/alerts", "")->body.p, "\"labels\":{\"a\":\"b\"}");
    edge_teardown(&d);
}

/* One that no row could carry concerns itself alone, and is said. */
static void texts_of_an_alert_are_bounded(void **state)
{
    static const struct {
        const char *map;
        unsigned bytes;
        const char *answer;
    } cases[] = {
        {"labels", API_LABELS_BYTES_MAX - 1, ""},
        {"labels", API_LABELS_BYTES_MAX, "\"labels are longer than 65536 bytes\"\n"},
        {"annotations", API_ANNOTATIONS_BYTES_MAX - 1, ""},
        {"annotations", API_ANNOTATIONS_BYTES_MAX,
         "\"annotations are longer than 1048576 bytes\"\n"},
    };
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf b;
        uint64_t id;

        buf_init(&b, 0);
        buf_add_fmt(&b, "[{%s\"%s\":{\"b\":\"", i < 2 ? "" : "\"labels\":{\"a\":\"b\"},",
                    cases[i].map);
        for (unsigned n = 0; n < cases[i].bytes; n++)
            buf_add_char(&b, 'x');
        buf_add_str(&b, STR("\"}}]"));
        id = driver_request(&d, "POST", "/api/v2/alerts", "", b.p);
        assert_int_equal(driver_reply(&d, id)->status, cases[i].answer[0] == '\0' ? 200 : 400);
        assert_string_equal(driver_reply(&d, id)->body.p, cases[i].answer);
        buf_clear(&b);
    }
    edge_teardown(&d);
}

#define NOT_ACCEPTABLE \
    "{\"code\":406,\"message\":\"unsupported media type requested, only [application/json] are " \
    "available\"}\n"

static void media_types_are_checked(void **state)
{
    static const struct {
        const char *method, *type, *accept, *body;
        int status;
        const char *answer;
    } cases[] = {
        {"POST", "application/json; charset=utf-8", "", "[]", 200, ""},
        {"POST", "Application/JSON", "text/html, */*;q=0.1", "[]", 200, ""},
        /* the answer to JSON may be JSON, whatever else is asked for */
        {"POST", "application/json", "text/html", "[]", 200, ""},
        {"POST", "text/plain", "", "[]", 415,
         "{\"code\":415,\"message\":\"unsupported media type \\\"text/plain\\\", only "
         "[application/json] are allowed\"}\n"},
        {"POST", "", "", "[]", 415,
         "{\"code\":415,\"message\":\"unsupported media type \\\"application/octet-stream\\\", "
         "only "
         "[application/json] are allowed\"}\n"},
        {"GET", "text/plain", "", "x", 415,
         "{\"code\":415,\"message\":\"unsupported media type \\\"text/plain\\\", only "
         "[application/json] are allowed\"}\n"},
        {"GET", "text/plain", "", "", 200, "[]\n"},
        {"GET", "", "text/*, application/*", "", 200, "[]\n"},
        {"POST", "", "text/html", "", 406, NOT_ACCEPTABLE},
        {"GET", "", "text/html", "", 406, NOT_ACCEPTABLE},
        {"GET", "", "*/*;q=0", "", 406, NOT_ACCEPTABLE},
        {"GET", "", "application/json; q=0.000, text/html", "", 406, NOT_ACCEPTABLE},
    };
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct engine_input in = {.kind = ENGINE_REQUEST,
                                  .request = {.id = 1000 + i,
                                              .method = str_from(cases[i].method),
                                              .path = STR("/api/v2/alerts"),
                                              .content_type = str_from(cases[i].type),
                                              .accept = str_from(cases[i].accept),
                                              .body = str_from(cases[i].body)}};

        driver_step(&d, &in);
        assert_int_equal(driver_reply(&d, 1000 + i)->status, cases[i].status);
        assert_string_equal(driver_reply(&d, 1000 + i)->body.p, cases[i].answer);
    }
    edge_teardown(&d);
}

static void paths_and_methods(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *answer, *header;
    } cases[] = {
        {"GET", "/-/healthy", 200, "OK", ""},
        {"GET", "/-/ready", 200, "OK", ""},
        {"POST", "/-/ready", 405, "Method Not Allowed\n",
         "Allow: GET, HEAD, OPTIONS\nX-Content-Type-Options: nosniff\n"},
        {"OPTIONS", "/-/ready", 200, "", "Allow: GET, HEAD, OPTIONS\n"},
        {"GET", "/nowhere", 404, "404 page not found\n", ""},
        {"GET", "/api/v2/x", 404, "{\"code\":404,\"message\":\"path /api/v2/x was not found\"}\n",
         ""},
        {"PUT", "/api/v2/alerts", 405,
         "{\"code\":405,\"message\":\"method PUT is not allowed, but [GET,POST] are\"}\n",
         "Cache-Control: no-store\nVary: Origin\nAllow: GET,POST\n"},
        {"HEAD", "/api/v2/status", 405,
         "{\"code\":405,\"message\":\"method HEAD is not allowed, but [GET] are\"}\n",
         "Cache-Control: no-store\nVary: Origin\nAllow: GET\n"},
        {"DELETE", "/api/v2/alerts/groups/", 405,
         "{\"code\":405,\"message\":\"method DELETE is not allowed, but [GET] are\"}\n",
         "Cache-Control: no-store\nVary: Origin\nAllow: GET\n"},
        {"GET", "/api/v2/alerts/", 200, "[]\n", "Cache-Control: no-store\nVary: Origin\n"},
        {"GET", "/api/v2/", 404, "{\"code\":404,\"message\":\"path /api/v2/ was not found\"}\n",
         ""},
        {"GET", "/favicon.ico", 404, "404 page not found\n", ""},
        {"GET", "/assets/x.js", 404, "404 page not found\n", ""},
        {"GET", "/debug/pprof/", 404, "404 page not found\n", ""},
        {"GET", "/api/tocsin/v1/x", 404, "{\"error\":\"not_found\"}", ""},
    };
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t id = driver_request(&d, cases[i].method, cases[i].path, "", "");

        assert_int_equal(driver_reply(&d, id)->status, cases[i].status);
        assert_string_equal(driver_reply(&d, id)->body.p, cases[i].answer);
        if (cases[i].header[0] != '\0')
            assert_string_equal(driver_reply(&d, id)->headers.p, cases[i].header);
    }
    assert_int_equal(get(&d, "/api/v1/alerts", "")->status, 410);
    edge_teardown(&d);
}

static void an_alert_is_shown_as_alertmanager_shows_it(void **state)
{
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    assert_int_equal(
        edge_post(&d, "[{\"labels\":{\"severity\":\"critical\",\"alertname\":\"alert1\"},"
                      "\"annotations\":{\"s\":\"<x>\",\"e\":\"\"},\"generatorURL\":\"http://p/g\","
                      "\"startsAt\":\"2025-12-31T23:00:00.5+01:00\"}]"),
        200);
    assert_string_equal(
        get(&d, "/api/v2/alerts", "")->body.p,
        "[{\"annotations\":{\"e\":\"\",\"s\":\"\\u003cx\\u003e\"},\"endsAt\":\"2026-01-01T00:10:00."
        "000Z\","
        "\"fingerprint\":\"0223b772b51c29e1\",\"receivers\":[{\"name\":\"root\"}],"
        "\"startsAt\":\"2025-12-31T22:00:00.500Z\",\"status\":{\"inhibitedBy\":[],\"mutedBy\":[],"
        "\"silencedBy\":[],\"state\":\"active\"},\"updatedAt\":\"2026-01-01T00:00:00.000Z\","
        "\"generatorURL\":\"http://p/g\",\"labels\":{\"alertname\":\"alert1\",\"severity\":"
        "\"critical\"}}]\n");
    driver_advance(&d, 10 * MS_PER_MIN);
    assert_string_equal(get(&d, "/api/v2/alerts", "")->body.p, "[]\n");
    edge_teardown(&d);
}

static void filters(void **state)
{
    static const struct {
        const char *query;
        bool full, other; /* is alertname=DiskFull listed, is x=y? */
    } cases[] = {
        {"", true, true},
        {"active=true", true, true},
        {"active=false", false, false},
        {"active=nonsense", false, false},
        {"active=", true, true},
        {"unknown=1", true, true},
        {"filter=alertname%3D%22DiskFull%22", true, false},
        {"filter=alertname=~Disk.*", true, false},
        {"filter=alertname!=DiskFull", false, true},
        {"filter=alertname=DiskFull&filter=alertname!=DiskFull", false, false},
        {"filter=alertname%3D%22%22", false, true},
        {"filter=alertname!%3D%22%22", true, false},
        {"filter=zone!%3D%22%22", false, false},
        {"receiver=disk", true, false},
        {"receiver=di", false, false},
        {"receiver=di.*%7Croot", true, true},
        {"receiver_matchers=name%3D%22root%22", false, true},
    };
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, "[{\"labels\":{\"alertname\":\"DiskFull\"}},{\"labels\":{\"x\":\"y\"}}]");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct driver_reply *r = get(&d, "/api/v2/alerts", cases[i].query);

        assert_int_equal(r->status, 200);
        if ((strstr(r->body.p, "DiskFull") != NULL) != cases[i].full ||
            (strstr(r->body.p, "{\"x\":\"y\"}") != NULL) != cases[i].other)
            fail_msg("%s gives %s", cases[i].query, r->body.p);
    }
    assert_int_equal(get(&d, "/api/v2/alerts", "filter=%22")->status, 400);
    assert_int_equal(get(&d, "/api/v2/alerts", "receiver=(")->status, 400);
    assert_contains(get(&d, "/api/v2/alerts", "receiver=(")->body.p,
                    "\"failed to parse receiver param: ");
    edge_teardown(&d);
}

/* Posts n alerts with a label of 1 KiB. */
static void post_many(struct driver *d, unsigned n)
{
    struct buf b;

    buf_init(&b, 0);
    buf_add_char(&b, '[');
    for (unsigned i = 0; i < n; i++) {
        buf_add_fmt(&b, "%s{\"labels\":{\"n\":\"%u\",\"text\":\"", i > 0 ? "," : "", i);
        for (unsigned j = 0; j < 1024; j++)
            buf_add_char(&b, 'x');
        buf_add_str(&b, STR("\"}}"));
    }
    buf_add_char(&b, ']');
    assert_int_equal(edge_post(d, b.p), 200);
    buf_clear(&b);
}

static void a_long_listing_comes_in_slices(void **state)
{
    struct driver d;
    struct engine_input in = {.kind = ENGINE_MORE};
    const struct driver_reply *r;
    unsigned slices = 1, listed = 0;
    char last[17] = "";

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    post_many(&d, 1000);
    in.request_id = driver_request(&d, "GET", "/api/v2/alerts", "", "");
    while (driver_reply(&d, in.request_id)->more) {
        size_t before = driver_reply(&d, in.request_id)->body.n;

        edge_post(&d, "[{\"labels\":{\"between\":\"slices\"}}]");
        driver_step(&d, &in);
        assert_true(driver_reply(&d, in.request_id)->body.n - before < 256 * 1024);
        slices++;
    }
    r = driver_reply(&d, in.request_id);
    assert_in_range(slices, 5, 20);
    for (const char *p = r->body.p; (p = strstr(p, "\"fingerprint\":\"")) != NULL; p++) {
        assert_true(memcmp(p + 15, last, 16) > 0); /* sorted, hence once each */
        memcpy(last, p + 15, 16);
        listed++;
    }
    assert_in_range(listed, 1000, 1001);
    assert_string_equal(r->body.p + r->body.n - 3, "}]\n");
    edge_teardown(&d);
}

static void a_client_that_leaves_ends_its_listing(void **state)
{
    struct driver d;
    struct engine_input gone = {.kind = ENGINE_GONE}, more = {.kind = ENGINE_MORE};
    size_t before;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    post_many(&d, 300);
    for (int i = 0; i < API_LISTINGS_MAX; i++)
        gone.request_id = driver_request(&d, "GET", "/api/v2/alerts", "", "");
    assert_int_equal(get(&d, "/api/v2/alerts", "")->status, 503); /* all places are taken */
    driver_step(&d, &gone);
    assert_int_equal(get(&d, "/api/v2/alerts", "")->status, 200);
    before = d.replies.n;
    more.request_id = gone.request_id;
    driver_step(&d, &more);
    assert_int_equal(d.replies.n, before);
    edge_teardown(&d);
}

static void status_hides_secrets(void **state)
{
    struct driver d;
    const struct driver_reply *r;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    r = get(&d, "/api/v2/status", "");
    assert_int_equal(r->status, 200);
    assert_contains(r->body.p, "\"cluster\":{\"peers\":[],\"status\":\"disabled\"}");
    assert_contains(r->body.p, "\"version\":\"0.34.0\"");
    assert_contains(r->body.p, "\"uptime\":\"2026-01-01T00:00:00.000Z\"");
    assert_contains(r->body.p, "url: \\u003csecret\\u003e");
    assert_null(strstr(r->body.p, "geheim"));
    assert_string_equal(get(&d, "/api/v2/receivers", "")->body.p,
                        "[{\"labels\":{\"name\":\"root\"},\"name\":\"root\"},"
                        "{\"labels\":{\"name\":\"disk\"},\"name\":\"disk\"}]\n");
    edge_teardown(&d);
}

static void metrics_count(void **state)
{
    struct driver d;
    const struct driver_reply *r;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    edge_post(&d, "[{\"labels\":{\"a\":\"b\"}},{\"labels\":{}},"
                  "{\"labels\":{\"a\":\"c\"},\"endsAt\":\"2020-01-01T00:00:00Z\"}]");
    driver_advance(&d, 30 * MS_PER_S);
    r = get(&d, "/metrics", "");
    assert_contains(r->body.p, "\nalertmanager_alerts{state=\"active\"} 1\n");
    assert_contains(r->body.p,
                    "\nalertmanager_alerts_received_total{status=\"firing\",version=\"v2\"} 2\n");
    assert_contains(r->body.p,
                    "\nalertmanager_alerts_received_total{status=\"resolved\",version=\"v2\"} 1\n");
    assert_contains(r->body.p, "\nalertmanager_alerts_invalid_total{version=\"v2\"} 1\n");
    assert_contains(r->body.p, "\nalertmanager_notifications_total{integration=\"webhook\"} 1\n");
    assert_contains(r->body.p, "\nalertmanager_notifications_failed_total{integration=\"webhook\","
                               "reason=\"serverError\"} 0\n");
    edge_teardown(&d);
}

/* --alerts.per-alertname-limit: only what fires counts, and a known alert is never refused. */
static void alerts_of_one_alertname_can_be_limited(void **state)
{
    struct driver d;

    (void)state;
    driver_init(&d, edge_new(&(struct edge_options){.alertname_limit = 2, .seed = 1}));
    edge_reconfigure(&d, CONFIG, NULL);
    driver_restore_and_start(&d);
    assert_int_equal(edge_post(&d, "[{\"labels\":{\"alertname\":\"A\",\"i\":\"1\"}},"
                                   "{\"labels\":{\"alertname\":\"A\",\"i\":\"2\"}},"
                                   "{\"labels\":{\"alertname\":\"A\",\"i\":\"3\"}},"
                                   "{\"labels\":{\"alertname\":\"B\",\"i\":\"1\"}},"
                                   "{\"labels\":{\"alertname\":\"A\",\"i\":\"1\"}}]"),
                     200);
    assert_null(strstr(get(&d, "/api/v2/alerts", "")->body.p, "\"i\":\"3\""));
    assert_contains(get(&d, "/api/v2/alerts", "")->body.p, "\"alertname\":\"B\"");
    assert_contains(get(&d, "/metrics", "")->body.p, "\nalertmanager_alerts_limited_total 1\n");
    edge_post(&d, "[{\"labels\":{\"alertname\":\"A\",\"i\":\"2\"},"
                  "\"endsAt\":\"2026-01-01T00:00:00Z\"}]");
    edge_post(&d, "[{\"labels\":{\"alertname\":\"A\",\"i\":\"3\"}}]");
    assert_contains(get(&d, "/api/v2/alerts", "")->body.p, "\"i\":\"3\"");
    edge_teardown(&d);
}

static void other_sites_may_read(void **state)
{
    static const struct {
        const char *origin, *method, *headers;
        const char *answer;
    } cases[] = {
        {"https://evil.example", "GET", "content-type",
         "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Methods: GET\n"
         "Access-Control-Allow-Headers: content-type\n"},
        {"https://evil.example", "POST", "", ""},
        {"https://evil.example", "GET", "x-secret", ""},
        {"null", "POST", "", ""},
        {"https://am.example:8443", "POST", "",
         "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Methods: POST\n"},
        {"https://am.example:8443", "DELETE", "", ""},
    };
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct engine_input in = {.kind = ENGINE_REQUEST,
                                  .request = {.id = 1000 + i,
                                              .method = STR("OPTIONS"),
                                              .path = STR("/api/v2/silences"),
                                              .host = STR("am.example:8443"),
                                              .origin = str_from(cases[i].origin),
                                              .cors_method = str_from(cases[i].method),
                                              .cors_headers = str_from(cases[i].headers)}};
        char want[400];

        (void)snprintf(want, sizeof(want),
                       "Cache-Control: no-store\nVary: Origin, Access-Control-Request-Method, "
                       "Access-Control-Request-Headers\n%s",
                       cases[i].answer);
        driver_step(&d, &in);
        assert_int_equal(driver_reply(&d, 1000 + i)->status, 204);
        assert_string_equal(driver_reply(&d, 1000 + i)->headers.p, want);
    }
    edge_teardown(&d);
}

static void ready_ends_with_the_stop(void **state)
{
    struct engine_input stop = {.kind = ENGINE_STOP};
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    assert_int_equal(get(&d, "/-/ready", "")->status, 200);
    driver_step(&d, &stop);
    assert_int_equal(get(&d, "/-/ready", "")->status, 503);
    assert_int_equal(get(&d, "/-/healthy", "")->status, 200);
    edge_teardown(&d);
}

/* As Alertmanager does it, so that a mixed cluster agrees. */
static void the_configuration_has_its_hash(void **state)
{
    char line[80];
    struct driver d;

    (void)state;
    edge_setup(&d, CONFIG, NULL);
    (void)snprintf(line, sizeof(line), "\nalertmanager_config_hash %lu\n",
                   md5_48(CONFIG, strlen(CONFIG)));
    assert_contains(get(&d, "/metrics", "")->body.p, line);
    assert_contains(get(&d, "/metrics", "")->body.p, ",tags=\"\",version=\"");
    edge_reconfigure(&d, CONFIG "# changed\n", NULL);
    (void)snprintf(line, sizeof(line), "\nalertmanager_config_hash %lu\n",
                   md5_48(CONFIG "# changed\n", strlen(CONFIG "# changed\n")));
    assert_contains(get(&d, "/metrics", "")->body.p, line);
    edge_teardown(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_posts_get_alertmanagers_answers),
        cmocka_unit_test(valid_alerts_of_a_bad_post_are_stored),
        cmocka_unit_test(texts_of_an_alert_are_bounded),
        cmocka_unit_test(media_types_are_checked),
        cmocka_unit_test(paths_and_methods),
        cmocka_unit_test(an_alert_is_shown_as_alertmanager_shows_it),
        cmocka_unit_test(filters),
        cmocka_unit_test(a_long_listing_comes_in_slices),
        cmocka_unit_test(a_client_that_leaves_ends_its_listing),
        cmocka_unit_test(status_hides_secrets),
        cmocka_unit_test(metrics_count),
        cmocka_unit_test(alerts_of_one_alertname_can_be_limited),
        cmocka_unit_test(other_sites_may_read),
        cmocka_unit_test(ready_ends_with_the_stop),
        cmocka_unit_test(the_configuration_has_its_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
