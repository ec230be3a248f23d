#include "global/core/mirror_codec.h"
#include "tests/unit/global/incident_world.h"

/* Two globals; fra1's edge grants g1, and carries what each tells to the other. */
struct pair {
    struct world a, b;
    struct relay ab, ba;
};

static void pair_init(struct pair *p)
{
    *p = (struct pair){.ab = {0}};
    world_init_config(&p->a, "g1", TWO);
    world_init_config(&p->b, "g2", TWO);
    grant(&p->a, fra_e1, UUID_A);
    beat_holder(&p->b, fra_e1, UUID_A, "g1");
}

static void pair_clear(struct pair *p)
{
    world_clear(&p->a);
    world_clear(&p->b);
}

static void carry(struct pair *p)
{
    for (int n = 0; n < 3; n++) {
        relay(&p->ab, &p->a, &p->b, fra_e1, UUID_A);
        relay(&p->ba, &p->b, &p->a, fra_e1, UUID_A);
    }
}

#define BOTH(p, ...) \
    do { \
        SAY(&(p)->a, fra_e1, UUID_A, __VA_ARGS__); \
        SAY(&(p)->b, fra_e1, UUID_A, __VA_ARGS__); \
    } while (0)

/* g1 dies; its term ends; the edge grants g2. */
static void fail_over(struct pair *p)
{
    advance(&p->b, 31000);
    stay(&p->b, fra_e1, UUID_A, 10000);
}

static void ids_are_equal_and_a_position_is_taken_over(void **state)
{
    struct pair p;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    assert_string_equal(newest(&p.a)->id, newest(&p.b)->id);
    deliver_all(&p.a);
    carry(&p);
    assert_int_equal(newest(&p.b)->at.step, 0);
    assert_true(newest(&p.b)->marks.v[0].done);
    fail_over(&p);
    assert_int_equal(p.b.sent.n, 0); /* step 1 is known to be accepted */
    stay(&p.b, fra_e1, UUID_A, 80000);
    assert_int_equal(pages_to(&p.b, "http://lead/"), 1); /* step 2 follows when it is due */
    assert_int_equal(pages_to(&p.b, "http://pager/"), 0);
    pair_clear(&p);
}

static void a_page_still_owed_is_sent_by_the_next_node(void **state)
{
    struct pair p;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1); /* accepted by nobody yet */
    carry(&p);
    assert_int_equal(p.b.sent.n, 0);
    fail_over(&p);
    assert_int_equal(pages_to(&p.b, "http://pager/"), 1);
    assert_non_null(strstr(last_page(&p.b)->body, "\"possible_duplicate\":\"takeover\""));
    pair_clear(&p);
}

static void an_acks_200_waits_for_the_mirror_and_is_never_forgotten(void **state)
{
    struct pair p;
    uint64_t id;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    deliver_all(&p.a);
    carry(&p);
    id = act(&p.a, newest(&p.a), "ack", "{\"comment\":\"mine\"}");
    assert_int_equal(world_status(&p.a, id), 0);
    carry(&p);
    assert_answer(&p.a, id, 200, "\"effective\":true");
    assert_true(incident_acked(newest(&p.b)));
    assert_string_equal(newest(&p.b)->acks.v[0].user, "alice");
    fail_over(&p);
    stay(&p.b, fra_e1, UUID_A, 600000);
    assert_int_equal(p.b.sent.n, 0);
    world_restart(&p.b);
    stay(&p.b, fra_e1, UUID_A, 300000);
    assert_int_equal(p.b.sent.n, 0);
    pair_clear(&p);
}

static void an_unconfirmed_ack_is_202(void **state)
{
    struct pair p;
    uint64_t id;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    id = act(&p.a, newest(&p.a), "ack", "");
    advance(&p.a, 2999);
    assert_int_equal(world_status(&p.a, id), 0);
    advance(&p.a, 1);
    assert_answer(&p.a, id, 202, "\"effective\":false");
    assert_int_equal(real(&p.a)->incidents->counts.acks_in_transit, 1);
    pair_clear(&p);
}

/* The edge grants somebody else while the ack waits: nobody has confirmed anything. */
static void an_ack_whose_duty_ends_is_202(void **state)
{
    struct pair p;
    uint64_t id;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    advance(&p.a, 29000);
    id = act(&p.a, newest(&p.a), "ack", "");
    advance(&p.a, 1500);
    assert_int_equal(world_status(&p.a, id), 0);
    advance(&p.a, 1500);
    assert_answer(&p.a, id, 202, "\"effective\":false");
    pair_clear(&p);
}

static void another_nodes_incident_is_421_and_503(void **state)
{
    struct pair p;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    assert_answer(&p.b, act(&p.b, newest(&p.b), "ack", ""), 421, "https://g1:9193");
    assert_answer(&p.b, act(&p.b, newest(&p.b), "unack", ""), 503, "https://g1:9193");
    assert_answer(&p.b, act(&p.b, newest(&p.b), "resolve", ""), 503, "\"node\":\"g1\"");
    assert_int_equal(newest(&p.b)->acks.n, 0);
    pair_clear(&p);
}

