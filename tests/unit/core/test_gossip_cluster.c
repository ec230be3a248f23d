/* Meshes of many nodes in one process and virtual time, over a network that delays, loses and cuts
 * as the seed has it. */
#include "tests/lib/test.h"

#include "common/base/heap.h"
#include "common/base/rand.h"
#include "common/core/gossip/gossip.h"
#include "common/core/gossip/peers.h"

#include <stdio.h>
#include <stdlib.h>

#define NODES_MAX 32
#define PORT 9094

struct node {
    struct gossip *g;
    struct peers *peers; /* NULL: joins are made by hand */
    bool up, paused;
    unsigned side;          /* nodes of different sides do not reach each other */
    bool deaf_udp;          /* its datagrams are lost, both ways */
    uint64_t state;         /* what local_state tells: a set of bits, merged by or */
    unsigned messages;      /* user messages heard, doubles included */
    bool knows_message[64]; /* by their first byte */
    unsigned join_failed, left_done, only_tcp, accused;
};

struct conn {
    int node[2]; /* dialler, listener */
    uint64_t id[2];
    int64_t last_ms[2]; /* of delivery to that end: streams keep their order */
    bool over;
};

struct delivery {
    struct heap_node at;
    enum { PACKET, CONNECT, OPENED, BYTES, CLOSED } kind;
    int from, to;
    size_t conn;
    int end; /* of the conn, to which it goes */
    size_t n;
    char data[];
};

struct net {
    struct node v[NODES_MAX];
    int n;
    struct rand rand;
    struct now now;
    struct heap wire;
    int64_t latency_min_ms, latency_max_ms;
    unsigned loss_per_10000; /* datagrams only */
    struct conn *conns;
    size_t conns_n, conns_cap;
    struct arena *arena;
    bool hopeless; /* nothing is expected of this one */
    /* what the judges look at */
    unsigned suspected, false_deaths, deaths, refuted, packets;
    int64_t first_death_ms, last_death_ms;
};

static struct gossip_address address_of(int i)
{
    return (struct gossip_address){.n = 4, .bytes = {10, 0, 0, (uint8_t)(i + 1)}, .port = PORT};
}

static int node_at(const struct net *net, const struct gossip_address *a)
{
    int i = a->bytes[3] - 1;

    return i >= 0 && i < net->n ? i : -1;
}

static const char *name_of(int i)
{
    static char name[16];

    (void)snprintf(name, sizeof(name), "node-%02d", i);
    return name;
}

static int node_named(struct str name)
{
    return (name.p[5] - '0') * 10 + name.p[6] - '0';
}

static bool reach(const struct net *net, int a, int b)
{
    return net->v[a].side == net->v[b].side;
}

/* ---- the network ---- */

static struct delivery *post(struct net *net, int kind, int from, int to, struct str bytes,
                             int64_t at_ms)
{
    struct delivery *d = xmalloc(sizeof(*d) + bytes.n);

    *d = (struct delivery){.kind = kind, .from = from, .to = to, .n = bytes.n};
    if (bytes.n > 0)
        memcpy(d->data, bytes.p, bytes.n);
    heap_set(&net->wire, &d->at, at_ms);
    return d;
}

static int64_t arrives(struct net *net)
{
    return net->now.mono_ms + rand_between(&net->rand, net->latency_min_ms, net->latency_max_ms);
}

static void post_conn(struct net *net, int kind, size_t conn, int end, struct str bytes)
{
    struct conn *c = &net->conns[conn];
    int64_t at = max_i64(arrives(net), c->last_ms[end]);
    struct delivery *d = post(net, kind, c->node[!end], c->node[end], bytes, at);

    c->last_ms[end] = at;
    d->conn = conn;
    d->end = end;
}

static size_t conn_find(const struct net *net, int node, uint64_t id, int *ret_end)
{
    for (size_t i = net->conns_n; i-- > 0;) {
        for (int end = 0; end < 2; end++) {
            if (net->conns[i].node[end] == node && net->conns[i].id[end] == id) {
                *ret_end = end;
                return i;
            }
        }
    }
    return SIZE_MAX;
}

static void dial(struct net *net, int from, const struct gossip_stream_op *op)
{
    struct conn c = {.node = {from, node_at(net, &op->to)}, .id = {op->id, 0}};

    if (net->conns_n == net->conns_cap) {
        net->conns_cap = net->conns_cap == 0 ? 64 : 2 * net->conns_cap;
        net->conns = xrealloc(net->conns, net->conns_cap, sizeof(c));
    }
    net->conns[net->conns_n++] = c;
    assert_true(c.node[1] >= 0);
    post_conn(net, CONNECT, net->conns_n - 1, 1, STR_EMPTY);
}

