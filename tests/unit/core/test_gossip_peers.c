/* Whom to join, and when the mesh has settled. */
#include "tests/lib/gossip_solo.h"

#include "common/core/gossip/gossip_metrics.h"

static size_t joins(const struct solo *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->out.ops_n; i++)
        n += s->out.ops[i].what == GOSSIP_STREAM_OPEN;
    return n;
}

/* Tells what came out to peers, as whoever uses both does. */
static void tell(struct peers *p, struct solo *s)
{
    for (size_t i = 0; i < s->out.events_n; i++)
        peers_event(p, s->now, &s->out.events[i]);
    forget(s);
}

static void fail_all_joins(struct peers *p, struct solo *s)
{
    size_t n = s->out.ops_n;

    for (size_t i = 0; i < n; i++)
        gossip_stream_closed(s->g, s->now, s->out.ops[i].id, STR("refused"), &s->out);
    tell(p, s);
}

static void test_configured_peers_are_joined_until_they_are_members(void **state)
{
    struct solo *s = solo();
    struct peers *p = peers_new((struct peers_options){0}, s->now);
    struct gossip_address v[] = {address_of(1), address_of(2), address_of(3)};

    (void)state;
    assert_true(peers_tick(p, s->now, s->g, &s->out));
    assert_false(peers_tick(p, s->now, s->g, &s->out));
    peers_resolved(p, s->now, s->g, v, 3, &s->out);
    assert_int_equal(joins(s), 2); /* not ourselves */
    peers_resolved(p, s->now, s->g, v, 3, &s->out);
    assert_int_equal(joins(s), 2); /* both are under way */
    fail_all_joins(p, s);
    assert_int_equal(peers_stats(p).refreshes_failed, 2);
    assert_int_equal(peers_stats(p).failed, 2);
    hear_alive(s, 2, 1);
    tell(p, s);
    assert_int_equal(peers_stats(p).failed, 1);
    s->now.mono_ms += 15000;
    assert_true(peers_tick(p, s->now, s->g, &s->out));
    assert_int_equal(joins(s), 1); /* the reconnection that is due */
    fail_all_joins(p, s);
    assert_int_equal(peers_stats(p).reconnections_failed, 1);
    peers_resolved(p, s->now, s->g, v, 3, &s->out);
    assert_int_equal(joins(s), 1);
    assert_true(gossip_address_eq(&s->out.ops[0].to, &v[2]));
    peers_free(p);
    done(s);
}

static void test_whoever_has_gone_is_tried_until_it_is_back_or_given_up(void **state)
{
    struct solo *s = solo();
    struct peers *p = peers_new((struct peers_options){.reconnect_timeout_ms = 60000}, s->now);

    (void)state;
    with_members(s, 3);
    hear(s, WIRE_DEAD, STR("n2"), 1, "n4");
    hear(s, WIRE_DEAD, STR("n3"), 1, "n3"); /* left on purpose: tried, too */
    tell(p, s);
    assert_int_equal(peers_stats(p).failed, 2);
    for (int i = 1; i <= 6; i++) {
        s->now.mono_ms = T0 + 10000 * i;
        (void)peers_tick(p, s->now, s->g, &s->out);
        assert_int_equal(joins(s), i <= 3 ? 2 : 1);
        fail_all_joins(p, s);
        if (i == 3) {
            hear_alive(s, 3, 2);
            tell(p, s);
        }
    }
    assert_int_equal(peers_stats(p).given_up, 0);
    s->now.mono_ms = T0 + 70001;
    (void)peers_tick(p, s->now, s->g, &s->out);
    assert_int_equal(joins(s), 0);
    assert_int_equal(peers_stats(p).given_up, 1);
    assert_int_equal(peers_stats(p).failed, 0);
    peers_free(p);
    done(s);
}

static void test_a_new_name_at_an_old_address_ends_the_search(void **state)
{
    struct solo *s = solo();
    struct peers *p = peers_new((struct peers_options){0}, s->now);

    (void)state;
    with_members(s, 1);
    hear_alive_at(s, STR("again"), 1, address_of(2), STR_EMPTY);
    hear(s, WIRE_DEAD, STR("n2"), 1, "again");
    tell(p, s);
    assert_int_equal(peers_stats(p).failed, 1);
    s->now.mono_ms += 10000;
    (void)peers_tick(p, s->now, s->g, &s->out);
    assert_int_equal(joins(s), 0);
    assert_int_equal(peers_stats(p).failed, 0);
    peers_free(p);
    done(s);
}