/* Nobody is known to page: kept, and told when it reaches the node that does. */
static void an_ack_without_a_pager_is_kept(void **state)
{
    struct pair p;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    deliver_all(&p.a);
    carry(&p);
    advance(&p.b, 40000); /* what the edge said of g1 has lapsed */
    assert_answer(&p.b, act(&p.b, newest(&p.b), "ack", ""), 202, "false");
    carry(&p);
    assert_true(incident_acked(newest(&p.a)));
    stay(&p.a, fra_e1, UUID_A, 300000);
    assert_int_equal(p.a.sent.n, 1);
    pair_clear(&p);
}

static void a_forced_resolve_travels(void **state)
{
    struct pair p;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    carry(&p);
    assert_answer(&p.a, act(&p.a, newest(&p.a), "resolve", ""), 409, "force");
    assert_answer(&p.a, act(&p.a, newest(&p.a), "resolve", "{\"force\":true}"), 200, "true");
    carry(&p);
    assert_true(newest(&p.b)->resolved);
    fail_over(&p);
    assert_int_equal(p.b.sent.n, 0);
    pair_clear(&p);
}

/* g1 missed that the alert was resolved and fired again: gen 1 and its ack must not stand in the
 * way of gen 2. */
static void generations_converge_upwards(void **state)
{
    struct pair p;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    deliver_all(&p.a);
    carry(&p);
    (void)act(&p.a, newest(&p.a), "ack", "");
    carry(&p);
    SAY(&p.b, fra_e1, UUID_A, .seq = 2, .state = "resolved");
    stay(&p.b, fra_e1, UUID_A, 400000);
    grant(&p.b, fra_e1, UUID_A);
    SAY(&p.b, fra_e1, UUID_A, .seq = 3, .episode = 3);
    assert_int_equal(newest(&p.b)->generation, 2);
    carry(&p);
    assert_int_equal(newest(&p.a)->generation, 2);
    assert_string_equal(newest(&p.a)->id, newest(&p.b)->id);
    assert_false(incident_acked(newest(&p.a)));
    assert_int_equal(real(&p.a)->incidents->open_n, 1);
    assert_int_equal(newest(&p.a)->members_n, 1);
    world_restart(&p.a);
    assert_int_equal(newest(&p.a)->members_n, 1);
    pair_clear(&p);
}

/* A position that another node claimed a moment ago, with its page under way: no second one. */
static void a_step_heard_of_is_not_sent_again_at_once(void **state)
{
    struct pair p;
    struct str winner;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    carry(&p); /* g2 knows of the step, not of its end */
    grant(&p.b, fra_e1, UUID_A);
    assert_true(escalate_pager(real(&p.b), newest(&p.b), &winner) == PAGER_SELF);
    tick(&p.b);
    assert_int_equal(p.b.sent.n, 0);
    deliver_all(&p.a);
    carry(&p);
    stay(&p.b, fra_e1, UUID_A, 20000);
    assert_int_equal(p.b.sent.n, 0);
    pair_clear(&p);
}

/* The clock of the node that claims is hours behind: the other one does not step in early. */
static void a_wrong_clock_is_no_takeover(void **state)
{
    struct pair p;

    (void)state;
    pair_init(&p);
    p.a.now.wall_ms -= 5 * MS_PER_H;
    grant(&p.a, fra_e1, UUID_A);
    grant(&p.b, ams_e1, UUID_B);
    BOTH(&p, .seq = 1);
    SAY(&p.b, ams_e1, UUID_B, .seq = 1);
    deliver_all(&p.a);
    carry(&p);
    beat_holder(&p.b, fra_e1, UUID_A, "g1");
    for (int n = 0; n < 3; n++) {
        struct str winner;

        grant(&p.b, ams_e1, UUID_B);
        beat_holder(&p.b, fra_e1, UUID_A, "g1");
        if (escalate_pager(real(&p.b), newest(&p.b), &winner) != PAGER_OTHER)
            break; /* then it is its turn */
        advance(&p.b, 10000);
        assert_int_equal(p.b.sent.n, 0);
    }
    pair_clear(&p);
}

/* An incident of very many sites still tells its position and its acks. */
static void a_mirror_that_is_too_long_is_cut(void **state)
{
    struct pair p;
    char site[64];

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    deliver_all(&p.a);
    for (int n = 0; n < 1500; n++) {
        (void)snprintf(site, sizeof(site), "a-site-with-quite-a-long-name-in-the-middle-%d", n);
        (void)incident_add_site(newest(&p.a), str_from(site));
    }
    (void)act(&p.a, newest(&p.a), "ack", "");
    carry(&p);
    assert_true(incident_acked(newest(&p.b)));
    assert_true(real(&p.a)->incidents->counts.mirrors_cut > 0);
    pair_clear(&p);
}