static void stream_op(struct net *net, int node, const struct gossip_stream_op *op)
{
    size_t conn;
    int end = 0;

    if (op->what == GOSSIP_STREAM_OPEN) {
        dial(net, node, op);
        return;
    }
    conn = conn_find(net, node, op->id, &end);
    assert_true(conn != SIZE_MAX); /* ids are used only while they live */
    if (op->what == GOSSIP_STREAM_WRITE) {
        post_conn(net, BYTES, conn, !end, op->bytes);
        return;
    }
    post_conn(net, CLOSED, conn, !end, STR_EMPTY);
}

static bool really_alive(const struct net *net, int i)
{
    return net->v[i].up && !net->v[i].paused;
}

static void on_event(struct net *net, int node, const struct gossip_event *e)
{
    struct node *me = &net->v[node];

    switch (e->kind) {
    case GOSSIP_SUSPECTED:
        net->suspected++;
        break;
    case GOSSIP_REFUTED:
        net->refuted++;
        break;
    case GOSSIP_GONE:
        net->deaths++;
        if (net->first_death_ms == 0)
            net->first_death_ms = net->now.mono_ms;
        net->last_death_ms = net->now.mono_ms;
        if (e->member.state == GOSSIP_DEAD && really_alive(net, node_named(e->member.name)) &&
            reach(net, node, node_named(e->member.name)))
            net->false_deaths++;
        break;
    case GOSSIP_MESSAGE:
        me->messages++;
        me->knows_message[(uint8_t)e->bytes.p[0] & 63] = true;
        break;
    case GOSSIP_STATE:
        assert_int_equal(e->bytes.n, sizeof(uint64_t));
        for (size_t i = 0; i < 8; i++)
            me->state |= (uint64_t)(uint8_t)e->bytes.p[i] << (8 * i);
        break;
    case GOSSIP_JOIN_FAILED:
        me->join_failed++;
        break;
    case GOSSIP_LEFT_DONE:
        me->left_done++;
        break;
    case GOSSIP_ONLY_TCP:
        me->only_tcp++;
        break;
    case GOSSIP_ACCUSED:
        me->accused++;
        break;
    case GOSSIP_REFUSED:
        /* Only what the network breaks may be complained of. */
        if (!net->hopeless)
            assert_str_eq(e->text, "timed out");
        break;
    case GOSSIP_JOINED:
    case GOSSIP_UNTOLD:
    case GOSSIP_UPDATED:
    case GOSSIP_CONFLICT:
    case GOSSIP_JOIN_OK:
        break;
    }
}

static void carry_out(struct net *net, int node, const struct gossip_output *out)
{
    for (size_t i = 0; i < out->packets_n; i++) {
        int to = node_at(net, &out->packets[i].to);

        net->packets++;
        assert_true(to >= 0 && out->packets[i].bytes.n <= 1500);
        if (rand_chance(&net->rand, net->loss_per_10000) || !reach(net, node, to) ||
            net->v[node].deaf_udp || net->v[to].deaf_udp)
            continue;
        (void)post(net, PACKET, node, to, out->packets[i].bytes, arrives(net));
    }
    for (size_t i = 0; i < out->ops_n; i++)
        stream_op(net, node, &out->ops[i]);
    for (size_t i = 0; i < out->events_n; i++) {
        on_event(net, node, &out->events[i]);
        if (net->v[node].peers != NULL)
            peers_event(net->v[node].peers, net->now, &out->events[i]);
    }
    arena_reset(net->arena);
}

