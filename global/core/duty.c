#include "global/core/duty.h"

#include "common/core/bugs.h"
#include "global/core/global_internal.h"
#include "global/core/sites.h"

bool duty_for_stream(const struct global *g, const struct stream *s)
{
    return !g->stopping && s->duty_until_mono_ms > g->now.mono_ms;
}

int64_t duty_until(const struct global *g, const struct site *site)
{
    const struct stream *s;
    int64_t until = 0;

    TAILQ_FOREACH (s, &site->streams, site_link) {
        if (duty_for_stream(g, s))
            until = max_i64(until, s->duty_until_mono_ms);
    }
    return until;
}

struct str duty_holder(const struct global *g, const struct site *site)
{
    const struct stream *s;

    if (duty_until(g, site) > g->now.mono_ms)
        return str_from(g->node);
    TAILQ_FOREACH (s, &site->streams, site_link) {
        if (stream_live(s) && s->holder[0] != '\0' && strcmp(s->holder, g->node) != 0)
            return str_from(s->holder);
    }
    return STR_EMPTY;
}

bool global_peer_alive(const struct global *g, struct str name)
{
    for (const struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        if (s->last_heard_mono_ms < 0 || g->now.mono_ms - s->last_heard_mono_ms > PEER_ALIVE_MS)
            continue;
        for (size_t i = 0; i < s->peers_n; i++) {
            if (str_eq_c(name, s->peers[i].name) &&
                g->now.mono_ms - s->peers[i].heard_mono_ms <= PEER_ALIVE_MS)
                return true;
        }
    }
    return false;
}

size_t duty_count(const struct global *g)
{
    size_t n = 0;

    for (const struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next)
        n += duty_for_stream(g, s);
    return n;
}

/* Tells the incidents when the site's duty has come or gone. */
static void tell(struct global *g, struct site *site, struct out *out)
{
    bool duty = duty_until(g, site) > g->now.mono_ms;

    if (duty == site->duty)
        return;
    site->duty = duty;
    OUT_LOG(out, LOG_INFO, "duty", duty ? "duty taken" : "duty ended", KV("site", site->name));
    incident_on_duty_change(g, site, out);
}

bool duty_grant(struct global *g, struct stream *s, struct str node, struct str boot,
                int64_t token_mono_ms, struct out *out)
{
    int64_t until;

    if (!str_eq_c(node, g->node) || !str_eq_c(boot, g->boot) || token_mono_ms < 0 ||
        token_mono_ms > g->now.mono_ms || g->stopping)
        return false;
    until = token_mono_ms + DUTY_LEASE_MS;
    if (BUG(BUG_LEASE_FROM_RECEIPT))
        until = g->now.mono_ms + DUTY_LEASE_MS;
    if (until <= g->now.mono_ms)
        return false;
    if (until <= s->duty_until_mono_ms)
        return true; /* an older echo, overtaken */
    s->duty_until_mono_ms = until;
    heap_set(&g->streams.duty, &s->duty, until);
    out_ledger(out, &(struct ledger_row){.verdict = LEDGER_DUTY,
                                         .site = str_from(s->site->name),
                                         .stream = str_from(s->uuid),
                                         .node = str_from(g->node),
                                         .until_mono_ms = until});
    tell(g, s->site, out);
    return true;
}

void duty_tick(struct global *g, struct out *out)
{
    struct heap *h = &g->streams.duty;
    struct heap_node *n;

    while ((n = heap_first(h)) != NULL && n->at_ms <= g->now.mono_ms) {
        struct stream *s = CONTAINER_OF(n, struct stream, duty);

        heap_remove(h, n);
        s->duty_until_mono_ms = 0;
        tell(g, s->site, out);
    }
}

void duty_release(struct global *g, struct out *out)
{
    for (struct stream *s = g->streams.by_uuid; s != NULL; s = s->hh.next) {
        heap_remove(&g->streams.duty, &s->duty);
        s->duty_until_mono_ms = 0;
        tell(g, s->site, out);
    }
}
