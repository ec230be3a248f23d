/* What a node tells others: news, broadcasts, whole states; and joining and leaving. */
#include "tests/lib/gossip_solo.h"

#include "common/core/gossip/broadcasts.h"

/* ---- by packets ---- */

static void test_news_are_told_as_often_as_the_limit_says(void **state)
{
    struct solo *s = solo();
    size_t n, told = 0;

    (void)state;
    with_members(s, 2);
    run_answering(s, T0 + 5000); /* all of this is said by now */
    hear(s, WIRE_DEAD, STR("n2"), 1, "n2");
    run_to(s, T0 + 15000);
    n = count_sent(s, WIRE_DEAD);
    for (size_t i = 0; i < n; i++)
        told += str_eq(sent(s, WIRE_DEAD, i, NULL).accusation.node, STR("n2"));
    assert_int_equal(told, 4);
    done(s);
}

static void test_the_dead_are_told_for_a_while_the_left_are_not(void **state)
{
    struct solo *s = solo();
    struct gossip_address to;
    bool told[8] = {false};
    size_t n;

    (void)state;
    with_members(s, 3);
    run_answering(s, T0 + 5000);
    hear(s, WIRE_DEAD, STR("n2"), 1, "n4");
    hear(s, WIRE_DEAD, STR("n3"), 1, "n3");
    run_to(s, T0 + 6000);
    n = count_sent(s, WIRE_DEAD);
    for (size_t i = 0; i < n; i++) {
        (void)sent(s, WIRE_DEAD, i, &to);
        told[to.bytes[3]] = true;
    }
    assert_true(told[2] && told[4]);
    assert_false(told[3]);
    run_answering(s, T0 + 38000); /* reaped at the end of a round */
    assert_null(gossip_find(s->g, STR("n2")));
    assert_null(gossip_find(s->g, STR("n3")));
    done(s);
}

static void test_broadcasts_for_ours_reach_ours_only(void **state)
{
    struct solo *s = solo();
    struct gossip_address to;
    size_t n;

    (void)state;
    with_members(s, 1);
    hear_alive_at(s, STR("n3"), 1, address_of(3), STR("tocsin/1"));
    run_answering(s, T0 + 5000);
    assert_true(gossip_broadcast(s->g, s->now, GOSSIP_TO_OURS, STR("k"), STR("one"), &s->out));
    assert_true(gossip_broadcast(s->g, s->now, GOSSIP_TO_OURS, STR("k"), STR("two"), &s->out));
    run_to(s, T0 + 9000);
    n = count_sent(s, WIRE_USER);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        assert_str_eq(sent(s, WIRE_USER, i, &to).user, "two"); /* which replaced the first */
        assert_int_equal(to.bytes[3], 3);
    }
    done(s);
}

static void test_long_broadcasts_go_a_few_at_a_time_over_streams(void **state)
{
    struct gossip_options o = options();
    struct solo *s;
    char text[3000] = "";
    struct str message = {.p = text, .n = sizeof(text)};

    (void)state;
    o.oversize_max = 2;
    s = solo_with(o);
    with_members(s, 2);
    for (int i = 0; i < 6; i++)
        assert_true(gossip_broadcast(s->g, s->now, GOSSIP_TO_ALL, STR_EMPTY, message, &s->out));
    assert_false(gossip_broadcast(s->g, s->now, GOSSIP_TO_ALL, STR_EMPTY, message, &s->out));
    assert_int_equal(gossip_stats(s->g).oversize_dropped, 1);
    assert_int_equal(gossip_stats(s->g).oversize_waiting, 2);
    assert_int_equal(s->out.ops_n, 8); /* four, to both */
    gossip_stream_opened(s->g, s->now, s->out.ops[0].id, &s->out);
    assert_int_equal(s->out.ops[8].what, GOSSIP_STREAM_WRITE);
    assert_int_equal(s->out.ops[9].what, GOSSIP_STREAM_CLOSE);
    gossip_stream_closed(s->g, s->now, s->out.ops[1].id, STR("refused"), &s->out);
    assert_int_equal(events(s, GOSSIP_UNTOLD), 1);
    assert_int_equal(s->out.events[0].bytes.n, sizeof(text));
    assert_str_eq(s->out.events[0].text, "refused");
    assert_int_equal(s->out.ops_n, 12); /* the first is over: the fifth begins */
    assert_int_equal(gossip_stats(s->g).oversize_waiting, 1);
    assert_false(gossip_send(s->g, s->now, STR("stranger"), message, &s->out));
    assert_true(gossip_send(s->g, s->now, STR("n2"), STR("x"), &s->out));
    forget(s);
    run_to(s, T0 + 10000); /* nobody opened anything: all is given up in time */
    assert_int_equal(gossip_stats(s->g).oversize_waiting, 0);
    assert_true(events(s, GOSSIP_UNTOLD) >= 7);
    done(s);
}

