#include "common/core/gossip/peers.h"

#include "common/base/vec.h"

#include <assert.h>

#define SETTLED_AFTER 3 /* equal counts after the first */

struct failed {
    struct gossip_address address;
    int64_t since_ms;
    bool trying;     /* a join is under way */
    bool configured; /* that join is for a configured peer */
};

struct peers {
    struct peers_options options;
    struct failed_list {
        struct failed *v;
        size_t n, cap;
    } failed;
    int64_t reconnect_ms, refresh_ms, settle_ms; /* next */
    int64_t began_ms;
    size_t members_before;
    unsigned equal;
    bool ready;
    struct peers_stats stats;
};

static void fill(int64_t *v, int64_t fallback)
{
    if (*v == 0)
        *v = fallback;
}

struct peers *peers_new(struct peers_options options, struct now now)
{
    struct peers *p = xcalloc(1, sizeof(*p));

    fill(&options.reconnect_interval_ms, 10 * MS_PER_S);
    fill(&options.reconnect_timeout_ms, 6 * MS_PER_H);
    fill(&options.refresh_interval_ms, 15 * MS_PER_S);
    fill(&options.settle_interval_ms, 2 * MS_PER_S);
    fill(&options.settle_timeout_ms, MS_PER_MIN);
    p->options = options;
    p->ready = options.settle_timeout_ms < 0;
    p->began_ms = now.mono_ms;
    p->refresh_ms = now.mono_ms;
    p->reconnect_ms = now.mono_ms + options.reconnect_interval_ms;
    p->settle_ms = now.mono_ms + options.settle_interval_ms;
    return p;
}

void peers_free(struct peers *p)
{
    if (p == NULL)
        return;
    VEC_CLEAR(&p->failed);
    free(p);
}

/* ---- the list of those to be tried ---- */

static struct failed *failed_find(const struct peers *p, const struct gossip_address *a)
{
    for (size_t i = 0; i < p->failed.n; i++)
        if (gossip_address_eq(&p->failed.v[i].address, a))
            return &p->failed.v[i];
    return NULL;
}

/* With no room the one that has failed longest makes some. */
static struct failed *failed_put(struct peers *p, struct now now, const struct gossip_address *a)
{
    struct failed *f = failed_find(p, a);
    size_t oldest = 0;

    if (f != NULL)
        return f;
    if (p->failed.n >= PEERS_FAILED_MAX) {
        assert(p->failed.v != NULL);
        for (size_t i = 1; i < p->failed.n; i++)
            if (p->failed.v[i].since_ms < p->failed.v[oldest].since_ms)
                oldest = i;
        VEC_REMOVE(&p->failed, oldest);
        p->stats.forgotten++;
    }
    f = VEC_PUSH(&p->failed);
    *f = (struct failed){.address = *a, .since_ms = now.mono_ms};
    return f;
}

static void failed_drop(struct peers *p, const struct gossip_address *a)
{
    struct failed *f = failed_find(p, a);

    if (f != NULL)
        VEC_REMOVE(&p->failed, (size_t)(f - p->failed.v));
}

/* A present member's, or our own, even when we have left. */
static bool is_somebody(const struct gossip *g, const struct gossip_address *a,
                        const struct gossip_member *const *v, size_t n)
{
    if (gossip_address_eq(&gossip_self(g)->address, a))
        return true;
    for (size_t i = 0; i < n; i++)
        if (gossip_address_eq(&v[i]->address, a))
            return true;
    return false;
}

static void try_join(struct failed *f, struct now now, struct gossip *g, struct gossip_output *out)
{
    f->trying = true;
    gossip_join(g, now, &f->address, out);
}

