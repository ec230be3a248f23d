/* The rules one by one: who is alive, suspect, dead or gone, and how that is found out. */
#include "tests/lib/gossip_solo.h"

#include "common/core/gossip/timing.h"

/* ---- formulas ---- */

static void test_formulas_agree_with_memberlist(void **state)
{
    static const struct {
        size_t n;
        size_t limit;
        int64_t min_ms, push_pull_ms;
    } cases[] = {
        {1, 4, 4000, 60000},     {3, 4, 4000, 60000},       {9, 4, 4000, 60000},
        {10, 8, 4000, 60000},    {32, 8, 6020, 60000},      {33, 8, 6072, 120000},
        {64, 8, 7224, 120000},   {65, 8, 7248, 180000},     {99, 8, 7980, 180000},
        {100, 12, 8000, 180000}, {1000, 16, 12000, 360000},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(timing_transmit_limit(4, cases[i].n), cases[i].limit);
        assert_int_equal(timing_suspicion_min_ms(4, cases[i].n, 1000), cases[i].min_ms);
        assert_int_equal(timing_push_pull_ms(60000, cases[i].n), cases[i].push_pull_ms);
    }
    assert_int_equal(timing_suspicion_ms(0, 2, 4000, 24000), 24000);
    assert_int_equal(timing_suspicion_ms(1, 2, 4000, 24000), 11381); /* 24000 - 20000 ln2/ln3 */
    assert_int_equal(timing_suspicion_ms(2, 2, 4000, 24000), 4000);
    assert_int_equal(timing_suspicion_ms(0, 0, 4000, 24000), 4000);
}

/* ---- alive ---- */

static void test_alive_is_news_by_its_incarnation(void **state)
{
    struct solo *s = solo();

    (void)state;
    hear_alive(s, 2, 0); /* never said by the living */
    assert_null(gossip_find(s->g, STR("n2")));
    hear_alive(s, 2, 1);
    assert_int_equal(events(s, GOSSIP_JOINED), 1);
    hear_alive(s, 2, 1);
    hear_alive(s, 2, 1);
    assert_int_equal(events(s, GOSSIP_JOINED), 1);
    hear_alive_at(s, STR("n2"), 2, address_of(2), STR("tocsin/1 x"));
    assert_int_equal(events(s, GOSSIP_UPDATED), 1);
    assert_true(gossip_find(s->g, STR("n2"))->ours);
    hear_alive_at(s, STR("n2"), 1, address_of(2), STR("old"));
    assert_str_eq(gossip_find(s->g, STR("n2"))->meta, "tocsin/1 x");
    assert_int_equal(gossip_present(s->g), 2);
    done(s);
}

static void test_impossible_nodes_are_refused(void **state)
{
    static const uint8_t v6_multicast[16] = {0xff, 2};
    struct gossip_address a = address_of(2), none = {0};
    struct solo *s = solo();
    char longest[256];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    hear_alive_at(s, STR_EMPTY, 1, a, STR_EMPTY);
    hear_alive_at(s, STR("a\nb"), 1, a, STR_EMPTY);
    hear_alive_at(s, STR("\xff"), 1, a, STR_EMPTY);
    hear_alive_at(s, STR("n"), 1, none, STR_EMPTY);
    hear_alive_at(s, STR("n"), 1, (struct gossip_address){.n = 4, .port = 1}, STR_EMPTY);
    a.port = 0;
    hear_alive_at(s, STR("n"), 1, a, STR_EMPTY);
    a = (struct gossip_address){.n = 4, .bytes = {224, 0, 0, 1}, .port = 1};
    hear_alive_at(s, STR("n"), 1, a, STR_EMPTY);
    a = (struct gossip_address){.n = 16, .port = 1};
    memcpy(a.bytes, v6_multicast, sizeof(v6_multicast));
    hear_alive_at(s, STR("n"), 1, a, STR_EMPTY);
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_BAD_NODE], 8);
    hear_alive_at(s, (struct str){.p = longest, .n = 256}, 1, address_of(2), STR_EMPTY);
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_BAD_FORM], 1);
    assert_int_equal(gossip_present(s->g), 1);
    hear_alive_at(s, (struct str){.p = longest, .n = 255}, 1, address_of(2), STR_EMPTY);
    assert_int_equal(gossip_present(s->g), 2);
    assert_int_equal(events(s, GOSSIP_REFUSED), 1); /* told once, counted always */
    done(s);
}