static void test_packets_are_filled_to_their_budget(void **state)
{
    struct solo *s = solo();
    char text[600];

    (void)state;
    with_members(s, 1);
    run_answering(s, T0 + 5000);
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 500; i++)
        assert_true(gossip_broadcast(s->g, s->now, GOSSIP_TO_ALL, STR_EMPTY,
                                     (struct str){.p = text, .n = 20 + (size_t)i}, &s->out));
    run_to(s, T0 + 5200);
    assert_true(s->out.packets_n >= 1);
    for (size_t i = 0; i < s->out.packets_n; i++) {
        assert_true(s->out.packets[i].bytes.n <= 1407);
        assert_true(s->out.packets[i].bytes.n >= 1350);
    }
    done(s);
}

/* ---- exchanges ---- */

static struct wire_record record(struct solo *s, const char *who, uint8_t last, uint8_t state,
                                 uint32_t incarnation)
{
    struct gossip_address a = address_of(last);

    return (struct wire_record){
        .incarnation = incarnation,
        .port = 9094,
        .state = state,
        .name = str_from(who),
        .address = arena_str(s->arena, (struct str){.p = (const char *)a.bytes, .n = 4}),
        .versions = {.p = (const char *)solo_versions, .n = sizeof(solo_versions)}};
}

static struct str exchange_of(struct solo *s, const struct wire_record *records, uint32_t n)
{
    struct wire_push_pull head = {.join = true, .nodes = n, .user_state = 5};
    struct str text;
    struct buf b;

    buf_init(&b, 0);
    stream_add_push_pull(&b, &head, records);
    buf_add(&b, "state", 5);
    text = arena_str(s->arena, buf_str(&b));
    buf_clear(&b);
    return text;
}

static void test_an_exchange_is_answered_with_what_was_known_before(void **state)
{
    struct solo *s = solo();
    struct gossip_address from = address_of(9);
    struct wire_record records[] = {record(s, "n5", 5, 0, 7), record(s, "n2", 2, 2, 1),
                                    record(s, "n3", 3, 3, 1), record(s, "n4", 4, 1, 1),
                                    record(s, "n6", 6, 2, 1), record(s, "me", 1, 2, 3)};
    struct stream_reader r;
    struct stream_message m;
    uint64_t id;

    (void)state;
    with_members(s, 3);
    id = gossip_accept(s->g, s->now, &from);
    assert_true(id != 0);
    gossip_stream_bytes(s->g, s->now, id, exchange_of(s, records, ARRAY_SIZE(records)), &s->out);
    m = answer(s, &r);
    assert_int_equal(m.type, WIRE_PUSH_PULL);
    assert_true(m.head.join);
    assert_int_equal(m.head.nodes, 4);
    assert_str_eq(m.user, "for all"); /* who reads it is not known */
    for (uint32_t i = 0; i < m.head.nodes; i++)
        assert_int_equal(m.records[i].state, GOSSIP_ALIVE);
    stream_reader_clear(&r);
    assert_int_equal(s->out.ops[1].what, GOSSIP_STREAM_CLOSE);
    assert_int_equal(state_of(s, 5), GOSSIP_ALIVE);
    assert_int_equal(state_of(s, 2), GOSSIP_SUSPECT); /* "dead" is not believed at once */
    assert_int_equal(state_of(s, 3), GOSSIP_LEFT);
    assert_int_equal(state_of(s, 4), GOSSIP_SUSPECT);
    assert_null(gossip_find(s->g, STR("n6")));
    assert_int_equal(gossip_self(s->g)->incarnation, 4); /* refuted */
    assert_int_equal(events(s, GOSSIP_STATE), 1);
    done(s);
}