static void test_the_list_is_bounded(void **state)
{
    struct solo *s = solo();
    struct peers *p = peers_new((struct peers_options){0}, s->now);
    struct gossip_event e = {.kind = GOSSIP_GONE};

    (void)state;
    for (unsigned i = 0; i < PEERS_FAILED_MAX + 10; i++) {
        e.address = (struct gossip_address){
            .n = 4, .bytes = {10, 1, (uint8_t)(i >> 8), (uint8_t)i}, .port = 9094};
        s->now.mono_ms++;
        peers_event(p, s->now, &e);
    }
    assert_int_equal(peers_stats(p).failed, PEERS_FAILED_MAX);
    assert_int_equal(peers_stats(p).forgotten, 10);
    peers_free(p);
    done(s);
}

static void test_settled_means_the_same_number_for_a_while(void **state)
{
    static const struct {
        int64_t joins_until_ms; /* one more every second until then */
        int64_t ready_ms;
    } cases[] = {{0, 10000}, {5000, 14000}, {200000, 60000}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct solo *s = solo();
        struct peers *p = peers_new((struct peers_options){0}, s->now);
        int next = 2;

        for (int64_t t = 0; !peers_ready(p); t += 500) {
            s->now.mono_ms = T0 + t;
            if (t % 1000 == 0 && t <= cases[i].joins_until_ms && t > 0)
                hear_alive(s, next++, 1);
            (void)peers_tick(p, s->now, s->g, &s->out);
            forget(s);
            assert_int_equal(peers_ready(p), t >= cases[i].ready_ms);
        }
        peers_free(p);
        done(s);
    }
}

static void test_metrics_tell_what_happened(void **state)
{
    static const char *const lines[] = {
        "alertmanager_cluster_members 3\n",
        "alertmanager_cluster_failed_peers 1\n",
        "alertmanager_peer_position 0\n",
        "alertmanager_cluster_peers_left_total 1\n",
        "alertmanager_cluster_peer_info{peer=\"me\"} 1\n",
        "alertmanager_cluster_alive_messages_total{peer=\"n3\"} 2\n",
        "alertmanager_cluster_pings_seconds_bucket{peer=\"n3\",le=\"0.005\"} 0\n",
        "alertmanager_cluster_pings_seconds_bucket{peer=\"n3\",le=\"+Inf\"} 0\n",
        "alertmanager_cluster_messages_received_total{msg_type=\"update\"} 1\n",
        "alertmanager_cluster_messages_received_size_total{msg_type=\"update\"} 5\n",
        "tocsin_gossip_nodes{state=\"dead\"} 1\n",
        "tocsin_gossip_refused_total{reason=\"malformed\"} 1\n",
    };
    struct solo *s = solo();
    struct peers *p = peers_new((struct peers_options){.settle_timeout_ms = -1}, s->now);
    struct wire_message user = {.type = WIRE_USER, .user = STR("hello")};
    struct gossip_address from = address_of(3);
    struct metrics m;
    struct buf b;

    (void)state;
    assert_true(peers_ready(p));
    with_members(s, 3);
    hear_alive(s, 3, 1);
    hear(s, WIRE_DEAD, STR("n2"), 1, "n3");
    hear_packet(s, 3, &user);
    gossip_packet(s->g, s->now, &from, STR("\xff"), &s->out);
    tell(p, s);
    buf_init(&b, 0);
    metrics_init(&m, &b);
    gossip_metrics(&m, s->g, p, s->arena);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (!str_contains(buf_str(&b), str_from(lines[i])))
            fail_msg("no line %s in\n%s", lines[i], b.p);
    buf_clear(&b);
    peers_free(p);
    done(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configured_peers_are_joined_until_they_are_members),
        cmocka_unit_test(test_whoever_has_gone_is_tried_until_it_is_back_or_given_up),
        cmocka_unit_test(test_a_new_name_at_an_old_address_ends_the_search),
        cmocka_unit_test(test_the_list_is_bounded),
        cmocka_unit_test(test_metrics_tell_what_happened),
        cmocka_unit_test(test_settled_means_the_same_number_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
