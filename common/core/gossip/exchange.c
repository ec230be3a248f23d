/* Streams: full exchanges (join, and now and then with anybody), messages too long for a packet,
 * and pings where packets fail. */
#include "common/core/gossip/gossip_state.h"

#include <assert.h>

static struct stream *stream_find(const struct gossip *g, uint64_t id)
{
    struct stream *s = NULL;

    HASH_FIND(hh, g->streams, &id, sizeof(id), s);
    return s;
}

static struct stream *stream_new(struct gossip *g, enum purpose purpose,
                                 const struct gossip_address *address, int64_t deadline_ms)
{
    struct stream *s = xcalloc(1, sizeof(*s));

    s->id = g->next_stream++;
    s->purpose = purpose;
    s->address = *address;
    s->timer.kind = TIMER_STREAM;
    stream_reader_init(&s->reader, purpose == STREAM_ACCEPTED, g->options.label);
    timer_set(g, &s->timer, deadline_ms);
    HASH_ADD(hh, g->streams, id, sizeof(s->id), s);
    if (purpose == STREAM_ACCEPTED) {
        g->accepted++;
        g->stats.streams_in.n++;
    } else {
        g->stats.streams_out.n++;
    }
    return s;
}

static void shared_unref(struct gossip *g, struct shared *m)
{
    if (m == NULL || --m->refs > 0)
        return;
    if (m->under_way)
        g->oversize_open--;
    free(m);
}

static void stream_free(struct gossip *g, struct stream *s)
{
    timer_stop(g, &s->timer);
    HASH_DEL(g->streams, s);
    if (s->purpose == STREAM_ACCEPTED)
        g->accepted--;
    shared_unref(g, s->message);
    stream_reader_clear(&s->reader);
    free(s->peer);
    free(s);
}

void streams_clear(struct gossip *g)
{
    struct stream *s, *next;

    HASH_ITER (hh, g->streams, s, next)
        stream_free(g, s);
    while (!TAILQ_EMPTY(&g->oversize)) {
        struct shared *m = TAILQ_FIRST(&g->oversize);

        TAILQ_REMOVE(&g->oversize, m, link);
        shared_unref(g, m);
    }
}

static void finish(struct gossip *g, struct stream *s, enum gossip_stream_do how,
                   struct gossip_output *out)
{
    (void)out_op(out, how, s->id);
    stream_free(g, s);
}

static struct stream *dial(struct gossip *g, enum purpose purpose, const struct gossip_address *to,
                           struct str peer, int64_t deadline_ms, struct gossip_output *out)
{
    struct stream *s = stream_new(g, purpose, to, deadline_ms);

    if (peer.n > 0)
        s->peer = xstrndup(peer.p, peer.n);
    out_op(out, GOSSIP_STREAM_OPEN, s->id)->to = *to;
    return s;
}

uint64_t stream_dial(struct gossip *g, struct now now, enum purpose purpose,
                     const struct gossip_address *to, struct str peer, int64_t deadline_ms,
                     struct gossip_output *out)
{
    return dial(g, purpose, to, peer, max_i64(deadline_ms, now.mono_ms), out)->id;
}

void stream_drop(struct gossip *g, uint64_t id, struct gossip_output *out)
{
    struct stream *s = stream_find(g, id);

    if (s != NULL)
        finish(g, s, GOSSIP_STREAM_DROP, out);
}

/* ---- what is written ---- */

static void write_out(struct gossip *g, const struct stream *s, struct buf *b,
                      struct gossip_output *out)
{
    out_op(out, GOSSIP_STREAM_WRITE, s->id)->bytes = arena_str(out->arena, buf_str(b));
    g->stats.streams_out.bytes += b->n; /* answers, too */
    buf_clear(b);
}

static struct wire_record record_of(const struct member *m)
{
    return (struct wire_record){
        .incarnation = m->m.incarnation,
        .port = m->m.address.port,
        .state = (uint8_t)m->m.state,
        .name = m->m.name,
        .address = address_bytes(&m->m.address),
        .meta = m->m.meta,
        .versions = {.p = (const char *)m->m.versions, .n = GOSSIP_VERSIONS}};
}

/* All that we know: members, dead ones included, and the state of whoever uses us. */
static void write_state(struct gossip *g, struct now now, const struct stream *s, bool join,
                        struct gossip_output *out)
{
    struct wire_record *records = ARENA_ARRAY(out->arena, struct wire_record, g->n);
    struct wire_push_pull head = {.join = join, .nodes = (uint32_t)g->n};
    const struct member *peer = s->peer != NULL ? member_find(g, str_from(s->peer)) : NULL;
    struct buf state, b;