static void test_one_bad_version_spoils_an_exchange(void **state)
{
    static const struct {
        uint8_t v[6];
        size_t n, state;
    } cases[] = {{{1, 5, 6}, 6, 0},          {{3, 5, 3}, 6, 0}, /* we speak 2 */
                 {{1, 1, 1}, 6, 0},          {{1, 5, 9}, 6, 2}, /* even of a dead one */
                 {{1, 5, 2, 1, 1, 1}, 6, 0}, {{1, 5, 2}, 3, 0}, {{0}, 0, 2}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct solo *s = solo();
        struct gossip_address from = address_of(9);
        struct wire_record records[] = {record(s, "n5", 5, 0, 1),
                                        record(s, "n6", 6, (uint8_t)cases[i].state, 1)};
        struct stream_reader r;
        uint64_t id = gossip_accept(s->g, s->now, &from);

        records[1].versions = (struct str){.p = (const char *)cases[i].v, .n = cases[i].n};
        gossip_stream_bytes(s->g, s->now, id, exchange_of(s, records, 2), &s->out);
        assert_int_equal(answer(s, &r).type, WIRE_PUSH_PULL); /* answered all the same */
        stream_reader_clear(&r);
        assert_null(gossip_find(s->g, STR("n5")));
        assert_int_equal(events(s, GOSSIP_STATE), 0);
        assert_int_equal(gossip_stats(s->g).refused[GOSSIP_BAD_VERSIONS], 1);
        done(s);
    }
}

static void test_a_join_says_how_it_ended(void **state)
{
    static const struct {
        const char *answer; /* NULL: none */
        bool opens, closed;
        const char *why;
    } cases[] = {
        {NULL, false, false, "no answer in time"},
        {NULL, true, false, "no answer in time"},
        {NULL, false, true, "connection refused"},
        {"\x0d\x81\xa5"
         "Error\xa4nope",
         true, false, "nope"},
        {"\xff", true, false, "a message of unknown type, or out of place"},
    };
    struct gossip_address to = address_of(2);
    struct solo *s;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t id;

        s = solo();
        gossip_join(s->g, s->now, &to, &s->out);
        id = s->out.ops[0].id;
        if (cases[i].opens)
            gossip_stream_opened(s->g, s->now, id, &s->out);
        if (cases[i].answer != NULL)
            gossip_stream_bytes(s->g, s->now, id, str_from(cases[i].answer), &s->out);
        if (cases[i].closed)
            gossip_stream_closed(s->g, s->now, id, STR("connection refused"), &s->out);
        run_to(s, T0 + 10000);
        assert_int_equal(events(s, GOSSIP_JOIN_FAILED), 1);
        for (size_t k = 0; k < s->out.events_n; k++)
            if (s->out.events[k].kind == GOSSIP_JOIN_FAILED) {
                assert_str_eq(s->out.events[k].text, cases[i].why);
                assert_true(gossip_address_eq(&s->out.events[k].address, &to));
            }
        done(s);
    }
    s = solo();
    gossip_join(s->g, s->now, &to, &s->out);
    gossip_stream_opened(s->g, s->now, s->out.ops[0].id, &s->out);
    gossip_stream_bytes(s->g, s->now, s->out.ops[0].id,
                        exchange_of(s, (struct wire_record[]){record(s, "n2", 2, 0, 1)}, 1),
                        &s->out);
    assert_int_equal(events(s, GOSSIP_JOIN_OK), 1);
    assert_int_equal(events(s, GOSSIP_JOINED), 1);
    done(s);
}