static void test_versions_that_cannot_be_are_refused(void **state)
{
    static const struct {
        uint8_t v[6];
        size_t n;
    } cases[] = {{{0, 5, 2}, 6},          {{1, 0, 2}, 6}, {{3, 2, 2}, 6},
                 {{3, 5, 3}, 6},          {{1, 1, 1}, 6}, {{1, 5, 6}, 6},
                 {{1, 5, 2, 1, 1, 1}, 6}, {{1, 5, 2}, 5}, {{0}, 0}};
    struct solo *s = solo();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct gossip_address a = address_of(2);
        struct wire_message m = {
            .type = WIRE_ALIVE,
            .alive = {.incarnation = 1,
                      .port = 9094,
                      .node = STR("n"),
                      .address = {.p = (const char *)a.bytes, .n = 4},
                      .versions = {.p = (const char *)cases[i].v, .n = cases[i].n}}};

        hear_packet(s, 2, &m);
        assert_int_equal(gossip_stats(s->g).refused[GOSSIP_BAD_VERSIONS], i + 1);
    }
    assert_int_equal(gossip_present(s->g), 1);
    done(s);
}

static void test_members_are_bounded(void **state)
{
    struct gossip_options o = options();
    struct solo *s;

    (void)state;
    o.members_max = 5;
    s = solo_with(o);
    for (int i = 2; i < 12; i++)
        hear_alive(s, i, 1);
    assert_int_equal(gossip_present(s->g), 5);
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_TOO_MANY_MEMBERS], 6);
    done(s);
}

