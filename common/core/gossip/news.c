/* What is heard about members: alive, suspect, dead, left; and whole lists of them. Every message
 * may come late, twice and out of order: the incarnation, which only the member itself raises,
 * decides what is news. */
#include "common/base/utf8.h"
#include "common/core/gossip/gossip_state.h"
#include "common/core/gossip/timing.h"

#include <assert.h>

#define CONFLICT_TELL_MS (60 * MS_PER_S)

static bool name_ok(struct str name)
{
    if (name.n == 0 || name.n > WIRE_NAME_MAX || !utf8_valid(name))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((uint8_t)name.p[i] < 0x20 || name.p[i] == 0x7f)
            return false;
    return true;
}

/* Six of them, and such that we could speak: one that nobody understands would spoil every exchange
 * of those who took it in. */
static bool versions_ok(const struct gossip *g, struct str v)
{
    const uint8_t *theirs = (const uint8_t *)v.p, *ours = g->self->m.versions;

    if (v.n != WIRE_VERSIONS || theirs[0] == 0)
        return false;
    for (size_t i = 0; i < WIRE_VERSIONS; i += 3)
        if (theirs[i] > ours[i + 2] || theirs[i + 1] < ours[i + 2] || theirs[i + 2] < ours[i] ||
            theirs[i + 2] > ours[i + 1])
            return false;
    return true;
}

/* More than refutations could have brought: such news would leave the accused no number to refute
 * with. */
static bool too_far(uint32_t incarnation, uint32_t known)
{
    return incarnation > known && incarnation - known > INCARNATION_JUMP_MAX;
}

/* ---- suspicion ---- */

static void suspicion_end(struct gossip *g, struct member *m)
{
    timer_stop(g, &m->suspicion);
    m->accusers_n = 0;
}

static void suspicion_begin(struct gossip *g, struct now now, struct member *m, struct str from)
{
    unsigned k = g->timing.suspicion_mult > 2 ? g->timing.suspicion_mult - 2 : 0;

    if (g->n < 2 || g->n - 2 < k)
        k = 0; /* so few that nobody could confirm it */
    m->wanted = k < ACCUSERS_MAX ? k : ACCUSERS_MAX - 1;
    m->min_ms =
        timing_suspicion_min_ms(g->timing.suspicion_mult, g->n, g->timing.probe_interval_ms);
    m->max_ms = m->min_ms * (int64_t)g->timing.suspicion_max_mult;
    m->suspected_ms = now.mono_ms;
    m->accusers[0] = xxh64(from.p, from.n, 0);
    m->accusers_n = 1;
    timer_set(g, &m->suspicion, now.mono_ms + (m->wanted == 0 ? m->min_ms : m->max_ms));
}

/* One more who says so: true when that was not known and counts. */
static bool suspicion_confirm(struct gossip *g, struct member *m, struct str from)
{
    uint64_t hash = xxh64(from.p, from.n, 0);

    if (m->accusers_n > m->wanted)
        return false;
    for (unsigned i = 0; i < m->accusers_n; i++)
        if (m->accusers[i] == hash)
            return false;
    m->accusers[m->accusers_n++] = hash;
    timer_set(g, &m->suspicion,
              m->suspected_ms +
                  timing_suspicion_ms(m->accusers_n - 1, m->wanted, m->min_ms, m->max_ms));
    return true;
}

void suspicion_due(struct gossip *g, struct now now, struct member *m, struct gossip_output *out)
{
    struct wire_accusation d = {
        .incarnation = m->m.incarnation, .node = m->m.name, .from = g->self->m.name};

    assert(m->m.state == GOSSIP_SUSPECT);
    news_dead(g, now, &d, out);
}

/* ---- about ourselves ---- */

/* Whoever thinks otherwise is outbid. Having to say so is a sign that we are slow. */
static void refute(struct gossip *g, uint32_t heard, const char *what, struct gossip_output *out)
{
    struct gossip_member *s = &g->self->m;

    if (heard >= s->incarnation && heard < UINT32_MAX)
        s->incarnation = heard + 1;
    else if (s->incarnation < UINT32_MAX)
        s->incarnation++;
    health_change(g, +1);
    g->stats.refutations++;
    tell_self(g);
    out_event(out, GOSSIP_ACCUSED, g->self)->text = str_from(what);
}

/* ---- alive ---- */

static void conflict(struct gossip *g, struct now now, struct member *m,
                     const struct gossip_address *theirs, struct gossip_output *out)
{
    g->stats.conflicts++;
    if (now.mono_ms < m->conflict_told_ms)
        return;
    m->conflict_told_ms = now.mono_ms + CONFLICT_TELL_MS;
    out_event(out, GOSSIP_CONFLICT, m)->address = *theirs;
}

