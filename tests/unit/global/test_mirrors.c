#include "tests/unit/global/fixture.h"

/* What the next step does on behalf of the incident side. */
static struct {
    const char *incident, *site, *body;
    bool forget;
} todo;

static void do_it(struct global *g, struct out *out)
{
    struct site *site = todo.site != NULL ? site_find(g, str_from(todo.site)) : NULL;

    if (todo.forget)
        mirror_forget(g, str_from(todo.incident), out);
    else
        mirror_touch(g, str_from(todo.incident), &site, site != NULL, str_from(todo.body), out);
}

static void touch(struct world *w, const char *incident, const char *site, const char *body)
{
    struct engine_input tick = {.kind = ENGINE_TICK};

    todo.incident = incident;
    todo.site = site;
    todo.body = body;
    todo.forget = false;
    inside_step = do_it;
    world_step(w, &tick);
}

static void forget(struct world *w, const char *incident)
{
    struct engine_input tick = {.kind = ENGINE_TICK};

    todo.incident = incident;
    todo.forget = true;
    inside_step = do_it;
    world_step(w, &tick);
}

static uint64_t poll(struct world *w, struct peer peer, const char *uuid, uint64_t epoch,
                     uint64_t since)
{
    char query[128];

    (void)snprintf(query, sizeof(query), "stream=%s&epoch=%lu&since=%lu", uuid, epoch, since);
    return world_request(w, peer, "GET", "/federation/v1/directives", query, "");
}

static void grant(struct world *w, struct peer peer, const char *uuid)
{
    char more[128];

    (void)snprintf(more, sizeof(more),
                   ",\"echo\":{\"node\":\"g1\",\"boot\":\"" BOOT "\",\"mono_ms\":%ld}",
                   w->now.mono_ms);
    (void)world_beat(w, peer, uuid, 0, more);
}

static void test_poll_waits_for_news_and_its_commit(void **state)
{
    struct world w;
    uint64_t first, held, other;

    (void)state;
    world_init(&w);
    first = poll(&w, fra_e1, UUID_A, 0, 0);
    assert_answer(&w, first, 200, "{\"v\":1,\"epoch\":1,\"mirrors\":[],\"upto\":0}");
    held = poll(&w, fra_e1, UUID_A, 1, 0);
    other = poll(&w, ams_e1, UUID_B, 1, 0);
    assert_int_equal(world_status(&w, held), 0);
    w.manual = true;
    touch(&w, "i1", "fra1", "{\"a\":1}");
    assert_int_equal(world_status(&w, held), 0);
    world_commit(&w);
    assert_answer(&w, held, 200, "\"incident\":\"i1\",\"origin\":\"g1\",\"epoch\":1,\"ver\":1,");
    assert_answer(&w, held, 200, "\"upto\":1}");
    assert_int_equal(world_status(&w, other), 0); /* not its site */
    /* About sites themselves: everybody's. */
    touch(&w, "i2", NULL, "{}");
    world_commit(&w);
    assert_answer(&w, other, 200, "\"incident\":\"i2\"");
    assert_null(strstr(world_answer(&w, other)->body, "\"i1\""));
    world_clear(&w);
}

static void test_poll_ends_after_25_s(void **state)
{
    struct world w;
    int64_t t;
    uint64_t id;

    (void)state;
    world_init(&w);
    (void)poll(&w, fra_e1, UUID_A, 0, 0);
    t = w.now.mono_ms;
    id = poll(&w, fra_e1, UUID_A, 1, 0);
    world_run_to(&w, t + 24999);
    assert_int_equal(world_status(&w, id), 0);
    world_run_to(&w, t + 25000);
    assert_answer(&w, id, 200, "\"mirrors\":[],\"upto\":0");
    /* One under way: a second one takes its place. A client that left is forgotten. */
    id = poll(&w, fra_e1, UUID_A, 1, 0);
    assert_int_equal(world_status(&w, id), 0);
    assert_int_equal(world_status(&w, poll(&w, fra_e1, UUID_A, 1, 0)), 0);
    assert_int_equal(world_status(&w, id), 200);
    world_step(&w, &(struct engine_input){.kind = ENGINE_GONE, .request_id = w.next_request - 1});
    world_run_to(&w, t + 60000);
    assert_int_equal(world_status(&w, w.next_request - 1), 0);
    id = poll(&w, fra_e1, UUID_A, 1, 0);
    world_step(&w, &(struct engine_input){.kind = ENGINE_STOP});
    assert_int_equal(world_status(&w, id), 200);
    world_clear(&w);
}