static void deliver(struct net *net, struct delivery *d)
{
    struct str bytes = {.p = d->data, .n = d->n};
    struct node *to = &net->v[d->to];
    struct conn *c = d->kind == PACKET ? NULL : &net->conns[d->conn];
    struct gossip_address from = address_of(d->from);
    struct gossip_output out;

    if (to->paused) { /* it will find this when it runs again */
        heap_set(&net->wire, &d->at, net->now.mono_ms + 100);
        return;
    }
    gossip_output_init(&out, net->arena);
    if (!reach(net, d->from, d->to) || (c != NULL && c->over)) {
        free(d);
        return;
    }
    if (!to->up) {
        if (d->kind == CONNECT) /* its host answers: nobody listens */
            post_conn(net, CLOSED, d->conn, 0, STR_EMPTY);
        free(d);
        return;
    }
    switch (d->kind) {
    case PACKET:
        gossip_packet(to->g, net->now, &from, bytes, &out);
        break;
    case CONNECT:
        from.port = 40000;
        c->id[1] = gossip_accept(to->g, net->now, &from);
        post_conn(net, c->id[1] != 0 ? OPENED : CLOSED, d->conn, 0, STR_EMPTY);
        break;
    case OPENED:
        gossip_stream_opened(to->g, net->now, c->id[0], &out);
        break;
    case BYTES:
        gossip_stream_bytes(to->g, net->now, c->id[d->end], bytes, &out);
        break;
    case CLOSED:
        gossip_stream_closed(to->g, net->now, c->id[d->end], STR("closed"), &out);
        c->over = true;
        break;
    }
    carry_out(net, d->to, &out);
    free(d);
}

static int64_t node_next_ms(const struct net *net, int i)
{
    const struct node *v = &net->v[i];

    if (!really_alive(net, i))
        return TIME_NEVER;
    return v->peers == NULL ? gossip_next_ms(v->g)
                            : min_i64(gossip_next_ms(v->g), peers_next_ms(v->peers));
}

static int64_t next_ms(const struct net *net)
{
    int64_t at = heap_next_ms(&net->wire);

    for (int i = 0; i < net->n; i++)
        at = min_i64(at, node_next_ms(net, i));
    return at;
}

static void tick(struct net *net, int i)
{
    struct gossip_address first = address_of(0);
    struct gossip_output out;

    gossip_output_init(&out, net->arena);
    gossip_tick(net->v[i].g, net->now, &out);
    if (net->v[i].peers != NULL && peers_tick(net->v[i].peers, net->now, net->v[i].g, &out))
        peers_resolved(net->v[i].peers, net->now, net->v[i].g, &first, 1, &out);
    carry_out(net, i, &out);
}

static void run_until(struct net *net, int64_t until_ms)
{
    for (int64_t at = next_ms(net); at <= until_ms; at = next_ms(net)) {
        net->now.mono_ms = max_i64(net->now.mono_ms, at);
        while (heap_next_ms(&net->wire) <= net->now.mono_ms) {
            struct delivery *d = CONTAINER_OF(heap_first(&net->wire), struct delivery, at);

            heap_remove(&net->wire, &d->at);
            deliver(net, d);
        }
        for (int i = 0; i < net->n; i++)
            if (node_next_ms(net, i) <= net->now.mono_ms)
                tick(net, i);
    }
    net->now.mono_ms = until_ms;
}

static void run(struct net *net, int64_t for_ms)
{
    run_until(net, net->now.mono_ms + for_ms);
}

/* ---- meshes ---- */

static void local_state(struct buf *b, const struct gossip_member *peer, void *arg)
{
    const struct node *me = arg;

    (void)peer;
    for (unsigned i = 0; i < 8; i++)
        buf_add_char(b, (char)(me->state >> (8 * i)));
}

static void start(struct net *net, int i, const struct gossip_timing *timing, bool no_awareness)
{
    struct gossip_options o = {.name = str_from(name_of(i)),
                               .address = address_of(i),
                               .meta = STR(GOSSIP_OURS),
                               .seed = rand_u64(&net->rand),
                               .no_awareness = no_awareness,
                               .per_source_max = 64,
                               .local_state = local_state,
                               .arg = &net->v[i]};
    struct err err;

    if (timing != NULL)
        o.timing = *timing;
    assert_int_equal(gossip_options_check(&o, &err), 0);
    net->v[i] = (struct node){.g = gossip_new(&o, net->now), .up = true};
    net->v[i].state = UINT64_C(1) << i;
}

static void join(struct net *net, int i, int to)
{
    struct gossip_address a = address_of(to);
    struct gossip_output out;

    gossip_output_init(&out, net->arena);
    gossip_join(net->v[i].g, net->now, &a, &out);
    carry_out(net, i, &out);
}

static struct net *net_new(uint64_t seed, int n, const struct gossip_timing *timing,
                           bool no_awareness)
{
    struct net *net = xcalloc(1, sizeof(*net));

    rand_seed(&net->rand, seed);
    heap_init(&net->wire);
    net->arena = arena_new(0);
    net->now = (struct now){.mono_ms = 1000000, .wall_ms = INT64_C(1767225600000)};
    net->latency_min_ms = 1;
    net->latency_max_ms = 20;
    net->n = n;
    for (int i = 0; i < n; i++)
        start(net, i, timing, no_awareness);
    for (int i = 1; i < n; i++)
        join(net, i, 0);
    return net;
}