static void send_one(struct world *w, const struct mirror *m)
{
    struct json_writer j;
    struct buf b;

    buf_init(&b, 0);
    json_writer_init(&j, &b);
    json_open_object(&j);
    json_put_i64(&j, "v", 1);
    json_put_str(&j, "stream", STR(UUID_A));
    json_key(&j, "mirrors");
    json_open_array(&j);
    json_open_object(&j);
    mirror_write(&j, m);
    json_close_object(&j);
    json_close_array(&j);
    json_close_object(&j);
    assert_answer(w, world_post(w, fra_e1, "journal", b.p), 200, "true");
    buf_clear(&b);
}

/* g1 was away with its store when its incident was resolved. An edge still carries what g1 said
 * before, and tells it after what g2 says: that is no news of the incident, and the ack of it is
 * not for what fires later. */
static void what_we_said_before_a_lost_store_is_the_oldest_word(void **state)
{
    char id[INCIDENT_ID_N + 1];
    struct pair p;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    deliver_all(&p.a);
    carry(&p);
    (void)act(&p.a, newest(&p.a), "ack", "");
    carry(&p);
    SAY(&p.b, fra_e1, UUID_A, .seq = 2, .state = "resolved");
    memcpy(id, newest(&p.b)->id, sizeof(id));
    world_clear(&p.a);
    world_init_config(&p.a, "g1", TWO);
    p.a.now.wall_ms = p.b.now.wall_ms + 10 * MS_PER_MIN;
    grant(&p.a, fra_e1, UUID_A);
    send_one(&p.a, mirror_find(real(&p.b), STR("g2"), str_from(id)));
    send_one(&p.a, mirror_find(real(&p.b), STR("g1"), str_from(id)));
    assert_int_equal(count(&p.a), 0);
    SAY(&p.a, fra_e1, UUID_A, .seq = 1, .episode = 3); /* its rows begin anew */
    assert_int_equal(pages_to(&p.a, "http://pager/"), 1);
    assert_int_equal(newest(&p.a)->generation, 2);
    assert_false(incident_acked(newest(&p.a)));
    pair_clear(&p);
}

static void odd_bodies_change_nothing(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"dedup_key\":5}",
        "{\"dedup_key\":\"0123456789abcdef0123456789abcdef\",\"generation\":0}",
        "{\"dedup_key\":\"0123456789abcdef0123456789abcdef\",\"generation\":1,\"step\":99}",
        "{\"dedup_key\":\"0123456789abcdef0123456789abcdef\",\"generation\":1,\"phase\":2}",
        ("{\"dedup_key\":\"0123456789abcdef0123456789abcdef\",\"generation\":1,\"acks\":[5,null,{}]"
         ","
         "\"revoked\":[5],\"pages\":[null,7,{\"target\":\"\"}],\"step\":0}"),
    };
    struct pair p;

    (void)state;
    pair_init(&p);
    BOTH(&p, .seq = 1);
    for (size_t n = 0; n < ARRAY_SIZE(bodies); n++) {
        struct mirror *m = mirror_find(real(&p.a), STR("g1"), incident_id(newest(&p.a)));
        char *was = m->text;

        m->body = str_from(bodies[n]); /* signed, so it comes from a node, but an odd one */
        m->epoch += 1;
        mirror_sign(real(&p.a), m);
        send_one(&p.b, m);
        m->body = str_from(was);
    }
    assert_int_equal(newest(&p.b)->acks.n, 0);
    assert_int_equal(newest(&p.b)->at.step, -1);
    assert_int_equal(real(&p.b)->incidents->counts.refused, ARRAY_SIZE(bodies));
    pair_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_equal_and_a_position_is_taken_over),
        cmocka_unit_test(a_page_still_owed_is_sent_by_the_next_node),
        cmocka_unit_test(an_acks_200_waits_for_the_mirror_and_is_never_forgotten),
        cmocka_unit_test(an_unconfirmed_ack_is_202),
        cmocka_unit_test(an_ack_whose_duty_ends_is_202),
        cmocka_unit_test(another_nodes_incident_is_421_and_503),
        cmocka_unit_test(an_ack_without_a_pager_is_kept),
        cmocka_unit_test(a_forced_resolve_travels),
        cmocka_unit_test(generations_converge_upwards),
        cmocka_unit_test(a_step_heard_of_is_not_sent_again_at_once),
        cmocka_unit_test(a_wrong_clock_is_no_takeover),
        cmocka_unit_test(a_mirror_that_is_too_long_is_cut),
        cmocka_unit_test(what_we_said_before_a_lost_store_is_the_oldest_word),
        cmocka_unit_test(odd_bodies_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
