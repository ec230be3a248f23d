#include "tests/unit/global/incident_world.h"

static void begin(struct world *w)
{
    world_init_config(w, "g1", ONE);
    grant(w, fra_e1, UUID_A);
}

static uint64_t web_as(struct world *w, struct principal who, const char *method, const char *path,
                       const char *origin)
{
    struct engine_input in = {.kind = ENGINE_REQUEST};

    in.request = (struct engine_request){.id = w->next_request++,
                                         .listener = LISTENER_WEB,
                                         .who = who,
                                         .method = str_from(method),
                                         .path = str_from(path),
                                         .origin = str_from(origin)};
    world_step(w, &in);
    return in.request.id;
}

static void only_health_is_open(void **state)
{
    static const char *const closed[] = {"/api/v1/incidents",
                                         "/api/v1/sites",
                                         "/api/v1/teams",
                                         "/api/v2/alerts",
                                         "/metrics",
                                         "/api/v2/status",
                                         "/api/v1/incidents/abcdef/ack"};
    struct principal nobody = {.kind = PRINCIPAL_NONE};
    struct principal edge = {.kind = PRINCIPAL_PEER};
    struct world w;

    (void)state;
    begin(&w);
    for (size_t n = 0; n < ARRAY_SIZE(closed); n++) {
        assert_answer(&w, web_as(&w, nobody, "GET", closed[n], ""), 401, "credentials");
        assert_answer(&w, web_as(&w, edge, "POST", closed[n], ""), 401, "credentials");
    }
    assert_answer(&w, web_as(&w, nobody, "GET", "/-/healthy", ""), 200, "OK");
    assert_answer(&w, web_as(&w, nobody, "GET", "/-/ready", ""), 200, "OK");
    world_clear(&w);
}

static void each_path_has_its_methods_and_errors(void **state)
{
    static const struct {
        const char *method, *path, *query, *body;
        int status;
        const char *text;
    } cases[] = {
        {"GET", "/api/v1/incidents", "", "", 200, "\"matching\":1"},
        {"GET", "/api/v1/incidents", "state=open&team=plat&site=fra1", "", 200, "\"matching\":1"},
        {"GET", "/api/v1/incidents", "site=ams1", "", 200, "\"matching\":0"},
        {"GET", "/api/v1/incidents", "state=acknowledged", "", 200, "\"incidents\":[]"},
        {"GET", "/api/v1/incidents", "state=odd", "", 400, "state is"},
        {"GET", "/api/v1/incidents", "limit=0", "", 400, "limit"},
        {"GET", "/api/v1/incidents", "limit=10001", "", 400, "limit"},
        {"POST", "/api/v1/incidents", "", "", 405, "not allowed"},
        {"GET", "/api/v1/incidents/ffffffff", "", "", 404, "no incident"},
        {"GET", "/api/v1/sites", "", "", 200, "\"duty_here\":true"},
        {"GET", "/api/v1/teams", "", "", 200, "\"name\":\"plat\""},
        {"GET", "/api/v2/alerts", "", "", 200, "\"site\":\"fra1\""},
        {"GET", "/api/v2/alerts", "filter=site%3D%22ams1%22", "", 200, "[]"},
        {"GET", "/api/v2/alerts", "filter=%7B", "", 400, ""},
        {"GET", "/api/v2/status", "", "", 200, "versionInfo"},
        {"GET", "/metrics", "", "", 200, "tocsin_global_incidents_open 1"},
        {"GET", "/nowhere", "", "", 404, "no such path"},
        {"DELETE", "/api/v2/alerts", "", "", 405, "not allowed"},
    };
    static const struct {
        const char *method, *verb, *body;
        int status;
        const char *text;
    } acts[] = {
        {"GET", "", "", 200, "\"members_left_out\":0"},
        {"POST", "", "", 405, "not allowed"},
        {"GET", "/ack", "", 405, "not allowed"},
        {"PUT", "/ack", "", 405, "not allowed"},
        {"DELETE", "/resolve", "", 405, "not allowed"},
        {"POST", "/odd", "", 404, "no such action"},
        {"POST", "/ack", "5", 400, "no object"},
        {"POST", "/ack", "{\"comment\":5}", 400, "comment"},
        {"POST", "/unack", "", 409, "triggered"},
        {"POST", "/resolve", "", 409, "force"},
        {"POST", "/ack", "null", 200, "\"effective\":true"},
        {"POST", "/unack", "", 200, "\"effective\":true"},
        {"POST", "/resolve", "{\"force\":true}", 200, "\"effective\":true"},
        {"POST", "/resolve", "{\"force\":true}", 409, "resolved"},
        {"POST", "/ack", "", 409, "resolved"},
    };
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++)
        assert_answer(&w, web(&w, cases[n].method, cases[n].path, cases[n].query, cases[n].body),
                      cases[n].status, cases[n].text);
    for (size_t n = 0; n < ARRAY_SIZE(acts); n++) {
        char path[128];

        (void)snprintf(path, sizeof(path), "/api/v1/incidents/%.8s%s", newest(&w)->id,
                       acts[n].verb); /* a prefix that only it has */
        assert_answer(&w, web(&w, acts[n].method, path, "", acts[n].body), acts[n].status,
                      acts[n].text);
    }
    world_clear(&w);
}

