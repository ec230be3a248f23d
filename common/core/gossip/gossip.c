#include "common/core/gossip/gossip_state.h"

#include "common/base/utf8.h"
#include "common/core/gossip/packet.h"
#include "common/core/gossip/timing.h"

#include <assert.h>

#define REFUSAL_TELL_MS (10 * MS_PER_S)

/* ---- addresses ---- */

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* The address without its v4-in-v6 clothes. */
static struct str plain_address(const struct gossip_address *a)
{
    struct str s = {.p = (const char *)a->bytes, .n = a->n};

    return a->n == 16 && memcmp(a->bytes, mapped, sizeof(mapped)) == 0 ? str_sub(s, 12, 16) : s;
}

bool gossip_address_eq(const struct gossip_address *a, const struct gossip_address *b)
{
    return a->port == b->port && str_eq(plain_address(a), plain_address(b));
}

struct str gossip_address_text(const struct gossip_address *a, struct arena *arena)
{
    struct str s = plain_address(a);
    const uint8_t *u = (const uint8_t *)s.p;
    struct buf b;

    if (s.n == 0)
        return STR("unknown");
    if (s.n == 4)
        return arena_fmt(arena, "%u.%u.%u.%u:%u", u[0], u[1], u[2], u[3], a->port);
    buf_init(&b, 64);
    for (size_t i = 0; i < 16; i += 2)
        buf_add_fmt(&b, "%s%x", i > 0 ? ":" : "", (unsigned)u[i] << 8 | u[i + 1]);
    s = arena_fmt(arena, "[%s]:%u", b.p, a->port);
    buf_clear(&b);
    return s;
}

struct str address_bytes(const struct gossip_address *a)
{
    return (struct str){.p = (const char *)a->bytes, .n = a->n};
}

static bool all_zero(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != 0)
            return false;
    return true;
}

/* False for what is nobody's: another length, unspecified, multicast, port 0. */
bool address_read(struct gossip_address *ret, struct str bytes, uint16_t port)
{
    struct gossip_address a = {.n = (uint8_t)bytes.n, .port = port};
    struct str s;

    if ((bytes.n != 4 && bytes.n != 16) || port == 0)
        return false;
    memcpy(a.bytes, bytes.p, bytes.n);
    s = plain_address(&a);
    if (all_zero(s) || (s.n == 4 ? ((uint8_t)s.p[0] & 0xf0) == 0xe0 : (uint8_t)s.p[0] == 0xff))
        return false;
    *ret = a;
    return true;
}

/* ---- members ---- */

const char *gossip_state_text(enum gossip_state state)
{
    static const char *const texts[] = {"alive", "suspect", "dead", "left"};

    return texts[state];
}

void member_set_meta(struct member *m, struct str meta)
{
    char *copy = xmalloc(meta.n + 1);
    char *old = (char *)(uintptr_t)m->m.meta.p;

    if (meta.n > 0)
        memcpy(copy, meta.p, meta.n);
    copy[meta.n] = '\0';
    m->m.meta = (struct str){.p = copy, .n = meta.n};
    m->m.ours = str_starts(m->m.meta, STR(GOSSIP_OURS));
    free(old);
}

static void list_put(struct gossip *g, size_t place, struct member *m)
{
    g->list[place] = m;
    m->place = place;
}

/* Somewhere in the list, so that newcomers are not all probed at once at its end. */
struct member *member_add(struct gossip *g, struct str name, const struct gossip_address *address)
{
    struct member *m = xcalloc(1, sizeof(*m));
    size_t place = (size_t)rand_below(&g->rand, g->n + 1);

    m->m.name = (struct str){.p = xstrndup(name.p, name.n), .n = name.n};
    m->m.address = *address;
    m->m.state = GOSSIP_DEAD;
    m->suspicion.kind = TIMER_SUSPICION;
    member_set_meta(m, STR_EMPTY);
    HASH_ADD_KEYPTR(hh, g->by_name, m->m.name.p, m->m.name.n, m);
    if (g->n == g->cap) {
        g->cap = g->cap == 0 ? 8 : 2 * g->cap;
        g->list = xrealloc(g->list, g->cap, sizeof(struct member *));
    }
    list_put(g, g->n++, m);
    list_put(g, g->n - 1, g->list[place]);
    list_put(g, place, m);
    return m;
}

