/* Who answers: one probe at a time, round robin over a shuffled list; then by others, and over TCP.
 * And the other side of it: acks, and pings on behalf of others. */
#include "common/core/gossip/gossip_state.h"

#include <assert.h>

struct wire_ping probe_ping_of(const struct gossip *g, struct str node, uint32_t seq)
{
    const struct gossip_member *s = &g->self->m;

    return (struct wire_ping){.seq = seq,
                              .node = node,
                              .source_port = s->address.port,
                              .source_address = address_bytes(&s->address),
                              .source_node = s->name};
}

/* ---- our probes ---- */

static void probe_start(struct gossip *g, struct now now, struct member *m,
                        struct gossip_output *out)
{
    int64_t interval = g->timing.probe_interval_ms * (int64_t)(g->health + 1);
    struct wire_message ping = {.type = WIRE_PING}, suspect = {.type = WIRE_SUSPECT};
    struct probe *p = &g->probe;

    assert(p->target == NULL);
    p->target = m;
    p->began_ms = now.mono_ms;
    p->seq = ++g->seq;
    p->expected = p->nacks = 0;
    p->tcp_ok = false;
    p->stream = 0;
    timer_set(g, &p->wait, now.mono_ms + g->timing.probe_timeout_ms);
    timer_set(g, &p->end, now.mono_ms + interval);
    g->stats.probes++;
    ping.ping = probe_ping_of(g, m->m.name, p->seq);
    if (m->m.state == GOSSIP_ALIVE) {
        send_first(g, &m->m.address, m, &ping, true, out);
        return;
    }
    suspect.accusation = (struct wire_accusation){
        .incarnation = m->m.incarnation, .node = m->m.name, .from = g->self->m.name};
    send_both(g, m, &ping, &suspect, out); /* so that it can refute at once */
}

static void probe_next(struct gossip *g, struct now now, struct gossip_output *out)
{
    for (size_t skips = 0; skips <= g->n; skips++) {
        struct member *m;

        if (g->next >= g->n) {
            members_reap(g, now);
            members_shuffle(g);
            g->next = 0;
            continue;
        }
        m = g->list[g->next++];
        if (m != g->self && is_present(m)) {
            probe_start(g, now, m, out);
            return;
        }
    }
}

void probe_tick(struct gossip *g, struct now now, struct gossip_output *out)
{
    if (g->probe.target != NULL)
        g->probe.tick_missed = true;
    else
        probe_next(g, now, out);
}

static void probe_over(struct gossip *g, struct now now, struct gossip_output *out)
{
    struct probe *p = &g->probe;

    timer_stop(g, &p->wait);
    timer_stop(g, &p->end);
    if (p->stream != 0)
        stream_drop(g, p->stream, out);
    p->stream = 0;
    p->target = NULL;
    if (p->tick_missed) {
        p->tick_missed = false;
        probe_next(g, now, out);
    }
}

static bool can_help(const struct member *m, const void *target)
{
    return m->m.state == GOSSIP_ALIVE && !m->m.self && m != target;
}

static void ask_others(struct gossip *g, struct gossip_output *out)
{
    const struct gossip_member *t = &g->probe.target->m;
    struct wire_ping mine = probe_ping_of(g, t->name, g->probe.seq);
    struct member *helpers[16];
    size_t n = g->timing.indirect_checks;

    n = members_pick(g, n < ARRAY_SIZE(helpers) ? n : ARRAY_SIZE(helpers), helpers, can_help,
                     g->probe.target);
    for (size_t i = 0; i < n; i++) {
        struct wire_message ask = {.type = WIRE_INDIRECT_PING,
                                   .indirect = {.seq = g->probe.seq,
                                                .port = t->address.port,
                                                .nack = helpers[i]->m.versions[1] >= 4,
                                                .node = t->name,
                                                .target = address_bytes(&t->address),
                                                .source_port = mine.source_port,
                                                .source_address = mine.source_address,
                                                .source_node = mine.source_node}};

        if (ask.indirect.nack)
            g->probe.expected++;
        g->stats.indirect_probes++;
        send_first(g, &helpers[i]->m.address, helpers[i], &ask, true, out);
    }
}

/* No ack in time: ask others, and try TCP meanwhile. */
void probe_wait_due(struct gossip *g, struct now now, struct gossip_output *out)
{
    struct probe *p = &g->probe;
    const struct gossip_member *t = &p->target->m;

    ask_others(g, out);
    if (t->versions[1] >= 3)
        p->stream = stream_dial(g, now, STREAM_PROBE, &t->address, t->name, p->end.node.at_ms, out);
}

void probe_end_due(struct gossip *g, struct now now, struct gossip_output *out)
{
    struct probe *p = &g->probe;
    struct member *m = p->target;
    struct wire_accusation s = {
        .incarnation = m->m.incarnation, .node = m->m.name, .from = g->self->m.name};

    if (p->tcp_ok) {
        health_change(g, -1);
        g->stats.tcp_probes_ok++;
        (void)out_event(out, GOSSIP_ONLY_TCP, m);
    } else {
        /* Helpers that do not even say that they failed are a sign that it is us who is slow. */
        if (p->expected == 0)
            health_change(g, +1);
        else if (p->nacks < p->expected)
            health_change(g, (int)(p->expected - p->nacks));
        g->stats.probes_failed++;
        news_suspect(g, now, &s, out);
    }
    probe_over(g, now, out);
}