static void test_only_the_newest_version_comes(void **state)
{
    struct world w;
    uint64_t id;

    (void)state;
    world_init(&w);
    (void)poll(&w, fra_e1, UUID_A, 0, 0);
    touch(&w, "i1", "fra1", "{\"a\":1}");
    touch(&w, "i2", "fra1", "{\"a\":1}");
    touch(&w, "i1", "fra1", "{\"a\":2}");
    touch(&w, "i1", "fra1", "{\"a\":2}"); /* says nothing new */
    id = poll(&w, fra_e1, UUID_A, 1, 0);
    assert_answer(&w, id, 200, "\"upto\":3}");
    assert_answer(&w, id, 200, "\"ver\":2,");
    assert_answer(&w, id, 200, "{\\\"a\\\":2}");
    assert_null(strstr(world_answer(&w, id)->body, "\"ver\":1,"));
    world_restart(&w); /* the counter goes on, in the same epoch */
    touch(&w, "i3", "fra1", "{}");
    id = poll(&w, fra_e1, UUID_A, 1, 3);
    assert_answer(&w, id, 200, "\"incident\":\"i3\",\"origin\":\"g1\",\"epoch\":1,\"ver\":4");
    assert_null(strstr(world_answer(&w, id)->body, "\"i1\""));
    forget(&w, "i3");
    assert_null(mirror_find(world_global(&w), STR("g1"), STR("i3")));
    world_restart(&w);
    assert_int_equal(world_global(&w)->mirrors.n, 2);
    assert_int_equal(world_global(&w)->mirrors.ver, 4);
    world_clear(&w);
}

static void test_acks_go_down(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    touch(&w, "i1", "fra1", "{\"acks\":[]}");
    touch(&w, "i1", "fra1", "{\"acks\":[{\"id\":\"a\"}]}");
    (void)poll(&w, fra_e1, UUID_A, 0, 0);
    assert_answer(&w, w.next_request - 1, 200, "\\\"acks\\\":[{");
    world_clear(&w);
}

static void test_confirmation(void **state)
{
    struct world w;
    struct global *g;

    (void)state;
    world_init(&w);
    g = world_global(&w);
    (void)poll(&w, fra_e1, UUID_A, 0, 0);
    (void)poll(&w, ams_e1, UUID_B, 0, 0);
    assert_false(mirror_confirmed(g, STR("i1")));
    touch(&w, "i1", "fra1", "{}");
    assert_true(mirror_confirmed(g, STR("i1"))); /* nobody grants us duty */
    grant(&w, fra_e1, UUID_A);
    grant(&w, ams_e1, UUID_B); /* not concerned */
    assert_false(mirror_confirmed(g, STR("i1")));
    (void)poll(&w, fra_e1, UUID_A, 1, 0);
    assert_false(mirror_confirmed(g, STR("i1")));
    (void)poll(&w, fra_e1, UUID_A, 1, 1);
    assert_true(mirror_confirmed(g, STR("i1")));
    assert_int_equal(heard.confirmed, 1);
    touch(&w, "i1", "fra1", "{\"b\":1}");
    assert_false(mirror_confirmed(g, STR("i1")));
    (void)poll(&w, fra_e1, UUID_A, 7, 2); /* of another epoch: confirms nothing */
    assert_false(mirror_confirmed(g, STR("i1")));
    world_clear(&w);
}

/* Nothing can be confirmed before it was told. */
static void test_confirmation_from_the_future(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    grant(&w, fra_e1, UUID_A);
    /* It has what this node has never said, in the same epoch: the store is a new one. */
    assert_answer(&w, poll(&w, fra_e1, UUID_A, 1, 1000), 200, "\"epoch\":2,");
    touch(&w, "i1", "fra1", "{}");
    assert_false(mirror_confirmed(world_global(&w), STR("i1")));
    assert_int_equal(mirror_find(world_global(&w), STR("g1"), STR("i1"))->epoch, 2);
    world_clear(&w);
}