static void member_free(struct gossip *g, struct member *m)
{
    timer_stop(g, &m->suspicion);
    HASH_DEL(g->by_name, m);
    free((char *)(uintptr_t)m->m.name.p);
    free((char *)(uintptr_t)m->m.meta.p);
    free(m);
}

void member_enter(struct gossip *g, struct member *m, enum gossip_state state, struct now now)
{
    static const unsigned next[] = {
        [GOSSIP_ALIVE] = BIT(GOSSIP_SUSPECT) | BIT(GOSSIP_DEAD) | BIT(GOSSIP_LEFT),
        [GOSSIP_SUSPECT] = BIT(GOSSIP_ALIVE) | BIT(GOSSIP_DEAD) | BIT(GOSSIP_LEFT),
        [GOSSIP_DEAD] = BIT(GOSSIP_ALIVE),
        [GOSSIP_LEFT] = BIT(GOSSIP_ALIVE),
    };
    bool was = is_present(m);

    assert((next[m->m.state] & BIT(state)) != 0);
    m->m.state = state;
    m->m.since_mono_ms = now.mono_ms;
    if (was && !is_present(m))
        g->present--;
    else if (!was && is_present(m))
        g->present++;
}

/* Forgets whoever has been dead or gone for long. Only while no probe is under way, which would
 * point at it. */
void members_reap(struct gossip *g, struct now now)
{
    size_t kept = 0;

    assert(g->probe.target == NULL);
    for (size_t i = 0; i < g->n; i++) {
        struct member *m = g->list[i];

        if (!is_present(m) && m != g->self &&
            now.mono_ms - m->m.since_mono_ms > g->timing.gossip_to_dead_ms)
            member_free(g, m);
        else
            list_put(g, kept++, m);
    }
    g->n = kept;
}

void members_shuffle(struct gossip *g)
{
    for (size_t i = g->n; i > 1; i--) {
        size_t k = (size_t)rand_below(&g->rand, i);
        struct member *m = g->list[i - 1];

        list_put(g, i - 1, g->list[k]);
        list_put(g, k, m);
    }
}

/* Vitter's reservoir: each that is wanted is picked with equal chance. */
size_t members_pick(struct gossip *g, size_t n, struct member **ret,
                    bool (*want)(const struct member *m, const void *arg), const void *arg)
{
    size_t seen = 0;

    for (size_t i = 0; i < g->n && n > 0; i++) {
        size_t k;

        if (!want(g->list[i], arg))
            continue;
        k = seen < n ? seen : (size_t)rand_below(&g->rand, seen + 1);
        seen++;
        if (k < n)
            ret[k] = g->list[i];
    }
    return seen < n ? seen : n;
}

void health_change(struct gossip *g, int by)
{
    if (!g->options.no_awareness)
        g->health = (unsigned)clamp_i64((int64_t)g->health + by, 0, g->timing.awareness_max - 1);
}

/* ---- refusals ---- */

const char *gossip_refusal_text(enum gossip_refusal r)
{
    static const char *const texts[GOSSIP_REFUSALS] = {
        [GOSSIP_BAD_FORM] = "malformed",
        [GOSSIP_BAD_VERSIONS] = "bad protocol versions",
        [GOSSIP_BAD_NODE] = "a name or address that cannot be",
        [GOSSIP_FOREIGN_LABEL] = "label of another cluster",
        [GOSSIP_FAR_INCARNATION] = "incarnation too far ahead",
        [GOSSIP_TOO_MANY_MEMBERS] = "too many members",
        [GOSSIP_TOO_MANY_STREAMS] = "too many streams",
        [GOSSIP_NOT_A_MEMBER] = "not a member",
        [GOSSIP_TIMED_OUT] = "timed out",
    };

    return texts[r];
}