    for (size_t i = 0; i < g->n; i++)
        records[i] = record_of(g->list[i]);
    buf_init(&state, STREAM_USER_STATE_MAX);
    if (g->options.local_state != NULL)
        g->options.local_state(&state, peer != NULL ? &peer->m : NULL, g->options.arg);
    if (state.overflow) { /* cut off it would be of no use to anybody */
        buf_reset(&state);
        refuse(g, now, GOSSIP_BAD_FORM, &s->address, "our own state is too long to be sent", out);
    }
    head.user_state = (uint32_t)state.n;
    buf_init(&b, 0);
    if (s->purpose != STREAM_ACCEPTED)
        stream_add_label(&b, g->options.label);
    stream_add_push_pull(&b, &head, records);
    buf_add_str(&b, buf_str(&state));
    count(&g->stats.states_out, state.n);
    buf_clear(&state);
    write_out(g, s, &b, out);
}

static void write_message(struct gossip *g, const struct stream *s, const struct wire_message *m,
                          struct gossip_output *out)
{
    struct buf b;

    buf_init(&b, 0);
    if (s->purpose != STREAM_ACCEPTED)
        stream_add_label(&b, g->options.label);
    wire_add(&b, m);
    write_out(g, s, &b, out);
}

static void write_user(struct gossip *g, const struct stream *s, struct gossip_output *out)
{
    struct buf b;

    buf_init(&b, 0);
    stream_add_label(&b, g->options.label);
    stream_add_user(&b, (struct str){.p = s->message->data, .n = s->message->n});
    count(&g->stats.updates_out, s->message->n);
    write_out(g, s, &b, out);
}

/* ---- ends ---- */

/* Tells whoever asked for it that it did not happen. */
static void failed(struct gossip *g, const struct stream *s, struct str why,
                   struct gossip_output *out)
{
    struct gossip_event *e;

    if (s->purpose == STREAM_TELL) {
        e = out_event(out, GOSSIP_UNTOLD, member_find(g, str_from(s->peer)));
        e->bytes = arena_str(out->arena, (struct str){.p = s->message->data, .n = s->message->n});
        g->stats.untold++;
    } else if (s->purpose == STREAM_JOIN) {
        e = out_event(out, GOSSIP_JOIN_FAILED, NULL);
    } else {
        return;
    }
    e->address = s->address;
    e->text = arena_str(out->arena, why);
}

void stream_due(struct gossip *g, struct now now, struct stream *s, struct gossip_output *out)
{
    refuse(g, now, GOSSIP_TIMED_OUT, &s->address, NULL, out);
    failed(g, s, STR("no answer in time"), out);
    finish(g, s, GOSSIP_STREAM_DROP, out);
    oversize_next(g, now, out);
}

void gossip_stream_closed(struct gossip *g, struct now now, uint64_t id, struct str why,
                          struct gossip_output *out)
{
    struct stream *s = stream_find(g, id);

    if (s == NULL)
        return;
    failed(g, s, why, out);
    stream_free(g, s);
    oversize_next(g, now, out);
}

static void give_up(struct gossip *g, struct now now, struct stream *s, const char *why,
                    struct gossip_output *out)
{
    struct wire_message err = {.type = WIRE_ERR, .err = {.text = str_from(why)}};
    bool say = s->purpose == STREAM_ACCEPTED && !s->reader.head_read && !s->reader.foreign;

    refuse(g, now, s->reader.foreign ? GOSSIP_FOREIGN_LABEL : GOSSIP_BAD_FORM, &s->address, why,
           out);
    failed(g, s, str_from(why), out);
    if (say)
        write_message(g, s, &err, out);
    finish(g, s, say ? GOSSIP_STREAM_CLOSE : GOSSIP_STREAM_DROP, out);
}

/* ---- what is read ---- */

static void merge(struct gossip *g, struct now now, struct stream *s,
                  const struct stream_message *m, struct gossip_output *out)
{
    const char *why = merge_refused(g, m->records, m->head.nodes);
    struct gossip_event *e;

    if (why != NULL) {
        refuse(g, now, GOSSIP_BAD_VERSIONS, &s->address, why, out);
        failed(g, s, str_from(why), out);
        return;
    }
    count(&g->stats.states_in, m->user.n);
    merge_records(g, now, m->records, m->head.nodes, out);
    if (m->user.n > 0) {
        e = out_event(out, GOSSIP_STATE, NULL);
        e->address = s->address;
        e->bytes = arena_str(out->arena, m->user);
    }
    if (s->purpose == STREAM_JOIN)
        out_event(out, GOSSIP_JOIN_OK, NULL)->address = s->address;
}