static void test_a_name_belongs_to_its_first_address_until_it_has_left(void **state)
{
    struct solo *s = solo();
    struct gossip_address other = address_of(77), mapped = {.n = 16, .port = 9094};

    (void)state;
    with_members(s, 3);
    memcpy(mapped.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x02", 16);
    hear_alive_at(s, STR("n2"), 5, mapped, STR_EMPTY); /* the same in other clothes */
    assert_int_equal(events(s, GOSSIP_CONFLICT), 0);
    assert_int_equal(gossip_find(s->g, STR("n2"))->incarnation, 5);
    assert_int_equal(gossip_find(s->g, STR("n2"))->address.n, 4);
    hear_alive_at(s, STR("n2"), 50, other, STR_EMPTY);
    assert_int_equal(events(s, GOSSIP_CONFLICT), 1);
    assert_true(gossip_address_eq(&s->out.events[0].address, &other));
    assert_int_equal(gossip_find(s->g, STR("n2"))->incarnation, 5);
    hear_alive_at(s, STR("me"), 50, other, STR_EMPTY); /* ours, too */
    assert_int_equal(events(s, GOSSIP_CONFLICT), 2);
    assert_true(s->out.events[1].member.self);
    assert_int_equal(gossip_self(s->g)->incarnation, 1);
    hear(s, WIRE_DEAD, STR("n2"), 5, "n3"); /* dead: still not */
    hear_alive_at(s, STR("n2"), 50, other, STR_EMPTY);
    assert_int_equal(state_of(s, 2), GOSSIP_DEAD);
    hear(s, WIRE_DEAD, STR("n3"), 1, "n3"); /* left: whatever the incarnation */
    forget(s);
    hear_alive_at(s, STR("n3"), 1, other, STR_EMPTY);
    assert_int_equal(state_of(s, 3), GOSSIP_ALIVE);
    assert_true(gossip_address_eq(&gossip_find(s->g, STR("n3"))->address, &other));
    assert_int_equal(events(s, GOSSIP_JOINED), 1);
    done(s);
}

/* ---- suspicion ---- */

static void test_confirmations_shorten_a_suspicion(void **state)
{
    static const struct {
        int members; /* besides ourselves */
        const char *accusers[4];
        int64_t dead_after_ms;
    } cases[] = {
        {4, {"a"}, 24000},
        {4, {"a", "a", "a"}, 24000}, /* the same voice */
        {4, {"a", "b"}, 11381},
        {4, {"a", "b", "c"}, 4000},
        {2, {"a"}, 4000}, /* three nodes: nobody could confirm */
        {31, {"a", "b", "c"}, 6020},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct solo *s = solo();

        with_members(s, cases[i].members);
        for (size_t k = 0; k < 4 && cases[i].accusers[k] != NULL; k++)
            hear(s, WIRE_SUSPECT, STR("n2"), 1, cases[i].accusers[k]);
        assert_int_equal(events(s, GOSSIP_SUSPECTED), 1);
        assert_int_equal(gossip_present(s->g), cases[i].members + 1);
        run_answering(s, T0 + cases[i].dead_after_ms - 1);
        assert_int_equal(state_of(s, 2), GOSSIP_SUSPECT);
        run_answering(s, T0 + cases[i].dead_after_ms);
        assert_int_equal(state_of(s, 2), GOSSIP_DEAD);
        assert_int_equal(gossip_present(s->g), cases[i].members);
        done(s);
    }
}

static void test_a_suspect_refutes_by_a_higher_incarnation_only(void **state)
{
    struct solo *s = solo();

    (void)state;
    with_members(s, 4);
    hear(s, WIRE_SUSPECT, STR("n2"), 0, "a"); /* before its present incarnation */
    hear(s, WIRE_SUSPECT, STR("stranger"), 1, "a");
    assert_int_equal(state_of(s, 2), GOSSIP_ALIVE);
    hear(s, WIRE_SUSPECT, STR("n2"), 3, "a");
    hear_alive(s, 2, 3);
    assert_int_equal(state_of(s, 2), GOSSIP_SUSPECT);
    hear_alive(s, 2, 4);
    assert_int_equal(state_of(s, 2), GOSSIP_ALIVE);
    assert_int_equal(events(s, GOSSIP_REFUTED), 1);
    run_answering(s, T0 + 60000);
    assert_int_equal(state_of(s, 2), GOSSIP_ALIVE); /* the old timer is gone */
    done(s);
}

static void test_dead_and_left_differ_by_who_says_so(void **state)
{
    struct solo *s = solo();

    (void)state;
    with_members(s, 4);
    hear(s, WIRE_DEAD, STR("n2"), 0, "n3");
    assert_int_equal(state_of(s, 2), GOSSIP_ALIVE);
    hear(s, WIRE_DEAD, STR("n2"), 1, "n3");
    assert_int_equal(state_of(s, 2), GOSSIP_DEAD);
    hear(s, WIRE_DEAD, STR("n3"), 1, "n3");
    assert_int_equal(state_of(s, 3), GOSSIP_LEFT);
    assert_int_equal(events(s, GOSSIP_GONE), 2);
    hear(s, WIRE_DEAD, STR("n2"), 9, "n2"); /* already dead: no news */
    hear(s, WIRE_SUSPECT, STR("n2"), 9, "n4");
    assert_int_equal(state_of(s, 2), GOSSIP_DEAD);
    assert_int_equal(gossip_find(s->g, STR("n2"))->incarnation, 1);
    hear_alive(s, 2, 1);
    assert_int_equal(state_of(s, 2), GOSSIP_DEAD);
    hear_alive(s, 2, 2);
    assert_int_equal(state_of(s, 2), GOSSIP_ALIVE);
    assert_int_equal(events(s, GOSSIP_JOINED), 1);
    done(s);
}

static void test_accusations_of_ourselves_are_outbid(void **state)
{
    struct gossip_options o = options();
    struct solo *s = solo_with(o);

    (void)state;
    with_members(s, 2);
    hear(s, WIRE_SUSPECT, STR("me"), 0, "n2");
    assert_int_equal(gossip_self(s->g)->incarnation, 1);
    hear(s, WIRE_SUSPECT, STR("me"), 1, "n2");
    assert_int_equal(gossip_self(s->g)->incarnation, 2);
    hear(s, WIRE_DEAD, STR("me"), 10, "n2");
    assert_int_equal(gossip_self(s->g)->incarnation, 11);
    hear_alive_at(s, STR("me"), 11, o.address, STR(GOSSIP_OURS)); /* our own words come back */
    assert_int_equal(gossip_self(s->g)->incarnation, 11);
    hear_alive_at(s, STR("me"), 11, o.address, STR("others"));
    assert_int_equal(gossip_self(s->g)->incarnation, 12);
    assert_int_equal(gossip_self(s->g)->state, GOSSIP_ALIVE);
    assert_int_equal(gossip_health(s->g), 3);
    assert_int_equal(events(s, GOSSIP_ACCUSED), 3);
    forget(s);
    run_to(s, T0 + 1000);
    assert_int_equal(sent(s, WIRE_ALIVE, 0, NULL).type, WIRE_ALIVE); /* and it is said */
    done(s);
}

static void test_incarnations_far_ahead_are_ignored(void **state)
{
    struct solo *s = solo();

    (void)state;
    with_members(s, 4);
    hear(s, WIRE_SUSPECT, STR("me"), UINT32_MAX, "x");
    hear(s, WIRE_DEAD, STR("me"), UINT32_MAX - 1, "x");
    hear(s, WIRE_SUSPECT, STR("n2"), UINT32_MAX, "x");
    hear(s, WIRE_DEAD, STR("n2"), (1U << 20) + 2, "x");
    hear_alive(s, 2, UINT32_MAX);
    hear_alive(s, 50, UINT32_MAX);
    assert_int_equal(gossip_self(s->g)->incarnation, 1);
    assert_int_equal(gossip_find(s->g, STR("n2"))->incarnation, 1);
    assert_int_equal(state_of(s, 2), GOSSIP_ALIVE);
    assert_null(gossip_find(s->g, STR("n50")));
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_FAR_INCARNATION], 6);
    hear(s, WIRE_SUSPECT, STR("n2"), 1U << 20, "x");
    assert_int_equal(state_of(s, 2), GOSSIP_SUSPECT);
    done(s);
}