/* Counted always, told now and then: who sends garbage sends much of it. */
void refuse(struct gossip *g, struct now now, enum gossip_refusal why,
            const struct gossip_address *from, const char *text, struct gossip_output *out)
{
    struct gossip_event *e;

    g->stats.refused[why]++;
    if (now.mono_ms < g->refusal_told_ms)
        return;
    g->refusal_told_ms = now.mono_ms + REFUSAL_TELL_MS;
    e = out_event(out, GOSSIP_REFUSED, NULL);
    if (from != NULL)
        e->address = *from;
    e->text = str_from(text != NULL ? text : gossip_refusal_text(why));
}

/* ---- options ---- */

int gossip_options_check(const struct gossip_options *o, struct err *err)
{
    struct gossip_address a;

    if (o->name.n == 0 || o->name.n > WIRE_NAME_MAX || !utf8_valid(o->name))
        return err_set(err, -EINVAL, "the peer name must be 1 to %d bytes of UTF-8", WIRE_NAME_MAX);
    for (size_t i = 0; i < o->name.n; i++)
        if ((uint8_t)o->name.p[i] < 0x20 || o->name.p[i] == 0x7f)
            return err_set(err, -EINVAL, "the peer name must not have control characters");
    if (!address_read(&a, address_bytes(&o->address), o->address.port))
        return err_set(err, -EINVAL, "the advertised address is none that others can reach");
    if (o->meta.n > WIRE_META_MAX)
        return err_set(err, -EINVAL, "the node's meta must not exceed %d bytes", WIRE_META_MAX);
    if (o->label.n > WIRE_LABEL_MAX)
        return err_set(err, -EINVAL, "the cluster label must not exceed %d bytes", WIRE_LABEL_MAX);
    if (o->timing.suspicion_mult > 10 || o->timing.retransmit_mult > 16 ||
        o->timing.indirect_checks > 16 || o->timing.gossip_nodes > 64)
        return err_set(err, -EINVAL, "a multiplier of the gossip is too large");
    return 0;
}

static void fill_i64(int64_t *v, int64_t fallback)
{
    if (*v <= 0)
        *v = fallback;
}

static void fill_unsigned(unsigned *v, unsigned fallback)
{
    if (*v == 0)
        *v = fallback;
}

static void fill_size(size_t *v, size_t fallback)
{
    if (*v == 0)
        *v = fallback;
}

static void fill_options(struct gossip_options *o)
{
    struct gossip_timing *t = &o->timing;

    fill_i64(&t->probe_interval_ms, MS_PER_S);
    fill_i64(&t->probe_timeout_ms, 500);
    fill_i64(&t->gossip_interval_ms, 200);
    fill_i64(&t->push_pull_interval_ms, 60 * MS_PER_S);
    fill_i64(&t->gossip_to_dead_ms, 30 * MS_PER_S);
    fill_i64(&t->tcp_timeout_ms, 10 * MS_PER_S);
    fill_unsigned(&t->indirect_checks, 3);
    fill_unsigned(&t->suspicion_mult, 4);
    fill_unsigned(&t->suspicion_max_mult, 6);
    fill_unsigned(&t->awareness_max, 8);
    fill_unsigned(&t->retransmit_mult, 4);
    fill_unsigned(&t->user_mult, 3);
    fill_unsigned(&t->gossip_nodes, 3);
    fill_size(&o->members_max, 1024);
    fill_size(&o->broadcasts_max, 4096);
    fill_size(&o->oversize_max, 200);
    fill_size(&o->streams_max, 64);
    fill_size(&o->per_source_max, 8);
}

/* ---- timers ---- */

void timer_set(struct gossip *g, struct timer *t, int64_t at_ms)
{
    heap_set(&g->timers, &t->node, at_ms);
}

void timer_stop(struct gossip *g, struct timer *t)
{
    heap_remove(&g->timers, &t->node);
}