static void reconnect(struct peers *p, struct now now, struct gossip *g, struct gossip_output *out)
{
    const struct gossip_member **v;
    size_t n = gossip_members(g, false, out->arena, &v);

    for (size_t i = p->failed.n; i-- > 0;) {
        struct failed *f = &p->failed.v[i];

        if (is_somebody(g, &f->address, v, n)) { /* a new name lives there */
            VEC_REMOVE(&p->failed, i);
        } else if (now.mono_ms - f->since_ms > p->options.reconnect_timeout_ms) {
            VEC_REMOVE(&p->failed, i);
            p->stats.given_up++;
        } else if (!f->trying) {
            try_join(f, now, g, out);
        }
    }
}

void peers_resolved(struct peers *p, struct now now, struct gossip *g,
                    const struct gossip_address *v, size_t n, struct gossip_output *out)
{
    const struct gossip_member **members;
    size_t members_n = gossip_members(g, false, out->arena, &members);

    for (size_t i = 0; i < n && i < PEERS_FAILED_MAX; i++) {
        struct failed *f;

        if (is_somebody(g, &v[i], members, members_n))
            continue;
        f = failed_put(p, now, &v[i]);
        f->since_ms = now.mono_ms; /* as long as it is configured it is not given up */
        if (f->trying)
            continue;
        f->configured = true;
        try_join(f, now, g, out);
    }
}

/* ---- what has happened ---- */

static void joined(struct peers *p, const struct gossip_address *a, bool ok)
{
    struct failed *f = failed_find(p, a);
    bool configured = f != NULL && f->configured;

    if (f != NULL)
        f->trying = f->configured = false;
    if (configured && ok)
        p->stats.refreshes++;
    else if (configured)
        p->stats.refreshes_failed++;
    else if (ok)
        p->stats.reconnections++;
    else
        p->stats.reconnections_failed++;
    if (ok)
        failed_drop(p, a);
}

void peers_event(struct peers *p, struct now now, const struct gossip_event *e)
{
    switch (e->kind) {
    case GOSSIP_JOINED:
        p->stats.joined++;
        failed_drop(p, &e->address);
        break;
    case GOSSIP_GONE:
        p->stats.left++;
        if (!e->member.self)
            failed_put(p, now, &e->address)->since_ms = now.mono_ms;
        break;
    case GOSSIP_UPDATED:
        p->stats.updated++;
        break;
    case GOSSIP_JOIN_OK:
    case GOSSIP_JOIN_FAILED:
        joined(p, &e->address, e->kind == GOSSIP_JOIN_OK);
        break;
    default:
        break;
    }
}

/* ---- time ---- */

static void settle(struct peers *p, struct now now, const struct gossip *g)
{
    size_t n = gossip_present(g);

    if (p->equal >= SETTLED_AFTER || now.mono_ms - p->began_ms >= p->options.settle_timeout_ms) {
        p->ready = true;
        return;
    }
    p->equal = n == p->members_before ? p->equal + 1 : 0;
    p->members_before = n;
}

/* On its grid; what was missed is not made up for. */
static bool due(int64_t *at_ms, int64_t interval_ms, struct now now)
{
    if (now.mono_ms < *at_ms)
        return false;
    *at_ms += interval_ms;
    if (*at_ms <= now.mono_ms)
        *at_ms = now.mono_ms + interval_ms;
    return true;
}

bool peers_tick(struct peers *p, struct now now, struct gossip *g, struct gossip_output *out)
{
    if (!p->ready && due(&p->settle_ms, p->options.settle_interval_ms, now))
        settle(p, now, g);
    if (due(&p->reconnect_ms, p->options.reconnect_interval_ms, now))
        reconnect(p, now, g, out);
    return due(&p->refresh_ms, p->options.refresh_interval_ms, now);
}

int64_t peers_next_ms(const struct peers *p)
{
    int64_t at = min_i64(p->reconnect_ms, p->refresh_ms);

    return p->ready ? at : min_i64(at, p->settle_ms);
}

bool peers_ready(const struct peers *p)
{
    return p->ready;
}

struct peers_stats peers_stats(const struct peers *p)
{
    struct peers_stats s = p->stats;

    s.failed = p->failed.n;
    return s;
}