static struct member *newcomer(struct gossip *g, struct now now, const struct wire_alive *a,
                               const struct gossip_address *address, struct gossip_output *out)
{
    if (a->incarnation == 0)
        return NULL; /* never said by the living */
    if (too_far(a->incarnation, 0)) {
        refuse(g, now, GOSSIP_FAR_INCARNATION, address, NULL, out);
        return NULL;
    }
    if (g->n >= g->options.members_max) {
        refuse(g, now, GOSSIP_TOO_MANY_MEMBERS, address, NULL, out);
        return NULL;
    }
    return member_add(g, a->node, address);
}

/* Takes over what is said of a member that is not ourselves. */
static void accept_alive(struct gossip *g, struct now now, struct member *m,
                         const struct wire_alive *a, struct gossip_output *out)
{
    struct wire_message said = {.type = WIRE_ALIVE, .alive = *a};
    enum gossip_state was = m->m.state;
    bool changed = !str_eq(m->m.meta, a->meta);

    suspicion_end(g, m);
    m->m.incarnation = a->incarnation;
    memcpy(m->m.versions, a->versions.p, WIRE_VERSIONS);
    if (changed)
        member_set_meta(m, a->meta);
    said.alive.address = address_bytes(&m->m.address);
    tell_news(g, &said, m->m.name);
    if (was != GOSSIP_ALIVE)
        member_enter(g, m, GOSSIP_ALIVE, now);
    if (was == GOSSIP_DEAD || was == GOSSIP_LEFT)
        (void)out_event(out, GOSSIP_JOINED, m);
    else if (was == GOSSIP_SUSPECT)
        (void)out_event(out, GOSSIP_REFUTED, m);
    if (changed && (was == GOSSIP_ALIVE || was == GOSSIP_SUSPECT))
        (void)out_event(out, GOSSIP_UPDATED, m);
}

static void alive_self(struct gossip *g, const struct wire_alive *a, struct gossip_output *out)
{
    const struct gossip_member *s = &g->self->m;

    if (a->incarnation < s->incarnation)
        return;
    if (a->incarnation == s->incarnation && str_eq(a->meta, s->meta) &&
        memcmp(a->versions.p, s->versions, WIRE_VERSIONS) == 0)
        return;
    refute(g, a->incarnation, "somebody says other things of us", out);
}

void news_alive(struct gossip *g, struct now now, const struct wire_alive *a,
                struct gossip_output *out)
{
    struct member *m = member_find(g, a->node);
    struct gossip_address address;
    bool moved = false;

    if (g->leaving && m == g->self)
        return;
    if (!name_ok(a->node) || !address_read(&address, a->address, a->port)) {
        refuse(g, now, GOSSIP_BAD_NODE, NULL, NULL, out);
        return;
    }
    if (!versions_ok(g, a->versions)) {
        refuse(g, now, GOSSIP_BAD_VERSIONS, &address, NULL, out);
        return;
    }
    if (m == NULL && (m = newcomer(g, now, a, &address, out)) == NULL)
        return;
    m->stats.alive_messages++;
    if (!gossip_address_eq(&m->m.address, &address)) {
        if (m->m.state != GOSSIP_LEFT) {
            conflict(g, now, m, &address, out);
            return;
        }
        moved = true; /* whoever has left may come back anywhere */
    }
    if (too_far(a->incarnation, m->m.incarnation)) {
        refuse(g, now, GOSSIP_FAR_INCARNATION, &address, NULL, out);
        return;
    }
    if (m == g->self) {
        alive_self(g, a, out);
        return;
    }
    if (!moved && a->incarnation <= m->m.incarnation)
        return;
    if (moved)
        m->m.address = address;
    accept_alive(g, now, m, a, out);
}

/* ---- suspect and dead ---- */

/* The member that an accusation is news about; NULL when it is none. */
static struct member *accused(struct gossip *g, struct now now, const struct wire_accusation *s,
                              struct gossip_output *out)
{
    struct member *m = member_find(g, s->node);

    if (m == NULL || s->incarnation < m->m.incarnation)
        return NULL;
    if (too_far(s->incarnation, m->m.incarnation)) {
        refuse(g, now, GOSSIP_FAR_INCARNATION, NULL, NULL, out);
        return NULL;
    }
    return m;
}

void news_suspect(struct gossip *g, struct now now, const struct wire_accusation *s,
                  struct gossip_output *out)
{
    struct wire_message said = {.type = WIRE_SUSPECT, .accusation = *s};
    struct member *m = accused(g, now, s, out);