/* The periodic jobs of different nodes shall not fall together. */
static void timer_begin(struct gossip *g, struct timer *t, enum timer_kind kind, struct now now,
                        int64_t interval_ms)
{
    t->kind = kind;
    timer_set(g, t, now.mono_ms + rand_between(&g->rand, 0, interval_ms - 1));
}

/* On its grid; what was missed is not made up for. */
static void timer_again(struct gossip *g, struct timer *t, struct now now, int64_t interval_ms)
{
    int64_t at = t->node.at_ms + interval_ms;

    timer_set(g, t, at > now.mono_ms ? at : now.mono_ms + interval_ms);
}

/* ---- life ---- */

struct gossip *gossip_new(const struct gossip_options *o, struct now now)
{
    static const uint8_t versions[GOSSIP_VERSIONS] = {1, 5, 2, 0, 0, 0};
    struct gossip *g = xcalloc(1, sizeof(*g));

    assert(gossip_options_check(o, NULL) == 0);
    g->options = *o;
    fill_options(&g->options);
    g->options.label = (struct str){.p = xstrndup(o->label.p, o->label.n), .n = o->label.n};
    g->timing = g->options.timing;
    rand_seed(&g->rand, o->seed);
    heap_init(&g->timers);
    TAILQ_INIT(&g->oversize);
    g->news = broadcasts_new(2 * g->options.members_max);
    for (size_t i = 0; i < ARRAY_SIZE(g->user); i++)
        g->user[i] = broadcasts_new(g->options.broadcasts_max);
    g->seq = (uint32_t)rand_u64(&g->rand); /* a stranger shall not guess what to acknowledge */
    g->next_stream = 1;
    g->self = member_add(g, o->name, &o->address);
    g->self->m.self = true;
    g->self->m.incarnation = 1;
    memcpy(g->self->m.versions, versions, sizeof(versions));
    member_set_meta(g->self, o->meta);
    g->options.name = g->self->m.name;
    g->options.meta = g->self->m.meta;
    member_enter(g, g->self, GOSSIP_ALIVE, now);
    tell_self(g);
    g->probe.wait.kind = TIMER_PROBE_WAIT;
    g->probe.end.kind = TIMER_PROBE_END;
    timer_begin(g, &g->probe_tick, TIMER_PROBE_TICK, now, g->timing.probe_interval_ms);
    timer_begin(g, &g->gossip_tick, TIMER_GOSSIP, now, g->timing.gossip_interval_ms);
    timer_begin(g, &g->push_pull_tick, TIMER_PUSH_PULL, now, g->timing.push_pull_interval_ms);
    return g;
}

void gossip_free(struct gossip *g)
{
    if (g == NULL)
        return;
    streams_clear(g);
    relays_clear(g);
    for (size_t i = 0; i < g->n; i++)
        member_free(g, g->list[i]);
    free(g->list);
    broadcasts_free(g->news);
    for (size_t i = 0; i < ARRAY_SIZE(g->user); i++)
        broadcasts_free(g->user[i]);
    heap_clear(&g->timers);
    free((char *)(uintptr_t)g->options.label.p);
    free(g);
}

/* ---- time ---- */

static bool is_present_other(const struct member *m, const void *arg)
{
    (void)arg;
    return !m->m.self && is_present(m);
}

struct told {
    const struct gossip *g;
    int64_t now_ms;
};

/* The dead, too, for a while: who is not dead at all learns of it, and refutes. */
static bool is_listener(const struct member *m, const void *arg)
{
    const struct told *t = arg;

    if (m->m.self || m->m.state == GOSSIP_LEFT)
        return false;
    return is_present(m) || t->now_ms - m->m.since_mono_ms <= t->g->timing.gossip_to_dead_ms;
}

static void tell_all(struct gossip *g, struct now now, struct gossip_output *out)
{
    struct told told = {.g = g, .now_ms = now.mono_ms};
    struct member *to[64];
    size_t n = members_pick(g, g->timing.gossip_nodes, to, is_listener, &told);

    for (size_t i = 0; i < n; i++)
        if (!send_gossip(g, to[i], out))
            break;
}