/* ---- probes ---- */

/* The next probe: its time, and what was sent. */
static struct wire_message next_probe(struct solo *s, struct gossip_address *to)
{
    struct wire_message m;

    for (;;) {
        forget(s);
        s->now.mono_ms = gossip_next_ms(s->g);
        gossip_tick(s->g, s->now, &s->out);
        m = sent(s, WIRE_PING, 0, to);
        if (m.type == WIRE_PING)
            return m;
    }
}

static void test_an_answered_probe_is_the_end_of_it(void **state)
{
    struct solo *s = solo();
    struct wire_message ping, ack = {.type = WIRE_ACK};
    struct gossip_address to;

    (void)state;
    with_members(s, 3);
    run_answering(s, T0 + 5000);
    for (int i = 0; i < 6; i++) {
        ping = next_probe(s, &to);
        assert_str_eq(ping.ping.source_node, "me");
        assert_int_equal(ping.ping.source_port, 9094);
        ack.ack.seq = ping.ping.seq;
        hear_packet(s, 99, &ack); /* by its number, from wherever */
        assert_true(gossip_next_ms(s->g) > s->now.mono_ms);
    }
    assert_int_equal(gossip_stats(s->g).indirect_probes, 0);
    assert_int_equal(gossip_stats(s->g).suspicions, 0);
    done(s);
}

