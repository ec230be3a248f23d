/* A datagram: what can be read can be written, and is then read as the same; and a node that gets
 * it stays sound. */
#include "tests/fuzz/fuzz.h"

#include "common/core/gossip/gossip.h"
#include "common/core/gossip/packet.h"

static void round_trip(struct str message, struct arena *a)
{
    struct wire_message m, again;
    struct str first;
    const char *why = NULL;
    struct buf b;

    if (wire_read(message, &m, &why) < 0) {
        assert(why != NULL);
        return;
    }
    buf_init(&b, 0);
    wire_add(&b, &m);
    first = arena_str(a, buf_str(&b));
    assert(wire_read(first, &again, &why) == 0);
    buf_reset(&b);
    wire_add(&b, &again);
    assert(str_eq(first, buf_str(&b)));
    buf_clear(&b);
}

static struct gossip *node(struct now now)
{
    struct gossip_options o = {.name = STR("me"),
                               .address = {.n = 4, .bytes = {10, 0, 0, 1}, .port = 9094},
                               .seed = 1,
                               .members_max = 20};

    return gossip_new(&o, now);
}

/* Alive, so that accusations have somebody to accuse. */
static const char other[] = "\x04\x86\xa4"
                            "Addr\xa4\x0a\x00\x00\x02\xabIncarnation\x05\xa4Meta\xa0\xa4Node\xa1"
                            "b\xa4Port\xcd\x23\x86\xa3Vsn\xa6\x01\x05\x02\x00\x00\x00";

static void feed(struct str datagram, struct arena *a)
{
    struct gossip_address from = {.n = 4, .bytes = {10, 0, 0, 2}, .port = 9094};
    struct now now = {.mono_ms = 1000};
    struct gossip *g = node(now);
    const struct gossip_member **v;
    struct gossip_output out;

    gossip_output_init(&out, a);
    gossip_packet(g, now, &from, (struct str){.p = other, .n = sizeof(other) - 1}, &out);
    gossip_packet(g, now, &from, datagram, &out);
    for (int i = 0; i < 12; i++) {
        now.mono_ms += 400;
        gossip_tick(g, now, &out);
        if (i == 3)
            gossip_packet(g, now, &from, datagram, &out);
    }
    assert(gossip_members(g, true, a, &v) <= 20);
    assert(gossip_find(g, STR("me")) == gossip_self(g));
    assert(gossip_self(g)->state == GOSSIP_ALIVE);
    for (size_t i = 0; i < out.packets_n; i++)
        assert(out.packets[i].bytes.n <= 1500);
    gossip_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(0);
    const char *why = NULL;
    struct packet p;

    if (packet_read(fuzz_text(data, size), STR_EMPTY, a, &p, &why) == 0) {
        assert(p.n <= PACKET_PARTS_MAX);
        for (size_t i = 0; i < p.n; i++)
            round_trip(p.v[i], a);
    } else {
        assert(why != NULL);
    }
    feed(fuzz_text(data, size), a);
    arena_free(a);
    return 0;
}