static void check_left(struct gossip *g, struct gossip_output *out)
{
    struct member *any;

    if (!g->leaving || g->left_told)
        return;
    if (broadcasts_has(g->news, g->self->m.name) &&
        members_pick(g, 1, &any, is_present_other, NULL) == 1)
        return;
    g->left_told = true;
    (void)out_event(out, GOSSIP_LEFT_DONE, g->self);
}

static void dispatch(struct gossip *g, struct now now, struct timer *t, struct gossip_output *out)
{
    switch (t->kind) {
    case TIMER_PROBE_TICK:
        timer_again(g, t, now, g->timing.probe_interval_ms);
        probe_tick(g, now, out);
        break;
    case TIMER_PROBE_WAIT:
        timer_stop(g, t);
        probe_wait_due(g, now, out);
        break;
    case TIMER_PROBE_END:
        timer_stop(g, t);
        probe_end_due(g, now, out);
        break;
    case TIMER_GOSSIP:
        timer_again(g, t, now, g->timing.gossip_interval_ms);
        tell_all(g, now, out);
        check_left(g, out);
        break;
    case TIMER_PUSH_PULL:
        timer_again(g, t, now, timing_push_pull_ms(g->timing.push_pull_interval_ms, g->n));
        exchange_tick(g, now, out);
        break;
    case TIMER_SUSPICION:
        timer_stop(g, t);
        suspicion_due(g, now, CONTAINER_OF(t, struct member, suspicion), out);
        break;
    case TIMER_RELAY:
        relay_due(g, CONTAINER_OF(t, struct relay, timer), out);
        break;
    case TIMER_STREAM:
        stream_due(g, now, CONTAINER_OF(t, struct stream, timer), out);
        break;
    }
}

/* We did not run for a while, and heard nobody meanwhile: what ends by our clock shall not end for
 * that. The time is given back to the accused and to the probe under way. */
static void after_standstill(struct gossip *g, struct now now)
{
    int64_t late_ms = now.mono_ms - heap_next_ms(&g->timers);

    if (heap_next_ms(&g->timers) == TIME_NEVER || late_ms < g->timing.probe_interval_ms ||
        g->options.no_awareness)
        return;
    health_change(g, +1);
    for (size_t i = 0; i < g->n; i++) {
        struct member *m = g->list[i];

        if (!heap_has(&m->suspicion.node))
            continue;
        m->suspected_ms += late_ms;
        timer_set(g, &m->suspicion, m->suspicion.node.at_ms + late_ms);
    }
    if (heap_has(&g->probe.wait.node))
        timer_set(g, &g->probe.wait, g->probe.wait.node.at_ms + late_ms);
    if (heap_has(&g->probe.end.node))
        timer_set(g, &g->probe.end, g->probe.end.node.at_ms + late_ms);
}

void gossip_tick(struct gossip *g, struct now now, struct gossip_output *out)
{
    after_standstill(g, now);
    while (heap_next_ms(&g->timers) <= now.mono_ms) {
        struct heap_node *first = heap_first(&g->timers);

        dispatch(g, now, CONTAINER_OF(first, struct timer, node), out);
    }
}

int64_t gossip_next_ms(const struct gossip *g)
{
    return heap_next_ms(&g->timers);
}

/* ---- packets ---- */