static void test_without_an_ack_others_and_tcp_are_tried_then_it_is_suspected(void **state)
{
    struct solo *s = solo();
    struct wire_message ping, ask;
    struct gossip_address to = {0};
    int64_t began;

    (void)state;
    with_members(s, 5);
    ping = next_probe(s, &to);
    began = s->now.mono_ms;
    forget(s);
    run_to(s, began + 499);
    assert_int_equal(count_sent(s, WIRE_INDIRECT_PING), 0);
    run_to(s, began + 500);
    assert_int_equal(count_sent(s, WIRE_INDIRECT_PING), 3);
    for (size_t i = 0; i < 3; i++) {
        struct gossip_address helper;

        ask = sent(s, WIRE_INDIRECT_PING, i, &helper);
        assert_int_equal(ask.indirect.seq, ping.ping.seq);
        assert_true(ask.indirect.nack);
        assert_str_eq(ask.indirect.node, arena_str(s->arena, ping.ping.node).p);
        assert_int_equal(ask.indirect.port, 9094);
        assert_memory_equal(ask.indirect.target.p, to.bytes, 4);
        assert_false(gossip_address_eq(&helper, &to));
    }
    assert_int_equal(s->out.ops_n, 1);
    assert_int_equal(s->out.ops[0].what, GOSSIP_STREAM_OPEN);
    assert_true(gossip_address_eq(&s->out.ops[0].to, &to));
    run_to(s, began + 999);
    assert_int_equal(events(s, GOSSIP_SUSPECTED), 0);
    run_to(s, began + 1000);
    assert_int_equal(events(s, GOSSIP_SUSPECTED), 1);
    assert_str_eq(s->out.events[0].text, "me");
    assert_int_equal(s->out.ops[1].what, GOSSIP_STREAM_DROP); /* the TCP ping is given up */
    done(s);
}

static void test_health_follows_probes_and_nacks(void **state)
{
    static const struct {
        int members, nacks;
        unsigned health;
    } cases[] = {{1, 0, 1}, {5, 0, 3}, {5, 2, 1}, {5, 3, 0}, {3, 2, 0}, {3, 0, 2}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct solo *s = solo();
        struct wire_message ping, nack = {.type = WIRE_NACK};
        int64_t began;

        with_members(s, cases[i].members);
        ping = next_probe(s, NULL);
        began = s->now.mono_ms;
        run_to(s, began + 600);
        nack.nack.seq = ping.ping.seq;
        for (int k = 0; k < cases[i].nacks; k++)
            hear_packet(s, 9, &nack);
        run_to(s, began + 1000);
        assert_int_equal(events(s, GOSSIP_SUSPECTED), 1);
        assert_int_equal(gossip_health(s->g), cases[i].health);
        done(s);
    }
}

static void test_poor_health_stretches_the_probe(void **state)
{
    struct solo *s = solo();
    struct wire_message ping, ack = {.type = WIRE_ACK};
    int64_t began;

    (void)state;
    with_members(s, 3);
    hear(s, WIRE_SUSPECT, STR("me"), 1, "x");
    hear(s, WIRE_SUSPECT, STR("me"), 2, "x");
    assert_int_equal(gossip_health(s->g), 2);
    ping = next_probe(s, NULL);
    began = s->now.mono_ms;
    forget(s);
    run_to(s, began + 2999);
    assert_int_equal(events(s, GOSSIP_SUSPECTED), 0);
    ack.ack.seq = ping.ping.seq;
    hear_packet(s, 9, &ack); /* late, but in time */
    assert_int_equal(gossip_health(s->g), 1);
    run_answering(s, began + 20000);
    assert_int_equal(gossip_health(s->g), 0);
    done(s);
}

