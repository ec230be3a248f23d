#include "tests/lib/gossip_solo.h"

#include <stdlib.h>

const uint8_t solo_versions[6] = {1, 5, 2, 0, 0, 0};

struct gossip_address address_of(uint8_t last)
{
    return (struct gossip_address){.n = 4, .bytes = {10, 0, 0, last}, .port = 9094};
}

struct gossip_options options(void)
{
    return (struct gossip_options){
        .name = STR("me"), .address = address_of(1), .meta = STR(GOSSIP_OURS), .seed = 4};
}

static void say_state(struct buf *b, const struct gossip_member *peer, void *arg)
{
    (void)arg;
    buf_add_str(b, peer != NULL && peer->ours ? STR("for ours") : STR("for all"));
}

struct solo *solo_with(struct gossip_options o)
{
    struct solo *s = xcalloc(1, sizeof(*s));

    s->now.mono_ms = T0;
    s->arena = arena_new(0);
    o.local_state = say_state;
    s->g = gossip_new(&o, s->now);
    gossip_output_init(&s->out, s->arena);
    return s;
}

struct solo *solo(void)
{
    return solo_with(options());
}

void done(struct solo *s)
{
    gossip_free(s->g);
    arena_free(s->arena);
    free(s);
}

void forget(struct solo *s)
{
    gossip_output_init(&s->out, s->arena);
}

static struct str name(struct solo *s, int i)
{
    return arena_fmt(s->arena, "n%d", i);
}

void hear_packet(struct solo *s, uint8_t from, const struct wire_message *m)
{
    struct gossip_address a = address_of(from);
    struct buf b;

    buf_init(&b, 0);
    wire_add(&b, m);
    gossip_packet(s->g, s->now, &a, buf_str(&b), &s->out);
    buf_clear(&b);
}

void hear_alive_at(struct solo *s, struct str who, uint32_t incarnation, struct gossip_address a,
                   struct str meta)
{
    struct wire_message m = {
        .type = WIRE_ALIVE,
        .alive = {.incarnation = incarnation,
                  .port = a.port,
                  .node = who,
                  .address = {.p = (const char *)a.bytes, .n = a.n},
                  .meta = meta,
                  .versions = {.p = (const char *)solo_versions, .n = sizeof(solo_versions)}}};

    hear_packet(s, 200, &m);
}

void hear_alive(struct solo *s, int i, uint32_t incarnation)
{
    hear_alive_at(s, name(s, i), incarnation, address_of((uint8_t)i), STR_EMPTY);
}

void hear(struct solo *s, enum wire_type type, struct str who, uint32_t incarnation,
          const char *from)
{
    struct wire_message m = {
        .type = type,
        .accusation = {.incarnation = incarnation, .node = who, .from = str_from(from)}};

    hear_packet(s, 200, &m);
}

void with_members(struct solo *s, int n)
{
    for (int i = 2; i < 2 + n; i++)
        hear_alive(s, i, 1);
    forget(s);
}

size_t events(const struct solo *s, enum gossip_event_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < s->out.events_n; i++)
        n += s->out.events[i].kind == kind;
    return n;
}

enum gossip_state state_of(struct solo *s, int i)
{
    const struct gossip_member *m = gossip_find(s->g, name(s, i));

    assert_non_null(m);
    return m->state;
}

void run_to(struct solo *s, int64_t at_ms)
{
    while (gossip_next_ms(s->g) <= at_ms) {
        s->now.mono_ms = max_i64(s->now.mono_ms, gossip_next_ms(s->g));
        gossip_tick(s->g, s->now, &s->out);
    }
    s->now.mono_ms = at_ms;
}

struct wire_message sent(struct solo *s, enum wire_type type, size_t nth,
                         struct gossip_address *ret_to)
{
    for (size_t i = 0; i < s->out.packets_n; i++) {
        struct packet p;
        const char *why;

        assert_int_equal(packet_read(s->out.packets[i].bytes, STR_EMPTY, s->arena, &p, &why), 0);
        for (size_t k = 0; k < p.n; k++) {
            struct wire_message m;

            assert_int_equal(wire_read(p.v[k], &m, &why), 0);
            if (m.type == type && nth-- == 0) {
                if (ret_to != NULL)
                    *ret_to = s->out.packets[i].to;
                return m;
            }
        }
    }
    return (struct wire_message){.type = WIRE_COMPRESS};
}

size_t count_sent(struct solo *s, enum wire_type type)
{
    size_t n = 0;

    while (sent(s, type, n, NULL).type == type)
        n++;
    return n;
}

void run_answering(struct solo *s, int64_t at_ms)
{
    while (gossip_next_ms(s->g) <= at_ms) {
        size_t n;

        forget(s);
        s->now.mono_ms = max_i64(s->now.mono_ms, gossip_next_ms(s->g));
        gossip_tick(s->g, s->now, &s->out);
        n = count_sent(s, WIRE_PING);
        for (size_t i = 0; i < n; i++) {
            struct gossip_address to = {0};
            struct wire_message ack = {.type = WIRE_ACK};

            ack.ack.seq = sent(s, WIRE_PING, i, &to).ping.seq;
            hear_packet(s, to.bytes[3], &ack);
        }
    }
    s->now.mono_ms = at_ms;
    forget(s);
}

struct stream_message answer(struct solo *s, struct stream_reader *r)
{
    struct stream_message m;
    const char *why;
    size_t i = 0;

    while (i < s->out.ops_n && s->out.ops[i].what != GOSSIP_STREAM_WRITE)
        i++;
    assert_true(i < s->out.ops_n);
    stream_reader_init(r, false, STR_EMPTY);
    assert_int_equal(stream_reader_add(r, s->out.ops[i].bytes, &why), 1);
    assert_int_equal(stream_reader_message(r, s->arena, &m, &why), 0);
    return m;
}
