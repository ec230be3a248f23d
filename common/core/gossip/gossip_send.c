#include "common/core/gossip/gossip_state.h"
#include "common/core/gossip/packet.h"
#include "common/core/gossip/timing.h"

#include <assert.h>

#define BUDGET 1400     /* bytes of a packet, as real nodes count them */
#define PART_OVERHEAD 2 /* its length in the compound's table */

/* ---- the output ---- */

void gossip_output_init(struct gossip_output *out, struct arena *arena)
{
    *out = (struct gossip_output){.arena = arena};
}

/* Arrays in the arena grow by being left behind. */
static void *grow(struct arena *a, void *v, size_t n, size_t *cap, size_t size)
{
    void *larger;

    if (n < *cap)
        return v;
    *cap = *cap == 0 ? 8 : 2 * *cap;
    larger = arena_alloc_array(a, *cap, size);
    if (n > 0)
        memcpy(larger, v, n * size);
    return larger;
}

struct gossip_event *out_event(struct gossip_output *out, enum gossip_event_kind kind,
                               const struct member *m)
{
    struct gossip_event *e;

    out->events = grow(out->arena, out->events, out->events_n, &out->events_cap, sizeof(*e));
    e = &out->events[out->events_n++];
    *e = (struct gossip_event){.kind = kind, .bytes = STR_EMPTY, .text = STR_EMPTY};
    if (m != NULL) {
        e->member = m->m;
        e->member.name = arena_str(out->arena, m->m.name);
        e->member.meta = arena_str(out->arena, m->m.meta);
        e->address = m->m.address;
    }
    return e;
}

struct gossip_stream_op *out_op(struct gossip_output *out, enum gossip_stream_do what, uint64_t id)
{
    struct gossip_stream_op *op;

    out->ops = grow(out->arena, out->ops, out->ops_n, &out->ops_cap, sizeof(*op));
    op = &out->ops[out->ops_n++];
    *op = (struct gossip_stream_op){.what = what, .id = id, .bytes = STR_EMPTY};
    return op;
}

static void out_packet(struct gossip *g, const struct gossip_address *to, bool crc,
                       const struct str *messages, size_t n, struct gossip_output *out)
{
    struct gossip_packet *p;
    struct buf b;

    buf_init(&b, PACKET_BYTES_MAX);
    packet_add(&b, g->options.label, crc, messages, n);
    out->packets = grow(out->arena, out->packets, out->packets_n, &out->packets_cap, sizeof(*p));
    p = &out->packets[out->packets_n++];
    *p = (struct gossip_packet){.to = *to, .bytes = arena_str(out->arena, buf_str(&b))};
    buf_clear(&b);
    count(&g->stats.packets_out, p->bytes.n);
}

struct str wire_text(struct arena *a, const struct wire_message *m)
{
    struct str s;
    struct buf b;

    buf_init(&b, PACKET_BYTES_MAX);
    wire_add(&b, m);
    s = arena_str(a, buf_str(&b));
    buf_clear(&b);
    return s;
}

/* ---- what is told ---- */

void tell_news(struct gossip *g, const struct wire_message *m, struct str about)
{
    struct buf b;

    buf_init(&b, PACKET_BYTES_MAX);
    wire_add(&b, m);
    broadcasts_put(g->news, about, buf_str(&b));
    buf_clear(&b);
}

/* Unlike memberlist's a refutation replaces what we said of ourselves before. */
void tell_self(struct gossip *g)
{
    const struct gossip_member *s = &g->self->m;
    struct wire_message m = {
        .type = WIRE_ALIVE,
        .alive = {.incarnation = s->incarnation,
                  .port = s->address.port,
                  .node = s->name,
                  .address = address_bytes(&s->address),
                  .meta = s->meta,
                  .versions = {.p = (const char *)s->versions, .n = GOSSIP_VERSIONS}}};

    tell_news(g, &m, s->name);
}

/* ---- packets ---- */

static size_t label_overhead(const struct gossip *g)
{
    return g->options.label.n > 0 ? 2 + g->options.label.n : 0;
}

/* Messages for `to` (NULL: who that is is not known) from all queues: about members first. */
static size_t fill(struct gossip *g, const struct member *to, size_t budget, struct arena *a,
                   struct str *ret, size_t room)
{
    size_t n, about, limit = timing_transmit_limit(g->timing.retransmit_mult, g->n);
    size_t user_limit = timing_transmit_limit(g->timing.user_mult, g->present);

    n = about = broadcasts_fill(g->news, &budget, PART_OVERHEAD, limit, a, ret, room);
    n += broadcasts_fill(g->user[GOSSIP_TO_ALL], &budget, PART_OVERHEAD, user_limit, a, ret + n,
                         room - n);
    if (to != NULL && to->m.ours)
        n += broadcasts_fill(g->user[GOSSIP_TO_OURS], &budget, PART_OVERHEAD, user_limit, a,
                             ret + n, room - n);
    for (size_t i = about; i < n; i++)
        count(&g->stats.updates_out, ret[i].n - 1);
    return n;
}

/* Probe traffic goes without CRC, as real nodes send it. */
void send_first(struct gossip *g, const struct gossip_address *to, const struct member *m,
                const struct wire_message *first, bool piggyback, struct gossip_output *out)
{
    struct str parts[PACKET_PARTS_MAX];
    size_t n = 0, used;

    parts[n++] = wire_text(out->arena, first);
    used = parts[0].n + 2 + label_overhead(g);
    if (piggyback && used < BUDGET)
        n += fill(g, m, BUDGET - used, out->arena, parts + n, PACKET_PARTS_MAX - n);
    out_packet(g, to, false, parts, n, out);
}

static bool takes_crc(const struct member *m)
{
    return m->m.versions[1] >= 5;
}

void send_both(struct gossip *g, const struct member *to, const struct wire_message *first,
               const struct wire_message *second, struct gossip_output *out)
{
    struct str parts[2] = {wire_text(out->arena, first), wire_text(out->arena, second)};

    out_packet(g, &to->m.address, takes_crc(to), parts, ARRAY_SIZE(parts), out);
}

bool send_gossip(struct gossip *g, const struct member *to, struct gossip_output *out)
{
    struct str parts[PACKET_PARTS_MAX];
    size_t n = fill(g, to, BUDGET - 2 - label_overhead(g), out->arena, parts, PACKET_PARTS_MAX);

    if (n > 0)
        out_packet(g, &to->m.address, takes_crc(to), parts, n, out);
    return n > 0;
}