    if (m == NULL)
        return;
    if (heap_has(&m->suspicion.node)) {
        if (suspicion_confirm(g, m, s->from))
            tell_news(g, &said, m->m.name);
        return;
    }
    if (m->m.state != GOSSIP_ALIVE)
        return;
    if (m == g->self) {
        refute(g, s->incarnation, "suspect", out);
        return;
    }
    tell_news(g, &said, m->m.name);
    m->m.incarnation = s->incarnation;
    member_enter(g, m, GOSSIP_SUSPECT, now);
    suspicion_begin(g, now, m, s->from);
    g->stats.suspicions++;
    out_event(out, GOSSIP_SUSPECTED, m)->text = arena_str(out->arena, s->from);
}

void news_dead(struct gossip *g, struct now now, const struct wire_accusation *d,
               struct gossip_output *out)
{
    struct wire_message said = {.type = WIRE_DEAD, .accusation = *d};
    struct member *m = accused(g, now, d, out);

    if (m == NULL || !is_present(m))
        return;
    if (m == g->self && !g->leaving) {
        refute(g, d->incarnation, "dead", out);
        return;
    }
    suspicion_end(g, m);
    said.accusation.node = m->m.name; /* d may lend from what changes below */
    tell_news(g, &said, m->m.name);
    m->m.incarnation = d->incarnation;
    member_enter(g, m, str_eq(d->from, d->node) ? GOSSIP_LEFT : GOSSIP_DEAD, now);
    g->stats.deaths++;
    out_event(out, GOSSIP_GONE, m)->text = arena_str(out->arena, d->from);
}

/* ---- whole lists ---- */

/* What all can speak, as far as the living say. */
struct span {
    uint8_t min, max;
};

static void narrow(struct span *s, const uint8_t *v)
{
    if (v[0] > s->min)
        s->min = v[0];
    if (v[1] < s->max)
        s->max = v[1];
}

static bool within(const struct span *s, const uint8_t *v)
{
    return v[2] >= s->min && v[2] <= s->max;
}

/* Why nothing of a list may be taken over; NULL: it may. One that speaks what others do not
 * understand spoils it all: so it is between real nodes, too. */
const char *merge_refused(const struct gossip *g, const struct wire_record *records, size_t n)
{
    struct span protocol = {0, UINT8_MAX}, delegate = {0, UINT8_MAX};

    for (size_t i = 0; i < n; i++) {
        const uint8_t *v = (const uint8_t *)records[i].versions.p;

        if (records[i].versions.n != WIRE_VERSIONS)
            return "a node record without its six versions";
        if (records[i].state == GOSSIP_ALIVE) {
            narrow(&protocol, v);
            narrow(&delegate, v + 3);
        }
    }
    for (size_t i = 0; i < g->n; i++) {
        if (g->list[i]->m.state == GOSSIP_ALIVE) {
            narrow(&protocol, g->list[i]->m.versions);
            narrow(&delegate, g->list[i]->m.versions + 3);
        }
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *v = (const uint8_t *)records[i].versions.p;

        if (!within(&protocol, v) || !within(&delegate, v + 3))
            return "a node record speaks a version that not all understand";
    }
    for (size_t i = 0; i < g->n; i++)
        if (!within(&protocol, g->list[i]->m.versions) ||
            !within(&delegate, g->list[i]->m.versions + 3))
            return "a node there does not understand what is spoken here";
    return NULL;
}

static void merge_record(struct gossip *g, struct now now, const struct wire_record *r,
                         struct gossip_output *out)
{
    struct wire_alive a = {.incarnation = r->incarnation,
                           .port = r->port,
                           .node = r->name,
                           .address = r->address,
                           .meta = r->meta,
                           .versions = r->versions};
    struct wire_accusation d = {.incarnation = r->incarnation, .node = r->name};

    switch (r->state) {
    case GOSSIP_ALIVE:
        news_alive(g, now, &a, out);
        break;
    case GOSSIP_LEFT:
        d.from = r->name;
        news_dead(g, now, &d, out);
        break;
    case GOSSIP_SUSPECT: /* nor is "dead" believed at once: it may refute */
    case GOSSIP_DEAD:
        d.from = g->self->m.name;
        news_suspect(g, now, &d, out);
        break;
    default:
        refuse(g, now, GOSSIP_BAD_FORM, NULL, "a node record in no known state", out);
    }
}

void merge_records(struct gossip *g, struct now now, const struct wire_record *records, size_t n,
                   struct gossip_output *out)
{
    for (size_t i = 0; i < n; i++)
        merge_record(g, now, &records[i], out);
}
