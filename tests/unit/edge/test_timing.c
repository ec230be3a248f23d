/* Alertmanager's timing rules, exact to the millisecond: the situations of its acceptance tests
 * about sending, inhibition and silences, played in virtual time. A play is a list of what happens
 * when, and a list of the notifications that come of it, neither more nor fewer. */
#include "common/base/json.h"
#include "common/base/time_text.h"
#include "tests/lib/edge_setup.h"
#include "tests/lib/test.h"

#define NONE (-1)

/* An alert as a source states it: times in ms of the play, NONE when it states none. */
struct said {
    int64_t at;
    const char *labels; /* a=1,b=2 */
    int64_t starts, ends;
    const char *annotation; /* of `ann`; NULL: none */
};

struct deed {
    int64_t at;
    enum { DEED_NONE, DEED_SILENCE, DEED_EXPIRE, DEED_RELOAD } what;
    const char *matcher; /* silence: JSON */
    int64_t starts, ends;
};

struct told {
    int64_t at;
    const char *hook;
    const char *alerts; /* labels[starts-ends] of each, in order; ends is absent while it fires */
};

struct play {
    const char *config;
    struct said said[12];
    struct deed deeds[4];
    struct told told[10];
    int64_t ends;
};

struct stage {
    struct driver d;
    struct arena *a;
    char silence[37];
    struct buf log; /* a line for each notification */
};

static struct str time_text(struct arena *a, int64_t ms)
{
    struct buf b;
    struct str s;

    buf_init(&b, 0);
    time_add_rfc3339_ms(&b, DRIVER_WALL_START + ms);
    s = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return s;
}

static void say(struct stage *st, const struct said *s)
{
    struct str rest = str_from(s->labels), pair, name;
    struct json_writer w;
    struct buf b;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    json_open_array(&w);
    json_open_object(&w);
    json_key(&w, "labels");
    json_open_object(&w);
    while (rest.n > 0 && str_split(&rest, ',', &pair) && str_split(&pair, '=', &name)) {
        json_key_str(&w, name);
        json_add_str(&w, pair);
    }
    json_close_object(&w);
    if (s->annotation != NULL) {
        json_key(&w, "annotations");
        json_open_object(&w);
        json_put_str(&w, "ann", str_from(s->annotation));
        json_close_object(&w);
    }
    if (s->starts != NONE)
        json_put_str(&w, "startsAt", time_text(st->a, s->starts));
    if (s->ends != NONE)
        json_put_str(&w, "endsAt", time_text(st->a, s->ends));
    json_close_object(&w);
    json_close_array(&w);
    assert_int_equal(edge_post(&st->d, b.p), 200);
    buf_clear(&b);
}

static void act(struct stage *st, const struct deed *deed, const char *config)
{
    uint64_t id;
    const char *found;

    if (deed->what == DEED_RELOAD) {
        edge_reconfigure(&st->d, config, NULL);
    } else if (deed->what == DEED_SILENCE) {
        id = driver_request(&st->d, "POST", "/api/v2/silences", "",
                            arena_fmt(st->a,
                                      "{\"matchers\":[%s],\"startsAt\":\"%s\",\"endsAt\":\"%s\","
                                      "\"createdBy\":\"\",\"comment\":\"\"}",
                                      deed->matcher, time_text(st->a, deed->starts).p,
                                      time_text(st->a, deed->ends).p)
                                .p);
        assert_int_equal(driver_reply(&st->d, id)->status, 200);
        found = strstr(driver_reply(&st->d, id)->body.p, ":\"");
        memcpy(st->silence, found + 2, 36);
    } else {
        id = driver_request(&st->d, "DELETE", arena_fmt(st->a, "/api/v2/silence/%s", st->silence).p,
                            "", "");
        assert_int_equal(driver_reply(&st->d, id)->status, 200);
    }
}

/* ---- what is told ---- */