static void test_streams_are_bounded_in_number_and_time(void **state)
{
    struct gossip_options o = options();
    struct solo *s;

    (void)state;
    o.streams_max = 5;
    o.per_source_max = 3;
    s = solo_with(o);
    for (uint8_t i = 0; i < 4; i++) {
        struct gossip_address from = address_of(7);

        from.port = 1000 + i;
        assert_int_equal(gossip_accept(s->g, s->now, &from) != 0, i < 3);
    }
    for (uint8_t i = 0; i < 4; i++) {
        struct gossip_address from = address_of(20 + i);

        assert_int_equal(gossip_accept(s->g, s->now, &from) != 0, i < 2);
    }
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_TOO_MANY_STREAMS], 3);
    run_to(s, T0 + 10000); /* they said nothing */
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_TIMED_OUT], 5);
    assert_int_equal(s->out.ops_n, 5);
    assert_int_equal(s->out.ops[0].what, GOSSIP_STREAM_DROP);
    gossip_stream_bytes(s->g, s->now, s->out.ops[0].id, STR("late"), &s->out);
    done(s);
}

static void test_what_cannot_be_read_at_all_is_answered_by_an_error(void **state)
{
    struct solo *s = solo();
    struct gossip_address from = address_of(9);
    struct stream_reader r;
    uint64_t id = gossip_accept(s->g, s->now, &from);

    (void)state;
    gossip_stream_bytes(s->g, s->now, id, (struct str){.p = "\x0a\0\0\0\0", .n = 5}, &s->out);
    assert_int_equal(answer(s, &r).type, WIRE_ERR);
    stream_reader_clear(&r);
    assert_int_equal(s->out.ops[1].what, GOSSIP_STREAM_CLOSE);
    forget(s);
    id = gossip_accept(s->g, s->now, &from); /* a fault further in is not */
    gossip_stream_bytes(s->g, s->now, id, STR("\x06\x90"), &s->out);
    assert_int_equal(s->out.ops_n, 1);
    assert_int_equal(s->out.ops[0].what, GOSSIP_STREAM_DROP);
    done(s);
}

static void test_a_label_keeps_clusters_apart(void **state)
{
    struct gossip_options o = options();
    struct gossip_address from = address_of(2);
    static const struct str nack = STR_INIT("\x0b\x81\xa5SeqNo\x01");
    struct solo *s;
    struct buf b;

    (void)state;
    o.label = STR("eu");
    s = solo_with(o);
    gossip_packet(s->g, s->now, &from, nack, &s->out);
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_FOREIGN_LABEL], 1);
    buf_init(&b, 0);
    packet_add(&b, STR("eu"), true, &nack, 1);
    gossip_packet(s->g, s->now, &from, buf_str(&b), &s->out);
    assert_int_equal(gossip_stats(s->g).refused[GOSSIP_FOREIGN_LABEL], 1);
    buf_clear(&b);
    forget(s);
    gossip_join(s->g, s->now, &from, &s->out);
    gossip_stream_opened(s->g, s->now, s->out.ops[0].id, &s->out);
    assert_true(str_starts(s->out.ops[1].bytes, STR("\xf4\x02"
                                                    "eu\x06")));
    done(s);
}

/* ---- leaving ---- */

static void test_leaving_is_told_and_not_taken_back(void **state)
{
    struct gossip_options o = options();
    struct solo *s = solo_with(o);
    struct wire_message m;

    (void)state;
    with_members(s, 2);
    run_answering(s, T0 + 5000);
    gossip_leave(s->g, s->now, &s->out);
    assert_int_equal(gossip_self(s->g)->state, GOSSIP_LEFT);
    hear_alive_at(s, STR("me"), 9, o.address, STR_EMPTY);
    hear(s, WIRE_SUSPECT, STR("me"), 9, "n2");
    assert_int_equal(gossip_self(s->g)->state, GOSSIP_LEFT);
    run_to(s, T0 + 9000);
    m = sent(s, WIRE_DEAD, 0, NULL);
    assert_int_equal(m.type, WIRE_DEAD);
    assert_true(str_eq(m.accusation.node, m.accusation.from));
    assert_int_equal(count_sent(s, WIRE_DEAD), 4);
    assert_int_equal(count_sent(s, WIRE_ALIVE), 0);
    assert_int_equal(events(s, GOSSIP_LEFT_DONE), 1);
    done(s);
    s = solo(); /* alone there is nobody to tell */
    gossip_leave(s->g, s->now, &s->out);
    assert_int_equal(events(s, GOSSIP_LEFT_DONE), 1);
    done(s);
}