/* The answer goes out before anything is merged: it tells what we knew. */
static void take_accepted(struct gossip *g, struct now now, struct stream *s,
                          const struct stream_message *m, struct gossip_output *out)
{
    struct wire_message ack = {.type = WIRE_ACK};
    const struct wire_ping *ping = &m->small.ping;
    struct gossip_event *e;

    switch (m->type) {
    case WIRE_PUSH_PULL:
        write_state(g, now, s, m->head.join, out);
        merge(g, now, s, m, out);
        break;
    case WIRE_USER:
        count(&g->stats.updates_in, m->user.n);
        e = out_event(out, GOSSIP_MESSAGE, NULL);
        e->address = s->address;
        e->bytes = arena_str(out->arena, m->user);
        break;
    case WIRE_PING:
        if (ping->node.n > 0 && !str_eq(ping->node, g->self->m.name))
            break;
        ack.ack.seq = ping->seq;
        write_message(g, s, &ack, out);
        break;
    default:
        refuse(g, now, GOSSIP_BAD_FORM, &s->address, "an answer that nobody asked for", out);
    }
}

static void take_answer(struct gossip *g, struct now now, struct stream *s,
                        const struct stream_message *m, struct gossip_output *out)
{
    if (m->type == WIRE_PUSH_PULL && (s->purpose == STREAM_JOIN || s->purpose == STREAM_EXCHANGE)) {
        merge(g, now, s, m, out);
    } else if (m->type == WIRE_ACK && s->purpose == STREAM_PROBE) {
        probe_tcp_ack(g, m->small.ack.seq);
    } else {
        refuse(g, now, GOSSIP_BAD_FORM, &s->address, "another answer than asked for", out);
        failed(g, s, m->type == WIRE_ERR ? m->small.err.text : STR("another answer"), out);
    }
}

static size_t bytes_held(const struct gossip *g)
{
    struct stream *s, *next;
    size_t n = 0;

    HASH_ITER (hh, g->streams, s, next)
        n += s->reader.in.n;
    return n;
}

void gossip_stream_bytes(struct gossip *g, struct now now, uint64_t id, struct str bytes,
                         struct gossip_output *out)
{
    struct stream *s = stream_find(g, id);
    struct stream_message m;
    const char *why = NULL;
    int done;

    if (s == NULL)
        return;
    g->stats.streams_in.bytes += bytes.n;
    if (bytes.n + s->reader.in.n > KIB(64) && bytes_held(g) + bytes.n > STREAM_HELD_MAX) {
        give_up(g, now, s, "too much is on its way", out);
        return;
    }
    done = stream_reader_add(&s->reader, bytes, &why);
    if (done == 0)
        return;
    if (done < 0 || stream_reader_message(&s->reader, out->arena, &m, &why) < 0) {
        give_up(g, now, s, why, out);
        return;
    }
    if (s->purpose == STREAM_ACCEPTED)
        take_accepted(g, now, s, &m, out);
    else
        take_answer(g, now, s, &m, out);
    finish(g, s, GOSSIP_STREAM_CLOSE, out);
}

void gossip_stream_opened(struct gossip *g, struct now now, uint64_t id, struct gossip_output *out)
{
    struct stream *s = stream_find(g, id);
    struct wire_message ping = {.type = WIRE_PING};

    if (s == NULL)
        return;
    switch (s->purpose) {
    case STREAM_JOIN:
    case STREAM_EXCHANGE:
        write_state(g, now, s, s->purpose == STREAM_JOIN, out);
        timer_set(g, &s->timer, now.mono_ms + g->timing.tcp_timeout_ms);
        break;
    case STREAM_TELL:
        write_user(g, s, out);
        finish(g, s, GOSSIP_STREAM_CLOSE, out);
        oversize_next(g, now, out);
        break;
    case STREAM_PROBE:
        ping.ping = probe_ping_of(g, str_from(s->peer), g->probe.seq);
        write_message(g, s, &ping, out);
        break;
    case STREAM_ACCEPTED:
        break;
    }
}

/* ---- beginnings ---- */