static void a_foreign_page_cannot_act(void **state)
{
    static const struct {
        const char *origin;
        int status;
    } cases[] = {{"https://evil.example", 403},
                 {"https://g1", 403},
                 {"https://g1:91", 403},
                 {"null", 403},
                 {"https://g1:9193", 200}};
    struct principal alice = {.kind = PRINCIPAL_USER, .user = STR("alice")};
    struct world w;
    char path[128];

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    (void)snprintf(path, sizeof(path), "/api/v1/incidents/%s/ack", newest(&w)->id);
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++)
        assert_answer(&w, web_as(&w, alice, "POST", path, cases[n].origin), cases[n].status, "");
    world_clear(&w);
}

static void an_ack_waits_for_the_disk_and_says_when_it_fails(void **state)
{
    struct world w;
    uint64_t id;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    w.manual = true;
    id = act(&w, newest(&w), "ack", "");
    advance(&w, 10000);
    assert_int_equal(world_status(&w, id), 0);
    world_fail(&w, STORE_FULL);
    assert_answer(&w, id, 503, "not_stored");
    id = act(&w, newest(&w), "ack", "");
    assert_answer(&w, id, 503, "not_stored");
    world_commit(&w);
    id = act(&w, newest(&w), "ack", ""); /* the first one is known: nothing to be written */
    tick(&w);
    assert_answer(&w, id, 200, "true");
    assert_int_equal(newest(&w)->acks.n, 1);
    world_clear(&w);
}

static size_t elements(const char *body)
{
    struct json_object *o = NULL;
    size_t n;

    assert_int_equal(json_parse(str_from(body), (struct json_opt){0}, &o, NULL), 0);
    n = json_object_array_length(o);
    json_object_put(o);
    return n;
}

static void fire_many(struct world *w, uint64_t n)
{
    char name[16];

    for (uint64_t k = 1; k <= n; k++) {
        (void)snprintf(name, sizeof(name), "N%lu", k);
        SAY(w, fra_e1, UUID_A, .seq = k, .fp = k, .episode = k, .name = name);
    }
}

static void more(struct world *w, uint64_t id)
{
    struct engine_input in = {.kind = ENGINE_MORE, .request_id = id};

    world_step(w, &in);
}

static void alerts_come_in_slices(void **state)
{
    struct world w;
    uint64_t id;
    size_t slices = 1;

    (void)state;
    world_init_config(&w, "g1", ONE);
    fire_many(&w, 2500);
    id = web(&w, "GET", "/api/v2/alerts", "", "");
    while (world_answer(&w, id)->more) {
        size_t had = strlen(world_answer(&w, id)->body);

        if (slices++ == 1) { /* what ends in between does not end the walk */
            SAY(&w, fra_e1, UUID_A, .seq = 2501, .fp = 2500, .episode = 2500, .name = "N2500",
                .state = "resolved");
            w.now.wall_ms += 721 * MS_PER_H;
            advance(&w, 1);
        }
        more(&w, id);
        assert_true(strlen(world_answer(&w, id)->body) - had < KIB(200));
    }
    assert_true(slices > 3);
    assert_int_equal(elements(world_answer(&w, id)->body), 2499);
    id = web(&w, "GET", "/api/v2/alerts", "filter=alertname%3D%22N2400%22", "");
    while (world_answer(&w, id)->more)
        more(&w, id);
    assert_int_equal(elements(world_answer(&w, id)->body), 1);
    world_clear(&w);
}

static void listings_are_bounded_and_end_with_their_client(void **state)
{
    struct world w;
    uint64_t first = 0, id;

    (void)state;
    world_init_config(&w, "g1", ONE);
    fire_many(&w, 600);
    for (int n = 0; n < 16; n++) {
        id = web(&w, "GET", "/api/v2/alerts", "", "");
        assert_true(world_answer(&w, id)->more);
        if (n == 0)
            first = id;
    }
    assert_answer(&w, web(&w, "GET", "/api/v2/alerts", "", ""), 503, "16 lists");
    {
        struct engine_input in = {.kind = ENGINE_GONE, .request_id = first};

        world_step(&w, &in);
    }
    more(&w, first); /* too late: nothing */
    id = web(&w, "GET", "/api/v2/alerts", "", "");
    assert_true(world_answer(&w, id)->more);
    world_clear(&w); /* with lists under way */
}

static void one_alert_a_site_of_two_edges(void **state)
{
    struct world w;

    (void)state;
    begin(&w);
    SAY(&w, fra_e1, UUID_A, .seq = 1);
    SAY(&w, fra_e2, UUID_B, .seq = 1);
    SAY(&w, ams_e1, UUID_C, .seq = 1);
    assert_int_equal(elements(world_answer(&w, web(&w, "GET", "/api/v2/alerts", "", ""))->body), 2);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_health_is_open),
        cmocka_unit_test(each_path_has_its_methods_and_errors),
        cmocka_unit_test(a_foreign_page_cannot_act),
        cmocka_unit_test(an_ack_waits_for_the_disk_and_says_when_it_fails),
        cmocka_unit_test(alerts_come_in_slices),
        cmocka_unit_test(listings_are_bounded_and_end_with_their_client),
        cmocka_unit_test(one_alert_a_site_of_two_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