/* ---- options, broadcasts ---- */

static void test_options_that_cannot_be_are_refused(void **state)
{
    struct gossip_options good = options(), o;
    char long_text[600] = "";
    struct err err;

    (void)state;
    assert_int_equal(gossip_options_check(&good, &err), 0);
    o = good, o.name = STR_EMPTY;
    assert_int_equal(gossip_options_check(&o, &err), -EINVAL);
    o = good, o.name = STR("a\tb");
    assert_int_equal(gossip_options_check(&o, &err), -EINVAL);
    o = good, o.address.port = 0;
    assert_int_equal(gossip_options_check(&o, &err), -EINVAL);
    o = good, o.meta = (struct str){.p = long_text, .n = 513};
    assert_int_equal(gossip_options_check(&o, &err), -EINVAL);
    o = good, o.label = (struct str){.p = long_text, .n = 256};
    assert_int_equal(gossip_options_check(&o, &err), -EINVAL);
}

static size_t fill(struct broadcasts *b, struct arena *a, size_t budget, struct str *ret)
{
    return broadcasts_fill(b, &budget, 2, 3, a, ret, 255);
}

static void test_the_least_told_longest_newest_goes_first(void **state)
{
    struct arena *a = arena_new(0);
    struct broadcasts *b = broadcasts_new(4);
    struct str v[255];
    char text[100];

    (void)state;
    memset(text, 'x', sizeof(text));
    broadcasts_put(b, STR("a"), STR("short a"));
    broadcasts_put(b, STR("b"), STR("short b"));
    broadcasts_put(b, STR("c"), (struct str){.p = text, .n = 100});
    assert_int_equal(fill(b, a, 111, v), 2);
    assert_int_equal(v[0].n, 100);
    assert_str_eq(v[1], "short b");
    assert_int_equal(fill(b, a, 9, v), 1); /* a was told less often */
    assert_str_eq(v[0], "short a");
    broadcasts_put(b, STR("a"), STR("new a"));
    assert_int_equal(broadcasts_count(b), 3);
    assert_int_equal(fill(b, a, 1000, v), 3);
    assert_str_eq(v[0], "new a");
    assert_int_equal(fill(b, a, 1000, v), 3);
    assert_int_equal(fill(b, a, 1000, v), 1); /* the others were told three times */
    assert_str_eq(v[0], "new a");
    assert_int_equal(broadcasts_count(b), 0);
    for (int i = 0; i < 6; i++) /* the bound drops the oldest of equals */
        broadcasts_put(b, STR_EMPTY, arena_fmt(a, "%d", i));
    assert_int_equal(broadcasts_count(b), 4);
    assert_int_equal(broadcasts_dropped(b), 2);
    assert_int_equal(fill(b, a, 1000, v), 4);
    assert_str_eq(v[0], "5");
    assert_str_eq(v[3], "2");
    assert_false(broadcasts_has(b, STR("a")));
    broadcasts_free(b);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_news_are_told_as_often_as_the_limit_says),
        cmocka_unit_test(test_the_dead_are_told_for_a_while_the_left_are_not),
        cmocka_unit_test(test_broadcasts_for_ours_reach_ours_only),
        cmocka_unit_test(test_long_broadcasts_go_a_few_at_a_time_over_streams),
        cmocka_unit_test(test_packets_are_filled_to_their_budget),
        cmocka_unit_test(test_an_exchange_is_answered_with_what_was_known_before),
        cmocka_unit_test(test_one_bad_version_spoils_an_exchange),
        cmocka_unit_test(test_a_join_says_how_it_ended),
        cmocka_unit_test(test_streams_are_bounded_in_number_and_time),
        cmocka_unit_test(test_what_cannot_be_read_at_all_is_answered_by_an_error),
        cmocka_unit_test(test_a_label_keeps_clusters_apart),
        cmocka_unit_test(test_leaving_is_told_and_not_taken_back),
        cmocka_unit_test(test_options_that_cannot_be_are_refused),
        cmocka_unit_test(test_the_least_told_longest_newest_goes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