uint64_t gossip_accept(struct gossip *g, struct now now, const struct gossip_address *from)
{
    struct stream *s, *next;
    size_t same = 0;

    HASH_ITER (hh, g->streams, s, next)
        if (s->purpose == STREAM_ACCEPTED && s->address.n == from->n &&
            memcmp(s->address.bytes, from->bytes, from->n) == 0)
            same++;
    if (g->accepted >= g->options.streams_max || same >= g->options.per_source_max) {
        g->stats.refused[GOSSIP_TOO_MANY_STREAMS]++;
        return 0;
    }
    return stream_new(g, STREAM_ACCEPTED, from, now.mono_ms + g->timing.tcp_timeout_ms)->id;
}

void gossip_join(struct gossip *g, struct now now, const struct gossip_address *to,
                 struct gossip_output *out)
{
    (void)stream_dial(g, now, STREAM_JOIN, to, STR_EMPTY, now.mono_ms + g->timing.tcp_timeout_ms,
                      out);
}

static bool is_alive_other(const struct member *m, const void *arg)
{
    (void)arg;
    return m->m.state == GOSSIP_ALIVE && !m->m.self;
}

void exchange_tick(struct gossip *g, struct now now, struct gossip_output *out)
{
    struct member *m;

    if (members_pick(g, 1, &m, is_alive_other, NULL) == 1)
        (void)stream_dial(g, now, STREAM_EXCHANGE, &m->m.address, m->m.name,
                          now.mono_ms + g->timing.tcp_timeout_ms, out);
}

/* ---- messages over streams ---- */

static struct shared *shared_new(struct str bytes)
{
    struct shared *m = xmalloc(sizeof(*m) + bytes.n);

    *m = (struct shared){.refs = 1, .n = bytes.n};
    memcpy(m->data, bytes.p, bytes.n);
    return m;
}

static void tell(struct gossip *g, struct now now, const struct member *to, struct shared *message,
                 struct gossip_output *out)
{
    struct stream *s = dial(g, STREAM_TELL, &to->m.address, to->m.name,
                            now.mono_ms + g->timing.tcp_timeout_ms, out);

    s->message = message;
    message->refs++;
}

/* A few at a time, each to all at once, so that one peer that does not answer delays only some. */
void oversize_next(struct gossip *g, struct now now, struct gossip_output *out)
{
    while (g->oversize_open < OVERSIZE_OPEN_MAX && !TAILQ_EMPTY(&g->oversize)) {
        struct shared *m = TAILQ_FIRST(&g->oversize);

        TAILQ_REMOVE(&g->oversize, m, link);
        g->oversize_n--;
        g->oversize_open++;
        m->under_way = true;
        for (size_t i = 0; i < g->n; i++) {
            const struct member *to = g->list[i];

            if (is_present(to) && to != g->self && (!m->ours_only || to->m.ours))
                tell(g, now, to, m, out);
        }
        shared_unref(g, m);
    }
}

static bool oversize_put(struct gossip *g, struct now now, enum gossip_scope scope,
                         struct str bytes, struct gossip_output *out)
{
    struct shared *m;

    g->stats.oversize++;
    if (g->oversize_n >= g->options.oversize_max) {
        g->stats.oversize_dropped++;
        return false;
    }
    m = shared_new(bytes);
    m->ours_only = scope == GOSSIP_TO_OURS;
    TAILQ_INSERT_TAIL(&g->oversize, m, link);
    g->oversize_n++;
    oversize_next(g, now, out);
    return true;
}

bool gossip_broadcast(struct gossip *g, struct now now, enum gossip_scope scope, struct str name,
                      struct str bytes, struct gossip_output *out)
{
    struct wire_message m = {.type = WIRE_USER, .user = bytes};

    if (bytes.n == 0 || bytes.n > GOSSIP_MESSAGE_MAX)
        return false;
    if (bytes.n > GOSSIP_PACKED_MAX) {
        broadcasts_drop(g->user[scope], name);
        return oversize_put(g, now, scope, bytes, out);
    }
    broadcasts_put(g->user[scope], name, wire_text(out->arena, &m));
    return true;
}

bool gossip_send(struct gossip *g, struct now now, struct str member, struct str bytes,
                 struct gossip_output *out)
{
    const struct member *m = member_find(g, member);
    struct shared *message;

    if (m == NULL || !is_present(m) || m == g->self || bytes.n == 0 ||
        bytes.n > GOSSIP_MESSAGE_MAX || HASH_COUNT(g->streams) >= g->options.members_max)
        return false;
    message = shared_new(bytes);
    tell(g, now, m, message, out);
    shared_unref(g, message);
    return true;
}