void probe_tcp_ack(struct gossip *g, uint32_t seq)
{
    if (g->probe.target != NULL && g->probe.seq == seq)
        g->probe.tcp_ok = true;
}

void probe_nack(struct gossip *g, uint32_t seq)
{
    if (g->probe.target != NULL && g->probe.seq == seq)
        g->probe.nacks++;
}

const int gossip_ping_bounds_ms[GOSSIP_PING_BUCKETS - 1] = {5, 10, 25, 50, 100, 250, 500};

static void note_round_trip(struct member *m, int64_t ms)
{
    size_t i = 0;

    while (i < GOSSIP_PING_BUCKETS - 1 && ms > gossip_ping_bounds_ms[i])
        i++;
    m->stats.pings[i]++;
    m->stats.pings_ms += (uint64_t)max_i64(ms, 0);
}

/* ---- pings from others ---- */

static bool has_address(const struct gossip *g, const struct gossip_address *a, struct str name)
{
    const struct member *m = member_find(g, name);

    if (m != NULL && gossip_address_eq(&m->m.address, a))
        return true;
    for (size_t i = 0; i < g->n; i++)
        if (gossip_address_eq(&g->list[i]->m.address, a))
            return true;
    return false;
}

/* Where an answer goes: to the source that the message gives, if that is where it came from or a
 * member's address. Anywhere else would make us throw packets at whomever a stranger names. False:
 * to where it came from, and nothing more than was asked for. */
static bool answer_address(const struct gossip *g, const struct gossip_address *from,
                           struct str source, uint16_t port, struct str name,
                           struct gossip_address *ret)
{
    *ret = *from;
    if (source.n == 0 || port == 0)
        return has_address(g, from, STR_EMPTY);
    if (!address_read(ret, source, port)) {
        *ret = *from;
        return false;
    }
    if (gossip_address_eq(ret, from) || has_address(g, ret, name))
        return true;
    *ret = *from;
    return false;
}

void probe_ping(struct gossip *g, const struct gossip_address *from, const struct wire_ping *p,
                struct gossip_output *out)
{
    struct wire_message ack = {.type = WIRE_ACK, .ack = {.seq = p->seq, .payload = STR_EMPTY}};
    struct gossip_address to;
    bool known;

    if (p->node.n > 0 && !str_eq(p->node, g->self->m.name))
        return; /* meant for who was here before */
    known = answer_address(g, from, p->source_address, p->source_port, p->source_node, &to);
    if (to.n != 0)
        send_first(g, &to, known ? member_find(g, p->source_node) : NULL, &ack, known, out);
}

/* ---- pings on behalf of others ---- */

static struct relay *relay_find(const struct gossip *g, uint32_t seq)
{
    struct relay *r = NULL;

    HASH_FIND(hh, g->relays, &seq, sizeof(seq), r);
    return r;
}

static void relay_free(struct gossip *g, struct relay *r)
{
    timer_stop(g, &r->timer);
    HASH_DEL(g->relays, r);
    free(r);
}

void relays_clear(struct gossip *g)
{
    struct relay *r, *next;

    HASH_ITER (hh, g->relays, r, next)
        relay_free(g, r);
}

void probe_indirect(struct gossip *g, struct now now, const struct gossip_address *from,
                    const struct wire_indirect_ping *p, struct gossip_output *out)
{
    const struct member *m = member_find(g, p->node);
    struct wire_message ping = {.type = WIRE_PING};
    struct gossip_address target;
    struct relay *r;

    if (m == NULL ||
        !address_read(&target, p->target, p->port != 0 ? p->port : g->self->m.address.port) ||
        !gossip_address_eq(&target, &m->m.address) || HASH_COUNT(g->relays) >= RELAYS_MAX) {
        refuse(g, now, GOSSIP_NOT_A_MEMBER, from, "asked to probe a stranger, or too many", out);
        return;
    }
    r = xcalloc(1, sizeof(*r));
    r->seq = ++g->seq;
    r->asker_seq = p->seq;
    r->nack = p->nack;
    r->timer.kind = TIMER_RELAY;
    (void)answer_address(g, from, p->source_address, p->source_port, p->source_node, &r->asker);
    HASH_ADD(hh, g->relays, seq, sizeof(r->seq), r);
    timer_set(g, &r->timer, now.mono_ms + g->timing.probe_timeout_ms);
    ping.ping = probe_ping_of(g, p->node, r->seq);
    send_first(g, &target, m, &ping, true, out);
}

void relay_due(struct gossip *g, struct relay *r, struct gossip_output *out)
{
    struct wire_message nack = {.type = WIRE_NACK, .nack = {.seq = r->asker_seq}};

    if (r->nack && r->asker.n != 0)
        send_first(g, &r->asker, NULL, &nack, true, out);
    relay_free(g, r);
}

void probe_ack(struct gossip *g, struct now now, uint32_t seq, struct gossip_output *out)
{
    struct relay *r = relay_find(g, seq);

    if (g->probe.target != NULL && g->probe.seq == seq) {
        health_change(g, -1);
        note_round_trip(g->probe.target, now.mono_ms - g->probe.began_ms);
        probe_over(g, now, out);
    } else if (r != NULL) {
        struct wire_message ack = {.type = WIRE_ACK, .ack = {.seq = r->asker_seq}};

        if (r->asker.n != 0)
            send_first(g, &r->asker, NULL, &ack, true, out);
        relay_free(g, r);
    }
}