static void test_a_tcp_ping_saves_the_probed(void **state)
{
    struct solo *s = solo();
    struct wire_message ping, ack = {.type = WIRE_ACK};
    struct gossip_address to;
    uint64_t id;
    int64_t began;
    struct buf b;

    (void)state;
    with_members(s, 1);
    ping = next_probe(s, &to);
    began = s->now.mono_ms;
    forget(s);
    run_to(s, began + 500);
    assert_int_equal(s->out.ops_n, 1);
    id = s->out.ops[0].id;
    gossip_stream_opened(s->g, s->now, id, &s->out);
    assert_int_equal(s->out.ops[1].what, GOSSIP_STREAM_WRITE);
    ack.ack.seq = ping.ping.seq;
    buf_init(&b, 0);
    wire_add(&b, &ack);
    gossip_stream_bytes(s->g, s->now, id, buf_str(&b), &s->out);
    buf_clear(&b);
    assert_int_equal(s->out.ops[2].what, GOSSIP_STREAM_CLOSE);
    run_to(s, began + 1000);
    assert_int_equal(events(s, GOSSIP_ONLY_TCP), 1);
    assert_int_equal(events(s, GOSSIP_SUSPECTED), 0);
    assert_int_equal(gossip_health(s->g), 0);
    done(s);
}

static void test_a_suspect_is_told_so_when_it_is_probed(void **state)
{
    struct solo *s = solo();
    struct packet p;
    const char *why;
    struct gossip_address to;

    (void)state;
    with_members(s, 1);
    hear(s, WIRE_SUSPECT, STR("n2"), 1, "x");
    (void)next_probe(s, &to);
    for (size_t i = 0; i < s->out.packets_n; i++) {
        assert_int_equal(packet_read(s->out.packets[i].bytes, STR_EMPTY, s->arena, &p, &why), 0);
        if ((uint8_t)p.v[0].p[0] == WIRE_PING)
            break;
    }
    assert_true(p.checked); /* we know to whom we speak */
    assert_int_equal(p.n, 2);
    assert_int_equal((uint8_t)p.v[1].p[0], WIRE_SUSPECT);
    done(s);
}

static void test_pings_are_answered_to_their_source_if_it_is_who_it_says(void **state)
{
    static const struct {
        const char *node;
        uint8_t from, source;
        const char *source_node;
        uint8_t answer_to; /* 0: none */
        bool piggyback;
    } cases[] = {
        {"me", 2, 2, "n2", 2, true},
        {"", 2, 2, "n2", 2, true},
        {"other", 2, 2, "n2", 0, false},
        {"me", 40, 2, "n2", 2, true},    /* a member's address, through some relay */
        {"me", 40, 3, "new", 3, true},   /* the same, under another name */
        {"me", 40, 66, "n2", 40, false}, /* a stranger as source: it would be a victim */
        {"me", 2, 0, "n2", 2, true},
        {"me", 40, 0, "", 40, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct solo *s = solo();
        struct gossip_address source = address_of(cases[i].source), to = {0};
        struct wire_message ping = {.type = WIRE_PING,
                                    .ping = {.seq = 77,
                                             .node = str_from(cases[i].node),
                                             .source_node = str_from(cases[i].source_node)}};

        with_members(s, 2);
        if (cases[i].source != 0) {
            ping.ping.source_address = (struct str){.p = (const char *)source.bytes, .n = 4};
            ping.ping.source_port = 9094;
        }
        hear_packet(s, cases[i].from, &ping);
        assert_int_equal(s->out.packets_n, cases[i].answer_to != 0);
        if (cases[i].answer_to != 0) {
            assert_int_equal(sent(s, WIRE_ACK, 0, &to).ack.seq, 77);
            assert_int_equal(to.bytes[3], cases[i].answer_to);
            assert_int_equal(sent(s, WIRE_ALIVE, 0, NULL).type == WIRE_ALIVE, cases[i].piggyback);
        }
        done(s);
    }
}

static void ask_for(struct solo *s, struct str node, uint8_t target, bool nack)
{
    struct gossip_address t = address_of(target), source = address_of(3);
    struct wire_message m = {
        .type = WIRE_INDIRECT_PING,
        .indirect = {.seq = 900,
                     .port = 9094,
                     .nack = nack,
                     .node = node,
                     .target = {.p = (const char *)t.bytes, .n = 4},
                     .source_port = 9094,
                     .source_address = {.p = (const char *)source.bytes, .n = 4},
                     .source_node = STR("n3")}};

    hear_packet(s, 3, &m);
}

static void test_we_probe_for_others_but_members_only(void **state)
{
    struct solo *s = solo();
    struct wire_message ping, ack = {.type = WIRE_ACK};
    struct gossip_address to = {0};

    (void)state;
    with_members(s, 3);
    ask_for(s, STR("n2"), 2, true);
    ping = sent(s, WIRE_PING, 0, &to);
    assert_int_equal(to.bytes[3], 2);
    assert_int_not_equal(ping.ping.seq, 900);
    forget(s);
    ack.ack.seq = ping.ping.seq;
    hear_packet(s, 2, &ack);
    ping = sent(s, WIRE_ACK, 0, &to);
    assert_int_equal(ping.ack.seq, 900);
    assert_null(ping.ack.payload.p); /* nil */
    assert_int_equal(to.bytes[3], 3);

    forget(s);
    ask_for(s, STR("n2"), 2, true);
    run_to(s, s->now.mono_ms + 500);
    assert_int_equal(sent(s, WIRE_NACK, 0, &to).nack.seq, 900);
    assert_int_equal(to.bytes[3], 3);

    forget(s);
    ask_for(s, STR("n2"), 2, false);
    ask_for(s, STR("n2"), 66, true);       /* another address */
    ask_for(s, STR("stranger"), 66, true); /* nobody's */
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_NOT_A_MEMBER], 2);
    s->now.mono_ms += 400; /* within the time of our own probes */
    done(s);
}