/* An edge knows an epoch of ours that we do not: our store is an older one, or new. */
static void test_lost_store_raises_the_epoch(void **state)
{
    struct world w;
    uint64_t id;

    (void)state;
    world_init(&w);
    touch(&w, "i1", "fra1", "{}");
    touch(&w, "i2", NULL, "{}");
    id = poll(&w, fra_e1, UUID_A, 5, 77);
    assert_answer(&w, id, 200, "\"epoch\":6,\"mirrors\":[]"); /* not stored before this commit */
    id = poll(&w, fra_e1, UUID_A, 6, 0);
    assert_answer(&w, id, 200, "\"origin\":\"g1\",\"epoch\":6,\"ver\":");
    world_restart(&w);
    assert_int_equal(world_global(&w)->mirrors.epoch, 6);
    assert_answer(&w, poll(&w, fra_e1, UUID_A, UINT64_MAX, 0), 400, "bad_request");
    assert_answer(&w, poll(&w, fra_e1, UUID_A, 6 + 1000001, 0), 400, "bad_request");
    /* A store that is known to have lost something says so itself. */
    rows_drop(&w.queued);
    engine_free(w.engine);
    world_start(&w, BOOT, true);
    assert_int_equal(world_global(&w)->mirrors.epoch, 7);
    assert_int_equal(mirror_find(world_global(&w), STR("g1"), STR("i1"))->epoch, 7);
    world_clear(&w);
}

static void test_answers_are_bounded(void **state)
{
    struct world w;
    struct buf body;
    uint64_t id, since = 0, polls = 0;

    (void)state;
    world_init(&w);
    (void)poll(&w, fra_e1, UUID_A, 0, 0);
    buf_init(&body, 0);
    buf_add_fmt(&body, "{\"x\":\"%060000d\"}", 1);
    for (int i = 0; i < 40; i++) {
        char incident[16];

        (void)snprintf(incident, sizeof(incident), "i%d", i);
        touch(&w, incident, i % 2 != 0 ? "fra1" : "ams1", body.p);
    }
    while (since < 40) {
        const char *upto;

        id = poll(&w, fra_e1, UUID_A, 1, since);
        assert_int_equal(world_status(&w, id), 200);
        upto = strstr(world_answer(&w, id)->body, "\"upto\":");
        since = strtoul(upto + 7, NULL, 10);
        polls++;
        assert_true(world_answer(&w, id)->body[0] == '{' && polls < 10);
    }
    buf_clear(&body);
    world_clear(&w);
}

/* ---- journal ---- */

/* What g1 tells an edge of fra1 about its incident i1, as an edge would pass it on. */
static char *told_by(const char *node, const char *incident, const char *body, int touches)
{
    struct world w;
    const char *from, *to;
    char *text;
    uint64_t id;

    world_init_as(&w, node);
    (void)poll(&w, fra_e1, UUID_A, 0, 0);
    for (int i = 0; i < touches; i++) {
        char b[64];

        (void)snprintf(b, sizeof(b), "{\"n\":%d}", i);
        touch(&w, incident, "fra1", i == touches - 1 ? body : b);
    }
    id = poll(&w, fra_e1, UUID_A, 1, 0);
    from = strstr(world_answer(&w, id)->body, "\"mirrors\":") + 10;
    to = strstr(from, ",\"upto\"");
    text = xstrndup(from, (size_t)(to - from));
    world_clear(&w);
    return text;
}

static uint64_t journal(struct world *w, const char *mirrors)
{
    struct buf b;
    uint64_t id;

    buf_init(&b, 0);
    buf_add_fmt(&b, "{\"v\":1,\"stream\":\"" UUID_A "\",\"mirrors\":%s}", mirrors);
    id = world_post(w, fra_e1, "journal", b.p);
    buf_clear(&b);
    return id;
}

static void test_journal(void **state)
{
    char *old = told_by("g2", "i1", "{\"state\":\"triggered\"}", 1);
    char *new = told_by("g2", "i1", "{\"state\":\"acknowledged\"}", 2);
    struct world w;
    struct mirror *m;
    uint64_t id;

    (void)state;
    world_init(&w);
    w.manual = true;
    id = journal(&w, new);
    assert_int_equal(world_status(&w, id), 0);
    assert_int_equal(heard.mirrors, 1);
    assert_string_equal(heard.last_mirror, "i1");
    world_commit(&w);
    assert_answer(&w, id, 200, "{\"v\":1,\"receipt\":true}");
    w.manual = false;
    /* Replayed, or late: nothing happens, and there is a receipt. */
    assert_answer(&w, journal(&w, old), 200, "receipt");
    assert_answer(&w, journal(&w, new), 200, "receipt");
    assert_int_equal(heard.mirrors, 1);
    world_restart(&w);
    m = mirror_other_first(world_global(&w));
    assert_non_null(m);
    assert_str_eq(m->body, "{\"state\":\"acknowledged\"}");
    assert_null(mirror_other_next(m));
    /* Another node's register does not go down as a directive of ours. */
    (void)poll(&w, fra_e1, UUID_A, 0, 0);
    assert_int_equal(world_status(&w, poll(&w, fra_e1, UUID_A, 1, 0)), 0);
    forget(&w, "i1");
    assert_int_equal(world_global(&w)->mirrors.n, 0);
    free(old);
    free(new);
    world_clear(&w);
}