static void with_peers(struct net *net)
{
    for (int i = 0; i < net->n; i++)
        net->v[i].peers = peers_new((struct peers_options){0}, net->now);
}

static void kill_node(struct net *net, int i)
{
    net->v[i].up = false;
    gossip_free(net->v[i].g);
    net->v[i].g = NULL;
}

static void net_free(struct net *net)
{
    for (int i = 0; i < net->n; i++) {
        gossip_free(net->v[i].g);
        peers_free(net->v[i].peers);
    }
    while (heap_first(&net->wire) != NULL) {
        struct delivery *d = CONTAINER_OF(heap_first(&net->wire), struct delivery, at);

        heap_remove(&net->wire, &d->at);
        free(d);
    }
    heap_clear(&net->wire);
    arena_free(net->arena);
    free(net->conns);
    free(net);
}

/* ---- judges ---- */

static bool sees(const struct net *net, int a, int b, enum gossip_state state)
{
    const struct gossip_member *m = gossip_find(net->v[a].g, str_from(name_of(b)));

    return m != NULL && m->state == state;
}

/* How many pairs of live nodes of one side are not alive to each other. */
static unsigned strangers(const struct net *net)
{
    unsigned n = 0;

    for (int a = 0; a < net->n; a++)
        for (int b = 0; b < net->n; b++)
            if (really_alive(net, a) && really_alive(net, b) && reach(net, a, b) &&
                !sees(net, a, b, GOSSIP_ALIVE))
                n++;
    return n;
}

/* How many live nodes have node i as present. */
static unsigned believers(const struct net *net, int i)
{
    unsigned n = 0;

    for (int a = 0; a < net->n; a++)
        if (a != i && really_alive(net, a) &&
            (sees(net, a, i, GOSSIP_ALIVE) || sees(net, a, i, GOSSIP_SUSPECT)))
            n++;
    return n;
}

/* ---- what must hold ---- */

static const int sizes[] = {2, 3, 5, 12, 32};

static void test_all_see_all_alive_and_stay_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct net *net = net_new(seed, sizes[i], NULL, false);

            run(net, 5000);
            assert_int_equal(strangers(net), 0);
            run(net, 60000);
            assert_int_equal(strangers(net), 0);
            assert_int_equal(net->suspected, 0);
            assert_int_equal(net->deaths, 0);
            for (int k = 0; k < net->n; k++) {
                assert_int_equal(gossip_present(net->v[k].g), net->n);
                assert_int_equal(gossip_position(net->v[k].g), k);
                assert_int_equal(gossip_health(net->v[k].g), 0);
            }
            net_free(net);
        }
    }
}

/* Someone probes it within a round, fails for an interval, and then the suspicion runs: its least
 * time once two others agree, which takes a few probes; alone its greatest. */
static void test_a_killed_node_is_declared_dead_in_time(void **state)
{
    static const struct {
        int n;
        int64_t within_ms;
    } cases[] = {{2, 8000}, {3, 9000}, {5, 20000}, {12, 20000}, {32, 20000}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t worst = 0;

        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct net *net = net_new(seed, cases[i].n, NULL, false);
            int64_t killed;

            run(net, 10000);
            kill_node(net, cases[i].n - 1);
            killed = net->now.mono_ms;
            while (believers(net, cases[i].n - 1) > 0 && net->now.mono_ms - killed < 60000)
                run(net, 100);
            worst = max_i64(worst, net->now.mono_ms - killed);
            assert_int_equal(net->false_deaths, 0);
            assert_int_equal(net->deaths, cases[i].n - 1);
            assert_true(net->first_death_ms - killed >= 4000); /* nobody is hasty */
            net_free(net);
        }
        print_message("%d nodes: a dead one is dead to all after at most %d ms\n", cases[i].n,
                      (int)worst);
        assert_true(worst <= cases[i].within_ms);
    }
}

static void test_a_short_pause_is_refuted_by_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct net *net = net_new(seed, 12, NULL, false);

        run(net, 10000);
        net->v[4].paused = true;
        run(net, 4000);
        net->v[4].paused = false;
        assert_true(net->suspected > 0);
        run(net, 20000);
        assert_int_equal(strangers(net), 0);
        assert_int_equal(net->deaths, 0);
        assert_true(net->v[4].accused > 0);
        assert_true(gossip_self(net->v[4].g)->incarnation > 1);
        net_free(net);
    }
}