static void test_a_standstill_is_not_held_against_others(void **state)
{
    struct solo *s = solo();

    (void)state;
    with_members(s, 2);
    run_answering(s, T0 + 5000);
    hear(s, WIRE_SUSPECT, STR("n2"), 1, "n3");
    run_answering(s, T0 + 6000);
    assert_int_equal(state_of(s, 2), GOSSIP_SUSPECT);
    s->now.mono_ms = T0 + 60000; /* we were stopped */
    gossip_tick(s->g, s->now, &s->out);
    assert_int_equal(state_of(s, 2), GOSSIP_SUSPECT);
    hear_alive(s, 2, 2); /* its refutation was waiting in the socket */
    assert_int_equal(state_of(s, 2), GOSSIP_ALIVE);
    assert_int_equal(events(s, GOSSIP_GONE), 0);
    assert_true(gossip_health(s->g) > 0);
    done(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas_agree_with_memberlist),
        cmocka_unit_test(test_alive_is_news_by_its_incarnation),
        cmocka_unit_test(test_impossible_nodes_are_refused),
        cmocka_unit_test(test_versions_that_cannot_be_are_refused),
        cmocka_unit_test(test_members_are_bounded),
        cmocka_unit_test(test_a_name_belongs_to_its_first_address_until_it_has_left),
        cmocka_unit_test(test_confirmations_shorten_a_suspicion),
        cmocka_unit_test(test_a_suspect_refutes_by_a_higher_incarnation_only),
        cmocka_unit_test(test_dead_and_left_differ_by_who_says_so),
        cmocka_unit_test(test_accusations_of_ourselves_are_outbid),
        cmocka_unit_test(test_incarnations_far_ahead_are_ignored),
        cmocka_unit_test(test_an_answered_probe_is_the_end_of_it),
        cmocka_unit_test(test_without_an_ack_others_and_tcp_are_tried_then_it_is_suspected),
        cmocka_unit_test(test_health_follows_probes_and_nacks),
        cmocka_unit_test(test_poor_health_stretches_the_probe),
        cmocka_unit_test(test_a_tcp_ping_saves_the_probed),
        cmocka_unit_test(test_a_suspect_is_told_so_when_it_is_probed),
        cmocka_unit_test(test_pings_are_answered_to_their_source_if_it_is_who_it_says),
        cmocka_unit_test(test_we_probe_for_others_but_members_only),
        cmocka_unit_test(test_a_standstill_is_not_held_against_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