static int64_t time_of(struct json_object *o, const char *key)
{
    struct str text = STR_EMPTY;
    int64_t ms;
    struct err err;

    assert_int_equal(json_get_str(o, key, &text, &err), 0);
    assert_int_equal(time_parse(text, &ms, &err), 0);
    return ms - DRIVER_WALL_START;
}

static void add_object(struct buf *b, struct json_object *o)
{
    const char *comma = "";

    json_object_object_foreach(o, key, value)
    {
        buf_add_fmt(b, "%s%s=%s", comma, key, json_object_get_string(value));
        comma = ",";
    }
}

static void note(struct stage *st, const struct driver_send *s, int64_t at)
{
    struct json_object *body, *alerts;
    struct err err;

    assert_int_equal(
        json_parse(str_from(s->body.p), (struct json_opt){.ignore_trailing = true}, &body, &err),
        0);
    alerts = json_find_nocase(body, "alerts");
    buf_add_fmt(&st->log, "%lld %s", (long long)at, s->url.p);
    for (size_t i = 0; i < json_object_array_length(alerts); i++) {
        struct json_object *a = json_object_array_get_idx(alerts, i);

        buf_add_char(&st->log, ' ');
        add_object(&st->log, json_find_nocase(a, "labels"));
        buf_add_fmt(&st->log, "[%lld-", (long long)time_of(a, "startsAt"));
        if (strcmp(json_object_get_string(json_find_nocase(a, "status")), "resolved") == 0)
            buf_add_fmt(&st->log, "%lld", (long long)time_of(a, "endsAt"));
        buf_add_char(&st->log, ']');
        add_object(&st->log, json_find_nocase(a, "annotations"));
    }
    buf_add_char(&st->log, '\n');
    json_object_put(body);
}