static void take(struct gossip *g, struct now now, const struct gossip_address *from,
                 const struct wire_message *m, struct gossip_output *out)
{
    struct gossip_event *e;

    switch (m->type) {
    case WIRE_PING:
        probe_ping(g, from, &m->ping, out);
        break;
    case WIRE_INDIRECT_PING:
        probe_indirect(g, now, from, &m->indirect, out);
        break;
    case WIRE_ACK:
        probe_ack(g, now, m->ack.seq, out);
        break;
    case WIRE_NACK:
        probe_nack(g, m->nack.seq);
        break;
    case WIRE_SUSPECT:
        news_suspect(g, now, &m->accusation, out);
        break;
    case WIRE_DEAD:
        news_dead(g, now, &m->accusation, out);
        break;
    case WIRE_ALIVE:
        news_alive(g, now, &m->alive, out);
        break;
    case WIRE_USER:
        count(&g->stats.updates_in, m->user.n);
        e = out_event(out, GOSSIP_MESSAGE, NULL);
        e->address = *from;
        e->bytes = arena_str(out->arena, m->user);
        break;
    default:
        refuse(g, now, GOSSIP_BAD_FORM, from, "a message out of place", out);
    }
}

void gossip_packet(struct gossip *g, struct now now, const struct gossip_address *from,
                   struct str bytes, struct gossip_output *out)
{
    struct packet p;
    const char *why;

    count(&g->stats.packets_in, bytes.n);
    if (packet_read(bytes, g->options.label, out->arena, &p, &why) < 0) {
        refuse(g, now, p.foreign ? GOSSIP_FOREIGN_LABEL : GOSSIP_BAD_FORM, from, why, out);
        return;
    }
    if (p.truncated)
        refuse(g, now, GOSSIP_BAD_FORM, from, "a compound that is cut off", out);
    for (size_t i = 0; i < p.n; i++) {
        struct wire_message m;

        if (wire_read(p.v[i], &m, &why) < 0)
            refuse(g, now, GOSSIP_BAD_FORM, from, why, out);
        else
            take(g, now, from, &m, out);
    }
}

/* ---- leaving, and questions ---- */

void gossip_leave(struct gossip *g, struct now now, struct gossip_output *out)
{
    struct wire_accusation d = {
        .incarnation = g->self->m.incarnation, .node = g->self->m.name, .from = g->self->m.name};

    if (g->leaving)
        return;
    g->leaving = true;
    news_dead(g, now, &d, out);
    check_left(g, out);
}

const struct gossip_member *gossip_find(const struct gossip *g, struct str name)
{
    const struct member *m = member_find(g, name);

    return m != NULL ? &m->m : NULL;
}

const struct gossip_member *gossip_self(const struct gossip *g)
{
    return &g->self->m;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp((*(const struct gossip_member *const *)a)->name,
                   (*(const struct gossip_member *const *)b)->name);
}

size_t gossip_members(const struct gossip *g, bool all, struct arena *a,
                      const struct gossip_member ***ret)
{
    const struct gossip_member **v = ARENA_ARRAY(a, const struct gossip_member *, g->n);
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++)
        if (all || is_present(g->list[i]))
            v[n++] = &g->list[i]->m;
    qsort(v, n, sizeof(const struct gossip_member *), by_name);
    *ret = v;
    return n;
}

size_t gossip_present(const struct gossip *g)
{
    return g->present;
}

size_t gossip_position(const struct gossip *g)
{
    size_t before = 0;

    for (size_t i = 0; i < g->n; i++)
        if (is_present(g->list[i]) && str_cmp(g->list[i]->m.name, g->self->m.name) < 0)
            before++;
    return before;
}

unsigned gossip_health(const struct gossip *g)
{
    return g->health;
}

struct gossip_stats gossip_stats(const struct gossip *g)
{
    struct gossip_stats s = g->stats;

    s.broadcasts_dropped = broadcasts_dropped(g->news);
    for (size_t i = 0; i < ARRAY_SIZE(g->user); i++) {
        s.broadcasts_dropped += broadcasts_dropped(g->user[i]);
        s.broadcasts_waiting += broadcasts_count(g->user[i]);
    }
    s.oversize_waiting = g->oversize_n;
    for (size_t i = 0; i < g->n; i++)
        s.by_state[g->list[i]->m.state]++;
    return s;
}

struct gossip_member_stats gossip_member_stats(const struct gossip *g, struct str name)
{
    const struct member *m = member_find(g, name);

    return m != NULL ? m->stats : (struct gossip_member_stats){0};
}