static void test_forged_mirrors(void **state)
{
    char *good = told_by("g2", "i1", "{\"acks\":[]}", 1), *bad = xstrdup(good);
    struct world w;
    struct buf both;

    (void)state;
    world_init(&w);
    memcpy(strstr(bad, "acks"), "ackz", 4);
    assert_answer(&w, journal(&w, bad), 200, "receipt");
    assert_int_equal(heard.mirrors, 0);
    assert_int_equal(world_global(&w)->counts.refused[REFUSED_MAC], 1);
    /* The rest of the request stands. */
    buf_init(&both, 0);
    buf_add_fmt(&both, "[%.*s,%s", (int)strlen(bad) - 2, bad + 1, good + 1);
    assert_answer(&w, journal(&w, both.p), 200, "receipt");
    assert_int_equal(heard.mirrors, 1);
    buf_clear(&both);
    world_clear(&w);
    /* Without a key nothing can be believed. */
    world_init(&w);
    world_global(&w)->config->secret = STR_EMPTY;
    (void)journal(&w, good);
    assert_int_equal(heard.mirrors, 0);
    free(good);
    free(bad);
    world_clear(&w);
}

/* What we said ourselves before our store was lost. */
static void test_own_mirror_comes_back(void **state)
{
    char *own = told_by("g1", "i1", "{\"a\":1}", 3);
    struct world w;

    (void)state;
    world_init(&w);
    assert_answer(&w, journal(&w, own), 200, "receipt");
    assert_int_equal(heard.mirrors, 1);
    assert_int_equal(world_global(&w)->mirrors.n, 0);     /* it is ours to say again */
    assert_int_equal(world_global(&w)->mirrors.epoch, 2); /* … so that edges take it for newer */
    free(own);
    world_clear(&w);
}

static void test_bad_journals(void **state)
{
    static const char *const mirrors[] = {
        "7",
        "[7]",
        "[{}]",
        "[{\"incident\":\"i\",\"origin\":\"G "
        "2\",\"epoch\":1,\"ver\":1,\"body\":\"{}\",\"mac\":\"\"}]",
        "[{\"incident\":\"i\",\"origin\":\"g2\",\"epoch\":1,\"ver\":1,\"body\":\"[]\",\"mac\":"
        "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}]",
        "[{\"incident\":\"i\\u0000\",\"origin\":\"g2\",\"epoch\":1,\"ver\":1,\"body\":\"{}\","
        "\"mac\":"
        "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}]",
    };
    struct world w;

    (void)state;
    world_init(&w);
    for (size_t i = 0; i < ARRAY_SIZE(mirrors); i++)
        assert_answer(&w, journal(&w, mirrors[i]), 400, "bad_request");
    world_clear(&w);
}

static void test_bound_of_mirrors(void **state)
{
    char *one = told_by("g2", "i1", "{}", 1), *two = told_by("g2", "i2", "{}", 1);
    struct world w;

    (void)state;
    world_init(&w);
    world_global(&w)->limits.mirrors_max = 1;
    assert_answer(&w, journal(&w, one), 200, "receipt");
    assert_answer(&w, journal(&w, two), 503, "too_many_mirrors");
    free(one);
    free(two);
    world_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poll_waits_for_news_and_its_commit),
        cmocka_unit_test(test_poll_ends_after_25_s),
        cmocka_unit_test(test_only_the_newest_version_comes),
        cmocka_unit_test(test_acks_go_down),
        cmocka_unit_test(test_confirmation),
        cmocka_unit_test(test_confirmation_from_the_future),
        cmocka_unit_test(test_lost_store_raises_the_epoch),
        cmocka_unit_test(test_answers_are_bounded),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_forged_mirrors),
        cmocka_unit_test(test_own_mirror_comes_back),
        cmocka_unit_test(test_bad_journals),
        cmocka_unit_test(test_bound_of_mirrors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