static void perform(const struct play *p)
{
    struct stage st = {.a = arena_new(0)};
    struct buf want;

    buf_init(&st.log, 0);
    buf_init(&want, 0);
    edge_setup(&st.d, p->config, NULL);
    for (int64_t at = 0; at <= p->ends; at++) {
        if (at > 0)
            driver_advance(&st.d, 1);
        for (size_t i = 0; i < ARRAY_SIZE(p->said) && p->said[i].labels != NULL; i++) {
            if (p->said[i].at == at)
                say(&st, &p->said[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(p->deeds); i++) {
            if (p->deeds[i].what != DEED_NONE && p->deeds[i].at == at)
                act(&st, &p->deeds[i], p->config);
        }
        while (driver_open_sends(&st.d) > 0) {
            note(&st, driver_open_send(&st.d, 0), at);
            driver_deliver(&st.d, driver_open_send(&st.d, 0)->id, 200);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(p->told) && p->told[i].hook != NULL; i++)
        buf_add_fmt(&want, "%lld http://%s/ %s\n", (long long)p->told[i].at, p->told[i].hook,
                    p->told[i].alerts);
    assert_string_equal(st.log.n > 0 ? st.log.p : "", want.n > 0 ? want.p : "");
    edge_teardown(&st.d);
    buf_clear(&st.log);
    buf_clear(&want);
    arena_free(st.a);
}

#define CONFIG(grouping, wait, interval, repeat, more) \
    "route: {receiver: r, group_by: " grouping ", group_wait: " wait ", group_interval: " interval \
    ", repeat_interval: " repeat "}\n" \
    "receivers: [{name: r, webhook_configs: [{url: 'http://h/'}]}]\n" more

/* ---- sending ---- */

static void statements_about_one_alert_are_merged(void **state)
{
    static const struct play play = {
        .config = CONFIG("[alertname]", "1s", "1s", "1ms", ""),
        .said = {{1000, "alertname=test", 1100, NONE, NULL},
                 {1200, "alertname=test", 1000, NONE, NULL}, /* later, with an earlier start */
                 {2100, "alertname=test", 2000, NONE, "v1"},
                 {3600, "alertname=test", 1500, NONE, "v2"}, /* the newest annotations */
                 {4600, "alertname=test", 3000, 4500, "v2"}, /* the latest of several ends */
                 {4800, "alertname=test", 2900, 4800, "v3"},
                 {4800, "alertname=test", 2900, 4100, "v3"},
                 {5300, "alertname=test", NONE, NONE, NULL}}, /* fires anew: nothing to merge */
        .told = {{2000, "h", "alertname=test[1000-]"},
                 {3000, "h", "alertname=test[1000-]ann=v1"},
                 {4000, "h", "alertname=test[1000-]ann=v2"},
                 {5000, "h", "alertname=test[1000-4800]ann=v3"},
                 {6300, "h", "alertname=test[5300-]"}},
        .ends = 7000,
    };

    (void)state;
    perform(&play);
}

static void it_is_repeated_until_it_ends(void **state)
{
    static const struct play play = {
        .config = CONFIG("[alertname]", "1s", "1s", "1ms", ""),
        .said = {{1000, "alertname=test", 1000, NONE, NULL},
                 {3500, "alertname=test", 1000, 3000, NULL}},
        .told = {{2000, "h", "alertname=test[1000-]"},
                 {3000, "h", "alertname=test[1000-]"},
                 {4000, "h", "alertname=test[1000-3000]"}},
        .ends = 12000,
    };

    (void)state;
    perform(&play);
}

static void alerts_are_told_in_batches(void **state)
{
    static const struct play play = {
        .config = CONFIG("[]", "1s", "1s", "4900ms", ""),
        .said = {{1100, "alertname=test1", 1000, NONE, NULL},
                 {1700, "alertname=test5", 1000, NONE, NULL},
                 {3300, "alertname=test2", 1500, NONE, NULL},
                 {3300, "alertname=test3", 1500, NONE, NULL},
                 {3300, "alertname=test4", 1600, NONE, NULL}},
        .told = {{2100, "h", "alertname=test1[1000-] alertname=test5[1000-]"},
                 {4100, "h",
                  "alertname=test1[1000-] alertname=test2[1500-] alertname=test3[1500-] "
                  "alertname=test4[1600-] alertname=test5[1000-]"},
                 {9100, "h",
                  "alertname=test1[1000-] alertname=test2[1500-] alertname=test3[1500-] "
                  "alertname=test4[1600-] alertname=test5[1000-]"}},
        .ends = 14000,
    };

    (void)state;
    perform(&play);
}

static void silence_of_the_source_resolves(void **state)
{
    static const struct play play = {
        .config = CONFIG("[alertname]", "1s", "5s", "4h", "global: {resolve_timeout: 10s}\n"),
        .said = {{1000, "alertname=test,lbl=v1", NONE, NONE, NULL},
                 {1000, "alertname=test,lbl=v2", NONE, NONE, NULL},
                 {1000, "alertname=test,lbl=v3", NONE, NONE, NULL}},
        .told = {{2000, "h",
                  "alertname=test,lbl=v1[1000-] alertname=test,lbl=v2[1000-] "
                  "alertname=test,lbl=v3[1000-]"},
                 {12000, "h",
                  "alertname=test,lbl=v1[1000-11000] alertname=test,lbl=v2[1000-11000] "
                  "alertname=test,lbl=v3[1000-11000]"}},
        .ends = 30000,
    };

    (void)state;
    perform(&play);
}

/* The second hook does not want resolved alerts, but its log must know of them. */
static void resolved_alerts_can_be_left_out(void **state)
{
    static const struct play play = {
        .config =
            "global: {resolve_timeout: 10s}\n"
            "route: {receiver: r, group_by: [alertname], group_wait: 1s, group_interval: 5s}\n"
            "receivers:\n"
            "- name: r\n"
            "  webhook_configs:\n"
            "  - {url: 'http://all/', send_resolved: true}\n"
            "  - {url: 'http://firing/', send_resolved: false}\n",
        .said = {{1000, "alertname=test,lbl=v1", NONE, NONE, NULL},
                 {1000, "alertname=test,lbl=v2", NONE, NONE, NULL},
                 {3000, "alertname=test,lbl=v1", 1000, 4000, NULL},
                 {3000, "alertname=test,lbl=v3", NONE, NONE, NULL},
                 {8000, "alertname=test,lbl=v3", 3000, NONE, NULL}},
        .told = {{2000, "all", "alertname=test,lbl=v1[1000-] alertname=test,lbl=v2[1000-]"},
                 {2000, "firing", "alertname=test,lbl=v1[1000-] alertname=test,lbl=v2[1000-]"},
                 {7000, "all",
                  "alertname=test,lbl=v1[1000-4000] alertname=test,lbl=v2[1000-] "
                  "alertname=test,lbl=v3[3000-]"},
                 {7000, "firing", "alertname=test,lbl=v2[1000-] alertname=test,lbl=v3[3000-]"},
                 {12000, "all", "alertname=test,lbl=v2[1000-11000] alertname=test,lbl=v3[3000-]"}},
        .ends = 12500,
    };

    (void)state;
    perform(&play);
}

/* Alertmanager counts the interval from the reload; here a group whose route stayed the same goes
 * on as if nothing had been. */
static void a_reload_repeats_nothing_and_delays_nothing(void **state)
{
    static const struct play play = {
        .config = CONFIG("[]", "1s", "6s", "10m", ""),
        .said = {{1000, "alertname=test1", NONE, NONE, NULL},
                 {4000, "alertname=test2", NONE, NONE, NULL}},
        .deeds = {{.at = 3000, .what = DEED_RELOAD}},
        .told = {{2000, "h", "alertname=test1[1000-]"},
                 {8000, "h", "alertname=test1[1000-] alertname=test2[4000-]"}},
        .ends = 20000,
    };

    (void)state;
    perform(&play);
}

static void after_a_start_nothing_is_told_for_a_while(void **state)
{
    static const struct play play = {
        .config = CONFIG("[]", "1s", "6s", "10m", ""),
        .said = {{1000, "alertname=test1", NONE, NONE, NULL},
                 {3000, "alertname=test2", NONE, NONE, NULL},
                 {4500, "alertname=test3", NONE, NONE, NULL}},
        .told = {{5000, "h",
                  "alertname=test1[1000-] alertname=test2[3000-] alertname=test3[4500-]"}},
        .ends = 10000,
    };

    (void)state;
    edge_setup_options.start_delay_ms = 5000;
    perform(&play);
    edge_setup_options.start_delay_ms = 0;
}

#define CONFIG_TWO \
    "route: {receiver: r, group_by: [alertname], group_wait: 1s, group_interval: 1s, " \
    "repeat_interval: 3s}\n" \
    "receivers:\n" \
    "- {name: r, webhook_configs: [{url: 'http://good/'}, {url: 'http://bad/'}]}\n"

/* The one that works is told once; the one that fails is told as soon as it works again. */
static void a_failing_hook_is_tried_again_and_the_other_one_is_not(void **state)
{
    struct driver d;
    size_t good = 0, bad = 0;
    int64_t accepted = 0;

    (void)state;
    edge_setup(&d, CONFIG_TWO, NULL);
    driver_advance(&d, 1000);
    edge_post(&d, "[{\"labels\":{\"alertname\":\"test1\"}}]");
    for (int64_t at = 1001; accepted == 0 && at < 7000; at++) {
        driver_advance(&d, 1);
        while (driver_open_sends(&d) > 0) {
            const struct driver_send *s = driver_open_send(&d, 0);
            bool works = strcmp(s->url.p, "http://good/") == 0 || at >= 4500;

            good += strcmp(s->url.p, "http://good/") == 0;
            bad += strcmp(s->url.p, "http://bad/") == 0;
            if (works && strcmp(s->url.p, "http://bad/") == 0)
                accepted = at;
            if (good + bad <= 2)
                assert_int_equal(at, 2000);
            driver_deliver(&d, s->id, works ? 200 : 500);
        }
    }
    assert_int_equal(good, 1);
    assert_true(bad >= 4);        /* 500 ms × 1.5ⁿ ± 50 % */
    assert_true(accepted < 6500); /* the last pause is 1.7 s ± 50 % at most */
    driver_advance(&d, 6000);
    assert_string_equal(driver_open_send(&d, 0)->url.p, "http://good/"); /* the repetition */
    edge_teardown(&d);
}

static void a_hook_that_is_too_slow_is_tried_again(void **state)
{
    struct driver d;
    const struct driver_send *s;

    (void)state;
    edge_setup(&d,
               "route: {receiver: r, group_wait: 1s, group_interval: 1m}\n"
               "receivers: [{name: r, webhook_configs: [{url: 'http://h/', timeout: 500ms}]}]\n",
               NULL);
    edge_post(&d, "[{\"labels\":{\"alertname\":\"test1\"}}]");
    driver_advance(&d, 1000);
    s = driver_open_send(&d, 0);
    assert_int_equal(s->timeout_ms, 500);
    driver_advance(&d, 500);
    driver_deliver_full(&d, &(struct engine_delivery){.send_id = s->id,
                                                      .outcome = SEND_AMBIGUOUS,
                                                      .retry_after_ms = -1,
                                                      .error = STR("timed out")});
    driver_advance(&d, 250); /* 500 ms ± 50 % from the beginning of the first attempt */
    assert_int_equal(driver_open_sends(&d), 1);
    edge_teardown(&d);
}

/* ---- inhibition ---- */

#define RULES \
    "inhibit_rules:\n" \
    "- {source_match: {alertname: JobDown}, target_match: {alertname: InstanceDown}, " \
    "equal: [job, zone]}\n"

static void what_is_inhibited_is_told_when_the_source_has_ended(void **state)
{
    static const struct play play = {
        .config = CONFIG("[]", "1s", "1s", "1s", RULES),
        .said = {{1000, "alertname=test1,job=j,zone=aa", NONE, NONE, NULL},
                 {1000, "alertname=InstanceDown,job=j,zone=aa", NONE, NONE, NULL},
                 {1000, "alertname=InstanceDown,job=j,zone=ab", NONE, NONE, NULL},
                 {2200, "alertname=JobDown,job=j,zone=aa", NONE, NONE, NULL},
                 {3600, "alertname=JobDown,job=j,zone=aa", 2200, 3600, NULL}},
        .told = {{2000, "h",
                  "alertname=InstanceDown,job=j,zone=aa[1000-] "
                  "alertname=InstanceDown,job=j,zone=ab[1000-] "
                  "alertname=test1,job=j,zone=aa[1000-]"},
                 {3000, "h",
                  "alertname=InstanceDown,job=j,zone=ab[1000-] "
                  "alertname=JobDown,job=j,zone=aa[2200-] "
                  "alertname=test1,job=j,zone=aa[1000-]"},
                 {4000, "h",
                  "alertname=InstanceDown,job=j,zone=aa[1000-] "
                  "alertname=InstanceDown,job=j,zone=ab[1000-] "
                  "alertname=JobDown,job=j,zone=aa[2200-3600] "
                  "alertname=test1,job=j,zone=aa[1000-]"}},
        .ends = 4500,
    };

    (void)state;
    perform(&play);
}

static void source_and_target_end_together_in_one_notification(void **state)
{
    static const struct play play = {
        .config = CONFIG("[]", "1s", "1s", "1s", RULES),
        .said = {{1000, "alertname=InstanceDown,job=j,zone=aa", NONE, NONE, NULL},
                 {1000, "alertname=JobDown,job=j,zone=aa", NONE, NONE, NULL},
                 {2600, "alertname=JobDown,job=j,zone=aa", 1000, 2600, NULL},
                 {2600, "alertname=InstanceDown,job=j,zone=aa", 1000, 2600, NULL}},
        .told = {{2000, "h", "alertname=JobDown,job=j,zone=aa[1000-]"},
                 {3000, "h",
                  "alertname=InstanceDown,job=j,zone=aa[1000-2600] "
                  "alertname=JobDown,job=j,zone=aa[1000-2600]"}},
        .ends = 6000,
    };

    (void)state;
    perform(&play);
}

static void an_empty_rule_inhibits_nothing(void **state)
{
    static const struct play play = {
        .config = CONFIG("[]", "1s", "1s", "1m", "inhibit_rules: [null]\n"),
        .said = {{1000, "alertname=test1", NONE, NONE, NULL},
                 {1000, "alertname=test2", NONE, NONE, NULL}},
        .told = {{2000, "h", "alertname=test1[1000-] alertname=test2[1000-]"}},
        .ends = 5000,
    };

    (void)state;
    perform(&play);
}

/* ---- silences ---- */

static void a_silence_mutes_while_it_is_active(void **state)
{
    static const struct play play = {
        .config = CONFIG("[]", "1s", "1s", "1ms", ""),
        .said = {{1000, "alertname=test1", 1000, NONE, NULL},
                 {1000, "alertname=test2", 1000, NONE, NULL}},
        .deeds = {{2300, DEED_SILENCE,
                   "{\"name\":\"alertname\",\"value\":\"test1\",\"isRegex\":false}", 2500, 4500}},
        .told = {{2000, "h", "alertname=test1[1000-] alertname=test2[1000-]"},
                 {3000, "h", "alertname=test2[1000-]"},
                 {4000, "h", "alertname=test2[1000-]"},
                 {5000, "h", "alertname=test1[1000-] alertname=test2[1000-]"}},
        .ends = 5500,
    };

    (void)state;
    perform(&play);
}

static void a_silence_that_is_deleted_mutes_no_more(void **state)
{
    static const struct play play = {
        .config = CONFIG("[]", "1s", "1s", "1ms", ""),
        .said = {{1000, "alertname=test1", 1000, NONE, NULL},
                 {1000, "alertname=test2", 1000, NONE, NULL}},
        .deeds = {{1300, DEED_SILENCE, "{\"name\":\"alertname\",\"value\":\".+\",\"isRegex\":true}",
                   1500, 100000},
                  {.at = 3500, .what = DEED_EXPIRE}},
        .told = {{4000, "h", "alertname=test1[1000-] alertname=test2[1000-]"}},
        .ends = 4500,
    };

    (void)state;
    perform(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_about_one_alert_are_merged),
        cmocka_unit_test(it_is_repeated_until_it_ends),
        cmocka_unit_test(alerts_are_told_in_batches),
        cmocka_unit_test(silence_of_the_source_resolves),
        cmocka_unit_test(resolved_alerts_can_be_left_out),
        cmocka_unit_test(a_reload_repeats_nothing_and_delays_nothing),
        cmocka_unit_test(after_a_start_nothing_is_told_for_a_while),
        cmocka_unit_test(a_failing_hook_is_tried_again_and_the_other_one_is_not),
        cmocka_unit_test(a_hook_that_is_too_slow_is_tried_again),
        cmocka_unit_test(what_is_inhibited_is_told_when_the_source_has_ended),
        cmocka_unit_test(source_and_target_end_together_in_one_notification),
        cmocka_unit_test(an_empty_rule_inhibits_nothing),
        cmocka_unit_test(a_silence_mutes_while_it_is_active),
        cmocka_unit_test(a_silence_that_is_deleted_mutes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