static void test_whoever_was_paused_long_accuses_nobody_and_comes_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct net *net = net_new(seed, 6, NULL, false);

        run(net, 10000);
        net->v[2].paused = true;
        run(net, 40000);
        assert_int_equal(believers(net, 2), 0);
        assert_int_equal(net->deaths, 5);
        net->v[2].paused = false;
        run(net, 1500);
        join(net, 2, 0); /* as reconnecting does */
        run(net, 10000);
        assert_int_equal(strangers(net), 0);
        assert_int_equal(net->deaths, 5);
        net_free(net);
    }
}

static void split(struct net *net, int first)
{
    for (int i = 0; i < net->n; i++)
        net->v[i].side = i >= first;
}

/* Nodes that are dead to each other have nothing to say by themselves: who uses gossip tries those
 * that have gone again, and one success is enough for all. */
static void test_a_partition_heals_by_one_join(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct net *net = net_new(seed, 10, NULL, false);

        run(net, 10000);
        split(net, 4);
        run(net, 28000);
        assert_int_equal(net->false_deaths, 0);
        assert_true(net->deaths > 0);
        assert_int_equal(strangers(net), 0); /* within a side */
        split(net, 10);
        assert_true(strangers(net) > 0);
        join(net, 1, 6);
        run(net, 15000);
        assert_int_equal(strangers(net), 0);
        net_free(net);
    }
}

static void test_one_join_heals_even_when_all_is_forgotten(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct net *net = net_new(seed, 10, NULL, false);

        run(net, 10000);
        split(net, 5);
        run(net, 150000);
        for (int i = 5; i < 10; i++) {
            assert_false(sees(net, 0, i, GOSSIP_ALIVE));
            assert_true(gossip_find(net->v[0].g, str_from(name_of(i))) == NULL); /* reaped */
        }
        split(net, 10);
        join(net, 7, 2);
        run(net, 15000);
        assert_int_equal(strangers(net), 0);
        net_free(net);
    }
}

static void test_with_reconnection_meshes_form_and_heal_by_themselves(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct net *net = net_new(seed, 0, NULL, false);

        net->n = 9;
        for (int i = 0; i < net->n; i++)
            start(net, i, NULL, false);
        with_peers(net);
        run(net, 30000);
        assert_int_equal(strangers(net), 0);
        for (int i = 0; i < net->n; i++)
            assert_true(peers_ready(net->v[i].peers));
        split(net, 3);
        run(net, 30000 + 60000 * (int64_t)(seed % 3));
        assert_true(net->deaths > 0);
        split(net, 9);
        run(net, 40000);
        assert_int_equal(strangers(net), 0);
        for (int i = 0; i < net->n; i++)
            assert_int_equal(peers_stats(net->v[i].peers).failed, 0);
        net_free(net);
    }
}

static void test_lost_datagrams_kill_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct net *net = net_new(seed, 16, NULL, false);

        run(net, 10000);
        net->loss_per_10000 = 1000;
        run(net, 180000);
        assert_int_equal(net->deaths, 0);
        net_free(net);
    }
}

static void test_a_node_without_udp_is_kept_by_tcp_pings(void **state)
{
    struct net *net = net_new(7, 4, NULL, false);
    unsigned told = 0;

    (void)state;
    run(net, 10000);
    net->v[3].deaf_udp = true;
    run(net, 60000);
    assert_int_equal(net->deaths, 0);
    for (int i = 0; i < 3; i++)
        told += net->v[i].only_tcp;
    assert_true(told > 0);
    net_free(net);
}

static void test_whoever_leaves_is_gone_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct net *net = net_new(seed, 8, NULL, false);
        struct gossip_output out;

        run(net, 10000);
        gossip_output_init(&out, net->arena);
        gossip_leave(net->v[3].g, net->now, &out);
        carry_out(net, 3, &out);
        run(net, 3000);
        assert_int_equal(net->v[3].left_done, 1);
        for (int i = 0; i < 8; i++)
            assert_true(sees(net, i, 3, GOSSIP_LEFT));
        assert_int_equal(net->suspected, 0);
        net_free(net);
    }
}

static void test_a_node_restarted_under_its_name_outbids_its_past(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct net *net = net_new(seed, 5, NULL, false);

        run(net, 10000);
        kill_node(net, 4);
        run(net, 30000);
        assert_int_equal(believers(net, 4), 0);
        start(net, 4, NULL, false);
        join(net, 4, 1);
        run(net, 5000);
        assert_int_equal(strangers(net), 0);
        assert_true(gossip_self(net->v[4].g)->incarnation > 1);
        net_free(net);
    }
}

static void broadcast(struct net *net, int from, char first, size_t n)
{
    char text[8192];
    struct gossip_output out;

    memset(text, first, sizeof(text));
    assert_true(n <= sizeof(text));
    gossip_output_init(&out, net->arena);
    assert_true(gossip_broadcast(net->v[from].g, net->now, GOSSIP_TO_ALL, STR_EMPTY,
                                 (struct str){.p = text, .n = n}, &out));
    carry_out(net, from, &out);
}

static void test_broadcasts_of_any_size_reach_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct net *net = net_new(seed, 3, NULL, false);

        run(net, 10000);
        broadcast(net, 0, 1, 100);
        broadcast(net, 0, 2, 8000);
        broadcast(net, 2, 3, 700);
        broadcast(net, 2, 4, 701);
        run(net, 2000);
        for (int i = 0; i < 3; i++) {
            assert_true(net->v[i].knows_message[2] || i == 0);
            assert_true(net->v[i].knows_message[4] || i == 2);
        }
        /* Small ones are told a few times, to whoever comes; users pass on what is new to them. */
        assert_true(net->v[1].knows_message[1] || net->v[2].knows_message[1]);
        assert_true(net->v[0].knows_message[3] || net->v[1].knows_message[3]);
        net_free(net);
    }
}

static void test_states_are_exchanged_by_all(void **state)
{
    struct net *net = net_new(3, 8, NULL, false);

    (void)state;
    run(net, 400000);
    for (int i = 0; i < 8; i++)
        assert_int_equal(net->v[i].state, 0xff);
    net_free(net);
}

/* The judges of this file can see: a mesh with timers shorter than the network's delays accuses and
 * buries the living, and one that is cut without being told so has strangers. */
static void test_the_judges_see_a_mesh_that_is_wrong(void **state)
{
    static const struct gossip_timing impatient = {.probe_interval_ms = 30,
                                                   .probe_timeout_ms = 5,
                                                   .suspicion_mult = 1,
                                                   .suspicion_max_mult = 1,
                                                   .awareness_max = 1};
    struct net *net = net_new(5, 8, &impatient, true);

    (void)state;
    net->hopeless = true;
    net->latency_min_ms = 40;
    net->latency_max_ms = 90;
    run(net, 20000);
    assert_true(net->suspected > 0);
    assert_true(net->false_deaths > 0);
    net_free(net);

    net = net_new(5, 8, NULL, false);
    run(net, 10000);
    split(net, 4);
    run(net, 30000);
    for (int i = 0; i < 8; i++)
        net->v[i].side = 0;
    assert_true(strangers(net) > 0);
    net_free(net);
}

static void test_equal_seeds_make_equal_runs(void **state)
{
    unsigned packets[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct net *net = net_new(11, 9, NULL, false);

        net->loss_per_10000 = 500;
        run(net, 20000);
        kill_node(net, 8);
        run(net, 20000);
        packets[i] = net->packets;
        net_free(net);
    }
    assert_int_equal(packets[0], packets[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_see_all_alive_and_stay_so),
        cmocka_unit_test(test_a_killed_node_is_declared_dead_in_time),
        cmocka_unit_test(test_a_short_pause_is_refuted_by_all),
        cmocka_unit_test(test_whoever_was_paused_long_accuses_nobody_and_comes_back),
        cmocka_unit_test(test_a_partition_heals_by_one_join),
        cmocka_unit_test(test_one_join_heals_even_when_all_is_forgotten),
        cmocka_unit_test(test_with_reconnection_meshes_form_and_heal_by_themselves),
        cmocka_unit_test(test_lost_datagrams_kill_nobody),
        cmocka_unit_test(test_a_node_without_udp_is_kept_by_tcp_pings),
        cmocka_unit_test(test_whoever_leaves_is_gone_at_once),
        cmocka_unit_test(test_a_node_restarted_under_its_name_outbids_its_past),
        cmocka_unit_test(test_broadcasts_of_any_size_reach_all),
        cmocka_unit_test(test_states_are_exchanged_by_all),
        cmocka_unit_test(test_the_judges_see_a_mesh_that_is_wrong),
        cmocka_unit_test(test_equal_seeds_make_equal_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
